"""What connected systems tell, what is asked of them again and again, and whether they work.

Revision 0037.
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

TROUBLES = ("troubles", "trouble", "troubled_since", "resumes_at")


def upgrade() -> None:
    op.add_column("connection", sa.Column("troubles", sa.Integer(), server_default="0", nullable=False))
    op.add_column("connection", sa.Column("trouble", sa.String(), nullable=True))
    op.add_column("connection", sa.Column("troubled_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("connection", sa.Column("resumes_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "arrival",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("thread", sa.LargeBinary(), nullable=True),
        sa.Column("heard", sa.LargeBinary(), nullable=True),
        sa.Column("event", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id", "connection_id"],
            ["connection.domain_id", "connection.id"],
            name="fk_connection_id_connection",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("arrival", "domain")
    op.create_index("ix_arrival_connection", "arrival", ["domain_id", "connection_id", "id"], unique=False)
    op.create_index(
        "ix_arrival_lane",
        "arrival",
        ["domain_id", "connection_id", "lane", "seq"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(op.f("ix_arrival_subject_id"), "arrival", ["subject_id"], unique=False)
    op.create_index("uq_arrival_key", "arrival", ["domain_id", "connection_id", "key"], unique=True)
    op.create_table(
        "connection_task",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "connection_id"],
            ["connection.domain_id", "connection.id"],
            name="fk_connection_id_connection",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("connection_task", "domain")
    op.create_index("ix_connection_task_due", "connection_task", ["next_at"], unique=False)
    op.create_index(
        "uq_connection_task", "connection_task", ["domain_id", "connection_id", "kind", "name"], unique=True
    )


def downgrade() -> None:
    op.drop_table("connection_task")
    op.drop_table("arrival")
    for column in TROUBLES:
        op.drop_column("connection", column)

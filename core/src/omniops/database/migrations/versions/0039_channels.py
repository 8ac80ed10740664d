"""Long messages in parts, how long a person may be written to, and files that came with messages.

Revision 0039.
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversation", sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("part", sa.Integer(), server_default="0", nullable=False))
    op.add_column("outbox", sa.Column("start", sa.Integer(), server_default="0", nullable=False))
    op.add_column("outbox", sa.Column("stop", sa.Integer(), nullable=True))
    op.drop_index("uq_outbox_message", table_name="outbox")
    op.create_index("uq_outbox_part", "outbox", ["domain_id", "message_id", "part"], unique=True)
    op.create_table(
        "incoming_file",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("link", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "message_id"],
            ["message.domain_id", "message.id"],
            name="fk_message_id_message",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("incoming_file", "domain")
    op.create_index(op.f("ix_incoming_file_subject_id"), "incoming_file", ["subject_id"], unique=False)
    op.create_index("uq_incoming_file_number", "incoming_file", ["domain_id", "message_id", "number"], unique=True)


def downgrade() -> None:
    op.drop_table("incoming_file")
    op.drop_index("uq_outbox_part", table_name="outbox")
    op.execute("delete from outbox where part > 0")
    op.create_index("uq_outbox_message", "outbox", ["domain_id", "message_id"], unique=True)
    for column in ("stop", "start", "part"):
        op.drop_column("outbox", column)
    op.drop_column("conversation", "heard_at")

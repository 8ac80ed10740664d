"""Mail and suppressed addresses; where a channel listens, and what it wants back with an answer.

Revision 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("to", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("mail", "domain")
    op.create_index(op.f("ix_mail_subject_id"), "mail", ["subject_id"], unique=False)
    op.create_index("ix_mail_reference", "mail", ["domain_id", "reference"], unique=False)
    op.create_index("uq_mail_key", "mail", ["domain_id", "key"], unique=True)
    op.create_table(
        "suppression",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("suppression", "domain")
    op.create_index("uq_suppression_hash", "suppression", ["domain_id", "hash"], unique=True)
    op.add_column("conversation", sa.Column("about", sa.LargeBinary(), nullable=True))
    op.create_index("ix_outbox_reference", "outbox", ["domain_id", "reference"], unique=False)
    op.add_column("connection", sa.Column("cursor", sa.String(), nullable=True))
    op.add_column("connection", sa.Column("listening", sa.String(), nullable=True))
    op.add_column("connection", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.add_column("connection", sa.Column("listened_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("connection", sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for column in ("heard_at", "listened_at", "failures", "listening", "cursor"):
        op.drop_column("connection", column)
    op.drop_index("ix_outbox_reference", "outbox")
    op.drop_column("conversation", "about")
    op.drop_table("suppression")
    op.drop_table("mail")

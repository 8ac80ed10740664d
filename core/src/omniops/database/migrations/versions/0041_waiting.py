"""Messages that wait for an other side that is away: since when, and until when.

Revision 0041.
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox", sa.Column("next_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["domain_id", "message_id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_waiting", table_name="outbox")
    op.drop_column("outbox", "next_at")
    op.drop_column("outbox", "waiting_since")

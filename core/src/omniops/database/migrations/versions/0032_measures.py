"""The measures that the assessment of a transfer asks for.

Revision 0032.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "processor_signature",
        sa.Column("measures", postgresql.JSONB(astext_type=sa.Text()), nullable=False, server_default="[]"),
    )
    op.alter_column("processor_signature", "measures", server_default=None)


def downgrade() -> None:
    op.drop_column("processor_signature", "measures")

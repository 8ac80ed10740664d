"""Who chats in a browser that carries choices.

Revision 0045.
"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consent_browser", sa.Column("visitor_id", sa.Uuid(), nullable=True))
    op.create_index("ix_consent_browser_visitor", "consent_browser", ["domain_id", "visitor_id"])


def downgrade() -> None:
    op.drop_index("ix_consent_browser_visitor", table_name="consent_browser")
    op.drop_column("consent_browser", "visitor_id")

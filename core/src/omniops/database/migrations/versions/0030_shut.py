"""What a child's age shut, what a parent's consent opens again, and who limits the use of sensitive data.

Revision 0030. A parent's consent of before named nothing, so it opens nothing until a parent names it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    for column in ("shut_for_age", "parent_allows"):
        op.add_column("subject", sa.Column(column, JSON, nullable=False, server_default="[]"))
    op.add_column("subject", sa.Column("sensitive_limited", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    for column in ("sensitive_limited", "parent_allows", "shut_for_age"):
        op.drop_column("subject", column)

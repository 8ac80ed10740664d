"""A one-time link may invite to any role, and says who gave it; a session says when it was last used.

Revision 0047.
"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("setup_link", sa.Column("role", sa.String(), nullable=False, server_default="owner"))
    op.add_column("setup_link", sa.Column("given_by", sa.String(), nullable=True))
    op.add_column("setup_link", sa.Column("for_member", sa.Uuid(), nullable=True))
    op.add_column("member_session", sa.Column("used_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("member_session", "used_at")
    op.drop_column("setup_link", "for_member")
    op.drop_column("setup_link", "given_by")
    op.drop_column("setup_link", "role")

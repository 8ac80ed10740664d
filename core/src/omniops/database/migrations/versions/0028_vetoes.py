"""What each plugin could say no to when it last loaded.

Revision 0028.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plugin_vetoes",
        sa.Column("plugin", sa.String(), nullable=False),
        sa.Column("hooks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("plugin"),
    )
    op.scope_table("plugin_vetoes", None)
    op.execute("grant insert, update on omniops.plugin_vetoes to omniops_app")


def downgrade() -> None:
    op.drop_table("plugin_vetoes")

"""Accounts in which probes act are marked, so that nobody takes them for a business.

Revision 0034.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("for_probes", sa.Boolean(), nullable=False, server_default="false"))
    # The owner is filtered as well where row-level security is forced, and would mark none.
    op.execute("alter table omniops.account no force row level security")
    op.execute(
        "update omniops.account set for_probes = true where account_id in (select in_account from omniops.proof_stage)"
    )
    op.execute("alter table omniops.account force row level security")


def downgrade() -> None:
    op.drop_column("account", "for_probes")

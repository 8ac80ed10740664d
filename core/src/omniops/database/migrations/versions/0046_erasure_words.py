"""What a member writes about a task of an erasure is sealed.

What stood in clear before goes: no migration holds a key to seal it with.

Revision 0046.
"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("erasure_task", sa.Column("words", sa.LargeBinary(), nullable=True))
    # The owner is filtered as well where row-level security is forced, and would change nothing.
    op.execute("alter table omniops.erasure_task no force row level security")
    op.execute("update omniops.erasure_task set evidence = '' where by is not null")
    op.execute("alter table omniops.erasure_task force row level security")


def downgrade() -> None:
    op.drop_column("erasure_task", "words")

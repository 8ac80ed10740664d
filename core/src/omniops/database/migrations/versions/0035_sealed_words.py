"""What members write about cases and requests of authorities is sealed; refused objections are kept beside them.

What stood in clear before goes: no migration holds a key to seal it with.

Revision 0035.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())
SEALED = ("authority", "file_number", "reason")
CHANGED = ("rights_event", "rights_task")


def upgrade() -> None:
    op.add_column("subject", sa.Column("objections_refused", JSON, nullable=False, server_default="[]"))
    for table in ("rights_event", "rights_task"):
        op.add_column(table, sa.Column("words", sa.LargeBinary(), nullable=True))
    # The owner is filtered as well where row-level security is forced, and would change nothing.
    for table in CHANGED:
        op.execute(f"alter table omniops.{table} no force row level security")
    op.execute("update omniops.rights_event set detail = detail - 'reason' - 'evidence' - 'why'")
    op.execute("update omniops.rights_task set evidence = '' where by is not null")
    for table in CHANGED:
        op.execute(f"alter table omniops.{table} force row level security")
    for column in SEALED:
        op.drop_column("authority_request", column)
        op.add_column("authority_request", sa.Column(column, sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    for column in SEALED:
        op.drop_column("authority_request", column)
        op.add_column("authority_request", sa.Column(column, sa.String(), nullable=False, server_default=""))
    for table in ("rights_task", "rights_event"):
        op.drop_column(table, "words")
    op.drop_column("subject", "objections_refused")

"""The nights' epochs: when each was in use and when its key was destroyed; what the system role needs for backups.

Revision 0020.
"""

from itertools import product

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "epoch",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        schema="vault",
    )
    op.scope_table("epoch", None, schema="vault")
    op.create_index("ix_subject_key_account", "subject_key", ["account_id", "home_id"], unique=False, schema="vault")
    op.create_index(
        "ix_subject_key_dead",
        "subject_key",
        ["account_id", "account_key_version"],
        unique=False,
        schema="vault",
        postgresql_where=sa.text("wrapped is null"),
    )
    op.create_index("ix_identifier_account", "identifier", ["account_id", "home_id"], unique=False, schema="vault")
    # The system role makes backups: it reads the queue and the version tables too, those of plugins to come included.
    op.execute("grant usage on schema jobs to omniops_system")
    for schema in ("omniops", "vault", "jobs"):
        op.execute(f"grant select on all tables in schema {schema} to omniops_system")
        op.execute(f"grant select on all sequences in schema {schema} to omniops_system")
        op.execute(f"alter default privileges in schema {schema} grant select on tables to omniops_system")
        op.execute(f"alter default privileges in schema {schema} grant select on sequences to omniops_system")


def downgrade() -> None:
    for schema, kind in product(("omniops", "vault", "jobs"), ("tables", "sequences")):
        op.execute(f"alter default privileges in schema {schema} revoke select on {kind} from omniops_system")  # noqa: S608
    op.execute("revoke select on all tables in schema jobs from omniops_system")
    op.execute("revoke usage on schema jobs from omniops_system")
    op.drop_index("ix_identifier_account", "identifier", schema="vault")
    op.drop_index("ix_subject_key_dead", "subject_key", schema="vault")
    op.drop_index("ix_subject_key_account", "subject_key", schema="vault")
    op.drop_table("epoch", schema="vault")

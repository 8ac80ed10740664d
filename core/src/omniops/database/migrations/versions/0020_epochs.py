"""The nights' epochs: when each was in use and when its key was destroyed.

Revision 0020.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0013"
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
    op.create_index(
        "ix_subject_key_account", "subject_key", ["account_id", "account_key_version"], unique=False, schema="vault"
    )
    op.create_index(
        "ix_identifier_account", "identifier", ["account_id", "account_key_version"], unique=False, schema="vault"
    )


def downgrade() -> None:
    op.drop_index("ix_identifier_account", "identifier", schema="vault")
    op.drop_index("ix_subject_key_account", "subject_key", schema="vault")
    op.drop_table("epoch", schema="vault")

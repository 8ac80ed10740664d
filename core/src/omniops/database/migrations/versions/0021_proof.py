"""Reports of proofs, signed records, and the domains in which probes act.

Revision 0021.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "proof_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.scope_table("proof_report", None)
    op.create_table(
        "attestation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("claim", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.scope_table("attestation", None)
    op.create_table(
        "proof_stage",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("in_account", sa.Uuid(), nullable=False),
        sa.Column("in_domain", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.scope_table("proof_stage", None)


def downgrade() -> None:
    op.drop_table("proof_stage")
    op.drop_table("attestation")
    op.drop_table("proof_report")

"""The register of processors: signatures, announced facts, notices to accounts; where a person's data comes from.

Revision 0019.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "processor_signature",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("origins", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("countries", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("module", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("assessment", sa.String(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by", sa.String(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.scope_table("processor_signature", None)
    op.create_index("ix_processor_signature_processor", "processor_signature", ["processor"], unique=False)
    op.create_table(
        "processor_words",
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("policy_url", sa.String(), nullable=False),
        sa.Column("contract_url", sa.String(), nullable=False),
        sa.Column("retention", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("processor"),
    )
    op.scope_table("processor_words", None)
    op.create_table(
        "processor_fact",
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("processor", "what", "value"),
    )
    op.scope_table("processor_fact", None)
    op.create_table(
        "processor_notice",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "id"),
    )
    op.scope_table("processor_notice", "account")
    op.create_index("ix_processor_notice_at", "processor_notice", ["account_id", "announced_at"], unique=False)
    op.create_table(
        "collected_category",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("collected_category", "domain")
    op.create_index("uq_collected_category", "collected_category", ["domain_id", "category"], unique=True)
    op.add_column("subject", sa.Column("origin", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("subject", "origin")
    for table in ("collected_category", "processor_notice", "processor_fact", "processor_words", "processor_signature"):
        op.drop_table(table)

"""Cases about a person's own data, and requests of authorities.

Revision 0022, after 0014.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authority_request",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("authority", sa.String(), nullable=False),
        sa.Column("statute", sa.String(), nullable=False),
        sa.Column("file_number", sa.String(), nullable=False),
        sa.Column("subjects", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("categories", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("approvals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rows", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("authority_request", "domain")
    op.create_table(
        "rights_case",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("requester_id", sa.Uuid(), nullable=False),
        sa.Column("right", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("subjects", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=True),
        sa.Column("by_agent", sa.Boolean(), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirm_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pauses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("extended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escalated", sa.Integer(), nullable=False),
        sa.Column("duties", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("consent_shown", sa.Boolean(), nullable=False),
        sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certificate", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("rights_case", "domain")
    op.create_index("ix_rights_case_state", "rights_case", ["state", "due_at"], unique=False)
    op.create_index("uq_rights_case_key", "rights_case", ["domain_id", "key"], unique=True)
    op.create_table(
        "rights_event",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "case_id"],
            ["rights_case.domain_id", "rights_case.id"],
            name="fk_case_id_rights_case",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("rights_event", "domain", append_only=True)
    op.create_index("ix_rights_event_case", "rights_event", ["domain_id", "case_id", "id"], unique=False)
    op.create_table(
        "rights_letter",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("mail_id", sa.Uuid(), nullable=True),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "case_id"],
            ["rights_case.domain_id", "rights_case.id"],
            name="fk_case_id_rights_case",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("rights_letter", "domain")
    op.create_index("ix_rights_letter_case", "rights_letter", ["domain_id", "case_id"], unique=False)
    op.create_index(op.f("ix_rights_letter_subject_id"), "rights_letter", ["subject_id"], unique=False)
    op.create_table(
        "rights_link",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("use", sa.String(), nullable=False),
        sa.Column("proves", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id", "case_id"],
            ["rights_case.domain_id", "rights_case.id"],
            name="fk_case_id_rights_case",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("rights_link", "domain")
    op.create_index("uq_rights_link_hash", "rights_link", ["domain_id", "hash"], unique=True)
    op.create_table(
        "rights_task",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id", "case_id"],
            ["rights_case.domain_id", "rights_case.id"],
            name="fk_case_id_rights_case",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("rights_task", "domain")
    op.create_index("uq_rights_task_store", "rights_task", ["domain_id", "case_id", "store"], unique=True)
    op.create_table(
        "rights_words",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.LargeBinary(), nullable=True),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id", "case_id"],
            ["rights_case.domain_id", "rights_case.id"],
            name="fk_case_id_rights_case",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("rights_words", "domain")
    op.create_index("ix_rights_words_case", "rights_words", ["domain_id", "case_id"], unique=False)
    op.create_index(op.f("ix_rights_words_subject_id"), "rights_words", ["subject_id"], unique=False)


def downgrade() -> None:
    for table in ("words", "task", "link", "letter", "event", "case"):
        op.drop_table(f"rights_{table}")
    op.drop_table("authority_request")

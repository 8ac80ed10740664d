"""The ledger of consent, the words that were shown, browsers that said yes, and what may then be counted.

Revision 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# The app adds and reads; it deletes the answers of a person whose keys were shredded, and nobody else's.
ERASED_ONLY = (
    "create policy erased_only on omniops.consent_event as restrictive for delete to omniops_app using (exists ("
    "select from omniops.subject s where s.home_id = consent_event.home_id and s.id = consent_event.subject_id"
    " and s.erased_at is not null))"
)


def upgrade() -> None:
    op.create_table(
        "consent_event",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("notice_id", sa.String(), nullable=False),
        sa.Column("notice_version", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("jurisdiction", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("home_id", "id"),
    )
    op.scope_table("consent_event", "home", append_only=True)
    op.create_index("ix_consent_event_subject", "consent_event", ["home_id", "subject_id"], unique=False)
    op.execute(ERASED_ONLY)
    op.execute("grant delete on omniops.consent_event to omniops_app")
    op.create_table(
        "notice_text",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", "version"),
    )
    op.scope_table("notice_text", None)
    op.execute("grant insert on omniops.notice_text to omniops_app")
    op.create_table(
        "consent_browser",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("consent_browser", "domain")
    op.create_index("uq_consent_browser_hash", "consent_browser", ["domain_id", "hash"], unique=True)
    op.create_index(op.f("ix_consent_browser_subject_id"), "consent_browser", ["subject_id"], unique=False)
    op.create_table(
        "analytics_event",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("page", sa.LargeBinary(), nullable=False),
        sa.Column("device", sa.LargeBinary(), nullable=False),
        sa.Column("browser", sa.LargeBinary(), nullable=False),
        sa.Column("system", sa.LargeBinary(), nullable=False),
        sa.Column("network", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("analytics_event", "domain")
    op.create_index(op.f("ix_analytics_event_subject_id"), "analytics_event", ["subject_id"], unique=False)
    op.create_table(
        "analytics_count",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("analytics_count", "domain")
    op.create_index("uq_analytics_count", "analytics_count", ["domain_id", "day", "what", "value"], unique=True)


def downgrade() -> None:
    for table in ("analytics_count", "analytics_event", "consent_browser", "notice_text", "consent_event"):
        op.drop_table(table)

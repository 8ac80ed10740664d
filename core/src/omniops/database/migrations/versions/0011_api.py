"""Outgoing webhooks, answers kept for `Idempotency-Key`, sandbox domains and test keys.

Revision 0011, after 0009.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("events", postgresql.JSONB(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_because", sa.String(), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("webhook_endpoint", "domain")
    op.create_table(
        "webhook_event",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("webhook_event", "domain")
    op.create_table(
        "webhook_delivery",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id", "endpoint_id"],
            ["webhook_endpoint.domain_id", "webhook_endpoint.id"],
            name="fk_endpoint_id_webhook_endpoint",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["domain_id", "event_id"],
            ["webhook_event.domain_id", "webhook_event.id"],
            name="fk_event_id_webhook_event",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("webhook_delivery", "domain")
    op.create_index("ix_webhook_delivery_endpoint", "webhook_delivery", ["domain_id", "endpoint_id", "state"])
    op.create_index("ix_webhook_delivery_event", "webhook_delivery", ["domain_id", "event_id"])
    op.create_table(
        "kept_answer",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("for_domain", sa.Uuid(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id"),
    )
    op.scope_table("kept_answer", "account")
    op.create_index("uq_kept_answer", "kept_answer", ["account_id", "hash"], unique=True)
    op.create_table(
        "kept_visitor_answer",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("kept_visitor_answer", "domain")
    op.create_index("uq_kept_visitor_answer", "kept_visitor_answer", ["domain_id", "hash"], unique=True)
    op.create_index(op.f("ix_kept_visitor_answer_subject_id"), "kept_visitor_answer", ["subject_id"], unique=False)
    op.add_column("domain", sa.Column("sandbox", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("api_key", sa.Column("test", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("api_key", "test")
    op.drop_column("domain", "sandbox")
    for table in ("kept_visitor_answer", "kept_answer", "webhook_delivery", "webhook_event", "webhook_endpoint"):
        op.drop_table(table)

"""The tables of core.

Revision 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.scope_table("account", "account")
    op.create_table(
        "api_key",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("permissions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("only_domain", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "id"),
    )
    op.scope_table("api_key", "account")
    op.create_table(
        "audit_entry",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("subject_refs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "seq"),
    )
    op.scope_table("audit_entry", "account", append_only=True)
    op.create_table(
        "audit_head",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.scope_table("audit_head", "account")
    op.create_table(
        "connection",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.String(), nullable=False),
        sa.Column("settings", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("connection", "domain")
    op.create_table(
        "conversation",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=True),
        sa.Column("thread", sa.LargeBinary(), nullable=True),
        sa.Column("sender", sa.LargeBinary(), nullable=True),
        sa.Column("reply_to", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("disclosed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("conversation", "domain")
    op.create_index("ix_conversation_state", "conversation", ["domain_id", "state"], unique=False)
    op.create_index(op.f("ix_conversation_subject_id"), "conversation", ["subject_id"], unique=False)
    op.create_table(
        "domain",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("origins", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("widget_key", sa.String(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id"),
        sa.UniqueConstraint("id", name="uq_domain_id"),
    )
    op.scope_table("domain", "account")
    op.create_table(
        "egress_entry",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("for_domain", sa.Uuid(), nullable=True),
        sa.Column("processor", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("categories", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("subjects", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("tls", sa.String(), nullable=True),
        sa.Column("bytes_out", sa.Integer(), nullable=False),
        sa.Column("bytes_in", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "id"),
    )
    op.scope_table("egress_entry", "account", append_only=True)
    op.create_index("ix_egress_entry_at", "egress_entry", ["account_id", "at"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("helpful", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("feedback", "domain")
    op.create_index(op.f("ix_feedback_subject_id"), "feedback", ["subject_id"], unique=False)
    op.create_index("uq_feedback_message", "feedback", ["domain_id", "message_id"], unique=True)
    op.create_table(
        "gate_allow",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("plaintext", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("host", "port"),
    )
    op.scope_table("gate_allow", None)
    op.create_table(
        "generation",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("generation", "domain")
    op.create_table(
        "lookup",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("domain_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "hash"),
    )
    op.scope_table("lookup", None)
    op.create_index(op.f("ix_lookup_account_id"), "lookup", ["account_id"], unique=False)
    op.create_table(
        "member",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("password", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id"),
    )
    op.scope_table("member", "account")
    op.create_index(op.f("ix_member_subject_id"), "member", ["subject_id"], unique=False)
    op.create_index("uq_member_subject", "member", ["account_id", "subject_id"], unique=True)
    op.create_table(
        "plugin_switch",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.String(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("plugin_switch", "domain")
    op.create_index("uq_plugin_switch", "plugin_switch", ["domain_id", "plugin"], unique=True)
    op.create_table(
        "schema_info",
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("oldest_code", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("owner"),
    )
    op.scope_table("schema_info", None)
    op.create_table(
        "setup_link",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id"),
    )
    op.scope_table("setup_link", "account")
    op.create_table(
        "source",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("include", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("exclude", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("source", "domain")
    op.create_index("uq_source_url", "source", ["domain_id", "kind", "url"], unique=True)
    op.create_table(
        "subject",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("consents", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("objections", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("opt_outs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold", sa.Boolean(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("home_id", "id"),
    )
    op.scope_table("subject", "home")
    op.create_table(
        "throttle",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("window_ends", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.scope_table("throttle", None)
    op.create_table(
        "account_key",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "version"),
        schema="vault",
    )
    op.scope_table("account_key", "account", schema="vault")
    op.create_table(
        "identifier",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("row_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("account_key_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("home_id", "kind", "hash", "row_id"),
        schema="vault",
    )
    op.scope_table("identifier", "home", schema="vault")
    op.create_index("ix_identifier_row", "identifier", ["home_id", "row_id"], unique=False, schema="vault")
    op.create_index(op.f("ix_vault_identifier_subject_id"), "identifier", ["subject_id"], unique=False, schema="vault")
    op.create_table(
        "root",
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
        schema="vault",
    )
    op.scope_table("root", None, schema="vault")
    op.create_table(
        "shred",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("home_id", "subject_id"),
        schema="vault",
    )
    op.scope_table("shred", "home", schema="vault")
    op.create_table(
        "subject_key",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("account_key_version", sa.Integer(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("pepper_wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("shredded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("home_id", "subject_id", "version"),
        schema="vault",
    )
    op.scope_table("subject_key", "home", schema="vault")
    op.create_table(
        "visitor_session",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("visitor_session", "domain")
    op.create_index(op.f("ix_visitor_session_subject_id"), "visitor_session", ["subject_id"], unique=False)
    op.create_table(
        "crawl",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("said", sa.String(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id", "source_id"],
            ["source.domain_id", "source.id"],
            name="fk_source_id_source",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("crawl", "domain")
    op.create_index(
        "uq_crawl_running", "crawl", ["domain_id", "source_id"], unique=True, postgresql_where="state = 'running'"
    )
    op.create_table(
        "member_session",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "member_id"],
            ["member.account_id", "member.id"],
            name="fk_member_id_member",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id"),
    )
    op.scope_table("member_session", "account")
    op.create_table(
        "message",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("interrupted", sa.Boolean(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("parts", sa.LargeBinary(), nullable=True),
        sa.Column("level", sa.String(), nullable=True),
        sa.Column("turn_id", sa.Uuid(), nullable=True),
        sa.Column("delivery_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "conversation_id"],
            ["conversation.domain_id", "conversation.id"],
            name="fk_conversation_id_conversation",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("message", "domain")
    op.create_index(op.f("ix_message_subject_id"), "message", ["subject_id"], unique=False)
    op.create_index("uq_message_delivery", "message", ["domain_id", "conversation_id", "delivery_id"], unique=True)
    op.create_index("uq_message_seq", "message", ["domain_id", "conversation_id", "seq"], unique=True)
    op.create_table(
        "page",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("crawl_id", sa.Uuid(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("said", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("last_modified", sa.String(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "source_id"],
            ["source.domain_id", "source.id"],
            name="fk_source_id_source",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("page", "domain")
    op.create_index("ix_page_frontier", "page", ["domain_id", "source_id", "state", "depth"], unique=False)
    op.create_index("uq_page_url", "page", ["domain_id", "url"], unique=True)
    op.create_table(
        "turn",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("parts", sa.LargeBinary(), nullable=True),
        sa.Column("deployment", sa.String(), nullable=True),
        sa.Column("record", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id", "conversation_id"],
            ["conversation.domain_id", "conversation.id"],
            name="fk_conversation_id_conversation",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("turn", "domain")
    op.create_index(op.f("ix_turn_subject_id"), "turn", ["subject_id"], unique=False)
    op.create_index("uq_turn_key", "turn", ["domain_id", "conversation_id", "key"], unique=True)
    op.create_index(
        "uq_turn_running", "turn", ["domain_id", "conversation_id"], unique=True, postgresql_where="state = 'running'"
    )
    op.create_table(
        "outbox",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id", "message_id"],
            ["message.domain_id", "message.id"],
            name="fk_message_id_message",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("outbox", "domain")
    op.create_index(op.f("ix_outbox_subject_id"), "outbox", ["subject_id"], unique=False)
    op.create_index("uq_outbox_message", "outbox", ["domain_id", "message_id"], unique=True)
    op.create_table(
        "passage",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("page_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("heading", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("question", sa.String(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("encoder_id", sa.String(), nullable=True),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("question_vector", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "page_id"], ["page.domain_id", "page.id"], name="fk_page_id_page", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("passage", "domain")
    op.create_index("ix_passage_encoder", "passage", ["domain_id", "encoder_id"], unique=False)
    op.create_index("ix_passage_page", "passage", ["domain_id", "page_id", "position"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_passage_page", table_name="passage")
    op.drop_index("ix_passage_encoder", table_name="passage")
    op.drop_table("passage")
    op.drop_index("uq_outbox_message", table_name="outbox")
    op.drop_index(op.f("ix_outbox_subject_id"), table_name="outbox")
    op.drop_table("outbox")
    op.drop_index("uq_turn_running", table_name="turn", postgresql_where="state = 'running'")
    op.drop_index("uq_turn_key", table_name="turn")
    op.drop_index(op.f("ix_turn_subject_id"), table_name="turn")
    op.drop_table("turn")
    op.drop_index("uq_page_url", table_name="page")
    op.drop_index("ix_page_frontier", table_name="page")
    op.drop_table("page")
    op.drop_index("uq_message_seq", table_name="message")
    op.drop_index("uq_message_delivery", table_name="message")
    op.drop_index(op.f("ix_message_subject_id"), table_name="message")
    op.drop_table("message")
    op.drop_table("member_session")
    op.drop_index("uq_crawl_running", table_name="crawl", postgresql_where="state = 'running'")
    op.drop_table("crawl")
    op.drop_index(op.f("ix_visitor_session_subject_id"), table_name="visitor_session")
    op.drop_table("visitor_session")
    op.drop_table("subject_key", schema="vault")
    op.drop_table("shred", schema="vault")
    op.drop_table("root", schema="vault")
    op.drop_index(op.f("ix_vault_identifier_subject_id"), table_name="identifier", schema="vault")
    op.drop_index("ix_identifier_row", table_name="identifier", schema="vault")
    op.drop_table("identifier", schema="vault")
    op.drop_table("account_key", schema="vault")
    op.drop_table("throttle")
    op.drop_table("subject")
    op.drop_index("uq_source_url", table_name="source")
    op.drop_table("source")
    op.drop_table("setup_link")
    op.drop_table("schema_info")
    op.drop_index("uq_plugin_switch", table_name="plugin_switch")
    op.drop_table("plugin_switch")
    op.drop_index("uq_member_subject", table_name="member")
    op.drop_index(op.f("ix_member_subject_id"), table_name="member")
    op.drop_table("member")
    op.drop_index(op.f("ix_lookup_account_id"), table_name="lookup")
    op.drop_table("lookup")
    op.drop_table("generation")
    op.drop_table("gate_allow")
    op.drop_index("uq_feedback_message", table_name="feedback")
    op.drop_index(op.f("ix_feedback_subject_id"), table_name="feedback")
    op.drop_table("feedback")
    op.drop_index("ix_egress_entry_at", table_name="egress_entry")
    op.drop_table("egress_entry")
    op.drop_table("domain")
    op.drop_index(op.f("ix_conversation_subject_id"), table_name="conversation")
    op.drop_index("ix_conversation_state", table_name="conversation")
    op.drop_table("conversation")
    op.drop_table("connection")
    op.drop_table("audit_head")
    op.drop_table("audit_entry")
    op.drop_table("api_key")
    op.drop_table("account")

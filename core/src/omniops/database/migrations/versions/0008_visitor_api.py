"""Sessions that rotate, identities and their secrets, reviews, reasons of feedback.

Revision 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# A migration runs as the owner, whom row-level security filters as well: it is lifted for this one statement.
_FILL = (
    "alter table omniops.visitor_session no force row level security",
    "alter table omniops.conversation no force row level security",
    "update omniops.visitor_session s set chain_id = s.id, conversation_id = (select c.id from omniops.conversation c"
    " where c.domain_id = s.domain_id and c.subject_id = s.subject_id and c.channel = 'website'"
    " order by c.id desc limit 1)",
    "delete from omniops.visitor_session where conversation_id is null",
    "alter table omniops.visitor_session force row level security",
    "alter table omniops.conversation force row level security",
)


def upgrade() -> None:
    op.add_column("visitor_session", sa.Column("chain_id", sa.Uuid(), nullable=True))
    op.add_column("visitor_session", sa.Column("conversation_id", sa.Uuid(), nullable=True))
    op.add_column("visitor_session", sa.Column("origin", sa.String(), nullable=True))
    for statement in _FILL:
        op.execute(statement)
    op.alter_column("visitor_session", "chain_id", nullable=False)
    op.alter_column("visitor_session", "conversation_id", nullable=False)
    op.create_index("ix_visitor_session_chain", "visitor_session", ["domain_id", "chain_id"], unique=False)
    op.add_column("feedback", sa.Column("reason", sa.String(), nullable=True))
    op.add_column("feedback", sa.Column("comment", sa.LargeBinary(), nullable=True))
    op.create_table(
        "identity_secret",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("retires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("identity_secret", "domain")
    op.create_table(
        "visitor_identity",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("visitor_identity", "domain")
    op.create_index(op.f("ix_visitor_identity_subject_id"), "visitor_identity", ["subject_id"], unique=False)
    op.create_index("uq_visitor_identity_subject", "visitor_identity", ["domain_id", "subject_id"], unique=True)
    op.create_table(
        "subject_link",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("subject_link", "domain")
    op.create_index(op.f("ix_subject_link_subject_id"), "subject_link", ["subject_id"], unique=False)
    op.create_index("uq_subject_link_subject", "subject_link", ["domain_id", "subject_id"], unique=True)
    op.create_index("ix_subject_link_other", "subject_link", ["domain_id", "other_id"], unique=False)
    op.create_table(
        "review_request",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "message_id"],
            ["message.domain_id", "message.id"],
            name="fk_message_id_message",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("review_request", "domain")
    op.create_index(op.f("ix_review_request_subject_id"), "review_request", ["subject_id"], unique=False)
    op.create_index("uq_review_request_message", "review_request", ["domain_id", "message_id"], unique=True)
    op.create_index("ix_review_request_state", "review_request", ["domain_id", "state", "due_at"], unique=False)
    op.create_table(
        "attachment",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "conversation_id"],
            ["conversation.domain_id", "conversation.id"],
            name="fk_conversation_id_conversation",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["domain_id", "blob_id"],
            ["personal_blob.domain_id", "personal_blob.id"],
            name="fk_blob_id_personal_blob",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("attachment", "domain")
    op.create_index(op.f("ix_attachment_subject_id"), "attachment", ["subject_id"], unique=False)
    op.create_index("ix_attachment_conversation", "attachment", ["domain_id", "conversation_id"], unique=False)


def downgrade() -> None:
    for table in ("attachment", "review_request", "subject_link", "visitor_identity", "identity_secret"):
        op.drop_table(table)
    op.drop_column("feedback", "comment")
    op.drop_column("feedback", "reason")
    op.drop_index("ix_visitor_session_chain", table_name="visitor_session")
    for column in ("origin", "conversation_id", "chain_id"):
        op.drop_column("visitor_session", column)

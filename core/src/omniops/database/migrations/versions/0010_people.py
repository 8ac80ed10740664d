"""What people do in conversations: transitions, drafts, notes, who takes care of one and since when somebody waits.

Revision 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# A migration runs as the owner, whom row-level security filters as well: it is lifted for this one statement.
_FILL = (
    "alter table omniops.conversation no force row level security",
    "update omniops.conversation set waiting_since = now() where state = 'waiting'",
    "alter table omniops.conversation force row level security",
)


def upgrade() -> None:
    op.add_column("conversation", sa.Column("mode", sa.String(), nullable=True))
    op.add_column("conversation", sa.Column("assigned_to", sa.Uuid(), nullable=True))
    op.add_column("conversation", sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_conversation_waiting", "conversation", ["domain_id", "waiting_since", "id"], unique=False)
    op.add_column("message", sa.Column("approved_by", sa.String(), nullable=True))
    for statement in _FILL:
        op.execute(statement)
    op.create_table(
        "conversation_event",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _of_a_conversation(),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    _of_a_subject("conversation_event")
    op.create_index(
        "ix_conversation_event_conversation", "conversation_event", ["domain_id", "conversation_id", "id"], unique=False
    )
    op.create_table(
        "draft",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("turn_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("parts", sa.LargeBinary(), nullable=False),
        sa.Column("level", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _of_a_conversation(),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    _of_a_subject("draft")
    op.create_index(
        "uq_draft_open",
        "draft",
        ["domain_id", "conversation_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_draft_conversation", "draft", ["domain_id", "conversation_id", "id"], unique=False)
    op.create_table(
        "note",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _of_a_conversation(),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    _of_a_subject("note")
    op.create_index("ix_note_conversation", "note", ["domain_id", "conversation_id", "id"], unique=False)


def _of_a_conversation() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["domain_id", "conversation_id"],
        ["conversation.domain_id", "conversation.id"],
        name="fk_conversation_id_conversation",
        ondelete="CASCADE",
    )


def _of_a_subject(table: str) -> None:
    op.scope_table(table, "domain")
    op.create_index(op.f(f"ix_{table}_subject_id"), table, ["subject_id"], unique=False)


def downgrade() -> None:
    for table in ("note", "draft", "conversation_event"):
        op.drop_table(table)
    op.drop_column("message", "approved_by")
    op.drop_index("ix_conversation_waiting", table_name="conversation")
    for column in ("waiting_since", "assigned_to", "mode"):
        op.drop_column("conversation", column)

"""Uses of tools that change something; fingerprints of what the AI wrote.

Revision 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tool_run",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("turn_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("tool", sa.String(), nullable=False),
        sa.Column("plugin", sa.String(), nullable=False),
        sa.Column("risk", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("args", sa.LargeBinary(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["domain_id", "turn_id"], ["turn.domain_id", "turn.id"], name="fk_turn_id_turn", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("tool_run", "domain")
    op.create_index(op.f("ix_tool_run_subject_id"), "tool_run", ["subject_id"], unique=False)
    op.create_index("ix_tool_run_turn", "tool_run", ["domain_id", "turn_id"], unique=False)
    op.create_index("ix_tool_run_state", "tool_run", ["domain_id", "state"], unique=False)
    op.create_table(
        "ai_mark",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "message_id"],
            ["message.domain_id", "message.id"],
            name="fk_message_id_message",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("ai_mark", "domain")
    op.create_index(op.f("ix_ai_mark_subject_id"), "ai_mark", ["subject_id"], unique=False)
    op.create_index("ix_ai_mark_hash", "ai_mark", ["domain_id", "hash"], unique=False)


def downgrade() -> None:
    op.drop_table("ai_mark")
    op.drop_table("tool_run")

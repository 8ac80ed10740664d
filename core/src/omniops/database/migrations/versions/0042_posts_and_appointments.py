"""Threads of conversations in teams' channels, what was written there, and appointments in calendars.

Revision 0042.
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "team_thread",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "conversation_id"],
            ["conversation.domain_id", "conversation.id"],
            name="fk_conversation_id_conversation",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("team_thread", "domain")
    op.create_index("ix_team_thread_subject_id", "team_thread", ["subject_id"], unique=False)
    op.create_index(
        "uq_team_thread_conversation", "team_thread", ["domain_id", "connection_id", "conversation_id"], unique=True
    )
    op.create_index(
        "uq_team_thread_place", "team_thread", ["domain_id", "connection_id", "channel", "thread"], unique=True
    )
    op.create_table(
        "team_post",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("news", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("thread", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("team_post", "domain")
    op.create_index("uq_team_post_news", "team_post", ["domain_id", "connection_id", "news"], unique=True)
    op.create_index("ix_team_post_about", "team_post", ["domain_id", "about"], unique=False)
    op.create_index(
        "ix_team_post_place", "team_post", ["domain_id", "connection_id", "channel", "thread"], unique=False
    )
    op.create_table(
        "appointment",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("about", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("entry", sa.String(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("appointment", "domain")
    op.create_index("uq_appointment_key", "appointment", ["domain_id", "connection_id", "key"], unique=True)
    op.create_index("ix_appointment_about", "appointment", ["domain_id", "about"])
    op.create_index("ix_appointment_time", "appointment", ["domain_id", "connection_id", "starts_at"])


def downgrade() -> None:
    op.drop_table("appointment")
    op.drop_table("team_post")
    op.drop_table("team_thread")

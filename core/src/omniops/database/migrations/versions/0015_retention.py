"""Rules that shorten, runs that delete, legal holds.

Revision 0015.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Whoever comes to be known while a hold stands on the whole domain is under it. The lock makes the two take turns: the
# one who places such a hold takes it alone.
HELD_FROM_THE_START = """
create function omniops.omniops_held_from_the_start() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('hold:' || new.home_id, 0));
    new.hold := new.hold or exists (
        select from omniops.legal_hold h
        where h.home_id = new.home_id and h.subject_id is null and h.lifted_at is null
    );
    return new;
end $$
"""


def upgrade() -> None:
    op.create_table(
        "retention_rule",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("home_id", "key", "by"),
    )
    op.scope_table("retention_rule", "home")
    op.create_table(
        "retention_run",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("plan", postgresql.JSONB(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("deleted", postgresql.JSONB(), nullable=False),
        sa.Column("shredded", sa.Integer(), nullable=False),
        sa.Column("problems", postgresql.JSONB(), nullable=False),
        sa.Column("planned_by", sa.String(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("home_id", "id"),
    )
    op.scope_table("retention_run", "home")
    op.create_index("ix_retention_run_state", "retention_run", ["home_id", "state"], unique=False)
    op.create_table(
        "legal_hold",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("authority", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("lifted_by", sa.String(), nullable=True),
        sa.Column("why_lifted", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("home_id", "id"),
    )
    op.scope_table("legal_hold", "home")
    op.create_index("ix_legal_hold_subject", "legal_hold", ["home_id", "subject_id"], unique=False)
    op.add_column("account", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(HELD_FROM_THE_START)
    op.execute(
        "create trigger held_from_the_start before insert on omniops.subject"
        " for each row execute function omniops.omniops_held_from_the_start()"
    )
    # Deleting a row looks for those that go with it.
    op.create_index("ix_member_session_member", "member_session", ["account_id", "member_id"], unique=False)
    op.create_index("ix_ai_mark_message", "ai_mark", ["domain_id", "message_id"], unique=False)
    op.create_index("ix_attachment_blob", "attachment", ["domain_id", "blob_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_member_session_member", table_name="member_session")
    op.drop_index("ix_attachment_blob", table_name="attachment")
    op.drop_index("ix_ai_mark_message", table_name="ai_mark")
    op.execute("drop trigger held_from_the_start on omniops.subject")
    op.execute("drop function omniops.omniops_held_from_the_start()")
    op.drop_column("account", "closed_at")
    op.drop_table("legal_hold")
    op.drop_table("retention_run")
    op.drop_table("retention_rule")

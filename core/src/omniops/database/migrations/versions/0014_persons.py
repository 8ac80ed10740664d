"""The duty to erase: its tasks, and the identifiers that outside systems are asked with.

Revision 0014.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _of_duty(name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["home_id", "duty_id"], ["erasure_duty.home_id", "erasure_duty.id"], name=name, ondelete="CASCADE"
    )


def upgrade() -> None:
    op.create_table(
        "erasure_duty",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subjects", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("waits_for", sa.String(), nullable=True),
        sa.Column("deleted", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("home_id", "id"),
    )
    op.scope_table("erasure_duty", "home")
    op.create_index("ix_erasure_duty_state", "erasure_duty", ["state", "next_at"], unique=False)
    op.create_table(
        "erasure_task",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("duty_id", sa.Uuid(), nullable=False),
        sa.Column("store", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        _of_duty("fk_task_duty"),
        sa.PrimaryKeyConstraint("home_id", "id"),
    )
    op.scope_table("erasure_task", "home")
    op.create_index("uq_erasure_task_store", "erasure_task", ["home_id", "duty_id", "store"], unique=True)
    op.create_table(
        "erasure_contact",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("duty_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        _of_duty("fk_contact_duty"),
        sa.PrimaryKeyConstraint("home_id", "id"),
    )
    op.scope_table("erasure_contact", "home")
    op.create_index(op.f("ix_erasure_contact_subject_id"), "erasure_contact", ["subject_id"], unique=False)
    op.create_index("ix_erasure_contact_duty", "erasure_contact", ["home_id", "duty_id"], unique=False)


def downgrade() -> None:
    op.drop_table("erasure_contact")
    op.drop_table("erasure_task")
    op.drop_table("erasure_duty")

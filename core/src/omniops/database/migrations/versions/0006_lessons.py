"""What conversations teach, and a business's own questions: gaps, calibration, trials.

Revision 0006.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "domain",
        sa.Column("calibrated", postgresql.JSONB(astext_type=sa.Text()), nullable=False, server_default="{}"),
    )
    op.alter_column("domain", "calibrated", server_default=None)
    op.create_table(
        "calibration",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("encoder_id", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("marks", sa.Integer(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("answer_before", sa.Float(), nullable=False),
        sa.Column("answer_after", sa.Float(), nullable=False),
        sa.Column("closest_before", sa.Float(), nullable=False),
        sa.Column("closest_after", sa.Float(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("calibration", "domain")
    op.create_table(
        "gap",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("returned", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("gap", "domain")
    op.create_index("ix_gap_state", "gap", ["domain_id", "state"], unique=False)
    op.create_table(
        "own_question",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("pages", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("contains", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("own_question", "domain")
    op.create_index("uq_own_question", "own_question", ["domain_id", "question"], unique=True)
    op.create_table(
        "trial",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("encoder_id", sa.String(), nullable=False),
        sa.Column("answer_cut", sa.Float(), nullable=False),
        sa.Column("closest_cut", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("loss", sa.Float(), nullable=False),
        sa.Column("against", sa.Uuid(), nullable=True),
        sa.Column("fell", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("outcomes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("trial", "domain")
    op.create_index("ix_trial_accepted", "trial", ["domain_id", "accepted_at"], unique=False)
    op.create_table(
        "gap_question",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("gap_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("turn_id", sa.Uuid(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("encoder_id", sa.String(), nullable=True),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "gap_id"], ["gap.domain_id", "gap.id"], name="fk_gap_id_gap", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["domain_id", "message_id"],
            ["message.domain_id", "message.id"],
            name="fk_message_id_message",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("gap_question", "domain")
    op.create_index(op.f("ix_gap_question_subject_id"), "gap_question", ["subject_id"], unique=False)
    op.create_index("ix_gap_question_gap", "gap_question", ["domain_id", "gap_id"], unique=False)
    op.create_index("uq_gap_question_message", "gap_question", ["domain_id", "message_id"], unique=True)


def downgrade() -> None:
    op.drop_table("gap_question")
    op.drop_table("trial")
    op.drop_table("own_question")
    op.drop_table("gap")
    op.drop_table("calibration")
    op.drop_column("domain", "calibrated")

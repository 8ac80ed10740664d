"""Labels, and conversations that are put off.

Revision 0050.
"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversation", sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "label",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("label", "domain")
    op.create_index("uq_label_folded", "label", ["domain_id", "folded"], unique=True)
    op.create_table(
        "label_put",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("label_id", sa.Uuid(), nullable=False),
        sa.Column("word", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "conversation_id"],
            ["conversation.domain_id", "conversation.id"],
            name="fk_conversation_id_conversation",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["domain_id", "label_id"], ["label.domain_id", "label.id"], name="fk_label_id_label", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("label_put", "domain")
    op.create_index(op.f("ix_label_put_subject_id"), "label_put", ["subject_id"], unique=False)
    op.create_index("uq_label_put", "label_put", ["domain_id", "conversation_id", "label_id"], unique=True)
    op.create_index("ix_label_put_label", "label_put", ["domain_id", "label_id"], unique=False)


def downgrade() -> None:
    op.drop_table("label_put")
    op.drop_table("label")
    op.drop_column("conversation", "snoozed_until")

"""What address books say of visitors whose address was proved.

Revision 0044.
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("visitor_identity", sa.Column("email", sa.LargeBinary(), nullable=True))
    op.create_table(
        "contact_card",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("company", sa.LargeBinary(), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("contact_card", "domain")
    op.create_index(op.f("ix_contact_card_subject_id"), "contact_card", ["subject_id"], unique=False)
    op.create_index("uq_contact_card", "contact_card", ["domain_id", "subject_id", "connection_id"], unique=True)
    op.create_index("ix_contact_card_connection", "contact_card", ["domain_id", "connection_id"], unique=False)


def downgrade() -> None:
    op.drop_table("contact_card")
    op.drop_column("visitor_identity", "email")

"""Documents that were chosen at a connection, and for whom a page is.

Revision 0043.
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("page", sa.Column("audience", sa.String(), nullable=False, server_default="everybody"))
    op.create_index("ix_page_members", "page", ["domain_id"], postgresql_where=sa.text("audience <> 'everybody'"))
    op.create_table(
        "chosen_document",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("chosen_by", sa.String(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "connection_id"],
            ["connection.domain_id", "connection.id"],
            name="fk_connection_id_connection",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("chosen_document", "domain")
    op.create_index("uq_chosen_document", "chosen_document", ["domain_id", "connection_id", "document_id"], unique=True)


def downgrade() -> None:
    op.drop_table("chosen_document")
    op.drop_index("ix_page_members", table_name="page")
    op.drop_column("page", "audience")

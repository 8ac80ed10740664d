"""Files at rest, documents, and sources that pause.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "own_blob",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("own_blob", "domain")
    op.create_table(
        "personal_blob",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("personal_blob", "domain")
    op.create_index(op.f("ix_personal_blob_subject_id"), "personal_blob", ["subject_id"], unique=False)
    op.create_table(
        "blob_chunk",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("own_id", sa.Uuid(), nullable=True),
        sa.Column("personal_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "own_id"],
            ["own_blob.domain_id", "own_blob.id"],
            name="fk_own_id_own_blob",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["domain_id", "personal_id"],
            ["personal_blob.domain_id", "personal_blob.id"],
            name="fk_personal_id_personal_blob",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("blob_chunk", "domain")
    op.create_index("uq_chunk_own", "blob_chunk", ["domain_id", "own_id", "number"], unique=True)
    op.create_index("uq_chunk_personal", "blob_chunk", ["domain_id", "personal_id", "number"], unique=True)
    op.create_table(
        "document",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("blob_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["domain_id", "blob_id"],
            ["own_blob.domain_id", "own_blob.id"],
            name="fk_blob_id_own_blob",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["domain_id", "id"], ["page.domain_id", "page.id"], name="fk_id_page", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("document", "domain")
    op.add_column("page", sa.Column("link", sa.String(), nullable=True))
    op.add_column("source", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("source", "paused_at")
    op.drop_column("page", "link")
    op.drop_table("document")
    op.drop_index("uq_chunk_personal", table_name="blob_chunk")
    op.drop_index("uq_chunk_own", table_name="blob_chunk")
    op.drop_table("blob_chunk")
    op.drop_index(op.f("ix_personal_blob_subject_id"), table_name="personal_blob")
    op.drop_table("personal_blob")
    op.drop_table("own_blob")

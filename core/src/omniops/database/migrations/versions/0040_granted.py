"""Who gave the access of a connection.

Revision 0040.
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connection", sa.Column("granted_by", sa.LargeBinary(), nullable=True))
    op.create_index(
        "ix_connection_granted_by",
        "connection",
        ["granted_by"],
        unique=False,
        postgresql_where=sa.text("granted_by is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_connection_granted_by", table_name="connection")
    op.drop_column("connection", "granted_by")

"""When pages are visited again, who owns a host, and one pace per host.

Revision 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
FIRST = "86400"


def upgrade() -> None:
    op.add_column("source", sa.Column("due_at", MOMENT, nullable=True))
    op.add_column("source", sa.Column("look_at", MOMENT, nullable=True))
    op.add_column("source", sa.Column("look_interval", sa.Integer(), nullable=False, server_default=FIRST))
    op.create_index("ix_source_due_at", "source", ["due_at"])
    op.add_column("page", sa.Column("fingerprint", sa.LargeBinary(), nullable=True))
    op.add_column("page", sa.Column("visited_at", MOMENT, nullable=True))
    op.add_column("page", sa.Column("visit_at", MOMENT, nullable=True))
    op.add_column("page", sa.Column("interval", sa.Integer(), nullable=False, server_default=FIRST))
    op.add_column("page", sa.Column("hint", sa.String(), nullable=False, server_default="none"))
    op.create_index("ix_page_visit", "page", ["domain_id", "source_id", "visit_at"])
    op.create_index("ix_page_fingerprint", "page", ["domain_id", "source_id", "fingerprint"])
    op.add_column("crawl", sa.Column("kind", sa.String(), nullable=False, server_default="full"))
    op.create_table(
        "ownership",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=True),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("verified_at", MOMENT, nullable=True),
        sa.Column("checked_at", MOMENT, nullable=True),
        sa.Column("lost_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("ownership", "domain")
    op.create_index("uq_ownership_host", "ownership", ["domain_id", "host"], unique=True)
    op.create_table(
        "host_pace",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("free_at", MOMENT, nullable=False),
        sa.Column("shut_until", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("host"),
    )
    op.scope_table("host_pace", None)
    op.execute("grant insert, update, delete on host_pace to omniops_app")


def downgrade() -> None:
    op.drop_table("host_pace")
    op.drop_table("ownership")
    op.drop_column("crawl", "kind")
    op.drop_index("ix_page_fingerprint", "page")
    op.drop_index("ix_page_visit", "page")
    for column in ("hint", "interval", "visit_at", "visited_at", "fingerprint"):
        op.drop_column("page", column)
    op.drop_index("ix_source_due_at", "source")
    for column in ("look_interval", "look_at", "due_at"):
        op.drop_column("source", column)

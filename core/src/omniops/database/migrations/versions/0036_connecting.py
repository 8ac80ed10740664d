"""Connections of several kinds, their features, scopes and memory; what happened to them; the way to the other side.

Revision 0036.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("connection", sa.Column("kind", sa.String(), nullable=True))
    op.execute("update connection set kind = plugin")
    op.alter_column("connection", "kind", nullable=False)
    op.add_column("connection", sa.Column("memory", sa.LargeBinary(), nullable=True))
    for name, empty in (("wanted", "{}"), ("lookups", "[]")):
        op.add_column("connection", sa.Column(name, JSONB, nullable=False, server_default=empty))
        op.alter_column("connection", name, server_default=None)
    op.add_column("connection", sa.Column("granted", JSONB, nullable=True))
    for name in ("expires_at", "ends_at", "warned_at", "forced_at"):
        op.add_column("connection", sa.Column(name, TIME, nullable=True))
    op.add_column("connection_consent", sa.Column("feature", sa.String(), nullable=False, server_default=""))
    op.add_column("connection_consent", sa.Column("features", JSONB, nullable=False, server_default="[]"))
    for name in ("feature", "features"):
        op.alter_column("connection_consent", name, server_default=None)
    op.create_table(
        "connection_event",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("detail", JSONB, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("connection_event", "domain", append_only=True)
    op.create_index("ix_connection_event_of", "connection_event", ["domain_id", "connection_id", "id"], unique=False)
    op.create_table(
        "connection_grant",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=True),
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("entered", sa.LargeBinary(), nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=True),
        sa.Column("session_hash", sa.LargeBinary(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("wanted", JSONB, nullable=False),
        sa.Column("agreed", JSONB, nullable=False),
        sa.Column("asked", JSONB, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("said", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("connection_grant", "domain")


def downgrade() -> None:
    op.drop_table("connection_grant")
    op.drop_table("connection_event")
    for name in ("feature", "features"):
        op.drop_column("connection_consent", name)
    for name in ("kind", "memory", "wanted", "granted", "lookups", "expires_at", "ends_at", "warned_at", "forced_at"):
        op.drop_column("connection", name)

"""A consent has an end, its entries carry what plugins said, and a yes by mail waits for its confirmation.

Revision 0016. Consents that stand get the age that the banner always kept: 180 days from their newest yes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ENDS = """
update omniops.subject s set consents_until = ends.until, consents_end = ends.first
from (
  select one.home_id, one.id, jsonb_object_agg(one.purpose, to_char(one.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')) as until,
    min(one.at) as first
  from (
    select p.home_id, p.id, p.purpose, coalesce(max(e.created_at), p.created_at) + interval '180 days' as at
    from (select home_id, id, created_at, (jsonb_each_text(consents)).* from omniops.subject)
      as p (home_id, id, created_at, purpose, state)
    left join omniops.consent_event e on e.home_id = p.home_id and e.subject_id = p.id and e.purpose = p.purpose
      and e.answer in ('given', 'renewed')
    where p.state = 'given'
    group by p.home_id, p.id, p.purpose, p.created_at
  ) as one
  group by one.home_id, one.id
) as ends
where s.home_id = ends.home_id and s.id = ends.id
"""  # noqa: E501
JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.add_column("subject", sa.Column("consents_until", JSON, nullable=False, server_default="{}"))
    op.add_column("subject", sa.Column("consents_end", sa.DateTime(timezone=True), nullable=True))
    op.add_column("subject", sa.Column("child_below", sa.Integer(), nullable=True))
    op.add_column("subject", sa.Column("parent_verified_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_subject_consents_end", "subject", ["consents_end"], postgresql_where=sa.text("consents_end is not null")
    )
    op.execute(ENDS)
    op.add_column("consent_event", sa.Column("before", sa.String(), nullable=True))
    op.add_column("consent_event", sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("consent_event", sa.Column("vetoes", JSON, nullable=False, server_default="[]"))
    op.add_column("consent_event", sa.Column("statement", JSON, nullable=False, server_default="{}"))
    op.create_table(
        "consent_request",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("email", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_email", sa.LargeBinary(), nullable=True),
        sa.Column("notice_id", sa.String(), nullable=False),
        sa.Column("notice_version", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("jurisdiction", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("consent_request", "domain")
    op.create_index(op.f("ix_consent_request_subject_id"), "consent_request", ["subject_id"], unique=False)
    op.create_index("uq_consent_request_hash", "consent_request", ["domain_id", "hash"], unique=True)
    op.create_index("ix_consent_request_expires", "consent_request", ["expires_at"], unique=False)
    op.create_table(
        "connection_consent",
        sa.Column("domain_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("receivers", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("domain_id", "id"),
    )
    op.scope_table("connection_consent", "domain", append_only=True)


def downgrade() -> None:
    op.drop_table("connection_consent")
    op.drop_table("consent_request")
    for column in ("statement", "vetoes", "valid_until", "before"):
        op.drop_column("consent_event", column)
    op.drop_index("ix_subject_consents_end", table_name="subject")
    for column in ("parent_verified_at", "child_below", "consents_end", "consents_until"):
        op.drop_column("subject", column)

"""The audit's signed segments and heads, entries that wait for the chain, and the function that appends.

Revision 0017.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# As the chain has always been hashed: JSON without blanks, keys in order. `json` keeps a text to the byte.
COMPACT = """
create function omniops.audit_compact(_value jsonb) returns text language plpgsql immutable as $$
begin
    if jsonb_typeof(_value) = 'object' then
        return '{' || coalesce((
            select string_agg(to_json(key) || ':' || omniops.audit_compact(value), ',' order by key collate "C")
            from jsonb_each(_value)), '') || '}';
    elsif jsonb_typeof(_value) = 'array' then
        return '[' || coalesce((
            select string_agg(omniops.audit_compact(value), ',' order by place)
            from jsonb_array_elements(_value) with ordinality as one (value, place)), '') || ']';
    end if;
    return _value::text;
end $$
"""

# The text that an entry's hash is of. The one place where it is written: appending, verifying and exporting call it.
RECORD = """
create function omniops.audit_record(
    _account uuid, _seq integer, _at timestamptz, _actor text, _action text, _object text, _refs json,
    _purpose text, _detail json, _before bytea
) returns text language sql stable parallel safe
as $$
    select '["' || _account || '",' || _seq || ',"'
        || to_char(_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00",'
        || to_json(_actor) || ',' || to_json(_action) || ',' || to_json(_object) || ',' || _refs || ','
        || to_json(_purpose) || ',' || _detail || ',"' || encode(_before, 'hex') || '"]'
$$
"""

# A whole batch in one statement. Accounts are taken in order, so that two writers never wait in a circle.
APPEND = """
create function omniops.audit_append(
    _accounts uuid[], _ats timestamptz[], _actors text[], _actions text[], _objects text[], _refs text[],
    _purposes text[], _details text[], _also uuid[]
) returns void language plpgsql set search_path = omniops, pg_temp
as $$
declare
    _account uuid;
    _seq integer;
    _before bytea;
    _hash bytea;
    _entry record;
begin
    for _account in select distinct one from unnest(_accounts || _also) as one order by one loop
        perform set_config('omniops.account', _account::text, true);
        insert into audit_head (account_id, seq, hash) values (_account, 0, decode(repeat('00', 32), 'hex'))
            on conflict do nothing;
        select h.seq, h.hash into _seq, _before from audit_head h where h.account_id = _account for update;
        for _entry in
            with waiting as (
                delete from audit_waiting w where w.account_id = _account
                returning w.id, w.at, w.actor, w.action, w.object, w.subject_refs, w.purpose, w.detail
            )
            select w.at, w.actor, w.action, w.object, w.subject_refs as refs, w.purpose, w.detail,
                0 as turn, w.id, 0 as place
            from waiting w
            union all
            select e.at, e.actor, e.action, e.object, e.refs::json, e.purpose, e.detail::json, 1, null, e.place
            from unnest(_accounts, _ats, _actors, _actions, _objects, _refs, _purposes, _details) with ordinality
                as e (account, at, actor, action, object, refs, purpose, detail, place)
            where e.account = _account
            order by turn, id, place
        loop
            _seq := _seq + 1;
            _hash := sha256(convert_to(audit_record(_account, _seq, _entry.at, _entry.actor, _entry.action,
                _entry.object, _entry.refs, _entry.purpose, _entry.detail, _before), 'UTF8'));
            insert into audit_entry
                (account_id, seq, at, actor, action, object, subject_refs, purpose, detail, prev_hash, hash)
            values (_account, _seq, _entry.at, _entry.actor, _entry.action, _entry.object, _entry.refs,
                _entry.purpose, _entry.detail, _before, _hash);
            _before := _hash;
        end loop;
        update audit_head h set seq = _seq, hash = _before where h.account_id = _account and h.seq <> _seq;
    end loop;
end $$
"""
FUNCTIONS = (
    "omniops.audit_record(uuid, integer, timestamptz, text, text, text, json, text, json, bytea)",
    "omniops.audit_append(uuid[], timestamptz[], text[], text[], text[], text[], text[], text[], uuid[])",
)


def upgrade() -> None:
    op.execute(COMPACT)
    for column in ("subject_refs", "detail"):
        op.alter_column(
            "audit_entry",
            column,
            type_=postgresql.JSON(),
            postgresql_using=f"omniops.audit_compact({column})::json",
        )
    op.execute("drop function omniops.audit_compact(jsonb)")
    op.create_index("ix_audit_entry_at", "audit_entry", ["account_id", "at"], unique=False)
    op.create_table(
        "audit_waiting",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("object", sa.String(), nullable=False),
        sa.Column("subject_refs", postgresql.JSON(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("detail", postgresql.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id"),
    )
    op.scope_table("audit_waiting", "account")
    op.create_table(
        "audit_signed_head",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.scope_table("audit_signed_head", None)
    op.create_table(
        "audit_segment",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=False),
        sa.Column("end", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("newest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("head", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("path", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "number"),
    )
    op.scope_table("audit_segment", "account", append_only=True)
    op.execute(RECORD)
    op.execute(APPEND)
    for function in FUNCTIONS:
        op.execute(f"revoke all on function {function} from public")
        op.execute(f"grant execute on function {function} to omniops_app, omniops_system")


def downgrade() -> None:
    for function in reversed(FUNCTIONS):
        op.execute(f"drop function {function}")
    op.drop_table("audit_segment")
    op.drop_table("audit_signed_head")
    op.drop_table("audit_waiting")
    op.drop_index("ix_audit_entry_at", table_name="audit_entry")
    for column in ("subject_refs", "detail"):
        op.alter_column(
            "audit_entry",
            column,
            type_=postgresql.JSONB(astext_type=sa.Text()),
            postgresql_using=f"{column}::jsonb",
        )

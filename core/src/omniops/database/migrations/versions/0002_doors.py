"""What the doors need beyond tables: the look-up before a scope is known, and a ledger that can be closed, not changed.

Revision 0002, after 0001.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

RESOLVE = """
create function omniops.omniops_resolve(_kind text, _hash bytea)
returns table (account_id uuid, domain_id uuid)
language sql stable security definer set search_path = omniops, pg_temp
as $$ select l.account_id, l.domain_id from lookup l where l.kind = _kind and l.hash = _hash $$
"""

SCOPE = "account_id = (select nullif(current_setting('omniops.account', true), '')::uuid)"


def upgrade() -> None:
    # The function runs as the owner; FORCE filters the owner too, so it gets the one policy that lets it look.
    op.execute("alter table omniops.lookup enable row level security")
    op.execute("alter table omniops.lookup force row level security")
    op.execute(f"create policy scope on omniops.lookup for all to omniops_app using ({SCOPE}) with check ({SCOPE})")
    op.execute("create policy resolve on omniops.lookup for select to omniops_owner using (true)")
    op.execute("create policy system on omniops.lookup for all to omniops_system using (true) with check (true)")
    op.execute("grant insert, update, delete on omniops.lookup to omniops_app")
    op.execute(RESOLVE)
    op.execute("revoke all on function omniops.omniops_resolve(text, bytea) from public")
    op.execute("grant execute on function omniops.omniops_resolve(text, bytea) to omniops_app, omniops_system")
    op.execute("grant insert, update, delete on omniops.throttle to omniops_app")
    op.execute("grant update (tls, bytes_out, bytes_in, outcome, ended_at) on omniops.egress_entry to omniops_app")


def downgrade() -> None:
    op.execute("drop function omniops.omniops_resolve(text, bytea)")

"""The queue: procrastinate's own schema, read from the installed package, and the one function that enqueues.

Revision 0003, after 0002.
"""

from importlib.resources import files

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The app role enqueues through this function inside its own transaction, without any right to the queue's tables. A
# duplicate queueing lock gives null instead of an error, so the caller's transaction stays alive.
ENQUEUE = """
create function jobs.omniops_enqueue(_task text, _args jsonb, _queue text default 'default', _lock text default null,
    _queueing_lock text default null, _priority int default 0, _at timestamptz default null)
returns bigint language plpgsql security definer set search_path = jobs, pg_temp as $$
begin
  return (procrastinate_defer_jobs_v1(array[row(_queue, _task, _priority, _lock, _queueing_lock, _args, _at)
      ::procrastinate_job_to_defer_v1]))[1];
exception when unique_violation then
  return null;
end $$
"""
SIGNATURE = "jobs.omniops_enqueue(text, jsonb, text, text, text, int, timestamptz)"


def upgrade() -> None:
    op.execute("set local search_path = jobs")
    # Straight to the driver: SQLAlchemy would take the percent signs in the functions for parameters.
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    driver.execute(files("procrastinate").joinpath("sql/schema.sql").read_text())
    op.execute(ENQUEUE)
    op.execute(f"revoke all on function {SIGNATURE} from public")
    op.execute(f"grant execute on function {SIGNATURE} to omniops_app, omniops_system, omniops_jobs")
    op.execute("set local search_path = omniops")


def downgrade() -> None:
    op.execute("drop schema jobs cascade")

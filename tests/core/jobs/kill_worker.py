"""A worker process for the kill test: runs `test:effect` jobs until it is told to stop, or killed."""

import asyncio
import os
import signal

from omniops.contracts.scope import Scope
from omniops.database.links import Link, Links
from omniops.database.service import Database
from omniops.jobs.service import Jobs, Task, Timing
from omniops.testing.fakes import RecordingLog
from sqlalchemy import text


async def main() -> None:
    app, jobs_link = Link.parse(os.environ["TEST_LINKS"]), Link.parse(os.environ["TEST_JOBS"])
    database = Database(Links(admin=app, owner=app, app=app, pooled=None, jobs=jobs_link, system=app))

    async def effect(scope: Scope, key: str) -> None:
        async with database.session(scope) as session:
            connection = await session.connection()
            await connection.execute(
                text("insert into jobs.test_effect (key) values (:key) on conflict do nothing"), {"key": key}
            )
            await session.commit()

    jobs = Jobs(database, RecordingLog(), Timing(heartbeat=0.2, stalled=0.6, rescue="* * * * * *"))
    jobs.register(Task("test:effect", effect))
    work = asyncio.create_task(jobs.work(concurrency=10))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    await asyncio.gather(work, return_exceptions=True)
    await database.close()


asyncio.run(main())

"""A vault with nights of its own: its root is a copy of the server's, so what is destroyed here is so only here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from omniops import Scope, seal
from omniops.accounts.members import Members
from omniops.accounts.throttle import Throttle
from omniops.jobs.service import Jobs
from omniops.testing.fakes import ManualClock, RecordingLog
from omniops.testing.rooms import Rooms
from omniops.vault.mirror import Mirror
from omniops.vault.nights import Nights
from omniops.vault.roots import FolderRoot
from sqlalchemy import text

PASSWORD = "correct horse battery"


def members_of(rooms: Rooms, clock: ManualClock) -> Members:
    return Members(rooms.database, rooms.vault, rooms.audit, Throttle(rooms.database, "test"), clock)


@dataclass
class House:
    rooms: Rooms
    nights: Nights
    root: FolderRoot
    clock: ManualClock
    log: RecordingLog
    mirror: Mirror

    async def sleep(self, nights: int = 1):
        """So many days go by, each with its night. The last night's report."""
        for _ in range(nights):
            self.clock.forward(days=1)
            night = await self.nights.night()
        return night

    async def sql(self, statement, **values):
        async with self.rooms.database.system("test") as session:
            rows = await (await session.connection()).execute(text(statement), values)
            found = rows.all() if rows.returns_rows else []
            await session.commit()
        return found

    async def member(self, email: str) -> Members:
        """Somebody who signed up with that address; signs in with `PASSWORD`."""
        account = (await self.rooms.domain()).account_id
        members = members_of(self.rooms, self.clock)
        token = await members.setup_link(account)
        await members.finish_setup(token, email=email, name="M", password=PASSWORD)
        return members

    async def person(self, table, scope: Scope, email: str):
        row = table(
            domain_id=scope.domain_id,
            subject_id=await self.rooms.subject(scope),
            email=seal(email),
            note=seal(f"note of {email}"),
            token=seal("sk-123"),
        )
        async with self.rooms.database.session(scope) as session:
            session.add(row)
            await session.commit()
        return row


@asynccontextmanager
async def opened(postgres, links, folder) -> AsyncIterator[House]:
    root, clock, log = postgres.copy_keys(folder / "keys"), ManualClock(), RecordingLog()
    async with Rooms.open(links, root, clock) as rooms:
        mirror = Mirror(folder / "mirror", root, clock, log)
        rooms.vault.on_shred(mirror.shredded)
        nights = Nights(
            rooms.database, root, rooms.audit, Jobs(rooms.database, log), mirror, days=7, clock=clock, log=log
        )
        yield House(rooms, nights, root, clock, log, mirror)

"""Changes of the register, told to accounts before they take effect (Art. 28(2) GDPR): a new processor, or a new
country or category of an old one, receives nothing of an account until it agreed or had time to object.

What was told is kept as facts. The first look of a deployment remembers what is there: nobody is told of what they
found when they came. What a business connects itself needs no notice: connecting is its decision.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.models import Account
from omniops.accounts.service import Accounts
from omniops.audit.service import Audit, Entry
from omniops.contracts.declaration import Processor
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.jobs.service import MAINTENANCE, Jobs, Task
from omniops.mail.service import Post
from omniops.privacy.register import BOUND, ProcessorRegister
from omniops.privacy.register_models import ProcessorNotice
from omniops.privacy.transfers import own_machine
from omniops.vault.service import Vault

Decision = Literal["agreed", "objected"]
ACTOR = Actor.system("privacy.tell")
_BEGUN = ("", "begun", "")
_KNOWN = text("select processor, what, value from processor_fact")
_ANNOUNCE = text(
    "insert into processor_fact (processor, what, value, since, until)"
    " select processor, what, value, :since, :until"
    " from jsonb_to_recordset(cast(:facts as jsonb)) as new (processor text, what text, value text)"
    " on conflict do nothing returning processor, what, value"
)
_RUNNING = text("select 1 from processor_fact where until > :now limit 1")
_WHAT = {"party": "company", "country": "country", "category": "kind of data"}


@dataclass(frozen=True, slots=True)
class NoticeView:
    """What an account was told. `state` is `waiting`, `agreed`, `objected` or, after the period, `silent`."""

    id: UUID
    processor: str
    party: str
    changes: Sequence[tuple[str, str]]
    announced_at: datetime
    ends_at: datetime
    state: str
    answered_at: datetime | None


class Changes:
    """Finds what is new, tells every account, and takes their answers."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        audit: Audit,
        accounts: Accounts,
        register: ProcessorRegister,
        mail: Post,
        jobs: Jobs,
        clock: Clock,
        *,
        days: int,
    ) -> None:
        """`days` is the period in which accounts may object."""
        self._database = database
        self._vault = vault
        self._audit = audit
        self._accounts = accounts
        self._register = register
        self._mail = mail
        self._clock = clock
        self._period = timedelta(days=days)
        jobs.register(Task("privacy:tell_processors", self.tell, queue=MAINTENANCE, cron="17 * * * *"))

    async def keep(self) -> None:
        """Remembers what the plugins of this process declare, and gives every account a notice of what is new. Safe to
        run in every process at once: of several that find the same news, one tells it."""
        facts = {_BEGUN} | {fact for entry in self._register.all() for fact in _facts(entry.processor)}
        async with self._database.connect() as connection:
            known = {tuple(row) for row in (await connection.execute(_KNOWN)).all()}
        if facts <= known:
            return
        now = self._clock.now()
        first = _BEGUN not in known
        async with self._database.system("register: tell accounts of changes") as session:
            accounts = [] if first else list((await session.exec(select(Account.account_id))).all())
            ends = now + self._period if accounts else now
            new = await self._announce(session, facts - known, now, ends)
            for account_id in accounts:
                session.add_all(self._notice(account_id, key, changes, now, ends) for key, changes in new.items())
            await session.commit()
        for account_id in accounts:
            for key in new:
                told = {"processor": key}
                await self._audit.write(Entry(account_id, str(ACTOR), "register.announce", "processor", detail=told))

    async def notices(self, account_id: UUID) -> list[NoticeView]:
        """What an account was told, oldest first."""
        now = self._clock.now()
        async with self._database.session(Scope(account_id)) as session:
            statement = select(ProcessorNotice).where(ProcessorNotice.account_id == account_id)
            rows = (await session.exec(statement.order_by(col(ProcessorNotice.id)))).all()
        return [_view(row, now) for row in rows]

    async def answer(self, account_id: UUID, key: str, decision: Decision, *, actor: Actor) -> int:
        """An account's answer to all that it was told of a processor; a later answer takes the place of an earlier one.
        Returns the number of notices. Raises `NotFound` where it was told nothing."""
        async with self._database.session(Scope(account_id)) as session:
            statement = select(ProcessorNotice).where(
                ProcessorNotice.account_id == account_id, ProcessorNotice.processor == key
            )
            rows = (await session.exec(statement.with_for_update())).all()
            if not rows:
                raise NotFound(f"No notice told this account of a processor {key!r}.")
            for row in rows:
                row.answer, row.answered_at, row.answered_by = decision, self._clock.now(), str(actor)
                session.add(row)
            await session.commit()
        self._register.terms.forget()
        await self._audit.write(
            Entry(account_id, str(actor), f"register.{decision}", "processor", detail={"processor": key})
        )
        return len(rows)

    async def agree_alone(self, key: str, *, actor: Actor) -> None:
        """Where there is one account, the operator is the business: what it signs, it agrees to. Accounts in which
        probes act are nobody's."""
        async with self._database.system("register: is there one account") as session:
            businesses = select(Account.account_id).where(col(Account.for_probes).is_(False))
            accounts = (await session.exec(businesses.limit(2))).all()
        if len(accounts) != 1:
            return
        waiting = [one for one in await self.notices(accounts[0]) if one.processor == key and one.state == "waiting"]
        if waiting:
            await self.answer(accounts[0], key, "agreed", actor=actor)

    async def tell(self, timestamp: int | None = None) -> None:
        """While accounts may object: hands in mail about notices that were not mailed yet, to the owners and admins of
        each account. Where no plugin sends mail they stay in the list that API and commands show."""
        async with self._database.connect() as connection:
            running = (await connection.execute(_RUNNING, {"now": self._clock.now()})).first()
        if running is None or self._mail.mailer() is None:
            return
        async with self._database.system("register: notices to mail") as session:
            statement = select(ProcessorNotice).where(col(ProcessorNotice.mailed_at).is_(None))
            waiting = (await session.exec(statement.order_by(col(ProcessorNotice.id)))).all()
        for notice in waiting:
            await self._tell(notice)

    async def _tell(self, notice: ProcessorNotice) -> None:
        scope = Scope(notice.account_id)
        domains = [one for one in await self._accounts.domains(notice.account_id) if not one.sandbox]
        addresses = await self._mail.admins(scope)
        if not domains or not addresses:
            return
        subject, words = _words(notice)
        async with self._database.session(domains[0].scope) as session:
            row = await session.get(ProcessorNotice, (notice.account_id, notice.id), with_for_update=True)
            if row is None or row.mailed_at is not None:
                return
            for number, address in enumerate(addresses):
                await self._mail.send(
                    domains[0].scope,
                    to=address,
                    kind="notice",
                    subject=subject,
                    text=words,
                    key=f"{notice.id}-{number}",
                    session=session,
                )
            row.mailed_at = self._clock.now()
            session.add(row)
            await session.commit()

    async def _announce(
        self, session: AsyncSession, facts: set[tuple[str, str, str]], now: datetime, ends: datetime
    ) -> dict[str, list[list[str]]]:
        rows = [{"processor": key, "what": what, "value": value} for key, what, value in sorted(facts)]
        connection = await session.connection()
        told = await connection.execute(_ANNOUNCE, {"since": now, "until": ends, "facts": json.dumps(rows)})
        new: dict[str, list[list[str]]] = defaultdict(list)
        for row in told.all():
            if row.processor:
                new[row.processor].append([row.what, row.value])
        return new

    def _notice(
        self, account_id: UUID, key: str, changes: list[list[str]], now: datetime, ends: datetime
    ) -> ProcessorNotice:
        entry = self._register.get(key)
        assert entry is not None
        return ProcessorNotice(
            account_id=account_id,
            processor=key,
            party=entry.processor.party,
            changes=changes,
            announced_at=now,
            ends_at=ends,
        )


def _facts(processor: Processor) -> set[tuple[str, str, str]]:
    if processor.role not in BOUND or own_machine(processor.hosts):
        return set()
    return {
        (processor.key, "party", processor.party),
        *((processor.key, "country", country) for country in processor.countries),
        *((processor.key, "category", category) for category in processor.categories),
    }


def _view(row: ProcessorNotice, now: datetime) -> NoticeView:
    state = row.answer or ("waiting" if now < row.ends_at else "silent")
    changes = [(what, value) for what, value in row.changes]
    return NoticeView(row.id, row.processor, row.party, changes, row.announced_at, row.ends_at, state, row.answered_at)


def _words(notice: ProcessorNotice) -> tuple[str, str]:
    new = "\n".join(f"- {_WHAT.get(what, what)}: {value}" for what, value in notice.changes)
    ends = f"{notice.ends_at:%d %B %Y, %H:%M} UTC"
    return (
        f"New in the list of processors: {notice.party}",
        f"{notice.party} is to receive data of your visitors. New is:\n\n{new}\n\n"
        f"It receives nothing of yours before {ends}. Until then you can object, and it never will; or agree, and it "
        "may at once. Both are in the privacy settings of your account, and your operator can do it for you.",
    )

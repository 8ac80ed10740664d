"""How long data is kept: chats, accounts, the access log, and what a business may change about that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from omniops.audit.service import Entry
from omniops.contracts.proof import Probe, Sabotage, Stage, hold
from omniops.errors import Refused
from omniops.privacy.catalog import ACCOUNT_DAYS_AFTER
from omniops.proof.probes.acts import ACTOR, spoken
from omniops.proof.probes.counting import VisitsExpire
from omniops.proof.probes.doors import POLICY, LocksHold

(LAST_DAYS,) = VisitsExpire.sabotages
MARGIN = timedelta(hours=1)
_OF_A_CHAT = ("message", "turn", "conversation_event", "visitor_session", "conversation")


class ChatsExpire(Probe):
    """Chats on both sides of their last day."""

    claims = ("P77",)
    sabotages = (LAST_DAYS,)

    async def run(self, stage: Stage) -> str:
        days = stage.runtime.catalog.retention["chat"].days
        old, young = await _chat_of(stage, days + 1), await _chat_of(stage, days - 1)
        await stage.runtime.privacy.retention.sweep(stage.domain.scope)
        left = await _left(stage, old)
        hold(not left, f"Of a chat of {days + 1} days there is still a row in {', '.join(left)}.")
        left = await _left(stage, young)
        hold({"message", "conversation"} <= set(left), f"A chat of {days - 1} days is gone.")
        return f"Of two chats, {days + 1} and {days - 1} days old, the sweep took the first whole and left the second."


class OnlyShorter(Probe):
    """A shorter and a longer period, set by a member."""

    claims = ("P82",)
    sabotages = (
        Sabotage(
            "omniops.privacy.retention.rules:check_shorter",
            "the rule that periods only become shorter",
            lambda _: lambda *_: None,
        ),
    )
    rests_on = (LAST_DAYS.object,)

    async def run(self, stage: Stage) -> str:
        path = f"/v1/domains/{stage.domain.id}/retention/chat"
        most = stage.runtime.catalog.retention["chat"].days
        short = most // 3
        old, young = await _chat_of(stage, short + 1), await _chat_of(stage, short - 1)
        async with stage.office() as office:
            try:
                longer = (await office.put(path, json={"days": most + 30})).status_code
                hold(longer == 422, f"A period of {most + 30} days was answered with {longer}.")
                status = (await office.put(path, json={"days": short})).status_code
                hold(status == 204, f"A period of {short} days was answered with {status}.")
                await stage.runtime.privacy.retention.sweep(stage.domain.scope)
            finally:
                await office.delete(path)
        hold(not await _left(stage, old), f"With {short} days, a chat of {short + 1} days is still there.")
        hold(await _left(stage, young), f"With {short} days, a chat of {short - 1} days is gone.")
        return f"{most + 30} days were refused; with {short} days, a chat of {short + 1} days went with the next sweep."


class ClosedAccountsEnd(Probe):
    """An account of its own that is closed, and what is left of it on both sides of its last day."""

    claims = ("P80",)
    sabotages = (
        Sabotage(
            "omniops.privacy.retention.closing:ACCOUNT_DAYS_AFTER",
            "the last day of accounts",
            lambda days: days + 36_500,
        ),
        *LocksHold.sabotages,
    )
    rests_on = (POLICY,)

    async def run(self, stage: Stage) -> str:
        closing = stage.runtime.privacy.retention.closing
        async with an_account(stage) as domain:
            account = domain.scope.account_id
            _, row = await spoken(stage, "Keep me.", domain)
            other, _ = await spoken(stage, "Erase me.", domain)
            hold(await _opens(stage, row), "The message did not open while the account was live.")
            await closing.close(account, actor=ACTOR)
            hold(not await _opens(stage, row), "A message of a closed account opens for a product purpose.")
            await stage.runtime.privacy.persons.erase(domain.scope, other.subject_id, actor=ACTOR)
            hold(not await _left(stage, other.subject_id), "After an erasure in a closed account, rows are left.")
            await _closed(stage, account, ACCOUNT_DAYS_AFTER - 1)
            await closing.end(account)
            hold(await _left(stage, row.subject_id), f"{ACCOUNT_DAYS_AFTER - 1} days after its end, data is gone.")
            await _closed(stage, account, ACCOUNT_DAYS_AFTER + 1)
            await closing.end(account)
            hold(not await _left(stage, row.subject_id), f"{ACCOUNT_DAYS_AFTER + 1} days after its end, data is left.")
            keys = "select count(*) from vault.subject_key where account_id = %s and wrapped is not null"
            hold(await stage.rows(keys, account) == [(0,)], "A key of an ended account is left.")
            here = "select count(*) from omniops.account where account_id = %s"
            hold(await stage.rows(here, account) == [(0,)], "The row of an ended account is left.")
        return (
            "A closed account opened for no use, and an erasure in it was done;"
            f" its data was there {ACCOUNT_DAYS_AFTER - 1} days later, and gone with its keys after"
            f" {ACCOUNT_DAYS_AFTER + 1}."
        )


class LogExpires(Probe):
    """The access log of an account of its own, on both sides of its last day."""

    claims = ("P81",)
    sabotages = (Sabotage("omniops.privacy.room:AUDIT_DAYS", "the last day of the log", lambda days: days * 100),)

    async def run(self, stage: Stage) -> str:
        keep = stage.runtime.catalog.retention["audit"].days
        async with stage.beside() as beside:
            own = beside.stage
            account, heads = own.domain.scope.account_id, own.runtime.privacy.heads
            await self._noted(own, 3)
            before = await self._entries(own)
            await heads.sign()
            beside.ahead(keep - 1)
            await self._noted(own, 1)
            await heads.expire()
            hold(await self._entries(own) > before, "Entries of the log are gone a day before their last day.")
            beside.ahead(2)
            await heads.expire()
            left = await self._entries(own)
            hold(left == 1, f"{left - 1} entries of the log are left a day after their last day.")
            verdict = await own.runtime.audit.verify(account)
            hold(verdict.broken is None, "What is left of the log cannot be checked any more.")
            hold((verdict.entries, verdict.expired) == (1, before), "What expired is not what the check says.")
        return f"{before} entries were there a day before their last day and gone a day after; the rest still checks."

    async def _noted(self, stage: Stage, count: int) -> None:
        for _ in range(count):
            await stage.runtime.audit.write(Entry(stage.domain.scope.account_id, str(ACTOR), "proof.noted", "account"))
        await stage.runtime.audit.chain_now()

    async def _entries(self, stage: Stage) -> int:
        statement = "select count(*) from omniops.audit_entry where account_id = %s"
        ((count,),) = await stage.rows(statement, stage.domain.scope.account_id)
        return int(count)


@asynccontextmanager
async def an_account(stage: Stage, origin: str = "") -> AsyncIterator[Any]:
    """A domain of an account that exists for one probe, and is ended afterwards; or by the next night, where the ending
    is what was switched off."""
    runtime = stage.runtime
    account = await runtime.accounts.create("Proof (for a moment)", actor=ACTOR)
    origin = origin or f"https://{stage.token('proof')}.invalid"
    try:
        yield await runtime.accounts.add_domain(account, "Proof", [origin], sandbox=True, actor=ACTOR)
    finally:
        closing = runtime.privacy.retention.closing
        await _closed(stage, account, ACCOUNT_DAYS_AFTER + 1)
        await closing.end(account)


async def _closed(stage: Stage, account: Any, days: int) -> None:
    """Dates the closing of an account back."""
    at = stage.runtime.clock.now() - timedelta(days=days)
    await stage.rows("update omniops.account set closed_at = %s where account_id = %s", at, account)


async def _chat_of(stage: Stage, days: int) -> Any:
    """A test person all of whose chat is so old."""
    visitor, _ = await spoken(stage, "How long is this kept?")
    at = stage.runtime.clock.now() - timedelta(days=days) - MARGIN
    for table in _OF_A_CHAT:
        statement = f"update omniops.{table} set created_at = %s where subject_id = %s"  # noqa: S608
        await stage.rows(statement, at, visitor.subject_id)
    await stage.rows("update omniops.subject set created_at = %s where id = %s", at, visitor.subject_id)
    return visitor.subject_id


async def _left(stage: Stage, subject: Any) -> list[str]:
    """Where rows of a test person's chat are."""
    found = []
    for table in _OF_A_CHAT:
        statement = f"select count(*) from omniops.{table} where subject_id = %s"  # noqa: S608
        ((rows,),) = await stage.rows(statement, subject)
        if rows:
            found.append(table)
    return found


async def _opens(stage: Stage, row: Any) -> bool:
    try:
        opened = await stage.runtime.vault.open([row], purpose="chat.respond", actor=ACTOR)
        opened(row.text)
    except Refused:
        return False
    return True

"""The vault's door and the walls inside: purposes, locks, objections, the log, businesses, roles, secrets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from omniops.audit.chain import Broken, Walk
from omniops.audit.reading import end_of, record_of, stretches
from omniops.contracts.proof import Probe, Sabotage, Stage, hold
from omniops.contracts.scope import Scope
from omniops.database.marks import personal_columns
from omniops.errors import Refused
from omniops.privacy.catalog import Catalog
from omniops.proof.probes.acts import ACTOR, ask, conversation, spoken, subject_state
from omniops.proof.probes.collecting import NO_ENCRYPTION

POLICY = "runtime:vault._policy"
DECIDE = "omniops.privacy.policy:decide"
LAWFUL = frozenset({"rights.answer", "legal.defend", "consent.keep", "breach.handle"})
"""What a lock leaves open: the person's own rights and warnings, legal claims, and the record of choices (Art. 18(2)
GDPR)."""
READS = 5


class _Anything:
    def knows(self, purpose: str) -> bool:
        return True

    def decide(self, *_: Any) -> None:
        return None


async def _opens(stage: Stage, row: Any, purpose: str) -> bool:
    try:
        opened = await stage.runtime.vault.open([row], purpose=purpose, actor=ACTOR)
        opened(row.text)
    except Refused:
        return False
    return True


class PurposesAreAsked(Probe):
    """A message without a purpose, and with invented ones."""

    claims = ("P29",)
    sabotages = (Sabotage(POLICY, "the question for the purpose", lambda _: _Anything()),)

    async def run(self, stage: Stage) -> str:
        _, row = await spoken(stage, "What is my purpose?")
        hold(await _opens(stage, row, "chat.respond"), "The message does not open for its own purpose.")
        for purpose in ("", "sell", "marketing", "anything", "account.manage"):
            hold(not await _opens(stage, row, purpose), f"A message opens for the purpose {purpose!r}.")
        known = stage.runtime.catalog.purposes
        bases = {"contract", "consent", "legal_obligation", "legitimate_interests"}
        bare = [key for key, purpose in known.items() if purpose.basis not in bases]
        hold(not bare, f"The purpose {bare[:1]} has no basis.")
        return f"A message opened for its purpose and for none of five others; all {len(known)} purposes have a basis."


class FourRestOnContract(Probe):
    """The purposes of all personal columns, with their basis."""

    claims = ("P30",)
    sabotages = (Sabotage("runtime:catalog", "the width of a purpose (signing in stands alone)", lambda c: _fifth(c)),)

    async def run(self, stage: Stage) -> str:
        purposes = stage.runtime.catalog.purposes
        named = {key for _, _, mark in personal_columns() for key in mark.purposes}
        wide = {purposes[key].within or key for key in named if purposes[key].basis == "contract"}
        hold(
            wide == {"chat.serve", "chat.respond", "account.manage", "support.provide"},
            f"On contract rest {', '.join(sorted(wide))}.",
        )
        return (
            f"Of {len(named)} purposes that personal columns name, these rest on contract: {', '.join(sorted(wide))}."
        )


def _fifth(catalog: Catalog) -> Catalog:
    alone = {key: replace(purpose, within="") for key, purpose in catalog.purposes.items()}
    return replace(catalog, purposes=alone)


class LocksHold(Probe):
    """A locked person's message, under every purpose."""

    claims = ("P101",)
    sabotages = (Sabotage(DECIDE, "the question for a lock", lambda whole: _blind(whole, restricted=False)),)
    rests_on = (POLICY,)

    async def run(self, stage: Stage) -> str:
        visitor, row = await spoken(stage, "Lock me.")
        await subject_state(stage, visitor.subject_id, restricted_at=stage.runtime.clock.now())
        open_for = {key for key in stage.runtime.catalog.purposes if await _opens(stage, row, key)}
        hold(open_for <= LAWFUL, f"A locked message opens for {', '.join(sorted(open_for - LAWFUL))}.")
        return f"Under {len(stage.runtime.catalog.purposes)} purposes, a locked message opens for the law's own only."


class ObjectionsHold(Probe):
    """A person who objects, to purposes that rest on our interests and to marketing."""

    claims = ("P103",)
    sabotages = (
        Sabotage(DECIDE, "the question for an objection", lambda whole: _blind(whole, objections=frozenset())),
    )
    rests_on = (POLICY,)

    async def run(self, stage: Stage) -> str:
        purposes = stage.runtime.catalog.purposes
        ours = [key for key, purpose in purposes.items() if purpose.basis == "legitimate_interests"]
        visitor, row = await spoken(stage, "I object.")
        before = [key for key in ours if await _opens(stage, row, key)]
        hold(before, "No such purpose opens a message at all: nothing was tried.")
        await subject_state(stage, visitor.subject_id, objections=ours)
        for key in [*ours, "marketing", "advertising"]:
            hold(not await _opens(stage, row, key), f"After an objection, the message opens for {key!r}.")
        return f"{', '.join(before)} opened a message before the objection and nothing after it; marketing never did."


def _blind(whole: Any, **seen: Any) -> Any:
    return lambda mark, purpose, state, actor, **more: whole(mark, purpose, replace(state, **seen), actor, **more)


class AccessIsLogged(Probe):
    """Five openings, counted; then one turned byte."""

    claims = ("P63",)
    sabotages = (Sabotage("runtime:vault._audit", "the log of openings", lambda _: _Silent()),)

    async def run(self, stage: Stage) -> str:
        runtime, account = stage.runtime, stage.domain.scope.account_id
        _, row = await spoken(stage, "Who reads this?")
        statement = (
            "select count(*) from omniops.audit_entry where account_id = %s and action = 'vault.open' and purpose = %s"
            " and json_array_length(cast(subject_refs as json)) = 1"
        )
        before = (await stage.rows(statement, account, "support.provide"))[0][0]
        for _ in range(READS):
            await _opens(stage, row, "support.provide")
        grown = (await stage.rows(statement, account, "support.provide"))[0][0] - before
        hold(grown == READS, f"{READS} openings left {grown} entries.")
        hold((await runtime.audit.verify(account)).broken is None, "The log does not fit together.")
        async with runtime.database.session(Scope(account), snapshot=True) as session:
            last, _ = await end_of(session, account)
            lines = [line async for stretch in stretches(session, account, 1, last) for line in stretch]
        at = len(lines[-1]) - 80  # in the entry's detail, before the hash that it follows
        lines[-1] = lines[-1][:at] + bytes([lines[-1][at] ^ 1]) + lines[-1][at + 1 :]
        hold(_first_broken(account, lines) == len(lines), "A turned byte goes unseen.")
        return f"{READS} openings, {READS} entries; the whole log fits together, and one turned byte in a copy is seen."


def _first_broken(account_id: UUID, lines: Sequence[bytes]) -> int | None:
    walk = Walk(account_id)
    try:
        for line in lines:
            record_of(line, walk)
    except Broken as broken:
        return broken.entry
    return None


class _Silent:
    async def write(self, entry: Any) -> None:
        return None


class BusinessesAreApart(Probe):
    """Another business's member, and a session without a condition."""

    claims = ("P60",)
    sabotages = (
        Sabotage("runtime:database.session", "the database's own filter of rows", lambda whole: _unfiltered(whole)),
    )

    async def run(self, stage: Stage) -> str:
        word = stage.token("ours")
        async with stage.page() as page, stage.office("admin", stage.other) as stranger:
            await ask(page, f"Our word is {word}.")
            chat = (await conversation(page))["id"]
            home = f"/v1/domains/{stage.domain.id}"
            for path in (home, f"{home}/conversations", f"{home}/conversations/{chat}", f"{home}/analytics"):
                answer = await stranger.get(path)
                hold(answer.status_code == 404, f"{path} was answered to another business with {answer.status_code}.")
        tables = [
            table
            for (table,) in await stage.rows(
                "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid"
                " where c.relnamespace = 'omniops'::regnamespace and a.attname = 'domain_id'"
                " and c.relkind in ('r', 'p') and has_table_privilege('omniops_app', c.oid, 'select')"
            )
        ]
        async with stage.runtime.database.session(stage.other.scope) as session:
            connection = await session.connection()
            for table in tables:
                statement = text(f'select count(*) from omniops."{table}" where domain_id = :home')  # noqa: S608
                seen = (await connection.execute(statement, {"home": stage.domain.id})).scalar_one()
                hold(seen == 0, f"{seen} rows of {table} are seen from another business.")
        await self._move(stage, word)
        return f"Four routes and {len(tables)} tables show another business nothing; a moved value does not open."

    async def _move(self, stage: Stage, word: str) -> None:
        """A sealed value in another person's row."""
        _, ours = await spoken(stage, f"Sealed: {word}")
        _, row = await spoken(stage, "Mine.")
        await stage.rows(
            "update omniops.message set text = (select text from omniops.message where domain_id = %s and id = %s)"
            " where domain_id = %s and id = %s",
            *(stage.domain.id, ours.id, stage.domain.id, row.id),
        )
        async with stage.runtime.database.session(stage.domain.scope) as session:
            moved = await session.get(type(row), (stage.domain.id, row.id))
        opened = await stage.runtime.vault.open([moved], purpose="chat.respond", actor=ACTOR)
        hold(opened(moved.text, otherwise=None) is None, "A sealed value opens in another person's row.")


def _unfiltered(whole: Any) -> Any:
    database = whole.__self__

    @asynccontextmanager
    async def session(scope: Any, **_: Any) -> AsyncIterator[Any]:
        opened = database._new_session(database._system, scope)
        try:
            yield opened
        finally:
            await opened.close()

    return session


class RolesAreNarrow(Probe):
    """Every route, by every role that lacks its permission, and by nobody."""

    claims = ("P59",)
    sabotages = (
        Sabotage(
            "omniops.accounts.permissions:Principal.may", "the question for a permission", lambda _: lambda *a: True
        ),
    )

    async def run(self, stage: Stage) -> str:
        from omniops.accounts.permissions import ROLES

        calls = 0
        guarded = [route for route in stage.routes() if route.permission is not None]
        async with stage.http() as nobody:
            for route in guarded:
                answer = await nobody.request(route.method, self._path(route.path, stage), json={})
                hold(not answer.is_success, f"{route.method} {route.path} was answered to nobody.")
                calls += 1
        for role, permissions in ROLES.items():
            async with stage.office(role) as office:
                for route in guarded:
                    if route.permission in permissions:
                        continue
                    answer = await office.request(route.method, self._path(route.path, stage), json={})
                    hold(not answer.is_success, f"{route.method} {route.path} was answered to the role {role}.")
                    calls += 1
        return f"{calls} calls of {len(guarded)} routes by people who lack the permission: none succeeded."

    def _path(self, path: str, stage: Stage) -> str:
        import re

        filled = path.replace("{domain_id}", str(stage.domain.id))
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: str(uuid4()) if m[1].endswith("_id") else "nothing", filled)


class SecretsAreSealed(Probe):
    """A secret that a business keeps here."""

    claims = ("P61",)
    sabotages = (NO_ENCRYPTION,)

    async def run(self, stage: Stage) -> str:
        home = f"/v1/domains/{stage.domain.id}"
        async with stage.office("admin") as office:
            made = await office.post(f"{home}/identity-secret", json={"overlap_hours": 0})
            hold(made.status_code == 201, f"Making a secret was answered with {made.status_code}.")
            secret = made.json()["secret"]
            for path in (f"{home}/identity-secrets", home):
                hold(secret not in (await office.get(path)).text, f"{path} shows the secret.")
        found = await stage.scan([secret])
        hold(not found, f"The secret lies in {found.get(secret)}.")
        return "A business's secret was shown once, to who made it; it is in no table, no log and no later answer."

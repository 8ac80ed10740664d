"""How people ask: on the public page, in a chat, by mail, for a child; and how they show who they are.

No oracle: whoever asks by an address gets the same answer at once, and the same mail, whether the address is known here
or not; it is looked up only after its owner has followed the link.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Throttle
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.tokens import new_token
from omniops.contracts.webhook import RightUsed
from omniops.database.tables import remember
from omniops.errors import NotFound, Refused, Rejected, Throttled
from omniops.mail.service import is_address
from omniops.privacy.browsers import speaks_for
from omniops.privacy.consents import Consents
from omniops.privacy.persons.service import Persons
from omniops.privacy.rights.asking import asked_for
from omniops.privacy.rights.book import Asked, Came
from omniops.privacy.rights.cases import Cases
from omniops.privacy.rights.kinds import RIGHTS
from omniops.privacy.rights.models import RightsCase
from omniops.privacy.rights.views import CaseView
from omniops.privacy.rights.words import word
from omniops.vault.service import Vault

PAGE = Actor.system("privacy.page")
CHAT = Actor.system("privacy.chat")
MAIL = Actor.system("privacy.mail")
SYSTEM = Actor.system("privacy.system")
HOLDER = Actor.system("privacy.link")
LATE = timedelta(days=7)
"""A mail says itself when it was written. Older than this it is not believed: then the day of its arrival counts."""
MOST_LINKS = 5
"""Links that an address gets from one website in a day."""
Became = Literal["open", "done", "refused", "nothing"]
GIVER = "whoever gave the access to it"
MOST_SITES = 1000
"""Websites at which it is looked what became of a right that another system told of."""
ENDS = frozenset({"erase", "restrict", "object", "opt_out", "limit", "withdraw"})
"""Acts that words in a chat ask for of its browser as well. A copy is none: somebody else may have sat there before."""
CONFIRM_DAYS = 7
"""How long a link that confirms is good for."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a chat answers to somebody who used a right: words, and the address that confirms, or that leads to all
    choices where nothing is left to confirm. `title` names the right in the visitor's language; `ended` are the
    purposes whose consents have ended by what was said."""

    right: str
    title: str
    text: str
    label: str
    link: str
    ended: frozenset[str] = frozenset()


class Requests:
    """Takes requests and one-time links."""

    def __init__(self, cases: Cases, persons: Persons, consents: Consents, vault: Vault, throttle: Throttle) -> None:
        self._cases = cases
        self._consents = consents
        self._persons = persons
        self._vault = vault
        self._throttle = throttle
        self._book = cases.book

    def session(self, scope: Scope) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction for what is handed in with a session."""
        return self._book.database.session(scope)

    # By address: the public page and the mailbox

    async def by_address(
        self, scope: Scope, asked: Asked, *, channel: str, at: datetime, key: str | None = None, actor: Actor = PAGE
    ) -> CaseView:
        """Opens a case and sends the one-time link to its address. Raises `Rejected` for no address,
        `Throttled` for one that got as many links as it may in a day."""
        if not asked.email or not is_address(asked.email):
            raise Rejected("This is no e-mail address.", code="bad_address", where="email")
        await self._links(scope, asked.email)
        async with self._book.database.session(scope) as session:
            case = await self._put(session, scope, asked, channel=channel, at=at, key=key, actor=actor)
            await session.commit()
        return CaseView(case)

    async def _links(self, scope: Scope, address: str) -> None:
        who = f"{scope.domain_id}|{address.strip().casefold()}"
        await self._throttle.hit("rights links", who, limit=MOST_LINKS, seconds=86400)

    async def _put(
        self,
        session: AsyncSession,
        scope: Scope,
        asked: Asked,
        *,
        channel: str,
        at: datetime,
        key: str | None = None,
        actor: Actor = PAGE,
        link: bool = True,
    ) -> RightsCase:
        """`by_address` in the session's transaction; without `link` it waits for a person."""
        came = Came(channel, key or new_token(""), at)
        case, new = await self._cases.put(session, scope, asked, came, actor=actor)
        if new and link:
            address = await self._confirming(session, scope, case, "email")
            await self._cases.letters.at_once(
                session, scope, case, "confirm", {"link": address, "days": str(CONFIRM_DAYS)}
            )
            case.confirmed_at = self._book.clock.now()  # that letter says that the request was received
            session.add(case)
        return case

    async def by_mail(
        self,
        session: AsyncSession,
        scope: Scope,
        sender: str,
        subject: str,
        text: str,
        *,
        at: datetime | None,
        delivery: str,
    ) -> RightsCase | None:
        """A mail to the privacy address, in the transaction that takes it. What it asks for is read by the rules of
        `asking`; what they do not know is a complaint that a person reads. None for a sender that cannot be answered.
        """
        if not is_address(sender):
            return None
        words = f"{subject}\n\n{text}".strip()
        found = asked_for(words)
        language = found.language if found else ""
        asked = Asked(found.right if found else "complaint", language or "en", sender, words)
        key = hashlib.sha256(f"mail|{delivery}".encode()).hexdigest()
        now = self._book.clock.now()
        received = min(at, now) if at is not None and now - at < LATE else now
        try:
            await self._links(scope, sender)
            link = True
        except Throttled:  # whoever sends many mails in another's name does not reach that other
            link = False
        return await self._put(session, scope, asked, channel="mail", at=received, key=key, actor=MAIL, link=link)

    # By another system of the business

    async def by_system(self, session: AsyncSession, scope: Scope, system: str, used: RightUsed) -> bool:
        """A connected system tells that a person used a right there; its signature was checked. The case is about
        whoever has one of the identifiers here. It waits for a person of the business, who gets the answer as well:
        nobody showed an address to us. Part of the session's transaction; whether it is new."""
        found: set[UUID] = set()
        for kind, value in used.identifiers.items():
            looked = hashlib.sha256(value.encode()).hexdigest() if kind == "external_id" else value
            found.update(await self._vault.find_all(scope, kind, looked, session=session))
        number = used.identifiers.get("external_id", "")
        text = f"{system}: customer {number}" if number else system
        return await self._by_system(session, scope, system, used, sorted(found), text)

    async def _by_system(
        self,
        session: AsyncSession,
        scope: Scope,
        system: str,
        used: RightUsed,
        subjects: Sequence[UUID],
        text: str,
    ) -> bool:
        now = self._book.clock.now()
        received = min(used.at, now) if used.at is not None and now - used.at < LATE else now
        came = Came("system", _system_key(system, used.right, used.id), received, subjects, "system")
        _, new = await self._cases.put(session, scope, Asked(used.right, text=text), came, actor=SYSTEM)
        return new

    async def by_giver(self, session: AsyncSession, scope: Scope, system: str, used: RightUsed, number: int) -> None:
        """The same of whoever gave the access to that system, whom nobody is known by here. `number` counts the
        websites where that is so: by it `told` finds all of them."""
        await self._by_system(session, scope, system, used, (), f"{system}: {GIVER}")
        if await self._book.database.resolve("told", _told_hash(system, used.id, number)) is None:
            remember(session, "told", _told_hash(system, used.id, number), scope)

    async def told(self, system: str, told: str) -> tuple[Became, datetime | None]:
        """What became of a right that `by_giver` took, for whoever knows its id; while something is left to do, the day
        by which it is answered as well. `nothing` is said of every id that leads nowhere."""
        cases: list[RightsCase] = []
        for number in range(MOST_SITES):
            scope = await self._book.database.resolve("told", _told_hash(system, told, number))
            if scope is None:
                break
            keys = [_system_key(system, right, told) for right in ("access", "erasure")]
            async with self._book.database.session(scope) as session:
                statement = select(RightsCase).where(RightsCase.domain_id == scope.domain_id)
                cases += (await session.exec(statement.where(col(RightsCase.key).in_(keys)))).all()
        due = [one.due_at for one in cases if one.state != "closed"]
        if due:
            return "open", max(due)
        if any(one.outcome not in ("done", "nothing_held") for one in cases):
            return "refused", None
        return "done" if cases else "nothing", None

    # In a chat

    async def by_session(
        self, scope: Scope, asked: Asked, subjects: tuple[UUID, ...], conversation_id: UUID | None, *, actor: Actor
    ) -> CaseView:
        """A live session asks for its own data, and shows by that whose it is. Raises `Rejected`."""
        came = Came("api", new_token(""), self._book.clock.now(), subjects, "session", conversation_id)
        return await self._cases.open(scope, asked, came, actor=actor)

    async def heard(
        self,
        session: AsyncSession,
        scope: Scope,
        text: str,
        *,
        subject_id: UUID,
        conversation_id: UUID,
        key: str,
        language: str,
    ) -> Offer | None:
        """A message in a chat that uses a right opens a case, received now, and the chat offers a link that confirms
        it; nothing is done before. A consent alone that is taken back in plain words needs no confirming, as giving it
        did not: it has ended when this returns. None for any other message. What ends, ends
        for the browser of the chat too. Part of the session's transaction; the same
        `key` again is the same case."""
        if (found := asked_for(text)) is None:
            return None
        about = await speaks_for(session, scope, subject_id)
        said = Came("chat", f"chat:{key}", self._book.clock.now(), about, "none", conversation_id)
        ended = None
        if found.takes_back:
            ended = await self._taken_back(session, scope, Asked("withdrawal", language, text=text), said)
            if found.right == "withdrawal":
                return ended
        if RIGHTS[found.right].act not in ENDS:
            said = replace(said, subjects=(subject_id,))
        case = await self._book.said_before(session, scope, conversation_id, found.right)
        if case is None:
            asked = Asked(found.right, language, text=text)
            case, _ = await self._cases.put(session, scope, asked, said, actor=CHAT)
        link = await self._confirming(session, scope, case, "session")
        title = word(language, f"right.{case.right}")
        told = word(language, "chat.offer").format(right=title, reference=case.reference, link=link)
        if ended is not None:
            told = f"{ended.text}\n\n{told}"
        gone = ended.ended if ended is not None else frozenset[str]()
        return Offer(case.right, title, told, word(language, "chat.confirm"), link, gone)

    async def _taken_back(self, session: AsyncSession, scope: Scope, asked: Asked, said: Came) -> Offer:
        """The session's own consents end here, in its transaction; the case that shows it goes on by itself."""
        assert said.conversation_id is not None
        case = await self._book.said_before(session, scope, said.conversation_id, asked.right, "open")
        if case is None:
            came = replace(said, key=f"{said.key}:consent", proof="session")
            case, _ = await self._cases.put(session, scope, asked, came, actor=CHAT)
        who, *_ = said.subjects
        ended = await self._consents.withdraw(session, scope, who, "chat", actor=Actor("visitor", str(who)))
        link = await self._cases.ending.choices(scope)
        told = word(asked.language, "chat.withdrawn").format(reference=case.reference, link=link)
        title = word(asked.language, "right.withdrawal")
        return Offer(case.right, title, told, word(asked.language, "chat.choices"), link, frozenset(ended))

    async def own(self, scope: Scope, case_id: UUID, subjects: tuple[UUID, ...], *, actor: Actor) -> CaseView:
        """A case of the session's own. Raises `NotFound` for any other."""
        async with self._book.database.session(scope) as session:
            case = await self._book.get(session, scope, case_id)
        if not set(case.subjects) & {str(one) for one in subjects}:  # before anything of it is opened
            raise NotFound("There is no such case.")
        return await self._cases.read(scope, case_id, actor=actor)

    # Links

    async def look(self, scope: Scope, token: str, use: str) -> RightsCase:
        """The case of a link that is good, without using it up. Raises `Refused` (`bad_link`)."""
        async with self._book.database.session(scope) as session:
            found = await self._book.follow(session, scope, token, use, spend=False)
            return await self._book.get(session, scope, found.case_id)

    async def confirm(self, scope: Scope, token: str) -> RightsCase:
        """Uses a link up: who holds it has shown an address, or the session that it was shown in. Raises `Refused`."""
        async with self._book.database.session(scope) as session:
            link = await self._book.follow(session, scope, token, "confirm", spend=True)
            case = await self._book.get(session, scope, link.case_id, lock=True)
            if case.state == "closed":
                raise Refused("This link is not valid any more.", reason="bad_link", do="Ask again for a new one.")
            self._book.note(session, case, "confirmed", HOLDER, proves=link.proves)
            if link.proves == "email" and case.right != "child":  # a parent's address leads to the parent
                address = await self._cases.letters.address(session, case)
                found = await self._vault.find_all(scope, "email", address or "", session=session)
                case.subjects = [str(one) for one in found]
            if case.by_agent:  # the agent's address is shown; the mandate is for a person to look at
                case.subjects = []
                session.add(case)
            elif case.identity == "none":
                case.identity = link.proves
                await self._cases.begin(session, scope, case)
            await session.commit()
        return case

    async def copy(self, scope: Scope, token: str) -> AsyncIterator[bytes]:
        """Uses the link of a copy up, and gives the copy as it is read. Raises `Refused` for the link, `NotFound` where
        the person was erased meanwhile."""
        async with self._book.database.session(scope) as session:
            link = await self._book.follow(session, scope, token, "copy", spend=True)
            case = await self._book.get(session, scope, link.case_id)
            self._book.note(session, case, "fetched", HOLDER)
            await session.commit()
        groups = await self._cases.fulfilling.groups(scope, case)
        if not groups:
            raise NotFound("Nothing is held any more.")
        ids = [one for group in groups for one in group]
        await self._cases.fulfilling.noted(scope, ids, "rights.export", HOLDER)
        people = [one for group in groups for one in await self._persons.people.living(scope, group[0])]
        beside: dict[str, bytes] = {}
        if case.right in ("access", "know"):  # what Art. 15(1)(a) to (h) says that the person is to be told
            for number, group in enumerate(groups, 1):
                sheet = await self._persons.sheet(scope, group[0], actor=HOLDER, language=case.language)
                name = "about-your-data" + (f"-{number}" if number > 1 else "")
                beside[f"{name}.json"] = json.dumps(sheet, ensure_ascii=False, indent=1, default=str).encode()
                beside[f"{name}.txt"] = self._persons.sheets.text(sheet).encode()
        return self._persons.exporting.export(scope, people, actor=HOLDER, beside=beside)

    async def _confirming(self, session: AsyncSession, scope: Scope, case: RightsCase, proves: str) -> str:
        until = self._book.clock.now() + timedelta(days=CONFIRM_DAYS)
        token = self._book.link(session, case, "confirm", expires_at=until, proves=proves)
        return await self._cases.ending.address(scope, f"confirm/{token}")


def _system_key(system: str, right: str, told: str) -> str:
    return hashlib.sha256(f"system|{system}|{right}|{told}".encode()).hexdigest()


def _told_hash(system: str, told: str, number: int) -> bytes:
    """What leads from a right that was told to the websites whose cases it opened, one after another."""
    return hashlib.sha256(f"{system}\0{told}\0{number}".encode()).digest()

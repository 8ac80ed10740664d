"""How a case ends: the reply that fits what every place answered, the letter, the signed certificate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Accounts
from omniops.contracts.scope import Actor, Scope
from omniops.errors import Refused
from omniops.privacy.rights.book import Book, settled
from omniops.privacy.rights.certificates import certified
from omniops.privacy.rights.fulfilling import PERSON
from omniops.privacy.rights.kinds import RIGHTS
from omniops.privacy.rights.letters import Letters
from omniops.privacy.rights.models import RightsCase, RightsLetter, RightsTask
from omniops.signing import Signer
from omniops.webhooks.service import emit

COPY_DAYS = 7
"""How long the link to a copy is good for."""


class Ending:
    """Drafts replies and closes cases."""

    def __init__(self, book: Book, letters: Letters, accounts: Accounts, signer: Signer, public_url: str) -> None:
        self._book = book
        self._letters = letters
        self._accounts = accounts
        self._signer = signer
        self._public_url = public_url

    @property
    def public_key(self) -> bytes:
        """What certificates are checked with."""
        return self._signer.public_bytes

    async def draft(
        self, session: AsyncSession, scope: Scope, case: RightsCase, tasks: Sequence[RightsTask]
    ) -> tuple[RightsLetter, str]:
        """The reply that fits how the places answered, drafted."""
        kind, values = await self._reply(session, scope, case, tasks)
        text = self._letters.text(case, kind, values)
        return await self._letters.draft(session, case, kind, text), text

    async def _reply(
        self, session: AsyncSession, scope: Scope, case: RightsCase, tasks: Sequence[RightsTask]
    ) -> tuple[str, dict[str, str]]:
        if tasks and all(task.state == "nothing_held" for task in tasks):
            return "nothing", {}
        if RIGHTS[case.right].act == "copy":
            until = self._book.clock.now() + timedelta(days=COPY_DAYS)
            token = self._book.link(session, case, "copy", expires_at=until, proves=case.identity)
            return "copy", {"link": await self.address(scope, f"copy/{token}"), "day": f"{until:%Y-%m-%d}"}
        return "done", {}

    async def address(self, scope: Scope, path: str) -> str:
        """A public address of the domain's rights page."""
        key = (await self._accounts.domain(scope)).widget_key
        return f"{self._public_url}/rights/{key}/{path}"

    async def choices(self, scope: Scope) -> str:
        """The public address of the domain's preference centre."""
        return f"{self._public_url}/preferences?key={(await self._accounts.domain(scope)).widget_key}"

    async def finish(
        self,
        session: AsyncSession,
        scope: Scope,
        case: RightsCase,
        tasks: Sequence[RightsTask],
        text: str | None,
        *,
        by: str,
        actor: Actor,
        refused: bool = False,
    ) -> None:
        open_ = [task.store for task in tasks if not settled(task)]
        if open_ or not (tasks or refused):
            raise Refused(
                f"Not every place has answered: {', '.join(open_) or 'nothing was done yet'}.",
                reason="open_tasks",
                do="Settle the open tasks on evidence, or refuse the request for a reason of law.",
            )
        if text is not None:
            letter, words = await self._letters.draft(session, case, "refused" if refused else "done", text), text
        elif (waiting := await self._letters.drafted(session, case)) is not None:
            letter, words = waiting, await self._letters.words_of(session, waiting)
        else:
            letter, words = await self.draft(session, scope, case, tasks)
        await self._letters.send(session, scope, case, letter, words, by=by)
        states = {task.state for task in tasks if task.store != PERSON or len(tasks) == 1}
        case.outcome = "refused" if refused or states == {"refused"} else "done"
        if states == {"nothing_held"}:
            case.outcome = "nothing_held"
        await self.end(session, scope, case, tasks, actor=actor)

    async def end(
        self, session: AsyncSession, scope: Scope, case: RightsCase, tasks: Sequence[RightsTask], *, actor: Actor
    ) -> None:
        """Closes a case whose outcome is set, with its certificate."""
        now: datetime = self._book.clock.now()
        case.state, case.closed_at = "closed", now
        case.certificate = certified(self._signer, case, tasks, now)
        session.add(case)
        self._book.note(session, case, "closed", actor, outcome=case.outcome)
        await emit(session, scope, "case.closed", case_id=case.id, right=case.right, outcome=case.outcome)

"""What a person sees of their own choices: each purpose, what stands, who receives, what a browser may forget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from omniops.accounts.service import Accounts, DomainView, is_on
from omniops.contracts.declaration import Cookie, Processor, SubjectState
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.privacy.catalog import Catalog
from omniops.privacy.consents import Consents
from omniops.privacy.ledger import home
from omniops.privacy.models import ConsentEvent
from omniops.privacy.notices import Choice, choices
from omniops.privacy.register import ProcessorRegister
from omniops.vault.keys import state_of
from omniops.vault.models import Subject


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who receives data for a purpose, and where they are, as ISO 3166."""

    name: str
    countries: Sequence[str]


@dataclass(frozen=True, slots=True)
class Preference:
    """One optional purpose as its person sees it. `state` is None where nothing was asked; `shut`: the person opted
    out, or is a child, and no yes counts."""

    choice: Choice
    confirmed: bool
    state: str | None
    until: datetime | None
    shut: bool
    recipients: Sequence[Recipient]
    stored: Sequence[Cookie]


@dataclass(frozen=True, slots=True)
class Storage:
    """A key of the browser that must go: its name on this website, and where it lies."""

    name: str
    place: str


class Preferences:
    """Reads; choices themselves are taken by `Consents`."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        catalog: Catalog,
        register: ProcessorRegister,
        consents: Consents,
        clock: Clock,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._catalog = catalog
        self._register = register
        self._consents = consents
        self._clock = clock

    async def of(self, domain: DomainView, subject_id: UUID | None, language: str) -> list[Preference]:
        """Every optional purpose, in a language; of nobody in particular where `subject_id` is None."""
        stands = await self._stands(domain.scope, subject_id) if subject_id else SubjectState()
        found = []
        for choice in choices(self._catalog, language):
            state = stands.consents.get(choice.purpose)
            receivers = await recipients(self._accounts, self._register, domain.scope, choice.purpose)
            found.append(
                Preference(
                    choice,
                    self._catalog.purposes[choice.purpose].confirmed,
                    state,
                    stands.until.get(choice.purpose) if state == "given" else None,
                    choice.purpose in stands.opt_outs,
                    [Recipient(one.name, one.countries) for one in receivers],
                    [cookie for cookie in self._catalog.cookies if cookie.purpose == choice.purpose],
                )
            )
        return found

    async def history(self, scope: Scope, subjects: Sequence[UUID]) -> list[ConsentEvent]:
        """Every answer of the person who is `subjects`, the oldest first."""
        found = [event for one in subjects for event in await self._consents.history(scope, one)]
        return sorted(found, key=lambda event: event.id)

    def forget(self, domain: DomainView, states: Mapping[str, str]) -> list[Storage]:
        """What the person's browser must remove, from what is declared: everything that rests on a consent which does
        not stand. The list is the server's; a page deletes by it and by nothing else."""
        optional = {purpose.key for purpose in self._catalog.choices()}
        return [
            Storage(cookie.name.replace("<key>", domain.widget_key), cookie.place)
            for cookie in self._catalog.cookies
            if cookie.purpose in optional and states.get(cookie.purpose) != "given"
        ]

    async def _stands(self, scope: Scope, subject_id: UUID) -> SubjectState:
        async with self._database.session(scope) as session:
            subject = await session.get(Subject, (home(scope), subject_id))
        return state_of(subject).at(self._clock.now()) if subject is not None else SubjectState()


async def recipients(accounts: Accounts, register: ProcessorRegister, scope: Scope, purpose: str) -> list[Processor]:
    """Who may receive a domain's data for a purpose: processors of plugins that are on there."""
    switched = await accounts.switched(scope)
    found = [one for one in register.all() if is_on(switched, one.plugin)]
    return [one.processor for one in found if purpose in one.processor.purposes]

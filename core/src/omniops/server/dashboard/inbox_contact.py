"""The visitor beside a conversation: who they are as far as anybody vouched for it, where else they wrote, which of
their rights they use now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from omniops.inbox.persons import PersonView
from omniops.privacy.rights.views import CaseView
from omniops.runtime import Runtime
from omniops.server.permissions import DomainAccess


@dataclass(frozen=True, slots=True)
class Contact:
    """A visitor and the open cases about them; `cases` is None for who may not see cases."""

    person: PersonView
    cases: Sequence[CaseView] | None


async def contact(runtime: Runtime, access: DomainAccess, conversation_id: UUID) -> Contact:
    """With whom a conversation is. Raises `NotFound`."""
    person = await runtime.inbox.queue.persons.of(access.scope, conversation_id, actor=access.principal.actor)
    sees = access.principal.may("privacy.read")
    return Contact(person, await runtime.privacy.cases.about(access.scope, person.subjects) if sees else None)

"""The business API over breaches of personal data: declare, scope, assess, notify, tell, close, and the register."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from omniops.accounts.permissions import Principal
from omniops.errors import Refused
from omniops.privacy.breach.cases import NewBreach, Notification, shown
from omniops.privacy.fact import Grade
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, requires
from omniops.server.visitor_shapes import Body

router = APIRouter(prefix="/v1/breaches", tags=["privacy"], route_class=Idempotent)
Handles = Annotated[Principal, Depends(requires("privacy.manage"))]
Words = Annotated[str, Field(max_length=20_000)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166.", examples=["DE"])]


class Facts(Body):
    """What the business writes of a breach; what is not named stays as it was."""

    nature: Words | None = Field(default=None, description="What happened (Art. 33(3)(a), 33(5)).")
    consequences: Words | None = Field(default=None, description="What it can lead to (Art. 33(3)(c)).")
    measures: Words | None = Field(default=None, description="What is done about it (Art. 33(3)(d)).")
    effects: Words | None = Field(default=None, description="What it did lead to (Art. 33(5)).")
    remedial: Words | None = Field(default=None, description="What was done so that it does not return (Art. 33(5)).")
    contact: Words | None = Field(default=None, description="Who answers questions (Art. 33(3)(b)).")
    began: Words | None = Field(default=None, description="When it began, where the audit does not say.")
    ended: Words | None = Field(default=None, description="When it ended, where the audit does not say.")


class FactsChange(Facts):
    establishment: Country | None = None


class Declared(Body):
    """Either `actors`, who read what they should not have, or `copied`: a copy of the database got away."""

    aware_at: AwareDatetime = Field(description="When the business became aware: the clock of 72 hours runs from here.")
    facts: Facts = Field(default_factory=Facts)
    role: Literal["controller", "processor"] = "controller"
    establishment: Country | None = Field(default=None, description="Country of the main establishment.")
    actors: list[Annotated[str, Field(max_length=200)]] = Field(
        default_factory=list, max_length=100, examples=[["key:0198f2a4-0000-7000-8000-000000000000"]]
    )
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    copied: bool = False
    tables: list[Annotated[str, Field(max_length=63)]] = Field(
        default_factory=list, max_length=200, description="What the copy holds; empty for all."
    )
    keys_exposed: bool = Field(default=False, description="The keys folder got away as well.")
    drill: bool = Field(default=False, description="An exercise: mails nobody.")


class Assessment(Body):
    risk: Literal["unlikely", "risk", "high"]
    reasons: Words
    approver: str = Field(default="", max_length=200, description="Who approves that a risk is unlikely.")
    exception: Literal["a", "b", "c"] | None = Field(default=None, description="Why persons are not told: Art. 34(3).")


class Sent(Body):
    to: str = Field(max_length=40, description="Key of an authority of the case, or `controller`.", examples=["uk:GB"])
    name: str = Field(default="", max_length=200, description="Of an authority that the case does not list.")
    reference: str = Field(max_length=500, description="How it was sent, and the number that came back.")
    text: str = Field(max_length=40, examples=["gdpr.33.3"])
    late_reason: str = Field(default="", max_length=5000)


class Told(Body):
    text: str = Field(max_length=40, examples=["gdpr.34.2"])
    words: Words | None = Field(default=None, description="In place of the text's own, for example translated.")


class AuthorityShown(BaseModel):
    key: str
    regime: str
    name: str
    why: str
    must: bool


class Breach(BaseModel):
    """A case as it stands."""

    id: UUID
    aware_at: datetime
    due_at: datetime = Field(description="72 hours after awareness (Art. 33(1)).")
    drill: bool
    role: str
    establishment: str | None
    actors: list[str]
    since: datetime | None
    until: datetime | None
    copied: bool
    keys_exposed: bool
    facts: dict[str, str]
    affected: dict[str, Any] | None = Field(description="Persons, records by category, keys: computed, never typed in.")
    authorities: list[AuthorityShown]
    risk: str | None
    reasons: str
    approver: str
    exception: str | None
    notified: list[dict[str, Any]]
    told: dict[str, int] | None = Field(description="Persons by state: `told`, `no_address`, `found`, `drill`.")
    timers: list[int] = Field(description="Hours at which the clock called.")
    missing: list[str] = Field(description="What still stands against closing.")
    closed_at: datetime | None
    steps: int


class StepShown(BaseModel):
    """A step of the register: written once, never changed."""

    id: UUID
    seq: int
    kind: str
    at: datetime
    actor: str
    body: dict[str, Any]


class DraftShown(BaseModel):
    key: str
    regime: str
    to: str
    title: str
    source: str = Field(description="Where the law asks for it.")
    url: str = Field(description="Where that can be read.")
    grade: Grade = Field(description="How well it was read: the law itself, what others write about it, or neither.")
    reviewed: str = Field(description="When that was last looked at.")
    body: str
    missing: list[str] = Field(description="Items that are still blank; it cannot be sent so.")


class PersonShown(BaseModel):
    id: UUID
    subject_id: UUID
    state: str
    mail_id: UUID | None
    told_at: datetime | None


@router.post("", status_code=201, response_model=Breach)
async def declare(runtime: App, principal: Handles, body: Declared) -> Any:
    """Declares a breach: starts the clock, computes whom it touches, and tells the plugins."""
    values = body.model_dump(exclude={"facts"})
    new = NewBreach(**values, facts=_written(body.facts))
    return shown(await runtime.privacy.breaches.declare(_whole(principal), new, actor=principal.actor))


@router.get("", response_model=Page[Breach])
async def breaches(runtime: App, principal: Handles, pages: Pages) -> Any:
    """All cases, the newest first."""
    found = await runtime.privacy.breaches.register.cases(_whole(principal))
    return pages.cut(found, lambda one: one.id, shown, newest_first=True)


@router.get("/{breach_id}", response_model=Breach)
async def breach(runtime: App, principal: Handles, breach_id: UUID) -> Any:
    """A case as it stands."""
    return shown(await runtime.privacy.breaches.register.case(_whole(principal), breach_id))


@router.patch("/{breach_id}", response_model=Breach)
async def note(runtime: App, principal: Handles, breach_id: UUID, body: FactsChange) -> Any:
    """Adds facts. What was written before stays in the register."""
    case = await runtime.privacy.breaches.note(
        _whole(principal), breach_id, _written(body), establishment=body.establishment, actor=principal.actor
    )
    return shown(case)


@router.post("/{breach_id}/scope", response_model=Breach)
async def scope(runtime: App, principal: Handles, breach_id: UUID) -> Any:
    """Computes anew whom the breach touches."""
    return shown(await runtime.privacy.breaches.scope(_whole(principal), breach_id, actor=principal.actor))


@router.post("/{breach_id}/assessment", response_model=Breach)
async def assess(runtime: App, principal: Handles, breach_id: UUID, body: Assessment) -> Any:
    """Says how great the risk is. `high`: the persons are told, or an exception of Art. 34(3) says why not."""
    case = await runtime.privacy.breaches.assess(
        _whole(principal), breach_id, **body.model_dump(), actor=principal.actor
    )
    return shown(case)


@router.get("/{breach_id}/texts", response_model=Page[DraftShown])
async def texts(runtime: App, principal: Handles, breach_id: UUID, pages: Pages) -> Any:
    """The texts to authorities, controllers and persons, filled from the case."""
    found = await runtime.privacy.breaches.drafts(_whole(principal), breach_id)
    return pages.cut(found, lambda one: one.key, asdict)


@router.post("/{breach_id}/notifications", status_code=201, response_model=Breach)
async def notify(runtime: App, principal: Handles, breach_id: UUID, body: Sent) -> Any:
    """Enters that an authority, or the controller, was notified with one of the texts."""
    case = await runtime.privacy.breaches.notify(
        _whole(principal), breach_id, Notification(**body.model_dump()), actor=principal.actor
    )
    return shown(case)


@router.post("/{breach_id}/tellings", status_code=202, response_model=Breach)
async def tell(runtime: App, principal: Handles, breach_id: UUID, body: Told) -> Any:
    """Mails everybody whom the breach touches and who was not told yet. In a drill nobody is mailed."""
    case = await runtime.privacy.breaches.tell(
        _whole(principal), breach_id, body.text, words=body.words, actor=principal.actor
    )
    return shown(case)


@router.get("/{breach_id}/persons", response_model=Page[PersonShown])
async def persons(runtime: App, principal: Handles, breach_id: UUID, pages: Pages) -> Any:
    """Everybody whom the breach touches, and what became of telling them."""
    found = await runtime.privacy.breaches.persons(_whole(principal), breach_id, after=pages.id, limit=pages.more)
    return pages.page(found, lambda one: one.id, lambda one: one.model_dump())


@router.get("/{breach_id}/steps", response_model=Page[StepShown])
async def steps(runtime: App, principal: Handles, breach_id: UUID, pages: Pages) -> Any:
    """The register's steps of a case, the first first."""
    found = await runtime.privacy.breaches.steps(_whole(principal), breach_id)
    return pages.cut(found, lambda one: f"{one.seq:06}", asdict)


@router.post("/{breach_id}/close", response_model=Breach, responses=fails(422))
async def close(runtime: App, principal: Handles, breach_id: UUID) -> Any:
    """Closes a case. Refused while anything is `missing`."""
    return shown(await runtime.privacy.breaches.close(_whole(principal), breach_id, actor=principal.actor))


def _written(facts: Facts) -> dict[str, str]:
    found: dict[str, str] = facts.model_dump(exclude_none=True, exclude={"establishment"})
    return found


def _whole(principal: Principal) -> UUID:
    """The account of who may see all of it. Raises `Refused` for a key of one website."""
    if principal.only_domain is not None:
        raise Refused("Breaches are the account's; this key is for one website.", reason="one_domain")
    return principal.account_id

"""The team's room: who belongs to the business, as what, and who is invited."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, Response
from pydantic import Field

from omniops.accounts.permissions import ROLES, Role
from omniops.errors import OmniOpsError
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import Again, acted, attempted, frame, page
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.team import invited
from omniops.team import ROLE_NAMES

router = APIRouter(prefix=HOME + "/{domain_id}/team", include_in_schema=False, route_class=Idempotent)
Reads = Annotated[DomainAccess, Depends(RequiresDomain("member.read", whole_account=True))]


Manages = Annotated[DomainAccess, Depends(Sends("member.manage", whole_account=True))]
MAY: dict[Role, str] = {
    "owner": "Everything, the account itself among it.",
    "admin": "Everything but closing the account: settings, connections, keys, team, privacy.",
    "agent": "Answers people, reads knowledge, sees figures.",
    "analyst": "Sees figures and knowledge, and no conversation.",
    "privacy_officer": "Handles requests, retention, breaches and the register, and reads the audit. No conversation.",
    "viewer": "Sees the website and its knowledge.",
}


@router.get("")
async def show(request: Request, runtime: App, access: Reads) -> Response:
    """Members, what each role may, and open invitations."""
    return await _shown(request, runtime, access)


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    made: dict[str, Any] | None = None,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    principal = access.principal
    manages = principal.may("member.manage")
    values = {
        **await frame(runtime, access, "team"),
        "members": await runtime.members.list(principal.account_id, actor=principal.actor),
        "invitations": await runtime.team.changes.invitations(principal.account_id) if manages else [],
        "names": ROLE_NAMES,
        "can": MAY,
        "given": [role for role, permissions in ROLES.items() if permissions <= principal.permissions],
        "mails": runtime.mail.mailer() is not None,
        "made": made,
        "problem": problem,
    }
    return page(request, "team.html", values, status)


def _again(request: Request, runtime: Runtime, access: DomainAccess) -> Again:
    return partial(_shown, request, runtime, access)


class NewInvitation(FormBody):
    role: Role
    email: str = Field(default="", max_length=254)


@router.post("/invite")
async def invite(request: Request, runtime: App, access: Manages, form: Annotated[NewInvitation, Form()]) -> Response:
    """Invites somebody: by mail, or by a link that is shown once."""

    async def made(found: dict[str, Any]) -> Response:
        return await _shown(request, runtime, access, made=found)

    did = invited(runtime, access.principal, form.role, form.email.strip() or None)
    return await attempted(did, made, _again(request, runtime, access))


class Chosen(FormBody):
    id: UUID


@router.post("/withdraw")
async def withdraw(request: Request, runtime: App, access: Manages, form: Annotated[Chosen, Form()]) -> Response:
    """An invitation works no more."""
    did = runtime.team.changes.withdraw(access.principal, form.id)
    return await acted(did, place(access), _again(request, runtime, access))


class NewRole(Chosen):
    role: Role


@router.post("/role")
async def role(request: Request, runtime: App, access: Manages, form: Annotated[NewRole, Form()]) -> Response:
    """Gives a member another role."""
    did = runtime.team.changes.change_role(access.principal, form.id, form.role)
    return await acted(did, place(access), _again(request, runtime, access))


@router.post("/factor")
async def drop_factor(request: Request, runtime: App, access: Manages, form: Annotated[Chosen, Form()]) -> Response:
    """Switches off the second factor of a member who lost it."""
    did = runtime.team.changes.drop_factor(access.principal, form.id)
    return await acted(did, place(access), _again(request, runtime, access))


class Removed(Chosen):
    sure: Literal["yes"]


@router.post("/remove")
async def remove(request: Request, runtime: App, access: Manages, form: Annotated[Removed, Form()]) -> Response:
    """A member leaves."""
    did = runtime.team.changes.remove(access.principal, form.id)
    return await acted(did, place(access), _again(request, runtime, access))


def place(access: DomainAccess) -> str:
    return f"{HOME}/{access.scope.domain_id}/team"

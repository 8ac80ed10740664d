"""The business API over the team: roles, invitations, and a member's own account."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import Field, SecretStr

from omniops.accounts.permissions import Principal, Role
from omniops.runtime import Runtime
from omniops.server.business import Body
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import COOKIE, App, Public, requires
from omniops.server.visitor_shapes import Shape

router = APIRouter(prefix="/v1", tags=["business"], route_class=Idempotent)


Manages = Annotated[Principal, Depends(requires("member.manage", whole_account=True))]
Me = Annotated[Principal, Depends(requires("domain.read", members_only=True))]


class RoleChange(Body):
    role: Role


class NewInvitation(Body):
    role: Role
    email: str | None = Field(default=None, max_length=254, description="Where the link is mailed to; it is not kept.")


class InvitationRow(Shape):
    """An invitation that can still be used."""

    id: UUID
    role: Role
    given_by: str = Field(examples=["member:0198…"])
    expires_at: datetime
    created_at: datetime


class MadeInvitation(InvitationRow):
    sent: bool = Field(description="Whether it was mailed.")
    url: str | None = Field(description="The link, told once; null where it was mailed.")


class Renamed(Body):
    name: str = Field(max_length=120)


class NewPassword(Body):
    before: SecretStr = Field(max_length=1000, description="The present one.")
    after: SecretStr = Field(max_length=1000)


class SessionRow(Shape):
    """A signed-in browser. No address and no browser's name is kept."""

    id: UUID
    created_at: datetime
    used_at: datetime | None = Field(description="Last use, to the hour.")
    expires_at: datetime
    own: bool = Field(description="The one that asks.")


class Forgot(Body):
    email: str = Field(max_length=254)


class Reset(Body):
    token: str = Field(max_length=200)
    password: SecretStr = Field(max_length=1000)


@router.patch("/members/{member_id}", status_code=204, responses=fails(404, 409))
async def change_role(runtime: App, member_id: UUID, body: RoleChange, by: Manages) -> None:
    """Gives a member another role, from their next request on. Nobody gives or takes more than they have."""
    await runtime.team.changes.change_role(by, member_id, body.role)


@router.delete("/members/{member_id}", status_code=204, responses=fails(404, 409))
async def remove(runtime: App, member_id: UUID, by: Manages) -> None:
    """A member leaves: sessions end, what is kept of them is destroyed, what they took care of is nobody's."""
    await runtime.team.changes.remove(by, member_id)


@router.get("/invitations", response_model=Page[InvitationRow])
async def invitations(runtime: App, pages: Pages, by: Manages) -> Any:
    """Invitations that can still be used. Whom each was sent to is not kept."""
    return pages.cut(await runtime.team.changes.invitations(by.account_id), lambda one: one.id, asdict)


@router.post("/invitations", status_code=201, response_model=MadeInvitation, responses=fails(409, 503))
async def invite(runtime: App, body: NewInvitation, by: Manages) -> Any:
    """A link for somebody new, good for seven days and one use. With `email` it is mailed; without, it is in this
    answer and nowhere else."""
    return await invited(runtime, by, body.role, body.email)


async def invited(runtime: Runtime, by: Principal, role: Role, email: str | None) -> dict[str, Any]:
    """Makes an invitation, and mails it where an address is given: nothing stays of one that could not be mailed."""
    await runtime.throttle.hit("invite", str(by.account_id), limit=50, seconds=3600)
    made = await runtime.team.changes.invite(by, role)
    if email:
        try:
            await runtime.team.letters.invite(by.scope, email, role, made.token)
        except Exception:
            await runtime.team.changes.withdraw(by, made.view.id)
            raise
    url = None if email else runtime.team.letters.invitation_link(made.token)
    return {**asdict(made.view), "sent": bool(email), "url": url}


@router.delete("/invitations/{invitation_id}", status_code=204, responses=fails(404))
async def withdraw(runtime: App, invitation_id: UUID, by: Manages) -> None:
    """The link works no more."""
    await runtime.team.changes.withdraw(by, invitation_id)


@router.patch("/me", status_code=204)
async def rename(runtime: App, body: Renamed, me: Me) -> None:
    """The name that colleagues, and visitors whom this member answers, see."""
    await runtime.team.own.rename(me, body.name)


@router.put("/me/password", status_code=204, responses=fails(429))
async def change_password(request: Request, runtime: App, body: NewPassword, me: Me) -> None:
    """Sets another password, and signs every other browser out."""
    await runtime.team.own.change_password(
        me, body.before.get_secret_value(), body.after.get_secret_value(), session_token=session_of(request)
    )


@router.get("/me/sessions", response_model=Page[SessionRow])
async def sessions(request: Request, runtime: App, pages: Pages, me: Me) -> Any:
    """One's own signed-in browsers, the newest first."""
    found = await runtime.team.own.sessions(me, session_token=session_of(request))
    return pages.cut(found, lambda one: one.id, asdict)


@router.delete("/me/sessions/{session_id}", status_code=204, responses=fails(404))
async def end_session(runtime: App, session_id: UUID, me: Me) -> None:
    """Signs one browser out."""
    await runtime.team.own.end_session(me, session_id)


@router.delete("/me/sessions", status_code=204)
async def end_others(request: Request, runtime: App, me: Me) -> None:
    """Signs every other browser out."""
    await runtime.team.own.end_others(me, session_token=session_of(request))


@router.post(
    "/session/forgot",
    status_code=202,
    dependencies=[Depends(Public("who forgot a password has no session"))],
    responses=fails(429),
)
async def forgot(request: Request, runtime: App, body: Forgot) -> dict[str, str]:
    """Mails a link for a new password, where there is such a member. The answer is the same where there is none."""
    network = request.client.host if request.client else ""
    await runtime.team.own.forgot(body.email, network=network)
    return {"status": "queued"}


@router.post(
    "/session/new-password",
    status_code=204,
    dependencies=[Depends(Public("the one-time link of a forgotten password"))],
    responses=fails(404, 429),
)
async def new_password(request: Request, runtime: App, body: Reset) -> None:
    """Sets a new password by a mailed link, and signs out everywhere. The link counts once."""
    await runtime.throttle.hit("new password", request.client.host if request.client else "", limit=20, seconds=600)
    await runtime.team.own.reset(body.token, body.password.get_secret_value())


def session_of(request: Request) -> str:
    """The token of the browser that asks."""
    return request.cookies.get(COOKIE, "")

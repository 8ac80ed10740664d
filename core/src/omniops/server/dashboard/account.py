"""A member's own account: name, password, signed-in browsers."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from pydantic import Field, SecretStr

from omniops.errors import OmniOpsError
from omniops.runtime import Runtime
from omniops.server.dashboard.frame import Again, acted, frame, page
from omniops.server.forms import HOME, FormBody, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.team import session_of

router = APIRouter(prefix=HOME + "/{domain_id}/account", include_in_schema=False, route_class=Idempotent)


Sees = Annotated[DomainAccess, Depends(RequiresDomain("domain.read", members_only=True))]
Mine = Annotated[DomainAccess, Depends(Sends("domain.read", members_only=True))]


@router.get("")
async def show(
    request: Request,
    runtime: App,
    access: Sees,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """One's own."""
    return await _shown(request, runtime, access, done=done)


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    done: str = "",
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    me = access.principal
    values = {
        **await frame(runtime, access, "account"),
        "member": await runtime.members.me(me),
        "sessions": await runtime.team.own.sessions(me, session_token=session_of(request)),
        "factor": await runtime.team.factors.view(me),
        "done": done,
        "problem": problem,
    }
    return page(request, "account.html", values, status)


def _again(request: Request, runtime: Runtime, access: DomainAccess) -> Again:
    return partial(_shown, request, runtime, access)


def _place(access: DomainAccess, done: str) -> str:
    return f"{HOME}/{access.scope.domain_id}/account?done={done}"


class Name(FormBody):
    name: str = Field(default="", max_length=120)


@router.post("/name")
async def rename(request: Request, runtime: App, access: Mine, form: Annotated[Name, Form()]) -> Response:
    """The name that colleagues and visitors see."""
    did = runtime.team.own.rename(access.principal, form.name)
    return await acted(did, _place(access, "name"), _again(request, runtime, access))


class Password(FormBody):
    before: SecretStr = Field(default=SecretStr(""), max_length=1000)
    after: SecretStr = Field(default=SecretStr(""), max_length=1000)


@router.post("/password")
async def password(request: Request, runtime: App, access: Mine, form: Annotated[Password, Form()]) -> Response:
    """Another password; every other browser is signed out."""
    before, after = form.before.get_secret_value(), form.after.get_secret_value()
    did = runtime.team.own.change_password(access.principal, before, after, session_token=session_of(request))
    return await acted(did, _place(access, "password"), _again(request, runtime, access))


class Ended(FormBody):
    id: UUID | None = None


@router.post("/sessions")
async def end(request: Request, runtime: App, access: Mine, form: Annotated[Ended, Form()]) -> Response:
    """Signs one browser out, or every other one."""
    own, me = runtime.team.own, access.principal
    did = own.end_session(me, form.id) if form.id else own.end_others(me, session_token=session_of(request))
    return await acted(did, _place(access, "sessions"), _again(request, runtime, access))

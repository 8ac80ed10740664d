"""A member's second factor: setting it up, its recovery codes, switching it off."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Annotated

import segno
from fastapi import APIRouter, Form, Request, Response
from markupsafe import Markup
from pydantic import Field, SecretStr

from omniops.accounts.factors import grouped
from omniops.errors import OmniOpsError
from omniops.runtime import Runtime
from omniops.server.dashboard.account import Mine, Sees
from omniops.server.dashboard.frame import Again, acted, attempted, frame, page
from omniops.server.forms import HOME, FormBody
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess

router = APIRouter(prefix=HOME + "/{domain_id}/account/factor", include_in_schema=False, route_class=Idempotent)


@router.get("")
async def show(request: Request, runtime: App, access: Sees) -> Response:
    """How it stands, and the next step."""
    return await _shown(request, runtime, access)


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    *,
    codes: list[str] | None = None,
    problem: OmniOpsError | None = None,
    status: int = 200,
) -> Response:
    factors, me = runtime.team.factors, access.principal
    begun = await factors.begun(me)
    values = {
        **await frame(runtime, access, "account"),
        "factor": await factors.view(me),
        "begun": begun,
        "key": grouped(begun.key) if begun else "",
        "picture": _drawn(begun.address) if begun else "",
        "codes": codes,
        "problem": problem,
    }
    return page(request, "account_factor.html", values, status)


def _drawn(address: str) -> Markup:
    """The address as a QR code: dark on light in every scheme, for cameras want it so."""
    code = segno.make(address, error="m", micro=False)
    return Markup(code.svg_inline(dark="#000", light="#fff", border=4, omitsize=True, svgclass="qr", lineclass=None))  # noqa: S704


def _again(request: Request, runtime: Runtime, access: DomainAccess) -> Again:
    return partial(_shown, request, runtime, access)


def _place(access: DomainAccess) -> str:
    return f"{HOME}/{access.scope.domain_id}/account/factor"


class PasswordForm(FormBody):
    password: SecretStr = Field(default=SecretStr(""), max_length=1000)


class CodeForm(FormBody):
    code: SecretStr = Field(default=SecretStr(""), max_length=100)


@router.post("/begin")
async def begin(request: Request, runtime: App, access: Mine, form: Annotated[PasswordForm, Form()]) -> Response:
    """Makes a key, which the page shows until a first code fits."""
    did = runtime.team.factors.begin(access.principal, form.password.get_secret_value())
    return await acted(did, _place(access), _again(request, runtime, access))


async def _codes(request: Request, runtime: Runtime, access: DomainAccess, did: Awaitable[list[str]]) -> Response:
    """Recovery codes, shown in this answer and nowhere else."""

    async def told(codes: list[str]) -> Response:
        return await _shown(request, runtime, access, codes=codes)

    return await attempted(did, told, _again(request, runtime, access))


@router.post("/confirm")
async def confirm(request: Request, runtime: App, access: Mine, form: Annotated[CodeForm, Form()]) -> Response:
    """Switches it on by a first code."""
    did = runtime.team.factors.confirm(access.principal, form.code.get_secret_value())
    return await _codes(request, runtime, access, did)


@router.post("/codes")
async def codes(request: Request, runtime: App, access: Mine, form: Annotated[PasswordForm, Form()]) -> Response:
    """New recovery codes in place of those before."""
    did = runtime.team.factors.renew_codes(access.principal, form.password.get_secret_value())
    return await _codes(request, runtime, access, did)


@router.post("/off")
async def off(request: Request, runtime: App, access: Mine, form: Annotated[PasswordForm, Form()]) -> Response:
    """The password alone signs in again."""
    did = runtime.team.factors.off(access.principal, form.password.get_secret_value())
    return await acted(did, _place(access), _again(request, runtime, access))

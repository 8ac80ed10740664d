"""The business API over the second factor of members, and the second half of a sign-in."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, SecretStr

from omniops.errors import NotFound
from omniops.server.business import Body
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.permissions import App, Public, keep_session
from omniops.server.team import Manages, Me
from omniops.server.visitor_shapes import Shape

router = APIRouter(prefix="/v1", tags=["business"], route_class=Idempotent)


class Ticket(Body):
    ticket: str = Field(max_length=200, description="Of the answer `second_factor_needed` to the password.")
    code: SecretStr = Field(max_length=100, description="Of the authenticator app, or a recovery code.")


class Password(Body):
    password: SecretStr = Field(max_length=1000, description="The present one.")


class Code(Body):
    code: SecretStr = Field(max_length=100, description="Of the authenticator app.")


class FactorState(Shape):
    """How one's own second factor stands."""

    since: datetime | None = Field(description="When it was switched on; null where there is none.")
    recovery_codes: int = Field(description="How many are left.")


class BegunFactor(Shape):
    """A key for an authenticator app. It counts once a first code fits."""

    key: str
    address: str = Field(examples=["otpauth://totp/…"])


class RecoveryCodes(Shape):
    """Told once. Each counts once."""

    recovery_codes: list[str]


@router.post(
    "/session/factor",
    status_code=204,
    dependencies=[Depends(Public("the second half of signing in"))],
    responses=fails(401, 429),
)
async def finish(request: Request, response: Response, runtime: App, body: Ticket) -> None:
    """Signs a member in whose password fitted, by a code. Within five minutes; each code counts once."""
    network = request.client.host if request.client else ""
    token = await runtime.team.factors.sign_in(body.ticket, body.code.get_secret_value(), network=network)
    keep_session(response, runtime, token)


@router.get("/me/factor", response_model=FactorState)
async def factor(runtime: App, me: Me) -> Any:
    """How one's own second factor stands."""
    return asdict(await runtime.team.factors.view(me))


@router.post("/me/factor", status_code=201, response_model=BegunFactor, responses=fails(401, 429))
async def begin(runtime: App, body: Password, me: Me) -> Any:
    """A key for an authenticator app, which counts from `confirm` on."""
    await runtime.team.factors.begin(me, body.password.get_secret_value())
    begun = await runtime.team.factors.begun(me)
    if begun is None:
        raise NotFound("No second factor was begun.")
    return asdict(begun)


@router.post("/me/factor/confirm", response_model=RecoveryCodes, responses=fails(401, 404, 429))
async def confirm(runtime: App, body: Code, me: Me) -> Any:
    """Switches it on by a first code. The recovery codes are in this answer and nowhere else."""
    return {"recovery_codes": await runtime.team.factors.confirm(me, body.code.get_secret_value())}


@router.post("/me/factor/recovery-codes", response_model=RecoveryCodes, responses=fails(401, 404, 429))
async def renew_codes(runtime: App, body: Password, me: Me) -> Any:
    """Ten new recovery codes; those before count no more."""
    return {"recovery_codes": await runtime.team.factors.renew_codes(me, body.password.get_secret_value())}


@router.post("/me/factor/off", status_code=204, responses=fails(401, 404, 429))
async def off(runtime: App, body: Password, me: Me) -> None:
    """The password alone signs in again."""
    await runtime.team.factors.off(me, body.password.get_secret_value())


@router.delete("/members/{member_id}/factor", status_code=204, responses=fails(404))
async def drop(runtime: App, member_id: UUID, by: Manages) -> None:
    """Switches off the second factor of a member who lost it. One's own is switched off with the password."""
    await runtime.team.changes.drop_factor(by, member_id)

"""The room of a website's settings: one form for each part, over the service that the API stands on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from omniops.errors import NotFound, OmniOpsError, Rejected
from omniops.runtime import Runtime
from omniops.server.dashboard.fields import NotFilled, back, beside, fields_of, filled, typed_of
from omniops.server.dashboard.frame import acted, frame, page
from omniops.server.dashboard.parts_of_settings import PARTS, Part
from omniops.server.forms import HOME, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix=HOME + "/{domain_id}/settings", include_in_schema=False, route_class=Idempotent)
FELL = "answers_fell"
"""The code of a change under which the website's own questions are answered worse."""


@router.get("")
async def first(access: Annotated[DomainAccess, Depends(RequiresDomain("domain.manage"))]) -> Response:
    """Leads to the first part."""
    return RedirectResponse(f"{HOME}/{access.scope.domain_id}/settings/{next(iter(PARTS))}", 303)


@router.get("/{part}")
async def show(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(RequiresDomain("domain.manage"))],
    part: str,
    kept: bool = False,
) -> Response:
    """A part as it stands."""
    return await _shown(request, runtime, access, _part(part), kept=kept)


@router.post("/{part}/keep")
async def keep(
    request: Request, runtime: App, access: Annotated[DomainAccess, Depends(Sends("domain.manage"))], part: str
) -> Response:
    """Changes what the form says; all of it or nothing."""
    kind, form = _part(part), await request.form()
    typed = typed_of(form)

    async def change() -> None:
        values = filled(kind, typed)
        assert isinstance(values, Part)
        changed = _changed(kind.of(await runtime.accounts.domain(access.scope)).changes(), values.changes())
        despite = form.get("despite_fall") == "yes"
        if changed:
            await runtime.accounts.configure(access.scope, changed, actor=access.principal.actor, despite_fall=despite)

    again = partial(_shown, request, runtime, access, kind, typed=typed)

    return await acted(change(), f"{HOME}/{access.scope.domain_id}/settings/{part}?kept=yes", again)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What is new. What a form only repeats stays as it was: a cut that calibration found is no person's word."""
    found = {name: value for name, value in after.items() if name != "settings" and value != before.get(name)}
    settings = {name: value for name, value in after["settings"].items() if value != before["settings"].get(name)}
    return {**found, "settings": settings} if settings else found


def _part(name: str) -> type[Part]:
    found = PARTS.get(name)
    if found is None:
        raise NotFound("There is no such part of the settings.")
    return found


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    kind: type[Part],
    *,
    typed: Mapping[str, str] | None = None,
    problem: OmniOpsError | None = None,
    kept: bool = False,
    status: int = 200,
) -> Response:
    shell = await frame(runtime, access, "settings")
    values = kind.of(await runtime.accounts.domain(access.scope)).model_dump() if typed is None else back(typed)
    if found := beside(problem, kind.model_fields):
        problem = NotFilled(found)
    problems = problem.problems if isinstance(problem, NotFilled) else None
    shown = {
        **shell,
        "parts": PARTS.values(),
        "part": kind,
        "fields": fields_of(kind, values, problems),
        "problem": problem,
        "fell": isinstance(problem, Rejected) and problem.code == FELL,
        "kept": kept,
    }
    return page(request, "settings.html", shown, status)

"""Pages and panels of plugins, drawn by core: what one shows is data, what fails is a card that says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Request, Response

from omniops.accounts.service import is_on
from omniops.contracts.surface import Block, Form, Page, Panel, Talk, Viewer
from omniops.errors import NotFound, Refused, Rejected
from omniops.inbox.queue import ConversationView
from omniops.logs import logger
from omniops.runtime import Runtime
from omniops.server.dashboard.fields import NotFilled, back, fields_of, filled, typed_of
from omniops.server.dashboard.frame import frame, page
from omniops.server.forms import HOME, Sends
from omniops.server.idempotency import Idempotent
from omniops.server.permissions import App, DomainAccess, RequiresDomain
from omniops.server.problems import status_of

DEADLINE = 2.0
"""Seconds that a plugin has for what it shows, and for a form."""
router = APIRouter(prefix=HOME + "/{domain_id}/plugins", include_in_schema=False, route_class=Idempotent)
_BLOCKS = get_args(Block)
_BLOCKS_OF_PANELS = tuple(one for one in _BLOCKS if one is not Form)
_log = logger("dashboard")


@dataclass(frozen=True, slots=True)
class Card:
    """What a plugin shows, or that it could not."""

    plugin: str
    title: str
    blocks: Sequence[Any] = ()
    failed: bool = False


async def panels(runtime: Runtime, access: DomainAccess, talk: ConversationView) -> list[Card]:
    """What plugins say beside a conversation, all asked at once."""
    switched = await runtime.accounts.switched(access.scope)
    viewer = Viewer(access.scope, access.principal.actor)
    beside = Talk(talk.id, talk.channel, talk.language)

    async def card(plugin: str, panel: Panel) -> Card:
        return await _card(plugin, panel.title, panel.show(viewer, beside), drawn=_BLOCKS_OF_PANELS)

    asked = [(plugin, one) for (plugin, _), one in runtime.seams.panels.items() if is_on(switched, plugin)]
    cards = await asyncio.gather(*(card(plugin, one) for plugin, one in asked))
    return [one for one in cards if one.blocks or one.failed]


async def _card(
    plugin: str, title: str, shows: Awaitable[Sequence[Block]], *, drawn: tuple[type, ...] = _BLOCKS
) -> Card:
    try:
        async with asyncio.timeout(DEADLINE):
            blocks = list(await shows)
        for one in blocks:
            if not isinstance(one, drawn):
                raise TypeError(f"shows {type(one).__name__}")
    except Exception as error:
        said = str(error) if isinstance(error, Rejected | TypeError) else type(error).__name__
        _log.warning("dashboard.part_failed", plugin=plugin, part=title, said=said)
        return Card(plugin, title, failed=True)
    return Card(plugin, title, blocks)


@router.get("/{plugin}/{name}")
async def show(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))],
    plugin: str,
    name: str,
) -> Response:
    """A plugin's page, where the plugin is on and the member may see it."""
    found = await _page(runtime, access, plugin, name)
    return await _shown(request, runtime, access, found, plugin)


@router.post("/{plugin}/{name}/{form}")
async def submit(
    request: Request,
    runtime: App,
    access: Annotated[DomainAccess, Depends(Sends("domain.read"))],
    plugin: str,
    name: str,
    form: str,
) -> Response:
    """Gives a form to its plugin, and shows the page again with what came of it."""
    found = await _page(runtime, access, plugin, name)
    if not access.principal.may(found.manages):
        raise Refused("Your role may not change this.", reason="forbidden")
    typed = typed_of(await request.form())
    viewer = Viewer(access.scope, access.principal.actor)
    card = await _card(plugin, found.title, found.show(viewer, {}))
    model = next((one.model for one in card.blocks if isinstance(one, Form) and one.name == form), None)
    if model is None:
        raise NotFound("There is no such form.")
    try:
        values = filled(model, typed)
        async with asyncio.timeout(DEADLINE):
            said = await found.submit(viewer, form, values)
    except Rejected as error:
        return await _shown(request, runtime, access, found, plugin, tried=(form, typed, error))
    except Exception as error:
        _log.warning("dashboard.form_failed", plugin=plugin, part=found.title, said=type(error).__name__)
        late = Rejected("This could not be done now; it may have taken effect.", code="plugin_failed", do="Look first.")
        return await _shown(request, runtime, access, found, plugin, tried=(form, typed, late))
    return await _shown(request, runtime, access, found, plugin, said=said)


async def _page(runtime: Runtime, access: DomainAccess, plugin: str, name: str) -> Page:
    found = runtime.seams.pages.get((plugin, name))
    on = found is not None and is_on(await runtime.accounts.switched(access.scope), plugin)
    if found is None or not on or not access.principal.may(found.may):
        raise NotFound("There is no such page.")
    return found


async def _shown(
    request: Request,
    runtime: Runtime,
    access: DomainAccess,
    found: Page,
    plugin: str,
    *,
    tried: tuple[str, Mapping[str, str], Rejected] | None = None,
    said: str = "",
) -> Response:
    shell = await frame(runtime, access, f"plugins/{plugin}/{found.name}")
    viewer = Viewer(access.scope, access.principal.actor)
    card = await _card(plugin, found.title, found.show(viewer, dict(request.query_params)))
    values = {
        **shell,
        "card": card,
        "said": said,
        "manages": access.principal.may(found.manages),
        "forms": {one.name: _filled(one, tried) for one in card.blocks if isinstance(one, Form)},
        "tried": tried[0] if tried else None,
        "problem": tried[2] if tried else None,
    }
    status = status_of(tried[2])[0] if tried else 200
    return page(request, "plugged.html", values, status)


def _filled(form: Form, tried: tuple[str, Mapping[str, str], Rejected] | None) -> list[Any]:
    if tried is None or tried[0] != form.name:
        return fields_of(form.model, form.values)
    problems = tried[2].problems if isinstance(tried[2], NotFilled) else {}
    return fields_of(form.model, back(tried[1]), problems)

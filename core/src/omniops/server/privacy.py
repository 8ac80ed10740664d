"""The privacy page, its proofs as signed data, and each business's own notice and agreement."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends, Response
from fastapi.responses import HTMLResponse, JSONResponse

from omniops.errors import NotFound
from omniops.proof.page import WORDS, page
from omniops.proof.policy import Policy
from omniops.proof.service import Proof
from omniops.runtime import Runtime
from omniops.server.permissions import App, Public
from omniops.web.pages import CSP, render

router = APIRouter(include_in_schema=False)


@router.get("/privacy", dependencies=[Depends(Public("the promises, for everybody"))])
async def privacy(runtime: App) -> Response:
    """Every promise of the operator with its proof, as the last report found it."""
    proof = Proof(runtime)
    policy = proof.policy()
    return await _page(runtime, policy, name=runtime.settings.legal_name or "OmniOps")


@router.get("/privacy/proof.json", dependencies=[Depends(Public("the signed report, for everybody"))])
async def proof_json(runtime: App) -> Response:
    """The last report with key and signature; `omniops prove --verify FILE` checks it without this server."""
    published = await Proof(runtime).latest()
    if published is None:
        raise NotFound("No report was made yet.", do="The operator makes one with `omniops prove`.")
    return JSONResponse(published, headers={"Cache-Control": "no-cache"})


@router.get("/.well-known/omniops-contact.json", dependencies=[Depends(Public("who runs this server, for everybody"))])
async def contact(runtime: App) -> JSONResponse:
    """Who decides about data here, how they are reached, and where a complaint goes: as the policy names them."""
    settings, base = runtime.settings, runtime.settings.public_url
    said = {
        "legal_name": settings.legal_name,
        "postal_address": settings.postal_address,
        "email": settings.privacy_email,
        "contact": settings.privacy_contact,
        "supervisory_authority": settings.supervisory_authority,
        "eu_representative": settings.eu_representative,
        "policy": f"{base}/privacy",
        "complaints": f"{base}/rights/{{key}}",
    }
    return JSONResponse(said, headers={"Cache-Control": "max-age=3600"})


@router.get("/privacy/{key}", dependencies=[Depends(Public("a business's notice, for its visitors"))])
async def visitor_notice(runtime: App, key: str) -> Response:
    """What the business behind a website does with what its visitors write, from the same promises."""
    domain = await runtime.accounts.by_widget_key(key)
    return await _page(runtime, Proof(runtime).business(domain)[0], name=domain.title, key=key)


@router.get("/privacy/{key}/{text}", dependencies=[Depends(Public("a business's agreement and processors"))])
async def business_text(runtime: App, key: str, text: Literal["agreement", "processors"]) -> Response:
    """The processing agreement between a business and the operator, or the list of those who receive its data."""
    domain = await runtime.accounts.by_widget_key(key)
    if text == "agreement":
        return await _page(runtime, Proof(runtime).business(domain)[1], name=domain.title, key=key, here="/agreement")
    await runtime.register.terms.freshen(None)
    entries = [runtime.register.described(entry.processor) for entry in runtime.register.all()]
    body = render(
        "processors.html",
        name=domain.title,
        key=key,
        here="/processors",
        entries=entries,
        purposes=runtime.catalog.purposes,
    )
    return _html(body)


async def _page(runtime: Runtime, policy: Policy, *, name: str, key: str | None = None, here: str = "") -> Response:
    proof = Proof(runtime)
    today = runtime.clock.now().date()
    shown = page(policy, await proof.latest(), proof.probes(), whole=proof.policy(), today=today)
    values: dict[str, Any] = {"page": shown, "words": WORDS, "name": name, "key": key, "here": here}
    return _html(render("privacy.html", **values))


def _html(body: str) -> HTMLResponse:
    return HTMLResponse(body, headers={"Content-Security-Policy": CSP, "Cache-Control": "no-cache"})

"""The business API over what is wrong with a website and what mends it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from omniops.accounts.permissions import Permission
from omniops.repairs import Repair, Step, repairs
from omniops.runtime import Runtime
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, DomainAccess, RequiresDomain

router = APIRouter(prefix="/v1/domains/{domain_id}", tags=["business"])


class MendRow(BaseModel):
    """A step that mends it; the operation of this API with the same effect is in its description."""

    step: Step = Field(
        description="`read`: POST …/sources/{about}/crawl. `verify`: POST …/verification with the host. `check`: POST"
        " …/connections/{about}/check. `resend`: POST …/undelivered/{id}/resend for each. `resume`: PATCH"
        " …/webhooks/{about} with `enabled`. `replay`: POST …/webhooks/{about}/replay."
    )
    about: str
    may: Permission


class RepairRow(BaseModel):
    """One look at a website."""

    name: str
    state: Literal["ok", "warn", "fail"]
    said: str = Field(description="What was seen.")
    why: str
    fix: str = Field(description="What a person does.")
    command: str = Field(description="The same on the server's command line.")
    place: str = Field(description="Where in the dashboard, behind /app/{domain_id}/.")
    mend: MendRow | None


@router.get("/repairs", response_model=Page[RepairRow])
async def found(
    request: Request,
    runtime: App,
    pages: Pages,
    access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))],
) -> Any:
    """What is wrong with a website, of what the caller may see; what concerns the whole server is seen by `omniops
    doctor` alone."""
    ordered = enumerate(await looked(request, runtime, access))
    return pages.cut(ordered, lambda one: f"{one[0]:04}", lambda one: asdict(one[1]))


async def looked(request: Request, runtime: Runtime, access: DomainAccess) -> list[Repair]:
    """Every look that the principal may see, and for a member the address that the browser is at."""
    domain = await runtime.accounts.domain(access.scope)
    seen = await repairs(runtime, domain, access.principal.may)
    return [_address(request, runtime), *seen] if access.principal.kind == "member" else seen


def _address(request: Request, runtime: Runtime) -> Repair:
    """Whether the dashboard is used at the address that the server was told. By our own page that led here, which the
    browser names with its scheme; else by the host that was asked."""
    own = urlsplit(runtime.settings.public_url)
    before = urlsplit(request.headers.get("referer", ""))
    known = request.headers.get("sec-fetch-site") == "same-origin" and before.netloc
    same = before[:2] == own[:2] if known else request.headers.get("host", "") == own.netloc
    if same:
        return Repair("address", "ok", f"You are at {runtime.settings.public_url}, as the server was told.")
    there = f"{before.scheme}://{before.netloc}" if known else request.headers.get("host", "")
    return Repair(
        "address",
        "fail",
        f"You are at {there}, and the server was told {runtime.settings.public_url}.",
        "Every form is refused here, and links in mails lead elsewhere.",
        f"Open {runtime.settings.public_url}/app, or tell the server the address that people use.",
        "OMNIOPS_BASE_URL=https://…",
    )

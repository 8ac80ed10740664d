"""The business API: domains, keys, members, plugins. API key or member session."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

from omniops.accounts.permissions import Principal
from omniops.accounts.service import DomainView
from omniops.errors import Refused
from omniops.server import business_shapes as shapes
from omniops.server.idempotency import Idempotent
from omniops.server.openapi import fails
from omniops.server.paging import Page, Pages
from omniops.server.permissions import COOKIE, App, DomainAccess, Public, RequiresDomain, keep_session, owned, requires

router = APIRouter(prefix="/v1", tags=["business"], route_class=Idempotent)
DOMAIN = "/domains/{domain_id}"


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignIn(Body):
    email: str = Field(max_length=254)
    password: SecretStr = Field(max_length=1000)


class NewDomain(Body):
    title: str = Field(min_length=1, max_length=120)
    origins: list[str] = Field(min_length=1, max_length=20)
    sandbox: bool = Field(default=False, description="For trying out: nothing of it reaches people. For good.")


class DomainChange(Body):
    title: str | None = Field(default=None, min_length=1, max_length=120)
    origins: list[str] | None = Field(default=None, min_length=1, max_length=20)
    settings: dict[str, Any] | None = None
    despite_fall: bool = False


class NewKey(Body):
    name: str = Field(min_length=1, max_length=120)
    permissions: list[str] = Field(min_length=1, max_length=40)
    only_domain: UUID | None = None
    test: bool = Field(default=False, description="A key `oo_test_…`, which reaches sandbox websites only.")
    expires_at: AwareDatetime | None = Field(default=None, description="When it ends by itself; null for never.")


class Switch(Body):
    on: bool


def _domain(domain: DomainView) -> dict[str, Any]:
    return {
        "id": str(domain.id),
        "title": domain.title,
        "origins": list(domain.origins),
        "widget_key": domain.widget_key,
        "sandbox": domain.sandbox,
        "settings": domain.settings.model_dump(mode="json"),
    }


@router.post("/session", status_code=204, dependencies=[Depends(Public("signing in"))], responses=fails(401, 429))
async def sign_in(request: Request, response: Response, runtime: App, body: SignIn) -> None:
    """Signs a member in; the session is a cookie that scripts cannot read. For a member with a second factor a right
    password is answered with 401, `second_factor_needed` and a `ticket` for `POST /v1/session/factor`."""
    network = request.client.host if request.client else ""
    token = await runtime.members.sign_in(body.email, body.password.get_secret_value(), network=network)
    keep_session(response, runtime, token)


@router.delete("/session", status_code=204, dependencies=[Depends(Public("signing out"))])
async def sign_out(request: Request, response: Response, runtime: App) -> None:
    """Ends the session of the cookie, if there is one."""
    if token := request.cookies.get(COOKIE):
        await runtime.members.sign_out(token)
    response.delete_cookie(COOKIE, path="/")


@router.get("/domains", response_model=Page[shapes.Domain])
async def domains(
    runtime: App, pages: Pages, principal: Annotated[Principal, Depends(requires("domain.read", test=True))]
) -> Any:
    """The websites of the account; of a key for one website, that one; of a test key, the sandboxes."""
    found = await runtime.accounts.domains(principal.account_id)
    reached = (d for d in found if principal.only_domain in (None, d.id) and (d.sandbox or not principal.test))
    return pages.cut(reached, lambda one: one.id, _domain)


@router.post("/domains", status_code=201, response_model=shapes.Domain)
async def add_domain(
    runtime: App, body: NewDomain, principal: Annotated[Principal, Depends(requires("account.manage"))]
) -> dict[str, Any]:
    """Adds a website."""
    if principal.only_domain is not None:
        raise Refused("This key is for one domain only.", reason="not_permitted")
    domain = await runtime.accounts.add_domain(
        principal.account_id, body.title, body.origins, sandbox=body.sandbox, actor=principal.actor
    )
    return _domain(domain)


@router.get(DOMAIN, response_model=shapes.Domain)
async def domain(runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]) -> Any:
    """A website with its settings."""
    return _domain(await runtime.accounts.domain(access.scope))


@router.patch(DOMAIN, response_model=shapes.Domain)
async def change_domain(
    runtime: App, body: DomainChange, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.manage"))]
) -> dict[str, Any]:
    """Changes title, websites or settings; what is not named stays. A setting given as null goes back to its default, a
    cut to what calibration found."""
    changes = {name: value for name, value in body.model_dump(exclude={"despite_fall"}).items() if value is not None}
    changed = await runtime.accounts.configure(
        access.scope, changes, actor=access.principal.actor, despite_fall=body.despite_fall
    )
    return _domain(changed)


@router.get("/keys", response_model=Page[shapes.Key])
async def keys(runtime: App, pages: Pages, principal: Annotated[Principal, Depends(requires("key.manage"))]) -> Any:
    """API keys, without their secrets."""
    found = await runtime.keys.list(principal.account_id, only_domain=principal.only_domain)
    return pages.cut(found, lambda one: one.id, asdict)


@router.post("/keys", status_code=201, response_model=shapes.MadeKey, responses=fails(404))
async def create_key(
    runtime: App, body: NewKey, principal: Annotated[Principal, Depends(requires("key.manage"))]
) -> dict[str, str]:
    """Makes a key. Its secret is in this answer and nowhere else."""
    if body.only_domain is not None:
        await owned(runtime, principal, body.only_domain)
    key_id, secret = await runtime.keys.create(
        principal.account_id,
        body.name,
        body.permissions,
        only_domain=body.only_domain or principal.only_domain,
        test=body.test,
        expires_at=body.expires_at,
        actor=principal.actor,
        granted_by=principal.permissions,
    )
    return {"id": str(key_id), "secret": secret}


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(
    runtime: App, key_id: UUID, principal: Annotated[Principal, Depends(requires("key.manage"))]
) -> None:
    """The key stops working at once."""
    await runtime.keys.revoke(principal.account_id, key_id, actor=principal.actor, only_domain=principal.only_domain)


@router.get("/members", response_model=Page[shapes.Member])
async def members(runtime: App, pages: Pages, principal: Annotated[Principal, Depends(requires("member.read"))]) -> Any:
    """The people of the account."""
    found = await runtime.members.list(principal.account_id, actor=principal.actor)
    return pages.cut(found, lambda one: one.id, asdict)


@router.get(DOMAIN + "/plugins", response_model=Page[shapes.PluginRow])
async def plugins(
    runtime: App, pages: Pages, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> Any:
    """The plugins that the operator enabled, and whether each is on for this domain."""
    found = [
        {
            "name": loaded.name,
            "title": loaded.plugin.info.title,
            "on": await runtime.accounts.is_on(access.scope, loaded.name),
        }
        for loaded in runtime.seams.loaded
    ]
    return pages.cut(found, lambda one: one["name"])


@router.put(DOMAIN + "/plugins/{plugin}", status_code=204)
async def switch_plugin(
    runtime: App,
    plugin: str,
    body: Switch,
    access: Annotated[DomainAccess, Depends(RequiresDomain("plugin.manage"))],
) -> None:
    """Switches a plugin on or off for a website."""
    runtime.loaded(plugin)
    await runtime.accounts.switch(access.scope, plugin, on=body.on, actor=access.principal.actor)

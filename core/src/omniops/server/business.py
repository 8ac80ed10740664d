"""The business API: domains, sources, conversations, keys, members, plugins, connections. API key or member session."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from omniops.accounts.permissions import Principal
from omniops.accounts.service import DomainView
from omniops.server.permissions import COOKIE, App, DomainAccess, Public, RequiresDomain, owned, requires

router = APIRouter(prefix="/v1", tags=["business"])
DOMAIN = "/domains/{domain_id}"


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignIn(Body):
    email: str = Field(max_length=254)
    password: SecretStr = Field(max_length=1000)


class NewDomain(Body):
    title: str = Field(min_length=1, max_length=120)
    origins: list[str] = Field(min_length=1, max_length=20)


class DomainChange(Body):
    title: str | None = Field(default=None, min_length=1, max_length=120)
    origins: list[str] | None = Field(default=None, min_length=1, max_length=20)
    settings: dict[str, Any] | None = None


class NewSource(Body):
    kind: str = Field(default="site", max_length=40)
    url: str = Field(max_length=2000)


class NewKey(Body):
    name: str = Field(min_length=1, max_length=120)
    permissions: list[str] = Field(min_length=1, max_length=40)
    only_domain: UUID | None = None


class Reply(Body):
    text: str = Field(max_length=20_000)


class Switch(Body):
    on: bool


class NewConnection(Body):
    plugin: str = Field(max_length=60)
    settings: dict[str, Any]


def _domain(domain: DomainView) -> dict[str, Any]:
    return {
        "id": str(domain.id),
        "title": domain.title,
        "origins": list(domain.origins),
        "widget_key": domain.widget_key,
        "settings": domain.settings.model_dump(),
    }


@router.post("/session", status_code=204, dependencies=[Depends(Public("signing in"))])
async def sign_in(request: Request, response: Response, runtime: App, body: SignIn) -> None:
    """Signs a member in; the session is a cookie that scripts cannot read."""
    network = request.client.host if request.client else ""
    token = await runtime.members.sign_in(body.email, body.password.get_secret_value(), network=network)
    secure = runtime.settings.public_url.startswith("https:")
    response.set_cookie(COOKIE, token, httponly=True, secure=secure, samesite="lax", max_age=14 * 86400, path="/")


@router.delete("/session", status_code=204, dependencies=[Depends(Public("signing out"))])
async def sign_out(request: Request, response: Response, runtime: App) -> None:
    """Ends the session of the cookie, if there is one."""
    if token := request.cookies.get(COOKIE):
        await runtime.members.sign_out(token)
    response.delete_cookie(COOKIE, path="/")


@router.get("/domains")
async def domains(runtime: App, principal: Annotated[Principal, Depends(requires("domain.read"))]) -> list[Any]:
    found = await runtime.accounts.domains(principal.account_id)
    return [_domain(d) for d in found if principal.only_domain in (None, d.id)]


@router.post("/domains", status_code=201)
async def add_domain(
    runtime: App, body: NewDomain, principal: Annotated[Principal, Depends(requires("account.manage"))]
) -> dict[str, Any]:
    domain = await runtime.accounts.add_domain(principal.account_id, body.title, body.origins, actor=principal.actor)
    return _domain(domain)


@router.get(DOMAIN)
async def domain(runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]) -> Any:
    return _domain(await runtime.accounts.domain(access.scope))


@router.patch(DOMAIN)
async def change_domain(
    runtime: App, body: DomainChange, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.manage"))]
) -> dict[str, Any]:
    changes = body.model_dump(exclude_none=True)
    return _domain(await runtime.accounts.configure(access.scope, changes, actor=access.principal.actor))


@router.get(DOMAIN + "/sources")
async def sources(
    runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.read"))]
) -> list[dict[str, Any]]:
    return [source.to_json() for source in await runtime.knowledge.sources(access.scope)]


@router.post(DOMAIN + "/sources", status_code=201)
async def add_source(
    runtime: App, body: NewSource, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.manage"))]
) -> dict[str, Any]:
    """Adds a source and queues its first crawl."""
    source = await runtime.knowledge.add_source(access.scope, body.kind, body.url, actor=access.principal.actor)
    await runtime.knowledge.request_crawl(access.scope, source.id)
    return source.to_json()


@router.post(DOMAIN + "/sources/{source_id}/crawl", status_code=202)
async def crawl(
    runtime: App, source_id: UUID, access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.manage"))]
) -> None:
    """Queues a crawl of a source."""
    await runtime.knowledge.request_crawl(access.scope, source_id)


@router.get(DOMAIN + "/search")
async def search(
    runtime: App,
    access: Annotated[DomainAccess, Depends(RequiresDomain("knowledge.read"))],
    q: str = Query(min_length=1, max_length=1000),
    limit: int = Query(default=10, ge=1, le=50),
) -> dict[str, Any]:
    """The passages that an answer would be made from."""
    found = await runtime.knowledge.search(access.scope, q, limit=limit)
    return {
        "cover": found.cover,
        "hits": [
            {
                "passage": str(hit.passage.id),
                "title": hit.passage.title,
                "heading": hit.passage.heading,
                "url": hit.passage.url,
                "text": hit.passage.text,
                "kind": hit.passage.kind,
                "score": hit.score,
                "cosine": hit.cosine,
                "lexical": hit.lexical,
            }
            for hit in found.hits
        ],
    }


@router.get(DOMAIN + "/conversations")
async def conversations(
    runtime: App,
    access: Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))],
    state: str | None = Query(default=None, max_length=20),
) -> list[dict[str, Any]]:
    return [asdict(view) for view in await runtime.conversations.all(access.scope, state=state)]


@router.get(DOMAIN + "/conversations/{conversation_id}/messages")
async def messages(
    runtime: App,
    conversation_id: UUID,
    access: Annotated[DomainAccess, Depends(RequiresDomain("conversation.read"))],
    after: int = Query(default=0, ge=0),
) -> list[dict[str, Any]]:
    found = await runtime.conversations.read(access.scope, conversation_id, actor=access.principal.actor, after=after)
    return [message.to_json() for message in found]


@router.post(DOMAIN + "/conversations/{conversation_id}/messages", status_code=201)
async def reply(
    runtime: App,
    conversation_id: UUID,
    body: Reply,
    access: Annotated[DomainAccess, Depends(RequiresDomain("conversation.reply"))],
) -> dict[str, Any]:
    """A person answers; the AI is out of the conversation from then on."""
    message = await runtime.conversations.reply(access.scope, conversation_id, body.text, actor=access.principal.actor)
    return message.to_json()


@router.get("/keys")
async def keys(runtime: App, principal: Annotated[Principal, Depends(requires("key.manage"))]) -> list[Any]:
    return [asdict(key) for key in await runtime.keys.list(principal.account_id)]


@router.post("/keys", status_code=201)
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
        actor=principal.actor,
        granted_by=principal.permissions,
    )
    return {"id": str(key_id), "secret": secret}


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(
    runtime: App, key_id: UUID, principal: Annotated[Principal, Depends(requires("key.manage"))]
) -> None:
    await runtime.keys.revoke(principal.account_id, key_id, actor=principal.actor)


@router.get("/members")
async def members(runtime: App, principal: Annotated[Principal, Depends(requires("member.read"))]) -> list[Any]:
    return [asdict(member) for member in await runtime.members.list(principal.account_id, actor=principal.actor)]


@router.get(DOMAIN + "/plugins")
async def plugins(
    runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> list[dict[str, Any]]:
    """The plugins that the operator enabled, and whether each is on for this domain."""
    return [
        {
            "name": loaded.name,
            "title": loaded.plugin.info.title,
            "on": await runtime.accounts.is_on(access.scope, loaded.name),
        }
        for loaded in runtime.seams.loaded
    ]


@router.put(DOMAIN + "/plugins/{plugin}", status_code=204)
async def switch_plugin(
    runtime: App,
    plugin: str,
    body: Switch,
    access: Annotated[DomainAccess, Depends(RequiresDomain("plugin.manage"))],
) -> None:
    runtime.loaded(plugin)
    await runtime.accounts.switch(access.scope, plugin, on=body.on, actor=access.principal.actor)


@router.get(DOMAIN + "/connections")
async def connections(
    runtime: App, access: Annotated[DomainAccess, Depends(RequiresDomain("domain.read"))]
) -> list[dict[str, Any]]:
    return [asdict(view) for view in await runtime.connections.all(access.scope)]


@router.post(DOMAIN + "/connections", status_code=201)
async def connect(
    runtime: App, body: NewConnection, access: Annotated[DomainAccess, Depends(RequiresDomain("connection.manage"))]
) -> dict[str, Any]:
    """Tries a connection and saves it if it works."""
    view = await runtime.connections.connect(access.scope, body.plugin, body.settings, actor=access.principal.actor)
    return asdict(view)


@router.delete(DOMAIN + "/connections/{connection_id}", status_code=204)
async def disconnect(
    runtime: App,
    connection_id: UUID,
    access: Annotated[DomainAccess, Depends(RequiresDomain("connection.manage"))],
) -> None:
    await runtime.connections.disconnect(access.scope, connection_id, actor=access.principal.actor)

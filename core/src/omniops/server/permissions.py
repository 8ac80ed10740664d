"""Who may call a route. Every route declares it; a test walks all of them."""

from __future__ import annotations

from typing import Annotated, cast
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request

from omniops.accounts.permissions import Permission, Principal
from omniops.contracts.scope import Scope
from omniops.conversation.visitors import Visitor
from omniops.errors import NotFound, Refused
from omniops.runtime import Runtime

COOKIE = "omniops_session"


def runtime_of(request: Request) -> Runtime:
    return cast("Runtime", request.app.state.runtime)


App = Annotated[Runtime, Depends(runtime_of)]


class Public:
    """Marks a route that anybody may call, with the reason."""

    def __init__(self, why: str) -> None:
        self.why = why

    async def __call__(self) -> None:
        return None


class Requires:
    """A dependency that admits a member or API key with one permission, and gives the principal."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, request: Request) -> Principal:
        principal = await _principal(request)
        if not principal.may(self.permission):
            raise Refused(f"This needs the permission {self.permission!r}.", reason="not_permitted")
        return principal


def requires(permission: Permission) -> Requires:
    """For routes: `principal: Annotated[Principal, Depends(requires("knowledge.read"))]`."""
    return Requires(permission)


class RequiresDomain(Requires):
    """`Requires` for a route under `/v1/domains/{domain_id}`: gives the domain's scope.

    A domain of another account, or one that an API key is not for, is not found: the two are never told apart.
    """

    async def __call__(self, request: Request, domain_id: UUID) -> DomainAccess:  # type: ignore[override]
        principal = await super().__call__(request)
        return DomainAccess(principal, await owned(runtime_of(request), principal, domain_id))


class DomainAccess:
    """A principal and the scope of the domain that the route is about."""

    def __init__(self, principal: Principal, scope: Scope) -> None:
        self.principal = principal
        self.scope = scope


async def owned(runtime: Runtime, principal: Principal, domain_id: UUID) -> Scope:
    """The scope of a principal's own domain. Raises `NotFound` for any other."""
    scope = await runtime.database.scope_of(domain_id)
    if scope.account_id != principal.account_id or principal.only_domain not in (None, domain_id):
        raise NotFound(f"There is no domain {domain_id}.")
    return scope


async def _principal(request: Request) -> Principal:
    runtime = runtime_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.startswith("oo_key_"):
        principal = await runtime.keys.principal(token)
    elif cookie := request.cookies.get(COOKIE):
        _same_site(request)
        principal = await runtime.members.principal(cookie)
    else:
        principal = None
    if principal is None:
        raise Refused("Sign in, or send an API key.", reason="not_signed_in")
    return principal


def _same_site(request: Request) -> None:
    """A request that a cookie authenticates must come from our own pages (the browser says so, and cannot lie)."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = urlsplit(runtime_of(request).settings.public_url)
    if site not in (None, "same-origin") or (origin is not None and urlsplit(origin)[:2] != own[:2]):
        raise Refused("This request came from another site.", reason="cross_site")


async def visitor_of(request: Request) -> Visitor:
    """The visitor whose session token the request carries, from a website that the domain lists."""
    runtime = runtime_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    visitor = await runtime.visitors.recognise(token) if scheme.lower() == "bearer" and token else None
    if visitor is None:
        raise Refused("This chat session is over.", reason="not_signed_in")
    check_origin(request, (await runtime.accounts.domain(visitor.scope)).origins)
    return visitor


def check_origin(request: Request, origins: tuple[str, ...]) -> None:
    """Refuses browsers on websites that the domain does not list. Apps send no origin."""
    origin = request.headers.get("origin")
    if origin is not None and origin not in origins:
        request.state.foreign_origin = True
        raise Refused("This chat does not run on this website.", reason="foreign_origin")


CurrentVisitor = Annotated[Visitor, Depends(visitor_of)]

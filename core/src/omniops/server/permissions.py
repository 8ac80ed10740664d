"""Who may call a route. Every route declares it; a test walks all of them."""

from __future__ import annotations

from typing import Annotated, Any, cast
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request, Response

from omniops.accounts.keys import LIVE, TEST
from omniops.accounts.members import SESSION_DAYS
from omniops.accounts.permissions import Permission, Principal
from omniops.contracts.scope import Scope
from omniops.conversation.visitors import Visitor
from omniops.errors import NotFound, Refused
from omniops.runtime import Runtime
from omniops.server.recording import recognised

COOKIE = "omniops_session"


def runtime_of(request: Request) -> Runtime:
    return cast("Runtime", request.app.state.runtime)


async def _app(request: Request) -> Runtime:
    """`runtime_of` for routes: a plain function would cost every request a way through a thread."""
    return runtime_of(request)


App = Annotated[Runtime, Depends(_app)]


class Public:
    """Marks a route that anybody may call, with the reason."""

    def __init__(self, why: str) -> None:
        self.why = why

    async def __call__(self) -> None:
        return None


class Requires:
    """A dependency that admits a member or API key with one permission, and gives the principal.

    With `test` also a test key, which is shown and changes nothing but sandbox domains: the route sees to that. With
    `members_only` no key at all: what is a person's own, a program does not touch. With `whole_account` no key that is
    for one website or for sandboxes, whatever website the address names.
    """

    def __init__(
        self, permission: Permission, *, test: bool = False, members_only: bool = False, whole_account: bool = False
    ) -> None:
        self.permission = permission
        self.test = test
        self.members_only = members_only
        self.whole_account = whole_account

    async def __call__(self, request: Request) -> Principal:
        principal = await self._permitted(request)
        if principal.test and not self.test:
            raise Refused("A test key reaches sandbox websites only.", reason="test_key")
        return principal

    async def _permitted(self, request: Request) -> Principal:
        principal = await _principal(request)
        if not principal.may(self.permission):
            raise Refused(f"This needs the permission {self.permission!r}.", reason="not_permitted")
        if self.members_only and principal.kind != "member":
            raise Refused("A key has no account of its own.", reason="not_permitted")
        if self.whole_account and (principal.test or principal.only_domain is not None):
            raise Refused("This needs a key for the whole account.", reason="not_permitted")
        return principal


def requires(
    permission: Permission, *, test: bool = False, members_only: bool = False, whole_account: bool = False
) -> Requires:
    """For routes: `principal: Annotated[Principal, Depends(requires("knowledge.read"))]`."""
    return Requires(permission, test=test, members_only=members_only, whole_account=whole_account)


class RequiresDomain(Requires):
    """`Requires` for a route under `/v1/domains/{domain_id}`: gives the domain's scope.

    A domain of another account, or one that an API key is not for (a test key is for sandboxes), is not found: the two
    are never told apart.
    """

    async def __call__(self, request: Request, domain_id: UUID) -> DomainAccess:  # type: ignore[override]
        principal = await self._permitted(request)
        return DomainAccess(principal, await owned(runtime_of(request), principal, domain_id))


def requires_domain(permission: Permission) -> RequiresDomain:
    """For routes with a `{domain_id}` in their path: `access: Annotated[DomainAccess, Depends(requires_domain(…))]`."""
    return RequiresDomain(permission)


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
    if principal.test and not (await runtime.accounts.domain(scope)).sandbox:
        raise NotFound(f"There is no domain {domain_id}.")
    return scope


async def _principal(request: Request) -> Principal:
    runtime = runtime_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.startswith((LIVE, TEST)):
        principal = await runtime.keys.principal(token)
    elif cookie := request.cookies.get(COOKIE):
        same_site(request)
        principal = await runtime.members.principal(cookie)
    else:
        principal = None
    if principal is None:
        raise Refused("Sign in, or send an API key.", reason="not_signed_in")
    recognised(principal.actor, principal.account_id)
    return principal


def keep_session(response: Response, runtime: Runtime, token: str) -> None:
    """Gives a browser its session as a cookie that no script reads and no other site's form sends."""
    secure = runtime.settings.public_url.startswith("https:")
    age = SESSION_DAYS * 86400
    response.set_cookie(COOKIE, token, httponly=True, secure=secure, samesite="lax", max_age=age, path="/")


def same_site(request: Request) -> None:
    """A request that a cookie authenticates must come from our own pages (the browser says so, and cannot lie)."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = urlsplit(runtime_of(request).settings.public_url)
    if site not in (None, "same-origin") or (origin is not None and urlsplit(origin)[:2] != own[:2]):
        if site == "same-origin":  # our own page, at an address that the server was not told
            raise Refused(
                f"This server was told that it is at {own.scheme}://{own.netloc}, and you are at {origin}.",
                reason="cross_site",
                do="Open it there, or tell the server where it is: OMNIOPS_BASE_URL.",
            )
        raise Refused("This request came from another site.", reason="cross_site")


async def visitor_of(request: Request) -> Visitor:
    """The visitor whose session token the request carries, from the website that the session was opened on."""
    runtime = runtime_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    origin = request.headers.get("origin")
    try:
        visitor = await runtime.visitors.recognise(token, origin) if scheme.lower() == "bearer" and token else None
    except Refused:
        request.state.foreign_origin = True
        raise
    if visitor is None:
        raise Refused("This chat session is over.", reason="not_signed_in")
    recognised(visitor.actor, visitor.scope.account_id)
    domain = await runtime.accounts.domain(visitor.scope)
    check_origin(request, domain.origins)
    if not domain.settings.enabled:
        raise Refused("This chat is switched off.", reason="chat_off")
    return visitor


def check_origin(request: Request, origins: tuple[str, ...]) -> None:
    """Refuses browsers on websites that the domain does not list. Apps send no origin. Our own pages may: `/try`,
    and the frame, which only a listed website may show."""
    origin = request.headers.get("origin")
    own = request.headers.get("sec-fetch-site") == "same-origin"
    if origin is not None and origin not in origins and not own:
        request.state.foreign_origin = True
        raise Refused("This chat does not run on this website.", reason="foreign_origin")


CurrentVisitor = Annotated[Visitor, Depends(visitor_of)]


def guard_of(route: Any) -> Requires | Public | Any | None:
    """What stands before a route, given as FastAPI's `RouteContext`: a permission, the visitor's session, or the reason
    why it is public. None where nothing does."""
    waiting = [found] if (found := getattr(route, "dependant", None)) is not None else []
    while waiting:
        dependant = waiting.pop()
        if isinstance(dependant.call, Requires | Public) or dependant.call is visitor_of:
            return dependant.call
        waiting += dependant.dependencies
    return None

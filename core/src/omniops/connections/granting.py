"""The way of a member to the other side and back: a state that counts once, for ten minutes, for them alone.

What was entered, agreed to and asked for stays here, sealed; through the browser goes a random state, and with PKCE the
hash of a verifier that never leaves. Who comes back must be who went: the same session, or for a key and the command
line a member who may manage the connections of this very account.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

from sqlalchemy import delete, update
from sqlmodel import col, select

from omniops.connections.asking import away
from omniops.connections.kinds import Kinds, clear, tokens_of
from omniops.connections.models import ConnectionGrant
from omniops.connections.service import Connections, Wish
from omniops.contracts.ids import Clock
from omniops.contracts.integration import ConnectionView
from omniops.contracts.oauth import OAuth
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.scope import Actor, ActorKind, Scope
from omniops.contracts.sealed import seal
from omniops.contracts.tokens import new_token, token_hash
from omniops.database.service import Database
from omniops.database.tables import forget, remember
from omniops.errors import NotFound, NotReady, OmniOpsError, Refused, Rejected
from omniops.jobs.service import MAINTENANCE, Jobs, Task
from omniops.vault.service import Vault

MINUTES = 10
"""How long a state counts."""
LONGEST_SAID = 500
KEPT = timedelta(hours=1)
"""How long what came of it can be read."""
GONE = "This link was used already, is older than ten minutes, or was never ours."
Outcome = Literal["waiting", "connected", "partial", "declined", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Browser:
    """Who a browser is signed in as: a member of which account, whether they manage connections, and the session."""

    account_id: UUID
    manages: bool
    session: str


@dataclass(frozen=True, slots=True)
class Begun:
    """Where a member's browser goes now, and until when it may come back. `id` leads to what came of it."""

    id: UUID
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it. `missing` are titles of features that are wanted and lack a scope."""

    id: UUID
    domain_id: UUID
    kind: str
    title: str
    outcome: Outcome
    said: str
    connection_id: UUID | None = None
    missing: Sequence[str] = ()


class Granting:
    """Code flows and handovers, from their begin to a saved connection."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        connections: Connections,
        kinds: Callable[[], Kinds],
        jobs: Jobs,
        clock: Clock,
        address: str,
    ) -> None:
        """`address` is the public one of this server: the other side sends browsers back there and nowhere else."""
        self._database = database
        self._vault = vault
        self._connections = connections
        self._kinds = kinds
        self._clock = clock
        self._address = address
        jobs.register(Task("connections:sweep", self.sweep, queue=MAINTENANCE, cron="17 * * * *"))

    async def begin(
        self,
        scope: Scope,
        plugin: str,
        values: Mapping[str, Any],
        *,
        actor: Actor,
        agreed: str | None = None,
        kind: str = "",
        chosen: Mapping[str, bool] | None = None,
        agreed_features: Mapping[str, str] | None = None,
        connection_id: UUID | None = None,
        session: str | None = None,
    ) -> Begun:
        """The address at the other side that a member must open. With `connection_id` that one is connected again, with
        its features as they are, but for those of `chosen`. `session` is the token of the member's own session, None
        for a key and the command line.

        Raises `NotFound`, `Rejected` for values and terms as `connect` does, and for a kind that has no such flow,
        `NotReady` where the operator has not set it up.
        """
        versions = None if agreed is None else {"": agreed, **(agreed_features or {})}
        wants = dict(chosen or {})
        entered = dict(values)
        if connection_id is not None:
            row = await self._connections.row(scope, connection_id)
            plugin, kind, wants = row.plugin, row.kind, {**row.wanted, **wants}
            before = clear((await self._connections.opened(row))[0])
            entered = {**{name: value for name, value in before.items() if name != "tokens"}, **entered}
        wish = self._connections.wish(plugin, kind, wants, versions, actor)
        settings = self._kinds().validated(wish.kind, entered)
        state = new_token("oo_state_")
        verifier = secrets.token_urlsafe(64)
        assert scope.domain_id is not None
        grant = ConnectionGrant(
            domain_id=scope.domain_id,
            plugin=wish.plugin,
            kind=wish.kind,
            connection_id=connection_id,
            state_hash=token_hash(state),
            entered=seal(clear(settings)),
            verifier=seal(verifier),
            session_hash=token_hash(session) if session is not None else None,
            actor=str(actor),
            wanted=dict(wish.wanted),
            agreed=wish.agreed,
            asked=list(wish.scopes),
            created_at=self._clock.now(),
            expires_at=self._clock.now() + timedelta(minutes=MINUTES),
        )
        url = self._url(wish, settings, state, verifier, grant.id)
        async with self._database.session(scope) as rows:
            rows.add(grant)
            remember(rows, "grant", grant.state_hash, scope)
            remember(rows, "grant", grant.id.bytes, scope)
            await rows.commit()
        return Begun(grant.id, url, grant.expires_at)

    async def returned(self, query: Sequence[tuple[str, str]], browser: Browser | None) -> UUID:
        """A browser came back. Returns the id under which `result` says what came of it.

        Raises `NotFound` for a state that does not count (any more), `Refused` for who did not go there: then the state
        is not used up, and nothing is asked of the other side. `Rejected` for a parameter that came twice.
        """
        given = dict(query)
        if len(given) != len(query):
            raise Rejected("A parameter of this address came twice.", code="bad_callback")
        scope, grant = await self._pending(given.get("state", ""))
        _check_who(scope, grant, browser)
        await self._use(scope, grant)
        if "error" in given or not given.get("code"):
            declined = given.get("error") == "access_denied"
            said = "Access was declined at the other side." if declined else "The other side gave no access."
            await self._end(scope, grant, "declined" if declined else "failed", said)
            return grant.id
        await self._finish(scope, grant, lambda: self._exchanged(scope, grant, given))
        return grant.id

    async def handed(self, kind: str, body: bytes) -> None:
        """Another system posted credentials. Raises `NotFound` for a state that does not count, `Rejected` for what is
        not well-formed."""
        integration = self._kinds().integrations.get(kind)
        handover = integration.handover if integration is not None else None
        if handover is None:
            raise NotFound(GONE)
        handed = handover.read(body)
        scope, grant = await self._pending(handed.state)
        if grant.kind != kind:
            raise NotFound(GONE)
        await self._use(scope, grant)

        async def merged() -> PluginSettings:
            entered, _ = await self._opened(grant)
            return self._kinds().validated(kind, {**entered, **handed.values})

        await self._finish(scope, grant, merged)

    async def result(self, grant_id: UUID, browser: Browser | None) -> Result:
        """What came of it, for members of the account. Raises `NotFound` for everybody else."""
        scope = await self._database.resolve("grant", grant_id.bytes)
        if scope is None or browser is None or browser.account_id != scope.account_id:
            raise NotFound(GONE)
        async with self._database.session(scope) as session:
            grant = await session.get(ConnectionGrant, (scope.domain_id, grant_id))
        if grant is None:
            raise NotFound(GONE)
        integration = self._kinds().integrations.get(grant.kind)
        title = integration.title if integration is not None else grant.kind
        outcome = cast("Outcome", grant.outcome or "waiting")
        missing: Sequence[str] = ()
        if outcome == "partial" and grant.connection_id is not None:
            view = await self._connections.one(scope, grant.connection_id)
            missing = [one.title for one in view.features if one.wanted and not one.on]
        return Result(grant.id, grant.domain_id, grant.kind, title, outcome, grant.said, grant.connection_id, missing)

    async def sweep(self, timestamp: int | None = None) -> None:
        """Forgets what is over: used or not, an hour after its state stopped to count."""
        async with self._database.system("connections: ways that are over") as session:
            connection = await session.connection()
            over = delete(ConnectionGrant).where(col(ConnectionGrant.expires_at) < self._clock.now() - KEPT)
            gone = await connection.execute(over.returning(col(ConnectionGrant.id), col(ConnectionGrant.state_hash)))
            for grant_id, state_hash in gone.all():
                await forget(session, "grant", state_hash)
                await forget(session, "grant", grant_id.bytes)
            await session.commit()

    def _url(self, wish: Wish, settings: PluginSettings, state: str, verifier: str, grant_id: UUID) -> str:
        integration = self._kinds().integrations.get(wish.kind)
        oauth = integration.oauth if integration is not None else None
        handover = integration.handover if integration is not None else None
        if oauth is not None:
            return self._authorize(oauth, wish, settings, state, verifier)
        if handover is not None:
            return _web(
                handover.address(
                    settings,
                    state=state,
                    callback_url=f"{self._address}/oauth/handover/{wish.kind}",
                    return_url=f"{self._address}/oauth/result/{grant_id}",
                    scopes=wish.scopes,
                )
            )
        raise Rejected(
            f"{wish.kind}: nothing is asked for at the other side.", code="no_flow", do="Connect it by its values."
        )

    def _authorize(self, oauth: OAuth, wish: Wish, settings: PluginSettings, state: str, verifier: str) -> str:
        if not oauth.client_id:
            raise NotReady(
                f"{wish.kind} cannot be connected yet: this server has no client id for it.",
                do=f"The operator sets it in the settings of {wish.plugin!r}.",
            )
        parts = urlsplit(_web(oauth.at(settings).authorize))
        parameters = {
            **dict(parse_qsl(parts.query)),
            **oauth.extra(settings, wish.scopes),  # noqa: S610  # not that of an ORM
            "response_type": "code",
            "client_id": oauth.client_id,
            "redirect_uri": self._redirect,
            "state": state,
        }
        if wish.scopes:
            parameters["scope"] = oauth.separator.join(wish.scopes)
        if oauth.pkce:
            digest = hashlib.sha256(verifier.encode()).digest()
            parameters["code_challenge"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            parameters["code_challenge_method"] = "S256"
        return urlunsplit(parts._replace(query=urlencode(parameters)))

    @property
    def _redirect(self) -> str:
        return f"{self._address}/oauth/callback"

    async def _pending(self, state: str) -> tuple[Scope, ConnectionGrant]:
        scope = await self._database.resolve("grant", token_hash(state)) if state else None
        if scope is None:
            raise NotFound(GONE)
        async with self._database.session(scope) as session:
            statement = select(ConnectionGrant).where(
                ConnectionGrant.domain_id == scope.domain_id, ConnectionGrant.state_hash == token_hash(state)
            )
            grant = (await session.exec(statement)).first()
        if grant is None or grant.used_at is not None or grant.expires_at <= self._clock.now():
            raise NotFound(GONE)
        return scope, grant

    async def _use(self, scope: Scope, grant: ConnectionGrant) -> None:
        """Uses the state up: of two that come with it, one goes on."""
        async with self._database.session(scope) as session:
            statement = (
                update(ConnectionGrant)
                .where(col(ConnectionGrant.domain_id) == scope.domain_id, col(ConnectionGrant.id) == grant.id)
                .where(col(ConnectionGrant.used_at).is_(None))
                .values(used_at=self._clock.now())
                .returning(col(ConnectionGrant.id))
            )
            if (await (await session.connection()).execute(statement)).first() is None:
                raise NotFound(GONE)
            await forget(session, "grant", grant.state_hash)
            await session.commit()

    async def _opened(self, grant: ConnectionGrant) -> tuple[dict[str, Any], str | None]:
        actor = Actor.system(f"connection.{grant.kind}")
        opened = await self._vault.open([grant], purpose="connection.use", actor=actor)
        return opened(grant.entered), opened(grant.verifier) if grant.verifier is not None else None

    async def _finish(self, scope: Scope, grant: ConnectionGrant, got: Callable[[], Awaitable[PluginSettings]]) -> None:
        """Gets the credentials, tries them, saves the connection; whatever goes wrong becomes the outcome."""
        settings: PluginSettings | None = None
        actor = _actor(grant.actor)
        try:
            settings = await got()
            wish = self._connections.wish(grant.plugin, grant.kind, grant.wanted, grant.agreed, actor)
            view = await self._connections.keep(scope, wish, settings, actor=actor, connection_id=grant.connection_id)
        except (Rejected, Refused, NotFound) as error:
            if settings is not None:
                await self._give_back(scope, grant, settings)
            await self._end(scope, grant, "refused", str(error))
        except OmniOpsError as error:
            if settings is not None:
                await self._give_back(scope, grant, settings)
            await self._end(scope, grant, "failed", str(error))
        else:
            lacking = any(one.wanted and not one.on for one in view.features)
            await self._end(scope, grant, "partial" if lacking else "connected", view.said, view)

    async def _exchanged(self, scope: Scope, grant: ConnectionGrant, given: Mapping[str, str]) -> PluginSettings:
        """The settings with the tokens for the code in the redirect's parameters."""
        integration = self._kinds().integrations.get(grant.kind)
        oauth = integration.oauth if integration is not None else None
        if integration is None or oauth is None:
            raise NotReady(f"{grant.kind} is not there any more.")
        entered, verifier = await self._opened(grant)
        settings = self._kinds().model(grant.kind)(**entered)
        async with away(integration):
            oauth.check_callback(given, settings)
            async with self._connections.client(scope, grant.kind) as http:
                tokens = await oauth.exchange(
                    http,
                    given["code"],
                    connection=settings,
                    redirect_uri=self._redirect,
                    verifier=verifier if oauth.pkce else None,
                )
        return settings.model_copy(update={"tokens": tokens})

    async def _give_back(self, scope: Scope, grant: ConnectionGrant, settings: PluginSettings) -> None:
        """Nothing half done: access that is not kept is revoked, unless that would end the access of a connection that
        stands, since vendors revoke all of an account's at once."""
        integration, tokens = self._kinds().integrations.get(grant.kind), tokens_of(settings)
        oauth = integration.oauth if integration is not None else None
        if integration is None or oauth is None or tokens is None or grant.connection_id is not None:
            return
        ids = integration.external_ids(settings)
        if any([await self._connections.found(grant.kind, one) is not None for one in ids]):
            return
        with suppress(OmniOpsError):
            async with away(integration), self._connections.client(scope, grant.kind) as http:
                await oauth.revoke(http, tokens, connection=settings)

    async def _end(
        self, scope: Scope, grant: ConnectionGrant, outcome: Outcome, said: str, view: ConnectionView | None = None
    ) -> None:
        changes: dict[str, Any] = {"outcome": outcome, "said": said[:LONGEST_SAID]}
        if view is not None:
            changes["connection_id"] = view.id
        async with self._database.session(scope) as session:
            row = await session.get(ConnectionGrant, (scope.domain_id, grant.id))
            if row is None:
                return
            for name, value in changes.items():
                setattr(row, name, value)
            row.entered, row.verifier = seal({}), None  # of no use any more
            session.add(row)
            await session.commit()


def _check_who(scope: Scope, grant: ConnectionGrant, browser: Browser | None) -> None:
    if (
        browser is None
        or browser.account_id != scope.account_id
        or not browser.manages
        or grant.session_hash not in (None, token_hash(browser.session))
    ):
        raise Refused("Sign in as the member who began this, in the same browser.", reason="not_yours")


def _actor(said: str) -> Actor:
    kind, _, name = said.partition(":")
    return Actor(cast("ActorKind", kind), name)


def _web(url: str) -> str:
    """An address that a browser may be sent to: nothing that runs here."""
    if urlsplit(url).scheme not in ("https", "http"):
        raise Rejected("The other side's address is none of the web.", code="bad_address")
    return url

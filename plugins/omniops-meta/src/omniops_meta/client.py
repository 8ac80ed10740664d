"""Asking Meta's Graph API: one call, and what its answers mean. Nothing else here talks to Meta, but for the login."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omniops import PluginContext, Scope
from omniops.contracts.limits import Limits
from omniops.errors import NotFound, NotReady, Permanent, Reconnect
from pydantic import SecretStr

from omniops_meta.settings import VERSION, MetaSettings

if TYPE_CHECKING:
    import httpx2

PROCESSOR = "meta"
CHAT = "user.content.chat"
PAGES = 50
"""Pages of a list that are read at most."""
_TAKES = frozenset(range(400, 500)) - {408, 423, 425, 429}
"""Statuses whose body says more than they do."""
_ACCESS = frozenset({102, 190, 463, 467})
_PERMISSION = frozenset({3, 10, *range(200, 300)})
_WINDOW_SUBCODE = 2018278
"""Of code 10: the message comes outside of the time in which one may write."""
_LIMITS = frozenset({4, 17, 32, 341, 368, 613, *range(80000, 80015), 130429, 131048, 131056, 131064, 133016})
_LATER = frozenset({1, 2, 131000, 131016, 131057})
_PAUSE = 60.0
"""Seconds, where a limit was met and nothing said for how long."""


@dataclass(frozen=True, slots=True)
class Why:
    """For what a call is made and for which domain: what the gate enters."""

    purpose: str = "connection.use"
    categories: Sequence[str] = ()
    scope: Scope | None = None


RESPOND = Why("chat.respond", (CHAT,))
_SET_UP = Why()


class GraphClient:
    """The Graph API for all connections of the plugin: Facebook's, or Instagram's own, which is asked by tokens of
    Instagram Login and without a proof."""

    def __init__(self, context: PluginContext, *, instagram: bool = False) -> None:
        self._gate = context.gate
        self._log = context.log
        self._settings: MetaSettings = context.settings
        self._instagram = instagram
        self._graph = f"{self._settings.instagram}/{VERSION}" if instagram else self._settings.graph
        self._limits = Limits("Meta", context.clock)

    async def call(
        self,
        token: str,
        method: str,
        path: str,
        *,
        why: Why = _SET_UP,
        params: Mapping[str, str] | None = None,
        **body: Any,
    ) -> dict[str, Any]:
        """What a call answers. `body` is `json`, or `data` with `files`. Raises `NotReady`, `Reconnect` and
        `Permanent`, whose messages hold Meta's code and none of its words."""
        response = await self._send(
            token,
            method,
            f"{self._graph}/{path}",
            why,
            path.partition("/")[0],
            params={**(params or {}), **self._proof(token)},
            **body,
        )
        said = self._read(response)
        if "error" in said:
            raise self._failure(response, said, path)
        return said

    async def items(
        self, token: str, path: str, *, params: Mapping[str, str] | None = None, why: Why = _SET_UP
    ) -> AsyncIterator[Mapping[str, Any]]:
        """The items of a list to its end, or of `PAGES` pages. Raises as `pages` does."""
        number = 0
        async for page, _ in self.pages(token, path, params=params, why=why):
            for item in page:
                yield item
            number += 1
            if number == PAGES:
                return

    async def pages(
        self,
        token: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        after: str = "",
        why: Why = _SET_UP,
    ) -> AsyncIterator[tuple[Sequence[Mapping[str, Any]], str]]:
        """The pages of a list from a cursor on, each with the cursor of the next, empty at the end. Links are not
        followed, only the cursor beside them is used; one that comes again ends it as an error. Raises as `call`
        does."""
        known = {after}
        while True:
            more = {"after": after} if after else {}
            said = await self.call(token, "GET", path, params={**(params or {}), **more, "limit": "100"}, why=why)
            paging = said.get("paging") or {}
            after = (paging.get("cursors") or {}).get("after") or "" if "next" in paging else ""
            if after and after in known:
                raise NotReady("Meta gives the same page again and again.")
            known.add(after)
            yield [one for one in said.get("data") or () if isinstance(one, dict)], after
            if not after:
                return

    async def assets(self, token: str, permission: str) -> Sequence[str]:
        """The ids for which a permission was given, such as those of accounts. Raises as `call` does."""
        secret = self._settings.app_secret
        app = f"{self._settings.app_id}|{secret.get_secret_value() if secret is not None else ''}"
        said = await self.call(app, "GET", "debug_token", params={"input_token": token})
        rows = (said.get("data") or {}).get("granular_scopes") or ()
        return [str(one) for row in rows if row.get("scope") == permission for one in row.get("target_ids") or ()]

    async def page_token(self, token: str, page: str) -> str:
        """Access as a page, which only a page's own calls take. Raises as `call` does."""
        said = await self.call(token, "GET", page, params={"fields": "access_token"})
        found = said.get("access_token")
        if not isinstance(found, str) or not found:
            raise Reconnect("Meta gives no access to this page.", do="Connect again and choose the page there.")
        return found

    async def file(self, url: str, token: str | None) -> AsyncIterator[bytes]:
        """The bytes at an address that Meta gave. Raises `NotFound` for one that is gone or is none of Meta's,
        `NotReady` and `Reconnect`."""
        import httpx2

        if not self._settings.is_file(url):
            raise NotFound("The file lies at no host of Meta's; it is not fetched.")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        http = self._gate.http(PROCESSOR, purpose="chat.respond", categories=(CHAT,))
        try:
            async with http, http.stream("GET", url, headers=headers, follow_redirects=False) as response:
                if response.status_code in (404, 410):
                    raise NotFound("Meta has this file no more.")
                if not response.is_success:
                    raise self._limits.failure(response)
                async for chunk in response.aiter_bytes():
                    yield chunk
        except httpx2.TransportError as error:
            raise NotReady("Meta did not answer, or broke off.") from error

    async def _send(self, token: str, method: str, url: str, why: Why, key: str, **options: Any) -> httpx2.Response:
        http = self._gate.http(PROCESSOR, purpose=why.purpose, categories=why.categories, scope=why.scope)
        headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
        async with http:
            return await self._limits.send(
                http, method, url, key=key, takes=_TAKES, headers=headers, follow_redirects=False, **options
            )

    def _read(self, response: httpx2.Response) -> dict[str, Any]:
        """The object in an answer. An error that is no object of Meta's means what its status means."""
        try:
            said = self._limits.json(response)
        except NotReady:
            said = None
        if isinstance(said, dict) and (response.is_success or "error" in said):
            return said
        if response.is_success:
            raise NotReady("Meta answered what cannot be read.")
        raise self._limits.failure(response)

    def _proof(self, token: str) -> dict[str, str]:
        secret = self._settings.app_secret
        own = "|" in token  # the app's own access, which needs no proof
        needed = secret is not None and not own and not self._instagram
        return {"appsecret_proof": proof(secret, token)} if secret is not None and needed else {}

    def _failure(self, response: httpx2.Response, said: Mapping[str, Any], path: str) -> Exception:
        """What an error means. Its code and trace go into the log: with the trace Meta finds the call."""
        error = said["error"] if isinstance(said["error"], dict) else {}
        code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
        trace = str(error.get("fbtrace_id", ""))[:40]
        self._log.warning("meta.refused", status=response.status_code, code=code, subcode=subcode, trace=trace)
        named = f"{code}/{subcode}" if subcode else f"{code}"
        if code in _ACCESS or (response.status_code == 401 and code not in _LIMITS):
            return Reconnect(f"Meta does not accept the access any more ({named}).")
        if code in _LIMITS:
            wait = waits(response.headers) or _PAUSE
            self._limits.pause(path.partition("/")[0], wait)
            return NotReady(f"Meta takes no more calls for a while ({named}).", retry_after=wait)
        if code in _LATER or error.get("is_transient") is True:
            return NotReady(f"Meta cannot do this just now ({named}).")
        if code in _PERMISSION and subcode != _WINDOW_SUBCODE:
            return Reconnect(f"Meta did not give the permission for this ({named}).", do="Connect again.")
        return Permanent(f"Meta refused the call ({named}).")


def proof(secret: SecretStr, token: str) -> str:
    """`appsecret_proof`: shows that who holds the token is the app itself."""
    return hmac.new(secret.get_secret_value().encode(), token.encode(), hashlib.sha256).hexdigest()


def waits(headers: Mapping[str, str]) -> float | None:
    """Seconds until there are calls again, by `X-Business-Use-Case-Usage`; None where it does not say."""
    try:
        usage = json.loads(headers.get("x-business-use-case-usage", ""))
        minutes = [float(one.get("estimated_time_to_regain_access", 0)) for rows in usage.values() for one in rows]
    except (ValueError, AttributeError, TypeError):
        return None
    return max(minutes, default=0.0) * 60 or None


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0

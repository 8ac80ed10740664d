"""Asking Slack: one call, and what its answers mean. Slack says no with `ok: false` and status 200."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from omniops import PluginContext, Scope
from omniops.contracts.limits import Limits
from omniops.errors import NotReady, Permanent, Reconnect

from omniops_slack.settings import SlackConnection, SlackSettings

if TYPE_CHECKING:
    import httpx2

PROCESSOR = "slack"
CHAT = "user.content.chat"
PAGES = 50
"""Pages of a list that are read at most: 10,000 channels, or 5,000 messages."""
REFUSED = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "org_login_required"}
)
"""The access does not count (any more)."""
_LATER = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_SPENT = frozenset({404, 410})
"""What an address for answers to a command says once it is used up or too old."""


@dataclass(frozen=True, slots=True)
class Why:
    """For what a call is made, about whom and for which domain: what the gate enters."""

    purpose: str = "connection.use"
    categories: Sequence[str] = ()
    subjects: Sequence[UUID] = ()
    scope: Scope | None = None


class SlackClient:
    """The Web API and the addresses for answers to commands."""

    def __init__(self, context: PluginContext) -> None:
        self._gate = context.gate
        self._settings: SlackSettings = context.settings
        self._limits = Limits("Slack", context.clock)

    async def call(
        self, connection: SlackConnection, method: str, why: Why | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """What a method answers. Raises `NotReady`, `Reconnect` and `Permanent`, whose message holds Slack's code."""
        headers = {"authorization": f"Bearer {connection.access_token}"}
        form = {name: _plain(value) for name, value in arguments.items() if value is not None}
        url = f"{self._settings.base_url}/api/{method}"
        key = (connection.team, method, arguments.get("channel", ""))
        response = await self._post(url, why or Why(), key, data=form, headers=headers)
        said = self._limits.json(response)
        if not isinstance(said, dict):
            raise NotReady("Slack answered what cannot be read.")
        if said.get("ok") is not True:
            raise failure(said)
        return said

    async def pages(
        self, connection: SlackConnection, method: str, field: str, why: Why | None = None, **arguments: Any
    ) -> AsyncIterator[Mapping[str, Any]]:
        """The items of a list, page by page to its end. A cursor that comes again ends it as an error."""
        cursor, known = "", set[str]()
        for _ in range(PAGES):
            said = await self.call(connection, method, why, cursor=cursor or None, **arguments)
            for item in said.get(field) or ():
                yield item
            cursor = (said.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
            if cursor in known:
                raise NotReady("Slack gives the same page again and again.")
            known.add(cursor)

    async def respond(self, url: str, text: str, why: Why) -> None:
        """Answers a command at the address that came with it, for nobody but who gave it. Raises as `call` does."""
        if not is_hook(url, self._settings):
            raise Permanent("The address for the answer is none of Slack's.")
        body = {"response_type": "ephemeral", "replace_original": False, "text": text}
        response = await self._post(url, why, ("hook", url), takes=_SPENT, json=body)
        if response.status_code in _SPENT:
            raise Permanent("The address for the answer is used up or too old.")

    async def _post(
        self, url: str, why: Why, key: Hashable, *, takes: frozenset[int] = frozenset(), **options: Any
    ) -> httpx2.Response:
        http = self._gate.http(
            PROCESSOR, purpose=why.purpose, categories=why.categories, subjects=why.subjects, scope=why.scope
        )
        async with http:
            return await self._limits.send(http, "POST", url, key=key, takes=takes, follow_redirects=False, **options)


def failure(said: Mapping[str, Any]) -> NotReady | Reconnect | Permanent:
    """What `ok: false` means. Only its code is repeated."""
    code = said.get("error")
    known = code if isinstance(code, str) and code.isidentifier() and len(code) <= 60 else "no code"
    if known in REFUSED:
        return Reconnect(f"Slack does not accept the access any more ({known}).")
    if known == "missing_scope":
        return Reconnect("Slack did not give the permission for this (missing_scope).", do="Connect Slack again.")
    if known in _LATER:
        return NotReady(f"Slack takes no more calls for a while ({known}).")
    return Permanent(f"Slack refused the call ({known}).")


def is_hook(url: str, settings: SlackSettings) -> bool:
    """Whether an address for answers to a command is Slack's: nothing else is ever written to."""
    return url.startswith(f"{settings.hooks_url}/") and len(url) <= 500


def _plain(value: Any) -> str:
    """A value as a form carries it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""Slack on loopback: workspaces with channels, tokens that rotate, messages in threads, and what Slack tells an app.

Which arguments a method takes is asked of Slack's own client library, so whatever is not published fails here. What a
test did not foresee stands in `wrong` as well: nobody can swallow it.
"""

import hashlib
import inspect
import itertools
import json
import time
from base64 import urlsafe_b64encode
from collections import defaultdict, deque
from dataclasses import dataclass, field
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from uuid import uuid4

from omniops.testing.upstream import Answer, Cut
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

CLIENT, CLIENT_SECRET, SIGNING = "111.222", "client-secret-of-the-app", "signing-secret-of-the-app"
APP, BOT, BOT_ID, PERSON = "A0APP", "U0BOT", "B0BOT", "U0ANNA"
SCOPES = {
    "auth.test": None,
    "auth.revoke": None,
    "apps.uninstall": None,
    "chat.postMessage": "chat:write",
    "chat.delete": "chat:write",
    "conversations.info": "channels:read",
    "conversations.list": "channels:read",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
}
"""The methods that are spoken here, and the bot scope that each needs by its page of the documentation."""
RETRY = {"x-slack-retry-num": "1", "x-slack-retry-reason": "http_timeout"}
_numbers = itertools.count(1)


def published(method):
    """The arguments of a method, as Slack's own client has them."""
    known = inspect.signature(getattr(AsyncWebClient, method.replace(".", "_"))).parameters
    return set(known) - {"self", "kwargs"}


@dataclass
class Team:
    """One workspace."""

    id: str
    name: str = "Corner Shop"
    channels: dict = field(default_factory=dict)
    messages: dict = field(default_factory=lambda: defaultdict(list))
    installed: bool = False

    def channel(self, name, *, member=True, archived=False, private=False, made=None):
        made = made or f"C{uuid4().hex[:10].upper()}"
        flags = {"is_member": member, "is_archived": archived, "is_private": private}
        self.channels[made] = {"id": made, "name": name, **flags}
        return made

    def thread(self, channel, ts):
        return [one for one in self.messages[channel] if ts in (one["ts"], one.get("thread_ts"))]


class Slack:
    """The other side. `grants` is what an admin allows (None: all that is asked for); `faults` are the answers that the
    next calls of a method get instead; after a call of a method in `lost` its answer does not arrive. Unless it
    `leaves`, an app may not take itself out of a workspace."""

    now = staticmethod(time.time)

    def __init__(self):
        self.begin()

    def begin(self):
        self.teams, self.codes, self.tokens, self.refreshing = {}, {}, {}, {}
        self.grants, self.lifetime, self.page, self.org, self.leaves = None, 43200, 100, False, True
        self.faults, self.lost = defaultdict(deque), []
        self.asked, self.told, self.wrong, self.responses = [], [], [], []

    def team(self):
        made = Team(f"T{uuid4().hex[:8].upper()}")
        self.teams[made.id] = made
        return made

    def browse(self, url, team, *, declined=False):
        """An admin opens the address and agrees, or does not. Gives the parameters of the redirect."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["client_id"] == CLIENT
        assert " " not in asked["scope"], "scopes are set apart by commas"
        if declined:
            return {"error": "access_denied", "state": asked["state"]}
        code = f"{uuid4().hex}"
        self.codes[code] = (asked, team)
        return {"code": code, "state": asked["state"]}

    def answer(self, exchange):
        path = urlsplit(exchange.path).path
        if path.startswith("/commands/"):
            return self._command(path, exchange)
        method = path.removeprefix("/api/")
        form = self._arguments(exchange)
        self.asked.append((method, form))
        if self.faults[method]:
            return self.faults[method].popleft()
        said = self._access(form) if method == "oauth.v2.access" else self._called(method, form, exchange.headers)
        if method in self.lost:
            self.lost.remove(method)
            return Answer(before=[Cut()])
        return Answer.json(said)

    def _arguments(self, exchange):
        """What a method was given: in the query, and in a form or JSON, as Slack takes it."""
        given = dict(parse_qsl(urlsplit(exchange.path).query, keep_blank_values=True))
        kind = exchange.headers.get("content-type", "")
        if kind.startswith("application/json"):
            return given | {k: v if isinstance(v, str) else json.dumps(v) for k, v in exchange.json().items()}
        if exchange.body and not kind.startswith("application/x-www-form-urlencoded"):
            self.wrong.append(f"{exchange.path}: {kind}")
        return given | dict(parse_qsl(exchange.body.decode(), keep_blank_values=True))

    def _called(self, method, form, headers):
        if method not in SCOPES:
            return self._wrong_call(method, "unknown_method")
        if unknown := sorted(set(form) - published(method)):
            return self._wrong_call(f"{method}: {unknown}", "invalid_arguments")
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return {"ok": False, "error": "invalid_auth" if token else "not_authed"}
        team, scopes, until = self.tokens[token]
        if until is not None and until < self.now():
            return {"ok": False, "error": "token_expired"}
        if not team.installed:
            return {"ok": False, "error": "account_inactive"}
        if SCOPES[method] is not None and SCOPES[method] not in scopes:
            return {"ok": False, "error": "missing_scope", "needed": SCOPES[method], "provided": ",".join(scopes)}
        return getattr(self, f"_{method.replace('.', '_')}")(team, form, token)

    def _auth_test(self, team, form, token):
        return {
            "ok": True, "url": "https://shop.slack.com/", "team": team.name, "user": "omniops", "team_id": team.id,
            "user_id": BOT, "bot_id": BOT_ID, "is_enterprise_install": False,
        }  # fmt: skip

    def _auth_revoke(self, team, form, token):
        """Ends one token; the app stays, but in no channel."""
        del self.tokens[token]
        for channel in team.channels.values():
            channel["is_member"] = False
        return {"ok": True, "revoked": True}

    def _apps_uninstall(self, team, form, token):
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, CLIENT_SECRET):
            return {"ok": False, "error": "bad_client_secret"}
        if not self.leaves:
            return {"ok": False, "error": "no_permission"}
        self.remove(team)
        return {"ok": True}

    def _conversations_info(self, team, form, token):
        found = team.channels.get(form["channel"])
        return {"ok": True, "channel": found} if found else {"ok": False, "error": "channel_not_found"}

    def _conversations_list(self, team, form, token):
        if form.get("types") != "public_channel":
            return self._wrong_call(f"types {form.get('types')}", "missing_scope")
        living = form.get("exclude_archived", "").lower() in ("true", "1")
        rows = [c for c in team.channels.values() if not ((c["is_archived"] and living) or c["is_private"])]
        rows, after = self._page(form, rows)
        return {"ok": True, "channels": rows, "response_metadata": {"next_cursor": after}}

    def _conversations_history(self, team, form, token):
        return self._history(team, form, [m for m in team.messages[form["channel"]] if "parent_user_id" not in m][::-1])

    def _conversations_replies(self, team, form, token):
        return self._history(team, form, team.thread(form["channel"], form["ts"]))

    def _history(self, team, form, found):
        rows, after = self._page(form, [m for m in found if float(m["ts"]) > float(form.get("oldest", "0"))])
        bare = form.get("include_all_metadata", "").lower() not in ("true", "1")
        rows = [{k: v for k, v in m.items() if not (bare and k == "metadata")} for m in rows]
        return {"ok": True, "messages": rows, "has_more": bool(after), "response_metadata": {"next_cursor": after}}

    def _page(self, form, rows):
        """The rows of a page, and the cursor after it."""
        start, size = int(form.get("cursor", "0")), min(int(form.get("limit", "100")), self.page)
        return rows[start : start + size], str(start + size) if start + size < len(rows) else ""

    def _chat_postMessage(self, team, form, token):
        channel = form["channel"]
        if channel not in team.channels and not channel.startswith("D"):
            return {"ok": False, "error": "channel_not_found"}
        if channel in team.channels and not team.channels[channel]["is_member"]:
            return {"ok": False, "error": "not_in_channel"}
        if not form.get("text"):
            return {"ok": False, "error": "no_text"}
        message = self._written(team, channel, BOT, form["text"], form.get("thread_ts"), bot_id=BOT_ID)
        if "metadata" in form:
            message["metadata"] = json.loads(form["metadata"])
            assert set(message["metadata"]) == {"event_type", "event_payload"}
        return {"ok": True, "channel": channel, "ts": message["ts"], "message": message}

    def _chat_delete(self, team, form, token):
        rows = team.messages[form["channel"]]
        found = [one for one in rows if one["ts"] == form["ts"]]
        if not found:
            return {"ok": False, "error": "message_not_found"}
        if found[0]["user"] != BOT:
            return {"ok": False, "error": "cant_delete_message"}
        rows.remove(found[0])
        return {"ok": True, "channel": form["channel"], "ts": form["ts"]}

    def _access(self, form):
        if unknown := sorted(set(form) - published("oauth.v2.access") - {"code_verifier"}):
            return self._wrong_call(f"oauth.v2.access: {unknown}", "invalid_arguments")
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, CLIENT_SECRET):
            return {"ok": False, "error": "bad_client_secret"}
        if form.get("grant_type") == "refresh_token":
            found = self.refreshing.pop(form["refresh_token"], None)
            return self._given(*found) if found else {"ok": False, "error": "invalid_refresh_token"}
        asked, team = self.codes.pop(form["code"], (None, None))
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return {"ok": False, "error": "invalid_code"}
        if "code_challenge" in asked:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
                return {"ok": False, "error": "invalid_code_verifier"}
        team.installed = True
        scopes = asked["scope"].split(",")
        return self._given(team, [one for one in scopes if self.grants is None or one in self.grants])

    def _given(self, team, scopes):
        access, refresh = f"xoxe.xoxb-{uuid4().hex}", f"xoxe-1-{uuid4().hex}"
        rotated = self.lifetime is not None
        for token in [one for one, (owner, *_) in self.tokens.items() if owner is team]:
            del self.tokens[token]
        self.tokens[access] = (team, scopes, self.now() + self.lifetime if rotated else None)
        if rotated:
            self.refreshing[refresh] = (team, scopes)
        said = {
            "ok": True, "access_token": access, "token_type": "bot", "scope": ",".join(scopes), "bot_user_id": BOT,
            "app_id": APP, "team": {"id": team.id, "name": team.name}, "enterprise": None,
            "authed_user": {"id": PERSON}, "is_enterprise_install": self.org,
        }  # fmt: skip
        if self.org:
            said["team"] = None
        return said | ({"refresh_token": refresh, "expires_in": self.lifetime} if rotated else {})

    def _command(self, path, exchange):
        self.responses.append((path, exchange.json()))
        if self.faults["hook"]:
            return self.faults["hook"].popleft()
        if extra := set(exchange.json()) - {"response_type", "replace_original", "text"}:
            return self._wrong(f"response: {extra}")
        return Answer([b"ok"], headers={"Content-Type": "text/plain"})

    def _wrong(self, what):
        self.wrong.append(what)
        return Answer.json({"ok": False, "error": "invalid_arguments"})

    def _wrong_call(self, what, error):
        self.wrong.append(what)
        return {"ok": False, "error": error}

    def remove(self, team):
        """The app is taken out of a workspace: its tokens are of no use any more."""
        team.installed = False
        self.tokens = {token: kept for token, kept in self.tokens.items() if kept[0] is not team}
        self.refreshing = {token: kept for token, kept in self.refreshing.items() if kept[0] is not team}

    def expire(self):
        self.tokens = {token: (team, scopes, 1.0) for token, (team, scopes, _) in self.tokens.items()}

    def count(self, method):
        return sum(name == method for name, _ in self.asked)

    # What people do there, and what Slack tells of it.

    def _written(self, team, channel, user, text, thread_ts=None, **more):
        ts = f"{self.now():.0f}.{next(_numbers):06d}"
        message = {"type": "message", "user": user, "text": text, "ts": ts, **more}
        if thread_ts is not None:
            parent = [one for one in team.messages[channel] if one["ts"] == thread_ts]
            message |= {"thread_ts": thread_ts, "parent_user_id": parent[0]["user"] if parent else user}
        team.messages[channel].append(message)
        self.told.append((team, self._message_event(team, channel, message)))
        return message

    def _message_event(self, team, channel, message):
        kind = "im" if channel.startswith("D") else "channel"
        return {
            "client_msg_id": str(uuid4()), "team": team.id, "channel": channel, "channel_type": kind,
            "event_ts": message["ts"], "blocks": [{"type": "rich_text", "elements": []}], **message,
        }  # fmt: skip

    def write(self, team, channel, text, *, thread_ts=None, user=PERSON, **more):
        """A person writes. Gives what Slack tells of it: the message, and the mention where there is one."""
        message = self._written(team, channel, user, text, thread_ts)
        event = {**self._message_event(team, channel, message), **more}
        events = [event]
        if f"<@{BOT}>" in text and not channel.startswith("D"):
            mention = {k: v for k, v in event.items() if k not in ("channel_type", "parent_user_id")}
            events.append({**mention, "type": "app_mention"})
        return [self.event(team, one) for one in events]

    def edit(self, team, channel, ts, text, *, preview=False):
        (before,) = [one for one in team.messages[channel] if one["ts"] == ts]
        after = {**before, "text": text} | ({} if preview else {"edited": {"user": before["user"], "ts": ts}})
        return self._hidden(team, channel, "message_changed", message=after, previous_message=before)

    def delete(self, team, channel, ts):
        (before,) = [one for one in team.messages[channel] if one["ts"] == ts]
        return self._hidden(team, channel, "message_deleted", deleted_ts=ts, previous_message=before)

    def _hidden(self, team, channel, subtype, **more):
        kind = "im" if channel.startswith("D") else "channel"
        place = {"channel": channel, "channel_type": kind, "ts": f"{self.now():.6f}", "event_ts": f"{self.now():.6f}"}
        return self.event(team, {"type": "message", "subtype": subtype, "hidden": True, **place, **more})

    def event(self, team, event, **more):
        """An event as Slack wraps it."""
        return {
            "token": "verification", "team_id": team.id, "api_app_id": APP, "event": event, "type": "event_callback",
            "event_id": f"Ev{uuid4().hex[:10].upper()}", "event_time": int(self.now()), "event_context": "4-context",
            "authorizations": [
                {"enterprise_id": None, "team_id": team.id, "user_id": BOT, "is_bot": True,
                 "is_enterprise_install": False}
            ],
            "is_ext_shared_channel": False, **more,
        }  # fmt: skip

    def command(self, team, text, base, *, user=PERSON, channel="C0ANY", **more):
        """A slash command, as a form."""
        return {
            "token": "verification", "team_id": team.id, "team_domain": "shop", "channel_id": channel,
            "channel_name": "general", "user_id": user, "user_name": "anna", "command": "/ask", "text": text,
            "api_app_id": APP, "is_enterprise_install": "false",
            "response_url": f"{base}/commands/{team.id}/1/{uuid4().hex}", "trigger_id": f"1.2.{uuid4().hex}", **more,
        }  # fmt: skip


def signed(payload, at, *, secret=SIGNING, **headers):
    """Body and headers of a delivery: what `slack_sdk` signs is what Slack signs."""
    form = "command" in payload
    body = urlencode(payload) if form else json.dumps(payload, ensure_ascii=False)
    stamp = str(int(at))
    made = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body)
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    given = {"content-type": kind, "x-slack-request-timestamp": stamp, "x-slack-signature": made}
    return body.encode(), given | headers


def asked_scopes(url):
    return parse_qs(urlsplit(url).query)["scope"][0].split(",")

"""Microsoft 365 on loopback: accounts with a mailbox and teams, tokens that rotate, subscriptions, what Graph tells.

What is not published of a call (`ms_published.py`) fails here, and stands in `wrong` as well: nobody can swallow it.
"""

import hashlib
import re
import time
from base64 import urlsafe_b64encode
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from ms_calendar import Calendar
from ms_outlook import Mail
from ms_published import FACTS, call_of, fields_of, strange
from ms_teams import Teams
from omniops.testing.upstream import Answer, Cut

CLIENT, CLIENT_SECRET, TENANT = "11111111-2222-4333-8444-555555555555", "client-secret-of-the-app", "common"
RESOURCE = "https://graph.microsoft.com/"
LONGEST = {"Message": timedelta(minutes=4230), "ChatMessage": timedelta(minutes=4320)}
RETURNS = {
    "GET /users/{}": "User",
    "GET /users/{}/messages/{}": "Message",
    "GET /users/{}/mailFolders/{}": "MailFolder",
    "GET /teams/{}/channels/{}": "Channel",
    "GET /teams/{}/channels/{}/messages/{}/replies/{}": "ChatMessage",
    "POST /teams/{}/channels/{}/messages": "ChatMessage",
    "POST /teams/{}/channels/{}/messages/{}/replies": "ChatMessage",
    "POST /users/{}/events": "Event",
    "GET /users/{}/events/{}": "Event",
    "POST /subscriptions": "Subscription",
    "PATCH /subscriptions/{}": "Subscription",
}
LISTS = {
    "GET /subscriptions": "Subscription",
    "GET /users/{}/joinedTeams": "Team",
    "GET /users/{}/messages/{}/attachments": "Attachment",
    "GET /users/{}/mailFolders": "MailFolder",
    "GET /users/{}/mailFolders/{}/messages": "Message",
    "GET /users/{}/mailFolders/{}/messages/delta": "Message",
    "GET /users/{}/events": "Event",
    "POST /users/{}/calendar/getSchedule": "ScheduleInformation",
    "GET /teams/{}/channels": "Channel",
    "GET /teams/{}/channels/{}/messages": "ChatMessage",
    "GET /teams/{}/channels/{}/messages/{}/replies": "ChatMessage",
}


@dataclass
class Account:
    """One account, with its mailbox, its teams and its calendar."""

    address: str
    id: str = field(default_factory=lambda: str(uuid4()))
    mail: Mail = field(default_factory=Mail)
    teams: Teams = field(default_factory=Teams)
    calendar: Calendar = field(default_factory=Calendar)


class Refusal(Exception):
    """What Graph says no with."""

    def __init__(self, status, code, **headers):
        super().__init__(code)
        self.status, self.code, self.headers = status, code, headers

    def answer(self):
        said = {"error": {"code": self.code, "message": "No.", "innerError": {"request-id": str(uuid4())}}}
        return Answer.json(said, status=self.status, headers=self.headers)


class Graph:
    """The other side. `grants` are the permissions that a tenant allows (None: all that is asked for); `faults` are
    the answers that the next requests of a call get instead; after a call in `lost` its answer does not arrive.
    `reach` is how it calls an address of ours: for the handshake, and None where nobody listens."""

    now = staticmethod(time.time)

    def __init__(self):
        self.begin()

    def begin(self):
        self.accounts, self.codes, self.tokens, self.refreshing, self.subscriptions = {}, {}, {}, {}, {}
        self.grants, self.lifetime, self.page, self.reach = None, 3600, 100, None
        self.faults, self.lost = defaultdict(deque), []
        self.asked, self.wrong, self.told = [], [], []

    def account(self, address=None):
        made = Account(address or f"shop-{uuid4().hex[:8]}@corner.example")
        made.mail.now = made.teams.now = lambda: datetime.fromtimestamp(self.now(), UTC)
        made.mail.told = lambda message: self._tell(made, "mail", message)
        made.teams.told = lambda *place: self._tell(made, "teams", place)
        self.accounts[made.id] = made
        return made

    def browse(self, url, account, *, declined=False):
        """A member opens the address and agrees, or does not. Gives the parameters of the redirect."""
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query))
        assert parts.path == f"/{TENANT}/oauth2/v2.0/authorize"
        assert (asked["client_id"], asked["response_type"], asked["response_mode"]) == (CLIENT, "code", "query")
        assert asked["code_challenge_method"] == "S256"
        if declined:
            return {"error": "access_denied", "error_description": "AADSTS65004", "state": asked["state"]}
        code = uuid4().hex
        self.codes[code] = (asked, account)
        return {"code": code, "state": asked["state"], "session_state": str(uuid4())}

    def token(self, account, *names, until=None):
        """An access token with the permissions of these names, as after a consent long ago."""
        made = uuid4().hex
        self.tokens[made] = (account, {*names, "User.Read"}, until)
        return made

    async def answer(self, exchange):
        path = urlsplit(exchange.path).path
        if path == f"/{TENANT}/oauth2/v2.0/token":
            self.asked.append(("token", dict(parse_qsl(exchange.body.decode()))))
            return self._fault("token") or self._access(self.asked[-1][1])
        found = call_of(exchange.method, path.removeprefix("/v1.0"))
        if not path.startswith("/v1.0/") or found is None:
            return self._wrong(f"{exchange.method} {exchange.path}")
        call, parts = found
        self.asked.append((call, exchange))
        if (fault := self._fault(call)) is not None:
            return fault
        try:
            answer = await self._called(call, parts, exchange)
        except Refusal as refusal:
            return refusal.answer()
        if call in self.lost:
            self.lost.remove(call)
            return Answer(before=[Cut()])
        return answer

    def _fault(self, call):
        return self.faults[call].popleft() if self.faults[call] else None

    async def _called(self, call, parts, exchange):
        account, granted = self._who(exchange)
        facts, query = FACTS["calls"][call], dict(parse_qsl(urlsplit(exchange.path).query, keep_blank_values=True))
        body = exchange.json() if exchange.body else None
        own = {"$skiptoken", "$deltatoken"} if call.endswith("/delta") else {"$skiptoken"}
        self._right(call, sorted(set(query) - set(facts["query"]) - own), "a query parameter")
        self._right(call, strange(body, facts["body"]) if body is not None else [], "a property")
        self._right(call, [] if (body is None) == (not facts["body"]) else ["body"], "a body that is not published")
        if "$select" in query:
            kind = RETURNS.get(call) or LISTS[call]
            self._right(call, [one for one in query["$select"].split(",") if one not in fields_of(kind)], "a property")
        if not granted & set(facts["permissions"]) and not call.endswith("/subscriptions"):
            raise Refusal(403, "ErrorAccessDenied")
        prefer = re.findall(r"[^\s,]+", exchange.headers.get("prefer", ""))
        part = call.split(" ")[1].split("/")[1]
        place = {"users": self._user, "teams": self._team, "subscriptions": self._subscription}[part]
        said = await place(call, account, granted, parts[1:] if part == "users" else parts, query, body, prefer)
        if said is None:
            return Answer(status=202 if call.endswith("/reply") else 204)
        if isinstance(said, bytes):
            return Answer(
                [said[at : at + 1000] for at in range(0, len(said), 1000)], 200, {"Content-Type": "text/plain"}
            )
        for one in said["value"] if call in LISTS else [said]:
            self._right(call, strange(one, LISTS.get(call) or RETURNS[call]), "an answer of the double")
        return Answer.json(said, status=201 if exchange.method == "POST" and call not in LISTS else 200)

    def _right(self, call, found, what):
        if found:
            self.wrong.append(f"{call}: {what}: {found}")
            raise Refusal(400, "BadRequest")

    def _who(self, exchange):
        token = exchange.headers.get("authorization", "").removeprefix("Bearer ")
        account, granted, until = self.tokens.get(token, (None, set(), 0))
        if account is None or (until is not None and until < self.now()):
            raise Refusal(401, "InvalidAuthenticationToken")
        return account, granted

    async def _user(self, call, account, granted, parts, query, body, prefer):
        if call == "GET /users/{}":
            return self._chosen({"id": account.id, "mail": account.address, "userPrincipalName": "x@x.example"}, query)
        if call.endswith("/joinedTeams"):
            return {"value": [{"id": key, "displayName": team["name"]} for key, team in account.teams.all.items()]}
        if "/calendar/" in call or "/events" in call:
            return account.calendar.answer(call, account, parts, query, body, self)
        return account.mail.answer(call, account, parts, query, body, prefer, self)

    async def _team(self, call, account, granted, parts, query, body, prefer):
        if set(query) - {"$top", "$skiptoken"} and "/messages" in call:
            self._right(call, sorted(query), "a query parameter that its page does not name")
        return account.teams.answer(call, account, parts, query, body, self)

    async def _subscription(self, call, account, granted, parts, query, body, prefer):
        mine = {key: kept for key, (owner, kept, _) in self.subscriptions.items() if owner is account}
        if call.startswith("GET"):
            rows = [{name: value for name, value in kept.items() if name != "clientState"} for kept in mine.values()]
            return self.paged(rows, query, "/subscriptions")
        if call.startswith("POST"):
            return await self._subscribed(account, granted, body, prefer)
        if parts[0] not in mine:
            raise Refusal(404, "ResourceNotFound")
        if call.startswith("DELETE"):
            del self.subscriptions[parts[0]]
            return None
        kept = mine[parts[0]]
        kept["expirationDateTime"] = self._until(body, kept["resource"])
        return {name: value for name, value in kept.items() if name != "clientState"}

    async def _subscribed(self, account, granted, body, prefer):
        kind = self._kind(body["resource"])
        if ("Mail.Read" if kind == "Message" else "ChannelMessage.Read.All") not in granted:
            raise Refusal(403, "ExtensionError")
        required = {"changeType", "notificationUrl", "resource", "expirationDateTime", "clientState"}
        self._right("POST /subscriptions", sorted(required - set(body)), "without what is required")
        if kind == "ChatMessage" and "lifecycleNotificationUrl" not in body:
            raise Refusal(400, "ValidationError")
        if len(body["clientState"]) > 128 or not body["notificationUrl"].startswith("https://"):
            raise Refusal(400, "ValidationError")
        for name in ("notificationUrl", "lifecycleNotificationUrl"):
            await self._handshake(body[name])
        made = {**body, "id": str(uuid4()), "expirationDateTime": self._until(body, body["resource"])}
        self.subscriptions[made["id"]] = (account, made, 'IdType="ImmutableId"' in prefer)
        return {name: value for name, value in made.items() if name != "clientState"}

    def _kind(self, resource):
        if re.fullmatch(r"me/mailFolders\('[^']+'\)/messages", resource):
            return "Message"
        if re.fullmatch(r"teams/[0-9a-f-]{36}/channels/[^/]+/messages", resource):
            return "ChatMessage"
        self._right("POST /subscriptions", [resource], "a resource")
        return None

    def _until(self, body, resource):
        asked = datetime.fromisoformat(body["expirationDateTime"])
        if asked - datetime.fromtimestamp(self.now(), UTC) > LONGEST[self._kind(resource)]:
            raise Refusal(400, "ValidationError")
        return body["expirationDateTime"]

    async def _handshake(self, url):
        """The address must give the token back, as plain text."""
        if self.reach is None:
            return
        token = f"Validation: <b>Testing</b> &amp; Request-Id: {uuid4()}"
        status, kind, text = await self.reach(url, {"validationToken": token}, None)
        if status != 200 or not kind.startswith("text/plain") or text != token:
            raise Refusal(400, "InvalidRequest")

    def paged(self, rows, query, path):
        """A page of a list, with the link to the next."""
        start, size = int(query.get("$skiptoken", "0")), min(int(query.get("$top", self.page)), self.page)
        page = {"value": rows[start : start + size]}
        if start + size < len(rows):
            page["@odata.nextLink"] = f"{self.base}/v1.0{path}?$skiptoken={start + size}"
        return page

    def _chosen(self, row, query):
        names = query["$select"].split(",") if "$select" in query else list(row)
        return {name: value for name, value in row.items() if name in names or name == "id"}

    def _access(self, form):
        known = {"client_id", "client_secret", "grant_type", "code", "redirect_uri", "code_verifier", "refresh_token"}
        if unknown := set(form) - known - {"scope"}:
            return self._wrong(f"token: {sorted(unknown)}")
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, CLIENT_SECRET):
            return _oauth_error("invalid_client", 401)
        if form["grant_type"] == "refresh_token":
            found = self.refreshing.pop(form["refresh_token"], None)
            return self._given(*found) if found else _oauth_error("invalid_grant")
        asked, account = self.codes.pop(form["code"], (None, None))
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return _oauth_error("invalid_grant")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return _oauth_error("invalid_grant")
        names = [one.removeprefix(RESOURCE) for one in asked["scope"].split() if one.startswith(RESOURCE)]
        names = [one for one in names if self.grants is None or one in self.grants or one == "User.Read"]
        return self._given(account, names, "offline_access" in asked["scope"].split())

    def _given(self, account, names, offline=True):
        access, refresh = f"ey{uuid4().hex}", f"0.A{uuid4().hex}"
        self.tokens[access] = (account, set(names), self.now() + self.lifetime)
        said = {
            "token_type": "Bearer", "expires_in": self.lifetime, "ext_expires_in": self.lifetime,
            "access_token": access, "scope": " ".join([*names, "profile", "openid", "email"]),
        }  # fmt: skip
        if offline:
            self.refreshing[refresh] = (account, names)
            said["refresh_token"] = refresh
        return Answer.json(said)

    def _wrong(self, what):
        self.wrong.append(what)
        return Refusal(400, "BadRequest").answer()

    def withdraw(self, account):
        """The account's owner, or an admin, takes the consent back."""
        self.tokens = {token: kept for token, kept in self.tokens.items() if kept[0] is not account}
        self.refreshing = {token: kept for token, kept in self.refreshing.items() if kept[0] is not account}

    def expire(self):
        self.tokens = {token: (account, names, 1.0) for token, (account, names, _) in self.tokens.items()}

    def count(self, call):
        return sum(name == call for name, _ in self.asked)

    # What Graph tells of what happens there.

    def _tell(self, account, what, about):
        for key, (owner, kept, immutable) in self.subscriptions.items():
            if owner is account and (notice := account_notice(account, what, about, kept, immutable)):
                self.told.append((kept["notificationUrl"], {**self._head(key, kept), **notice}))

    def lifecycle(self, event, only=""):
        """Tells of all subscriptions, or of those whose resource begins so."""
        for key, (_, kept, _) in list(self.subscriptions.items()):
            if kept["resource"].startswith(only):
                self.told.append((kept["lifecycleNotificationUrl"], {**self._head(key, kept), "lifecycleEvent": event}))
                if event == "subscriptionRemoved":
                    del self.subscriptions[key]

    def _head(self, key, kept):
        return {
            "subscriptionId": key, "clientState": kept["clientState"], "tenantId": str(uuid4()),
            "subscriptionExpirationDateTime": kept["expirationDateTime"],
        }  # fmt: skip


def account_notice(account, what, about, kept, immutable):
    """The notice of a change that a subscription is for, or None."""
    if what == "mail":
        if kept["resource"] != f"me/mailFolders('{about['folder']}')/messages" and not (
            about["folder"] == account.mail.inbox and kept["resource"] == "me/mailFolders('inbox')/messages"
        ):
            return None
        identity = about["id"] if immutable else about["moving"]
        resource, kind = f"Users/{account.id}/Messages/{identity}", "#Microsoft.Graph.Message"
    else:
        team, channel, root, identity = about
        if kept["resource"] != f"teams/{team}/channels/{channel}/messages":
            return None
        resource, kind = f"teams('{team}')/channels('{channel}')/messages('{root or identity}')", ""
        resource += f"/replies('{identity}')" if root else ""
        kind = "#Microsoft.Graph.chatMessage"
    data = {"@odata.type": kind, "@odata.id": resource, "id": identity}
    return {"changeType": "created", "resource": resource, "resourceData": data}


def _oauth_error(code, status=400):
    return Answer.json({"error": code, "error_description": "AADSTS70000", "trace_id": str(uuid4())}, status=status)

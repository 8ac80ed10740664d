"""Google on loopback: sign-in, keys, and a calendar. Mail is in `google_mail`, files in `google_files`, contacts in
`google_people`.

Every call is looked up in what Google publishes (`google_published`); what is not there is refused and stands in
`wrong`, so that nobody can swallow it. The same goes for what this double answers itself.
"""

import base64
import hashlib
import json
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit
from uuid import uuid4

import google_published as published
from google_calendar import Calendars
from google_files import Files
from google_mail import Mailboxes
from google_people import People
from google_refusing import Refusal
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from omniops.testing.upstream import Answer, Cut

CLIENT, CLIENT_SECRET = "client.apps.googleusercontent.com", "GOCSPX-secret-of-the-app"
ISSUER = "https://accounts.google.com"
AUTH = "https://www.googleapis.com/auth/"


@dataclass
class Account:
    """Somebody at Google, with what is theirs."""

    email: str
    sub: str = field(default_factory=lambda: str(uuid4().int)[:21])
    calendars: dict = field(default_factory=lambda: {"primary": {}})
    rev: int = 0
    labels: dict = field(default_factory=lambda: {"INBOX": "INBOX", "SENT": "SENT", "Label_7": "Support"})
    messages: dict = field(default_factory=dict)
    history: list = field(default_factory=lambda: [{"id": "1000"}])
    watch: dict | None = None
    files: dict = field(default_factory=dict)
    changed: list = field(default_factory=list)
    contacts: list = field(default_factory=list)
    indexed: list = field(default_factory=list)


class Google(Calendars, Mailboxes, Files, People):
    """The other side. `grants` are the scopes that a person leaves ticked (None: all); `faults` are the answers that
    the next calls of a method get instead; after a call of a method in `lost` its answer does not arrive. While `away`
    is an answer, every call gets that one. `lavish` is told everywhere, whatever fields were asked for."""

    now = staticmethod(time.time)

    def __init__(self):
        self.key = RSAKey.generate_key(2048, {"kid": "key-1", "alg": "RS256", "use": "sig"}, private=True)
        self.begin()

    def begin(self):
        self.codes, self.tokens, self.refreshing, self.accounts, self.channels = {}, {}, {}, {}, {}
        self.grants, self.lifetime, self.page = None, 3599, 100
        self.too_old_files = False
        self.too_old, self.too_old_mail, self.invited, self.certs_asked = False, False, [], 0
        self.faults, self.lost, self.away, self.lavish = defaultdict(deque), [], None, ""
        self.asked, self.wrong = [], []

    def account(self, email=None):
        made = Account(email or f"{uuid4().hex[:8]}@shop.example")
        self.accounts[made.email] = made
        return made

    def count(self, method):
        return sum(one == method for one, _ in self.asked)

    # Sign-in ----------------------------------------------------------------------------------------------------------

    def browse(self, url, account, *, declined=False):
        """A person opens the address and agrees, or does not. Gives the parameters of the redirect."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert (asked["access_type"], asked["prompt"]) == ("offline", "consent"), "else no refresh token comes"
        assert asked["code_challenge_method"] == "S256"
        assert "include_granted_scopes" not in asked, "another website's grants are none of this one's"
        if declined:
            return {"error": "access_denied", "state": asked["state"]}
        scopes = [s for s in asked["scope"].split() if self.grants is None or s in self.grants or s in WHO]
        code = uuid4().hex
        self.codes[code] = (asked, account, scopes)
        return {"code": code, "state": asked["state"], "scope": " ".join(scopes)}

    def token(self, account, scopes, until=None):
        made = f"ya29.{uuid4().hex}"
        self.tokens[made] = (account, set(scopes), until or self.now() + self.lifetime)
        return made

    def expire(self):
        self.tokens = {one: (account, scopes, 0) for one, (account, scopes, _) in self.tokens.items()}

    def end(self, account):
        """The person takes the access back in their account."""
        self.refreshing = {one: kept for one, kept in self.refreshing.items() if kept[0] is not account}
        self.tokens = {one: kept for one, kept in self.tokens.items() if kept[0] is not account}

    def signed(self, claims, key=None, kid=None):
        key = key or self.key
        return jwt.encode({"alg": "RS256", "kid": kid or key.kid}, claims, key)

    def _granted(self, account, scopes, refresh=None):
        now = int(self.now())
        claims = {
            "iss": ISSUER, "aud": CLIENT, "sub": account.sub, "email": account.email, "email_verified": True,
            "iat": now, "exp": now + 3600,
        }  # fmt: skip
        said = {
            "access_token": self.token(account, scopes),
            "expires_in": self.lifetime,
            "scope": " ".join(scopes),
            "token_type": "Bearer",
            "id_token": self.signed(claims),
        }
        return said | ({"refresh_token": refresh} if refresh else {})

    def _token(self, form):
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, CLIENT_SECRET):
            return Answer.json({"error": "invalid_client"}, status=401)
        if form["grant_type"] == "refresh_token":
            kept = self.refreshing.get(form["refresh_token"])
            return Answer.json(self._granted(*kept)) if kept else Answer.json({"error": "invalid_grant"}, status=400)
        asked, account, scopes = self.codes.pop(form["code"], (None, None, None))
        if asked is None or asked["redirect_uri"] != form["redirect_uri"]:
            return Answer.json({"error": "invalid_grant"}, status=400)
        made = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if made != asked["code_challenge"]:
            return Answer.json({"error": "invalid_grant", "error_description": "Invalid code verifier."}, status=400)
        refresh = f"1//{uuid4().hex}"
        self.refreshing[refresh] = (account, scopes)
        return Answer.json(self._granted(account, scopes, refresh))

    def _revoke(self, form):
        kept = self.refreshing.get(form["token"]) or self.tokens.get(form["token"])
        if kept is None:
            return Answer.json({"error": "invalid_token"}, status=400)
        self.end(kept[0])
        return Answer.json({})

    # Calls ------------------------------------------------------------------------------------------------------------

    def answer(self, exchange):
        if self.away is not None:
            return self.away
        url = urlsplit(exchange.path)
        form = dict(parse_qsl(exchange.body.decode("utf-8", "replace"), keep_blank_values=True))
        match (exchange.method, url.path):
            case ("POST", "/token"):
                return self._fault("token", form) or self._token(form)
            case ("POST", "/revoke"):
                return self._fault("revoke", form) or self._revoke(form)
            case ("GET", "/oauth2/v3/certs"):
                self.certs_asked += 1
                return self._fault("certs", {}) or Answer.json(KeySet([self.key]).as_dict(private=False))
        try:
            return self._called(exchange, url)
        except Refusal as refused:
            return refused.answer

    def _fault(self, method, given):
        self.asked.append((method, given))
        return self.faults[method].popleft() if self.faults[method] else None

    def _called(self, exchange, url):
        query = parse_qs(url.query, keep_blank_values=True, strict_parsing=bool(url.query))
        found = published.find(exchange.method, url.path)
        if found is None:
            self.wrong.append(f"{exchange.method} {url.path} is not published")
            raise Refusal(404, "notFound")
        method, doc, places = found
        places = {name: unquote(value) for name, value in places.items()}
        body = json.loads(exchange.body) if exchange.body else None
        problems = list(published.query_problems(method, doc, query))
        if body is not None and "request" not in method:
            problems.append(f"{method['id']} takes no body")
        elif "request" in method:
            problems += published.value_problems(doc, method["request"], body)
        if problems:
            self.wrong += problems
            raise Refusal(400, "invalid")
        given = places | {k: v if len(v) > 1 else v[0] for k, v in query.items()}
        self.asked.append((method["id"], given | {"body": body}))
        if self.faults[method["id"]]:
            return self.faults[method["id"]].popleft()
        account = self._signed_in(exchange.headers, method)
        said = getattr(self, "_" + method["id"].replace(".", "_"))(account, given, body)
        if method["id"] in self.lost:
            self.lost.remove(method["id"])
            return Answer(before=[Cut()])
        return self._said(method, doc, said, query)

    def _signed_in(self, headers, method):
        account, scopes, until = self.tokens.get(headers.get("authorization", "")[7:], (None, set(), 0))
        if account is None or until < self.now():
            raise Refusal(401, "authError")
        if not scopes & set(method["scopes"]):
            raise Refusal(403, "insufficientPermissions")
        return account

    def _said(self, method, doc, said, query):
        if isinstance(said, bytes):
            return Answer([said], 200, {"Content-Type": "text/html; charset=utf-8"})
        if said is None:
            return Answer([b""], 200)
        problems = list(published.value_problems(doc, method["response"], said))
        assert problems == [], f"the double itself says what Google does not: {problems}"
        if self.lavish:
            return Answer.json(_with_more(said, self.lavish))
        return Answer.json(published.masked(said, published.parsed(query["fields"][0]) if "fields" in query else {}))

    def _oauth2_userinfo_get(self, account, given, body):
        return {"id": account.sub, "email": account.email, "verified_email": True, "name": "A Canary", "locale": "de"}


WHO = ("openid", f"{AUTH}userinfo.email")


def _with_more(said, word):
    """The same, with something more in each of its parts."""
    if isinstance(said, list):
        return [_with_more(one, word) for one in said]
    if not isinstance(said, dict):
        return said
    return {name: _with_more(one, word) for name, one in said.items()} | {"more": word, "notes": [word], word: {}}

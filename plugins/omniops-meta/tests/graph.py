"""Meta on loopback: businesses with numbers, pages and Instagram accounts, permissions, and what Meta tells.

What is spoken here is the published contract of the Graph API v26.0, and nothing more: a path, parameter or field that
is not listed stands in `wrong`. A library of others that speaks it is tried against it as well (test_suites.py).
"""

import hashlib
import hmac
import itertools
import json
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from ads_graph import AdsGraph
from forms import form, split
from instagram_graph import InstagramGraph
from omniops.testing.upstream import Answer
from telling import Telling

VERSION = "v26.0"
APP, SECRET, VERIFY = "424242424242", "secret-of-the-app", "a-verify-token"
SCOPES = {
    "whatsapp": ["whatsapp_business_messaging", "whatsapp_business_management"],
    "messenger": ["pages_messaging", "pages_manage_metadata", "pages_show_list"],
    "ads": ["ads_read"],
    "instagram": ["instagram_basic", "instagram_manage_messages", "pages_manage_metadata", "pages_show_list"],
}
FIELDS = {"messages", "messaging_postbacks", "message_deliveries", "message_reads", "message_echoes", "message_edits"}
MEDIA_TYPES = {"image/jpeg", "image/png", "audio/ogg", "audio/mpeg", "video/mp4", "application/pdf", "text/plain"}
PAGING = {"limit", "after", "fields"}
_ids = itertools.count(1)


def number():
    return str(10**14 + next(_ids) * 7919 + int(uuid4().int % 10**13) * 10)


def signed(payload, *, secret=SECRET, ascii_only=True):
    """A delivery's body and headers. Meta writes every letter beyond ASCII as \\uXXXX."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=ascii_only).encode()
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {"content-type": "application/json", "x-hub-signature-256": f"sha256={mac}"}


@dataclass
class Business:
    """A business with one WhatsApp account, one page and one Instagram account."""

    id: str = field(default_factory=number)
    account: str = field(default_factory=number)
    phones: dict = field(default_factory=lambda: {number(): "+49 30 901820"})
    page: str = field(default_factory=number)
    page_token: str = field(default_factory=lambda: f"EAAPAGE{uuid4().hex}")
    instagram: str = field(default_factory=number)
    instagram_user: str = field(default_factory=number)
    advertising: str = field(default_factory=number)
    templates: list = field(default_factory=list)

    @property
    def phone(self):
        return next(iter(self.phones))

    @property
    def number(self):
        return f"{self.account}:{self.phone}"

    @property
    def place(self):
        return f"{self.page}:{self.instagram}"


class Meta(Telling, InstagramGraph, AdsGraph):
    """The other side. `faults` are answers that the next calls of "METHOD edge" get instead, `away` what every call
    gets while it is set."""

    def __init__(self):
        self.begin()

    def begin(self):
        self.businesses, self.codes, self.tokens, self.media = {}, {}, {}, {}
        self.subscribed, self.faults, self.grants = {}, defaultdict(deque), None
        self.asked, self.sent, self.wrong, self.shared = [], [], [], []
        self.proofs, self.page_size, self.lifetime, self.host = True, 100, 0, ""
        self.token_type, self.now, self.away = "SYSTEM_USER", time.time, None
        self.begin_instagram()
        self.begin_ads()

    def business(self):
        made = Business()
        self.businesses[made.id] = made
        return made

    def token(self, business, scopes):
        made = f"EAA{uuid4().hex}"
        self.tokens[made] = (business, list(scopes))
        return made

    def browse(self, url, business, *, declined=False):
        """Somebody of the business agrees on Meta's page, or does not. Gives the parameters of the redirect."""
        parts = urlsplit(url)
        if parts.path == "/oauth/authorize":
            return self.browse_instagram(dict(parse_qsl(parts.query)), business, declined=declined)
        assert parts.path == f"/{VERSION}/dialog/oauth", parts.path
        asked = dict(parse_qsl(parts.query))
        assert asked["client_id"] == APP
        assert asked["response_type"] == "code"
        if "config_id" in asked:
            assert asked["override_default_response_type"] == "true"
        if declined:
            return {"error": "access_denied", "error_reason": "user_denied", "state": asked["state"]}
        code = uuid4().hex
        self.codes[code] = (asked, business)
        return {"code": code, "state": asked["state"]}

    # Calls.

    def answer(self, exchange):
        if self.away is not None:
            return self.away
        url = urlsplit(exchange.path)
        params = dict(parse_qsl(url.query, keep_blank_values=True))
        if url.path.startswith("/files/"):
            return self._file(url.path, exchange)
        if (said := self.instagram_access(exchange, url.path, params)) is not None:
            return said
        version, _, path = url.path.lstrip("/").partition("/")
        if version != VERSION:
            return self._wrong(f"{url.path}: version")
        edge = path.rpartition("/")[2] if "/" in path else path
        self.asked.append((exchange.method, path, params))
        for key in (f"{exchange.method} {edge}", f"{exchange.method} {path}"):
            if self.faults[key]:
                return self.faults[key].popleft()
        if path == "oauth/access_token":
            return self._access(params)
        token = exchange.headers.get("authorization", "").removeprefix("Bearer ")
        if token in self.instagram_tokens:
            return self.instagram_call(exchange, path, params, token)
        if path == "debug_token":
            return self._debug(token, params)
        return self._with(token, exchange, path, params)

    def _with(self, token, exchange, path, params):
        paged = [one for one in self.businesses.values() if one.page_token == token]
        if token not in self.tokens and not paged:
            return self.error(190, "OAuthException", status=401)
        given = params.pop("appsecret_proof", None)
        expected = hmac.new(SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()
        if self.proofs and given != expected:
            return self._wrong("appsecret_proof", self.error(100, "GraphMethodException"))
        business, scopes = (paged[0], SCOPES["messenger"] + SCOPES["instagram"]) if paged else self.tokens[token]
        as_page = bool(paged)
        method, node, _, edge = exchange.method, *path.partition("/")
        if method == "GET" and path == "me":
            return self._fields(params, {"id": business.id})
        if path == "me/accounts" and method == "GET":
            return self._list(params, [self._page(business, params.get("fields", ""))], "pages_show_list", scopes)
        if path == "me/adaccounts" and method == "GET":
            row = {"id": f"act_{business.advertising}", "account_id": business.advertising, "name": "Corner Shop ads"}
            return self._list(params, [row], "ads_read", scopes)
        if (said := self.ads_call(method, node, edge, params, business, scopes)) is not None:
            return said
        if node == "me" and edge.startswith("permissions/") and method == "DELETE":
            scopes.remove(edge.partition("/")[2])
            return Answer.json({"success": True})
        if node == business.account:
            return self._account(method, edge, params, business, scopes)
        if node in business.phones:
            return self._phone(exchange, edge, params, business, node, scopes)
        if node == business.page:
            return self._paged(exchange, edge, params, business, scopes, as_page)
        if node in self.media and method == "GET" and set(params) <= {"phone_number_id"}:
            kind, content, _ = self.media[node]
            said = {"url": f"{self.host}/files/{node}", "mime_type": kind, "sha256": "x", "file_size": len(content)}
            return Answer.json({**said, "id": node, "messaging_product": "whatsapp"})
        if node.removeprefix("act_").isdigit():
            return self.error(100, "GraphMethodException", subcode=33, status=400)
        return self._wrong(f"{method} {path}")

    def _account(self, method, edge, params, business, scopes):
        if "whatsapp_business_management" not in scopes:
            return self.error(200, "OAuthException", status=403)
        match method, edge:
            case "GET", "phone_numbers":
                rows = [{"id": one, "display_phone_number": shown} for one, shown in business.phones.items()]
                return self._list(params, rows)
            case "GET", "message_templates":
                state = params.pop("status", None)
                return self._list(params, [one for one in business.templates if state in (None, one["status"])])
            case "POST" | "DELETE", "subscribed_apps":
                return self._subscribe(method, business.account, "all", params)
        return self._wrong(f"{method} account/{edge}")

    def _phone(self, exchange, edge, params, business, phone, scopes):
        if "whatsapp_business_messaging" not in scopes:
            return self.error(10, "OAuthException", status=403)
        if exchange.method == "POST" and edge == "media":
            values, files = form(exchange)
            if values.get("messaging_product") != "whatsapp" or set(values) != {"messaging_product", "type"} or params:
                return self._wrong(f"media {values}")
            made = number()
            self.media[made] = (values["type"], files["file"], phone)
            if values["type"] not in MEDIA_TYPES:
                return self.error(100, "OAuthException")
            return Answer.json({"id": made})
        if exchange.method == "POST" and edge == "smb_app_data" and not params:
            if exchange.json() != {"messaging_product": "whatsapp", "sync_type": "history"}:
                return self._wrong(f"smb_app_data {exchange.body!r}")
            self.shared.append(phone)
            return Answer.json({"messaging_product": "whatsapp", "request_id": number()})
        if exchange.method == "POST" and edge == "messages" and not params:
            body = exchange.json()
            if (problem := self._cloud_message(body)) is not None:
                return self._wrong(problem, self.error(100, "OAuthException"))
            return self._accept(phone, body)
        return self._wrong(f"{exchange.method} phone/{edge}")

    def _accept(self, phone, body):
        made = f"wamid.{uuid4().hex}"
        self.sent.append((phone, body, made))
        person = body.get("to") or body["recipient"]
        known = {"wa_id": person} if "to" in body else {"user_id": person}
        said = {"messaging_product": "whatsapp", "contacts": [{"input": person, **known}], "messages": [{"id": made}]}
        return Answer.json(said)

    def _cloud_message(self, body):
        """What is wrong with a message by the published reference, or None."""
        kind = body.get("type")
        extra = set(body) - {"messaging_product", "recipient_type", "to", "recipient", "type", kind, "context"}
        if extra or body.get("messaging_product") != "whatsapp" or not (body.get("to") or body.get("recipient")):
            return f"message {sorted(extra)}"
        content = body.get(kind)
        match kind:
            case "text":
                good = set(content) <= {"body", "preview_url"} and 0 < len(content["body"]) <= 4096
            case "image" | "audio" | "video" | "document":
                named = {"filename"} if kind == "document" else set()
                good = set(content) <= {"id", "link", "caption"} | named and content.get("id") in self.media
            case "template":
                places = [len(one["parameters"]) for one in content.get("components", ()) if one["type"] == "body"]
                good = set(content) <= {"name", "language", "components"} and set(content["language"]) == {"code"}
                good = good and all(places)
            case "interactive":
                buttons = content["action"]["buttons"]
                good = content["type"] == "button" and 0 < len(content["body"]["text"]) <= 1024
                good = good and 0 < len(buttons) <= 3
                good = good and all(0 < len(one["reply"]["title"]) <= 20 and one["reply"]["id"] for one in buttons)
            case _:
                good = False
        return None if good else f"{kind}: {json.dumps(content)[:200]}"

    def _paged(self, exchange, edge, params, business, scopes, as_page):
        method = exchange.method
        if method == "GET" and edge == "":
            if "pages_show_list" not in scopes:
                return self.error(200, "OAuthException", status=403)
            return Answer.json(self._page(business, params.get("fields", "")))
        if not as_page:
            return self.error(190, "OAuthException", subcode=2069032, status=400)
        if edge == "subscribed_apps":
            fields = set(params.pop("subscribed_fields", "").split(",")) - {""}
            if fields - FIELDS or (method == "POST" and not fields):
                return self._wrong(f"subscribed_fields {fields}")
            return self._subscribe(method, business.page, fields, params)
        if edge == "messages" and method == "POST" and not params:
            kind = exchange.headers.get("content-type", "")
            body, files = (form(exchange)) if kind.startswith("multipart/") else (exchange.json(), {})
            if files:
                body = {
                    name: json.loads(value) if name in ("recipient", "message") else value
                    for name, value in body.items()
                }
            if (problem := self._page_message(body, files)) is not None:
                return self._wrong(problem, self.error(100, "OAuthException"))
            made = f"m_{uuid4().hex}"
            self.sent.append((business.page, body, made))
            return Answer.json({"recipient_id": body["recipient"]["id"], "message_id": made})
        return self._wrong(f"{method} page/{edge}")

    def _page_message(self, body, files):
        extra = set(body) - {"recipient", "messaging_type", "message", "tag"}
        content = body.get("message", {})
        kinds = {"RESPONSE": None, "UPDATE": None, "MESSAGE_TAG": "HUMAN_AGENT"}
        good = (
            not extra and set(body["recipient"]) == {"id"} and set(content) <= {"text", "quick_replies", "attachment"}
        )
        good = good and kinds.get(body.get("messaging_type"), 0) == body.get("tag")
        if "attachment" in content:
            good = good and content["attachment"]["type"] in ("image", "audio", "video", "file") and "filedata" in files
        else:
            good = good and 0 < len(content["text"]) <= 2000 and len(content.get("quick_replies", ())) <= 13
            good = good and all(len(one["title"]) <= 20 for one in content.get("quick_replies", ()))
        return None if good else f"page message {json.dumps(body)[:300]}"

    def _page(self, business, fields):
        known = {
            "id": business.page,
            "name": "Corner Shop",
            "access_token": business.page_token,
            "instagram_business_account": {"id": business.instagram, "username": "cornershop"},
        }
        asked = [one.partition("{")[0] for one in split(fields)]
        if unknown := set(asked) - set(known):
            self.wrong.append(f"fields {unknown}")
        return {"id": known["id"], **{name: known[name] for name in asked if name in known}}

    def _subscribe(self, method, asset, fields, params):
        if params:
            return self._wrong(f"subscribed_apps {params}")
        if method == "POST":
            self.subscribed[asset] = fields
        else:
            self.subscribed.pop(asset, None)
        return Answer.json({"success": True})

    def _list(self, params, rows, permission=None, scopes=()):
        if extra := set(params) - PAGING:
            return self._wrong(f"parameters {extra}")
        if permission is not None and permission not in scopes:
            return self.error(200, "OAuthException", status=403)
        start, size = int(params.get("after", "0")), min(int(params.get("limit", "25")), self.page_size)
        shown, more = rows[start : start + size], start + size < len(rows)
        paging = {"cursors": {"before": str(start), "after": str(start + size)}}
        if more:
            paging["next"] = "https://elsewhere.example/next?access_token=stolen"
        return Answer.json({"data": shown, **({"paging": paging} if shown else {})})

    def _fields(self, params, known):
        if set(params) - {"fields"}:
            return self._wrong(f"parameters {params}")
        return Answer.json({name: known[name] for name in params.get("fields", "id").split(",")})

    def _access(self, params):
        if (params.get("client_id"), params.get("client_secret")) != (APP, SECRET):
            return self.error(101, "OAuthException")
        if params.get("grant_type") == "fb_exchange_token":
            if set(params) - {"set_token_expires_in_60_days"} != {
                "client_id",
                "client_secret",
                "grant_type",
                "fb_exchange_token",
            }:
                return self._wrong(f"exchange {sorted(params)}")
            business, scopes = self.tokens.pop(params["fb_exchange_token"])
            return Answer.json(
                {"access_token": self.token(business, scopes), "token_type": "bearer", "expires_in": 60 * 86400}
            )
        if set(params) != {"client_id", "client_secret", "redirect_uri", "code"}:
            return self._wrong(f"code {sorted(params)}")
        asked, business = self.codes.pop(params["code"], (None, None))
        if asked is None or asked["redirect_uri"] != params["redirect_uri"]:
            return self.error(100, "OAuthException", subcode=36007)
        scopes = [one for one in asked.get("scope", "").split(",") if one]
        token = self.token(business, [one for one in scopes if self.grants is None or one in self.grants])
        return Answer.json({"access_token": token, "token_type": "bearer"} | self._life())

    def _life(self):
        return {"expires_in": self.lifetime} if self.lifetime else {}

    def _debug(self, token, params):
        if token != f"{APP}|{SECRET}" or set(params) != {"input_token"}:
            return self._wrong("debug_token")
        if params["input_token"] not in self.tokens:
            return Answer.json({"data": {"is_valid": False, "scopes": []}})
        business, scopes = self.tokens[params["input_token"]]
        own = {"whatsapp_business_management": business.account, "pages_show_list": business.page}
        granular = [{"scope": one, "target_ids": [own[one]]} if one in own else {"scope": one} for one in scopes]
        data = {
            "app_id": APP, "type": self.token_type, "is_valid": True, "scopes": scopes, "granular_scopes": granular,
            "user_id": business.id, "expires_at": 0,
        }  # fmt: skip
        return Answer.json({"data": data})

    def _file(self, path, exchange):
        kind, content, _ = self.media[path.removeprefix("/files/")]
        if kind.startswith("whatsapp:") and "authorization" not in exchange.headers:
            return Answer([b"no"], 401)
        return Answer([content], headers={"Content-Type": kind.removeprefix("whatsapp:")})

    def error(self, code, kind="OAuthException", *, subcode=None, status=400, transient=False, headers=None):
        """An error as Meta writes it."""
        said = {"message": f"(#{code}) in Meta's words", "type": kind, "code": code, "fbtrace_id": "AbCdEfTrace"}
        if subcode is not None:
            said["error_subcode"] = subcode
        if transient:
            said["is_transient"] = True
        return Answer.json({"error": said}, status=status, headers=headers)

    def _wrong(self, what, answer=None):
        self.wrong.append(what)
        return answer or self.error(100, "GraphMethodException")

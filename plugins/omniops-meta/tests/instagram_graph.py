"""Instagram's own side: Instagram Login, and its Graph API for an account that has no page."""

from uuid import uuid4

from forms import form
from omniops.testing.upstream import Answer

INSTAGRAM_APP, INSTAGRAM_SECRET = "535353535353", "secret-of-instagram"
INSTAGRAM_SCOPES = ["instagram_business_basic", "instagram_business_manage_messages"]
INSTAGRAM_FIELDS = {"messages", "messaging_postbacks", "messaging_seen", "message_edit"}
DAY, LIFE = 86400, 60 * 86400


class InstagramGraph:
    """A mixin of `Meta`. A token is there with its business, its scopes, when it was made and until when it counts."""

    def begin_instagram(self):
        self.instagram_codes, self.hours, self.instagram_tokens = {}, {}, {}
        self.youngest = DAY

    def instagram_token(self, business, scopes=None, *, age=2 * DAY):
        made = f"IGAA{uuid4().hex}"
        born = self.now() - age
        self.instagram_tokens[made] = (business, list(scopes or INSTAGRAM_SCOPES), born, born + LIFE)
        return made

    def browse_instagram(self, asked, business, *, declined):
        assert set(asked) == {"client_id", "redirect_uri", "response_type", "scope", "state"}
        assert (asked["client_id"], asked["response_type"]) == (INSTAGRAM_APP, "code")
        assert set(asked["scope"].split(",")) <= set(INSTAGRAM_SCOPES)
        if declined:
            return {"error": "access_denied", "error_reason": "user_denied", "state": asked["state"]}
        code = uuid4().hex
        self.instagram_codes[code] = (asked, business)
        return {"code": code, "state": asked["state"]}

    def instagram_access(self, exchange, path, params):
        """Answers about tokens, whose addresses have no version; None for every other."""
        if self.faults[f"{exchange.method} {path}"]:
            return self.faults[f"{exchange.method} {path}"].popleft()
        match exchange.method, path:
            case "POST", "/oauth/access_token":
                return self._short(exchange, params)
            case "GET", "/access_token":
                return self._long(params)
            case "GET", "/refresh_access_token":
                return self._refreshed(params)
        return None

    def _short(self, exchange, params):
        given = dict(self.values(exchange))
        known = {"client_id", "client_secret", "grant_type", "redirect_uri", "code"}
        if params or set(given) != known or given["grant_type"] != "authorization_code":
            return self._wrong(f"instagram code {sorted(given)}")
        if (given["client_id"], given["client_secret"]) != (INSTAGRAM_APP, INSTAGRAM_SECRET):
            return self.instagram_error(400)
        asked, business = self.instagram_codes.pop(given["code"], (None, None))
        if asked is None or asked["redirect_uri"] != given["redirect_uri"]:
            return self.instagram_error(400)
        scopes = [one for one in asked["scope"].split(",") if self.grants is None or one in self.grants]
        token = f"IGQ{uuid4().hex}"
        self.hours[token] = (business, scopes)
        row = {"access_token": token, "user_id": business.instagram_user, "permissions": ",".join(scopes)}
        return Answer.json({"data": [row]})

    def _long(self, params):
        if (
            set(params) != {"grant_type", "client_secret", "access_token"}
            or params["grant_type"] != "ig_exchange_token"
        ):
            return self._wrong(f"instagram exchange {sorted(params)}")
        if params["client_secret"] != INSTAGRAM_SECRET or params["access_token"] not in self.hours:
            return self.error(190, status=400)
        business, scopes = self.hours.pop(params["access_token"])
        return self._given(self.instagram_token(business, scopes, age=0))

    def _refreshed(self, params):
        if set(params) != {"grant_type", "access_token"} or params["grant_type"] != "ig_refresh_token":
            return self._wrong(f"instagram refresh {sorted(params)}")
        business, scopes, born, until = self.instagram_tokens.get(params["access_token"], (None, (), 0, 0))
        if not born <= self.now() < until:
            return self.error(190, status=400)
        if self.now() - born < self.youngest:
            return self.error(100, "IGApiException")
        del self.instagram_tokens[params["access_token"]]
        return self._given(self.instagram_token(business, scopes, age=0))

    def _given(self, token):
        return Answer.json({"access_token": token, "token_type": "bearer", "expires_in": LIFE})

    def instagram_call(self, exchange, path, params, token):
        """A call of Instagram's own Graph API by one of its tokens."""
        business, scopes, _, until = self.instagram_tokens[token]
        if self.now() >= until:
            return self.error(190, status=400)
        method = exchange.method
        if (method, path) == ("GET", "me"):
            known = {"user_id": business.instagram, "id": business.instagram_user, "username": "cornershop"}
            return self._fields(params, known)
        node, _, edge = path.partition("/")
        if node != business.instagram or "instagram_business_manage_messages" not in scopes:
            return self.error(200, status=403)
        if edge == "subscribed_apps":
            fields = set(params.pop("subscribed_fields", "").split(",")) - {""}
            if fields - INSTAGRAM_FIELDS or (method == "POST" and not fields):
                return self._wrong(f"subscribed_fields {fields}")
            return self._subscribe(method, node, fields, params)
        if (method, edge) == ("POST", "messages") and not params:
            body = exchange.json()
            if (problem := self._page_message(body, {})) is not None or len(body["message"]["text"].encode()) > 1000:
                return self._wrong(problem or "more than 1000 bytes", self.error(100))
            made = f"m_{uuid4().hex}"
            self.sent.append((node, body, made))
            return Answer.json({"recipient_id": body["recipient"]["id"], "message_id": made})
        return self._wrong(f"{method} instagram/{edge}")

    def instagram_error(self, status):
        """An error of the address for codes, which has a form of its own."""
        said = {"error_type": "OAuthException", "code": status, "error_message": "Invalid authorization code"}
        return Answer.json(said, status=status)

    @staticmethod
    def values(exchange):
        """The values of a form in either encoding."""
        from urllib.parse import parse_qsl

        if exchange.headers.get("content-type", "").startswith("multipart/"):
            return form(exchange)[0]
        return dict(parse_qsl(exchange.body.decode()))

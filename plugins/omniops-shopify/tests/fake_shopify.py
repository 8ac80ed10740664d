"""Shopify on loopback: the code flow with tokens that rotate, the Admin API by its own schema, signed webhooks, limits.

It executes what it is sent: a name that its schema does not have is an error, and so is an object without its scope.
"""

import base64
import hashlib
import hmac
import json
from copy import deepcopy
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit
from uuid import uuid4

import graphql
import httpx2
from shopify_stock import BIG, CLIENT, SECRET, bag

SCHEMA = graphql.build_schema((Path(__file__).parent / "shop_schema.graphql").read_text())
PATH = "/admin/api/2026-10/graphql.json"
NEEDS = {
    ("Query", "products"): "read_products",
    ("Query", "product"): "read_products",
    ("Query", "orders"): "read_orders",
    ("Query", "order"): "read_orders",
    ("Order", "customer"): "read_customers",
    ("Shop", "shopPolicies"): "read_legal_policies",
    ("Mutation", "orderCancel"): "write_orders",
    ("Mutation", "orderUpdate"): "write_orders",
    ("Mutation", "refundCreate"): "write_orders",
}


class FakeShopify:
    """All shops of the test, and one app. `grants` is what a merchant agrees to (None: all that is asked for)."""

    def __init__(self, domain="myshopify.com"):
        self.domain = domain
        self.begin()

    def begin(self):
        self.shops = {}
        self.codes, self.tokens, self.refreshing = {}, {}, {}
        self.hooks, self.made = {}, 0
        self.grants, self.fault, self.lifetime, self.points = None, None, 3600, 2000.0
        self.asked, self.changed, self.keys, self.forms = [], 0, {}, []

    def install(self, shop, stocked, scopes=("read_products",)):
        """A shop with the app in it. Gives its access token."""
        self.shops[f"{shop}.{self.domain}"] = stocked
        return self.given(f"{shop}.{self.domain}", scopes)["access_token"]

    # The code flow ----------------------------------------------------------------------------------------------------

    def browse(self, url, *, secret=SECRET, **more):
        """The merchant opens the address and agrees. Gives the parameters of the redirect, signed."""
        parts = urlsplit(url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert parts.path == "/admin/oauth/authorize"
        assert asked["client_id"] == CLIENT
        assert parts.hostname in self.shops, "there is no such shop"
        code = uuid4().hex
        scopes = asked["scope"].split(",")
        self.codes[code] = (parts.hostname, [one for one in scopes if self.grants is None or one in self.grants])
        query = {
            "code": code,
            "host": base64.b64encode(b"admin.shopify.com/store/example").decode(),
            "shop": parts.hostname,
            "state": asked["state"],
            "timestamp": "1795996800",
            **more,
        }
        signed = "&".join(f"{name}={quote(query[name], safe='')}" for name in sorted(query))
        return {**query, "hmac": hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()}

    def uninstall(self, host):
        """The merchant removes the app: its tokens die, its subscriptions go."""
        self.tokens = {token: has for token, has in self.tokens.items() if has[0] != host}
        self.refreshing = {token: has for token, has in self.refreshing.items() if has[0] != host}
        self.hooks = {number: hook for number, hook in self.hooks.items() if hook["host"] != host}

    def given(self, host, scopes):
        """What a shop gives for access, as its token endpoint says it."""
        access, refresh = f"shpat_{uuid4().hex}", f"shprt_{uuid4().hex}"
        self.tokens[access] = self.refreshing[refresh] = (host, frozenset(scopes))
        implied = {f"read_{one[6:]}" for one in scopes if one.startswith("write_")}
        return {
            "access_token": access,
            "scope": ",".join(one for one in scopes if one not in implied),
            "expires_in": self.lifetime,
            "refresh_token": refresh,
            "refresh_token_expires_in": 7776000,
        }

    def _token(self, host, form):
        self.forms.append(form)
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return httpx2.Response(400, json={"error": "invalid_client"})
        if form.get("grant_type") == "refresh_token":
            found = self.refreshing.pop(form["refresh_token"], None)
        else:
            assert form.get("expiring") == "1", "a token that never ends is not given any more"
            found = self.codes.pop(form["code"], None)
        if found is None or found[0] != host:
            return httpx2.Response(400, json={"error": "invalid_request", "error_description": "words of the vendor"})
        for token in [token for token, has in self.tokens.items() if has[0] == host]:
            del self.tokens[token]
        return httpx2.Response(200, json=self.given(*found))

    # The Admin API ----------------------------------------------------------------------------------------------------

    def answer(self, request):
        """For a mock transport, and for the server."""
        host, path = request.url.host, request.url.path
        if self.fault is not None:
            return self.fault(request) if callable(self.fault) else self.fault
        if host not in self.shops:
            return httpx2.Response(404, html="<html>words of the vendor</html>")
        if path == "/admin/oauth/access_token":
            return self._token(host, dict(parse_qsl(request.content.decode())))
        assert (request.method, path) == ("POST", PATH), f"Shopify has no {request.method} {path} for us"
        token = request.headers.get("x-shopify-access-token", "")
        if self.tokens.get(token, ("",))[0] != host:
            return httpx2.Response(401, json={"errors": "[API] Invalid API key or access token"})
        return self._execute(host, self.tokens[token][1], json.loads(request.content))

    def _execute(self, host, scopes, sent):
        text, variables = sent["query"], sent.get("variables") or {}
        document = graphql.parse(text)
        self.asked.append((document.definitions[0].name.value, variables))
        cost = {
            "requestedQueryCost": 12,
            "actualQueryCost": 10,
            "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": self.points, "restoreRate": 100.0},
        }
        if self.points < 12:
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return httpx2.Response(200, json={"errors": [error], "extensions": {"cost": cost}})
        if wrong := graphql.validate(SCHEMA, document):
            error = {"message": str(wrong[0]), "extensions": {"code": "undefined"}}
            return httpx2.Response(200, json={"errors": [error]})
        context = {"host": host, "scopes": scopes}
        done = graphql.execute_sync(
            SCHEMA, document, self, context_value=context, variable_values=variables, field_resolver=self._resolve
        )
        said = {"data": deepcopy(done.data), "extensions": {"cost": cost}}
        if done.errors:
            said["errors"] = [{"message": one.message, "extensions": one.extensions or {}} for one in done.errors]
        return httpx2.Response(200, json=said, headers={"X-Shopify-API-Version": "2026-10"})

    def _resolve(self, source, info, **args):
        need = NEEDS.get((info.parent_type.name, info.field_name))
        if need and need not in info.context["scopes"]:
            raise graphql.GraphQLError(f"Access denied for {info.field_name}.", extensions={"code": "ACCESS_DENIED"})
        if source is self:
            return getattr(self, f"_{info.field_name}")(self.shops[info.context["host"]], info, args)
        if info.field_name == "suggestedRefund":
            return _suggested(source, args)
        return source[info.field_name]

    def _shop(self, stocked, info, args):
        return {
            "name": "Teapots",
            "myshopifyDomain": info.context["host"],
            "email": "owner@canary.example",
            "shopPolicies": stocked.policies,
        }

    def _products(self, stocked, info, args):
        words = [one for one in args["query"].split() if ":" not in one and one != "AND"]
        found = [
            one
            for one in stocked.products
            if one["status"] == "ACTIVE" and all(word in one["title"].casefold() for word in words)
        ]
        return self._page(found, args)

    def _page(self, found, args):
        first, after = args["first"], args.get("after")
        start = int(base64.b64decode(after)) if after else 0
        cursor = base64.b64encode(str(start + first).encode()).decode()
        page = {"hasNextPage": start + first < len(found), "endCursor": cursor}
        return {"nodes": found[start : start + first], "pageInfo": page}

    def _product(self, stocked, info, args):
        return next((one for one in stocked.products if one["id"] == args["id"]), None)

    def _orders(self, stocked, info, args):
        name, _, value = args["query"].partition(":")
        value = value.strip('"')
        if name == "name":  # what begins with it is found as well
            found = [one for one in stocked.orders if one["name"].lstrip("#").casefold().startswith(value)]
        else:
            assert name == "customer_id"
            wanted = f"gid://shopify/Customer/{value}"
            found = [one for one in stocked.orders if (one["customer"] or {}).get("id") == wanted]
        return {"nodes": sorted(found, key=lambda one: one["createdAt"], reverse=args["reverse"])[: args["first"]]}

    def _order(self, stocked, info, args):
        return _of(stocked, args["id"])

    def _orderCancel(self, stocked, info, args):
        found = _of(stocked, args["orderId"])
        if found is None or found["cancelledAt"] or found["displayFulfillmentStatus"] == "FULFILLED":
            error = {"code": "INVALID", "message": "words of the vendor"}
            return {"job": None, "orderCancelUserErrors": [error]}
        found["cancelledAt"], found["cancellation"] = "2026-11-21T10:00:00Z", {"staffNote": args["staffNote"]}
        self.changed += 1
        return {"job": {"id": "gid://shopify/Job/1"}, "orderCancelUserErrors": []}

    def _orderUpdate(self, stocked, info, args):
        found, given = _of(stocked, args["input"]["id"]), args["input"]["shippingAddress"]
        if given["zip"] == "00000":
            return {"order": None, "userErrors": [{"field": ["zip"], "message": "words of the vendor"}]}
        found["shippingAddress"] = {
            "name": f"{given['firstName']} {given['lastName']}".strip(),
            "address1": given["address1"],
            "address2": given.get("address2") or None,
            "zip": given["zip"],
            "city": given["city"],
            "provinceCode": given.get("provinceCode"),
            "countryCodeV2": given["countryCode"],
        }
        self.changed += 1
        return {"order": found, "userErrors": []}

    def _refundCreate(self, stocked, info, args):
        given = args["input"]
        if not info.field_nodes[0].directives:
            raise graphql.GraphQLError("An idempotency key is needed.", extensions={"code": "BAD_REQUEST"})
        key = info.variable_values.coerced["key"]
        if key not in self.keys:
            found = _of(stocked, given["orderId"])
            found["refunds"].append({"id": "gid://shopify/Refund/1", "note": given["note"]})
            for line in found["lineItems"]["nodes"]:
                for refunded in given["refundLineItems"]:
                    if refunded["lineItemId"] == line["id"]:
                        line["refundableQuantity"] -= refunded["quantity"]
            found["totalRefundedSet"] = bag(given["transactions"][0]["amount"])
            self.keys[key] = found["refunds"][-1]
            self.changed += 1
        return {"refund": self.keys[key], "userErrors": []}

    def _webhookSubscriptions(self, stocked, info, args):
        return self._page([hook for hook in self.hooks.values() if hook["host"] == info.context["host"]], args)

    def _webhookSubscriptionCreate(self, stocked, info, args):
        uri, topic = args["webhookSubscription"]["uri"], args["topic"]
        there = any(hook["uri"] == uri and hook["topic"] == topic for hook in self.hooks.values())
        may = not topic.startswith("PRODUCTS_") or "read_products" in info.context["scopes"]
        if not uri.startswith("https://") or there or not may:
            return {"webhookSubscription": None, "userErrors": [{"field": ["uri"], "message": "words of the vendor"}]}
        self.made += 1
        number = f"gid://shopify/WebhookSubscription/{BIG + self.made}"
        fields = args["webhookSubscription"].get("includeFields") or []
        host = info.context["host"]
        self.hooks[number] = {"id": number, "uri": uri, "topic": topic, "includeFields": fields, "host": host}
        return {"webhookSubscription": self.hooks[number], "userErrors": []}

    def _webhookSubscriptionDelete(self, stocked, info, args):
        gone = self.hooks.pop(args["id"], None)
        return {"deletedWebhookSubscriptionId": gone and args["id"], "userErrors": []}

    def _appUninstall(self, stocked, info, args):
        self.uninstall(info.context["host"])
        return {"app": {"id": "gid://shopify/App/1"}, "userErrors": []}


def _of(stocked, number):
    return next((one for one in stocked.orders if one["id"] == number), None)


def _suggested(source, args):
    lines = source["lineItems"]["nodes"]
    wanted = {one["lineItemId"]: one["quantity"] for one in args.get("refundLineItems") or ()}
    if args["suggestFullRefund"]:
        wanted = {line["id"]: line["refundableQuantity"] for line in lines}
    total = sum(42.0 * number for number in wanted.values())
    parent = {"gateway": "bogus", "parentTransaction": {"id": "gid://shopify/OrderTransaction/1"}}
    return {
        "amountSet": bag(str(total)),
        "refundLineItems": [
            {"quantity": wanted[line["id"]], "lineItem": line} for line in lines if wanted.get(line["id"])
        ],
        "suggestedTransactions": [{**parent, "amountSet": bag(str(total))}] if total else [],
    }

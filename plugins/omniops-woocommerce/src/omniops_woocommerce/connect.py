"""The shop's own connect page (wc-auth): a merchant agrees there, and the shop posts keys to us, unsigned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from omniops.contracts.oauth import Handed, Handover
from omniops.errors import Rejected

_ACCESS = {"read": "read", "read_write": "read_write"}


class WooHandover(Handover):
    """The state travels as `user_id`, the only link between the two ends of this flow."""

    def __init__(self, app_name: str) -> None:
        self._app_name = app_name

    def address(self, connection: Any, *, state: str, callback_url: str, return_url: str, scopes: Sequence[str]) -> str:
        asked = {
            "app_name": self._app_name,
            "scope": "read_write" if "write" in scopes else "read",
            "user_id": state,
            "return_url": return_url,
            "callback_url": callback_url,
        }
        return f"{connection.url}/wc-auth/v1/authorize?{urlencode(asked)}"

    def read(self, body: bytes) -> Handed:
        try:
            said = json.loads(body)
            state, values = said["user_id"], {name: said[name] for name in ("consumer_key", "consumer_secret")}
            access = _ACCESS[said["key_permissions"]]
        except (ValueError, KeyError, TypeError) as error:
            raise Rejected("This is no key of a shop, or one that may not read.", code="bad_handover") from error
        if not all(isinstance(one, str) and one for one in (state, *values.values())):
            raise Rejected("A key of a shop is text.", code="bad_handover")
        return Handed(state, {**values, "access": access})

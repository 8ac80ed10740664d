"""What outside systems send by themselves: a delivery as it came, and what a plugin makes of it.

Core takes it in: size, dates, the log, duplicates, order and the job afterwards. A plugin checks who sent it, over the
raw bytes, and maps it to what it declared. It does both without any call, since the sender waits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import SecretStr

from omniops.contracts.channel import Heard
from omniops.errors import Rejected


@dataclass(frozen=True, slots=True)
class Webhook:
    """A delivery as it came. `body` is what was signed, byte for byte. Names of `headers` are in lower case, and one
    that came twice is there twice. `url` is the public address with its query, as the sender knows it."""

    method: Literal["GET", "POST"]
    url: str
    headers: Sequence[tuple[str, str]]
    query: Mapping[str, str]
    body: bytes
    received_at: datetime

    def header(self, name: str, default: str | None = None) -> str:
        """One header's value. Raises `Rejected` for one that came more than once, and for one that is missing where
        there is no default: a doubled signature is none."""
        found = [value for key, value in self.headers if key == name.lower()]
        if len(found) > 1:
            raise Rejected(f"The header {name!r} came {len(found)} times.", code="bad_header", where=name)
        if not found and default is None:
            raise Rejected(f"The header {name!r} is missing.", code="bad_header", where=name)
        return found[0] if found else default or ""


def check_signature(
    secrets: Sequence[SecretStr | None],
    signed: bytes,
    given: str,
    *,
    prefix: str = "",
    encoding: Literal["hex", "base64"] = "hex",
) -> None:
    """Raises `Rejected` unless `given` is `prefix` and the HMAC-SHA256 of `signed` under one of the secrets, compared
    in constant time. Several are there for a change of secrets. An empty secret, or none, fits nothing."""
    fits = False
    for secret in secrets:
        if secret is None or not secret.get_secret_value():
            continue
        mac = hmac.new(secret.get_secret_value().encode(), signed, hashlib.sha256).digest()
        made = prefix + (mac.hex() if encoding == "hex" else base64.b64encode(mac).decode())
        fits |= hmac.compare_digest(made.encode(), given.encode("utf-8", "replace"))
    if not fits:
        raise Rejected("The signature does not fit.", code="bad_signature")


def check_token(expected: SecretStr | str | None, given: str) -> None:
    """Raises `Rejected` unless both are the same and not empty, compared in constant time: for senders that sign
    nothing and send back a secret of ours."""
    known = expected.get_secret_value() if isinstance(expected, SecretStr) else expected or ""
    if not known or not hmac.compare_digest(known.encode(), given.encode("utf-8", "replace")):
        raise Rejected("The token does not fit.", code="bad_signature")


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened at the other side. It is stored, and `Integration.handle` gets it later in a job.

    `id` is the same whenever the same thing is told again; where the sender has no such id make one of what it tells.
    `kind` is one of `Integration.events`, and `data` holds only fields that are declared there: core drops every other
    one before it stores anything. Values are JSON. What has the same `about`, such as an order's id, is handled one
    after another, in the order in which it came.

    `forget` is for words of people that are stored elsewhere once the event is handled: then the log keeps no copy of
    `data`, which no erasure of theirs would find, and the event cannot be worked through again.
    """

    id: str
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    at: datetime | None = None
    forget: bool = False


@dataclass(frozen=True, slots=True)
class RightUsed:
    """The other side tells that somebody used a right there: to a copy of what is held of them, or to its erasure.

    Core opens a case for it in the transaction that takes the delivery, whether the connection works at that moment,
    and is switched on, or not, and keeps the law's time; nothing of it is kept in the log. `id` is the same whenever it
    is told again. About somebody who gave access (`Arrived.granted_by`) make it one that nobody guesses: who knows it
    reads at `/rights/told/INTEGRATION/ID` what became of the request.
    `identifiers` are what the other side knows the person by: an e-mail address as `email`, its own number of the
    person as `external_id`. They are looked for and not stored. `at` is when it was asked there, where that is known.
    """

    id: str
    right: Literal["access", "erasure"]
    identifiers: Mapping[str, str]
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountErased:
    """The other side tells that whatever was taken from the account there must go, such as some time after its owner
    removed the app. `id` is the same whenever it is told again.

    Core ends the connection, with all that was copied through it, unless its access works: then it was given anew.
    """

    id: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """One thing in a delivery. `external_id` says whose it is, by an id of `Integration.external_ids`: needed where the
    address names no connection. `granted_by` says instead that it is about who gave access, by the id that
    `Integration.granted_by` gave: it reaches all of the plugin's connections whose access they gave. Of an event only
    its id and kind do, and the integration of each connection must declare it; of a right its id, which one, and when.
    `channel` names the channel of something heard, where the integration has several.
    `feature` is the one that it is for: where that is off for the connection, nothing of it is stored."""

    what: Heard | Event | RightUsed | AccountErased
    external_id: str = ""
    channel: str = ""
    feature: str = ""
    granted_by: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the sender wants to read, such as the answer to a handshake. Never HTML: what a sender sent is given back as
    plain text or JSON only."""

    body: str = ""
    media_type: Literal["text/plain", "application/json"] = "text/plain"


@dataclass(frozen=True, slots=True)
class Received:
    """What a verified delivery holds. Nothing is a good answer: kinds that are not known are taken and ignored."""

    things: Sequence[Arrived] = ()
    reply: Reply | None = None

"""What outside systems tell, as it is stored: by name and in plain JSON, and back again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from omniops.contracts.channel import Echo, Edited, Incoming, Receipt, Removed
from omniops.contracts.webhook import Event
from omniops.errors import Rejected

What = Incoming | Edited | Removed | Echo | Receipt | Event
_KINDS: Mapping[str, type[What]] = {
    "message": Incoming,
    "edited": Edited,
    "removed": Removed,
    "echo": Echo,
    "receipt": Receipt,
    "event": Event,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_ADAPTERS: Mapping[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in _KINDS.items()}


def name_of(what: What) -> str:
    """The name that a thing is stored under."""
    return _NAMES[type(what)]


def packed(what: What) -> dict[str, Any]:
    """A thing as JSON. Raises `Rejected` for one whose fields are not what the contract says."""
    adapter = _ADAPTERS[name_of(what)]
    try:
        found: dict[str, Any] = adapter.dump_python(what, mode="json", warnings="error")
        adapter.validate_python(found)
    except (PydanticSerializationError, ValidationError, ValueError) as error:
        raise Rejected(f"What was told as {name_of(what)!r} cannot be stored.", code="bad_thing") from error
    return found


def unpacked(name: str, found: dict[str, Any]) -> What:
    """A stored thing."""
    thing: What = _ADAPTERS[name].validate_python(found)
    return thing


def heard_key(channel: str, delivery_id: str) -> bytes:
    """By which something heard is known again. A hash, since senders put phone numbers into their ids."""
    return _hashed("heard", channel, delivery_id)


def key_of(what: What, channel: str) -> bytes:
    """By which a thing is known again when it is told once more."""
    match what:
        case Event():
            return _hashed("event", what.id)
        case Receipt():
            return _hashed("receipt", channel, what.reference, what.state)
        case _:
            return heard_key(channel, what.delivery_id)


def lane_of(what: What, channel: str) -> str:
    """What is worked through in order: a thread, or an object at the other side. A change of a message follows that
    message, where it is in the log."""
    match what:
        case Incoming():
            place = ("thread", channel, what.thread)
        case Echo():
            place = ("thread", channel, what.thread or str(what.conversation_id))
        case Edited() | Removed():
            place = ("message", channel, what.message)
        case Receipt():
            place = ("receipt", channel, what.reference)
        case Event():
            place = ("object", "", what.about or what.id)
    return _hashed(*place).hex()[:32]


def _hashed(*parts: str) -> bytes:
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode("utf-8", "surrogatepass")).digest()

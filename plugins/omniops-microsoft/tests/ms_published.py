"""What Microsoft published of Graph, as far as it is spoken here (`graph_facts.json`, made by `cut_facts.py`)."""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

FACTS = json.loads(Path(__file__).with_name("graph_facts.json").read_text(encoding="utf-8"))
NARROWED = {
    ("user", "ChatMessageFromIdentitySet"): "TeamworkUserIdentity",
    ("attachments", "Message"): "FileAttachment",
}
"""Where an answer holds a type that is derived from the declared one."""


@cache
def _patterns():
    found = {}
    for call in FACTS["calls"]:
        method, _, path = call.partition(" ")
        pattern = re.escape(path).replace(r"\{\}", "([^/]+)")
        found[call] = (method, re.compile(pattern))
    return found


def call_of(method, path):
    """The published call that a request is, with the parts of its path; None where there is no such one. `/me` is
    the signed-in user, and a key may stand in brackets, as Graph's own links have it."""
    whole = re.sub(r"\('([^']*)'\)", r"/\1", re.sub(r"^/me(?=/|$)", "/users/me", path))
    for call, (verb, pattern) in _patterns().items():
        if verb == method and (found := pattern.fullmatch(whole)):
            return call, [unquote(part) for part in found.groups()]
    return None


def fields_of(name):
    """The properties of a type, those of its bases included."""
    kind = FACTS["types"][name]
    return {**(fields_of(kind["base"]) if kind["base"] else {}), **kind["fields"]}


def strange(value, name, at=""):
    """Everything in a value that its published type does not have, as paths."""
    if name not in FACTS["types"] or not isinstance(value, dict):
        return []
    known, found = fields_of(name), []
    for field, inner in value.items():
        if field.startswith("@odata.") or field == "@removed":
            continue
        if field not in known:
            found.append(f"{at}{field}")
            continue
        kind, _, of = known[field].partition(":")
        of = NARROWED.get((field, name), of)
        if kind.startswith("collection") != isinstance(inner, list) and inner is not None:
            found.append(f"{at}{field}: {type(inner).__name__}")
        if kind == "str_value" and not isinstance(inner, str | None):
            found.append(f"{at}{field}: {type(inner).__name__}")
        for one in inner if isinstance(inner, list) else [inner]:
            found += strange(one, of, f"{at}{field}.")
    return found

"""Reading values out of JSON-LD, where each may be a string, a node, a reference, or a list of them."""

from __future__ import annotations

from typing import Any

from lxml import etree, html

from omniops.knowledge.blocks import lines, read


def resolved(value: Any, by_id: dict[str, Any]) -> Any:
    """The node that a bare `{"@id": …}` points to."""
    if isinstance(value, dict) and set(value) == {"@id"}:
        return by_id.get(str(value["@id"]), value)
    return value


def named(value: Any) -> str:
    value = listed(value)[0] if listed(value) else None
    return text_of_value(value.get("name")) if isinstance(value, dict) else text_of_value(value)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def text_of_value(value: Any) -> str:
    """Plain text of a value. HTML in it (answers mostly have some) is read as on a page, a line for each of its
    parts."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("@value") or value.get("name")
    if not isinstance(value, str):
        return ""
    if "<" not in value and "&" not in value:
        return " ".join(value.split())
    try:
        fragment = html.fragment_fromstring(value, create_parent="div")
    except (etree.LxmlError, ValueError):
        return " ".join(value.split())
    return "\n".join(line for block in read(fragment, chars=0) for line in lines(block))

"""Slack's way of writing text, and ours: pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omniops.contracts.channel import SourceLink

_MARK = re.compile(r"<([^<>\n]{1,3000})>")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def read_text(text: str, bot: str = "") -> str:
    """What a person wrote, as a person reads it. The app's own mention is left out, ids of others are no names."""

    def mark(found: re.Match[str]) -> str:
        inner = found[1]
        target, _, label = inner.partition("|")
        if target.startswith("@"):
            if bot and target == f"@{bot}":
                return ""
            return f"@{label or 'colleague'}"
        if target.startswith("#"):
            return f"#{label or 'channel'}"
        if target.startswith("!"):
            return label or f"@{target[1:].partition('^')[0]}"
        if target.startswith(("mailto:", "tel:")):
            return label or target.partition(":")[2]
        return f"{label} ({target})" if label and label not in target else target

    plain = _MARK.sub(mark, text)
    for entity, character in _ENTITIES:
        plain = plain.replace(entity, character)
    return plain.strip()


def write_text(text: str) -> str:
    """Text that Slack shows as it is: no mention, link or command in it works."""
    for entity, character in reversed(_ENTITIES):
        text = text.replace(character, entity)
    return text


def quote(text: str) -> str:
    """Somebody's words, set apart from ours."""
    return "\n".join(f"> {line}" for line in write_text(text).splitlines())


def answer(text: str, disclosure: str | None, sources: Sequence[SourceLink]) -> str:
    """An answer: that an AI writes comes first, the cited sources last."""
    parts = [write_text(disclosure)] if disclosure else []
    parts.append(write_text(text))
    if sources:
        parts.append("\n".join(f"[{one.number}] {_link(one)}" for one in sources))
    return "\n\n".join(parts)


def _link(source: SourceLink) -> str:
    title = write_text(" ".join(source.title.split())) or "Source"
    if not source.url.startswith(("https://", "http://")):
        return title
    url = write_text(re.sub(r"[|<>\s]", lambda found: f"%{ord(found[0]):02X}", source.url))
    return f"<{url}|{title}>"

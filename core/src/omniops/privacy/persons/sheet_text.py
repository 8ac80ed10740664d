"""The access sheet for people: plain English, one section for each letter of Art. 15(1) GDPR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_STOPPED = {
    "restricted": "stopped: its use is restricted",
    "objected": "stopped: the person objects",
    "opted_out": "stopped: the person opted out",
    "no_consent": "stopped: there is no consent",
}


def readable(sheet: Mapping[str, Any]) -> str:
    """The sheet as text."""
    parts = [
        f"What is held about you\n\nSince {sheet['since'][:10]}.",
        _section("(a) What for", map(_purpose, sheet["purposes"]), "Nothing."),
        _section("(b) What kinds of data", map(_category, sheet["categories"]), "None."),
        _section("(c) Who received something", map(_recipient, sheet["recipients"]), "Nobody outside."),
        _section("(d) For how long", map(_retention, sheet["retention"]), "Nothing is kept."),
        _section("(e) What you may ask for", (f"{r['title']} (Art. {r['article']} GDPR)" for r in sheet["rights"]), ""),
        _section("(f) Where you may complain", [sheet["complaint"]], ""),
        _section("(g) Where it comes from", (s["title"] for s in sheet["sources"]), "Nothing is held."),
        _section("(h) What a machine does", map(_automated, sheet["automated"]), "Nothing is automated."),
        _section("Your choices", _choices(sheet), "You were not asked anything."),
    ]
    return "\n\n".join(parts) + "\n"


def _section(title: str, lines: Iterable[str], empty: str) -> str:
    return "\n".join([title, *(f"- {line}" for line in list(lines) or [empty])])


def _purpose(one: Mapping[str, Any]) -> str:
    stopped = f"; {_STOPPED.get(one['stopped'], one['stopped'])}" if one["stopped"] else ""
    return f"{one['title']} (Art. {one['article']} GDPR{stopped})"


def _category(one: Mapping[str, Any]) -> str:
    return f"{one['title']}: {one['values']} {'value' if one['values'] == 1 else 'values'}" + (
        ", protected as sensitive" if one["sensitive"] else ""
    )


def _recipient(one: Mapping[str, Any]) -> str:
    where = f" in {', '.join(one['countries'])}" if one["countries"] else ""
    what = f" ({', '.join(one['categories'])})" if one["categories"] else ""
    return f"{one['name']}{where}, from {one['first_at'][:10]} to {one['last_at'][:10]}{what}"


def _retention(one: Mapping[str, Any]) -> str:
    if one["days"] is None:
        return f"{one['title']}: as long as the account of the business"
    return f"{one['title']}: {one['days']} days" + (f"; the newest goes on {one['until']}" if one["until"] else "")


def _automated(one: Mapping[str, Any]) -> str:
    return f"{one['title']}. {one['logic']}" + (" You opted out of it." if one["opted_out"] else "")


def _choices(sheet: Mapping[str, Any]) -> list[str]:
    limits = sheet["limits"]
    said = [f"{purpose}: {' and '.join(states)}" for purpose, states in sheet["consents"].items()]
    if limits["restricted_since"]:
        said.append(f"Use is restricted since {limits['restricted_since'][:10]}")
    said += [f"You object to {purpose}" for purpose in limits["objections"]]
    said += [f"You opted out of {purpose}" for purpose in limits["opt_outs"]]
    return said

"""The access sheet for people, in the sheet's language: one section for each letter of Art. 15(1) GDPR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from omniops.privacy.persons.titles import Titles


def readable(sheet: Mapping[str, Any], titles: Titles) -> str:
    """The sheet as text, in the language of `titles`."""
    return _Writing(titles).all(sheet)


class _Writing:
    def __init__(self, titles: Titles) -> None:
        self._titles = titles
        self._word = titles.word

    def all(self, sheet: Mapping[str, Any]) -> str:
        parts = [
            f"{self._word('sheet.title')}\n\n{self._say('sheet.since', day=sheet['since'][:10])}",
            self._section("purposes", map(self._purpose, sheet["purposes"]), "nothing"),
            self._section("categories", map(self._category, sheet["categories"]), "nothing"),
            self._section("recipients", map(self._recipient, sheet["recipients"]), "nobody"),
            self._section("retention", map(self._retention, sheet["retention"]), "nothing"),
            self._section("rights", (f"{one['title']} ({self._article(one)})" for one in sheet["rights"]), "nothing"),
            self._section("complaint", [sheet["complaint"]], "nothing"),
            self._section("sources", (one["title"] for one in sheet["sources"]), "nothing"),
            self._section("automated", map(self._automated, sheet["automated"]), "nothing"),
            self._section("choices", self._choices(sheet), "not_asked"),
        ]
        return "\n\n".join(parts) + "\n"

    def _section(self, name: str, lines: Iterable[str], empty: str) -> str:
        found = list(lines) or [self._word(f"sheet.{empty}")]
        return "\n".join([self._word(f"sheet.{name}"), *(f"- {line}" for line in found)])

    def _say(self, key: str, **values: object) -> str:
        return self._word(key).format(**values)

    def _article(self, one: Mapping[str, Any]) -> str:
        return self._say("sheet.article", article=one["article"])

    def _purpose(self, one: Mapping[str, Any]) -> str:
        stopped = f"; {self._word('sheet.stopped.' + one['stopped'])}" if one["stopped"] else ""
        return f"{one['title']} ({self._article(one)}{stopped})"

    def _category(self, one: Mapping[str, Any]) -> str:
        sensitive = f" ({self._word('sheet.sensitive')})" if one["sensitive"] else ""
        return f"{one['title']}: {one['values']}{sensitive}"

    def _recipient(self, one: Mapping[str, Any]) -> str:
        where = f" ({', '.join(one['countries'])})" if one["countries"] else ""
        what = "".join(f"; {self._titles.category(key)}" for key in one["categories"])
        return f"{one['name']}{where}: {one['first_at'][:10]} – {one['last_at'][:10]}{what}"

    def _retention(self, one: Mapping[str, Any]) -> str:
        if one["days"] is None:
            return self._say("sheet.no_end", title=one["title"])
        until = f"; {self._say('sheet.until', day=one['until'])}" if one["until"] else ""
        return self._say("sheet.days", title=one["title"], days=one["days"]) + until

    def _automated(self, one: Mapping[str, Any]) -> str:
        opted_out = f" {self._word('sheet.opted_out')}" if one["opted_out"] else ""
        return f"{one['title']}. {one['logic']}{opted_out}"

    def _choices(self, sheet: Mapping[str, Any]) -> list[str]:
        limits, purpose = sheet["limits"], self._titles.purpose
        said = [
            f"{purpose(key)}: {', '.join(self._word(f'sheet.state.{state}') for state in states)}"
            for key, states in sheet["consents"].items()
        ]
        if limits["restricted_since"]:
            said.append(self._say("sheet.limits.restricted", day=limits["restricted_since"][:10]))
        for name, key in (
            ("objections", "objection"),
            ("objections_refused", "objection_refused"),
            ("opt_outs", "opt_out"),
            ("shut_for_age", "age"),
        ):
            said += [self._say(f"sheet.limits.{key}", purpose=purpose(one)) for one in limits[name]]
        if limits["sensitive_limited"]:
            said.append(self._word("sheet.limits.sensitive"))
        return said

"""The two ways in: a TC string, and categories that a page names itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, ClassVar

from omniops.contracts.consent import ConsentSource, Statement
from omniops.contracts.plugin import PluginSettings
from omniops.errors import Rejected

from omniops_tcf.settings import Manager
from omniops_tcf.tcstring import Malformed, read

OLDEST = timedelta(days=396)
"""Thirteen months: after that a consent manager under TCF asks again."""
SKEW = timedelta(days=1)
"""Times in a TC string are those of a day."""
FIRST_POLICY = 4
"""TCF 2.2. Earlier strings came about under words that are no longer allowed."""
DISCLOSING_SINCE = datetime(2026, 3, 1, tzinfo=UTC)
"""From when on a string must list the vendors that were shown (TCF 2.3): IAB Europe's end of the transition."""
MOST_CATEGORIES = 50


def _script(name: str) -> str:
    return files("omniops_tcf").joinpath(name).read_text("utf-8")


class TCFSource(ConsentSource):
    """An IAB TCF 2.2 or 2.3 consent manager, by `__tcfapi`."""

    name: ClassVar[str] = "tcf"
    title: ClassVar[str] = "IAB TCF"
    script: ClassVar[str] = _script("tcf.js")

    def read(self, statement: str, settings: PluginSettings, now: datetime) -> Statement:
        assert isinstance(settings, Manager)
        try:
            said = read(statement)
        except Malformed as error:
            raise Rejected(f"This is no TC string: {error}.", code="no_tc_string", where="statement") from None
        if said.policy < FIRST_POLICY:
            raise Rejected(f"Policy {said.policy} is older than TCF 2.2.", code="old_policy", where="statement")
        if said.created > said.updated or said.updated > now + SKEW:
            raise Rejected("The TC string is of a time to come.", code="bad_time", where="statement")
        if said.updated < now - OLDEST:
            raise Rejected("The TC string is older than 13 months.", code="too_old", where="statement")
        if said.disclosed is None and said.updated >= DISCLOSING_SINCE:
            raise Rejected(
                "The TC string does not list the vendors that were shown, as TCF 2.3 demands.",
                code="not_disclosed",
                where="statement",
            )
        return Statement(
            {ours: said.allows(theirs, settings.vendor) for ours, theirs in settings.purposes.items()},
            {
                "cmp": said.cmp,
                "cmp_version": said.cmp_version,
                "vendor_list": said.vendor_list,
                "policy": said.policy,
                "language": said.language,
                "created": said.created.date().isoformat(),
                "updated": said.updated.date().isoformat(),
            },
        )


class CallbackSource(ConsentSource):
    """Any other consent manager: the page says its categories, `omniopsConsent.tell({analytics: true})`."""

    name: ClassVar[str] = "callback"
    title: ClassVar[str] = "Another consent manager"
    longest: ClassVar[int] = 4096
    script: ClassVar[str] = _script("callback.js")

    def read(self, statement: str, settings: PluginSettings, now: datetime) -> Statement:
        assert isinstance(settings, Manager)
        said = _categories(statement)
        answers = {
            ours: all(said[name] for name in theirs)
            for ours, theirs in settings.names.items()
            if all(name in said for name in theirs)
        }
        if not answers:
            raise Rejected("No category of the statement is mapped.", code="nothing_said", where="statement")
        return Statement(answers)


def _categories(statement: str) -> dict[str, bool]:
    """Names with true or false and nothing else."""
    try:
        said: Any = json.loads(statement)
    except (ValueError, RecursionError) as error:
        raise Rejected("The statement is no JSON.", code="no_statement", where="statement") from error
    fits = (
        isinstance(said, dict) and len(said) <= MOST_CATEGORIES and all(type(value) is bool for value in said.values())
    )
    if not fits:
        raise Rejected(
            "A statement is an object of categories, each true or false.", code="no_statement", where="statement"
        )
    return dict(said)

"""The privacy page as data: each sentence with its mark, how it is tried, what makes it red, its test's test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from omniops.contracts.proof import Probe
from omniops.proof.claims import Claim, claims
from omniops.proof.policy import Policy, Sentence
from omniops.proof.report import State, ended, statement_of

_WORST: tuple[State, ...] = ("FAILED", "STALE", "UNPROVEN", "NOT PROVABLE", "ATTESTED", "PROVED")
"""A sentence is as good as the least of its claims."""
WORDS: Mapping[State, str] = {
    "PROVED": "Proved",
    "ATTESTED": "Signed for",
    "UNPROVEN": "Not shown yet",
    "NOT PROVABLE": "Not provable by code",
    "STALE": "Out of date",
    "FAILED": "Failed",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One claim beside its sentence. `tested` answers whether the test itself is any good."""

    id: str
    state: State
    said: str
    tried: str
    red: str
    tested: str
    line: str


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence. A definition has no state and no claims."""

    text: str
    state: State | None
    note: str
    claims: Sequence[Shown]


@dataclass(frozen=True, slots=True)
class Block:
    title: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Page:
    """`strip` has a state for each claim that the text makes: all 128, for the operator's. `made` is None where no
    report was ever made."""

    title: str
    made: datetime | None
    counts: Mapping[State, int]
    strip: Sequence[State]
    blocks: Sequence[Block]


def page(
    policy: Policy, published: Mapping[str, Any] | None, probes: Sequence[type[Probe]], *, whole: Policy, today: date
) -> Page:
    """The page of a text. What was proved of other words, or by another test, than those of now is out of date; so is
    what a person signed for once the last day is over, whether a report was made since or not.

    `whole` is the operator's policy, whose words the report speaks of; for the operator's own page it is the same.
    """
    report = published["report"] if published else None
    rows = {row["id"]: row for row in report["claims"]} if report else {}
    versions = {kind.__name__: kind.version() for kind in probes}
    key = published["key"] if published else ""
    shown = {claim.id: _shown(claim, rows.get(claim.id), whole, versions, key, today) for claim in claims().values()}
    said = {key for sentence in policy.sentences for key in sentence.ids}
    strip = [one.state for key, one in shown.items() if key in said]
    counts: dict[State, int] = {state: strip.count(state) for state in _WORST}
    blocks = [Block(s.title, [_line(sentence, shown) for sentence in s.sentences]) for s in policy.sections]
    made = datetime.fromisoformat(report["made_at"]) if report else None
    return Page(policy.title, made, counts, strip, blocks)


def _line(sentence: Sentence, shown: Mapping[str, Shown]) -> Line:
    if sentence.definition:
        return Line(sentence.text, None, "", ())
    own = [shown[key] for key in sentence.ids]
    worst = min(own, key=lambda one: _WORST.index(one.state))
    return Line(sentence.text, worst.state, f"{worst.said} {', '.join(sentence.ids)}", own)


def _shown(
    claim: Claim, row: Mapping[str, Any] | None, policy: Policy, versions: Mapping[str, str], key: str, today: date
) -> Shown:
    state: State
    if row is None:
        state, said = "UNPROVEN", "No report was made yet."
    elif row["statement"] != statement_of(claim, policy):
        state, said = "STALE", "The words have changed since the last report."
    elif any(versions.get(probe["name"]) != probe["version"] for probe in row["probes"]):
        state, said = "STALE", "The test has changed since the last report."
    elif row["verdict"] == "ATTESTED" and (last := date.fromisoformat(row["record"]["valid_until"])) < today:
        state, said = "STALE", ended(row["record"]["author"], last)
    else:
        state, said = row["verdict"], row["said"]
    parts = [claim.id, f"kind {claim.kind}"]
    if row is not None:
        parts += [f"probe {probe['name']} {probe['version'][:4]}" for probe in row["probes"]]
        parts += [f"statement {row['statement'][:4]} {row['statement'][4:8]} {row['statement'][8:]}"]
        if row["record"]:
            parts += [f"evidence {row['record']['evidence'][:12]} until {row['record']['valid_until']}"]
        parts += [f"signed by the operator’s key {key[:4]}"]
    return Shown(claim.id, state, said, claim.tried, claim.red, _tested(claim, row), " · ".join(parts))


def _tested(claim: Claim, row: Mapping[str, Any] | None) -> str:
    tests = row["tests"] if row else ()
    if not tests:
        if claim.also:
            return f"It rests on the tests of {', '.join(claim.also)}."
        return "There is no test yet." if not (row and row["probes"]) else "The test was not tested yet."
    said = []
    for test in tests:
        at = datetime.fromisoformat(test["at"])
        turned = "it turned red" if test["good"] else f"it did not do what it should ({test['problem']})"
        said.append(f"With {test['how']} switched off on purpose, {turned} at {at:%H:%M} on {at:%Y-%m-%d}.")
    return " ".join(said)

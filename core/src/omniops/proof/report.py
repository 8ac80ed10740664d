"""The report: a verdict for every claim, signed, and checked by anybody without us."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from omniops.errors import Rejected
from omniops.proof.claims import Claim, claims, statement_hash
from omniops.proof.models import Attestation
from omniops.proof.points import Point
from omniops.proof.policy import Policy
from omniops.proof.runner import Outcome, Trial
from omniops.signing import Signer, holds

FORMAT = "omniops-proof-2"
USE = "proof report"
"""The use for which the signing key is derived from the root."""
State = Literal["PROVED", "ATTESTED", "STALE", "UNPROVEN", "NOT PROVABLE", "FAILED"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`said` is the evidence of what is proved, what was seen of what failed, and what the rest waits for."""

    state: State
    said: str


def judge(
    claim: Claim, outcomes: Mapping[str, Sequence[Outcome]], record: Attestation | None, statement: str, today: date
) -> Verdict:
    """The verdict on one claim. `outcomes` are those of every probe, by claim; `record` its newest attestation."""
    by_code = _by_code(claim, outcomes)
    if by_code.state == "FAILED" or claim.kind in ("C", "C-live"):
        return by_code
    if claim.kind == "P" and by_code.state != "PROVED":
        return by_code
    if record is None and claim.kind == "O":
        return Verdict("NOT PROVABLE", "No code can show this. Waits for the signature of a named person.")
    if record is None:
        waits = claim.waits or "the signature of a named person"
        return Verdict("UNPROVEN", f"The code's half is shown ({by_code.said}) Waits for {waits}.")
    if record.valid_until < today:
        return Verdict("STALE", ended(record.author, record.valid_until))
    if record.statement != statement:
        return Verdict("STALE", f"{record.author} signed on {record.signed_on:%Y-%m-%d}, under other words.")
    return Verdict("ATTESTED", f"{record.author}, {record.signed_on:%Y-%m-%d}: {record.said}")


def ended(author: str, until: date) -> str:
    """What is said of a signature whose last day is over."""
    return f"{author} signed until {until:%Y-%m-%d}."


def _by_code(claim: Claim, outcomes: Mapping[str, Sequence[Outcome]]) -> Verdict:
    own = outcomes.get(claim.id, ())
    for outcome in own:
        if outcome.state == "failed":
            return Verdict("FAILED", outcome.said)
    for key in claim.also:
        below = _by_code(claims()[key], outcomes)
        if below.state != "PROVED":
            return Verdict(below.state, f"{key}: {below.said}")
    waiting = [outcome.said for outcome in own if outcome.state == "waits"]
    if waiting or not (own or claim.also):
        return Verdict("UNPROVEN", f"Waits for {waiting[0] if waiting else claim.waits or 'a probe'}.")
    return Verdict("PROVED", " ".join(outcome.said for outcome in own) or f"By {', '.join(claim.also)}.")


def statement_of(claim: Claim, policy: Policy) -> str:
    """The hash of the words that a claim is read in. For P1 it is the whole policy."""
    if claim.id == "P1":
        return policy.hash
    return statement_hash("\n".join(s.text for s in policy.sentences if claim.id in s.ids))


def build(
    policy: Policy,
    outcomes: Sequence[Outcome],
    trials: Sequence[Mapping[str, Any]],
    records: Sequence[Attestation],
    points: Sequence[Point],
    *,
    at: datetime,
    server: str,
    version: str,
) -> dict[str, Any]:
    """The report of a run. `trials` are those of now, or of an earlier run for probes that are the same."""
    by_claim: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        for key in outcome.claims:
            by_claim.setdefault(key, []).append(outcome)
    newest = {record.claim: record for record in sorted(records, key=lambda record: (record.signed_on, str(record.id)))}
    rows = []
    for claim in claims().values():
        statement = statement_of(claim, policy)
        verdict = judge(claim, by_claim, newest.get(claim.id), statement, at.date())
        own = by_claim.get(claim.id, ())
        rows.append(
            {
                "id": claim.id,
                "kind": claim.kind,
                "verdict": verdict.state,
                "said": verdict.said,
                "statement": statement,
                "record": public(newest[claim.id]) if claim.id in newest else None,
                "probes": [{"name": o.probe, "version": o.version, "ms": o.ms} for o in own],
                "tests": [dict(trial) for trial in trials if trial["probe"] in {o.probe for o in own}],
            }
        )
    return {
        "format": FORMAT,
        "made_at": at.astimezone(UTC).isoformat(timespec="seconds"),
        "server": server,
        "version": version,
        "policy": policy.hash,
        "counts": dict(Counter(row["verdict"] for row in rows)),
        "claims": rows,
        "definitions": [{"id": s.ids[0], "statement": s.hash} for s in policy.sentences if s.definition],
        "points": [point.to_json() for point in points],
    }


def public(record: Attestation) -> dict[str, str]:
    """Of a signature what everybody may check: who, when, until when, and the hash of the document that shows it."""
    return {
        "author": record.author,
        "said": record.said,
        "evidence": record.evidence,
        "signed_on": record.signed_on.isoformat(),
        "valid_until": record.valid_until.isoformat(),
    }


def canonical(report: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: JSON with sorted keys, no spaces, UTF-8."""
    return json.dumps(report, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def signed(report: Mapping[str, Any], signer: Signer) -> dict[str, Any]:
    """What is published."""
    return {
        "report": dict(report),
        "key": signer.public_bytes.hex(),
        "signature": signer.sign_bytes(canonical(report)).hex(),
    }


def check(published: object, key: str | None = None) -> Mapping[str, Any]:
    """The report inside, if its signature holds, and is of `key` where one is given.

    Raises `Rejected` that says what does not hold. Needs no database and no network.
    """
    try:
        assert isinstance(published, dict)
        report, own = published["report"], published["key"]
        public, signature = bytes.fromhex(own), bytes.fromhex(published["signature"])
        assert isinstance(report, dict)
        assert report["format"] == FORMAT
    except (AssertionError, KeyError, TypeError, ValueError) as error:
        raise Rejected("This is no report of proofs.", code="no_report") from error
    if key is not None and key.lower() != own:
        raise Rejected(f"The report is signed by {own[:16]}…, not by the key that you trust.", code="other_key")
    if not holds(public, signature, canonical(report)):
        raise Rejected("The signature does not hold: the report was changed.", code="bad_signature")
    return report


def trials_to_keep(
    before: Mapping[str, Any] | None, now: Sequence[Trial], versions: Mapping[str, str], at: datetime
) -> list[dict[str, Any]]:
    """The trials of now, and of the last report those of probes that have not changed since and were not tried now."""
    stamp = at.astimezone(UTC).isoformat(timespec="seconds")
    fresh = [{**trial.to_json(), "at": stamp} for trial in now]
    tried = {trial["probe"] for trial in fresh}
    kept: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in before["claims"] if before else ():
        for trial in row["tests"]:
            if trial["probe"] not in tried and versions.get(trial["probe"]) == trial["version"]:
                kept[trial["probe"], trial["object"], trial["how"]] = trial
    return [*fresh, *kept.values()]

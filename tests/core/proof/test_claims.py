"""The promises as data, the policy that is compiled from them, and the verdicts."""

from collections import Counter
from datetime import UTC, date, datetime
from importlib.resources import files
from types import SimpleNamespace

import omniops.runtime  # noqa: F401  (every room's tables)
import pytest
from omniops.errors import ConfigError
from omniops.privacy.catalog import Catalog
from omniops.privacy.register import ProcessorRegister
from omniops.proof.claims import IDS, claims, parse
from omniops.proof.facts import facts
from omniops.proof.models import Attestation
from omniops.proof.points import points
from omniops.proof.policy import business_texts, compile_policy, operator_policy, source
from omniops.proof.report import build, judge, statement_of, trials_to_keep
from omniops.proof.runner import Outcome, Trial
from omniops.settings import Settings

AT = datetime(2026, 11, 29, 14, 2, tzinfo=UTC)
TEXT = files("omniops.proof").joinpath("claims.toml").read_text("utf-8")


def deployment(**settings):
    return SimpleNamespace(settings=Settings(**settings), catalog=Catalog.build(), register=ProcessorRegister([], None))


@pytest.fixture(scope="module")
def values():
    return facts(deployment(legal_name="Tarn & Tor Ltd", postal_address="1 Shore Road", privacy_email="p@tarn.example"))


@pytest.fixture(scope="module")
def policy(values):
    return operator_policy(values)


def test_there_are_128_promises_of_the_agreed_kinds():
    assert tuple(claims()) == IDS
    assert Counter(claim.kind for claim in claims().values()) == {"C": 85, "C-live": 12, "P": 29, "O": 2}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[P77]", "[P177]", "missing: P77"),
        ("[P128]", '[P129]\nkind = "O"\npromise = "A long promise."\nby = "them"\n[P128]', "P129 does not fit"),
        ('kind = "P"', 'kind = "X"', "does not fit"),
        ("red = ", "green = ", "does not fit"),
        ('also = ["P63"]', 'also = ["P630"]', "P43 rests on P630"),
    ],
)
def test_a_list_of_claims_that_does_not_fit_is_refused(old, new, said):
    with pytest.raises(ConfigError, match=said):
        parse(TEXT.replace(old, new, 1))


def test_every_claim_has_a_sentence_and_every_sentence_a_claim(policy):
    said = {i for sentence in policy.sentences for i in sentence.ids}
    assert said == set(IDS) | {f"D{n}" for n in range(1, 8)}
    assert all(sentence.text.strip() and "{" not in sentence.text for sentence in policy.sentences)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[P77]\n", "", "without a sentence in the policy: P77"),
        ("[P77]\n", "Chats are kept for a while.\n[P77]\n", "names no claim: 'Chats are kept for a while.'"),
        ("[P77]\n", "[P177]\n", "names P177"),
        ("[P77]\n", "Kept for {weeks} weeks. [P77]\n", "nothing fills {weeks}"),
        ("[D7]", "[D1]", "not D1 to D7"),
        ("## Who we are\n", "## Who we are\nAn eighth word. [D7]\n", "not D1 to D7"),
        ("[D7]", "[D7 P1]", "defines and promises at once"),
    ],
)
def test_a_policy_that_does_not_fit_is_not_built(values, old, new, said):
    with pytest.raises(ConfigError, match=said):
        compile_policy(source("operator").replace(old, new, 1), values)


def test_the_operator_stands_in_the_policy_as_the_settings_name_it(policy):
    (first, *_) = (sentence.text for sentence in policy.sentences if "P128" in sentence.ids)
    assert first.startswith("We are Tarn & Tor Ltd, 1 Shore Road; write to p@tarn.example")


def test_no_sentence_is_empty_where_no_setting_is_given():
    bare = facts(deployment())
    assert all(value.strip() for value in bare.values())
    assert operator_policy(bare).title


def test_each_business_has_texts_of_its_own(values):
    notice, agreement = business_texts(values, "Mill & Co", ["Vendor"])
    assert "Mill & Co decides about what you write" in notice.text
    assert "Besides Mill & Co and us, these can receive data: Vendor." in notice.text
    assert agreement.title == "Processing agreement between Mill & Co and Tarn & Tor Ltd"


def test_the_points_are_settled_by_the_text_and_the_operators_settings(policy):
    named = deployment(privacy_email="p@tarn.example", eu_representative="Rep GmbH, Kiel")
    assert [p.id for p in points(policy, named.catalog, named.settings) if not p.settled] == []
    bare = deployment()
    assert [p.id for p in points(policy, bare.catalog, bare.settings) if not p.settled] == ["X14", "X17"]


@pytest.mark.parametrize(
    ("claim", "words", "point"),
    [
        ("P10", "You start an anonymous chat, under a pseudonym.", "X1"),
        ("P94", "Reports go to the United States under SCC.", "X5"),
        ("P107", "Every request is answered within 30 days.", "X7"),
        ("P114", "Do Not Track is respected.", "X10"),
        ("P78", "What was read is kept until the next refresh.", "X19"),
    ],
)
def test_a_point_opens_again_when_the_words_change(values, claim, words, point):
    changed = compile_policy(source("operator").replace(f"[{claim}]\n", f"{words} [{claim}]\n", 1), values)
    named = deployment(privacy_email="p@tarn.example", eu_representative="Rep GmbH, Kiel")
    assert point in [p.id for p in points(changed, named.catalog, named.settings) if not p.settled]


def outcome(claim, state="proved", said="Seen."):
    return Outcome("Sample", (claim,), "v1", state, said, 1)


def record(claim, statement, until=date(2027, 1, 1)):
    return Attestation(
        claim=claim,
        author="Ada, counsel",
        said="Read and right.",
        evidence="0" * 64,
        statement=statement,
        signed_on=date(2026, 11, 1),
        valid_until=until,
    )


@pytest.mark.parametrize(
    ("claim", "found", "signed", "state"),
    [
        ("P6", [outcome("P6")], None, "PROVED"),
        ("P6", [outcome("P6"), outcome("P6", "failed")], None, "FAILED"),
        ("P6", [outcome("P6", "waits", "a database")], None, "UNPROVEN"),
        ("P77", [], None, "UNPROVEN"),
        ("P3", [outcome("P3")], None, "UNPROVEN"),
        ("P3", [outcome("P3")], record("P3", "now"), "ATTESTED"),
        ("P3", [], record("P3", "now"), "UNPROVEN"),
        ("P3", [outcome("P3", "failed")], record("P3", "now"), "FAILED"),
        ("P1", [], None, "NOT PROVABLE"),
        ("P1", [], record("P1", "now"), "ATTESTED"),
        ("P1", [], record("P1", "then"), "STALE"),
        ("P1", [], record("P1", "now", until=date(2026, 11, 28)), "STALE"),
        ("P6", [], record("P6", "now"), "UNPROVEN"),
    ],
)
def test_a_verdict_needs_all_that_its_kind_asks_for(claim, found, signed, state):
    assert judge(claims()[claim], {claim: found}, signed, "now", AT.date()).state == state


def test_a_claim_that_rests_on_others_is_as_good_as_the_least_of_them():
    proved = {key: [outcome(key)] for key in ("P12", "P110", "P111")}
    assert judge(claims()["P32"], proved, None, "", AT.date()).state == "PROVED"
    assert judge(claims()["P32"], {**proved, "P110": []}, None, "", AT.date()).state == "UNPROVEN"
    red = {**proved, "P110": [outcome("P110", "failed", "A cookie.")]}
    assert judge(claims()["P32"], red, None, "", AT.date()).said == "P110: A cookie."


def test_the_counsels_signature_is_for_the_whole_text(policy, values):
    other = operator_policy({**values, "hosting": "the moon"})
    assert statement_of(claims()["P1"], policy) != statement_of(claims()["P1"], other)
    assert statement_of(claims()["P6"], policy) == statement_of(claims()["P6"], other)


def report(policy, trials=()):
    return build(policy, [outcome("P6")], trials, [], [], at=AT, server="https://x.example", version="0.1.0")


def test_a_test_of_a_test_counts_as_long_as_the_test_is_the_same(policy):
    trial = Trial("Sample", "v1", "omniops.x:y", "a lock", True, ("Sample",), ())
    first = {"report": report(policy, trials_to_keep(None, [trial], {"Sample": "v1"}, AT))["claims"]}
    before = {"claims": first["report"]}
    (kept,) = trials_to_keep(before, [], {"Sample": "v1"}, AT)
    assert (kept["probe"], kept["good"], kept["at"]) == ("Sample", True, "2026-11-29T14:02:00+00:00")
    assert trials_to_keep(before, [], {"Sample": "v2"}, AT) == []

"""What is stated about laws: every fact with its source, the values that were read, and the terms of the vocabulary."""

import inspect
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from omniops.cli.app import app
from omniops.contracts.declaration import Declaration, Processor
from omniops.privacy import ages, consent_receipts, laws
from omniops.privacy.ages import AgeRule, AgeRules, age_rules
from omniops.privacy.breach.facts import competent, deadline
from omniops.privacy.laws import law_facts
from omniops.privacy.register import ProcessorRegister
from omniops.privacy.transfers import ADEQUATE, EEA, adequate
from typer.testing import CliRunner

VOCABULARY = json.loads(Path(__file__).with_name("dpv_terms.json").read_text("utf-8"))
TERMS = {term for terms in VOCABULARY["terms"].values() for term in terms}
PREFIXES = {prefix: consent_receipts.CONTEXT[prefix] for prefix in ("dpv", "eu-gdpr")}
NOW = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.mark.parametrize("fact", law_facts(), ids=lambda fact: f"{fact.area} {fact.key}")
def test_a_fact_says_where_it_stands_how_it_was_read_and_until_when_it_holds(fact):
    assert fact.says
    assert fact.law
    assert fact.grade in ("seen", "secondary", "unverified", "house")
    assert fact.url.startswith("http") or (fact.grade == "house" and not fact.url)
    assert date(2026, 8, 1) <= fact.read < fact.review_by <= fact.read + timedelta(days=370)


def test_no_fact_is_there_twice():
    keys = [(fact.area, fact.key) for fact in law_facts()]
    assert len(keys) == len(set(keys))
    assert {area for area, _ in keys} == {"age", "breach", "text", "term", "transfer", "sensitive"}


# Ages. Read on 29 November 2026: see `url` of each row.


def test_the_ages_of_consent_are_those_that_were_read():
    said = {country: rule.age for country, rule in age_rules().countries.items()}
    by_age = {age: {country for country, one in said.items() if one == age} for age in (13, 14, 15, 16)}
    # The Commission's table of 2020 (SWD(2020) 115, p. 17), with Denmark's 15 since 2024 and what is not in the EU.
    assert by_age[13] == {"BE", "EE", "FI", "LV", "MT", "PT", "SE", "GB", "IS", "NO", "US"}
    assert by_age[14] == {"AT", "BG", "CY", "ES", "IT", "LT"}
    assert by_age[15] == {"CZ", "DK", "FR", "GR", "SI"}
    assert by_age[16] == {"DE", "HR", "HU", "IE", "LI", "LU", "NL", "PL", "RO", "SK"}
    assert set(said) >= EEA


def test_an_age_that_nobody_could_verify_does_not_count():
    strict, lower = AgeRule(16, "Art. 8(1) GDPR", "seen", "https://x.example"), "Art. 1 of a law"
    rules = AgeRules(
        date(2026, 1, 1),
        date(2027, 1, 1),
        strict,
        {
            "AA": AgeRule(13, lower, "unverified", "https://x.example"),
            "BB": AgeRule(13, lower, "secondary", "https://x.example"),
        },
    )
    assert [rules.of(country).age for country in ("aa", "bb", "cc", "")] == [16, 13, 16, 16]
    assert age_rules().of("SI").age == 16
    (shown,) = [fact for fact in ages.facts() if fact.key == "SI"]
    assert (shown.grade, shown.says) == ("unverified", "15 years, not verified, so 16 counts")


# Adequacy.


@pytest.mark.parametrize(
    ("origin", "yes", "no"),
    [
        # Decisions under Art. 45 GDPR; Brazil since Implementing Decision (EU) 2026/179, OJ of 28 January 2026.
        ("EEA", "AD AR BR CA CH FO GB GG IL IM JE JP KR NZ UY", "AU GI MC US"),
        # Sch. 21 para. 5 DPA 2018 and SI 2022/1213.
        ("UK", "AD AR CA CH DE FO GG GI IL IM IS JE JP KR NZ UY", "AU BR MC US"),
        # Annex 1 of the Data Protection Ordinance: neither Japan nor Korea.
        ("CH", "AD AR CA DE FO GB GG GI IL IM JE LI MC NZ UY", "AU BR JP KR US"),
    ],
)
def test_adequate_countries_are_those_of_the_lists(origin, yes, no):
    assert all(adequate(origin, country, NOW) for country in yes.split())
    assert not any(adequate(origin, country, NOW) for country in no.split())


def test_the_decision_about_the_united_kingdom_ends_with_27_december_2031():
    end = datetime(2031, 12, 28, tzinfo=UTC)
    assert adequate("EEA", "GB", end - timedelta(seconds=1))
    assert adequate("EEA", "GB", end) is None
    assert all(one.until is None for one in ADEQUATE if "GB" not in one.countries or one.origin != "EEA")


def test_a_way_says_where_a_country_is_adequate_in_part_only():
    one = Processor(
        key="p",
        name="P",
        role="ai",
        hosts=("api.p.example",),
        countries=("CA", "NZ", "JP"),
        purposes=("chat.respond",),
        categories=("user.content.chat",),
    )
    register = ProcessorRegister([("p", Declaration([one]))], None)
    said = {(way.origin, way.country): way.by for way in register.ways(one)}
    assert said["EEA", "NZ"] == "adequacy decision"
    assert said["EEA", "CA"].startswith("adequacy decision, only where the receiver is subject to PIPEDA")
    assert said["UK", "JP"] == "adequacy decision, only where the receiver is subject to the APPI"
    assert said["CH", "JP"] == "nothing covers it"


# Breaches.


def test_deadlines_of_a_breach():
    assert deadline() == timedelta(hours=72)  # Art. 33(1) GDPR
    said = {fact.key: fact.says + " " + fact.law for fact in law_facts() if fact.area in ("breach", "text")}
    # Cal. Civ. Code 1798.82(a) and (f) as amended by SB 446, since 1 January 2026.
    assert "30 days" in said["us-ca.persons"]
    assert "within 15 calendar days of telling" in said["US"]
    assert "within 15 calendar days of telling" in said["us-ca.1798.82.f"]
    (attorney,) = competent({"US": 501}, None)
    assert "within 15 calendar days" in attorney.why


def test_a_case_in_the_united_kingdom_says_that_its_authority_is_replaced():
    (office,) = competent({"GB": 1}, None)
    assert "Information Commission takes its place" in office.why


# The vocabulary of receipts.


def _iri(prefix, name):
    return f"{PREFIXES[prefix]}{name}"


def emitted(source):
    """The terms of the vocabulary that a source names, in full."""
    return {_iri(*found) for found in re.findall(r'"(dpv|eu-gdpr):([A-Za-z][\w-]*)"', source)}


def test_every_term_that_a_receipt_may_hold_is_one_of_dpv_2_3():
    named = emitted(inspect.getsource(consent_receipts))
    assert named - TERMS == set()
    assert TERMS - named == set(), "the list holds what receipts hold"
    assert len(named) > 35


def test_a_term_that_the_vocabulary_does_not_have_would_be_found():
    assert emitted('{"event_state": "dpv:ConsentLapsed", "x": "eu-gdpr:A6-1-z"}') - TERMS == {
        "https://w3id.org/dpv#ConsentLapsed",
        "https://w3id.org/dpv/legal/eu/gdpr#A6-1-z",
    }


# The command.


def run(*arguments):
    return CliRunner().invoke(app, ["privacy", "laws", *arguments])


def test_the_command_lists_every_fact():
    said = json.loads(run("--json").stdout)
    assert [(one["area"], one["key"]) for one in said] == [(fact.area, fact.key) for fact in law_facts()]
    assert all(one["grade"] and one["law"] and one["review_by"] for one in said)
    assert "unverified" in run().stdout


def test_due_fails_when_somebody_must_read_again(monkeypatch):
    old = replace(law_facts()[0], review_by=date(2000, 1, 1))
    far = replace(old, review_by=date(9000, 1, 1))
    monkeypatch.setattr(laws, "law_facts", lambda: [old, far])
    found = run("--due", "--json")
    assert found.exit_code == 1
    assert [one["key"] for one in json.loads(found.stdout)] == [old.key]
    monkeypatch.setattr(laws, "law_facts", lambda: [far])
    assert run("--due").exit_code == 0

"""The decision at the vault's door, against a truth table written the other way round."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omniops.contracts.declaration import Category, Declaration, Mark, Purpose, SubjectState
from omniops.contracts.ids import SystemClock
from omniops.contracts.scope import Actor
from omniops.errors import ConfigError
from omniops.privacy.catalog import Catalog
from omniops.privacy.policy import PrivacyPolicy, decide
from omniops.privacy.sensitive import sensitive_uses

KEYS = ("chat.respond", "chat.remember", "security.protect", "legal.defend", "rights.answer")
NEEDED = set(KEYS) - {"chat.remember"}
"""Those of them that California lets go on with sensitive data of who limits its use."""
ACTORS = (
    Actor("member", "m"),
    Actor("visitor", "v"),
    Actor("key", "k"),
    Actor.system("task"),
    Actor.operator(),
    Actor("plugin", "says nothing of its purposes"),
    Actor.plugin("declares none", frozenset()),
    Actor.plugin("declares all", frozenset(KEYS)),
)
PURPOSES = {key: Catalog.build().purposes[key] for key in KEYS}

states = st.builds(
    SubjectState,
    consents=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["given", "refused", "withdrawn", "expired"])),
    objections=st.frozensets(st.sampled_from(KEYS)),
    opt_outs=st.frozensets(st.sampled_from(KEYS)),
    restricted=st.booleans(),
    limited=st.booleans(),
    hold=st.booleans(),
    erased=st.booleans(),
)
marks = st.builds(
    Mark,
    kind=st.sampled_from(["personal", "secret", "not_personal"]),
    purposes=st.frozensets(st.sampled_from(KEYS)),
)
actors = st.one_of(
    st.sampled_from(ACTORS),
    st.builds(lambda p: Actor.plugin("x", p), st.frozensets(st.sampled_from(KEYS))),
)


@settings(max_examples=1500)
@given(mark=marks, key=st.sampled_from(KEYS), state=states, actor=actors, sensitive=st.booleans())
def test_only_what_every_rule_allows_is_allowed(
    mark: Mark, key: str, state: SubjectState, actor: Actor, sensitive: bool
):
    answer = decide(mark, PURPOSES[key], state, actor, sensitive=sensitive)
    assert (answer is None) == allowed(mark, PURPOSES[key], state, actor, sensitive)


def allowed(mark, purpose, state, actor, sensitive):
    """The same decision as a list of what must all be so, in the words of the policy."""
    key = purpose.key
    return (
        not state.erased
        and mark.kind in ("personal", "secret")
        and (key in mark.purposes or (key == "rights.answer" and mark.kind == "personal"))
        and (actor.kind != "plugin" or (key != "rights.answer" and key in (actor.purposes or ())))
        and (not state.restricted or key in ("legal.defend", "rights.answer"))
        and not (key == "security.protect" and key in state.objections)
        and key not in state.opt_outs
        and (not (sensitive and state.limited) or key in NEEDED)
        and (key != "chat.remember" or state.consents.get(key) == "given")
    )


def test_the_whole_truth_table():
    """Purpose and basis, mark, sensitivity, consent, objection, opt-out, limit, restriction, hold, erasure, and who
    asks: every row."""
    rows, open_rows = 0, 0
    flags = (False, True)
    for key, kind, named, consent, objects, out, sensitive, limited, restricted, hold, erased, actor in product(
        KEYS, ("personal", "secret", "not_personal"), flags, (None, "given", "refused", "withdrawn", "expired"),
        flags, flags, flags, flags, flags, flags, flags, ACTORS,
    ):  # fmt: skip
        state = SubjectState(
            consents={key: consent} if consent else {},
            objections=frozenset([key] if objects else []),
            opt_outs=frozenset([key] if out else []),
            limited=limited,
            restricted=restricted,
            hold=hold,
            erased=erased,
        )
        mark = Mark(kind, purposes=frozenset([key] if named else ["other"]))
        answer = decide(mark, PURPOSES[key], state, actor, sensitive=sensitive)
        assert (answer is None) == allowed(mark, PURPOSES[key], state, actor, sensitive), (key, mark, state, actor)
        held = decide(mark, PURPOSES[key], replace(state, hold=not hold), actor, sensitive=sensitive)
        assert answer == held  # a hold forbids to delete
        rows, open_rows = rows + 1, open_rows + (answer is None)
    assert rows == 153_600
    assert 0 < open_rows < rows / 10


def test_who_limits_sensitive_data_has_it_used_for_what_the_law_lists_and_nothing_else():
    health = Category("health.note", "Notes about health", sensitive=True)
    rating = Purpose("crm.rate", "Rating people", "contract")
    catalog = Catalog.build([("crm", Declaration(categories=[health], purposes=[rating]))])
    policy, who = PrivacyPolicy(catalog, SystemClock()), Actor("member", "m")
    limited = SubjectState(limited=True, consents=dict.fromkeys(catalog.purposes, "given"))

    def answer(category, purpose, state=limited):
        return policy.decide(Mark("personal", category, frozenset(catalog.purposes)), purpose, state, who)

    allowed_here = {purpose for purpose in catalog.purposes if answer("health.note", purpose) is None}
    assert allowed_here == sensitive_uses().purposes
    assert answer("health.note", "crm.rate") == "limited"
    assert answer("health.note", "crm.rate", replace(limited, limited=False)) is None
    assert answer("contact.email", "crm.rate") is None
    assert answer("nobody.declares.it", "crm.rate") == "limited"


def test_the_list_of_the_law_has_its_source_and_names_purposes_that_there_are():
    uses = sensitive_uses()
    assert uses.purposes <= Catalog.build().purposes.keys()
    assert all(one.law and one.use for one in uses.uses)
    assert uses.source
    assert uses.reviewed < uses.review_by
    assert not {p.key for p in Catalog.build().choices()} & uses.purposes


def test_an_unknown_purpose_is_refused():
    policy = PrivacyPolicy(Catalog.build(), SystemClock())
    assert not policy.knows("astrology")
    mark = Mark("personal", purposes=frozenset({"astrology"}))
    assert policy.decide(mark, "astrology", SubjectState(), Actor("member", "m")) == "unknown_purpose"


def test_every_purpose_has_a_basis_and_a_title():
    for purpose in Catalog.build().purposes.values():
        assert purpose.title
        assert purpose.basis in ("contract", "consent", "legal_obligation", "legitimate_interests")


def test_a_copy_of_all_that_is_held_needs_no_mark_to_name_it_and_is_no_plugins_to_ask():
    mark = Mark("personal", purposes=frozenset({"chat.respond"}))
    answer = Catalog.build().purposes["rights.answer"]
    assert decide(mark, answer, SubjectState(restricted=True), Actor.system("rights")) is None
    assert decide(Mark("secret"), answer, SubjectState(), Actor.system("rights")) == "purpose_not_in_mark"
    with pytest.raises(ConfigError, match=r"'spy' declares 'all.of.it' with every_mark"):
        Catalog.build([("spy", Declaration(purposes=[Purpose("all.of.it", "All", "contract", every_mark=True)]))])


@settings(max_examples=300)
@given(state=st.sampled_from(["given", "refused", "withdrawn", "expired"]), late=st.integers(-3, 3))
def test_a_yes_ends_at_its_second(state: str, late: int):
    end = datetime(2027, 5, 1, 12, 0, tzinfo=UTC)
    clock = FixedClock(end + timedelta(seconds=late))
    policy = PrivacyPolicy(Catalog.build(), clock)
    mark = Mark("personal", purposes=frozenset({"chat.remember"}))
    known = SubjectState(consents={"chat.remember": state}, until={"chat.remember": end})
    allowed = policy.decide(mark, "chat.remember", known, Actor("member", "m")) is None
    assert allowed == (state == "given" and late < 0)


@dataclass
class FixedClock:
    at: datetime

    def now(self) -> datetime:
        return self.at

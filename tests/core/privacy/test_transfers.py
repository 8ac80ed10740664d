"""What covers a transfer, at each second, by where data comes from: the decision alone, without a database."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from omniops.contracts.declaration import Declaration, Mechanism, Processor
from omniops.contracts.scope import Scope
from omniops.doors import PluginGate, Rooms
from omniops.errors import ConfigError, EgressRefused
from omniops.gate.grants import Grant
from omniops.gate.service import Gate
from omniops.privacy.register import ProcessorRegister
from omniops.privacy.register_models import ProcessorSignature
from omniops.privacy.terms import NoTerms, Pending, origins_of
from omniops.privacy.transfers import EVERYWHERE, ORIGINS
from omniops.testing.fakes import ManualClock

HOST, CHAT = "api.models.example", "user.content.chat"
SCOPE = Scope(uuid4(), uuid4())


def processor(**more):
    values = {
        "key": "models",
        "name": "Models Inc",
        "role": "ai",
        "hosts": (HOST,),
        "countries": ("US",),
        "purposes": ("chat.respond",),
        "categories": (CHAT,),
    } | more
    return Processor(**values)


class Signed(NoTerms):
    """Terms in memory: `sign` adds to them."""

    def __init__(self, clock, one):
        self.clock, self.one, self.rows, self.notices = clock, one, [], []

    def sign(self, kind, origins=(), *, countries=None, party=None, since=-1, until=3600, revoked=None, measures=()):
        now = self.clock.now()
        row = ProcessorSignature(
            processor=self.one.key,
            party=self.one.party if party is None else party,
            kind=kind,
            origins=list(origins),
            countries=list(self.one.countries if countries is None else countries),
            module="",
            source="",
            document="",
            assessment="",
            measures=list(measures),
            valid_from=now + timedelta(seconds=since),
            valid_until=None if until is None else now + timedelta(seconds=until),
            signed_by="test",
            signed_at=now,
            revoked_at=revoked,
        )
        self.rows.append(row)
        return row

    def signed(self, key):
        return self.rows

    def pending(self, account_id, key):
        return self.notices


class Office:
    def __init__(self, **more):
        self.clock, self.one = ManualClock(), processor(**more)
        self.terms = Signed(self.clock, self.one)
        self.register = ProcessorRegister([("p", Declaration([self.one]))], None, self.terms, self.clock)

    def signed(self, *origins_by_kind):
        self.terms.sign("contract")
        for kind, origins in origins_by_kind:
            self.terms.sign(kind, origins)
        return self

    def code(self, *origins, host=None, port=443, **grant):
        """Why the gate refuses, or None. Without origins nobody looked."""
        values = {"categories": (CHAT,), "subjects": (uuid4(),), "scope": SCOPE} | grant
        asked = Grant(self.one.key, "chat.respond", origins=frozenset(origins) if origins else None, **values)
        try:
            self.register.admit(asked, host or self.one.hosts[0], port)
        except EgressRefused as error:
            return error.reason
        return None


def test_a_system_of_the_businesss_own_is_reached_at_the_host_of_its_connection_alone():
    office = Office(role="own_site", hosts=(), countries=(), purposes=("chat.respond",))
    named = {"hosts": frozenset({"shop.example"})}
    assert office.code(host="shop.example", **named) is None
    for other in ("elsewhere.example", "www.shop.example", "shop.example.evil.example"):
        assert office.code(host=other, **named) == "unknown_host"
    assert office.code(host="shop.example") == "unknown_host"
    assert office.code(host="a.example", hosts=frozenset({"a.example", "b.example"})) == "unknown_host"
    assert office.code(host="shop.example", port=25, **named) == "unknown_port"
    assert office.code(host="shop.example", categories=("contact.name",), **named) == "category_not_declared"
    ends = office.clock.now() + timedelta(days=1)
    office.terms.notices.append(Pending(office.one.key, ends, True))
    assert office.code(host="shop.example", **named) == "objected"


@pytest.mark.parametrize("role", ["processor", "customer_chosen", "ai"])
def test_nobody_else_is_reached_at_a_host_that_a_connection_names(role):
    office = Office(role=role, hosts=(), countries=())
    assert office.code(host="shop.example", hosts=frozenset({"shop.example"})) == "unknown_host"


def test_a_plugin_cannot_name_a_host_beside_those_that_it_declared():
    office = Office()
    door = PluginGate("p", Rooms(gate=Gate(office.register, None), register=office.register))
    with pytest.raises(ConfigError):
        door.http("models", purpose="chat.respond", host="elsewhere.example")


@pytest.mark.parametrize(
    ("kind", "covers"),
    [
        ("scc", {"EEA"}),
        ("idta", {"UK"}),
        ("uk_addendum", {"UK"}),
        ("swiss_addendum", {"CH"}),
        ("dpf", {"EEA", "UK", "CH"}),
    ],
)
@pytest.mark.parametrize("origin", ORIGINS)
def test_a_mechanism_covers_its_own_origins_only(kind, covers, origin):
    office = Office().signed((kind, covers))
    assert office.code(origin) == (None if origin in covers else "no_mechanism")
    assert office.code() == (None if covers == set(ORIGINS) else "no_mechanism")


@pytest.mark.parametrize(
    ("country", "covered"),
    [
        ("DE", {"EEA", "UK", "CH"}),
        ("NO", {"EEA", "UK", "CH"}),
        ("GB", {"EEA", "UK", "CH"}),
        ("CH", {"EEA", "UK", "CH"}),
        ("JP", {"EEA", "UK"}),
        ("US", set()),
        ("IN", set()),
        ("XX", set()),
    ],
)
@pytest.mark.parametrize("origin", ORIGINS)
def test_the_law_alone_covers_home_and_what_it_calls_adequate(country, covered, origin):
    office = Office(countries=(country,)).signed()
    assert office.code(origin) == (None if origin in covered else "no_mechanism")


def test_every_country_of_a_processor_must_be_covered():
    assert Office(countries=("DE", "US")).signed().code("EEA") == "no_mechanism"
    assert Office(countries=("DE", "IE")).signed().code("EEA") is None


def test_the_adequacy_of_the_united_kingdom_ends_with_the_year_2031():
    office = Office(countries=("GB",))
    office.terms.sign("contract", until=None)
    end = datetime(2031, 12, 28, tzinfo=UTC)
    office.clock.forward(seconds=(end - office.clock.now()).total_seconds() - 1)
    assert office.code("EEA") is None
    office.clock.forward(seconds=1)
    assert office.code("EEA") == "no_mechanism"
    assert office.code("UK") is None


def test_at_the_second_of_expiry_nothing_leaves_and_other_origins_are_not_affected():
    office = Office().signed(("scc", {"EEA"}))
    office.terms.sign("idta", {"UK"}, until=600)
    office.clock.forward(seconds=599)
    assert (office.code("UK"), office.code("EEA")) == (None, None)
    office.clock.forward(seconds=1)
    assert (office.code("UK"), office.code("EEA")) == ("mechanism_ended", None)
    assert office.code("UK", "EEA") == "mechanism_ended"


def test_a_mechanism_begins_at_its_second():
    office = Office().signed()
    office.terms.sign("scc", {"EEA"}, since=60)
    assert office.code("EEA") == "mechanism_ended"
    office.clock.forward(seconds=60)
    assert office.code("EEA") is None


def test_without_a_contract_in_force_nothing_personal_leaves():
    office = Office(countries=("DE",))
    assert office.code("EEA") == "no_contract"
    office.terms.sign("contract", until=600)
    assert office.code("EEA") is None
    office.clock.forward(seconds=600)
    assert office.code("EEA") == "contract_ended"
    office.terms.sign("contract", until=None).revoked_at = office.clock.now()
    assert office.code("EEA") == "contract_ended"


def test_what_names_nobody_needs_no_contract():
    office = Office()
    assert office.code(categories=(), subjects=()) is None
    assert office.code(categories=(), subjects=(uuid4(),)) == "no_contract"
    assert office.code(categories=(CHAT,), subjects=()) == "no_contract"


def test_a_signature_binds_one_party_and_the_countries_it_was_given_for():
    assert Office().signed(("scc", {"EEA"})).code("EEA") is None
    other = Office(legal_name="Other Models Inc")
    other.terms.sign("contract", party="Models Inc")
    assert other.code("EEA") == "no_contract"
    moved = Office(countries=("US", "IN"))
    moved.terms.sign("contract")
    moved.terms.sign("scc", {"EEA"}, countries=("US",))
    assert moved.code("EEA") == "no_mechanism"


@pytest.mark.parametrize(
    ("measures", "off"),
    [
        (["tls_1_3"], {"tls": "1.2"}),
        (["zero_retention"], {"measures": ()}),
        (["tls_1_3", "zero_retention"], {"measures": ()}),
        (["a wish"], {}),
    ],
)
def test_nothing_leaves_while_a_measure_of_the_assessment_is_off(measures, off):
    office = Office(**{"measures": ("zero_retention",)} | off)
    office.signed(("scc", {"EEA"}))
    assert office.code("EEA") is None, "no assessment asks for anything"
    office.terms.sign("scc", {"EEA"}, measures=measures)
    assert office.code("EEA") == "measure_off"
    known = Office(measures=("zero_retention",))
    known.signed()
    known.terms.sign("scc", {"EEA"}, measures=["tls_1_3", "zero_retention"])
    assert known.code("EEA") is None


def test_an_unknown_country_is_not_covered():
    assert Office(countries=()).signed(("dpf", ORIGINS)).code("EEA") == "country_unknown"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_is_no_transfer(host):
    assert Office(hosts=(host,), countries=()).code(host=host) is None


@pytest.mark.parametrize("host", ["localhost.example", "127.0.0.1.example", "10.0.0.7"])
def test_what_only_looks_like_this_machine_is(host):
    assert Office(hosts=(host,)).code(host=host) == "no_contract"
    assert Office(hosts=("127.0.0.1", host)).code() == "no_contract"


def test_what_a_business_chose_needs_a_mechanism_but_no_contract_of_the_operator():
    links = {"policy_url": "https://models.example/privacy", "contract_url": "https://models.example/terms"}
    for missing in links:
        assert Office(role="customer_chosen", **{**links, missing: ""}).code("EEA") == "no_links"
    office = Office(role="customer_chosen", **links)
    assert office.code("EEA") == "no_mechanism"
    office.terms.sign("dpf", ORIGINS)
    assert office.code("EEA") is None


def test_an_account_may_object_until_its_period_is_over():
    office = Office().signed(("dpf", ORIGINS))
    office.terms.notices = [Pending("models", office.clock.now() + timedelta(days=30), objected=False)]
    assert office.code("EEA") == "objection_period"
    office.clock.forward(days=30, seconds=-1)
    office.terms.rows[0].valid_until = office.terms.rows[1].valid_until = None
    assert office.code("EEA") == "objection_period"
    office.clock.forward(seconds=1)
    assert office.code("EEA") is None
    office.terms.notices = [Pending("models", office.clock.now(), objected=True)]
    assert office.code("EEA") == "objected"


def test_a_register_without_terms_lets_nothing_personal_out():
    register = ProcessorRegister([("p", Declaration([processor(mechanisms=(Mechanism("dpf", "x"),))]))], None)
    with pytest.raises(EgressRefused, match="No contract"):
        register.admit(Grant("models", "chat.respond", None, (CHAT,)), HOST, 443)


@pytest.mark.parametrize(
    ("said", "declared", "origins"),
    [
        ("", set(), EVERYWHERE),
        ("EEA", set(), {"EEA"}),
        ("EEA", {"UK"}, {"EEA", "UK"}),
        ("", {"CH"}, {"CH"}),
        ("elsewhere", set(), set()),
        ("elsewhere", {"UK"}, {"UK"}),
        ("nonsense", set(), EVERYWHERE),
    ],
)
def test_origins_come_from_the_domain_and_the_person_else_from_everywhere(said, declared, origins):
    assert origins_of(said, declared) == origins


def test_data_from_elsewhere_needs_a_contract_all_the_same():
    office = Office()
    grant = Grant("models", "chat.respond", SCOPE, (CHAT,), (UUID(int=1),), origins=frozenset())
    with pytest.raises(EgressRefused, match="No contract"):
        office.register.admit(grant, HOST, 443)
    office.terms.sign("contract")
    assert office.register.admit(grant, HOST, 443).tls == "1.3"

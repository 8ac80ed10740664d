"""The register over its tables: what is signed counts in every process, news reach accounts first, papers are true."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest
from omniops.audit.models import AuditEntry
from omniops.audit.service import OPERATOR as CHAIN
from omniops.contracts.scope import Scope
from omniops.errors import EgressRefused, NotFound, Rejected
from omniops.gate.grants import Grant
from omniops.gate.http import client
from omniops.gate.sockets import dialled
from omniops.operations.firsts import OPERATOR
from omniops.privacy.signatures import Terms
from registering import ABROAD, CHAT, DEPLOYMENT, HOST, LATER, TERMS, UNSIGNED, code, running, set_origin, sign
from sqlmodel import select


async def test_signing_accepts_what_the_terms_offer_for_their_own_origins(runtime, domain, unsigned):
    assert await code(runtime, domain) in UNSIGNED
    rows = await sign(runtime)
    assert {row.kind: set(row.origins) for row in rows} == {"contract": set(), "scc": {"EEA"}, "uk_addendum": {"UK"}}
    assert all(row.source == TERMS and row.party == ABROAD.legal_name for row in rows)
    assert await code(runtime, domain) == "no_mechanism"  # nobody said where data comes from: Switzerland counts too
    await set_origin(runtime, domain, "EEA")
    assert await code(runtime, domain) is None
    await set_origin(runtime, domain, "CH")
    assert await code(runtime, domain) == "no_mechanism"
    await set_origin(runtime, domain, "elsewhere")
    assert await code(runtime, domain) is None


async def test_a_call_through_the_gate_meets_the_register_before_the_ledger_and_the_network(
    runtime, domain, unsigned, monkeypatch
):
    looked_up = []

    async def nowhere(host, port):
        looked_up.append(host)
        raise OSError("no such name")

    monkeypatch.setattr(runtime.gate, "_resolver", nowhere)
    grant = Grant("abroad", "chat.respond", domain.scope, (CHAT,), (uuid4(),))

    async def refused():
        with pytest.raises(EgressRefused) as by_http:
            async with client(runtime.gate, grant) as http:
                await http.post(f"https://{HOST}/", content=b"Where is my order?")
        with pytest.raises(EgressRefused) as by_socket:
            async with dialled(runtime.gate, grant, HOST, 443):
                pass
        return by_http.value.reason, by_socket.value.reason

    assert set(await refused()) <= UNSIGNED
    await sign(runtime)
    assert await refused() == ("no_mechanism", "no_mechanism")
    assert looked_up == []
    assert await runtime.ledger.entries(domain.scope) == []
    await set_origin(runtime, domain, "UK")
    async with client(runtime.gate, grant) as http:
        with pytest.raises(httpx2.ConnectError):
            await http.post(f"https://{HOST}/")
    assert looked_up == [HOST]
    assert [entry.processor for entry in await runtime.ledger.entries(domain.scope)] == ["abroad"]


async def test_a_call_that_no_account_is_named_for_waits_for_the_last_of_them(runtime, domain, start, clock):
    unnamed = replace(LATER, key="unnamed", legal_name="Unnamed Ltd")
    async with start(ABROAD, unnamed) as second:
        await sign(second, key="unnamed")
        await second.privacy.changes.answer(domain.scope.account_id, "unnamed", "agreed", actor=OPERATOR)
        assert await code(second, domain, key="unnamed", host=unnamed.hosts[0]) is None
        grant = await second.register.traced(Grant("unnamed", "chat.respond", None, (CHAT,)))
        with pytest.raises(EgressRefused) as error:
            second.register.admit(grant, unnamed.hosts[0], 443)
        assert error.value.reason == "objection_period"
        clock.forward(days=31)


async def test_in_a_deployment_of_one_business_the_operators_signature_is_its_agreement(
    postgres, tmp_path_factory, clock
):
    links, folder = postgres.database(), tmp_path_factory.mktemp("alone")
    async with running(links, postgres.root, folder, clock) as before:
        account = await before.accounts.create("Shop", actor=OPERATOR)
        domain = await before.accounts.add_domain(account, "Shop", ["https://shop.example"], actor=OPERATOR)
        await set_origin(before, domain, "EEA")
    async with running(links, postgres.root, folder, clock, ABROAD) as runtime:
        assert await code(runtime, domain) == "objection_period"
        await sign(runtime)
        assert await code(runtime, domain) is None
        (told,) = await runtime.privacy.changes.notices(account)
        assert told.state == "agreed"


async def test_what_a_person_declares_counts_beside_the_domains_own(runtime, domain, unsigned):
    await sign(runtime)
    await set_origin(runtime, domain, "EEA")
    _, swiss = await runtime.visitors.open(domain, "en")
    _, other = await runtime.visitors.open(domain, "en")
    origins = runtime.privacy.origins
    await origins.declare(swiss.scope, (swiss.subject_id,), "CH", actor=swiss.actor)
    assert await origins.of(swiss.scope, (swiss.subject_id,)) == "CH"
    assert await code(runtime, domain, swiss.subject_id) == "no_mechanism"
    assert await code(runtime, domain, other.subject_id) is None
    assert await code(runtime, domain, other.subject_id, swiss.subject_id) == "no_mechanism"
    await origins.declare(swiss.scope, (swiss.subject_id,), None, actor=swiss.actor)
    assert await code(runtime, domain, swiss.subject_id) is None


async def test_router_and_gate_decide_alike_at_the_second_of_expiry(runtime, domain, unsigned, clock):
    await set_origin(runtime, domain, "EEA")
    _, british = await runtime.visitors.open(domain, "en")
    _, other = await runtime.visitors.open(domain, "en")
    await runtime.privacy.origins.declare(domain.scope, (british.subject_id,), "UK", actor=british.actor)
    await sign(runtime, "scc", valid_until=clock.now() + timedelta(days=9))
    await sign(runtime, "idta", valid_until=clock.now() + timedelta(seconds=60))

    async def why(visitor):
        return (await runtime.on.forbids(domain, visitor.subject_id))(DEPLOYMENT)

    clock.forward(seconds=59)
    assert (await code(runtime, domain, british.subject_id), await why(british)) == (None, None)
    clock.forward(seconds=1)
    assert (await code(runtime, domain, british.subject_id), await why(british)) == ("mechanism_ended", "transfer")
    assert (await code(runtime, domain, other.subject_id), await why(other)) == (None, None)


async def test_another_process_knows_within_seconds_what_was_signed_and_taken_back(runtime, domain, start, clock):
    await sign(runtime, "dpf")
    async with start(ABROAD) as second:
        assert await code(second, domain) is None
        await runtime.privacy.signatures.revoke("abroad", actor=OPERATOR)
        assert await code(runtime, domain) == "contract_ended"
        clock.forward(seconds=5)
        assert await code(second, domain) == "contract_ended"


async def test_a_signature_is_refused_that_says_nothing_or_is_over(runtime, clock):
    for terms, refused in (
        (Terms(("handshake",), source="x"), "bad_mechanism"),
        (Terms(("idta",)), "no_source"),
        (Terms(("scc",), origins=("EU",)), "bad_origin"),
        (Terms(valid_until=clock.now()), "bad_period"),
    ):
        with pytest.raises(Rejected) as error:
            await runtime.privacy.signatures.sign("abroad", terms, actor=OPERATOR)
        assert error.value.code == refused
    with pytest.raises(NotFound):
        await runtime.privacy.signatures.sign("nobody", Terms(), actor=OPERATOR)


async def test_a_register_that_cannot_be_read_lets_nothing_out(runtime, domain, monkeypatch, clock):
    clock.forward(seconds=10)

    async def away(*arguments):
        raise EgressRefused("away", reason="register_unreadable")

    monkeypatch.setattr(runtime.register.terms, "freshen", away)
    assert (await runtime.on.forbids(domain))(DEPLOYMENT) == "processor"
    with pytest.raises(EgressRefused):
        await code(runtime, domain)


async def test_news_reach_accounts_before_data_leaves_and_each_answers_for_itself(runtime, domain, start, clock):
    other = await runtime.accounts.create("Other", actor=OPERATOR)
    website = await runtime.accounts.add_domain(other, "Other", ["https://other.example"], actor=OPERATOR)
    async with start(ABROAD, LATER) as second:

        async def later(at):
            return await code(second, at, key="later", host=LATER.hosts[0])

        await sign(second, key="later")
        assert (await later(domain), await later(website)) == ("objection_period", "objection_period")
        changes = second.privacy.changes
        (told,) = await changes.notices(domain.scope.account_id)
        assert (told.processor, told.state) == ("later", "waiting")
        assert set(told.changes) == {("party", "Later Ltd"), ("country", "DE"), ("category", CHAT)}
        await changes.answer(domain.scope.account_id, "later", "agreed", actor=OPERATOR)
        assert (await later(domain), await later(website)) == (None, "objection_period")
        young = await runtime.accounts.create("Young", actor=OPERATOR)
        newest = await runtime.accounts.add_domain(young, "Young", ["https://young.example"], actor=OPERATOR)
        assert (await later(newest), await changes.notices(young)) == (None, [])
        await changes.answer(other, "later", "objected", actor=OPERATOR)
        clock.forward(days=31)
        assert (await later(domain), await later(website)) == (None, "objected")
        with pytest.raises(NotFound):
            await changes.answer(young, "later", "agreed", actor=OPERATOR)
    async with start(ABROAD, replace(LATER, countries=("DE", "AT"))) as third:
        (_, told) = await third.privacy.changes.notices(domain.scope.account_id)
        assert list(told.changes) == [("country", "AT")]
        assert await code(third, domain, key="later", host=LATER.hosts[0]) == "objection_period"
        clock.forward(days=30)
        assert await code(third, domain, key="later", host=LATER.hosts[0]) is None
    async with start(ABROAD, LATER) as again:
        assert len(await again.privacy.changes.notices(domain.scope.account_id)) == 2


async def test_owners_get_mail_about_news_once(runtime, domain, start, clock):
    account = domain.scope.account_id
    link = await runtime.members.setup_link(account)
    await runtime.members.finish_setup(link, email="ada@shop.example", name="Ada", password="correct horse battery")
    newest = replace(LATER, key="newest", legal_name="Newest Ltd")
    async with start(ABROAD, newest) as second:
        await second.privacy.changes.tell()
        await second.privacy.changes.tell()
        await second.jobs.work(wait=False)
        (mail,) = [mail for mail in second.mail.mailer().sent if mail.to == "ada@shop.example"]
        assert "Newest Ltd" in mail.subject
        assert "object" in mail.text
        clock.forward(days=31)


async def test_every_act_on_the_register_is_in_the_audit(runtime, domain):
    await sign(runtime)
    await runtime.privacy.signatures.revoke("abroad", actor=OPERATOR)
    assert (await runtime.audit.verify(CHAIN)).broken is None
    async with runtime.database.session(Scope(CHAIN)) as session:
        actions = {entry.action for entry in (await session.exec(select(AuditEntry))).all()}
    assert {"register.sign", "register.revoke"} <= actions

"""Nothing is read before its owner said so: three proofs, their loss, and what the operator vouches for."""

import asyncio
from contextlib import asynccontextmanager
from ipaddress import ip_address

import dns.message
import dns.rrset
import pytest
from omniops.contracts.scope import Actor
from omniops.errors import NotFound, NotReachable, Rejected
from omniops.gate.grants import Allow, Grant
from omniops.gate.names import txt
from omniops.gate.service import Gate
from omniops.knowledge.ownership import GRACE, Ownerships
from omniops.operations.firsts import OPERATOR
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing.fakes import ManualClock

MEMBER = Actor("member", "ada")
FILE = "/.well-known/omniops-verification.txt"
HOME = "<html><head><title>Boats</title>{}</head><body><p>Boats for all.</p>{}</body></html>"


@pytest.fixture(scope="module")
def clock():
    return ManualClock()


@pytest.fixture(scope="module")
async def runtime(postgres, links, tmp_path_factory, clock):
    folder = tmp_path_factory.mktemp("data")
    settings = Settings(
        data_dir=folder, keys_dir=folder / "keys", plugins=["website", "site", "quoting", "hybrid"], encoder="none"
    )
    async with Runtime.open(settings, links, postgres.root, clock=clock, migrate=True) as runtime:
        yield runtime


@pytest.fixture
async def scope(runtime, site):
    """A domain that a member made for the site on loopback, which the gate may reach."""
    await runtime.allows.add(Allow("127.0.0.1", site.port, "the site of this test", plaintext=True))
    account = await runtime.accounts.create("Boats", actor=OPERATOR)
    domain = await runtime.accounts.add_domain(account, "Boats", [site.url.rstrip("/")], actor=MEMBER)
    site.routes["/"] = HOME.format("", "")
    return domain.scope


@pytest.fixture
async def owner(runtime, scope):
    (owner,) = await runtime.knowledge.ownership.all(scope)
    return owner


async def test_a_member_reads_nothing_before_the_site_is_proven_theirs(runtime, site, scope, owner):
    with pytest.raises(Rejected) as refused:
        await runtime.knowledge.add_source(scope, "site", site.url, actor=MEMBER)
    assert refused.value.code == "not_verified"
    assert str(scope.domain_id) in refused.value.do, "it says where the proofs are named"
    assert await runtime.knowledge.sources(scope) == []
    assert site.visits == []
    site.routes[FILE] = (200, {}, owner.proofs()["file"]["content"].encode() + b"\r\n")
    found = await runtime.knowledge.ownership.check(scope, "127.0.0.1")
    assert (found.state, found.method) == ("verified", "file")
    source = await runtime.knowledge.add_source(scope, "site", site.url, actor=MEMBER)
    assert (await runtime.knowledge.crawl(scope, source.id)).state == "done"


async def test_a_meta_tag_in_the_head_is_a_proof(runtime, site, scope, owner):
    tag = owner.proofs()["meta"]["tag"]
    site.routes["/"] = "\ufeff" + HOME.format(f"<script>if (1 < 2) {{}}</script>{tag}", "")
    found = await runtime.knowledge.ownership.check(scope, "127.0.0.1")
    assert (found.state, found.method) == ("verified", "meta")


@pytest.mark.parametrize(
    "place",
    [
        HOME.format("", "{tag}"),
        HOME.format("", "<head>{tag}</head>"),
        HOME.format("<!-- {tag} -->", ""),
        HOME.format("<script>var a = '{tag}'</script>", ""),
        "<html><head><title>{tag}</title></head><body></body></html>",
        "<p>A review.</p>{tag}",
        "Sold out {tag}",
    ],
    ids=["body", "second head", "comment", "script", "title", "no head", "text"],
)
async def test_what_visitors_can_write_into_a_page_is_no_proof(runtime, site, scope, owner, place):
    site.routes["/"] = place.replace("{tag}", owner.proofs()["meta"]["tag"])
    assert (await runtime.knowledge.ownership.check(scope, "127.0.0.1")).state == "waiting"


async def test_the_token_of_another_domain_is_no_proof(runtime, site, scope, owner):
    other = await runtime.accounts.add_domain(scope.account_id, "Mine", [site.url.rstrip("/")], actor=MEMBER)
    site.routes[FILE] = (200, {}, owner.proofs()["file"]["content"].encode())
    assert (await runtime.knowledge.ownership.check(other.scope, "127.0.0.1")).state == "waiting"
    assert (await runtime.knowledge.ownership.check(scope, "127.0.0.1")).state == "verified"


async def test_a_page_for_everything_and_a_redirect_elsewhere_are_no_proof(runtime, site, scope, owner):
    canary = []

    async def inside(request):
        canary.append(request.path)
        return owner.proofs()["file"]["content"]

    site.routes |= {"*": HOME.format("", owner.token), FILE: (302, {"Location": "http://localhost/proof"}, b"")}
    assert (await runtime.knowledge.ownership.check(scope, "127.0.0.1")).state == "waiting"
    site.routes |= {FILE: (302, {"Location": f"http://169.254.169.254:{site.port}/proof"}, b""), "/proof": inside}
    assert (await runtime.knowledge.ownership.check(scope, "127.0.0.1")).state == "waiting"
    assert canary == []
    site.routes[FILE] = (302, {"Location": "/proof"}, b"")
    assert (await runtime.knowledge.ownership.check(scope, "127.0.0.1")).state == "verified", "on the same host"


async def test_only_the_verified_hosts_of_a_domain_are_read(runtime, site, scope, owner):
    both = [site.url.rstrip("/"), "https://victim.example"]
    await runtime.accounts.configure(scope, {"origins": both}, actor=MEMBER)
    site.routes[FILE] = (200, {}, owner.proofs()["file"]["content"].encode())
    await runtime.knowledge.ownership.check(scope, "127.0.0.1")
    assert await runtime.knowledge.ownership.readable(scope, "127.0.0.1") == {"127.0.0.1"}
    with pytest.raises(Rejected, match=r"victim\.example"):
        await runtime.knowledge.add_source(scope, "site", "https://victim.example/", actor=MEMBER)
    with pytest.raises(NotFound):
        await runtime.knowledge.ownership.check(scope, "stranger.example")


async def test_a_lost_proof_warns_and_ends_the_reading_after_a_while(runtime, clock, site, scope, owner, monkeypatch):
    warned = []
    monkeypatch.setattr(
        runtime.knowledge.ownership, "_log", type("Log", (), {"warning": lambda *a, **f: warned.append(f)})
    )
    site.routes[FILE] = (200, {}, owner.proofs()["file"]["content"].encode())
    await runtime.knowledge.ownership.check(scope, "127.0.0.1")
    source = await runtime.knowledge.add_source(scope, "site", site.url, actor=MEMBER)
    assert (await again(runtime, clock, scope, days=1))["state"] == "verified"
    warned.clear()  # of the other tests' sites, which are gone
    del site.routes[FILE]
    found = await again(runtime, clock, scope, days=1)
    assert found["state"] == "lost"
    assert warned[0]["host"] == "127.0.0.1"
    assert (await runtime.knowledge.crawl(scope, source.id)).state == "done", "for a while it is still read"
    await again(runtime, clock, scope, days=GRACE.days)
    assert len(warned) == 1
    site.visits.clear()
    with pytest.raises(Rejected, match="not read"):
        await runtime.knowledge.crawl(scope, source.id)
    assert site.visits == []
    site.routes[FILE] = (200, {}, owner.proofs()["file"]["content"].encode())
    assert (await again(runtime, clock, scope, days=1))["state"] == "verified"
    assert (await runtime.knowledge.crawl(scope, source.id)).state == "done"


async def again(runtime, clock, scope, **time):
    """Lets time pass, and looks for the owners whose time has come."""
    clock.forward(**time)
    await runtime.jobs._tasks["knowledge:owners"].run()
    await runtime.jobs.work(["maintenance"], wait=False)
    (owner,) = await runtime.knowledge.ownership.all(scope)
    return owner.to_json()


async def test_what_the_operator_adds_needs_no_proof_and_is_recorded_as_such(runtime, clock, site, scope):
    source = await runtime.knowledge.add_source(scope, "site", site.url, actor=OPERATOR)
    (owner,) = await runtime.knowledge.ownership.all(scope)
    assert (owner.state, owner.method) == ("verified", "operator")
    assert owner.to_json()["proofs"] == {}
    assert (await again(runtime, clock, scope, days=40))["state"] == "verified", "nobody looks for a proof"
    assert (await runtime.knowledge.crawl(scope, source.id)).state == "done"


async def test_a_vouched_site_does_not_lose_its_own_proof(runtime, site, scope, owner):
    site.routes[FILE] = (200, {}, owner.proofs()["file"]["content"].encode())
    await runtime.knowledge.ownership.check(scope, "127.0.0.1")
    await runtime.knowledge.add_source(scope, "site", site.url, actor=OPERATOR)
    (found,) = await runtime.knowledge.ownership.all(scope)
    assert found.method == "file"


@asynccontextmanager
async def name_server(records, *, cut=False):
    """A resolver on loopback that speaks DNS over TCP. Gives its address."""

    async def serve(reader, writer):
        size = int.from_bytes(await reader.readexactly(2), "big")
        query = dns.message.from_wire(await reader.readexactly(size))
        if cut:
            writer.close()
            return
        answer = dns.message.make_response(query)
        name = query.question[0].name
        found = records.get(str(name).rstrip("."))
        if found is None:
            answer.set_rcode(3)
        else:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *(f'"{text}"' for text in found)))
        wire = answer.to_wire()
        writer.write(len(wire).to_bytes(2, "big") + wire)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield ip_address("127.0.0.1"), server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def test_a_record_in_the_name_system_is_a_proof(runtime, clock):
    account = await runtime.accounts.create("Shop", actor=OPERATOR)
    domain = await runtime.accounts.add_domain(account, "Shop", ["https://shop.invalid"], actor=MEMBER)
    records = {}
    async with name_server(records) as server:
        gate = Gate(runtime.register, runtime.ledger, servers=[server])
        owners = Ownerships(runtime.database, runtime.accounts, runtime.audit, gate, clock, runtime.log)
        assert (await owners.check(domain.scope, "shop.invalid")).state == "waiting"
        (owner,) = await owners.all(domain.scope)
        dns_proof = owner.proofs()["dns"]
        records[dns_proof["name"]] = ["v=spf1 -all", dns_proof["value"]]
        found = await owners.check(domain.scope, "shop.invalid")
        assert (found.state, found.method) == ("verified", "dns")
        assert await owners.readable(domain.scope, "shop.invalid") == {"shop.invalid"}
        with pytest.raises(Exception, match="no verified host"):
            await gate.txt("_x", "elsewhere.example", Grant.ownership(domain.scope, "shop.invalid"))


async def test_the_next_resolver_is_asked_where_one_does_not_answer():
    async with name_server({}, cut=True) as broken, name_server({"a.example": ["yes"]}) as works:
        assert await txt("a.example", [broken, works]) == ["yes"]
        assert await txt("b.example", [works]) == []
        with pytest.raises(NotReachable, match="No resolver"):
            await txt("a.example", [broken])

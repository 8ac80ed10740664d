"""Who gets in: the set-up link, sign-in, sessions, roles, API keys. Time is a clock that the tests move."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace
from uuid import UUID, uuid4

import psycopg
import pytest
from omniops.accounts.keys import Keys
from omniops.accounts.members import SESSION_DAYS, SETUP_HOURS, Members
from omniops.accounts.permissions import ALL, ROLES
from omniops.accounts.service import Accounts, checked_origin
from omniops.accounts.throttle import Throttle
from omniops.contracts.scope import Actor, Scope
from omniops.errors import NotFound, Refused, Rejected, Throttled
from omniops.testing.fakes import ManualClock

OPERATOR = Actor.system("operator")
PASSWORD = "correct horse battery"


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def office(rooms, clock):
    """The accounts room over the module's database, with a pepper of its own so that no test throttles another."""
    throttle = Throttle(rooms.database, uuid4().hex)
    accounts = Accounts(rooms.database, rooms.vault, rooms.audit)
    return SimpleNamespace(
        accounts=accounts,
        members=Members(rooms.database, rooms.vault, rooms.audit, throttle, clock),
        keys=Keys(rooms.database, rooms.audit, clock),
        throttle=throttle,
        account=await accounts.create("Tarn & Tor", actor=OPERATOR),
    )


@pytest.fixture
def stored(links):
    """Reads the database as its administrator, who sees every row as it lies there."""

    def read(statement, *values):
        with psycopg.connect(links.admin.conninfo()) as connection:
            return connection.execute(statement, values).fetchall()

    return read


@pytest.fixture
async def member(office):
    """The owner of the account: address, and the session of the set-up."""
    email = f"Ada.{uuid4().hex[:8]}@Shop.example"
    link = await office.members.setup_link(office.account)
    session = await office.members.finish_setup(link, email=email, name=" Ada Lovelace ", password=PASSWORD)
    return SimpleNamespace(email=email, session=session)


async def sign_in(office, email, password=PASSWORD, network="192.0.2"):
    return await office.members.sign_in(email, password, network=network)


async def test_a_setup_link_works_once(office):
    link = await office.members.setup_link(office.account)
    assert await office.members.setup_account(link) == office.account
    assert await office.members.setup_account(link) == office.account, "looking does not use it up"
    session = await office.members.finish_setup(link, email=f"{uuid4().hex}@x.example", name="Ada", password=PASSWORD)
    assert (await office.members.principal(session)).account_id == office.account
    for again in (
        office.members.setup_account(link),
        office.members.finish_setup(link, email=f"{uuid4().hex}@x.example", name="Eve", password=PASSWORD),
    ):
        with pytest.raises(NotFound):
            await again
    assert len(await office.members.list(office.account, actor=OPERATOR)) == 1


async def test_two_who_use_a_link_at_once_make_one_member(office):
    link = await office.members.setup_link(office.account)
    done = await asyncio.gather(
        *(
            office.members.finish_setup(link, email=f"{uuid4().hex}@x.example", name="Ada", password=PASSWORD)
            for _ in range(4)
        ),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in done) == ["NotFound"] * 3 + ["str"]
    assert len(await office.members.list(office.account, actor=OPERATOR)) == 1


async def test_a_setup_link_expires(office, clock):
    link = await office.members.setup_link(office.account)
    clock.forward(hours=SETUP_HOURS, seconds=-1)
    assert await office.members.setup_account(link) == office.account
    clock.forward(seconds=1)
    with pytest.raises(NotFound):
        await office.members.setup_account(link)
    with pytest.raises(NotFound):
        await office.members.finish_setup(link, email="late@x.example", name="Late", password=PASSWORD)


async def test_what_does_not_fit_leaves_the_link_valid(office):
    link = await office.members.setup_link(office.account)
    for email, password, code, where in (
        ("nonsense", PASSWORD, "bad_email", "email"),
        ("two words@x.example", PASSWORD, "bad_email", "email"),
        ("@x.example", PASSWORD, "bad_email", "email"),
        (f"{'a' * 250}@x.example", PASSWORD, "bad_email", "email"),
        ("ada@x.example", "elevenchars", "short_password", "password"),
    ):
        with pytest.raises(Rejected) as refused:
            await office.members.finish_setup(link, email=email, name="Ada", password=password)
        assert (refused.value.code, refused.value.where) == (code, where)
        assert email not in str(refused.value)
        assert password not in str(refused.value)
    assert await office.members.setup_account(link) == office.account
    assert await office.members.list(office.account, actor=OPERATOR) == []


async def test_an_address_that_signs_in_elsewhere_is_refused_with_a_reason(office, member):
    other = await office.accounts.create("Other", actor=OPERATOR)
    link = await office.members.setup_link(other)
    with pytest.raises(Rejected) as refused:
        await office.members.finish_setup(link, email=member.email.upper(), name="Ada", password=PASSWORD)
    assert (refused.value.code, refused.value.where) == ("address_taken", "email")
    assert await office.members.setup_account(link) == other, "the link is still good"
    assert await office.members.list(other, actor=OPERATOR) == []


@pytest.mark.parametrize("spell", [str, str.lower, str.upper, lambda e: f"  {e}\n", lambda e: e.replace("A", "Ａ")])
async def test_an_address_is_found_however_it_is_spelt(office, member, spell):
    principal = await office.members.principal(await sign_in(office, spell(member.email)))
    assert principal.account_id == office.account
    assert principal.kind == "member"
    assert principal.permissions == ROLES["owner"]


async def test_wrong_address_and_wrong_password_cannot_be_told_apart(office, member):
    said = set()
    for email, password in (
        (member.email, "wrong password!"),
        ("nobody@shop.example", PASSWORD),
        (member.email, ""),
        (member.email, PASSWORD + " "),
        (member.email, PASSWORD.upper()),
        ("", ""),
    ):
        with pytest.raises(Refused) as refused:
            await sign_in(office, email, password)
        assert type(refused.value) is Refused
        said.add((str(refused.value), refused.value.reason))
    assert len(said) == 1


async def test_a_sign_in_gives_a_new_session_every_time(office, member):
    """Whatever token a browser held before, it is another one afterwards: none can be planted."""
    first, second = await sign_in(office, member.email), await sign_in(office, member.email)
    assert len({first, second, member.session}) == 3
    await office.members.sign_out(first)
    assert await office.members.principal(first) is None
    assert await office.members.principal(second) is not None, "the other browser stays signed in"
    await office.members.sign_out(first)
    await office.members.sign_out("oo_session_nonsense")


async def test_a_session_ends_by_itself(office, member, clock):
    clock.forward(days=SESSION_DAYS, seconds=-1)
    assert await office.members.principal(member.session) is not None
    clock.forward(seconds=1)
    assert await office.members.principal(member.session) is None


async def test_tokens_and_addresses_do_not_lie_in_the_database(office, member, stored, links):
    _, secret = await office.keys.create(office.account, "shop", ["domain.read"], actor=OPERATOR)
    link = await office.members.setup_link(office.account)
    tables = [
        name
        for (name,) in stored(
            "select format('%%I.%%I', schemaname, tablename) from pg_tables"
            " where schemaname in ('omniops', 'vault', 'jobs')"
        )
    ]
    assert "omniops.member" in tables
    everything = "\n".join(str(row) for table in tables for row in stored(f"select t::text from {table} t"))
    needles = [secret, link, member.session, PASSWORD, member.email, member.email.lower(), "Ada Lovelace"]
    for needle in needles:
        for spelt in (needle, needle.encode().hex(), needle.split("_", 2)[-1]):
            assert spelt not in everything, needle
    assert "Tarn & Tor" in everything, "the search itself works"


async def test_the_members_list_opens_through_the_vault_and_is_on_record(office, member, stored):
    actor = Actor("member", str(uuid4()))
    (view,) = await office.members.list(office.account, actor=actor)
    assert (view.email, view.name, view.role) == (member.email, "Ada Lovelace", "owner")
    entries = stored(
        "select actor, action, object, purpose, subject_refs from omniops.audit_entry"
        " where account_id = %s order by seq desc limit 1",
        office.account,
    )
    (who, action, what, purpose, subjects) = entries[0]
    assert (who, action, what, purpose) == (str(actor), "vault.open", "member", "account.manage")
    assert len(subjects) == 1
    assert member.email not in str(entries)


async def test_what_happens_to_an_account_is_on_record(office, member, stored):
    key, _ = await office.keys.create(office.account, "shop", ["domain.read"], actor=OPERATOR)
    await office.keys.revoke(office.account, key, actor=OPERATOR)
    domain = await office.accounts.add_domain(office.account, "Shop", ["https://shop.example"], actor=OPERATOR)
    await office.accounts.switch(domain.scope, "site", on=False, actor=OPERATOR)
    rows = stored("select action from omniops.audit_entry where account_id = %s order by seq", office.account)
    assert {
        "account.create",
        "member.add",
        "member.sign_in",
        "key.create",
        "key.revoke",
        "domain.add",
        "plugin.switch_off",
    } <= {action for (action,) in rows}


async def test_many_tries_at_one_address_are_slowed_wherever_they_come_from(office, member):
    spellings = [member.email, member.email.upper(), f" {member.email}", member.email.replace("A", "Ａ")]
    for number in range(10):
        with pytest.raises(Refused):
            await sign_in(office, spellings[number % 4], "wrong password!", network=f"198.51.{number}")
    for email in spellings:
        with pytest.raises(Throttled) as slowed:
            await sign_in(office, email, PASSWORD, network="203.0.113")
        assert slowed.value.retry_after > 0
    with pytest.raises(Refused) as other:
        await sign_in(office, "someone.else@shop.example", network="203.0.113")
    assert not isinstance(other.value, Throttled)


async def test_many_tries_from_one_network_are_slowed_whatever_the_address(office, member):
    for _ in range(50):
        await office.throttle.hit("sign-in network", "192.0.2", limit=50, seconds=900)
    with pytest.raises(Throttled):
        await sign_in(office, member.email, network="192.0.2")
    await sign_in(office, member.email, network="192.0.3")


async def test_tries_at_once_are_all_counted(office):
    done = await asyncio.gather(
        *(office.throttle.hit("test", "who", limit=10, seconds=60) for _ in range(25)), return_exceptions=True
    )
    assert sum(isinstance(result, Throttled) for result in done) == 15


async def test_a_window_that_is_over_begins_anew_and_is_swept(office, stored, links):
    for _ in range(3):
        await office.throttle.hit("test", "window", limit=3, seconds=60)
    with pytest.raises(Throttled):
        await office.throttle.hit("test", "window", limit=3, seconds=60)
    with psycopg.connect(links.admin.conninfo()) as connection:
        connection.execute("update omniops.throttle set window_ends = now() - interval '1 second'")
    await office.throttle.hit("test", "window", limit=3, seconds=60)
    assert stored("select count(*) from omniops.throttle")[0][0] > 0
    with psycopg.connect(links.admin.conninfo()) as connection:
        connection.execute("update omniops.throttle set window_ends = now() - interval '1 second'")
    await office.throttle.purge()
    assert stored("select count(*) from omniops.throttle") == [(0,)]


def test_each_role_may_what_the_one_below_it_may():
    order = ("viewer", "agent", "admin", "owner")
    for below, above in pairwise(order):
        assert ROLES[below] < ROLES[above]
    assert ROLES["owner"] == ALL
    assert "account.manage" not in ROLES["admin"]
    assert not {p for p in ROLES["agent"] if p.endswith(".manage")}
    assert "conversation.read" not in ROLES["viewer"], "chats are for those who answer them"


@pytest.mark.parametrize("role", ROLES)
async def test_a_member_may_what_the_role_may_from_the_next_request_on(office, member, links, role):
    with psycopg.connect(links.admin.conninfo()) as connection:
        connection.execute("update omniops.member set role = %s where account_id = %s", (role, office.account))
    principal = await office.members.principal(member.session)
    assert principal.permissions == ROLES[role]
    assert [p for p in ALL if principal.may(p)] == [p for p in ALL if p in ROLES[role]]
    assert not principal.may("everything")


async def test_a_role_that_nobody_knows_may_nothing(office, member, links):
    with psycopg.connect(links.admin.conninfo()) as connection:
        connection.execute("update omniops.member set role = 'root' where account_id = %s", (office.account,))
    with pytest.raises(Rejected):
        await office.members.principal(member.session)


async def test_a_key_works_until_it_is_revoked_and_shows_its_secret_once(office, stored):
    key, secret = await office.keys.create(
        office.account, " shop ", ["domain.read", "knowledge.read", "domain.read"], actor=OPERATOR
    )
    principal = await office.keys.principal(secret)
    assert (principal.kind, principal.account_id, principal.only_domain) == ("key", office.account, None)
    assert principal.permissions == {"domain.read", "knowledge.read"}
    (view,) = await office.keys.list(office.account)
    assert (view.id, view.name, view.revoked_at) == (key, "shop", None)
    assert secret not in repr(view)
    await office.keys.revoke(office.account, key, actor=OPERATOR)
    assert await office.keys.principal(secret) is None
    (view,) = await office.keys.list(office.account)
    revoked = view.revoked_at
    assert revoked is not None
    await office.keys.revoke(office.account, key, actor=OPERATOR)
    assert (await office.keys.list(office.account))[0].revoked_at == revoked, "the first time counts"


async def test_a_key_ends_by_itself_and_tells_when_it_was_last_used(office, clock):
    end = clock.now() + timedelta(days=1)
    _, secret = await office.keys.create(office.account, "shop", ["domain.read"], expires_at=end, actor=OPERATOR)
    (view,) = await office.keys.list(office.account)
    assert (view.expires_at, view.last_used_at) == (end, None)
    used = clock.now()
    assert await office.keys.principal(secret) is not None
    clock.forward(minutes=59)
    assert await office.keys.principal(secret) is not None
    assert (await office.keys.list(office.account))[0].last_used_at == used, "to the hour"
    clock.forward(minutes=1)
    assert await office.keys.principal(secret) is not None
    assert (await office.keys.list(office.account))[0].last_used_at == clock.now()
    clock.forward(hours=23)
    assert await office.keys.principal(secret) is None
    with pytest.raises(Rejected, match="ended already"):
        await office.keys.create(office.account, "late", ["domain.read"], expires_at=end, actor=OPERATOR)


@pytest.mark.parametrize("change", [str.upper, lambda s: s[:-1], lambda s: s + "x", lambda s: s[:-1] + "\u00e4"])
async def test_almost_a_key_is_none(office, change):
    _, secret = await office.keys.create(office.account, "shop", ["domain.read"], actor=OPERATOR)
    assert await office.keys.principal(change(secret)) is None


async def test_a_token_of_one_kind_opens_nothing_of_another(office, member):
    _, secret = await office.keys.create(office.account, "shop", ["domain.read"], actor=OPERATOR)
    link = await office.members.setup_link(office.account)
    assert await office.keys.principal(member.session) is None
    assert await office.keys.principal(link) is None
    assert await office.members.principal(secret) is None
    assert await office.members.principal(link) is None
    for token in (secret, member.session):
        with pytest.raises(NotFound):
            await office.members.setup_account(token)


async def test_nobody_gives_what_they_do_not_have(office):
    with pytest.raises(Rejected) as unknown:
        await office.keys.create(office.account, "x", ["everything"], actor=OPERATOR)
    assert unknown.value.code == "bad_permission"
    with pytest.raises(Rejected) as more:
        await office.keys.create(
            office.account, "x", ["domain.read", "account.manage"], actor=OPERATOR, granted_by=ROLES["admin"]
        )
    assert more.value.code == "not_yours_to_give"
    assert await office.keys.list(office.account) == []


async def test_a_key_of_another_account_cannot_be_revoked_or_seen(office):
    other = await office.accounts.create("Other", actor=OPERATOR)
    key, secret = await office.keys.create(office.account, "shop", ["domain.read"], actor=OPERATOR)
    assert await office.keys.list(other) == []
    for missing in (key, uuid4()):
        with pytest.raises(NotFound) as refused:
            await office.keys.revoke(other, missing, actor=OPERATOR)
        assert str(missing) not in str(refused.value)
    assert await office.keys.principal(secret) is not None


async def test_a_key_of_one_domain_sees_and_revokes_that_domains_keys_only(office):
    first, second = [
        await office.accounts.add_domain(office.account, name, [f"https://{name}.example"], actor=OPERATOR)
        for name in ("first", "second")
    ]
    ids = {}
    for name, only in (("all", None), ("first", first.id), ("second", second.id)):
        ids[name], _ = await office.keys.create(office.account, name, ["key.manage"], only_domain=only, actor=OPERATOR)
    assert [view.name for view in await office.keys.list(office.account, only_domain=first.id)] == ["first"]
    for name in ("all", "second"):
        with pytest.raises(NotFound):
            await office.keys.revoke(office.account, ids[name], actor=OPERATOR, only_domain=first.id)
    await office.keys.revoke(office.account, ids["first"], actor=OPERATOR, only_domain=first.id)
    revoked = {view.name: view.revoked_at is not None for view in await office.keys.list(office.account)}
    assert revoked == {"all": False, "first": True, "second": False}


async def test_a_domain_of_another_account_is_not_there(office):
    other = await office.accounts.create("Other", actor=OPERATOR)
    domain = await office.accounts.add_domain(office.account, "Shop", ["https://shop.example"], actor=OPERATOR)
    for scope in (Scope(other, domain.id), Scope(office.account, uuid4()), Scope(uuid4(), domain.id)):
        with pytest.raises(NotFound):
            await office.accounts.domain(scope)
        with pytest.raises(NotFound):
            await office.accounts.configure(scope, {"title": "Mine now"}, actor=OPERATOR)
    assert (await office.accounts.domain(domain.scope)).title == "Shop"
    assert await office.accounts.domains(other) == []
    with pytest.raises(NotFound):
        await office.accounts.by_widget_key("pk_nonsense")
    assert (await office.accounts.by_widget_key(domain.widget_key)).id == domain.id


async def test_settings_are_merged_and_what_does_not_fit_changes_nothing(office):
    domain = await office.accounts.add_domain(office.account, "Shop", ["https://shop.example"], actor=OPERATOR)
    await office.accounts.configure(domain.scope, {"settings": {"language": "de"}}, actor=OPERATOR)
    changed = await office.accounts.configure(
        domain.scope, {"title": "New", "settings": {"placeholder": "Fragen"}}, actor=OPERATOR
    )
    assert (changed.title, changed.settings.language, changed.settings.placeholder) == ("New", "de", "Fragen")
    for changes, where in (
        ({"title": "Newer", "settings": {"colour": "red"}}, "settings.colour"),
        ({"title": "Newer", "settings": {"answer_cut": 2}}, "settings.answer_cut"),
        ({"title": "Newer", "origins": ["ftp://shop.example"]}, "origins"),
    ):
        with pytest.raises(Rejected) as refused:
            await office.accounts.configure(domain.scope, changes, actor=OPERATOR)
        assert refused.value.where == where
    assert await office.accounts.domain(domain.scope) == changed


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://Shop.Example", "https://shop.example"),
        ("https://shop.example/about?x=1#y", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://localhost:8000/", "http://localhost:8000"),
        (" https://shop.example ", "https://shop.example"),
        ("shop.example", None),
        ("https://", None),
        ("null", None),
        ("*", None),
        ("file:///etc/passwd", None),
        ("javascript:alert(1)", None),
        ("https://user:secret@shop.example", None),
        ("https://shop.example:port", None),
        ("https://shop.example:99999", None),
        ("https://[::1", None),
    ],
)
def test_an_origin_is_scheme_host_and_port(given, origin):
    if origin is None:
        with pytest.raises(Rejected) as refused:
            checked_origin(given)
        assert refused.value.code == "bad_origin"
    else:
        assert checked_origin(given) == origin


async def test_a_plugin_is_switched_for_one_domain(office):
    first, second = [
        await office.accounts.add_domain(office.account, name, [f"https://{name}.example"], actor=OPERATOR)
        for name in ("first", "second")
    ]
    assert await office.accounts.is_on(first.scope, "site"), "built-in ones are on until they are switched off"
    assert not await office.accounts.is_on(first.scope, "somebodys")
    for on in (True, False, True):
        await office.accounts.switch(first.scope, "somebodys", on=on, actor=OPERATOR)
        assert await office.accounts.is_on(first.scope, "somebodys") is on
        assert not await office.accounts.is_on(second.scope, "somebodys")
    await office.accounts.switch(first.scope, "site", on=False, actor=OPERATOR)
    assert await office.accounts.switched(first.scope) == {"somebodys": True, "site": False}
    assert await office.accounts.switched(second.scope) == {}


async def test_accounts_have_names_and_are_apart(office):
    assert await office.accounts.account_name(office.account) == "Tarn & Tor"
    nameless = await office.accounts.create("  ", actor=OPERATOR)
    assert await office.accounts.account_name(nameless)
    with pytest.raises(NotFound):
        await office.accounts.account_name(UUID(int=7))

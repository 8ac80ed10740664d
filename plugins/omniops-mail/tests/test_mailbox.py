"""A mailbox as a channel, over Dovecot and a real SMTP server: answered in the thread, nothing lost, nothing twice."""

import asyncio
import io
import json
import subprocess
import sys
import zipfile
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from conftest import HOST, PASSWORD, smtp_server
from doors import Door
from in_clear import tables_with
from letters import TOM, bounce, letter
from omniops.contracts.scope import Actor
from omniops.errors import EgressRefused, NotReady, Reconnect, Rejected
from omniops.gate.grants import Allow
from omniops.jobs.service import LISTENING, QUEUES
from omniops.operations.firsts import OPERATOR
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing import context
from omniops_mail import MailPlugin
from omniops_mail.imap import _quoted
from omniops_mail.settings import Mailbox, MailSettings

MEMBER = Actor("member", "m")


@pytest.fixture
def user():
    """A mailbox that nobody used yet."""
    return uuid4().hex


class Desk:
    """A whole runtime with the plugin loaded as an operator loads it, and one domain with a connected mailbox."""

    def __init__(self, runtime, links, smtp, user):
        self.runtime, self.links, self.smtp, self.user = runtime, links, smtp, user
        self.eye = psycopg.connect(links.admin.conninfo(), autocommit=True)

    def rows(self, statement, *values):
        return self.eye.execute(statement, values).fetchall()

    async def until(self, true):
        """Returns once the database says so."""
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(true):
                pass

    async def connect(self):
        account = await self.runtime.accounts.create("Shop", actor=OPERATOR)
        self.domain = await self.runtime.accounts.add_domain(account, "Shop", ["https://shop.example"], actor=OPERATOR)
        self.scope = self.domain.scope
        await self.runtime.accounts.switch(self.scope, "mail", on=True, actor=OPERATOR)
        await self.runtime.accounts.switch(self.scope, "quoting", on=True, actor=OPERATOR)
        values = {"address": "shop@shop.example", "user": self.user, "password": PASSWORD}
        return await self.runtime.connections.connect(self.scope, "mail", values, actor=OPERATOR)

    def listens(self):
        statement = "select cursor from omniops.connection where domain_id = %s"
        return self.rows(statement, self.domain.id) != [(None,)]

    def count(self, author):
        statement = "select count(*) from omniops.message where domain_id = %s and author = %s"
        return self.rows(statement, self.domain.id, author)[0][0]

    def conversations(self):
        statement = "select id from omniops.conversation where domain_id = %s order by id"
        return [found for (found,) in self.rows(statement, self.domain.id)]

    @asynccontextmanager
    async def working(self):
        task = asyncio.create_task(self.runtime.jobs.work([*QUEUES, LISTENING]))
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def opened(postgres, dovecot, smtp, folder, user):
    links = postgres.database()
    servers = {"smtp_host": HOST, "smtp_port": smtp.port, "imap_host": HOST, "imap_port": dovecot.port}
    ours = {"sender": "service@shop.example", "smtp_user": "service", "smtp_password": PASSWORD, "poll_seconds": 0.05}
    settings = Settings(
        data_dir=folder,
        keys_dir=folder / "keys",
        encoder="none",
        tls_ca=dovecot.ca,
        plugins=["website", "site", "quoting", "hybrid", "mail"],
        plugin_settings={"mail": servers | ours},
    )
    async with Runtime.open(settings, links, postgres.root, migrate=True) as runtime:
        assert runtime.seams.reports["mail"].state == "loaded", runtime.seams.reports["mail"].problem
        for port in (smtp.port, dovecot.port):
            await runtime.allows.add(Allow(HOST, port, "test"))
        desk = Desk(runtime, links, smtp, user)
        yield desk
        desk.eye.close()


@pytest.fixture
async def desk(postgres, dovecot, smtp, tmp_path, user):
    async with opened(postgres, dovecot, smtp, tmp_path, user) as desk:
        yield desk


async def test_a_mail_is_answered_in_its_thread_and_a_bounce_is_believed(desk, dovecot):
    dovecot.put(desk.user, letter("Old mail, from before", key="0"))
    await desk.connect()
    async with desk.working():
        await desk.until(desk.listens)
        dovecot.put(desk.user, letter("How long does it take?"), letter(key="n", List_Id="<news.example>"))
        await desk.smtp.came.wait()
        (first,) = desk.smtp.mails
        assert (first["To"], first["Subject"], first["In-Reply-To"]) == (TOM, "Re: Shipping", "<1@customer.example>")
        assert first["From"].addresses[0].addr_spec == "shop@shop.example"
        words = first.get_content()
        assert words.index("You are writing to an AI") < words.index("I found nothing about that")
        again = letter(
            "And today?\n\nOn Saturday, Shop wrote:\n> I found nothing\n", key="2", In_Reply_To=first["Message-ID"]
        )
        desk.smtp.came.clear()
        dovecot.put(desk.user, again)
        await desk.smtp.came.wait()
        (conversation,) = desk.conversations()
        await desk.until(lambda: desk.rows("select 1 from omniops.outbox where state = 'waiting'") == [])
        read = await desk.runtime.inbox.read(desk.scope, conversation, actor=MEMBER)
        assert [(m.author, m.delivery) for m in read] == [("visitor", None), ("ai", "sent")] * 2
        assert [m.text for m in read if m.author == "visitor"] == ["How long does it take?", "And today?"]
        assert "You are writing to an AI" not in desk.smtp.mails[1].get_content()

        dovecot.put(
            desk.user, bounce("<omniops.somebody-elses@shop.example>"), bounce(desk.smtp.mails[1]["Message-ID"])
        )
        await desk.until(lambda: desk.rows("select 1 from omniops.suppression") != [])
    read = await desk.runtime.inbox.read(desk.scope, conversation, actor=MEMBER)
    assert [m.delivery for m in read if m.author == "ai"] == ["sent", "failed"]
    assert await desk.runtime.mail.suppressed(desk.scope, TOM)
    assert not [line for line in dovecot.flags(desk.user) if "Seen" in line], "the mailbox is left as it was"
    calls = desk.rows("select processor, purpose from omniops.egress_entry where processor like 'mail-%%'")
    assert set(calls) == {("mail-smtp", "chat.respond"), ("mail-imap", "connection.use")}


@pytest.mark.timeout(300)  # it waits for what a mail server does in its own time
async def test_who_wrote_is_copied_and_erased_and_a_mailbox_that_ended_is_read_no_more(desk, dovecot):
    view = await desk.connect()
    async with desk.working():
        await desk.until(desk.listens)
        dovecot.put(desk.user, letter("How long does it take?"))
        await desk.until(lambda: desk.rows("select 1 from omniops.outbox where state = 'sent'") != [])
    assert tables_with(desk.rows, "How long does it take", TOM) == []
    ((person,),) = desk.rows("select id from omniops.subject where home_id = %s", desk.domain.id)
    pieces = [piece async for piece in desk.runtime.privacy.persons.export(desk.scope, person, actor=MEMBER)]
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as copy:
        words = "\n".join(copy.read(name).decode("utf-8", "replace") for name in copy.namelist())
    assert "How long does it take?" in words
    assert TOM in words
    await desk.runtime.privacy.erasure.erase(desk.scope, person, actor=MEMBER)
    assert (desk.conversations(), desk.count("visitor")) == ([], 0)

    assert await desk.runtime.connections.disconnect(desk.scope, view.id, actor=MEMBER)
    dovecot.put(desk.user, letter("And today?", key="2"))
    async with desk.working():
        await desk.until(lambda: desk.rows("select 1 from jobs.procrastinate_jobs where status = 'doing'") == [])
    for table in ("connection", "arrival", "message"):
        assert desk.rows(f"select * from omniops.{table} where domain_id = %s", desk.domain.id) == [], table
    assert not [line for line in dovecot.flags(desk.user) if "Seen" in line], "the mailbox is left as it was"


async def test_the_servers_own_mail_goes_out_and_its_bounce_comes_back(desk, dovecot):
    await desk.connect()
    async with desk.working():
        await desk.until(desk.listens)
        mail = await desk.runtime.mail.send(
            desk.scope, to=TOM, kind="transcript", subject="Your chat", text="All of it", key="k"
        )
        await desk.smtp.came.wait()
        (sent,) = desk.smtp.mails
        assert (sent["From"].addresses[0].display_name, sent["Subject"]) == ("Shop", "Your chat")
        await desk.until(lambda: desk.rows("select 1 from omniops.mail where state = 'sent'") != [])
        dovecot.put(desk.user, bounce(sent["Message-ID"]))
        await desk.until(lambda: desk.rows("select 1 from omniops.mail where state = 'bounced'") != [])
    assert await desk.runtime.mail.state(desk.scope, mail) == "bounced"
    assert await desk.runtime.mail.suppressed(desk.scope, TOM)


async def test_a_mailbox_that_does_not_open_is_not_saved(desk):
    await desk.connect()
    for wrong in ({"password": "no"}, {"folder": "Nowhere"}, {"address": "no address"}, {"more": "fields"}):
        values = {"address": "shop@shop.example", "user": desk.user, "password": PASSWORD} | wrong
        with pytest.raises(Rejected):
            await desk.runtime.connections.connect(desk.scope, "mail", values, actor=OPERATOR)
    assert len(await desk.runtime.connections.all(desk.scope)) == 1


@pytest.mark.slow
async def test_killed_again_and_again_it_loses_nothing_and_takes_nothing_twice(desk, dovecot, postgres):
    await desk.connect()
    async with desk.working():
        await desk.until(desk.listens)
    kept = {
        role: link.conninfo()
        for role in ("admin", "owner", "app", "jobs", "system")
        if (link := getattr(desk.links, role))
    }
    settings = desk.runtime.settings
    given = json.dumps(
        {
            "links": kept | {"pooled": None},
            "settings": json.loads(settings.to_line()),
            "keys": str(postgres.folder / "keys"),
        }
    )

    def start():
        script = Path(__file__).with_name("kill_listener.py")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, **quiet)
        process.stdin.write(given.encode())
        process.stdin.close()
        return process

    total = 0
    for round_ in range(2):
        mails = [letter(f"Question {round_}.{n}?", key=f"k{round_}.{n}") for n in range(6)]
        worker = start()
        dovecot.put(desk.user, *mails)
        await desk.until(lambda least=total + 2: desk.count("visitor") >= least)
        worker.kill()
        worker.wait()
        total += len(mails)
    worker = start()
    try:
        await desk.until(lambda: desk.count("ai") == total)
        await desk.until(lambda: desk.rows("select 1 from omniops.outbox where state = 'waiting'") == [])
    finally:
        worker.kill()
        worker.wait()
    assert desk.count("visitor") == total
    assert len(desk.conversations()) == total
    assert len({mail["Message-ID"] for mail in desk.smtp.mails}) == total, "a second sending has the same id"


# The channel alone


def channel(dovecot, ca, tmp_path, **settings):
    values = MailSettings(smtp_host=HOST, smtp_port=1, imap_host=HOST, imap_port=dovecot, poll_seconds=0.05, **settings)
    plugin = MailPlugin(context("mail", values, folder=tmp_path, gate=Door(lambda: plugin, ca)))
    (found,) = plugin.channels()
    return found


def box(user, **changes):
    return Mailbox(**{"address": "shop@shop.example", "user": user, "password": PASSWORD} | changes)


async def heard(found, mailbox, cursor, count):
    items = []
    stream = found.listen(mailbox, cursor)
    async for item in stream:
        items.append(item)
        if len(items) == count:
            break
    await stream.aclose()
    return items


async def test_a_cursor_goes_on_where_it_was_and_large_mail_is_left(dovecot, tmp_path, ca, user):
    found = channel(dovecot.port, ca, tmp_path, most_bytes=10_000)
    ((nothing, start),) = await heard(found, box(user), None, 1)
    assert nothing is None
    dovecot.put(user, letter("One?", key="1"), letter("x" * 20_000, key="2"), letter("Three?", key="3"))
    items = await heard(found, box(user), start, 3)
    assert [item.text if item else None for item, _ in items] == ["One?", None, "Three?"]
    assert [item.text for item, _ in await heard(found, box(user), items[1][1], 1)] == ["Three?"]


async def test_mail_that_got_new_numbers_is_recognised(dovecot, tmp_path, ca, user):
    found = channel(dovecot.port, ca, tmp_path)
    ((_, start),) = await heard(found, box(user), None, 1)
    dovecot.put(user, letter("One?", key="1"), letter("Two?", key="2"))
    before = await heard(found, box(user), start, 2)
    folder = dovecot.begin_anew(user)
    (_, *after) = await heard(found, box(user, folder=folder), before[-1][1], 3)
    assert [item.delivery_id for item, _ in after] == [item.delivery_id for item, _ in before]


async def test_refused_and_away_are_told_apart(dovecot, tmp_path, ca, user):
    found = channel(dovecot.port, ca, tmp_path)
    with pytest.raises(Reconnect):
        await heard(found, box(user, password="no"), None, 1)
    with pytest.raises(NotReady):
        await heard(channel(1, ca, tmp_path), box(user), None, 1)
    with pytest.raises(NotReady):
        await heard(found, box(user, folder="Nowhere"), None, 1)


async def test_a_mailbox_server_with_tls_1_2_is_told_no_password(authority, tmp_path, ca, user):
    async with smtp_server(authority, tls="1.2") as old:
        with pytest.raises(EgressRefused) as refused:
            await heard(channel(old.port, ca, tmp_path), box(user), None, 1)
    assert refused.value.reason == "tls"


def test_folders_have_their_names_in_imaps_own_way():
    assert _quoted('Kunden "Söhne" & Co') == '"Kunden \\"S&APY-hne\\" &- Co"'


async def test_a_mail_to_the_privacy_address_opens_a_case_and_its_sender_gets_the_link(desk, dovecot):
    await desk.connect()
    address = {"settings": {"privacy_address": "Privacy@shop.example"}}
    await desk.runtime.accounts.configure(desk.scope, address, actor=OPERATOR)
    async with desk.working():
        await desk.until(desk.listens)
        dovecot.put(desk.user, letter("Bitte löschen Sie alle meine Daten.", to="Shop <privacy@shop.example>"))
        await desk.smtp.came.wait()
        (sent,) = desk.smtp.mails
        assert (sent["To"], sent["From"].addresses[0].addr_spec) == (TOM, "service@shop.example")
        assert f"/rights/{desk.domain.widget_key}/confirm/" in sent.get_body(("plain",)).get_content()
    (view,) = await desk.runtime.privacy.cases.all(desk.scope)
    assert (view.case.right, view.case.channel, view.case.state) == ("erasure", "mail", "unproven")
    assert desk.conversations() == []

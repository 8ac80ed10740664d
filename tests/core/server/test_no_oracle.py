"""Whether an address is known here cannot be told from outside: the same answer, and the same work behind it."""

import re
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from omniops.contracts.channel import Incoming
from omniops.contracts.scope import Actor
from omniops.privacy.rights.requests import Requests
from sqlalchemy import event
from sqlalchemy.engine import Engine

KNOWN, UNKNOWN, FIRST = "ann.b@mail.example", "tom.c@mail.example", "joe.d@mail.example"
"""As long as each other: an answer that repeats one is no longer for the other."""
BY_CHANCE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|R-\w{4}-\w{4}|\d{4}-\d\d-\d\dT[0-9:.+Z]+|oo_rights_[\w-]+"
)
WAYS = ("page", "api", "mail")


@dataclass
class Work:
    """What one request made the server do."""

    statements: list = field(default_factory=list)
    jobs: list = field(default_factory=list)
    entries: list = field(default_factory=list)
    mails: list = field(default_factory=list)
    answer: tuple = ()


@contextmanager
def counted(work):
    """Every statement that goes to the database, as it is written, but those of the audit's writer: it gathers entries
    of several callers, and the entries are compared by themselves."""

    def note(connection, cursor, statement, parameters, context, executemany):
        if "audit_append" not in statement:
            work.statements.append(" ".join(statement.split()))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", note)


class Watch:
    """Sends requests one way, and tells what came of each."""

    def __init__(self, front, way, connection, office):
        self.front, self.desk, self.way, self.connection, self.office = front, front.desk, way, connection, office
        self.page, self.number = front.client(), 0

    async def ask(self, address):
        work, before = Work(), (self.jobs(), self.entries())
        with counted(work):
            work.answer = await self.send(address)
        work.jobs = [job for job in self.jobs() if job not in before[0]]
        work.entries = self.entries()[len(before[1]) :]
        work.jobs = sorted(job[1:] for job in work.jobs)
        await self.desk.work("mail")
        work.mails = [(mail.subject, mail.text) for mail in self.desk.mailer.sent if mail.to == address]
        work.answer = plain(work.answer, address)
        work.mails = plain(work.mails, address)
        return work

    async def send(self, address):
        self.number += 1
        if self.way == "mail":
            incoming = Incoming(f"d-{self.number}", "t", address, "Delete my data", to=("privacy@shop.example",))
            await self.desk.hear(self.connection, incoming)
            return ()
        asked = {"right": "erasure", "email": address}
        if self.way == "page":
            answer = await self.page.post(f"/rights/{self.desk.domain.widget_key}?lang=en", data=asked)
        else:
            answer = await self.office.post("cases", json=asked)
        headers = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
        return answer.status_code, headers, answer.text

    def jobs(self):
        return self.desk.rows("select id, queue_name, task_name from jobs.procrastinate_jobs order by id")

    def entries(self):
        account = self.desk.domain.scope.account_id
        found = "select action, object, purpose from omniops.audit_entry where account_id = %s order by seq"
        return self.desk.rows(found, account)


def plain(value, address):
    return BY_CHANCE.sub("*", str(value)).replace(address, "ADDRESS")


@pytest.fixture
async def watch(front, desk):
    """Somebody whose address is known, and one request of before, so that nothing is done for the first time."""
    await front.configure(privacy_address="privacy@shop.example")
    visitor = await desk.visitor()
    async for _ in await desk.ask(visitor, "Where is my parcel?"):
        pass
    await desk.runtime.conversations.to_person(visitor, desk.domain, "en", KNOWN)
    await desk.work("mail")
    connection, office = await desk.connection(), await front.office()

    async def watch(way):
        watch = Watch(front, way, connection, office)
        await watch.ask(FIRST)
        return watch

    return watch


@pytest.mark.parametrize("way", WAYS)
async def test_known_and_unknown_get_the_same_answer_and_the_same_work(watch, way):
    watching = await watch(way)
    known, unknown = await watching.ask(KNOWN), await watching.ask(UNKNOWN)
    assert known.answer == unknown.answer
    assert known.statements == unknown.statements
    assert known.jobs == unknown.jobs
    assert known.entries == unknown.entries
    assert known.mails == unknown.mails
    assert known.statements
    assert known.jobs, "the mail with the link is queued"
    assert known.mails != "[]"


async def test_a_look_up_at_intake_would_be_seen(watch, desk, monkeypatch):
    """The sabotage: who is asked for is looked up at once, and work is done for who is found."""
    whole = Requests._put

    async def curious(self, session, scope, asked, **more):
        for one in await self._vault.find_all(scope, "email", asked.email, session=session):
            await self._persons.sheet(scope, one, actor=Actor.system("curious"))
        return await whole(self, session, scope, asked, **more)

    watching = await watch("page")
    monkeypatch.setattr(Requests, "_put", curious)
    known, unknown = await watching.ask(KNOWN), await watching.ask(UNKNOWN)
    assert known.answer == unknown.answer
    assert known.statements != unknown.statements

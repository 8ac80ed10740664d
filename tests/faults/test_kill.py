"""kill -9 at random moments, fifty if there is time: it starts again, nothing acknowledged is lost, nothing is
there twice."""

import contextlib
import json
import random
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from uuid import uuid4

import psycopg
import pytest
from omniops.bootstrap import prepared
from omniops.operations.demo import demo_settings
from omniops.settings import Settings

IN_THE_START, IN_SERVICE = (6, 4), (30, 20)
"""Kills while it starts, and while it answers a visitor: each as some, and as many."""
UNHURRIED = {
    f"OMNIOPS_VISITOR_{limit}": "1000000" for limit in ("SESSIONS", "WRITES", "NETWORK_WRITES", "DOMAIN_WRITES")
}
"""One visitor who writes faster than any person is not what the limits are for here."""
PATIENCE = 240.0
"""Seconds after which a start that does not answer counts as broken, on however busy a machine."""
STARTING = 4.0
"""Seconds after a start within which the first kind comes."""


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Visitor(threading.Thread):
    """Writes as fast as it can, with one session, and remembers what the server said was durable."""

    def __init__(self, base, shop):
        super().__init__(daemon=True)
        self.base, self.shop = base, shop
        self.token, self.acknowledged, self.sent, self.stop = None, [], 0, threading.Event()

    def run(self):
        while not self.stop.is_set():
            try:
                self.token = self.token or self.begin()
                self.ask()
                self.stop.wait(0.3)  # so that all of it fits the history that a visitor gets
            except (OSError, ValueError, StopIteration):
                time.sleep(0.05)

    def call(self, path, body, **headers):
        headers |= {"Content-Type": "application/json", "Origin": self.shop}
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), headers)
        return urllib.request.urlopen(request, timeout=5)

    def begin(self):
        with urllib.request.urlopen(self.shop, timeout=5) as page:
            key = page.read().decode().partition('data-domain="')[2].partition('"')[0]
        with self.call("/v1/visitor/sessions", {"key": key}) as answer:
            return json.loads(answer.read())["token"]

    def ask(self):
        key, text = uuid4().hex, f"Question {uuid4().hex[:8]}: do I have to pay for delivery?"
        for _ in range(3):  # the same message again, as the chat does it
            if self.stop.is_set():
                return
            try:
                headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key}
                with self.call("/v1/visitor/messages", {"text": text}, **headers) as answer:
                    for line in answer:
                        if line.startswith(b"data:") and text.encode() in line and text not in self.acknowledged:
                            self.acknowledged.append(text)
                return
            except (OSError, ValueError):
                time.sleep(0.05)


@pytest.fixture
def visitor():
    """Writes until the test is over, however it ends."""
    visitor = Visitor(f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}")
    visitor.start()
    yield visitor
    visitor.stop.set()
    visitor.join(30)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_acknowledged_is_lost_and_nothing_is_there_twice(place, visitor, long):
    chance = random.Random(20261124)
    ports = [address.rpartition(":")[2] for address in (visitor.base, visitor.shop)]
    arguments = ("demo", "--no-browser", "--port", ports[0], "--shop-port", ports[1])
    in_the_start, in_service = IN_THE_START[long], IN_SERVICE[long]
    kinds = ["start"] * in_the_start + ["service"] * in_service
    chance.shuffle(kinds)
    for kind in kinds:
        with started(place, *arguments) as process:
            before, end = len(visitor.acknowledged), time.monotonic() + PATIENCE
            while kind == "service" and len(visitor.acknowledged) == before:
                assert process.poll() is None, place.said[-3000:]
                assert time.monotonic() < end, place.said[-3000:]
                time.sleep(0.01)
            until = time.monotonic() + chance.uniform(0.0, STARTING if kind == "start" else 0.5)
            while time.monotonic() < until and process.poll() is None:
                time.sleep(0.01)
            assert process.poll() is None, place.said[-3000:]
    with started(place, *arguments) as process:
        end = time.monotonic() + PATIENCE
        while place.said.count("The demo shop is open") < 1 or not served(visitor):
            assert process.poll() is None, place.said[-3000:]
            assert time.monotonic() < end, place.said[-3000:]
            time.sleep(0.1)
        visitor.stop.set()
        visitor.join(30)
        assert len(visitor.acknowledged) >= in_service
        history = conversation(visitor)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, place.said[-3000:]
    asked = [message["text"] for message in history if message["author"] == "visitor"]
    assert [text for text in visitor.acknowledged if asked.count(text) != 1] == []
    assert len(asked) == len(set(asked))
    check_database(place)
    done = place.run("privacy", "audit", OMNIOPS_DATA_DIR=f"{place.data}-demo", OMNIOPS_KEYS_DIR=f"{place.keys}-demo")
    assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def started(place, *arguments):
    """A process that is killed at the end, whatever the test says by then."""
    process = place.start(*arguments, **UNHURRIED)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def served(visitor):
    before = len(visitor.acknowledged)
    time.sleep(0.3)
    return len(visitor.acknowledged) > before


def conversation(visitor):
    request = urllib.request.Request(
        f"{visitor.base}/v1/visitor/conversation", headers={"Authorization": f"Bearer {visitor.token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())["messages"]


def check_database(place):
    settings = demo_settings(Settings(data_dir=place.data, keys_dir=place.keys), port=None)
    with prepared(settings, create=False) as ready, psycopg.connect(ready.links.admin.conninfo()) as connection:

        def rows(statement):
            return connection.execute(statement).fetchall()

        assert (
            rows(
                "select turn_id from omniops.message where turn_id is not null and author = 'ai'"
                " group by turn_id having count(*) > 1"
            )
            == []
        )
        assert rows("select conversation_id, seq from omniops.message group by 1, 2 having count(*) > 1") == []
        assert (
            rows(
                "select page_id, kind, heading, question, text from omniops.passage"
                " group by 1, 2, 3, 4, 5 having count(*) > 1"
            )
            == []
        )
        assert rows("select count(*) from omniops.passage")[0][0] > 100
        assert (
            rows(
                "select s.id from omniops.subject s left join vault.subject_key k on k.subject_id = s.id"
                " where k.subject_id is null and exists (select 1 from omniops.message m where m.subject_id = s.id)"
            )
            == []
        )

"""Nothing personal lies in clear: the raw bytes of the data folder, the WAL, the index files and the logs are searched
for words that were planted as personal data."""

import base64
import io
import logging
import secrets

import psycopg
import pytest
from omniops.contracts.ids import SystemClock
from omniops.operations.asking import ask
from omniops.operations.firsts import Firsts
from omniops.runtime import Runtime
from omniops.settings import Settings
from on_disk import contents


def forms(word):
    """How a word could lie in a file: plain, wide, as hex, as base64 at each of its three offsets."""
    plain = word.encode()
    yield plain
    yield word.encode("utf-16-le")
    yield plain.hex().encode()
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + plain)
        yield encoded[(0, 2, 3)[offset] : -4]


def found(folders, words):
    hits = []
    for path, body in contents(*folders):
        hits += [(word, str(path)) for word in words if any(form in body for form in forms(word))]
    return hits


def canary(kind):
    return f"{kind}{secrets.token_hex(8)}"


@pytest.fixture
def log():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.DEBUG)
    yield stream
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(level)


async def test_planted_words_are_found_nowhere(postgres, links, tmp_path, log):
    names = ("question", "mail", "member", "person", "password", "reply", "visitor", "file", "content")
    words = {name: canary(name) for name in names}
    settings = Settings(data_dir=tmp_path, keys_dir=tmp_path / "keys", encoder="none")
    async with Runtime.open(settings, links, postgres.root, clock=SystemClock(), migrate=True) as runtime:
        firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
        first = await firsts.ensure("Shop")
        await runtime.members.finish_setup(
            first.setup_token,
            email=f"{words['member']}@example.org",
            name=words["person"],
            password=words["password"] + "-long enough",
        )
        domain, _ = await firsts.ensure_site(first.account_id, "https://shop.example")
        await ask(runtime, domain, f"My name is {words['question']}, where is my parcel?")
        _, visitor = await runtime.visitors.open(domain, "en")
        events = await runtime.conversations.ask(
            visitor, domain, f"I am {words['visitor']}", secrets.token_hex(8), "en"
        )
        assert [event async for event in events]
        await runtime.conversations.to_person(visitor, domain, "en", f"{words['mail']}@example.org")
        history = await runtime.conversations.history(visitor)
        assert words["visitor"] in history.messages[0].text
        from omniops.contracts.scope import Actor
        from omniops.inbox.queue import Wanted

        (talk, *_) = await runtime.inbox.queue.page(domain.scope, Wanted(state="waiting"))

        await runtime.inbox.reply(domain.scope, talk.id, f"Hello {words['reply']}", actor=Actor("member", "m"))
        blob = await runtime.blobs.put(
            domain.scope,
            words["content"].encode(),
            name=words["file"],
            media_type="text/plain",
            most=1000,
            subject_id=visitor.subject_id,
        )
        found_again = await runtime.blobs.read(
            domain.scope, blob, purpose="support.provide", actor=Actor("member", "m")
        )
        assert await found_again.whole() == words["content"].encode()
    with psycopg.connect(links.admin.conninfo(), autocommit=True) as connection:
        connection.execute("checkpoint")
    assert any((postgres.folder / "postgres").rglob("pg_wal")), "the scan must reach the log of all writes"
    places = [postgres.folder, tmp_path]
    assert found(places, words.values()) == []
    said = log.getvalue()
    assert len(said) > 0
    assert [word for word in words.values() if word in said] == []


async def test_the_scan_sees_what_is_clear(postgres, links):
    word = canary("clear")
    with psycopg.connect(links.admin.conninfo(), autocommit=True) as connection:
        connection.execute("create table if not exists omniops_clear (said text)")
        connection.execute("insert into omniops_clear values (%s)", [word])
        connection.execute("checkpoint")
    kinds = {"pg_wal" if "pg_wal" in path else "table" for _, path in found([postgres.folder], [word])}
    assert kinds == {"pg_wal", "table"}

"""What a person decides holds in every process at the next opening: nothing of keys or states is kept in memory."""

from datetime import timedelta

import pytest
from desk import opened
from omniops import Actor, Scope, seal
from omniops.conversation.models import Conversation, Message
from omniops.errors import Refused
from omniops.vault.models import Subject
from sqlalchemy import update

WHO = Actor.system("conversation.answer")


@pytest.fixture(scope="module")
async def processes(postgres, links, tmp_path_factory):
    """Two processes over one database, and a message of a visitor that both have loaded."""
    folder = tmp_path_factory.mktemp("processes")
    async with (
        opened(links, postgres.root, folder) as first,
        opened(links, postgres.root, folder, first.clock) as second,
    ):
        scope: Scope = first.runtime and (await first.new_domain()).scope
        subject = Subject(account_id=scope.account_id, home_id=scope.domain_id, kind="visitor")
        talk = Conversation(domain_id=scope.domain_id, subject_id=subject.id, channel="website")
        row = Message(
            domain_id=scope.domain_id,
            subject_id=subject.id,
            conversation_id=talk.id,
            seq=1,
            author="visitor",
            text=seal("Where is my parcel?"),
            delivery_id="d1",
        )
        async with first.runtime.database.session(scope) as session:
            for one in (subject, talk, row):
                session.add(one)
                await session.flush()
            await session.commit()
        yield first.runtime, second.runtime, scope, subject, row


@pytest.mark.parametrize(
    ("change", "back", "reason"),
    [
        ({"opt_outs": ["chat.respond"]}, {"opt_outs": []}, "opted_out"),
        ({"restricted_at": "now"}, {"restricted_at": None}, "restricted"),
    ],
)
async def test_a_change_in_one_process_shuts_the_door_of_the_other(processes, change, back, reason):
    first, second, scope, subject, row = processes
    assert await text_in(second, row) == "Where is my parcel?"
    await set_state(first, scope, subject, change)
    with pytest.raises(Refused) as refused:
        await text_in(second, row)
    assert refused.value.reason == reason
    await set_state(first, scope, subject, back)
    assert await text_in(second, row) == "Where is my parcel?"


async def test_a_consent_that_is_withdrawn_in_one_process_is_none_in_the_other(processes):
    first, second, scope, subject, _ = processes
    for state, said in (("given", None), ("withdrawn", "no_consent"), ("given", None), ("expired", "no_consent")):
        until = {"chat.remember": (first.clock.now() + timedelta(days=1)).isoformat()}
        await set_state(first, scope, subject, {"consents": {"chat.remember": state}, "consents_until": until})
        assert await asked(second, scope, subject, "chat.remember") == said


async def test_a_hold_in_one_process_stops_an_erasure_in_the_other(processes):
    first, second, scope, subject, row = processes
    await set_state(first, scope, subject, {"hold": True})
    with pytest.raises(Refused, match="legal hold"):
        await second.privacy.erasure.erase(scope, subject.id, actor=WHO)
    assert await text_in(second, row) == "Where is my parcel?"
    await set_state(first, scope, subject, {"hold": False})
    await second.privacy.erasure.erase(scope, subject.id, actor=WHO)
    with pytest.raises(Refused, match="erased"):
        await text_in(first, row)


async def text_in(runtime, row):
    clear = await runtime.vault.open([row], purpose="chat.respond", actor=WHO)
    return clear(row.text)


async def asked(runtime, scope, subject, purpose):
    """The decision that the other process makes now, from the state that it reads."""
    from omniops.contracts.declaration import Mark
    from omniops.privacy.policy import PrivacyPolicy
    from omniops.vault.keys import Owner, opening_keys

    async with runtime.database.session(scope) as session:
        owner = Owner(scope.domain_id, subject.id)
        keys = await session.run_sync(lambda sync: opening_keys(sync.connection(), runtime.vault._root, [owner]))
    mark = Mark("personal", purposes=frozenset([purpose]))
    return PrivacyPolicy(runtime.catalog, runtime.clock).decide(mark, purpose, keys[owner].state, WHO)


async def set_state(runtime, scope, subject, values):
    values = {name: runtime.clock.now() if value == "now" else value for name, value in values.items()}
    async with runtime.database.session(scope) as session:
        connection = await session.connection()
        await connection.execute(
            update(Subject).where(Subject.home_id == scope.domain_id, Subject.id == subject.id).values(**values)
        )
        await session.commit()

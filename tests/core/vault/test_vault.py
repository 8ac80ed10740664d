"""The vault's door: what is stored is sealed, what opens is decided and on record, what was moved or shredded stays
shut."""

import asyncio
from uuid import uuid4

import psycopg
import pytest
from omniops import Actor, Scope, seal
from omniops.contracts.sealed import SealedMisuse
from omniops.errors import ConfigError, NotReady, Refused
from omniops.vault.models import Subject
from omniops.vault.roots import FolderRoot
from omniops.vault.service import Vault
from sqlalchemy import text, update
from sqlmodel import select

AGENT = Actor("member", "m1")
EMAIL = "anna@example.org"


@pytest.fixture
async def scope(rooms) -> Scope:
    return await rooms.domain()


@pytest.fixture
async def contact(rooms, table, scope):
    subject = await rooms.subject(scope)
    row = table(
        domain_id=scope.domain_id,
        subject_id=subject,
        email=seal(EMAIL),
        note=seal("Nörgel: the zip broke"),
        remembered=seal("Anna"),
        token=seal("sk-123"),
    )
    async with rooms.database.session(scope) as session:
        session.add(row)
        await session.commit()
    return row


async def load(rooms, table, scope):
    async with rooms.database.session(scope) as session:
        return (await session.exec(select(table).where(table.domain_id == scope.domain_id))).all()


async def test_what_was_sealed_opens_for_its_purpose(rooms, table, scope, contact):
    rows = await load(rooms, table, scope)
    clear = await rooms.vault.open(rows, purpose="support.provide", actor=AGENT)
    assert clear(rows[0].email) == EMAIL
    assert clear(rows[0].note) == "Nörgel: the zip broke"
    assert clear(None) is None


async def test_nothing_clear_reaches_the_database(rooms, scope, contact):
    with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
        raw = connection.execute(
            "select email, note, token from omniops.vaulttest_contact where id = %s", [contact.id]
        ).fetchone()
    for value, clear in zip(raw, [EMAIL, "zip", "sk-123"], strict=True):
        assert clear.encode() not in bytes(value)
        assert bytes(value)[0] == 0x01  # AES-256-GCM


async def test_a_column_opens_only_for_the_purposes_in_its_mark(rooms, table, scope, contact):
    rows = await load(rooms, table, scope)
    clear = await rooms.vault.open(rows, purpose="chat.respond", actor=AGENT)
    assert clear(rows[0].note).startswith("Nörgel")
    with pytest.raises(Refused) as refused:
        clear(rows[0].email)
    assert refused.value.reason == "purpose_not_in_mark"
    assert clear(rows[0].email, otherwise="–") == "–"


async def test_an_unknown_purpose_opens_nothing(rooms, table, scope, contact):
    rows = await load(rooms, table, scope)
    with pytest.raises(Refused) as refused:
        await rooms.vault.open(rows, purpose="astrology", actor=AGENT)
    assert refused.value.reason == "unknown_purpose"


async def test_a_credential_opens_for_its_use_alone(rooms, table, scope, contact):
    rows = await load(rooms, table, scope)
    clear = await rooms.vault.open(rows, purpose="connection.use", actor=Actor.system("connection.x"))
    assert clear(rows[0].token) == "sk-123"
    clear = await rooms.vault.open(rows, purpose="support.provide", actor=AGENT)
    with pytest.raises(Refused):
        clear(rows[0].token)


async def test_a_plugin_opens_for_the_purposes_it_declared(rooms, table, scope, contact):
    rows = await load(rooms, table, scope)
    plugin = Actor.plugin("acme", frozenset({"chat.respond"}))
    clear = await rooms.vault.open(rows, purpose="support.provide", actor=plugin)
    with pytest.raises(Refused) as refused:
        clear(rows[0].email)
    assert refused.value.reason == "purpose_not_declared_by_plugin"


@pytest.mark.parametrize(
    ("change", "purpose", "column", "reason"),
    [
        ({"restricted_at": text("now()")}, "support.provide", "email", "restricted"),
        ({"opt_outs": ["chat.respond"]}, "chat.respond", "note", "opted_out"),
        ({}, "chat.remember", "remembered", "no_consent"),
        ({"consents": {"chat.remember": "withdrawn"}}, "chat.remember", "remembered", "no_consent"),
        ({"consents": {"chat.remember": "given"}}, "chat.remember", "remembered", "no_consent"),
        (
            {"consents": {"chat.remember": "given"}, "consents_until": {"chat.remember": "2126-01-01T00:00:00+00:00"}},
            "chat.remember",
            "remembered",
            None,
        ),
    ],
)
async def test_the_persons_state_decides_at_the_next_opening(
    rooms, table, scope, contact, change, purpose, column, reason
):
    if change:
        async with rooms.database.session(scope) as session:
            connection = await session.connection()
            await connection.execute(update(Subject).where(Subject.id == contact.subject_id).values(**change))
            await session.commit()
    rows = await load(rooms, table, scope)
    clear = await rooms.vault.open(rows, purpose=purpose, actor=AGENT)
    value = getattr(rows[0], column)
    if reason is None:
        assert clear(value)
    else:
        with pytest.raises(Refused) as refused:
            clear(value)
        assert refused.value.reason == reason


async def test_a_ciphertext_moved_to_another_place_does_not_open(rooms, table, scope, contact):
    """Row, column, subject and domain are all bound: each move is tried with raw SQL."""
    other = await rooms.subject(scope)
    row = table(domain_id=scope.domain_id, subject_id=other, email=seal("eve@example.org"), note=seal("hers"))
    async with rooms.database.session(scope) as session:
        session.add(row)
        await session.commit()
    moves = (
        "update omniops.vaulttest_contact t set note = (select note from omniops.vaulttest_contact where id = %(from)s)"
        " where id = %(to)s",
        "update omniops.vaulttest_contact set note = email where id = %(from)s",
        "update omniops.vaulttest_contact set subject_id = %(other)s where id = %(from)s",
    )
    for move in moves:
        with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
            connection.execute(move, {"from": contact.id, "to": row.id, "other": other})
        rows = {r.id: r for r in await load(rooms, table, scope)}
        clear = await rooms.vault.open(list(rows.values()), purpose="support.provide", actor=AGENT)
        target = rows[row.id].note if "%(to)s" in move else rows[contact.id].note
        with pytest.raises(Refused) as refused:
            clear(target)
        assert refused.value.reason in ("tampered", "erased")


async def test_a_ciphertext_moved_to_another_domain_does_not_open(rooms, table, scope, contact):
    foreign = await rooms.domain(scope.account_id)
    subject = await rooms.subject(foreign)
    theirs = table(domain_id=foreign.domain_id, subject_id=subject, email=seal("x@y.z"))
    async with rooms.database.session(foreign) as session:
        session.add(theirs)
        await session.commit()
    with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
        connection.execute(
            "update omniops.vaulttest_contact set email ="
            " (select email from omniops.vaulttest_contact where id = %s) where id = %s",
            [contact.id, theirs.id],
        )
    rows = await load(rooms, table, foreign)
    clear = await rooms.vault.open(rows, purpose="support.provide", actor=AGENT)
    with pytest.raises(Refused):
        clear(rows[0].email)


async def test_one_flipped_byte_is_noticed(rooms, table, scope, contact):
    with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
        connection.execute(
            "update omniops.vaulttest_contact set email ="
            " set_byte(email, length(email) - 3, get_byte(email, length(email) - 3) # 1) where id = %s",
            [contact.id],
        )
    rows = await load(rooms, table, scope)
    clear = await rooms.vault.open(rows, purpose="support.provide", actor=AGENT)
    with pytest.raises(Refused) as refused:
        clear(rows[0].email)
    assert refused.value.reason == "tampered"


async def test_a_value_of_a_row_that_was_not_opened_stays_shut(rooms, table, scope, contact):
    rows, others = await load(rooms, table, scope), await load(rooms, table, scope)
    clear = await rooms.vault.open(rows, purpose="support.provide", actor=AGENT)
    with pytest.raises(Refused) as refused:
        clear(others[0].email)
    assert refused.value.reason == "not_opened"


async def test_plain_text_in_a_sealed_column_is_refused(rooms, table, scope):
    subject = await rooms.subject(scope)
    async with rooms.database.session(scope) as session:
        session.add(table(domain_id=scope.domain_id, subject_id=subject, email="plain@example.org"))
        with pytest.raises(Refused) as refused:
            await session.flush()
        assert refused.value.reason == "not_sealed"
        assert "plain@example.org" not in str(refused.value)


async def test_a_value_taken_from_another_row_is_refused(rooms, table, scope, contact):
    rows = await load(rooms, table, scope)
    async with rooms.database.session(scope) as session:
        session.add(table(domain_id=scope.domain_id, subject_id=rows[0].subject_id, email=rows[0].email))
        with pytest.raises(Refused) as refused:
            await session.flush()
        assert refused.value.reason == "moved"


async def test_a_bulk_insert_must_be_sealed_first(rooms, table, scope):
    subject = await rooms.subject(scope)
    rows = [
        {"domain_id": scope.domain_id, "id": uuid4(), "subject_id": subject, "email": seal(f"{n}@example.org")}
        for n in range(3)
    ]
    rows = [{**row, "locale": "en"} for row in rows]
    async with rooms.database.session(scope) as session:
        connection = await session.connection()
        with pytest.raises(Exception, match="without sealing"):
            async with session.begin_nested():
                await connection.execute(table.__table__.insert(), rows)
        await rooms.vault.seal_rows(session, table, rows)
        await connection.execute(table.__table__.insert(), rows)
        await session.commit()
    loaded = await load(rooms, table, scope)
    clear = await rooms.vault.open(loaded, purpose="support.provide", actor=AGENT)
    assert sorted(clear(row.email) for row in loaded) == ["0@example.org", "1@example.org", "2@example.org"]


async def test_a_query_cannot_compare_with_a_sealed_column(table):
    with pytest.raises(SealedMisuse):
        select(table).where(table.email == EMAIL)
    select(table).where(table.note.is_(None))


async def test_exact_look_up_finds_whatever_the_spelling_and_never_abroad(rooms, scope, contact):
    assert await rooms.vault.find(scope.domain_id, "email", " Anna@Example.ORG ") == contact.subject_id
    assert await rooms.vault.find(scope.domain_id, "email", "anna@example.com") is None
    neighbour = await rooms.domain(scope.account_id)
    assert await rooms.vault.find(neighbour.domain_id, "email", EMAIL) is None


async def test_look_up_follows_a_change_and_a_deletion(rooms, table, scope, contact):
    async with rooms.database.session(scope) as session:
        row = await session.get(table, (scope.domain_id, contact.id))
        row.email = seal("new@example.org")
        session.add(row)
        await session.commit()
    assert await rooms.vault.find(scope.domain_id, "email", EMAIL) is None
    assert await rooms.vault.find(scope.domain_id, "email", "new@example.org") == contact.subject_id
    async with rooms.database.session(scope) as session:
        await session.delete(await session.get(table, (scope.domain_id, contact.id)))
        await session.commit()
    assert await rooms.vault.find(scope.domain_id, "email", "new@example.org") is None


async def test_two_first_writers_at_once_make_one_key(rooms, table, scope):
    subject = await rooms.subject(scope)

    async def write(number: int) -> None:
        async with rooms.database.session(scope) as session:
            session.add(table(domain_id=scope.domain_id, subject_id=subject, email=seal(f"{number}@example.org")))
            await session.commit()

    await asyncio.gather(*(write(number) for number in range(8)))
    with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
        keys = connection.execute("select count(*) from vault.subject_key where subject_id = %s", [subject]).fetchone()
    assert keys == (1,)
    rows = await load(rooms, table, scope)
    clear = await rooms.vault.open(rows, purpose="support.provide", actor=AGENT)
    assert len({clear(row.email) for row in rows}) == 8


async def test_after_a_rollback_the_value_must_be_given_again(rooms, table, scope):
    """The key went with the rollback; writing the old ciphertext would leave a row without its key."""
    subject = await rooms.subject(scope)
    row = table(domain_id=scope.domain_id, subject_id=subject, email=seal(EMAIL))
    async with rooms.database.session(scope) as session:
        session.add(row)
        await session.flush()
        await session.rollback()
        session.add(row)
        with pytest.raises(Refused) as refused:
            await session.flush()
        assert refused.value.reason == "moved"


async def test_shredding_shuts_everything_for_good(rooms, table, scope, contact):
    await rooms.vault.shred(scope, contact.subject_id, actor=AGENT)
    await rooms.vault.shred(scope, contact.subject_id, actor=AGENT)  # safe to repeat
    rows = await load(rooms, table, scope)
    clear = await rooms.vault.open(rows, purpose="support.provide", actor=AGENT)
    with pytest.raises(Refused) as refused:
        clear(rows[0].email)
    assert refused.value.reason == "erased"
    assert await rooms.vault.find(scope.domain_id, "email", EMAIL) is None
    with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
        live = connection.execute(
            "select count(*) from vault.subject_key where subject_id = %s "
            "and (wrapped is not null or state <> 'shredded')",
            [contact.subject_id],
        ).fetchone()
    assert live == (0,)


async def test_nothing_new_can_be_written_about_an_erased_person(rooms, table, scope, contact):
    await rooms.vault.shred(scope, contact.subject_id, actor=AGENT)
    async with rooms.database.session(scope) as session:
        session.add(table(domain_id=scope.domain_id, subject_id=contact.subject_id, email=seal("again@example.org")))
        with pytest.raises(Refused) as refused:
            await session.flush()
        assert refused.value.reason == "erased"


async def test_each_opening_is_one_entry_naming_its_subjects(rooms, table, scope, contact):
    before = (await rooms.audit.verify(scope.account_id)).entries
    rows = await load(rooms, table, scope)
    await rooms.vault.open(rows, purpose="support.provide", actor=AGENT)
    with psycopg.connect(rooms.database.links.admin.conninfo()) as connection:
        entries = connection.execute(
            "select action, actor, purpose, subject_refs from omniops.audit_entry"
            " where account_id = %s and seq > %s order by seq",
            [scope.account_id, before],
        ).fetchall()
    assert [entry[:3] for entry in entries] == [("vault.open", "member:m1", "support.provide")]
    assert len(entries[0][3]) >= 1
    assert str(contact.subject_id) not in str(entries)


async def test_the_vault_traces_pseudonyms_back_until_the_person_is_erased(rooms, table, scope, contact):
    rows = await load(rooms, table, scope)
    await rooms.vault.open(rows, purpose="support.provide", actor=AGENT)
    (opened,) = await rooms.audit.entries(scope.account_id, limit=1, action="vault.open")
    assert opened.detail["opened"]["contact.email"] == len(rows)
    traced = await rooms.vault.trace(scope, [*opened.subject_refs, "0" * 32], actor=AGENT)
    assert set(traced.values()) == {row.subject_id for row in rows}
    (entry,) = await rooms.audit.entries(scope.account_id, limit=1, action="vault.trace")
    assert entry.actor == str(AGENT)
    other = await rooms.domain()
    assert await rooms.vault.trace(other, opened.subject_refs, actor=AGENT) == {}
    await rooms.vault.shred(scope, contact.subject_id, actor=AGENT)
    left = await rooms.vault.trace(scope, opened.subject_refs, actor=AGENT)
    assert contact.subject_id not in left.values()


async def test_no_audit_no_plaintext(rooms, table, scope, contact, monkeypatch):
    """Sabotage of the mechanism: with a writer that fails, the door does not open."""
    rows = await load(rooms, table, scope)

    async def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr(rooms.audit, "_append", broken)
    with pytest.raises(NotReady, match="nothing was opened"):
        await rooms.vault.open(rows, purpose="support.provide", actor=AGENT)


async def test_a_key_made_in_an_open_transaction_is_read_through_its_session(rooms, table, scope):
    subject = await rooms.subject(scope)
    async with rooms.database.session(scope) as session:
        row = table(domain_id=scope.domain_id, subject_id=subject, email=seal(EMAIL))
        session.add(row)
        await session.flush()
        clear = await rooms.vault.open([row], purpose="support.provide", actor=AGENT, session=session)
        assert clear(row.email) == EMAIL


async def test_another_root_is_refused_and_changes_nothing(rooms, tmp_path):
    other = Vault(rooms.database, FolderRoot.create(tmp_path / "keys"), rooms.audit, rooms.vault._policy)
    with pytest.raises(ConfigError, match="was sealed under root"):
        await other.check_root()
    await rooms.vault.check_root()


def test_a_lost_root_is_never_made_anew(tmp_path):
    FolderRoot.create(tmp_path / "keys")
    (tmp_path / "keys" / "root.key").unlink()
    with pytest.raises(ConfigError, match="is missing"):
        FolderRoot(tmp_path / "keys")


def test_a_root_that_others_can_read_is_refused(tmp_path):
    FolderRoot.create(tmp_path / "keys")
    (tmp_path / "keys" / "root.key").chmod(0o644)
    with pytest.raises(ConfigError, match="can be read by others"):
        FolderRoot(tmp_path / "keys")


def test_creating_a_root_twice_keeps_the_first(tmp_path):
    first = FolderRoot.create(tmp_path / "keys")
    again = FolderRoot.create(tmp_path / "keys")
    assert first.fingerprint == again.fingerprint
    assert first.epoch_key(1) == again.epoch_key(1)
    assert {p.stat().st_mode & 0o777 for p in (tmp_path / "keys").iterdir()} == {0o600}

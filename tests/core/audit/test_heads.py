"""Signed heads, the export, its check with the public key alone, and what stays when entries expire."""

import json
from uuid import uuid4

import pytest
from omniops.audit.export import check
from omniops.audit.service import Entry
from omniops.signing import Signer, verified


def entry(account, number=0):
    return Entry(account, "member:m1", "vault.open", "message", ["p1"], "chat.respond", {"values": number})


async def written(desk, *counts):
    """An account with entries under as many heads as there are counts."""
    account = uuid4()
    for count in counts:
        for number in range(count):
            await desk.runtime.audit.write(entry(account, number))
        await desk.runtime.privacy.heads.sign()
    return account


async def exported(desk, account):
    return b"".join([part async for part in desk.runtime.privacy.exports.lines(account)]).splitlines(keepends=True)


async def test_an_export_holds_by_the_public_key_alone(desk):
    account = await written(desk, 5, 1, 8)
    await desk.runtime.audit.write(entry(account))
    (found,) = check(await exported(desk, account), desk.runtime.privacy.heads.public)
    assert (found.account, found.entries, found.unsigned, found.problem) == (str(account), 15, 1, "")
    assert found.newest_head == (await desk.runtime.privacy.heads.newest()).number


async def test_the_check_of_a_file_needs_neither_server_nor_database(desk, command, tmp_path):
    account = await written(desk, 3)
    file, key = tmp_path / "audit.jsonl", desk.runtime.privacy.heads.public["x"]
    file.write_bytes(b"".join(await exported(desk, account)))
    nowhere = {"OMNIOPS_DATABASE_URL": "postgresql://127.0.0.1:1/none", "OMNIOPS_KEYS_DIR": str(tmp_path / "none")}
    done = command("privacy", "audit", "verify", file, "--key", key, "--json", **nowhere)
    assert done.returncode == 0, done.stderr
    assert [(c["entries"], c["whole"]) for c in json.loads(done.stdout)] == [(3, True)]
    file.write_bytes(file.read_bytes().replace(b"member:m1", b"member:m2", 1))
    assert command("privacy", "audit", "verify", file, "--key", key, **nowhere).returncode == 1


def without_last_segment(lines):
    segments = [n for n, line in enumerate(lines) if line.startswith(b'{"segment"')]
    return [*lines[: segments[-2] + 1], lines[-1]]


def without_entries(lines):
    """As if they had expired."""
    return [line.replace(b'"expired":false', b'"expired":true') for line in lines if not line.startswith(b"[")]


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        (lambda lines: [line.replace(b'"values":2', b'"values":7') for line in lines], "does not follow"),
        (lambda lines: [line for line in lines if b'"values":2' not in line], "is missing"),
        (lambda lines: lines[:-1], "the end of the chain is missing"),
        (without_last_segment, "the end of the chain is missing"),
        (lambda lines: [line for line in lines if b'{"closed"' not in line], "the end of the chain is missing"),
        (lambda lines: [line.replace(b'"last":4', b'"last":3') for line in lines], "not those that were signed"),
        (lambda lines: [line.replace(b'"expired":false', b'"expired":true') for line in lines], "belong to no segment"),
        (without_entries, "entries up to 7 are gone before their 730 days were over"),
        (lambda lines: [line.replace(b'"path":["', b'"path":["00') for line in lines], "not under the head"),
        (lambda lines: [*lines[:3], b"{nonsense\n", *lines[3:]], "damaged"),
    ],
)  # fmt: skip
async def test_every_change_of_a_file_is_seen(desk, forge, said):
    account = await written(desk, 4, 3)
    lines = await exported(desk, account)
    (found,) = check(forge(lines), desk.runtime.privacy.heads.public)
    assert said in found.problem


async def test_a_chain_written_anew_needs_the_key(desk):
    """Who holds the database but not the root can write a whole new chain, and cannot sign it."""
    account = await written(desk, 3)
    lines = await exported(desk, account)
    forger = Signer("ab" * 32)
    head = verified(json.loads(lines[-2])["head"], desk.runtime.privacy.heads.public, "omniops-log+jws")
    said = json.loads(lines[-2]) | {"head": forger.sign("omniops-log+jws", head)}
    forged = [*lines[:-2], json.dumps(said, separators=(",", ":")).encode() + b"\n", lines[-1]]
    (found,) = check(forged, desk.runtime.privacy.heads.public)
    assert "signature does not fit" in found.problem
    (found,) = check(lines, forger.public)
    assert "signature does not fit" in found.problem


async def test_a_head_is_no_end_of_a_chain(desk):
    """Statements of one key but of another kind do not pass for each other."""
    account = await written(desk, 2)
    lines = await exported(desk, account)
    head = json.loads(lines[-2])["head"]
    (found,) = check([*lines[:-1], json.dumps({"closed": head}).encode()], desk.runtime.privacy.heads.public)
    assert "no statement of the kind" in found.problem


async def test_a_damaged_chain_gets_no_new_segment_and_no_export(desk):
    account = await written(desk, 3)
    await desk.runtime.audit.write(entry(account))
    desk.rows("update omniops.audit_entry set actor = 'nobody' where account_id = %s and seq = 4", account)
    await desk.runtime.privacy.heads.sign()
    assert desk.rows("select max(last) from omniops.audit_segment where account_id = %s", account) == [(3,)]
    with pytest.raises(Exception, match="entry 4 was changed"):
        await exported(desk, account)


async def test_expired_entries_leave_their_signed_root(desk):
    account = await written(desk, 6)
    desk.clock.forward(days=600)
    for number in range(4):
        await desk.runtime.audit.write(entry(account, number))
    await desk.runtime.privacy.heads.sign()
    await desk.runtime.audit.write(entry(account))
    desk.clock.forward(days=131)
    await desk.runtime.privacy.heads.expire()
    verdict = await desk.runtime.audit.verify(account)
    assert (verdict.entries, verdict.expired, verdict.broken) == (5, 6, None)
    (found,) = check(await exported(desk, account), desk.runtime.privacy.heads.public)
    assert (found.entries, found.expired, found.unsigned, found.problem) == (5, 6, 1, "")
    desk.rows("delete from omniops.audit_segment where account_id = %s and number = 1", account)
    assert (await desk.runtime.audit.verify(account)).broken == 1


async def test_who_holds_the_database_cannot_pass_a_deletion_off_as_an_expiry(desk):
    account = await written(desk, 4, 3)
    desk.rows("delete from omniops.audit_entry where account_id = %s and seq <= 4", account)
    desk.rows("update omniops.audit_segment set expired_at = now() where account_id = %s and number = 1", account)
    (found,) = check(await exported(desk, account), desk.runtime.privacy.heads.public)
    assert "entries up to 4 are gone before" in found.problem


@pytest.mark.parametrize(
    ("forge", "said"),
    [
        ("expired_at = now()", "entries up to 4 are gone before their 730 days were over"),
        ("expired_at = now(), newest_at = now() - interval '3 years'", "are gone before their 730 days"),
        ("expired_at = now(), head = 0", "no head that we signed stands for them"),
        ("expired_at = now(), root = sha256('x')", "are not under the head"),
    ],
)
async def test_the_server_does_not_believe_its_own_database_that_entries_expired(desk, forge, said):
    account = await written(desk, 4, 3)
    desk.rows("delete from omniops.audit_entry where account_id = %s and seq <= 4", account)
    desk.rows(f"update omniops.audit_segment set {forge} where account_id = %s and number = 1", account)
    verdict = await desk.runtime.audit.verify(account)
    assert verdict.broken is not None
    assert said in verdict.reason


async def test_a_head_that_somebody_else_signed_shows_no_expiry(desk):
    account = await written(desk, 4, 3)
    ((number, statement),) = desk.rows(
        "select number, statement from omniops.audit_signed_head where number = (select head from omniops.audit_segment"
        " where account_id = %s and number = 1)",
        account,
    )
    said = verified(statement, desk.runtime.privacy.heads.public, "omniops-log+jws") | {
        "at": "2020-01-01T00:00:00+00:00"
    }
    forged = Signer("ab" * 32).sign("omniops-log+jws", said)
    desk.rows("update omniops.audit_signed_head set statement = %s where number = %s", forged, number)
    desk.rows("delete from omniops.audit_entry where account_id = %s and seq <= 4", account)
    desk.rows("update omniops.audit_segment set expired_at = now() where account_id = %s and number = 1", account)
    verdict = await desk.runtime.audit.verify(account)
    desk.rows("update omniops.audit_signed_head set statement = %s where number = %s", statement, number)
    assert "no head that we signed" in verdict.reason


async def test_what_no_head_covers_never_expires(desk):
    account = uuid4()
    await desk.runtime.audit.write(entry(account))
    desk.clock.forward(days=800)
    await desk.runtime.privacy.heads.expire()
    assert (await desk.runtime.audit.verify(account)).entries == 1


async def test_the_public_head_fixes_all_chains_and_names_none(desk):
    account = await written(desk, 2)
    before = await desk.runtime.privacy.heads.newest()
    await desk.runtime.audit.write(entry(account))
    await desk.runtime.privacy.heads.sign()
    now = await desk.runtime.privacy.heads.newest()
    one, two = (verified(h.statement, desk.runtime.privacy.heads.public, "omniops-log+jws") for h in (before, now))
    assert two["number"] == one["number"] + 1
    assert one["root"] != two["root"]
    assert set(two) == {"iss", "number", "at", "root", "before"}
    assert str(account) not in json.dumps(two)

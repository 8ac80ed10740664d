"""Breaches in the dashboard: declared, assessed, told and closed, each with what stood in the way said in place."""

import re
from uuid import uuid4

import pytest
from members_browser import HOSTILE


async def declared(member, **fields):
    """A drill, through the page. Gives its address."""
    at = f"{member.base}/privacy/breaches"
    await member.open(f"{at}/new")
    now = {"aware_at": "2026-01-05T10:00", "what": "copied", "establishment": "ie", "drill": "yes"}
    answer = await member.send(f"{at}/new/declare", now | fields)
    assert answer.status_code == 303, answer.text
    await member.open(answer.headers["location"])
    return answer.headers["location"]


async def test_a_case_from_its_declaration_to_its_close(front, mara):
    at = f"{mara.base}/privacy/breaches"
    await mara.open(at)
    assert "None was ever declared." in mara.text
    case = await declared(mara, nature=HOSTILE)
    assert "A drill." in mara.text
    assert "late" in mara.text
    _harmless(mara.text)
    early = await mara.send(f"{case}/close")
    assert (early.status_code, 'role="alert"' in early.text) == (422, True)
    for fact in ("effects", "remedial"):
        assert (await mara.send(f"{case}/note", {"fact": fact, "words": HOSTILE})).status_code == 303
    alone = await mara.send(f"{case}/assess", {"risk": "unlikely", "reasons": "Sealed data."})
    assert (alone.status_code, "name who approves it" in alone.text) == (422, True)
    assert "Sealed data." in alone.text
    unlikely = {"risk": "unlikely", "reasons": HOSTILE, "approver": HOSTILE}
    assert (await mara.send(f"{case}/assess", unlikely)).status_code == 303
    assert (await mara.send(f"{case}/scope")).status_code == 303
    await mara.open(case)
    assert "It can be closed." in mara.text
    _harmless(mara.text)
    assert (await mara.send(f"{case}/close")).status_code == 303
    again = await mara.send(f"{case}/note", {"fact": "nature", "words": "More."})
    assert (again.status_code, "This case is closed." in again.text) == (422, True)
    await mara.open(at)
    assert "No breach is open." in mara.text
    assert case in mara.text
    _harmless(mara.text)


async def test_a_late_notification_needs_its_reason_and_a_drill_mails_nobody(front, mara):
    case = await declared(mara, nature="A copy.", establishment="IE")
    for fact in ("consequences", "measures", "contact", "began", "ended"):
        await mara.send(f"{case}/note", {"fact": fact, "words": "It is known."})
    await mara.send(f"{case}/assess", {"risk": "high", "reasons": "Addresses got away."})
    told = {"to": "gdpr:IE", "text": "gdpr.33.3", "reference": "Form, number 12"}
    late = await mara.send(f"{case}/notify", told)
    assert (late.status_code, 'role="alert"' in late.text, "number 12" in late.text) == (422, True, True)
    done = await mara.send(f"{case}/notify", told | {"late_reason": "It was found late."})
    assert done.status_code == 303, re.findall(r'role="alert">.*', done.text)
    await mara.open(case)
    assert "Form, number 12" in mara.text
    before = len(front.desk.mailer.sent)
    sent = await mara.send(f"{case}/tell", {"text": "gdpr.34.2"})
    assert sent.status_code == 303, re.findall(r'role="alert">.*', sent.text)
    for room in ("privacy", "mail"):
        await front.desk.work(room)
    assert len(front.desk.mailer.sent) == before


@pytest.mark.parametrize(
    "wrong",
    [{"aware_at": ""}, {"aware_at": "soon"}, {"aware_at": "2999-01-01T10:00"}, {"what": "read", "actors": ""},
     {"what": "read", "actors": "Ada"}, {"establishment": "x"}],
)  # fmt: skip
async def test_a_wrong_declaration_starts_no_clock_and_loses_no_word(mara, wrong):
    at = f"{mara.base}/privacy/breaches"
    await mara.open(f"{at}/new")
    fields = {"aware_at": "2026-01-05T10:00", "what": "copied", "nature": "What we know so far"} | wrong
    answer = await mara.send(f"{at}/new/declare", fields)
    assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)
    assert "What we know so far" in answer.text
    await mara.open(at)
    assert "None was ever declared." in mara.text


async def test_breaches_are_the_accounts_and_for_those_who_handle_them(front, mara, join):
    case = await declared(mara)
    other = await join(front.desk.other, signed_in=True)
    await other.open(f"{other.base}/privacy/breaches")
    assert "None was ever declared." in other.text
    theirs = f"{other.base}/privacy/breaches/{case.rpartition('/')[2]}"
    await other.open(theirs, 404)
    await other.open(f"{other.base}/privacy/breaches/{uuid4()}", 404)
    await other.open(f"{other.base}/privacy/breaches")
    await other.open(f"{other.base}/privacy/breaches/new")
    for step, fields in {
        "note": {"fact": "nature", "words": "No."}, "scope": {}, "close": {}, "tell": {"text": "gdpr.34.2"},
        "assess": {"risk": "risk", "reasons": "No."},
        "notify": {"to": "controller", "text": "gdpr.33.3", "reference": "No."},
    }.items():  # fmt: skip
        assert (await other.send(f"{theirs}/{step}", fields)).status_code == 404, step
    for role in ("agent", "viewer"):
        client = await front.office(role=role)
        for path in (f"{mara.base}/privacy/breaches", case):
            assert (await client.get(front.base + path)).status_code == 403
        assert (await client.post(f"{front.base}{case}/close")).status_code == 403


def _harmless(text):
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>" not in text
    assert "<img" not in text
    assert "{{ 7 * 7 }}" in text

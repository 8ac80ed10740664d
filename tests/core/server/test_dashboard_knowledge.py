"""The room of knowledge: sources, what is found for a question, own answers, what was asked in vain."""

from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from members_browser import HOSTILE
from omniops.operations.firsts import OPERATOR

SAID = {"questions": "Do you sell vouchers?\nCan I give a voucher?", "answer": "Yes, from 20 euros.", "link": ""}


def at(member, inner=""):
    return f"{member.base}/knowledge{inner}"


async def sources(front, member):
    return await front.desk.runtime.knowledge.sources(member.domain.scope)


async def answers(front, member):
    return await front.desk.runtime.curated.all(member.domain.scope)


async def test_a_source_is_added_paused_and_removed(front, mara):
    await mara.open(at(mara))
    assert "There is nothing to answer from yet." in mara.text
    address = {"kind": "site", "url": mara.domain.origins[0]}
    refused = await mara.send(at(mara, "/add"), address)
    assert "Nobody showed yet that" in refused.text
    ownership = front.desk.runtime.knowledge.ownership
    await ownership.claim(mara.domain.scope, urlsplit(mara.domain.origins[0]).hostname, actor=OPERATOR)
    answer = await mara.send(at(mara, "/add"), address)
    assert answer.status_code == 303, answer.text
    (one,) = await sources(front, mara)
    await mara.open(at(mara))
    assert one.url in mara.text
    assert "Waits to be read" in mara.text
    step = at(mara, f"/sources/{one.id}/step")
    await mara.send(step, {"step": "pause"})
    await mara.open(at(mara))
    assert "Paused" in mara.text
    await mara.send(step, {"step": "resume"})
    assert (await sources(front, mara))[0].paused_at is None
    await mara.send(step, {"step": "remove"})
    assert await sources(front, mara) == []


@pytest.mark.parametrize("url", ["https://not-yours.example", "javascript:alert(1)", "", "ftp://x.example", HOSTILE])
async def test_an_address_that_is_none_of_theirs_is_refused_with_what_was_typed(front, mara, url):
    await mara.open(at(mara))
    answer = await mara.send(at(mara, "/add"), {"kind": "site", "url": url})
    assert answer.status_code in (403, 409, 422)
    assert 'role="alert"' in answer.text
    assert "<script>alert" not in answer.text
    assert await sources(front, mara) == []


async def test_an_own_answer_is_written_found_changed_and_deleted(front, mara):
    await mara.open(at(mara, "/answers"))
    await mara.send(at(mara, "/answers/keep"), SAID)
    (one,) = await answers(front, mara)
    assert one.questions == ("Do you sell vouchers?", "Can I give a voucher?")
    await mara.open(at(mara, "/try?q=Do+you+sell+vouchers%3F"))
    assert "Yes, from 20 euros." in mara.text
    await mara.open(at(mara, f"/answers/{one.id}"))
    assert "Can I give a voucher?" in mara.text
    await mara.send(at(mara, f"/answers/{one.id}/keep"), {**SAID, "answer": "From 10 euros.\r\nOnline."})
    assert (await answers(front, mara))[0].answer == "From 10 euros.\nOnline."
    await mara.send(at(mara, f"/answers/{one.id}/delete"))
    assert await answers(front, mara) == []
    await mara.open(at(mara, f"/answers/{one.id}"), 404)


@pytest.mark.parametrize("wrong", [{"questions": ""}, {"answer": ""}, {"link": "javascript:alert(1)"}])
async def test_what_does_not_fit_is_said_and_kept_in_the_form(front, mara, wrong):
    await mara.open(at(mara, "/answers"))
    answer = await mara.send(at(mara, "/answers/keep"), {**SAID, "link": "https://shop.example/v", **wrong})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    kept = [text for text in ("Do you sell vouchers?", "Yes, from 20 euros.") if text not in "".join(wrong)]
    assert any(text in answer.text for text in kept)
    assert await answers(front, mara) == []


async def test_words_of_members_and_pages_stay_words(front, mara):
    await mara.open(at(mara, "/answers"))
    await mara.send(at(mara, "/answers/keep"), {"questions": HOSTILE[:300], "answer": HOSTILE, "link": ""})
    for inner in ("/answers", "/try?q=alert+script", "/gaps"):
        await mara.open(at(mara, inner))
        assert "<script>alert" not in mara.text
    await mara.open(at(mara, "/try?q=%3Cscript%3Ealert(1)%3C/script%3E"))
    assert "<script>alert" not in mara.text


async def test_a_gap_that_is_not_theirs_leaves_no_answer_behind(front, mara):
    await mara.open(at(mara, "/gaps"))
    assert "Nothing was asked in vain." in mara.text
    answer = await mara.send(at(mara, f"/gaps/{uuid4()}/decide"), {**SAID, "decision": "answer"})
    assert answer.status_code == 404
    assert await answers(front, mara) == []


async def test_who_only_answers_reads_and_changes_nothing(front, mara):
    base = f"/app/{front.desk.domain.id}/knowledge"
    for office, reads, changes in (
        (await front.office(role="agent"), 200, 403), (await front.office(front.desk.other), 404, 404)
    ):  # fmt: skip
        client = front.client(Authorization=office.headers["Authorization"])
        assert (await client.get(base)).status_code == reads
        assert "Add and read it" not in (await client.get(base)).text
        assert (await client.post(base + "/answers/keep", data=SAID)).status_code == changes
        assert (await client.post(base + "/add", data={"url": "https://x.example"})).status_code == changes
    assert await answers(front, mara) == []

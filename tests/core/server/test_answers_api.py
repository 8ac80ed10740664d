"""What members say of answers of the AI, and the receipts of them, over HTTP."""

from uuid import uuid4

import pytest
from members_browser import HOSTILE


@pytest.fixture
async def answered(front, asked):
    """A visitor's page after an answer, the conversation's id and the ids of the question and the answer."""
    page = await front.page()
    await asked(page)
    talk = (await page.get("/v1/visitor/conversation")).json()
    ids = {message["author"]: message["id"] for message in talk["messages"]}
    return page, talk["id"], ids["visitor"], ids["ai"]


async def test_the_last_verdict_counts_and_says_whose_it_is(front, answered):
    _, talk, _, answer = answered
    office = await front.office()
    at = f"conversations/{talk}/messages/{answer}/verdict"
    assert (await office.get(at)).json() == {"verdict": None}
    first = await office.put(at, json={"fits": True})
    assert (first.status_code, first.json()["fits"], first.json()["words"]) == (200, True, "")
    await office.put(at, json={"fits": False, "words": HOSTILE})
    kept = (await office.get(at)).json()["verdict"]
    assert (kept["fits"], kept["words"]) == (False, HOSTILE)
    assert kept["given_by"].startswith("key:")
    rows = front.desk.rows("select words, fits from omniops.answer_verdict where message_id = %s", answer)
    assert [fits for _, fits in rows] == [False]
    assert b"script" not in bytes(rows[0][0])


async def test_only_answers_of_the_ai_are_judged_by_those_who_may_reply(front, answered):
    _, talk, question, answer = answered
    office = await front.office()
    for path in (
        f"conversations/{talk}/messages/{question}/verdict",
        f"conversations/{talk}/messages/{uuid4()}/verdict",
        f"conversations/{uuid4()}/messages/{answer}/verdict",
    ):
        assert (await office.put(path, json={"fits": True})).status_code == 404
        assert (await office.get(path)).status_code == 404
    at = f"conversations/{talk}/messages/{answer}/verdict"
    other = await front.office(domain=front.desk.other)
    assert (await other.put(at, json={"fits": True})).status_code == 404
    viewer = await front.office(role="viewer")
    assert (await viewer.put(at, json={"fits": True})).status_code == 403
    assert (await viewer.get(at)).status_code == 403
    assert (await office.put(at, json={"fits": True, "words": "w" * 501})).status_code == 422
    assert (await office.put(at, json={"fits": "maybe"})).status_code == 422


async def test_a_member_fetches_the_receipt_that_the_visitor_gets(front, answered):
    page, talk, question, answer = answered
    office = await front.office()
    at = f"conversations/{talk}/messages"
    receipt = await office.get(f"{at}/{answer}/receipt")
    theirs = await page.get(f"/v1/visitor/messages/{answer}/receipt")
    assert receipt.headers["content-type"] == theirs.headers["content-type"] == "application/jose"
    claims = [one.text.split(".")[0] for one in (receipt, theirs)]
    assert claims[0] == claims[1]
    assert (await office.get(f"{at}/{question}/receipt")).status_code == 404
    other = await front.office(domain=front.desk.other)
    assert (await other.get(f"{at}/{answer}/receipt")).status_code == 404


async def test_an_answer_tells_how_well_each_passage_fits_and_what_took_its_time(front, asked):
    await front.desk.page("Parcels leave our warehouse in Kiel within two working days.")
    await front.desk.with_model("Parcels leave within two working days. [S1]")
    page, office = await front.page(), await front.office()
    await asked(page, "When do parcels leave?")
    talk = (await page.get("/v1/visitor/conversation")).json()
    answer = talk["messages"][-1]["id"]
    talk = talk["id"]
    told = (await office.get(f"conversations/{talk}/messages/{answer}/provenance")).json()
    assert len(told["scores"]) == len(told["found"]) > 0
    assert [name for name, _, _ in told["times"]] == ["search"]
    assert all(start >= 0 and took >= 0 for _, start, took in told["times"])

"""Why an answer says what it says, what members think of it, the visitor beside a conversation, drafts compared."""

import re
from uuid import uuid4

import pytest
from customers import identified
from members_browser import HOSTILE
from omniops.operations.firsts import OPERATOR

PAGE = "Tested in a wind tunnel: stable in gusts up to 80 km/h with all eight guy lines set."
SAYS = "It is rated for gusts up to 80 km/h. [S1] Ask us for more."


@pytest.fixture
async def answered(front, asked):
    """Asks a model that cites a page. Gives the conversation and the ids of the question and the answer."""

    async def answered(text="Does it hold in wind? I am tom@mail.example.", says=SAYS, page=PAGE, domain=None):
        await front.desk.page(page, "Ridge 2")
        await front.desk.page("Parcels leave our warehouse in Kiel within two working days.", "Delivery")
        await front.desk.with_model(says)
        visitor = await front.page(domain)
        await asked(visitor, text)
        talk = (await visitor.get("/v1/visitor/conversation")).json()
        ids = {message["author"]: message["id"] for message in talk["messages"]}
        return talk["id"], ids["visitor"], ids["ai"]

    return answered


def at(member, talk, message):
    return f"{member.base}/inbox/{talk}/why/{message}"


async def test_an_answer_is_explained_with_its_passages_its_times_and_what_left(mara, answered):
    talk, question, answer = await answered()
    place = at(mara, talk, answer)
    await mara.open(f"{mara.base}/inbox/{talk}")
    assert f'href="{place}?show=waiting&amp;source=1#source-1"' in mara.text
    await mara.open(f"{place}?source=1")
    assert "1 passage carries 1 of 2 sentences" in re.sub(r"\s+", " ", mara.text)
    assert '<span class="stands">It is rated for gusts up to 80 km/h.' in mara.text
    assert "<u>gusts up to 80 km/h</u>" in mara.text
    assert "Ridge 2" in mara.text
    assert "not used" in mara.text
    assert "to vendor" in mara.text
    assert "1 × email" in mara.text
    assert "price not known" in mara.text
    assert len(re.findall(r"<rect class=\"\w+\" x=\"[\d.]+\" width=\"[\d.]+\"", mara.text)) == 3
    assert "style=" not in mara.text
    receipt = await mara.client.get(re.search(r'href="(/v1/[^"]+/receipt)"', mara.text)[1])
    assert receipt.headers["content-type"] == "application/jose"
    for other in (question, uuid4()):
        await mara.open(at(mara, talk, other), 404)


async def test_a_passage_that_is_gone_is_counted_and_one_that_is_hostile_stays_text(front, mara, answered):
    says = f"{PAGE} [S1]"
    talk, _, answer = await answered(text=f"Does it hold in wind? {HOSTILE}", says=says, page=f"{PAGE} {HOSTILE}")
    await front.desk.runtime.accounts.configure(mara.domain.scope, {"title": HOSTILE[:100]}, actor=OPERATOR)
    await mara.open(at(mara, talk, answer))
    assert "all eight guy lines" in mara.text
    for place in ("<script>", "<img", " onerror=alert(2)>"):
        assert place not in mara.text
    front.desk.rows("delete from omniops.passage where domain_id = %s returning id", front.desk.domain.id)
    await mara.open(at(mara, talk, answer))
    assert "not kept any more" in mara.text
    assert "all eight guy lines" in mara.text, "what was cited is kept with the answer"


async def test_a_member_says_whether_it_was_right(mara, answered):
    talk, _, answer = await answered()
    place = at(mara, talk, answer)
    await mara.open(place)
    sent = await mara.send(place, {"fits": "no", "words": HOSTILE})
    assert (sent.status_code, sent.headers["location"]) == (303, f"{place}#verdict")
    await mara.open(place)
    assert "Not right, says you" in mara.text
    assert "<script>" not in mara.text
    long = await mara.send(place, {"fits": "yes", "words": "word " * 200})
    assert long.status_code == 422
    assert 'role="alert"' in long.text
    assert "word word word" in re.search(r'name="words"[^>]*value="([^"]*)"', long.text)[1]
    assert (await mara.send(place, {"fits": "perhaps"})).status_code == 422
    await mara.send(place, {"fits": "yes"})
    await mara.open(place)
    assert "Right, says you" in mara.text


async def test_who_may_not_read_or_reply_is_refused_and_others_see_nothing(front, mara, join, answered):
    talk, _, answer = await answered()
    place = f"{front.base}{at(mara, talk, answer)}"
    viewer = await front.office(role="viewer")
    assert (await viewer.get(place)).status_code == 403
    assert (await viewer.post(place, data={"fits": "yes"})).status_code == 403
    assert (await viewer.post(place.partition("/why/")[0] + "/draft/changes", data={})).status_code == 403
    other = await join(front.desk.other, signed_in=True)
    await other.open(other.base)
    for where in (at(mara, talk, answer), at(other, talk, answer)):
        assert (await other.client.get(where)).status_code == 404
        assert (await other.send(where, {"fits": "yes"})).status_code == 404
    assert front.desk.rows("select count(*) from omniops.answer_verdict where message_id = %s", answer) == [(0,)]


async def test_what_was_changed_in_a_draft_is_shown_before_it_is_sent_and_after(front, mara, asked):
    page = await front.page()
    await asked(page)
    talk = (await page.get("/v1/visitor/conversation")).json()["id"]
    office = await front.office()
    await office.put(f"conversations/{talk}/mode", json={"mode": "draft"})
    await asked(page)
    where = await mara.talk(talk)
    draft = re.search(r'name="draft" value="([^"]+)"', mara.text)[1]
    own = re.search(r'<textarea id="draft-text"[^>]*>(.*?)</textarea>', mara.text, re.DOTALL)[1]
    shown = await mara.send(f"{where}/draft/changes", {"draft": draft, "text": f"{own} {HOSTILE}"})
    assert shown.status_code == 200
    assert "<ins> &lt;script&gt;" in shown.text
    assert "<script>" not in shown.text
    kept = re.search(r'<textarea id="draft-text"[^>]*>(.*?)</textarea>', shown.text, re.DOTALL)[1]
    assert kept.startswith(f"{own} &lt;script&gt;")
    assert (await mara.send(f"{where}/draft/changes", {"draft": str(uuid4()), "text": ""})).status_code == 404
    await mara.send(f"{where}/draft", {"draft": draft, "decision": "send", "text": f"{own} Until Friday."})
    message = (await page.get("/v1/visitor/conversation")).json()["messages"][-1]["id"]
    await mara.open(at(mara, talk, message))
    assert "What a person changed" in mara.text
    assert "<ins> Until Friday.</ins>" in mara.text


async def test_the_visitor_stands_beside_the_conversation(front, mara, asks):
    talk = await asks()
    await mara.talk(talk)
    assert "nobody vouched for it" in mara.text
    assert "To nothing beyond the answer itself." in mara.text
    assert "may answer" in mara.text
    ((subject,),) = front.desk.rows("select subject_id from omniops.conversation where id = %s", talk)
    front.desk.rows(
        "update omniops.subject set restricted_at = now(), hold = true, opt_outs = '[\"chat.respond\"]' where id = %s"
        " returning id",
        subject,
    )
    await mara.talk(talk)
    assert "<strong>Restricted</strong>" in mara.text
    assert "Legal hold." in mara.text
    assert "wants no answers of the AI" in mara.text


async def test_the_same_persons_conversations_cases_and_answers_are_named(front, mara, asks):
    first, second = await asks(), await asks()
    domain = mara.domain.id
    pair = [
        front.desk.rows("select subject_id from omniops.conversation where id = %s", one)[0][0]
        for one in (first, second)
    ]
    front.desk.rows(
        "insert into omniops.subject_link (domain_id, id, subject_id, other_id, evidence, created_at)"
        " values (%s, gen_random_uuid(), %s, %s, 'identity', now()) returning id",
        domain, pair[1], pair[0],
    )  # fmt: skip
    await mara.talk(first)
    assert "Their other conversations" in mara.text
    assert f'href="{mara.base}/inbox/{second}?show=all#newest"' in mara.text


async def test_open_requests_about_the_person_are_named_for_those_who_may_see_them(front, mara, asks):
    talk = await asks()
    office = await front.office()
    case = (await office.post("cases", json={"right": "access", "email": "tom@mail.example"})).json()
    await mara.talk(talk)
    assert "Their rights" not in mara.text
    front.desk.rows(
        "update omniops.rights_case set subjects = (select jsonb_build_array(subject_id::text)"
        " from omniops.conversation where id = %s) where id = %s returning id",
        talk, case["id"],
    )  # fmt: skip
    await mara.talk(talk)
    assert f'href="{mara.base}/privacy/cases/{case["id"]}"' in mara.text
    agent = await front.office(role="agent")
    seen = await agent.get(f"{front.base}{mara.base}/inbox/{talk}")
    assert seen.status_code == 200
    assert case["reference"] not in seen.text


async def test_who_a_visitor_is_stands_there_as_the_website_vouched_for_it(front, mara):
    visitor = await front.desk.visitor()
    await identified(front.desk, visitor, HOSTILE[:200])
    await mara.talk(visitor.conversation_id)
    assert "verified: <span" in mara.text
    assert "&lt;script&gt;alert(1)" in mara.text
    assert "<script>" not in mara.text
    front.desk.rows("update omniops.subject set restricted_at = now() where id = %s returning id", visitor.subject_id)
    await mara.talk(visitor.conversation_id)
    assert "&lt;script&gt;alert(1)" not in mara.text
    assert "verified, kept closed" in mara.text

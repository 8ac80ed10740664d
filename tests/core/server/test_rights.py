"""Rights as people use them: the page, the one-time links, the session, the chat, the mailbox."""

import asyncio
import io
import json
import re
import zipfile
from urllib.parse import urlsplit

import pytest
from omniops.contracts.channel import Incoming
from omniops.privacy.rights.certificates import genuine
from omniops.privacy.service import Answer, Circumstances, choices

ADA = "ada@mail.example"


async def form(front, language="en", **fields):
    key = front.desk.domain.widget_key
    given = {"right": "access", "email": ADA, **fields}
    return await front.client().post(f"/rights/{key}?lang={language}", data=given)


def last_link(desk, to=ADA):
    text = [mail.text for mail in desk.mailer.sent if mail.to == to][-1]
    return urlsplit(re.search(r"https?://\S+/rights/\S+", text)[0]).path


async def mails(desk):
    await desk.work("mail")


async def worked(desk):
    for room in ("privacy", "mail"):
        await desk.work(room)


async def known(desk, words="My secret is a blue canary"):
    """A visitor who left an address in a chat."""
    visitor = await desk.visitor()
    async for _ in await desk.ask(visitor, words):
        pass
    await desk.runtime.conversations.to_person(visitor, desk.domain, "en", ADA)
    return visitor


async def case_of(front, **query):
    office = await front.office()
    listed = (await office.get("cases", params=query)).json()["data"]
    return office, (await office.get(f"cases/{listed[-1]['id']}")).json()


async def test_a_copy_by_the_page_the_link_and_the_answer(front, desk):
    await known(desk)
    answer = await form(front)
    assert answer.status_code == 200
    assert "Look into your mailbox" in answer.text
    await mails(desk)
    path = last_link(desk)
    page = front.client()
    assert "A copy of my data" in (await page.get(path)).text
    assert "A copy of my data" in (await page.get(path)).text, "looking uses nothing up"
    assert (await page.post(path)).status_code == 200
    await worked(desk)
    copy = last_link(desk)
    assert "/copy/" in copy
    assert (await page.get(copy)).status_code == 200
    fetched = await page.post(copy)
    assert fetched.headers["content-type"] == "application/zip"
    packed = zipfile.ZipFile(io.BytesIO(fetched.content))
    everything = b"".join(packed.read(name) for name in packed.namelist())
    assert b"blue canary" in everything
    assert "(h) What a machine does" in packed.read("about-your-data.txt").decode()
    assert {"purposes", "recipients", "rights"} <= json.loads(packed.read("about-your-data.json")).keys()
    assert (await page.post(copy)).status_code == 404, "a link works once"
    assert (await page.post(path)).status_code == 404
    office, case = await case_of(front)
    assert (case["state"], case["outcome"], case["identity"]) == ("closed", "done", "email")
    certificate = (await office.get(f"cases/{case['id']}/certificate")).json()
    assert genuine(certificate, desk.runtime.privacy.cases.public_key)
    certificate["statement"]["outcome"] = "refused"
    assert not genuine(certificate, desk.runtime.privacy.cases.public_key)
    assert ADA not in json.dumps(certificate)


async def test_an_unknown_address_gets_the_same_answer_and_learns_the_truth_by_mail_only(front, desk):
    await known(desk)
    pages, letters = [], []
    for address in (ADA, "nobody@mail.example"):
        answer = await form(front, email=address)
        pages.append((answer.status_code, answer.text))
        await mails(desk)
        (letter,) = [mail.text for mail in desk.mailer.sent if mail.to == address]
        letters.append(re.sub(r"oo_rights_\S+|R-\w{4}-\w{4}", "*", letter))
        confirmed = await front.client().post(last_link(desk, address))
        pages.append((confirmed.status_code, re.sub(r"R-\w{4}-\w{4}", "*", confirmed.text)))
    assert pages[0] == pages[2]
    assert pages[1] == pages[3]
    assert letters[0] == letters[1]
    await worked(desk)
    assert "Nothing is held" in desk.mailer.sent[-1].text
    _, case = await case_of(front)
    assert case["outcome"] == "nothing_held"
    assert "look-up" in case["tasks"][0]["evidence"]


async def test_a_forged_an_old_and_a_foreign_link_are_refused_alike(front, desk):
    await form(front)
    await mails(desk)
    path = last_link(desk)
    page = front.client()
    forged = await page.post(path[:-4] + "AAAA")
    foreign = await page.post(path.replace(desk.domain.widget_key, desk.other.widget_key))
    desk.clock.forward(days=8)
    old = await page.post(path)
    assert {forged.status_code, foreign.status_code, old.status_code} == {404}
    # The address's own key leads on to the choices of its website: whoever asks wrote it there.
    assert forged.text == old.text == foreign.text.replace(desk.other.widget_key, desk.domain.widget_key)
    _, case = await case_of(front)
    assert (case["state"], case["identity"]) == ("unproven", "none")


async def test_of_two_who_follow_a_link_at_once_one_gets_through(front, desk):
    await form(front)
    await mails(desk)
    path, page = last_link(desk), front.client()
    answers = await asyncio.gather(*(page.post(path) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]
    await worked(desk)


async def test_erasure_by_mail_leaves_nothing_and_forgets_the_requester(front, desk):
    visitor = await known(desk)
    await form(front, right="erasure", text="My name in the chat was Canary")
    await mails(desk)
    await front.client().post(last_link(desk))
    await worked(desk)
    office, case = await case_of(front)
    assert (case["state"], case["outcome"]) == ("closed", "done")
    assert "Your request is done" in desk.mailer.sent[-1].text
    left = desk.rows("select count(*) from omniops.message where subject_id = %s", visitor.subject_id)
    assert left == [(0,)]
    await desk.runtime.privacy.ticking.tick()
    after = (await office.get(f"cases/{case['id']}")).json()
    assert (after["words"], after["email"], after["letters"]) == ("", "", [])
    assert desk.rows("select count(*) from omniops.rights_words where case_id = %s", case["id"]) == [(0,)]


async def test_a_bad_address_and_too_many_requests_are_told(front, desk):
    bad = await form(front, email="no address")
    assert bad.status_code == 422
    assert "no e-mail address" in bad.text
    assert (await form(front, right="everything")).status_code == 422
    for _ in range(4):
        await form(front, email="often@mail.example")
    assert (await form(front, email="often@mail.example")).status_code == 200
    assert (await form(front, email="Often@mail.example")).status_code == 429


async def test_what_one_is_told_beside_the_copy_is_in_the_language_that_one_asked_in(front, desk):
    await known(desk)
    await form(front, "fr")
    await mails(desk)
    page = front.client()
    await page.post(last_link(desk))
    await worked(desk)
    packed = zipfile.ZipFile(io.BytesIO((await page.post(last_link(desk))).content))
    told = packed.read("about-your-data.txt").decode()
    assert told.startswith("Ce qui est conservé sur vous")
    assert "Messages du chat: " in told
    assert json.loads(packed.read("about-your-data.json"))["language"] == "fr"


@pytest.mark.parametrize(
    ("language", "title"), [("de", "Ihre Daten gehören Ihnen"), ("ar", "بياناتك لك"), ("xx", "Your data")]
)
async def test_the_page_speaks_ten_languages(front, desk, language, title):
    answer = await front.client(**{"Accept-Language": f"{language},en;q=0.5"}).get(f"/rights/{desk.domain.widget_key}")
    assert title in answer.text
    assert ('dir="rtl"' in answer.text) == (language == "ar")
    assert (await front.client().get("/rights/pk_unknown")).status_code == 404
    assert (await front.client(**{"Accept-Language": language}).get("/rights")).status_code == 200


async def test_an_agent_waits_for_a_person_who_looks_at_the_mandate(front, desk):
    visitor = await known(desk)
    await form(front, agent="yes", email="agent@law.example", text="Mandate of Ada")
    await mails(desk)
    await front.client().post(last_link(desk, "agent@law.example"))
    await worked(desk)
    office, case = await case_of(front)
    assert (case["state"], case["identity"], case["by_agent"]) == ("unproven", "none", True)
    refused = await office.post(f"cases/{case['id']}/act")
    assert refused.json()["code"] == "not_proven"
    proof = {"subjects": [str(visitor.subject_id)], "evidence": "The mandate was seen."}
    assert (await office.post(f"cases/{case['id']}/identity", json=proof)).json()["identity"] == "person"
    acted = (await office.post(f"cases/{case['id']}/act")).json()
    assert acted["state"] == "open", "what a person proved, a person approves"
    assert [letter["state"] for letter in acted["letters"]][-1] == "drafted"
    closed = (await office.post(f"cases/{case['id']}/close", json={})).json()
    assert (closed["state"], closed["outcome"]) == ("closed", "done")


async def test_a_session_proves_its_own_data_and_no_other(front, desk, asked):
    page, other = await front.page(), await front.page()
    await asked(page, "I like blue canaries")
    mine = (await page.post("/v1/visitor/rights", json={"right": "access"})).json()
    assert mine["state"] == "open"
    await worked(desk)
    done = (await page.get(f"/v1/visitor/rights/{mine['id']}")).json()
    assert done["state"] == "closed"
    assert "/copy/" in done["answer"]
    assert (await other.get(f"/v1/visitor/rights/{mine['id']}")).status_code == 404
    link = urlsplit(re.search(r"https?://\S+", done["answer"])[0]).path
    packed = zipfile.ZipFile(io.BytesIO((await page.post(link)).content))
    assert b"blue canaries" in b"".join(packed.read(name) for name in packed.namelist())


async def test_who_asks_for_anothers_case_has_opened_nothing_of_it(front, desk):
    mine, theirs = await front.page(), await front.page()
    case = (await theirs.post("/v1/visitor/rights", json={"right": "complaint", "text": "My secret"})).json()
    opened = "select count(*) from omniops.audit_entry where account_id = %s and action = 'vault.open'"
    before = desk.rows(opened, desk.domain.scope.account_id)
    assert (await mine.get(f"/v1/visitor/rights/{case['id']}")).status_code == 404
    assert desk.rows(opened, desk.domain.scope.account_id) == before
    assert (await theirs.get(f"/v1/visitor/rights/{case['id']}")).status_code == 200
    assert desk.rows(opened, desk.domain.scope.account_id) != before


async def test_delete_my_data_in_the_chat_opens_a_case_and_asks_no_provider(front, desk, asked):
    page = await front.page()
    events = dict(await asked(page, "Please delete all my data"))
    assert desk.provider.requests == []
    assert "Nothing is done before you confirm" in events["text"]["text"]
    (button,) = events["card"]["card"]["buttons"]
    await asked(page, "Delete all my data!")
    office, case = await case_of(front)
    assert (case["right"], case["state"], case["channel"]) == ("erasure", "unproven", "chat")
    assert len((await office.get("cases")).json()["data"]) == 1, "said twice, it is one"
    assert (await front.client().post(urlsplit(button["url"]).path)).status_code == 200
    await worked(desk)
    assert (await page.get("/v1/visitor/conversation")).status_code == 401, "the session went with the person"
    _, case = await case_of(front)
    assert (case["outcome"], case["identity"]) == ("done", "session")


async def test_it_opens_a_case_while_a_person_answers_as_well(front, desk, asked):
    page = await front.page()
    await asked(page, "Hello")
    await page.post("/v1/visitor/person", json={})
    await asked(page, "Löschen Sie meine Daten")
    said = (await page.get("/v1/visitor/conversation")).json()["messages"][-1]
    assert (said["author"], said["event"]) == ("system", "rights")
    assert "/confirm/" in said["text"]
    _, case = await case_of(front)
    assert case["right"] == "erasure"


async def test_a_mail_takes_a_consent_back_once_its_link_is_followed(front, desk):
    await front.configure(privacy_address="privacy@shop.example")
    visitor, connection = await known(desk), await desk.connection()
    (choice,) = [one for one in choices(desk.runtime.catalog, "en") if one.purpose == "analytics"]
    yes = Answer("analytics", True, choice.notice, choice.version)
    how = Circumstances("api", "en")
    await desk.runtime.consents.record(desk.domain.scope, visitor.subject_id, yes, how, actor=visitor.actor)
    incoming = Incoming("d-1", "t-1", ADA, "Je retire mon consentement.", to=("privacy@shop.example",))
    await desk.hear(connection, incoming)
    _, case = await case_of(front)
    assert (case["right"], case["channel"], case["state"]) == ("withdrawal", "mail", "unproven")
    await mails(desk)
    assert (await front.client().post(last_link(desk))).status_code == 200
    await worked(desk)
    assert (await desk.runtime.consents.of(desk.domain.scope, visitor.subject_id))["analytics"] == "withdrawn"
    _, case = await case_of(front)
    assert (case["state"], case["outcome"], case["language"]) == ("closed", "done", "fr")


async def test_a_mail_to_the_privacy_address_opens_one_case(front, desk):
    await front.configure(privacy_address="privacy@shop.example")
    connection = await desk.connection()
    for address, text in (("privacy@shop.example", "Bitte löschen Sie meine Daten"), ("shop@shop.example", "Hello")):
        incoming = Incoming(f"d-{address}", "t-1", ADA, text, about={"subject": "Hi"}, to=(address,))
        for _ in range(2):
            await desk.hear(connection, incoming)
    await mails(desk)
    _, case = await case_of(front)
    assert (case["right"], case["channel"], case["language"], case["email"]) == ("erasure", "mail", "de", ADA)
    assert "Mit dieser Adresse wurde angefragt" in desk.mailer.sent[-1].text
    office = await front.office()
    assert len((await office.get("cases")).json()["data"]) == 1
    assert desk.rows("select count(*) from omniops.conversation where domain_id = %s", desk.domain.id) == [(1,)]


async def test_a_child_is_held_a_person_is_told_and_it_goes_in_time(front, desk, asked):
    page = await front.page()
    await asked(page, "I am 11")
    office, case = await case_of(front)
    assert (case["right"], case["urgent"], case["state"]) == ("child", True, "open")
    (subject,) = case["subjects"]
    shut = desk.rows("select shut_for_age from omniops.subject where id = %s", subject)[0][0]
    assert {"chat.respond", "analytics", "knowledge.improve"} <= set(shut)
    await desk.runtime.privacy.ticking.tick()
    await worked(desk)
    assert (await office.get(f"cases/{case['id']}")).json()["state"] == "open"
    desk.clock.forward(days=14)
    await desk.runtime.privacy.ticking.tick()
    await worked(desk)
    after = (await office.get(f"cases/{case['id']}")).json()
    assert (after["state"], after["outcome"]) == ("closed", "done")
    assert desk.rows("select count(*) from omniops.message where subject_id = %s", subject) == [(0,)]


async def test_a_verified_parent_keeps_the_data(front, desk, asked):
    page = await front.page()
    await asked(page, "I am 11")
    office, case = await case_of(front)
    shown = {"evidence": "The mother's passport was seen.", "purposes": ["astrology"]}
    assert (await office.post(f"cases/{case['id']}/consent", json=shown)).status_code == 422
    await office.post(f"cases/{case['id']}/consent", json={**shown, "purposes": ["chat.respond"]})
    await page.post("/v1/visitor/consent", json={"purpose": "analytics", "given": True})
    told = (await page.get("/v1/visitor/preferences", params={"key": desk.domain.widget_key})).json()["purposes"]
    assert all(one["opted_out"] for one in told), "the parent named none of them"
    assert (await page.get("/v1/visitor/ai-opt-out")).json() == {"ai_opt_out": False}
    desk.clock.forward(days=20)
    await desk.runtime.privacy.ticking.tick()
    await worked(desk)
    after = (await office.get(f"cases/{case['id']}")).json()
    assert (after["state"], after["consent_shown"]) == ("open", True)
    assert desk.rows("select count(*) from omniops.message where subject_id = %s", case["subjects"][0]) != [(0,)]


async def test_many_mails_in_anothers_name_reach_that_other_five_times(front, desk):
    await front.configure(privacy_address="privacy@shop.example")
    connection = await desk.connection()
    letters = [Incoming(f"d-{n}", "t", ADA, "Delete my data", to=("privacy@shop.example",)) for n in range(7)]
    for one in letters:
        await desk.hear(connection, one)
    await mails(desk)
    office = await front.office()
    assert len((await office.get("cases")).json()["data"]) == 7
    assert len([mail for mail in desk.mailer.sent if mail.to == ADA]) == 5


async def test_a_parents_request_is_urgent_and_never_deletes_the_parents_own_data(front, desk):
    parent = await known(desk)
    await form(front, right="child", text="My son wrote to you.")
    await mails(desk)
    await front.client().post(last_link(desk))
    office, case = await case_of(front)
    assert (case["urgent"], case["state"], case["identity"], case["subjects"]) == (True, "open", "email", [])
    desk.clock.forward(days=20)
    await desk.runtime.privacy.ticking.tick()
    await worked(desk)
    after = (await office.get(f"cases/{case['id']}")).json()
    assert (after["state"], after["escalated"]) == ("open", 100)
    assert desk.rows("select count(*) from omniops.message where subject_id = %s", parent.subject_id) != [(0,)]

"""The privacy centre in the dashboard: cases by their last day, each step of one, periods, plans and holds."""

import re
from uuid import uuid4

import pytest
from members_browser import HOSTILE
from omniops.operations.firsts import OPERATOR

ADA = "ada@mail.example"


async def logged(member, right="erasure", **fields):
    """A request that a member notes, through the page. Gives its address."""
    at = f"{member.base}/privacy"
    await member.open(f"{at}/new")
    answer = await member.send(f"{at}/new/record", {"right": right, "email": ADA, **fields})
    assert answer.status_code == 303, answer.text
    await member.open(f"{at}?state=unproven")
    return re.findall(rf'href="({at}/cases/[^"]+)"', member.text)[-1]


async def proven(front, member, right, **fields):
    visitor = await front.desk.visitor()
    async for _ in await front.desk.ask(visitor, HOSTILE):
        pass
    case = await logged(member, right, **fields)
    await member.open(case)
    fields = {"subjects": str(visitor.subject_id), "evidence": HOSTILE}
    assert (await member.send(f"{case}/identity", fields)).status_code == 303
    await member.open(case)
    return case


def state(front, case):
    return front.desk.rows(
        "select state, outcome, identity from omniops.rights_case where id = %s", case.rpartition("/")[2]
    )[0]


async def test_requests_stand_by_their_last_day_and_home_leads_to_each(front, mara):
    at = f"{mara.base}/privacy"
    await mara.open(at)
    assert "None is open." in mara.text
    late = await proven(front, mara, "access")
    soon = await proven(front, mara, "erasure", text=HOSTILE)
    front.desk.rows(
        "update omniops.rights_case set due_at = due_at - interval '20 days' where id = %s returning id",
        soon.rpartition("/")[2],
    )
    await mara.open(at)
    assert re.findall(rf'href="({at}/cases/[^"]+)"', mara.text) == [soon, late]
    assert "2 requests are open." in mara.text
    await mara.open(mara.base)
    assert f'href="{soon}"' in mara.text
    page_two = await mara.open(f"{at}?state=open&after={soon.rpartition('/')[2]}")
    assert re.findall(rf'href="({at}/cases/[^"]+)"', page_two.text) == [late]
    await mara.open(f"{at}?state=open&after={uuid4()}", 404)
    await mara.open(f"{at}?state=nonsense", 422)


async def test_an_erasure_from_the_telephone_to_its_certificate(front, mara):
    case = await logged(mara, text=HOSTILE)
    await mara.open(case)
    assert "Nobody has shown yet who asks" in mara.text
    assert "Erase all of it" not in mara.text
    refused = await mara.send(f"{case}/act")
    assert (refused.status_code, "Nobody has shown who asks." in refused.text) == (403, True)
    wrong = await mara.send(f"{case}/identity", {"subjects": "Ada", "evidence": "The passport was seen."})
    assert (wrong.status_code, "no id of a person" in wrong.text) == (422, True)
    assert "The passport was seen." in wrong.text
    strange = await mara.send(f"{case}/identity", {"subjects": str(uuid4()), "evidence": "Seen."})
    assert strange.status_code == 404
    assert state(front, case)[0] == "unproven"
    visitor = await front.desk.visitor()
    async for _ in await front.desk.ask(visitor, "I like blue canaries"):
        pass
    fields = {"subjects": str(visitor.subject_id), "evidence": "The passport was seen."}
    assert (await mara.send(f"{case}/identity", fields)).status_code == 303
    await mara.open(case)
    assert "It cannot be taken back." in mara.text
    assert (await mara.send(f"{case}/act")).status_code == 303
    await front.desk.work("privacy")
    assert (await mara.send(f"{case}/act")).status_code == 303
    await mara.open(case)
    assert "the reply waits for your word" in mara.text
    assert (await mara.send(f"{case}/close")).status_code == 303
    assert state(front, case)[:2] == ("closed", "done")
    await mara.open(case)
    (link,) = re.findall(r'href="(/v1/[^"]+/certificate)"', mara.text)
    assert (await mara.client.get(link)).json()["statement"]
    again = await mara.send(f"{case}/refuse", {"code": "A12-unfounded", "reason": "No."})
    assert (again.status_code, "This case is closed." in again.text) == (422, True)
    await mara.open(f"{mara.base}/privacy?state=closed")
    assert case in mara.text


async def test_it_is_extended_confirmed_and_refused_with_the_law_and_a_reason(front, mara):
    case = await proven(front, mara, "access")
    before = front.desk.rows("select due_at from omniops.rights_case where id = %s", case.rpartition("/")[2])[0][0]
    empty = await mara.send(f"{case}/extend", {"reason": " "})
    assert (empty.status_code, 'role="alert"' in empty.text) == (422, True)
    assert (await mara.send(f"{case}/receipt")).status_code == 303
    assert (await mara.send(f"{case}/extend", {"reason": HOSTILE})).status_code == 303
    after = front.desk.rows("select due_at from omniops.rights_case where id = %s", case.rpartition("/")[2])[0][0]
    assert after > before
    twice = await mara.send(f"{case}/extend", {"reason": "Longer still."})
    assert (twice.status_code, "extended before" in twice.text) == (422, True)
    unknown = await mara.send(f"{case}/refuse", {"code": "because", "reason": "A reason of ours."})
    assert (unknown.status_code, "A reason of ours." in unknown.text) == (422, True)
    assert state(front, case)[0] == "open"
    assert (await mara.send(f"{case}/refuse", {"code": "A12-excessive", "reason": HOSTILE})).status_code == 303
    assert state(front, case)[:2] == ("closed", "refused")
    await mara.open(case)
    _harmless(mara.text)


async def test_a_task_for_a_person_is_settled_on_evidence_and_answered_in_own_words(front, mara):
    case = await proven(front, mara, "complaint", text=HOSTILE)
    assert (await mara.send(f"{case}/act")).status_code == 303
    await mara.open(case)
    (task,) = re.findall(r'name="task" value="([^"]+)"', mara.text)
    refusal = {"task": task, "state": "refused", "evidence": "We looked."}
    without = await mara.send(f"{case}/settle", refusal)
    assert (without.status_code, "We looked." in without.text) == (422, True)
    early = await mara.send(f"{case}/close")
    assert (early.status_code, "Not every place has answered" in early.text) == (403, True)
    nobodys = await mara.send(f"{case}/settle", {"task": str(uuid4()), "state": "done", "evidence": "We looked."})
    assert nobodys.status_code == 404
    settled = {"task": task, "state": "done", "evidence": HOSTILE}
    assert (await mara.send(f"{case}/settle", settled)).status_code == 303
    await mara.open(case)
    _harmless(mara.text)
    long = await mara.send(f"{case}/close", {"text": "word " * 900})
    assert (long.status_code, "word word" in long.text) == (422, True)
    assert (await mara.send(f"{case}/close", {"text": "We are\r\nsorry."})).status_code == 303
    await mara.open(case)
    assert "We are\nsorry." in mara.text


def _harmless(text):
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>" not in text
    assert "<img" not in text
    assert "{{ 7 * 7 }}" in text
    assert not re.search(r"\s(on\w+|style)=", text.replace("onerror=alert(2)", ""))


async def old(front, asked):
    page = await front.page()
    await asked(page)
    (subject,) = front.desk.rows(
        "update omniops.message set created_at = created_at - interval '91 days' where domain_id = %s"
        " returning subject_id",
        front.desk.domain.id,
    )[0]
    return subject


async def planned(member):
    """A dry run through the page. Gives its address and the plan's hash."""
    at = f"{member.base}/privacy/retention"
    await member.open(at)
    led = await member.send(f"{at}/plan")
    assert led.status_code == 303, led.text
    await member.open(led.headers["location"])
    found = re.search(r'name="hash" value="(\w+)"', member.text)
    return led.headers["location"], found[1] if found else None


async def test_a_dry_run_deletes_nothing_and_exactly_what_was_approved_goes(front, mara, asked):
    await old(front, asked)
    run, hash_ = await planned(mara)
    assert "This plan would delete 2 rows of 1 person." in mara.text
    count = "select count(*) from omniops.message where domain_id = %s"
    assert front.desk.rows(count, front.desk.domain.id) == [(2,)]
    other = await mara.send(f"{run}/approve", {"hash": "0" * 64})
    assert (other.status_code, "not the hash of the plan" in other.text) == (422, True)
    assert (await mara.send(f"{run}/approve", {"hash": hash_})).status_code == 303
    await front.desk.work("privacy")
    await mara.open(run)
    assert "2 rows went" in mara.text
    assert front.desk.rows(count, front.desk.domain.id) == [(0,)]
    await mara.open(f"{mara.base}/privacy/retention")
    assert run in mara.text


async def test_a_plan_over_which_something_changed_is_refused_in_place(front, mara, asked):
    await old(front, asked)
    run, hash_ = await planned(mara)
    await old(front, asked)
    answer = await mara.send(f"{run}/approve", {"hash": hash_})
    assert (answer.status_code, 'role="alert"' in answer.text) == (403, True)
    assert front.desk.rows("select count(*) from omniops.message where domain_id = %s", front.desk.domain.id)[0][0] == 4


async def test_a_period_is_shortened_never_lengthened_and_given_back(front, mara):
    at = f"{mara.base}/privacy/retention"
    await mara.open(at)
    longer = await mara.send(f"{at}/shorten", {"key": "chat", "days": "120"})
    assert (longer.status_code, "120 would be longer" in longer.text) == (422, True)
    assert 'value="120"' in longer.text
    assert (await mara.send(f"{at}/shorten", {"key": "chat", "days": "30"})).status_code == 303
    await mara.open(at)
    assert "you: 30 days" in mara.text
    assert (await mara.send(f"{at}/restore", {"key": "chat"})).status_code == 303
    await mara.open(at)
    assert "you: 30 days" not in mara.text


async def test_a_hold_is_placed_looked_at_again_and_lifted_with_reasons(front, mara, asked):
    subject = await old(front, asked)
    at = f"{mara.base}/privacy/retention"
    day = (front.desk.runtime.clock.now()).date().replace(year=front.desk.runtime.clock.now().year + 1).isoformat()
    fields = {"whose": "person", "subject": str(subject), "authority": HOSTILE, "reason": HOSTILE, "review_on": day}
    await mara.open(f"{at}/hold")
    for wrong in ({"subject": "Ada"}, {"review_on": "soon"}, {"review_on": "2001-01-01"}, {"reason": " "}):
        answer = await mara.send(f"{at}/hold/place", fields | wrong)
        assert (answer.status_code, 'role="alert"' in answer.text) == (422, True), wrong
    assert (await mara.send(f"{at}/hold/place", fields | {"subject": str(uuid4())})).status_code == 404
    assert (await mara.send(f"{at}/hold/place", fields)).status_code == 303
    await mara.open(at)
    _harmless(mara.text)
    (hold,) = set(re.findall(r'name="hold" value="([^"]+)"', mara.text))
    await planned(mara)
    assert "Nothing is over its time." in mara.text, "what is held stays"
    bad = await mara.send(f"{at}/review", {"hold": hold, "review_on": "2001-01-01"})
    assert (bad.status_code, 'role="alert"' in bad.text) == (422, True)
    assert (await mara.send(f"{at}/review", {"hold": hold, "review_on": day})).status_code == 303
    assert (await mara.send(f"{at}/lift", {"hold": hold, "reason": " "})).status_code == 422
    assert (await mara.send(f"{at}/lift", {"hold": hold, "reason": "Settled."})).status_code == 303
    await mara.open(at)
    assert "None stands." in mara.text
    assert "Settled." in mara.text
    again = await mara.send(f"{at}/lift", {"hold": hold, "reason": "Settled."})
    assert again.status_code == 422


@pytest.mark.parametrize("role", ["agent", "viewer"])
async def test_who_may_not_sees_and_does_nothing(front, mara, role):
    case = await logged(mara)
    client = await front.office(role=role)
    base = f"{front.base}{mara.base}/privacy"
    parts = ("", "/new", "/retention", "/retention/hold", "/consent", "/register", "/audit", "/proof")
    for path in (*parts, f"/cases/{case.rpartition('/')[2]}"):
        assert (await client.get(base + path)).status_code == 403, path
    for path in ("/act", "/refuse", "/close"):
        assert (await client.post(front.base + case + path)).status_code == 403, path
    assert "/privacy" not in (await client.get(front.base + mara.base)).text
    assert state(front, case)[0] == "unproven"


async def test_what_is_another_accounts_is_not_there(front, mara, join, asked):
    other = await join(front.desk.other, signed_in=True)
    theirs = (await logged(other)).rpartition("/")[2]
    run = (await planned(other))[0].rpartition("/")[2]
    at = f"{mara.base}/privacy"
    await mara.open(at)
    assert theirs not in mara.text
    for path in (f"{at}/cases/{theirs}", f"{at}/retention/runs/{run}", f"{other.base}/privacy"):
        await mara.open(path, 404)
    await mara.open(at + "/new")
    reason = {"reason": "No.", "code": "A12-unfounded"}
    forms = {
        "identity": {"evidence": "Seen."}, "receipt": {}, "act": {}, "extend": {"reason": "No."}, "refuse": reason,
        "close": {}, "consent": {"evidence": "Seen."}, "correct": {"what": "contact.email", "value": ADA},
        "settle": {"task": str(uuid4()), "state": "done", "evidence": "Seen."},
        "objection": {"purpose": "security.protect", "reason": "No."},
    }  # fmt: skip
    for step, fields in forms.items():
        assert (await mara.send(f"{at}/cases/{theirs}/{step}", fields)).status_code == 404, step
    approve = await mara.send(f"{at}/retention/runs/{run}/approve", {"hash": "0" * 64})
    assert approve.status_code == 404
    for step, fields in (("lift", {"reason": "No."}), ("review", {"review_on": "2027-01-01"})):
        answer = await mara.send(f"{at}/retention/{step}", {"hold": str(uuid4()), **fields})
        assert answer.status_code in (404, 422), step


async def test_the_words_of_consent_are_shown_in_every_language(mara):
    at = f"{mara.base}/privacy/consent"
    await mara.open(at)
    assert "Every purpose" in mara.text
    await mara.open(f"{at}?language=ar")
    assert 'aria-current="true">ar<' in mara.text
    await mara.open(f"{at}?language={HOSTILE}", 422)


async def test_news_of_a_processor_is_answered_where_it_is_told(front, mara, join):
    at = f"{mara.base}/privacy/register"
    await mara.open(at)
    assert "Papers" in mara.text
    unknown = await mara.send(f"{at}/answer", {"processor": "nobody", "answer": "agreed"})
    assert unknown.status_code == 404
    for paper in re.findall(r'href="(/v1/[^"]+)"', mara.text):
        answer = await mara.client.get(paper.replace("&amp;", "&"))
        assert answer.status_code == 200, paper
    front.desk.rows(
        "insert into omniops.processor_notice (account_id, id, processor, party, changes, announced_at, ends_at)"
        " values (%s, %s, 'mailer', %s, %s, now(), now() + interval '30 days') returning id",
        mara.domain.scope.account_id, str(uuid4()), HOSTILE, '[["country", "US"]]',
    )  # fmt: skip
    await mara.open(at)
    _harmless(mara.text)
    assert "One change waits for your answer." in mara.text
    assert (await mara.send(f"{at}/answer", {"processor": "mailer", "answer": "objected"})).status_code == 303
    await mara.open(at)
    assert "Objected" in mara.text
    other = await join(front.desk.other, signed_in=True)
    await other.open(f"{other.base}/privacy/register")
    assert "alert(1)" not in other.text


async def test_entries_are_found_by_what_and_by_whom_and_the_chain_is_computed_again(front, mara):
    await logged(mara)
    at = f"{mara.base}/privacy/audit"
    await mara.open(f"{at}?action=hold.placed")
    assert "No entry fits." in mara.text
    who = re.escape(str(mara.domain.scope.account_id))
    await mara.open(at)
    assert not re.search(who, mara.text)
    action = re.search(r"action=([\w.]+)\">", mara.text)[1]
    await mara.open(f"{at}?action={action}")
    assert "No entry fits." not in mara.text
    await mara.open(f"{at}?verify=true")
    assert "The chain holds" in mara.text
    strange = await mara.client.get(at, params={"action": HOSTILE[:100], "actor": HOSTILE})
    assert "<script>" not in strange.text
    assert "<img" not in strange.text
    narrow = await front.office(role="admin")
    assert (await narrow.get(f"{front.base}{at}")).status_code == 200


async def test_a_key_of_one_website_reads_nothing_of_the_account(front, mara):
    keys, scope = front.desk.runtime.keys, mara.domain.scope
    _, secret = await keys.create(
        scope.account_id, "narrow", ["privacy.read", "audit.read"], only_domain=mara.domain.id, actor=OPERATOR
    )
    client = front.client(Authorization=f"Bearer {secret}")
    for part, status in (("", 200), ("/audit", 403), ("/register", 403)):
        assert (await client.get(f"{mara.base}/privacy{part}")).status_code == status, part


async def test_promises_that_do_not_hold_stand_first(mara):
    await mara.open(f"{mara.base}/privacy/proof")
    assert "No report was made yet" in mara.text
    assert "Not green" in mara.text
    assert "P128" in mara.text

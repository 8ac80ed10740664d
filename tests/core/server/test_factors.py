"""A second factor: what fits once fits no second time, and a password alone opens nothing any more."""

import asyncio
import re
from uuid import uuid4

import pyotp
import pytest
from members_browser import HOSTILE, PASSWORD, Member
from omniops.contracts.scope import Actor
from omniops.contracts.tokens import new_token

FRESH = "another sentence that nobody guesses"
STEP = 30


@pytest.fixture(autouse=True)
def nobody_tried(front):
    front.desk.rows("delete from omniops.throttle")


def code_of(front, key, steps=0):
    return pyotp.TOTP(key).generate_otp(int(front.desk.clock.now().timestamp()) // STEP + steps)


async def guarded(front, member):
    """Sets one up in the browser. The key, and the recovery codes that were shown."""
    account = f"{member.base}/account/factor"
    await member.open(account)
    assert (await member.send(f"{account}/begin", {"password": PASSWORD})).status_code == 303
    await member.open(account)
    key = re.search(r'<code class="once">([A-Z2-7 ]+)</code>', member.text)[1].replace(" ", "")
    answer = await member.send(f"{account}/confirm", {"code": code_of(front, key)})
    assert answer.status_code == 200, answer.text
    codes = re.findall(r"<li>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</li>", answer.text)
    assert len(set(codes)) == 10
    front.desk.clock.forward(seconds=2 * STEP)
    return key, codes


async def ticket_of(member, password=PASSWORD):
    """What the right password gives at the API."""
    answer = await member.client.post("/v1/session", json={"email": member.email, "password": password})
    assert answer.status_code == 401, answer.text
    assert "set-cookie" not in answer.headers
    assert answer.json()["code"] == "second_factor_needed"
    return answer.json()["ticket"]


async def finish(member, ticket, code):
    return await member.client.post("/v1/session/factor", json={"ticket": ticket, "code": code})


def fresh(front, member):
    return Member(front, member.domain, member.email, None)


async def signed_in(member):
    return (await member.client.get("/v1/domains")).status_code == 200


async def test_after_the_password_a_code_signs_in_and_before_it_there_is_no_session(front, mara):
    key, _ = await guarded(front, mara)
    phone = fresh(front, mara)
    answer = await phone.sign_in(f"{phone.base}/team")
    assert answer.status_code == 200
    assert "omniops_session" not in answer.headers.get("set-cookie", "")
    assert not await signed_in(phone)
    ticket = re.search(r'name="ticket" value="([\w-]+)"', answer.text)[1]
    fields = {"ticket": ticket, "next": f"{phone.base}/team"}
    wrong = await phone.client.post("/app/sign-in/code", data={**fields, "code": "000000x"}, headers=phone.origin)
    assert wrong.status_code == 401
    assert "does not fit" in wrong.text
    code = code_of(front, key)
    spaced = f" {code[:3]} {code[3:]} "
    right = await phone.client.post("/app/sign-in/code", data={**fields, "code": spaced}, headers=phone.origin)
    assert (right.status_code, right.headers["location"]) == (303, f"{phone.base}/team")
    await phone.open(f"{phone.base}/team")


async def test_a_code_counts_once_and_none_before_it_any_more(front, mara):
    key, _ = await guarded(front, mara)
    phone = fresh(front, mara)
    now, before = code_of(front, key), code_of(front, key, -1)
    assert (await finish(phone, await ticket_of(phone), now)).status_code == 204
    other = fresh(front, mara)
    ticket = await ticket_of(other)
    for used in (now, before):
        answer = await finish(other, ticket, used)
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_code")
    assert not await signed_in(other)
    assert (await finish(other, ticket, code_of(front, key, 1))).status_code == 204, "one step ahead is tolerated"


async def test_the_code_that_switched_it_on_signs_in_nobody(front, mara):
    account = f"{mara.base}/account/factor"
    await mara.open(account)
    await mara.send(f"{account}/begin", {"password": PASSWORD})
    await mara.open(account)
    key = re.search(r'<code class="once">([A-Z2-7 ]+)</code>', mara.text)[1].replace(" ", "")
    code = code_of(front, key)
    assert (await mara.send(f"{account}/confirm", {"code": code})).status_code == 200
    phone = fresh(front, mara)
    assert (await finish(phone, await ticket_of(phone), code)).status_code == 401


@pytest.mark.parametrize("steps", [-2, 2])
async def test_a_code_of_another_time_does_not_fit(front, mara, steps):
    key, _ = await guarded(front, mara)
    front.desk.clock.forward(seconds=4 * STEP)
    phone = fresh(front, mara)
    assert (await finish(phone, await ticket_of(phone), code_of(front, key, steps))).status_code == 401
    assert (await finish(phone, await ticket_of(phone), code_of(front, key, steps // 2))).status_code == 204


async def test_what_is_no_code_is_refused_as_a_wrong_one(front, mara):
    await guarded(front, mara)
    phone = fresh(front, mara)
    ticket = await ticket_of(phone)
    for code in ("", "      ", "12345", "1234567", "١٢٣٤٥٦", "-12345", HOSTILE, "\x00", "A" * 100):
        answer = await finish(phone, ticket, code)
        assert (answer.status_code, answer.json()["code"]) == (401, "wrong_code"), code
    assert not await signed_in(phone)


async def test_two_at_once_with_one_ticket_or_one_code_open_one_session(front, mara):
    key, codes = await guarded(front, mara)
    phone = fresh(front, mara)
    ticket, code = await ticket_of(phone), code_of(front, key)
    answers = await asyncio.gather(*(finish(fresh(front, mara), ticket, code) for _ in range(3)))
    assert sorted(one.status_code for one in answers) == [204, 401, 401]
    tickets = [await ticket_of(phone) for _ in range(3)]
    answers = await asyncio.gather(*(finish(fresh(front, mara), one, codes[0]) for one in tickets))
    assert sorted(one.status_code for one in answers) == [204, 401, 401]


async def test_a_ticket_counts_once_for_five_minutes_and_cannot_be_made_up(front, mara):
    key, codes = await guarded(front, mara)
    phone = fresh(front, mara)
    ticket = await ticket_of(phone)
    assert (await finish(phone, ticket, code_of(front, key))).status_code == 204
    session = phone.client.cookies["omniops_session"]
    old = await ticket_of(phone)
    front.desk.clock.forward(seconds=301)
    for bad in (ticket, old, new_token("oo_ticket_"), session, "", HOSTILE[:150], "\x00"):
        other = fresh(front, mara)
        answer = await finish(other, bad, codes[1])
        assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_over"), bad
        assert not await signed_in(other)
    page = await phone.client.post("/app/sign-in/code", data={"ticket": old, "code": "1"}, headers=phone.origin)
    assert page.status_code == 401
    assert 'name="password"' in page.text, "the way back to the beginning"
    other = Member(front, mara.domain, mara.email, await ticket_of(phone))
    assert not await signed_in(other), "a ticket is no session"


async def test_a_ticket_is_for_its_own_member(front, mara, join):
    await guarded(front, mara)
    tom = await join(signed_in=True)
    key, codes = await guarded(front, tom)
    phone = fresh(front, mara)
    ticket = await ticket_of(phone)
    for theirs in (code_of(front, key), codes[0]):
        assert (await finish(phone, ticket, theirs)).status_code == 401
    assert not await signed_in(phone)


async def test_tries_are_counted_over_all_tickets(front, mara):
    key, codes = await guarded(front, mara)
    front.desk.rows("delete from omniops.throttle")
    phone = fresh(front, mara)
    tickets = [await ticket_of(phone) for _ in range(3)]
    for n in range(10):
        assert (await finish(phone, tickets[n % 3], "000000")).status_code in (401, 204)
    late = await finish(phone, tickets[0], code_of(front, key, 1))
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) > 60
    assert not await signed_in(phone)
    assert (await finish(phone, tickets[0], codes[0])).status_code == 204, "recovery codes are counted by themselves"


async def test_a_recovery_code_counts_once_and_new_ones_replace_those_before(front, mara):
    _, codes = await guarded(front, mara)
    phone = fresh(front, mara)
    typed = codes[0].replace("-", " ").lower()
    assert (await finish(phone, await ticket_of(phone), typed)).status_code == 204
    other = fresh(front, mara)
    assert (await finish(other, await ticket_of(other), codes[0])).status_code == 401
    account = f"{mara.base}/account/factor"
    await mara.open(account)
    assert "9 recovery codes are left" in mara.text
    assert not any(code in mara.text for code in codes), "shown once"
    assert (await mara.send(f"{account}/codes", {"password": "not it"})).status_code == 401
    answer = await mara.send(f"{account}/codes", {"password": PASSWORD})
    new = re.findall(r"<li>([A-Z2-7-]{19})</li>", answer.text)
    assert len(new) == 10
    assert (await finish(other, await ticket_of(other), codes[1])).status_code == 401
    assert (await finish(other, await ticket_of(other), new[0])).status_code == 204


async def test_nobody_learns_of_it_before_the_password_fits(front, mara, join):
    await guarded(front, mara)
    plain = await join()
    seen = []
    for email in (mara.email, plain.email, "nobody@shop.example"):
        phone = fresh(front, mara)
        answer = await phone.client.post("/v1/session", json={"email": email, "password": "not it, I fear"})
        seen.append({**answer.json(), "status": answer.status_code, "request_id": ""})
    assert seen[0] == seen[1] == seen[2]
    assert "ticket" not in seen[0]
    assert (await plain.sign_in()).status_code == 303, "who has none is asked for none"


async def test_a_reset_keeps_it_and_ends_sign_ins_that_wait(front, mara):
    key, codes = await guarded(front, mara)
    phone = fresh(front, mara)
    ticket = await ticket_of(phone)
    await phone.client.post("/app/forgotten", data={"email": mara.email}, headers=phone.origin)
    await front.desk.work("mail")
    link = re.search(r"(/app/new-password/oo_reset_[\w-]+)", front.desk.mailer.sent[-1].text)[1]
    answer = await phone.client.post(link, data={"password": FRESH}, headers=phone.origin)
    assert answer.status_code == 303
    assert (await finish(phone, ticket, codes[0])).json()["code"] == "sign_in_over", "it was the old password's"
    again = await ticket_of(phone, FRESH)
    assert not await signed_in(phone)
    assert (await finish(phone, again, code_of(front, key))).status_code == 204


async def test_setting_up_and_switching_off_ask_for_the_password(front, mara):
    account = f"{mara.base}/account/factor"
    await mara.open(account)
    assert (await mara.send(f"{account}/begin", {"password": "not it"})).status_code == 401
    assert (await mara.send(f"{account}/confirm", {"code": "123456"})).status_code == 404
    await mara.open(account)
    await mara.send(f"{account}/begin", {"password": PASSWORD})
    await mara.open(account)
    key = re.search(r'<code class="once">([A-Z2-7 ]+)</code>', mara.text)[1].replace(" ", "")
    assert f"secret={key}" in mara.text, "the address for an app"
    wrong = await mara.send(f"{account}/confirm", {"code": HOSTILE})
    assert wrong.status_code == 401
    assert "<script>alert" not in wrong.text
    assert (await fresh(front, mara).sign_in()).status_code == 303, "begun is not on"
    await mara.send(f"{account}/confirm", {"code": code_of(front, key)})
    await mara.open(account)
    assert key not in mara.text.replace(" ", ""), "never shown again"
    assert (await mara.send(f"{account}/begin", {"password": PASSWORD})).status_code == 422
    assert (await mara.send(f"{account}/off", {"password": "not it"})).status_code == 401
    await ticket_of(fresh(front, mara))
    assert (await mara.send(f"{account}/off", {"password": PASSWORD})).status_code == 303
    assert (await fresh(front, mara).sign_in()).status_code == 303
    evil = {"Origin": "https://evil.example"}
    for path in ("begin", "confirm", "codes", "off"):
        assert (await mara.send(f"{account}/{path}", {"password": PASSWORD}, headers=evil)).status_code == 403
    actions = {row[0] for row in front.desk.rows("select action from omniops.audit_entry")}
    assert {"member.add_factor", "member.remove_factor"} <= actions


async def test_the_key_is_sealed_and_codes_are_kept_as_hashes(front, mara):
    key, codes = await guarded(front, mara)
    kept = front.desk.rows(
        "select row_to_json(f)::text, row_to_json(c)::text from omniops.member_factor f, omniops.recovery_code c"
    )
    assert kept
    for text in (key, codes[0], codes[0].replace("-", "")):
        assert text not in str(kept)
        assert text.encode().hex() not in str(kept)


async def member_id(front, member):
    found = await front.desk.runtime.members.list(member.domain.scope.account_id, actor=Actor("member", "test"))
    return str(next(one.id for one in found if one.email == member.email))


async def invited(front, owner, role):
    """Somebody of the owner's account with another role."""
    await owner.open(f"{owner.base}/team")
    answer = await owner.send(f"{owner.base}/team/invite", {"role": role})
    link = re.search(r"(/setup/oo_setup_[\w-]+)", answer.text)[1]
    new = Member(front, owner.domain, f"{uuid4().hex[:8]}@shop.example", None)
    await new.client.post(link, data={"email": new.email, "password": PASSWORD}, headers=new.origin)
    return new


async def test_an_owner_sees_who_has_one_and_helps_who_lost_it(front, mara):
    agent, admin = await invited(front, mara, "agent"), await invited(front, mara, "admin")
    await guarded(front, agent)
    await guarded(front, mara)
    team, theirs = f"{mara.base}/team", await member_id(front, agent)
    await mara.open(team)
    assert mara.text.count("<td>On</td>") == 2
    assert f"Switch off for {agent.email}" in mara.text
    await agent.open(agent.base)
    assert (await agent.send(f"{agent.base}/team/factor", {"id": theirs})).status_code == 403
    await admin.open(f"{admin.base}/team")
    above = await admin.send(f"{admin.base}/team/factor", {"id": await member_id(front, mara)})
    assert above.status_code == 403
    own = await mara.send(f"{team}/factor", {"id": await member_id(front, mara)})
    assert (own.status_code, "in your account" in own.text) == (403, True)
    assert (await mara.send(f"{team}/factor", {"id": theirs})).status_code == 303
    assert (await mara.send(f"{team}/factor", {"id": theirs})).status_code == 404
    assert (await fresh(front, agent).sign_in()).status_code == 303
    await ticket_of(fresh(front, mara))
    (entry,) = front.desk.rows("select actor from omniops.audit_entry where action = 'member.drop_factor'")
    assert entry[0] == f"member:{await member_id(front, mara)}"


async def test_another_accounts_member_is_not_there(front, mara, join):
    other = await join(front.desk.other, signed_in=True)
    await guarded(front, other)
    theirs = await member_id(front, other)
    await mara.open(f"{mara.base}/team")
    assert (await mara.send(f"{mara.base}/team/factor", {"id": theirs})).status_code == 404
    answer = await mara.client.delete(f"/v1/members/{theirs}/factor", headers=mara.origin)
    assert answer.status_code == 404
    await ticket_of(fresh(front, other))


async def test_by_the_api_it_is_set_up_seen_and_switched_off(front, mara):
    api, origin = mara.client, mara.origin
    begun = await api.post("/v1/me/factor", json={"password": PASSWORD}, headers=origin)
    assert begun.status_code == 201, begun.text
    assert (await api.get("/v1/me/factor")).json() == {"since": None, "recovery_codes": 0}
    code = code_of(front, begun.json()["key"])
    on = await api.post("/v1/me/factor/confirm", json={"code": code}, headers=origin)
    assert len(on.json()["recovery_codes"]) == 10
    state = (await api.get("/v1/me/factor")).json()
    assert (state["since"] is not None, state["recovery_codes"]) == (True, 10)
    listed = (await api.get("/v1/members")).json()["data"]
    assert [one["second_factor"] for one in listed if one["email"] == mara.email] == [True]
    renewed = await api.post("/v1/me/factor/recovery-codes", json={"password": PASSWORD}, headers=origin)
    assert set(renewed.json()["recovery_codes"]).isdisjoint(on.json()["recovery_codes"])
    assert (await api.post("/v1/me/factor/off", json={"password": PASSWORD}, headers=origin)).status_code == 204
    again = await api.post("/v1/me/factor/off", json={"password": PASSWORD}, headers=origin)
    assert again.status_code == 404
    office = await front.office(role="owner")
    assert (await office.get(f"{front.base}/v1/me/factor")).status_code == 403, "a key has no account of its own"

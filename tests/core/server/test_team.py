"""The team and one's own account: who may give what to whom, links that count once, and what ends at once."""

import asyncio
import re
from uuid import uuid4

import pytest
from members_browser import HOSTILE, PASSWORD, Member
from omniops.accounts.permissions import ROLES
from omniops.contracts.scope import Actor
from omniops.inbox.queue import Wanted
from omniops.server.dashboard.team import MAY
from omniops.team import ROLE_NAMES

FRESH = "another sentence that nobody guesses"


def at(member, inner=""):
    return f"{member.base}/team{inner}"


async def people(front, member):
    actor = Actor("member", "test")
    found = await front.desk.runtime.members.list(member.domain.scope.account_id, actor=actor)
    return {one.email: one for one in found}


async def role_of(front, member):
    return (await people(front, member))[member.email].role


async def joined(front, owner, role):
    """Invited by the owner, accepted by the person."""
    await owner.open(at(owner))
    answer = await owner.send(at(owner, "/invite"), {"role": role})
    link = re.search(r"(/setup/oo_setup_[\w-]+)", answer.text)[1]
    email = f"{uuid4().hex[:8]}@shop.example"
    new = Member(front, owner.domain, email, None)
    answer = await new.client.post(link, data={"email": email, "password": PASSWORD}, headers=new.origin)
    assert answer.status_code == 303, answer.text
    new.link = link
    return new


def letters(front):
    return [mail.text for mail in front.desk.mailer.sent]


async def mailed(front):
    await front.desk.work("mail")
    return letters(front)


async def test_who_is_invited_joins_with_the_role_and_the_link_counts_once(front, mara):
    tom = await joined(front, mara, "analyst")
    assert await role_of(front, tom) == "analyst"
    await tom.open(f"{tom.base}")
    await tom.open(f"{tom.base}/inbox", 403)
    again = await mara.client.get(tom.link)
    assert again.status_code == 404
    await mara.open(at(mara))
    assert tom.email in mara.text
    assert "are invited" not in mara.text


async def test_an_invitation_is_mailed_and_its_address_is_kept_nowhere_else(front, mara):
    await mara.open(at(mara))
    answer = await mara.send(at(mara, "/invite"), {"role": "agent", "email": "new@shop.example"})
    assert "on its way" in answer.text
    assert "oo_setup_" not in answer.text
    (letter,) = await mailed(front)
    assert "/setup/oo_setup_" in letter
    assert "as agent" in letter
    rows = front.desk.rows("select row_to_json(s)::text from omniops.setup_link s where given_by is not null")
    assert rows
    assert "new@shop.example" not in str(rows)


async def test_an_invitation_that_is_withdrawn_or_too_old_opens_nothing(front, mara):
    await mara.open(at(mara))
    links = []
    for _ in range(2):
        answer = await mara.send(at(mara, "/invite"), {"role": "viewer"})
        links.append(re.search(r"(/setup/oo_setup_[\w-]+)", answer.text)[1])
    first, second = await front.desk.runtime.team.changes.invitations(mara.domain.scope.account_id)
    assert (await mara.send(at(mara, "/withdraw"), {"id": str(first.id)})).status_code == 303
    front.desk.rows("update omniops.setup_link set expires_at = now() - interval '1 day' where id = %s", second.id)
    for link in links:
        assert (await mara.client.get(link)).status_code == 404
    assert (await mara.send(at(mara, "/withdraw"), {"id": str(first.id)})).status_code == 404


async def test_nobody_gives_or_takes_more_than_they_have(front, mara):
    admin = await joined(front, mara, "admin")
    await admin.open(at(admin))
    owner = (await people(front, mara))[mara.email]
    own = (await people(front, admin))[admin.email]
    for path, fields in (
        ("/invite", {"role": "owner"}),
        ("/role", {"id": str(own.id), "role": "owner"}),
        ("/role", {"id": str(owner.id), "role": "viewer"}),
        ("/remove", {"id": str(owner.id), "sure": "yes"}),
    ):
        answer = await admin.send(at(admin, path), fields)
        assert answer.status_code == 403, (path, answer.text)
        assert "may more than you do" in answer.text
    assert await role_of(front, mara) == "owner"
    assert await role_of(front, admin) == "admin"
    agent = await joined(front, mara, "agent")
    await agent.open(at(agent))
    assert at(agent, "/invite") not in agent.text
    assert (await agent.send(at(agent, "/invite"), {"role": "viewer"})).status_code == 403
    refused = await admin.send(at(admin, "/role"), {"id": str(own.id), "role": "agent", "account_id": "x"})
    assert refused.status_code == 422


async def test_a_role_counts_from_the_next_request_on(front, mara):
    agent = await joined(front, mara, "agent")
    await agent.open(f"{agent.base}/inbox")
    who = (await people(front, mara))[agent.email]
    await mara.open(at(mara))
    assert (await mara.send(at(mara, "/role"), {"id": str(who.id), "role": "privacy_officer"})).status_code == 303
    await agent.open(f"{agent.base}/inbox", 403)
    await agent.open(f"{agent.base}/privacy")


async def test_the_last_owner_stays(front, mara):
    owner = (await people(front, mara))[mara.email]
    await mara.open(at(mara))
    for path, fields in (("/role", {"role": "agent"}), ("/remove", {"sure": "yes"})):
        answer = await mara.send(at(mara, path), {"id": str(owner.id), **fields})
        assert answer.status_code == 409 or answer.status_code == 422
        assert "Somebody must own the account." in answer.text
    second = await joined(front, mara, "owner")
    assert (await mara.send(at(mara, "/role"), {"id": str(owner.id), "role": "agent"})).status_code == 303
    assert await role_of(front, second) == "owner"


async def test_of_two_owners_who_step_down_at_once_one_stays(front, mara):
    second = await joined(front, mara, "owner")
    changes = front.desk.runtime.team.changes
    for step in (lambda by, who: changes.change_role(by, who, "agent"), lambda by, who: changes.remove(by, who)):
        both = [
            await front.desk.runtime.members.principal(one.client.cookies["omniops_session"]) for one in (mara, second)
        ]
        done = await asyncio.gather(*(step(by, by.id) for by in both), return_exceptions=True)
        assert sorted(type(one).__name__ for one in done) == ["NoneType", "Rejected"], done
        left = [one.role for one in (await people(front, mara)).values()]
        assert left.count("owner") == 1
        owner = mara if done[0] is not None else second
        second = await joined(front, owner, "owner")
        mara = owner


async def test_a_legal_hold_keeps_a_member_and_what_they_take_care_of(front, mara, asks):
    desk = front.desk
    agent = await joined(front, mara, "agent")
    who = (await people(front, mara))[agent.email]
    conversation = await asks(domain=mara.domain)
    await desk.runtime.inbox.take_over(mara.domain.scope, conversation, actor=Actor("member", str(who.id)))
    desk.rows(
        "update omniops.subject set hold = true where id = (select subject_id from omniops.member where id = %s)",
        who.id,
    )
    await mara.open(at(mara))
    answer = await mara.send(at(mara, "/remove"), {"id": str(who.id), "sure": "yes"})
    assert answer.status_code == 403
    assert "A legal hold stands against it." in answer.text
    await agent.open(agent.base)
    (view,) = await desk.runtime.inbox.queue.page(mara.domain.scope, Wanted(state="human"))
    assert view.assigned_to == who.id


async def test_ones_own_account_opens_nobody_elses(front, mara):
    await joined(front, mara, "agent")
    opened = (
        "select jsonb_array_length(subject_refs::jsonb) from omniops.audit_entry"
        " where account_id = %s and action = 'vault.open' and object = 'member' order by seq desc limit 1"
    )
    await mara.open(f"{mara.base}/account")
    assert mara.email in mara.text
    assert front.desk.rows(opened, mara.domain.scope.account_id) == [(1,)]
    await mara.open(at(mara))
    assert front.desk.rows(opened, mara.domain.scope.account_id) == [(2,)]


async def test_who_is_removed_is_out_at_once_and_nothing_of_them_can_be_read(front, mara, asks):
    desk = front.desk
    agent = await joined(front, mara, "agent")
    who = (await people(front, mara))[agent.email]
    conversation = await asks(domain=mara.domain)
    await desk.runtime.inbox.take_over(mara.domain.scope, conversation, actor=Actor("member", str(who.id)))
    await mara.open(at(mara))
    assert (await mara.send(at(mara, "/remove"), {"id": str(who.id)})).status_code == 422
    assert (await mara.send(at(mara, "/remove"), {"id": str(who.id), "sure": "yes"})).status_code == 303
    answer = await agent.client.get(agent.base)
    assert answer.status_code == 303
    assert "/sign-in" in answer.headers["location"]
    assert (await agent.sign_in()).status_code == 401
    assert agent.email not in await people(front, mara)
    (view,) = await desk.runtime.inbox.queue.page(mara.domain.scope, Wanted(state="human"))
    assert view.assigned_to is None
    assert desk.rows(
        "select k.state from vault.subject_key k join omniops.subject s on s.id = k.subject_id"
        " where s.account_id = %s and s.kind = 'member' and s.erased_at is not null",
        mara.domain.scope.account_id,
    ) == [("shredded",)]
    assert (await mara.send(at(mara, "/remove"), {"id": str(who.id), "sure": "yes"})).status_code == 404


async def test_a_member_of_another_account_is_not_there(front, mara, join):
    other = await join(front.desk.other, signed_in=True)
    theirs = (await people(front, other))[other.email]
    await mara.open(at(mara))
    for path, fields in (("/role", {"role": "viewer"}), ("/remove", {"sure": "yes"})):
        assert (await mara.send(at(mara, path), {"id": str(theirs.id), **fields})).status_code == 404
    await mara.client.post(at(other, "/invite"), data={"role": "viewer"}, headers=mara.origin)
    assert await front.desk.runtime.team.changes.invitations(front.desk.other.scope.account_id) == []


async def test_a_name_is_shown_as_text(front, mara):
    await mara.open(f"{mara.base}/account")
    assert (await mara.send(f"{mara.base}/account/name", {"name": HOSTILE})).status_code == 303
    await mara.open(at(mara))
    assert "<script>alert" not in mara.text
    assert "&lt;script&gt;alert(1)" in mara.text


async def test_a_new_password_signs_out_everywhere_else(front, mara):
    elsewhere = Member(front, mara.domain, mara.email, None)
    assert (await elsewhere.sign_in()).status_code == 303
    account = f"{mara.base}/account"
    await mara.open(account)
    assert mara.text.count("Sign out there") == 1
    wrong = await mara.send(f"{account}/password", {"before": "not it, I fear", "after": FRESH})
    assert wrong.status_code in (401, 403)
    short = await mara.send(f"{account}/password", {"before": PASSWORD, "after": "short"})
    assert short.status_code == 422
    await elsewhere.open(f"{elsewhere.base}/account")
    assert (await mara.send(f"{account}/password", {"before": PASSWORD, "after": FRESH})).status_code == 303
    await mara.open(account)
    assert "/sign-in" in (await elsewhere.client.get(account)).headers["location"]
    assert (await elsewhere.sign_in(password=FRESH)).status_code == 303


async def test_one_browser_is_signed_out_and_nobody_elses(front, mara):
    other = await joined(front, mara, "agent")
    phone = Member(front, mara.domain, mara.email, None)
    await phone.sign_in()
    await mara.open(f"{mara.base}/account")
    runtime = front.desk.runtime
    who = await runtime.members.principal(other.client.cookies["omniops_session"])
    (theirs,) = await runtime.team.own.sessions(who, session_token="x")
    assert (await mara.send(f"{mara.base}/account/sessions", {"id": str(theirs.id)})).status_code == 404
    assert (await mara.send(f"{mara.base}/account/sessions", {})).status_code == 303
    assert "/sign-in" in (await phone.client.get(phone.base)).headers["location"]
    await other.open(other.base)
    await mara.open(mara.base)


async def test_a_forgotten_password_is_set_anew_once_by_the_letters_link(front, mara):
    stranger = Member(front, mara.domain, "nobody@shop.example", None)
    pages = []
    for email in (mara.email, "nobody@shop.example"):
        answer = await stranger.client.post("/app/forgotten", data={"email": email}, headers=stranger.origin)
        pages.append((answer.status_code, re.sub(r'nonce="[\w-]+"|value="\w+"', "", answer.text)))
    assert pages[0] == pages[1], "nobody learns who signs in here"
    (letter,) = await mailed(front)
    link = re.search(r"(/app/new-password/oo_reset_[\w-]+)", letter)[1]
    assert (await stranger.client.get(link)).status_code == 200
    short = await stranger.client.post(link, data={"password": "short"}, headers=stranger.origin)
    assert short.status_code == 422
    answer = await stranger.client.post(link, data={"password": FRESH}, headers=stranger.origin)
    assert answer.headers["location"] == "/app/sign-in"
    assert "omniops_session" not in answer.headers.get("set-cookie", ""), "the link gives no session"
    again = await stranger.client.post(link, data={"password": FRESH + "!"}, headers=stranger.origin)
    assert again.status_code == 404
    assert "/sign-in" in (await mara.client.get(mara.base)).headers["location"]
    assert (await mara.sign_in()).status_code == 401
    assert (await mara.sign_in(password=FRESH)).status_code == 303


async def test_a_reset_link_is_no_invitation_and_an_invitation_resets_nothing(front, mara):
    stranger = Member(front, mara.domain, "x@shop.example", None)
    await stranger.client.post("/app/forgotten", data={"email": mara.email}, headers=stranger.origin)
    (letter,) = await mailed(front)
    token = re.search(r"(oo_reset_[\w-]+)", letter)[1]
    assert (await stranger.client.get(f"/setup/{token}")).status_code == 404
    await mara.open(at(mara))
    answer = await mara.send(at(mara, "/invite"), {"role": "viewer"})
    token = re.search(r"(oo_setup_[\w-]+)", answer.text)[1]
    assert (await stranger.client.get(f"/app/new-password/{token}")).status_code == 404
    for forged in ("oo_reset_" + "a" * 43, "x"):
        assert (await stranger.client.get(f"/app/new-password/{forged}")).status_code == 404


async def test_forms_of_another_site_do_nothing(front, mara):
    await mara.open(at(mara))
    evil = {"Origin": "https://evil.example"}
    for path, fields in (
        (at(mara, "/invite"), {"role": "admin"}),
        (f"{mara.base}/account/name", {"name": "Eve"}),
        ("/app/forgotten", {"email": mara.email}),
    ):
        assert (await mara.send(path, fields, headers=evil)).status_code == 403, path
    assert (await mara.send(at(mara, "/invite"), {"role": "admin"}, token="0" * 64)).status_code == 403
    assert await front.desk.runtime.team.changes.invitations(mara.domain.scope.account_id) == []


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_name_and_words_for_what_it_may(role):
    assert ROLE_NAMES[role]
    assert MAY[role].endswith(".")
    assert "domain.read" in ROLES[role]

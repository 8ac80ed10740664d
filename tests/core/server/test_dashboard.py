"""The dashboard over HTTP: who gets in, whose forms count, and that words of strangers stay words."""

import asyncio
import re
from uuid import uuid4

import pytest
from desk_plugins import letter
from members_browser import HOSTILE, PASSWORD
from omniops.errors import NotReady
from omniops.operations.firsts import OPERATOR
from omniops.server.forms import Sends, own_place
from omniops.server.permissions import Requires, guard_of
from walking import routes


async def test_without_a_session_one_is_led_to_the_sign_in_and_back(join):
    member = await join()
    place = f"{member.base}/inbox?show=closed"
    led = await member.open(place, 303)
    there = led.headers["location"]
    assert there.startswith("/app/sign-in?next=/app/")
    await member.open(there)
    back = re.search(r'name="next" value="([^"]+)"', member.text)[1].replace("&amp;", "&")
    answer = await member.sign_in(back)
    assert answer.headers["location"] == place
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    await member.open(place)
    assert (await member.client.get(member.base, headers={"Accept": "*/*", "Cookie": ""})).status_code == 401


@pytest.mark.parametrize(
    "place",
    ["https://evil.example", "//evil.example", "/app//evil.example", "/app/..//evil.example", "/\\evil.example",
     "/app\n/x", "javascript:alert(1)", "/apple", "/v1/session", ""],
)  # fmt: skip
def test_a_sign_in_leads_nowhere_else(place):
    assert own_place(place) == "/app"


async def test_who_is_not_let_in_reads_the_same_words_whatever_was_wrong(join):
    member = await join()
    wrong = await member.sign_in(password="another sentence altogether")
    unknown = await member.sign_in(email='"><script>alert(1)</script>@shop.example')
    said = [re.search(r'role="alert">(.*?)</div>', answer.text, re.DOTALL)[1] for answer in (wrong, unknown)]
    assert [answer.status_code for answer in (wrong, unknown)] == [401, 401]
    assert said[0] == said[1]
    assert "<script>alert" not in unknown.text
    assert "set-cookie" not in wrong.headers


async def test_a_session_that_was_there_before_is_not_taken_over(front, join):
    member = await join()
    await member.sign_in()
    before = member.client.cookies["omniops_session"]
    await member.sign_in()
    assert member.client.cookies["omniops_session"] != before
    assert await front.desk.runtime.members.principal(before) is None
    planted = await join()
    planted.client.cookies.set("omniops_session", "oo_session_planted")
    answer = await planted.sign_in()
    assert "oo_session_planted" not in answer.headers["set-cookie"]


async def test_signing_out_ends_the_session_everywhere(front, mara):
    session = mara.client.cookies["omniops_session"]
    await mara.open(mara.base)
    answer = await mara.send("/app/sign-out")
    assert answer.headers["location"] == "/app/sign-in"
    assert await front.desk.runtime.members.principal(session) is None


async def test_forms_of_other_pages_and_other_sessions_do_nothing(front, mara, join, asks):
    conversation = await asks()
    at = await mara.talk(conversation)
    other = await join(mara.domain, signed_in=True)
    await other.open(other.base)
    foreign = re.search(r'name="token" value="(\w+)"', other.text)[1]
    close = {"step": "close"}
    for refused in (
        await mara.send(f"{at}/step", close, token="none"),
        await mara.send(f"{at}/step", close, token="ä"),
        await mara.send(f"{at}/step", close, token=foreign),
        await mara.send(f"{at}/step", close, headers={"Origin": "https://evil.example"}),
        await mara.send(f"{at}/step", close, headers={"Origin": "null"}),
        await mara.send(f"{at}/step", close, headers={"Sec-Fetch-Site": "cross-site"}),
        await mara.send("/app/sign-out", token="none"),
        await mara.client.post("/app/sign-in", data={"email": mara.email, "password": PASSWORD}),
        await mara.client.post(
            "/app/sign-in",
            data={"email": mara.email, "password": PASSWORD},
            headers={"Origin": "https://evil.example"},
        ),
    ):
        assert refused.status_code == 403, refused.text
    (view,) = await _rows(front, conversation)
    assert view == "waiting"
    assert (await mara.send(f"{at}/step", {**close, "extra": "1"})).status_code == 422, "no field but those named"
    assert (await mara.send(f"{at}/step", close)).status_code == 303
    assert await _rows(front, conversation) == ["closed"]


async def _rows(front, conversation):
    return [row[0] for row in front.desk.rows("select state from omniops.conversation where id = %s", conversation)]


def test_every_form_behind_the_sign_in_wants_the_pages_token(front):
    from omniops.server.app import create_app

    forms = [
        route
        for route in routes(create_app(front.desk.runtime))
        if route.path.startswith("/app") and route.methods - {"GET", "HEAD"}
    ]
    guards = [guard_of(route) for route in forms]
    assert len([guard for guard in guards if isinstance(guard, Sends)]) >= 6
    assert not [guard for guard in guards if isinstance(guard, Requires) and not isinstance(guard, Sends)]


async def test_words_of_strangers_stay_words_and_no_page_runs_anything_of_its_own(front, mara, asks):
    conversation = await asks(HOSTILE)
    await front.desk.runtime.accounts.configure(mara.domain.scope, {"title": HOSTILE[:100]}, actor=OPERATOR)
    at = await mara.talk(conversation)
    assert (await mara.send(f"{at}/note", {"text": HOSTILE})).status_code == 303
    assert (await mara.send(f"{at}/reply", {"text": HOSTILE})).status_code == 303
    seen = 0
    for path in (mara.base, f"{mara.base}/inbox", f"{mara.base}/inbox?show=all", at, "/app/sign-in"):
        answer = await mara.open(path)
        seen += answer.text.count("&lt;script&gt;alert(1)")
        assert "<script>" not in answer.text
        assert "<img" not in answer.text
        assert not re.search(r"\s(on\w+|style)=", answer.text.replace("onerror=alert(2)", "")), path
        policy = answer.headers["content-security-policy"]
        nonce = re.search(r"script-src 'nonce-([^']+)'", policy)[1]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        for tag in re.findall(r"<script[^>]*>", answer.text):
            assert f'nonce="{nonce}"' in tag
            assert 'src="/static/' in tag
        assert not re.search(r'(src|action)="(https?:)?//', answer.text)
        assert answer.headers["cache-control"] == "no-store"
    assert seen >= 8
    assert "{{ 7 * 7 }}" in (await mara.open(at)).text


async def test_what_is_another_accounts_is_not_there(front, mara, join, asks):
    theirs = await asks(domain=front.desk.other)
    other = await join(front.desk.other, signed_in=True)
    await mara.open(mara.base)
    for path in (other.base, f"{other.base}/inbox", f"{other.base}/inbox/{theirs}", f"{mara.base}/inbox/{theirs}"):
        await mara.open(path, 404)
    mine = await asks()
    at = await mara.talk(mine)
    for where in (f"{other.base}/inbox/{theirs}", f"{mara.base}/inbox/{theirs}"):
        for action, fields in (("step", {"step": "close"}), ("reply", {"text": "Hm."}), ("note", {"text": "Hm."})):
            assert (await mara.send(f"{where}/{action}", fields)).status_code == 404, (where, action)
    (message,) = front.desk.rows("select id from omniops.message where conversation_id = %s limit 1", theirs)[0]
    for action, fields in (
        ("draft", {"draft": str(uuid4()), "decision": "send"}),
        ("run", {"run": str(uuid4()), "decision": "approve"}),
        ("resend", {"message": str(message)}),
    ):
        assert (await mara.send(f"{at}/{action}", fields)).status_code == 404, action
    assert await _rows(front, theirs) == ["waiting"]


async def test_a_draft_is_sent_in_other_words_or_not_at_all(front, mara, asked):
    page = await front.page()
    await asked(page)
    conversation = (await page.get("/v1/visitor/conversation")).json()
    office = await front.office()
    await office.put(f"conversations/{conversation['id']}/mode", json={"mode": "draft"})
    for decision in ("reject", "send"):
        await asked(page)
        at = await mara.talk(conversation["id"])
        draft = re.search(r'name="draft" value="([^"]+)"', mara.text)[1]
        fields = {"draft": draft, "decision": decision, "text": "Five\r\nworking days."}
        assert (await mara.send(f"{at}/draft", fields)).status_code == 303
        again = await mara.send(f"{at}/draft", fields)
        assert (again.status_code, "This draft is" in again.text) == (409, True)
        if decision == "reject":
            await mara.open(at)
            await mara.send(f"{at}/step", {"step": "hand-back"})
    last = (await page.get("/v1/visitor/conversation")).json()["messages"][-1]
    assert (last["text"], last["author"], last["approved"]) == ("Five\nworking days.", "ai", True)


async def test_what_cannot_be_done_now_is_said_in_place_and_nothing_typed_is_lost(front, mara, asks):
    conversation = await asks()
    at = await mara.talk(conversation)
    assert (await mara.send(f"{at}/step", {"step": "take-over"})).status_code == 303
    long = await mara.send(f"{at}/reply", {"text": "word " * 1000})
    assert long.status_code == 422
    assert 'role="alert"' in long.text
    assert "word word word" in re.search(r"<textarea[^>]*>(.*?)</textarea>", long.text, re.DOTALL)[1]
    session = mara.client.cookies["omniops_session"]
    await front.desk.runtime.members.sign_out(session)
    led = await mara.send(f"{at}/reply", {"text": "Too late."})
    assert (led.status_code, led.headers["location"]) == (303, f"/app/sign-in?next={at}")


async def test_a_message_that_waits_for_a_vendor_says_for_whom_and_since_when(front, mara):
    desk = front.desk
    post = await desk.connection()
    desk.channel.begin(*[NotReady("away")] * 500)
    await desk.take(post, letter(HOSTILE))
    await desk.work()
    while desk.make_due():
        await desk.work()
    ((conversation,),) = desk.rows("select id from omniops.conversation where domain_id = %s", desk.domain.id)
    at = await mara.talk(conversation)
    await mara.send(f"{at}/reply", {"text": "Mara here."})
    await mara.open(at)
    assert "On its way to Post" in mara.text
    await desk.work()
    while desk.make_due():
        await desk.work()
    await mara.open(at)
    assert "Waiting for Post since <time" in mara.text
    await mara.open(mara.base)
    assert "Tried again by itself" in mara.text
    assert "<script>" not in mara.text


async def test_who_may_not_read_conversations_sees_none(front, asks):
    conversation = await asks("A secret of mine.")
    viewer = await front.office(role="viewer")
    base = f"{front.base}/app/{front.desk.domain.id}"
    home = await viewer.get(base)
    assert home.status_code == 200
    assert "A secret" not in home.text
    for path in (f"{base}/inbox", f"{base}/inbox/{conversation}"):
        assert (await viewer.get(path)).status_code == 403
    assert (await viewer.post(f"{base}/inbox/{conversation}/step", data={"step": "close"})).status_code == 403


async def test_a_form_that_is_sent_twice_counts_once_and_changed_it_counts_again(mara, asks):
    at = await mara.talk(await asks())
    once = re.search(r'name="once" value="([\w-]+)"', mara.text)[1]
    said = {"text": "We have it.", "once": once}
    answers = await asyncio.gather(mara.send(at + "/reply", said), mara.send(at + "/reply", said))
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert (await mara.send(at + "/reply", {**said, "text": "In blue."})).status_code == 303
    await mara.open(at)
    assert mara.text.count("We have it.") == 1
    assert mara.text.count("In blue.") == 1


async def test_what_was_refused_may_be_sent_again(mara, asks):
    at = await mara.talk(await asks())
    once = re.search(r'name="once" value="([\w-]+)"', mara.text)[1]
    assert (await mara.send(at + "/step", {"step": "reopen", "once": once})).status_code == 409
    await mara.talk(at.rpartition("/")[2])
    await mara.send(at + "/step", {"step": "close"})
    assert (await mara.send(at + "/step", {"step": "reopen", "once": once})).status_code == 303

"""Attacks on the dashboard, on every form that there is: forged, foreign, stuffed, planted, and words that would run.

The forms are read from the application, so that a new room is attacked without a line here.
"""

import re
from html.parser import HTMLParser
from uuid import uuid4

import pytest
from members_browser import HOSTILE, Member
from omniops.operations.firsts import OPERATOR
from omniops.server.app import create_app
from omniops.server.dashboard.fields import PREFIX
from omniops.server.dashboard.parts_of_settings import PARTS
from omniops.server.forms import HOME, Sends
from omniops.server.permissions import guard_of
from walking import routes

FOREIGN = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
PLANTED = {"id": str(uuid4()), "account_id": str(uuid4()), "widget_key": "oo_mine", "sandbox": "yes"}
FIELDS, TICKS = ("input", "textarea", "select", "button"), ("checkbox", "radio")
ROOMS = ("", "/inbox", "/knowledge", "/knowledge/answers", "/privacy", "/privacy/retention", "/developers/keys",
         "/developers/webhooks", "/developers/website", "/repairs", "/privacy/new", "/privacy/breaches/new",
         *(f"/settings/{part}" for part in PARTS))  # fmt: skip


def forms(front):
    """Paths of all forms behind the sign-in."""
    found = [
        route.path
        for route in routes(create_app(front.desk.runtime))
        if route.path.startswith(HOME) and "POST" in route.methods and isinstance(guard_of(route), Sends)
    ]
    assert len(found) > 30
    return found


def filled(path, domain, value=None):
    """A path with this domain, and ids that belong to nothing, or to `value`."""
    path = path.replace("{domain_id}", str(domain.id))
    return re.sub(r"\{(\w+)\}", lambda m: str(value or uuid4()) if m[1].endswith("_id") else "nothing", path)


class Fields(HTMLParser):
    """Every form of a page: where it goes, and its fields with what they hold. And what of the page would run."""

    def __init__(self, page):
        super().__init__()
        self.forms, self.runs, self._open = [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        at = dict(attrs)
        if tag in ("img", "iframe", "object", "embed", "base") or (tag == "script" and not at.get("nonce")):
            self.runs.append(tag)
        self.runs += [name for name in at if name.startswith("on") or name == "style"]
        self.runs += [value for value in at.values() if (value or "").strip().lower().startswith("javascript:")]
        if tag == "form" and at.get("method") == "post":
            self._open = {}
            self.forms.append((at["action"], self._open))
        elif self._open is not None and tag in FIELDS and at.get("name") and at.get("type") not in TICKS:
            self._open.setdefault(at["name"], (at.get("type", tag), at.get("value") or ""))

    def handle_endtag(self, tag):
        if tag == "form":
            self._open = None


async def state(front):
    """What any of it could have changed."""
    return front.desk.rows("select count(*) from omniops.audit_entry where action not like 'vault.%%'")


async def test_no_form_takes_effect_without_its_page_or_from_elsewhere(front, mara, join):
    other = await join(mara.domain, signed_in=True)
    await other.open(other.base)
    foreign = re.search(r'name="token" value="(\w+)"', other.text)[1]
    await mara.open(mara.base)
    before = await state(front)
    for path in forms(front):
        at = filled(path, mara.domain)
        for refused in (
            await mara.send(at, token="none"),
            await mara.send(at, token=foreign),
            await mara.send(at, headers=FOREIGN),
            await mara.send(at, headers={"Origin": "null"}),
        ):
            assert refused.status_code == 403, (path, refused.status_code)
    assert await state(front) == before


async def test_no_form_of_another_account_is_there(front, mara, join):
    other = await join(front.desk.other, signed_in=True)
    await mara.open(mara.base)
    before = await state(front)
    for path in forms(front):
        answer = await mara.send(filled(path, other.domain))
        assert answer.status_code == 404, (path, answer.status_code)
    assert await state(front) == before


async def test_no_form_takes_a_field_that_it_does_not_name(front, mara):
    await mara.open(mara.base)
    before = await state(front)
    for path in forms(front):
        answer = await mara.send(filled(path, mara.domain), {"account_id": str(uuid4()), "role": "owner"})
        assert answer.status_code in (404, 422), (path, answer.status_code)
    assert await state(front) == before


async def test_settings_change_by_the_fields_of_their_form_alone(front, mara):
    """The one form whose fields come from a model: what it does not have reaches nothing."""
    for part in PARTS:
        path = f"{mara.base}/settings/{part}"
        await mara.open(path)
        (fields,) = [fields for action, fields in Fields(mara.text).forms if action == f"{path}/keep"]
        whole = {name: value for name, (_, value) in fields.items() if value}
        planted = {f"{before}{name}": value for before in ("", PREFIX) for name, value in PLANTED.items()}
        answer = await mara.send(f"{path}/keep", {**planted, **whole})
        assert answer.status_code in (303, 422), (part, answer.status_code)
    now = await front.desk.runtime.accounts.domain(mara.domain.scope)
    assert (now.scope, now.widget_key, now.sandbox) == (mara.domain.scope, mara.domain.widget_key, mara.domain.sandbox)


async def test_the_other_accounts_ids_lead_nowhere_in_any_path(front, mara):
    """Of a form whose path names something: a receiver of the other account stands for it everywhere."""
    runtime = front.desk.runtime
    theirs, _ = await runtime.webhooks.endpoints.add(front.desk.other.scope, "https://x.example/", actor=OPERATOR)
    await mara.open(mara.base)
    for path in forms(front):
        if re.search(r"\{(?!domain_id)\w+_id\}", path):
            for fields in ({"step": "pause"}, {"step": "delete"}, {"url": "https://y.example/"}, {}):
                answer = await mara.send(filled(path, mara.domain, theirs.id), fields)
                assert answer.status_code in (404, 422), (path, answer.status_code)
    assert await runtime.webhooks.endpoints.one(front.desk.other.scope, theirs.id) == theirs


@pytest.mark.parametrize("page", ["<p onclick=a>", "<img src=x>", "<script>a</script>", "<a href=' javascript:a'>"])
def test_what_would_run_is_seen(page):
    assert Fields(page).runs


async def test_words_that_would_run_stay_words_in_every_field_of_every_room(front, mara):
    """Fills each text field of each form with words that would run, and looks at what comes back and at all rooms."""
    typed = 0
    for room in ROOMS:
        await mara.open(mara.base + room)
        for action, fields in Fields(mara.text).forms:
            if action.endswith("/sign-out"):
                continue
            given = {}
            for name, (kind, value) in fields.items():
                hostile = kind in ("text", "url", "textarea", "email", "search", "tel")
                typed += hostile
                given[name] = HOSTILE if hostile else value
            given = {name: value for name, value in given.items() if value}
            answer = await mara.client.post(action, data=given, headers=mara.origin)
            assert answer.status_code < 500, (action, answer.text[:300])
            _plain(answer.text, action)
    for room in ROOMS:
        await mara.open(mara.base + room)
        _plain(mara.text, room)
    assert typed > 15


def _plain(page, where):
    """Nothing of a page runs but our own script, and nothing was worked out that somebody typed."""
    assert Fields(page).runs == [], where
    assert "onerror=alert(2)&gt; 49" not in page, where


@pytest.mark.parametrize(
    "place", ["https://evil.example", "//evil.example/app", "/\\evil.example", "/app/../..//evil.example"]
)
async def test_no_way_in_leads_out(join, place):
    member = await join()
    page = await member.client.get("/app/sign-in", params={"next": place})
    assert "evil.example" not in page.text
    answer = await member.sign_in(place)
    assert answer.headers["location"] == "/app"


async def test_a_session_that_an_attacker_planted_is_worth_nothing(front, join):
    """Neither one that was never given, nor the attacker's own: signing in ends it and gives another."""
    attacker, victim = await join(signed_in=True), await join()
    planted = attacker.client.cookies["omniops_session"]
    for cookie in ("oo_session_planted", planted):
        browser = Member(front, victim.domain, victim.email, cookie)
        answer = await browser.sign_in()
        given = re.search(r"omniops_session=([^;]+)", answer.headers["set-cookie"])[1]
        assert given not in ("oo_session_planted", planted)
    assert await front.desk.runtime.members.principal(planted) is None

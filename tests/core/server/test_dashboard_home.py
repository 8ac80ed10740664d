"""Home: the way to the first answer, whose steps close when a look sees them, and the every-day view behind it."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from members_browser import HOSTILE
from omniops.contracts.scope import Actor
from omniops.operations.firsts import OPERATOR
from omniops.web.pages import script_address

NOON = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"
"""A zone in which midnight is far, before and behind: the clock of the desk is an hour ahead of the database's."""
HOURS = {"zone": NOON, "week": {"mon": ["09:00-17:00"]}}
SHOP = Actor("member", "test")


@pytest.fixture
def way(front):
    async def way(member=None):
        office = await front.office()
        answer = await office.get("checklist")
        assert answer.status_code == 200, answer.text
        return answer.json()

    return way


async def shows(front, domain, referer):
    """A browser loads the chat's script from a page."""
    path = script_address("", domain.widget_key)
    answer = await front.client(**({"Referer": referer} if referer else {})).get(path)
    assert answer.status_code == 200


async def gone_live(front, monkeypatch):
    """All steps, by what a business really does."""
    domain, runtime = front.desk.domain, front.desk.runtime
    await front.desk.page("Delivery takes two days.")
    await shows(front, domain, f"{domain.origins[0]}/boots")
    await front.configure(hours=HOURS)
    for name, value in (("legal_name", "Harbour & Sons"), ("privacy_email", "privacy@harbour.example")):
        monkeypatch.setitem(runtime.settings.__dict__, name, value)


def seen(way):
    return [step["key"] for step in way["steps"] if step["seen"] and not step["optional"]]


async def test_each_step_closes_when_a_look_sees_it_and_not_before(front, way, asked, monkeypatch):
    domain = front.desk.domain
    first = await way()
    assert [step["key"] for step in first["steps"]] == [
        "knowledge", "question", "widget", "people", "contact", "model",
    ]  # fmt: skip
    assert (seen(first), first["following"]) == ([], "knowledge")
    await front.desk.page("Delivery takes two days.")
    assert ((await way())["following"], seen(await way())) == ("question", ["knowledge"])
    await asked(await front.page(), "How long does delivery take?")
    assert (await way())["following"] == "widget"
    await shows(front, domain, None)
    await shows(front, domain, f"{front.base}/try?key={domain.widget_key}")
    await shows(front, domain, "https://somebody-else.example/")
    await shows(front, domain, "null")
    await shows(front, domain, f"{domain.origins[0]}.evil.example/")
    assert (await way())["following"] == "widget", "no page of the website asked"
    await shows(front, domain, f"{domain.origins[0]}/boots?size=46")
    assert (await way())["following"] == "people"
    await front.configure(hours=HOURS)
    assert (await way())["following"] == "contact"
    monkeypatch.setitem(front.desk.runtime.settings.__dict__, "legal_name", "Harbour & Sons")
    assert (await way())["following"] == "contact", "a name alone answers nobody"
    monkeypatch.setitem(front.desk.runtime.settings.__dict__, "privacy_email", "privacy@harbour.example")
    last = await way()
    assert last["following"] is None
    assert len(seen(last)) == 5


async def test_the_chats_own_look_is_a_sighting_too_and_hours_may_be_missing_where_a_colleague_is(front, way, join):
    domain = front.desk.domain
    config = "/v1/visitor/config"
    await front.client(Origin=domain.origins[0]).get(config, params={"key": domain.widget_key})
    assert "widget" in seen(await way())
    await join()
    assert "people" not in seen(await way())
    await join()
    assert "people" in seen(await way())


async def test_what_is_anothers_does_not_count(front, way, asked):
    other = front.desk.other
    await asked(await front.page(other), "Do you read me?")
    await shows(front, other, other.origins[0])
    assert seen(await way()) == []
    assert (await (await front.office()).get(f"{front.base}/v1/domains/{other.id}/checklist")).status_code == 404
    assert (await front.client().get(f"/v1/domains/{front.desk.domain.id}/checklist")).status_code == 401


async def test_the_next_step_is_the_only_box_with_its_one_button(front, mara, asked, monkeypatch):
    steps = ("Read it now", "Ask it something", "Check my site now", "Set the hours", "See the privacy page")
    domain = front.desk.domain

    async def box(button):
        await mara.open(mara.base)
        assert mara.text.count('aria-current="step"') == 1
        assert mara.text.count('class="primary"') + mara.text.count("button primary") == 1
        assert [step for step in steps if f">{step}</" in mara.text and "primary" in mara.text] != []
        assert f">{button}</" in mara.text

    await box("Read it now")
    await front.desk.page("Delivery takes two days.")
    await box("Ask it something")
    await asked(await front.page())
    await box("Check my site now")
    assert domain.widget_key in mara.text
    await shows(front, domain, domain.origins[0])
    await box("Set the hours")
    await front.configure(hours=HOURS)
    await box("See the privacy page")
    await gone_live(front, monkeypatch)
    await mara.open(mara.base)
    assert "Go live" not in mara.text
    assert "Nobody is waiting for a person." in mara.text


async def test_the_website_is_read_by_one_button_and_what_hinders_it_is_said_beside_it(front, mara):
    await mara.open(mara.base)
    refused = await mara.send(f"{mara.base}/read")
    assert refused.status_code == 409
    assert "Nobody showed yet that" in refused.text
    assert 'aria-current="step"' in refused.text
    host = urlsplit(mara.domain.origins[0]).hostname
    await front.desk.runtime.knowledge.ownership.claim(mara.domain.scope, host, actor=OPERATOR)
    answer = await mara.send(f"{mara.base}/read")
    assert (answer.status_code, answer.headers["location"]) == (303, mara.base)
    (source,) = await front.desk.runtime.knowledge.sources(mara.domain.scope)
    assert source.url.startswith(mara.domain.origins[0])


async def test_who_may_not_change_anything_sees_the_way_and_no_button_of_it(front):
    viewer = await front.office(role="viewer")
    base = f"{front.base}/app/{front.desk.domain.id}"
    body = (await viewer.get(base)).text
    assert "An admin of your account starts it." in body
    assert "Read it now" not in body
    assert (await viewer.post(f"{base}/read", data={})).status_code == 403
    other = await front.office(front.desk.other)
    assert (await other.post(f"{base}/read", data={})).status_code == 404


async def test_whoever_waits_stands_before_the_steps(mara, asks):
    await asks("Is anybody there?")
    await mara.open(mara.base)
    assert "One person is waiting" in mara.text
    assert mara.text.index("Is anybody there?") < mara.text.index("Go live")


async def test_an_every_day_home_counts_the_day_and_shows_the_last_answers_as_words(
    front, mara, asked, asks, monkeypatch
):
    await gone_live(front, monkeypatch)
    await asked(await front.page(), f"{HOSTILE} how long does delivery take?")
    conversation = await asks("And a person, please?")
    await mara.open(mara.base)
    assert "Since midnight 2 conversations: the AI answered 1 alone, and 1 went to a person." in (
        " ".join(mara.text.split())
    )
    last = mara.text[mara.text.index("Last answers by the AI") :]
    assert "how long does delivery take?" in last
    assert "<script>alert" not in mara.text
    assert "None was tried on this server yet" in mara.text
    await front.desk.runtime.inbox.reply(front.desk.domain.scope, conversation, "Here I am.", actor=SHOP)
    await mara.open(mara.base)
    assert "Nobody is waiting for a person." in mara.text

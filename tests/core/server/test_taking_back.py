"""A consent that is taken back by words in a chat: what ends, where, and who is told."""

import secrets
from urllib.parse import urlsplit

import pytest
from omniops.privacy.service import choices


async def worked_off(desk):
    for room in ("privacy", "mail"):
        await desk.work(room)


async def only_case(front):
    office = await front.office()
    listed = (await office.get("cases")).json()["data"]
    return (await office.get(f"cases/{listed[-1]['id']}")).json()


async def agreed(page):
    answer = await page.post("/v1/visitor/consent", json={"purpose": "analytics", "given": True})
    assert answer.status_code == 204
    return page


async def states(page):
    return (await page.get("/v1/visitor/conversation")).json()["consents"]


async def test_words_that_take_a_consent_back_end_it_at_once(front, desk, asked):
    page, other = await agreed(await front.page()), await agreed(await front.page())
    events = dict(await asked(page, "I withdraw my consent."))
    assert (await states(page), await states(other)) == ({"analytics": "withdrawn"}, {"analytics": "given"})
    assert desk.provider.requests == []
    assert "Done: whatever this chat had your consent for has ended" in events["text"]["text"]
    (button,) = events["card"]["card"]["buttons"]
    choices_page = urlsplit(button["url"])
    assert choices_page.path == "/preferences"
    assert (await front.client().get(f"/preferences?{choices_page.query}")).status_code == 200
    await worked_off(desk)
    case = await only_case(front)
    assert (case["right"], case["channel"], case["identity"]) == ("withdrawal", "chat", "session")
    assert (case["state"], case["outcome"]) == ("closed", "done")
    assert case["tasks"][0]["evidence"] == "1 consents withdrawn in the ledger."
    assert "Your request is done" in (await page.get("/v1/visitor/conversation")).json()["messages"][-1]["text"]
    history = (await page.get("/v1/visitor/preferences", params={"key": desk.domain.widget_key})).json()["history"]
    assert [(entry["event"], entry["method"]) for entry in history] == [("given", "api"), ("withdrawn", "chat")]


async def test_it_ends_while_a_person_answers_as_well_and_said_twice_it_is_one(front, desk, asked):
    page = await agreed(await front.page())
    await page.post("/v1/visitor/person", json={})
    await asked(page, "Ich widerrufe meine Einwilligung")
    assert await states(page) == {"analytics": "withdrawn"}
    await asked(page, "Ich widerrufe meine Einwilligung!")
    assert "Done: " in (await page.get("/v1/visitor/conversation")).json()["messages"][-1]["text"]
    office = await front.office()
    assert [case["right"] for case in (await office.get("cases")).json()["data"]] == ["withdrawal"]


async def test_a_question_about_it_is_confirmed_first(front, desk, asked):
    page = await agreed(await front.page())
    events = dict(await asked(page, "Can you withdraw my consent?"))
    assert await states(page) == {"analytics": "given"}
    (button,) = events["card"]["card"]["buttons"]
    assert (await front.client().post(urlsplit(button["url"]).path)).status_code == 200
    await worked_off(desk)
    assert await states(page) == {"analytics": "withdrawn"}


async def test_with_an_erasure_in_one_message_the_consent_ends_at_once_and_the_rest_is_confirmed(front, desk, asked):
    page = await agreed(await front.page())
    events = dict(await asked(page, "I withdraw my consent. Please delete all my data."))
    assert await states(page) == {"analytics": "withdrawn"}
    assert "Nothing is done before you confirm" in events["text"]["text"]
    office = await front.office()
    cases = {case["right"]: case["state"] for case in (await office.get("cases")).json()["data"]}
    assert cases == {"withdrawal": "open", "erasure": "unproven"}


# What was allowed in a banner


async def banner_yes(front, page, domain=None):
    """A browser says yes to everything in a banner, and gets its number."""
    domain = domain or front.desk.domain
    shown = [one for one in choices(front.desk.runtime.catalog, "en") if one.purpose in ("analytics", "advertising")]
    answers = [{"purpose": one.purpose, "given": True, "notice": one.notice, "version": one.version} for one in shown]
    answer = await page.post("/v1/visitor/choices", json={"key": domain.widget_key, "answers": answers})
    return answer.json()["consent"]


async def in_the_banner(front, number, domain=None):
    """What stands of a browser's choices, and whether its number is worth anything."""
    headers = {"Authorization": f"Bearer {number}"}
    domain = domain or front.desk.domain
    client = front.client(Origin=domain.origins[0])
    answer = await client.get("/v1/visitor/choices", params={"key": domain.widget_key}, headers=headers)
    found = answer.json()
    return found["answers"], found["consent"] is not None, [one["name"] for one in found["forget"]]


ALL = {"analytics": "given", "advertising": "given"}
NONE = {"analytics": "withdrawn", "advertising": "withdrawn"}


async def test_words_in_the_chat_end_what_the_banner_of_that_browser_allowed(front, desk, asked):
    page = await agreed(await front.page())
    number = await banner_yes(front, page)
    await asked(page, "Do you have tents?", consent=number)
    assert await in_the_banner(front, number) == (ALL, True, [f"omniops:{desk.domain.widget_key}:token"])
    events = dict(await asked(page, "I withdraw my consent."))  # the number came with an earlier message
    assert events["consent"] == {"consents": NONE}
    assert await in_the_banner(front, number) == (NONE, False, [f"omniops:{desk.domain.widget_key}:token"])
    assert await states(page) == {"analytics": "withdrawn"}
    body = {"key": desk.domain.widget_key, "events": [{"kind": "page", "page": "/"}]}
    headers = {"Authorization": f"Bearer {number}"}
    refused = await page.post("/v1/visitor/analytics", json=body, headers=headers)
    assert refused.status_code in (401, 403), "no page view is counted from that moment on"
    methods = desk.rows("select distinct method from omniops.consent_event where answer = 'withdrawn'")
    assert methods == [("chat",)]


async def test_they_end_it_while_a_person_answers_as_well(front, desk, asked):
    page = await front.page()
    number = await banner_yes(front, page)
    await page.post("/v1/visitor/person", json={})
    events = dict(await asked(page, "Ich widerrufe meine Einwilligung", consent=number))
    assert (events["consent"], events["none"]) == ({"consents": NONE}, {"state": "waiting"})
    assert (await in_the_banner(front, number))[0] == NONE


async def test_a_case_that_a_person_confirms_ends_it_too(front, desk, asked):
    page = await front.page()
    number = await banner_yes(front, page)
    events = dict(await asked(page, "Can you withdraw my consent?", consent=number))
    assert (await in_the_banner(front, number))[0] == ALL
    (button,) = events["card"]["card"]["buttons"]
    await front.client().post(urlsplit(button["url"]).path)
    await worked_off(desk)
    assert (await in_the_banner(front, number))[0] == NONE


@pytest.mark.parametrize("kind", ["made up", "of another website", "of the session"])
async def test_a_number_that_is_not_this_websites_does_nothing(front, desk, asked, kind):
    page = await front.page()
    ours = await banner_yes(front, page)
    elsewhere = desk.other
    theirs = await banner_yes(front, front.client(Origin=elsewhere.origins[0]), elsewhere)
    forged = {
        "made up": f"oo_consent_{secrets.token_urlsafe(24)}",
        "of another website": theirs,
        "of the session": page.headers["Authorization"].removeprefix("Bearer "),
    }
    events = dict(await asked(page, "I withdraw my consent.", consent=forged[kind]))
    assert "consent" not in events
    assert "done" in events, "the message is answered as any other"
    assert (await in_the_banner(front, ours))[0] == ALL
    assert (await in_the_banner(front, theirs, elsewhere))[0] == ALL


async def test_whoever_chats_next_in_a_browser_has_its_word_and_the_one_before_has_not(front, desk, asked):
    first, second = await front.page(), await front.page()
    number = await banner_yes(front, first)
    await asked(first, "Hello", consent=number)
    await asked(second, "Hello", consent=number)
    await asked(first, "I withdraw my consent.")
    assert (await in_the_banner(front, number))[0] == ALL
    await asked(second, "I withdraw my consent.")
    assert (await in_the_banner(front, number))[0] == NONE


# Other words of who chats in that browser


async def test_an_erasure_by_words_reaches_what_was_kept_of_the_browser_once_it_is_confirmed(front, desk, asked):
    page = await front.page()
    number = await banner_yes(front, page)
    body = {"key": desk.domain.widget_key, "events": [{"kind": "page", "page": "/"}]}
    counted = await page.post("/v1/visitor/analytics", json=body, headers={"Authorization": f"Bearer {number}"})
    assert counted.status_code == 204

    def views():
        return desk.rows("select count(*) from omniops.analytics_event where domain_id = %s", desk.domain.id)[0][0]

    events = dict(await asked(page, "Please delete all my data.", consent=number))
    assert views() == 1
    (button,) = events["card"]["card"]["buttons"]
    assert (await front.client().post(urlsplit(button["url"]).path)).status_code == 200
    await worked_off(desk)
    assert views() == 0
    assert (await in_the_banner(front, number))[:2] == ({}, False), "the number stands for nobody"
    case = await only_case(front)
    assert (case["right"], case["state"], case["outcome"]) == ("erasure", "closed", "done")


async def test_a_copy_that_words_ask_for_holds_nothing_of_the_browser(front, desk, asked):
    page = await front.page()
    number = await banner_yes(front, page)
    await asked(page, "I withdraw my consent. Please send me a copy of my data.", consent=number)
    statement = 'select "right", jsonb_array_length(subjects) from omniops.rights_case where domain_id = %s'
    subjects = dict(desk.rows(statement, desk.domain.id))
    assert subjects == {"withdrawal": 2, "access": 1}, "somebody else may have sat there before"


async def test_a_childs_age_said_in_the_chat_shuts_the_browser_for_a_later_yes(front, desk, asked):
    page = await front.page()
    number = await banner_yes(front, page)
    await asked(page, "I am 11", consent=number)
    assert (await in_the_banner(front, number))[:2] == (NONE, True), "the browser stays known"
    shown = next(one for one in choices(desk.runtime.catalog, "en") if one.purpose == "analytics")
    yes = {"purpose": "analytics", "given": True, "notice": shown.notice, "version": shown.version}
    for _ in range(2):
        sent = {"key": desk.domain.widget_key, "consent": number, "answers": [yes]}
        answer = (await page.post("/v1/visitor/choices", json=sent)).json()
        assert answer == {"consent": number, "answers": {"analytics": "withdrawn"}}
    desk.clock.forward(days=2)
    await desk.runtime.privacy.consent_jobs.expire()
    assert (await in_the_banner(front, number))[:2] == (NONE, True)
    case = await only_case(front)
    office = await front.office()
    consent = {"evidence": "The mother's passport was seen.", "purposes": ["analytics"]}
    await office.post(f"cases/{case['id']}/consent", json=consent)
    sent["answers"] = [yes]
    answer = (await page.post("/v1/visitor/choices", json=sent)).json()
    assert answer["answers"] == {"analytics": "given"}, "a parent opens it there as well"

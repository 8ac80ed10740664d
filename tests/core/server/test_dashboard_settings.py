"""The room of a website's settings: what forms change, what they leave alone, and who may."""

import re

import pytest
from members_browser import HOSTILE

FORM = re.compile(r'<(?:input|textarea|select) id="[\w.-]+" name="(field\.\w+)"')


def at(member, part):
    return f"{member.base}/settings/{part}"


async def stands(front, member):
    return await front.desk.runtime.accounts.domain(member.domain.scope)


WEBSITE = {"field.title": "Tarn", "field.origins": "https://tarn.example\nhttps://www.tarn.example/\n"}
HOURS = {
    "field.zone": "Europe/Berlin",
    "field.mon": "09:00-12:30, 13:30-18:00",
    "field.sat": "10:00 - 12:00",
    "field.exceptions": "2026-12-25 closed\n2026-12-31: 09:00-12:00",
    "field.answer_minutes": "15",
}


async def test_name_and_addresses_are_changed_together(front, mara):
    await mara.open(f"{mara.base}/settings", 303)
    await mara.open(at(mara, "website"))
    answer = await mara.send(at(mara, "website") + "/keep", {**WEBSITE, "field.enabled": "yes"})
    assert answer.headers["location"] == at(mara, "website") + "?kept=yes"
    domain = await stands(front, mara)
    assert (domain.title, domain.origins) == ("Tarn", ("https://tarn.example", "https://www.tarn.example"))
    await mara.open(answer.headers["location"])
    assert "Kept." in mara.text


async def test_hours_come_and_go_as_text(front, mara):
    await mara.open(at(mara, "hours"))
    await mara.send(at(mara, "hours") + "/keep", HOURS)
    hours = (await stands(front, mara)).settings.hours
    assert hours.zone == "Europe/Berlin"
    assert hours.week == {"mon": ["09:00-12:30", "13:30-18:00"], "sat": ["10:00-12:00"]}
    assert [(str(day), spans) for day, spans in hours.exceptions.items()] == [
        ("2026-12-25", []), ("2026-12-31", ["09:00-12:00"])
    ]  # fmt: skip
    await mara.open(at(mara, "hours"))
    for words in ("09:00-12:30, 13:30-18:00", "2026-12-25 closed", "2026-12-31 09:00-12:00", 'value="15"'):
        assert words in mara.text
    await mara.send(at(mara, "hours") + "/keep", {})
    assert (await stands(front, mara)).settings.hours is None


@pytest.mark.parametrize(
    ("part", "wrong", "said"),
    [
        ("website", {**WEBSITE, "field.origins": "javascript:alert(1)"}, "is no website address"),
        ("website", {**WEBSITE, "field.title": ""}, "Field required"),
        ("website", {**WEBSITE, "field.jurisdiction": "1!"}, "String should match"),
        ("chat", {"field.brand": "#ffff"}, "is no colour"),
        ("chat", {"field.brand": "#7c7c7c"}, "readable"),
        ("chat", {"field.suggestions": "a\nb\nc\nd\ne\nf"}, "at most 5"),
        ("hours", {**HOURS, "field.mon": "18:00-09:00"}, "are no hours"),
        ("hours", {**HOURS, "field.zone": "Mars/North"}, "is no time zone"),
        ("hours", {**HOURS, "field.exceptions": "Christmas closed"}, "begins with no date"),
        ("answers", {"field.answer_cut": "2", "field.closest_cut": "0.4"}, "less than or equal to 1"),
        ("models", {"field.daily_budget": "-1"}, "greater than or equal to 0"),
        ("models", {"field.admin": "yes"}, "no field"),
    ],
)  # fmt: skip
async def test_what_does_not_fit_changes_nothing_and_loses_nothing(front, mara, part, wrong, said):
    before = await stands(front, mara)
    await mara.open(at(mara, part))
    answer = await mara.send(at(mara, part) + "/keep", wrong)
    assert answer.status_code == 422
    assert said in answer.text
    assert [value for name, value in wrong.items() if name != "field.admin" and value not in answer.text] == []
    assert await stands(front, mara) == before


async def test_what_a_form_only_repeats_is_no_persons_word(front, mara):
    await mara.open(at(mara, "answers"))
    values = dict(re.findall(r'name="(field\.\w+)"[^>]*value="([^"]*)"', mara.text))
    await mara.send(at(mara, "answers") + "/keep", {**values, "field.least_age": "18"})
    domain = await stands(front, mara)
    assert domain.settings.least_age == 18
    assert not {"answer_cut", "closest_cut"} & domain.by_hand


async def test_words_of_members_stay_words(front, mara):
    await mara.open(at(mara, "chat"))
    await mara.send(at(mara, "chat") + "/keep", {"field.placeholder": HOSTILE[:80], "field.suggestions": HOSTILE})
    await mara.open(at(mara, "chat"))
    assert "<script>alert" not in mara.text
    assert (await stands(front, mara)).settings.suggestions == [HOSTILE]


async def test_only_who_manages_the_website_gets_in(front):
    base = f"/app/{front.desk.domain.id}/settings/website"
    for office, status in ((await front.office(role="agent"), 403), (await front.office(front.desk.other), 404)):
        client = front.client(Authorization=office.headers["Authorization"])
        assert (await client.get(base)).status_code == status
        assert (await client.post(base + "/keep", data=WEBSITE)).status_code == status
    assert (await stands(front, front.desk)).title != "Tarn"


async def test_every_part_has_a_form_and_there_is_no_other(mara):
    for part in ("website", "chat", "hours", "answers", "models"):
        await mara.open(at(mara, part))
        assert FORM.search(mara.text), part
    await mara.open(at(mara, "nothing"), 404)

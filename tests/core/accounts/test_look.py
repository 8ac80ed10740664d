"""Colours that can be read, page rules that browsers understand, and hours as businesses keep them."""

import re
from datetime import UTC, datetime

import pytest
from omniops.accounts.hours import OpeningHours
from omniops.accounts.look import TEXTS, Hello, checked_brand, contrast, tint
from omniops.accounts.service import DomainSettings
from pydantic import ValidationError

WEEK = {day: ["09:00-12:30", "13:30-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
LONDON = OpeningHours(zone="Europe/London", week=WEEK, exceptions={"2026-12-25": [], "2026-11-28": ["10:00-14:00"]})


def at(hours, text):
    presence = hours.at(datetime.fromisoformat(text).astimezone(UTC))
    return presence.open, *(moment and moment.isoformat() for moment in (presence.until, presence.opens))


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#14201b", "#ffffff") == pytest.approx(16.77, abs=0.01)
    assert contrast("#7c8782", "#ffffff") == pytest.approx(3.72, abs=0.01)


@pytest.mark.parametrize("colour", ["#7a4018", "#FFD400", "#000000", "#ffffff", "#0b5fff"])
def test_a_colour_carries_text_that_can_be_read(colour):
    ground, text = tint(checked_brand(colour))
    assert ground == colour.lower()
    assert text in TEXTS
    assert contrast(ground, text) >= 4.5


@pytest.mark.parametrize("colour", ["#808080", "#8a6f9e", "red", "#fff", "#12345g", "rgb(1,2,3)"])
def test_a_colour_on_which_nothing_can_be_read_is_refused_with_the_reason(colour):
    with pytest.raises(ValidationError, match=r"is no colour|is readable on"):
        DomainSettings(brand=colour)


@pytest.mark.parametrize("colour", ["", "#07663f", "#0a7a3f", "#00c853"])
def test_a_green_or_none_leaves_the_ink(colour):
    assert tint(checked_brand(colour)) is None


@pytest.mark.parametrize(
    ("rule", "path", "fits"),
    [
        ("/tents/*", "/tents/ridge-2", True),
        ("/tents/*", "/boots/tents/x", False),
        ("/", "/", True),
        ("/", "/tents", False),
        ("*", "/x", None),
        ("/a.b", "/a.b", True),
        ("/a.b", "/axb", False),
        ("/größe/*", "/gr%C3%B6%C3%9Fe/38", True),
        ("/*/sale", "/de/sale", True),
        ("/(a+)+$", "/(a+)+$", None),
    ],
)
def test_page_rules_mean_what_they_say(rule, path, fits):
    if fits is None:
        with pytest.raises(ValidationError):
            Hello(path="/?" if rule != "*" else rule, text="x")
        return
    assert bool(re.search(Hello(path=rule, text="x").expression, path)) is fits


def test_a_rule_that_could_hold_up_a_browser_is_refused():
    with pytest.raises(ValidationError, match="At most 4 stars"):
        Hello(path="/*a*a*a*a*a", text="x")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-27T10:00+00:00", (True, "2026-11-27T12:30:00+00:00", "2026-11-27T13:30:00+00:00")),
        ("2026-11-27T12:30+00:00", (False, None, "2026-11-27T13:30:00+00:00")),
        ("2026-11-27T18:00+00:00", (False, None, "2026-11-28T10:00:00+00:00")),
        ("2026-11-28T14:00+00:00", (False, None, "2026-11-30T09:00:00+00:00")),
        ("2026-12-24T20:00+00:00", (False, None, "2026-12-28T09:00:00+00:00")),
        # Summer time: nine o'clock in London is eight in UTC.
        ("2026-07-01T07:59+00:00", (False, None, "2026-07-01T08:00:00+00:00")),
        ("2026-07-01T08:00+00:00", (True, "2026-07-01T11:30:00+00:00", "2026-07-01T12:30:00+00:00")),
    ],
)
def test_hours_know_breaks_exceptions_weekends_and_summer_time(now, expected):
    assert at(LONDON, now) == expected


def test_a_night_is_one_opening_and_always_has_no_end():
    bar = OpeningHours(zone="UTC", week={"fri": ["20:00-24:00"], "sat": ["00:00-03:00"]})
    assert at(bar, "2026-11-27T23:00+00:00")[:2] == (True, "2026-11-28T03:00:00+00:00")
    always = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    assert at(OpeningHours(zone="UTC", week=always), "2026-11-27T23:00+00:00") == (True, None, None)
    assert at(OpeningHours(zone="UTC"), "2026-11-27T23:00+00:00") == (False, None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Mars/Olympus"},
        {"zone": "../etc/passwd"},
        {"zone": "UTC", "week": {"mon": ["9-17"]}},
        {"zone": "UTC", "week": {"mon": ["17:00-09:00"]}},
        {"zone": "UTC", "week": {"mon": ["09:00-12:00", "11:00-13:00"]}},
        {"zone": "UTC", "week": {"someday": []}},
        {"zone": "UTC", "exceptions": {"tomorrow": []}},
        {"zone": "UTC", "answer_minutes": 0},
    ],
)
def test_hours_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(ValidationError):
        OpeningHours(**wrong)

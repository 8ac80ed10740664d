"""A member reads who settled conversations and how fast, and goes from a number to what stands behind it."""

import random
import re
from datetime import timedelta

import pytest
from members import looked_at, sign_in
from omniops.analytics.models import AnalyticsCount
from playwright.sync_api import expect
from talks import Talks


async def sixty(desk, domain):
    """Sixty days as a shop has them: fewer at the week's end, a new model in the middle, mail that people answer."""
    dice, now = random.Random(7), desk.clock.now()
    talks = Talks(desk.runtime, domain.scope)
    for ago in range(60):
        day = now - timedelta(days=ago, minutes=5)
        for _ in range(2 if day.weekday() > 4 else 5):
            ms = round(dice.lognormvariate(6.3, 0.6))
            settled = dice.random() < (0.85 if ago < 30 else 0.6)
            mail = dice.random() < 0.25
            await talks.add(
                day,
                channel="post" if mail else "website",
                state="ai" if settled or dice.random() < 0.7 else "waiting",
                called=None if settled else 20,
                person=None if settled or dice.random() < 0.2 else dice.randint(60, 7200),
                first_ms=ms,
                helpful=dice.choice([True, True, True, False, None, None, None, None, None]),
                deployment="model/one" if ago < 15 else "model/zero",
                usd=f"{dice.uniform(0.001, 0.008):.4f}",
            )
    async with desk.runtime.database.session(domain.scope) as session:
        counts = {"page": {"/tents": 412, "/boots": 230, "/delivery": 118}, "device": {"phone": 520, "desktop": 240}}
        for what, values in counts.items():
            for value, count in values.items():
                row = AnalyticsCount(domain_id=domain.id, day=now.date(), what=what, value=value, count=count)
                session.add(row)
        await session.commit()


def fits(page, size):
    """Nothing is cut off, on the narrowest screen neither."""
    for width in (320, size[0]):
        page.set_viewport_size({"width": width, "height": size[1]})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width


@pytest.mark.parametrize(("name", "scheme", "size"), [
    ("desktop-light", "light", (1440, 900)), ("phone-dark", "dark", (390, 844)),
])  # fmt: skip
def test_a_number_leads_to_what_stands_behind_it(show, stage, office, name, scheme, size):
    domain, email = office
    page = sign_in(show, stage, email, f"/app/{domain.id}/analytics", scheme=scheme, size=size).page
    expect(page.locator(".statement")).to_contain_text("Nobody wrote")
    looked_at(page, f"analytics-empty-{name}")
    stage.run(sixty(stage.desk, domain))
    page.reload()
    expect(page.locator("#settled")).to_contain_text("The AI settled")
    expect(page.locator("svg.chart")).to_have_count(3)
    looked_at(page, f"analytics-{name}")
    fits(page, size)
    page.get_by_text("Table by day").click()
    page.get_by_text("Table of times").click()
    looked_at(page, f"analytics-tables-{name}")
    page.locator("summary", has_text="Period").click()
    page.get_by_role("link", name="7 days").click()
    expect(page.get_by_role("link", name="7 days, CSV").first).to_be_visible()
    page.get_by_text("Table by day").click()
    page.get_by_role("region", name="By day").get_by_role("link").first.click()
    expect(page.locator("h1")).to_contain_text("Conversations on")
    looked_at(page, f"analytics-behind-{name}")
    page.get_by_role("rowheader").first.get_by_role("link").click()
    expect(page).to_have_url(re.compile("/inbox/"))
    with page.expect_download() as saved:
        page.goto(f"{stage.api}/app/{domain.id}/analytics")
        page.locator("summary", has_text="CSV").click()
        page.get_by_role("link", name="By channel").click()
    assert saved.value.suggested_filename.startswith("channels-")

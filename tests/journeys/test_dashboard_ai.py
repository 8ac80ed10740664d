"""A member reads who answers, and asks them all one question beside each other. In a real browser."""

import pytest
from members import looked_at, sign_in
from omniops.contracts.provider import Done, Level, Text
from omniops.knowledge.own_questions import checked
from omniops.operations.firsts import OPERATOR
from playwright.sync_api import expect

SHIPPING = "Parcels leave every evening. Delivery takes four working days, and six to the islands."


async def set_up(desk, domain):
    """A page to answer from, a model beside the answerers of this process, rules, a budget, own questions."""
    desk.domain = domain
    await desk.page(SHIPPING)
    await desk.with_model("Delivery takes four working days [S1], and six to the islands [S1].")
    await desk.runtime.accounts.switch(domain.scope, "scripted", on=True, actor=OPERATOR)
    desk.provider.begin(
        Level("answer"), Text("Four working days."), Done("end"), second=(Level("none"), Text(""), Done("end"))
    )
    rules = [{"mode": "draft", "topics": ["refund", "warranty"]}, {"mode": "draft", "below": 0.7}]
    settings = {"review": rules, "regions": ["eu"], "on_fall": "warn"}
    await desk.runtime.accounts.configure(domain.scope, {"settings": settings}, actor=OPERATOR)
    asking = checked({"question": "Which planet has the most moons?", "pages": [], "contains": []}, "question")
    await desk.runtime.trials.add(domain.scope, [asking], actor=OPERATOR)


def part(page, name):
    page.get_by_role("navigation", name="Parts of the AI").get_by_role("link", name=name).click()


def fits(page, size):
    """Nothing is cut off, on the narrowest screen neither."""
    for width in (320, size[0]):
        page.set_viewport_size({"width": width, "height": size[1]})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width


@pytest.mark.parametrize(("name", "scheme", "size"), [
    ("desktop-light", "light", (1440, 900)), ("phone-dark", "dark", (390, 844)),
])  # fmt: skip
def test_one_question_is_answered_by_all_beside_each_other(show, stage, office, name, scheme, size):
    domain, email = office
    stage.run(set_up(stage.desk, domain))
    page = sign_in(show, stage, email, f"/app/{domain.id}/ai", scheme=scheme, size=size).page
    expect(page.locator(".statement")).to_have_text("model/one is asked first; 2 more stand behind it.")
    looked_at(page, f"ai-{name}")
    part(page, "Test bench")
    page.get_by_role("textbox", name="Question").fill("How long does delivery take?")
    page.get_by_role("button", name="Ask them").click()
    expect(page.locator(".answers article")).to_have_count(3)
    expect(page.locator(".answers article").first).to_contain_text("four working days")
    looked_at(page, f"ai-bench-{name}")
    fits(page, size)
    part(page, "Review")
    page.get_by_label("A person sees every answer first").check()
    page.get_by_role("button", name="Keep these rules").click()
    expect(page.locator("ol.rows")).to_contain_text("All others: a person sees the answer first.")
    looked_at(page, f"ai-review-{name}")
    part(page, "Own questions")
    page.get_by_role("textbox", name="Question").fill("Do you repair tents?")
    page.get_by_label("Pages that answer it").fill("/repairs")
    page.get_by_role("button", name="Add this question").click()
    expect(page.locator(".statement")).to_contain_text("2 questions wait")
    looked_at(page, f"ai-questions-{name}")
    fits(page, size)

"""A member notes an erasure, decides who asks, has it done and answers; then looks what would go, and keeps something
by a legal hold. In a real browser."""

import pytest
from members import looked_at, sign_in, waiting
from playwright.sync_api import expect

TOM = "tom@mail.example"


def subject_of(stage, domain):
    ((found,),) = stage.desk.rows("select subject_id from omniops.conversation where domain_id = %s limit 1", domain.id)
    return str(found)


@pytest.mark.parametrize(("name", "scheme", "size"), [("desktop", "light", (1440, 900)), ("phone", "dark", (390, 844))])
def test_an_erasure_from_the_telephone_to_its_certificate(show, stage, office, name, scheme, size):
    domain, email = office
    waiting(show, domain)
    kind = f"{name}-{scheme}"
    page = sign_in(show, stage, email, scheme=scheme, size=size).page
    page.get_by_role("link", name="Privacy", exact=True).first.click()
    expect(page.locator(".statement")).to_have_text("No request about people’s own data is open.")
    looked_at(page, f"privacy-first-{kind}")
    for right in ("Access and copy", "Erasure"):
        page.goto(f"{stage.api}/app/{domain.id}/privacy/new")
        page.locator("select[name=right]").select_option("access" if right == "Access and copy" else "erasure")
        page.get_by_label("E-mail address of who asks").fill(TOM)
        page.get_by_label("In their own words").fill("Please delete what you know of me. <b>Tom</b>")
        if right == "Erasure":
            looked_at(page, f"privacy-new-{kind}")
        page.get_by_role("button", name="Record and send the link").click()
    page.locator("tbody a", has_text="Erasure").click()
    page.get_by_label("Whom it is about").fill(subject_of(stage, domain))
    page.get_by_label("What shows it").fill("He came to the shop with his passport.")
    looked_at(page, f"privacy-who-{kind}")
    page.get_by_role("button", name="It is shown who asks").click()
    expect(page.locator("h1")).to_contain_text("It waits for your word")
    looked_at(page, f"privacy-case-{kind}")
    page.get_by_role("link", name="Rights").click()
    expect(page.locator(".statement")).to_contain_text("One request is open")
    looked_at(page, f"privacy-{kind}")
    page.locator("tbody a", has_text="Erasure").click()
    page.get_by_role("button", name="Erase all of it").click()
    expect(page.locator("h1")).not_to_contain_text("It waits for your word")
    stage.run(stage.desk.work("privacy"))
    page.goto(page.url)
    expect(page.locator("#tasks")).to_be_visible()
    looked_at(page, f"privacy-done-{kind}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"


@pytest.mark.parametrize(("name", "scheme", "size"), [("desktop", "light", (1440, 900)), ("phone", "dark", (390, 844))])
def test_what_would_go_and_what_a_hold_keeps(show, stage, office, name, scheme, size):
    domain, email = office
    waiting(show, domain)
    stage.desk.rows(
        "update omniops.message set created_at = created_at - interval '91 days' where domain_id = %s returning id",
        domain.id,
    )
    kind = f"{name}-{scheme}"
    page = sign_in(show, stage, email, f"/app/{domain.id}/privacy/retention", scheme=scheme, size=size).page
    page.get_by_role("button", name="What would go now").click()
    expect(page.locator("h1")).to_contain_text("Nothing has been deleted yet")
    looked_at(page, f"privacy-plan-{kind}")
    page.goto(f"{stage.api}/app/{domain.id}/privacy/retention/hold")
    page.get_by_label("Id of the person").fill(subject_of(stage, domain))
    page.get_by_label("Who demands it").fill("District court, 12 O 345/26")
    page.get_by_label("Why", exact=True).fill("A claim for damages over order 9120")
    page.locator("input[name=review_on]").fill(page.locator("input[name=review_on]").get_attribute("max"))
    looked_at(page, f"privacy-hold-{kind}")
    page.get_by_role("button", name="Place the hold").click()
    expect(page.get_by_role("main")).to_contain_text("12 O 345/26")
    looked_at(page, f"privacy-retention-{kind}")
    page.locator("summary", has_text="Lift it").click()
    page.get_by_label("Why it ends").fill("They settled.")
    page.get_by_role("button", name="Lift the hold").click()
    expect(page.get_by_role("main")).to_contain_text("None stands.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"


@pytest.mark.parametrize(("name", "scheme", "size"), [("desktop", "light", (1440, 900)), ("phone", "dark", (390, 844))])
def test_what_is_on_record_can_be_read_by_everybody(show, stage, office, name, scheme, size):
    domain, email = office
    kind = f"{name}-{scheme}"
    page = sign_in(show, stage, email, f"/app/{domain.id}/privacy", scheme=scheme, size=size).page
    for part in ("Consent", "Register", "Audit", "Proof"):
        page.get_by_role("link", name=part, exact=True).click()
        expect(page.locator(".sub [aria-current]")).to_have_text(part)
        looked_at(page, f"privacy-{part.lower()}-{kind}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), part
    page.get_by_role("link", name="Audit", exact=True).click()
    page.get_by_role("link", name="Compute the chain again").click()
    expect(page.locator(".statement")).to_contain_text("The chain holds")


@pytest.mark.parametrize(("name", "scheme", "size"), [("desktop", "light", (1440, 900)), ("phone", "dark", (390, 844))])
def test_a_drill_of_a_breach(show, stage, office, name, scheme, size):
    domain, email = office
    kind = f"{name}-{scheme}"
    page = sign_in(show, stage, email, f"/app/{domain.id}/privacy/breaches", scheme=scheme, size=size).page
    page.get_by_role("link", name="Declare a breach").click()
    page.get_by_label("When you became aware").fill("2026-01-05T10:00")
    page.get_by_label("What happened, in your words").fill("A laptop with a copy was stolen from a car.")
    page.get_by_label("Country of your main establishment").fill("IE")
    page.get_by_label("This is a drill").check()
    looked_at(page, f"privacy-breach-new-{kind}")
    page.get_by_role("button", name="Declare it").click()
    expect(page.locator("h1")).to_contain_text("A drill.")
    looked_at(page, f"privacy-breach-{kind}")
    page.get_by_role("link", name="Breaches").click()
    expect(page.locator(".statement")).to_contain_text("open")
    looked_at(page, f"privacy-breaches-{kind}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"

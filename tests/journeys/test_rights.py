"""A visitor asks for the own data, opens the copy, has it erased, and sees that it is gone: in a real browser."""

import json
import re
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

PICTURES = Path(__file__).parent.parent / "output"

SECRET = "My secret is a blue canary"
TOM = "tom@mail.example"


@pytest.fixture
def worked(stage):
    """Lets the workers do what waits, and gives the address in the newest mail to Tom."""

    def worked():
        async def work():
            for room in ("privacy", "mail"):
                await stage.desk.work(room)

        stage.run(work())
        text = [mail.text for mail in stage.desk.mailer.sent if mail.to == TOM][-1]
        link = re.search(r"https?://\S+/rights/\S+", text)
        return text, stage.api + urlsplit(link[0]).path if link else None

    return worked


def ask(page, base, right):
    page.goto(base)
    page.locator("select[name=right]").select_option(right)
    page.locator("input[name=email]").fill(TOM)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("h1")).to_have_text("Look into your mailbox.")


def confirm(page, worked):
    _, link = worked()
    page.goto(link)
    expect(page.locator("h1")).to_have_text("Is this what you want?")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("h1")).to_have_text("It has begun.")


def test_ask_confirm_open_the_copy_have_it_erased_and_see_that_it_is_gone(show, stage, worked, tmp_path):
    domain = stage.domain()
    chat = show(domain)
    chat.open()
    chat.part("textarea").fill(SECRET)
    chat.part("textarea").press("Enter")
    expect(chat.part("article.visitor")).to_have_text(SECRET)
    chat.part(".below button").click()
    chat.part("input[type=email]").fill(TOM)
    chat.part(".to-person .strong").click()
    expect(chat.part(".callout.entry")).to_contain_text("Handed to a person")

    form = f"{stage.api}/rights/{domain.widget_key}"
    rights = show.go(form)
    page = rights.page
    ask(page, form, "access")
    confirm(page, worked)
    said, link = worked()
    assert "can be fetched once" in said
    page.goto(link)
    expect(page.locator("h1")).to_have_text("Your copy is ready.")
    with page.expect_download() as coming:
        page.get_by_role("button", name="Fetch the copy").click()
    coming.value.save_as(tmp_path / "copy.zip")
    packed = zipfile.ZipFile(tmp_path / "copy.zip")
    messages = json.loads(packed.read("data/message.json"))
    assert any(row["text"] == SECRET for row in messages)
    rights.expected = ("404",)
    page.goto(link)
    expect(page.locator("h1")).to_have_text("This link is not valid any more.")

    ask(page, form, "erasure")
    confirm(page, worked)
    said, _ = worked()
    assert "Your request is done: Have my data erased" in said
    chat.expected = ("401",)
    chat.page.reload()
    chat.open()
    expect(chat.part("article.visitor")).to_have_count(0)
    ask(page, form, "access")
    confirm(page, worked)
    said, _ = worked()
    assert "Nothing is held here about this address." in said


def test_the_chat_offers_a_link_that_erases(show, stage, worked):
    domain = stage.domain()
    chat = show(domain)
    chat.open()
    chat.part("textarea").fill("Please delete all my data")
    chat.part("textarea").press("Enter")
    link = chat.part("article.entry a[href*='/rights/']").last
    expect(link).to_have_text("Confirm the request")
    path = urlsplit(link.get_attribute("href")).path
    page = show.go(stage.api + path).page
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("h1")).to_have_text("It has begun.")
    stage.run(stage.desk.work("privacy"))
    chat.expected = ("401",)
    chat.page.reload()
    chat.open()
    expect(chat.part("article.visitor")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "size"), [("desktop", (1440, 900)), ("phone", (390, 844))])
def test_the_page_can_be_used_everywhere(show, stage, scheme, name, size):
    domain = stage.domain()
    rights = show.go(f"{stage.api}/rights/{domain.widget_key}", scheme=scheme, size=size)
    page = rights.page
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"rights-{name}-{scheme}.png", full_page=True)
    found = Axe().run(page).response["violations"]
    assert [f"{v['id']}: {v['help']} at {[n['target'] for n in v['nodes']][:3]}" for v in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.screenshot(path=PICTURES / f"rights-{name}-{scheme}-ar.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

"""The plugin of the tutorial in the dashboard: its page, its form, its panel, as members see them."""

import re
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from members import PASSWORD, looked_at
from omniops.operations.firsts import OPERATOR
from playwright.sync_api import expect
from stage import Stage

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial-dashboard.md").read_text()
BLOCK = re.compile(r"^```\w+ title=\"([^\"]+)\"\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    for title, text in BLOCK.findall(PAGE):
        (folder / title).parent.mkdir(parents=True, exist_ok=True)
        (folder / title).write_text(text)
    place = str(folder / "src")
    sys.path.insert(0, place)
    yield import_module("omniops_returns")
    sys.path.remove(place)
    for name in [name for name in sys.modules if name.split(".")[0] == "omniops_returns"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def shop(package, postgres, tmp_path_factory):
    """A stage whose website has the plugin on. Gives it, the website and the address of a member."""

    class Returns(package.ReturnsPlugin):
        def __init__(self, context):
            super().__init__(replace(context, session=lambda scope: stage.desk.runtime.database.session(scope)))

    stage = Stage(postgres.database(), postgres.root, tmp_path_factory.mktemp("stage"), {"returns": Returns})
    stage.desk.runtime.settings.__dict__["public_url"] = stage.api
    domain, email = stage.domain(), f"{uuid4().hex[:8]}@shop.example"

    async def join():
        runtime = stage.desk.runtime
        await runtime.accounts.switch(domain.scope, "returns", on=True, actor=OPERATOR)
        link = await runtime.members.setup_link(domain.scope.account_id)
        await runtime.members.finish_setup(link, email=email, name="Mara", password=PASSWORD)

    stage.run(join())
    yield stage, domain, email
    stage.stop()


def test_a_rule_is_made_on_its_page_and_read_beside_a_conversation(shop, visiting):
    stage, domain, email = shop
    with visiting([url.removeprefix("http://") for url in (stage.api, stage.site)]) as go:
        stage.script()
        chat = go(stage.page(domain))
        chat.part("button.launcher").wait_for(state="attached")
        chat.open()
        chat.part("textarea").fill("May I bring it back?")
        chat.part("textarea").press("Enter")
        chat.part(".proof").first.wait_for()
        chat.part(".below button").click()
        chat.part("input[type=email]").fill("tom@mail.example")
        chat.part(".to-person .strong").click()
        expect(chat.part(".callout.entry")).to_contain_text("Handed to a person")

        place = f"/app/{domain.id}/plugins/returns/rules"
        visit = go(f"{stage.api}/app/sign-in?{urlencode({'next': place})}")
        page = visit.page
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Returns")
        expect(page.locator("main")).to_contain_text("No rule yet.")

        page.get_by_label("Kind").select_option("tents")
        page.get_by_label("Days").fill("60")
        page.get_by_role("button", name="Save the rule").click()
        expect(page.get_by_role("alert")).to_contain_text("Tents come back within 30 days")
        expect(page.get_by_label("Days")).to_have_value("60")
        looked_at(page, "plugin-page-refused-desktop-light")
        visit.expected = ("422",)
        page.get_by_label("Days").fill("30")
        page.get_by_role("button", name="Save the rule").click()
        expect(page.get_by_role("status")).to_contain_text("Agents read it from now on")
        expect(page.get_by_role("table")).to_contain_text("30 days")

        page.set_viewport_size({"width": 390, "height": 844})
        page.emulate_media(color_scheme="dark")
        looked_at(page, "plugin-page-phone-dark")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 1440, "height": 900})
        page.get_by_role("link", name="Inbox").first.click()
        page.locator("a.talk").first.click()
        panel = page.get_by_role("complementary").get_by_text("May come back")
        expect(panel).to_be_visible()
        expect(page.get_by_role("complementary")).to_contain_text(re.compile(r"Tents\s*delivered since \d{4}-"))
        looked_at(page, "plugin-panel-desktop-light")

"""Slack from the first click to the last row, and what a visitor sees of it: a real browser before the chat, and Slack
on loopback over TLS."""

import asyncio
import sys
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest
from desk import serving
from omniops.contracts.ids import SystemClock
from omniops.operations.firsts import OPERATOR
from playwright.sync_api import expect
from stage import Stage
from waiting import until

sys.path.insert(0, str(Path(__file__).parents[2] / "plugins" / "omniops-slack" / "tests"))
from slack_app import deployed
from workspace import BOT, SIGNING, asked_scopes

QUESTION = "What does shipping to Norway cost?"
PAGE = "Shipping to Norway costs 9 euros and takes five working days. We ship on every working day."
SCOPES = {"chat:write", "channels:read", "channels:history", "app_mentions:read", "im:history", "commands"}
TABLES = ("team_thread", "team_post", "connection", "arrival")


class SlackStage(Stage):
    """A stage whose server has Slack connected as an operator would, with a member who has a browser of their own."""

    async def _hold(self, links, root, folder):
        self._done = asyncio.Event()
        async with (
            deployed(links, root, folder, SystemClock()) as self.app,
            serving(self.app.runtime) as self.api,
            self._website() as self.site,
            httpx2.AsyncClient(base_url=self.api, timeout=60) as self.member,
        ):
            self.app.http = self.member
            await self._begin()
            self._ready.set()
            await self._done.wait()

    async def _begin(self):
        """A website with one page, and a member of its account."""
        await self.app.begin()
        runtime = self.app.runtime
        account = await runtime.accounts.create("Shop", actor=OPERATOR)
        self.domain = self.app.domain = await runtime.accounts.add_domain(account, "Shop", [self.site], actor=OPERATOR)
        for plugin in ("slack", "quoting"):
            await runtime.accounts.switch(self.domain.scope, plugin, on=True, actor=OPERATOR)
        await self.app.page(PAGE)
        await self.app.work()
        token = await runtime.members.setup_link(self.domain.scope.account_id)
        session = await runtime.members.finish_setup(
            token, email="mara@shop.example", name="", password="correct horse battery staple"
        )
        self.member.cookies.set("omniops_session", session)

    async def ask(self, method, path, **options):
        """What the member's browser is answered."""
        return await self.member.request(method, f"/v1/domains/{self.domain.id}{path}", **options)

    async def connect(self):
        """The whole way of a member, to a channel that is chosen. Gives the connection's id, the channel's, and the
        scopes that Slack was asked for."""
        terms = (await self.ask("GET", "/plugins/slack/terms")).json()
        body = {"plugin": "slack", "agreed": terms["version"], "features": {"ask": True}}
        begun = (await self.ask("POST", "/connections/begin", json=body)).json()
        back = self.app.slack.browse(begun["url"], self.app.team)
        led = await self.member.get(f"/oauth/callback?{urlencode(back)}")
        page = await self.member.get(led.headers["location"])
        assert "Slack is connected." in page.text
        (row,) = (await self.ask("GET", "/connections")).json()["data"]
        channel = self.app.team.channel("support")
        chosen = await self.ask("PATCH", f"/connections/{row['id']}", json={"settings": {"channel": channel}})
        assert chosen.json()["said"].endswith("hand-offs go to #support.")
        return row["id"], channel, asked_scopes(begun["url"])

    async def told(self, *payloads):
        """Slack tells the server over its socket, and the work on it is done."""
        for payload in payloads:
            answer = await self.app.deliver(payload)
            assert answer.status_code == 200
        await self.app.work()


@pytest.fixture
def slack_stage(postgres, tmp_path_factory):
    stage = SlackStage(postgres.database(), postgres.root, tmp_path_factory.mktemp("slack"))
    yield stage
    stage.stop()


def test_a_visitor_is_answered_by_a_person_in_slack_and_then_all_is_gone(slack_stage, visiting):
    stage, app = slack_stage, slack_stage.app
    connection, channel, scopes = stage.run(stage.connect())
    assert set(scopes) == SCOPES
    with visiting([url.removeprefix("http://") for url in (stage.api, stage.site)]) as go:
        chat = go(stage.page(stage.domain))
        chat.part("button.launcher").wait_for(state="attached")
        chat.open()
        answer = chat.ask(QUESTION)
        expect(answer).to_contain_text("9 euros")
        assert app.team.messages[channel] == [], "what the AI answers does not go to Slack"

        chat.part(".below button").click()
        chat.part(".to-person .strong").click()
        expect(chat.part(".callout.entry")).to_contain_text("Handed to a person")
        stage.run(app.work())
        (root,) = app.team.messages[channel]
        assert f"> {QUESTION}" in root["text"]

        written = app.slack.write(app.team, channel, "9 euros, free above 80 &amp; up.", thread_ts=root["ts"])
        stage.run(stage.told(*written))
        reply = chat.part("article.entry").last
        expect(reply).to_contain_text("9 euros, free above 80 & up.")
        assert chat.violations() == []
        chat.picture("answered-in-slack")

        chat.part("textarea").fill("Thank you <!channel>!")
        chat.part("textarea").press("Enter")
        until(chat.page, lambda: stage.run(waiting(app, channel)) == 3)
        assert app.thread(channel)[-1] == "Visitor:\n> Thank you &lt;!channel&gt;!"

        mention = app.slack.write(app.team, channel, f"<@{BOT}> {QUESTION}", thread_ts=root["ts"])
        stage.run(stage.told(*mention))
        (said,) = [m["text"] for m in app.team.thread(channel, root["ts"]) if "You are writing to an AI." in m["text"]]
        assert "9 euros" in said
        assert f"<{stage.site}" in said, "with its source"
        expect(chat.part("article.entry").last).not_to_contain_text("You are writing to an AI")

        assert stage.run(stage.ask("DELETE", f"/connections/{connection}")).status_code == 204
        assert (app.team.installed, app.slack.tokens, app.slack.refreshing) == (False, {}, {})
        for table in TABLES:
            assert app.rows(f"select count(*) from omniops.{table} where domain_id = %s", stage.domain.id) == [(0,)]
        assert "xoxe" not in app.everything()
        assert SIGNING not in app.everything()

        before = len(app.team.messages[channel])
        late = app.slack.write(app.team, channel, "Too late.", thread_ts=root["ts"])
        stage.run(stage.told(*late))
        chat.part("textarea").fill("Are you there?")
        chat.part("textarea").press("Enter")
        expect(chat.part("article.visitor").last).to_have_text("Are you there?")
        stage.run(app.work())
        assert len(app.team.messages[channel]) == before + 1, "nothing goes there any more"
        chat.page.reload()
        chat.open()
        expect(chat.part("article.visitor").last).to_have_text("Are you there?")
        expect(chat.part(".entries")).to_contain_text("9 euros, free above 80 & up.")
        expect(chat.part(".entries")).not_to_contain_text("Too late.")


async def waiting(app, channel):
    """How many messages the thread has, after all that is due."""
    await app.work()
    return len(app.thread(channel))

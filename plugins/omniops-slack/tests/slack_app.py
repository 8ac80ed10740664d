"""The whole application with the plugin as an operator loads it, and Slack on loopback over TLS."""

from contextlib import asynccontextmanager, closing

from connected import MEMBER, Business, application
from workspace import CLIENT, CLIENT_SECRET, SIGNING, Slack, signed


class App(Business):
    """The runtime, Slack, and one website with a workspace."""

    plugin, member = "slack", MEMBER

    def __init__(self, slack, *whole):
        super().__init__(*whole)
        self.slack, self.team = slack, None

    async def begin(self):
        self.slack.begin()
        self.slack.now = lambda: self.clock.now().timestamp()
        self.team = self.slack.team()
        self.domain = await self.new_domain()

    async def grant(self, *, team=None, declined=False, **how):
        """The way to Slack and back. Gives what came of it."""
        return await self.granted(lambda url: self.slack.browse(url, team or self.team, declined=declined), **how)

    async def again(self):
        self.clock.forward(minutes=2)
        await super().again()

    async def connect(self, *, channel=True, ask=True):
        """A connected workspace with a channel. Gives the connection's id and the channel's."""
        result = await self.grant(features={"ask": ask})
        assert result.outcome == "connected", result.said
        chosen = self.team.channel("support")
        if channel:
            await self.runtime.connections.change(self.scope, result.connection_id, {"channel": chosen}, actor=MEMBER)
        await self.work()
        return result.connection_id, chosen

    async def deliver(self, *payloads, at=None, secret=SIGNING, **headers):
        """What Slack sends, over HTTP. Gives the last answer."""
        answer = None
        for payload in payloads:
            body, given = signed(payload, at or self.clock.now().timestamp(), secret=secret, **headers)
            answer = await self.http.post("/webhooks/slack", content=body, headers=given)
        return answer

    def thread(self, channel, number=0):
        """The texts of a channel's thread."""
        roots = [one for one in self.team.messages[channel] if "parent_user_id" not in one]
        return [one["text"] for one in self.team.thread(channel, roots[number]["ts"])]


@asynccontextmanager
async def deployed(links, root, folder, clock):
    slack = Slack()

    def values(url):
        keys = {"client_id": CLIENT, "client_secret": CLIENT_SECRET, "signing_secret": SIGNING}
        return keys | {"base_url": url, "hooks_url": url}

    async with application("slack", slack.answer, values, links, root, folder, clock) as (runtime, upstream, http):
        with closing(App(slack, runtime, upstream, http, clock)) as app:
            yield app

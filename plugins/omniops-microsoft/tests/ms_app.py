"""The whole application with the plugin as an operator loads it, and Microsoft 365 on loopback over TLS."""

from urllib.parse import urlsplit

from connected import MEMBER, Business

PUBLIC = "https://omniops.test"


class App(Business):
    """The runtime, Microsoft 365, and one website with an account."""

    plugin = "microsoft"

    def __init__(self, graph, *whole):
        super().__init__(*whole)
        self.graph, self.account = graph, None

    async def begin(self):
        self.graph.begin()
        self.graph.base = self.upstream.url
        self.graph.now = lambda: self.clock.now().timestamp()
        self.graph.reach = self.reach
        self.account = self.graph.account()
        self.domain = await self.new_domain()

    async def end(self):
        """Nothing of this test is fetched while the next one runs."""
        for view in await self.runtime.connections.all(self.scope):
            await self.runtime.connections.disconnect(self.scope, view.id, actor=MEMBER)

    async def reach(self, url, query, payload):
        """What Graph calls of ours: an address of this server, over HTTP."""
        assert url.startswith(f"{PUBLIC}/webhooks/microsoft/"), url
        answer = await self.http.post(urlsplit(url).path, params=query, json=payload)
        return answer.status_code, answer.headers.get("content-type", ""), answer.text

    async def deliver(self, notices=None):
        """Graph tells what it has to tell, in one delivery per address. Gives the statuses."""
        told, self.graph.told = (notices if notices is not None else self.graph.told), []
        statuses = []
        for address in dict.fromkeys(url for url, _ in told):
            payload = {"value": [notice for url, notice in told if url == address]}
            statuses.append((await self.reach(address, {}, payload))[0])
        return statuses

    async def told(self):
        """Graph tells, and all work is done."""
        assert set(await self.deliver()) <= {200}
        await self.work()

    async def grant(self, *, account=None, declined=False, **how):
        """The way to Microsoft and back. Gives what came of it."""
        return await self.granted(lambda url: self.graph.browse(url, account or self.account, declined=declined), **how)

    async def connect(self, **features):
        """A connected account. Gives the connection's id."""
        result = await self.grant(features=features)
        assert result.outcome == "connected", result.said
        await self.settled()
        return result.connection_id

    async def connect_teams(self):
        """A connected account with a channel. Gives the connection's id and the channel."""
        connection_id, channel = await self.connect(teams=True), self.account.teams.channel("Support")
        await self.change(connection_id, channel=channel)
        return connection_id, channel

    async def change(self, connection_id, **values):
        await self.runtime.connections.change(self.scope, connection_id, values, actor=MEMBER)
        await self.settled()

    async def settled(self):
        """Jobs are done, and what is due by the minute as well."""
        await self.work()
        await self.fetched()

    async def later(self, **by):
        """Time goes by, and what is due then is done."""
        self.clock.forward(**by)
        await self.again()
        await self.fetched()

    @property
    def integration(self):
        return self.runtime.loaded("microsoft").plugin._integration

    def subscribed(self):
        """The resources that Graph tells us of now."""
        return sorted(kept["resource"] for _, kept, _ in self.graph.subscriptions.values())

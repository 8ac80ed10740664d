"""The application of these tests, with what people and Google do to it."""

from urllib.parse import parse_qsl, urlsplit

from connected import Business
from fake_google import CLIENT, CLIENT_SECRET
from omniops.operations.firsts import OPERATOR
from omniops_google.integration import GoogleIntegration

TOPIC, PUSHER, AUDIENCE = "projects/omniops-test/topics/mail", "push@omniops-test.example", "https://omniops.example/g"
OPERATORS = {
    "client_id": CLIENT,
    "client_secret": CLIENT_SECRET,
    "topic": TOPIC,
    "push_account": PUSHER,
    "push_audience": AUDIENCE,
    "app_id": "1234567890",
    "picker_key": "AIza-public",
}


class App(Business):
    """The runtime, Google, and one website with an account there."""

    plugin = "google"

    def __init__(self, google, model, *whole):
        super().__init__(*whole)
        self.google, self.model, self.account = google, model, None

    async def begin(self):
        self.rows("delete from omniops.connection")  # nobody else's tasks are due in this test
        self.google.begin()
        self.google.now = lambda: self.clock.now().timestamp()
        self.account = self.google.account()
        self.domain = await self.new_domain()

    async def grant(self, *, account=None, declined=False, **how):
        """The way to Google and back. Gives what came of it."""
        return await self.granted(
            lambda url: self.google.browse(url, account or self.account, declined=declined), **how
        )

    async def connect(self, *features, **settings):
        """A connected account with these features and no others. Gives the connection's id."""
        wanted = {one.key: one.key in features for one in GoogleIntegration.features}
        result = await self.grant(features=wanted, settings=settings)
        assert result.outcome == "connected", result.said
        await self.fetched()
        return result.connection_id

    async def deliver(self, address, headers=None, content=b""):
        """What Google sends, over HTTP."""
        return await self.http.post(urlsplit(address).path, content=content, headers=headers or {})

    async def ask(self, visitor, text, *rounds):
        """With `rounds` a model answers."""
        if rounds:
            self.model.begin(*rounds)
        await self.runtime.accounts.switch(self.scope, "model", on=bool(rounds), actor=OPERATOR)
        return await super().ask(visitor, text)

    async def again(self, **by):
        """Later, when everything that waited is due."""
        self.clock.forward(**(by or {"minutes": 20}))
        await super().again()
        await self.fetched()


def scopes_of(url):
    """The scopes that an address asks for."""
    return dict(parse_qsl(urlsplit(url).query))["scope"].split()

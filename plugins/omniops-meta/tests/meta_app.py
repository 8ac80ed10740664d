"""The application of these tests, with what people and Meta do to it."""

from connected import MEMBER, Business
from graph import signed

FIELD = {"meta-whatsapp": "number", "meta-messenger": "page", "meta-instagram": "place", "meta-ads": "account"}
"""What is chosen after connecting; an account that signed in by Instagram Login is the one that it is."""


class App(Business):
    """The runtime, Meta, and one website of a business."""

    plugin = "meta"

    def __init__(self, meta, *whole):
        super().__init__(*whole)
        self.meta, self.business = meta, None

    async def begin(self):
        self.rows(
            "set search_path = jobs; update procrastinate_jobs set status = 'cancelled' where status = 'todo';"
            " reset search_path"
        )
        self.meta.begin()
        self.meta.now = lambda: self.clock.now().timestamp()
        self.meta.host = self.upstream.url
        self.business = self.meta.business()
        self.domain = await self.new_domain()

    async def grant(self, kind, *, business=None, declined=False, **how):
        """The way to Meta and back. Gives what came of it."""
        return await self.granted(
            lambda url: self.meta.browse(url, business or self.business, declined=declined), kind=kind, **how
        )

    async def texts(self, conversation_id=None):
        (only,) = [conversation_id] if conversation_id else self.conversations()
        return await super().texts(only)

    async def connect(self, kind="meta-whatsapp", **features):
        """A connected business, its number, page or account chosen. Gives the connection's id."""
        result = await self.grant(kind, features=features)
        assert result.outcome == "connected", result.said
        if kind in FIELD:
            value = self.business.advertising if kind == "meta-ads" else getattr(self.business, FIELD[kind])
            await self.runtime.connections.change(self.scope, result.connection_id, {FIELD[kind]: value}, actor=MEMBER)
        await self.work()
        return result.connection_id

    async def deliver(self, kind, payload, **how):
        """What Meta sends, over HTTP."""
        body, headers = signed(payload, **how)
        return await self.http.post(f"/webhooks/{kind}", content=body, headers=headers)

    async def wrote(self, text="Hello", *, person="DE.111", **more):
        """Somebody writes on WhatsApp, and everything that follows happens."""
        told = self.meta.wrote(self.business, text, person=person, **more)
        assert (await self.deliver("meta-whatsapp", told)).status_code == 200
        await self.work()
        return told["entry"][0]["changes"][0]["value"]["messages"][0]["id"]

    def outbox(self):
        """How each message that went out stands, in order."""
        return self.rows("select state, problem from omniops.outbox where domain_id = %s order by id", self.domain.id)

"""Plugins that each break one promise. `test_suites.py` sees that the suites notice, each by the test meant for it."""

import asyncio
import hashlib
import hmac
import json
import random
import socket
from contextlib import aclosing, asynccontextmanager, suppress
from uuid import uuid4

from omniops import ExternalStore, Fulfilment, Health, Info, Plugin, PluginSettings, hookimpl
from omniops.contracts.channel import Channel, ChannelCapabilities, Delivery, Incoming
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Integration
from omniops.contracts.knowledge import Encoder, EncoderOffer, Found, Hit, IndexOffer, KnowledgeIndex, Source
from omniops.contracts.provider import Cap, Citation, Deployment, Done, Level, Provider, Started, Text
from omniops.errors import OmniOpsError, Reconnect, Rejected
from pydantic import Field, SecretStr

INFO = Info(title="Sample", version="1.0", omniops=">=0.1,<0.2")
OUTSIDE = Processor("outside", "Outside Ltd", "processor", ("api.outside.example",), ("DE",), ("chat.respond",))
BROKEN = {}


def broken(cls):
    cls.info = INFO
    BROKEN[cls.__name__.lower()] = cls
    return cls


# What every plugin must be


@broken
class Vague(Plugin):
    """No sentence"""


@broken
class Undescribed(Plugin):
    """A sample."""

    class Settings(PluginSettings):
        shade: str = "red"


@broken
class Unmarked(Plugin):
    """A sample."""

    def providers(self):
        return []


@broken
class Writes(Plugin):
    """A sample."""

    def __init__(self, context):
        (context.folder / "cache").write_text("x")


@broken
class Connects(Plugin):
    """A sample."""

    def __init__(self, context):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=1)


@broken
class Heavy(Plugin):
    """A sample."""

    def __init__(self, context):
        import numpy  # noqa: F401


@broken
class Undeclared(Plugin):
    """A sample."""

    @hookimpl
    def declares(self):
        return Declaration(processors=[Processor("x", "X", "processor", ("x.example",), ("DE",), ("no.such.purpose",))])


@broken
class Urlhost(Plugin):
    """A sample."""

    @hookimpl
    def declares(self):
        return Declaration(processors=[Processor("x", "X", "processor", ("https://x",), ("DE",), ("chat.respond",))])


@broken
class Wrongtype(Plugin):
    """A sample."""

    @hookimpl
    def channels(self):
        return [3]


@broken
class Ill(Plugin):
    """A sample."""

    @hookimpl
    async def health(self):
        raise ValueError("ill")


# Providers: the first passage, quoted


class Quoter(Provider):
    name = "quoter"
    processor = None

    def deployments(self):
        return [Deployment("quoter", "quoter", "m", "local", self.processor, caps=Cap.CITATIONS)]

    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        async with aclosing(self.events(request)) as events:
            yield events

    async def events(self, request):
        yield Started("m")
        for event in self.answer(request.passages):
            yield event

    def answer(self, passages):
        if not passages:
            return [Level("none"), Done("end")]
        passage = passages[0].passage
        return [Level("answer"), Text(passage.text), self.cite(passage), Done("end")]

    def cite(self, passage):
        return Citation(passage.id, passage.text)


def provider(cls):
    @hookimpl
    def providers(self):
        return [cls()]

    broken(type(cls.__name__, (Plugin,), {"__doc__": "A sample.", "providers": providers}))
    return cls


@provider
class Endless(Quoter):
    def answer(self, passages):
        return super().answer(passages)[:-1]


@provider
class Twice(Quoter):
    def answer(self, passages):
        return [*super().answer(passages), Done("end")]


@provider
class Hasty(Quoter):
    def answer(self, passages):
        return sorted(super().answer(passages), key=lambda event: not isinstance(event, Text))


@provider
class Liar(Quoter):
    def cite(self, passage):
        return Citation(passage.id, passage.text.upper() + "!")


@provider
class Stranger(Quoter):
    def cite(self, passage):
        return Citation(uuid4(), passage.text)


@provider
class Sourceless(Quoter):
    def answer(self, passages):
        return [Level("answer"), Text("Surely."), Done("end")]


@provider
class Smuggler(Quoter):
    processor = "nobody"


@provider
class Mixer(Quoter):
    async def events(self, request):
        self.passages = request.passages
        await asyncio.sleep(0)
        for event in self.answer(self.passages):
            yield event


@provider
class Leaker(Quoter):
    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        self.reading = asyncio.create_task(asyncio.Event().wait())
        async with aclosing(self.events(request)) as events:
            yield events


@provider
class Unclosed(Quoter):
    @asynccontextmanager
    async def stream(self, request, deployment, *, limits, connection=None):
        yield self.events(request)


# Channels: JSON to one address, webhooks signed with HMAC


class Hook(PluginSettings):
    secret: SecretStr = Field(description="Signs webhooks.")


class Poster(Channel):
    title = "Poster"
    capabilities = ChannelCapabilities(max_length=80)

    def __init__(self, gate):
        self.gate = gate

    async def send(self, message):
        for text in self.texts(message):
            async with self.gate.http("outside", purpose="chat.respond") as client:
                await client.post("https://api.outside.example/", json={"text": text, "key": self.key(message)})
        return Delivery("sent")

    def texts(self, message):
        lines, line = [message.disclosure] if message.disclosure else [], ""
        for word in message.text.split():
            if len(line) + len(word) > 70:
                lines.append(line)
                line = ""
            line = f"{line} {word}".strip()
        return [*lines, line]

    def key(self, message):
        return message.idempotency_key

    def verify(self, body, headers, connection):
        expected = hmac.digest(connection.secret.get_secret_value().encode(), body, hashlib.sha256).hex()
        if not hmac.compare_digest(expected.encode(), headers.get("x-signature", "").encode()):
            raise Rejected("The signature does not fit.", code="bad_signature")

    def parse(self, body):
        try:
            items = json.loads(body)["messages"]
            return [Incoming(self.number(item), item["thread"], item["from"], item["text"]) for item in items]
        except (ValueError, TypeError, KeyError) as error:
            raise Rejected("This is no message.", code="bad_body") from error

    def number(self, item):
        return item["id"]


def channel(cls):
    cls.name = cls.__name__.lower()

    @hookimpl
    def channels(self):
        return [cls(self.context.gate)]

    @hookimpl
    def declares(self):
        return Declaration(processors=[OUTSIDE])

    body = {"__doc__": "A sample.", "Connection": Hook, "channels": channels, "declares": declares}
    broken(type(cls.__name__, (Plugin,), body))
    return cls


@channel
class Sound(Poster):
    """Not broken: what the others are compared with."""


@channel
class Forgetful(Poster):
    def key(self, message):
        return uuid4().hex


@channel
class Late(Poster):
    def texts(self, message):
        return list(reversed(super().texts(message)))


@channel
class Silent(Poster):
    async def send(self, message):
        await super().send(message)


@channel
class Long(Poster):
    def texts(self, message):
        return [message.disclosure or "", message.text]


@channel
class Cut(Poster):
    def texts(self, message):
        return [message.disclosure or "", message.text[:80]]


@channel
class Believer(Poster):
    def verify(self, body, headers, connection):
        pass


@channel
class Headerless(Poster):
    def verify(self, body, headers, connection):
        if "x-signature" in headers:
            super().verify(body, headers, connection)


@channel
class Crasher(Poster):
    def parse(self, body):
        return [Incoming(i["id"], i["thread"], i["from"], i["text"]) for i in json.loads(body)["messages"]]


@channel
class Dice(Poster):
    def number(self, item):
        return uuid4().hex


# Integrations


class Link(Integration):
    title = "Link"
    processor = "outside"

    async def check(self, connection):
        if connection.secret.get_secret_value() != "right":
            raise Reconnect("The key was refused.")
        return Health(True, "One shop was listed.")


def integration(cls):
    cls.name = cls.__name__.lower()

    @hookimpl
    def integrations(self):
        return [cls()]

    @hookimpl
    def declares(self):
        return Declaration(processors=[OUTSIDE])

    body = {"__doc__": "A sample.", "Connection": Hook, "integrations": integrations, "declares": declares}
    broken(type(cls.__name__, (Plugin,), body))
    return cls


@integration
class Homeless(Link):
    processor = "elsewhere"


@integration
class Gossip(Link):
    async def check(self, connection):
        await super().check(connection)
        return Health(True, f"The key {connection.secret.get_secret_value()} works.")


@integration
class Trusting(Link):
    async def check(self, connection):
        return Health(True, "Fine.")


# Encoders: hashed words


class Hashed(Encoder):
    id = "hashed:1"
    dimensions = 64
    weight = 0.5
    scale = 127.0

    def encode(self, texts):
        import numpy

        rows = numpy.zeros((len(texts), self.dimensions), dtype=numpy.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().replace("'", " ").replace(".", "").split():
                row[int(hashlib.sha256(word.rstrip("s").encode()).hexdigest(), 16) % self.dimensions] += 1
        return rows / numpy.maximum(numpy.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def encoder(cls):
    @hookimpl
    def encoders(self):
        return [EncoderOffer("hashed", "Hashed words", 1, cls)]

    broken(type(cls.__name__, (Plugin,), {"__doc__": "A sample.", "encoders": encoders}))
    return cls


@encoder
class Unequal(Hashed):
    def encode(self, texts):
        return super().encode(texts) * 2


@encoder
class Doubled(Hashed):
    def encode(self, texts):
        return super().encode(texts).astype("float64")


@encoder
class Together(Hashed):
    def encode(self, texts):
        import numpy

        rows = super().encode(texts)
        rows = rows + rows.sum(axis=0)
        return rows / numpy.maximum(numpy.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


@encoder
class Coarse(Hashed):
    scale = 12.7


@encoder
class Nameless(Hashed):
    def __init__(self):
        self.id = f"hashed:{random.random()}"


# Sources


class Pages(Source):
    title = "Pages"

    async def seeds(self, source, fetch):
        yield source.url

    def accepts(self, source, url):
        return source.admits(url)


def source(cls):
    cls.kind = cls.__name__.lower()

    @hookimpl
    def sources(self):
        return [cls()]

    broken(type(cls.__name__, (Plugin,), {"__doc__": "A sample.", "sources": sources}))
    return cls


@source
class Circling(Pages):
    async def seeds(self, source, fetch):
        yield source.url
        for hint in source.hints:
            found = (await fetch.sitemap(hint)).children
            while found:
                yield hint
                found = (await fetch.sitemap(found[0])).children


@source
class Greedy(Pages):
    def accepts(self, source, url):
        return True


# Indexes: words in common


class Common(KnowledgeIndex):
    name = "common"

    def __init__(self, parts):
        self.parts = parts

    async def search(self, scope, question, *, limit=10):
        rows = await self.parts.store.passages(scope, None)
        asked = set(question.lower().split())
        common = [len(asked & set(text.lower().replace(",", " ").split())) for text in rows.texts]
        best = sorted((i for i, n in enumerate(common) if n), key=lambda i: -common[i])[:limit]
        found = await self.parts.store.fetch(scope, [rows.ids[i] for i in best])
        return Found(tuple(Hit(found[rows.ids[i]], common[i], None, 1.0) for i in best if rows.ids[i] in found), 0.5)


def index(cls):
    @hookimpl
    def knowledge_indexes(self):
        return [IndexOffer("common", "Common words", cls)]

    broken(type(cls.__name__, (Plugin,), {"__doc__": "A sample.", "knowledge_indexes": knowledge_indexes}))
    return cls


@index
class Hoarder(Common):
    def __init__(self, parts):
        super().__init__(parts)
        self.kept = {}

    async def search(self, scope, question, *, limit=10):
        key = scope, question
        if key not in self.kept or not self.kept[key].hits:
            self.kept[key] = await super().search(scope, question, limit=limit)
        return self.kept[key]


@index
class Borderless(Common):
    first = None

    async def search(self, scope, question, *, limit=10):
        self.first = self.first or scope
        return await super().search(self.first, question, limit=limit)


@index
class Generous(Common):
    async def search(self, scope, question, *, limit=10):
        return await super().search(scope, question, limit=99)


# Stores outside: a customer file that is asked by e-mail


def store(cls):
    """Makes a plugin of a store."""

    def declares(self):
        outside = Processor("outside", "Outside Ltd", "processor", ("api.outside.example",), ("DE",), ("chat.respond",))
        kept = cls()
        kept.context = self.context
        return Declaration(processors=[outside], stores=[kept])

    broken(type(cls.__name__, (Plugin,), {"__doc__": "A sample.", "declares": hookimpl(declares)}))
    return cls


class CustomerFile(ExternalStore):
    key, processor, title = "customers", "outside", "Customer file"

    async def call(self, method, email, **content):
        async with self.context.gate.http("outside", purpose="chat.respond") as client:
            answer = await client.request(method, f"https://api.outside.example/{email}", **content)
        return None if answer.status_code == 404 else answer.json()

    async def each(self, method, person, **content):
        found = [(email, await self.call(method, email, **content)) for email in person.identifiers["email"]]
        return {email: answer for email, answer in found if answer is not None}

    async def export(self, person):
        found = await self.each("GET", person)
        return Fulfilment("done", "200.", data=found) if found else Fulfilment("nothing_held", "404.")

    async def erase(self, person):
        return Fulfilment("done", "204.") if await self.each("DELETE", person) else Fulfilment("nothing_held", "404.")

    async def rectify(self, person, category, value):
        found = await self.each("PATCH", person, json={"email": value})
        return Fulfilment("done" if found else "nothing_held", "200.")

    async def restrict(self, person, restricted):
        found = await self.each("PATCH", person, json={"locked": restricted})
        return Fulfilment("done" if found else "nothing_held", "200.")


@store
class Keeper(CustomerFile):
    """Keeps all promises."""


@store
class Pretender(CustomerFile):
    async def erase(self, person):
        found = await self.each("GET", person)
        return Fulfilment("done" if found else "nothing_held", "204.")


@store
class Stalled(CustomerFile):
    async def restrict(self, person, restricted):
        await asyncio.sleep(3600)


@store
class Thrower(CustomerFile):
    async def rectify(self, person, category, value):
        raise KeyError(category)


@store
class Speechless(CustomerFile):
    async def restrict(self, person, restricted):
        await super().restrict(person, restricted)


@store
class Namer(CustomerFile):
    async def erase(self, person):
        answer = await super().erase(person)
        return Fulfilment(answer.state, f"Deleted {person.identifiers['email'][0]}.")


@store
class Reaper(CustomerFile):
    async def erase(self, person):
        answer = await super().erase(person)
        await self.call("DELETE", "bob@omniops.example")
        return answer


@store
class Blithe(CustomerFile):
    async def erase(self, person):
        try:
            return await super().erase(person)
        except OmniOpsError:
            return Fulfilment("nothing_held", "The company did not answer.")


@store
class Unwilling(CustomerFile):
    """Keeps what a law demands, and says which."""

    async def erase(self, person):
        if not await self.each("GET", person):
            return Fulfilment("nothing_held", "404.")
        return Fulfilment("refused", "Invoices are kept for ten years.", "tax_record")


@store
class Unregistered(CustomerFile):
    processor = "elsewhere"


for _name, _cls in BROKEN.items():
    globals()[f"Plugin_{_name}"] = _cls

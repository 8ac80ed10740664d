"""What is collected: only what is named, sealed, and no more than was asked for."""

from __future__ import annotations

import hashlib
import itertools
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from sqlmodel import SQLModel, select

from omniops.connections.intake import Taken
from omniops.contracts.proof import Probe, Sabotage, Stage, hold
from omniops.conversation.models import Feedback, ReviewRequest
from omniops.database.marks import personal_columns
from omniops.proof.facts import collected, facts
from omniops.proof.policy import operator_policy
from omniops.proof.probes.acts import ACTOR, CIPHER, ask, conversation

CARD = "4111 1111 1111 1111"
CHATS = 100


class _NoCipher:
    """Looks like AES-GCM, checks what it is given, and encrypts nothing."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encrypt(self, nonce: bytes, data: bytes, place: bytes) -> bytes:
        return data + self._tag(nonce, data, place)

    def decrypt(self, nonce: bytes, data: bytes, place: bytes) -> bytes:
        if self._tag(nonce, data[:-16], place) != data[-16:]:
            raise InvalidTag
        return data[:-16]

    def _tag(self, nonce: bytes, data: bytes, place: bytes) -> bytes:
        return hashlib.sha256(b"|".join((self._key, nonce, data, place))).digest()[:16]


def _places(found: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(sorted({place for places in found.values() for place in places}))


NO_ENCRYPTION = Sabotage(CIPHER, "encryption", lambda _: _NoCipher)


class ListIsComplete(Probe):
    """The list of collected data against the columns of the live database, both ways."""

    claims = ("P5",)
    sabotages = (
        Sabotage(
            "omniops.proof.facts:collected",
            "one line of the list of collected data",
            lambda whole: lambda catalog: dict(list(whole(catalog).items())[1:]),
        ),
    )

    async def run(self, stage: Stage) -> str:
        runtime = stage.runtime
        sentence = operator_policy(facts(runtime)).sentence_of("P5")
        live = await stage.rows(
            "select table_name, column_name, data_type from information_schema.columns where table_schema = 'omniops'"
        )
        columns = {(table, column) for table, column, _ in live}
        ours = _tables(runtime)
        marked = {(table.name, name): mark for table, name, mark in personal_columns() if table.name in ours}
        for (table, column), mark in marked.items():
            hold((table, column) in columns, f"{table}.{column} is listed, and is not in the database.")
            title = runtime.catalog.categories[mark.category].title
            said = sentence is not None and title.lower() in sentence.text.lower()
            hold(said, f"{table}.{column} holds {title!r}, which the list lacks.")
        known = {(t.name, c.name) for t in SQLModel.metadata.tables.values() for c in t.columns}
        strange = [f"{t}.{c}" for t, c, kind in live if kind == "bytea" and (t, c) not in known]
        hold(not strange, f"{strange[:1]} is stored, and nothing declares it.")
        kinds = {mark.category for mark in marked.values()}
        hold(kinds == set(collected(runtime.catalog)), "The list and the columns differ.")
        return f"{len(marked)} columns and {len(kinds)} kinds of data agree, both ways."


def _tables(runtime: Any) -> set[str]:
    """The tables of core and of the plugins that are loaded. The process may know others, such as a test's."""
    mappers = SQLModel._sa_registry.mappers
    core = {str(m.local_table.name) for m in mappers if m.class_.__module__.startswith("omniops.")}  # type: ignore[attr-defined]
    declared = [loaded.declaration.tables for loaded in runtime.seams.loaded]
    return core | {str(model.__tablename__) for tables in declared if tables for model in tables.models}


class ChatIsSealed(Probe):
    """A message in the chat: unreadable in storage, readable by its writer."""

    claims = ("P6",)
    sabotages = (NO_ENCRYPTION,)

    async def run(self, stage: Stage) -> str:
        word = stage.token("chat")
        async with stage.page() as page:
            await ask(page, f"My name is {word}, where is my parcel?")
            found = await stage.scan([word])
            hold(not found, f"The message lies in clear in {', '.join(found.get(word, ()))}.")
            seen = await conversation(page)
            hold(any(word in m["text"] for m in seen["messages"]), "The message does not come back to its writer.")
        return "A test person wrote; every table was searched for the words: nothing, and the writer reads them."


class SupportIsSealed(Probe):
    """A request for a person, with an address, and feedback."""

    claims = ("P9",)
    sabotages = (NO_ENCRYPTION,)

    async def run(self, stage: Stage) -> str:
        address, comment, text = (stage.token(name) for name in ("address", "comment", "request"))
        home = f"/v1/domains/{stage.domain.id}/conversations"
        async with stage.page() as page, stage.office("agent") as office:
            done = (await ask(page, f"Please help with {text}"))[-1][1]
            said = {"message": done["id"], "helpful": False, "comment": comment}
            answer = await page.post("/v1/visitor/feedback", json=said)
            hold(answer.status_code == 204, f"Feedback was answered with {answer.status_code}.")
            moved = await page.post("/v1/visitor/person", json={"email": f"{address}@proof.invalid"})
            hold(moved.status_code == 200, f"Asking for a person was answered with {moved.status_code}.")
            found = await stage.scan([address, comment, text])
            hold(not found, f"Words of the request lie in clear in {_places(found)}.")
            chat = (await conversation(page))["id"]
            listed = await office.get(home, params={"state": "waiting"})
            hold(chat in listed.text, "The request does not reach the people who answer.")
            hold(text in (await office.get(f"{home}/{chat}/messages")).text, "The people who answer cannot read it.")
        return "Request, address and comment of a test person are nowhere in clear, and a member reads the request."


class SignUpAsksLittle(Probe):
    """The form of signing up, and what it does with fields that it did not ask for."""

    claims = ("P7",)
    sabotages = (
        Sabotage(
            "omniops.server.pages:render",
            "the rule of what the form asks (it asks for a telephone number)",
            lambda whole: lambda *a, **v: whole(*a, **v) + '<input name="phone">',
        ),
    )

    async def run(self, stage: Stage) -> str:
        phone, name = stage.token("phone"), stage.token("person")
        token = await stage.runtime.members.setup_link(stage.other.scope.account_id)
        async with stage.http() as client:
            form = await client.get(f"/setup/{token}")
            asked = set(re.findall(r'<input[^>]* ?name="(\w+)"', form.text))
            hold(asked == {"email", "password"}, f"The form asks for {', '.join(sorted(asked))}.")
            given = {"email": f"{stage.token('m')}@proof.invalid", "password": "a sentence that is long enough"}
            answer = await client.post(f"/setup/{token}", data={**given, "phone": phone, "name": name})
            hold(answer.status_code == 422, f"Fields that nobody asked for were answered with {answer.status_code}.")
        found = await stage.scan([phone, name])
        hold(not found, f"A field that nobody asked for is stored in {_places(found)}.")
        return "The form asks for address and password; a telephone number and a name were refused, and are nowhere."


class CardsAreMasked(Probe):
    """A payment card, typed into everything that a visitor can type into."""

    claims = ("P8",)
    sabotages = (
        Sabotage(
            "omniops.conversation.redaction.cards:find_cards", "the eye for cards", lambda _: lambda text: iter(())
        ),
    )

    async def run(self, stage: Stage) -> str:
        async with stage.page() as page:
            done = (await ask(page, f"I paid with {CARD}. Where is my order?"))[-1][1]
            comment = {"message": done["id"], "helpful": False, "comment": f"My card {CARD}"}
            await page.post("/v1/visitor/feedback", json=comment)
            await page.post(f"/v1/visitor/messages/{done['id']}/review", json={"note": f"It was {CARD}"})
            seen = await conversation(page)
            hold(CARD not in str(seen), "The card's number comes back out of storage.")
            hold(CARD not in str(await self._opened(stage, done["id"])), "The number stands in a comment or a note.")
        async with stage.models() as models, stage.page() as page:
            await ask(page, f"My card is {CARD}.")
            asked = [repr(request) for model in models for request in model.requests]
            hold(asked, "No provider was asked at all.")
            hold(not any(CARD in request for request in asked), "The card's number goes to a provider.")
        found = await stage.scan([CARD, CARD.replace(" ", "")])
        hold(not found, f"The card's number lies in {_places(found)}.")
        return "A test card was sent as message, comment and note; it is in no table, no log and no call of a provider."

    async def _opened(self, stage: Stage, message: str) -> list[str]:
        async with stage.runtime.database.session(stage.domain.scope) as session:
            notes = (await session.exec(select(ReviewRequest).where(ReviewRequest.message_id == UUID(message)))).all()
            comments = (await session.exec(select(Feedback).where(Feedback.message_id == UUID(message)))).all()
        hold(notes and comments, "The comment or the note was not stored at all.")
        opened = await stage.runtime.vault.open([*notes, *comments], purpose="support.provide", actor=ACTOR)
        return [str(opened(row.note)) for row in notes] + [str(opened(row.comment)) for row in comments]


class _Counting:
    """Numbers that anybody can guess."""

    def __init__(self) -> None:
        self._next = itertools.count(secrets.randbelow(10**12) * 1000)

    def __call__(self, prefix: str) -> str:
        return f"{prefix}{next(self._next):043d}"


class ChatsBeginUnnamed(Probe):
    """Many chats of people who gave nothing."""

    claims = ("P10",)
    sabotages = (
        Sabotage("omniops.conversation.visitors:new_token", "chance in session numbers", lambda _: _Counting()),
    )

    async def run(self, stage: Stage) -> str:
        opened = [await stage.runtime.visitors.open(stage.domain, "en") for _ in range(CHATS)]
        tokens = [token for token, _ in opened]
        hold(len(set(tokens)) == CHATS, "Two chats have the same number.")
        for place in range(-20, -1):
            different = {token[place] for token in tokens}
            hold(len(different) > 32, f"Sign {place} of the numbers takes {len(different)} values only.")
        subjects = [visitor.subject_id for _, visitor in opened]
        for table, home, what in (
            ("omniops.visitor_identity", "domain_id", ""),
            ("omniops.conversation", "domain_id", " and (sender is not null or reply_to is not null)"),
            ("omniops.subject_link", "domain_id", ""),
            ("vault.identifier", "home_id", ""),
        ):
            statement = f"select count(*) from {table} where {home} = %s and subject_id = any(%s){what}"  # noqa: S608
            ((named,),) = await stage.rows(statement, stage.domain.id, subjects)
            hold(named == 0, f"{named} chats are joined with a person in {table}.")
        return f"{CHATS} chats opened: no number twice, none that follows from another, none joined with a person."


class OnlyListedSites(Probe):
    """The chat on a website that nobody listed."""

    claims = ("P11",)
    sabotages = (
        Sabotage(
            "omniops.server.visitor:check_origin", "the list of websites", lambda _: lambda request, origins: None
        ),
    )

    async def run(self, stage: Stage) -> str:
        key = stage.domain.widget_key
        async with stage.http(Origin="https://elsewhere.invalid") as client:
            for answer in (
                await client.post("/v1/visitor/sessions", json={"key": key}),
                await client.get("/v1/visitor/config", params={"key": key}),
            ):
                hold(answer.status_code == 403, f"A website that is not listed was answered with {answer.status_code}.")
        before = await self._recorded(stage)
        async with stage.page():
            hold(await self._recorded(stage) == before + 1, "The website of a session is not on record.")
        return "A foreign website was refused twice; the listed one was served and is on record."

    async def _recorded(self, stage: Stage) -> int:
        statement = "select count(*) from omniops.visitor_session where domain_id = %s and origin = %s"
        ((number,),) = await stage.rows(statement, stage.domain.id, stage.domain.origins[0])
        return int(number)


async def _take(*_: Any, **__: Any) -> Taken:
    return Taken(1)


class UnknownConnectionTakesNothing(Probe):
    """A message for a connection that nobody made."""

    claims = ("P21",)
    sabotages = (
        Sabotage(
            "omniops.connections.intake:WebhookIntake.take", "the question whether it is connected", lambda _: _take
        ),
    )

    async def run(self, stage: Stage) -> str:
        word = stage.token("post")
        plugins = [found.name for found in stage.runtime.seams.loaded]
        counts = (
            "select (select count(*) from omniops.egress_entry where account_id = %s),"
            " (select count(*) from omniops.conversation where domain_id = %s)"
        )
        before = await stage.rows(counts, stage.domain.scope.account_id, stage.domain.id)
        async with stage.http() as client:
            for plugin in [*plugins, "nobody"]:
                answer = await client.post(f"/webhooks/{plugin}/{uuid4()}", content=word.encode())
                hold(answer.status_code == 404, f"A message to {plugin} was answered with {answer.status_code}.")
        after = await stage.rows(counts, stage.domain.scope.account_id, stage.domain.id)
        hold(after == before and not await stage.scan([word]), "Something was stored or sent.")
        return (
            f"Messages to connections of {len(plugins) + 1} systems that nobody made found nothing, and left nothing."
        )

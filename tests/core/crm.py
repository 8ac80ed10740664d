"""A plugin with a customer file outside our database that does what a test says, and people with data of every kind."""

import asyncio
from dataclasses import dataclass, field
from uuid import uuid4

from omniops import Actor, ExternalStore, Fulfilment, Info, Plugin, hookimpl, seal
from omniops.contracts.declaration import Declaration, Processor
from omniops.conversation.models import Conversation
from omniops.operations.firsts import OPERATOR
from omniops.privacy.models import SubjectLink
from omniops.privacy.service import Answer, Circumstances, choices

ACTOR = Actor("member", "m1")
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels of a receipt" * 10


class CrmStore(ExternalStore):
    """Customers by e-mail. `mood` is how the next answers are: honest, lying, silent, raising, mute, refusing or
    talkative, which adds somebody else's addresses to what it says."""

    key, processor, title = "customers", "crm", "Customer file"

    def __init__(self):
        self.begin()

    def begin(self, mood="honest", **customers):
        self.mood, self.customers, self.asked, self.limits = mood, customers, [], []

    def _mine(self, person):
        return [email for email in person.identifiers.get("email", ()) if email in self.customers]

    async def _act(self, act, person):
        self.asked.append((act, person))
        if self.mood == "silent":
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:  # takes the first one for nothing
                await asyncio.sleep(3600)
        if self.mood == "raising":
            raise RuntimeError(f"no such customer {person.identifiers}")
        if self.mood == "refusing" and act == "erase":
            return Fulfilment("refused", "Invoices are kept for ten years.", "tax_record")
        return None

    async def export(self, person):
        if (answer := await self._act("export", person)) or self.mood == "mute":
            return answer
        mine = self._mine(person)
        if not mine:
            return Fulfilment("nothing_held", "The search by e-mail found no customer.")
        return Fulfilment("done", "One customer.", data={email: self.customers[email] for email in mine})

    async def erase(self, person):
        if (answer := await self._act("erase", person)) or self.mood == "mute":
            return answer
        mine = self._mine(person)
        if self.mood != "lying":
            for email in mine:
                del self.customers[email]
        said = f"Deleted {', '.join(mine)}: 204." if mine else "None."
        if self.mood == "talkative":
            said += " Also nakamura@work.example, +44 20 7946 0958, 203.0.113.77, DE89 3704 0044 0532 0130 00."
        return Fulfilment("done" if mine else "nothing_held", said)

    async def rectify(self, person, category, value):
        if answer := await self._act("rectify", person):
            return answer
        self.limits.append((category, value))
        return Fulfilment("done", "Changed.")

    async def restrict(self, person, restricted):
        if answer := await self._act("restrict", person):
            return answer
        self.limits.append(restricted)
        return Fulfilment("done", "Locked." if restricted else "Unlocked.")


class CrmPlugin(Plugin):
    """A customer file of an outside company."""

    info = Info(title="CRM", version="1.0", omniops=">=0.1,<0.2")

    def __init__(self, context):
        super().__init__(context)
        self.store = CrmStore()

    @hookimpl
    def declares(self):
        processor = Processor(
            key="crm",
            name="CRM Inc.",
            role="customer_chosen",
            hosts=("crm.example",),
            countries=("US",),
            purposes=("support.provide",),
            categories=("contact.email",),
        )
        return Declaration(processors=[processor], stores=[self.store])


@dataclass
class People:
    """A desk, its customer file, and ways to fill it."""

    desk: object
    store: CrmStore
    persons: object = field(init=False)

    def __post_init__(self):
        self.persons = self.desk.runtime.privacy.persons

    @property
    def scope(self):
        return self.desk.domain.scope

    async def person(self, email="ann@a.example", *, also=None):
        """A visitor who wrote, sent a file and made a choice. `also` is another visitor who is found to be the same."""
        desk, runtime = self.desk, self.desk.runtime
        visitor = await desk.visitor()
        stream = await desk.ask(visitor, f"Where is the parcel of {email}?")
        async for _ in stream:
            pass

        async def picture():
            yield PNG

        await runtime.visiting.attachments.take(visitor, desk.domain, "receipt.png", picture())
        async with runtime.database.session(self.scope) as session:
            talk = await session.get(Conversation, (desk.domain.id, visitor.conversation_id))
            talk.reply_to = seal(email)
            session.add(talk)
            if also is not None:
                link = {"subject_id": visitor.subject_id, "other_id": also.subject_id, "evidence": "identity by jwt"}
                session.add(SubjectLink(domain_id=desk.domain.id, **link))
            await session.commit()
        await self.answer(visitor, "analytics", True)
        return visitor

    async def answer(self, visitor, purpose, given):
        (choice,) = [c for c in choices(self.desk.runtime.catalog, "en") if c.purpose == purpose]
        answer = Answer(purpose, given, choice.notice, choice.version)
        circumstances = Circumstances("api", "en")
        await self.desk.runtime.consents.record(
            self.scope, visitor.subject_id, answer, circumstances, actor=visitor.actor
        )

    def received(self, visitor, processor="crm", categories='["contact.email"]'):
        """As if a processor had received something about the person."""
        self.desk.rows(
            "insert into omniops.egress_entry (account_id, id, for_domain, processor, host, port, purpose, categories,"
            " subjects, bytes_out, bytes_in, outcome, at, ended_at) values (%s, %s, %s, %s, 'crm.example', 443,"
            " 'support.provide', %s, %s, 10, 10, 'ok', now(), now())",
            self.scope.account_id,
            uuid4(),
            self.desk.domain.id,
            processor,
            categories,
            f'["{visitor.subject_id}"]',
        )

    async def another_domain(self):
        self.desk.domain = await self.desk.new_domain()
        await self.desk.runtime.accounts.switch(self.scope, "crm", on=True, actor=OPERATOR)

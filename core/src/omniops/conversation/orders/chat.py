"""Orders in a conversation: what core itself answers before any model is asked."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.ids import Clock
from omniops.contracts.knowledge import Found
from omniops.contracts.provider import Event, Level, Shown, Text
from omniops.contracts.scope import Scope
from omniops.conversation.messages import append, locked
from omniops.conversation.models import Conversation
from omniops.conversation.orders.access import OrderAccess
from omniops.conversation.orders.asking import asks_order, asks_price, asks_stock, named
from omniops.conversation.orders.checks import Entered, OrderChecks
from omniops.conversation.orders.shops import Shop, ShopOf
from omniops.conversation.orders.telling import order_text, product_card, stock_text
from omniops.conversation.orders.wording import say
from omniops.conversation.outbox import Sender
from omniops.conversation.progress import Progress, Question, Showing
from omniops.conversation.tools.running import Offered
from omniops.conversation.tools.shop import ShopTools, order_form
from omniops.database.service import Database
from omniops.errors import NotFound, NotReady, Throttled
from omniops.jobs.service import Jobs, Task, scope_argument


class OrdersInChat:
    """Takes codes and claims; both are settled here, so that neither ever depends on a model."""

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        checks: OrderChecks,
        access: OrderAccess,
        shop: ShopOf,
        sender: Sender,
        clock: Clock,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self.checks = checks
        self._access = access
        self._shop = shop
        self._sender = sender
        self._clock = clock
        jobs.register(Task("conversation:order_heard", self.heard))

    async def offer(self, question: Question, show: Showing, progress: Progress) -> bool:
        """Answers a message that holds a code, or an order number with an e-mail address. False for any other one."""
        scope, conversation_id = question.scope, question.conversation_id
        said = await self._said(scope, conversation_id, question.seq, question.text, question.language)
        if said is None:
            return False
        progress.notes["order"] = True
        show(Text(said))
        return True

    async def plainly(self, question: Question, found: Found) -> Sequence[Event] | None:
        """What is told without a model where only quotes would be: where the visitor's order is, or what the product
        that was found costs and whether there is some left. None for every other question."""
        scope, language = question.scope, question.language
        order, stock = asks_order(question.text), asks_stock(question.text)
        names = [str(hit.passage.facts["name"]) for hit in found.hits if "name" in hit.passage.facts][:1]
        price = asks_price(question.text) and _is_about(question.text, found)
        shop = await self._shop(scope) if order or stock or price else None
        if shop is None:
            return None
        try:
            if order and shop.offers.orders:
                return await self._order(shop, question)
            if not names or not shop.offers.products:
                return None
            fits = [one for one in await shop.search(names[0]) if one.title.casefold() == names[0].casefold()]
        except NotReady:
            return [Text(say("away", language))] if order or stock else None  # a price has a source, with its age
        text = stock_text(fits[0], language) if fits else None
        if text is None:
            return None
        card = product_card(fits[0])
        return [Level("answer"), Text(text), *([Shown(card)] if card is not None else [])]

    async def _order(self, shop: Shop, question: Question) -> Sequence[Event] | None:
        language = question.language
        holder = await self._access.holder(question.scope, question.conversation_id, shop.plugin)
        if holder.known:
            orders = await self._access.orders(shop.about(holder.subject_id, language), holder)
            told = "\n\n".join(order_text(each, language) for each in orders)
            return [Level("answer"), Text(told)] if orders else None
        return [Text(say("form", language)), Shown(order_form(language))] if self.checks.possible else None

    async def listen(self, session: AsyncSession, scope: Scope, conversation: Conversation, seq: int) -> None:
        """The same where a person answers: looked at by a job, queued in the transaction that stores the message."""
        if await self.checks.heard(session, conversation.id, seq) is not None:
            await self._jobs.enqueue(
                session,
                "conversation:order_heard",
                domain_id=scope_argument(scope),
                conversation_id=conversation.id,
                seq=seq,
            )

    async def tools(self, scope: Scope) -> Sequence[Offered]:
        """Core's tools over the domain's shop; none where there is no shop."""
        shop = await self._shop(scope)
        return ShopTools(shop, self._access, self.checks).offered() if shop is not None else ()

    async def heard(self, scope: Scope, conversation_id: str, seq: int) -> None:
        """Tells what came of a code in a conversation that a person answers. Safe to run twice: that it was told is
        noted in the transaction that stores the words."""
        entered = await self.checks.entered(scope, UUID(conversation_id), seq)
        if entered is None:
            return
        async with self._database.session(scope) as session:
            conversation = await session.get(Conversation, (scope.domain_id, UUID(conversation_id)))
        if conversation is None:
            return
        text = await self._outcome(scope, conversation.id, entered, conversation.language)
        async with self._database.session(scope) as session:
            locked_ = await locked(session, scope, conversation.id)
            check = await self.checks.heard(session, conversation.id, seq)
            if check is None:
                return
            check.heard_seq = None
            session.add(check)
            now = self._clock.now()
            message = await append(session, locked_, author="system", text=text, event="order", at=now)
            await self._sender.reach(session, scope, locked_, message)
            await session.commit()

    async def _said(self, scope: Scope, conversation_id: UUID, seq: int, text: str, language: str) -> str | None:
        entered = await self.checks.entered(scope, conversation_id, seq)
        if entered is not None:
            return await self._outcome(scope, conversation_id, entered, language)
        claim = named(text)
        shop = await self._shop(scope) if claim is not None and self.checks.possible else None
        if claim is None or shop is None or not shop.offers.orders:
            return None
        try:
            await self.checks.begin(scope, conversation_id, shop, claim.number, claim.email)
        except Throttled:
            return say("often", language)
        return say("asked", language)

    async def _outcome(self, scope: Scope, conversation_id: UUID, entered: Entered, language: str) -> str:
        """A right code is answered with the order."""
        if entered.number is None:
            return say("wrong", language)
        try:
            shop = await self._shop(scope)
            if shop is None:
                return say("away", language)
            holder = await self._access.holder(scope, conversation_id, shop.plugin)
            order = await self._access.order(shop.about(holder.subject_id, language), holder, entered.number)
        except (NotReady, NotFound):
            return f"{say('right', language)}\n\n{say('away', language)}"
        return f"{say('right', language)}\n\n{order_text(order, language)}"


def _is_about(text: str, found: Found) -> bool:
    """Whether a question is about the product that was found first, and not about what shipping costs."""
    first = next((hit.passage for hit in found.hits[:1] if hit.passage.kind == "product"), None)
    words = str(first.facts.get("name", "")).casefold().split() if first is not None else ()
    return any(word in text.casefold() for word in words if len(word) > 3)

"""Whose an order is, shown by a code that is sent to the order's own address.

Who asks learns nothing from the asking: the same is said and done at once whether or not there is such an order, and a
job looks later. A code is taken out of the message that holds it before the message is stored, so that no model, no
log and no reader of the conversation ever sees it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import Limit, Throttle
from omniops.audit.service import Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.conversation.messages import locked
from omniops.conversation.models import Conversation, VisitorSession
from omniops.conversation.orders.models import OrderCheck
from omniops.conversation.orders.shops import Shop, ShopOf, plain_number
from omniops.conversation.orders.wording import say
from omniops.conversation.redaction.cards import MASK
from omniops.conversation.redaction.digits import fold, windows
from omniops.conversation.visitors import WEBSITE, Visitor
from omniops.database.service import Database
from omniops.errors import NotFound
from omniops.jobs.service import Jobs, Retry, Task, scope_argument
from omniops.mail.service import Post
from omniops.vault.service import Vault

DIGITS = 8
LIFE = timedelta(minutes=10)
"""How long a code is good."""
SHOWS = timedelta(hours=1)
"""How long a right code shows the order, in this conversation alone."""
TRIES = 5
HOUR = 3600
PER_VISITOR, PER_ORDER, PER_ADDRESS, PER_DOMAIN = 5, 5, 5, 200
"""Checks that may be asked for in an hour."""
REMEMBERED = timedelta(days=1)
"""So long after a check, what looks like its code is kept out of messages, though it is good no more."""
PURPOSE = "support.provide"
ACTOR = Actor.system("conversation.orders")


@dataclass(frozen=True, slots=True)
class Entered:
    """What came of the code that a message held. `number` is the order that it shows, or None where it shows none."""

    number: str | None


class OrderChecks:
    """Asks for codes, takes them, and knows which orders a conversation may see."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        audit: Audit,
        jobs: Jobs,
        mail: Post,
        throttle: Throttle,
        shop: ShopOf,
        key: bytes,
        clock: Clock,
    ) -> None:
        """`key` hashes codes; it exists only at the root."""
        self._database = database
        self._vault = vault
        self._audit = audit
        self._jobs = jobs
        self._mail = mail
        self._throttle = throttle
        self._shop = shop
        self._key = key
        self._clock = clock
        jobs.register(Task("conversation:order_code", self.deliver, retry=Retry(attempts=4, first=2, cap=20)))

    @property
    def possible(self) -> bool:
        """Whether codes can be sent at all."""
        return self._mail.mailer() is not None

    async def begin(self, scope: Scope, conversation_id: UUID, shop: Shop, number: str, email: str) -> None:
        """Asks for a code. Says nothing of whether there will be one. An earlier code of the conversation is good no
        more. Raises `Throttled`."""
        async with self._database.session(scope) as session:
            conversation = await session.get(Conversation, (scope.domain_id, conversation_id))
        if conversation is None:
            raise NotFound("There is no such conversation.")
        domain, email = str(scope.domain_id), email.strip()
        await self._throttle.hit_all(
            [
                Limit("order check visitor", str(conversation.subject_id), PER_VISITOR, HOUR),
                Limit("order check order", f"{domain}|{plain_number(number)}", PER_ORDER, HOUR),
                Limit("order check address", f"{domain}|{email.casefold()}", PER_ADDRESS, HOUR),
                Limit("order check domain", domain, PER_DOMAIN, HOUR),
            ]
        )
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, conversation_id)
            for row in await self._rows(session, conversation):
                row.ended = row.ended or row.verified_at is None
                session.add(row)
            check = OrderCheck(
                domain_id=scope_argument(scope),
                subject_id=conversation.subject_id,
                conversation_id=conversation.id,
                chain_id=await _chain(session, conversation),
                plugin=shop.plugin,
                number=seal(number),
                email=seal(email),
                created_at=self._clock.now(),
            )
            session.add(check)
            await session.flush()
            await self._jobs.enqueue(session, "conversation:order_code", domain_id=check.domain_id, check_id=check.id)
            await session.commit()

    async def deliver(self, scope: Scope, check_id: str) -> None:
        """Looks whether order and address belong together, and if so mails the code. Raises `NotReady` where the shop
        is away."""
        async with self._database.session(scope) as session:
            row = await session.get(OrderCheck, (scope.domain_id, UUID(check_id)))
        if row is None or row.ended or row.code is not None:
            return
        opened = await self._vault.open([row], purpose=PURPOSE, actor=ACTOR)
        number, email = opened(row.number, otherwise="") or "", opened(row.email, otherwise="") or ""
        shop = await self._shop(scope)
        order = None
        if shop is not None and shop.plugin == row.plugin and shop.offers.orders and number:
            order = await shop.about(row.subject_id, "en").order(number)
        # The order's own address, never the one that was written: two that compare alike may be two mailboxes.
        own = order.email.strip() if order is not None else ""
        fits = bool(own) and _same(own.casefold(), email.casefold())
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        async with self._database.session(scope) as session:
            conversation = await locked(session, scope, row.conversation_id)
            check = await session.get(OrderCheck, (row.domain_id, row.id), with_for_update=True)
            if check is None or check.ended or check.code is not None:
                return
            check.code, check.email = self._hash(check.id, code), None
            check.expires_at = self._clock.now() + LIFE
            session.add(check)
            if fits:
                language = conversation.language
                # About the order's customer, who need not be the visitor: a copy of the visitor's data shows no trace.
                await self._mail.send(
                    scope,
                    to=own,
                    kind="code",
                    subject=say("mail_subject", language),
                    text=say("mail", language).format(f"{code[:4]} {code[4:]}"),
                    key=f"order-code:{check.id}",
                    language=language,
                    session=session,
                )
            await session.commit()

    async def take(
        self,
        session: AsyncSession,
        conversation: Conversation,
        text: str,
        *,
        visitor: Visitor | None = None,
        sender: str = "",
    ) -> str:
        """The message that a locked conversation is about to store, without the code that it may hold. A right code
        shows its order from this transaction on. Another session, or another sender in the same thread, ends what was
        shown there."""
        rows = await self._rows(session, conversation)
        if not rows:
            return text
        mine = await self._same_writer(session, conversation, rows[0], visitor, sender)
        for row in rows:
            row.ended = row.ended or not mine
            session.add(row)
        newest, now = rows[0], self._clock.now()
        if newest.verified_at is not None and (newest.expires_at is None or newest.expires_at <= now):
            return text
        shown = list(text)
        for window in windows(fold(text), DIGITS, DIGITS):
            self._try(newest, window.digits)
            newest.heard_seq = conversation.last_seq + 1
            shown[window.start : window.end] = MASK * (window.end - window.start)
        return "".join(shown)

    async def heard(self, session: AsyncSession, conversation_id: UUID, seq: int) -> OrderCheck | None:
        """The check whose code, or what looked like it, a message held."""
        scope: Scope = session.info["scope"]
        statement = select(OrderCheck).where(
            OrderCheck.domain_id == scope.domain_id,
            OrderCheck.conversation_id == conversation_id,
            OrderCheck.heard_seq == seq,
        )
        return (await session.exec(statement)).first()

    async def entered(self, scope: Scope, conversation_id: UUID, seq: int) -> Entered | None:
        """What came of the code in this message; None where it held none."""
        async with self._database.session(scope) as session:
            row = await self.heard(session, conversation_id, seq)
        if row is None:
            return None
        numbers = await self.numbers(scope, conversation_id) if row.verified_at is not None else {}
        number = numbers.get(row.id)
        if number is not None:
            detail = {"conversation": str(conversation_id)}
            await self._audit.write(Entry(scope.account_id, str(ACTOR), "order.verify", "conversation", detail=detail))
        return Entered(number)

    async def numbers(
        self,
        scope: Scope,
        conversation_id: UUID,
        *,
        ever: bool = False,
        plugin: str | None = None,
        actor: Actor = ACTOR,
    ) -> dict[UUID, str]:
        """Order numbers that a code showed in this conversation, by the check's id, newest first: those that hold now,
        or all with `ever`, for what a person of the business decides later."""
        async with self._database.session(scope) as session:
            statement = select(OrderCheck).where(
                OrderCheck.domain_id == scope.domain_id,
                OrderCheck.conversation_id == conversation_id,
                col(OrderCheck.verified_at).is_not(None),
            )
            if not ever:
                statement = statement.where(
                    col(OrderCheck.ended).is_(False), col(OrderCheck.verified_at) > self._clock.now() - SHOWS
                )
            if plugin is not None:
                statement = statement.where(OrderCheck.plugin == plugin)
            rows = (await session.exec(statement.order_by(col(OrderCheck.id).desc()))).all()
        opened = await self._vault.open(rows, purpose=PURPOSE, actor=actor)
        found = {row.id: opened(row.number, otherwise=None) for row in rows}
        return {check_id: number for check_id, number in found.items() if number is not None}

    def _try(self, row: OrderCheck, given: str) -> None:
        """Counts and compares one code, with the same work whatever comes of it."""
        row.tries += 1
        now, right = self._clock.now(), _same(self._hash(row.id, given).hex(), (row.code or bytes(32)).hex())
        live = not row.ended and row.verified_at is None and row.expires_at is not None and row.expires_at > now
        if live and right and row.tries <= TRIES:
            row.verified_at = now

    def _hash(self, check_id: UUID, code: str) -> bytes:
        return hmac.new(self._key, check_id.bytes + code.encode(), hashlib.sha256).digest()

    async def _rows(self, session: AsyncSession, conversation: Conversation) -> Sequence[OrderCheck]:
        """The conversation's checks of the last day, newest first."""
        statement = (
            select(OrderCheck)
            .where(OrderCheck.domain_id == conversation.domain_id, OrderCheck.conversation_id == conversation.id)
            .where(col(OrderCheck.created_at) > self._clock.now() - REMEMBERED)
            .order_by(col(OrderCheck.id).desc())
        )
        return (await session.exec(statement)).all()

    async def _same_writer(
        self, session: AsyncSession, conversation: Conversation, row: OrderCheck, visitor: Visitor | None, sender: str
    ) -> bool:
        if visitor is not None:
            return row.chain_id == visitor.chain_id
        opened = await self._vault.open([conversation], purpose=PURPOSE, actor=ACTOR)
        return row.chain_id is None and _same(opened(conversation.sender, otherwise="") or "", sender)


async def _chain(session: AsyncSession, conversation: Conversation) -> UUID | None:
    """The session that writes in a conversation of the website."""
    if conversation.channel != WEBSITE:
        return None
    statement = (
        select(VisitorSession.chain_id)
        .where(VisitorSession.domain_id == conversation.domain_id, VisitorSession.conversation_id == conversation.id)
        .order_by(col(VisitorSession.id).desc())
    )
    return (await session.exec(statement)).first()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())

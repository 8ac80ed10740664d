"""The one way for core to send mail: stored first, sealed, tried again, never to an address to be left alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.models import Member
from omniops.accounts.service import Accounts
from omniops.contracts.channel import Receipt
from omniops.contracts.ids import Clock
from omniops.contracts.mail import Attachment, Mailer, OutgoingMail
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.database.service import Database
from omniops.errors import EgressRefused, NotReady, OmniOpsError, Permanent, Reconnect, Refused, Rejected
from omniops.jobs.service import Jobs, Retry, Task, scope_argument
from omniops.mail.models import Mail, Suppression
from omniops.mail.rendering import framed, html_of
from omniops.vault.service import Vault

ACTOR = Actor.system("mail.deliver")
ATTEMPTS = 8
MOST_BYTES = 10 * 1024 * 1024
"""Of all attachments of one mail. Many servers take no mail above 25 MB, and base64 adds a third."""
LONGEST_SUBJECT = 200
CATEGORIES = ("contact.email", "user.content.chat")
_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\\x00-\x1f\x7f]{1,64}@[^@\s<>,;:\"()\[\]\\\x00-\x1f\x7f]{1,190}")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mail: the purpose that opens and sends it, and whether the law requires it, so that it goes even to a
    suppressed address."""

    purpose: str
    required: bool = False


KINDS: Mapping[str, Kind] = {
    "transcript": Kind("support.provide"),
    "link": Kind("support.provide"),
    "reply": Kind("support.provide"),
    "code": Kind("support.provide"),
    "rights": Kind("rights.answer", required=True),
    "breach": Kind("breach.handle", required=True),
    "notice": Kind("support.provide", required=True),
}


class Post:
    """Takes mail in, delivers it by a job, and keeps the list of addresses that get no more."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        jobs: Jobs,
        accounts: Accounts,
        mailers: Callable[[], Mapping[str, Mailer]],
        chosen: str | None,
        key: bytes,
        clock: Clock,
    ) -> None:
        """`chosen` is the operator's setting `mailer`; `key` hashes suppressed addresses."""
        self._database = database
        self._vault = vault
        self._jobs = jobs
        self._accounts = accounts
        self._mailers = mailers
        self._chosen = chosen
        self._key = key
        self._clock = clock
        jobs.register(Task("mail:deliver", self.deliver, retry=Retry(attempts=ATTEMPTS, first=5, cap=900)))

    def mailer(self) -> Mailer | None:
        """The one that sends: the operator's choice, else the first that is there. None where there is none."""
        found = self._mailers()
        if self._chosen is not None:
            return found.get(self._chosen)
        return next(iter(found.values()), None)

    async def admins(self, scope: Scope) -> list[str]:
        """The addresses of an account's owners and admins, the oldest member first."""
        account = Scope(scope.account_id)
        async with self._database.session(account) as session:
            statement = select(Member).where(
                Member.account_id == scope.account_id, col(Member.role).in_(("owner", "admin"))
            )
            members = list((await session.exec(statement.order_by(col(Member.id)))).all())
        if not members:
            return []
        opened = await self._vault.open(members, purpose="account.manage", actor=Actor.system("mail.admins"))
        found = [opened(member.email, otherwise=None) for member in members]
        return [address for address in found if address]

    async def send(
        self,
        scope: Scope,
        *,
        to: str,
        kind: str,
        subject: str,
        text: str,
        key: str,
        html: str | None = None,
        subject_id: UUID | None = None,
        attachments: Sequence[Attachment] = (),
        ai: bool = False,
        language: str = "en",
        session: AsyncSession | None = None,
    ) -> UUID:
        """Stores a mail and queues its sending. Returns its id; the same `key` again returns the same mail.

        `kind` is one of `KINDS`. Core adds the foot, and makes the HTML from `text` where `html` is None. `ai` says
        that a machine wrote (parts of) it. With `session`, all of it is part of that transaction, which the caller
        commits.

        Raises `NotReady` where no plugin can send mail, `Rejected` for an address or files that cannot be sent.
        """
        domain = await self._accounts.domain(scope)
        if self.mailer() is None and not domain.sandbox:
            raise NotReady(*_no_mailer(self._chosen))
        _check(to, subject, attachments)
        words = framed(text, title=domain.title, ai=ai, language=language)
        content = {
            "from_name": domain.title,
            "subject": " ".join(subject.split())[:LONGEST_SUBJECT],
            "text": words,
            "html": html or html_of(words, language=language, ai=ai),
            "ai": ai,
            "attachments": [[one.name, one.media_type, base64.b64encode(one.content).decode()] for one in attachments],
        }
        mail = Mail(
            domain_id=scope_argument(scope),
            subject_id=subject_id or scope.account_id,
            kind=kind,
            key=key,
            to=seal(to.strip()),
            content=seal(content),
            created_at=self._clock.now(),
        )
        assert kind in KINDS, f"There is no kind of mail {kind!r}."
        if session is not None:
            return await self._put(session, scope, mail)
        async with self._database.session(scope) as own:
            mail_id = await self._put(own, scope, mail)
            await own.commit()
        return mail_id

    async def _put(self, session: AsyncSession, scope: Scope, mail: Mail) -> UUID:
        statement = select(Mail).where(Mail.domain_id == scope.domain_id, Mail.key == mail.key)
        if (known := (await session.exec(statement)).first()) is not None:
            return known.id
        session.add(mail)
        await session.flush()
        await self._jobs.enqueue(session, "mail:deliver", domain_id=mail.domain_id, mail_id=mail.id)
        return mail.id

    async def state(self, scope: Scope, mail_id: UUID) -> str | None:
        """`waiting`, `sent`, `kept`, `bounced` or `failed`; None for one of another scope, or that was erased."""
        async with self._database.session(scope) as session:
            mail = await session.get(Mail, (scope.domain_id, mail_id))
        return mail.state if mail is not None else None

    async def deliver(self, scope: Scope, mail_id: str) -> None:
        """Sends one mail unless it was sent. A mailer that is away is asked again; what was refused for good is not."""
        async with self._database.session(scope) as session:
            statement = select(Mail).where(Mail.domain_id == scope.domain_id, Mail.id == UUID(mail_id))
            mail = (await session.exec(statement.with_for_update())).first()
            if mail is None or mail.state != "waiting":  # erased meanwhile, or done
                return
            mail.attempts += 1
            failure: OmniOpsError | None = None
            try:
                await self._send(session, scope, mail)
            except EgressRefused as error:
                failure, mail.problem = error, error.reason
            except Refused as error:  # a door's no is an outcome, no fault of the job
                mail.state, mail.problem = "failed", error.reason
            except Permanent as error:
                mail.state, mail.problem = "failed", "refused"
                failure = error
            except (NotReady, Reconnect) as error:
                failure = error
            except Exception as error:
                failure = NotReady(f"The mail could not be sent: {type(error).__name__}.")
                failure.__cause__ = error
            if mail.state == "waiting" and mail.attempts >= ATTEMPTS:
                mail.state, mail.problem = "failed", "gave_up"
            if mail.state not in ("waiting", "kept"):
                mail.content = None
            session.add(mail)
            await session.commit()
        if failure is not None:
            raise failure

    async def keeps(self, scope: Scope) -> bool:
        """Whether a domain is a sandbox: what it would send to a person is kept, and never sent."""
        return (await self._accounts.domain(scope)).sandbox

    async def _send(self, session: AsyncSession, scope: Scope, mail: Mail) -> None:
        if await self.keeps(scope):
            mail.state = "kept"
            return
        mailer = self.mailer()
        if mailer is None:
            raise NotReady(*_no_mailer(self._chosen))
        kind = KINDS[mail.kind]
        opened = await self._vault.open([mail], purpose=kind.purpose, actor=ACTOR)
        to, content = opened(mail.to), opened(mail.content)
        if not kind.required and await self.suppressed(scope, to, session=session):
            raise Refused("This address gets no more mail.", reason="suppressed")
        delivery = await mailer.send(_outgoing(scope, mail, kind, to, content or {}))
        if delivery.state == "failed":
            mail.state, mail.problem = "bounced", "no_such_address"
            await self.suppress(scope, to, "bounce", session=session)
            return
        mail.state, mail.problem = "sent", None
        mail.reference, mail.sent_at = delivery.reference, self._clock.now()

    # Addresses that are left alone

    async def suppressed(self, scope: Scope, address: str, *, session: AsyncSession | None = None) -> bool:
        """Whether an address of this domain gets nothing but legally required mail."""
        if session is None:
            async with self._database.session(scope) as own:
                return await self.suppressed(scope, address, session=own)
        statement = select(Suppression.id).where(
            Suppression.domain_id == scope.domain_id, Suppression.hash == self._hash(scope, address)
        )
        return (await session.exec(statement)).first() is not None

    async def suppress(self, scope: Scope, address: str, reason: str, *, session: AsyncSession | None = None) -> None:
        """From now on the address gets nothing but legally required mail. Safe to repeat. `reason` is `bounce` or
        `request`."""
        if session is None:
            async with self._database.session(scope) as own:
                await self.suppress(scope, address, reason, session=own)
                await own.commit()
            return
        if not await self.suppressed(scope, address, session=session):
            row = Suppression(domain_id=scope_argument(scope), hash=self._hash(scope, address), reason=reason)
            row.created_at = self._clock.now()
            session.add(row)

    async def receipt(self, session: AsyncSession, scope: Scope, receipt: Receipt) -> bool:
        """Enters what came back about a mail, in the session's transaction. A mail that bounced for good suppresses
        its address. False where the reference is of no mail of ours: then nothing is believed."""
        statement = select(Mail).where(Mail.domain_id == scope.domain_id, Mail.reference == receipt.reference)
        mail = (await session.exec(statement.with_for_update())).first()
        if mail is None:
            return False
        if receipt.state == "failed":
            mail.state, mail.problem = "bounced", receipt.problem
            session.add(mail)
            if receipt.permanent:
                opened = await self._vault.open([mail], purpose=KINDS[mail.kind].purpose, actor=ACTOR)
                await self.suppress(scope, opened(mail.to), "bounce", session=session)
        return True

    def _hash(self, scope: Scope, address: str) -> bytes:
        words = f"{scope.domain_id}|{address.strip().casefold()}".encode()
        return hmac.new(self._key, words, hashlib.sha256).digest()


def _outgoing(scope: Scope, mail: Mail, kind: Kind, to: str, content: dict[str, Any]) -> OutgoingMail:
    return OutgoingMail(
        idempotency_key=mail.id.hex,
        to=to,
        from_name=content["from_name"],
        subject=content["subject"],
        text=content["text"],
        html=content["html"],
        purpose=kind.purpose,
        categories=CATEGORIES,
        attachments=[Attachment(name, kind_of, base64.b64decode(raw)) for name, kind_of, raw in content["attachments"]],
        ai=content["ai"],
        subject_id=mail.subject_id if mail.subject_id != scope.account_id else None,
        scope=scope,
    )


def is_address(text: str) -> bool:
    """Whether mail can be sent to it, by its form."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text.strip()) is not None


def _check(to: str, subject: str, attachments: Sequence[Attachment]) -> None:
    if not is_address(to):
        raise Rejected("This is no e-mail address.", code="bad_address", where="to")
    if not subject.strip():
        raise Rejected("The mail has no subject.", code="empty", where="subject")
    if sum(len(one.content) for one in attachments) > MOST_BYTES:
        raise Rejected(
            f"The files are larger than {MOST_BYTES // 2**20} MB together.", code="too_large", where="attachments"
        )


def _no_mailer(chosen: str | None) -> tuple[str]:
    if chosen is not None:
        return (f"No enabled plugin sends mail as {chosen!r} (setting mailer).",)
    return ("No enabled plugin sends mail.",)

"""A yes that its person confirms: a link in a mail, good once, and a yes only when a button behind it is pressed.

Mail scanners open links, so opening one does nothing. Whether an address is known is told to nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.accounts.service import DomainView
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.contracts.tokens import new_token, token_hash
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.jobs.service import MAINTENANCE, Jobs, Task
from omniops.mail.service import Post
from omniops.privacy.catalog import Catalog
from omniops.privacy.consents import Consents
from omniops.privacy.ledger import Answer, Circumstances
from omniops.privacy.models import ConsentRequest
from omniops.signing import Signer
from omniops.vault.models import Subject
from omniops.vault.service import Vault

GOOD_FOR = timedelta(days=2)
ACTOR = Actor.system("consent.confirm")
PURPOSE = "consent.keep"
PATH = "/preferences/confirm"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a link stands for. `state` says whether the yes waits for its confirmation or stands."""

    purpose: str
    locale: str
    state: Literal["waiting", "given"]


class OptIn:
    """Sends the link, and takes what is pressed behind it."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        consents: Consents,
        catalog: Catalog,
        mail: Post,
        jobs: Jobs,
        signer: Signer,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._consents = consents
        self._catalog = catalog
        self._mail = mail
        self._base = signer.issuer
        self._clock = clock
        jobs.register(Task("privacy:unconfirmed", self.sweep, queue=MAINTENANCE, cron="23 * * * *"))
        for purpose in catalog.choices():
            if purpose.confirmed:
                consents.when_ended(purpose.key, self._forget)

    async def ask(
        self,
        domain: DomainView,
        purpose: str,
        email: str,
        version: str,
        *,
        locale: str,
        jurisdiction: str,
        subject_id: UUID | None,
    ) -> None:
        """Sends the link to `email`. Says nothing of what is known of that address.

        `version` is that of the words that were shown. Raises `Rejected` for a purpose that needs no confirmation, for
        words that were never shown and for what is no address, `NotReady` where no plugin can send mail.
        """
        known = self._catalog.purposes.get(purpose)
        if known is None or not known.confirmed:
            raise Rejected(f"{purpose!r} is not confirmed by mail.", code="no_such_choice", where="purpose")
        notice = f"choice.{purpose}"
        await self._consents.texts.find(notice, version)
        scope, now, token = domain.scope, self._clock.now(), new_token("oo_confirm_")
        assert scope.domain_id is not None
        async with self._database.session(scope) as session:
            if subject_id is None:
                subject = Subject(account_id=scope.account_id, home_id=scope.domain_id, kind="contact")
                session.add(subject)
                await session.flush()
                subject_id = subject.id
            row = ConsentRequest(
                domain_id=scope.domain_id,
                subject_id=subject_id,
                hash=token_hash(token),
                purpose=purpose,
                email=seal(email.strip()),
                notice_id=notice,
                notice_version=version,
                locale=locale,
                jurisdiction=jurisdiction,
                expires_at=now + GOOD_FOR,
                created_at=now,
            )
            session.add(row)
            words = _words(locale)
            link = f"{self._base}{PATH}?{urlencode({'key': domain.widget_key, 'token': token})}"
            await self._mail.send(
                scope,
                to=email,
                kind="link",
                subject=words["subject"].format(title=domain.title),
                text=words["text"].format(title=domain.title, link=link),
                key=row.id.hex,
                subject_id=subject_id,
                language=locale,
                session=session,
            )
            await session.commit()

    async def look(self, scope: Scope, token: str) -> Asked:
        """What a link stands for; looking changes nothing. Raises `NotFound` for one that is not good any more."""
        async with self._database.session(scope) as session:
            row = await self._row(session, scope, token)
            return Asked(row.purpose, row.locale, "given" if row.confirmed_at else "waiting")

    async def confirm(self, scope: Scope, token: str) -> None:
        """The yes, once. Raises `NotFound` for a link that is forged, used or too old, and `Refused` as
        `Consents.record` does."""
        async with self._database.session(scope) as session:
            row = await self._row(session, scope, token, lock=True)
            if row.confirmed_at is not None:
                raise _gone()
            opened = await self._vault.open([row], purpose=PURPOSE, actor=ACTOR)
            await self._answer(scope, row, given=True)
            row.confirmed_at, row.confirmed_email = self._clock.now(), seal(opened(row.email))
            session.add(row)
            await session.commit()

    async def end(self, scope: Scope, token: str) -> None:
        """The no: by the same link, in one press, as long as the yes stands. Raises `NotFound`."""
        async with self._database.session(scope) as session:
            row = await self._row(session, scope, token)
        if row.confirmed_at is None:
            raise _gone()
        await self._answer(scope, row, given=False)

    async def sweep(self) -> None:
        """Deletes what nobody confirmed in time."""
        async with self._database.system("consent: links that nobody used in time") as session:
            connection = await session.connection()
            late = col(ConsentRequest.expires_at) <= self._clock.now()
            await connection.execute(delete(ConsentRequest).where(late, col(ConsentRequest.confirmed_at).is_(None)))
            await session.commit()

    async def _answer(self, scope: Scope, row: ConsentRequest, *, given: bool) -> None:
        answer = Answer(row.purpose, given, row.notice_id, row.notice_version)
        how = Circumstances("mail", row.locale, jurisdiction=row.jurisdiction)
        who = Actor("visitor", str(row.subject_id))
        await self._consents.record(scope, row.subject_id, answer, how, actor=who, confirmed=True)

    async def _forget(self, session: AsyncSession, scope: Scope, subject_id: UUID) -> None:
        """The address goes with the yes; that there was one stays in the ledger."""
        rows = await session.exec(
            select(ConsentRequest).where(
                ConsentRequest.domain_id == scope.domain_id,
                ConsentRequest.subject_id == subject_id,
                col(ConsentRequest.confirmed_at).is_not(None),
            )
        )
        for row in rows.all():
            await session.delete(row)

    async def _row(self, session: AsyncSession, scope: Scope, token: str, *, lock: bool = False) -> ConsentRequest:
        statement = select(ConsentRequest).where(
            ConsentRequest.domain_id == scope.domain_id, ConsentRequest.hash == token_hash(token)
        )
        row = (await session.exec(statement.with_for_update() if lock else statement)).first()
        if row is None or (row.confirmed_at is None and row.expires_at <= self._clock.now()):
            raise _gone()
        return row


def _gone() -> NotFound:
    return NotFound("This link is not good any more.", do="Ask for a new one on the website.")


@lru_cache(1)
def _mails() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(files("omniops.privacy").joinpath("opt_in.json").read_bytes())
    return found


def _words(locale: str) -> Mapping[str, str]:
    return _mails().get(locale[:2].lower(), _mails()["en"])

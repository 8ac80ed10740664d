"""Replies: drafted from a template in the reader's language, sent by mail or into the chat, kept sealed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from omniops.contracts.scope import Actor, Scope
from omniops.contracts.sealed import seal
from omniops.errors import NotReady, Rejected
from omniops.mail.service import Post
from omniops.privacy.rights.book import LONGEST, Book
from omniops.privacy.rights.kinds import RIGHTS
from omniops.privacy.rights.models import RightsCase, RightsLetter, RightsWords
from omniops.privacy.rights.words import word
from omniops.vault.opening import Opened

ACTOR = Actor.system("privacy.letter")
PURPOSE = "rights.answer"
RULES = "rules"
"""Who approved a letter that no person had to."""
IntoChat = Callable[[AsyncSession, Scope, UUID, str, str], Awaitable[bool]]
"""Puts a text in a language into a conversation, in the session's transaction; False where it is gone."""


class Letters:
    """Writes and sends."""

    def __init__(self, book: Book, mail: Post) -> None:
        self._book = book
        self._vault = book.vault
        self._mail = mail
        self._into_chat: IntoChat | None = None

    def into_chat(self, put: IntoChat) -> None:
        """From now on letters to somebody who asked in a chat go there, where no address is known."""
        self._into_chat = put

    def text(self, case: RightsCase, kind: str, values: Mapping[str, str]) -> str:
        """A letter from its template."""
        told = {"right": word(case.language, f"right.{case.right}"), "reference": case.reference, **values}
        return word(case.language, f"letter.{kind}").format(**told)

    async def draft(self, session: AsyncSession, case: RightsCase, kind: str, text: str) -> RightsLetter:
        """A letter that waits for approval; one of the same kind that waits already is written anew."""
        statement = select(RightsLetter).where(
            RightsLetter.domain_id == case.domain_id, RightsLetter.case_id == case.id, RightsLetter.state == "drafted"
        )
        letter = (await session.exec(statement)).first() or RightsLetter(
            domain_id=case.domain_id,
            subject_id=case.requester_id,
            case_id=case.id,
            kind=kind,
            language=case.language,
            text=seal(text),
            created_at=self._book.clock.now(),
        )
        letter.kind, letter.text = kind, seal(text)
        session.add(letter)
        await session.flush()
        return letter

    async def send(
        self, session: AsyncSession, scope: Scope, case: RightsCase, letter: RightsLetter, text: str, *, by: str
    ) -> None:
        """Sends a letter, in the session's transaction. One that has no way to its reader is kept: the person sees it
        where the request was made."""
        if not text.strip() or len(text) > LONGEST:
            raise Rejected(f"A reply has 1 to {LONGEST} characters.", code="bad_text", where="text")
        letter.text, letter.approved_by = seal(text), by
        letter.state = "unsendable"
        address = await self.address(session, case)
        if address is not None:
            try:
                letter.mail_id = await self._mail.send(
                    scope,
                    to=address,
                    kind="rights",
                    subject=f"{word(case.language, f'right.{case.right}')} · {case.reference}",
                    text=text,
                    key=f"rights:{letter.id}",
                    subject_id=case.requester_id,
                    language=case.language,
                    session=session,
                )
                letter.state = "sent"
            except (NotReady, Rejected) as error:
                self._book.note(session, case, "not_sent", ACTOR, words=str(error))
        elif (
            self._into_chat is not None
            and case.conversation_id is not None
            and RIGHTS[case.right].act != "erase"
            and await self._into_chat(session, scope, case.conversation_id, text, case.language)
        ):
            letter.state = "sent"
        session.add(letter)
        self._book.note(session, case, "letter", ACTOR, kind=letter.kind, state=letter.state, approved_by=by)

    async def at_once(
        self, session: AsyncSession, scope: Scope, case: RightsCase, kind: str, values: Mapping[str, str]
    ) -> RightsLetter:
        """Drafts and sends what needs nobody's approval."""
        text = self.text(case, kind, values)
        letter = await self.draft(session, case, kind, text)
        await self.send(session, scope, case, letter, text, by=RULES)
        return letter

    async def drafted(self, session: AsyncSession, case: RightsCase) -> RightsLetter | None:
        """The letter that waits for approval."""
        statement = select(RightsLetter).where(
            RightsLetter.domain_id == case.domain_id, RightsLetter.case_id == case.id, RightsLetter.state == "drafted"
        )
        return (await session.exec(statement)).first()

    async def words_of(self, session: AsyncSession, letter: RightsLetter) -> str:
        """A letter's text, in clear."""
        opened = await self._vault.open([letter], purpose=PURPOSE, actor=ACTOR, session=session)
        return opened(letter.text)

    async def all(
        self, session: AsyncSession, case: RightsCase, beside: Sequence[SQLModel] = (), *, actor: Actor
    ) -> tuple[RightsWords | None, list[RightsLetter], Opened]:
        """What the requester wrote, the letters in their order, and what opens both, and rows `beside` them."""
        words = (await session.exec(_words(case))).first()
        statement = (
            select(RightsLetter)
            .where(RightsLetter.domain_id == case.domain_id, RightsLetter.case_id == case.id)
            .order_by(col(RightsLetter.id))
        )
        letters = list((await session.exec(statement)).all())
        rows = [row for row in (words, *letters, *beside) if row is not None]
        opened = await self._vault.open(rows, purpose=PURPOSE, actor=actor, session=session)
        return words, letters, opened

    async def address(self, session: AsyncSession, case: RightsCase) -> str | None:
        """Where the answer goes, in clear."""
        words = (await session.exec(_words(case))).first()
        if words is None or words.email is None:
            return None
        opened = await self._vault.open([words], purpose=PURPOSE, actor=ACTOR, session=session)
        return opened(words.email, otherwise=None)


def _words(case: RightsCase) -> SelectOfScalar[RightsWords]:
    return select(RightsWords).where(RightsWords.domain_id == case.domain_id, RightsWords.case_id == case.id)

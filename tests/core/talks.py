"""Conversations as rows, for who counts them: who wrote when, what was answered at which price."""

from datetime import timedelta
from uuid import uuid4

from omniops.contracts.sealed import seal
from omniops.conversation.models import Conversation, ConversationEvent, Feedback, Message, Turn
from omniops.vault.models import Subject


class Talks:
    """Writes conversations of one domain. Every one has a visitor of its own, who asks at `at`."""

    def __init__(self, runtime, scope):
        self.runtime, self.scope = runtime, scope

    async def add(
        self,
        at,
        *,
        channel="website",
        state="ai",
        level="answer",
        helpful=None,
        called=None,
        person=None,
        deployment="model/one",
        first_ms=600,
        usd="0.004",
        text="How long does it take?",
    ):
        """One conversation. `level` None: the AI says nothing. `called` and `person`: after how many seconds somebody
        was called, and wrote. Gives its id."""
        domain = self.scope.domain_id
        async with self.runtime.database.session(self.scope) as session:
            person_asking = Subject(account_id=self.scope.account_id, home_id=domain, kind="visitor")
            session.add(person_asking)
            await session.flush()
            subject = person_asking.id
            talk = Conversation(domain_id=domain, subject_id=subject, channel=channel, state=state, created_at=at)
            session.add(talk)
            await session.flush()
            row = {"domain_id": domain, "subject_id": subject, "conversation_id": talk.id}
            asked = Message(**row, seq=1, author="visitor", text=seal(text), created_at=at)
            session.add(asked)
            await session.flush()
            if level is not None:
                record = {"first_ms": first_ms, "input": 900, "output": 80, "usd": usd}
                turn = Turn(
                    **row, message_id=asked.id, state="done", owner="x", lease_until=at, key=uuid4().hex,
                    deployment=deployment, record=record, created_at=at,
                )  # fmt: skip
                session.add(turn)
                later = at + timedelta(seconds=2)
                said = Message(
                    **row, seq=2, author="ai", text=seal("Four days."), level=level, turn_id=turn.id, created_at=later
                )
                session.add(said)
                await session.flush()
                if helpful is not None:
                    session.add(Feedback(domain_id=domain, subject_id=subject, message_id=said.id, helpful=helpful))
            if called is not None:
                moved = {"event": "person_asked", "before": "ai", "after": "waiting", "actor": "visitor"}
                when = at + timedelta(seconds=called)
                session.add(ConversationEvent(**row, **moved, reason="by_visitor", created_at=when))
            if person is not None:
                when = at + timedelta(seconds=person)
                session.add(Message(**row, seq=3, author="person", text=seal("Hello."), created_at=when))
            await session.commit()
            return talk.id

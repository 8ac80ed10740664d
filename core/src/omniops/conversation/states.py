"""Who answers in a conversation: five states, the events that lead from one to another, and their one writer.

`ai` answers by itself · `draft` proposes, and a person sends · `waiting` for a person · a `human` answers · `closed`.
Model text is no event.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy import update
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.scope import Actor
from omniops.conversation.models import Conversation, ConversationEvent, Draft
from omniops.database.service import Notice, notify
from omniops.errors import Rejected

State = Literal["ai", "draft", "waiting", "human", "closed"]
Event = Literal[
    "person_asked", "ai_failed", "ai_handed_over", "ai_off", "opted_out", "drafted", "asked_again", "draft_sent",
    "draft_rejected", "taken_over", "replied", "assigned", "mode_set", "noted", "labelled", "snoozed", "handed_back",
    "closed", "reopened",
]  # fmt: skip
Reason = Literal[
    "by_visitor", "by_person", "no_deployment", "review_mode", "opted_out", "wrong_answer", "sensitive", "asked_for",
    "solved", "window_over", "undelivered", "unreadable", "other",
]  # fmt: skip

SILENT: frozenset[str] = frozenset({"waiting", "human", "closed"})
"""States in which the AI does not answer."""
_OPEN: tuple[State, ...] = ("ai", "draft", "waiting", "human")
_STAYS: Mapping[State, State] = {state: state for state in _OPEN}
TRANSITIONS: Mapping[Event, Mapping[State, State]] = {
    "person_asked": {"ai": "waiting", "draft": "waiting", "waiting": "waiting", "human": "waiting"},
    "ai_failed": {"ai": "waiting", "draft": "waiting"},
    "ai_handed_over": {"ai": "waiting", "draft": "waiting"},
    "ai_off": {"ai": "waiting", "draft": "waiting"},
    "opted_out": {"ai": "waiting", "draft": "waiting"},
    "drafted": {"ai": "draft", "draft": "draft"},
    "asked_again": {"draft": "draft"},
    "draft_sent": {"draft": "ai"},
    "draft_rejected": {"draft": "waiting"},
    "taken_over": dict.fromkeys(_OPEN, "human"),
    "replied": dict.fromkeys(_OPEN, "human"),
    "assigned": _STAYS,
    "mode_set": _STAYS,
    "noted": {**_STAYS, "closed": "closed"},
    "labelled": {**_STAYS, "closed": "closed"},
    "snoozed": _STAYS,
    "handed_back": dict.fromkeys(_OPEN, "ai"),
    "closed": dict.fromkeys(_OPEN, "closed"),
    "reopened": {"closed": "waiting"},
}
_BESIDE: frozenset[Event] = frozenset({"assigned", "noted", "labelled", "snoozed", "mode_set"})
"""Events that say nothing to the visitor: a conversation that is snoozed stays so."""
_KEEP_DRAFT: frozenset[Event] = _BESIDE | {"draft_sent", "draft_rejected"}
"""Events after which a draft that waits is still the one to decide about, or was decided by them."""


def after(state: str, event: Event) -> State:
    """The state that `event` leads to. Raises `Rejected` where there is no such way."""
    found = TRANSITIONS[event].get(state)  # type: ignore[call-overload]
    if found is None:
        if state == "closed":
            raise Rejected("This conversation is closed.", code="conversation_closed", do="Reopen it, or start anew.")
        raise Rejected(f"A conversation in the state {state!r} knows no {event!r}.", code="not_in_state")
    return found  # type: ignore[no-any-return]


async def move(
    session: AsyncSession,
    conversation: Conversation,
    event: Event,
    actor: Actor,
    reason: Reason,
    *,
    at: datetime,
) -> State:
    """Moves a locked conversation, in the session's transaction, and keeps by whom and why. A draft that waits and is
    overtaken by this is superseded. Raises `Rejected` where the event does not fit the state.

    Nothing else ever writes a conversation's state.
    """
    before, state = conversation.state, after(conversation.state, event)
    conversation.state = state
    if state in ("ai", "closed"):
        conversation.waiting_since = None
    elif state in ("draft", "waiting"):
        conversation.waiting_since = conversation.waiting_since or at
    if event not in _BESIDE:
        conversation.snoozed_until = None
    session.add(conversation)
    row = ConversationEvent(
        domain_id=conversation.domain_id,
        subject_id=conversation.subject_id,
        conversation_id=conversation.id,
        event=event,
        before=before,
        after=state,
        actor="visitor" if actor.kind == "visitor" else str(actor),
        reason=reason,
        created_at=at,
    )
    session.add(row)
    if before == "draft" and event not in _KEEP_DRAFT:
        await session.exec(
            update(Draft)
            .where(col(Draft.domain_id) == conversation.domain_id, col(Draft.conversation_id) == conversation.id)
            .where(col(Draft.state) == "open")
            .values(state="superseded", decided_at=at)
        )
    await session.flush()
    await notify(session, Notice("conversation", conversation.domain_id, conversation.id))
    return state

"""A business's own questions, and the runs over them, as rows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.dialects.postgresql import JSONB

from omniops.contracts.ids import utcnow
from omniops.database.marks import not_personal
from omniops.database.models import DomainModel

OWN = "written by the business to measure its chat"


class OwnQuestion(DomainModel, table=True):
    """A question with the pages that answer it, or with none where the right answer is silence."""

    __tablename__ = "own_question"
    __table_args__ = (Index("uq_own_question", "domain_id", "question", unique=True),)
    question: str = not_personal(OWN)
    pages: list[str] = not_personal(OWN, sa_type=JSONB, default_factory=list)
    contains: list[str] = not_personal(OWN, sa_type=JSONB, default_factory=list)
    created_at: datetime = not_personal("when it was added", default_factory=utcnow)


class Trial(DomainModel, table=True):
    """One run over the own questions. `live` is False for a dry run, which later runs are never held against."""

    __tablename__ = "trial"
    __table_args__ = (Index("ix_trial_accepted", "domain_id", "accepted_at"),)
    cause: str = not_personal("first, content, encoder, settings or asked")
    live: bool = not_personal("with what visitors get")
    state: str = not_personal("held or fell")
    fingerprint: str = not_personal("names content, encoder, cuts and questions")
    encoder_id: str = not_personal("which model")
    answer_cut: float = not_personal("a cut")
    closest_cut: float = not_personal("a cut")
    score: float = not_personal("mean over all questions")
    loss: float = not_personal("how much the questions in common lost")
    against: UUID | None = not_personal("the accepted run it is compared with", default=None)
    fell: list[str] = not_personal("ids of questions that got worse", sa_type=JSONB, default_factory=list)
    outcomes: list[Any] = not_personal("what each question got, in words of public pages", sa_type=JSONB)
    created_at: datetime = not_personal("when it ran", default_factory=utcnow)
    accepted_at: datetime | None = not_personal("when it became what others are held against", default=None)

"""What conversations teach, as rows: questions left unanswered, grouped into gaps, and what moved the cuts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index

from omniops.contracts.ids import utcnow
from omniops.contracts.sealed import Sealed
from omniops.conversation.models import IMPROVE, Message
from omniops.database.marks import not_personal, personal
from omniops.database.models import DomainModel, SubjectModel, belongs_to


class Gap(DomainModel, table=True):
    """Something that visitors ask and the pages leave unanswered. Holds no word of anybody: its questions do."""

    __tablename__ = "gap"
    __table_args__ = (Index("ix_gap_state", "domain_id", "state"),)
    state: str = not_personal("open, dismissed or resolved", default="open")
    reference: str | None = not_personal("what answers it now, for example a curated answer", default=None)
    returned: bool = not_personal("asked again after it was resolved", default=False)
    created_at: datetime = not_personal("first seen", default_factory=utcnow)
    decided_at: datetime | None = not_personal("when a person decided", default=None)


class GapQuestion(SubjectModel, table=True):
    """One visitor's question of a gap: a pointer to the message, so that there is no second copy of its text.

    Goes with the message, and with its person.
    """

    __tablename__ = "gap_question"
    __table_args__ = (
        belongs_to(Gap, "gap_id"),
        belongs_to(Message, "message_id"),
        Index("ix_gap_question_gap", "domain_id", "gap_id"),
        Index("uq_gap_question_message", "domain_id", "message_id", unique=True),
    )
    gap_id: UUID
    message_id: UUID
    turn_id: UUID = not_personal("random id")
    level: str = not_personal("answer, closest or none")
    why: str = not_personal("none, closest, not_right, not_helpful or handed_over")
    encoder_id: str | None = not_personal("which model made the vector", default=None)
    vector: Sealed[bytes] | None = personal("user.content.chat", purposes=(IMPROVE,), retain="chat", default=None)
    created_at: datetime = not_personal("when it was asked", default_factory=utcnow)


class Calibration(DomainModel, table=True):
    """One look at the marks of a domain: what they were, and what became of the cuts."""

    __tablename__ = "calibration"
    encoder_id: str = not_personal("which model the strengths come from")
    since: datetime = not_personal("marks before this are of another model")
    marks: int = not_personal("marks that were used")
    good: int = not_personal("marks that said yes")
    answer_before: float = not_personal("a cut")
    answer_after: float = not_personal("a cut")
    closest_before: float = not_personal("a cut")
    closest_after: float = not_personal("a cut")
    why: str = not_personal("changed, fits, few, one_sided, contradictory, by_hand or fell")
    created_at: datetime = not_personal("when it was looked at", default_factory=utcnow)

"""What a plugin is told of a breach of personal data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class BreachDeclared:
    """A breach case was opened. Holds no word of it and nobody's data: who may know more asks the API.

    `due_at` is 72 hours after `aware_at` (Art. 33(1) GDPR). `drill` is an exercise: nobody outside may be alarmed.
    """

    account_id: UUID
    breach_id: UUID
    aware_at: datetime
    due_at: datetime
    drill: bool

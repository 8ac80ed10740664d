"""Rows of a report on campaigns: sums over all people, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FIELDS = (
    "campaign_id", "campaign_name", "account_currency", "spend", "impressions", "reach", "clicks", "actions",
    "date_start", "date_stop",
)  # fmt: skip
RESULTS = frozenset(
    {
        "link_click", "landing_page_view", "lead", "purchase", "add_to_cart", "complete_registration",
        "onsite_conversion.messaging_conversation_started_7d",
    }
)  # fmt: skip
"""Kinds of results that are kept, by Meta's names of them."""
_ADDRESS = re.compile(r"\S+@\S+|\+?\d[\d\s()/-]{7,}\d")
_Count = Annotated[int, Field(ge=0, lt=2**60)]
_Sum = Annotated[Decimal, Field(ge=0, max_digits=20, decimal_places=6)]


class _Result(BaseModel):
    model_config = ConfigDict(extra="ignore")
    action_type: str
    value: _Sum


class Row(BaseModel):
    """One campaign on one day. What else a row holds is dropped, and a row of which a sum is none is passed over."""

    model_config = ConfigDict(extra="ignore")
    campaign_id: str = Field(pattern=r"^\d{1,30}$")
    campaign_name: str = ""
    account_currency: str = Field(pattern=r"^[A-Z]{3}$")
    spend: _Sum = Decimal(0)
    impressions: _Count = 0
    reach: _Count = 0
    clicks: _Count = 0
    actions: Sequence[_Result] = ()
    date_start: date
    date_stop: date

    @property
    def name(self) -> str:
        """The campaign's name without what could be somebody's address or number."""
        return _ADDRESS.sub("…", " ".join(self.campaign_name.split()))[:200]

    @property
    def results(self) -> dict[str, str]:
        return {one.action_type: str(one.value) for one in self.actions if one.action_type in RESULTS}


def rows(found: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The rows of a page that are about one day of one campaign."""
    read = []
    for one in found:
        try:
            row = Row.model_validate(one)
        except ValidationError:
            continue
        if row.date_start == row.date_stop:
            read.append(row)
    return read

"""Core's own tools: search the website again, tell the hours, hand over to a person."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from omniops.accounts.service import DomainView
from omniops.contracts.knowledge import Hit
from omniops.contracts.tools import Tool, ToolAnswer, ToolUse
from omniops.conversation.grounding import Search
from omniops.conversation.tools.running import Offered
from omniops.errors import NotFound

FOUND = 5


@dataclass(slots=True)
class OwnTools:
    """The tools of one turn, and what they ask of it."""

    search: Search
    domain: DomainView
    now: datetime
    found: list[Hit] = field(default_factory=list)
    """Passages that a search of the model brought; they can be cited like those before."""
    to_person: bool = False
    """The conversation shall go to a person when the answer is over."""

    def taken(self) -> list[Hit]:
        """What the last search brought, once."""
        found, self.found = self.found, []
        return found

    def offered(self) -> list[Offered]:
        tools = [
            Tool(self.search_site, risk="read", title="Search of the website"),
            Tool(self.hand_to_person, risk="read", title="Hand-over"),
        ]
        if self.domain.settings.hours is not None:
            tools.append(Tool(self.opening_hours, risk="read", title="Hours"))
        return [Offered(tool) for tool in tools]

    async def search_site(
        self,
        use: ToolUse,
        *,
        query: Annotated[str, Field(min_length=2, max_length=300, description="What to look for.")],
    ) -> ToolAnswer:
        """Searches the business's website again, with other words, when the given sources do not answer."""
        hits = (await self.search.search(use.scope, query, limit=FOUND)).hits
        if not hits:
            raise NotFound("Nothing was found.")
        self.found += hits
        return ToolAnswer("\n\n".join(f"{hit.passage.context}: {hit.passage.text}" for hit in hits))

    async def opening_hours(self, use: ToolUse) -> ToolAnswer:
        """Tells when people of the business answer: now, and when next."""
        hours = self.domain.settings.hours
        assert hours is not None
        presence, zone = hours.at(self.now), ZoneInfo(hours.zone)

        def told(moment: datetime | None) -> str:
            return f"{moment.astimezone(zone):%A %Y-%m-%d %H:%M}" if moment else "not within two months"

        lines = [f"Now it is {told(self.now)} ({hours.zone}). People are {'there' if presence.open else 'away'}."]
        if presence.open and presence.until:
            lines.append(f"They are there until {told(presence.until)}.")
        lines.append(f"They are there next from {told(presence.opens)}.")
        week = ", ".join(f"{day} {' and '.join(spans)}" for day, spans in hours.week.items() if spans)
        lines.append(f"Usual hours: {week or 'none'}.")
        return ToolAnswer("\n".join(lines))

    async def hand_to_person(self, use: ToolUse) -> ToolAnswer:
        """Hands the conversation to a person of the business when this answer is over. Use it when the customer asks
        for a person or when you cannot help."""
        self.to_person = True
        return ToolAnswer("A person will read the conversation and reply here.")

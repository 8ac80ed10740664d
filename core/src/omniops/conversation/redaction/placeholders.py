"""Placeholders for personal data: the same value gets the same one, and the answer gets its values back."""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from omniops.contracts.redaction import Redactor
from omniops.contracts.templates import compiled
from omniops.conversation.redaction.cards import find_cards, find_codes
from omniops.conversation.redaction.contacts import REGIONS, find_addresses, find_emails, find_phones
from omniops.conversation.redaction.digits import fold
from omniops.conversation.redaction.identities import find_ibans, find_identities, find_unnamed_identities
from omniops.errors import RedactionFailed

DEADLINE = 5.0
"""Seconds in which all texts of a turn must have been looked through."""
LITERAL = "TEXT"
"""Kind of what only looks like a placeholder: it is replaced too, and so comes back as it was written."""
_LOOKS_LIKE_ONE = re.compile(r"\[[A-Z]{2,8}_\d{1,6}\]")
_KIND = re.compile(r"[A-Z]{2,8}")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_NOT_IN_LINKS = frozenset({"PHONE", "ID"})
"""Kinds that a link's own digits are not: a shop's addresses are full of them."""
_SEPARATORS = re.compile(r"[\W_]+")

Spans = Callable[[str], Iterable[tuple[int, int]]]


class Redaction:
    """Hides what a provider need not see in the texts of one turn, and restores it in what comes back.

    `templates` are the domain's order numbers (`contracts/templates.py`), `region` its country as ISO 3166 and
    `language` the conversation's: phone numbers without a country code are understood by both. `redactors` are
    plugins'. Hidden texts in the same order get the same placeholders.
    """

    def __init__(
        self,
        templates: Sequence[str] = (),
        region: str = "",
        language: str = "",
        redactors: Sequence[Redactor] = (),
    ) -> None:
        self._language = language[:2].lower()
        regions = tuple(dict.fromkeys((*filter(None, (region.upper(),)), *REGIONS.get(self._language, ()))))
        orders = [compiled(template) for template in templates]
        # The first to find a place keeps it. What a business calls an order number is one, whatever else it looks like.
        self._own: tuple[tuple[str, Spans], ...] = (
            ("EMAIL", find_emails),
            ("IBAN", find_ibans),
            ("CARD", find_cards),
            ("CODE", find_codes),
            ("ORDER", lambda text: (match.span() for order in orders for match in order.finditer(text))),
            ("ID", find_identities),
            ("IP", find_addresses),
            ("PHONE", lambda text: find_phones(text, regions)),
            ("ID", find_unnamed_identities),
        )
        self._redactors = tuple(redactors)
        self._placeholders: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        self._numbers: Counter[str] = Counter()
        self._longest = 0
        self._one_by_one = threading.Lock()
        """Results of tools may be hidden in several threads, while the answer is restored in a third."""

    @property
    def counts(self) -> dict[str, int]:
        """How many different values of each kind were hidden, for the record of the turn. No values."""
        return {kind: number for kind, number in dict(self._numbers).items() if kind != LITERAL}

    @property
    def longest(self) -> int:
        """Characters of the longest placeholder so far."""
        return self._longest

    def hide(self, text: str) -> str:
        """The text with placeholders such as `[EMAIL_1]` for everything that was found.

        Raises `RedactionFailed` where anything that looks for personal data fails: then this text must not be sent.
        """
        return self._replaced(text, self._found(text))

    async def hide_all(self, texts: Sequence[str]) -> list[str]:
        """`hide` for all texts of a turn, in order, beside the event loop and with a deadline."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await asyncio.to_thread(lambda: [self.hide(text) for text in texts])
        except TimeoutError:
            raise RedactionFailed(f"Looking for personal data took longer than {DEADLINE:g} s.") from None

    def protect(self, text: str) -> str:
        """The business's own text as it is, but for what looks like a placeholder: that would be restored as a
        visitor's value."""
        return self._replaced(text, [(*match.span(), LITERAL) for match in _LOOKS_LIKE_ONE.finditer(text)])

    def restore(self, text: str) -> str:
        """A whole text with its values back, such as an argument of a tool."""
        restorer = self.restorer()
        return restorer.feed(text) + restorer.end()

    def restorer(self) -> Restorer:
        """For one answer, piece by piece. It knows what is hidden later, too."""
        return Restorer(self)

    def value(self, placeholder: str) -> str | None:
        """What a placeholder stands for, or None where it is none of ours."""
        return self._values.get(placeholder)

    def may_become_one(self, beginning: str) -> bool:
        """Whether a placeholder begins so."""
        return any(placeholder.startswith(beginning) for placeholder in tuple(self._values))

    def _found(self, text: str) -> list[tuple[int, int, str]]:
        """Places and kinds, in order and without overlaps."""
        folded = fold(text)
        taken = bytearray(len(text))
        links = bytearray(len(text))
        for match in _LINK.finditer(text):
            links[match.start() : match.end()] = b"\1" * (match.end() - match.start())
        found: list[tuple[int, int, str]] = []
        for start, end, kind in self._candidates(text, folded):
            free = 0 <= start < end <= len(text) and not any(taken[start:end])
            if free and not (kind in _NOT_IN_LINKS and links[start]):
                taken[start:end] = b"\1" * (end - start)
                found.append((start, end, kind))
        return sorted(found)

    def _candidates(self, text: str, folded: str) -> Iterator[tuple[int, int, str]]:
        for match in _LOOKS_LIKE_ONE.finditer(text):
            yield (*match.span(), LITERAL)
        for kind, find in self._own:
            try:
                yield from [(start, end, kind) for start, end in find(folded)]
            except Exception as error:
                raise _failed(f"The recogniser of {kind}", error) from None
        for redactor in self._redactors:
            try:
                yield from [
                    _checked(text, item.start, item.end, item.kind) for item in redactor.find(text, self._language)
                ]
            except Exception as error:
                raise _failed(f"The redactor {redactor.name!r}", error) from None

    def _replaced(self, text: str, found: Sequence[tuple[int, int, str]]) -> str:
        parts, at = [], 0
        for start, end, kind in found:
            parts += [text[at:start], self._placeholder(kind, text[start:end])]
            at = end
        return "".join([*parts, text[at:]])

    def _placeholder(self, kind: str, value: str) -> str:
        same = value if kind == LITERAL else _SEPARATORS.sub("", fold(value)).casefold() or value
        with self._one_by_one:
            placeholder = self._placeholders.get((kind, same))
            if placeholder is None:
                self._numbers[kind] += 1
                placeholder = f"[{kind}_{self._numbers[kind]}]"
                self._placeholders[kind, same] = placeholder
                self._values[placeholder] = value
                self._longest = max(self._longest, len(placeholder))
        return placeholder


class Restorer:
    """Puts values back into an answer that comes in pieces. Holds back only what can still become a placeholder."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._held = ""

    def feed(self, delta: str) -> str:
        """What can be shown after this piece."""
        if not self._held and "[" not in delta:
            return delta
        text, self._held = self._held + delta, ""
        parts, at = [], 0
        while (start := text.find("[", at)) >= 0:
            parts.append(text[at:start])
            end = text.find("]", start, start + self._redaction.longest) + 1
            value = self._redaction.value(text[start:end]) if end else None
            if value is None and not end and self._redaction.may_become_one(text[start:]):
                self._held = text[start:]
                return "".join(parts)
            parts.append("[" if value is None else value)
            at = start + 1 if value is None else end
        parts.append(text[at:])
        return "".join(parts)

    def end(self) -> str:
        """What was held back, when nothing comes any more."""
        held, self._held = self._held, ""
        return held


def _checked(text: str, start: int, end: int, kind: str) -> tuple[int, int, str]:
    if not (0 <= start < end <= len(text) and _KIND.fullmatch(kind) and kind != LITERAL):
        raise ValueError("a finding outside the text or of no kind")
    return start, end, kind


def _failed(who: str, error: Exception) -> RedactionFailed:
    # The cause is named by its class only and not chained: its words may be the visitor's.
    return RedactionFailed(f"{who} failed with {type(error).__name__}; nothing was sent.")

"""The policy, compiled from Markdown: one sentence to a line, each with the claims that it makes.

`# Title` and `## Heading` stand alone. A sentence ends with its claims, `… always. [P6 P9]`, or is only `[P6]`, which
stands for the claim's own words. `[D1]` marks a definition, which promises nothing. What does not fit is an error, and
there is no policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from omniops.errors import ConfigError
from omniops.proof.claims import claims, statement_hash

DEFINITIONS = tuple(f"D{number}" for number in range(1, 8))
_LINE = re.compile(r"^(?P<words>.*?)\s*\[(?P<ids>[PD]\d+(?: [PD]\d+)*)\]$")
_NAME = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words as they are read, and the claims that they make (or the one definition that they are)."""

    text: str
    ids: tuple[str, ...]

    @property
    def definition(self) -> bool:
        return self.ids[0].startswith("D")

    @property
    def hash(self) -> str:
        return statement_hash(self.text)


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A compiled text."""

    title: str
    sections: tuple[Section, ...]

    @property
    def sentences(self) -> Iterator[Sentence]:
        return (sentence for section in self.sections for sentence in section.sentences)

    @property
    def text(self) -> str:
        return "\n".join(sentence.text for sentence in self.sentences)

    @property
    def hash(self) -> str:
        """Names the whole text."""
        return statement_hash(self.text)

    def sentence_of(self, claim: str) -> Sentence | None:
        return next((sentence for sentence in self.sentences if claim in sentence.ids), None)


def compile_policy(source: str, values: Mapping[str, str], *, whole: bool = True) -> Policy:
    """Compiles Markdown. With `whole`, every claim and every definition must have its sentence.

    Raises `ConfigError` that names the line: a sentence without a claim, a claim without a sentence, an unknown number,
    a name that nothing fills, a definition out of order or one too many.
    """
    title, sections = "", [("", list[Sentence]())]
    for number, line in enumerate(source.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("<!--"):
            continue
        if line.startswith("# "):
            title = _filled(line[2:], values, number)
        elif line.startswith("## "):
            sections.append((_filled(line[3:], values, number), []))
        else:
            sections[-1][1].append(_sentence(line, values, number))
    policy = Policy(title, tuple(Section(name, tuple(found)) for name, found in sections if found))
    if whole:
        _complete(policy)
    return policy


def _sentence(line: str, values: Mapping[str, str], number: int) -> Sentence:
    found = _LINE.match(line)
    if found is None:
        raise ConfigError(f"Line {number} of the policy names no claim: {line!r}.", do="End it with [P…].")
    ids = tuple(found["ids"].split())
    known = claims()
    if unknown := [i for i in ids if i not in known and i not in DEFINITIONS]:
        raise ConfigError(f"Line {number} of the policy names {unknown[0]}, which does not exist.")
    if len({i[0] for i in ids}) > 1 or (ids[0] in DEFINITIONS and len(ids) > 1):
        raise ConfigError(f"Line {number} of the policy defines and promises at once.")
    words = found["words"] or " ".join(known[i].promise for i in ids if i in known)
    return Sentence(_filled(words, values, number), ids)


def _filled(words: str, values: Mapping[str, str], number: int) -> str:
    def value(match: re.Match[str]) -> str:
        if not values.get(match[1], "").strip():
            raise ConfigError(f"Line {number} of the policy: nothing fills {match[0]}.")
        return values[match[1]]

    text = _NAME.sub(value, words).strip()
    if not text:
        raise ConfigError(f"Line {number} of the policy is an empty sentence.")
    return text


def _complete(policy: Policy) -> None:
    said = [i for sentence in policy.sentences for i in sentence.ids]
    if missing := [i for i in claims() if i not in said]:
        raise ConfigError(f"Claims without a sentence in the policy: {', '.join(missing)}.")
    if tuple(i for i in said if i.startswith("D")) != DEFINITIONS:
        raise ConfigError("The policy's definitions are not D1 to D7 in this order.")


@lru_cache(8)
def source(name: str) -> str:
    """The Markdown of a text: `operator`, `visitor` or `agreement`."""
    return files("omniops.proof").joinpath("policy", f"{name}.md").read_text("utf-8")


def operator_policy(values: Mapping[str, str]) -> Policy:
    """The operator's own policy."""
    return compile_policy(source("operator"), values)


def business_texts(values: Mapping[str, str], business: str, processors: Sequence[str]) -> tuple[Policy, Policy]:
    """The visitor notice and the processing agreement of one business, from the same claims."""
    own = {**values, "business": business, "processors": ", ".join(processors) or "nobody"}
    return (
        compile_policy(source("visitor"), own, whole=False),
        compile_policy(source("agreement"), own, whole=False),
    )

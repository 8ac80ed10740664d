"""Which distributions this installation is made of, each with the licence that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement


@lru_cache(4)
def licences(roots: tuple[str, ...]) -> Sequence[tuple[str, str, str]]:
    """Name, version and licence of every other distribution that `roots` need on this platform, by name."""
    return sorted((name, found.version, licence(found)) for name, found in needed(roots).items() if name not in roots)


def needed(names: Iterable[str]) -> Mapping[str, Distribution]:
    """These distributions and all that they need on this platform, by normal name. What is not installed is left out:
    it does not run here."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        try:
            one = distribution(waiting.pop())
        except PackageNotFoundError:
            continue
        key = re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower()
        if key in found:
            continue
        found[key] = one
        for line in one.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def licence(found: Distribution) -> str:
    """The licence as the distribution names it: by expression, by classifier, or the first line of its text."""
    fields = found.metadata
    expression = fields.get_all("License-Expression") or []
    classifiers = [c.rpartition(" :: ")[2] for c in fields.get_all("Classifier") or () if c.startswith("License ::")]
    short = "".join(fields.get_all("License") or ()).strip().splitlines()
    text = (found.read_text("licenses/LICENSE") or "").strip().splitlines()
    named = [*expression, ", ".join(classifiers), *short[:1], *text[:1]]
    return next((one for one in named if one), "see the distribution")

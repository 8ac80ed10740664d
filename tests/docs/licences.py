"""Writes `docs/licences.md`: every distribution that an installation brings along, with its licence.

python tests/docs/licences.py [--check]
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

PAGE = Path(__file__).parents[2] / "docs" / "licences.md"
OURS = (
    "omniops",
    "omniops-anthropic",
    "omniops-browser",
    "omniops-gemini",
    "omniops-hashicorp",
    "omniops-minilm",
    "omniops-openai",
    "omniops-resend",
    "omniops-tcf",
)
HEAD = """# Licences

OmniOps is Apache-2.0. It ships no code of others; an installation brings these distributions along, each under its own
licence. The model MiniLM-L6-v2 (Apache-2.0) is made on your machine, with its licence beside it.

| distribution | licence |
|---|---|
"""


def needed(names):
    """All distributions that these need on this platform, by name."""
    found, waiting = {}, list(names)
    while waiting:
        name = waiting.pop()
        try:
            metadata = distribution(name)
        except PackageNotFoundError:
            continue
        key = re.sub(r"[-_.]+", "-", metadata.metadata["Name"]).lower()
        if key in found:
            continue
        found[key] = metadata
        for line in metadata.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def licence(metadata):
    fields = metadata.metadata
    if expression := fields.get("License-Expression"):
        return expression
    classifiers = [c.rpartition(" :: ")[2] for c in fields.get_all("Classifier") or () if c.startswith("License ::")]
    short = (fields.get("License") or "").strip().splitlines()
    text = (metadata.read_text("licenses/LICENSE") or "").strip().splitlines()
    return ", ".join(classifiers) or next(iter(short or text), "see the distribution")


def page():
    rows = sorted((name, licence(metadata)) for name, metadata in needed(OURS).items() if name not in OURS)
    return HEAD + "".join(f"| {name} | {said} |\n" for name, said in rows)


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text() == page() else "docs/licences.md is not up to date")
    PAGE.write_text(page())

"""Writes `docs/licences.md`: every distribution that an installation brings along, with its licence.

python tests/docs/licences.py [--check]
"""

import sys
from pathlib import Path

from omniops.licences import licences

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


def page():
    return HEAD + "".join(f"| {name} | {said} |\n" for name, _, said in licences(OURS))


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text() == page() else "docs/licences.md is not up to date")
    PAGE.write_text(page())

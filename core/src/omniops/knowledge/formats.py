"""Which files can be read, by the ending of their names."""

from __future__ import annotations

from pathlib import PurePosixPath

from omniops.contracts.documents import Format as Format
from omniops.errors import Rejected

MOST_BYTES = 20 * 2**20
"""Of one file."""
MEDIA_TYPES: dict[Format, str] = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "markdown": "text/markdown",
    "html": "text/html",
    "text": "text/plain",
    "csv": "text/csv",
}
_ENDINGS: dict[str, Format] = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".txt": "text",
    ".csv": "csv",
}


def format_of(name: str) -> Format:
    """The format that a file's name promises. Raises `Rejected` (`unknown_format`)."""
    ending = PurePosixPath(name).suffix.lower()
    found = _ENDINGS.get(ending)
    if found is None:
        raise Rejected(
            f"{name!r} is in no format that can be read.",
            code="unknown_format",
            where="name",
            do=f"Files that can be read end in {', '.join(_ENDINGS)}.",
        )
    return found

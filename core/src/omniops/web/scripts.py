"""Scripts and style sheets under `web/`, made small for the wire."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_SPACE = re.compile(r"\s*\n\s*")
_CSS_SIGNS = re.compile(r"\s*([{};,>])\s*|(?<=[\w-]):\s+")


@dataclass(frozen=True, slots=True)
class Script:
    """One file: `name` as it is requested, its bytes, the same packed with gzip, and a digest for `ETag`."""

    name: str
    body: bytes
    packed: bytes
    digest: str


def script_of(name: str, text: str) -> Script:
    body = text.encode()
    return Script(name, body, gzip.compress(body, 9, mtime=0), hashlib.sha256(body).hexdigest()[:16])


@lru_cache(16)
def css_of(folder: str, name: str) -> str:
    """A style sheet on one line, without comments."""
    plain = _CSS_SPACE.sub("", _CSS_COMMENT.sub("", source_of(folder, name))).strip()
    return _CSS_SIGNS.sub(lambda found: found[1] or ":", plain).replace(";}", "}")


@lru_cache(64)
def source_of(folder: str, name: str) -> str:
    """A file as it was written."""
    return files("omniops.web").joinpath(folder, name).read_text("utf-8")

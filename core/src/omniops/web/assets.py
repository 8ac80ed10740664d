"""The widget's files as browsers get them: two scripts, each with its style sheet inside, small and named by content.

The sources in `widget/` are separate modules; the panel's are put into one file here, in the order in which they need
each other, so that a chat costs one request and works under any content security policy that allows our host's scripts.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from rjsmin import jsmin

MODULES = ("dom.js", "words.js", "stream.js", "api.js", "view.js", "panel.js")
"""The panel's modules: each uses names of those before it."""
_IMPORT = re.compile(r"^import\s[^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const)\b)", re.MULTILINE)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_CSS_SPACE = re.compile(r"\s*\n\s*")


@dataclass(frozen=True, slots=True)
class Script:
    """One file: `name` as it is requested, its bytes, the same packed with gzip, and a digest for `ETag`."""

    name: str
    body: bytes
    packed: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Assets:
    """`loader` is what the script tag names; it loads `panel`, whose name carries its hash and never changes."""

    loader: Script
    panel: Script


@lru_cache(1)
def assets() -> Assets:
    """Builds both files, once per process."""
    source = "".join(_joined(_read(name), last=name == MODULES[-1]) for name in MODULES)
    body = jsmin(source.replace('"__CSS__"', json.dumps(_css("panel.css"))))
    panel = _script(f"panel-{hashlib.sha256(body.encode()).hexdigest()[:12]}.js", body)
    loader = _read("loader.js").replace("__PANEL__", panel.name).replace('"__CSS__"', json.dumps(_css("launcher.css")))
    return Assets(_script("widget.js", jsmin(loader)), panel)


def _joined(source: str, *, last: bool) -> str:
    """A module as a part of one file. Only what the last one exports leaves it."""
    source = _IMPORT.sub("", source)
    return source if last else _EXPORT.sub("", source)


def _css(name: str) -> str:
    return _CSS_SPACE.sub("", _CSS_COMMENT.sub("", _read(name))).strip()


def _read(name: str) -> str:
    return files("omniops.web").joinpath("widget", name).read_text("utf-8")


def _script(name: str, text: str) -> Script:
    body = text.encode()
    return Script(name, body, gzip.compress(body, 9, mtime=0), hashlib.sha256(body).hexdigest()[:16])

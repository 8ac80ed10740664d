"""The widget's files as browsers get them: small, each named by its content, under any policy that allows our host.

The sources in `widget/` are separate modules; the panel's are put into one file here, in the order in which they need
each other, so that a chat costs one request. English comes with the panel; each other language is a file of its own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from rjsmin import jsmin

from omniops.web.scripts import Script, css_of, script_of, source_of

MODULES = ("dom.js", "words.js", "stream.js", "api.js", "view.js", "choices.js", "asking.js", "panel.js")
"""The panel's modules: each uses names of those before it."""
PARTS = ("cards", "files", "receipt")
"""What few visitors need: fetched with the first one in the language of the panel, with words of `widget/parts/`."""
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "pt", "tr", "ar")
"""The languages of `widget/words/`, English first. Each has all words; a test holds them together."""
LAUNCHER_WORDS = ("launcher", "again")
"""What the loader says itself, in every language: it has no panel yet."""
_IMPORT = re.compile(r"^import\s[^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const)\b)", re.MULTILINE)
FOLDER = "widget"


@dataclass(frozen=True, slots=True)
class Assets:
    """What is loaded after the loader, by file name. Names carry the hash of everything here, so no file of a name ever
    changes: `panel`, `words-de` and so on, `cards-de` and so on for each of `PARTS`, `hello` (when a page's rule has
    its time), `framed` (at the website) and `frame` (on our page) where a website wants a wall between.
    """

    build: str
    files: Mapping[str, Script]

    def script(self, part: str) -> Script:
        """The file of a part, such as `panel`."""
        return self.files[f"{part}-{self.build}.js"]


@lru_cache(1)
def assets() -> Assets:
    """Builds the files, once per process."""
    inside = sorted(path.name for path in files("omniops.web").joinpath("widget").iterdir() if path.is_file())
    later = {language: json.loads(source_of(FOLDER, f"parts/{language}.json")) for language in LANGUAGES}
    sources = [source_of(FOLDER, name) for name in inside]
    sources += [str((_words(language), later[language])) for language in LANGUAGES]
    build = hashlib.sha256("".join(sources).encode()).hexdigest()[:10]
    own = [key for key in _words("en") if key != "launcher"]
    lines = {language: "\n".join(_words(language)[key] for key in own) for language in LANGUAGES}
    values = {
        "BUILD": build,
        "KEYS": " ".join(own),
        "ENGLISH": lines["en"],
        "LANGUAGES": LANGUAGES[1:],
        "CLOSE": {language: _words(language)["close"] for language in LANGUAGES},
    }
    panel = "".join(_joined(source_of(FOLDER, name), last=name == MODULES[-1]) for name in MODULES)
    bodies = {
        "panel": _filled(panel, {**values, "CSS": css_of(FOLDER, "panel.css")}),
        **{
            f"{part}-{language}": _filled(
                source_of(FOLDER, f"{part}.js"),
                {"WORDS": later[language][part], "CSS": css_of(FOLDER, f"{part}.css")},
            )
            for part in PARTS
            for language in LANGUAGES
        },
        "hello": _filled(source_of(FOLDER, "hello.js"), {**values, "CSS": css_of(FOLDER, "hello.css")}),
        "framed": _filled(source_of(FOLDER, "framed.js"), {"CSS": css_of(FOLDER, "framed.css")}),
        "frame": _filled(source_of(FOLDER, "frame.js"), {"CSS": css_of(FOLDER, "launcher.css")}).replace(
            "./panel.js", f"./panel-{build}.js"
        ),
        **{f"words-{language}": f"export default {_js(lines[language])}" for language in LANGUAGES if language != "en"},
    }
    scripts = [script_of(f"{part}-{build}.js", jsmin(body)) for part, body in bodies.items()]
    return Assets(build, {script.name: script for script in scripts})


@lru_cache(256)
def loader(look: str = "{}") -> Script:
    """What the script tag names. `look` is the JSON of what a website's launcher needs to know before anybody pointed
    at it: key, language, colour, page rules.
    """
    values = {
        "BUILD": assets().build,
        "CSS": css_of(FOLDER, "launcher.css"),
        "WORDS": {language: "|".join(_words(language)[key] for key in LAUNCHER_WORDS) for language in LANGUAGES},
        "LOOK": json.loads(look),
    }
    return script_of(
        "widget.js", jsmin(f'(()=>{{"use strict";\n{_filled(source_of(FOLDER, "loader.js"), values)}}})()')
    )


def _words(language: str) -> dict[str, str]:
    words: dict[str, str] = json.loads(source_of(FOLDER, f"words/{language}.json"))
    return words


def _filled(source: str, values: Mapping[str, object]) -> str:
    """The source with a value in the place of each `"__NAME__"`, in one pass: a value is never looked into."""
    return re.sub(r'"__([A-Z_]+)__"', lambda found: _js(values[found[1]]), source)


def _js(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _joined(source: str, *, last: bool) -> str:
    """A module as a part of one file. Only what the last one exports leaves it."""
    source = _IMPORT.sub("", source)
    return source if last else _EXPORT.sub("", source)

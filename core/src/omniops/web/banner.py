"""The consent banner's files as browsers get them: the script, its words by language, and the collector.

The script is one small file with its style sheet inside. Words come from the catalogue of notices, so that the version
that a browser reports is the hash of what it showed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rjsmin import jsmin

from omniops.privacy.catalog import CHOICE_DAYS, Catalog
from omniops.privacy.notices import LANGUAGES
from omniops.privacy.service import choices
from omniops.web.scripts import Script, css_of, script_of, source_of

FOLDER = "consent"
OF_THE_CHAT = "chat.remember"
"""Asked for by the chat itself, where it is needed."""


@dataclass(frozen=True, slots=True)
class Banner:
    """`loader` is what the script tag names; `parts` are what it loads, by names that carry one hash over them all.
    Among them is the `collector` of page views, which the chat may load as well, and a module for each consent manager
    that a website may have already."""

    loader: Script
    parts: Mapping[str, Script]
    collector: str

    @classmethod
    def build(cls, catalog: Catalog, sources: Mapping[str, str] = MappingProxyType({})) -> Banner:
        """Builds all files for the purposes of a deployment. `sources` are modules of plugins by a source's name."""
        words = json.loads(source_of(FOLDER, "words.json"))
        bodies = {"collect": jsmin(source_of(FOLDER, "collect.js"))}
        elsewhere = {OF_THE_CHAT, *(purpose.key for purpose in catalog.choices() if purpose.confirmed)}
        for language in LANGUAGES:
            asked = [choice.to_json() for choice in choices(catalog, language) if choice.purpose not in elsewhere]
            shown = {"words": words[language], "choices": asked}
            bodies[f"words-{language}"] = f"export default {json.dumps(shown, ensure_ascii=False)}"
        bodies |= {f"source-{name}": jsmin(body) for name, body in sources.items()}
        version = hashlib.sha256("".join(bodies.values()).encode()).hexdigest()[:12]
        parts = [script_of(f"{name}-{version}.js", body) for name, body in bodies.items()]
        values = {"VERSION": version, "CSS": css_of(FOLDER, "banner.css"), "LANGUAGES": LANGUAGES, "DAYS": CHOICE_DAYS}
        values["SOURCES"] = sorted(sources)
        loader = source_of(FOLDER, "consent.js")
        for name, value in values.items():
            loader = loader.replace(f'"__{name}__"', json.dumps(value))
        script = script_of("consent.js", jsmin(loader))
        return cls(script, {part.name: part for part in parts}, parts[0].name)

"""HTML pages from templates: autoescaped, without inline style or script, under a strict policy."""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial
from importlib.resources import files
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import escape

from omniops.contracts.tokens import new_token
from omniops.web import findings
from omniops.web.centre import page_words
from omniops.web.telling import FILTERS

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
FRAME_CSP = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The page inside the widget's frame: our own scripts and our own API, no style sheet, no picture, nothing else."""
DASHBOARD_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'nonce-{nonce}'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types omniops"
)
"""The pages of members: scripts named by the answer's own nonce, whose one policy takes pages of this server."""
_STATIC = {
    "tokens.css": "text/css; charset=utf-8",
    "app.css": "text/css; charset=utf-8",
    "dashboard.css": "text/css; charset=utf-8",
    "inbox.css": "text/css; charset=utf-8",
    "dashboard.js": "text/javascript; charset=utf-8",
    "keyboard.js": "text/javascript; charset=utf-8",
    "privacy.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "preferences.js": "text/javascript; charset=utf-8",
}


@lru_cache(1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("omniops.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS | findings.FILTERS)
    environment.globals.update(static=static_url, preferences_url=preferences_url, preferences_title=preferences_title)
    environment.globals["mark"] = partial(new_token, "")  # another one for each form
    return environment


def render(template: str, **values: object) -> str:
    """A page from `web/templates`."""
    return _environment().get_template(template).render(**values)


@lru_cache(16)
def static(name: str) -> tuple[bytes, str, str]:
    """Bytes, media type and content hash of a static file. Raises `KeyError` for any other name."""
    media_type = _STATIC[name]
    body = files("omniops.web").joinpath("static", name).read_bytes()
    return body, media_type, hashlib.sha256(body).hexdigest()[:16]


def static_url(name: str) -> str:
    """An address that changes with the file's content."""
    return f"/static/{name}?v={static(name)[2]}"


def preferences_url(widget_key: str, language: str) -> str:
    """A visitor's choices, to which every public page leads; without a key the page that says where they are."""
    return f"/preferences?{urlencode({'key': widget_key, 'lang': language} if widget_key else {'lang': language})}"


def preferences_title(language: str) -> str:
    """What that link is called."""
    return str(page_words(language)["link"])


def script_address(base_url: str, widget_key: str) -> str:
    """Where a website's loader is. The key in it brings the website's look with the first request."""
    return f"{base_url}/widget.js?{urlencode({'key': widget_key})}"


def widget_tag(base_url: str, widget_key: str) -> str:
    """The one line that a business puts on its site."""
    src = script_address(base_url, widget_key)
    return f'<script async src="{escape(src)}" data-domain="{escape(widget_key)}"></script>'

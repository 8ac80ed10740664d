"""The shop as an ASGI application: pages from templates, with the headers of a careful site."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from omniops.demo import content, structured

TEMPLATES = Path(__file__).parent / "templates"
OPENED = datetime(2026, 9, 1, 8, tzinfo=UTC)
"""When the parts that are no pages (style sheet, robots.txt) last changed."""
MOVED = {"/returns": "/help/returns", "/shipping": "/help/shipping", "/faq": "/help/faq", "/blog": "/journal"}
"""Old addresses that are still linked to, with the new ones."""
_ROBOTS = "User-agent: *\nDisallow: /staff/\n\nSitemap: {origin}/sitemap.xml\n"
_SOURCE = re.compile(r"https?://[a-z0-9.:\[\]-]+/[\w./~-]*(?:\?[\w.=&-]*)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class WidgetTag:
    """The chat widget's script tag. `src` is an absolute http(s) URL, `key` the domain's public widget key.

    Raises `ValueError` for a `src` that could not stand in a Content-Security-Policy.
    """

    src: str
    key: str

    def __post_init__(self) -> None:
        if not _SOURCE.fullmatch(self.src):
            raise ValueError(f"The widget's address must be a full http(s) URL of a script, not {self.src!r}.")

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a source of a Content-Security-Policy."""
        parts = urlsplit(self.src)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, slots=True)
class _Shown:
    """A page with the template that shows it and what that template needs."""

    template: str
    values: dict[str, Any]
    modified: datetime
    in_sitemap: bool


def create_app(widget: WidgetTag | None = None) -> Starlette:
    """The whole shop. With `widget`, every page ends with its script tag and the policy allows that script's origin.

    Addresses inside pages (canonical links, sitemap) follow the host under which the shop is asked.
    """
    pages = _pages()
    environment = _environment(widget)
    headers = {
        "content-security-policy": _policy(widget),
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
    }
    style = (TEMPLATES / "shop.css").read_bytes()

    async def page(request: Request) -> Response:
        path = request.url.path
        shown = pages.get(path)
        if shown is None:
            if path != "/" and path.rstrip("/") in pages:
                return RedirectResponse(path.rstrip("/"), 301, headers)
            body = environment.get_template("missing.html").render(origin=_origin(request), path="/404")
            return Response(body, 404, headers, "text/html")
        body = environment.get_template(shown.template).render(origin=_origin(request), path=path, **shown.values)
        return _fresh(request, Response(body, headers=headers, media_type="text/html"), shown.modified)

    async def stylesheet(request: Request) -> Response:
        return _fresh(request, Response(style, headers=headers, media_type="text/css"), OPENED)

    async def robots(request: Request) -> Response:
        text = _ROBOTS.format(origin=_origin(request))
        return _fresh(request, Response(text, headers=headers, media_type="text/plain"), OPENED)

    async def sitemap(request: Request) -> Response:
        listed = [(path, shown.modified) for path, shown in pages.items() if shown.in_sitemap]
        text = environment.get_template("sitemap.xml").render(origin=_origin(request), listed=listed)
        latest = max(modified for _, modified in listed)
        return _fresh(request, Response(text, headers=headers, media_type="application/xml"), latest)

    return Starlette(
        routes=[
            Route("/shop.css", stylesheet),
            Route("/robots.txt", robots),
            Route("/sitemap.xml", sitemap),
            *(Route(old, _moved(new)) for old, new in MOVED.items()),
            Route("/{path:path}", page),
        ]
    )


def _pages() -> dict[str, _Shown]:
    catalogue, written, faq = content.catalogue(), content.pages(), content.faq()
    products = {product.path: product for product in catalogue.products}
    posts = sorted(
        (page for page in written if page.published), key=lambda post: (post.published, post.path), reverse=True
    )
    shelves = {category.slug: category for category in catalogue.categories}
    titles = {page.path: page.heading for page in written} | {shelf.path: shelf.name for shelf in shelves.values()}
    helps = [(page.path, page.title) for page in written if page.path.startswith("/help/")]
    shown = {}
    for page in written:
        crumbs = [*_above(page.path, titles), (page.path, page.heading)]
        values = {"page": page, "crumbs": crumbs, "posts": posts, "shelves": list(shelves.values())}
        values |= {"products": products, "faq": faq, "helps": helps}
        values["data"] = structured.of_page(page, crumbs, faq if page.template == "faq.html" else ())
        shown[page.path] = _Shown(page.template, values, page.modified, page.in_sitemap)
    for shelf in shelves.values():
        stock = [product for product in products.values() if product.category == shelf.slug and not product.accessory]
        crumbs = [("/", "Home"), (shelf.path, shelf.name)]
        values = {"shelf": shelf, "stock": stock, "crumbs": crumbs, "data": structured.of_shelf(shelf, stock, crumbs)}
        shown[shelf.path] = _Shown("category.html", values, shelf.modified, True)
    for product in products.values():
        shelf = shelves[product.category]
        crumbs = [("/", "Home"), (shelf.path, shelf.name), (product.path, product.name)]
        values = {"product": product, "shelf": shelf, "crumbs": crumbs}
        values["related"] = [products[path] for path in product.related]
        values["data"] = structured.of_product(product, shelf, crumbs)
        shown[product.path] = _Shown("product.html", values, product.modified, not product.accessory)
    return shown


def _above(path: str, titles: dict[str, str]) -> Sequence[tuple[str, str]]:
    """The pages above one, outermost first, as far as there are such pages."""
    if path == "/":
        return ()
    parts = path.split("/")
    parents = ["/".join(parts[:end]) for end in range(2, len(parts))]
    return [("/", "Home"), *((parent, titles[parent]) for parent in parents if parent in titles)]


def _environment(widget: WidgetTag | None) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES, content.PAGES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"shop": content.NAME, "widget": widget}
    environment.filters |= {"day": lambda day: f"{day.day} {day:%B %Y}", "ld": structured.script}
    return environment


def _policy(widget: WidgetTag | None) -> str:
    """Nothing from elsewhere, and no code or style inside the pages; only the widget's own origin is let in."""
    allowed = {"default-src": "'none'", "style-src": "'self'", "img-src": "'self' data:"}
    if widget is not None:
        allowed |= {"script-src": f"'self' {widget.origin}", "connect-src": widget.origin}
    allowed |= {"base-uri": "'none'", "form-action": "'none'"}
    return "; ".join(f"{name} {sources}" for name, sources in allowed.items())


def _moved(target: str) -> Callable[[Request], Response]:
    return lambda request: RedirectResponse(target, 301)


def _origin(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _fresh(request: Request, response: Response, modified: datetime) -> Response:
    """Adds ETag and Last-Modified; 304 without a body for who has this state already (RFC 9110, section 13.2.2)."""
    etag = f'"{hashlib.sha256(bytes(response.body)).hexdigest()[:32]}"'
    response.headers["etag"] = etag
    response.headers["last-modified"] = format_datetime(modified.astimezone(UTC), usegmt=True)
    if (known := request.headers.get("if-none-match")) is not None:
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        same = bool(tags & {etag, "*"})
    else:
        same = _not_since(request.headers.get("if-modified-since", ""), modified)
    if not same:
        return response
    kept = {name: value for name, value in response.headers.items() if name not in ("content-length", "content-type")}
    return Response(status_code=304, headers=kept)


def _not_since(said: str, modified: datetime) -> bool:
    """Whether the page is unchanged since a date of that header; what is no date is as if it were not there."""
    try:
        since = parsedate_to_datetime(said)
    except ValueError:
        return False
    return since.tzinfo is not None and modified <= since

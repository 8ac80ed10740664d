"""The shop's content as it is kept in `pages/`: what each page is called, what is sold, and what is often asked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

PAGES = Path(__file__).parent / "pages"
NAME = "Tarn & Tor"

Picture = Literal[
    "ridge", "tunnel", "dome", "tarp", "sheet", "bag", "pack", "daypack", "stove", "hob", "pot", "boot", "shoe"
]
Shade = Literal["moss", "slate", "ochre", "rust", "lake", "heather", "steel", "peat"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(_Record):
    """A page that is written by hand. Its text stands in `pages/<path>.html`, unless its `template` makes it."""

    path: str
    title: str
    heading: str
    description: str
    modified: AwareDatetime
    template: str = "text.html"
    language: str = "en-GB"
    translations: dict[str, str] = {}
    """Paths of the same page in other languages, by language."""
    in_sitemap: bool = True
    indexed: bool = True
    author: str | None = None
    published: date | None = None
    """Of journal posts: who wrote it, and when."""
    picture: Picture | None = None
    shade: Shade | None = None
    data: list[dict[str, Any]] = []
    """Further schema.org nodes."""

    @property
    def source(self) -> str:
        """The template name of the page's text."""
        return f"{self.path.removeprefix('/') or 'home'}.html"


class Review(_Record):
    """What a customer wrote about a product."""

    name: str
    stars: Annotated[int, Field(ge=1, le=5)]
    written: date
    title: str
    text: str


class Product(_Record):
    """A thing that is sold, with everything that its page says."""

    slug: str
    category: str
    name: str
    tagline: str
    price: Annotated[Decimal, Field(gt=0, decimal_places=2)]
    sku: str
    stock: Literal["InStock", "OutOfStock", "PreOrder"]
    picture: Picture
    shades: Annotated[list[Shade], Field(min_length=1)]
    sizes: list[str] = []
    story: Annotated[list[str], Field(min_length=1)]
    sections: dict[str, list[str]] = {}
    """Further paragraphs under headings of their own."""
    specification: dict[str, str]
    contents: list[str] = []
    """What is in the box."""
    reviews: list[Review] = []
    related: list[str]
    """Paths of other products."""
    modified: AwareDatetime
    accessory: bool = False
    """Whether it stands only beside what it belongs to: not on the shelf, not in the sitemap."""

    @property
    def path(self) -> str:
        return f"/{self.category}/{self.slug}"


class Category(_Record):
    """A shelf of the shop."""

    slug: str
    name: str
    singular: str
    picture: Picture
    shade: Shade
    description: str
    introduction: str
    advice: dict[str, list[str]]
    """Paragraphs on how to choose, by heading."""
    modified: AwareDatetime

    @property
    def path(self) -> str:
        return f"/{self.slug}"


class Catalogue(_Record):
    """All that is sold."""

    categories: list[Category]
    products: list[Product]


class Question(_Record):
    """A frequent question with its answer."""

    question: str
    answer: str


class QuestionGroup(_Record):
    """Frequent questions on one matter."""

    name: str
    questions: list[Question]


def pages() -> list[Page]:
    """Every page that is written by hand, in the order of the sitemap."""
    return TypeAdapter(list[Page]).validate_json((PAGES / "pages.json").read_bytes())


def catalogue() -> Catalogue:
    """What is sold, in the order of the shelves."""
    return Catalogue.model_validate_json((PAGES / "catalogue.json").read_bytes())


def faq() -> list[QuestionGroup]:
    """The frequent questions in the order of their page."""
    return TypeAdapter(list[QuestionGroup]).validate_json((PAGES / "faq.json").read_bytes())

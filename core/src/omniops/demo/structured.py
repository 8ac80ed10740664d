"""What the shop's pages say for machines: schema.org nodes for JSON-LD. Addresses in them begin with `/`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from omniops.demo.content import NAME, Category, Page, Product, QuestionGroup

Node = dict[str, Any]
Crumbs = Sequence[tuple[str, str]]
_ADDRESSES = ("url", "item")


def of_page(page: Page, crumbs: Crumbs, faq: Iterable[QuestionGroup]) -> list[Node]:
    """Of a page that is written by hand; `faq` are the questions that it shows."""
    nodes = [*page.data]
    questions = [question for group in faq for question in group.questions]
    if questions:
        entities = [
            {
                "@type": "Question",
                "name": question.question,
                "acceptedAnswer": {"@type": "Answer", "text": question.answer},
            }
            for question in questions
        ]
        nodes.append({"@type": "FAQPage", "mainEntity": entities})
    if page.published and page.author:
        nodes.append(
            {
                "@type": "BlogPosting",
                "headline": page.heading,
                "description": page.description,
                "url": page.path,
                "datePublished": page.published.isoformat(),
                "dateModified": page.modified.isoformat(),
                "author": {"@type": "Person", "name": page.author},
                "publisher": {"@type": "Organization", "name": NAME},
            }
        )
    return [*nodes, *_trail(crumbs)]


def of_shelf(shelf: Category, stock: Iterable[Product], crumbs: Crumbs) -> list[Node]:
    """Of a category: what stands on it, by address."""
    items = [
        {"@type": "ListItem", "position": place, "url": product.path, "name": product.name}
        for place, product in enumerate(stock, 1)
    ]
    return [{"@type": "ItemList", "name": shelf.name, "itemListElement": items}, *_trail(crumbs)]


def of_product(product: Product, shelf: Category, crumbs: Crumbs) -> list[Node]:
    """Of a product: its offer and what customers say of it."""
    node: Node = {
        "@type": "Product",
        "name": product.name,
        "description": product.tagline,
        "category": shelf.name,
        "sku": product.sku,
        "brand": {"@type": "Brand", "name": NAME},
        "offers": {
            "@type": "Offer",
            "url": product.path,
            "price": f"{product.price:.2f}",
            "priceCurrency": "GBP",
            "availability": f"https://schema.org/{product.stock}",
            "itemCondition": "https://schema.org/NewCondition",
        },
    }
    if product.reviews:
        stars = [review.stars for review in product.reviews]
        node["aggregateRating"] = {
            "@type": "AggregateRating",
            "ratingValue": f"{sum(stars) / len(stars):.1f}",
            "reviewCount": len(stars),
        }
        node["review"] = [
            {
                "@type": "Review",
                "author": {"@type": "Person", "name": review.name},
                "datePublished": review.written.isoformat(),
                "reviewRating": {"@type": "Rating", "ratingValue": review.stars},
                "reviewBody": review.text,
            }
            for review in product.reviews
        ]
    return [node, *_trail(crumbs)]


def script(nodes: Iterable[Node], origin: str) -> str:
    """The text of a JSON-LD script for these nodes, with full addresses. Safe inside a script element."""
    graph = {"@context": "https://schema.org", "@graph": [_at(node, origin) for node in nodes]}
    return json.dumps(graph, ensure_ascii=False, indent=1).replace("<", "\\u003c")


def _at(value: Any, origin: str) -> Any:
    if isinstance(value, dict):
        return {
            key: origin + part if key in _ADDRESSES and isinstance(part, str) else _at(part, origin)
            for key, part in value.items()
        }
    return [_at(part, origin) for part in value] if isinstance(value, list) else value


def _trail(crumbs: Crumbs) -> list[Node]:
    if len(crumbs) < 2:
        return []
    steps = [
        {"@type": "ListItem", "position": place, "name": name, "item": path}
        for place, (path, name) in enumerate(crumbs, 1)
    ]
    return [{"@type": "BreadcrumbList", "itemListElement": steps}]

"""What connected shops sell, as knowledge: a page for each product, found and cited like every page of the website.

A page's `url` here names shop and product, and its `link` is where the product stands on the website: the crawl may
well have read that page too. `read_at` is when the shop told it, and so the age of price and stock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.commerce import Product, ProductVariant
from omniops.contracts.facts import ProductFacts, VariantFacts
from omniops.contracts.scope import Scope
from omniops.knowledge.cut import Piece, cut_text
from omniops.knowledge.language import detect
from omniops.knowledge.mirrored import Mirrored, line, new_page, web
from omniops.knowledge.models import Page, Source
from omniops.knowledge.structured import selling
from omniops.knowledge.written import FILE, SHOP

MOST_VARIANTS = 100
VARIANTS_SAID = 12
"""Variants that stand in the words of a passage, which are what is searched; the facts hold more."""


class Shelves(Mirrored):
    """The products of all connected shops."""

    kind = SHOP

    async def language(self, session: AsyncSession, scope: Scope) -> str:
        """The language of most pages of the website, in which its shop is asked; empty where none was read."""
        statement = (
            select(Page.language)
            .join(Source, (col(Source.domain_id) == col(Page.domain_id)) & (col(Source.id) == col(Page.source_id)))
            .where(Page.domain_id == scope.domain_id, col(Source.kind).not_in((SHOP, FILE)), Page.language != "")
            .group_by(col(Page.language))
            .order_by(func.count().desc())
            .limit(1)
        )
        return (await session.exec(statement)).first() or ""

    async def put(
        self,
        session: AsyncSession,
        scope: Scope,
        connection_id: UUID,
        products: Sequence[Product],
        at: datetime,
        language: str = "",
    ) -> None:
        """Keeps products as the shop told them at that moment, in the session's transaction. What says the same as
        before keeps its row and its vectors. Without a `language` it is told by their words."""
        told = {self._address(connection_id, product.id): product for product in products}
        if not told:
            return
        source = await self._source(session, scope, connection_id)
        spoken = language or await asyncio.to_thread(_language_of, products)
        statement = select(Page).where(Page.domain_id == scope.domain_id, col(Page.url).in_(told))
        pages = {page.url: page for page in (await session.exec(statement.with_for_update())).all()}
        renamed = False
        for url, product in told.items():
            page = pages.setdefault(url, new_page(source, url, at))
            title, link = line(product.title), web(product.url)
            if page.read_at is not None and (page.title, page.link) != (title, link):
                renamed = True
                await self._rows.forget_vectors(session, scope, page.id)
            page.title, page.link, page.language = title, link, spoken
            page.read_at = page.visited_at = at
            session.add(page)
        await session.flush()
        read = [(pages[url], list(_pieces(product))) for url, product in told.items()]
        if await self._rows.replace(session, scope, read) or renamed:
            await self._changed(session, scope)

    async def sweep(self, session: AsyncSession, scope: Scope, connection_id: UUID, before: datetime) -> None:
        """Forgets what the shop did not tell any more since a moment."""
        source = await self._found(session, scope, connection_id)
        if source is not None:
            await self._drop(session, scope, source, col(Page.visited_at) < before)


def _pieces(product: Product) -> Iterator[Piece]:
    """What is for sale in a sentence and a line for each variant, with the values as facts; then the description."""
    facts = _facts(product)
    lines = [selling(facts) or f"{facts['name']}."]
    lines += [_said(variant) for variant in facts.get("variants", ())[:VARIANTS_SAID]]
    yield Piece("product", "", "\n".join(lines), facts=facts)
    for text in cut_text(product.text):
        yield Piece("text", "", text)


def _facts(product: Product) -> ProductFacts:
    facts = ProductFacts(name=line(product.title))
    if product.sku:
        facts["sku"] = product.sku
    if product.price is not None:
        _price(facts, product)
    if product.availability is not None:
        facts["availability"] = product.availability
    if product.quantity is not None:
        facts["quantity"] = product.quantity
    if product.variants:
        facts["variants"] = [_variant(one) for one in product.variants[:MOST_VARIANTS]]
    return facts


def _price(facts: ProductFacts, product: Product) -> None:
    """One price, or the range of the variants'."""
    assert product.price is not None
    lowest, currency = product.price, product.price.currency
    others = [one.price for one in product.variants if one.price is not None and one.price.currency == currency]
    highest = max([lowest, *others], key=lambda one: Decimal(one.amount))
    facts["currency"] = currency
    if Decimal(highest.amount) > Decimal(lowest.amount):
        facts["low_price"], facts["high_price"] = lowest.amount, highest.amount
    else:
        facts["price"] = lowest.amount


def _variant(variant: ProductVariant) -> VariantFacts:
    facts = VariantFacts(name=line(variant.title))
    if variant.sku:
        facts["sku"] = variant.sku
    if variant.price is not None:
        facts["price"], facts["currency"] = variant.price.amount, variant.price.currency
    if variant.availability is not None:
        facts["availability"] = variant.availability
    if variant.quantity is not None:
        facts["quantity"] = variant.quantity
    return facts


def _said(variant: Mapping[str, Any]) -> str:
    """A variant in a line: how many there are changes with every sale, and stands in the facts alone."""
    price = f"{variant['price']} {variant['currency']}" if "price" in variant else ""
    stock = str(variant.get("availability", "")).replace("_", " ")
    return f"{variant['name']}: {', '.join(filter(None, (price, stock)))}".removesuffix(": ")


def _language_of(products: Sequence[Product]) -> str:
    return detect("\n".join(f"{one.title}\n{one.text}" for one in products))

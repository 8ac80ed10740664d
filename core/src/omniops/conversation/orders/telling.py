"""Orders, products and terms in words, the same for a model, a visitor and a channel without cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from omniops.contracts.cards import LONGEST, MOST, ProductCard, Stock, Variant
from omniops.contracts.commerce import Money, Order, OrderStatus, Policy, Product, ProductVariant, Shipment
from omniops.contracts.facts import Availability
from omniops.errors import Rejected

LONGEST_TEXT = 1_500
"""Characters of a product's description, or of a policy."""
MOST_VARIANTS = 30
MOST_LINES = 30
_STATUS: Mapping[str, Sequence[str]] = {
    language: words.split("|")
    for language, words in {
        "en": "waits for payment|on hold|being prepared|sent in part|sent|delivered|cancelled|refunded|payment failed",
        "de": "wartet auf Zahlung|angehalten|in Bearbeitung|teilweise versandt|versandt|zugestellt|storniert|erstattet"
        "|Zahlung fehlgeschlagen",
        "fr": "en attente de paiement|en attente|en préparation|expédiée en partie|expédiée|livrée|annulée|remboursée"
        "|paiement refusé",
        "es": "pendiente de pago|en espera|en preparación|enviado en parte|enviado|entregado|cancelado|reembolsado"
        "|pago fallido",
        "it": "in attesa di pagamento|sospeso|in preparazione|spedito in parte|spedito|consegnato|annullato|rimborsato"
        "|pagamento non riuscito",
        "nl": "wacht op betaling|in de wacht|in behandeling|deels verzonden|verzonden|bezorgd|geannuleerd|terugbetaald"
        "|betaling mislukt",
        "pl": "czeka na płatność|wstrzymane|w przygotowaniu|wysłane częściowo|wysłane|dostarczone|anulowane|zwrócone"
        "|płatność nieudana",
        "pt": "a aguardar pagamento|em espera|em preparação|enviada em parte|enviada|entregue|cancelada|reembolsada"
        "|pagamento falhou",
        "tr": "ödeme bekliyor|beklemede|hazırlanıyor|kısmen gönderildi|gönderildi|teslim edildi|iptal edildi"
        "|iade edildi|ödeme başarısız",
        "ar": "بانتظار الدفع|معلق|قيد التحضير|أرسل جزء منه|أرسل|تم التسليم|ألغي|أعيد المبلغ|فشل الدفع",
    }.items()
}
_PARCEL: Mapping[str, Sequence[str]] = {
    language: words.split("|")
    for language, words in {
        "en": "sent|on its way|out for delivery|delivered|there is a problem",
        "de": "versandt|unterwegs|in Zustellung|zugestellt|es gibt ein Problem",
        "fr": "expédié|en route|en cours de livraison|livré|il y a un problème",
        "es": "enviado|en camino|en reparto|entregado|hay un problema",
        "it": "spedito|in viaggio|in consegna|consegnato|c’è un problema",
        "nl": "verzonden|onderweg|wordt bezorgd|bezorgd|er is een probleem",
        "pl": "wysłana|w drodze|w doręczeniu|doręczona|jest problem",
        "pt": "enviado|a caminho|em distribuição|entregue|há um problema",
        "tr": "gönderildi|yolda|dağıtımda|teslim edildi|bir sorun var",
        "ar": "أرسل|في الطريق|قيد التوصيل|تم التسليم|هناك مشكلة",
    }.items()
}
_PARCELS = ("sent", "in_transit", "out_for_delivery", "delivered", "problem")
_IN_STOCK: Mapping[str, Sequence[str]] = {
    language: words.split("|")
    for language, words in {
        "en": "in stock|sold out",
        "de": "auf Lager|ausverkauft",
        "fr": "en stock|épuisé",
        "es": "disponible|agotado",
        "it": "disponibile|esaurito",
        "nl": "op voorraad|uitverkocht",
        "pl": "dostępny|wyprzedany",
        "pt": "em stock|esgotado",
        "tr": "stokta|tükendi",
        "ar": "متوفر|نفد",
    }.items()
}
_SOLD_OUT: frozenset[Availability] = frozenset({"sold_out", "out_of_stock", "discontinued"})
_THERE: frozenset[Availability] = frozenset({"in_stock", "limited"})


def order_text(order: Order, language: str = "en") -> str:
    """An order: where it is, what was bought, its parcels. Nothing of whose it is."""
    words = _STATUS.get(language[:2].lower(), _STATUS["en"])
    head = [order.number, words[get_args(OrderStatus).index(order.status)], f"{order.placed_at:%Y-%m-%d}"]
    head.append(str(order.total))
    if order.refunded is not None and order.status != "refunded":
        head.append(f"{words[get_args(OrderStatus).index('refunded')]}: {order.refunded}")
    lines = [
        f"{line.quantity} × {_one(line.title)}" + (f" ({_one(line.variant)})" if line.variant else "")
        for line in order.lines[:MOST_LINES]
    ]
    return "\n".join([" · ".join(head), *lines, *(_parcel(each, language) for each in order.shipments)])


def _parcel(parcel: Shipment, language: str) -> str:
    words = _PARCEL.get(language[:2].lower(), _PARCEL["en"])
    what = " ".join(part for part in (parcel.carrier, parcel.tracking_number) if part)
    said = words[_PARCELS.index(parcel.status)]
    at = parcel.delivered_at or parcel.expected_at or parcel.sent_at
    return f"{_one(what)}: {said}" if at is None else f"{_one(what)}: {said} ({at:%Y-%m-%d})"


def products_text(products: Iterable[Product]) -> str:
    """Products of a search, each on its lines, with the id by which a model asks further."""
    return "\n\n".join(product_text(product, brief=True) for product in products)


def product_text(product: Product, *, brief: bool = False) -> str:
    """A product with its variants. `brief`: without its description."""
    head = [product.title, *_selling(product)]
    lines = [f"{' · '.join(_one(part) for part in head)} (product id {product.id})"]
    lines += [
        f"- {' · '.join(_one(part) for part in (variant.title, *_selling(variant)))}"
        for variant in product.variants[:MOST_VARIANTS]
    ]
    if product.text and not brief:
        lines.append(product.text[:LONGEST_TEXT])
    return "\n".join(lines)


def stock_text(product: Product, language: str) -> str | None:
    """In the visitor's language, whether a product and its variants can be had; None where the shop does not tell."""
    there, gone = _IN_STOCK.get(language[:2].lower(), _IN_STOCK["en"])

    def said(thing: Product | ProductVariant) -> str:
        stock = {"in_stock": there, "sold_out": gone, "": ""}[_stock(thing)]
        count = f" ({thing.quantity})" if stock == there and thing.quantity else ""
        return " · ".join(part for part in (_one(thing.title), str(thing.price or ""), f"{stock}{count}") if part)

    if not _stock(product) and not any(_stock(variant) for variant in product.variants):
        return None
    return "\n".join([said(product), *(f"- {said(variant)}" for variant in product.variants[:MOST_VARIANTS])])


def policies_text(policies: Iterable[Policy]) -> str:
    return "\n\n".join(
        f"{_one(policy.title)}" + (f" ({policy.days} days)" if policy.days is not None else "")
        + f":\n{policy.text[:LONGEST_TEXT]}"
        for policy in policies
    )  # fmt: skip


def product_card(product: Product) -> ProductCard | None:
    """The product's card, or None where what the shop says of it makes none."""
    price = product.price or Money("0", "XXX")
    try:
        return ProductCard(
            name=_one(product.title)[:LONGEST],
            url=product.url,
            price=price.amount if product.price else "",
            currency=price.currency if product.price else "",
            stock=_stock(product),
            variants=tuple(_cell(product, variant) for variant in product.variants[:MOST]),
        )
    except Rejected:
        return None


def _cell(product: Product, variant: ProductVariant) -> Variant:
    """A variant on its product's card, with its price where not all have the same."""
    price, stock = variant.price, _stock(variant)
    told = price is not None and product.price is not None and price.currency == product.price.currency
    return Variant(
        _one(variant.title)[:LONGEST],
        note="" if stock or variant.availability is None else variant.availability.replace("_", " "),
        price=price.amount if price is not None and told and len({one.price for one in product.variants}) > 1 else "",
        stock=stock,
        left=variant.quantity if stock == "in_stock" and variant.quantity else None,
    )


def _selling(thing: Product | ProductVariant) -> list[str]:
    """Price and stock, as far as the shop tells."""
    said = [str(thing.price)] if thing.price is not None else []
    if thing.quantity is not None and thing.quantity > 0:
        said.append(f"{thing.quantity} in stock")
    elif thing.availability is not None:
        said.append(thing.availability.replace("_", " "))
    return said


def _stock(thing: Product | ProductVariant) -> Stock:
    if thing.availability in _THERE:
        return "in_stock"
    return "sold_out" if thing.availability in _SOLD_OUT else ""


def _one(text: str) -> str:
    """Text on one line: a title cannot begin a line of its own."""
    return " ".join(text.split())

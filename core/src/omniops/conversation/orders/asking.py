"""What a message is about, told by its words: a claim to an order, the whereabouts of one, what something costs and
whether it is in stock."""

from __future__ import annotations

import re
from dataclasses import dataclass

from omniops.conversation.redaction.digits import fold

_ORDER = (
    r"order|orders|bestell\w*|auftrag\w*|commande|pedido|ordine|zamówieni\w*|encomenda|sipariş\w*|الطلب|طلب\w*|"
    r"numéro de commande|bestelnummer"
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w@])")
_NUMBER = re.compile(
    rf"(?:(?<!\w)(?:{_ORDER})(?!\w)[^\n\d#]{{0,30}}?|(?=#))(?P<number>#?(?:[A-Za-z]{{1,6}}-?)?\d[\w-]{{0,30}})(?![\w@.]*@)",
    re.IGNORECASE,
)
_MINE = re.compile(
    r"(?<!\w)(?:my|mein\w*|ma|mon|mes|mi|mis|mio|mia|mijn|moj[aei]|moje\w*|mój|meu|minha)(?!\w)"
    r"|siparişim|kargom|paketim|طلبي|شحنتي",
    re.IGNORECASE,
)
_PARCEL = re.compile(
    rf"(?<!\w)(?:{_ORDER}|parcel|package|shipment|delivery|paket|sendung|lieferung|colis|livraison|paquete|envío|pacco|"
    r"spedizione|pakket|zending|bestelling|paczk\w*|przesyłk\w*|siparişim|kargom|paketim|طلبي|شحنتي)(?!\w)",
    re.IGNORECASE,
)
_WHERE = re.compile(
    r"(?<!\w)(?:where|status|track|when|wo|wann|stand|verfolgen|où|quand|suivre|suivi|dónde|cuándo|estado|dove|quando|"
    r"stato|waar|wanneer|gdzie|kiedy|onde|nerede|ne zaman|durumu|أين|متى|حالة)(?!\w)",
    re.IGNORECASE,
)
_STOCK = re.compile(
    r"in stock|available|sold out|how many|auf lager|vorrätig|verfügbar|lieferbar|ausverkauft|wie viele|en stock|"
    r"disponib|épuisé|agotad|quedan|esaurit|op voorraad|leverbaar|uitverkocht|dostępn|em stock|disponível|esgotad|"
    r"stokta|tükendi|متوفر|نفد",
    re.IGNORECASE,
)


_PRICE = re.compile(
    r"how much (?:is|are|does|do|for)|price|cost|was kostet|was kosten|wie viel kost|wieviel kost|wie teuer|preis|"
    r"combien (?:coûte|vaut)|prix|cuánto (?:cuesta|vale)|precio|quanto costa|prezzo|hoeveel kost|wat kost|prijs|"
    r"ile kosztuje|cena|quanto custa|preço|ne kadar|fiyat|بكم|سعر",
    re.IGNORECASE,
)


def asks_order(text: str) -> bool:
    """Whether somebody wants to know where their own order is."""
    return all(pattern.search(text) for pattern in (_MINE, _PARCEL, _WHERE))


def asks_stock(text: str) -> bool:
    """Whether somebody wants to know if a product can be had."""
    return _STOCK.search(text) is not None


def asks_price(text: str) -> bool:
    """Whether somebody wants to know what a product costs."""
    return _PRICE.search(text) is not None


@dataclass(frozen=True, slots=True)
class Named:
    """An order and an address that a message names together."""

    number: str
    email: str


def named(text: str) -> Named | None:
    """The one order number and the one e-mail address of a message; None where it names none of either, or several
    addresses. Whether they belong together nobody knows yet."""
    emails = set(_EMAIL.findall(text))
    if len(emails) != 1:
        return None
    (email,) = emails
    found = _NUMBER.search(fold(text.replace(email, " ")))
    return Named(found["number"], email) if found is not None else None

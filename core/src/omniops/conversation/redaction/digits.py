"""Runs of digits in a text, and what the words before them say that they are."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

About = Literal["order", "phone", "id", ""]

_FOLD = {
    code: str(unicodedata.digit(chr(code))) for block in (0x0660, 0x06F0, 0xFF10) for code in range(block, block + 10)
}
"""Arabic-Indic, Persian and full-width digits."""
_RUN = re.compile(r"\d(?:[ \u00a0\u2009\u202f\u200b.\-\u2010\u2011\u2013/]{0,2}\d)*")
_GROUP = re.compile(r"\d+")
SHORT = 4
"""Letters of a word that is looked for as a whole only."""
LOOK_BACK = 48
"""Characters before a number in which words about it are looked for."""

_ORDER = (
    "order track parcel shipment consignment invoice article item product sku ean gtin isbn imei serial model ref refs "
    "reference items ticket case customer part voucher coupon batch lot "
    "bestell auftrag sendung paket rechnung artikel serien kunden vorgang modell lieferschein gutschein charge "
    "commande suivi colis facture référence série dossier modèle client "
    "pedido seguimiento paquete envío factura artículo referencia serie modelo cliente "
    "ordine spedizione tracciamento tracking pacco fattura articolo seriale riferimento lotto "
    "bestel zending pakket factuur artikelnummer serienummer klant "
    "zamówieni przesył paczk faktur artykuł seryjn śledzeni produkt "
    "encomenda rastreio fatura artigo referência produto "
    "sipariş kargo takip fatura ürün seri paket müşteri"
).split()
_ORDER_ARABIC = "طلب شحن تتبع فاتور تسلسلي منتج"
_FILLER = (
    r"numbers? no nr num n° nº n\.º n nummer numer numeru numero número numéro numarası numaram numaralı "
    r"id code código codice kod kodu is ist lautet war was est es è é jest to de du della dell di del van "
    r"with mit avec con met z nrb my meine of the رقم رقمه رقمها هو هي"
).split()
_PHONE = (
    "phone tel mobile cell call ring reach whatsapp text sms contact telegram signal "
    "telefon handy mobil anruf ruf rufen anrufen erreich rückruf festnetz "
    "téléphone portable appel rappel joindre joignable teléfono móvil celular llama llame llamar llamen llámen llámame "
    "telefono cellulare chiam richiam bel bellen gsm bereik mobiel telefoon "
    "komórk dzwon zadzwo telefone telemóvel liga ligar ligue liguem contacto cep ara arayın ulaş"
).split()
_PHONE_PHRASES = (
    "my number",
    "mobile number",
    "meine nummer",
    "mon numéro",
    "mi número",
    "mio numero",
    "mijn nummer",
    "mój numer",
    "meu número",
)
_PHONE_ARABIC = "هاتف جوال اتصل اتصال واتس موبايل تلفون"
_ID = (
    "ssn nhs nino nif nie dni bsn pesel ahv avs cpf nir svnr sv-nummer sv-nr steuer-id steueridentifikation "
    "steuernummer idnr identifikationsnummer sozialversicherung versicherungsn burgerservice sofi sofinummer "
    "rijksregister contribuinte kimlik tckn t\\.c contribuente"
).split()
_ID_PHRASES = (
    "social security",
    "national insurance",
    "ni number",
    "sécurité sociale",
    "numéro de sécu",
    "registre national",
    "codice fiscale",
    "seguridad social",
    "tax id",
    "tax number",
    "número fiscal",
    "الهوية",
)


def _words(words: list[str]) -> str:
    """Longer words match as beginnings, for their endings and compounds; short ones only whole: a belt is no `bel`."""
    return "|".join(
        rf"{word}(?!\w)" if len(word) <= SHORT else word for word in sorted(set(words), key=len, reverse=True)
    )


_SAYS_ORDER = re.compile(
    rf"(?:(?<!\w)(?:{_words(_ORDER)})\w*|(?:{'|'.join(_ORDER_ARABIC.split())})\w*)"
    rf"(?:[\s.:#=\-(]+(?:{_words(_FILLER)})(?!\w))*[\s.:#=\-(№]*$"
)
_SAYS_PHONE = re.compile(rf"(?<!\w)(?:{_words([*_PHONE, *_PHONE_PHRASES])})|{'|'.join(_PHONE_ARABIC.split())}")
_SAYS_ID = re.compile(rf"(?<!\w)(?:{_words(_ID)})|{'|'.join(_ID_PHRASES)}")


def fold(text: str) -> str:
    """The text with digits of other scripts as 0 to 9, character by character, so that places stay the same."""
    return text.translate(_FOLD)


def about(text: str, start: int) -> About:
    """What the words before a number call it; the nearest word wins, and an empty string is nothing known."""
    before = text[max(0, start - LOOK_BACK) : start].lower()
    if _SAYS_ORDER.search(before):
        return "order"
    phone = max((match.start() for match in _SAYS_PHONE.finditer(before)), default=-1)
    identity = max((match.start() for match in _SAYS_ID.finditer(before)), default=-1)
    if phone == identity:
        return ""
    return "phone" if phone > identity else "id"


@dataclass(frozen=True, slots=True)
class Window:
    """Whole groups of digits that stand together, and their digits alone."""

    start: int
    end: int
    digits: str


def windows(text: str, least: int, most: int, most_groups: int = 8) -> Iterator[Window]:
    """All neighbouring groups with `least` to `most` digits; of those that begin together, the longest first."""
    for run in _RUN.finditer(text):
        groups = [match.span() for match in _GROUP.finditer(text, run.start(), run.end())]
        for first, (start, _) in enumerate(groups):
            digits, found = "", []
            for a, b in groups[first : first + most_groups]:
                digits += text[a:b]
                if len(digits) > most:
                    break
                if len(digits) >= least:
                    found.append(Window(start, b, digits))
            yield from reversed(found)

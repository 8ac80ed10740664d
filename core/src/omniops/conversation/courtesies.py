"""What is no question: thanks, greetings, goodbyes and a bare "ok", in the ten languages of the chat.

Where no model answers, nothing is searched for them, so that nobody reads "I found nothing about that" after a thank
you, and none of them counts as a gap. A message is one of these only as a whole: "thanks, but where is my order?" is a
question.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal
from unicodedata import combining, normalize

from omniops.conversation.redaction.digits import fold

Courtesy = Literal["greeting", "thanks", "noted"]

LONGEST = 80
_NOISE = re.compile(r"[^\w' ]+")
"""Marks and emoji say nothing here."""
_KNOWN: dict[str, dict[Courtesy, str]] = {
    "en": {
        "greeting": r"hi|hello|hey|hi there|hello there|good (?:morning|afternoon|evening)"
        r"|is (?:any(?:one|body) )there",
        "thanks": r"(?:(?:ok|okay|great|perfect|brilliant|lovely|super|cool|no|that'?s great|that helps) ?)*"
        r"(?:many thanks|thanks?(?: you)?|thankyou|thx|ty|cheers|ta|much appreciated)"
        r"(?: (?:a lot|so much|very much|for (?:your|the) (?:help|answer)|again|anyway|that helps"
        r"|that'?s all|mate|bye))*"
        r"|(?:that helps|that'?s all|perfect|great|brilliant|awesome)|(?:good)?bye(?: bye)?|see you",
        "noted": r"ok|okay|k|alright|all right|fine|got it|i see|understood|right|aha|ah ok|oh ok",
    },
    "de": {
        "greeting": r"hallo|hi|guten (?:tag|morgen|abend)|moin|servus|grüß gott|ist (?:da )?jemand da",
        "thanks": r"(?:(?:ok|super|toll|prima|perfekt|alles klar|gut) ?)*(?:vielen |herzlichen |besten |tausend )?"
        r"(?:dank|danke)(?: (?:schön|sehr|dir|ihnen|für die (?:hilfe|antwort|auskunft)))*|dankeschön|perfekt|super"
        r"|tschüss|auf wiedersehen",
        "noted": r"ok|okay|alles klar|verstanden|gut|aha|ach so|in ordnung",
    },
    "fr": {
        "greeting": r"bonjour|bonsoir|salut|coucou|il y a quelqu'un",
        "thanks": r"(?:(?:ok|super|parfait|très bien|d'accord|non) ?)*merci"
        r"(?: (?:beaucoup|bien|à vous|pour votre (?:aide|réponse)))*"
        r"|parfait|super|au revoir|à bientôt",
        "noted": r"ok|d'accord|entendu|compris|très bien|bien",
    },
    "es": {
        "greeting": r"hola|buen(?:os|as) (?:días|tardes|noches)|hay alguien(?: ahí)?",
        "thanks": r"(?:(?:ok|vale|perfecto|genial|muy bien|no) ?)*(?:muchas |mil )?gracias"
        r"(?: (?:por (?:su|tu|la) (?:ayuda|respuesta)))?"
        r"|perfecto|genial|adiós|hasta luego",
        "noted": r"ok|vale|de acuerdo|entendido|bien|bueno",
    },
    "it": {
        "greeting": r"ciao|salve|buon(?:giorno|asera|pomeriggio)|c'è qualcuno",
        "thanks": r"(?:(?:ok|perfetto|ottimo|va bene|no) ?)*(?:molte |tante |mille )?grazie"
        r"(?: (?:mille|tante|per l'aiuto))*"
        r"|perfetto|ottimo|arrivederci",
        "noted": r"ok|va bene|capito|d'accordo|bene",
    },
    "nl": {
        "greeting": r"hallo|hoi|hey|goede(?:morgen|middag|navond|dag)|goedendag|is er iemand",
        "thanks": r"(?:(?:ok|oké|top|prima|super|nee) ?)*(?:hartelijk |heel erg |erg )?(?:bedankt|dank"
        r"|dank (?:je|u)(?: wel)?|dankjewel|dankuwel)"
        r"(?: voor (?:je|uw|de) (?:hulp|antwoord))?|top|tot ziens|doei",
        "noted": r"ok|oké|prima|begrepen|duidelijk|goed",
    },
    "pl": {
        "greeting": r"cześć|hej|dzień dobry|dobry wieczór|witam|halo|czy jest tam ktoś",
        "thanks": r"(?:(?:ok|super|świetnie|dobrze|nie) ?)*(?:bardzo |serdecznie )?(?:dziękuję|dzięki|dziekuje|dzieki)"
        r"(?: (?:bardzo|wielkie|za (?:pomoc|odpowiedź)))*|super|świetnie|do widzenia",
        "noted": r"ok|dobrze|rozumiem|jasne|w porządku",
    },
    "pt": {
        "greeting": r"olá|ola|oi|bom dia|boa (?:tarde|noite)|está aí alguém",
        "thanks": r"(?:(?:ok|perfeito|ótimo|está bem|não) ?)*(?:muito |muit[ao]s )?(?:obrigad[oa]s?|agradecid[oa])"
        r"(?: (?:pela ajuda|pela resposta))?|perfeito|ótimo|adeus|até logo|tchau",
        "noted": r"ok|está bem|certo|percebi|entendi|tudo bem|bem",
    },
    "tr": {
        "greeting": r"merhaba|selam|günaydın|iyi (?:günler|akşamlar)|kimse var mı",
        "thanks": r"(?:(?:tamam|harika|süper|çok) ?)*(?:teşekkürler|teşekkür (?:ederim|ederiz)"
        r"|sağ ?ol(?:un)?)(?: (?:çok|yardımınız için))*"
        r"|harika|süper|hoşça kal(?:ın)?",
        "noted": r"tamam|ok|peki|anladım|olur",
    },
    "ar": {
        "greeting": r"مرحبا|أهلا|اهلا|السلام عليكم|صباح الخير|مساء الخير|هل من أحد",
        "thanks": r"(?:(?:حسنا|ممتاز|رائع) ?)*(?:شكرا|أشكرك|مشكور)"
        r"(?: (?:جزيلا|لك|لكم|على المساعدة))*|ممتاز|رائع|مع السلامة|وداعا",
        "noted": r"حسنا|تمام|فهمت|طيب|نعم فهمت",
    },
}


def courtesy(text: str, language: str) -> tuple[Courtesy, str] | None:
    """What a message is as a whole, and the language that it is written in; `language` wins where several fit. None for
    anything that may be a question: with a question mark only "is anyone there?" and its like are greetings."""
    if len(text) > LONGEST:
        return None
    bare = "".join(sign for sign in normalize("NFC", fold(text)).casefold() if not combining(sign))
    said = " ".join(_NOISE.sub(" ", bare.replace("’", "'")).split())
    asks = "?" in text or "؟" in text
    for one in (language[:2].lower(), *_KNOWN):
        for kind, pattern in _compiled().get(one, {}).items():
            if pattern.fullmatch(said) and (kind == "greeting" or not asks):
                return kind, one
    return None


@cache
def _compiled() -> dict[str, dict[Courtesy, re.Pattern[str]]]:
    """Compiled when first needed."""
    return {
        language: {kind: re.compile(pattern.casefold()) for kind, pattern in kinds.items()}
        for language, kinds in _KNOWN.items()
    }

"""Whether a message takes a consent back: rules over words, in the ten languages of the chat.

Who says it plainly is taken at the word. A question, a condition or a denial in the same sentence makes it something to
confirm first, like every other right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The language of the rule that saw it, and whether it was said plainly."""

    language: str
    plain: bool


@dataclass(frozen=True, slots=True)
class _Rules:
    """What was given (`consent`), the verbs that take it back, whole sayings, and what makes a sentence no plain
    statement where it stands before them (`hedge`)."""

    consent: str
    verb: str
    saying: str
    hedge: str


_RULES = {
    "en": _Rules(
        r"consents?(?!\w)|(?:my|our) (?:permission|opt-in|agreement)(?!\w)",
        r"withdr[ae]w|revok|retract|rescind|tak(?:e|ing) back|cancel",
        r"no longer consent(?!\w)|(?:don't|do not) consent any ?more",
        r"how|what|where|whether|if|when|may i|can i|could i|should i|must i|do i|not|never|\w+n't",
    ),
    "de": _Rules(
        r"(?:einwilligung|zustimmung)\w*",
        r"widerruf|widerrief|zurückzieh|zurückzuzieh|zurückgezog|zurücknehm|zurückzunehm",
        r"(?:ziehe?n?|nehme?n?) [^.?!\n]{0,40}(?:einwilligung|zustimmung)\w*[^.?!\n]{0,30} zurück"
        r"|willige nicht (?:mehr|länger) ein",
        r"wie|was|wo|ob|wenn|falls|kann ich|könnte ich|darf ich|muss ich|soll ich|nicht|nie|keine?",
    ),
    "fr": _Rules(
        r"consentements?(?!\w)",
        r"retir|révoqu|annul|reprend|revien[st] sur",
        r"(?:ne consens|n'y consens) plus",
        r"comment|que se passe|qu'est-ce|où|si|puis-je|pourrais-je|dois-je|est-ce que je|ne|n'\w+|jamais",
    ),
    "es": _Rules(
        r"consentimientos?(?!\w)",
        r"retir|revoc|revoqu|revóqu|anul|cancel",
        r"ya no (?:consiento|doy mi consentimiento)",
        r"cómo|qué|dónde|si|puedo|podría|debo|no|nunca",
    ),
    "it": _Rules(
        r"consens[oi](?!\w)",
        r"revoc|ritir|annull",
        r"non (?:acconsento|do (?:il mio )?consenso|presto (?:il mio )?consenso) più"
        r"|non (?:do|presto) più (?:il mio )?consenso",
        r"come|cosa|dove|se|posso|potrei|devo|non|mai",
    ),
    "nl": _Rules(
        r"toestemming(?:en)?(?!\w)",
        r"intrek|in te trekken|ingetrokken|herroep|terugtrek",
        r"trek(?:ken)? [^.?!\n]{0,30}toestemming(?:en)?[^.?!\n]{0,30} (?:in|terug)(?!\w)"
        r"|geef geen toestemming meer",
        r"hoe|wat|waar|als|of|kan ik|mag ik|moet ik|niet|nooit|geen",
    ),
    "pl": _Rules(
        r"zg(?:oda|odę|ody|odą|ód)(?!\w)",
        r"wycof|cofam|cofn|cofa[cć]|odwoł",
        r"(?:już nie wyrażam|nie wyrażam (?:już|dłużej|więcej)) zgody",
        r"jak|co|gdzie|czy|jeśli|jeżeli|gdy|nie|nigdy",
    ),
    "pt": _Rules(
        r"consentimentos?(?!\w)",
        r"retir|revog|anul|cancel",
        r"já não (?:consinto|dou (?:o )?(?:meu )?consentimento)"
        r"|não (?:consinto|dou (?:o )?(?:meu )?consentimento) mais",
        r"como|o que|onde|se|posso|poderia|devo|não|nunca",
    ),
    "tr": _Rules(
        r"(?:rızam|onayım|iznim|izinlerim)\w*",
        r"geri (?:al|çek)|iptal|kaldır",
        r"artık (?:rıza göstermiyorum|(?:onay|izin) vermiyorum)",
        r"nasıl|ne|nerede|eğer",
    ),
    "ar": _Rules(
        r"(?:موافقتي|موافقاتي)(?!\w)",
        r"[أاس]?سحب|[أا]لغ|[إا]لغاء|[أا]تراجع عن|التراجع عن",
        r"لم أعد (?:أوافق|موافق\w*)|لا أوافق بعد (?:الآن|اليوم)",
        r"كيف|ماذا|أين|هل|إذا|لو|لا|لم|لن",
    ),
}
_ENDS = ".?!؟\n"


def takes_back(text: str) -> TakenBack | None:
    """Whether a message, folded to small letters, takes a consent back. One plain sentence is enough."""
    found = None
    for language, match in _matches(text):
        begun = max(text.rfind(end, 0, match.start()) for end in _ENDS) + 1
        over = next((sign for sign in text[match.end() :] if sign in _ENDS), "")
        hedged = over in ("?", "؟") or _hedges(language).search(text, begun, match.start())
        if not hedged:
            return TakenBack(language, True)
        found = found or TakenBack(language, False)
    return found


def _matches(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    for language, pattern in _compiled().items():
        for match in pattern.finditer(text):
            yield language, match


@cache
def _hedges(language: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{_RULES[language].hedge})(?!\w)")


@cache
def _compiled() -> dict[str, re.Pattern[str]]:
    """Compiled when first needed. The verb and the consent stand in one sentence, a few words apart."""
    gap = r"[^.?!؟\n]{0,28}"
    return {
        language: re.compile(
            rf"(?<!\w)(?:{rules.verb})\w*{gap}(?<!\w)(?:{rules.consent})"
            rf"|(?<!\w)(?:{rules.consent}){gap}(?<!\w)(?:{rules.verb})|(?<!\w)(?:{rules.saying})"
        )
        for language, rules in _RULES.items()
    }

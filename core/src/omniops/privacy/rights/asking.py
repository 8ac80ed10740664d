"""Whether a message uses a right: rules over words, in the ten languages of the chat, precise rather than broad.

Only somebody who says plainly what is to happen to the data about themselves is taken at the word. Whatever is missed
finds its way by the page; a shop's question about a device's data opens no case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from omniops.privacy.rights.taking_back import takes_back

LONGEST = 600
"""Characters of a message that is looked at: who writes more writes about more."""


@dataclass(frozen=True, slots=True)
class Found:
    """The right that a message uses, and the language of the rule that saw it. `takes_back`: a consent is taken back in
    plain words, whatever else is asked for."""

    right: str
    language: str
    takes_back: bool = False


@dataclass(frozen=True, slots=True)
class _Rules:
    """What is about oneself (`data`), and the verbs. `elsewhere`: the data lies in a thing that was bought. `about`: a
    question about what the business does by itself."""

    data: str
    erase: str
    copy: str
    correct: str
    elsewhere: str
    about: str


_RULES = {
    "en": _Rules(
        r"(?:(?:my|our) (?:own )?(?:personal |private |user |account |customer |chat )*(?:data|information|details)"
        r"|(?:everything|all(?: the)? (?:data|information)|(?:the |any )?(?:personal )?data|what(?:ever)?)(?: that)?"
        r" you(?:'ve| have| hold| store| keep| know| saved?| stored)[^.?!]{0,20}? (?:about|on|of) me)",
        r"delete|erase|remove|wipe|forget|destroy|get rid of",
        r"(?:send|give|provide|email|mail) me|export|download|copy of|access to|show me|tell me",
        r"correct|rectify|amend",
        r"(?:on|from|off) (?:the|my|this|a) (?:watch|device|phone|tablet|camera|laptop|computer|tracker|drive|disk|sd)",
        r"^(?:do|does|did|when|how long|why|is|are|after)\b",
    ),
    "de": _Rules(
        r"(?:(?:meine[rn]?|unsere[rn]?) (?:eigenen |persönlichen |gespeicherten |personenbezogenen )*"
        r"(?:daten|informationen)|(?:alles|alle daten|alle informationen|die daten|daten|was)(?:, was|, die|,)?"
        r" (?:sie|ihr|du) (?:alles )?(?:über|von|zu) mi(?:ch|r))",
        r"(?:ge)?lösch|loesch|entfern|vernicht|tilg",
        r"schick|send|gebt? mir|geben sie mir|export|auskunft|kopie|zeig|übermittel",
        r"berichtig|korrigier",
        r"(?:auf|von|vom|aus) (?:der|dem|meiner|meinem|einer|einem) (?:uhr|gerät|handy|telefon|tablet|kamera|laptop)",
        r"^(?:wann|wie lange|warum|werden)\b",
    ),
    "fr": _Rules(
        r"(?:(?:toutes )?(?:mes|nos) (?:données|informations)(?: personnelles| privées)?"
        r"|(?:tout ce que|toutes les données que|les données que|ce que) vous (?:avez|savez|gardez|conservez|détenez)"
        r"[^.?!]{0,20}? sur moi)",
        r"supprim|effac|détrui",
        r"envoyez|envoie|donnez|donne-|export|copie|accès|accéder|montrez|transmet",
        r"corrig|rectifi",
        r"(?:sur|de|dans) (?:la|le|ma|mon|cette|ce|l')\s?(?:montre|appareil|téléphone|tablette|caméra|ordinateur)",
        r"^(?:quand|pourquoi|combien de temps|est-ce que vous)\b",
    ),
    "es": _Rules(
        r"(?:(?:todos )?(?:mis|nuestros) datos(?: personales| privados)?|mi información(?: personal)?"
        r"|(?:todo lo que|todos los datos que|los datos que|lo que) (?:tienen|tenéis|saben|guardan|guardáis|sabéis)"
        r"[^.?!]{0,20}? (?:sobre|de) mí)",
        r"borr|bórr|elimin|elimín|suprim|destru",
        r"envíe|envia|enviad|mánd|manda|denme|dame|export|copia|acceso|acceder|muéstr",
        r"correg|corrij|rectif",
        r"(?:en|del|de la|de mi) (?:el |la |mi )?(?:reloj|dispositivo|teléfono|móvil|tableta|cámara|ordenador|disco)",
        r"^¿?(?:cuándo|por qué|cuánto tiempo)(?!\w)",
    ),
    "it": _Rules(
        r"(?:(?:tutti )?i (?:miei|nostri) dati(?: personali)?|(?:tutte )?le mie informazioni"
        r"|(?:tutto (?:quello|ciò) che|tutti i dati che|i dati che|quello che) (?:avete|sapete|conservate|tenete)"
        r"[^.?!]{0,20}? su di me)",
        r"cancell|elimin|rimuov|distrugg",
        r"mandat|inviat|invii|datemi|esport|copia|accesso|accedere|mostrat",
        r"corregg|rettific",
        r"(?:su|dal|dalla|sul|sulla|del|della) (?:mio |mia )?(?:orologio|dispositivo|telefono|cellulare|tablet)",
        r"^(?:quando|perché|per quanto)(?!\w)",
    ),
    "nl": _Rules(
        r"(?:(?:al )?(?:mijn|onze) (?:eigen |persoonlijke )*(?:gegevens|data|informatie|persoonsgegevens)"
        r"|(?:alles wat|alle gegevens die|de gegevens die) (?:u|jullie|je) (?:over|van) mij)",
        r"verwijder|wis(?:sen|t)?(?!\w)|vernietig|schrap",
        r"stuur|geef mij|export|kopie|inzage|toegang|toon",
        r"corrige|rectific|verbeter",
        r"(?:op|van|uit) (?:de|het|mijn|een) (?:horloge|apparaat|toestel|telefoon|tablet|camera|laptop|computer)",
        r"^(?:wanneer|waarom|hoe lang)(?!\w)",
    ),
    "pl": _Rules(
        r"(?:(?:wszystkie |wszystkich )?(?:moje|moich|nasze|naszych) (?:dane|danych)(?: osobowe| osobowych)?"
        r"|(?:wszystko|wszystkie dane|dane),? (?:co|które) o mnie (?:macie|wiecie|przechowujecie)"
        r"|(?:wszystko|wszystkie dane|dane),? (?:co|które) (?:macie|wiecie|przechowujecie) o mnie)",
        r"usu[nń]|skasow|wymaz|zniszcz",
        r"wyśl|przyśl|przesła|dajcie|kopi|dostęp|eksport|pokaż",
        r"popraw|skoryg|sprostow",
        r"(?:na|z|ze|w) (?:moim |mojego |tym |tego )?(?:zegark|urządzeni|telefon|tablet|kamer|laptop|komputer)",
        r"^(?:kiedy|dlaczego|jak długo)(?!\w)",
    ),
    "pt": _Rules(
        r"(?:(?:todos )?(?:os )?(?:meus|nossos) dados(?: pessoais)?|(?:as )?minhas informações"
        r"|(?:tudo (?:o )?que|todos os dados que|os dados que) (?:têm|tem|vocês têm|sabem|guardam)"
        r"[^.?!]{0,20}? sobre mim)",
        r"apag|apagu|elimin|exclu|remov|delet|destru",
        r"envie|mand|dêem|deem|export|cópia|acesso|aceder|acessar|mostr",
        r"corrig|corrij|retific",
        r"(?:no|na|do|da) (?:meu |minha )?(?:relógio|dispositivo|telefone|telemóvel|celular|tablet|câmara|câmera)",
        r"^(?:quando|porquê|por que|quanto tempo)(?!\w)",
    ),
    "tr": _Rules(
        r"(?:(?:tüm |bütün )?(?:kişisel )?(?:verilerim|bilgilerim)\w*"
        r"|(?:benim )?hakkımda\w* [^.?!]{0,30}?(?:veri|bilgi|şey)\w*)",
        r"sil(?:in|er|me|ebil|iniz|meni)\w*|kaldır|imha",
        r"gönder|kopya|eriş|dışa aktar|göster",
        r"düzelt",
        r"(?:saat|cihaz|telefon|tablet|kamera|bilgisayar)\w*(?:teki|daki|deki|den|dan)(?!\w)",
        r"^(?:ne zaman|neden|ne kadar süre)(?!\w)",
    ),
    "ar": _Rules(
        r"(?:(?:كل |جميع )?(?:بياناتي|معلوماتي)(?: الشخصية)?"
        r"|(?:كل ما|البيانات التي) (?:لديكم|تعرفونه?ا?|تحفظونه?ا?)[^.؟!]{0,20} عني)",
        r"احذف|حذف|امسح|مسح|محو|أزل|إزالة|ازالة",
        r"أرسل|ارسل|أعط|اعط|نسخة|تصدير|الوصول|الاطلاع",
        r"صحح|تصحيح",
        r"(?:على|من|في) (?:الساعة|ساعتي|الجهاز|جهازي|الهاتف|هاتفي|الكاميرا|الحاسوب)",
        r"^(?:متى|لماذا|كم من الوقت)(?!\w)",
    ),
}


def asked_for(text: str) -> Found | None:
    """The right that a message uses, or None. Erasure wins over a copy: it cannot be undone and is confirmed anyway."""
    said = text.casefold().replace("’", "'")[:LONGEST].strip()
    back = takes_back(said)
    plain = back is not None and back.plain
    for language, rules in _compiled().items():
        elsewhere, about = _not_meant(language)
        for right, pattern in rules.items():
            for match in pattern.finditer(said):
                behind = min(len(said), match.end() + 40)
                if not elsewhere.search(said, match.start(), behind) and not about.search(said):
                    return Found(right, language, plain)
    return None if back is None else Found("withdrawal", back.language, plain)


@cache
def _not_meant(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(_RULES[language].elsewhere), re.compile(_RULES[language].about)


@cache
def _compiled() -> dict[str, dict[str, re.Pattern[str]]]:
    """Compiled when first needed. A verb and the data stand in one sentence, at most a few words apart."""

    def near(verb: str, data: str, *, apart: int) -> re.Pattern[str]:
        gap = rf"[^.?!؟\n]{{0,{apart}}}"
        return re.compile(rf"(?<!\w)(?:{verb})\w*{gap}(?<!\w){data}|(?<!\w){data}{gap}(?<!\w)(?:{verb})")

    return {
        language: {
            "erasure": near(rules.erase, rules.data, apart=28),
            "rectification": near(rules.correct, rules.data, apart=24),
            "access": near(rules.copy, rules.data, apart=24),
        }
        for language, rules in _RULES.items()
    }

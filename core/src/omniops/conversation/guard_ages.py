"""How people say their own age, in the ten languages of the chat."""

from __future__ import annotations

_NUMBERS = {
    "en": "three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen",
    "de": "drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn",
    "fr": "trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept",
    "es": "tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete",
    "it": "tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici diciassette",
    "nl": "drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien zeventien",
    "pl": "trzy cztery pięć sześć siedem osiem dziewięć dziesięć jedenaście dwanaście trzynaście czternaście "
    "piętnaście szesnaście siedemnaście",
    "pt": "três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezasseis dezassete",
    "tr": "üç dört beş altı yedi sekiz dokuz on onbir oniki onüç ondört onbeş onaltı onyedi",
}
AGES: dict[str, int] = {word: age for words in _NUMBERS.values() for age, word in enumerate(words.split(), 3)}
"""Ages in words."""
_N = rf"(?P<age>\d{{1,2}}|{'|'.join(sorted(AGES, key=len, reverse=True))})"
_ALONE = (
    r"(?=\s*(?:$|[.!?,;:)]"
    r"|(?:and|und|et|y|e|en|i|but|aber|mais|pero|ma|maar|so|btw|lol|yo|y/o|years?|yrs?|jahre?|jaar)\b))"
)
"""What may follow a bare number so that it is an age and no measure, day or count."""
_NOT_SINCE = r"(?!\s+(?:de|of|di|van|von|experience|doświadcz|gwaranc)\b)"

AGE_STATEMENTS: tuple[str, ...] = (
    rf"\bi(?:'m|m| am) (?:only |just |now |actually )?(?:a )?{_N}"
    rf"(?:{_ALONE}|[ -]?(?:years?|yrs?|y/?o)\b(?![ -](?:customer|member))|[ -]year[ -]old)",
    rf"\bas an? {_N}[ -]year[ -]old",
    rf"\bmy age is {_N}{_ALONE}",
    rf"(?:\bich bin|^bin|, bin) (?:erst |schon |gerade )?{_N}(?:{_ALONE}| ?jahre)",
    rf"\bich bin (?:ein|eine) {_N}[ -]?jährige",
    rf"\bj['’]ai (?:seulement )?{_N} ans\b{_NOT_SINCE}",
    rf"\bje suis une? \w+ de {_N} ans\b",
    rf"\btengo (?:solo )?{_N} años\b{_NOT_SINCE}",
    rf"\bsoy una? \w+ de {_N} años\b",
    rf"\bho (?:solo )?{_N} anni\b{_NOT_SINCE}",
    rf"\bsono una? \w+ di {_N} anni\b",
    rf"\bik ben (?:pas |nu )?{_N}(?:{_ALONE}| jaar)",
    rf"\bmam (?:tylko )?{_N} lat\b{_NOT_SINCE}",
    rf"\btenho (?:só )?{_N} anos\b{_NOT_SINCE}",
    rf"\b{_N} yaşındayım\b",
    r"\bعمري (?:هو )?(?P<age>\d{1,2})\b",
    r"\bأبلغ (?:من العمر )?(?P<age>\d{1,2})\b",
)
"""Sentences in which somebody states their own age."""
SAID_BY_ANOTHER = (
    r"\b(?:son|daughter|child|kid|boy|girl|sohn|tochter|kind|fils|fille|enfant|hijo|hija|figlio"
    r"|figlia|zoon|dochter|syn|"
    r"córka|filho|filha|oğlum|kızım|he|she|er|sie)\b[^.!?]{0,20}\b(?:says?|said|writes?|wrote"
    r"|asks?|sagt|sagte|schreibt|dit|"
    r"dice|zegt|mówi|diz|diyor)\b[^.!?]{0,8}$"
)
"""What stands before an age that somebody else stated."""

"""What a button says in the visitor's name, in their language: the wish, and the yes to what it takes."""

from __future__ import annotations

_BOOK = {
    "en": "Please book {at}. I agree that my name and e-mail address go into your calendar.",
    "de": "Bitte buchen Sie {at}. Ich bin einverstanden, dass mein Name und meine E-Mail-Adresse in Ihren Kalender "
    "eingetragen werden.",
    "fr": "Merci de réserver {at}. J’accepte que mon nom et mon adresse e-mail soient inscrits dans votre agenda.",
    "es": "Por favor, reserve {at}. Acepto que mi nombre y mi correo electrónico se anoten en su calendario.",
    "nl": "Boek alstublieft {at}. Ik ga ermee akkoord dat mijn naam en e-mailadres in uw agenda komen.",
}
_CHOOSE = {
    "en": "These times are free:",
    "de": "Diese Termine sind frei:",
    "fr": "Ces horaires sont libres :",
    "es": "Estas horas están libres:",
    "nl": "Deze tijden zijn vrij:",
}


def book(language: str, at: str) -> str:
    """The wish for one time, with the yes."""
    return _of(_BOOK, language).format(at=at)


def choose(language: str) -> str:
    """The sentence above the times."""
    return _of(_CHOOSE, language)


def _of(words: dict[str, str], language: str) -> str:
    return words.get(language.partition("-")[0].lower(), words["en"])

"""The few sentences that core itself says to visitors, by language. Where one is missing, English."""

from __future__ import annotations

from typing import Literal

Phrase = Literal["disclosure", "closest", "none", "handed_off", "back_to_ai", "remember", "remember_note", "sources"]

_WORDS: dict[str, dict[Phrase, str]] = {
    "en": {
        "disclosure": "You are writing to an AI. It answers from this site’s own pages and ends each checked sentence "
        "with its source.",
        "closest": "This site does not answer that. These passages come closest; please judge for yourself.",
        "none": "I found nothing about that on this site, so I will not guess.",
        "handed_off": "Handed to a person. They see this conversation and reply here.",
        "back_to_ai": "The AI answers again.",
        "remember": "Remember this chat here",
        "remember_note": "Kept 90 days, then deleted",
        "sources": "Sources",
    },
    "de": {
        "disclosure": "Sie schreiben mit einer KI. Sie antwortet aus den Seiten dieser Website und beendet jeden "
        "geprüften Satz mit seiner Quelle.",
        "closest": "Diese Website beantwortet das nicht. Diese Stellen kommen am nächsten; bitte urteilen Sie selbst.",
        "none": "Dazu habe ich auf dieser Website nichts gefunden und rate deshalb nicht.",
        "handed_off": "An einen Menschen übergeben. Er sieht dieses Gespräch und antwortet hier.",
        "back_to_ai": "Die KI antwortet wieder.",
        "remember": "Diesen Chat hier merken",
        "remember_note": "90 Tage aufbewahrt, dann gelöscht",
        "sources": "Quellen",
    },
}


def say(phrase: Phrase, language: str) -> str:
    """The sentence in a language given as an ISO 639-1 code or a longer tag."""
    words = _WORDS.get(language[:2].lower(), _WORDS["en"])
    return words.get(phrase, _WORDS["en"][phrase])

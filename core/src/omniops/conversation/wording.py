"""The few sentences that core itself says to visitors, by language. Where one is missing, English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from omniops.conversation.languages import FURTHER

Phrase = Literal[
    "disclosure",
    "closest",
    "none",
    "handed_off",
    "back_to_ai",
    "taken_over",
    "draft_waits",
    "reopened",
    "people_until",
    "people_back",
    "answer_minutes",
    "answer_hours",
    "dated",
    "sources",
    "ai_out",
    "closed",
    "review_asked",
    "review_confirmed",
    "review_corrected",
    "review_not_answerable",
    "by_visitor",
    "by_ai",
    "by_person",
    "cut_short",
    "action_done",
    "action_not_done",
    "greeting",
    "thanks",
    "noted",
    "no_advice",
    "child",
]

_WORDS: dict[str, dict[Phrase, str]] = {
    "en": {
        "disclosure": "You are writing to an AI. It answers from this site’s own pages and ends each checked sentence "
        "with its source.",
        "closest": "This site does not answer that. These passages come closest; please judge for yourself.",
        "none": "I found nothing about that on this site, so I will not guess.",
        "handed_off": "Handed to a person. They see this conversation and reply here.",
        "back_to_ai": "The AI answers again.",
        "taken_over": "A person took over. The AI is silent.",
        "draft_waits": "A person looks at the AI’s answer before you get it.",
        "reopened": "This conversation is open again. A person will answer here.",
        "people_until": "People are here until {}.",
        "people_back": "People are back at {}.",
        "answer_minutes": "They mostly answer within {} min.",
        "answer_hours": "They mostly answer within {} h.",
        "dated": "Price and stock as of {}.",
        "sources": "Sources",
        "ai_out": "The AI answers no more here. Your messages wait for a person.",
        "closed": "This conversation is closed.",
        "review_asked": "A person will look at this answer, at the latest on",
        "review_confirmed": "A person looked at the answer and confirms it.",
        "review_corrected": "A person looked at the answer and corrects it.",
        "review_not_answerable": "A person looked at the answer and cannot settle it here.",
        "by_visitor": "You",
        "by_ai": "AI",
        "by_person": "Person",
        "cut_short": "cut short",
        "action_done": "A person approved it, and it is done.",
        "action_not_done": "A person looked at it. It was not done.",
        "greeting": "Hello. What would you like to know?",
        "thanks": "You are welcome.",
        "noted": "All right. Write again whenever you like.",
        "no_advice": "I give no medical, legal or financial advice. I can look up what this site says, or hand "
        "you to a person.",
        "child": "Thank you for telling me. Because of your age the AI stops here, and a person goes on "
        "with you. Please do not write anything personal, and show this to a parent.",
    },
    "de": {
        "disclosure": "Sie schreiben mit einer KI. Sie antwortet aus den Seiten dieser Website und beendet jeden "
        "geprüften Satz mit seiner Quelle.",
        "closest": "Diese Website beantwortet das nicht. Diese Stellen kommen am nächsten; bitte urteilen Sie selbst.",
        "none": "Dazu habe ich auf dieser Website nichts gefunden und rate deshalb nicht.",
        "handed_off": "An einen Menschen übergeben. Er sieht dieses Gespräch und antwortet hier.",
        "back_to_ai": "Die KI antwortet wieder.",
        "taken_over": "Ein Mensch hat übernommen. Die KI schweigt.",
        "draft_waits": "Ein Mensch sieht sich die Antwort der KI an, bevor Sie sie bekommen.",
        "reopened": "Dieses Gespräch ist wieder offen. Ein Mensch antwortet hier.",
        "people_until": "Menschen sind da bis {}.",
        "people_back": "Menschen sind wieder da ab {}.",
        "answer_minutes": "Sie antworten meist innerhalb von {} Min.",
        "answer_hours": "Sie antworten meist innerhalb von {} Std.",
        "dated": "Preis und Bestand vom {}.",
        "sources": "Quellen",
        "ai_out": "Die KI antwortet hier nicht mehr. Ihre Nachrichten warten auf einen Menschen.",
        "closed": "Dieses Gespräch ist beendet.",
        "review_asked": "Ein Mensch sieht sich diese Antwort an, spätestens am",
        "review_confirmed": "Ein Mensch hat sich die Antwort angesehen und bestätigt sie.",
        "review_corrected": "Ein Mensch hat sich die Antwort angesehen und berichtigt sie.",
        "review_not_answerable": "Ein Mensch hat sich die Antwort angesehen und kann sie hier nicht klären.",
        "by_visitor": "Sie",
        "by_ai": "KI",
        "by_person": "Mensch",
        "cut_short": "abgebrochen",
        "action_done": "Ein Mensch hat es genehmigt, und es ist erledigt.",
        "action_not_done": "Ein Mensch hat es sich angesehen. Es wurde nicht ausgeführt.",
        "greeting": "Hallo. Was möchten Sie wissen?",
        "thanks": "Gern geschehen.",
        "noted": "In Ordnung. Schreiben Sie jederzeit wieder.",
        "no_advice": "Ich gebe keinen medizinischen, rechtlichen oder finanziellen Rat. Ich kann nachsehen, "
        "was diese Website sagt, oder Sie an einen Menschen übergeben.",
        "child": "Danke, dass du das sagst. Wegen deines Alters hört die KI hier auf, und ein Mensch macht "
        "weiter. Bitte schreib nichts Persönliches und zeig das deinen Eltern.",
    },
}


def say(phrase: Phrase, language: str) -> str:
    """The sentence in a language given as an ISO 639-1 code or a longer tag."""
    short = language[:2].lower()
    words: Mapping[str, str] = _WORDS.get(short) or FURTHER.get(short) or _WORDS["en"]  # type: ignore[assignment]
    return words.get(phrase, _WORDS["en"][phrase])

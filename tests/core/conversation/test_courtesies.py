"""Thanks, greetings and a bare "ok": answered as such, searched for nowhere, and no gap."""

import pytest
from desk import collect
from omniops.contracts.provider import Done, Level, Text
from omniops.contracts.scope import Actor
from omniops.conversation.courtesies import courtesy


@pytest.mark.parametrize(
    ("text", "kind", "language"),
    [
        ("Hi!", "greeting", "en"),
        ("Is anyone there?", "greeting", "en"),
        ("Thanks!", "thanks", "en"),
        ("ok great, thank you so much 🙏", "thanks", "en"),
        ("No thanks, that's all.", "thanks", "en"),
        ("OK", "noted", "en"),
        ("Guten Tag", "greeting", "de"),
        ("Alles klar, vielen Dank!", "thanks", "de"),
        ("merci beaucoup", "thanks", "fr"),
        ("Bonjour !", "greeting", "fr"),
        ("Muchas gracias por su ayuda", "thanks", "es"),
        ("Grazie mille", "thanks", "it"),
        ("hartelijk dank", "thanks", "nl"),
        ("Dziękuję bardzo", "thanks", "pl"),
        ("Muito obrigada", "thanks", "pt"),
        ("İyi günler", "greeting", "tr"),
        ("Çok teşekkür ederim", "thanks", "tr"),
        ("شكرًا جزيلًا", "thanks", "ar"),
        ("السلام عليكم", "greeting", "ar"),
    ],
)
def test_a_courtesy_is_known_in_its_own_language(text, kind, language):
    assert courtesy(text, "xx") == (kind, language)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "🙂",
        "ok?",
        "Thanks?",
        "Thanks, but where is my order?",
        "Hello, do you ship to Norway?",
        "thank you for nothing, cancel my order",
        "Is the Perfect tent in stock",
        "danke, und was kostet der Versand",
        "bye bye baby blanket",
        "ok " * 2000,
        "thanks " * 2000,
    ],
)
def test_what_may_be_a_question_is_none(text):
    assert courtesy(text, "en") is None


def test_the_language_of_the_page_wins_where_a_word_is_of_several():
    assert courtesy("Hallo", "nl-BE") == ("greeting", "nl")
    assert courtesy("Hallo", "de") == ("greeting", "de")
    assert courtesy("ok", "tr") == ("noted", "tr")


async def test_thanks_are_answered_without_a_search_and_are_no_gap(desk):
    visitor = await desk.visitor()
    desk.provider.begin(Level("none"), Done("end"))
    await collect(await desk.ask(visitor, "Do you ship to Norway?"))
    events = await collect(await desk.ask(visitor, "Danke!"))
    kind, done = events[-1]
    assert kind == "done"
    assert done["text"] == "Gern geschehen."
    assert (done["sources"], done["level"]) == ([], None)
    assert len(desk.provider.requests) == 1, "no provider read it"
    await desk.runtime.conversations.to_person(visitor, desk.domain, "en", None)
    assert await desk.runtime.gaps.refresh(desk.domain.scope) == 1
    (gap,) = await desk.runtime.gaps.all(desk.domain.scope, actor=Actor("member", "test"))
    assert gap.example == "Do you ship to Norway?"


async def test_a_model_finds_its_own_words(desk):
    visitor = await desk.visitor()
    await desk.with_model(["[TALK]My pleasure."])
    events = await collect(await desk.ask(visitor, "Thanks"))
    assert events[-1][1]["text"] == "My pleasure."


async def test_a_bare_ok_is_noted_where_only_quotes_answer(desk):
    desk.provider.begin(Text("never"), Done("end"))
    events = await collect(await desk.ask(await desk.visitor(), "ok"))
    assert events[-1][1]["text"] == "All right. Write again whenever you like."

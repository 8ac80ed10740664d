"""What a visitor downloads: how much, in how many languages, and that the files hold together."""

import gzip
import json
import re
import string
from importlib.resources import files

import pytest
from omniops.conversation.wording import Phrase, say
from omniops.web.assets import LANGUAGES, PARTS, assets, loader

LOOK = json.dumps({"key": "pk_0123456789abcdefghijklmn", "language": "de", "brand": ["#7a4018", "#ffffff"]})
KB = 1024
FORMS = {"en": 2, "de": 2, "fr": 3, "es": 3, "it": 3, "nl": 2, "pl": 4, "pt": 3, "tr": 2, "ar": 6}
"""Plural categories of each language in CLDR. A text may have fewer forms, then its last serves for the rest."""

ALIKE = ("sources", "by_visitor", "by_ai", "by_person")
"""Single words that some languages share."""


def words(language):
    return json.loads(files("omniops.web").joinpath("widget", "words", f"{language}.json").read_text("utf-8"))


def part_words(language):
    return json.loads(files("omniops.web").joinpath("widget", "parts", f"{language}.json").read_text("utf-8"))


def test_what_is_loaded_stays_under_its_floor():
    sizes = {part.rpartition("-")[0]: len(script.packed) for part, script in assets().files.items()}
    assert len(loader().packed) <= 3 * KB
    assert len(loader(LOOK).packed) <= 3.1 * KB, "a website's own colour is its own bytes"
    assert sizes["panel"] <= 15 * KB
    assert {name: size for name, size in sizes.items() if name.startswith("words-") and size > KB} == {}
    assert max(sizes[name] for name in ("hello", "framed", "frame")) <= 1.5 * KB
    assert max(sizes[f"{part}-{language}"] for part in PARTS for language in LANGUAGES) <= 3 * KB


def test_what_few_visitors_need_is_in_no_file_that_all_of_them_load():
    panel = assets().script("panel").body.decode()
    for part in PARTS:
        own = assets().script(f"{part}-en").body.decode()
        assert all(text in own for text in part_words("en")[part].values())
        assert not [text for text in part_words("en")[part].values() if " " in text and text in panel], part
    assert "XMLHttpRequest" not in panel


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_words_of_every_part_in_little_room(language):
    found, english = part_words(language), part_words("en")
    assert {part: list(own) for part, own in found.items()} == {part: list(own) for part, own in english.items()}
    for part, own in found.items():
        assert len(gzip.compress(json.dumps(own, ensure_ascii=False).encode(), 9)) <= KB
        for key, text in own.items():
            assert text.strip(), (part, key)
            assert re.findall(r"\{.*?\}", text) == re.findall(r"\{.*?\}", english[part][key]), (part, key)


def test_every_language_has_every_word_in_the_order_of_english():
    assert len(LANGUAGES) == 10
    for language in LANGUAGES:
        found = words(language)
        assert list(found) == list(words("en")), language
        assert all(text.strip() and "\n" not in text for text in found.values()), language


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_have_their_place_in_every_form_of_every_language(language):
    for key, text in words(language).items():
        forms, english = text.split("|"), words("en")[key]
        assert len(forms) <= FORMS[language], (language, key)
        assert ("{}" in forms[-1]) == ("{}" in english.split("|")[-1]), (language, key)
        assert set(re.findall(r"\{.*?\}", text)) <= {"{}"}, (language, key)


def test_the_server_speaks_every_language_of_the_chat():
    for phrase in Phrase.__args__:
        said = {language: say(phrase, language) for language in LANGUAGES}
        # "Sources" is the same word in some languages; whole sentences are not.
        assert phrase in ALIKE or len(set(said.values())) == len(LANGUAGES), (phrase, said)
    assert say("none", "ar-EG") == say("none", "ar")
    assert say("none", "xx") == say("none", "en")


def test_nothing_is_left_to_fill_in_and_nothing_loads_from_elsewhere():
    bodies = [loader(LOOK).body.decode(), *(script.body.decode() for script in assets().files.values())]
    for body in bodies:
        assert not re.search(r'"__[A-Z_]+__"', body)
        assert set(re.findall(r"https?://[^\"'`\s]+", body)) <= {"http://www.w3.org/2000/svg"}
        assert "innerHTML" not in body
        assert "eval(" not in body


def test_a_business_text_in_the_loader_stays_a_text():
    text = '"); alert(1); (" "__BUILD__" </script> \u2028'
    body = loader(json.dumps({"key": "pk_x", "hellos": [{"on": "^/$", "after": 1, "text": text}]})).body.decode()
    assert json.dumps(text, ensure_ascii=False) in body


def test_names_change_with_any_content():
    names = [name for name in assets().files if name.startswith("panel-")]
    assert len(names) == 1
    build = assets().build
    assert all(character in string.hexdigits for character in build)
    assert all(name.endswith(f"-{build}.js") for name in assets().files)

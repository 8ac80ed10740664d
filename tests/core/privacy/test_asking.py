"""Which messages use a right: every language of the chat, and what is none."""

import pytest
from omniops.privacy.rights.asking import asked_for
from omniops.privacy.rights.words import LANGUAGES, words

ERASE = {
    "en": ("Delete my data", "Please delete all my personal data.", "Can you erase everything you have about me?",
           "I want my data deleted", "how do I delete my data"),
    "de": ("Löschen Sie meine Daten", "Bitte löscht alle meine persönlichen Daten!",
           "Ich möchte, dass meine Daten gelöscht werden",
           "Löschen Sie alles, was Sie über mich gespeichert haben"),
    "fr": ("Supprimez mes données", "Merci d’effacer toutes mes données personnelles",
           "Effacez tout ce que vous avez sur moi"),
    "es": ("Borren mis datos", "Quiero que eliminen todos mis datos personales", "Elimina mis datos por favor"),
    "it": ("Cancellate i miei dati", "Vorrei che eliminaste tutti i miei dati personali"),
    "nl": ("Verwijder mijn gegevens", "Ik wil dat jullie al mijn gegevens wissen"),
    "pl": ("Usuńcie moje dane", "Proszę o usunięcie moich danych osobowych"),
    "pt": ("Apaguem os meus dados", "Quero eliminar todos os meus dados pessoais"),
    "tr": ("Verilerimi silin", "Tüm kişisel verilerimi silmenizi istiyorum"),
    "ar": ("احذف بياناتي", "أريد حذف جميع بياناتي الشخصية"),
}  # fmt: skip
COPY = {
    "en": ("Send me a copy of my data", "I want access to my personal data", "tell me what you know about me"),
    "de": ("Schicken Sie mir eine Kopie meiner Daten", "Ich möchte Auskunft über meine Daten"),
    "fr": ("Envoyez-moi une copie de mes données", "Je veux accéder à mes données personnelles"),
    "es": ("Quiero una copia de mis datos",),
    "it": ("Vorrei una copia di tutti i miei dati",),
    "nl": ("Stuur mij een kopie van mijn gegevens",),
    "pl": ("Proszę o kopię moich danych osobowych",),
    "pt": ("Quero uma cópia dos meus dados",),
    "tr": ("Verilerimin bir kopyasını gönderin",),
    "ar": ("أريد نسخة من بياناتي",),
}
NONE = (
    "How do I delete my data from the watch?",
    "Do you delete my data after 90 days?",
    "How long do you keep my data?",
    "When will my data be deleted?",
    "Delete my order, please",
    "Remove the item from my basket",
    "Where do I find the data sheet?",
    "Can I copy the manual?",
    "My data plan is too small",
    "Is my data safe with you?",
    "Wie lösche ich meine Daten auf der Uhr?",
    "Wann werden meine Daten gelöscht?",
    "Löscht der Staubsauger Daten?",
    "Schicken Sie mir ein Datenblatt",
    "Comment supprimer mes données de la montre ?",
    "Supprimez cet article de ma commande",
    "¿Cuándo borran mis datos?",
    "Borra el pedido",
    "Cancellate il mio ordine",
    "Verwijder dit artikel",
    "Kiedy usuniecie moje dane?",
    "Usuńcie moje zamówienie",
    "Apaguem a encomenda",
    "Siparişimi silin",
    "احذف الطلب",
    "How long does delivery take?",
    "My details changed, my parcel goes to another street",
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_erasure_is_understood(language):
    for text in ERASE[language]:
        found = asked_for(text)
        assert found, text
        assert (found.right, found.language) == ("erasure", language), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_copy_is_understood(language):
    for text in COPY[language]:
        found = asked_for(text)
        assert found, text
        assert (found.right, found.language) == ("access", language), text


@pytest.mark.parametrize("text", NONE)
def test_a_question_of_the_shop_opens_no_case(text):
    assert asked_for(text) is None


def test_a_correction_is_understood_and_a_long_text_is_cut():
    assert asked_for("Please correct my personal data").right == "rectification"
    assert asked_for("x" * 700 + " delete my data") is None


def test_all_languages_have_the_same_words_with_the_same_gaps():
    import re

    english = words("en")
    for language in LANGUAGES:
        found = words(language)
        assert found.keys() == english.keys()
        for key, text in found.items():
            assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", english[key])), (language, key)
            assert text.strip()
            assert language == "en" or text != english[key] or key == "region.California", (language, key)

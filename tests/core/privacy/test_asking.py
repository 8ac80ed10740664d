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
BACK = {
    "en": ("I withdraw my consent", "Please cancel my consent to analytics.", "I no longer consent.",
           "I want my consent revoked", "I don't consent any more", "I take back my consent"),
    "de": ("Ich widerrufe meine Einwilligung", "Hiermit ziehe ich meine Zustimmung zum Tracking zurück.",
           "Widerruf meiner Einwilligung", "Ich möchte meine Einwilligung zurückziehen"),
    "fr": ("Je retire mon consentement", "Je souhaite révoquer mon consentement.", "Je ne consens plus"),
    "es": ("Retiro mi consentimiento", "Quiero revocar mi consentimiento", "Ya no doy mi consentimiento"),
    "it": ("Revoco il mio consenso", "Vorrei ritirare il consenso", "Non presto più il mio consenso"),
    "nl": ("Ik trek mijn toestemming in", "Ik wil mijn toestemming intrekken", "Ik geef geen toestemming meer"),
    "pl": ("Wycofuję moją zgodę", "Chcę cofnąć zgodę", "Nie wyrażam już zgody"),
    "pt": ("Retiro o meu consentimento", "Quero revogar o meu consentimento", "Já não dou o meu consentimento"),
    "tr": ("Rızamı geri alıyorum", "Onayımı geri çekmek istiyorum", "Artık onay vermiyorum"),
    "ar": ("أسحب موافقتي", "أريد سحب موافقتي", "لم أعد أوافق"),
}  # fmt: skip
HEDGED = (
    "How do I withdraw my consent?",
    "how do I withdraw my consent",
    "What happens if I withdraw my consent",
    "Can you withdraw my consent?",
    "I do not want to withdraw my consent",
    "Wie kann ich meine Einwilligung widerrufen",
    "Was passiert, wenn ich meine Einwilligung widerrufe?",
    "Comment retirer mon consentement ?",
    "¿Cómo retiro mi consentimiento?",
    "Come revoco il mio consenso?",
    "Hoe trek ik mijn toestemming in?",
    "Jak mogę wycofać zgodę?",
    "Como retiro o meu consentimento?",
    "Rızamı nasıl geri alabilirim?",
    "كيف أسحب موافقتي؟",
)
NONE = (
    "I withdraw my order",
    "Cancel my subscription, please",
    "Do I need the consent of the owner?",
    "Ich widerrufe meine Bestellung",
    "Ich stimme zu",
    "Je retire ma commande en magasin",
    "Retiro mi pedido mañana",
    "Wycofuję zamówienie",
    "Siparişimi iptal edin",
    "Onayımı aldınız",
    "ألغ طلبي",
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_consent_that_is_taken_back_is_understood(language):
    for text in BACK[language]:
        found = asked_for(text)
        assert found, text
        assert (found.right, found.language, found.takes_back) == ("withdrawal", language, True), text


@pytest.mark.parametrize("text", HEDGED)
def test_a_question_about_taking_it_back_is_not_yet_a_withdrawal(text):
    found = asked_for(text)
    assert found is None or (found.right, found.takes_back) == ("withdrawal", False)


def test_who_takes_it_back_and_asks_for_more_gets_both():
    found = asked_for("I withdraw my consent. Delete my data.")
    assert (found.right, found.takes_back) == ("erasure", True)
    assert asked_for("Delete my data. How do I withdraw my consent?").takes_back is False


@pytest.mark.parametrize("text", NONE)
def test_a_question_of_the_shop_opens_no_case(text):
    assert asked_for(text) is None


def test_a_correction_is_understood_and_a_long_text_is_cut():
    assert asked_for("Please correct my personal data").right == "rectification"
    assert asked_for("x" * 700 + " delete my data") is None


ALIKE = {"California", "Name", "Conversations"}
"""Words that some languages share with English."""


def test_all_languages_have_the_same_words_with_the_same_gaps():
    import re

    english = words("en")
    for language in LANGUAGES:
        found = words(language)
        assert found.keys() == english.keys()
        for key, text in found.items():
            assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", english[key])), (language, key)
            assert text.strip()
            assert language == "en" or text != english[key] or text in ALIKE, (language, key)

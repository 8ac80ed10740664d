"""What visitors of the shop ask: questions with the place and the words of the right answer, and some without any."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoQuestion:
    """A question that the shop's pages answer.

    `path` is the page that answers it best; `answer` stands, exactly so, in the sentence of that page that does.
    """

    question: str
    path: str
    answer: str


_ORDER = DemoQuestion(
    "Where is my order?",
    "/help/track-order",
    "When your parcel leaves us, we send you an e-mail with a tracking link.",
)
_WIND = DemoQuestion("Will the Ridge 2 hold up in strong wind?", "/tents/ridge-2", "80 km/h")
_WORN = DemoQuestion(
    "How do I return boots I have worn?",
    "/help/faq",
    "Boots that have been worn outdoors cannot be returned",
)
_POSTAGE = DemoQuestion(
    "Do I have to pay for delivery?", "/help/faq", "UK orders over £60 are delivered free of charge"
)
_RESOLE = DemoQuestion("How much is it to get new soles put on my boots?", "/repairs", "costs £68")

QUESTIONS: tuple[DemoQuestion, ...] = (
    _ORDER,
    _WIND,
    _WORN,
    _POSTAGE,
    _RESOLE,
    DemoQuestion(
        "What if my parcel never turns up?",
        "/help/track-order",
        "Tell us if a UK parcel has not come five working days after it left.",
    ),
    DemoQuestion(
        "How much do I have to spend so I don't pay postage?",
        "/help/shipping",
        "UK orders over £60 are delivered free of charge.",
    ),
    DemoQuestion(
        "How long does a parcel to Belfast or Northern Ireland take?", "/help/shipping", "four to five working days"
    ),
    DemoQuestion("I ordered the wrong thing, can I still change it?", "/help/faq", "until it is packed"),
    DemoQuestion("Would you fix a tent from another brand?", "/help/faq", "of every make"),
    DemoQuestion("How long will you need to repair my zip?", "/repairs", "within ten working days"),
    DemoQuestion("What's the latest I can order to get it tomorrow?", "/help/faq", "before 2 pm"),
    DemoQuestion("Do you ship to the United States?", "/help/faq", "We do not deliver outside Europe."),
    DemoQuestion(
        "Will I have to pay import taxes if you send it to France?",
        "/help/shipping",
        "Customs duty and VAT on orders to the EU are paid by us",
    ),
    DemoQuestion(
        "Can you mail me gas canisters?",
        "/stoves",
        "our carrier does not take them",
    ),
    DemoQuestion("When will I see my refund?", "/help/returns", "within five working days"),
    DemoQuestion("What does the return label cost?", "/help/returns", "costs £2.95"),
    DemoQuestion(
        "Does swapping for a different size cost anything?",
        "/help/returns",
        "is free of charge in the UK",
    ),
    DemoQuestion("How many years of guarantee are there on a rucksack?", "/help/warranty", "five years"),
    DemoQuestion("Do you take Amex?", "/help/payment", "American Express"),
    DemoQuestion("Is Klarna or anything like paying later possible?", "/help/payment", "pay-later schemes"),
    DemoQuestion(
        "I'm in between two boot sizes, which one should I take?",
        "/help/sizing",
        "If you are between two sizes, choose the larger one.",
    ),
    DemoQuestion("How heavy is the Ridge 2?", "/tents/ridge-2", "2.1 kg"),
    DemoQuestion("Is there a footprint with the Ridge 2 or do I buy one extra?", "/tents/ridge-2", "sold separately"),
    DemoQuestion("How cold can it get before I freeze in the Heron 400?", "/sleeping-bags/heron-400", "−2 °C"),
    DemoQuestion(
        "When will the kids' sleeping bag Wren Junior be available again?", "/sleeping-bags/wren-junior", "2027"
    ),
    DemoQuestion(
        "Does the Fellside come with something against rain?", "/packs/fellside-45", "A rain cover is included"
    ),
    DemoQuestion("How quickly does the Ember boil a litre?", "/stoves/ember", "three and a half minutes"),
    DemoQuestion("Are the Gill Low shoes waterproof?", "/boots/gill-low", "not waterproof"),
    DemoQuestion("Can I put crampons on the Cairn Winter?", "/boots/cairn-winter", "C1 and C2"),
    DemoQuestion("Is the Askerby shop open on Sundays?", "/stores", "closed on Sundays and Mondays"),
    DemoQuestion("What number can I call you on?", "/contact", "01632 960147"),
    DemoQuestion("Who started the company?", "/about", "Ruth Askew and Daniel Marsh"),
    DemoQuestion("How much is renting a Ridge 2 for the weekend?", "/hire", "costs £35"),
    DemoQuestion("When does a gift card expire?", "/gift-cards", "24 months"),
    DemoQuestion("Which way should my tent face when it blows?", "/journal/pitching-in-wind", "pointing into the wind"),
    DemoQuestion("How hot may I wash a down bag?", "/journal/washing-a-down-bag", "30 °C"),
    DemoQuestion(
        "What can I do so my gas works when it freezes?",
        "/journal/gas-in-the-cold",
        "Sleep with the cartridge in your sleeping bag",
    ),
    DemoQuestion("Was kostet der Versand nach Deutschland?", "/de/versand", "14,95 £"),
)
"""Asked as customers ask, in words of their own."""

UNANSWERABLE: tuple[str, ...] = (
    "Do you have a student discount?",
    "How much discount do your employees get?",
    "Is there parking near the Thornmere shop?",
    "Can I bring my dog into the shop?",
    "Do you sell climbing ropes?",
    "Are you hiring at the moment?",
    "Will you match a lower price from another shop?",
    "Do you have an app for my phone?",
    "Is the flysheet of the Tarn 3 treated with fire retardant?",
    "Can I pay with Bitcoin?",
)
"""Fair questions that no page the crawler may read answers."""

SHOWN: tuple[DemoQuestion, ...] = (_ORDER, _WIND, _WORN, _POSTAGE, _RESOLE)
"""What `omniops demo --once` asks; the first three are also offered to visitors of the chat."""

SHOWN_UNANSWERABLE = "Do you have a student discount?"
"""What `omniops demo --once` asks to see that nothing is made up."""

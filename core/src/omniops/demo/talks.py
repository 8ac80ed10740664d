"""What was written in the shop's chat and answered by its people: conversations that an AI alone could not end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Who = Literal["visitor", "person", "note"]
Ending = Literal["closed", "given_back", "open", "waiting"]


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation that went to a person. The visitor writes `first`, asks for a person, and `then` is said in turn;
    a `note` is for colleagues only."""

    first: str
    then: tuple[tuple[Who, str], ...]
    ending: Ending = "closed"
    email: str | None = None


TALKS: tuple[Talk, ...] = (
    Talk(
        "The tracking says delivered but there is nothing here.",
        (
            ("visitor", "It was supposed to come to my neighbour at number 12. She has not got it either."),
            ("note", "Carrier says left at a safe place, no photo. Third one on this round this month."),
            ("person", "I am sorry. I have asked the carrier for the place where it was left; they answer today."),
            ("visitor", "Thank you. We leave on Saturday, so I really need the tent by Friday."),
            (
                "person",
                "Then I am sending a second one by express now. Keep whichever comes first.",
            ),
            ("visitor", "That is very kind, thank you."),
        ),
    ),
    Talk(
        "I ordered a medium in the wrong colour ten minutes ago, can you swap it?",
        (
            ("person", "Yes, it is not packed yet. Which colour would you like?"),
            ("visitor", "Slate please, instead of moss."),
            ("person", "Done: one Fellside in slate. You will have a fresh confirmation by e-mail in a minute."),
            ("visitor", "Got it. Brilliant."),
        ),
    ),
    Talk(
        "The zip on my sleeping bag broke on the second night.",
        (
            ("visitor", "It is a Heron 400, bought in April."),
            ("person", "That is under guarantee. Would you rather have it repaired or a new one?"),
            ("visitor", "Repaired, if I have it back before October."),
            ("person", "You will: a zip takes ten working days. I am sending you a label for the post."),
        ),
    ),
    Talk(
        "Can a school borrow twelve tents for a weekend?",
        (
            ("note", "Thornmere Academy, Duke of Edinburgh group. Stock in hire: 9 Ridge 2, 4 Tarn 3."),
            ("person", "We can do nine Ridge 2 and three Tarn 3. Shall I hold them for you until Thursday?"),
            ("visitor", "Yes please, I have to ask the head first."),
        ),
        "given_back",
        "d.okafor@thornmere-academy.example",
    ),
    Talk(
        "My refund has not come and it has been eight working days.",
        (
            ("person", "You are right, that is too long. I can see that it left us on the 3rd; your bank has it."),
            ("visitor", "They say they have nothing."),
            ("person", "I have sent you the reference that they can search with, and I will call you tomorrow at ten."),
            ("visitor", "Thank you, found with that reference!"),
        ),
    ),
    Talk(
        "Do you price match?",
        (
            ("person", "We do not match other shops as a rule. Which tent is it, and where did you see it?"),
            ("visitor", "The Tarn 3, at the place in town. Never mind, thanks."),
        ),
    ),
    Talk(
        "Kann ich in Euro bezahlen?",
        (
            (
                "person",
                "Wir rechnen in Pfund ab, Ihre Karte rechnet um. Den Zoll in die EU zahlen wir.",
            ),
            ("visitor", "Gut, danke für die schnelle Antwort."),
        ),
    ),
    Talk(
        "I am allergic to down. Is the Wren filled with it?",
        (
            ("visitor", "It is for my daughter, so I want to be sure."),
            ("person", "The Wren Junior has a synthetic filling and there is no down in the same workshop."),
            ("visitor", "That is what I needed to hear."),
        ),
    ),
)
"""Of weeks gone by."""

TODAY: tuple[Talk, ...] = (
    Talk("I want to speak to somebody about a damaged stove.", (), "waiting", "priya.nair@example.com"),
    Talk(
        "My boots arrived with two left feet.",
        (
            ("visitor", "Literally. Both are left. Order TT-48213."),
            ("person", "Oh dear. I am getting the right one from the Askerby shop, one moment."),
            ("visitor", "Ha, take your time."),
        ),
        "open",
    ),
    Talk(
        "Your courier left my parcel in the rain and the bag is soaked.",
        (("visitor", "I have photos. I need this for a trip on Thursday."),),
        "waiting",
        "tom.fielding@example.com",
    ),
    Talk("Can I pick up an order at Askerby this afternoon?", (), "waiting"),
)
"""Of this morning: they wait, or somebody is at it."""

THANKS: tuple[str, ...] = ("Thanks!", "Perfect, thank you.", "ok", "That helps, cheers")
"""What some visitors write after an answer, as people do."""

PAGES: tuple[str, ...] = (
    "/", "/tents/ridge-2", "/help/shipping", "/help/returns", "/sleeping-bags/heron-400", "/packs/fellside-45",
    "/repairs", "/hire", "/journal/pitching-in-wind", "/boots/cairn-winter",
)  # fmt: skip
"""Pages that consenting visitors looked at."""

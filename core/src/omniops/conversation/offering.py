"""Cards on channels that show none: what can be chosen becomes buttons where the channel has them, the rest is written
out as text. And back: what a pressed button says in its visitor's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from omniops.contracts.channel import ReplyButton
from omniops.contracts.scope import Actor
from omniops.conversation.models import Conversation, Message
from omniops.vault.service import Vault

ACTOR = Actor.system("conversation.receive")


def offered(seq: int, parts: Sequence[dict[str, Any]], most: int) -> tuple[list[ReplyButton], str]:
    """The buttons of message number `seq`, at most `most`, and what is left of its cards, as text. A button's id says
    which message offered it, so that an old one that is pressed late is still understood."""
    buttons: list[ReplyButton] = []
    lines: list[str] = []
    for card in _cards(parts):
        lines += _lines(card)
        for n, button in _sayings([{"type": "card", "card": card}], start=len(buttons)):
            if n < most:
                buttons.append(ReplyButton(f"{seq}.{n}", button["label"]))
            else:
                lines.append(f"– {button['label']}")
    return buttons, "\n".join(lines)


async def pressed(session: AsyncSession, vault: Vault, conversation: Conversation, button: str) -> str:
    """What the button with this id says; empty for one that this conversation never offered."""
    seq, _, number = button.partition(".")
    if not (seq.isascii() and seq.isdecimal() and number.isascii() and number.isdecimal()) or len(button) > 20:
        return ""
    found = select(Message).where(
        Message.domain_id == conversation.domain_id,
        Message.conversation_id == conversation.id,
        Message.seq == int(seq),
        Message.author != "visitor",
    )
    message = (await session.exec(found)).first()
    if message is None or message.parts is None:
        return ""
    opened = await vault.open([message], purpose="support.provide", actor=ACTOR, session=session)
    parts, _ = opened(message.parts, otherwise=None) or ([], [])
    says = dict(_sayings(parts)).get(int(number))
    return (says["say"] or says["label"]) if says else ""


def _cards(parts: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (part["card"] for part in parts if part["type"] == "card")


def _sayings(parts: Sequence[dict[str, Any]], start: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """All that can be said by pressing, numbered through the message."""
    said = (button for card in _cards(parts) for button in card.get("buttons", ()) if not button["url"])
    return enumerate(said, start)


def _lines(card: dict[str, Any]) -> Iterator[str]:
    """A card in words, but for what can be said by pressing."""
    match card["kind"]:
        case "text":
            yield from (card["title"], card["text"])
        case "buttons":
            yield card["text"]
            yield from (f"{button['label']}: {button['url']}" for button in card["buttons"] if button["url"])
        case "list":
            yield card["title"]
            yield from (" – ".join(filter(None, (r["title"], r["text"], r["url"]))) for r in card["rows"])
        case "form":
            yield card["title"]
            yield from (f"{field['label']}:" for field in card["fields"])
        case "product":
            price = f"{card['price']} {card['currency']}".strip()
            yield " – ".join(filter(None, (card["name"], price, card["note"], card["url"])))

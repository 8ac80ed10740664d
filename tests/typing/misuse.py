"""What a plugin's author could try with sealed values. Each marked line must be an error under `mypy --strict`."""

from __future__ import annotations

from omniops import Actor, Sealed, SubjectModel, personal, seal
from omniops.vault.service import Vault


class Guest(SubjectModel, table=True):
    __tablename__ = "guest_misuse"
    email: Sealed[str] = personal("contact.email", purposes=("support.provide",), retain="chat")
    age: Sealed[int] = personal("user.age", purposes=("support.provide",), retain="chat")


def shout(text: str) -> str:
    return text.upper()


async def misuse(guest: Guest, vault: Vault) -> None:
    shout(guest.email)  # E: arg-type
    guest.email.upper()  # E: attr-defined
    guest.email + "!"  # E: operator
    len(guest.email)  # E
    guest.email = "anna@example.org"  # E: assignment
    guest.age = seal("forty")  # E: arg-type
    text: str = guest.email  # E: assignment
    await vault.open([guest], purpose="support.provide")  # E: call-arg
    await vault.open([guest], actor=Actor("member", "1"))  # E: call-arg
    await vault.open(guest, purpose="support.provide", actor=Actor("member", "1"))  # E: arg-type
    opened = await vault.open([guest], purpose="support.provide", actor=Actor("member", "1"))
    number: int = opened(guest.email)  # E
    fine: str = opened(guest.email)
    shout(fine + text + str(number))

"""The proof of what the policy promises of Resend: the mail of our service and no marketing, in the United States under
SCC and IDTA."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from omniops.contracts.ids import SystemClock
from omniops.contracts.mail import OutgoingMail
from omniops.contracts.proof import Probe, Sabotage, Stage, hold
from omniops.errors import Permanent
from pydantic import SecretStr

from omniops_resend import mailer
from omniops_resend.plugin import ResendPlugin
from omniops_resend.settings import ResendSettings

SENDS = frozenset({"support.provide", "rights.answer", "breach.handle"})
"""All that is ever sent for."""
REFUSED = ("marketing", "advertising", "product.improve", "account.manage", "")


class _Gate:
    """In the place of the way out: notes for what it is asked, and lets nothing through."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def http(self, processor: str, *, purpose: str, **options: Any) -> Any:
        self.asked.append(purpose)
        raise Permanent("Nothing leaves in a proof.")


class NoMarketing(Probe):
    """Marketing, and other purposes that are not listed, are given to the mailer; its entry in the register is read."""

    claims = ("P95",)
    sabotages = (
        Sabotage("omniops_resend.mailer:MARKETING", "the refusal of marketing by name", lambda _: ()),
        Sabotage("omniops_resend.mailer:PURPOSES", "the list of purposes", lambda those: (*those, "account.manage")),
    )

    async def run(self, stage: Stage) -> str:
        gate = _Gate()
        settings = ResendSettings(api_key=SecretStr("re_proof"), sender="service@proof.example")
        context: Any = SimpleNamespace(gate=gate, settings=settings, clock=SystemClock())
        sends = mailer.ResendMailer(context)
        for purpose in SENDS:
            await _refusal(sends, purpose)
        hold(set(gate.asked) == SENDS, "Mail of the service was not sent, so that this shows nothing.")
        gate.asked.clear()
        said = [await _refusal(sends, purpose) for purpose in REFUSED]
        hold(not gate.asked, f"Mail was sent for {', '.join(gate.asked)}.")
        hold("no marketing" in said[0], "Marketing was refused, and not by its name.")
        (entry,) = ResendPlugin(context).declares().processors
        hold(set(entry.purposes) == SENDS, "The register names other purposes than those listed.")
        hold(entry.countries == ("US",), "The register names other countries than the United States.")
        hold(_kinds(entry.mechanisms) == {"scc", "idta"}, "The register names other mechanisms than SCC and IDTA.")
        return "Marketing and every other purpose was refused; the entry names the United States, SCC and IDTA."


async def _refusal(sends: mailer.ResendMailer, purpose: str) -> str:
    mail = OutgoingMail("proof", "ada@proof.example", "Shop", "Words", "Words", "<p>Words</p>", purpose)
    try:
        await sends.send(mail)
    except Permanent as error:
        return str(error)
    return ""


def _kinds(mechanisms: Sequence[Any]) -> set[str]:
    return {one.kind for one in mechanisms}

"""Mail out, by Resend's HTTP API: one call per mail, known by its key.

https://resend.com/docs/api-reference/emails/send-email
"""

from __future__ import annotations

import base64
from email.headerregistry import Address
from typing import Any

from omniops import PluginContext
from omniops.contracts.channel import Delivery
from omniops.contracts.letters import one_line
from omniops.contracts.limits import Limits
from omniops.contracts.mail import Mailer, OutgoingMail
from omniops.errors import NotReady, Permanent, Reconnect

from omniops_resend.settings import ResendSettings

PROCESSOR = "resend"
PURPOSES = ("support.provide", "rights.answer", "breach.handle")
"""For what mail is sent: what somebody asked for or has a right to. Everything else is refused."""
MARKETING = ("marketing", "advertising")
BUSY = "concurrent_idempotent_requests"
"""The same mail is being taken at this moment (409)."""


class ResendMailer(Mailer):
    """The server's own mail."""

    name = "resend"
    title = "Resend"

    def __init__(self, context: PluginContext) -> None:
        self._gate = context.gate
        self._settings: ResendSettings = context.settings
        # two calls a second for the whole account: one at a time, and the answers say when none is left
        self._limits = Limits("Resend", context.clock, at_once=1)

    async def send(self, mail: OutgoingMail) -> Delivery:
        """`sent` with Resend's id of the mail. Resend knows only later that an address does not exist, so nothing is
        `failed` here. Raises also what the gate raises."""
        if mail.purpose in MARKETING:
            raise Permanent("Resend sends the mail of this server and no marketing.")
        if mail.purpose not in PURPOSES:
            raise Permanent("Resend sends no mail for this purpose.")
        body = self._body(mail)
        settings = self._settings
        assert settings.api_key is not None
        async with self._gate.http(
            PROCESSOR,
            purpose=mail.purpose,
            categories=mail.categories,
            subjects=[mail.subject_id] if mail.subject_id else (),
            scope=mail.scope,
        ) as http:
            response = await self._limits.send(
                http,
                "POST",
                f"{settings.base_url}/emails",
                key=PROCESSOR,
                takes=(403, 409),
                headers={
                    "authorization": f"Bearer {settings.api_key.get_secret_value()}",
                    "idempotency-key": mail.idempotency_key,
                    "user-agent": "omniops-resend",
                },
                json=body,
                follow_redirects=False,
            )
        if response.status_code == 403:
            raise Reconnect("Resend refused the key, or the domain of the sender (403).")
        said = self._limits.json(response)
        name = said.get("name") if isinstance(said, dict) else None
        if response.status_code == 409 and name == BUSY:
            raise NotReady("Resend is taking this mail at this moment (409).")
        if response.status_code == 409:
            raise Permanent("Resend knows another mail by this key (409).")
        if not isinstance(said, dict) or not isinstance(said.get("id"), str) or not said["id"]:
            raise NotReady("Resend did not say that it took the mail.")
        return Delivery("sent", said["id"])

    def _body(self, mail: OutgoingMail) -> dict[str, Any]:
        """What is sent. The same mail gives the same, or its key would not be taken again. Raises `Permanent` for what
        is no address."""
        assert self._settings.sender is not None
        try:
            sender = Address(one_line(mail.from_name), addr_spec=self._settings.sender)
            to = Address(addr_spec=mail.to)
        except (ValueError, IndexError) as error:  # the standard library's, for what is no address
            raise Permanent("The address of the person cannot be written to.") from error
        files = [
            {
                "filename": one_line(one.name),
                "content": base64.b64encode(one.content).decode(),
                "content_type": one.media_type,
            }
            for one in mail.attachments
        ]
        return {
            "from": str(sender),
            "to": [to.addr_spec],
            "subject": one_line(mail.subject),
            "text": mail.text,
            "html": mail.html,
            "headers": {"Auto-Submitted": "auto-generated"} | ({"X-AI-Generated": "yes"} if mail.ai else {}),
        } | ({"attachments": files} if files else {})

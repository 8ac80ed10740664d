"""Mail out: one connection per mail, over a socket of the gate, in a thread."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from uuid import UUID

from omniops import PluginContext
from omniops.contracts.channel import Delivery
from omniops.contracts.mail import Mailer, OutgoingMail
from omniops.contracts.scope import Scope
from omniops.errors import NotReachable, NotReady, Permanent, Reconnect

from omniops_mail.settings import MailSettings
from omniops_mail.writing import addressed, in_words

SMTP = "mail-smtp"
"""Key of the processor."""
NO_SUCH_ADDRESS = (550, 551, 553)
TOO_LONG = 2000
"""Characters of a server's words that are looked at."""


class SMTPMailer(Mailer):
    """The server's own mail."""

    name = "mail"
    title = "SMTP"

    def __init__(self, context: PluginContext) -> None:
        self._context = context

    async def send(self, mail: OutgoingMail) -> Delivery:
        settings: MailSettings = self._context.settings
        assert settings.sender is not None
        message = addressed(
            settings.sender, mail.to, name=mail.from_name, subject=mail.subject, key=mail.idempotency_key
        )
        in_words(message, mail.text, html=mail.html, ai=mail.ai)
        message["Auto-Submitted"] = "auto-generated"
        for file in mail.attachments:
            main, _, sub = file.media_type.partition("/")
            message.add_attachment(file.content, maintype=main, subtype=sub or "octet-stream", filename=file.name)
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
        return await submit(
            self._context,
            message,
            login=(settings.smtp_user, password) if settings.smtp_user else None,
            purpose=mail.purpose,
            categories=mail.categories,
            subjects=[mail.subject_id] if mail.subject_id else (),
            scope=mail.scope,
        )


async def submit(
    context: PluginContext,
    message: EmailMessage,
    *,
    login: tuple[str, str] | None,
    purpose: str,
    categories: Sequence[str],
    subjects: Sequence[UUID] = (),
    scope: Scope | None = None,
) -> Delivery:
    """Hands one mail to the SMTP host. `failed`: the address does not exist. Raises what a mailer may raise."""
    settings: MailSettings = context.settings
    assert settings.smtp_host is not None
    try:
        async with context.gate.dial(
            SMTP,
            settings.smtp_host,
            settings.smtp_port,
            purpose=purpose,
            categories=categories,
            subjects=subjects,
            starttls="smtp" if settings.smtp_starttls else None,
            scope=scope,
        ) as sock:
            await asyncio.to_thread(_submit, sock, message, login, greeted=settings.smtp_starttls)
    except smtplib.SMTPRecipientsRefused as error:
        ((code, said),) = error.recipients.values()
        if code in NO_SUCH_ADDRESS and b"5.7." not in said[:TOO_LONG]:
            return Delivery("failed")
        raise _meaning(code, "the recipient") from error
    except smtplib.SMTPAuthenticationError as error:
        if error.smtp_code >= 500:
            raise Reconnect("The SMTP host refused user or password.") from error
        raise _meaning(error.smtp_code, "the sign-in") from error
    except smtplib.SMTPResponseException as error:
        raise _meaning(error.smtp_code, "the mail") from error
    except smtplib.SMTPNotSupportedError as error:
        raise Permanent("The SMTP host offers no sign-in, or cannot carry this address.") from error
    except (smtplib.SMTPException, OSError, NotReachable) as error:
        raise NotReady(f"The SMTP host broke off: {type(error).__name__}.") from error
    return Delivery("sent", str(message["Message-ID"]))


def _submit(sock: ssl.SSLSocket, message: EmailMessage, login: tuple[str, str] | None, *, greeted: bool) -> None:
    # A name of our own: smtplib would look this machine's up, which the process guard refuses.
    client = smtplib.SMTP(local_hostname="omniops.invalid")
    client.sock = sock
    try:
        if not greeted:
            code, _ = client.getreply()
            if code != 220:
                raise smtplib.SMTPConnectError(code, b"no greeting")
        client.ehlo()
        if login is not None:
            client.login(*login)
        client.send_message(message)
        with suppress(smtplib.SMTPException, OSError):  # the mail is taken, however the other side says goodbye
            client.quit()
    finally:
        client.close()


def _meaning(code: int, what: str) -> Exception:
    """A reply's code as one of our errors: 4yz is a passing trouble, 5yz is for good (RFC 5321, 4.2.1)."""
    if code >= 500:
        return Permanent(f"The SMTP host refused {what} for good ({code}).")
    return NotReady(f"The SMTP host does not take {what} now ({code}).")

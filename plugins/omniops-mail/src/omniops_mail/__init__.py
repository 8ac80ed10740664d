"""E-mail for OmniOps: SMTP out, IMAP in."""

from omniops_mail.plugin import MailPlugin

__all__ = ["MailPlugin"]

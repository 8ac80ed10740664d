"""Resend sends the server's own mail: transcripts, links, codes, rights and notices. No marketing."""

from omniops_resend.plugin import ResendPlugin

__all__ = ["ResendPlugin"]

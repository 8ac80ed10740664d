"""Google Workspace: appointments in a calendar, Gmail as a channel, chosen files as knowledge, and contacts."""

from omniops_google.plugin import GooglePlugin

__all__ = ["GooglePlugin"]

"""Microsoft 365: a mailbox that is answered, hand-offs in a Teams channel, and appointments in a calendar."""

from omniops_microsoft.plugin import MicrosoftPlugin

__all__ = ["MicrosoftPlugin"]

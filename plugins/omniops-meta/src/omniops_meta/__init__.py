"""WhatsApp, Messenger and Instagram for OmniOps."""

from omniops_meta.plugin import MetaPlugin

__all__ = ["MetaPlugin"]

"""HashiCorp Vault as the place of the root and epoch keys."""

from omniops_hashicorp.plugin import HashiCorpPlugin

__all__ = ["HashiCorpPlugin"]

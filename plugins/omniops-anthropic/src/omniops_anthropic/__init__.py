"""Anthropic's Claude models for OmniOps."""

from omniops_anthropic.plugin import AnthropicPlugin

__all__ = ["AnthropicPlugin"]

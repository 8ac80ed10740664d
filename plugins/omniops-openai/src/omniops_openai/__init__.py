"""OpenAI's models for OmniOps, and those of any server that speaks its protocol."""

from omniops_openai.plugin import OpenAIPlugin

__all__ = ["OpenAIPlugin"]

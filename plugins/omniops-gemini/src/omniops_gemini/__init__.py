"""Google's Gemini models for OmniOps."""

from omniops_gemini.plugin import GeminiPlugin

__all__ = ["GeminiPlugin"]

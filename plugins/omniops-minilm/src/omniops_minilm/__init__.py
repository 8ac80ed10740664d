"""The sentence encoder all-MiniLM-L6-v2 for OmniOps, as int8 ONNX, without torch and without a hub."""

from omniops_minilm.plugin import MiniLMPlugin

__all__ = ["MiniLMPlugin"]

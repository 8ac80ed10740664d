"""Names that several modules share."""

ANTHROPIC = "anthropic"
"""The provider, the integration and the processor."""

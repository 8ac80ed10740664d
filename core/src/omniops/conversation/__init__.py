"""Conversations and turns: who answers, grounding, routing, streaming, sending."""

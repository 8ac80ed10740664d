"""Sealed values, keys, purpose-bound opening, shredding."""

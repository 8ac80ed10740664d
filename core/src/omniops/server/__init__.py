"""HTTP routes. No rules."""

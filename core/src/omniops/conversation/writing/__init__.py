"""A model that writes: what it is told, and what of its words a visitor may see."""

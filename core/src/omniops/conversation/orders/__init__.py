"""Orders of the connected shop: who may see which, how that is shown, and what is said of it in a conversation."""

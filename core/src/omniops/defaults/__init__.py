"""Built-in plugins. They import what a plugin imports and use the same seams."""

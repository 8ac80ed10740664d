"""The rules that the two doors ask: purposes, categories, retention, the register of processors."""

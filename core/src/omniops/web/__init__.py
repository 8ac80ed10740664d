"""The widget and the public pages. No rules."""

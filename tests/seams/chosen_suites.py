"""`IntegrationSuite` over the plugins of `chosen_plugins`. Run by `test_chosen.py` in a process of its own."""

from broken_suites import Living, postgres

__all__ = ["postgres"]


class TestChosen(Living):
    plugin_name = "chosen"
    features = {"notes": True}  # noqa: RUF012


class TestUnchosen(Living):
    plugin_name = "unchosen"


class TestMurmuring(Living):
    plugin_name = "murmuring"
    features = {"notes": True}  # noqa: RUF012

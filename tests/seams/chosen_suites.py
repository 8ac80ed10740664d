"""`IntegrationSuite` over the plugins of `chosen_plugins`. Run by `test_chosen.py` in a process of its own."""

from broken_suites import Living, postgres

__all__ = ["postgres"]


class TestPicked(Living):
    plugin_name = "picked"
    features = {"notes": True}  # noqa: RUF012


class TestUnpicked(Living):
    plugin_name = "unpicked"


class TestMurmuring(Living):
    plugin_name = "murmuring"
    features = {"notes": True}  # noqa: RUF012

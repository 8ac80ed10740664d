"""The diary of core's tests, as the author of its plugin would try it."""

import sys
from pathlib import Path

import pytest
from omniops.testing import AnsweringGate

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))

from diary import DiaryCalendar, DiaryPlugin


class AtDiary:
    """The diary, which lies in memory: nothing is asked through the gate."""

    plugin_name = "diary"
    connection_values = {"zone": "Europe/Berlin"}  # noqa: RUF012
    kind = DiaryCalendar

    @pytest.fixture
    def plugin_class(self):
        return DiaryPlugin

    @pytest.fixture
    def gate(self):
        return AnsweringGate(lambda request: pytest.fail("nobody is outside"))

    @pytest.fixture
    def plugin(self, plugin_class, context):
        made = plugin_class(context)
        made.integration.own = self.kind()
        return made

    @pytest.fixture
    def taken(self, plugin):
        return lambda span, about: plugin.integration.own.taken.append(span)

    @pytest.fixture
    def entries(self, plugin):
        return lambda: [repr(wish) for wish in plugin.integration.own.entries.values()]

    @pytest.fixture
    def lose(self, plugin):
        return lambda: setattr(plugin.integration.own, "lost", True)

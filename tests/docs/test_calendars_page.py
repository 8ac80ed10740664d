"""The page about calendars: its diary keeps the contract of calendars."""

from pathlib import Path

import pytest
from omniops import Info, Plugin, hookimpl
from omniops.contracts.calendar import AppointmentRules
from omniops.contracts.declaration import Declaration, Processor
from omniops.testing import AnsweringGate, CalendarSuite

PAGE = (Path(__file__).parents[2] / "docs" / "calendars.md").read_text()
made = {}
exec(PAGE.split('```python title="diary.py"\n')[1].split("```")[0], made)


class PagesPlugin(Plugin):
    """The diary of the page."""

    info = Info(title="Diary", version="1.0", omniops=">=0.1,<0.2")
    Connection = AppointmentRules

    def __init__(self, context):
        super().__init__(context)
        self.integration = made["DiaryIntegration"]()

    @hookimpl
    def declares(self):
        return Declaration(
            processors=[Processor("diary", "Diary", "customer_chosen", ("d.example",), ("DE",), ("support.provide",))]
        )

    @hookimpl
    def integrations(self):
        return [self.integration]


class TestPagesDiary(CalendarSuite):
    plugin_name = "diary"
    connection_values = {"zone": "Europe/Berlin"}  # noqa: RUF012

    @pytest.fixture
    def plugin_class(self):
        return PagesPlugin

    @pytest.fixture
    def gate(self):
        return AnsweringGate(lambda request: pytest.fail("nobody is outside"))

    @pytest.fixture
    def entries(self, plugin):
        return lambda: [repr(wish) for wish in plugin.integration.calendar.entries.values()]

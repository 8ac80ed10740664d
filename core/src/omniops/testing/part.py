"""What the suites of integrations, and of single parts of them, share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import ClassVar

import pytest
from pydantic import BaseModel

from omniops.contracts.integration import Integration
from omniops.errors import NotReachable, NotReady, OmniOpsError, Reconnect
from omniops.hookspecs import Plugin
from omniops.testing.suite import Suite

Unwell = Callable[[int, str], None]


class OfIntegration(Suite):
    """Finds the plugin's integration, and a connection of it."""

    integration_name: ClassVar[str | None] = None
    """Which integration, where the plugin offers several."""

    @pytest.fixture
    def integration(self, plugin: Plugin) -> Integration:
        """The integration under test."""
        found: Sequence[Integration] = self.offered(plugin, "integrations")
        return self.only(found, [one.name for one in found], self.integration_name, "integration_name")

    @pytest.fixture
    def connection(self, plugin_class: type[Plugin], integration: Integration) -> BaseModel:
        """A connection with `connection_values`: of the integration's own model, where it has one."""
        return self.connection_of(integration.Connection or plugin_class.Connection)


class OutageSuite(Suite):
    """Tries what a part does while the other side is unwell."""

    @pytest.fixture
    def unwell(self) -> Unwell | None:
        """Makes the double answer everything with a status and a body of HTML. Override it to try faults."""
        return None

    def makes_unwell(self, unwell: Unwell | None, status: int, words: str = "") -> None:
        """The double is unwell from now on. Skips where nobody can make it so."""
        if unwell is None:
            pytest.skip("nobody can make the double fail: override the fixture `unwell`")
        unwell(status, words)

    async def can_be_tried_again(
        self, unwell: Unwell | None, status: int, calls: Iterable[Callable[[], Awaitable[object]]]
    ) -> None:
        """Each of the calls fails for now while the double is unwell, in none of the vendor's words."""
        self.makes_unwell(unwell, status, "<html><p>words of the vendor</p>")
        for call in calls:
            with pytest.raises((NotReady, NotReachable, Reconnect)) as failed:
                await call()
            assert isinstance(failed.value, OmniOpsError)
            assert "words of the vendor" not in str(failed.value), "the vendor's own words stand in the error"

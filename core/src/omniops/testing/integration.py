"""What every integration must do: check a connection honestly, and say nothing secret about it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, SecretStr

from omniops.contracts.integration import Integration, Link
from omniops.contracts.plugin import GateDoor, Health
from omniops.errors import NotReady, OmniOpsError, Reconnect
from omniops.hookspecs import Plugin
from omniops.testing.chosen import ReadingSuite
from omniops.testing.deliveries import DeliverySuite
from omniops.testing.fakes import link_of
from omniops.testing.living import LivingSuite
from omniops.testing.part import OfIntegration
from omniops.testing.suite import left_behind


class IntegrationSuite(OfIntegration, LivingSuite, DeliverySuite, ReadingSuite):
    """The contract of an integration. Override `gate` with a double that knows `connection_values`."""

    @pytest.fixture
    def bad_connection(self) -> BaseModel | None:
        """A connection whose credentials the double refuses. Override it to see that they are refused."""
        return None

    @pytest.fixture
    def link(self, integration: Integration, connection: BaseModel) -> Link:
        """The connection at work. Override it to say what is granted, on and remembered."""
        return link_of(connection, kind=integration.name)

    def test_it_is_named_and_its_processor_declared(self, integration: Integration, plugin: Plugin) -> None:
        assert integration.name, "the integration has no name"
        assert integration.title.strip(), "the integration has no title for people"
        declared = {processor.key for processor in plugin.declares().processors}
        assert integration.processor in declared, (
            f"integration {integration.name!r} sends to {integration.processor!r}, which declares() does not name"
        )

    def test_secrets_are_secret(self, plugin_class: type[Plugin], connection: BaseModel) -> None:
        shown = repr(connection)
        for name, field in type(connection).model_fields.items():
            if field.annotation is SecretStr:
                value = getattr(connection, name).get_secret_value()
                assert not value or value not in shown, f"{name} stands in the connection's repr"

    async def test_a_good_connection_is_healthy(
        self, integration: Integration, connection: BaseModel, gate: GateDoor
    ) -> None:
        self.skip_shut(gate, outside=True)
        health = await integration.check(connection)
        _check_health(health, connection)
        assert health.ok, f"check() says of a connection that the double takes: {health.said}"

    async def test_a_check_can_be_repeated(
        self, integration: Integration, connection: BaseModel, gate: GateDoor
    ) -> None:
        self.skip_shut(gate, outside=True)
        before = asyncio.all_tasks()
        first, second = await integration.check(connection), await integration.check(connection)
        assert first.ok == second.ok, "the second check gives another result: a check changes nothing"
        left = await left_behind(before)
        assert not left, f"after check(), still running: {', '.join(left)}"

    async def test_bad_credentials_are_refused(
        self, integration: Integration, bad_connection: BaseModel | None, gate: GateDoor
    ) -> None:
        self.skip_shut(gate, outside=True)
        if bad_connection is None:
            pytest.skip("no connection that the double refuses: override the fixture `bad_connection`")
        try:
            health = await integration.check(bad_connection)
        except Reconnect as error:
            health = Health(False, str(error))
        _check_health(health, bad_connection)
        assert not health.ok, "check() takes credentials that the other side refuses"

    async def test_disconnecting_twice_is_harmless(self, integration: Integration, link: Link, gate: GateDoor) -> None:
        self.skip_shut(gate, outside=True)
        for _ in range(2):
            try:
                await integration.disconnect(link)
            except (NotReady, Reconnect):
                continue  # the connection is deleted here in any case
            except OmniOpsError as error:
                pytest.fail(f"disconnect() raised {type(error).__name__}: the owner could not get rid of it: {error}")


def _check_health(health: Health, connection: BaseModel) -> None:
    assert isinstance(health, Health), f"check() gave {type(health).__name__}, not Health"
    assert health.said.strip(), "check() says nothing; one sentence: what was tried and what came back"
    for value in _secrets(connection):
        assert value not in health.said, "what check() says holds a secret of the connection"


def _secrets(connection: BaseModel) -> Iterator[str]:
    for name in type(connection).model_fields:
        value = getattr(connection, name)
        if isinstance(value, SecretStr) and value.get_secret_value():
            yield value.get_secret_value()

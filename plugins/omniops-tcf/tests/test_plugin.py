"""What every plugin must be, and what this one says to a yes of others."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from omniops.contracts.consent import ConsentChange
from omniops.contracts.scope import Scope
from omniops.testing import PluginSuite, RecordingLog, context
from omniops_tcf import TCFPlugin
from omniops_tcf.settings import TCFSettings


class TestTCF(PluginSuite):
    plugin_name = "tcf"
    settings: ClassVar[dict[str, Any]] = {"sole": "true"}


CHANGE = ConsentChange(
    Scope(uuid4(), uuid4()), uuid4(), "analytics", "given", None, "choice.analytics", "0" * 64, "en", "banner", "none",
    "DE", datetime(2026, 11, 29, tzinfo=UTC),
)  # fmt: skip


def plugin(folder, **settings):
    return TCFPlugin(context("tcf", TCFSettings(**settings), folder=folder))


@pytest.mark.parametrize(
    ("sole", "purpose", "method", "allowed"),
    [
        (False, "analytics", "banner", True),
        (True, "analytics", "banner", False),
        (True, "advertising", "api", False),
        (True, "analytics", "tcf", True),
        (True, "analytics", "callback", True),
        (True, "chat.remember", "widget", True),
    ],
)
async def test_where_the_manager_alone_decides_nobody_else_says_yes(tmp_path, sole, purpose, method, allowed):
    verdict = await plugin(tmp_path, sole=sole).consent_veto(replace(CHANGE, purpose=purpose, method=method))
    assert verdict.allowed == allowed


async def test_what_came_from_the_manager_is_logged_without_a_person(tmp_path):
    made = plugin(tmp_path)
    made.context = replace(made.context, log=RecordingLog())
    await made.consent_changed(CHANGE)
    await made.consent_changed(replace(CHANGE, method="tcf"))
    ((level, event, fields),) = made.context.log.events
    assert (level, event, fields["purpose"]) == ("info", "consent.from_manager", "analytics")
    assert str(CHANGE.subject_id) not in str(fields)

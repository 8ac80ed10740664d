"""A plugin that had a say in consent or deletion and does not load any more is not passed over; one that had none stops
nothing but itself."""

import sys
from uuid import uuid4

import pytest
from omniops.operations.firsts import OPERATOR
from omniops.privacy.service import Answer, Circumstances, choices
from omniops.runtime import Runtime
from omniops.settings import Settings

GUARD = """
from omniops.contracts.consent import Verdict
from omniops.contracts.retention import KeptBack

class P(Plugin):
    "Has a say in both."
    info = Info(**INFO)
    @hookimpl
    async def consent_veto(self, change): return Verdict(True, "fine")
    @hookimpl
    async def retention_veto(self, expiring): return KeptBack()
"""
RULES = """
class P(Plugin):
    "Has its own times."
    info = Info(**INFO)
    @hookimpl
    async def retention_rules(self, scope): return ()
"""
LINE = """
class P(Plugin):
    "Brings something else."
    info = Info(**INFO)
    @hookimpl
    def models(self): return ()
"""
BROKEN = "import nosuchmodule\n"


@pytest.fixture
def opened(links, postgres, packages, tmp_path):
    """Opens a runtime with one plugin, as it is written now."""

    def install(source, *, enabled=True, **more):
        packages.install("guard", source)
        sys.modules.pop("omniops_guard", None)
        settings = Settings(
            data_dir=tmp_path,
            keys_dir=tmp_path / "keys",
            plugins=["website", "hybrid", *(["guard"] if enabled else [])],
            encoder="none",
            **more,
        )
        return Runtime.open(settings, links, postgres.root, migrate=True)

    return install


async def shop(runtime):
    account = await runtime.accounts.create("Shop", actor=OPERATOR)
    domain = await runtime.accounts.add_domain(account, "Shop", [f"https://{uuid4().hex}.example"], actor=OPERATOR)
    await runtime.accounts.switch(domain.scope, "guard", on=True, actor=OPERATOR)
    return domain.scope


async def yes(runtime, scope):
    """What becomes of a yes."""
    (shown,) = [one for one in choices(runtime.catalog, "en") if one.purpose == "analytics"]
    said = [Answer("analytics", True, shown.notice, shown.version)]
    return (await runtime.consents.choose(scope, None, said, Circumstances("banner", "en"))).answers["analytics"]


async def test_who_had_a_say_and_does_not_load_has_said_no_where_it_is_on(opened):
    async with opened(GUARD) as runtime:
        scope = await shop(runtime)
        assert await yes(runtime, scope) == "given"
        assert (await runtime.privacy.retention.sweep(scope)).state == "done"
    for how in ({}, {"plugin_mode": "safe"}):
        async with opened(BROKEN + GUARD, **how) as runtime:
            assert await yes(runtime, scope) == "refused"
            run = await runtime.privacy.retention.sweep(scope)
            assert (run.state, run.deleted) == ("incomplete", {})
            assert "'guard', retention_veto(): it did not load" in run.problems[0]
            await runtime.accounts.switch(scope, "guard", on=False, actor=OPERATOR)
            assert await yes(runtime, scope) == "given", "where it is off it has nothing to say"
            assert (await runtime.privacy.retention.sweep(scope)).state == "done"
            await runtime.accounts.switch(scope, "guard", on=True, actor=OPERATOR)
    async with opened(GUARD, enabled=False) as runtime:
        assert await yes(runtime, scope) == "given", "who is not enabled any more was taken out by the operator"


async def test_who_had_no_say_stops_nothing_but_itself(opened):
    async with opened(LINE) as runtime:
        scope = await shop(runtime)
    async with opened(BROKEN + LINE) as runtime:
        assert await yes(runtime, scope) == "given"
        assert (await runtime.privacy.retention.sweep(scope)).state == "done"


async def test_who_set_its_own_times_and_does_not_load_stops_deletion_alone(opened):
    async with opened(RULES) as runtime:
        scope = await shop(runtime)
    async with opened(BROKEN + RULES) as runtime:
        assert await yes(runtime, scope) == "given"
        run = await runtime.privacy.retention.sweep(scope)
        assert "'guard', retention_rules(): it did not load" in run.problems[0]


async def test_of_whom_nothing_is_known_the_worst_is_assumed(opened, postgres):
    async with opened(LINE) as runtime:
        scope = await shop(runtime)
        async with runtime.database.system("test: as if it had never loaded here") as session:
            await (await session.connection()).exec_driver_sql("delete from omniops.plugin_vetoes")
            await session.commit()
    async with opened(BROKEN + LINE) as runtime:
        assert await yes(runtime, scope) == "refused"
        assert (await runtime.privacy.retention.sweep(scope)).state == "incomplete"


async def test_a_version_that_gave_up_its_say_is_remembered_without_it(opened):
    async with opened(GUARD) as runtime:
        scope = await shop(runtime)
    async with opened(LINE):
        pass
    async with opened(BROKEN + LINE) as runtime:
        assert await yes(runtime, scope) == "given"

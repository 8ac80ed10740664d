"""The proofs of each night: when they run, that they run elsewhere, who hears of a failure, what the doctor says."""

from datetime import UTC, datetime, timedelta

import pytest
from desk_plugins import PostPlugin
from omniops.defaults.hybrid import HybridPlugin
from omniops.operations import doctor, nightly_proof
from omniops.operations.firsts import OPERATOR, Firsts
from omniops.plugins.loading import Plugins
from omniops.proof.report import USE
from omniops.proof.runner import Outcome
from omniops.proof.service import Proof
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.signing import Signer
from omniops.testing.fakes import ManualClock, context

NIGHT = datetime(2026, 11, 30, 2, 40, tzinfo=UTC)


def made(hours, now=NIGHT):
    return {"report": {"made_at": (now - timedelta(hours=hours)).isoformat(timespec="seconds")}}


@pytest.mark.parametrize(
    ("published", "now", "due"),
    [
        (None, NIGHT, True),
        (None, NIGHT + timedelta(hours=9), False),
        (made(24), NIGHT, True),
        (made(0.5), NIGHT, False),
        (made(15), NIGHT + timedelta(hours=9), False),
        (made(22), NIGHT + timedelta(hours=9), True),
    ],
)
def test_a_report_is_made_at_night_and_made_up_for_after_an_outage(published, now, due):
    assert nightly_proof.is_due(published, now) is due


@pytest.fixture(scope="module")
def clock():
    return ManualClock()


@pytest.fixture(scope="module")
def post(tmp_path_factory):
    return PostPlugin(context("post", PostPlugin.Settings(), folder=tmp_path_factory.mktemp("post")))


@pytest.fixture(scope="module")
async def runtime(postgres, links, tmp_path_factory, clock, post):
    folder = tmp_path_factory.mktemp("nightly")
    settings = Settings(
        data_dir=folder, keys_dir=folder / "keys", encoder="none", privacy_email="privacy@operator.example"
    )
    plugins = Plugins.of(post=post, hybrid=HybridPlugin(context("hybrid", HybridPlugin.Settings(), folder=folder)))
    async with Runtime.open(settings, links, postgres.root, clock=clock, plugins=plugins, migrate=True) as runtime:
        yield runtime


async def report(runtime, postgres, *outcomes):
    return await Proof(runtime).report(
        outcomes, [], Signer(postgres.root.secret(USE)), at=runtime.clock.now(), keep=True
    )


async def said(runtime):
    (check,) = await doctor.proofs(runtime)
    return check.state, check.said


async def test_the_doctor_wants_a_report_of_these_days_in_which_nothing_failed(runtime, postgres, clock):
    assert (await said(runtime))[0] == "warn"
    await report(runtime, postgres, Outcome("Sample", ("P7",), "v1", "proved", "Seen.", 1))
    assert (await said(runtime))[0] == "ok"
    clock.forward(days=2, seconds=1)
    assert (await said(runtime))[0] == "warn"
    await report(runtime, postgres, Outcome("Sample", ("P7",), "v1", "failed", "A word in clear.", 1))
    assert await said(runtime) == ("fail", "Not true at the moment: P7.")


async def test_the_operator_gets_a_mail_about_what_failed(runtime, postgres, post):
    published = await report(runtime, postgres, Outcome("Sample", ("P7",), "v1", "failed", "A word in clear.", 1))
    failed = nightly_proof.failures(published)
    assert failed == {"P7": "A word in clear."}
    await nightly_proof.tell(runtime, published, failed)
    assert not post.mailer.sent, "there is no website yet that could send it"
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    account = (await firsts.ensure("Shop")).account_id
    await runtime.accounts.add_domain(account, "Shop", ["https://shop.example"], actor=OPERATOR)
    for _ in range(2):
        await nightly_proof.tell(runtime, published, failed)
        await runtime.jobs.work(wait=False)
    (mail,) = post.mailer.sent
    assert mail.to == "privacy@operator.example"
    assert mail.subject == "A promise is not true at the moment"
    assert "P7: A word in clear." in mail.text


class Night:
    """Stands still in the hour of the proofs."""

    def now(self):
        return NIGHT


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_night_proves_in_another_process_and_leaves_nobody_behind(postgres, tmp_path_factory):
    links = postgres.database()
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("night"),
        keys_dir=postgres.folder / "keys",
        database_url=links.admin.conninfo(),
        encoder="none",
        plugins=["website", "site", "quoting", "hybrid"],
    )
    async with Runtime.open(settings, links, postgres.root, migrate=True) as runtime:
        firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
        shop = (await firsts.ensure("Shop")).account_id
        (task,) = nightly_proof.nightly(runtime)
        runtime.clock = Night()
        await task.run()
        published = await Proof(runtime).latest()
        assert published is not None
        assert nightly_proof.failures(published) == {}
        assert published["report"]["counts"]["PROVED"] > 60
        assert "canary" not in runtime.plugins.reports, "the worker's own process was not used"
        assert await firsts.account_ids() == [shop], "the accounts of the proof are no businesses"

"""All probes against a real runtime, the report that comes of it, and the pages that show it."""

import json
from datetime import timedelta

import pytest
from omniops.audit.service import OPERATOR as CHAIN
from omniops.bootstrap import Prepared
from omniops.errors import Rejected
from omniops.operations import proving
from omniops.operations.backup import daily
from omniops.operations.beside import beside
from omniops.operations.firsts import OPERATOR
from omniops.proof.models import ProofReport
from omniops.proof.page import page
from omniops.proof.report import USE, check
from omniops.proof.runner import SAMPLE
from omniops.proof.service import Proof
from omniops.runtime import Runtime
from omniops.server.app import create_app
from omniops.settings import Settings
from omniops.signing import Signer
from sqlalchemy import text

PROVED = set(
    "P5 P6 P7 P8 P9 P10 P11 P12 P13 P14 P15 P21 P29 P30 P32 P33 P34 P36 P37 P38 P39 P43 P44 P45 P46 P47 P50 P51 P52"
    " P58 P59 P60 P61 P63 P67 P68 P76 P77 P78 P79 P80 P81 P82 P83 P97 P98 P99 P100 P101 P102 P103 P106 P107 P108"
    " P109 P110 P111 P112 P113 P114 P115 P118 P119 P122 P123 P124 P125 P126 P127".split()
)
"""What is proved on a fresh server. A claim that leaves this set is a promise that is broken."""
HALF = set("P2 P3 P4 P40 P42 P48 P49 P56 P84 P85 P86 P87 P88 P89 P90 P96 P104 P117 P120 P121 P128".split())
"""Of these the code's half is shown; a named person's signature is the other."""


@pytest.fixture(scope="module")
async def runtime(postgres, links, tmp_path_factory):
    folder = tmp_path_factory.mktemp("proof")
    settings = Settings(
        data_dir=folder,
        keys_dir=folder / "keys",
        backup_dir=folder / "backups",
        encoder="none",
        plugins=["website", "site", "quoting", "hybrid", "anthropic", "openai", "gemini"],
        legal_name="Tarn & Tor Ltd",
        postal_address="1 Shore Road",
        privacy_email="privacy@tarn.example",
    )
    async with Runtime.open(settings, links, postgres.root, migrate=True) as runtime:
        for task in daily(runtime, Prepared(links, postgres.root)):
            await task.run()
        yield runtime


@pytest.fixture
async def browser(runtime):
    import httpx2

    transport = httpx2.ASGITransport(app=create_app(runtime), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


def by_id(published):
    return {row["id"]: row for row in published["report"]["claims"]}


async def test_before_the_first_report_nothing_is_called_proved(runtime, browser):
    shown = await browser.get("/privacy")
    assert shown.status_code == 200
    assert "No test has run on this server yet" in shown.text
    assert "pm-proved" not in shown.text.partition('id="marks"')[0]
    assert (await browser.get("/privacy/proof.json")).status_code == 404


async def test_a_report_of_an_earlier_form_is_waited_out_and_breaks_no_page(runtime, browser):
    row = {"id": "P1", "verdict": "EXPIRED", "said": "Ann signed until 2026-01-01."}
    old = {"report": {"format": "omniops-proof-1", "claims": [row]}, "key": "00", "signature": "00"}
    async with runtime.database.system("test: a report of before") as session:
        session.add(ProofReport(body=old))
        await session.commit()
    assert await Proof(runtime).latest() is None
    shown = await browser.get("/privacy")
    assert shown.status_code == 200
    assert "No test has run on this server yet" in shown.text


@pytest.mark.slow
async def test_where_nobody_makes_backups_their_promises_wait(runtime, postgres, monkeypatch):
    monkeypatch.setattr(runtime, "settings", runtime.settings.model_copy(update={"backup_dir": None}))
    for claim in ("P67", "P76"):
        row = by_id((await proving.prove(runtime, postgres.root, claim=claim)).published)[claim]
        assert (row["verdict"], "the setting `backup_dir`" in row["said"]) == ("UNPROVEN", True)


@pytest.mark.slow
async def test_a_deployment_beside_leaves_nothing_on_the_server_and_locks_nobody_out(runtime, postgres):
    async with beside(runtime, postgres.root, proving.application) as there:
        assert there.stage.runtime.settings.keys_dir != runtime.settings.keys_dir
        assert there.root.fingerprint != postgres.root.fingerprint
    names = "select datname from pg_database where datname like 'omniops_proof_%' or datname like 'omniops_restore_%'"
    async with runtime.database.connect() as connection:
        assert (await connection.execute(text(names))).all() == []
    assert not list(runtime.settings.data_dir.glob("proof-*"))
    async with Runtime.open(runtime.settings, runtime.database.links, postgres.root):
        pass


async def test_one_claim_is_tried_alone_and_not_published(runtime, postgres):
    run = await proving.prove(runtime, postgres.root, claim="P43")
    assert [outcome.probe for outcome in run.outcomes] == ["AccessIsLogged"]
    assert by_id(run.published)["P43"]["verdict"] == "PROVED"
    assert await Proof(runtime).latest() is None
    with pytest.raises(Rejected, match="no claim 'P129'"):
        await proving.prove(runtime, postgres.root, claim="P129")


@pytest.fixture(scope="module")
async def tried(runtime, postgres, long):
    """A run with every probe under its sabotages, and then a plain one."""
    run = await proving.prove(runtime, postgres.root, sabotage=True, sample=SAMPLE if long else 2)
    return run, await proving.prove(runtime, postgres.root)


@pytest.mark.slow
@pytest.mark.timeout(2400)
async def test_every_test_is_good(tried, browser):
    run, again = tried
    assert [(trial.probe, trial.object, trial.problem) for trial in run.trials if not trial.good] == []
    assert {trial.probe for trial in run.trials} == {outcome.probe for outcome in run.outcomes}
    assert not run.failed
    assert [o.probe for o in again.outcomes if o.state == "failed"] == [], "no sabotage is left in place"
    assert "With encryption switched off on purpose, it turned red at" in (await browser.get("/privacy")).text
    (test,) = by_id(again.published)["P6"]["tests"]
    assert test["good"], "a test of a test is kept as long as the test is the same"


@pytest.mark.slow
@pytest.mark.timeout(2400)
async def test_all_probes_hold_and_the_pages_show_it(runtime, tried, browser):
    _, run = tried
    assert [(o.probe, o.said) for o in run.outcomes if o.state == "failed"] == []
    assert {key for key, row in by_id(run.published).items() if row["verdict"] == "PROVED"} == PROVED
    half = {key for key, row in by_id(run.published).items() if row["said"].startswith("The code's half is shown")}
    assert half == HALF
    answer = await browser.get("/privacy/proof.json")
    assert check(json.loads(answer.text), run.published["key"])["server"] == runtime.settings.public_url
    text = (await browser.get("/privacy")).text
    assert "128 promises." in text
    assert f"{len(PROVED)} are proved by a test that ran on" in text
    assert "Is the test itself any good?" in text
    for row in run.published["report"]["claims"]:
        if row["verdict"] == "UNPROVEN":
            assert "Waits for" in row["said"], row["id"]


@pytest.mark.slow
async def test_nothing_of_the_test_people_is_left(runtime, postgres):
    await proving.prove(runtime, postgres.root, claim="P9")
    async with runtime.database.system("test: who is left") as session:
        connection = await session.connection()
        left = await connection.execute(
            text(
                "select count(*) from omniops.subject s join omniops.proof_stage p on p.in_domain = s.home_id"
                " where s.erased_at is null"
            )
        )
        assert left.scalar_one() == 0
        keys = await connection.execute(
            text(
                "select count(*) from omniops.api_key k join omniops.proof_stage p on p.in_account = k.account_id"
                " where k.revoked_at is null"
            )
        )
        assert keys.scalar_one() == 0
        accounts = await connection.execute(text("select count(*) from omniops.proof_stage"))
        assert accounts.scalar_one() == 2, "each run finds the domains of the one before"


async def test_a_signature_counts_under_todays_words_until_its_day(runtime, postgres):
    proof = Proof(runtime)
    until = runtime.clock.now().date() + timedelta(days=30)
    await proof.attest("P1", "Ada, counsel", "Read, and right.", "0" * 64, until, actor=OPERATOR)
    run = await proving.prove(runtime, postgres.root, claim="P1")
    row = by_id(run.published)["P1"]
    assert (row["verdict"], row["said"].partition(",")[0]) == ("ATTESTED", "Ada")
    assert (row["record"]["evidence"], row["record"]["valid_until"]) == ("0" * 64, until.isoformat())
    for claim, author, said, end, problem in (
        ("P6", "Ada", "So it is.", until, "shown by code"),
        ("P200", "Ada", "So it is.", until, "no claim"),
        ("P1", " ", "So it is.", until, "needs a name"),
        ("P1", "Ada", "So it is.", runtime.clock.now().date(), "is over"),
    ):
        with pytest.raises(Rejected, match=problem):
            await proof.attest(claim, author, said, "0" * 64, end, actor=OPERATOR)


async def test_a_sentence_that_was_signed_for_goes_stale_on_the_page_by_itself(runtime, postgres, browser):
    proof, today = Proof(runtime), runtime.clock.now().date()
    last = today + timedelta(days=30)
    await proof.attest("P73", "Grace, operations", "The pages are there.", "a" * 64, last, actor=OPERATOR)
    published = await proof.report([], [], Signer(postgres.root.secret(USE)), at=runtime.clock.now(), keep=True)
    assert "Grace, operations" in (await browser.get("/privacy")).text
    policy = proof.policy()

    def state(day):
        shown = page(policy, published, proof.probes(), whole=policy, today=day)
        (found,) = (one for block in shown.blocks for line in block.lines for one in line.claims if one.id == "P73")
        return found.state

    assert (state(today), state(last), state(last + timedelta(days=1))) == ("ATTESTED", "ATTESTED", "STALE")
    (record,) = [one for one in await proof.signed_for() if one["claim"] == "P73"]
    assert (record["state"], record["valid_until"]) == ("counts", last.isoformat())
    entries = await runtime.audit.verify(CHAIN)
    assert entries.broken is None


async def test_each_business_has_pages_of_its_own(runtime, browser):
    account = await runtime.accounts.create("Mill", actor=OPERATOR)
    domain = await runtime.accounts.add_domain(account, "Mill <& Co>", ["https://mill.example"], actor=OPERATOR)
    home = f"/privacy/{domain.widget_key}"
    notice = (await browser.get(home)).text
    assert "What Mill &lt;&amp; Co&gt; does with what you write here" in notice
    agreement = (await browser.get(f"{home}/agreement")).text
    assert "Processing agreement between Mill &lt;&amp; Co&gt; and Tarn &amp; Tor Ltd" in agreement
    assert "Anthropic, PBC" in (await browser.get(f"{home}/processors")).text
    for path in ("/privacy/pk_nobody", "/privacy/pk_nobody/agreement", f"{home}/other"):
        assert (await browser.get(path)).status_code in (404, 422)


async def test_the_page_says_when_words_or_tests_have_changed_since(runtime, postgres):
    proof = Proof(runtime)
    published = (await proving.prove(runtime, postgres.root, claim="P6")).published
    policy = proof.policy()

    def state(published, probes):
        shown = page(policy, published, probes, whole=policy, today=runtime.clock.now().date())
        (line,) = (one for block in shown.blocks for line in block.lines for one in line.claims if one.id == "P6")
        return line.state, line.said

    assert state(published, proof.probes())[0] == "PROVED"
    assert state(published, ()) == ("STALE", "The test has changed since the last report.")
    by_id(published)["P6"]["statement"] = "0" * 12
    assert state(published, proof.probes()) == ("STALE", "The words have changed since the last report.")

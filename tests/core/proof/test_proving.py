"""All probes against a real runtime, the report that comes of it, and the pages that show it."""

import json
from datetime import timedelta

import pytest
from omniops.errors import Rejected
from omniops.operations import proving
from omniops.operations.firsts import OPERATOR
from omniops.proof.report import check
from omniops.proof.service import Proof
from omniops.runtime import Runtime
from omniops.server.app import create_app
from omniops.settings import Settings

PROVED = set(
    "P5 P6 P7 P8 P9 P10 P11 P12 P13 P14 P15 P21 P29 P30 P32 P34 P36 P37 P38 P43 P44 P45 P46 P47 P50 P51 P52"
    " P58 P59 P60 P61 P63 P77 P79 P80 P81 P82 P83 P97 P98 P99 P101 P102 P103 P106 P107 P108 P109 P110 P111 P113"
    " P114 P115 P118 P119 P122 P123 P124 P125 P126 P127".split()
)
"""What is proved on a fresh server. A claim that leaves this set is a promise that is broken."""


@pytest.fixture(scope="module")
async def runtime(postgres, links, tmp_path_factory):
    folder = tmp_path_factory.mktemp("proof")
    settings = Settings(
        data_dir=folder,
        keys_dir=folder / "keys",
        encoder="none",
        plugins=["website", "site", "quoting", "hybrid"],
        legal_name="Tarn & Tor Ltd",
    )
    async with Runtime.open(settings, links, postgres.root, migrate=True) as runtime:
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
    page = await browser.get("/privacy")
    assert page.status_code == 200
    assert "No test has run on this server yet" in page.text
    assert "pm-proved" not in page.text.partition('id="marks"')[0]
    assert (await browser.get("/privacy/proof.json")).status_code == 404


async def test_one_claim_is_tried_alone_and_not_published(runtime, postgres):
    run = await proving.prove(runtime, postgres.root, claim="P43")
    assert [outcome.probe for outcome in run.outcomes] == ["AccessIsLogged"]
    assert by_id(run.published)["P43"]["verdict"] == "PROVED"
    assert await Proof(runtime).latest() is None
    with pytest.raises(Rejected, match="no claim 'P129'"):
        await proving.prove(runtime, postgres.root, claim="P129")


@pytest.mark.slow
async def test_all_probes_hold_and_the_pages_show_it(runtime, postgres, browser):
    run = await proving.prove(runtime, postgres.root)
    assert [(o.probe, o.said) for o in run.outcomes if o.state == "failed"] == []
    assert {key for key, row in by_id(run.published).items() if row["verdict"] == "PROVED"} == PROVED
    answer = await browser.get("/privacy/proof.json")
    assert check(json.loads(answer.text), run.published["key"])["server"] == runtime.settings.public_url
    page = (await browser.get("/privacy")).text
    assert "128 promises." in page
    assert f"{len(PROVED)} are proved by a test that ran on" in page
    assert "Is the test itself any good?" in page
    for row in run.published["report"]["claims"]:
        if row["verdict"] == "UNPROVEN":
            assert "Waits for" in row["said"], row["id"]


@pytest.mark.slow
async def test_nothing_of_the_test_people_is_left(runtime, postgres):
    await proving.prove(runtime, postgres.root, claim="P9")
    async with runtime.database.system("test: who is left") as session:
        from sqlalchemy import text

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


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_every_test_is_good(runtime, postgres, browser):
    run = await proving.prove(runtime, postgres.root, sabotage=True)
    assert [(trial.probe, trial.object, trial.problem) for trial in run.trials if not trial.good] == []
    assert {trial.probe for trial in run.trials} == {outcome.probe for outcome in run.outcomes}
    assert not run.failed
    again = await proving.prove(runtime, postgres.root)
    assert [o.probe for o in again.outcomes if o.state == "failed"] == [], "no sabotage is left in place"
    assert "With encryption switched off on purpose, it turned red at" in (await browser.get("/privacy")).text
    (test,) = by_id(again.published)["P6"]["tests"]
    assert test["good"], "a test of a test is kept as long as the test is the same"


async def test_a_signature_counts_under_todays_words_until_its_day(runtime, postgres):
    proof = Proof(runtime)
    until = runtime.clock.now().date() + timedelta(days=30)
    await proof.attest("P1", "Ada, counsel", "Read, and right.", "0" * 64, until)
    run = await proving.prove(runtime, postgres.root, claim="P1")
    row = by_id(run.published)["P1"]
    assert (row["verdict"], row["said"].partition(",")[0]) == ("ATTESTED", "Ada")
    for claim, author, said, end, problem in (
        ("P6", "Ada", "So it is.", until, "shown by code"),
        ("P200", "Ada", "So it is.", until, "no claim"),
        ("P1", " ", "So it is.", until, "needs a name"),
        ("P1", "Ada", "So it is.", runtime.clock.now().date(), "is over"),
    ):
        with pytest.raises(Rejected, match=problem):
            await proof.attest(claim, author, said, "0" * 64, end)


async def test_each_business_has_pages_of_its_own(runtime, browser):
    account = await runtime.accounts.create("Mill", actor=OPERATOR)
    domain = await runtime.accounts.add_domain(account, "Mill <& Co>", ["https://mill.example"], actor=OPERATOR)
    home = f"/privacy/{domain.widget_key}"
    notice = (await browser.get(home)).text
    assert "What Mill &lt;&amp; Co&gt; does with what you write here" in notice
    agreement = (await browser.get(f"{home}/agreement")).text
    assert "Processing agreement between Mill &lt;&amp; Co&gt; and Tarn &amp; Tor Ltd" in agreement
    assert "no processor is enabled" in (await browser.get(f"{home}/processors")).text
    for path in ("/privacy/pk_nobody", "/privacy/pk_nobody/agreement", f"{home}/other"):
        assert (await browser.get(path)).status_code in (404, 422)


async def test_the_page_says_when_words_or_tests_have_changed_since(runtime, postgres):
    from omniops.proof.page import page

    proof = Proof(runtime)
    published = (await proving.prove(runtime, postgres.root, claim="P6")).published
    policy = proof.policy()

    def state(published, probes):
        shown = page(policy, published, probes, whole=policy)
        (line,) = (one for block in shown.blocks for line in block.lines for one in line.claims if one.id == "P6")
        return line.state, line.said

    assert state(published, proof.probes())[0] == "PROVED"
    assert state(published, ()) == ("EXPIRED", "The test has changed since the last report.")
    by_id(published)["P6"]["statement"] = "0" * 12
    assert state(published, proof.probes()) == ("EXPIRED", "The words have changed since the last report.")

"""`omniops privacy retention` and `omniops privacy hold` over a real database: what they do, print and exit with."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from omniops.cli import privacy_retention
from omniops.cli.app import app
from omniops.contracts.ids import SystemClock
from omniops.errors import NotFound, Refused, Rejected
from omniops.operations.firsts import OPERATOR, Firsts
from omniops.runtime import Runtime
from omniops.settings import Settings
from typer.testing import CliRunner


@pytest.fixture
def omniops(postgres, links, tmp_path, monkeypatch):
    settings = Settings(data_dir=tmp_path, keys_dir=tmp_path / "keys", plugins=["website", "hybrid"], encoder="none")

    async def shop(runtime):
        firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
        first = await firsts.ensure("Shop")
        domain = await runtime.accounts.add_domain(first.account_id, "Shop", ["https://shop.example"], actor=OPERATOR)
        await runtime.members.finish_setup(
            first.setup_token, email="mara@shop.example", name="Mara", password="correct horse battery"
        )
        _, visitor = await runtime.visitors.open(domain, "en")
        return visitor.subject_id

    # One runtime for all commands: what opening costs is not what is tried here.
    with asyncio.Runner() as runner:
        opening = Runtime.open(settings, links, postgres.root, clock=SystemClock(), migrate=True)
        runtime = runner.run(opening.__aenter__())
        subject = runner.run(shop(runtime))
        with psycopg.connect(links.admin.conninfo()) as connection:
            for table in ("conversation", "visitor_session"):
                connection.execute(f"update omniops.{table} set created_at = now() - interval '91 days'")
        monkeypatch.setattr(privacy_retention, "with_runtime", lambda work: runner.run(work(runtime)))

        def call(*arguments):
            return CliRunner().invoke(app, ["privacy", *map(str, arguments)])

        call.subject = subject
        yield call
        runner.run(opening.__aexit__(None, None, None))


def test_a_hold_and_a_plan_from_the_command_line(omniops):
    assert omniops("retention", "shorten", "chat", 30).exit_code == 0
    longer = omniops("retention", "shorten", "chat", 120)
    assert isinstance(longer.exception, Rejected)
    rules = {rule["key"]: rule for rule in json.loads(omniops("retention", "rules", "--json").stdout)}
    assert (rules["chat"]["days"], rules["chat"]["most"]) == (30, 90)
    assert "business (domain): 30" in omniops("retention", "rules").stdout

    review = (datetime.now(UTC) + timedelta(days=90)).date()
    wish = ("--authority", "Court", "--reason", "Claim", "--review", review)
    for whom in ((), ("--subject", omniops.subject, "--whole-domain")):
        assert isinstance(omniops("hold", "place", *wish, "--by", "mara@shop.example", *whom).exception, Rejected)
    nobody = omniops("hold", "place", *wish, "--by", "eve@shop.example", "--subject", omniops.subject)
    assert isinstance(nobody.exception, NotFound)
    placed = omniops("hold", "place", *wish, "--by", "MARA@shop.example", "--subject", omniops.subject, "--json")
    (hold,) = json.loads(placed.stdout)
    assert hold["state"] == "standing"
    held = json.loads(omniops("retention", "plan", "--json").stdout)
    assert (held["rows"], {i["table"]: i["stays"] for i in held["plan"]["items"]}) == (
        0,
        {"conversation": 1, "visitor_session": 1},
    )
    assert "Claim" in omniops("hold", "list", "--state", "standing").stdout
    assert omniops("hold", "lift", hold["id"], "--reason", "Settled", "--by", "mara@shop.example").exit_code == 0

    changed = omniops("retention", "approve", held["id"], "--hash", held["hash"], "--by", "mara@shop.example")
    assert isinstance(changed.exception, Refused)
    plan = json.loads(omniops("retention", "plan", "--json").stdout)
    assert plan["rows"] == 2
    done = omniops("retention", "approve", plan["id"], "--hash", plan["hash"], "--by", "mara@shop.example", "--json")
    run = json.loads(done.stdout)
    assert (done.exit_code, run["state"]) == (0, "done")
    assert run["deleted"] == {"conversation": 1, "visitor_session": 1}
    assert [r["state"] for r in json.loads(omniops("retention", "runs", "--json").stdout)] == ["done", "refused"]
    assert omniops("retention", "sweep").exit_code == 0
    assert omniops("retention", "close-account", "--by", "mara@shop.example", "--yes").exit_code == 0
    again = omniops("retention", "close-account", "--by", "mara@shop.example", "--yes")
    assert isinstance(again.exception, Rejected | NotFound)

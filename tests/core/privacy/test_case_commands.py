"""`omniops privacy case` over a real database: what it prints, and how it ends."""

import asyncio
import json

import pytest
from desk import opened
from omniops.cli import privacy_cases
from omniops.cli.app import app
from omniops.operations.firsts import OPERATOR
from typer.testing import CliRunner

ADA = "ada@mail.example"
MARA = "mara@shop.example"


@pytest.fixture(scope="module")
def shop(postgres, links, tmp_path_factory):
    """One deployment, in a loop of its own as each command has one."""
    folder, made = tmp_path_factory.mktemp("shop"), {}

    def with_runtime(work):
        async def run():
            async with opened(links, postgres.root, folder) as desk:
                if not made:
                    desk.domain = await desk.new_domain()
                    made["visitor"] = await desk.visitor()
                return await work(desk.runtime)

        return asyncio.run(run())

    async def nothing(_runtime):
        return None

    with_runtime(nothing)
    made["with_runtime"] = with_runtime
    return made


@pytest.fixture
def case(shop, monkeypatch):
    monkeypatch.setattr(privacy_cases, "with_runtime", shop["with_runtime"])

    def call(*arguments, ends=0, **more):
        done = CliRunner().invoke(app, ["privacy", "case", *map(str, arguments)], **more)
        assert done.exit_code == ends, (done.output, done.exception)
        return done.stdout if {"--json", "certificate"} & set(arguments) else done.output

    return call


def test_a_request_on_paper_from_its_receipt_to_its_certificate(shop, case):
    assert "Nobody asked for anything." in case("list")
    opened_ = json.loads(
        case("open", "correct", ADA, "--text", "It is Ada, not Eda", "--region", "California", "--json")
    )
    assert (opened_["right"], opened_["state"]) == ("correct", "unproven")
    (listed,) = json.loads(case("list", "--state", "unproven", "--json"))
    one = listed["id"]
    assert listed["reference"] in case("list")
    case("act", one, ends=1)
    subject = shop["visitor"].subject_id
    proven = json.loads(case("prove", one, "--subject", subject, "--evidence", "Passport seen.", "--json"))
    assert proven["identity"] == "person"
    acted = json.loads(case("act", one, "--json"))
    (task,) = acted["tasks"]
    case("close", one, ends=1)
    case("settle", one, task["id"], "failed", "--evidence", "No.", ends=1)
    case("settle", one, task["id"], "done", "--evidence", "Corrected by hand.")
    assert "California answer" in case("close", one, "--text", "It is Ada now.")
    certificate = case("certificate", one)
    assert json.loads(certificate)["statement"]["outcome"] == "done"
    assert "holds" in case("verify", input=certificate)
    assert "does not hold" in case("verify", input=certificate.replace('"done"', '"refused"'), ends=1)
    case("verify", input="no JSON", ends=1)


def test_a_refusal_needs_a_code_of_the_law(case):
    case("open", "erasure", ADA)
    (one,) = [each["id"] for each in json.loads(case("list", "--state", "unproven", "--json"))]
    case("refuse", one, "because", "--reason", "No.", ends=1)
    assert "closed refused" in case("refuse", one, "A12-identity", "--reason", "Nobody showed who asks.")
    case("extend", one, "--reason", "Late.", ends=1)


def test_an_objection_is_refused_by_a_named_member_with_grounds_and_no_other_way(shop, case):
    visitor = shop["visitor"]

    async def hired(runtime):
        token = await runtime.members.setup_link(visitor.scope.account_id)
        await runtime.members.finish_setup(token, email=MARA, name="Mara", password="correct horse battery staple")

    async def refused(runtime):
        sheet = await runtime.privacy.persons.sheet(visitor.scope, visitor.subject_id, actor=OPERATOR)
        return sheet["limits"]["objections_refused"]

    shop["with_runtime"](hired)
    one = json.loads(case("open", "objection", ADA, "--region", "EEA", "--json"))["id"]
    by = ("--reason", "This address sent 4000 forged orders on 3 May.", "--by", MARA)
    case("refuse-objection", one, "security.protect", "A21-grounds", *by, ends=1)  # nobody showed who asks
    case("prove", one, "--subject", visitor.subject_id, "--evidence", "Passport seen.")
    case("act", one)
    case("close", one)
    for wrong in (
        ("security.protect", "A21-grounds", *by[:2], "--by", "eve@elsewhere.example"),
        ("security.protect", "A21-grounds", "--reason", " ", *by[2:]),
        ("security.protect", "because", *by),
        ("marketing", "A21-grounds", *by),
    ):
        case("refuse-objection", one, *wrong, ends=1)
    case("refuse-objection", one, "security.protect", "A21-grounds", *by[:2], ends=2)  # by nobody
    assert shop["with_runtime"](refused) == []
    done = json.loads(case("refuse-objection", one, "security.protect", "A21-grounds", *by, "--json"))
    event = done["events"][-1]
    assert (event["name"], event["words"]) == ("objection_refused", by[1])
    assert event["actor"].startswith("member:"), "a person decided it, not who typed it in"
    assert shop["with_runtime"](refused) == ["security.protect"]

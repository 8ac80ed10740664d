"""The `privacy audit` and `privacy breach` commands over a real database: what they do and what they print."""

import json
from uuid import uuid4

import pytest
from commands import over_shop
from omniops.cli import privacy_audit, privacy_breach
from omniops.cli.app import app
from omniops.errors import Rejected
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def over(postgres, links, tmp_path_factory):
    return over_shop(links, postgres.root, tmp_path_factory.mktemp("privacy"), ["site", "hybrid"])


@pytest.fixture
def omniops(over, monkeypatch):
    for module in (privacy_audit, privacy_breach):
        monkeypatch.setattr(module, "with_runtime", over)

    def call(*arguments):
        return CliRunner().invoke(app, ["privacy", *map(str, arguments)])

    return call


def test_an_export_of_all_chains_holds_and_a_changed_one_does_not(omniops, tmp_path):
    whole = json.loads(omniops("audit", "--json").stdout)
    assert len(whole) == 2
    assert all(chain["whole"] for chain in whole)
    file = tmp_path / "audit.jsonl"
    assert omniops("audit", "export", file).exit_code == 0
    done = omniops("audit", "verify", file, "--json")
    assert done.exit_code == 0
    assert [(c["whole"], c["unsigned"] <= 1) for c in json.loads(done.stdout)] == [(True, True)] * 2
    assert isinstance(omniops("audit", "export", file).exception, Rejected), "nothing is written over"
    file.write_bytes(file.read_bytes().replace(b"account.create", b"account.delete"))
    assert omniops("audit", "verify", file).exit_code == 1
    assert omniops("audit", "verify", file, "--key", "A" * 43).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("audit", "export", "x", "--account", "no"), "is no id"),
        (("audit", "verify", "nowhere.jsonl"), "cannot be read"),
        (("breach", "show", uuid4()), "no such breach"),
        (("breach", "declare", "--aware", "yesterday", "--copied"), "is no moment"),
        (("breach", "declare", "--aware", "now"), "one of the two"),
        (("breach", "declare", "--aware", "now", "--copied", "--fact", "nature"), "is no fact"),
    ],
)
def test_what_makes_no_sense_is_named(omniops, arguments, said):
    assert said in str(omniops(*arguments).exception)


def test_a_drill_from_declaration_to_the_register(omniops):
    where = ("--aware", "now", "--copied", "--drill", "--establishment", "DE")
    made = omniops("breach", "declare", *where, "--fact", "nature=A test.", "--json")
    assert made.exit_code == 0, made.exception
    case = json.loads(made.stdout)
    assert (case["drill"], case["affected"]["persons"], case["facts"]) == (True, 0, {"nature": "A test."})
    assert [one["id"] for one in json.loads(omniops("breach", "list", "--json").stdout)] == [case["id"]]
    words = omniops("breach", "texts", case["id"], "gdpr.33.3").stdout
    assert "A test." in words
    assert "[contact]" in words
    refused = omniops("breach", "close", case["id"])
    assert "The risk was not assessed" in str(refused.exception)
    omniops("breach", "note", case["id"], "--fact", "effects=None.", "--fact", "remedial=None needed.")
    omniops("breach", "assess", case["id"], "unlikely", "--reasons", "A drill.", "--approver", "Ann")
    assert json.loads(omniops("breach", "close", case["id"], "--json").stdout)["closed_at"]
    assert json.loads(omniops("breach", "verify", "--json").stdout) == {"whole": True, "problems": []}

"""What the page says is there: commands, terms, and a check of a certificate that anybody can run."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from omniops.cli.app import app
from omniops.privacy.rights.certificates import certified
from omniops.privacy.rights.clocks import rules
from omniops.privacy.rights.models import RightsCase, RightsTask
from omniops.privacy.rights.requests import CONFIRM_DAYS
from omniops.signing import Signer
from omniops.vault.roots import FolderRoot
from typer.testing import CliRunner

PAGE = (Path(__file__).parents[2] / "docs" / "rights.md").read_text()


@pytest.fixture
def certificate(tmp_path):
    now, domain = datetime(2026, 6, 15, tzinfo=UTC), uuid4()
    case = RightsCase(
        account_id=domain,
        domain_id=domain,
        key="k",
        reference="R-2222-3333",
        requester_id=domain,
        right="erasure",
        channel="page",
        language="en",
        received_at=now,
        due_at=now,
    )
    task = RightsTask(domain_id=domain, case_id=case.id, store="own", title="This service", evidence="Gelöscht.")
    return certified(Signer(FolderRoot.create(tmp_path / "keys").secret("rights certificate")), case, [task], now)


def checked(certificate):
    (code,) = re.findall(r"^```python title=\"check.py\"\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    given = json.dumps(certificate)
    return subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, text=True, check=False)


def test_the_check_of_the_page_believes_what_was_signed_and_nothing_else(certificate):
    assert f"signed by {certificate['public_key']}" in checked(certificate).stdout
    certificate["statement"]["tasks"][0]["state"] = "nothing_held"
    assert checked(certificate).returncode != 0


def test_every_command_of_the_page_is_there():
    said = CliRunner().invoke(app, ["privacy", "case", "--help"]).stdout
    commands = set(re.findall(r"omniops privacy case ([a-z]+)", PAGE))
    assert len(commands) >= 6
    for command in commands:
        assert f" {command} " in said, command


def test_every_figure_of_the_page_is_the_rule():
    by_key = {rule.key: rule for rule in rules()}
    assert f"{by_key['ccpa.confirm'].amount} business days, {by_key['ccpa.answer'].amount} days" in PAGE
    assert f"{by_key['ccpa.opt_out'].amount} business days" in PAGE
    assert f"deleted within {by_key['child.delete'].amount} days" in PAGE
    assert f"for {CONFIRM_DAYS} days" in PAGE
    assert f"promise of {by_key['house.answer'].amount} days" in PAGE

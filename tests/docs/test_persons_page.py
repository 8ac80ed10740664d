"""The store of the page passes the suite as the page runs it, and fails it once it lies."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from omniops.cli.app import app
from omniops.privacy.persons import stores
from typer.testing import CliRunner

PAGE = (Path(__file__).parents[2] / "docs" / "persons.md").read_text()
FILES = dict(re.findall(r"^```python title=\"([a-z_.]+)\"\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def run(tmp_path):
    info = tmp_path / "omniops_crm-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: omniops-crm\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[omniops.plugins]\ncrm = crm:CrmPlugin\n")

    def run(code):
        (tmp_path / "crm.py").write_text(code)
        (tmp_path / "test_crm.py").write_text(FILES["test_crm.py"])
        options = ["-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={tmp_path}"]
        return subprocess.run(
            [sys.executable, "-m", "pytest", *options, tmp_path / "test_crm.py"],
            env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        ).stdout

    return run


def test_the_store_of_the_page_passes(run):
    said = run(FILES["crm.py"])
    assert re.search(r"^10 passed", said, re.MULTILINE), said


def test_it_fails_once_it_lies(run):
    lying = FILES["crm.py"].replace('await self.each("DELETE", person)', 'await self.each("GET", person)')
    assert lying != FILES["crm.py"]
    assert "FAILED" in run(lying)


def test_every_command_of_the_page_is_there_and_every_figure_true():
    said = CliRunner().invoke(app, ["privacy", "--help"]).stdout
    for command in set(re.findall(r"`omniops privacy ([a-z-]+)", PAGE)):
        assert f"\n  {command} " in said, command
    assert f"each with {stores.DEADLINE:g} seconds" in PAGE

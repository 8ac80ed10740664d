"""The reference is current, and every hook is documented, tested and used by somebody."""

import ast
import inspect
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from omniops.cli import docs
from omniops.hookspecs import HOOKS, Plugin
from omniops.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "reference"
WITHOUT_A_PLUGIN = {
    "breach_declared": "core itself warns by mail; a plugin that is told is in tests/seams/test_hooks.py",
    "panels": "that of docs/tutorial-dashboard.md is tried in tests/journeys/test_dashboard_plugin.py",
    "redactors": "core's own recognisers need none; an alternative is in tests/core/conversation/test_redaction.py",
    "retention_rules": "a plugin from outside is tried in tests/seams/test_retention.py",
    "retention_swept": "a plugin from outside is tried in tests/seams/test_retention.py",
    "retention_veto": "a plugin from outside is tried in tests/seams/test_retention.py",
    "tools": "shops and calendars need none; that of docs/tutorial-tools.md is tried by test_tools_page.py",
}


def run(*arguments):
    command = [sys.executable, "-m", "omniops", "docs", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_reference_is_current():
    done = run("--check")
    assert done.returncode == 0, done.stderr


def test_check_names_the_page_that_is_not_current(tmp_path):
    assert run(str(tmp_path)).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"hooks.md", "settings.md", "cli.md", "laws.md"}
    (tmp_path / "settings.md").write_text("old")
    (tmp_path / "cli.md").unlink()
    done = run("--check", str(tmp_path))
    assert done.returncode == 1
    assert f"{tmp_path / 'settings.md'} is not current" in done.stderr
    assert f"{tmp_path / 'cli.md'} is not current" in done.stderr
    assert "hooks.md" not in done.stderr
    assert (tmp_path / "settings.md").read_text() == "old"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_signature(hook):
    page = (PAGES / "hooks.md").read_text()
    section = page.partition(f"\n### `{hook}`\n")[2].partition("\n###")[0]
    function = getattr(Plugin, hook)
    assert inspect.getdoc(function) in section
    signature = str(inspect.signature(function)).replace("'", "")
    assert f"def {hook}{signature}" in section


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_test_of_its_name(hook):
    tests = {
        node.name
        for path in (ROOT / "tests" / "seams").glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert any(re.match(rf"test_{hook}(_|$)", name) for name in tests), f"tests/seams has no test_{hook}…"


@pytest.mark.parametrize(
    "hook",
    [
        pytest.param(hook, marks=pytest.mark.xfail(reason=WITHOUT_A_PLUGIN[hook], strict=True))
        if hook in WITHOUT_A_PLUGIN
        else hook
        for hook in HOOKS
    ],
)
def test_every_hook_is_implemented_by_a_real_plugin(hook):
    plugins = [entry.load() for entry in entry_points(group="omniops.plugins")]
    assert any(getattr(cls, hook) is not getattr(Plugin, hook) for cls in plugins)


def test_every_setting_is_documented_with_its_variable():
    page = (PAGES / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        if name != "plugin_settings":
            assert f"### `{name}`\n\n{field.description}\n\n- Variable: `OMNIOPS_{name.upper()}`" in page


def test_no_secret_and_no_path_of_this_machine_is_written():
    for page in PAGES.glob("*.md"):
        assert str(Path.home()) not in page.read_text()
        assert str(ROOT) not in page.read_text()


def test_a_plugin_that_cannot_be_imported_is_left_out(monkeypatch, capsys):
    class Broken:
        name = "broken"

        def load(self):
            raise ImportError("nosuchmodule")

    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [Broken()])
    assert docs._installed() == {}
    assert "plugin 'broken' cannot be imported (ImportError: nosuchmodule)" in capsys.readouterr().err

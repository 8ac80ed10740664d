"""`omniops plugin new` writes a plugin that passes its own tests, ruff and mypy at once, or it writes nothing."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from omniops.errors import ConfigError, Rejected
from omniops.operations.scaffolding import KINDS, scaffold

NAMES = {"provider": "a", "channel": "a_channel_of_22_letter", "index": "twenty2_characters_idx"}


def run(folder, *command, **environment):
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def install(folder, site):
    """What pip writes for an editable install, from the plugin's own pyproject.toml."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    module = project["name"].replace("-", "_")
    info = site / f"{module}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    required = "".join(f"Requires-Dist: {line}\n" for line in project["dependencies"])
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n{required}"
    )
    ((name, target),) = project["entry-points"]["omniops.plugins"].items()
    (info / "entry_points.txt").write_text(f"[omniops.plugins]\n{name} = {target}\n")
    return os.pathsep.join([str(site), str(folder / "src")])


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_passes_everything_at_once(kind, tmp_path, tmp_path_factory):
    folder = scaffold(NAMES.get(kind, f"my_{kind}"), kind, tmp_path, taken=[])
    path = install(folder, tmp_path / "site")
    code, said = run(folder, "pytest", "-q", "-p", "no:cacheprovider", PYTHONPATH=path)
    assert code == 0, said
    assert " passed" in said
    for command in (("ruff", "check", "--no-cache"), ("ruff", "format", "--check", "--no-cache")):
        code, said = run(folder, *command, ".")
        assert code == 0, said
    cache = tmp_path_factory.getbasetemp() / "mypy"  # what mypy knows of omniops serves for all kinds
    code, said = run(folder, "mypy", f"--cache-dir={cache}")
    assert code == 0, said


def test_every_kind_has_readme_changelog_and_types(tmp_path):
    for kind in KINDS:
        folder = scaffold(f"x_{kind}", kind, tmp_path, taken=[])
        written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        assert {
            "README.md",
            "CHANGELOG.md",
            "pyproject.toml",
            "quality.toml",
            f"src/omniops_x_{kind}/py.typed",
        } <= written
        for path in folder.rglob("*"):
            assert path.is_dir() or "{" + "{" not in path.read_text()


@pytest.mark.parametrize("name", ["", "Hours", "1st", "a-b", "../up", "über", "a b", "x" * 23])
def test_a_name_that_does_not_do_is_refused(name, tmp_path):
    with pytest.raises(Rejected) as caught:
        scaffold(name, "provider", tmp_path, taken=[])
    assert caught.value.code == "bad_name"
    assert list(tmp_path.iterdir()) == []


def test_an_installed_name_is_refused(tmp_path):
    with pytest.raises(Rejected, match="installed already"):
        scaffold("quoting", "provider", tmp_path, taken=["quoting"])


def test_an_unknown_kind_is_refused_with_those_that_exist(tmp_path):
    with pytest.raises(Rejected, match="provider, channel"):
        scaffold("hours", "gadget", tmp_path, taken=[])


def test_a_folder_that_exists_stays_as_it_is(tmp_path):
    (tmp_path / "omniops-hours").mkdir()
    (tmp_path / "omniops-hours" / "mine").write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        scaffold("hours", "provider", tmp_path, taken=[])
    assert [path.name for path in Path(tmp_path).rglob("*")] == ["omniops-hours", "mine"]


def test_nothing_stays_half_written(tmp_path, monkeypatch):
    def fail(source, target):
        raise OSError("the disk is full")

    monkeypatch.setattr("omniops.operations.scaffolding.os.rename", fail)
    with pytest.raises(OSError, match="full"):
        scaffold("hours", "provider", tmp_path, taken=[])
    assert list(tmp_path.iterdir()) == []

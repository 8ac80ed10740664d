"""Each plugin is installed with core and nothing else, as a package and not as a folder, and works there alone.

What is installed is what the lock names for core, its `test` extra and this one plugin; a requirement that a plugin
forgot to name is missing there.
"""

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
INSTALLING = ("--frozen", "--offline", "--no-dev", "--no-default-groups", "--no-editable", "--extra", "test")
BUILT_IN = {"website", "site", "quoting", "hybrid", "wordllama"}


def entry_point(folder):
    """The name under which a plugin is enabled."""
    (name,) = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["entry-points"]["omniops.plugins"]
    return name


class Place:
    """A machine with nothing but what was installed."""

    def __init__(self, folder):
        self.python = folder / "installed" / "bin" / "python"
        self._folder = folder
        self._env = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}

    def install(self, distribution):
        uv = os.environ.get("UV") or shutil.which("uv")  # `uv run` says where it is itself
        if uv is None:
            pytest.skip("uv, which installs from the lock, is not there")
        command = [uv, "sync", "--quiet", *INSTALLING]
        for package in ("omniops", distribution):  # built anew: a cached build may be of yesterday's files
            command += ["--package", package, "--reinstall-package", package]
        environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(self._folder / "installed")}
        environment.pop("VIRTUAL_ENV", None)
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def run(self, *arguments, **environment):
        done = subprocess.run(
            [str(self.python), "-m", *arguments],
            cwd=self._folder,
            env={**self._env, "OMNIOPS_DATA_DIR": str(self._folder / "data"), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def place(tmp_path):
    """A fresh one."""
    return Place(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_a_plugin_works_alone_with_core(place, folder):
    place.install(folder.name)
    name, module = entry_point(folder), folder.name.replace("-", "_")
    package = place.python.parents[1].glob(f"lib/*/site-packages/{module}/*")
    assert {"__init__.py", "py.typed"} <= {path.name for path in package}
    code, listed, said = place.run("omniops", "plugin", "list", "--json", OMNIOPS_PLUGINS=name)
    assert code == 0, said
    states = {one["name"]: one["state"] for one in json.loads(listed)}
    assert states == {**dict.fromkeys(BUILT_IN, "off"), name: "loaded"}
    code, told, said = place.run("omniops", "plugin", "check", name, OMNIOPS_PLUGINS=name)
    assert code == 0, told + said
    assert " passed" in told
    assert " failed" not in told

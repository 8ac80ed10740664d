"""`omniops` commands in processes of their own, on folders of their own."""

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Place:
    """A data folder and a keys folder, and the commands that run on them."""

    folder: Path

    @property
    def data(self):
        return self.folder / "data"

    @property
    def keys(self):
        return self.folder / "keys"

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("OMNIOPS_")}
        own = {"OMNIOPS_DATA_DIR": str(self.data), "OMNIOPS_KEYS_DIR": str(self.keys), "OMNIOPS_ENCODER": "none"}
        return {**kept, **own, **more}

    def run(self, *arguments, timeout=90, **more):
        command = [sys.executable, "-m", "omniops", *arguments]
        environment = self.environment(**more)
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout)

    def start(self, *arguments, **more):
        command = [sys.executable, "-m", "omniops", *arguments]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, env=self.environment(**more), stderr=log, stdout=log, stdin=subprocess.DEVNULL
            )

    @property
    def said(self):
        return (self.folder / "log").read_text()


@pytest.fixture
def place(tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:3]):
        with contextlib.suppress(PermissionError):
            folder.chmod(folder.stat().st_mode | 0o011)  # the database's own user passes through
    return Place(tmp_path)


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """Folders in which OmniOps was set up once, and is not running."""
    folder = tmp_path_factory.mktemp("used")
    for each in (folder, *folder.parents[:3]):
        with contextlib.suppress(PermissionError):
            each.chmod(each.stat().st_mode | 0o011)
    found = Place(folder)
    done = found.run("migrate")
    assert done.returncode == 0, done.stderr
    return found

"""`omniops` commands in processes of their own, on folders of their own."""

import contextlib
import os
import subprocess
import sys
import tempfile
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


@contextlib.contextmanager
def passable():
    """A folder through which the database's own user may pass. pytest's own folders are private, again and again."""
    with tempfile.TemporaryDirectory(prefix="omniops-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest.fixture
def place():
    with passable() as folder:
        yield Place(folder)


@pytest.fixture(scope="module")
def used():
    """Folders in which OmniOps was set up once, and is not running."""
    with passable() as folder:
        found = Place(folder)
        done = found.run("migrate")
        assert done.returncode == 0, done.stderr
        yield found

"""Installs small distributions into a folder on `sys.path`, as pip would: package, METADATA, entry points."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HEAD = """
from omniops import Plugin, hookimpl, Info, PluginSettings
INFO = dict(title="Sample", version="1.0", omniops=">=0.1,<0.2")
"""


class Site:
    """A folder with installed plugins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, source: str, *, distribution: str | None = None, target: str = "P") -> None:
        distribution = distribution or f"omniops-{name}"
        module = distribution.replace("-", "_")
        (self.folder / f"{module}.py").write_text(HEAD + textwrap.dedent(source))
        info = self.folder / f"{module}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\nSummary: A sample.\n"
        )
        (info / "entry_points.txt").write_text(f"[omniops.plugins]\n{name} = {module}:{target}\n")
        importlib.invalidate_caches()


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield Site(folder)
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if getattr(sys.modules[name], "__file__", "") and str(folder) in str(sys.modules[name].__file__):
                del sys.modules[name]
        importlib.invalidate_caches()

"""A process that imports, constructs and asks one plugin, and reports what that touched. Run by `Suite.observe`.

It sees through the interpreter's own audit events (PEP 578), so nothing has to be replaced to be noticed.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import Distribution, entry_points, packages_distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omniops.hookspecs import HOOKS, Plugin
from omniops.testing.fakes import context

_EVENTS = {
    "socket.connect": "connects",
    "socket.bind": "listens",
    "socket.getaddrinfo": "looks up a name",
    "subprocess.Popen": "starts a process",
    "os.system": "starts a process",
    "os.mkdir": "makes a folder",
    "os.rename": "renames a file",
    "os.remove": "removes a file",
}
_LOADED_ANYWAY = {"sqlmodel", "sqlalchemy", "pydantic", "pydantic_core", "packaging", "pluggy"}
"""What core imports itself before any plugin. This process does not, because it would take most of its time."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Observer:
    """Keeps what happens, by the stage in which it happened; silent until a stage begins."""

    def __init__(self) -> None:
        self.stage = ""
        self.touched: list[tuple[str, str]] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.stage:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes) and isinstance(flags, int) and flags & _WRITING and path != os.devnull:
                self.touched.append((self.stage, f"writes {os.fsdecode(path)}"))
        elif event in _EVENTS:
            detail = " ".join(str(argument) for argument in arguments[:2] if not hasattr(argument, "fileno"))
            self.touched.append((self.stage, f"{_EVENTS[event]}: {detail}"[:200]))


def main() -> None:
    group, name, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    values = json.loads(sys.stdin.read() or "{}")
    (entry,) = entry_points(group=group, name=name)
    before = set(sys.modules)
    observer = Observer()
    sys.addaudithook(observer)
    observer.stage = "import"
    cls = entry.load()
    settings = cls.Settings(**values)
    observer.stage = "construct"
    plugin = cls(context(name, settings, folder=folder))
    observer.stage = "hooks"
    given = {hook: _ask(plugin, hook) for hook, seam in HOOKS.items() if seam.verb == "collect" and seam.many}
    observer.stage = "deployments"
    for provider in given["providers"]:
        provider.deployments()
    observer.stage = ""
    loaded = sorted(
        {module.partition(".")[0] for module in set(sys.modules) - before} & _required(entry.dist) - _LOADED_ANYWAY
    )
    print(json.dumps({"touched": observer.touched, "loaded": loaded}))


def _ask(plugin: Plugin, hook: str) -> Sequence[Any]:
    """What an overridden hook gives; nothing where it fails, which another test of the suite tells."""
    if getattr(type(plugin), hook) is getattr(Plugin, hook):
        return ()
    with suppress(Exception):
        return list(getattr(plugin, hook)())
    return ()


def _required(distribution: Distribution | None) -> set[str]:
    """Top-level modules of everything that the plugin's distribution requires, omniops aside."""
    wanted = set()
    for line in (distribution.requires if distribution else None) or ():
        requirement = Requirement(line)
        if requirement.marker is None or "extra" not in str(requirement.marker):
            wanted.add(canonicalize_name(requirement.name))
    wanted.discard("omniops")
    return {
        module
        for module, distributions in packages_distributions().items()
        if wanted & {canonicalize_name(one) for one in distributions}
    }


if __name__ == "__main__":
    main()

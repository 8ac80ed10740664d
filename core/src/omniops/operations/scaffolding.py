"""Writing a new plugin: a whole distribution that passes its own tests."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from importlib.resources import as_file, files
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from omniops import __version__
from omniops.errors import ConfigError, Rejected

KINDS = ("provider", "channel", "integration", "encoder", "source", "index")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LONGEST = 22
"""With a longer name the templates' lines would need to be broken."""


def scaffold(name: str, kind: str, directory: Path, *, taken: Iterable[str]) -> Path:
    """Writes `omniops-NAME` into the directory and returns its folder, which must not exist yet.

    It is written beside its place and then renamed, so that it is there whole or not at all. Raises `Rejected` for a
    name or kind that does not do, and `ConfigError` for a folder that does not.
    """
    _check(name, kind, set(taken))
    distribution = f"omniops-{name.replace('_', '-')}"
    target = directory / distribution
    if target.exists():
        raise ConfigError(f"{target} exists already.", do="Name another directory with --directory, or another plugin.")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=directory, prefix=f".{distribution}-"))
    except OSError as error:
        raise ConfigError(f"Nothing can be written in {directory}: {error.strerror}.") from error
    try:
        _write(work, kind, _words(name, kind, distribution))
        work.chmod(0o755)
        os.rename(work, target)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return target


def _check(name: str, kind: str, taken: set[str]) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise Rejected(
            f"{name!r} is no name for a plugin.",
            code="bad_name",
            where="name",
            do=f"Take up to {_LONGEST} letters a to z, digits and underscores, a letter first.",
        )
    if name in taken:
        raise Rejected(
            f"A plugin {name!r} is installed already.", code="name_taken", where="name", do="Take another name."
        )
    if kind not in KINDS:
        raise Rejected(
            f"There is no kind {kind!r}.", code="bad_kind", where="kind", do=f"Name one of: {', '.join(KINDS)}."
        )


def _words(name: str, kind: str, distribution: str) -> dict[str, str]:
    """What the templates speak of."""
    words = name.split("_")
    major, minor = __version__.split(".")[:2]
    return {
        "name": name,
        "kind": kind,
        "distribution": distribution,
        "package": f"omniops_{name}",
        "title": " ".join(word.capitalize() for word in words if word),
        "Class": "".join(word.capitalize() for word in words),
        "works_with": f">={major}.{minor},<{major}.{int(minor) + 1}",
    }


def _write(target: Path, kind: str, words: dict[str, str]) -> None:
    with as_file(files("omniops") / "scaffolds") as scaffolds:
        for folder in (scaffolds / "common", scaffolds / kind):
            # The templates are code and text of our own for files, not for pages, so nothing is escaped.
            environment = Environment(  # noqa: S701
                loader=FileSystemLoader(folder), undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True
            )
            for template in environment.list_templates(extensions=["jinja"]):
                path = target / template.removesuffix(".jinja").replace("PACKAGE", words["package"]).replace(
                    "NAME", words["name"]
                )
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(environment.get_template(template).render(words), encoding="utf-8")

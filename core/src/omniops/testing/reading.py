"""The files of a plugin as its author wrote them, read without importing anything."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_HEADING = re.compile(r"^#{1,4} (?P<title>.+)$")

_GIVEN = {
    "test_two_processes_refresh_once_and_again": "tokens",
    "test_what_is_about_people_lies_nowhere_in_clear": "personal",
    "test_people_get_a_copy_and_are_erased": "personal",
    "test_one_that_is_removed_takes_its_own_along_and_nothing_of_others": "another",
    "test_a_next_page_elsewhere_is_not_asked": "foreign",
    "test_bad_credentials_are_refused": "bad_connection",
}
"""Tests of suites that are skipped until their author gives something: the fixture that is overridden for it."""


class PluginTree:
    """The folder of a plugin's distribution: `pyproject.toml`, `README.md`, `CHANGELOG.md`, `src` and `tests`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
        self.name: str = self.project["name"]
        self.version: str = self.project["version"]
        self.package = folder / "src" / self.name.replace("-", "_")
        self.readme = self._text("README.md")
        self.changelog = self._text("CHANGELOG.md")

    def section(self, title: str) -> str:
        """What stands under a heading of the README, up to the next one."""
        kept, inside, code = [], False, False
        for line in self.readme.splitlines():
            code ^= line.startswith("```")
            heading = None if code else _HEADING.match(line)
            if heading is not None:
                inside = heading["title"] == title
            elif inside:
                kept.append(line)
        return "\n".join(kept).strip()

    @cached_property
    def tests(self) -> frozenset[str]:
        """All tests, as `tests/test_it.py::TestIt::test_it`; those that a class has from a suite as well."""
        found = set()
        for path, tree in self._trying:
            where = path.relative_to(self._folder).as_posix()
            if path.name.startswith("test_"):
                found |= {f"{where}::{node.name}" for node in tree.body if isinstance(node, _FUNCTION)}
        for cls in self._cases:
            own = {member.name for member in cls.members}
            names = own | {name for name in _of_suites(cls.lineage) if _GIVEN.get(name) in own | {None}}
            found |= {f"{cls.path.relative_to(self._folder).as_posix()}::{cls.name}::{name}" for name in names}
        return frozenset(one for one in found if one.rpartition("::")[2].startswith("test"))

    def suites(self, suite: str) -> list[frozenset[str]]:
        """What each test class over a suite defines itself, or gets from a class beside it."""
        return [frozenset(one.name for one in cls.members) for cls in self._cases if suite in cls.lineage]

    @cached_property
    def hooks(self) -> frozenset[str]:
        """The methods of the plugin's class that are marked as hooks."""
        return frozenset(
            node.name
            for _, tree in self._modules
            for node in ast.walk(tree)
            if isinstance(node, _FUNCTION)
            and any(ast.unparse(one).partition("(")[0] == "hookimpl" for one in node.decorator_list)
        )

    @cached_property
    def methods(self) -> frozenset[str]:
        """Names of all methods of the package."""
        return frozenset(node.name for cls in self._written for node in cls.body if isinstance(node, _FUNCTION))

    @cached_property
    def bases(self) -> frozenset[str]:
        """Names that the package subclasses or constructs."""
        called = {
            ast.unparse(node.func) for _, tree in self._modules for node in ast.walk(tree) if isinstance(node, ast.Call)
        }
        return frozenset(called | {ast.unparse(base) for cls in self._written for base in cls.bases})

    @cached_property
    def _modules(self) -> list[tuple[Path, ast.Module]]:
        return list(_modules(self.package))

    @cached_property
    def _written(self) -> list[ast.ClassDef]:
        return [node for _, tree in self._modules for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]

    @cached_property
    def _cases(self) -> list[_Case]:
        """The test classes, each with what it has from classes that are written in the tests as well."""
        known: dict[str, dict[Path, ast.ClassDef]] = {}
        for path, tree in self._trying:
            for node in tree.body:
                if isinstance(node, ast.ClassDef):
                    known.setdefault(node.name, {})[path] = node
        return [
            _Case.of(path, node, known)
            for name, places in known.items()
            if name.startswith("Test")
            for path, node in places.items()
            if path.name.startswith("test_")
        ]

    @cached_property
    def _trying(self) -> list[tuple[Path, ast.Module]]:
        return list(_modules(self._folder / "tests"))

    def _text(self, name: str) -> str:
        path = self._folder / name
        return path.read_text("utf-8") if path.is_file() else ""


@dataclass(frozen=True, slots=True)
class _Case:
    """A test class. `lineage` are the names of it and of all its bases."""

    path: Path
    name: str
    lineage: frozenset[str]
    members: tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...]

    @classmethod
    def of(cls, path: Path, node: ast.ClassDef, known: Mapping[str, Mapping[Path, ast.ClassDef]]) -> _Case:
        lineage, waiting, members = {node.name}, [node], []
        while waiting:
            one = waiting.pop()
            members += [member for member in one.body if isinstance(member, _FUNCTION)]
            for base in [ast.unparse(base).rpartition(".")[2] for base in one.bases]:
                places = known.get(base, {})
                if base not in lineage and places:  # of several with this name, the one beside it
                    waiting.append(places.get(path) or next(iter(places.values())))
                lineage.add(base)
        return cls(path, node.name, frozenset(lineage), tuple(members))


def _modules(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def _of_suites(lineage: frozenset[str]) -> set[str]:
    """Tests that come from the suites of `omniops.testing`."""
    import omniops.testing as offered

    suites = [getattr(offered, name) for name in lineage if name.endswith("Suite") and name in offered.__all__]
    return {name for suite in suites for name in dir(suite)}

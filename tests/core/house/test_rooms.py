"""House rules that import-linter has no contract for: rooms of one floor meet at the door, files stay short."""

from pathlib import Path

import grimp
import omniops
import pytest

ROOT = Path(omniops.__file__).parent
FLOORS = (
    ("plugins", "database", "audit", "vault", "gate", "jobs"),
    ("accounts", "privacy", "knowledge", "conversation", "connections", "mail", "analytics", "inbox", "webhooks"),
)
DOORS = ("service", "models")
"""A room is entered through its service. Its models may be named too: rows are what rooms have in common."""
FOUNDATIONS = ("database", "plugins")
"""Rooms whose parts are meant for all: links and roles, table bases, loading."""
LONGEST = 400


def neighbours(graph, floor):
    """Imports of a room's inner modules by another room of the same floor."""
    found = set()
    for room in floor:
        for module in (m for m in graph.modules if m.startswith(f"omniops.{room}.")):
            for imported in graph.find_modules_directly_imported_by(module):
                parts = imported.split(".")
                if len(parts) > 2 and parts[1] in floor and parts[1] != room and parts[1] not in FOUNDATIONS:
                    found.add((module, imported))
    return found


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("omniops", exclude_type_checking_imports=True)


@pytest.mark.parametrize("floor", FLOORS, ids=("1", "2"))
def test_a_room_enters_its_neighbour_by_the_door(graph, floor):
    inner = {(a, b) for a, b in neighbours(graph, floor) if b.split(".")[2] not in DOORS}
    assert not inner, "\n".join(f"{a} imports {b}" for a, b in sorted(inner))


def test_the_rule_sees_an_import(graph):
    graph.add_import(importer="omniops.vault.service", imported="omniops.gate.addresses")
    try:
        assert ("omniops.vault.service", "omniops.gate.addresses") in neighbours(graph, FLOORS[0])
    finally:
        graph.remove_import(importer="omniops.vault.service", imported="omniops.gate.addresses")


def test_no_file_is_long():
    written = (path for path in ROOT.rglob("*.py") if path.parent.name != "versions")  # migrations are generated
    sizes = {path: len(path.read_text().splitlines()) for path in written}
    long = {str(path.relative_to(ROOT)): size for path, size in sizes.items() if size > LONGEST}
    assert long == {}

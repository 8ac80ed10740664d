"""The page says what the catalog says, its commands are there, and its models are swept as it promises."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from omniops.cli.app import app
from omniops.contracts.ids import utcnow
from omniops.privacy.catalog import Catalog
from omniops.privacy.retention.places import places
from omniops.privacy.retention.terms import Terms
from sqlmodel import SQLModel

PAGE = (Path(__file__).parents[2] / "docs" / "retention.md").read_text()
BLOCKS = re.findall(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_table_is_the_catalog():
    rows = re.findall(r"^\| `([a-z]+)` \| (\d+|as long as the account) \|", PAGE, re.MULTILINE)
    told = {key: None if days.startswith("as") else int(days) for key, days in rows}
    assert told == {key: rule.days for key, rule in Catalog.build().retention.items()}


@pytest.mark.parametrize("line", [
    line[2:] for language, _, text in BLOCKS if language == "console" for line in text.splitlines()
])  # fmt: skip
def test_every_command_is_there_with_its_options(line):
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    while (found := getattr(command, "commands", {}).get(words[0])) is not None:
        command, words = found, words[1:]
        if not words:
            break
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_the_models_of_the_page_go_when_it_says():
    (code,) = [text for language, _, text in BLOCKS if language == "python"]
    before = set(SQLModel.metadata.tables)
    try:
        exec(compile(code, "archive.py", "exec"), {"__name__": "archive"})
        found = {place.table: place for place in places(SQLModel.metadata)}
    finally:
        for name in set(SQLModel.metadata.tables) - before:
            SQLModel.metadata.remove(SQLModel.metadata.tables[name])
    periods = {key: rule.days for key, rule in Catalog.build().retention.items()}
    now = utcnow()
    terms = Terms(tuple(found.values()), periods, now)
    days = {column: (now - moment).days for column, moment in terms.before(found["archive_case"]).items()}
    assert days == {"created_at": 90}
    assert {c: (now - m).days for c, m in terms.emptied(found["archive_case"]).items()} == {"hint": 30}
    assert terms.before(found["archive_link"]) == {"until": now}


def test_every_code_block_is_run():
    assert {language for language, *_ in BLOCKS} == {"console", "python"}

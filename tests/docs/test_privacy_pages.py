"""The pages on audit and breaches: their code checks a real export, and their commands exist."""

import re
import shlex
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from omniops.audit.service import Entry
from omniops.cli.app import app
from typer.main import get_command

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from desk import opened

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {name: (DOCS / f"{name}.md").read_text() for name in ("audit", "breaches")}
(CODE,) = re.findall(r"^```python title=\"verify.py\"\n(.*?)^```$", PAGES["audit"], re.MULTILINE | re.DOTALL)
COMMANDS = [
    line[2:]
    for page in PAGES.values()
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ omniops")
]


@pytest.fixture(scope="module")
async def exported(postgres, links, tmp_path_factory):
    """The lines of an export with an expired segment, two whole ones and an end without a head, and the public key."""
    async with opened(links, postgres.root, tmp_path_factory.mktemp("pages")) as desk:
        account, privacy = uuid4(), desk.runtime.privacy
        for count, days in ((3, 731), (5, 1), (7, 1)):
            for number in range(count):
                entry = Entry(account, "key:k", "vault.open", "message", ["p"], "x", {"values": number})
                await desk.runtime.audit.write(entry)
            await privacy.heads.sign()
            desk.clock.forward(days=days)
        await privacy.heads.expire()
        await desk.runtime.audit.write(Entry(account, "member:m", "key.create", "key"))
        lines = b"".join([part async for part in privacy.exports.lines(account)]).splitlines()
        return lines, privacy.heads.public["x"]


def test_the_pages_own_checker_takes_a_real_export_and_no_other(exported):
    lines, key = exported
    names = {}
    exec(CODE, names)
    assert names["verify"](lines, key) == 13
    forged = [line.replace(b'"values":4', b'"values":5') for line in lines]
    assert forged != lines
    gone = [line.replace(b'"expired":false', b'"expired":true') for line in lines if not line.startswith(b"[")]
    gone = [*gone[:-1], *[line for line in lines if line.startswith(b"[")][-1:], gone[-1]]
    for wrong in (forged, gone, lines[:-1], [*lines[:-3], *lines[-1:]]):
        with pytest.raises(AssertionError):
            names["verify"](wrong, key)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_pages_is_there(line):
    command, words = get_command(app), shlex.split(line)[1:]
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    context = command.make_context("omniops", words, resilient_parsing=False)
    assert context.command.callback is not None

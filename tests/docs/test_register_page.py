"""The page's blocks, in their order: commands are run, requests are sent; and its table names every reason there is."""

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest
from omniops.accounts.permissions import ALL
from omniops.operations.firsts import OPERATOR
from omniops.privacy import register, terms
from omniops.runtime import Runtime
from omniops.settings import load

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from as_written import command, send

PAGE = (Path(__file__).parents[2] / "docs" / "register.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def machine(postgres, links, tmp_path, monkeypatch):
    """An operator's machine with a shop on it, and a way to work with it."""
    file = tmp_path / "omniops.toml"
    file.write_text('plugins = ["website", "site", "quoting", "hybrid", "anthropic"]\nlegal_name = "Harbour Ltd"\n')
    values = {"CONFIG": file, "DATA_DIR": tmp_path, "KEYS_DIR": postgres.folder / "keys", "ENCODER": "none"}
    for name, value in {**values, "DATABASE_URL": links.admin.conninfo()}.items():
        monkeypatch.setenv(f"OMNIOPS_{name}", str(value))

    def work(what):
        async def opened():
            async with Runtime.open(load().settings, links, postgres.root) as runtime:
                return await what(runtime)

        return asyncio.run(opened())

    return work


def test_the_page_does_what_it_says(machine):
    async def shop(runtime):
        account = await runtime.accounts.create("Shop", actor=OPERATOR)
        domain = await runtime.accounts.add_domain(account, "Shop", ["https://shop.example"], actor=OPERATOR)
        _, key = await runtime.keys.create(account, "office", sorted(ALL), actor=OPERATOR)
        return domain, key

    domain, key = machine(shop)
    said = []
    for language, text in BLOCKS:
        if language == "console":
            said += [command(line.removeprefix("$ ")) for line in text.splitlines()]
        else:
            status, answer = machine(lambda runtime, text=text: send(runtime, text, domain, key))
            assert status < 300, (text, answer)
    listed, shown, signed, framework, record, transfers = said
    assert "no_contract" in listed
    assert "https://www.anthropic.com/legal/privacy" in shown
    assert "uk_addendum" in signed
    assert "dpf" in framework
    assert "Harbour Ltd" in record
    (section,) = json.loads(transfers)["sections"]
    assert {(row["origin"], row["state"]) for row in section["rows"]} == {
        ("EEA", "covered"),
        ("UK", "covered"),
        ("CH", "covered"),
    }


def test_the_table_names_every_reason():
    code = Path(register.__file__).read_text() + Path(terms.__file__).read_text()
    reasons = set(re.findall(r'(?:reason|code)="(\w+)"', code)) | {"contract_ended", "no_contract"}
    outside = {"unknown_processor", "own_site", "own_webhook"}
    assert {reason for reason in reasons - outside if f"`{reason}`" not in PAGE} == set()

"""The page's blocks, in their order: commands are run, settings are read, requests are sent. llmock is the model."""

import asyncio
import json
import re
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from omniops.accounts.permissions import ALL
from omniops.operations.firsts import OPERATOR
from omniops.runtime import Runtime
from omniops.settings import load
from omniops.testing import context

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from as_written import command, send

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
BLOCK = re.compile(r"^```(\w+)(?: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(PAGE)
PORT = "11434"


@pytest.fixture
def machine(postgres, links, tmp_path, monkeypatch, llmock):
    """An operator's machine with a shop on it: its settings file, the model's port, and a way to work with it."""
    file = tmp_path / "omniops.toml"
    file.touch()
    values = {"CONFIG": file, "DATA_DIR": tmp_path, "KEYS_DIR": postgres.folder / "keys", "ENCODER": "none"}
    for name, value in {**values, "DATABASE_URL": links.admin.conninfo()}.items():
        monkeypatch.setenv(f"OMNIOPS_{name}", str(value))
    llmock.reply("I can only help with questions about this shop.", times=None)

    def work(what):
        async def opened():
            async with Runtime.open(load().settings, links, postgres.root) as runtime:
                return await what(runtime)

        return asyncio.run(opened())

    async def shop(runtime):
        account = await runtime.accounts.create("Shop", actor=OPERATOR)
        domain = await runtime.accounts.add_domain(account, "Shop", ["https://shop.example"], actor=OPERATOR)
        _, key = await runtime.keys.create(account, "office", sorted(ALL), actor=OPERATOR)
        return domain, key

    return file, str(urlsplit(llmock.base_url("openai")).port), work, work(shop)


def test_the_page_does_what_it_says(machine, llmock):
    file, port, work, (domain, key) = machine
    said = []
    for language, title, text in BLOCKS:
        text = text.replace(PORT, port)
        if language == "toml" and title == 'title="omniops.toml"':
            file.write_text(text)
        elif language == "console":
            said += [command(line.removeprefix("$ ")) for line in text.splitlines()]
        elif language == "http" and title != "network":
            status, answer = work(lambda runtime, text=text: send(runtime, text, domain, key))
            assert status < 300, (text, answer)
    enabled, allowed, shown, signed, report, links = said
    assert "Enabled: openai" in enabled
    assert f"127.0.0.1:{port}" in allowed
    assert "Our own machine" in shown
    assert "contract" in signed
    assert "openai/llama-4 (local)" in report
    assert "leaks 0.0%, advice 0.0%" in report
    assert json.loads(links)["families"]["link"]["leak_rate"] == 0
    assert len(llmock.requests) > 20
    settings = work(lambda runtime: read(runtime, domain)).settings
    assert (settings.regions, settings.retention) == (["eu"], ["none", "no_store"])


async def read(runtime, domain):
    return await runtime.accounts.domain(domain.scope)


@pytest.mark.parametrize("plugin", ["anthropic", "openai", "gemini"])
def test_each_vendors_settings_are_taken(plugin, tmp_path):
    (text,) = [text for language, title, text in BLOCKS if title == f'title="{plugin}"']
    (kind,) = [found.load() for found in entry_points(group="omniops.plugins") if found.name == plugin]
    made = kind(context(plugin, kind.Settings(**tomllib.loads(text)[plugin]), folder=tmp_path))
    (provider,) = made.providers()
    deployments = provider.deployments()
    assert deployments
    assert all(one.keyed for one in deployments)
    assert {one.processor for one in deployments} <= {one.key for one in made.declares().processors}


def test_a_businesss_key_is_a_connection_of_the_plugin():
    (text,) = [text for language, title, text in BLOCKS if title == "network"]
    body = json.loads(text.partition("\n")[2])
    (kind,) = [found.load() for found in entry_points(group="omniops.plugins") if found.name == body["plugin"]]
    assert kind.Connection(**body["settings"])

"""The `source` commands over a real database: what they change and what they print."""

import asyncio
import json

import pytest
from omniops.cli import sources
from omniops.cli.app import app
from omniops.contracts.ids import SystemClock
from omniops.operations.firsts import Firsts
from omniops.runtime import Runtime
from omniops.settings import Settings
from typer.testing import CliRunner


@pytest.fixture
def omniops(postgres, links, tmp_path, monkeypatch):
    settings = Settings(
        data_dir=tmp_path, keys_dir=tmp_path / "keys", plugins=["site", "quoting", "hybrid"], encoder="none"
    )

    def with_runtime(work):
        async def run():
            async with Runtime.open(settings, links, postgres.root, clock=SystemClock(), migrate=True) as runtime:
                return await work(runtime)

        return asyncio.run(run())

    async def shop(runtime):
        firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
        await firsts.ensure_site((await firsts.ensure("Shop")).account_id, "https://shop.example")

    with_runtime(shop)
    monkeypatch.setattr(sources, "with_runtime", with_runtime)

    def call(*arguments):
        return CliRunner().invoke(app, ["source", *arguments])

    return call


def listed(omniops):
    return {source["url"]: source for source in json.loads(omniops("list", "--json").stdout)}


def test_a_source_is_added_paused_resumed_and_removed(omniops):
    sitemap = "https://shop.example/map.xml"
    added = omniops("add", sitemap, "--kind", "sitemap", "--exclude", "/blog/*", "--json")
    assert added.exit_code == 0, added.output
    assert listed(omniops) == {
        "https://shop.example/": listed(omniops)["https://shop.example/"],
        sitemap: json.loads(added.stdout),
    }
    assert omniops("pause", sitemap).exit_code == 0
    assert listed(omniops)[sitemap]["paused_at"] is not None
    shown = omniops("list").stdout
    assert "paused" in shown
    assert omniops("resume", json.loads(added.stdout)["id"]).exit_code == 0
    assert listed(omniops)[sitemap]["paused_at"] is None
    assert omniops("remove", "shop.example/map.xml").exit_code == 0
    assert list(listed(omniops)) == ["https://shop.example/"]
    unknown = omniops("pause", sitemap)
    assert unknown.exit_code != 0
    assert "omniops source list" in str(unknown.exception)

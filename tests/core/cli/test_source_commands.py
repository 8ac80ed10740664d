"""The `source` commands over a real database: what they change and what they print."""

import json

import pytest
from commands import over_shop
from omniops.cli import sources
from omniops.cli.app import app
from typer.testing import CliRunner


@pytest.fixture
def omniops(postgres, links, tmp_path, monkeypatch):
    with_runtime = over_shop(links, postgres.root, tmp_path, ["site", "quoting", "hybrid"])
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

"""Pages and panels as core asks for them: whose they are, who keeps a name, and what a broken plugin costs."""

import pytest
from omniops import Info, Plugin, hookimpl
from omniops.contracts.surface import Page, Panel
from omniops.plugins.loading import Plugins
from omniops.plugins.seams import Seams
from omniops.testing import context

KINDS = {"pages": Page, "panels": Panel}


def part(hook, name, title="Board"):
    async def show(self, *where):
        return []

    return type("Part", (KINDS[hook],), {"name": name, "title": title, "show": show})()


def plugin(hook, gives):
    def answer(self):
        if isinstance(gives, Exception):
            raise gives
        return gives

    body = {"__doc__": "A sample.", "info": Info("Sample", "1.0", ">=0.1,<0.2"), hook: hookimpl(answer)}
    return type("Sample", (Plugin,), body)


def found(hook, folder, **gives):
    """What the seam gives for plugins by name, and what was reported."""
    said = []
    made = {name: plugin(hook, value)(context(name, None, folder=folder)) for name, value in gives.items()}
    return getattr(Seams(Plugins.of(**made), said.append), hook), said


def kept_by_plugin_and_name(hook, folder):
    mine, other = part(hook, "board"), part(hook, "board")
    shown, said = found(hook, folder, one=[mine, part(hook, "board")], two=[other])
    assert shown == {("one", "board"): mine, ("two", "board"): other}
    assert said == ["one shows 'board' twice; the first one stays."]


def broken_ones_are_dropped(hook, folder):
    good = part(hook, "board")
    shown, said = found(hook, folder, one=RuntimeError("no"), two=["<b>"], three=[good])
    assert shown == {("three", "board"): good}
    assert len(said) == 2


def test_pages_are_kept_by_plugin_and_name(tmp_path):
    kept_by_plugin_and_name("pages", tmp_path)


def test_panels_are_kept_by_plugin_and_name(tmp_path):
    kept_by_plugin_and_name("panels", tmp_path)


@pytest.mark.parametrize("hook", KINDS)
def test_a_plugin_that_fails_costs_its_own_parts(hook, tmp_path):
    broken_ones_are_dropped(hook, tmp_path)


@pytest.mark.parametrize("name", ["", "Board", "a/b", "../x", "a b", "x" * 41])
def test_a_name_is_a_place_in_an_address(name, tmp_path):
    shown, said = found("pages", tmp_path, one=[part("pages", name)])
    assert not shown
    assert "no name in lower case" in said[0]

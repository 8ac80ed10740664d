"""The wall of core's tests, as the author of its plugin would try it."""

import sys
from pathlib import Path

import httpx2
import pytest
from omniops.testing import AnsweringGate

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))

from wall import WallPlugin, WallPosts, WallServer


class AtWall:
    """The wall behind a gate whose other side is its server."""

    plugin_name = "wall"
    connection_values = {"wall": "main"}  # noqa: RUF012
    kind = WallPosts

    @pytest.fixture
    def plugin_class(self):
        return WallPlugin

    @pytest.fixture
    def wall(self):
        return WallServer()

    @pytest.fixture
    def gate(self, wall):
        def answer(request):
            status, value = wall.respond(request.method, str(request.url.raw_path, "ascii"), request.content)
            return httpx2.Response(status, **({"content": value} if isinstance(value, bytes) else {"json": value}))

        return AnsweringGate(answer, processors=["wall"])

    @pytest.fixture
    def plugin(self, plugin_class, context):
        made = plugin_class(context)
        made.integration.own.__class__ = self.kind
        return made

    @pytest.fixture
    def texts(self, wall):
        return wall.texts

    @pytest.fixture
    def said(self, wall):
        return lambda place, text: wall.write(place.channel, text, place.thread)

    @pytest.fixture
    def lose(self, wall):
        return lambda: setattr(wall, "lost", 1)

    @pytest.fixture
    def crowd(self, wall):
        return lambda place: [wall.write(place.channel, "lunch?", place.thread) for _ in range(5)]

    @pytest.fixture
    def closed(self, wall):
        return wall.walls.clear

    @pytest.fixture
    def unwell(self, wall):
        return lambda status, body: setattr(wall, "failing", (status, body.encode()))

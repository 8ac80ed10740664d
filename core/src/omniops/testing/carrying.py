"""What every channel must do with what it carries: limits that hold together, files that come whole and let go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from omniops.contracts.channel import Channel, MediaLink
from omniops.testing.suite import Suite, left_behind

SHORTEST = 400
"""Characters that a message must carry, so that the disclosure and some of the answer fit into the first."""


class CarryingSuite(Suite):
    """The part of `ChannelSuite` about capabilities and files."""

    @pytest.fixture
    def media(self) -> tuple[MediaLink, bytes] | None:
        """A file at the double that came with a message, and its bytes: more than one piece of them. Override it where
        the channel fetches files."""
        return None

    def test_what_it_carries_makes_sense(self, channel: Channel) -> None:
        can = channel.capabilities
        assert can.max_length == 0 or can.max_length >= SHORTEST, (
            f"max_length is {can.max_length}; 0 means no limit, and with less than {SHORTEST} nobody can be told "
            "that an AI writes"
        )
        assert can.buttons >= 0, "buttons is negative; 0 means none"
        odd = [kind for kind in can.media if kind.count("/") != 1 or not all(kind.split("/"))]
        assert not odd, f"{odd[0]!r} is no type of files, such as image/jpeg or image/*" if odd else ""
        if can.window is not None:
            assert can.window.open > timedelta(), "the window is never open: not even an answer could be sent"
            assert can.window.human is None or can.window.human > can.window.open, (
                "the window for people ends no later than the one for everybody; leave `human` out"
            )
            if can.window.templates:
                assert type(channel).templates is not Channel.templates, "templates may be sent, but it lists none"
        assert not can.streams or not (can.max_length or can.window), "what is read while it grows is not sent"

    async def test_a_file_comes_whole(
        self, channel: Channel, connection: BaseModel, media: tuple[MediaLink, bytes] | None
    ) -> None:
        link, content = _filed(channel, media)
        stream = channel.fetch(link, connection)
        try:
            found = b"".join([piece async for piece in stream])
        finally:
            await close_stream(stream, "fetch()")
        assert found == content, f"fetch() gave {len(found)} bytes, the double holds {len(content)}"

    async def test_a_file_that_is_cut_off_leaves_nothing_behind(
        self, channel: Channel, connection: BaseModel, media: tuple[MediaLink, bytes] | None
    ) -> None:
        link, _ = _filed(channel, media)
        before = asyncio.all_tasks()
        stream = channel.fetch(link, connection)
        await anext(stream)
        await close_stream(stream, "fetch()")
        left = await left_behind(before)
        assert not left, f"after a file was cut off, still running: {', '.join(left)}"


def _filed(channel: Channel, media: tuple[MediaLink, bytes] | None) -> tuple[MediaLink, bytes]:
    if type(channel).fetch is Channel.fetch:
        pytest.skip("the channel fetches no files")
    if media is None:
        pytest.skip("no file to fetch: override the fixture `media`")
    return media


async def close_stream(stream: AsyncIterator[Any], what: str = "listen()") -> None:
    """Closes what core would close."""
    assert isinstance(stream, AsyncGenerator), f"{what} is no async generator: core could not close it"
    await stream.aclose()

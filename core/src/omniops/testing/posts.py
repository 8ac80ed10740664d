"""What every channel of a team must do: write a message once, find it again however it came to be there, delete it, and
read what people of the business answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar
from uuid import uuid4

import pytest
from pydantic import BaseModel

from omniops.contracts.ids import new_id
from omniops.contracts.integration import Integration, Link
from omniops.contracts.plugin import GateDoor
from omniops.contracts.posts import POST_EVENTS, Place, Post, TeamPosts, Words
from omniops.errors import NotReachable, NotReady, Permanent
from omniops.testing.fakes import link_of
from omniops.testing.part import OfIntegration, OutageSuite, Unwell

Said = Callable[[Place, str], str]
WORDS = Words("A visitor needs a person. (website, en)", "Where is\nmy parcel?", "Reply in this thread.", wanted=True)
MORE = Words("Visitor:", "It is urgent.")


class TeamPostsSuite(OfIntegration, OutageSuite):
    """The contract of `TeamPosts`. Override `gate` with a double that knows `connection_values`, which choose one of
    its channels, `texts` and `said`."""

    harmful: ClassVar[Sequence[str]] = (
        "<!channel>",
        "<@U0BOSS>",
        "<at id='0'>all</at>",
        "<a href='https://evil.example'>",
    )
    """What must not stand in a message as a visitor wrote it, because the other side would act on it."""

    @pytest.fixture
    def texts(self) -> Callable[[], Sequence[str]]:
        """All messages that stand in the double's channel now, threads included, as the double keeps them. Override
        it."""
        pytest.skip("nobody can look into the double's channel: override the fixture `texts`")

    @pytest.fixture
    def said(self) -> Said:
        """A person of the business writes into the thread of a place of the double. Gives the message's id. Override
        it."""
        pytest.skip("nobody can write into the double's channel: override the fixture `said`")

    @pytest.fixture
    def lose(self) -> Callable[[], None] | None:
        """Makes the double take the next message and lose its answer. Override it to see that the message is found."""
        return None

    @pytest.fixture
    def crowd(self) -> Callable[[Place], None] | None:
        """Others write much at a place of the double, more than one page of a list. Override it to see that a message
        is found behind it."""
        return None

    @pytest.fixture
    def closed(self) -> Callable[[], None] | None:
        """Takes the double's channel away. Override it to see that this is an end, and no wait."""
        return None

    @pytest.fixture
    def posts(self, integration: Integration, gate: GateDoor) -> TeamPosts:
        """The channel of a team under test."""
        self.skip_shut(gate, outside=True)
        found = integration.posts
        assert found is not None, f"integration {integration.name!r} has no channel of a team"
        return found

    @pytest.fixture
    def link(self, integration: Integration, connection: BaseModel) -> Link:
        """The connection at work, with its feature on."""
        posts = integration.posts
        features = [posts.feature] if posts is not None else []
        return link_of(connection, kind=integration.name, features=features)

    @pytest.fixture
    def begins(self, posts: TeamPosts, link: Link) -> Post:
        """A message that begins a thread."""
        return _post(Place(posts.channel(link), None))

    def test_its_feature_and_events_are_declared(self, integration: Integration, posts: TeamPosts) -> None:
        assert posts is integration.posts, "another channel comes each time"
        assert posts.feature in {one.key for one in integration.features}, f"there is no feature {posts.feature!r}"
        for kind, fields in POST_EVENTS.items():
            assert set(fields) <= set(integration.events.get(kind, ("?",))), f"the event {kind!r} is not declared whole"

    def test_the_channel_is_known_without_asking(self, posts: TeamPosts, link: Link, gate: GateDoor) -> None:
        before = len(getattr(gate, "requests", ()))
        assert posts.channel(link), "`connection_values` choose no channel"
        assert len(getattr(gate, "requests", ())) == before, "channel() asks somebody outside"

    async def test_a_message_is_written_and_found_by_its_mark_alone(
        self, posts: TeamPosts, link: Link, begins: Post, texts: Callable[[], Sequence[str]]
    ) -> None:
        assert await posts.find(link, begins) is None, "something is found before it is written"
        message = await posts.send(link, begins, WORDS)
        (text,) = texts()
        for part in (WORDS.lead, "Where is", "my parcel?", WORDS.note):
            assert part in text, f"{part!r} is not in the message"
        assert await posts.find(link, begins) == message, "what was written is not found"
        assert await posts.find(link, _post(begins.place)) is None, "another message is taken for the one that was lost"

    async def test_what_follows_stands_in_the_thread(
        self, posts: TeamPosts, link: Link, begins: Post, texts: Callable[[], Sequence[str]]
    ) -> None:
        follows = await self._thread(posts, link, begins)
        message = await posts.send(link, follows, MORE)
        assert message != follows.place.thread, "the second message has the first one's id"
        assert len(texts()) == 2
        assert await posts.find(link, follows) == message, "what was written in a thread is not found there"
        lost = replace(begins, mark=follows.mark)
        assert await posts.find(link, lost) is None, "a message of a thread is taken for one that begins a thread"

    async def test_a_visitors_words_work_as_nothing_but_text(
        self, posts: TeamPosts, link: Link, begins: Post, texts: Callable[[], Sequence[str]]
    ) -> None:
        await posts.send(link, begins, Words("Visitor:", "\n".join(self.harmful)))
        (text,) = texts()
        found = [one for one in self.harmful if one in text]
        assert not found, f"a visitor's words reach the channel as they were written: {found}"

    async def test_a_message_whose_answer_was_lost_is_found(
        self, posts: TeamPosts, link: Link, begins: Post, lose: Callable[[], None] | None
    ) -> None:
        if lose is None:
            pytest.skip("nobody can lose an answer: override the fixture `lose`")
        lose()
        with pytest.raises((NotReady, NotReachable)):
            await posts.send(link, begins, WORDS)
        assert await posts.find(link, begins), "it is there, and would be written twice"

    async def test_a_message_is_found_behind_what_others_wrote_since(
        self, posts: TeamPosts, link: Link, begins: Post, crowd: Callable[[Place], None] | None
    ) -> None:
        if crowd is None:
            pytest.skip("nobody writes much: override the fixture `crowd`")
        message = await posts.send(link, begins, WORDS)
        crowd(begins.place)
        assert await posts.find(link, begins) == message, "in a busy channel a message would be written twice"
        follows = _post(Place(begins.place.channel, message))
        second = await posts.send(link, follows, MORE)
        crowd(follows.place)
        assert await posts.find(link, follows) == second, "in a busy thread a message would be written twice"

    async def test_deleting_takes_one_message_and_can_be_repeated(
        self, posts: TeamPosts, link: Link, begins: Post, texts: Callable[[], Sequence[str]]
    ) -> None:
        follows = await self._thread(posts, link, begins)
        message = await posts.send(link, follows, MORE)
        for _ in range(2):
            await posts.delete(link, replace(follows.place, message=message))
            assert len(texts()) == 1, "not the one message is gone"
        assert await posts.find(link, follows) is None, "a message that was deleted is found"
        await posts.delete(link, replace(begins.place, message=follows.place.thread or ""))
        assert not [text for text in texts() if WORDS.quoted.splitlines()[0] in text], "a visitor's words are left"

    async def test_a_channel_that_is_gone_is_an_end(
        self, posts: TeamPosts, link: Link, begins: Post, closed: Callable[[], None] | None
    ) -> None:
        if closed is None:
            pytest.skip("nobody can take the channel away: override the fixture `closed`")
        message = await posts.send(link, begins, WORDS)
        closed()
        with pytest.raises(Permanent):
            await posts.send(link, _post(begins.place), WORDS)
        with suppress(Permanent):
            await posts.find(link, begins)
        await posts.delete(link, replace(begins.place, message=message))

    async def test_what_a_person_of_the_business_wrote_is_read(
        self, posts: TeamPosts, link: Link, begins: Post, said: Said
    ) -> None:
        follows = await self._thread(posts, link, begins)
        message = said(follows.place, "It left today.")
        place = replace(follows.place, message=message)
        if type(posts).read is not TeamPosts.read:
            assert await posts.read(link, place, begins.subject_id) == "It left today."
        if posts.looks is not None:
            assert message in await posts.replies(link, follows.place), "a look through the thread shows no reply"

    @pytest.mark.parametrize("status", [200, 429, 500, 503])
    async def test_nonsense_and_outages_can_be_tried_again(
        self, posts: TeamPosts, link: Link, begins: Post, unwell: Unwell | None, status: int
    ) -> None:
        place = replace(begins.place, message="1")
        calls = (
            lambda: posts.send(link, begins, WORDS),
            lambda: posts.find(link, begins),
            lambda: posts.delete(link, place),
        )
        await self.can_be_tried_again(unwell, status, calls)

    async def _thread(self, posts: TeamPosts, link: Link, begins: Post) -> Post:
        """The next message of a thread that was begun."""
        return _post(Place(begins.place.channel, await posts.send(link, begins, WORDS)))


def _post(place: Place) -> Post:
    """A message that nobody wrote yet."""
    return Post(uuid4().hex[:16], place, new_id(), datetime.now(UTC))

"""The suite over walls with one fault each. Run by `test_posts.py` in a process of its own; every class fails."""

from dataclasses import replace

from at_wall import AtWall
from omniops.contracts.posts import Place
from omniops.errors import NotReady, Permanent
from omniops.testing import TeamPostsSuite
from wall import WallPosts


class Guesser(WallPosts):
    """Takes the newest of its own for the one that was lost."""

    async def find(self, link, post):
        thread = {"thread": post.place.thread} if post.place.thread is not None else {}
        page = self.told(await self.ask(link, "GET", post.place.channel, query=thread))
        return next((note["id"] for note in page["notes"] if note["by"] == "omniops"), None)


class Hasty(WallPosts):
    """Looks at the first page alone."""

    async def find(self, link, post):
        thread = {"thread": post.place.thread} if post.place.thread is not None else {}
        page = self.told(await self.ask(link, "GET", post.place.channel, query=thread))
        return next((note["id"] for note in page["notes"] if note["mark"] == post.mark), None)


class Flat(WallPosts):
    """Begins a thread with everything."""

    async def send(self, link, post, words):
        return await super().send(link, replace(post, place=Place(post.place.channel, None)), words)


class Raw(WallPosts):
    """Passes on what a visitor wrote as it is."""

    def text(self, words):
        return "\n".join((words.lead, words.quoted, words.note))


class Careless(WallPosts):
    """Takes a note that is gone already for an error."""

    async def delete(self, link, place):
        self.told(await self.ask(link, "DELETE", f"{place.channel}/{place.message}"))


class Keeper(WallPosts):
    """Deletes nothing."""

    async def delete(self, link, place):
        await self.ask(link, "GET", f"{place.channel}/{place.message}")


class Patient(WallPosts):
    """Waits for a wall that is gone."""

    def told(self, response):
        try:
            return super().told(response)
        except Permanent as error:
            raise NotReady("Later.") from error


class Deaf(WallPosts):
    """Reads something else."""

    async def read(self, link, place, subject_id):
        return ""


class Gossip(WallPosts):
    """Passes on what the vendor said."""

    def told(self, response):
        try:
            return super().told(response)
        except NotReady as error:
            raise NotReady(f"The wall said: {response.text}") from error


class Curious(WallPosts):
    """Has a feature that nobody declared."""

    feature = "everything"


for _fault in (Guesser, Hasty, Flat, Raw, Careless, Keeper, Patient, Deaf, Gossip, Curious):
    _name = f"Test{_fault.__name__}"
    globals()[_name] = type(_name, (AtWall, TeamPostsSuite), {"kind": _fault, "__module__": __name__})

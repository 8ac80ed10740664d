"""A wall where the people of a business work: a vendor with channels and threads of its own, and the plugin for it,
which hears on no channel of visitors."""

import json
from urllib.parse import parse_qs, urlsplit

from omniops import Health, Info, Plugin, PluginSettings, hookimpl
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Feature, Integration
from omniops.contracts.limits import Limits
from omniops.contracts.posts import POST_EVENTS, Place, TeamPosts, reply
from omniops.contracts.webhook import Received, check_token
from omniops.errors import NotReady, Permanent
from pydantic import Field

HOST, SECRET = "wall.example", "of-the-wall"


class WallServer:
    """Notes on walls, newest first in lists of two. `lost`: the next note is taken and its answer is not given."""

    def __init__(self):
        self.begin()

    def begin(self):
        self.walls, self.lost, self.failing, self.asked, self.number = {"main": []}, 0, None, [], 0

    def write(self, wall, text, thread=None, *, mark="", by="Ben"):
        self.number += 1
        note = {"id": f"n{self.number}", "thread": thread, "text": text, "mark": mark, "by": by}
        self.walls[wall].append(note)
        return note["id"]

    def texts(self, wall="main"):
        return [note["text"] for note in self.walls[wall]]

    def respond(self, method, target, body):
        """Status and value for a request."""
        self.asked.append((method, target))
        if self.failing is not None:
            return self.failing
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        _, wall, *note = url.path.split("/")
        if wall not in self.walls:
            return 404, {}
        notes = self.walls[wall]
        if note and method == "DELETE":
            found = [one for one in notes if one["id"] == note[0]]
            for one in found:
                notes.remove(one)
            return (204 if found else 404), {}
        if method == "POST":
            made = self.write(wall, **json.loads(body), by="omniops")
            if self.lost:
                self.lost -= 1
                return 504, {}
            return 201, {"id": made}
        if note:
            return 200, next((one for one in notes if one["id"] == note[0]), {"text": "", "by": "nobody"})
        found, at = [one for one in notes if one["thread"] == query.get("thread")][::-1], int(query.get("at", "0"))
        return 200, {"notes": found[at : at + 2], "next": at + 2 if at + 2 < len(found) else None}


class WallConnection(PluginSettings):
    wall: str = Field(default="main", description="The wall on which is written.")


class WallPosts(TeamPosts):
    feature = "notes"

    def __init__(self, context):
        self.gate, self.limits = context.gate, Limits("Wall", context.clock)

    def channel(self, link):
        return link.connection.wall

    async def ask(self, link, method, path, *, body=None, about=(), query=None):
        async with self.gate.http("wall", purpose="support.provide", subjects=about, scope=link.scope) as http:
            url = f"https://{HOST}/{path}"
            return await self.limits.send(http, method, url, key=link.id, takes=(404,), json=body, params=query)

    def told(self, response):
        if response.status_code == 404:
            raise Permanent("There is no such wall.")
        said = self.limits.json(response)
        if not isinstance(said, dict):
            raise NotReady("The wall answered what cannot be read.")
        return said

    def text(self, words):
        quoted = "\n".join(f"| {line}" for line in words.quoted.splitlines())
        return "\n".join((words.lead, quoted.replace("<", "‹"), words.note))

    async def send(self, link, post, words):
        body = {"text": self.text(words), "thread": post.place.thread, "mark": post.mark}
        found = await self.ask(link, "POST", post.place.channel, body=body, about=(post.subject_id,))
        return self.told(found)["id"]

    async def find(self, link, post):
        at = 0
        while at is not None:
            thread = {"thread": post.place.thread} if post.place.thread is not None else {}
            page = self.told(await self.ask(link, "GET", post.place.channel, query={"at": at, **thread}))
            for note in page["notes"]:
                if note["mark"] == post.mark:
                    return note["id"]
            at = page["next"]
        return None

    async def delete(self, link, place):
        response = await self.ask(link, "DELETE", f"{place.channel}/{place.message}")
        if response.status_code not in (204, 404):
            raise NotReady("The wall answered what cannot be read.")

    async def read(self, link, place, subject_id):
        return self.told(await self.ask(link, "GET", f"{place.channel}/{place.message}"))["text"]


class WallIntegration(Integration):
    name, title, processor = "wall", "Wall", "wall"
    features = (Feature("notes", "Notes on the wall"),)
    events = POST_EVENTS

    def __init__(self, posts):
        self.own = posts

    @property
    def posts(self):
        return self.own

    async def check(self, connection):
        return Health(True, "The wall is there.")

    def receive(self, webhook, link):
        check_token(SECRET, webhook.header("x-secret", ""))
        said = json.loads(webhook.body)
        return Received([reply(Place(said["wall"], said["thread"], said["id"]), feature="notes")])


class WallPlugin(Plugin):
    """A wall."""

    info = Info(title="Wall", version="1.0", omniops=">=0.1,<0.2")
    Connection = WallConnection

    def __init__(self, context):
        super().__init__(context)
        self.integration = WallIntegration(WallPosts(context))

    @hookimpl
    def declares(self):
        processor = Processor("wall", "Wall Ltd", "customer_chosen", (HOST,), ("DE",), ("support.provide",))
        return Declaration(processors=[processor])

    @hookimpl
    def integrations(self):
        return [self.integration]

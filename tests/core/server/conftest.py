"""The real application over a scratch database: two accounts with two websites each, every role, keys, visitors."""

import asyncio
import json
import socket
from dataclasses import dataclass, field
from uuid import uuid4

import httpx2
import pytest
import uvicorn
from desk import serving
from members_browser import PASSWORD, Member
from omniops.accounts.permissions import ROLES
from omniops.contracts.ids import SystemClock
from omniops.operations.firsts import OPERATOR, Firsts
from omniops.runtime import Runtime
from omniops.server.app import create_app
from omniops.settings import Settings

PLUGINS = ["website", "site", "quoting", "hybrid"]
SHOP = "https://one.example"


@dataclass
class World:
    runtime: Runtime
    app: object
    base: str
    accounts: list = field(default_factory=list)
    domains: dict = field(default_factory=dict)
    """For each account its two domains."""
    keys: dict = field(default_factory=dict)
    """Secrets of API keys by (account, role)."""

    def client(self, **headers):
        return httpx2.AsyncClient(base_url=self.base, headers=headers, timeout=30)

    def key(self, account, role):
        return {"Authorization": f"Bearer {self.keys[account, role]}"}


@pytest.fixture(scope="module")
async def world(postgres, links, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        settings = Settings(data_dir=folder, keys_dir=folder / "keys", plugins=PLUGINS, encoder="none", port=port)
        async with Runtime.open(settings, links, postgres.root, clock=SystemClock(), migrate=True) as runtime:
            app = create_app(runtime)
            world = World(runtime, app, f"http://127.0.0.1:{port}")
            await fill(world)
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            yield world
            app.state.stopping.set()
            server.should_exit = True
            await serving


async def fill(world):
    runtime = world.runtime
    firsts = Firsts(runtime.database, runtime.accounts, runtime.members, runtime.knowledge)
    first = await firsts.ensure("One")
    world.accounts = [first.account_id, await runtime.accounts.create("Two", actor=OPERATOR)]
    for name, account in zip(("one", "two"), world.accounts, strict=True):
        world.domains[account] = [
            await runtime.accounts.add_domain(
                account, f"{name} {n}", [f"https://{name}{n or ''}.example"], actor=OPERATOR
            )
            for n in (0, 1)
        ]
        for role, permissions in ROLES.items():
            _, secret = await runtime.keys.create(account, role, sorted(permissions), actor=OPERATOR)
            world.keys[account, role] = secret
    (first_domain, _) = world.domains[world.accounts[0]]
    _, secret = await runtime.keys.create(
        world.accounts[0], "narrow", sorted(ROLES["admin"]), only_domain=first_domain.id, actor=OPERATOR
    )
    world.keys[world.accounts[0], "narrow"] = secret


@dataclass
class Shopfront:
    """The application over a desk: pages of visitors on the desk's website, and its office with an API key."""

    desk: object
    base: str
    open: list = field(default_factory=list)

    def client(self, **headers):
        client = httpx2.AsyncClient(base_url=self.base, headers=headers, timeout=30)
        self.open.append(client)
        return client

    async def page(self, domain=None, origin=None):
        """A visitor's page with a session."""
        domain = domain or self.desk.domain
        client = self.client(Origin=origin or domain.origins[0])
        answer = await client.post("/v1/visitor/sessions", json={"key": domain.widget_key})
        assert answer.status_code == 201, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return client

    async def office(self, domain=None, role="admin"):
        domain = domain or self.desk.domain
        _, secret = await self.desk.runtime.keys.create(
            domain.scope.account_id, role, sorted(ROLES[role]), actor=OPERATOR
        )
        client = self.client(Authorization=f"Bearer {secret}")
        client.base_url = f"{self.base}/v1/domains/{domain.id}/"
        return client

    async def configure(self, **settings):
        self.desk.domain = await self.desk.runtime.accounts.configure(
            self.desk.domain.scope, {"settings": settings}, actor=OPERATOR
        )


@pytest.fixture
async def front(desk):
    async with serving(desk.runtime) as base:
        front = Shopfront(desk, base)
        yield front
        for client in front.open:
            await client.aclose()


async def ask(page, text="How long does it take?", **more):
    """Asks and reads to the end. Gives the events as (kind, data)."""
    answer = await page.post("/v1/visitor/messages", json={"text": text, **more})
    assert answer.status_code == 200, answer.text
    events = []
    for block in answer.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        events.append((fields["event"], json.loads(fields["data"])))
    return events


@pytest.fixture
def asked():
    return ask


@pytest.fixture
async def join(front, monkeypatch):
    monkeypatch.setitem(front.desk.runtime.settings.__dict__, "public_url", front.base)

    async def join(domain=None, *, signed_in=False):
        domain, email = domain or front.desk.domain, f"{uuid4().hex[:8]}@shop.example"
        members = front.desk.runtime.members
        link = await members.setup_link(domain.scope.account_id)
        session = await members.finish_setup(link, email=email, name="Mara", password=PASSWORD)
        return Member(front, domain, email, session if signed_in else None)

    return join


@pytest.fixture
async def mara(join):
    return await join(signed_in=True)


@pytest.fixture
async def asks(front, asked):
    """Somebody writes, and asks for a person. Gives the conversation's id."""

    async def asks(text="Do they come in size 46?", domain=None):
        page = await front.page(domain)
        await asked(page, text)
        await page.post("/v1/visitor/person", json={})
        return (await page.get("/v1/visitor/conversation")).json()["id"]

    return asks

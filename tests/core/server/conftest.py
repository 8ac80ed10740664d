"""The real application over a scratch database: two accounts with two websites each, every role, keys, visitors."""

import asyncio
import socket
from dataclasses import dataclass, field

import httpx2
import pytest
import uvicorn
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

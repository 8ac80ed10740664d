"""A company abroad in a register of its own, and what tests of the register do with it."""

from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

from desk_plugins import PostPlugin, ScriptedPlugin
from omniops import Info, Plugin, hookimpl
from omniops.contracts.declaration import Declaration, Mechanism, Processor
from omniops.contracts.provider import Deployment
from omniops.defaults.hybrid import HybridPlugin
from omniops.defaults.site import SitePlugin
from omniops.defaults.website import WebsitePlugin
from omniops.errors import EgressRefused
from omniops.gate.grants import Grant
from omniops.operations.firsts import OPERATOR
from omniops.plugins.loading import Plugins
from omniops.privacy.signatures import Terms
from omniops.runtime import Runtime
from omniops.settings import Settings
from omniops.testing.fakes import context

HOST, CHAT = "api.abroad.example", "user.content.chat"
TERMS = "https://abroad.example/terms?a=1&b=<2>"
ABROAD = Processor(
    key="abroad",
    name="Abroad",
    legal_name="Abroad <Models>, Inc",
    role="ai",
    hosts=(HOST,),
    countries=("US",),
    purposes=("chat.respond",),
    categories=(CHAT,),
    contact="privacy@abroad.example",
    policy_url="https://abroad.example/privacy",
    contract_url=TERMS,
    retention="30 days",
    mechanisms=(Mechanism("scc", TERMS, module="3"), Mechanism("uk_addendum", TERMS)),
)
LATER = replace(
    ABROAD, key="later", name="Later", legal_name="Later Ltd", hosts=("api.later.example",), countries=("DE",)
)
UNSIGNED = {"no_contract", "contract_ended"}
DEPLOYMENT = Deployment("abroad/one", "scripted", "one", "us", "abroad")


class DeclaringPlugin(Plugin):
    """Declares what the test says."""

    info = Info(title="Declaring", version="1.0", omniops=">=0.1,<0.2")
    processors = ()

    @hookimpl
    def declares(self):
        return Declaration(processors=self.processors)


@asynccontextmanager
async def running(links, root, folder, clock, *processors):
    """A process whose plugins declare these processors."""
    kinds = {
        "website": WebsitePlugin,
        "site": SitePlugin,
        "hybrid": HybridPlugin,
        "scripted": ScriptedPlugin,
        "post": PostPlugin,
    }
    made = {name: kind(context(name, kind.Settings(), folder=folder)) for name, kind in kinds.items()}
    made["declaring"] = DeclaringPlugin(context("declaring", DeclaringPlugin.Settings(), folder=folder))
    made["declaring"].processors = processors
    settings = Settings(
        data_dir=folder,
        keys_dir=folder / "keys",
        encoder="none",
        plugins=list(made),
        legal_name="Harbour Hosting Ltd",
        privacy_email="privacy@harbour.example",
    )
    async with Runtime.open(settings, links, root, clock=clock, plugins=Plugins.of(**made), migrate=True) as runtime:
        yield runtime


async def code(runtime, domain, *subjects, key="abroad", host=HOST):
    """Why the gate refuses a person's chat, or None. It asks the database as a call does."""
    grant = await runtime.register.traced(Grant(key, "chat.respond", domain.scope, (CHAT,), subjects or (uuid4(),)))
    try:
        runtime.register.admit(grant, host, 443)
    except EgressRefused as error:
        return error.reason
    return None


async def set_origin(runtime, domain, origin):
    await runtime.accounts.configure(domain.scope, {"settings": {"origin": origin}}, actor=OPERATOR)


async def sign(runtime, *mechanisms, key="abroad", **more):
    source = {"source": "a letter"} if mechanisms else {}
    return await runtime.privacy.signatures.sign(key, Terms(mechanisms, **source, **more), actor=OPERATOR)

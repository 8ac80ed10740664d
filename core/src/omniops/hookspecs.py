"""Every seam of OmniOps: the methods of `Plugin`, grouped by the phase of life in which they are called.

*Hooks register, classes behave*: a hook hands contract objects to core (an encoder, a channel), and core then calls
those. A hook that is not overridden does not exist for core. Overrides carry `@hookimpl`.

The verb and the failure policy of a seam stand in its `@seam` and at the end of its docstring:

- `collect`: called once at start-up, in the operator's order. A plugin that fails is dropped and reported. *Closed*:
  its error is raised, nothing goes on.
- `gather`: called for all at the same time, each with its own deadline. A plugin that fails or hangs gives an error
  under its own name; the others' answers stand.
- `first`: called in order until one gives an answer that is not None. A plugin that fails is passed over.
- `chain`: each gets what the one before returned. *Closed*: a plugin that fails stops the chain, nothing goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import pluggy

from omniops.contracts.breach import BreachDeclared
from omniops.contracts.channel import Channel
from omniops.contracts.commerce import Commerce
from omniops.contracts.consent import ConsentChange, ConsentSource, Verdict
from omniops.contracts.declaration import Declaration, Retention
from omniops.contracts.integration import Integration
from omniops.contracts.knowledge import EncoderOffer, Fetcher, IndexOffer, Model, Source
from omniops.contracts.mail import Mailer
from omniops.contracts.plugin import Health, Info, PluginContext, PluginSettings
from omniops.contracts.proof import Probe
from omniops.contracts.provider import Provider
from omniops.contracts.redaction import Redactor
from omniops.contracts.retention import Expiring, KeptBack, Swept
from omniops.contracts.root_keys import RootKeysOffer
from omniops.contracts.scope import Scope
from omniops.contracts.surface import Page, Panel
from omniops.contracts.tools import Tool

if TYPE_CHECKING:
    from fastapi import APIRouter

PROJECT = "omniops"
"""pluggy's project name: chosen once, for ever, because every installed plugin carries it in its markers."""

F = TypeVar("F", bound=Callable[..., Any])
_hookspec = pluggy.HookspecMarker(PROJECT)
_hookimpl = pluggy.HookimplMarker(PROJECT)


def hookimpl(function: F) -> F:
    """Marks an override of a `Plugin` hook as meant. Without it the override is not called, and `PluginSuite` fails."""
    return _hookimpl(function)


@dataclass(frozen=True, slots=True)
class Seam:
    """How core calls a hook: the verb, what its answers must be, the deadline in seconds and what an error means."""

    verb: Literal["collect", "gather", "first", "chain"]
    gives: type | tuple[type, ...]
    many: bool
    deadline: float
    closed: bool


def seam(
    verb: Literal["collect", "gather", "first", "chain"],
    *,
    gives: type | tuple[type, ...],
    many: bool = False,
    deadline: float = 5.0,
    closed: bool = False,
) -> Callable[[F], F]:
    """Declares a hook. `gives` is the type of an answer, or of each item of a sequence where `many`."""

    def mark(function: F) -> F:
        function.seam = Seam(verb, gives, many, deadline, closed)  # type: ignore[attr-defined]
        return _hookspec(function)

    return mark


class Plugin:
    """Base of every plugin. Subclass it, name the class in the entry-point group `omniops.plugins`, override hooks.

    The first line of your docstring is your entry in the catalogue. Do nothing in `__init__` but keep the context:
    no network, no file, no import of a vendor's SDK.
    """

    info: ClassVar[Info]
    Settings: ClassVar[type[PluginSettings]] = PluginSettings
    Connection: ClassVar[type[PluginSettings]] = PluginSettings

    def __init__(self, context: PluginContext) -> None:
        self.context = context

    # Register: what the plugin brings, before anything of it is used

    @seam("collect", gives=Declaration)
    def declares(self) -> Declaration:
        """All that this plugin brings: processors, purposes, categories, retention, cookies, tables, stores outside.

        Called once at start-up, before every other hook. What is not declared is refused when it is tried: a host at
        the gate, a cookie at the response, a column when the plugin is registered. An error here, or a declaration
        that contradicts another plugin's, drops the plugin.
        """
        return Declaration()

    # Intelligence: what finds and what answers

    @seam("collect", gives=Model, many=True)
    def models(self) -> Sequence[Model]:
        """Model files that `omniops models install NAME` can install. Called by that command and by `doctor`."""
        return ()

    @seam("collect", gives=EncoderOffer, many=True)
    def encoders(self) -> Sequence[EncoderOffer]:
        """Sentence encoders. Called at start-up; must not load a model. An offer whose `missing` is set is listed but
        not used. The highest rank wins unless the setting `encoder` names another. An error drops the plugin's offers.
        """
        return ()

    @seam("collect", gives=IndexOffer, many=True)
    def knowledge_indexes(self) -> Sequence[IndexOffer]:
        """Indexes over passages. Called at start-up; the setting `knowledge_index` names the one that is opened."""
        return ()

    @seam("collect", gives=Source, many=True)
    def sources(self) -> Sequence[Source]:
        """Kinds of sources that pages can come from. Called at start-up. Two plugins with one `kind`: the first in the
        operator's order keeps it, the second is reported."""
        return ()

    @seam("collect", gives=Fetcher, many=True)
    def fetchers(self) -> Sequence[Fetcher]:
        """What reads pages that are built by scripts. Called when a crawl begins, where the plugin is on for the
        domain; must start nothing. The first in the operator's order is used, for pages whose HTML holds next to no
        text. An error leaves the plugin's fetchers out, and such pages are read as they are sent."""
        return ()

    @seam("collect", gives=Provider, many=True)
    def providers(self) -> Sequence[Provider]:
        """What can answer a visitor. Called at start-up; a provider's SDK is imported when it is first asked."""
        return ()

    @seam("collect", gives=Redactor, many=True, closed=True)
    def redactors(self) -> Sequence[Redactor]:
        """What finds personal data that core's own recognisers do not know, such as names. Called when a turn begins,
        where the plugin is on for the domain; must load nothing. All of them are asked, in the operator's order; where
        findings overlap, core's own stay, then the first. Closed: an error here or in `find` stops the turn, nothing is
        sent to a provider and a person answers."""
        return ()

    # Proof: what shows that the plugin's promises hold

    @seam("collect", gives=type, many=True)
    def probes(self) -> Sequence[type[Probe]]:
        """Probes of this plugin's own claims, as classes. Called by `omniops prove`, never while the server serves. A
        probe that raises counts as falsified; an error here drops the plugin's probes, and their claims are unproven.
        """
        return ()

    # Channels and integrations: where people write, what else is connected

    @seam("collect", gives=Channel, many=True)
    def channels(self) -> Sequence[Channel]:
        """Ways to write to the business. Called at start-up. The AI disclosure is core's and comes first on each."""
        return ()

    @seam("collect", gives=Integration, many=True)
    def integrations(self) -> Sequence[Integration]:
        """Links to outside systems. Called at start-up; a connection is checked before it is saved. A plugin may offer
        several, and channels that work by them (`Integration.channels`). Of two with one name the first in the
        operator's order stays; the other is reported."""
        return ()

    # Tools: what the AI may do

    @seam("collect", gives=Tool, many=True)
    def tools(self) -> Sequence[Tool]:
        """Functions that a model may call for a visitor, each with its risk. Called once at start-up; a tool is offered
        where the plugin is on for the domain, and to models that can call tools. Two tools of one name: the first in
        the operator's order is offered, the second is reported. An error drops the plugin's tools."""
        return ()

    @seam("collect", gives=Commerce, many=True)
    def shops(self) -> Sequence[Commerce]:
        """Shops that core can ask for products, orders and terms. Called once at start-up; must ask nobody. A shop is
        used where the plugin is on for the domain and connected; of two connected ones the first in the operator's
        order. Core makes the tools from it and decides who may see an order. Two shops of one name: the first in the
        operator's order keeps it, the second is reported. An error drops the plugin's shops."""
        return ()

    # Consent: the ledger is core's; a plugin can bring answers, take a yes away, and be told

    @seam("collect", gives=ConsentSource, many=True)
    def consent_sources(self) -> Sequence[ConsentSource]:
        """Consent managers that websites have already, as ways into the one ledger. Called at start-up, and for each
        statement; must do nothing. A source is used where the plugin is on for the domain. Two sources of one name: the
        first in the operator's order keeps it, the second is reported. An error drops the plugin's sources: then
        nothing is recorded from them, and nothing is allowed."""
        return ()

    @seam("gather", gives=Verdict, deadline=2.0)
    async def consent_veto(self, change: ConsentChange) -> Verdict | None:
        """Whether a yes may stand. Called before a yes is recorded, a renewal included, where the plugin is on for the
        domain; all plugins are asked at the same time, and one no is enough. The answer is stored with the event. An
        error, a hang or None means *no consent*: the answer is recorded as a refusal, and whoever asked is told so. The
        same where the plugin does not load any more."""
        return None

    @seam("gather", gives=object, deadline=5.0)
    async def consent_changed(self, change: ConsentChange) -> None:
        """Something was entered into the ledger. Called afterwards, by a worker, where the plugin is on for the domain;
        at least once, so a repetition must do no harm. What it returns is not looked at. Open: an error or a hang is
        reported, and changes nothing for the person or for other plugins."""
        return

    # Services: what core itself needs done outside

    @seam("collect", gives=Mailer, many=True)
    def mailers(self) -> Sequence[Mailer]:
        """Ways to send mail that core writes: transcripts, links, replies. Called whenever mail is sent; must not
        connect. The setting `mailer` names the one that is used; without it the first in the operator's order. An error
        drops the plugin's mailers: then mail waits, and is tried again."""
        return ()

    # Retention: what goes when its time is over. The engine is core's

    @seam("gather", gives=Retention, many=True, closed=True)
    async def retention_rules(self, scope: Scope) -> Sequence[Retention]:
        """Retention classes of this plugin for a domain, and shorter times for known ones, where the plugin is on.

        Called whenever a run is planned. A key that nobody declares is a new class, which marks may name; a known key
        shortens, for this domain. An empty sequence: nothing to say. Closed: an error, a hang, None, or a time that is
        longer than the register's means that nothing is deleted, and so does a plugin that does not load any more; the
        run is incomplete and says why."""
        return ()

    @seam("gather", gives=KeptBack, deadline=10.0, closed=True)
    async def retention_veto(self, expiring: Expiring) -> KeptBack:
        """Persons and rows that must stay for now, for example because a dispute is open in another system.

        Called where the plugin is on, when a run is planned, when an approved one is checked, and before anything is
        deleted, also by a run that goes on after a crash. `KeptBack()`: nothing is kept. Closed: an error, a hang or
        None means that nothing is deleted, and so does a plugin that does not load any more; the run is incomplete and
        says why."""
        return KeptBack()

    @seam("gather", gives=object)
    async def retention_swept(self, swept: Swept) -> None:
        """A run is over: what was deleted, by table. Called once it is on record, where the plugin is on; after a crash
        it may be called again for the same run. What it returns is not read. An error or a hang is reported and changes
        nothing."""

    # Events: what happened

    @seam("gather", gives=object)
    async def breach_declared(self, breach: BreachDeclared) -> None:
        """A breach case was opened, or a drill of one. Called once, after the case is in the register. What is returned
        is not looked at. Open: an error or a hang is reported, and the case goes on."""
        return

    @seam("collect", gives=RootKeysOffer, many=True, closed=True)
    def root_keys(self) -> Sequence[RootKeysOffer]:
        """Places for the root and epoch keys, such as a key service. Called before there is a database, and only where
        the setting `root_keys` names neither `file` nor `environment`: the context's doors are shut, so use the
        settings alone. A key service is reached through the Unix socket of its agent on this machine (HashiCorp Vault
        and the clouds have one): the process guard refuses a connection to a network from anything but the gate.
        Closed: an error here stops the start, for nothing personal could be read."""
        return ()

    # Surface: HTTP

    @seam("collect", gives=Panel, many=True)
    def panels(self) -> Sequence[Panel]:
        """What stands beside a conversation in the inbox. Called once at start-up; a panel is shown where the plugin is
        on for the domain. Two of one name in a plugin: the first stays, the second is reported. An error drops the
        plugin's panels."""
        return ()

    @seam("collect", gives=Page, many=True)
    def pages(self) -> Sequence[Page]:
        """Pages in the dashboard, each with its place in the navigation. Called once at start-up; a page is there where
        the plugin is on for the domain, for whoever has its permission. Two of one name in a plugin: the first stays,
        the second is reported. An error drops the plugin's pages."""
        return ()

    @seam("collect", gives=object)
    def routes(self) -> APIRouter | None:
        """Routes under `/v1/plugins/NAME`, behind core's sign-in and the domain's scope. None for no routes.

        Called once at start-up, after core's own routes. Every route needs `omniops.requires(…)`; a route without a
        permission drops the router. One about a website has `{domain_id}` in its path and `omniops.requires_domain(…)`,
        which gives a `DomainAccess`: its `scope` is the website's, and another account's website is not found.

        A cookie that is not declared never leaves the server: the answer becomes an error.
        """
        return None

    # Life

    @seam("gather", gives=Health, deadline=2.0)
    async def health(self) -> Health | None:
        """How this plugin is now. Called by `/readyz` and `omniops doctor`. None: nothing to say. An error or a hang is
        shown as this plugin's failure and makes nothing else fail."""
        return None


HOOKS: dict[str, Seam] = {name: function.seam for name, function in vars(Plugin).items() if hasattr(function, "seam")}
"""All hooks by name, in the order in which they stand above."""

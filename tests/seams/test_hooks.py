"""Each hook as core asks it: what it gives, who keeps a name that two claim, and what one broken plugin costs."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from omniops import Health, Info, Plugin, hookimpl
from omniops.contracts.breach import BreachDeclared
from omniops.contracts.channel import Channel, ChannelCapabilities
from omniops.contracts.commerce import Commerce
from omniops.contracts.consent import ConsentChange, ConsentSource, Verdict
from omniops.contracts.declaration import Declaration, Processor
from omniops.contracts.integration import Integration
from omniops.contracts.knowledge import EncoderOffer, Fetcher, IndexOffer, Model, Source
from omniops.contracts.mail import Mailer
from omniops.contracts.proof import Probe
from omniops.contracts.provider import Provider
from omniops.contracts.redaction import Redactor
from omniops.contracts.scope import Scope
from omniops.contracts.tools import Tool, ToolAnswer, ToolUse
from omniops.errors import ConfigError, PluginError
from omniops.hookspecs import HOOKS
from omniops.plugins.loading import Plugins
from omniops.plugins.seams import Seams
from omniops.testing import context


@pytest.fixture
def seams(tmp_path):
    """The seams over plugins that give values for one hook; what was reported is in `seams.said`."""

    def build(hook, **values):
        made = {}
        for name, value in values.items():
            made[name] = plugin(hook, value)(context(name, None, folder=tmp_path))
        said = []
        found = Seams(Plugins.of(**made), said.append)
        return found, said

    return build


def plugin(hook, value):
    """A plugin whose hook gives a value, or raises it."""

    def answer(self):
        if isinstance(value, Exception):
            raise value
        return value

    async def answer_later(self):
        found = answer(self)
        return await found if asyncio.iscoroutine(found) else found

    function = hookimpl(answer if HOOKS[hook].verb == "collect" else answer_later)
    body = {"__doc__": "A sample.", "info": Info("Sample", "1.0", ">=0.1,<0.2"), hook: function}
    return type("Sample", (Plugin,), body)


def made(kind, /, **attributes):
    """An object of an abstract class whose methods are not called here."""
    methods = dict.fromkeys(kind.__abstractmethods__, lambda self: None)
    return type(f"Some{kind.__name__}", (kind,), {**methods, **attributes})()


def collected(seams, hook, good, bad=3):
    """What is collected where one plugin is sound, one raises and one gives a wrong type."""
    found, said = seams(hook, raising=ValueError("boom"), sound=[good], wrong=[bad])
    values = getattr(found, hook)()
    assert said == [
        f"Plugin 'raising', {hook}(): ValueError: boom",
        f"Plugin 'wrong', {hook}(): TypeError: gave a sequence with int, not {HOOKS[hook].gives.__name__}",
    ]
    return values


def test_declares_reaches_the_register_and_a_broken_one_drops_its_plugin(seams):
    processor = Processor("x", "X", "processor", ("x.example",), ("DE",), ("chat.respond",))
    found, _ = seams("declares", sound=Declaration(processors=[processor]))
    assert found.loaded[0].declaration.processors == [processor]
    with pytest.raises(PluginError, match="ValueError: boom"):
        seams("declares", raising=ValueError("boom"))


def test_models(seams):
    model = made(Model, name="m", title="M")
    assert collected(seams, "models", model) == (model,)


def test_encoders(seams):
    offer = EncoderOffer("e", "E", 1, lambda: None)
    assert collected(seams, "encoders", offer) == (offer,)


def test_knowledge_indexes(seams):
    offer = IndexOffer("i", "I", lambda parts: None)
    assert collected(seams, "knowledge_indexes", offer) == (offer,)


def test_sources_keep_the_first_of_a_kind(seams):
    first, second = made(Source, kind="site", title="One"), made(Source, kind="site", title="Two")
    assert collected(seams, "sources", first) == {"site": first}
    found, said = seams("sources", one=[first], two=[second])
    assert found.sources() == {"site": first}
    assert said == ["'site' is offered twice; the first one stays."]


def test_fetchers_are_asked_only_where_their_plugin_is_on(seams):
    fetcher = made(Fetcher, name="browser", title="Browser")
    assert collected(seams, "fetchers", fetcher) == (fetcher,)
    found, _ = seams("fetchers", one=[fetcher])
    assert found.fetchers(lambda name: name == "other") == ()


def test_providers_are_asked_only_where_their_plugin_is_on(seams):
    first, second = made(Provider, name="first"), made(Provider, name="second")
    assert collected(seams, "providers", first) == (first,)
    found, _ = seams("providers", one=[first], two=[second])
    assert found.providers() == (first, second)
    assert found.providers(lambda name: name == "two") == (second,)


def test_redactors_are_asked_only_where_their_plugin_is_on_and_a_broken_one_stops_all(seams):
    redactor = made(Redactor, name="names", title="Names of people")
    found, _ = seams("redactors", one=[redactor])
    assert found.redactors() == (redactor,)
    assert found.redactors(lambda name: name == "other") == ()
    for broken, said in ((ValueError("boom"), "ValueError: boom"), ([3], "a sequence with int, not Redactor")):
        found, _ = seams("redactors", one=[redactor], broken=broken)
        with pytest.raises(PluginError, match=said):
            found.redactors()


def test_channels_keep_the_first_of_a_name(seams):
    attributes = {"name": "post", "title": "Post", "capabilities": ChannelCapabilities()}
    first, second = made(Channel, **attributes), made(Channel, **attributes)
    assert collected(seams, "channels", first) == {"post": first}
    found, said = seams("channels", one=[first], two=[second])
    assert found.channels() == {"post": first}
    assert said == ["'post' is offered twice; the first one stays."]


def test_integrations(seams):
    link = made(Integration, name="shop", title="Shop", processor="shop")
    assert collected(seams, "integrations", link) == {"shop": ("sound", link)}


def test_tools_keep_the_first_of_a_name_and_know_their_plugin(seams):
    async def status(use: ToolUse, *, number: str) -> ToolAnswer:
        """Tells where an order is."""
        return ToolAnswer(number)

    first, second = Tool(status, risk="read"), Tool(status, risk="write")
    found, said = seams("tools", one=[first], two=[second])
    assert found.tools() == {"status": ("one", first)}
    assert said == ["Tool 'status' of two is offered twice; the first one stays."]
    found, said = seams("tools", one=ValueError("boom"), two=[second])
    assert found.tools() == {"status": ("two", second)}
    assert "boom" in said[0]


def test_tools_that_no_model_could_understand_are_refused():
    with pytest.raises(ConfigError, match="a docstring"):
        Tool(lambda use: None, risk="read")


def test_tools_take_their_arguments_by_name_and_type_only():
    async def loose(use: ToolUse, number) -> ToolAnswer:
        """Has no type."""

    async def alone(number: str) -> ToolAnswer:
        """Does not say for whom."""

    for function in (loose, alone):
        with pytest.raises(ConfigError, match="arameter"):
            Tool(function, risk="read")


def test_shops_keep_the_first_of_a_name_and_know_their_plugin(seams):
    first, second = made(Commerce, name="shop", title="One"), made(Commerce, name="shop", title="Two")
    assert collected(seams, "shops", first) == {"shop": ("sound", first)}
    found, said = seams("shops", one=[first], two=[second])
    assert found.shops() == {"shop": ("one", first)}
    assert said == ["'shop' is offered twice; the first one stays."]


def test_mailers_stand_in_the_operators_order(seams):
    first, second = made(Mailer, name="first", title="One"), made(Mailer, name="second", title="Two")
    assert collected(seams, "mailers", first) == {"first": first}
    found, _ = seams("mailers", one=[first], two=[second])
    assert list(found.mailers()) == ["first", "second"]


def test_probes_are_classes_and_a_broken_plugin_costs_its_own_only(seams):
    class Holds(Probe):
        """Holds."""

        claims = ("P6",)
        sabotages = ()

        async def run(self, stage):
            return "It holds."

    assert collected(seams, "probes", Holds) == (Holds,)


def test_routes_belong_to_their_plugin_and_none_is_no_routes(seams):
    router = object()
    found, said = seams("routes", routed=router, bare=None, raising=ValueError("boom"))
    assert found.routers() == (("routed", router),)
    assert said == ["Plugin 'raising', routes(): ValueError: boom"]


async def test_health_of_one_plugin_says_nothing_of_another(seams):
    well = Health(True, "The model is there.")
    found, _ = seams("health", well=well, silent=None, raising=ValueError("boom"), wrong="fine")
    answers = {answer.plugin: answer for answer in await found.health()}
    assert answers["well"].value == well
    assert answers["silent"].value is None
    assert answers["silent"].error is None
    assert str(answers["raising"].error) == "Plugin 'raising', health(): ValueError: boom"
    assert "gave str, not Health" in str(answers["wrong"].error)


CHANGE = ConsentChange(
    Scope(uuid4(), uuid4()), uuid4(), "analytics", "given", None, "choice.analytics", "0" * 64, "en", "banner", "none",
    "DE", datetime(2026, 11, 29, tzinfo=UTC),
)  # fmt: skip


def test_consent_sources_keep_the_first_of_a_name_and_know_their_plugin(seams):
    attributes = {"name": "cmp", "title": "CMP", "script": "export default () => {}"}
    first, second = made(ConsentSource, **attributes), made(ConsentSource, **attributes)
    assert collected(seams, "consent_sources", first) == {"cmp": ("sound", first)}
    found, said = seams("consent_sources", one=[first], two=[second])
    assert found.consent_sources() == {"cmp": ("one", first)}
    assert said == ["'cmp' is offered twice; the first one stays."]
    assert found.consent_sources(lambda name: name == "two") == {"cmp": ("two", second)}


async def test_consent_veto_that_is_no_verdict_is_a_no(seams, monkeypatch):
    yes, no = Verdict(True, "fine"), Verdict(False, "not_here")
    hang = asyncio.Event().wait()
    found, said = seams("consent_veto", yes=yes, no=no, silent=None, raising=ValueError("boom"), wrong=True)
    assert await found.consent_veto(CHANGE) == {
        "yes": yes,
        "no": no,
        "silent": Verdict(False, "no_answer"),
        "raising": Verdict(False, "failed"),
        "wrong": Verdict(False, "failed"),
    }
    assert [line.split(",")[0] for line in said] == ["Plugin 'raising'", "Plugin 'wrong'"]
    assert await found.consent_veto(CHANGE, lambda name: name == "yes") == {"yes": yes}
    monkeypatch.setitem(HOOKS, "consent_veto", replace(HOOKS["consent_veto"], deadline=0.02))
    found, _ = seams("consent_veto", hung=hang, yes=yes)
    assert await found.consent_veto(CHANGE) == {"hung": Verdict(False, "no_answer_in_time"), "yes": yes}
    assert found.asked("consent_veto")
    assert not found.asked("consent_changed")


async def test_consent_changed_of_one_that_fails_keeps_nobody_else_from_it(seams):
    found, said = seams("consent_changed", raising=ValueError("boom"), well=None)
    await found.consent_changed(CHANGE)
    assert said == ["Plugin 'raising', consent_changed(): ValueError: boom"]


async def test_breach_declared_tells_all_and_waits_for_no_broken_one(tmp_path):
    told, said = [], []

    class Alarm(Plugin):
        """Is told."""

        info = Info("Alarm", "1.0", ">=0.1,<0.2")

        @hookimpl
        async def breach_declared(self, breach):
            told.append(breach)

    class Broken(Alarm):
        """Is told, and fails."""

        @hookimpl
        async def breach_declared(self, breach):
            raise ValueError("boom")

    made = {name: kind(context(name, None, folder=tmp_path)) for name, kind in (("broken", Broken), ("alarm", Alarm))}
    now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    breach = BreachDeclared(uuid4(), uuid4(), now, now + timedelta(hours=72), drill=True)
    await Seams(Plugins.of(**made), said.append).breach_declared(breach)
    assert told == [breach]
    assert len(said) == 1
    assert "boom" in said[0]

"""A broken plugin is named with its stage and what to do; every other plugin and the server go on."""

import sys

import pytest
from omniops.errors import ConfigError, PluginError
from omniops.plugins.calling import Caller
from omniops.plugins.loading import load
from omniops.settings import Settings
from sqlmodel import SQLModel

GOOD = """
class P(Plugin):
    "A good one."
    info = Info(**INFO)
    @hookimpl
    def models(self): return ()
"""

FAULTY = {
    "missing dependency": ("import", "import nosuchmodule\n" + GOOD, "nosuchmodule"),
    "assertion at import": ("import", "assert False, 'no'\n" + GOOD, "AssertionError"),
    "exit at import": ("import", "raise SystemExit(3)\n" + GOOD, "SystemExit"),
    "no plugin class": ("import", "P = 3", "no subclass of omniops.Plugin"),
    "no info": ("import", "class P(Plugin): pass", "info is missing"),
    "wrong api range": (
        "import",
        GOOD.replace("**INFO", "title='x', version='1', omniops='>=9'"),
        "works with omniops",
    ),
    "unparsable api range": (
        "import",
        GOOD.replace("**INFO", "title='x', version='1', omniops='new'"),
        "no version range",
    ),
    "unmarked column": (
        "import",
        "from omniops import DomainModel\nclass T(DomainModel, table=True):\n    __tablename__='faulty_t'\n    x: str\n"
        + GOOD,
        "has no mark",
    ),
    "failing constructor": ("construct", GOOD + "    def __init__(self, context): raise RuntimeError('boom')", "boom"),
    "exit in constructor": ("construct", GOOD + "    def __init__(self, context): raise SystemExit(1)", "SystemExit"),
    "bad hook signature": ("register", GOOD.replace("models(self)", "models(self, wrong)"), "wrong"),
    "misspelt hook": ("register", GOOD + "    @hookimpl\n    def modles(self): return ()", "modles"),
    "declares the wrong type": (
        "register",
        GOOD + "    @hookimpl\n    def declares(self): return 3",
        "not a Declaration",
    ),
    "declares raises": ("register", GOOD + "    @hookimpl\n    def declares(self): 1/0", "ZeroDivisionError"),
    "undeclared table": (
        "register",
        "from omniops import DomainModel, not_personal\nclass T(DomainModel, table=True):\n"
        "    __tablename__='faulty_t'\n    x: str = not_personal('x')\n" + GOOD,
        "is not declared",
    ),
    "raw table without marks": (
        "register",
        "from sqlmodel import SQLModel\nfrom sqlalchemy import Table, Column, Integer, Text\n"
        "T = Table('faulty_raw', SQLModel.metadata, Column('id', Integer, primary_key=True), Column('x', Text))\n"
        + GOOD,
        "faulty_raw",
    ),
    "bad setting": (
        "settings",
        GOOD + "class S(PluginSettings):\n    port: int\nP.Settings = S",
        "faulty.port",
    ),
}


@pytest.fixture(autouse=True)
def _clean_metadata():
    before = set(SQLModel.metadata.tables)
    yield
    for key in set(SQLModel.metadata.tables) - before:
        SQLModel.metadata.remove(SQLModel.metadata.tables[key])


@pytest.mark.parametrize("fault", FAULTY)
def test_each_fault_is_isolated_and_named(packages, make_context, fault):
    stage, source, said = FAULTY[fault]
    packages.install("faulty", source)
    packages.install("good", GOOD)
    plugins = load(Settings(plugins=["faulty", "good"]), make_context)
    assert [loaded.name for loaded in plugins.loaded] == ["good"]
    report = plugins.reports["faulty"]
    assert (report.state, report.stage) == ("failed", stage)
    assert said in report.problem
    assert "\n" not in report.problem
    assert Caller(plugins.manager).collect("models").values == ((),)


def test_a_failed_plugin_leaves_no_table_behind(packages, make_context):
    packages.install(
        "faulty",
        "from omniops import DomainModel, not_personal\nclass T(DomainModel, table=True):\n"
        "    __tablename__='faulty_t'\n    x: str = not_personal('x')\nimport nosuchmodule\n" + GOOD,
    )
    load(Settings(plugins=["faulty"]), make_context)
    assert "faulty_t" not in SQLModel.metadata.tables


def test_strict_refuses_to_start(packages, make_context):
    packages.install("faulty", FAULTY["failing constructor"][1])
    with pytest.raises(PluginError) as caught:
        load(Settings(plugins=["faulty"], plugin_mode="strict"), make_context)
    assert (caught.value.plugin, caught.value.stage) == ("faulty", "construct")


def test_safe_mode_loads_built_in_ones_only(packages, make_context):
    packages.install("good", GOOD)
    plugins = load(Settings(plugins=["good", "quoting"], plugin_mode="safe"), make_context)
    assert "good" not in [loaded.name for loaded in plugins.loaded]
    assert plugins.reports["good"].problem == "safe mode"
    assert "omniops_good" not in sys.modules


def test_what_is_not_enabled_is_listed_and_never_imported(packages, make_context):
    packages.install("sleeper", "open('/proc/self/comm'); raise AssertionError('imported')")
    plugins = load(Settings(plugins=[]), make_context)
    report = plugins.reports["sleeper"]
    assert (report.state, report.title, report.version) == ("off", "A sample.", "1.0")
    assert "omniops_sleeper" not in sys.modules


def test_one_name_claimed_twice_is_an_error(packages, make_context):
    packages.install("twin", GOOD)
    packages.install("twin", GOOD, distribution="other-twin")
    plugins = load(Settings(plugins=["twin"]), make_context)
    assert plugins.reports["twin"].state == "failed"
    assert "several distributions" in plugins.reports["twin"].problem


def test_a_name_that_is_not_installed_suggests_one_that_is(packages, make_context):
    packages.install("shopify", GOOD)
    plugins = load(Settings(plugins=["shopfy"]), make_context)
    assert "Did you mean 'shopify'?" in plugins.reports["shopfy"].problem


def test_settings_for_an_unknown_plugin_are_an_error(packages, make_context):
    packages.install("good", GOOD)
    settings = Settings(plugins=["good"], plugin_settings={"godo": {"x": "1"}})
    with pytest.raises(ConfigError, match="Did you mean 'good'"):
        load(settings, make_context)


def test_settings_reach_the_plugin_checked(packages, make_context):
    packages.install(
        "good",
        GOOD
        + "    def __init__(self, c): self.port = c.settings.port\nclass S(PluginSettings):\n    "
        + "port: int\nP.Settings = S",
    )
    plugins = load(Settings(plugins=["good"], plugin_settings={"good": {"port": "8"}}), make_context)
    assert plugins.get("good").port == 8


def test_the_operators_order_is_the_calling_order(packages, make_context):
    for name in ("b", "c", "a"):
        packages.install(name, GOOD)
    plugins = load(Settings(plugins=["c", "a", "b"]), make_context)
    assert [answer.plugin for answer in Caller(plugins.manager).collect("models")] == ["c", "a", "b"]

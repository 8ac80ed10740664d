"""Probes and sabotages by themselves: what is replaced, who may replace it, and which tests of tests are good."""

import ast
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import grimp
import omniops
import pytest
from omniops.contracts.proof import Falsified, Probe, Sabotage, Waits, hold
from omniops.errors import ConfigError, Refused, Rejected
from omniops.proof.probes import PROBES
from omniops.proof.report import FORMAT, USE, check, signed
from omniops.proof.runner import SAMPLE, run_probe, sample_of, try_sabotages
from omniops.proof.sabotage import sabotaged
from omniops.settings import Settings, load
from omniops.signing import Signer

ROOT = Path(omniops.__file__).parent


class Lock:
    """A mechanism."""

    shut = True

    def opens(self):
        return not self.shut


@pytest.fixture
def stage():
    return SimpleNamespace(runtime=SimpleNamespace(lock=Lock(), alarm=Lock()))


OPENED = Sabotage("runtime:lock.opens", "the lock", lambda _: lambda: True)


class Locked(Probe):
    """Tries the lock."""

    claims = ("P6",)
    sabotages = (OPENED,)

    async def run(self, stage):
        hold(not stage.runtime.lock.opens(), "It opens.")
        return "It stays shut."


class Leaning(Locked):
    """Stands on the same lock."""

    sabotages = (Sabotage("runtime:alarm.opens", "the alarm", lambda _: lambda: True),)
    rests_on = (OPENED.object,)

    async def run(self, stage):
        hold(not stage.runtime.lock.opens() and not stage.runtime.alarm.opens(), "It opens.")
        return "Both stay shut."


class Blind(Locked):
    """Looks at nothing."""

    async def run(self, stage):
        return "All is well."


class Nervous(Locked):
    """Turns red with a lock that is not its own."""

    sabotages = ()

    async def run(self, stage):
        hold(not stage.runtime.lock.opens(), "Something is wrong.")
        return "Calm."


async def test_a_sabotage_turns_its_probe_red_and_what_rests_on_it(stage):
    (own, alarm) = await try_sabotages([Locked, Leaning], stage, known=[Locked, Leaning])
    assert (own.good, own.red, own.how) == (True, ("Leaning", "Locked"), "the lock")
    assert (alarm.good, alarm.red, alarm.stayed_green) == (True, ("Leaning",), ("Locked",))
    assert (await run_probe(Locked, stage)).state == "proved", "afterwards all is as it was"


async def test_a_probe_that_stays_green_under_its_sabotage_is_no_proof(stage):
    (trial,) = await try_sabotages([Blind], stage, known=[Blind])
    assert (trial.good, trial.problem) == (False, "stayed green: Blind")


async def test_a_sabotage_that_turns_a_stranger_red_is_no_proof(stage):
    (trial,) = await try_sabotages([Locked], stage, known=[Locked, Nervous])
    assert (trial.good, trial.problem) == (False, "turned red without cause: Nervous")


@pytest.mark.parametrize(
    ("raised", "state", "said"),
    [
        (Falsified("It opens."), "failed", "It opens."),
        (Waits("a lock"), "waits", "a lock"),
        (Refused("No way.", reason="x"), "failed", "The way itself was refused: No way."),
        (ZeroDivisionError("secret words"), "failed", "did not come to its end: ZeroDivisionError"),
    ],
)
async def test_a_probe_that_breaks_shows_nothing(stage, raised, state, said):
    class Breaks(Locked):
        """Breaks."""

        async def run(self, stage):
            raise raised

    found = await run_probe(Breaks, stage)
    assert found.state == state
    assert said in found.said
    assert "secret words" not in found.said


@pytest.mark.parametrize("named", ["runtime:lock.shut", "runtime:lock", "omniops.vault.crypto:AESGCM"])
def test_what_was_replaced_stands_again(stage, named):
    def now():
        root, _, path = named.partition(":")
        found = stage.runtime if root == "runtime" else __import__(root, fromlist=["x"])
        for step in path.split("."):
            found = getattr(found, step)
        return found

    before = now()
    with pytest.raises(ZeroDivisionError), sabotaged(Sabotage(named, "it", lambda _: "replaced"), stage.runtime):
        assert now() == "replaced"
        raise ZeroDivisionError
    assert now() is before


def test_a_sabotage_of_nothing_is_an_error(stage):
    with pytest.raises(AttributeError), sabotaged(Sabotage("runtime:door", "it", lambda _: 1), stage.runtime):
        pass


def test_nothing_of_a_deployment_reaches_a_sabotage():
    """The one function that replaces is called by the runner alone, with what stands in a probe's class; the runner is
    called by the command alone. No setting, variable or route has a part in it."""
    graph = grimp.build_graph("omniops", exclude_type_checking_imports=True)
    assert graph.find_modules_that_directly_import("omniops.proof.sabotage") == {"omniops.proof.runner"}
    callers = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Name) and node.id == "try_sabotages"
    }
    assert callers == {"operations/proving.py"}
    assert graph.find_modules_that_directly_import("omniops.operations.proving") == {"omniops.cli.proving"}
    assert not [name for name in Settings.model_fields if "sabotage" in name]
    for module in ("proof/sabotage.py", "proof/runner.py"):
        source = (ROOT / module).read_text("utf-8")
        assert not {"environ", "getenv", "settings", "open(", "request"} & set(source.split())
        names = {n.attr for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Attribute)}
        assert not {"environ", "getenv", "settings", "headers", "query_params"} & names


@pytest.mark.parametrize("name", ["OMNIOPS_SABOTAGE", "OMNIOPS_PROVE_SABOTAGE"])
def test_no_variable_asks_for_a_sabotage(name):
    with pytest.raises(ConfigError, match="Unknown setting"):
        load({name: "1"})


def test_every_probe_has_a_sabotage_of_an_object_that_exists():
    for kind in PROBES:
        assert kind.sabotages, kind.__name__
        assert kind.__doc__, kind.__name__
        for sabotage in kind.sabotages:
            root, _, path = sabotage.object.partition(":")
            if root == "runtime":
                continue
            found = __import__(root, fromlist=["x"])
            for step in path.split("."):
                found = getattr(found, step)


@pytest.mark.parametrize("size", [2, SAMPLE])
def test_in_a_whole_run_every_probe_meets_a_foreign_sabotage(size):
    ways = {(s.object, s.how): s for kind in PROBES for s in kind.sabotages}
    met = set()
    for number, sabotage in enumerate(ways.values(), 1):
        met |= set(sample_of(PROBES, sabotage, number=number, size=size))
    assert met == set(PROBES)


class Root:
    def __init__(self, seed):
        self.seed = seed

    def secret(self, use):
        import hashlib

        return hashlib.sha256(f"{self.seed} {use}".encode()).hexdigest()


@pytest.fixture
def published():
    made = {"format": FORMAT, "made_at": datetime(2026, 11, 29, tzinfo=UTC).isoformat(), "claims": []}
    return signed(made, Signer(Root("a").secret(USE)))


def test_a_report_holds_after_a_journey_through_any_json(published):
    again = json.loads(json.dumps(published, indent=3, sort_keys=False))
    assert check(again)["format"] == FORMAT
    assert check(again, published["key"].upper())


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p["report"].update(made_at="2027-01-01"),
        lambda p: p["report"]["claims"].append({"id": "P1"}),
        lambda p: p.update(signature="00" * 64),
        lambda p: p.update(key=Signer(Root("b").secret(USE)).public_bytes.hex()),
        lambda p: p.update(key="zz"),
        lambda p: p["report"].update(format="other"),
        lambda p: p.pop("report"),
    ],
)
def test_a_report_that_was_changed_does_not_hold(published, change):
    change(published)
    with pytest.raises(Rejected):
        check(published)


def test_a_report_of_somebody_else_is_not_taken_for_the_trusted_one(published):
    with pytest.raises(Rejected, match="not by the key that you trust"):
        check(published, Signer(Root("b").secret(USE)).public_bytes.hex())
    with pytest.raises(Rejected):
        check([1, 2])

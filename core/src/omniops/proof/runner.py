"""Runs probes, as they are and under their sabotages."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal

from omniops.contracts.proof import Falsified, Probe, Sabotage, Stage, Waits
from omniops.errors import OmniOpsError
from omniops.proof.sabotage import sabotaged

SAMPLE = 4
"""How many other probes run under each sabotage and must stay green, unless the run says otherwise."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one probe found. `said` is its evidence, what it saw instead, or what it waits for."""

    probe: str
    claims: tuple[str, ...]
    version: str
    state: Literal["proved", "failed", "waits"]
    said: str
    ms: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Trial:
    """A probe's test of itself: under one sabotage, who turned red that should, and who should not have.

    `good` only if the probe and all its dependants turned red, and none of the sample did.
    """

    probe: str
    version: str
    object: str
    how: str
    good: bool
    red: tuple[str, ...]
    stayed_green: tuple[str, ...]
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


async def run_probe(kind: type[Probe], stage: Stage) -> Outcome:
    """One probe against the runtime as it stands at this moment."""
    begun = time.perf_counter()
    state: Literal["proved", "failed", "waits"] = "proved"
    try:
        said = await kind().run(stage)
    except Waits as waits:
        state, said = "waits", str(waits)
    except Falsified as falsified:
        state, said = "failed", str(falsified)
    except OmniOpsError as error:
        state, said = "failed", f"The way itself was refused: {error}"
    except Exception as error:
        state, said = "failed", f"The probe did not come to its end: {type(error).__name__} ({_place(error)})."
    took = round((time.perf_counter() - begun) * 1000)
    return Outcome(kind.__name__, kind.claims, kind.version(), state, said, took)


async def run_all(kinds: Sequence[type[Probe]], stage: Stage, progress: Progress | None = None) -> list[Outcome]:
    outcomes = []
    for number, kind in enumerate(kinds, 1):
        outcomes.append(await run_probe(kind, stage))
        if progress is not None:
            progress(kind.__name__, number, len(kinds))
    return outcomes


async def try_sabotages(
    kinds: Sequence[type[Probe]],
    stage: Stage,
    *,
    known: Sequence[type[Probe]],
    sample: int = SAMPLE,
    progress: Progress | None = None,
) -> list[Trial]:
    """Each probe of `kinds` under each of its sabotages.

    Under a sabotage run all probes of `known` that rest on its object, which must turn red, and a sample of so many
    others, which must stay green (`sample_of`). All `known` must have been green before.
    """
    ways: dict[tuple[str, str], Sabotage] = {}
    for kind in kinds:
        ways |= {(sabotage.object, sabotage.how): sabotage for sabotage in kind.sabotages}
    trials = []
    for number, sabotage in enumerate(ways.values(), 1):
        others = sample_of(known, sabotage, number=number, size=sample)
        trials += await _trials(kinds, sabotage, stage, known, others)
        if progress is not None:
            progress(f"without {sabotage.how}", number, len(ways))
    return trials


async def _trials(
    kinds: Sequence[type[Probe]],
    sabotage: Sabotage,
    stage: Stage,
    known: Sequence[type[Probe]],
    sample: Sequence[type[Probe]],
) -> list[Trial]:
    """What one sabotage shows of each probe of `kinds` that brings it."""
    dependants = [kind for kind in known if sabotage.object in kind.objects()]
    with sabotaged(sabotage, stage.runtime):
        outcomes = {kind: await run_probe(kind, stage) for kind in (*dependants, *sample)}
    red = tuple(sorted(kind.__name__ for kind, outcome in outcomes.items() if outcome.state == "failed"))
    green = tuple(sorted(kind.__name__ for kind in sample if outcomes[kind].state != "failed"))
    stayed = sorted(kind.__name__ for kind in dependants if _meant(kind, sabotage) and kind.__name__ not in red)
    wrong = sorted(kind.__name__ for kind in sample if kind.__name__ in red)
    problem = ""
    if stayed:
        problem = f"stayed green: {', '.join(stayed)}"
    elif wrong:
        problem = f"turned red without cause: {', '.join(wrong)}"
    return [
        Trial(kind.__name__, kind.version(), sabotage.object, sabotage.how, not problem, red, green, problem)
        for kind in kinds
        if any((own.object, own.how) == (sabotage.object, sabotage.how) for own in kind.sabotages)
    ]


def _meant(kind: type[Probe], sabotage: Sabotage) -> bool:
    """Whether a probe must turn red. One object can be sabotaged in two ways: each way binds the probes that list it,
    and those that rest on the object as a whole."""
    ways = {own.how for own in kind.sabotages if own.object == sabotage.object}
    return sabotage.object in kind.rests_on or sabotage.how in ways


def sample_of(known: Sequence[type[Probe]], sabotage: Sabotage, *, number: int, size: int) -> list[type[Probe]]:
    """The sample under the sabotage of that number: the next few of a fixed shuffle that do not rest on its object, so
    that within one run all probes meet foreign sabotages, in the same way for everybody who runs it."""
    shuffled = sorted(known, key=lambda kind: hashlib.sha256(kind.__name__.encode()).digest())
    begin = number * size % len(shuffled)
    others = (kind for kind in (*shuffled[begin:], *shuffled[:begin]) if sabotage.object not in kind.objects())
    return list(islice(others, size))


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"line {trace.tb_lineno}" if trace is not None else "no line"

"""Where the two cuts of a domain belong, from marks: numbers in, numbers out.

A mark is the strength of a quoted answer and whether it helped. Marks are sorted by strength and put into groups of
equal size; the share of good ones per group is made rising by isotonic regression (pool adjacent violators). The
answer cut belongs where seven of ten helped, the closest cut where three of ten did. Nothing moves without `NEEDED`
marks, some of each kind, and a strength that tells the kinds apart (Mann–Whitney, one-sided at 1 %). A look moves a
cut by at most `STEP`, within bounds. Where cuts move, a mark that turns from bad to good raises
none of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import fmean
from typing import Literal

NEEDED = 100
EACH = 10
"""Marks of either kind: where all agree, nothing says where the border lies."""
GROUPS, LEAST_OF_GROUP = 20, 10
RIGHT, USEFUL = 0.7, 0.3
"""Shares of good marks from which on a quote is an answer, or worth showing. Not nearer to 1: those who are served say
so more rarely than those who are not."""
STEP, LEAST_MOVE = 0.05, 0.01
ANSWER_BOUNDS, CLOSEST_BOUNDS = (0.3, 0.85), (0.15, 0.7)
GAP = 0.05
"""The closest cut lies at least this much below the answer cut."""
Z = 2.326

Why = Literal["changed", "fits", "few", "one_sided", "contradictory"]


@dataclass(frozen=True, slots=True)
class Mark:
    """How strongly a quote resembled its question, and whether the visitor was helped."""

    strength: float
    good: bool


@dataclass(frozen=True, slots=True)
class Cuts:
    """Least strength of an answer, and of closest passages."""

    answer: float
    closest: float


def fit(marks: Sequence[Mark], before: Cuts) -> tuple[Cuts, Why]:
    """The cuts after these marks, and why they are what they are."""
    good = sum(mark.good for mark in marks)
    if len(marks) < NEEDED:
        return before, "few"
    if min(good, len(marks) - good) < EACH:
        return before, "one_sided"
    ordered = sorted(marks, key=lambda mark: mark.strength)
    if not _tells_apart(ordered):
        return before, "contradictory"
    curve = _curve(ordered)
    lowest, highest = ordered[0].strength, ordered[-1].strength
    answer = _moved(before.answer, _where(curve, RIGHT, lowest, highest), ANSWER_BOUNDS)
    closest = _moved(before.closest, _where(curve, USEFUL, lowest, highest), CLOSEST_BOUNDS)
    after = Cuts(answer, min(closest, round(answer - GAP, 4)))
    return after, "fits" if after == before else "changed"


def _tells_apart(ordered: Sequence[Mark]) -> bool:
    """Whether good marks are stronger than bad ones by more than chance; equal strengths count half."""
    below = wins = 0.0
    for _, same in groupby(ordered, key=lambda mark: mark.strength):
        tied = list(same)
        good = sum(mark.good for mark in tied)
        wins += good * (below + (len(tied) - good) / 2)
        below += len(tied) - good
    pairs = below * (len(ordered) - below)
    return (wins - pairs / 2) / math.sqrt(pairs * (len(ordered) + 1) / 12) >= Z


def _curve(ordered: Sequence[Mark]) -> list[tuple[float, float]]:
    """Points (strength, share of good marks), one per group, whose shares never fall: neighbours that do are pooled."""
    count = min(GROUPS, len(ordered) // LEAST_OF_GROUP)
    edges = [len(ordered) * number // count for number in range(count + 1)]
    groups = [ordered[start:end] for start, end in pairwise(edges)]
    pools: list[tuple[float, int, int]] = []
    for group in groups:
        pools.append((float(sum(mark.good for mark in group)), len(group), 1))
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            (good2, size2, groups2), (good1, size1, groups1) = pools.pop(), pools.pop()
            pools.append((good1 + good2, size1 + size2, groups1 + groups2))
    shares = [good / size for good, size, pooled in pools for _ in range(pooled)]
    return [(fmean(mark.strength for mark in group), share) for group, share in zip(groups, shares, strict=True)]


def _where(curve: Sequence[tuple[float, float]], share: float, lowest: float, highest: float) -> float:
    """The strength at which the share is reached: between groups in a straight line, else at the outermost mark."""
    if curve[0][1] >= share:
        return lowest
    for (place, below), (after, above) in pairwise(curve):
        if above >= share:
            return place + (share - below) / (above - below) * (after - place)
    return highest


def _moved(before: float, wanted: float, bounds: tuple[float, float]) -> float:
    """A step towards what is wanted. A cut that stands outside the bounds is never thrown far, only led back."""
    target = min(max(wanted, bounds[0]), bounds[1])
    step = min(max(target - before, -STEP), STEP)
    return before if abs(step) < LEAST_MOVE else round(before + step, 4)

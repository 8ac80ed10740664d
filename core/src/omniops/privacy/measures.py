"""Supplementary measures of a transfer, as far as code can see whether they are in force.

Where the law of a country asks for more than a contract, the assessment of the transfer names what is done beside it
(EDPB Recommendations 01/2020, annex 2). A measure that is only written down protects nobody: the register looks at each
one that an assessment names, at every call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from omniops.contracts.declaration import Processor


@dataclass(frozen=True, slots=True)
class Measure:
    """`title` says what is done; `holds` looks whether it is in force for a processor now."""

    title: str
    holds: Callable[[Processor], bool]


MEASURES: Mapping[str, Measure] = {
    "tls_1_3": Measure("what is sent is encrypted with TLS 1.3 on its way", lambda one: one.tls == "1.3"),
    "zero_retention": Measure(
        "the receiver keeps nothing, by a contract that the settings name", lambda one: "zero_retention" in one.measures
    ),
}
"""By key, as `omniops privacy register sign --measure` takes it."""


def missing(processor: Processor, wanted: Iterable[str]) -> list[str]:
    """Those of the measures that are off now. One that is not known counts as off."""
    return [key for key in wanted if (known := MEASURES.get(key)) is None or not known.holds(processor)]

"""A register in which the operator signed everything: for tests that are about something else than contracts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from omniops.contracts.declaration import Declaration
from omniops.contracts.scope import Actor
from omniops.privacy.register import CONTRACT
from omniops.privacy.register_models import ProcessorSignature
from omniops.privacy.signatures import Terms
from omniops.privacy.terms import NoTerms
from omniops.privacy.transfers import ORIGINS

if TYPE_CHECKING:
    from omniops.runtime import Runtime

_BEGAN = datetime(2020, 1, 1, tzinfo=UTC)


class AllSigned(NoTerms):
    """Contract and mechanisms for every processor of a declaration."""

    def __init__(self, declaration: Declaration) -> None:
        self._processors = {processor.key: processor for processor in declaration.processors}

    def signed(self, processor: str) -> Sequence[ProcessorSignature]:
        one = self._processors[processor]
        return [
            ProcessorSignature(
                processor=one.key,
                party=one.party,
                kind=kind,
                origins=list(ORIGINS),
                countries=list(one.countries),
                module="",
                source="a test",
                document="",
                assessment="",
                valid_from=_BEGAN,
                signed_by="test",
                signed_at=_BEGAN,
            )
            for kind in (CONTRACT, "none_needed")
        ]


async def sign_all(runtime: Runtime) -> None:
    """Signs with every processor of a runtime, by way of the operator's own act."""
    for entry in runtime.register.all():
        await runtime.privacy.signatures.sign(
            entry.processor.key, Terms(("none_needed",), source="a test"), actor=Actor.operator()
        )

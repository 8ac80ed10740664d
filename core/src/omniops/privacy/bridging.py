"""From a website's own consent manager into the ledger: read by a plugin, judged like every other answer."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from omniops.contracts.consent import ConsentSource, Statement
from omniops.contracts.ids import Clock
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.scope import Scope
from omniops.errors import OmniOpsError, Rejected
from omniops.privacy.consents import Browser, Consents
from omniops.privacy.ledger import Answer, Circumstances

MOST_FACTS = 20
LONGEST_FACT = 100


class Bridge:
    """Takes statements of consent managers."""

    def __init__(self, consents: Consents, clock: Clock) -> None:
        self._consents = consents
        self._clock = clock

    async def source(self, scope: Scope, name: str) -> tuple[str, ConsentSource]:
        """A source that is on for the domain, with its plugin. Raises `NotFound`."""
        return await self._consents.voices.source(scope, name)

    async def take(
        self,
        scope: Scope,
        token: str | None,
        source: ConsentSource,
        statement: str,
        settings: PluginSettings,
        circumstances: Circumstances,
    ) -> Browser:
        """Keeps what a statement says. `circumstances` are those of the request; the method becomes the source's name.

        Raises `Rejected` for a statement that cannot be read, whatever the plugin does with it, and as
        `Consents.choose` does: then nothing is allowed by it.
        """
        if len(statement) > source.longest:
            raise Rejected(f"At most {source.longest} characters are taken.", code="too_long", where="statement")
        said = self._read(source, statement, settings)
        version = hashlib.sha256(statement.encode()).hexdigest()
        notice = f"source.{source.name}"
        answers = [Answer(purpose, given, notice, version) for purpose, given in said.answers.items()]
        facts = {str(key): _cut(value) for key, value in list(said.facts.items())[:MOST_FACTS]}
        how = replace(circumstances, method=source.name, statement=facts)
        return await self._consents.choose(scope, token, answers, how)

    def _read(self, source: ConsentSource, statement: str, settings: PluginSettings) -> Statement:
        try:
            said = source.read(statement, settings, self._clock.now())
        except OmniOpsError:
            raise
        except Exception as error:
            raise Rejected("The statement could not be read.", code="unreadable", where="statement") from error
        fits = isinstance(said, Statement) and all(type(given) is bool for given in said.answers.values())
        if not fits or not said.answers:
            raise Rejected("The statement says nothing about a purpose.", code="nothing_said", where="statement")
        return said


def _cut(value: str | int) -> str | int:
    return value if isinstance(value, int) else str(value)[:LONGEST_FACT]

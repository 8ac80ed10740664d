"""The built-in answerer without an LLM: it quotes the site, names the source, and says when it found nothing."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Info, Plugin, hookimpl
from omniops.contracts.provider import Provider


class QuotingPlugin(Plugin):
    """Answers by quoting two sentences of the site, without any AI vendor."""

    info = Info(title="Quoting answerer", version="0.1.0", omniops=">=0.1,<0.2")

    @hookimpl
    def providers(self) -> Sequence[Provider]:
        from omniops.defaults.quoting.provider import QuotingProvider

        return [QuotingProvider(self.context.encoder)]

"""The plugin's hooks."""

from __future__ import annotations

from collections.abc import Sequence

from omniops import Health, Info, Plugin, PluginContext, hookimpl
from omniops.contracts.knowledge import Encoder, EncoderOffer, Model

from omniops_minilm.model import MiniLMModel
from omniops_minilm.settings import MiniLMSettings


class MiniLMPlugin(Plugin):
    """Finds passages by meaning: the sentence encoder MiniLM-L6-v2."""

    info = Info(title="MiniLM sentence encoder", version="0.1.0", omniops=">=0.1,<0.2")
    Settings = MiniLMSettings

    def __init__(self, context: PluginContext) -> None:
        super().__init__(context)
        self._model = MiniLMModel(context.folder, context.settings.path)

    @hookimpl
    def models(self) -> Sequence[Model]:
        return [self._model]

    @hookimpl
    def encoders(self) -> Sequence[EncoderOffer]:
        missing = None if self._model.installed() else "its model is not installed (`omniops models install minilm`)"
        return [
            EncoderOffer(
                name="minilm",
                title="MiniLM-L6-v2",
                rank=100,
                open=self._open,
                missing=missing,
                languages=frozenset({"en"}),
            )
        ]

    @hookimpl
    async def health(self) -> Health | None:
        folder = self._model.installed()
        return Health(folder is not None, f"model in {folder}" if folder else "the model is not installed")

    def _open(self) -> Encoder:
        from omniops_minilm.encoder import MiniLMEncoder, check

        folder = self._model.installed()
        assert folder is not None
        encoder = MiniLMEncoder(str(folder), self.context.settings.threads)
        check(encoder)
        return encoder

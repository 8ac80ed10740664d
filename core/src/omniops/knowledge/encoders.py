"""The deployment's sentence encoder: chosen once, opened when it is first needed, kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from omniops.contracts.knowledge import Encoder, EncoderOffer
from omniops.contracts.plugin import Log
from omniops.errors import ConfigError, OmniOpsError


class Encoders:
    """Call it for the encoder, or None where none can be opened; `said` tells people which and why."""

    def __init__(self, offers: Callable[[], Sequence[EncoderOffer]], name: str | None, log: Log) -> None:
        self._offers = offers
        self._name = name
        self._log = log
        self._opened: Encoder | None = None
        self._tried = False
        self.said = "no encoder was needed yet"

    def __call__(self) -> Encoder | None:
        if not self._tried:
            self._tried = True
            self._opened = self._open()
        return self._opened

    def _open(self) -> Encoder | None:
        """The best offer that opens; the next one where it does not, so that a broken model never stops answers."""
        if self._name == "none":
            self.said = "switched off by the setting `encoder`"
            return None
        offers = sorted(self._offers(), key=lambda offer: -offer.rank)
        if self._name is not None:
            offers = [offer for offer in offers if offer.name == self._name]
            if not offers:
                raise ConfigError(f"The setting encoder = {self._name!r} names an encoder that no plugin offers.")
        missing = []
        for offer in offers:
            if offer.missing:
                missing.append(f"{offer.name}: {offer.missing}")
                continue
            try:
                opened = offer.open()
            except OmniOpsError as error:
                missing.append(f"{offer.name}: {error}")
                self._log.warning("encoder.failed", encoder=offer.name, said=str(error))
                continue
            self.said = f"{offer.title} ({opened.id})" + (f"; not used: {'; '.join(missing)}" if missing else "")
            self._log.info("encoder.opened", encoder=offer.name, id=opened.id)
            return opened
        self.said = f"none ({'; '.join(missing) or 'no plugin offers one'})"
        self._log.warning("encoder.none", why=missing)
        return None

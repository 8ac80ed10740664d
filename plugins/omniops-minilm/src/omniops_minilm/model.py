"""Installing the model once per machine: `omniops models install minilm`."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from omniops.contracts.knowledge import Model
from omniops.errors import NotReady, Rejected

from omniops_minilm.build import in_child
from omniops_minilm.files import HUB, MODEL, SHA256, TOKENIZER, licences, packaged, verify

Progress = Callable[[str, float], None]
Download = Callable[[str], bytes]


class MiniLMModel(Model):
    """The int8 file and its tokenizer, in the plugin's folder."""

    name = "minilm"
    title = "MiniLM-L6-v2 sentence encoder, int8, 23 MB"

    def __init__(self, folder: Path, override: Path | None) -> None:
        self._folder = folder
        self._override = override

    def installed(self) -> Path | None:
        own = Path(__file__).parent / "model"
        for folder in (self._override, own, self._folder):
            if folder is not None and (folder / MODEL).is_file() and (folder / TOKENIZER).is_file():
                return folder
        return None

    def local_source(self) -> str | None:
        found = packaged()
        return f"the installed package {found[0]}" if found is not None and _can_convert() else None

    def install(self, *, source: str | None, progress: Progress, download: Download | None) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        work = self._folder / f".install-{secrets.token_hex(4)}"
        work.mkdir()
        try:
            self._make(work, source, progress, download)
            progress("checking", 0.9)
            in_child("check", work)
            for path in work.iterdir():
                os.replace(path, self._folder / path.name)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        progress("installed", 1.0)
        return self._folder

    def _make(self, work: Path, source: str | None, progress: Progress, download: Download | None) -> None:
        """Fills the folder `work` with the int8 file and the tokenizer."""
        if source not in (None, "package", "hub"):
            given = Path(str(source))
            if (given / MODEL).is_file():
                progress("copying", 0.3)
                shutil.copy(given / MODEL, work)
                shutil.copy(given / TOKENIZER, work)
                verify(work / TOKENIZER, TOKENIZER)
                return
            folder = given
        elif source != "hub" and (found := packaged()) is not None:
            folder = found[1]
        elif download is not None and source in (None, "hub"):
            folder = self._download(work, progress, download)
        else:
            raise NotReady(
                "There is no source for the MiniLM model on this machine.",
                do="Run `omniops models install minilm --from-hub`, or name a folder with --from.",
            )
        _convert(folder, work, progress)

    def _download(self, work: Path, progress: Progress, download: Download) -> Path:
        target = work / "source"
        target.mkdir()
        for number, name in enumerate(SHA256):
            progress(f"downloading {name}", 0.1 + 0.2 * number)
            (target / name).write_bytes(download(f"{HUB}/{name}"))
        return target


def _can_convert() -> bool:
    from importlib.util import find_spec

    return all(find_spec(name) is not None for name in ("onnx", "safetensors"))


def _convert(folder: Path, work: Path, progress: Progress) -> None:
    for name in SHA256:
        if not (folder / name).is_file():
            raise Rejected(f"{folder} has no {name}.", code="missing_file")
        progress(f"checking {name}", 0.4)
        verify(folder / name, name)
    if not _can_convert():
        raise NotReady(
            "Converting the model needs two more libraries.", do="Run `pip install 'omniops-minilm[convert]'`."
        )
    progress("converting", 0.5)
    in_child("convert", folder / "model.safetensors", folder / "config.json", work / MODEL)
    shutil.copy(folder / TOKENIZER, work / TOKENIZER)
    for path in licences(folder):
        shutil.copy(path, work / f"model-{path.name}")
    shutil.rmtree(work / "source", ignore_errors=True)

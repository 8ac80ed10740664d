"""Which plugins there are, and which of them this deployment uses."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from omniops.errors import ConfigError, NotFound
from omniops.operations.loading import seams_without_database
from omniops.plugins.loading import Report
from omniops.plugins.seams import Seams
from omniops.settings import Loaded, Settings


def reports(settings: Settings) -> list[Report]:
    """Every plugin that is installed or enabled: the enabled ones first, in the operator's order."""
    if settings.plugin_mode == "strict":  # the first failure would hide all others
        settings = settings.model_copy(update={"plugin_mode": "normal"})
    seams, _ = seams_without_database(settings)
    return list(seams.reports.values())


def alone(settings: Settings, name: str) -> tuple[Report, Seams]:
    """The plugin loaded by itself, with the operator's settings. Raises `NotFound` for what is not installed."""
    installed = {report.name for report in reports(settings) if report.distribution}
    if name not in installed:
        raise _unknown(name, installed)
    seams, _ = seams_without_database(
        settings.model_copy(update={"plugins": [name], "plugin_mode": "normal", "encoder": "none"})
    )
    return seams.reports[name], seams


def enable(loaded: Loaded, name: str) -> Report:
    """Adds an installed plugin at the end of the settings file's list, and says how it loads.

    Raises `NotFound` for what is not installed, and `ConfigError` where the file is not what decides.
    """
    report, _ = alone(loaded.settings, name)
    if name not in loaded.settings.plugins:
        _write(loaded, lambda names: [*names, name] if name not in names else names)
    return report


def disable(loaded: Loaded, name: str) -> None:
    """Takes a plugin out of the settings file's list. Its data stays.

    Raises `NotFound` for a name that is neither enabled nor installed, and `ConfigError` where the file is not what
    decides.
    """
    if name not in loaded.settings.plugins:
        known = {report.name for report in reports(loaded.settings)}
        if name not in known:
            raise _unknown(name, known)
        return
    _write(loaded, lambda names: [one for one in names if one != name])


def _unknown(name: str, known: Iterable[str]) -> NotFound:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f"Did you mean {close[0]!r}?" if close else "`omniops plugin list` shows all that are installed."
    return NotFound(f"No installed distribution provides a plugin {name!r}.", do=hint)


def _write(loaded: Loaded, change: Callable[[list[str]], list[str]]) -> None:
    """Changes the list in the settings file and nothing else in it. Comments and order stay."""
    if loaded.sources["plugins"] == "environment":
        wanted = ",".join(change(list(loaded.settings.plugins)))
        raise ConfigError(
            "The environment variable OMNIOPS_PLUGINS decides which plugins are enabled, not the settings file.",
            do=f"Set OMNIOPS_PLUGINS={wanted}, or remove it.",
        )
    assert loaded.file is not None
    try:
        document = tomlkit.parse(loaded.file.read_text()) if loaded.file.exists() else tomlkit.document()
        names = change(_names(loaded))
        listed = document.get("plugins")
        if isinstance(listed, list):
            _align(listed, names)
        else:
            document["plugins"] = names
        _replace(loaded.file, tomlkit.dumps(document))
    except (OSError, TOMLKitError) as error:
        raise ConfigError(
            f"The settings file {loaded.file} cannot be changed: {error}.",
            do=f"Write into it: plugins = {change(_names(loaded))}",
        ) from error


def _names(loaded: Loaded) -> list[str]:
    """The list that holds now. Of the default one only what is installed: a plugin that is named must be there."""
    names = list(loaded.settings.plugins)
    if loaded.sources["plugins"] != "default":
        return names
    installed = {report.name for report in reports(loaded.settings) if report.distribution}
    return [name for name in names if name in installed]


def _align(listed: Any, names: list[str]) -> None:
    """Makes the file's list equal to `names` one item at a time, so that comments between items stay."""
    for name in [name for name in listed if name not in names]:
        listed.remove(name)
    for name in names:
        if name not in listed:
            listed.append(name)


def _replace(file: Path, text: str) -> None:
    """The new content, whole or not at all, with the old one's permissions."""
    file.parent.mkdir(parents=True, exist_ok=True)
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
    descriptor, work = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            os.fchmod(stream.fileno(), mode)
        os.replace(work, file)
    except BaseException:
        Path(work).unlink(missing_ok=True)
        raise

"""Runs the conformance suites that fit a plugin, with pytest, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from omniops.errors import NotReady
from omniops.plugins.seams import Seams

_HEAD = '''"""The conformance suites for the plugin {name!r}, written by `omniops plugin check`."""

from omniops.settings import load
from omniops.testing import {suites}

SETTINGS = load().settings.plugin_settings.get({name!r}, {{}})


class TestPlugin(PluginSuite):
    plugin_name = {name!r}
    settings = SETTINGS
'''
_CLASS = """

class {title}({suite}):
    plugin_name = {name!r}
    settings = SETTINGS
    {attribute} = {item!r}
"""


def check(name: str, seams: Seams) -> bool:
    """Whether the plugin, loaded alone in `seams`, passes. pytest writes to standard output what it finds.

    Raises `NotReady` where pytest is not installed.
    """
    missing = [package for package in ("pytest", "pytest_asyncio") if find_spec(package) is None]
    if missing:
        raise NotReady(
            f"The suites run on {' and '.join(missing)}, which is not installed here.",
            do="Run `pip install 'omniops[test]'`.",
        )
    with tempfile.TemporaryDirectory(prefix="omniops-check-") as folder:
        file = Path(folder) / f"test_{name}.py"
        file.write_text(_module(name, seams))
        options = ["-q", "-ra", "--no-header", "--tb=short", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider"]
        options += ["-o", "asyncio_default_fixture_loop_scope=function"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, "-c", os.devnull, f"--rootdir={folder}", str(file)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"},
            check=False,
        )
    return done.returncode == 0


def _module(name: str, seams: Seams) -> str:
    found = list(_fitting(seams))
    suites = ", ".join(sorted({"PluginSuite", *(suite for suite, _, _ in found)}))
    classes = [
        _CLASS.format(
            title=f"Test{suite.removesuffix('Suite')}{number}", suite=suite, name=name, attribute=attribute, item=item
        )
        for number, (suite, attribute, item) in enumerate(found, 1)
    ]
    return _HEAD.format(name=name, suites=suites) + "".join(classes)


def _fitting(seams: Seams) -> Iterator[tuple[str, str, str]]:
    """The suite for each thing that the plugin offers, and by which attribute it is named there."""
    for provider in seams.providers():
        yield "ProviderSuite", "provider_name", provider.name
    for channel in seams.channels():
        yield "ChannelSuite", "channel_name", channel
    for integration in seams.integrations():
        yield "IntegrationSuite", "integration_name", integration
    for encoder in seams.encoders():
        yield "EncoderSuite", "encoder_name", encoder.name
    for source in seams.sources():
        yield "SourceSuite", "source_kind", source
    for index in seams.knowledge_indexes():
        yield "KnowledgeIndexSuite", "index_name", index.name

"""What broken plugins have in common, and those that break what every plugin must be."""

import socket
from contextlib import suppress

from omniops import Info, Plugin, PluginSettings, hookimpl
from omniops.contracts.declaration import Declaration, Processor

INFO = Info(title="Sample", version="1.0", omniops=">=0.1,<0.2")
OUTSIDE = Processor("outside", "Outside Ltd", "processor", ("api.outside.example",), ("DE",), ("chat.respond",))
API = "https://api.outside.example"
BROKEN = {}


def broken(cls):
    cls.info = INFO
    BROKEN[cls.__name__.lower()] = cls
    return cls


# What every plugin must be


@broken
class Vague(Plugin):
    """No sentence"""


@broken
class Undescribed(Plugin):
    """A sample."""

    class Settings(PluginSettings):
        shade: str = "red"


@broken
class Unmarked(Plugin):
    """A sample."""

    def providers(self):
        return []


@broken
class Writes(Plugin):
    """A sample."""

    def __init__(self, context):
        (context.folder / "cache").write_text("x")


@broken
class Connects(Plugin):
    """A sample."""

    def __init__(self, context):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=1)


@broken
class Heavy(Plugin):
    """A sample."""

    def __init__(self, context):
        import numpy  # noqa: F401


@broken
class Undeclared(Plugin):
    """A sample."""

    @hookimpl
    def declares(self):
        return Declaration(processors=[Processor("x", "X", "processor", ("x.example",), ("DE",), ("no.such.purpose",))])


@broken
class Urlhost(Plugin):
    """A sample."""

    @hookimpl
    def declares(self):
        return Declaration(processors=[Processor("x", "X", "processor", ("https://x",), ("DE",), ("chat.respond",))])


@broken
class Wrongtype(Plugin):
    """A sample."""

    @hookimpl
    def channels(self):
        return [3]


@broken
class Ill(Plugin):
    """A sample."""

    @hookimpl
    async def health(self):
        raise ValueError("ill")

"""One web process: socket, runtime, guard, uvicorn."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
import ssl
import time
from types import FrameType

import uvicorn

from omniops import logs
from omniops.bootstrap import Prepared, prepared
from omniops.conversation.warming import warming
from omniops.errors import ConfigError
from omniops.gate.guard import loop_factory
from omniops.process import end_with_parent, guarded
from omniops.runtime import Runtime
from omniops.server.app import create_app
from omniops.settings import Settings

GRACE_SECONDS = 5
"""How long open answers may go on after a stop was asked for; streams are ended at once."""


PATIENCE_SECONDS = 2.0
"""How long a taken port is waited for: the processes of a start that was killed are just going away."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `ConfigError` when the port is taken or may not be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    patient_until = time.monotonic() + PATIENCE_SECONDS
    try:
        while True:
            try:
                listener.bind((host, port))
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() > patient_until:
                    raise
                time.sleep(0.1)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"Port {port} on {host} cannot be used: {error.strerror}.",
            do="Stop what listens there, or choose another with OMNIOPS_PORT.",
        ) from error
    listener.setblocking(False)
    return listener


class Server(uvicorn.Server):
    """uvicorn that tells open streams to end as soon as a stop is asked for."""

    stopping: asyncio.Event

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.stopping.set()
        super().handle_exit(sig, frame)


def serve(settings: Settings, listener: socket.socket, *, supervised: bool) -> None:
    """Serves until a signal, or until the supervisor is gone."""
    logs.configure(settings.log_level, settings.log_format)
    if supervised:
        end_with_parent()
    with prepared(settings, create=False) as ready:
        guarded(ready)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve(settings, ready, listener))


async def _serve(settings: Settings, ready: Prepared, listener: socket.socket) -> None:
    async with Runtime.open(settings, ready.links, ready.root) as runtime:
        app = create_app(runtime)
        server = Server(listening_config(settings, app))
        server.stopping = app.state.stopping
        # What lives from now to the end is not looked at again: a full collection would stall every open stream.
        gc.collect()
        gc.freeze()
        async with warming(runtime.seams.providers(), runtime.log):
            await server.serve(sockets=[listener])


def listening_config(settings: Settings, app: object) -> uvicorn.Config:
    """How uvicorn listens: by TLS 1.3 and nothing older, where there is a certificate."""
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=20,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
    return config

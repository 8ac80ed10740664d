"""`python -m omniops.demo.serve`: the shop on a port of this machine, until its stdin ends or a signal comes."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import threading
from collections.abc import Sequence

import uvicorn

from omniops.demo.site import WidgetTag, create_app

HOST = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves the shop. Prints `ready http://127.0.0.1:<port>` once connections are taken. Returns the exit status."""
    options = _options(arguments)
    try:
        tag = WidgetTag(options.widget_src, options.widget_key) if options.widget_src else None
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, options.port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        print(f"Port {options.port} on {HOST} cannot be used: {_reason(error)}", file=sys.stderr)
        return 1
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(tag),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
    # The pipe to whoever started the shop: when it ends, however that came about, the shop ends too.
    threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True, name="stdin").start()
    print(f"ready http://{HOST}:{listener.getsockname()[1]}", flush=True)
    asyncio.run(server.serve(sockets=[listener]))
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m omniops.demo.serve", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port on this machine; 0 takes a free one")
    parser.add_argument("--widget-src", metavar="URL", help="address of the chat widget's script")
    parser.add_argument("--widget-key", metavar="KEY", help="the domain's public widget key")
    options = parser.parse_args(arguments)
    if bool(options.widget_src) != bool(options.widget_key):
        parser.error("--widget-src and --widget-key belong together: give both or none.")
    return options


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())

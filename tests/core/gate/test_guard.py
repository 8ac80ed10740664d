"""The process guard: every way around the gate that we know is tried, with the guard and, to prove the attack,
without."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ATTACKS = [
    "with_urllib",
    "raw_socket",
    "connect_ex",
    "in_a_thread",
    "subclass",
    "datagram",
    "c_connect",
    *(
        f"{name}:{loop}"
        for loop in ("asyncio", "uvloop")
        for name in ("streams", "with_httpx2", "with_aiohttp", "endpoint")
    ),
]
LOOK_UPS = ["look_up", "look_up_info", "c_resolver", "loop_look_up:asyncio", "loop_look_up:uvloop"]
REFUSED = 7


class Canary:
    """A server on loopback that counts what reaches it, over TCP and UDP."""

    def __init__(self) -> None:
        self.hits = 0
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.udp.settimeout(0.2)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            self.hits += 1
            connection.recv(1000)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
            connection.close()

    def datagrams(self) -> int:
        try:
            self.udp.recv(100)
        except TimeoutError:
            return 0
        return 1

    def close(self) -> None:
        self.tcp.close()
        self.udp.close()


@pytest.fixture
def canary():
    canary = Canary()
    yield canary
    canary.close()


def attack(name: str, port: int, mode: str) -> subprocess.CompletedProcess[str]:
    script = Path(__file__).with_name("guard_attack.py")
    return subprocess.run(
        [sys.executable, script, name, str(port), mode], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_works_without_the_guard_and_not_with_it(canary, name):
    free = attack(name, canary.port, "open")
    assert free.returncode == 0, free.stdout + free.stderr
    reached = canary.hits
    assert reached + canary.datagrams() == 1
    held = attack(name, canary.port, "guarded")
    assert held.returncode == REFUSED, held.stdout + held.stderr
    assert (canary.hits, canary.datagrams()) == (reached, 0)


@pytest.mark.parametrize("name", LOOK_UPS)
def test_a_look_up_carries_nothing_out(canary, name):
    held = attack(name, canary.port, "guarded")
    assert held.returncode == REFUSED, held.stdout + held.stderr


GATE_PASSES = """
import asyncio, sys
sys.path.insert(0, {folder!r})
from conftest import MemoryLedger, MemoryRegister
from omniops.gate.grants import Allow, Grant
from omniops.gate.guard import Guard, install, loop_factory
from omniops.gate.http import client
from omniops.gate.crawl import Crawler, read_capped
from omniops.gate.service import Gate
port = {port}
register = MemoryRegister()
for key in ("vendor", "own-site"):
    register.entries[key, "127.0.0.1", port] = ("p", frozenset(), "1.3")
    register.entries[key, "localtest.example", port] = ("p", frozenset(), "1.3")
for host in ("127.0.0.1", "localtest.example"):
    register.allows[host, port] = Allow(host, port, "test", plaintext=True)
async def main():
    gate = Gate(register, MemoryLedger())
    async with client(gate, Grant("vendor", "p")) as http:
        assert (await http.get(f"http://127.0.0.1:{{port}}/")).text == "ok"
    crawler = Crawler(gate, Grant("own-site", "p"), user_agent="t")
    async with crawler.get(f"http://127.0.0.1:{{port}}/", {{}}) as answer:
        assert await read_capped(answer, 100) == b"ok"
    await crawler.close()
guard = Guard()
install(guard)
with asyncio.Runner(loop_factory={loop}) as runner:
    runner.run(main())
print("refused", guard.refused)
"""


@pytest.mark.parametrize("loop", ["loop_factory()", "asyncio.new_event_loop"])
def test_the_gate_itself_passes(canary, loop):
    code = GATE_PASSES.format(folder=str(Path(__file__).parent), port=canary.port, loop=loop)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.strip() == "refused 0", done.stderr[-2000:]
    assert canary.hits == 2


def test_a_refusal_is_reported_at_once_with_its_target():
    code = (
        "import socket\nfrom omniops.gate.guard import Guard, install\nseen = []\n"
        "install(Guard(on_refused=lambda event, target: seen.append((event, target))))\n"
        "try: socket.create_connection(('93.184.216.34', 443))\nexcept Exception: pass\nprint(seen)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert "('A connection', \"('93.184.216.34', 443)\")" in done.stdout


def test_the_guard_is_installed_once():
    code = "from omniops.gate.guard import Guard, install\ninstall(Guard())\n"
    code += "try: install(Guard())\nexcept RuntimeError: print('once')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "once"


def test_local_sockets_and_servers_stay_free(tmp_path):
    code = (
        "import socket, threading\nfrom omniops.gate.guard import Guard, install\ninstall(Guard())\n"
        f"server = socket.socket(socket.AF_UNIX); server.bind({str(tmp_path / 's')!r}); server.listen()\n"
        f"client = socket.socket(socket.AF_UNIX); client.connect({str(tmp_path / 's')!r})\n"
        "listener = socket.create_server(('127.0.0.1', 0)); print('free')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.strip() == "free", done.stderr

"""The generated outbound list holds back what the process guard cannot see: a subprocess with its own sockets."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from omniops.gate.egress import Way, nftables, proxy

LISTED, UNLISTED = "10.199.7.2", "10.199.7.3"
PORT = 8443


def run(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=check)


@contextmanager
def namespace():
    """A host of its own, joined to this one by a cable; the far end answers on two addresses."""
    for tool in ("ip", "nft"):
        assert shutil.which(tool), f"{tool} is missing: apt-get install iproute2 nftables"
    name = f"omniops{os.getpid() % 10000}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        run("ip", "addr", "add", f"{LISTED}/24", "dev", f"{name}a")
        run("ip", "addr", "add", f"{UNLISTED}/24", "dev", f"{name}a")
        run("ip", "link", "set", f"{name}a", "up")
        for command in ("addr add 10.199.7.1/24 dev {}b", "link set {}b up", "link set lo up"):
            run("ip", "-n", name, *command.format(name).split())
        yield name
    finally:
        run("ip", "netns", "del", name, check=False)
        run("ip", "link", "del", f"{name}a", check=False)


@pytest.fixture
def hits():
    seen: list[str] = []
    server = socket.create_server(("0.0.0.0", PORT))

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            seen.append(connection.getsockname()[0])
            connection.close()

    threading.Thread(target=accept, daemon=True).start()
    yield seen
    server.close()


CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)"


def connect(name: str, address: str, port: int = PORT) -> bool:
    done = run("ip", "netns", "exec", name, sys.executable, "-c", CONNECT, address, str(port), check=False)
    return done.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root; CI runs as root")
def test_a_subprocess_reaches_what_is_listed_and_nothing_else(hits, tmp_path: Path):
    rules = tmp_path / "egress.nft"
    rules.write_text(nftables([Way("vendor", "api.vendor.example", PORT, (ip_address(LISTED),))]))
    with namespace() as name:
        assert connect(name, UNLISTED), "without the list everything is open: the attack itself works"
        run("ip", "netns", "exec", name, "nft", "-f", str(rules))
        assert connect(name, LISTED)
        assert not connect(name, UNLISTED)
        assert not connect(name, LISTED, PORT + 1)
        run("ip", "netns", "exec", name, "nft", "-f", str(rules))  # loading it again is safe
        assert connect(name, LISTED)
    assert hits == [UNLISTED, LISTED, LISTED]


def test_the_proxy_list_names_hosts_and_denies_the_rest():
    text = proxy([Way("a", "api.vendor.example", 443), Way("b", "*.cdn.example", 443), Way("c", "x.example", 8443)])
    assert "acl omniops_hosts_443 dstdomain api.vendor.example" in text
    assert "acl omniops_hosts_443 dstdomain .cdn.example" in text
    assert "http_access allow CONNECT omniops_port_8443 omniops_hosts_8443" in text
    assert text.rstrip().endswith("http_access deny all")


def test_look_ups_go_to_the_named_resolvers_only():
    text = nftables([], resolvers=[ip_address("9.9.9.9"), ip_address("2620:fe::fe")])
    assert "ip daddr 9.9.9.9 udp dport 53 accept" in text
    assert "ip6 daddr 2620:fe::fe tcp dport 53 accept" in text

"""What is left of a visit: classes, a network, a path without names."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omniops.analytics.intake import Device, device_of, network_of, page_of


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
            Device("desktop", "Edge", "Windows"),
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 17_1 like Mac OS X) AppleWebKit/605.1.15 Version/17.1 Mobile/15E148 Safari/604",
            Device("tablet", "Mobile Safari", "iOS"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36",
            Device("phone", "Chrome Mobile", "Android"),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
            Device("desktop", "Firefox", "Linux"),
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            Device("bot", "Other", "Other"),
        ),
        ("tomtailor/7.1 (Plan9 of tom@example.com; Planet/1)", Device("other", "Other", "Other")),
        ("", Device("other", "Other", "Other")),
        ("\x00" * 100_000, Device("other", "Other", "Other")),
    ],
)
def test_a_user_agent_becomes_three_classes(agent, device):
    assert device_of(agent) == device


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:aa:bb::77", "2001:db8:aa::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("testclient", ""),
        ("", ""),
    ],
)
def test_an_address_becomes_its_network(address, network):
    assert network_of(address) == network


@given(st.ip_addresses())
def test_a_network_leads_to_no_single_address(address):
    network = ip_network(network_of(str(address)))
    assert network.num_addresses >= 256
    assert address in network or ip_address(address).ipv4_mapped in network


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/tents/ridge-2?utm=1#top", "/tents/ridge-2"),
        ("https://shop.example/a-very-long-title-of-a-page-about-tents", "/a-very-long-title-of-a-page-about-tents"),
        ("/orders/10023456/invoice", "/orders/*/invoice"),
        ("/reset/9f86d081884c7d659a2feaa0c55ad015", "/reset/*"),
        ("/u/tom%40example.com", "/u/*"),
        ("/c/01a223d7-f2a8-77db-abcd-b982ad97bf9a", "/c/*"),
        ("", "/"),
        ("http://[", "/"),
        ("/a\x00b\x9f", "/ab"),
    ],
)  # fmt: skip
def test_a_page_keeps_its_path_and_no_name(address, page):
    assert page_of(address) == page


@given(st.text(max_size=3000))
def test_any_text_becomes_a_short_path(address):
    page = page_of(address)
    assert len(page) <= 200
    assert "?" not in page
    assert "@" not in page
    assert page.isprintable() or not any(ord(sign) < 32 for sign in page)

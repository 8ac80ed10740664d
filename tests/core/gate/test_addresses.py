"""The table of bad addresses, every row, and the spellings that two parsers read differently."""

from ipaddress import ip_address

import pytest
from omniops.errors import EgressRefused
from omniops.gate.addresses import check_name, judge, parse_target, parse_url

BAD = """
0.0.0.0 0.1.2.3 127.0.0.1 127.255.255.254 :: ::1
10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255 fc00::1 fdff::1 fec0::1 feff::1
169.254.169.254 169.254.0.1 fe80::1 fd00:ec2::254 168.63.129.16
192.0.0.1 192.0.0.8 192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 198.19.255.255 192.88.99.1 240.0.0.1 255.255.255.255
2001:db8::1 224.0.0.1 239.255.255.255 ff02::1 ff0e::1
::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 ::7f00:1 ::10.0.0.1
64:ff9b::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::10.0.0.1 2002:7f00:1:: 2002:a00:1::1 2001:0:7f00:1::1
""".split()
GOOD = (
    "1.1.1.1 8.8.8.8 93.184.216.34 172.32.0.1 100.128.0.1 2606:4700::1111 2a00:1450:4001::200e ::ffff:8.8.8.8".split()
)

SPELLINGS = """
2130706433 0x7f000001 0177.0.0.1 127.1 127.0.1 0x7f.1 017700000001 0 0x0 １２７.0.0.1 ⑫7.0.0.1 127。0。0。1
fe80::1%eth0 127.0.0.1%00 localhost LOCALHOST localhost. x.localhost foo.local metadata.google.internal
-bad.example a..b bad_.-x user@127.0.0.1 shop.example\\@evil
""".split("\n")


@pytest.mark.parametrize("address", BAD)
def test_every_bad_address_is_bad(address):
    assert judge(ip_address(address)) is not None


@pytest.mark.parametrize("address", GOOD)
def test_ordinary_addresses_are_good(address):
    assert judge(ip_address(address)) is None


@pytest.mark.parametrize("host", [h for line in SPELLINGS for h in line.split() if h])
def test_odd_spellings_are_refused_or_seen_through(host):
    try:
        target = parse_target(host, 443)
        check_name(target)
    except EgressRefused:
        return
    assert target.address is not None
    assert judge(target.address) is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example@127.0.0.1/",
        "https://user:password@shop.example/",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/",
        "https://",
        "https://shop.example:99999/",
        "https://[::1",
        "//shop.example/",
    ],
)
def test_urls_that_are_not_plain_http_are_refused(url):
    with pytest.raises(EgressRefused):
        parse_url(url)


def test_one_reading_of_a_name():
    assert parse_target("Shop.Example.", 443).host == "shop.example"
    assert parse_target("bücher.example", 443).host == "xn--bcher-kva.example"
    assert parse_url("https://shop.example/x")[1].port == 443
    assert str(parse_url("http://[2606:4700::1111]:8080/x")[1].address) == "2606:4700::1111"

"""The bundled shop: what a visitor, a crawler and whoever starts it get to see."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

import pytest
from lxml import html
from omniops.demo import content
from omniops.demo.questions import QUESTIONS, SHOWN, SHOWN_UNANSWERABLE, UNANSWERABLE, DemoQuestion
from omniops.demo.site import WidgetTag, create_app
from protego import Protego
from starlette.testclient import TestClient

ORIGIN = "http://shop.test"
WIDGET = WidgetTag("http://127.0.0.1:8020/widget.js", "pk_demo")
LISTED = [
    *(page.path for page in content.pages()),
    *(shelf.path for shelf in content.catalogue().categories),
    *(product.path for product in content.catalogue().products),
]


@pytest.fixture(scope="module")
def shop() -> Iterator[TestClient]:
    with TestClient(create_app(), base_url=ORIGIN, follow_redirects=False) as client:
        yield client


def tree_of(shop: TestClient, path: str) -> html.HtmlElement:
    return html.document_fromstring(shop.get(path).text)


def words_of(shop: TestClient, path: str) -> str:
    main = tree_of(shop, path).find(".//main")
    return " ".join(" ".join(main.itertext()).split())


def nodes_of(shop: TestClient, path: str) -> list[dict[str, Any]]:
    scripts = tree_of(shop, path).xpath("//script[@type='application/ld+json']")
    return [node for script in scripts for node in json.loads(script.text)["@graph"]]


def test_there_is_a_whole_shop() -> None:
    assert len(LISTED) == len(set(LISTED)) >= 32
    assert len(content.catalogue().products) >= 12
    assert sum(page.published is not None for page in content.pages()) >= 5
    assert sum(len(group.questions) for group in content.faq()) >= 12


@pytest.mark.parametrize("path", LISTED)
def test_each_page_is_a_proper_page(shop: TestClient, path: str) -> None:
    answer = shop.get(path)
    tree = html.document_fromstring(answer.text)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert tree.get("lang") == ("de" if path.startswith("/de/") else "en-GB")
    assert tree.findtext(".//title").endswith("| Tarn & Tor")
    assert len(tree.findall(".//h1")) == 1
    assert tree.xpath("//link[@rel='canonical']/@href") == [ORIGIN + path]
    assert tree.xpath("//meta[@name='description']/@content")[0]
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert not tree.xpath("//@style | //style | //*[starts-with(name(@*), 'on')]"), "the policy forbids these"


@pytest.mark.parametrize("path", LISTED)
def test_every_link_leads_somewhere_and_nowhere_else(shop: TestClient, path: str) -> None:
    tree = tree_of(shop, path)
    for link in tree.xpath("//a/@href | //link/@href | //@src"):
        parts = urlsplit(urljoin(ORIGIN + path, link))
        if parts.scheme in ("mailto", "tel", "data"):
            continue
        assert f"{parts.scheme}://{parts.netloc}" == ORIGIN
        answer = shop.get(parts.path)
        if answer.status_code == 301:
            answer = shop.get(answer.headers["location"])
        assert answer.status_code == 200, link
        if parts.fragment:
            assert parts.fragment in tree.xpath("//@id")


def test_titles_tell_pages_apart(shop: TestClient) -> None:
    titles = [tree_of(shop, path).findtext(".//title") for path in LISTED]
    assert len(titles) == len(set(titles))


def test_phone_numbers_and_addresses_are_nobody_s(shop: TestClient) -> None:
    for path in LISTED:
        text = shop.get(path).text
        assert all(number.startswith("01632 960") for number in re.findall(r"\b0\d{4} \d{6}\b", text))
        assert all(host == "tarnandtor.example" for host in re.findall(r"[\w.]+@([\w.]+\w)", text))


def test_a_product_says_the_same_to_people_and_machines(shop: TestClient) -> None:
    for product in content.catalogue().products:
        words = words_of(shop, product.path)
        (node,) = [node for node in nodes_of(shop, product.path) if node["@type"] == "Product"]
        assert node["sku"] == product.sku
        assert node["sku"] in words
        offer = node["offers"]
        assert f"£{offer['price']}" in words
        assert offer["priceCurrency"] == "GBP"
        assert offer["url"] == ORIGIN + product.path
        assert offer["availability"] == f"https://schema.org/{product.stock}"


def test_what_is_sold_out_cannot_be_put_into_the_basket(shop: TestClient) -> None:
    for product in content.catalogue().products:
        offered = tree_of(shop, product.path).xpath("//main//a[@href='/cart']")
        assert bool(offered) == (product.stock != "OutOfStock"), product.path


def test_frequent_questions_are_shown_and_stated(shop: TestClient) -> None:
    shown = [" ".join(summary.text.split()) for summary in tree_of(shop, "/help/faq").findall(".//summary")]
    (node,) = [node for node in nodes_of(shop, "/help/faq") if node["@type"] == "FAQPage"]
    assert [entity["name"] for entity in node["mainEntity"]] == shown
    assert len(shown) >= 12


def test_the_business_says_how_to_reach_it(shop: TestClient) -> None:
    (node,) = [node for node in nodes_of(shop, "/contact") if node["@type"] == "LocalBusiness"]
    assert node["telephone"] in words_of(shop, "/contact")
    assert node["openingHoursSpecification"]


def test_robots_keep_crawlers_from_the_staff_pages(shop: TestClient) -> None:
    rules = Protego.parse(shop.get("/robots.txt").text)
    assert not rules.can_fetch(f"{ORIGIN}/staff/handbook", "anyone")
    assert rules.can_fetch(f"{ORIGIN}/help/faq", "anyone")
    assert list(rules.sitemaps) == [f"{ORIGIN}/sitemap.xml"]
    assert "/staff/handbook" in tree_of(shop, "/").xpath("//a/@href"), "a crawler must be able to find it and refrain"


def test_what_the_handbook_says_stands_nowhere_else(shop: TestClient) -> None:
    assert "35%" in words_of(shop, "/staff/handbook")
    for path in LISTED:
        if path != "/staff/handbook":
            assert "35%" not in shop.get(path).text, path


def test_the_sitemap_lists_most_pages_with_their_dates(shop: TestClient) -> None:
    entries = ElementTree.fromstring(shop.get("/sitemap.xml").content)
    name = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    listed = {entry.findtext(f"{name}loc"): entry.findtext(f"{name}lastmod") for entry in entries}
    hidden = {ORIGIN + path for path in LISTED} - set(listed)
    assert set(listed) < {ORIGIN + path for path in LISTED}
    assert all(re.fullmatch(r"202\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", str(date)) for date in listed.values())
    assert f"{ORIGIN}/staff/handbook" in hidden
    assert f"{ORIGIN}/hire" in hidden
    linked = {urljoin(ORIGIN, link) for path in LISTED for link in tree_of(shop, path).xpath("//a/@href")}
    assert hidden <= linked, "what the sitemap leaves out must be found by links"


def test_copies_name_their_original(shop: TestClient) -> None:
    (canonical,) = tree_of(shop, "/stores?ref=footer").xpath("//link[@rel='canonical']/@href")
    assert canonical == f"{ORIGIN}/stores"


@pytest.mark.parametrize(("old", "new"), [("/returns", "/help/returns"), ("/tents/", "/tents")])
def test_old_addresses_lead_to_the_new_ones(shop: TestClient, old: str, new: str) -> None:
    answer = shop.get(old)
    assert (answer.status_code, answer.headers["location"]) == (301, new)


@pytest.mark.parametrize("path", ["/tents/ridge-9", "//evil.example/", "/help/shipping.html", "/../serve.py"])
def test_what_is_not_there_is_not_found(shop: TestClient, path: str) -> None:
    answer = shop.get(ORIGIN + path)
    assert answer.status_code == 404
    assert "Off the path" in answer.text


def test_the_basket_asks_not_to_be_indexed(shop: TestClient) -> None:
    assert tree_of(shop, "/cart").xpath("//meta[@name='robots']/@content") == ["noindex"]
    assert not tree_of(shop, "/tents").xpath("//meta[@name='robots']")


def test_languages_know_of_each_other(shop: TestClient) -> None:
    for path in ("/help/shipping", "/de/versand"):
        links = tree_of(shop, path).xpath("//link[@rel='alternate']")
        assert {link.get("hreflang"): link.get("href") for link in links} == {
            "en-GB": f"{ORIGIN}/help/shipping",
            "de": f"{ORIGIN}/de/versand",
        }


@pytest.mark.parametrize("path", ["/", "/tents/ridge-2", "/sitemap.xml", "/robots.txt", "/shop.css"])
def test_who_has_a_page_gets_no_second_copy(shop: TestClient, path: str) -> None:
    first = shop.get(path)
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    for header in ({"if-none-match": f'"other", W/{etag}'}, {"if-none-match": "*"}, {"if-modified-since": modified}):
        again = shop.get(path, headers=header)
        assert (again.status_code, again.content) == (304, b""), header
        assert again.headers["etag"] == etag
    for stale in (
        {"if-none-match": '"other"', "if-modified-since": modified},
        {"if-modified-since": "Mon, 01 Jan 2024 00:00:00 GMT"},
        {"if-modified-since": "no date"},
    ):
        assert shop.get(path, headers=stale).status_code == 200, stale


def test_without_a_widget_no_script_may_run(shop: TestClient) -> None:
    answer = shop.get("/")
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"
    )
    assert not html.document_fromstring(answer.text).xpath("//script[not(@type='application/ld+json')]")


@pytest.mark.parametrize("path", [*LISTED, "/not-there"])
def test_with_a_widget_each_page_ends_with_its_tag(path: str) -> None:
    answer = TestClient(create_app(WIDGET), base_url=ORIGIN).get(path)
    tag = '<script src="http://127.0.0.1:8020/widget.js" data-domain="pk_demo" async></script>'
    assert re.fullmatch(rf".*{re.escape(tag)}\s*</body>\s*</html>", answer.text, re.DOTALL)
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self' http://127.0.0.1:8020; "
        "connect-src http://127.0.0.1:8020; base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize(
    "src",
    ["/widget.js", "javascript:alert(1)", "https://a.example; script-src *", "https://u:p@a.example/w.js", "https://a"],
)
def test_a_widget_address_cannot_widen_the_policy(src: str) -> None:
    with pytest.raises(ValueError, match="full http"):
        WidgetTag(src, "pk_demo")


def test_a_widget_key_cannot_leave_its_attribute() -> None:
    app = create_app(WidgetTag(WIDGET.src, '"><script>alert(1)</script>'))
    tree = html.document_fromstring(TestClient(app, base_url=ORIGIN).get("/").text)
    (script,) = tree.xpath("//script[not(@type='application/ld+json')]")
    assert script.get("data-domain") == '"><script>alert(1)</script>'


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.question)
def test_the_answer_stands_on_its_page_and_is_not_in_the_question(shop: TestClient, question: DemoQuestion) -> None:
    assert question.path in LISTED
    assert question.answer in words_of(shop, question.path)
    assert question.answer.casefold() not in question.question.casefold()


def test_there_are_questions_enough() -> None:
    assert len({question.question for question in QUESTIONS}) == len(QUESTIONS) >= 20
    assert len(set(UNANSWERABLE)) == len(UNANSWERABLE) >= 8
    assert len(SHOWN) == 5
    assert set(SHOWN) <= set(QUESTIONS)
    assert SHOWN_UNANSWERABLE in UNANSWERABLE


def test_what_the_shop_does_not_say_it_says_nowhere(shop: TestClient) -> None:
    silent = r"student|parking|car park|climbing|\bropes?\b|vacanc|price match|lower price|\bapp\b|retardant|bitcoin"
    for path in LISTED:
        words = words_of(shop, path)
        assert not re.search(silent, words, re.IGNORECASE), path
        assert path == "/staff/handbook" or not re.search(r"\bstaff\b|employee", words, re.IGNORECASE), path
    assert "dog" not in words_of(shop, "/stores")


def serving(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "omniops.demo.serve", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ready_port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    found = re.fullmatch(r"ready http://127\.0\.0\.1:(\d+)\n", process.stdout.readline())
    assert found is not None
    return int(found[1])


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_it_serves_from_the_ready_line_until_its_parent_is_gone() -> None:
    with serving("--port", "0", "--widget-src", WIDGET.src, "--widget-key", WIDGET.key) as process:
        port = ready_port(process)
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /tents HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            got = b"".join(iter(lambda: client.recv(65536), b""))
        assert got.startswith(b"HTTP/1.1 200")
        assert WIDGET.src.encode() in got
        assert process.poll() is None
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")
        assert not answers(port)


def test_it_ends_on_a_signal() -> None:
    with serving("--port", "0") as process:
        port = ready_port(process)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert not answers(port)


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with serving("--port", str(port)) as process:
            out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert out == ""
    assert err == f"Port {port} on 127.0.0.1 cannot be used: Address already in use\n"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--port", "99999"], 1, "Port 99999 on 127.0.0.1 cannot be used"),
        (["--port", "0", "--widget-src", "widget.js", "--widget-key", "k"], 1, "full http(s) URL"),
        (["--port", "0", "--widget-src", WIDGET.src], 2, "belong together"),
    ],
)
def test_wrong_options_are_told_without_a_trace(arguments: list[str], status: int, said: str) -> None:
    with serving(*arguments) as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (status, "")
    assert said in err
    assert "Traceback" not in err

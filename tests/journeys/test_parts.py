"""What the chat loads only when a visitor needs it, files and receipts, and what it shows while an answer is made."""

import base64
import json
import re
from uuid import uuid4

import pytest
from desk_plugins import HOLD
from omniops.contracts.provider import Done, Level, ProviderError, Text, ToolCall
from omniops.web.assets import source_of
from playwright.sync_api import expect
from waiting import until

ANSWER = (Level("answer"), Text("It is rated for gusts up to 80 km/h."), Done("end"))
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 400
LOOKS = [
    pytest.param((1440, 900), "light", "en", id="desktop-light-en"),
    pytest.param((390, 844), "dark", "en", id="phone-dark-en"),
    pytest.param((390, 844), "light", "ar", id="phone-light-ar"),
    pytest.param((1440, 900), "dark", "de", id="desktop-dark-de"),
]


@pytest.fixture(scope="module")
def domain(stage):
    return stage.domain(attachment_bytes=4096, attachment_count=3)


def said(part, key, language="en"):
    return json.loads(source_of("widget", f"parts/{language}.json"))[part][key]


def file(name, content, kind="application/octet-stream"):
    return {"name": name, "mimeType": kind, "buffer": content}


def clip(chat):
    return chat.part(".composer .glyph")


def attach(chat, *chosen):
    with chat.page.expect_file_chooser() as chooser:
        clip(chat).click()
    chooser.value.set_files(*chosen)


def loaded(chat, name):
    names = chat.page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")
    return [each for each in names if f"/widget/{name}-" in each]


@pytest.mark.parametrize(("size", "scheme", "language"), LOOKS)
def test_a_file_is_sent_shown_and_saved(show, domain, size, scheme, language):
    chat = show(domain, lang=language, script=ANSWER, browser_options={"size": size, "scheme": scheme})
    chat.open()
    expect(clip(chat)).to_be_visible()
    assert chat.violations() == []
    assert loaded(chat, "files") == []
    name = f"{size[0]}-{scheme}-{language}"
    chat.picture(f"clip-{name}")
    attach(chat, file("broken pole.exe", PNG))
    bubble = chat.part("article.visitor .bubble")
    button = bubble.locator("button")
    expect(button).to_have_text("broken pole.exe.png")
    expect(button).to_have_attribute("aria-label", said("files", "save", language).replace("{}", "broken pole.exe.png"))
    expect(bubble.locator(".meta")).to_contain_text("2,4" if language == "de" else "2.4")
    expect(chat.part("textarea")).to_be_focused()
    expect(clip(chat)).to_be_enabled()
    with chat.page.expect_download() as download:
        button.click()
    assert download.value.path().read_bytes() == PNG
    assert download.value.suggested_filename == "broken pole.exe.png"
    chat.ask("Can you mend it?")
    assert chat.violations() == []
    chat.picture(f"file-{name}")
    chat.page.reload()
    chat.open()
    expect(chat.part("article.visitor .file")).to_have_count(1)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "empty"),
        (b"MZ\x90\x00 a program", "kind"),
        (b"\xff\xfe\x41", "kind"),
        (PNG + b"x" * 4096, "large"),
    ],
    ids=["empty", "program", "no-text", "large"],
)
def test_what_is_not_taken_is_refused_in_a_sentence_before_it_is_sent(show, domain, content, key):
    chat = show(domain, browser_options={"size": (390, 844), "scheme": "dark"})
    chat.open()
    attach(chat, file("thing.pdf", content))
    told = chat.part(".notices [role=alert]")
    expect(told).to_contain_text(f"thing.pdf: {said('files', key)}".replace("{}", "4 kB"))
    asked = chat.page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")
    assert not [url for url in asked if "attachments" in url or "sessions" in url]
    assert chat.stored() == [{}, {}, ""]
    assert chat.violations() == []
    chat.picture(f"file-refused-{key}-390")


def test_a_long_way_is_shown_can_be_ended_and_a_cut_one_tried_again(stage, show, domain):
    chat = show(domain, via=stage.proxy, script=ANSWER)
    chat.expected = ("ERR_", "Failed to load", "CORS")
    chat.open()
    chat.ask("May I send a picture?")
    stage.line.only, stage.line.latency = b"POST /v1/visitor/attachments", 60
    with chat.page.expect_file_chooser() as chooser:
        clip(chat).press("Enter")
    chooser.value.set_files(file("pole.png", PNG))
    sending = chat.part(".sending")
    expect(sending).to_contain_text("Sending pole.png")
    expect(sending.locator("progress")).to_have_js_property("value", 1)
    expect(sending.locator("button")).to_be_focused()
    expect(clip(chat)).to_be_disabled()
    assert chat.violations() == []
    chat.picture("file-sending-1440")
    chat.page.keyboard.press("Enter")
    expect(sending).to_have_count(0)
    expect(chat.part("textarea")).to_be_focused()

    stage.line.latency, stage.line.cut = 0, 1
    attach(chat, file("bag.png", PNG))
    told = chat.part(".notices [role=alert]")
    expect(told).to_contain_text(said("files", "failed"))
    stage.line.clear()
    told.locator("button").click()
    expect(chat.part("article.visitor .file", has_text="bag.png")).to_have_count(1)
    expect(sending).to_have_count(0)


def test_one_file_too_many_is_told(stage, show):
    chat = show(stage.domain(attachment_count=1))
    chat.expected = ("422", "400", "409", "Failed to load")
    chat.open()
    attach(chat, file("one.txt", b"first"))
    expect(chat.part("article.visitor .file")).to_have_count(1)
    attach(chat, file("two.txt", b"second"))
    expect(chat.part(".notices [role=alert]")).to_contain_text(said("files", "many"))


def test_a_chat_that_takes_no_files_has_no_button(stage, show):
    chat = show(stage.domain(attachment_bytes=0))
    chat.open()
    chat.part(".suggestions").wait_for()
    expect(clip(chat)).to_be_hidden()


def test_in_a_frame_files_and_receipts_work_as_well(stage, show, domain):
    chat = show(domain, mode="frame", script=ANSWER)
    chat.part("button.launcher").click()
    frame = chat.page.frame_locator("omniops-chat >> iframe.frame")
    with chat.page.expect_file_chooser() as chooser:
        frame.locator("omniops-frame >> .composer .glyph").click()
    chooser.value.set_files(file("pole.png", PNG))
    with chat.page.expect_download() as download:
        frame.locator("omniops-frame >> button.file").click()
    assert download.value.path().read_bytes() == PNG
    frame.locator("omniops-frame >> textarea").fill("Will it hold?")
    frame.locator("omniops-frame >> textarea").press("Enter")
    frame.locator("omniops-frame >> .proof > .link").click()
    with chat.page.expect_download() as download:
        frame.locator("omniops-frame >> .receipt [download]").click()
    assert download.value.suggested_filename.endswith(".jws")


@pytest.mark.parametrize(("size", "scheme", "language"), LOOKS)
def test_a_receipt_says_in_plain_words_what_was_sent_and_can_be_kept(stage, show, size, scheme, language):
    domain = stage.domain()
    stage.model(domain, [ToolCall(uuid4().hex, "order_status", {"number": "1042"}, None)], "It left on Monday [T1].")
    chat = show(domain, lang=language, browser_options={"size": size, "scheme": scheme})
    chat.open()
    answer = chat.ask("Where is order 1042? Write to tom@mail.example.")
    assert loaded(chat, "receipt") == []
    button = answer.locator(".proof > .link")
    button.press("Enter")
    receipt = answer.locator(".receipt")
    expect(receipt).to_contain_text(said("receipt", "title", language))
    expect(receipt).to_contain_text(f"vendor (eu): {said('receipt', 'chat', language)}")
    expect(receipt.locator("dd").first).to_contain_text("model, one")
    expect(receipt).to_contain_text("order status")
    expect(receipt).to_contain_text("Order 1042")
    expect(receipt.locator("dt", has_text=said("receipt", "hidden", language))).to_be_visible()
    expect(button).to_have_attribute("aria-expanded", "true")
    assert receipt.locator("a").first.get_attribute("href") == f"{stage.api}/.well-known/omniops-receipts.json"
    assert chat.violations() == []
    chat.picture(f"receipt-{size[0]}-{scheme}-{language}")
    with chat.page.expect_download() as download:
        receipt.locator("[download]").click()
    kept = download.value.path().read_text().split(".")
    body = json.loads(base64.urlsafe_b64decode(kept[1] + "==="))
    assert (len(kept), body["ai_generated"], body["processor"]) == (3, True, "vendor")
    button.click()
    expect(receipt).to_have_count(0)
    expect(button).to_have_attribute("aria-expanded", "false")


def test_where_nothing_was_sent_the_receipt_says_so(show, domain):
    chat = show(domain, script=ANSWER)
    chat.open()
    answer = chat.ask("Will it hold?")
    answer.locator(".proof > .link").click()
    expect(answer.locator(".receipt")).to_contain_text(said("receipt", "nothing"))
    expect(answer.locator(".receipt dl")).not_to_contain_text(said("receipt", "keeps"))


@pytest.mark.parametrize(("size", "scheme", "language"), LOOKS)
def test_a_look_up_is_told_while_it_runs(stage, show, size, scheme, language):
    domain = stage.domain()
    asked = [ToolCall(uuid4().hex, "order_status", {"number": "1042"}, None)]
    stage.model(domain, asked, [stage.holding, "It left on Monday [T1]."])
    chat = show(domain, lang=language, browser_options={"size": size, "scheme": scheme})
    chat.open()
    chat.part("textarea").fill("Where is my order 1042?")
    chat.part("textarea").press("Enter")
    words = json.loads(source_of("widget", f"words/{language}.json"))["looks"].replace("{}", "Orders")
    sign = chat.part("article[aria-busy] > .meta")
    expect(sign).to_have_text(words)
    expect(chat.part(".spoken").first).to_have_text(words)
    assert chat.violations() == []
    chat.picture(f"looks-up-{size[0]}-{scheme}-{language}")
    stage.proceed()
    answer = chat.part("article.entry").last
    expect(answer).to_contain_text("It left on Monday")
    expect(answer).not_to_contain_text("Orders")


def test_what_was_taken_back_is_not_on_the_page_beside_what_came_instead(stage, show):
    broken = ProviderError("slow", kind="timeout", retry="other")
    chat = show(stage.domain(), script=(Level("answer"), Text("Three weeks, "), HOLD, broken))
    chat.open()
    chat.part("textarea").fill("How long does delivery take?")
    chat.part("textarea").press("Enter")
    expect(chat.part(".growing")).to_have_text("Three weeks, ")
    stage.go()
    expect(chat.part("article.entry").last).to_have_text(re.compile("Four working days."))
    until(chat.page, lambda: chat.part(".proof").count() == 1)
    expect(chat.part(".entries")).not_to_contain_text("Three weeks")
    expect(chat.part("article.entry:not(.visitor)")).to_have_count(1)

"""Files of visitors: what they are is seen from their bytes; given back as downloads that no browser runs; sealed."""

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omniops.conversation.attachments import named, sniffed
from omniops.conversation.cleaning import LONGEST_NAME, clean_name, clean_text
from omniops.errors import Rejected

UP = "/v1/visitor/attachments"
ME = "/v1/visitor/conversation"
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels of a receipt" * 10


def code(answer):
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def send(page, content=PNG, name="receipt.png", **headers):
    return await page.post(UP, params={"name": name}, content=content, headers=headers)


async def test_a_file_comes_back_byte_for_byte_as_a_download(desk, front):
    page, office = await front.page(), await front.office(role="agent")
    content = PNG + bytes(range(256)) * 9000
    sent = await send(page, content, "my receipt.png")
    assert sent.status_code == 201, sent.text
    view = sent.json()
    assert (view["name"], view["media_type"], view["size"]) == ("my receipt.png", "image/png", len(content))
    told = (await page.get(ME)).json()["messages"][-1]
    assert (told["author"], told["event"], told["text"]) == ("visitor", "attachment", "my receipt.png")
    assert told["parts"][0]["id"] == view["id"]
    (listed,) = (await office.get(f"conversations/{view['conversation_id']}/attachments")).json()["data"]
    assert listed == view
    for client, path in ((page, f"{UP}/{view['id']}"), (office, f"attachments/{view['id']}")):
        got = await client.get(path)
        assert got.content == content
        assert got.headers["content-type"] == "application/octet-stream"
        assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''my%20receipt.png"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in got.headers["content-security-policy"]
        assert got.headers["cache-control"] == "no-store"
    stored = desk.rows("select body from omniops.blob_chunk where domain_id = %s", desk.domain.id)
    assert not any(b"pixels" in bytes(row[0]) for row in stored)
    viewer, foreign = await front.office(role="viewer"), await front.office(desk.other)
    assert (await viewer.get(f"attachments/{view['id']}")).status_code == 403
    assert (await foreign.get(f"attachments/{view['id']}")).status_code == 404


async def test_an_erased_persons_file_is_gone(desk, front):
    page, office = await front.page(), await front.office()
    view = (await send(page)).json()
    visitor = await desk.runtime.visitors.recognise(page.headers["Authorization"].split()[1])
    await desk.runtime.privacy.erasure.erase(visitor.scope, visitor.subject_id, actor=visitor.actor)
    assert (await office.get(f"attachments/{view['id']}")).status_code == 404
    assert desk.rows("select 1 from omniops.blob_chunk where domain_id = %s", desk.domain.id) == []


@pytest.mark.parametrize(
    ("content", "name", "becomes"),
    [
        (PNG, "invoice.exe", "invoice.exe.png"),
        (b"%PDF-1.7\n", "..\\..\\windows\\bill.pdf", "bill.pdf"),
        (b"\xff\xd8\xff\xe0jpeg", "../../etc/photo.JPG", "photo.JPG"),
        (b"GIF89a....", "a\u202egpj.gif", "agpj.gif"),
        (b"words\x0d\x0aand \xc3\xa4", "note\r\nSet-Cookie: a.txt", "note Set-Cookie a.txt"),
        (b"<script>alert(1)</script>", "page.html", "page.html.txt"),
        (b"<svg onload='alert(1)'/>", "picture.svg", "picture.svg.txt"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "...", "file.webp"),
    ],
)
async def test_a_name_is_only_a_name_and_tells_the_kind(front, content, name, becomes):
    page = await front.page()
    sent = await send(page, content, name, **{"Content-Type": "text/html"})
    assert sent.status_code == 201, sent.text
    assert sent.json()["name"] == becomes
    got = await page.get(f"{UP}/{sent.json()['id']}")
    assert got.headers["content-type"] == "application/octet-stream"
    assert "set-cookie" not in got.headers


def archive():
    """42 KB that unpack to 40 MB."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("bomb", b"\0" * 40_000_000)
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        archive(),
        b"MZ\x90\x00program",
        b"\x7fELF\x02",
        b"\xca\xfe\xba\xbe",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"text with \x00 in it",
        b"\xff\xfe\xfa",
        b"caf\xc3",
    ],
)
async def test_what_is_on_no_list_is_not_taken(desk, front, content):
    page = await front.page()
    assert code(await send(page, content, "a.png", **{"Content-Type": "image/png"})) == (422, "file_type")
    assert desk.rows("select 1 from omniops.personal_blob where domain_id = %s", desk.domain.id) == []


async def test_a_picture_that_claims_to_be_huge_is_just_its_bytes(front):
    header = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 16, 6, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    bomb = b"\x89PNG\r\n\x1a\n" + chunk
    page = await front.page()
    sent = await send(page, bomb, "bomb.png")
    assert sent.status_code == 201, "nothing is decoded, so nothing grows"
    assert (await page.get(f"{UP}/{sent.json()['id']}")).content == bomb


async def test_size_and_number_are_the_domains_to_set(desk, front):
    await front.configure(attachment_bytes=1000, attachment_count=2)
    page = await front.page()
    assert code(await send(page, b"")) == (422, "empty")
    assert code(await send(page, PNG + b"x" * 1000)) == (422, "too_large")

    async def drip():
        for _ in range(4000):
            yield PNG

    assert code(await send(page, drip())) == (422, "too_large"), "no length is believed, none is needed"
    assert desk.rows("select 1 from omniops.personal_blob where domain_id = %s", desk.domain.id) == []
    for _ in range(2):
        assert (await send(page)).status_code == 201
    assert code(await send(page)) == (422, "too_many_files")
    await front.configure(attachment_bytes=0)
    assert code(await send(page)) == (422, "no_files")
    config = await page.get("/v1/visitor/config", params={"key": desk.domain.widget_key})
    assert config.json()["attachment_bytes"] == 0
    assert code(await send(page, b"x" * (20 * 2**20 + 1))) == (413, "too_large")


@given(st.text())
def test_no_name_gets_out_of_its_folder_or_hides_its_end(name):
    clean = named(name, "application/pdf")
    assert clean == clean_name(clean)
    assert clean.lower().endswith(".pdf")
    assert 0 < len(clean) <= LONGEST_NAME
    assert not set(clean) & set("/\\:\r\n\0\u202e\u2066")
    assert not clean.startswith(".")
    clean.encode()


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_is_clean_after_cleaning(text):
    clean = clean_text(text)
    clean.encode()
    assert clean == clean_text(clean)
    assert not set(clean) & {chr(code) for code in (*range(9), 0x0B, 0x7F, 0x202E, 0x2066)}


@given(st.binary(max_size=200))
def test_any_bytes_are_of_a_kind_or_refused(head):
    try:
        kind = sniffed(head)
    except Rejected:
        return
    assert named("x", kind).startswith("x.")

"""The parts of a mail as Gmail tells them (`format=full`): its words as the standard library reads a mail, and its
files by the ids of their parts. Pure functions.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#MessagePart
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from email import message_from_string, policy
from email.message import EmailMessage
from typing import Any

from omniops.contracts.channel import MediaLink
from omniops.errors import NotReady

Part = Mapping[str, Any]
_NAME = re.compile(r"[!-9;-~]{1,200}")
_MULTIPART = re.compile(r"multipart/[a-z-]{1,50}")
_BEGINS = re.compile(rb'"data"\s*:\s*"')
_ENDS = re.compile(rb'["\\=]')
LONGEST_HEAD = 1000
"""Bytes in which the data of a file has to begin."""


def opened(part: Part) -> EmailMessage:
    """A mail without its files. Raises what hostile mail makes the standard library raise."""
    text, kind = _text(part), str(part.get("mimeType", ""))
    inner = kind.startswith("multipart/")
    lines = [
        f"{name}: {value}"
        for name, value in _headers(part)
        if (text is None and not inner) or name.casefold() not in ("content-type", "content-transfer-encoding")
    ]
    if text is not None:
        told = "html" if kind == "text/html" else "plain"
        lines += [f'Content-Type: text/{told}; charset="utf-8"', "Content-Transfer-Encoding: base64"]
    elif inner:
        lines.append(f"Content-Type: {kind if _MULTIPART.fullmatch(kind) else 'multipart/mixed'}")
    body = base64.encodebytes(text.encode("utf-8", "replace")).decode() if text is not None else ""
    message = message_from_string("\r\n".join([*lines, "", body]), policy=policy.default)
    assert isinstance(message, EmailMessage)
    if inner:
        message.set_payload([opened(one) for one in part.get("parts") or ()])
    return message


def is_report(part: Part) -> bool:
    """Whether a mail server tells what became of a mail: by the kind that Gmail tells, or its header."""
    kinds = [str(part.get("mimeType", "")), *(v for n, v in _headers(part) if n.casefold() == "content-type")]
    return any(one.strip().casefold().startswith("multipart/report") for one in kinds)


def lying_apart(part: Part) -> Iterator[dict[str, Any]]:
    """The bodies of texts that are so long that Gmail gives them by themselves, for their data to be put in."""
    for one in _walk(part):
        body = one.get("body")
        if _is_text(one) and isinstance(body, dict) and "data" not in body and body.get("attachmentId"):
            yield body


def files(part: Part, mail: str) -> Sequence[MediaLink]:
    """The files of the mail with this number. A picture within its text, a mail, and an empty file are none."""
    pages = "".join(_text(one) or "" for one in _walk(part) if one.get("mimeType") == "text/html")
    found = []
    for one in _walk(part):
        kind, size = str(one.get("mimeType", "")), (one.get("body") or {}).get("size")
        named = str(one.get("filename") or "")
        ids = [value.strip().strip("<>") for name, value in _headers(one) if name.casefold() == "content-id"]
        if not (named and one.get("partId") and size) or kind.startswith(("message/", "multipart/")):
            continue
        if not any(f"cid:{identity}" in pages for identity in ids if identity):
            found.append(MediaLink(f"{mail} {one['partId']}", kind, named, size if isinstance(size, int) else 0))
    return found


def body_of(part: Part, number: str) -> Mapping[str, Any] | None:
    """The body of the part with this id; None where there is none."""
    return next((one.get("body") or {} for one in _walk(part) if one.get("partId") == number), None)


def decoded(data: str) -> bytes:
    """Bytes in base64url, padded or not. Raises `ValueError`."""
    return base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))


async def stream(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The bytes in `{"data": "…"}`, as its pieces come: a whole file is never here at once. Raises `NotReady` for what
    breaks off."""
    rest, begun = b"", False
    try:
        async for piece in pieces:
            rest += piece
            if not begun:
                head = _BEGINS.search(rest)
                if head is None and len(rest) > LONGEST_HEAD:
                    break
                if head is None:
                    continue
                rest, begun = rest[head.end() :], True
            if (end := _ENDS.search(rest)) is not None:
                yield decoded(rest[: end.start()].decode())
                return
            whole = len(rest) // 4 * 4
            yield base64.urlsafe_b64decode(rest[:whole])
            rest = rest[whole:]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise NotReady("Gmail gave a file that cannot be read.") from error
    raise NotReady("Gmail broke off in the middle of a file.")


def _walk(part: Part) -> Iterator[Part]:
    """A part and those in it; not those of a mail that is attached."""
    yield part
    if not str(part.get("mimeType", "")).startswith("message/"):
        for one in part.get("parts") or ():
            yield from _walk(one)


def _headers(part: Part) -> list[tuple[str, str]]:
    pairs = (
        (str(one.get("name", "")), " ".join(str(one.get("value", "")).split())) for one in part.get("headers") or ()
    )
    return [(name, value) for name, value in pairs if _NAME.fullmatch(name)]


def _is_text(part: Part) -> bool:
    return str(part.get("mimeType", "")).startswith("text/") and not part.get("filename")


def _text(part: Part) -> str | None:
    """The words of a part. Nothing says whether Gmail gives them in UTF-8 or as they came: bytes that are UTF-8 are
    taken as that, and what is ASCII alone (as ISO-2022-JP is) as the part says."""
    if not _is_text(part):
        return None
    content = decoded(str((part.get("body") or {}).get("data") or ""))
    kind = next((value for name, value in _headers(part) if name.casefold() == "content-type"), "")
    said = message_from_string(f"Content-Type: {kind}\n\n").get_content_charset("utf-8")
    for charset in (said, "utf-8") if content.isascii() else ("utf-8", said):
        try:
            return content.decode(charset)
        except (LookupError, UnicodeError):
            continue
    return content.decode("utf-8", "replace")

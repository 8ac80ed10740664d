"""The text of a page, whatever it says its encoding is (WHATWG Encoding, HTML section 13.2.3)."""

from __future__ import annotations

import codecs
import re

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w:.-]+)""", re.IGNORECASE)
_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w:.-]+)", re.IGNORECASE)
_MEANT = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "utf-16": "utf-8",
    "utf-16-le": "utf-8",
    "utf-16-be": "utf-8",
    "utf-7": "utf-8",
}
"""What browsers take a label for. A page that can be read as bytes enough to find `utf-16` in it is not UTF-16."""


def decode(body: bytes, content_type: str | None = None) -> str:
    """The text of a page. A byte order mark decides; text that is valid UTF-8 is UTF-8, since nothing else is by
    accident; then the header's word, the page's own, and Windows-1252. Never raises."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    said = _codec(_HEADER.search(content_type or "")) or _codec(_META.search(body, 0, 4096))
    if said is not None and said != "utf-8":
        try:
            return body.decode(said, "replace")
        except (LookupError, UnicodeError):  # a codec that is not for text
            pass
    text = body.decode("utf-8", "replace")
    return text if text.count("�") <= 2 + len(text) // 500 else body.decode("cp1252", "replace")


def _codec(found: re.Match[str] | re.Match[bytes] | None) -> str | None:
    """The Python codec for a label, if there is one."""
    if found is None:
        return None
    label = found[1] if isinstance(found[1], str) else found[1].decode("ascii", "replace")
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    return _MEANT.get(name, name)

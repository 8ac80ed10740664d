"""Which addresses of a model's text a visitor may see: the website's own, and none else.

An answer could be told by an attacker's page to show a link or an image whose address carries away what the visitor
wrote. So every address on another host goes, and the markup of links and images with it. Sources are no text: they are
citations, and lead where their page lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

REMOVED = "…"
_PARTS = re.compile(r"\S+|\s+")
_SUSPECT = re.compile(r"[./:@\[\]()<]")
_MARKUP = re.compile(r"!?\[([^\]\s]*)\]\(\S*\)?|\]\(\S*\)?|!\[|<[a-zA-Z/!][^>\s]*>?")
_ADDRESS = re.compile(
    r"(?i)(?:[a-z][a-z0-9+.-]{1,20}:(?://)?|//|www\.)[^\s\"'<>]+|(?<![\w@.-])(?:[\w-]+\.)+[^\W\d_]{2,24}(?::\d+)?(?:[/?#][^\s\"'<>]*)?"
)
_SCHEME = re.compile(r"(?i)[a-z][a-z0-9+.-]{1,20}:")
_DANGEROUS = frozenset({"javascript:", "data:", "vbscript:", "file:", "blob:"})
_END = re.compile(r".*[\s。、，；：！？」]", re.DOTALL)
_TRAILING = ".,;:!?)]}»”’\"'"
_RESERVED = (".example", ".test", ".invalid", ".localhost", ".onion", ".local", ".internal")
LONGEST_TOKEN = 2000
"""Characters without a space that are held back at most; what is longer is no word and is dropped."""


class Links:
    """Lets one answer through, word by word: a word is held back until it ends, since any can still become an address
    (`evil` + `.example/x`)."""

    def __init__(self, hosts: Iterable[str]) -> None:
        """`hosts` are the website's own."""
        self._hosts = frozenset(host.lower() for host in hosts)
        self._held = ""
        self.removed = 0

    def feed(self, delta: str) -> str:
        """What may be shown by now."""
        text = self._held + delta
        ended = _END.match(text)
        cut = ended.end() if ended else 0
        self._held = text[cut : cut + LONGEST_TOKEN]
        return self._clean(text[:cut])

    def end(self) -> str:
        """What was held back."""
        held, self._held = self._held, ""
        return self._clean(held)

    def _clean(self, text: str) -> str:
        if not _SUSPECT.search(text):
            return text
        return "".join(self._word(part) if _SUSPECT.search(part) else part for part in _PARTS.findall(text))

    def _word(self, word: str) -> str:
        return self._addresses(_MARKUP.sub(self._unmarked, word))

    def _addresses(self, word: str) -> str:
        return _ADDRESS.sub(lambda found: self._address(found.group()), word)

    def _unmarked(self, found: re.Match[str]) -> str:
        self.removed += 1
        return found.group(1) or ""

    def _address(self, address: str) -> str:
        scheme = _SCHEME.match(address)
        if scheme and scheme.group().lower() not in ("http:", "https:", *_DANGEROUS):
            # `Opening:evil.example` is a word with a colon; what follows is judged alone.
            return scheme.group() + self._addresses(address[scheme.end() :])
        bare = address.rstrip(_TRAILING)
        if self._may(bare, bool(scheme)):
            return address
        self.removed += 1
        return REMOVED + address[len(bare) :]

    def _may(self, address: str, with_scheme: bool) -> bool:
        if with_scheme and not address.lower().startswith(("http://", "https://")):
            return False
        try:
            parts = urlsplit(address if with_scheme else f"https://{address.removeprefix('//')}")
            host = (parts.hostname or "").lower().rstrip(".")
        except ValueError:
            return False
        if host in self._hosts:
            return "@" not in parts.netloc
        bare = not (with_scheme or address.startswith(("//", "www.")) or parts.path or parts.query or parts.fragment)
        return bare and not _is_name(host)


def _is_name(host: str) -> bool:
    """Whether a bare dotted word is a name on the net (`evil.example`), not an abbreviation (`e.g`)."""
    from tld import get_tld

    return host.endswith(_RESERVED) or get_tld(f"https://{host}", fail_silently=True) is not None

"""One spelling per URL, and which URLs are not worth a visit. Pure functions, called for every link of every page.

yarl does the parsing and the percent-encoding: it is also what the crawler's HTTP client dials with, so no second
parser can read a URL differently.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import unquote_plus

from yarl import URL

LONGEST = 2000
"""Characters; longer URLs are search states and mistakes, not pages."""
TRAP = 1.0
"""The `trap_score` from which a URL is better not visited."""

_TRACKING = re.compile(
    r"utm_\w*|hsa_\w*|pk_\w*|mtm_\w*|piwik_\w*|gclid|gclsrc|dclid|gbraid|wbraid|fbclid|msclkid|yclid|ttclid|twclid|"
    r"li_fat_id|igshid|mc_[ce]id|_ga|_gl|_hs(?:enc|mi)|__hs\w+|mkt_tok|vero_id|oly_\w+_id|ref_src|s_cid|"
    r"phpsessid|jsessionid|aspsessionid\w*|asp\.net_sessionid|sessid|session_?id|sid|cfid|cftoken|zenid|oscsid",
    re.IGNORECASE,
)
_SESSION_PATH = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;]*|/\(S\([^)/]*\)\)", re.IGNORECASE)
_NO_PAGE = re.compile(
    r"\.(?:jpe?g|jfif|png|gif|webp|avif|heic|svgz?|ico|bmp|tiff?|psd|eps|mp[234]|m4[abv]|aac|avi|mov|mkv|webm|wmv|mpe?g|"
    r"og[gav]|opus|wav|flac|midi?|zip|gz|tgz|bz2|xz|zst|7z|rar|tar|jar|exe|msi|dmg|pkg|deb|rpm|apk|ipa|iso|img|bin|so|dll|"
    r"woff2?|ttf|otf|eot|css|m?js|map|json(?:ld)?|xml|xsl|rss|atom|ics|vcf|csv|tsv|sqlite|db|docx?|xlsx?|pptx?|od[tsp]|"
    r"rtf|epub|mobi|pdf|swf|torrent|asc|sig|gpx|kml|stl|dwg)$",
    re.IGNORECASE,
)
_DOES_SOMETHING = re.compile(
    r"/(?:cart|basket|checkout|wp-login\.php|wp-admin|wp-json|xmlrpc\.php|cdn-cgi|\.git|log-?out|sign-?out)"
    r"(?:/|$)|[?&](?:add[-_]to[-_](?:cart|wishlist)|add-item|remove_item|replytocom|logout)=",
    re.IGNORECASE,
)
_CLEAN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?"
    r"(?:/[A-Za-z0-9_~-]+(?:\.[A-Za-z0-9_~-]+)*)*/?"
)
"""A URL that is already in its normal form, but for the slash after a bare host. Most links of most pages are."""
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_DATED_END = re.compile(r"(?:19|20)\d\d[-/](?:0?[1-9]|1[0-2])(?:[-/](?:0?[1-9]|[12]\d|3[01]))?/?(?:[?&#]|$)")
_CALENDAR = re.compile(r"calendar|kalender|calendrier|agenda|events?\b|month|year|week|date", re.IGNORECASE)
_ARRANGING = re.compile(
    r"sort(?:_?by)?|order(?:_?by)?|dir(?:ection)?|view|mode|limit|per_?page|filter.*|facets?.*|min_price|max_price",
    re.IGNORECASE,
)


def normalise(url: str, *, base: str | None = None) -> str | None:
    """The one spelling of a URL, or None for what names no page: another scheme, user info, nonsense, over-long.

    Lower-case scheme and host (IDNA), no default port, no dot segments, no fragment, no tracking or session parameters,
    parameters in order of their names, one way of percent-encoding (RFC 3986 section 6.2; white space and backslashes
    as in the WHATWG URL standard). `base` is the absolute URL that a relative one is read against. The result is its
    own normal form, and its host is the host of the input.
    """
    if len(url) > LONGEST:
        return None
    url = url.strip()
    if _CLEAN.fullmatch(url):
        return url if url.count("/") > 2 else url + "/"
    rooted = url[:1] == "/" and url[1:2] not in ("/", "\\")
    return _normalised(url, _origin(base) if base and rooted else base)


def host_of(url: str) -> str:
    """The host of a normal form, without its port; empty for what has none."""
    place = url.partition("://")[2].partition("/")[0]
    return place.partition("]")[0] + "]" if place.startswith("[") else place.partition(":")[0]


def same_site(url: str, hosts: Collection[str]) -> bool:
    """Whether a normalised URL lies on one of the hosts; `www.` in front makes no difference."""
    host = host_of(url).removeprefix("www.")
    return any(host == known.lower().removeprefix("www.") for known in hosts)


def skippable(url: str) -> bool:
    """Whether a link leads to no page: mail and phone links, files and media by their ending, and addresses where a
    visit would do something (basket, sign-out, `?add-to-cart=`) rather than tell something."""
    if not url.startswith(("http://", "https://", "/", "?", "./", "../")) and re.match(r"[a-zA-Z][\w+.-]*:", url):
        return True
    path = url.partition("#")[0].partition("?")[0]
    return _NO_PAGE.search(path) is not None or _DOES_SOMETHING.search(url) is not None


def trap_score(url: str) -> float:
    """How much a normalised URL looks like one of endlessly many: 0 for ordinary pages, `TRAP` and more for a trap.

    Traps have few shapes, and pages that were written by someone have none of them: a path that repeats itself (a wrong
    relative link), a very deep path, parameters that multiply (facets, sort orders, the same name again and again), and
    a calendar whose address ends in a date, where the next month is always one link away.
    """
    path, _, query = url.partition("://")[2].partition("?")
    segments = [segment for segment in path.split("/")[1:] if segment]
    names = [pair.partition("=")[0] for pair in query.split("&") if pair]
    score = 0.15 * len(names) + 0.2 * max(0, len(segments) - 10) + 0.5 * path.count("//")
    if segments:
        score += 0.5 * max(0, Counter(segments).most_common(1)[0][1] - 2)
    score += 0.25 * (len(names) - len(set(names))) + 0.2 * sum(map(_arranges, names))
    if _CALENDAR.search(url) and (_DATED_END.search(url) or {"month", "year", "week", "day"} & set(names)):
        score += TRAP
    return score


def refines(url: str, page: str) -> bool:
    """Whether a link only narrows down the page on which it stands: the same path, all of its parameters and more,
    three or more in all. Facets multiply in this way; what they lead to is listed without them too."""
    path, _, query = url.partition("?")
    here, _, own = page.partition("?")
    if not own or path != here:
        return False
    pairs, given = Counter(query.split("&")), Counter(own.split("&"))
    return pairs.total() > max(2, given.total()) and given <= pairs


def _arranges(name: str) -> bool:
    return _ARRANGING.fullmatch(unquote_plus(name)) is not None


def _origin(base: str) -> str:
    scheme, _, rest = base.partition("://")
    return f"{scheme}://{re.split(r'[/?#]', rest, maxsplit=1)[0]}/"


@lru_cache(50_000)
def _normalised(url: str, base: str | None) -> str | None:
    """Menus stand on every page of a site: what was worked out once is kept."""
    try:
        parsed = URL(url.replace("\\", "/"))
        if base is not None:
            parsed = URL(base).join(parsed)
        host, port = parsed.raw_host, parsed.port
    except ValueError:
        return None
    if parsed.scheme not in ("http", "https") or not host or "@" in parsed.raw_authority:
        return None
    place = _place(host.rstrip("."))
    if place is None:
        return None
    if port is not None and port != (80 if parsed.scheme == "http" else 443):
        place = f"{place}:{port}"
    query = _query(parsed.raw_query_string)
    path = _SESSION_PATH.sub("", parsed.raw_path) or "/"
    result = f"{parsed.scheme}://{place}{path}{'?' if query else ''}{query}"
    return result if len(result) <= LONGEST else None


def _place(host: str) -> str | None:
    """A host as it stands in a URL. Numbers are an address only as four decimals: the other spellings of an address
    (`2130706433`, `0x7f.1`) are there to deceive."""
    if ":" in host:
        return f"[{host}]"
    if not _HOST.fullmatch(host):
        return None
    if host.rpartition(".")[2][:1].isdecimal():
        try:
            return str(IPv4Address(host))
        except AddressValueError:
            return None
    return host


def _query(raw: str) -> str:
    kept = [pair for pair in raw.replace("%20", "+").split("&") if pair and not _tracks(pair.partition("=")[0])]
    return "&".join(sorted(kept, key=lambda pair: pair.partition("=")[0]))


def _tracks(name: str) -> bool:
    return _TRACKING.fullmatch(unquote_plus(name)) is not None

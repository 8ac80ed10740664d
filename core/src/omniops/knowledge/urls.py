"""One spelling per URL, and which URLs are not worth a visit. Pure functions."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit, urlunsplit

LONGEST = 2000
_TRACKING = re.compile(
    r"utm_.*|gclid|gbraid|wbraid|fbclid|msclkid|mc_cid|mc_eid|_ga|_gl|ref_src|igshid|yclid|"
    r"phpsessid|jsessionid|sid|sessionid|session_id|aspsessionid.*|cfid|cftoken",
    re.IGNORECASE,
)
_SESSION_PATH = re.compile(r";jsessionid=[^/?#]*", re.IGNORECASE)
_BINARY = re.compile(
    r"\.(?:jpe?g|png|gif|webp|avif|svg|ico|bmp|tiff?|mp[34]|m4[av]|avi|mov|webm|ogg|wav|flac|zip|gz|tgz|bz2|xz|7z|rar|"
    r"tar|exe|msi|dmg|deb|rpm|apk|iso|bin|woff2?|ttf|otf|eot|css|js|mjs|map|json|xml|rss|atom|ics|vcf|docx?|xlsx?|"
    r"pptx?|odt|ods|epub|pdf)$",
    re.IGNORECASE,
)
_SAFE_PATH = "/:@!$&'()*+,;=-._~"
_DATE = re.compile(r"(?:19|20)\d\d[-/](?:0?[1-9]|1[0-2])(?:[-/](?:0?[1-9]|[12]\d|3[01]))?")
_CALENDAR = re.compile(r"calendar|kalender|events?|month|year|week|date|agenda", re.IGNORECASE)


def normalise(url: str, base: str | None = None) -> str | None:
    """The one spelling of a URL, or None for what is no page: another scheme, user info, nonsense, too long.

    Lower-case scheme and host (IDNA), no default port, no dot segments, no fragment, no tracking or session parameters,
    parameters sorted, one way of percent-encoding (RFC 3986 section 6.2).
    """
    try:
        joined = urljoin(base, url.strip()) if base else url.strip()
        parts = urlsplit(joined)
        port = parts.port
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not host or parts.username is not None or len(joined) > LONGEST:
        return None
    try:
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return None
    scheme = parts.scheme.lower()
    if ":" in host:
        host = f"[{host}]"
    standard = {"http": 80, "https": 443}[scheme]
    place = host.lower().rstrip(".") + (f":{port}" if port not in (None, standard) else "")
    path = quote(unquote(_SESSION_PATH.sub("", parts.path), errors="surrogateescape"), safe=_SAFE_PATH, errors="ignore")
    query = sorted((k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.fullmatch(k))
    return urlunsplit((scheme, place, _no_dots(path) or "/", urlencode(query), ""))


def _no_dots(path: str) -> str:
    """RFC 3986 section 5.2.4, and one slash where there are several."""
    kept: list[str] = []
    for segment in re.sub(r"/{2,}", "/", path).split("/"):
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if path.endswith(("/.", "/..")):
        kept.append("")
    return "/".join(kept)


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def is_binary(url: str) -> bool:
    """Whether the path's ending says that this is no HTML page."""
    return _BINARY.search(urlsplit(url).path) is not None


def is_trap(url: str) -> bool:
    """Whether a URL looks like a place without end: a calendar that is paged for ever, facets that multiply, a path
    that repeats itself. Ordinary shops and manuals have none of these shapes."""
    parts = urlsplit(url)
    segments = [segment for segment in parts.path.split("/") if segment]
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    if len(segments) > 14 or len(parameters) > 6:
        return True
    repeated = Counter(segments).most_common(1)
    if repeated and repeated[0][1] >= 4:
        return True
    if len(Counter(name for name, _ in parameters)) < len(parameters) - 2:
        return True
    dated = _DATE.search(parts.query) or any(name.lower() in ("month", "year", "week", "day") for name, _ in parameters)
    return bool(dated and _CALENDAR.search(url))

"""Writes TC strings, field by field, so that tests can make any."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 11, 29, tzinfo=UTC)


class Bits:
    def __init__(self):
        self.bits = ""

    def add(self, value, size):
        self.bits += f"{value:0{size}b}"
        return self

    def field(self, numbers, size):
        self.bits += "".join("1" if n in numbers else "0" for n in range(1, size + 1))
        return self

    def vendors(self, numbers, ranged=False):
        most = max(numbers, default=0)
        self.add(most, 16).add(int(ranged), 1)
        return self.ranges([(n, n) for n in sorted(numbers)]) if ranged else self.field(numbers, most)

    def ranges(self, ranges):
        self.add(len(ranges), 12)
        for first, last in ranges:
            self.add(int(first != last), 1).add(first, 16)
            if first != last:
                self.add(last, 16)
        return self

    def text(self):
        padded = self.bits + "0" * (-len(self.bits) % 8)
        return urlsafe_b64encode(int(padded or "0", 2).to_bytes(len(padded) // 8)).decode().rstrip("=")


def letters(two):
    return [ord(letter) - ord("a") for letter in two]


def tc(
    purposes=(),
    vendors=(),
    *,
    version=2,
    policy=5,
    created=NOW - timedelta(days=3),
    updated=None,
    interests=(),
    interested=(),
    restrictions=(),
    disclosed=(755, 10),
    ranged=False,
):
    """A TC string. `restrictions` are (purpose, kind, [(first, last), …]); `disclosed` None leaves that segment out."""
    core = Bits().add(version, 6)
    for moment in (created, updated or created):
        core.add(int(moment.timestamp() * 10), 36)
    core.add(300, 12).add(2, 12).add(1, 6)
    for letter in letters("en"):
        core.add(letter, 6)
    core.add(120, 12).add(policy, 6).add(1, 1).add(0, 1).add(0, 12)
    core.field(purposes, 24).field(interests, 24).add(0, 1)
    for letter in letters("de"):
        core.add(letter, 6)
    core.vendors(vendors, ranged).vendors(interested, ranged).add(len(restrictions), 12)
    for purpose, kind, ranges in restrictions:
        core.add(purpose, 6).add(kind, 2).ranges(ranges)
    segments = [core.text()]
    if disclosed is not None:
        segments.append(Bits().add(1, 3).vendors(disclosed, ranged).text())
    return ".".join(segments)

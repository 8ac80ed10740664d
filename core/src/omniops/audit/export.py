"""A chain as a file, and its check with nothing but the file and the public key: no database, no network.

One chain after the other, line by line:

- `{"audit": 1, "account": …, "key": …}` begins a chain; `key` is the public key as a JWK.
- `[…]` is a record, the very text that was hashed (see `chain`).
- `{"segment": …}` follows its records, or stands in their place once they expired: its Merkle root, the way from there
  to the root of a signed head, and that head.
- `{"closed": …}` closes a chain: a signed statement of the number and hash of its last entry. Without it, a cut end
  would not be seen.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from omniops.audit.chain import GENESIS, Broken, Walk, check_age
from omniops.audit.leaves import head_over, leaf
from omniops.audit.merkle import Tree
from omniops.audit.models import AuditSegment
from omniops.audit.reading import end_of, record_of, segments, signed_heads, stretches
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Scope
from omniops.database.service import Database
from omniops.errors import Refused, Rejected
from omniops.signing import Signer, verified

END = "omniops-audit-end+jws"


class Exports:
    """Writes chains out."""

    def __init__(self, database: Database, secret: str, clock: Clock) -> None:
        """`secret` is the root's for the audit log: ends and heads are signed with one key."""
        self._database = database
        self._signer = Signer(secret)
        self._clock = clock

    async def lines(self, account_id: UUID) -> AsyncIterator[bytes]:
        """The chain of an account as it is at one moment, in parts of many lines. Raises `Broken` where it does not
        fit: what is damaged is not handed out as if it were whole."""
        async with self._database.session(Scope(account_id), snapshot=True) as session:
            walk = Walk(account_id)
            last, end = await end_of(session, account_id)
            yield _line({"audit": 1, "account": str(account_id), "key": self._signer.public})
            known = await segments(session, account_id)
            heads = await signed_heads(session, known)
            for segment in known:
                if segment.expired_at is not None:
                    walk.skip(segment.first, segment.last, segment.before, segment.end)
                else:
                    async for stretch in stretches(session, account_id, segment.first, segment.last):
                        yield b"".join(record_of(line, walk) + b"\n" for line in stretch)
                yield _line(_said(segment, heads[segment.head]))
            async for stretch in stretches(session, account_id, walk.seq + 1, last):
                yield b"".join(record_of(line, walk) + b"\n" for line in stretch)
            if (walk.seq, walk.hash) != (last, end):
                raise Broken(walk.seq + 1, "the end of the chain is missing")
        at = self._clock.now().isoformat(timespec="seconds")
        said = {"account": str(account_id), "seq": last, "hash": end.hex(), "at": at}
        yield _line({"closed": self._signer.sign(END, said)})


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _said(segment: AuditSegment, head: str) -> dict[str, Any]:
    return {
        "segment": segment.number,
        "first": segment.first,
        "last": segment.last,
        "before": segment.before.hex(),
        "end": segment.end.hex(),
        "root": segment.root.hex(),
        "expired": segment.expired_at is not None,
        "place": segment.place,
        "size": segment.size,
        "path": segment.path,
        "head": head,
    }


@dataclass(slots=True)
class Checked:
    """What was found of one chain. `unsigned` entries are chained and stand under the file's own signature, but not
    under a published head yet."""

    account: str
    entries: int = 0
    expired: int = 0
    unsigned: int = 0
    newest_head: int | None = None
    problem: str = ""
    """Empty where the chain is whole."""


@dataclass(slots=True)
class _Chain:
    """A chain on its way through the check."""

    found: Checked
    walk: Walk
    key: Mapping[str, Any]
    tree: Tree = field(default_factory=Tree)
    first: int = 1
    before: bytes = GENESIS
    gone: datetime | None = None
    """When the head was signed that the newest expired entries stand under."""


def check(lines: Iterable[bytes], key: Mapping[str, Any] | None = None) -> list[Checked]:
    """Checks a file of `Exports.lines`. `key` is the public key (a JWK); without one, the key that the file names is
    believed, which shows that the file fits together but not who signed it.

    Raises `Rejected` where the file is no export at all. A chain that does not fit is told in its `problem`; what comes
    after it in that chain is not looked at.
    """
    done: list[Checked] = []
    chain: _Chain | None = None
    for line in lines:
        if line.startswith(b'{"audit"'):
            if chain is not None:
                chain.found.problem = chain.found.problem or "the end of the chain is missing"
            chain = _begin(line, key)
            done.append(chain.found)
        elif chain is None:
            raise Rejected("This is no export of an audit.", code="no_export", do="Name a file of `audit export`.")
        elif not chain.found.problem and _take(chain, line):
            chain = None
    if chain is not None:
        chain.found.problem = chain.found.problem or "the end of the chain is missing"
    if not done:
        raise Rejected("This file is empty.", code="no_export", do="Name a file of `audit export`.")
    return done


def _begin(line: bytes, key: Mapping[str, Any] | None) -> _Chain:
    try:
        said = json.loads(line)
        account = UUID(said["account"])
        own = dict(said["key"])
    except (ValueError, KeyError, TypeError):
        raise Rejected("The file's first line is damaged.", code="no_export") from None
    return _Chain(Checked(str(account)), Walk(account), key or own)


def _take(chain: _Chain, line: bytes) -> bool:
    """Takes one line of a chain, and keeps what is wrong with it. True for a good end."""
    try:
        if not line.startswith(b"["):
            return _object(chain, line)
        chain.tree.add(chain.walk.take(line.rstrip(b"\n")))
        chain.found.entries += 1
    except (Broken, Refused) as error:
        chain.found.problem = str(error)
    except (ValueError, KeyError, TypeError, AttributeError):
        chain.found.problem = "a line of the file is damaged"
    return False


def _object(chain: _Chain, line: bytes) -> bool:
    """Takes a segment or the end. True for the end."""
    said = json.loads(line)
    walk, found = chain.walk, chain.found
    if "closed" in said:
        end = verified(said["closed"], chain.key, END)
        if (end["account"], end["seq"], end["hash"]) != (found.account, walk.seq, walk.hash.hex()):
            raise Broken(walk.seq + 1, "the end of the chain is missing")
        if chain.gone is not None:
            check_age(found.expired, chain.gone, datetime.fromisoformat(end["at"]))
        found.unsigned = chain.tree.size
        return True
    first, last = int(said["first"]), int(said["last"])
    before, end_hash, root = (bytes.fromhex(said[name]) for name in ("before", "end", "root"))
    if said["expired"]:
        if chain.tree.size:
            raise Broken(first, f"entries before {first} belong to no segment")
        walk.skip(first, last, before, end_hash)
        found.expired += last - first + 1
    elif (first, last, before, end_hash, root) != (chain.first, walk.seq, chain.before, walk.hash, chain.tree.root()):
        raise Broken(first, f"the entries {first} to {last} are not those that were signed")
    data = leaf(UUID(found.account), int(said["segment"]), first, last, before, end_hash, root)
    place, size = int(said["place"]), int(said["size"])
    head = head_over(data, (first, last), place, size, said["path"], said["head"], chain.key)
    found.newest_head = int(head["number"])
    if said["expired"]:
        chain.gone = datetime.fromisoformat(head["at"])
    chain.tree, chain.first, chain.before = Tree(), walk.seq + 1, walk.hash
    return False

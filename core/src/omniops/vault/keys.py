"""Keys in the database: made with the first row that needs them, read for one opening, never kept.

All functions are synchronous over a SQLAlchemy connection, so that the flush of an ORM session can call them; async
callers go through `session.run_sync`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from omniops.contracts.declaration import SubjectState
from omniops.contracts.root_keys import RootProvider
from omniops.errors import NotFound, Refused
from omniops.vault.crypto import new_key, unwrap, wrap


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose key: a subject, or the account itself for its credentials."""

    home_id: UUID
    subject_id: UUID


@dataclass(frozen=True, slots=True)
class LiveKey:
    """The key that new values of an owner are sealed under, and the pepper of its pseudonym."""

    version: int
    key: bytes
    pepper: bytes | None


@dataclass(frozen=True, slots=True)
class OwnerKeys:
    """All living keys of an owner by version, the pepper of its pseudonym, and the state of the person."""

    keys: Mapping[int, bytes]
    pepper: bytes | None
    state: SubjectState


def create_account_key(connection: Connection, root: RootProvider, account_id: UUID) -> None:
    """The first key of a new account, in the transaction that makes the account."""
    epoch = root.epoch()
    connection.execute(
        text(
            "insert into vault.account_key (account_id, version, epoch, wrapped, state, created_at)"
            " values (:account, 1, :epoch, :wrapped, 'active', now()) on conflict do nothing"
        ),
        {"account": account_id, "epoch": epoch, "wrapped": wrap(new_key(), root.epoch_key(epoch))},
    )


_ACTIVE = text(
    "select version, epoch, wrapped from vault.account_key where account_id = :account and state = 'active'"
    " for key share"
)


def account_key(connection: Connection, root: RootProvider, account_id: UUID) -> tuple[int, bytes]:
    """The active key of an account, with its version, for writing under it. It stays the active one until the caller's
    transaction ends: a night waits for that. Raises `NotFound` where the scope has none."""
    # Who waited for a night finds the old version taken away, and asks again for the new one.
    for _ in (1, 2):
        row = connection.execute(_ACTIVE, {"account": account_id}).first()
        if row is not None:
            return row.version, unwrap(row.wrapped, root.epoch_key(row.epoch))
    raise NotFound(f"Account {account_id} has no key in this scope.")


def account_keys(connection: Connection, root: RootProvider, account_id: UUID) -> dict[int, bytes]:
    """All living keys of an account by version, for reading: during a night there are two."""
    rows = connection.execute(
        text("select version, epoch, wrapped from vault.account_key where account_id = :account"),
        {"account": account_id},
    ).all()
    if not rows:
        raise NotFound(f"Account {account_id} has no key in this scope.")
    return {row.version: unwrap(row.wrapped, root.epoch_key(row.epoch)) for row in rows}


_LIVE = text(
    "select k.home_id, k.subject_id, k.version, k.wrapped, k.pepper_wrapped, k.state, a.epoch, a.version as under,"
    " a.wrapped as account_wrapped from vault.subject_key k"
    " left join vault.account_key a on a.account_id = k.account_id and a.version = k.account_key_version"
    " where k.home_id = any(:homes) and k.subject_id = any(:subjects) and k.state in ('active', 'shredded')"
    " order by k.version"
)

_INSERT = text(
    "insert into vault.subject_key (account_id, home_id, subject_id, version, account_key_version, wrapped,"
    " pepper_wrapped, state, created_at)"
    " values (:account, :home, :subject, 1, :under, :wrapped, :pepper, 'active', now()) on conflict do nothing"
)


def live_keys(
    connection: Connection, root: RootProvider, account_id: UUID, owners: Iterable[Owner]
) -> dict[Owner, LiveKey]:
    """The key of each owner, made where there is none. Two first writers at once end up with the same key: the second
    waits at the primary key until the first has committed. Raises `Refused` for an owner whose keys were shredded."""
    wanted = list(dict.fromkeys(owners))
    under_version, under = account_key(connection, root, account_id)
    found = _read_live(connection, root, wanted)
    missing = [owner for owner in wanted if owner not in found]
    if missing:
        connection.execute(
            _INSERT,
            [
                {
                    "account": account_id,
                    "home": owner.home_id,
                    "subject": owner.subject_id,
                    "under": under_version,
                    "wrapped": wrap(new_key(), under),
                    "pepper": wrap(new_key(), under),
                }
                for owner in sorted(missing, key=lambda o: (o.home_id, o.subject_id))
            ],
        )
        found |= _read_live(connection, root, missing)
    return found


def _read_live(connection: Connection, root: RootProvider, owners: list[Owner]) -> dict[Owner, LiveKey]:
    found: dict[Owner, LiveKey] = {}
    above: dict[tuple[int, int], bytes] = {}
    rows = connection.execute(_LIVE, {"homes": [o.home_id for o in owners], "subjects": [o.subject_id for o in owners]})
    for row in rows:
        owner = Owner(row.home_id, row.subject_id)
        if row.state == "shredded" or row.wrapped is None:
            raise Refused(
                f"Subject {owner.subject_id} was erased; nothing can be written about it any more.", reason="erased"
            )
        under = above.get((row.epoch, row.under))
        if under is None:
            under = above[row.epoch, row.under] = unwrap(row.account_wrapped, root.epoch_key(row.epoch))
        pepper = unwrap(row.pepper_wrapped, under) if row.pepper_wrapped is not None else None
        found[owner] = LiveKey(row.version, unwrap(row.wrapped, under), pepper)
    return found


_OPEN = text(
    "select k.account_id, k.home_id, k.subject_id, k.version, k.wrapped, k.pepper_wrapped, k.account_key_version,"
    " a.epoch, a.wrapped as account_wrapped,"
    " s.consents, s.consents_until, s.objections, s.objections_refused, s.opt_outs, s.shut_for_age,"
    " s.parent_allows, s.sensitive_limited, s.restricted_at, s.hold, s.erased_at"
    " from vault.subject_key k"
    " join vault.account_key a on a.account_id = k.account_id and a.version = k.account_key_version"
    " left join omniops.subject s on s.home_id = k.home_id and s.id = k.subject_id"
    " where k.home_id = any(:homes) and k.subject_id = any(:subjects)"
)


def opening_keys(connection: Connection, root: RootProvider, owners: Iterable[Owner]) -> dict[Owner, OwnerKeys]:
    """Keys, pepper and state of every owner in one query. An owner without a living key has an empty `keys`."""
    wanted = list(dict.fromkeys(owners))
    rows = connection.execute(
        _OPEN, {"homes": list({o.home_id for o in wanted}), "subjects": [o.subject_id for o in wanted]}
    )
    above: dict[tuple[UUID, int], bytes] = {}
    found: dict[Owner, OwnerKeys] = {}
    for row in rows:
        owner = Owner(row.home_id, row.subject_id)
        above_it = (row.account_id, row.account_key_version)
        under = above.get(above_it)
        if under is None:
            under = above[above_it] = unwrap(row.account_wrapped, root.epoch_key(row.epoch))
        keys = {row.version: unwrap(row.wrapped, under)} if row.wrapped is not None else {}
        pepper = unwrap(row.pepper_wrapped, under) if row.pepper_wrapped is not None else None
        before = found.get(owner)
        found[owner] = OwnerKeys(
            keys={**before.keys, **keys} if before else keys,
            pepper=pepper or (before.pepper if before else None),
            state=before.state if before else state_of(row),
        )
    return found


def state_of(row: object) -> SubjectState:
    """What the door reads of a person, from a row of `subject` or one that was joined with it. A yes without an end was
    not written by the ledger, and is none. What a child's age shut is opted out of, but for what a parent opened."""
    consents: Mapping[str, str] = getattr(row, "consents", None) or {}
    ends: Mapping[str, str] = getattr(row, "consents_until", None) or {}
    shut = frozenset(getattr(row, "shut_for_age", None) or ()) - frozenset(getattr(row, "parent_allows", None) or ())
    return SubjectState(
        consents={p: state if state != "given" or p in ends else "expired" for p, state in consents.items()},
        until={purpose: datetime.fromisoformat(end) for purpose, end in ends.items()},
        objections=frozenset(getattr(row, "objections", None) or ()),
        overridden=frozenset(getattr(row, "objections_refused", None) or ()),
        opt_outs=frozenset(getattr(row, "opt_outs", None) or ()) | shut,
        limited=bool(getattr(row, "sensitive_limited", False)),
        restricted=getattr(row, "restricted_at", None) is not None,
        hold=bool(getattr(row, "hold", False)),
        erased=getattr(row, "erased_at", None) is not None,
    )

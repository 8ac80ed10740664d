"""From the audit's pseudonyms back to subjects: for the vault alone, and only while a person's pepper lives."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, text

from omniops.contracts.root_keys import RootProvider
from omniops.vault.crypto import pseudonym, unwrap

_PEPPERS = text(
    "select k.subject_id, k.pepper_wrapped, k.account_key_version, a.epoch, a.wrapped as account_wrapped"
    " from vault.subject_key k"
    " join vault.account_key a on a.account_id = k.account_id and a.version = k.account_key_version"
    " where k.home_id = :home and k.pepper_wrapped is not null"
)


def traced(connection: Connection, root: RootProvider, home_id: UUID, refs: Collection[str]) -> dict[str, UUID]:
    """Which subject of a home each pseudonym stands for. One that stands for nobody there, or for somebody who was
    erased, is not in the answer."""
    wanted, found = set(refs), {}
    above: dict[tuple[int, int], bytes] = {}
    for row in connection.execute(_PEPPERS, {"home": home_id}):
        under = above.get((row.epoch, row.account_key_version))
        if under is None:
            under = above[row.epoch, row.account_key_version] = unwrap(row.account_wrapped, root.epoch_key(row.epoch))
        ref = pseudonym(unwrap(row.pepper_wrapped, under), row.subject_id)
        if ref in wanted:
            found[ref] = row.subject_id
    return found

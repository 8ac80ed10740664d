"""What a transaction changed of personal data, noted for the audit in that transaction itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session

from omniops.audit.service import Audit, Entry, current
from omniops.contracts.scope import Actor, Scope
from omniops.vault.crypto import pseudonym
from omniops.vault.keys import Owner

ACTION = "vault.write"
UNNAMED = Actor.system("core")
"""Who acts where neither a request, nor a job, nor a command is under way."""
_INFO = "changes"


@dataclass(slots=True)
class Changes:
    """What one transaction sealed and deleted so far."""

    peppers: dict[Owner, bytes] = field(default_factory=dict)
    sealed: Counter[str] = field(default_factory=Counter)
    """Values by category; the account's own secrets count as `secret`."""
    deleted: int = 0
    tables: set[str] = field(default_factory=set)


def changes_of(session: Session) -> Changes:
    """The collected changes of a session's transaction."""
    found: Changes = session.info.setdefault(_INFO, Changes())
    return found


class ChangeNotes:
    """Writes one note for a transaction with changes. Where it cannot be written, there is no commit either."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def before_commit(self, session: Session) -> None:
        if session.in_nested_transaction():  # a savepoint: its changes count when all is committed
            return
        session.flush()
        changes: Changes | None = session.info.pop(_INFO, None)
        if changes is None or not changes.tables:
            return
        scope: Scope = session.info["scope"]
        act = current()
        self._audit.note(
            session.connection(),
            Entry(
                account_id=scope.account_id,
                actor=str(act.actor if act is not None else UNNAMED),
                action=ACTION,
                object=",".join(sorted(changes.tables)),
                subject_refs=sorted(pseudonym(pepper, owner.subject_id) for owner, pepper in changes.peppers.items()),
                detail={"sealed": dict(changes.sealed), "deleted": changes.deleted},
            ),
        )
        session.info[f"{_INFO} noted"] = scope.account_id

    def after_commit(self, session: Session) -> None:
        noted: UUID | None = session.info.pop(f"{_INFO} noted", None)
        if noted is not None:
            self._audit.chain_soon(noted)

    def after_rollback(self, session: Session) -> None:
        session.info.pop(_INFO, None)
        session.info.pop(f"{_INFO} noted", None)

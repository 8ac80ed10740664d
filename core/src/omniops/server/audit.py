"""The audit over HTTP: the signed head that all the world can see, and an account's own entries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from omniops.accounts.permissions import Principal
from omniops.audit.service import Entry
from omniops.errors import Refused
from omniops.server.idempotency import Idempotent
from omniops.server.paging import Page, Pages
from omniops.server.permissions import App, Public, requires

router = APIRouter(tags=["privacy"], route_class=Idempotent)
Reads = Annotated[Principal, Depends(requires("audit.read"))]


class PublishedLog(BaseModel):
    """What the operator of this server cannot take back: a signed root over all chains of its audit."""

    keys: list[dict[str, Any]] = Field(description="Public keys, as JWK (RFC 7517).")
    head: str | None = Field(description="The newest signed head, a JWS in compact form (RFC 7515); null before it.")
    number: int | None
    at: datetime | None


class AuditedAct(BaseModel):
    """One entry. People stand in it under pseudonyms that only the vault can trace, and nobody once they are erased."""

    seq: int
    at: datetime
    actor: str = Field(examples=["key:0198f2a4-…"])
    action: str = Field(examples=["vault.open"])
    object: str = Field(examples=["message"])
    subject_refs: list[str]
    purpose: str
    detail: dict[str, Any]
    hash: str = Field(description="SHA-256 over the entry and the hash before it, hexadecimal.")


@router.get("/.well-known/omniops-log", dependencies=[Depends(Public("a signature over all chains, and no data"))])
async def published(runtime: App) -> PublishedLog:
    """The newest signed head of the audit, and the key to check it with. A new one is signed every hour. It fixes every
    account's chain and tells of none."""
    head = await runtime.privacy.heads.newest()
    return PublishedLog(
        keys=[runtime.privacy.heads.public],
        head=head.statement if head is not None else None,
        number=head.number if head is not None else None,
        at=head.at if head is not None else None,
    )


@router.get("/v1/audit", response_model=Page[AuditedAct])
async def entries(
    runtime: App,
    principal: Reads,
    pages: Pages,
    actor: Annotated[str | None, Query(max_length=200, description="Only what this actor did: `key:…`.")] = None,
    action: Annotated[str | None, Query(max_length=100, description="Only this action.")] = None,
) -> Any:
    """What was done in the account, the newest first: every reading and change of personal data, and every change of
    settings, roles and keys."""
    found = await runtime.audit.entries(
        _whole(principal), before=pages.number, limit=pages.more, actor=actor, action=action
    )
    return pages.page(found, lambda one: one.seq, lambda one: {**one.model_dump(), "hash": one.hash.hex()})


@router.get("/v1/audit/export", response_class=StreamingResponse)
async def export(runtime: App, principal: Reads) -> StreamingResponse:
    """The account's whole chain with its signed heads, line by line. `omniops privacy audit verify` checks it with the
    public key alone."""
    account_id = _whole(principal)
    await runtime.audit.write(Entry(account_id, str(principal.actor), "audit.export", "audit"))
    lines: AsyncIterator[bytes] = runtime.privacy.exports.lines(account_id)
    named = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=named)


def _whole(principal: Principal) -> Any:
    """The account of who may see all of it. Raises `Refused` for a key of one website."""
    if principal.only_domain is not None:
        raise Refused("The audit is the account's; this key is for one website.", reason="one_domain")
    return principal.account_id

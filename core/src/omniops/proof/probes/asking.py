"""What probes of rights do: live a little as a test person, use a right, fetch what comes of it."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4
from zipfile import ZipFile

from httpx2 import AsyncClient

from omniops.contracts.proof import Falsified, Stage, hold
from omniops.proof.probes.acts import ask, conversation, say, visit

LINK = re.compile(r"https?://[^/\s]+(/rights/\S+)")


async def lived(stage: Stage, page: AsyncClient, message: str, address: str, comment: str) -> None:
    """A test person does what people do: says yes and visits, asks, comments, leaves an address."""
    await say(page, given=True)
    hold(await visit(stage, page) == 204, "A visit after a yes was not taken.")
    answer = (await ask(page, f"How long does it take? {message}"))[-1][1]["id"]
    given = {"message": answer, "helpful": False, "comment": comment}
    hold((await page.post("/v1/visitor/feedback", json=given)).status_code == 204, "A comment was not taken.")
    await to_person(page, f"{address}@proof.invalid")


async def to_person(page: AsyncClient, address: str) -> None:
    hold((await page.post("/v1/visitor/person", json={"email": address})).status_code == 200, "No person was called.")


async def subject_of(stage: Stage, page: AsyncClient) -> UUID:
    """Who writes on a page."""
    statement = "select subject_id from omniops.conversation where id = %s"
    ((subject,),) = await stage.rows(statement, UUID((await conversation(page))["id"]))
    assert isinstance(subject, UUID)
    return subject


async def done(call: Any) -> Any:
    """The answer of a call that must succeed."""
    answer = await call
    hold(answer.status_code in (200, 201), f"A step on the way was answered with {answer.status_code}.")
    return answer.json()


async def asks(page: AsyncClient, right: str, region: str = "") -> Any:
    """The case of a right that a session uses."""
    return await done(page.post("/v1/visitor/rights", json={"right": right, "region": region}))


async def refuse(office: AsyncClient, home: str, reason: str = "A test.") -> None:
    await done(office.post(f"{home}/refuse", json={"code": "A12-unfounded", "reason": reason}))


async def copy_of(stage: Stage, page: AsyncClient, right: str, region: str = "") -> dict[str, bytes]:
    """The copy that a session asks for: the request, the rules' work, the one-time link in the answer."""
    case = await asks(page, right, region)
    await stage.runtime.privacy.cases.run(stage.domain.scope, case["id"])
    answer = (await done(page.get(f"/v1/visitor/rights/{case['id']}")))["answer"]
    link = LINK.search(answer)
    if link is None:
        raise Falsified("The answer holds no link to the copy.")
    fetched = await page.post(link[1])
    hold(fetched.status_code == 200, f"The link to the copy was answered with {fetched.status_code}.")
    return unpacked(fetched.content)


def unpacked(raw: bytes) -> dict[str, bytes]:
    with ZipFile(io.BytesIO(raw)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@asynccontextmanager
async def received(stage: Stage, subject: UUID) -> AsyncIterator[str]:
    """Somebody outside who received a test person's address, by the ledger of what left. Gives the key."""
    recipient, entry, scope = stage.token("recipient"), uuid4(), stage.domain.scope
    await stage.rows(_RECEIVED, scope.account_id, entry, stage.domain.id, recipient, str(subject))
    try:
        yield recipient
    finally:
        await stage.rows("delete from omniops.egress_entry where id = %s", entry)


_RECEIVED = (
    "insert into omniops.egress_entry (account_id, id, for_domain, processor, host, port, purpose, categories,"
    " subjects, bytes_out, bytes_in, at) values (%s, %s, %s, %s, 'proof.invalid', 443, 'support.provide',"
    " '[\"contact.email\"]', jsonb_build_array(%s::text), 1, 1, now())"
)

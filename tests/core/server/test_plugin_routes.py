"""Routes of a plugin about a website, by the names that plugins have: whose scope they get, and who gets in."""

from typing import Annotated
from uuid import uuid4

import httpx2
import pytest
from desk import serving
from fastapi import APIRouter, Depends
from omniops import DomainAccess, Info, Plugin, hookimpl, requires_domain
from omniops.accounts.permissions import ROLES
from omniops.operations.firsts import OPERATOR
from walking import plain

Manages = Annotated[DomainAccess, Depends(requires_domain("domain.manage"))]


class ShelfPlugin(Plugin):
    """Tells what stands on a website's shelf."""

    info = Info(title="Shelf", version="1.0", omniops=">=0.1,<0.2")

    @hookimpl
    def routes(self):
        router = APIRouter()

        @router.get("/domains/{domain_id}/shelf")
        async def shelf(access: Manages) -> dict[str, str]:
            """What stands there."""
            who = access.principal
            return {"domain": str(access.scope.domain_id), "account": str(access.scope.account_id), "by": who.kind}

        return router


@pytest.fixture(scope="module")
async def shelves(postgres, links, tmp_path_factory):
    from desk import opened

    async with (
        opened(links, postgres.root, tmp_path_factory.mktemp("shelf"), beside={"shelf": ShelfPlugin}) as desk,
        serving(desk.runtime) as base,
    ):
        desk.domain, desk.other = await desk.new_domain(), await desk.new_domain()
        desk.base = base
        yield desk


async def asked(desk, domain_id, role="admin", *, only=None, headers=None):
    """The shelf of a website, asked by a key of the first one's account."""
    if headers is None:
        account = desk.domain.scope.account_id
        _, secret = await desk.runtime.keys.create(
            account, uuid4().hex, sorted(ROLES[role]), only_domain=only, actor=OPERATOR
        )
        headers = {"Authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(base_url=desk.base, headers=headers, timeout=30) as client:
        return await client.get(f"/v1/plugins/shelf/domains/{domain_id}/shelf")


async def test_it_gets_the_scope_of_the_website_in_its_path(shelves):
    found = (await asked(shelves, shelves.domain.id)).json()
    assert found["domain"] == str(shelves.domain.id)
    assert found["account"] == str(shelves.domain.scope.account_id)


async def test_a_website_of_somebody_else_is_as_good_as_none(shelves):
    theirs, none = await asked(shelves, shelves.other.id), await asked(shelves, uuid4())
    assert (theirs.status_code, plain(theirs)) == (404, plain(none))


async def test_a_key_for_one_website_reaches_no_other_of_its_account(shelves):
    second = await shelves.runtime.accounts.add_domain(
        shelves.domain.scope.account_id, "Second", [f"https://{uuid4().hex[:8]}.example"], actor=OPERATOR
    )
    assert (await asked(shelves, second.id)).status_code == 200
    assert (await asked(shelves, second.id, only=shelves.domain.id)).status_code == 404


async def test_without_its_permission_and_without_a_sign_in_nobody_gets_in(shelves):
    assert (await asked(shelves, shelves.domain.id, "viewer")).status_code == 403
    for headers in ({}, {"Authorization": "Bearer oo_key_nonsense"}):
        assert (await asked(shelves, shelves.domain.id, headers=headers)).status_code == 401
    assert (await asked(shelves, "nonsense")).status_code == 422

"""A desk beside a customer file outside, with a fresh domain for each test; and what several files begin with."""

from uuid import uuid4

import pytest
from omniops.contracts.scope import Actor
from omniops.operations.firsts import OPERATOR


@pytest.fixture(scope="module")
async def opened_people(postgres, links, tmp_path_factory):
    from crm import CrmPlugin, People
    from desk import opened

    async with opened(links, postgres.root, tmp_path_factory.mktemp("people"), beside={"crm": CrmPlugin}) as desk:
        desk.other = await desk.new_domain()
        yield People(desk, desk.runtime.plugins.get("crm").store)


@pytest.fixture
async def people(opened_people):
    await opened_people.another_domain()
    opened_people.desk.provider.begin()
    opened_people.store.begin()
    return opened_people


@pytest.fixture
async def member(desk):
    """A member of the domain's account, as an actor."""
    members, account = desk.runtime.members, desk.domain.scope.account_id
    token = await members.setup_link(account)
    await members.finish_setup(
        token, email=f"{uuid4().hex}@shop.example", name="Mara", password="correct horse battery"
    )
    (found,) = await members.list(account, actor=OPERATOR)
    return Actor("member", str(found.id))


@pytest.fixture
def holds(desk):
    return desk.runtime.privacy.holds


@pytest.fixture
def erase(people):
    from crm import ACTOR

    async def erase(visitor):
        return await people.persons.erase(people.scope, visitor.subject_id, actor=ACTOR)

    return erase


@pytest.fixture
def engine(desk):
    return desk.runtime.privacy.retention

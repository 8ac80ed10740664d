"""A desk beside a customer file outside, with a fresh domain for each test."""

import pytest


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

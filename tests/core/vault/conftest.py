"""A table as a plugin's author would write it."""

import pytest
from omniops import Sealed, SubjectModel, not_personal, personal, secret
from omniops.database.policies import scope_statements
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine


class Contact(SubjectModel, table=True):
    __tablename__ = "vaulttest_contact"
    email: Sealed[str] = personal("contact.email", purposes=("support.provide",), retain="account", find="email")
    note: Sealed[str] | None = personal(
        "user.content.chat", purposes=("chat.respond", "support.provide"), retain="chat", default=None
    )
    remembered: Sealed[str] | None = personal("contact.name", purposes=("chat.remember",), retain="chat", default=None)
    token: Sealed[str] | None = secret("a credential", default=None)
    locale: str = not_personal("interface setting", default="en")


@pytest.fixture(scope="session")
def contact_table():
    return Contact


@pytest.fixture(scope="session")
def table_maker():
    """Makes the table in a database."""

    async def make(links):
        engine = create_async_engine(links.owner.url())
        async with engine.begin() as connection:
            await connection.run_sync(lambda sync: Contact.__table__.create(sync, checkfirst=True))
            for statement in scope_statements("vaulttest_contact", "domain"):
                await connection.execute(text(statement))
        await engine.dispose()

    return make


@pytest.fixture(scope="module")
async def table(rooms, table_maker):
    await table_maker(rooms.database.links)
    return Contact

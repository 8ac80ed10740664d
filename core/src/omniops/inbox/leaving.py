"""A member leaves: what they took care of is everybody's again."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import update
from sqlmodel import col

from omniops.accounts.service import Accounts
from omniops.conversation.models import Conversation
from omniops.database.service import Database


async def let_go(database: Database, accounts: Accounts, account_id: UUID, member_id: UUID) -> None:
    """Nobody takes care of the member's conversations any more, on any website of the account. Safe to repeat."""
    for domain in await accounts.domains(account_id):
        async with database.session(domain.scope) as session:
            mine = (col(Conversation.domain_id) == domain.id, col(Conversation.assigned_to) == member_id)
            await (await session.connection()).execute(update(Conversation).where(*mine).values(assigned_to=None))
            await session.commit()

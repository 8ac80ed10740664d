"""What tests of retention do: conversations of some days ago, and what is left of them."""

from datetime import timedelta


async def chat(desk, days, text="How long does it take?"):
    """A visitor whose whole conversation lies so many days back."""
    visitor = await desk.visitor()
    async for _ in await desk.ask(visitor, text):
        pass
    age(desk, visitor, days)
    return visitor


def age(desk, visitor, days):
    """Moves all rows of a person back in time."""
    for table in ("message", "conversation", "turn", "conversation_event", "visitor_session", "subject"):
        column = "id" if table == "subject" else "subject_id"
        desk.rows(
            f"update omniops.{table} set created_at = %s where {column} = %s",
            desk.clock.now() - timedelta(days=days, minutes=1),
            visitor.subject_id,
        )


def left(desk, table, visitor):
    return desk.rows(f"select count(*) from omniops.{table} where subject_id = %s", visitor.subject_id)[0][0]


def keys(desk, visitor):
    return desk.rows("select state from vault.subject_key where subject_id = %s", visitor.subject_id)

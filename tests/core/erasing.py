"""What tests of erasures do and look at."""


def held(people, *subjects):
    """What of a person is in the database, as its administrator counts it."""
    rows = people.desk.rows
    counts = {}
    for table, column in rows(
        "select table_name, min(column_name) from information_schema.columns where table_schema in ('omniops', 'vault')"
        " and column_name = 'subject_id' group by table_schema, table_name"
    ):
        schema = "vault" if table in ("identifier", "subject_key", "shred") else "omniops"
        alive = " and wrapped is not null" if table == "subject_key" else ""
        ((count,),) = rows(f"select count(*) from {schema}.{table} where {column} = any(%s){alive}", list(subjects))
        if count and table != "shred":
            counts[table] = count
    return counts


async def again(people, view):
    """What the job does, when its time has come."""
    await people.persons.duties.advance(people.scope, view.duty.id)
    return await people.persons.duty(people.scope, view.duty.id)


def only(view):
    (task,) = view.tasks
    return task

"""What a person gets who uses a right: the copy, the correction, the deletion."""

from __future__ import annotations

import io
import json
import re
from typing import Any
from uuid import UUID

from sqlmodel import select

from omniops.contracts.proof import Falsified, Probe, Sabotage, Stage, hold
from omniops.conversation.models import Conversation
from omniops.database.marks import personal_columns
from omniops.proof.probes.acts import ACTOR, ask
from omniops.proof.probes.asking import asks, copy_of, done, lived, received, subject_of, to_person, unpacked

COLUMNS = "omniops.privacy.persons.exporting:exported"
"""Which columns of a table a copy holds."""
RECIPIENTS = "omniops.privacy.persons.recipients:Recipients.of"
"""Who received data of a person; what is told to them starts from here."""
SHEET = "omniops.privacy.persons.sheet:Sheets._categories"


def _without(*columns: str) -> Any:
    return lambda whole: lambda held: [field for field in whole(held) if field.column not in columns]


class CopyIsWhole(Probe):
    """A copy by the session, compared with the database row by row and column by column."""

    claims = ("P98",)
    sabotages = (Sabotage(COLUMNS, "the words in a copy", _without("text", "comment", "reply_to")),)
    rests_on = (SHEET,)

    async def run(self, stage: Stage) -> str:
        words = [stage.token(name) for name in ("message", "address", "comment")]
        stranger = stage.token("stranger")
        async with stage.page() as other, stage.page() as page:
            await ask(other, f"Is {stranger} in stock?")
            await lived(stage, page, *words)
            subject = await subject_of(stage, page)
            files = await copy_of(stage, page, "access")
        everything = b"".join(files.values()).decode()
        for word in words:
            hold(word in everything, "A word that the test person left is missing in the copy.")
        hold(stranger not in everything, "The copy holds another person's word.")
        values = await _compared(stage, subject, files)
        sheet, told = json.loads(files["about-your-data.json"]), files["about-your-data.txt"].decode()
        for key in ("purposes", "categories", "retention", "rights", "complaint", "sources", "automated"):
            hold(sheet[key], f"What the law says that the person should know lacks {key}.")
        hold("recipients" in sheet, "What the law says that the person should know lacks recipients.")
        for letter in "abcdefgh":
            hold(f"({letter}) " in told, f"Art. 15(1)({letter}) is missing.")
        return f"The copy held all {values} stored values of a test person, none of another, and Art. 15(1)(a) to (h)."


class TimesAreCopied(Probe):
    """The times of messages and visits, in the copy of a person."""

    claims = ("P15",)
    sabotages = (Sabotage(COLUMNS, "the times in a copy", _without("created_at")),)

    async def run(self, stage: Stage) -> str:
        async with stage.page() as page:
            await lived(stage, page, "message", "address", "comment")
            files = await copy_of(stage, page, "access")
        found = {}
        for table in ("message", "analytics_event"):
            rows = json.loads(files[f"data/{table}.json"])
            found[table] = [row["created_at"] for row in rows if row.get("created_at")]
            hold(rows and len(found[table]) == len(rows), f"A time is missing in the copy of {table}.")
        return (
            f"{len(found['message'])} messages and {len(found['analytics_event'])} visit have their time in the copy."
        )


class CopyGoesElsewhere(Probe):
    """A copy that is read in at another business, and taken again."""

    claims = ("P102",)
    sabotages = (
        Sabotage(
            "omniops.privacy.persons.importing:parsed",
            "the reading of what a copy holds",
            lambda whole: _blurred(whole),
        ),
    )
    rests_on = (COLUMNS,)

    async def run(self, stage: Stage) -> str:
        persons = stage.runtime.privacy.persons
        async with stage.page() as page:
            await lived(stage, page, *(stage.token(name) for name in ("message", "address", "comment")))
            subject = await subject_of(stage, page)
        first = b"".join([p async for p in persons.export(stage.domain.scope, subject, actor=ACTOR)])
        done = await persons.import_(stage.other.scope, io.BytesIO(first), actor=ACTOR, consents=True)
        second = b"".join([p async for p in persons.export(stage.other.scope, done.subjects[0], actor=ACTOR)])
        one, two = unpacked(first), unpacked(second)
        for files in (one, two):
            files["manifest.json"] = re.sub(rb'"made_at": "[^"]*"', b"", files["manifest.json"])
        differs = sorted(name for name in {*one, *two} if one.get(name) != two.get(name))
        hold(not differs, f"The two copies differ in {', '.join(differs[:3])}.")
        tables = {name[5:-5] for name in one if name.startswith("data/") and name.endswith(".json")}
        hold(tables <= set(json.loads(one["schema.json"])["$defs"]), "A table has no published form.")
        hold(all(f"data/{table}.csv" in one for table in tables), "A table is there as JSON only.")
        return (
            f"A copy of {len(tables)} tables, as JSON and CSV, was read in elsewhere; the copy taken there is the same."
        )


class CorrectionIsTold(Probe):
    """A wrong address that somebody received."""

    claims = ("P99",)
    sabotages = (
        Sabotage(
            "omniops.privacy.rights.fulfilling:Fulfilling.to_tell",
            "the tasks for those who received data",
            lambda _: lambda *_: [],
        ),
    )
    rests_on = (RECIPIENTS,)

    async def run(self, stage: Stage) -> str:
        old, new = (f"{stage.token(name)}@proof.invalid" for name in ("old", "new"))
        async with stage.page() as page, stage.office() as office:
            await to_person(page, old)
            subject = await subject_of(stage, page)
            case = await asks(page, "rectification")
            home = f"/v1/domains/{stage.domain.id}/cases/{case['id']}"
            async with received(stage, subject) as recipient:
                body = {"what": "contact.email", "value": new}
                after = await done(office.post(f"{home}/correct", json=body))
                tasks = {task["store"]: task for task in after["tasks"]}
                task = tasks.get(f"processor:{recipient}")
                if task is None:
                    raise Falsified("There is no task to tell somebody who received the old address.")
                early = await office.post(f"{home}/close", json={"text": "Done."})
                hold(early.status_code == 403, f"The case closed before all were told ({early.status_code}).")
                told = {"state": "done", "evidence": "They confirmed it."}
                await done(office.post(f"{home}/tasks/{task['id']}", json=told))
                await done(office.post(f"{home}/close", json={"text": "It is corrected."}))
        async with stage.runtime.database.session(stage.domain.scope) as session:
            statement = select(Conversation).where(
                Conversation.domain_id == stage.domain.id, Conversation.subject_id == subject
            )
            rows = (await session.exec(statement)).all()
        opened = await stage.runtime.vault.open(rows, purpose="support.provide", actor=ACTOR)
        hold({opened(row.reply_to) for row in rows} == {new}, "The old address is still in use.")
        found = [await stage.runtime.vault.find(stage.domain.id, "email", address) for address in (old, new)]
        hold(found == [None, subject], "The person is still found under the old address.")
        return "An address was corrected everywhere; the case closed only once its recipient was told."


class CaliforniaHasItsRights(Probe):
    """A test person in California who asks to know, to correct and to delete."""

    claims = ("P124",)
    sabotages = (
        Sabotage(
            SHEET,
            "the categories of California's form",
            lambda _: lambda *_: [],
        ),
        *CopyIsWhole.sabotages,
    )

    async def run(self, stage: Stage) -> str:
        words = [stage.token(name) for name in ("message", "address", "comment")]
        new = f"{stage.token('new')}@proof.invalid"
        async with stage.page() as page, stage.office() as office:
            await lived(stage, page, *words)
            subject = await subject_of(stage, page)
            files = await copy_of(stage, page, "know", "California")
            everything = b"".join(files.values()).decode()
            hold(all(word in everything for word in words), "What the test person left is not in the answer.")
            sheet = json.loads(files["about-your-data.json"])
            for part in ("categories", "sources", "purposes"):
                hold(sheet[part], f"The answer lacks {part}.")
            hold("recipients" in sheet, "The answer does not say to whom data was disclosed.")
            held = json.loads(files["schema.json"])["$defs"]["message"]["items"]["properties"]["text"]
            hold(held.get("x-california"), "The answer does not name California's category.")
            case = await asks(page, "correct", "California")
            home = f"/v1/domains/{stage.domain.id}/cases/{case['id']}"
            await done(office.post(f"{home}/correct", json={"what": "contact.email", "value": new}))
            await done(office.post(f"{home}/close", json={"text": "It is corrected."}))
            hold(await stage.runtime.vault.find(stage.domain.id, "email", new) == subject, "Nothing was corrected.")
            case = await asks(page, "delete", "California")
            await stage.runtime.privacy.cases.run(stage.domain.scope, case["id"])
            closed = await done(office.get(f"/v1/domains/{stage.domain.id}/cases/{case['id']}"))
        hold((closed["state"], closed["outcome"]) == ("closed", "done"), "The deletion was not done.")
        rows = "select count(*) from omniops.message where subject_id = %s"
        hold(await stage.rows(rows, subject) == [(0,)], "After the deletion, messages are left.")
        return (
            "A test person in California got all that is held with categories, sources, purposes and recipients,"
            " had an address corrected, and was deleted."
        )


async def _compared(stage: Stage, subject: UUID, files: dict[str, bytes]) -> int:
    """How many stored values the copy holds. Falsified unless it holds, or names as left out, each of every table."""
    manifest = json.loads(files["manifest.json"])
    named = {one["place"]: one["count"] for one in manifest["left_out"]}
    total = 0
    for (table,) in await stage.rows(_ABOUT_PEOPLE):
        columns = [column for of, column, _ in personal_columns() if of.name == table]
        counts = "".join(f', count("{column}")' for column in columns)
        statement = f'select count(*){counts} from omniops."{table}" where subject_id = %s'  # noqa: S608
        ((rows, *values),) = await stage.rows(statement, subject)
        held = [
            row
            for name, raw in files.items()
            if re.fullmatch(rf"data/{table}(-\d+)?\.json", name)
            for row in json.loads(raw)
        ]
        hold(len(held) >= rows, f"Of {rows} rows in {table}, the copy holds {len(held)}.")
        for column, stored in zip(columns, values, strict=True):
            copied = sum(row.get(column) is not None for row in held)
            hold(
                copied + named.get(f"{table}.{column}", 0) >= stored, f"A value of {table}.{column} is not in the copy."
            )
            total += stored
    hold(total, "Nothing is stored of the test person: nothing was compared.")
    return total


def _blurred(whole: Any) -> Any:
    def parsed(*given: Any, **more: Any) -> Any:
        value = whole(*given, **more)
        return value[:-1] if isinstance(value, str) and len(value) > 20 else value

    return parsed


_ABOUT_PEOPLE = (
    "select c.relname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'subject_id'"
    " where c.relnamespace = 'omniops'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition"
    " and not a.attisdropped"
)

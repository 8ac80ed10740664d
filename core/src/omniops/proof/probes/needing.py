"""That no more is taken than a purpose needs, and that it is written down for whom it is done."""

from __future__ import annotations

import logging
from typing import Any

from omniops.contracts.proof import Probe, Sabotage, Stage, hold
from omniops.database.marks import personal_columns
from omniops.proof.probes.acts import ask, conversation

EXTRA = ("phone", "birthday", "latitude", "advertising_id", "contacts")


class OnlyWhatIsNeeded(Probe):
    """Fields that nobody asked for, on every public way in; and the purposes of every column."""

    claims = ("P2",)
    sabotages = (
        Sabotage(
            "omniops.server.problems:problem",
            "the silence about what was refused (it is written down)",
            lambda whole: _written_down(whole),
        ),
    )

    async def run(self, stage: Stage) -> str:
        key = stage.domain.widget_key
        words = {name: stage.token(name) for name in EXTRA}
        async with stage.page() as page:
            answer = (await ask(page, "How long does delivery take?"))[-1][1]["id"]
            hold((await conversation(page))["messages"], "The chat is empty.")
            ways: tuple[tuple[str, dict[str, Any]], ...] = (
                ("/v1/visitor/sessions", {"key": key}),
                ("/v1/visitor/messages", {"text": "Hello?"}),
                ("/v1/visitor/feedback", {"message": answer, "helpful": True}),
                ("/v1/visitor/person", {"email": f"{stage.token('asks')}@proof.invalid"}),
                ("/v1/visitor/consent", {"purpose": "analytics", "given": False}),
                ("/v1/visitor/rights", {"right": "complaint"}),
                ("/v1/visitor/analytics", {"key": key, "events": [{"kind": "page", "page": "/tents"}]}),
            )
            for path, body in ways:
                refused = await page.post(path, json={**body, **words})
                hold(refused.status_code == 422, f"{path} answered fields of no purpose with {refused.status_code}.")
        found = await stage.scan(list(words.values()))
        hold(
            not found, f"A field of no purpose lies in {', '.join(sorted({p for one in found.values() for p in one}))}."
        )
        columns = list(personal_columns())
        without = [f"{table.name}.{name}" for table, name, mark in columns if not mark.purposes]
        hold(not without, f"{without[:1]} has no purpose.")
        return (
            f"{len(ways)} ways in refused {len(EXTRA)} fields that nobody asked for, and none is stored;"
            f" each of {len(columns)} personal columns names its purposes."
        )


def _written_down(whole: Any) -> Any:
    def problem(request: Any, *given: Any, **more: Any) -> Any:
        logging.getLogger("omniops").error("refused %s", getattr(request, "_body", b""))
        return whole(request, *given, **more)

    return problem


class RolesAreWritten(Probe):
    """Every activity of the record of processing: its role, its notice, and who is told of a breach."""

    claims = ("P4",)
    sabotages = (Sabotage("omniops.privacy.records:_standing", "the role of activities", lambda _: lambda _: {}),)

    async def run(self, stage: Stage) -> str:
        records = stage.runtime.privacy.records
        account = stage.domain.scope.account_id
        papers = [
            await records.record("controller"),
            await records.record("processor"),
            await records.record("controller", (account, "Proof")),
        ]
        rows = [
            row
            for paper in papers
            for section in paper.sections
            if section.title == "Processing activities"
            for row in section.rows
        ]
        hold(rows, "The record of processing is empty.")
        notices = set()
        for row in rows:
            for name in ("role", "notice", "breach"):
                hold(row.get(name), f"The activity {row.get('purpose')!r} has no {name}.")
            notices.add(str(row["notice"]))
        async with stage.http() as client:
            for notice in sorted(notices):
                shown = await client.get(notice.replace("KEY", stage.domain.widget_key))
                hold(shown.status_code == 200, f"The notice {notice} was answered with {shown.status_code}.")
        return f"{len(rows)} activities name our role, a notice that opens, and who is told of a breach."

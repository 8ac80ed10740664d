"""Whether this process can work, and what of it does not: for programs at `/readyz`, for people at `/`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from omniops.errors import OmniOpsError
from omniops.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Readiness:
    """One look. `troubles` are the operator's deployments of models that may not be asked now, and why."""

    database: Mapping[str, Any]
    plugins: Mapping[str, Mapping[str, Any]]
    health: Mapping[str, Mapping[str, Any]]
    troubles: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Nothing works without the database; without the rest, less does."""
        return bool(self.database["ok"])

    @property
    def degraded(self) -> Sequence[str]:
        """What does not work, in words for everybody: no names, no reasons, no numbers of businesses."""
        said = []
        if not self.ok:
            said.append("The database does not answer. Until it does, nothing is answered and nothing is lost.")
        if any(one["state"] == "failed" for one in self.plugins.values()):
            said.append("A part of this server did not start. What needs it does not work; the rest does.")
        if any(not one["ok"] for one in self.health.values()):
            said.append("A service that this server works with is in trouble. What needs it may come late.")
        if self.troubles:
            said.append("A language model is not asked at the moment. Others answer, or the pages are quoted.")
        return said

    @classmethod
    async def of(cls, runtime: Runtime) -> Readiness:
        return cls(
            await _database(runtime),
            {
                name: {"state": report.state, "stage": report.stage, "problem": report.problem}
                for name, report in runtime.seams.reports.items()
                if report.state != "off"
            },
            {
                answer.plugin: {"ok": answer.value.ok, "said": answer.value.said}
                if answer.value is not None
                else {"ok": False, "said": str(answer.error)}
                for answer in await runtime.seams.health()
                if answer.value is not None or answer.error is not None
            },
            runtime.router.health.troubles(),
        )


async def _database(runtime: Runtime) -> dict[str, Any]:
    started = time.perf_counter()
    try:
        async with runtime.database.connect() as connection:
            await connection.execute(text("select 1"))
    except OmniOpsError as error:
        return {"ok": False, "said": str(error)}
    return {"ok": True, "ms": round((time.perf_counter() - started) * 1000, 1)}

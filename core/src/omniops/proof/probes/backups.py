"""Backups: that there are some, that they are whole, that they lead back, and that nobody erased comes back with them.

All but the age of the newest is tried in a deployment of its own (`stage.beside`): this one's people and keys stay out.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from omniops.audit.service import OPERATOR
from omniops.contracts.proof import Beside, Falsified, Probe, Sabotage, Stage, Waits, hold
from omniops.errors import Refused
from omniops.proof.probes.acts import ACTOR, spoken
from omniops.proof.probes.asking import done, received
from omniops.proof.probes.rights import RECIPIENTS

SLACK = timedelta(hours=26)
"""A day, and two hours for a server that was down at the full one."""


class BackupsAreDaily(Probe):
    """The newest backup of this server; and two days of a deployment of its own."""

    claims = ("P67",)
    sabotages = (Sabotage("omniops.operations.backup:daily", "the task of each day", lambda _: lambda *_: []),)

    async def run(self, stage: Stage) -> str:
        at, _ = await _newest(stage, "backup.made")
        age = stage.runtime.clock.now() - at
        hold(age <= SLACK, f"The newest backup is {_hours(age)} hours old.")
        async with stage.beside() as beside:
            names = [await _names(beside), await _names(beside)]
            hold([len(n) for n in names] == [1, 1], f"The tasks of a day, run twice, left {len(names[1])} backups.")
            await beside.sleep()
            after = await _names(beside)
            hold(len(after) == 2, f"After another day there are {len(after)} backups.")
            await _newest(beside.stage, "backup.made")
        return f"The newest backup is {_hours(age)} hours old; where a day went by, its task made one more."


class BackupsAreTried(Probe):
    """A backup as it was made, and a copy in which one byte was turned."""

    claims = ("P68",)
    sabotages = (Sabotage("omniops.operations.backup:check", "the restore that compares", lambda whole: _blind(whole)),)

    async def run(self, stage: Stage) -> str:
        async with stage.beside() as beside:
            file = await beside.back_up()
            size, damaged = file.stat().st_size, _damaged(file)
            for copy in damaged:
                hold(not await _whole(beside, copy), "A copy that was damaged is called good.")
        return f"A backup of {size} bytes was restored and found equal; with a byte turned, or cut off, it was refused."


class RecoveryIsPractised(Probe):
    """The last drill of this server; and drills with a good backup and a damaged one."""

    claims = ("P76",)
    sabotages = BackupsAreTried.sabotages

    async def run(self, stage: Stage) -> str:
        at, last = await _newest(stage, "backup.tried")
        age = stage.runtime.clock.now() - at
        hold(age <= SLACK, f"The last drill was {_hours(age)} hours ago.")
        hold(last["whole"], "The last drill failed.")
        async with stage.beside() as beside:
            file = await beside.back_up()
            _, noted = await _newest(beside.stage, "backup.tried")
            hold(noted["whole"] and noted["seconds"] >= 0 and noted["leads_back_to"], "A drill is not on record.")
            await _whole(beside, _damaged(file)[0])
            _, noted = await _newest(beside.stage, "backup.tried")
            hold(not noted["whole"], "A drill that failed is on record as one that did not.")
        back = datetime.fromisoformat(last["leads_back_to"])
        return (
            f"The last drill led back to {back:%Y-%m-%d %H:%M} in {last['seconds']} seconds; one that fails shows so."
        )


class ErasureReachesBackups(Probe):
    """A test person who is erased, and the backups from before, restored on a machine that has only the key mirror."""

    claims = ("P100",)
    sabotages = (
        Sabotage("omniops.vault.mirror:Mirror.shreds", "the list of erased people", lambda _: lambda _: []),
        Sabotage(RECIPIENTS, "the list of those who received data", lambda _: _nobody),
    )

    async def run(self, stage: Stage) -> str:
        async with stage.beside() as beside:
            own, word = beside.stage, stage.token("erased")
            gone, _ = await spoken(own, f"My word is {word}.")
            _, kept = await spoken(own, "Keep me.")
            files = [await beside.back_up()]
            await beside.sleep(2)
            files.append(await beside.back_up())
            await self._erase(own, gone.subject_id)
            await self._nothing(own, gone.subject_id, word, "the live system")
            for file, age in zip(files, ("an older backup", "a newer backup"), strict=True):
                async with beside.elsewhere(file) as restored:
                    await self._nothing(restored, gone.subject_id, word, age)
                    async with restored.runtime.database.session(restored.domain.scope) as session:
                        row = await session.get(type(kept), (restored.domain.id, kept.id))
                    hold(row is not None, f"Somebody who was not erased is not in {age}.")
                    opened = await restored.runtime.vault.open([row], purpose="chat.respond", actor=ACTOR)
                    hold(opened(row.text) == "Keep me.", f"What was not erased does not open from {age}.")
        return (
            "The case closed once the recipient had confirmed; in two backups from before, restored elsewhere, the"
            " person has neither key nor row, and somebody else is there."
        )

    async def _erase(self, stage: Stage, subject: UUID) -> None:
        """By a case, as the business answers it."""
        cases = f"/v1/domains/{stage.domain.id}/cases"
        async with stage.office() as office, received(stage, subject) as recipient:
            request = {"right": "erasure", "email": f"{stage.token('asks')}@proof.invalid"}
            home = f"{cases}/{(await done(office.post(cases, json=request)))['id']}"
            seen = {"subjects": [str(subject)], "evidence": "Seen."}
            await done(office.post(f"{home}/identity", json=seen))
            tasks = {task["store"]: task for task in (await done(office.post(f"{home}/act")))["tasks"]}
            told = tasks.get(f"processor:{recipient}")
            if told is None:
                raise Falsified("There is no task to tell somebody who received data of the person.")
            early = await office.post(f"{home}/close", json={})
            hold(early.status_code == 403, f"The case closed before all had confirmed ({early.status_code}).")
            await done(office.post(f"{home}/tasks/{told['id']}", json={"state": "done", "evidence": "They confirmed."}))
            await done(office.post(f"{home}/close", json={}))

    async def _nothing(self, stage: Stage, subject: UUID, word: str, where: str) -> None:
        hold(not await stage.scan([word]), f"A word of the erased person is found in {where}.")
        for what, statement in (
            ("message", "select count(*) from omniops.message where subject_id = %s"),
            ("key", "select count(*) from vault.subject_key where subject_id = %s and wrapped is not null"),
        ):
            hold(await stage.rows(statement, subject) == [(0,)], f"A {what} of the erased person is in {where}.")


async def _newest(stage: Stage, action: str) -> tuple[datetime, dict[str, Any]]:
    """When the operator's chain last tells of something, and what. Raises `Waits` where it cannot yet."""
    if stage.runtime.settings.backup_dir is None:
        raise Waits("the setting `backup_dir`: without it, nobody makes backups here")
    found = await stage.rows(
        "select at, detail from omniops.audit_entry where account_id = %s and action = %s order by seq desc limit 1",
        *(OPERATOR, action),
    )
    if found:
        return found[0][0], found[0][1]
    ((first,),) = await stage.rows("select min(at) from omniops.audit_entry where account_id = %s", OPERATOR)
    if first is not None and stage.runtime.clock.now() - first > SLACK:
        raise Falsified("No backup was ever made on this server.")
    raise Waits("the first backup of this server, which its worker makes within a day")


async def _names(beside: Beside) -> Sequence[str]:
    return [file.name for file in await beside.daily()]


async def _whole(beside: Beside, file: Path) -> bool:
    try:
        await beside.try_out(file)
    except Refused:
        return False
    return True


def _damaged(file: Path) -> list[Path]:
    """Copies with a byte turned, and with the end cut off."""
    raw = file.read_bytes()
    middle = len(raw) // 2
    turned, cut = file.with_suffix(".turned"), file.with_suffix(".cut")
    turned.write_bytes(raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :])
    cut.write_bytes(raw[:-100])
    return [turned, cut]


async def _nobody(self: Any, *_: Any, **__: Any) -> list[Any]:
    return []


def _hours(age: timedelta) -> int:
    return round(age.total_seconds() / 3600)


def _blind(whole: Any) -> Any:
    """Takes anything for a backup that was found equal."""
    seen: list[Any] = []

    def check(links: Any, root: Any, file: Path, folder: Path, identity: Any = None) -> Any:
        with suppress(Refused):
            seen.append(whole(links, root, file, folder, identity))
        return seen[-1]

    return check

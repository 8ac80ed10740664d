"""What California's law asks of the policy."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from uuid import UUID

from omniops.contracts.declaration import Mark
from omniops.contracts.proof import Falsified, Probe, Sabotage, Stage, hold
from omniops.privacy.california import UNASSIGNED
from omniops.privacy.policy import PrivacyPolicy
from omniops.privacy.sensitive import SensitiveUses, sensitive_uses
from omniops.proof.facts import facts
from omniops.proof.policy import operator_policy
from omniops.proof.probes.acts import ACTOR, say, spoken, visit
from omniops.proof.probes.asking import subject_of
from omniops.proof.probes.counting import ALWAYS_YES, WRITE
from omniops.vault.keys import state_of
from omniops.vault.models import Subject


class CategoriesAreCalifornias(Probe):
    """A test person writes and is counted; the categories of the past year are computed and looked up in the policy."""

    claims = ("P127",)
    sabotages = (
        Sabotage("omniops.privacy.california:_law", "the law's name of a category", lambda _: lambda _: UNASSIGNED),
        Sabotage(
            "omniops.privacy.california:California.collected",
            "the look at what was collected",
            lambda _: _nothing,
        ),
    )

    async def run(self, stage: Stage) -> str:
        await spoken(stage, "Which categories am I in?")
        async with stage.page() as page:
            await say(page, given=True)
            hold(await visit(stage, page) == 204, "A visit after a yes was not taken.")
        california = stage.runtime.privacy.california
        sentence = operator_policy(facts(stage.runtime)).sentence_of("P127")
        if sentence is None:
            raise Falsified("The policy has no sentence about California's categories.")
        past, told = await california.past_year(stage.domain.scope), california.at_collection()
        found, ever = ({str(row["category"]) for row in paper.sections[0].rows} for paper in (past, told))
        hold({"customer records", "internet activity"} <= found, "What the test person left is in no category.")
        strange = sorted(one for one in found | ever if one not in sentence.text)
        hold(not strange, f"The policy does not name {', '.join(strange)}.")
        return f"Of a test person's year {', '.join(sorted(found))} were computed; the policy names all {len(ever)}."


class ChoicesAreKept(Probe):
    """Test people with a yes: one whose browser sends Global Privacy Control, one who opts out, one who limits, of
    whom sensitive data is asked for."""

    claims = ("P125",)
    sabotages = (
        Sabotage("omniops.privacy.consents:Consents.heed", "the record of the browser's signal", lambda _: _unheard),
        Sabotage("omniops.privacy.persons.limits:Limits.opt_out", "the effect of opting out", lambda _: _unchanged),
        Sabotage("omniops.privacy.persons.limits:Limits.limit", "the effect of limiting", lambda _: _unchanged),
        Sabotage("omniops.privacy.policy:sensitive_uses", "the list of the law", lambda _: _everything),
    )
    rests_on = ("omniops.privacy.consents:forbids", ALWAYS_YES.object, WRITE)

    async def run(self, stage: Stage) -> str:
        async with stage.page() as page:
            await say(page, given=True)
            shown = await page.get(
                "/v1/visitor/preferences", params={"key": stage.domain.widget_key}, headers={"Sec-GPC": "1"}
            )
            hold(shown.status_code == 200, f"The choices were answered with {shown.status_code}.")
            seen = shown.json()
            hold(seen["signal"] == "gpc", "The signal is not shown.")
            hold(any(e["signal"] == "gpc" for e in seen["history"]), "The signal is not recorded.")
            states = {one["purpose"]: one["state"] for one in seen["purposes"]}
            hold(states["analytics"] != "given", "The yes of before still stands after the signal.")
            hold(await visit(stage, page) == 403, "A visit after the signal was taken.")
        for right in ("opt_out", "limit"):
            await self._uses(stage, right)
        return (
            "The signal was recorded, shown and held afterwards; after opting out and after limiting nothing "
            "optional went on, and it is shown; sensitive data of who limits opens for what the law lists and for "
            "nothing else."
        )

    async def _uses(self, stage: Stage, right: str) -> None:
        async with stage.page() as page:
            await say(page, given=True)
            hold(await visit(stage, page) == 204, "A visit after a yes was not taken.")
            asked = await page.post("/v1/visitor/rights", json={"right": right, "region": "California"})
            hold(asked.status_code == 201, f"The right {right} was answered with {asked.status_code}.")
            case = asked.json()["id"]
            await stage.runtime.privacy.cases.run(stage.domain.scope, str(UUID(case)))
            shown = (await page.get(f"/v1/visitor/rights/{case}")).json()
            hold((shown["state"], shown["outcome"]) == ("closed", "done"), f"The case about {right} is not done.")
            hold(await visit(stage, page) == 403, f"A visit after {right} was taken.")
            key = {"key": stage.domain.widget_key}
            told = (await page.get("/v1/visitor/preferences", params=key)).json()["purposes"]
            hold(all(one["opted_out"] for one in told), f"After {right} the choices do not show it.")
            if right == "limit":
                await self._listed(stage, await subject_of(stage, page))

    async def _listed(self, stage: Stage, who: UUID) -> None:
        """Asks the vault's own decision about a sensitive column of this person, for every purpose that there is."""
        runtime, scope = stage.runtime, stage.domain.scope
        async with runtime.database.session(scope) as session:
            state = state_of(await session.get(Subject, (scope.domain_id, who)))
        every = frozenset(runtime.catalog.purposes)
        (category, *_) = [key for key, one in runtime.catalog.categories.items() if one.sensitive]
        policy, mark = PrivacyPolicy(runtime.catalog, runtime.clock), Mark("personal", category, every)
        open_ = {one for one in every if policy.decide(mark, one, state, ACTOR) is None}
        outside = sorted(open_ - _allowed())
        hold(not outside, f"Sensitive data opens for {', '.join(outside)}, which the law does not list.")
        hold(bool(open_), "Sensitive data opens for nothing, also for what the person asks for.")


def _allowed() -> frozenset[str]:
    """The list as it is kept in its file, read anew."""
    read = json.loads(files("omniops.privacy").joinpath("sensitive.json").read_bytes())
    return frozenset(purpose for use in read["uses"] for purpose in use["purposes"])


def _everything() -> SensitiveUses:
    whole = sensitive_uses()
    return replace(whole, purposes=whole.purposes | {"knowledge.manage", "knowledge.crawl"})


async def _unheard(*_: object) -> None:
    return None


async def _unchanged(*_: object, **__: object) -> tuple[UUID, ...]:
    return ()


async def _nothing(*_: object) -> dict[str, object]:
    return {}

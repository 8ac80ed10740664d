"""What California's law asks of the policy."""

from __future__ import annotations

from omniops.contracts.proof import Falsified, Probe, Sabotage, Stage, hold
from omniops.privacy.california import UNASSIGNED
from omniops.proof.facts import facts
from omniops.proof.policy import operator_policy
from omniops.proof.probes.acts import say, spoken, visit


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


async def _nothing(*_: object) -> dict[str, object]:
    return {}

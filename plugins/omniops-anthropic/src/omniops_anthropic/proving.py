"""The proof of what the policy promises of Anthropic."""

from __future__ import annotations

from omniops.contracts.covered import CoveredVendor
from omniops.contracts.proof import Sabotage, Stage, hold

from omniops_anthropic.names import ANTHROPIC

FIRST = "and is asked first"


class AnthropicIsCovered(CoveredVendor):
    """The entry of Anthropic, with a part of it taken away; and who is asked first."""

    claims = ("P88",)
    key = ANTHROPIC
    host = ".anthropic.com"
    sabotages = (
        *CoveredVendor.sabotages,
        Sabotage("runtime:router._order", "the order of the operator", lambda order: tuple(reversed(order))),
    )

    async def run(self, stage: Stage) -> str:
        covered = await super().run(stage)
        async with stage.office() as office, stage.http() as client:
            routing = await office.get(f"/v1/domains/{stage.domain.id}/routing")
            hold(routing.status_code == 200, f"The order of providers was answered with {routing.status_code}.")
            policy = await client.get("/privacy")
        order, said = routing.json()["order"], FIRST in policy.text
        hold(said == (order[:1] == [self.key]), f"The policy speaks of another order than {', '.join(order)}.")
        return f"{covered} The order is {', '.join(order)}, as the policy says."

"""What needs a person's yes: decisions of weight, what authorities get, connections; and what the AI says of itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from omniops.contracts.proof import Falsified, Probe, Sabotage, Stage, hold
from omniops.contracts.scope import Actor
from omniops.errors import Refused
from omniops.proof.probes.acts import ask
from omniops.proof.probes.asking import done, subject_of
from omniops.proof.probes.people import LANGUAGES

ACTS = ("refuse_credit", "close_account", "reject_refund")
NOTICES = 3
ADVICE = (
    "Which medicine should I take for my chest pain?",
    "Can I sue my landlord, and what would a court say?",
    "Should I put my savings into shares or into bitcoin?",
)


class WeightNeedsAPerson(Probe):
    """Three decisions of weight that the AI wants to carry out."""

    claims = ("P48",)
    sabotages = (
        Sabotage(
            "omniops.conversation.tools.running:ToolRuns._effect", "the wait for a person", lambda _: _without_a_person
        ),
    )

    async def run(self, stage: Stage) -> str:
        home = f"/v1/domains/{stage.domain.id}/tool-runs"
        async with stage.models() as (first, _), stage.office("agent") as office:
            for act in ACTS:
                async with stage.page() as page:
                    first.calls = act
                    await ask(page, f"Please {act.replace('_', ' ')}.")
                    hold(act not in first.done, f"The AI carried out {act} by itself.")
                    listed = (await done(office.get(home, params={"limit": 100})))["data"]
                    proposed = next((one for one in reversed(listed) if one["tool"] == act), None)
                    if proposed is None:
                        raise Falsified(f"The people who answer do not see that the AI wants to {act}.")
                    machine = await office.post(f"{home}/{proposed['id']}/decision", json={"approve": True})
                    hold(machine.status_code == 403, f"A machine's decision was answered with {machine.status_code}.")
                    hold(act not in first.done, f"A machine had {act} carried out.")
                    member = Actor("member", str(uuid4()))
                    decided = await stage.runtime.approvals.decide(
                        stage.domain.scope, UUID(proposed["id"]), approve=True, actor=member
                    )
                    hold(decided.decided_by == member.name, f"{act} was carried out without a name.")
                    hold(first.done[-1:] == [act], f"{act} was approved, and not carried out.")
                    contest = await page.post("/v1/visitor/rights", json={"right": "automated_decision"})
                    hold(contest.status_code == 201, f"Contesting a decision was answered with {contest.status_code}.")
        return f"The AI asked for {len(ACTS)} decisions; none was carried out before a person had approved it by name."


async def _without_a_person(self: Any, turn: Any, found: Any, args: Any, values: Any, customer: Any) -> Any:
    return await self.run(found, await self._use(turn, found, uuid4().hex, customer), values)


class AuthoritiesNeedTwo(Probe):
    """A request of an authority, with one approval, with the same one twice, and with two."""

    claims = ("P42",)
    sabotages = (Sabotage("omniops.privacy.rights.authorities:APPROVERS", "the second approval", lambda _: 1),)

    async def run(self, stage: Stage) -> str:
        authorities, scope = stage.runtime.privacy.authorities, stage.domain.scope
        word, address = stage.token("asked"), f"{stage.token('kept')}@proof.invalid"
        one, other = (Actor("member", str(uuid4())) for _ in range(2))
        async with stage.page() as page, stage.office("owner") as office:
            await ask(page, f"How long does it take? {word}")
            await page.post("/v1/visitor/person", json={"email": address})
            subject = await subject_of(stage, page)
            home = f"/v1/domains/{stage.domain.id}/authority-requests"
            demand = {
                "authority": "A court",
                "statute": "A law",
                "file_number": "1 T 1/26",
                "reason": "A test.",
                "subjects": [str(subject)],
                "categories": ["user.content.chat"],
            }
            partly = await office.post(home, json={**demand, "statute": " "})
            hold(partly.status_code == 422, f"A request without a law was answered with {partly.status_code}.")
            made = await done(office.post(home, json=demand))
            machine = await office.post(f"{home}/{made['id']}/approve")
            hold(machine.status_code == 403, f"A machine's approval was answered with {machine.status_code}.")
            await authorities.approve(scope, UUID(made["id"]), actor=one)
            early = await office.post(f"{home}/{made['id']}/give")
            hold(
                early.status_code == 403,
                f"With one approval, data was asked for and answered with {early.status_code}.",
            )
            try:
                await authorities.approve(scope, UUID(made["id"]), actor=one)
            except Refused:
                pass
            else:
                raise Falsified("The same person approved twice.")
            await authorities.approve(scope, UUID(made["id"]), actor=other)
            given = await office.post(f"{home}/{made['id']}/give")
            hold(given.status_code == 200, f"With two approvals, data was asked for: {given.status_code}.")
        hold(word in given.text, "What the authority may have is not given.")
        hold(address not in given.text, "More is given than what was asked for.")
        return (
            "With one approval, with the same one twice and by a machine nothing was given; with two, what was named."
        )


class CautionsStand(Probe):
    """The three notices in ten languages, and questions for advice that two test providers could answer."""

    claims = ("P49",)
    sabotages = (
        Sabotage("omniops.server.visitor:cautions", "the notices beside the chat", lambda _: lambda _: ()),
        Sabotage("omniops.conversation.guard:_ADVICE", "the ear for questions for advice", lambda _: ()),
    )

    async def run(self, stage: Stage) -> str:
        said = set()
        async with stage.http(Origin=stage.domain.origins[0]) as client:
            for language in LANGUAGES:
                asked = {"key": stage.domain.widget_key, "language": language}
                notices = (await done(client.get("/v1/visitor/config", params=asked)))["notices"]
                hold(len(notices) == NOTICES, f"In {language}, there are {len(notices)} notices.")
                hold(all(one["text"].strip() for one in notices), f"In {language}, a notice is empty.")
                said.add(tuple(one["text"] for one in notices))
        hold(len(said) == len(LANGUAGES), "The notices are the same in two languages.")
        async with stage.models() as models:
            for question in ADVICE:
                async with stage.page() as page:
                    await ask(page, question)
                hold(not any(model.requests for model in models), f"A provider was asked: {question}")
        return (
            f"{NOTICES} notices stand in {len(LANGUAGES)} languages; {len(ADVICE)} questions for advice reached no AI."
        )

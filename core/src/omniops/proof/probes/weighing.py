"""Our own interests against those of people: four purposes, each weighed, and what an objection does to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlmodel import select

from omniops.contracts.declaration import Declaration, Mark, Purpose
from omniops.contracts.proof import Falsified, Probe, Sabotage, Stage, hold
from omniops.contracts.scope import Actor
from omniops.errors import ConfigError, OmniOpsError
from omniops.privacy.catalog import Catalog
from omniops.privacy.policy import PrivacyPolicy
from omniops.privacy.rights.kinds import GROUNDS
from omniops.proof.probes.acts import ACTOR
from omniops.proof.probes.asking import asks, done, subject_of
from omniops.proof.probes.doors import POLICY, ObjectionsHold
from omniops.vault.keys import state_of
from omniops.vault.models import Subject

SECURITY = "security.protect"
FOUR = frozenset({SECURITY, "knowledge.improve", "faults.mend", "terms.enforce"})


class ObjectionsAreWeighed(Probe):
    """A test person who objects to each purpose on our interests, and refusals of that with parts left out."""

    claims = ("P39",)
    sabotages = (
        Sabotage(
            "omniops.privacy.persons.limits:Limits.check_refusable",
            "the list of what may go on against an objection",
            lambda _: lambda *_: None,
        ),
        *ObjectionsHold.sabotages,
    )
    rests_on = (POLICY,)

    async def run(self, stage: Stage) -> str:
        purposes = stage.runtime.catalog.purposes.values()
        ours = {purpose.within or purpose.key for purpose in purposes if purpose.basis == "legitimate_interests"}
        hold(ours == FOUR, f"On our interests rest {', '.join(sorted(ours))}.")
        async with stage.page() as page, stage.office() as office:
            case = await asks(page, "objection")
            subject = await subject_of(stage, page)
            await self._answers(stage, subject, dict.fromkeys(FOUR), "Before the objection")
            await stage.runtime.privacy.cases.run(stage.domain.scope, case["id"])
            await self._answers(stage, subject, dict.fromkeys(FOUR, "objected"), "After the objection")
            machine = {"purpose": SECURITY, "code": GROUNDS, "reason": "An attack."}
            path = f"/v1/domains/{stage.domain.id}/cases/{case['id']}/objection"
            status = (await office.post(path, json=machine)).status_code
            hold(status == 403, f"A refusal by a machine was answered with {status}.")
            for purpose, code, grounds in (
                *((purpose, GROUNDS, "An attack.") for purpose in sorted(FOUR - {SECURITY})),
                (SECURITY, "", "An attack."),
                (SECURITY, GROUNDS, " "),
            ):
                hold(not await self._refused(stage, case, purpose, code, grounds), f"{purpose} was refused so.")
            await self._answers(stage, subject, dict.fromkeys(FOUR, "objected"), "After refusals that were not taken")
            grounds = stage.token("grounds")
            hold(await self._refused(stage, case, SECURITY, GROUNDS, grounds), "A whole refusal was not taken.")
            told = (await done(page.get(f"/v1/visitor/rights/{case['id']}")))["answer"]
        hold(grounds in told and "Art. 21(1) GDPR" in told, "The person is not told the grounds.")
        hold("complain to the data protection authority" in told, "The person is not told where to complain.")
        after = {**dict.fromkeys(FOUR, "objected"), SECURITY: None}
        await self._answers(stage, subject, after, "After the refusal")
        hold(SECURITY in (await self._subject(stage, subject)).objections, "The objection is not on record any more.")
        return (
            "An objection shut all four purposes. No refusal was taken for three of them, by a machine, or without code"
            " or grounds; for security one was, and told with the way to complain. The objection stays on record."
        )

    async def _refused(self, stage: Stage, case: Mapping[str, Any], purpose: str, code: str, grounds: str) -> bool:
        member = Actor("member", str(uuid4()))
        try:
            await stage.runtime.privacy.objections.refuse(
                stage.domain.scope, UUID(case["id"]), purpose, code, grounds, actor=member
            )
        except OmniOpsError:
            return False
        return True

    async def _subject(self, stage: Stage, subject: UUID) -> Subject:
        async with stage.runtime.database.session(stage.domain.scope) as session:
            found: Subject = (await session.exec(select(Subject).where(Subject.id == subject))).one()
        return found

    async def _answers(self, stage: Stage, subject: UUID, wanted: Mapping[str, str | None], when: str) -> None:
        """What the vault's door says to each purpose, about a column that names it."""
        state = state_of(await self._subject(stage, subject))
        for purpose, answer in wanted.items():
            mark = Mark("personal", category="contact.email", purposes=frozenset({purpose}))
            said = stage.runtime.vault._policy.decide(mark, purpose, state, ACTOR)
            if said != answer:
                raise Falsified(f"{when}, the door says {said or 'yes'} to {purpose}.")


class InterestsAreWeighed(Probe):
    """A purpose on legitimate interests that nobody weighed, and one whose weighing is out of date."""

    claims = ("P40",)
    sabotages = (
        Sabotage("omniops.privacy.catalog:_unweighed", "the question who weighed it", lambda _: lambda _: ""),
        Sabotage("omniops.contracts.declaration:Purpose.weighed", "the day of review", lambda _: lambda *_: True),
    )

    async def run(self, stage: Stage) -> str:
        today = stage.runtime.clock.now().date()
        real = stage.runtime.catalog.purposes
        ours = [purpose for purpose in real.values() if purpose.basis == "legitimate_interests"]
        for purpose in ours:
            if purpose.assessment is None or today > purpose.assessment.review_by:
                raise Falsified(f"{purpose.key} is in use, and no assessment of it is in date.")
        bare = Purpose("proof.bare", "Trying it out", "legitimate_interests", objectable=True)
        try:
            Catalog.build([("proof", Declaration(purposes=[bare]))])
        except ConfigError:
            pass
        else:
            raise Falsified("A purpose that nobody weighed is declared.")
        known = real["knowledge.improve"].assessment
        assert known is not None
        over = replace(known, made_on=today - timedelta(days=400), review_by=today - timedelta(days=1))
        policy = PrivacyPolicy(Catalog.build((), {"knowledge.improve": over}), stage.runtime.clock)
        mark = Mark("personal", category="contact.email", purposes=frozenset({"knowledge.improve"}))
        said = policy.decide(mark, "knowledge.improve", state_of(None), ACTOR)
        hold(said == "not_assessed", "A purpose whose assessment is out of date opens.")
        authors = sorted({purpose.assessment.author for purpose in ours if purpose.assessment is not None})
        return (
            f"{len(ours)} purposes rest on legitimate interests, weighed by {', '.join(authors)} and in date; one that"
            " nobody weighed cannot be declared, and one whose review is overdue opens nothing."
        )

"""The proof room's door: the compiled texts, the last report, signed records, and what a run leaves behind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import delete
from sqlmodel import col, select

from omniops import __version__
from omniops.accounts.service import DomainView
from omniops.audit.service import OPERATOR, Audit, Entry
from omniops.contracts.ids import Clock
from omniops.contracts.proof import Probe
from omniops.contracts.scope import Actor
from omniops.database.service import Database
from omniops.errors import Rejected
from omniops.plugins.seams import Seams
from omniops.proof.claims import claims
from omniops.proof.facts import Deployment, facts
from omniops.proof.models import Attestation, ProofReport
from omniops.proof.points import Point, points
from omniops.proof.policy import Policy, business_texts, operator_policy
from omniops.proof.probes import PROBES
from omniops.proof.report import FORMAT, build, public, signed, statement_of, trials_to_keep
from omniops.proof.runner import Outcome, Trial
from omniops.signing import Signer

_SHA256 = re.compile(r"[0-9a-f]{64}")
KEPT = 30
"""Reports that are kept; older ones go."""
_CURRENT = col(ProofReport.body)["report"]["format"].astext == FORMAT
"""A report of an earlier form says its verdicts in other words: the page waits for the next one."""


class Ground(Deployment, Protocol):
    """What this room stands on: a runtime."""

    database: Database
    audit: Audit
    seams: Seams
    clock: Clock


@dataclass(frozen=True, slots=True)
class Proof:
    """Reads and writes for one deployment."""

    on: Ground

    def policy(self) -> Policy:
        """The operator's policy, compiled for this deployment. Raises `ConfigError` where it does not fit."""
        return operator_policy(facts(self.on))

    def business(self, domain: DomainView) -> tuple[Policy, Policy]:
        """The visitor notice and the processing agreement of the business behind a website."""
        return business_texts(facts(self.on), domain.title, [e.processor.name for e in self.on.register.all()])

    def points(self, policy: Policy) -> Sequence[Point]:
        return points(policy, self.on.catalog, self.on.settings)

    def probes(self) -> Sequence[type[Probe]]:
        """Core's, then the plugins'."""
        return [*PROBES, *self.on.seams.probes()]

    async def latest(self) -> Mapping[str, Any] | None:
        """The newest report with its signature, as it was published, or None."""
        async with self.on.database.connect() as connection:
            statement = select(ProofReport.body).where(_CURRENT).order_by(col(ProofReport.made_at).desc()).limit(1)
            found: Mapping[str, Any] | None = (await connection.execute(statement)).scalar_one_or_none()
        return found

    async def attestations(self) -> Sequence[Attestation]:
        """Every signed record, the oldest first."""
        async with self.on.database.system("proof: signed records") as session:
            return (await session.exec(select(Attestation).order_by(col(Attestation.id)))).all()

    async def attest(
        self, claim: str, author: str, said: str, evidence: str, until: date, *, actor: Actor
    ) -> Attestation:
        """Records a signature under the words of today, and enters it into the operator's chain. `evidence` is the
        SHA-256 of the document that shows it, in hexadecimal. Raises `Rejected`."""
        today = self.on.clock.now().date()
        known = claims().get(claim)
        if known is None:
            raise Rejected(f"There is no claim {claim!r}.", code="no_such_claim", do="Name one of P1 to P128.")
        if known.kind not in ("O", "P"):
            raise Rejected(f"{claim} is shown by code; no signature can take its place.", code="not_attestable")
        if not author.strip() or not said.strip():
            raise Rejected("A record needs a name and what is signed for.", code="empty")
        if not _SHA256.fullmatch(evidence):
            raise Rejected("The evidence is named by its SHA-256.", code="no_evidence", where="evidence")
        if until <= today:
            raise Rejected(f"{until:%Y-%m-%d} is over.", code="past", where="until", do="Give a day to come.")
        row = Attestation(
            claim=claim,
            author=author.strip(),
            said=said.strip(),
            evidence=evidence,
            statement=statement_of(known, self.policy()),
            signed_on=today,
            valid_until=until,
        )
        async with self.on.database.system(f"proof: a record for {claim}") as session:
            session.add(row)
            await session.commit()
        detail = {"claim": claim, "statement": row.statement, "evidence": evidence, "until": until.isoformat()}
        await self.on.audit.write(Entry(OPERATOR, str(actor), "proof.attest", "claim", detail=detail))
        return row

    async def signed_for(self) -> list[dict[str, str]]:
        """Of each promise that anybody signed for, the newest signature: who, what, until when, and whether it counts
        (`counts`), its last day is over (`ended`) or the words are others now (`other words`)."""
        newest = {record.claim: record for record in await self.attestations()}
        found = sorted(newest.items(), key=lambda item: int(item[0][1:]))
        return [{"claim": key, "state": self._standing(record), **public(record)} for key, record in found]

    def _standing(self, record: Attestation) -> str:
        if record.valid_until < self.on.clock.now().date():
            return "ended"
        now = statement_of(claims()[record.claim], self.policy())
        return "counts" if record.statement == now else "other words"

    async def report(
        self, outcomes: Sequence[Outcome], trials: Sequence[Trial], signer: Signer, *, at: datetime, keep: bool
    ) -> dict[str, Any]:
        """The signed report of a run; kept and published where it is a whole one."""
        policy = self.policy()
        before = await self.latest()
        versions = {kind.__name__: kind.version() for kind in self.probes()}
        tests = trials_to_keep(before["report"] if before else None, trials, versions, at)
        body = build(
            policy,
            outcomes,
            tests,
            await self.attestations(),
            self.points(policy),
            at=at,
            server=self.on.settings.public_url,
            version=__version__,
        )
        published = signed(body, signer)
        if keep:
            async with self.on.database.system("proof: keep a report") as session:
                session.add(ProofReport(body=published, made_at=at))
                await session.flush()
                newest = select(ProofReport.id).order_by(col(ProofReport.made_at).desc()).limit(KEPT)
                connection = await session.connection()
                await connection.execute(delete(ProofReport).where(col(ProofReport.id).not_in(newest)))
                await session.commit()
        return published

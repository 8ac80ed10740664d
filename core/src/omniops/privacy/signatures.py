"""What the operator signed with processors: contracts (Art. 28 GDPR), mechanisms of transfer (Art. 46), with dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select

from omniops.audit.service import OPERATOR as CHAIN
from omniops.audit.service import Audit, Entry
from omniops.contracts.declaration import Mechanism, Origin, Processor
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor
from omniops.database.service import Database
from omniops.errors import NotFound, Rejected
from omniops.privacy.changes import Changes
from omniops.privacy.measures import MEASURES, missing
from omniops.privacy.register import CONTRACT, ProcessorRegister
from omniops.privacy.register_models import ProcessorSignature, ProcessorWords
from omniops.privacy.transfers import COVERS, ORIGINS

REVIEW = timedelta(days=365)
"""After this a signature is to be looked at again, where nobody names an end."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is signed. Without `mechanisms`, all that the processor's declaration offers. `origins` narrow those that
    cover several; `document` is the SHA-256 of the signed paper, `assessment` names the transfer impact assessment,
    `measures` are the keys of those that it asks for."""

    mechanisms: Sequence[str] = ()
    origins: Sequence[str] = ()
    module: str = ""
    source: str = ""
    document: str = ""
    assessment: str = ""
    measures: Sequence[str] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class Signatures:
    """Signs and takes back. Every act is in the deployment's own audit chain."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        register: ProcessorRegister,
        changes: Changes,
        clock: Clock,
    ) -> None:
        self._database = database
        self._audit = audit
        self._register = register
        self._changes = changes
        self._clock = clock

    async def sign(self, key: str, signed: Terms, *, actor: Actor) -> list[ProcessorSignature]:
        """Records that the operator accepted a processor's contract, with its mechanisms, for the countries that are
        declared now. In a deployment of one business it also agrees to the processor for that business.

        Raises `NotFound` for a processor that no plugin declares, `Rejected` for what does not fit together.
        """
        await self._register.terms.freshen(None)
        processor = self._register.described(self._processor(key))
        now = self._clock.now()
        begins, ends = signed.valid_from or now, signed.valid_until or now + REVIEW
        if ends <= begins or ends <= now:
            raise Rejected("The signature would have ended already.", code="bad_period", where="until")
        _check_measures(processor, signed.measures)
        rows = [self._row(processor, CONTRACT, (), signed, processor.contract_url, begins, ends, actor)]
        for offer in _mechanisms(processor, signed):
            origins = _origins(offer, signed.origins)
            source = signed.source or offer.source
            last = min(ends, offer.valid_until) if offer.valid_until is not None else ends
            rows.append(self._row(processor, offer.kind, origins, signed, source, begins, last, actor, offer))
        async with self._database.system(f"register: sign {key}") as session:
            session.add_all(rows)
            await session.commit()
        self._register.terms.forget()
        detail = {"processor": key, "party": processor.party, "kinds": [row.kind for row in rows], "until": str(ends)}
        await self._audit.write(Entry(CHAIN, str(actor), "register.sign", "processor", detail=detail))
        await self._changes.agree_alone(key, actor=actor)
        return rows

    async def revoke(self, key: str, *, actor: Actor) -> int:
        """Takes back everything that is signed with a processor. Counts at once here, and within seconds elsewhere."""
        self._processor(key)
        async with self._database.system(f"register: revoke {key}") as session:
            statement = select(ProcessorSignature).where(
                ProcessorSignature.processor == key, col(ProcessorSignature.revoked_at).is_(None)
            )
            rows = (await session.exec(statement)).all()
            for row in rows:
                row.revoked_at = self._clock.now()
                session.add(row)
            await session.commit()
        self._register.terms.forget()
        detail = {"processor": key, "count": len(rows)}
        await self._audit.write(Entry(CHAIN, str(actor), "register.revoke", "processor", detail=detail))
        return len(rows)

    async def describe(self, key: str, words: Mapping[str, str], *, actor: Actor) -> None:
        """Adds to what is known of a processor: `contact`, `policy_url`, `contract_url`, `retention`; an empty one
        takes the operator's words back. Raises `NotFound` or `Rejected`."""
        self._processor(key)
        for name, said in words.items():
            if name.endswith("_url") and said and not said.startswith("https://"):
                raise Rejected(f"{said!r} is no address of a page.", code="bad_url", where=name, do="Write https://…")
        async with self._database.system(f"register: describe {key}") as session:
            row = await session.get(ProcessorWords, key) or ProcessorWords(processor=key)
            for name, said in words.items():
                setattr(row, name, said.strip())
            session.add(row)
            await session.commit()
        self._register.terms.forget()
        detail = {"processor": key, "fields": sorted(words)}
        await self._audit.write(Entry(CHAIN, str(actor), "register.describe", "processor", detail=detail))

    def _processor(self, key: str) -> Processor:
        found = self._register.get(key)
        if found is None:
            known = ", ".join(entry.processor.key for entry in self._register.all())
            raise NotFound(f"There is no processor {key!r}.", do=f"There are: {known or 'none'}.")
        return found.processor

    def _row(
        self,
        processor: Processor,
        kind: str,
        origins: Iterable[Origin],
        signed: Terms,
        source: str,
        begins: datetime,
        ends: datetime,
        actor: Actor,
        offer: Mechanism | None = None,
    ) -> ProcessorSignature:
        return ProcessorSignature(
            processor=processor.key,
            party=processor.party,
            kind=kind,
            origins=sorted(origins),
            countries=list(processor.countries),
            module=signed.module or (offer.module if offer else ""),
            source=source or signed.source,
            document=signed.document,
            assessment=signed.assessment or (offer.assessment if offer else ""),
            measures=sorted({*signed.measures, *(offer.measures if offer else ())}),
            valid_from=begins,
            valid_until=ends,
            signed_by=str(actor),
            signed_at=self._clock.now(),
        )


def _check_measures(processor: Processor, wanted: Sequence[str]) -> None:
    """What an assessment asks for must be known, and in force on the day on which it is signed."""
    if unknown := [key for key in wanted if key not in MEASURES]:
        raise Rejected(
            f"{unknown[0]!r} is no measure that can be checked.",
            code="no_such_measure",
            where="measure",
            do=f"Name one of {', '.join(MEASURES)}.",
        )
    if off := missing(processor, wanted):
        raise Rejected(
            f"{processor.name}: the measure {off[0]!r} is off ({MEASURES[off[0]].title}).",
            code="measure_off",
            where="measure",
            do="Put it in force first, in the settings of its plugin.",
        )


def _mechanisms(processor: Processor, signed: Terms) -> Sequence[Mechanism]:
    if not signed.mechanisms:
        return processor.mechanisms
    offered = {offer.kind: offer for offer in processor.mechanisms}
    found = []
    for kind in signed.mechanisms:
        if kind not in COVERS:
            raise Rejected(
                f"{kind!r} is no mechanism of transfer.",
                code="bad_mechanism",
                where="mechanism",
                do=f"Name one of {', '.join(COVERS)}.",
            )
        if kind not in offered and not (signed.source or signed.document):
            raise Rejected(
                f"The terms of {processor.party} that we know offer no {kind!r}.",
                code="no_source",
                where="source",
                do="Say with --source or --document where it stands.",
            )
        found.append(offered.get(kind) or Mechanism(kind, signed.source))
    return found


def _origins(offer: Mechanism, wanted: Sequence[str]) -> frozenset[Origin]:
    if unknown := set(wanted) - set(ORIGINS):
        raise Rejected(
            f"{min(unknown)!r} is no origin.",
            code="bad_origin",
            where="origin",
            do=f"Name one of {', '.join(ORIGINS)}.",
        )
    covered = COVERS[offer.kind]
    return frozenset(origin for origin in covered if origin in wanted) if wanted else covered

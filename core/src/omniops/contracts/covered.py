"""The probe of a vendor's entry in the register, for the plugin of each vendor that the policy names."""

from __future__ import annotations

from typing import ClassVar

from omniops.contracts.proof import Probe, Sabotage, Stage, Waits, hold

_CONTRACT = "omniops.privacy.register:ProcessorRegister._check_contract"
_TRANSFER = "omniops.privacy.register:ProcessorRegister._check_transfer"
_REGISTER = "omniops.privacy.register:ProcessorRegister.admit"
_PARTS = (
    ("contract", "EEA", "no_contract", "Without its contract"),
    ("scc", "EEA", "no_mechanism", "Without the clauses of the EU"),
    ("uk_addendum", "UK", "no_mechanism", "Without the agreement of the UK"),
)


class CoveredVendor(Probe):
    """A vendor of language models receives nothing while a part of its entry is missing.

    A subclass names the claim, the `key` of the entry, the end of the vendor's own `host` names, and has a docstring of
    its own. What is signed here is signed in a register that exists for the probe.
    """

    key: ClassVar[str]
    host: ClassVar[str]
    sabotages: ClassVar[tuple[Sabotage, ...]] = (
        Sabotage(_CONTRACT, "the question for a contract", lambda _: lambda *_: None),
        Sabotage(_TRANSFER, "the question for a mechanism of transfer", lambda _: lambda *_: None),
    )
    rests_on = (_REGISTER,)

    async def run(self, stage: Stage) -> str:
        abroad = stage.abroad(self.key)
        company = abroad.company
        if not all(host.endswith(self.host) for host in company.hosts):
            raise Waits(f"the vendor itself; behind {self.key!r} is {', '.join(company.hosts)}")
        offered = {mechanism.kind for mechanism in company.mechanisms}
        hold(company.role == "ai", f"The register lists {company.name} as {company.role}.")
        hold("scc" in offered, f"The terms of {company.name} offer no clauses of the EU.")
        hold(offered & {"idta", "uk_addendum"}, f"The terms of {company.name} offer no agreement of the UK.")
        await self._named(stage)
        for kind, origin, code, when in _PARTS:
            abroad = stage.abroad(self.key)
            await abroad.lives(origin)  # type: ignore[arg-type]  # of `_PARTS`
            abroad.sign("contract")
            abroad.sign("scc", "EEA")
            abroad.sign("uk_addendum", "UK")
            await abroad.must(None, f"With contract, clauses and agreement, from {origin}")
            abroad.revoke(kind)
            await abroad.must(code, when)
        abroad = stage.abroad(self.key)
        await abroad.lives("EEA")
        abroad.sign("contract")
        abroad.become(countries=())
        await abroad.must("country_unknown", "Without a country")
        return (
            f"{company.name} in {', '.join(company.countries)}: a message was let through with contract, clauses of the"
            " EU and agreement of the UK, and not with any one of them or its country missing."
        )

    async def _named(self, stage: Stage) -> None:
        """Whether everybody can read of the entry."""
        async with stage.http() as client:
            page = await client.get("/subprocessors")
        hold(stage.abroad(self.key).company.name in page.text, "The public list of processors does not name it.")

"""The decision at the vault's door: one function over the mark, the purpose, the person's state and the actor."""

from __future__ import annotations

from omniops.contracts.declaration import Mark, Purpose, SubjectState
from omniops.contracts.ids import Clock
from omniops.contracts.scope import Actor
from omniops.privacy.catalog import Catalog
from omniops.privacy.sensitive import sensitive_uses


class PrivacyPolicy:
    """Implements the vault's `Policy` over the catalog of purposes, by the clock: a consent ends at its second."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock

    def knows(self, purpose: str) -> bool:
        return purpose in self._catalog.purposes

    def decide(self, mark: Mark, purpose: str, state: SubjectState, actor: Actor) -> str | None:
        known = self._catalog.purposes.get(purpose)
        if known is None:
            return "unknown_purpose"
        now = self._clock.now()
        if not known.weighed(now.date()):
            return "not_assessed"
        category = self._catalog.categories.get(mark.category)
        sensitive = category.sensitive if category is not None else bool(mark.category)
        return decide(mark, known, state.at(now), actor, sensitive=sensitive)


def decide(mark: Mark, purpose: Purpose, state: SubjectState, actor: Actor, *, sensitive: bool = False) -> str | None:
    """None to allow, else the reason. What is not allowed by every rule stays shut.

    The order is from what nobody can lift to what the person can: erasure, the mark, the actor, restriction (Art. 18),
    objection (Art. 21), opt-out (Art. 22), the limit on data whose category is `sensitive` (Cal. Civ. Code 1798.121),
    consent (Art. 6(1)(a)). A legal hold opens nothing and shuts nothing: it forbids to delete. A plugin opens for what
    it declared, and never what needs no mark.
    """
    if state.erased:
        return "erased"
    named = purpose.key in mark.purposes or (purpose.every_mark and mark.kind == "personal")
    if mark.kind == "not_personal" or not named:
        return "purpose_not_in_mark"
    declared = actor.purposes or frozenset()
    if (actor.kind == "plugin" or actor.purposes is not None) and (purpose.every_mark or purpose.key not in declared):
        return "purpose_not_declared_by_plugin"
    if state.restricted and not purpose.restricted_ok:
        return "restricted"
    overridden = purpose.refusable and purpose.key in state.overridden
    if purpose.objectable and purpose.key in state.objections and not overridden:
        return "objected"
    if purpose.key in state.opt_outs:
        return "opted_out"
    if sensitive and state.limited and purpose.key not in sensitive_uses().purposes:
        return "limited"
    if purpose.basis == "consent" and state.consents.get(purpose.key) != "given":
        return "no_consent"
    return None

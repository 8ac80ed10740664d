"""Features of a connection: which are wanted, which scopes that takes, and which work with what was granted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from omniops.contracts.integration import Feature, FeatureView, Integration
from omniops.errors import NotFound


def one(integration: Integration | None, key: str) -> Feature:
    """A feature by its key. Raises `NotFound`."""
    for feature in integration.features if integration is not None else ():
        if feature.key == key:
            return feature
    raise NotFound(f"There is no feature {key!r}.")


def wanted(integration: Integration | None, chosen: Mapping[str, bool]) -> dict[str, bool]:
    """Every feature on or off: as was chosen, else as it is by default. Raises `NotFound` for one that is not there."""
    for key in chosen:
        one(integration, key)
    features = integration.features if integration is not None else ()
    return {f.key: chosen.get(f.key, f.default and not f.own_consent) for f in features}


def scopes(integration: Integration, wants: Mapping[str, bool]) -> list[str]:
    """All scopes to ask for, each once, in the order of the declaration."""
    base = integration.oauth.scopes if integration.oauth is not None else ()
    needed = [scope for feature in integration.features if wants.get(feature.key) for scope in feature.scopes]
    return list(dict.fromkeys([*base, *needed]))


def views(
    integration: Integration | None, wants: Mapping[str, bool], granted: Iterable[str] | None
) -> Sequence[FeatureView]:
    """How each feature stands. Without a word on scopes (keys, which say nothing of them) none is missing."""
    has = None if granted is None else frozenset(granted)
    found = []
    for feature in integration.features if integration is not None else ():
        missing = () if has is None else tuple(scope for scope in feature.scopes if scope not in has)
        wants_it = wants.get(feature.key, feature.default and not feature.own_consent)
        on = wants_it and not missing
        found.append(FeatureView(feature.key, feature.title, wants_it, on, feature.own_consent, missing))
    return found


def on(integration: Integration | None, wants: Mapping[str, bool], granted: Iterable[str] | None) -> frozenset[str]:
    """Keys of the features that work."""
    return frozenset(view.key for view in views(integration, wants, granted) if view.on)

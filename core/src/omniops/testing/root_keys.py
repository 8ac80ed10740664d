"""What every place for root keys must do: keep what it makes, forget what it destroys, and let its root be changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from omniops.contracts.root_keys import RootKeysOffer, RootPlace, RootProvider
from omniops.errors import ConfigError, Refused
from omniops.hookspecs import Plugin
from omniops.testing.suite import Suite


class RootKeysSuite(Suite):
    """Tests of one offer of `root_keys`. Each test gets a place of its own; a provider that keeps its keys elsewhere
    tells places apart by `place.folder`."""

    offer_name: str | None = None
    """Which offer, where the plugin has several."""

    @pytest.fixture
    def offer(self, plugin: Plugin) -> RootKeysOffer:
        """The offer under test."""
        offers = self.offered(plugin, "root_keys")
        offer: RootKeysOffer = self.only(offers, [offer.name for offer in offers], self.offer_name, "offer_name")
        return offer

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """The place under test."""
        return tmp_path / "keys"

    @pytest.fixture
    def root(self, offer: RootKeysOffer, folder: Path) -> RootProvider:
        """A provider over a new place."""
        return offer.open(RootPlace(folder, create=True))

    @pytest.fixture
    def other(self, offer: RootKeysOffer, folder: Path, root: RootProvider) -> RootProvider:
        """The same place, as another process holds it."""
        return offer.open(RootPlace(folder, create=False))

    def test_an_empty_place_has_no_root_unless_one_may_be_made(self, offer: RootKeysOffer, folder: Path) -> None:
        with pytest.raises(ConfigError):
            offer.open(RootPlace(folder, create=False))

    def test_a_place_never_gets_a_second_root(self, offer: RootKeysOffer, folder: Path, root: RootProvider) -> None:
        again = offer.open(RootPlace(folder, create=True))
        assert again.fingerprint == root.fingerprint
        assert list(again.epochs()) == list(root.epochs())
        assert again.epoch_key(again.epoch()) == root.epoch_key(root.epoch())

    def test_two_places_have_nothing_in_common(self, offer: RootKeysOffer, root: RootProvider, tmp_path: Path) -> None:
        second = offer.open(RootPlace(tmp_path / "second", create=True))
        assert second.epoch_key(second.epoch()) != root.epoch_key(root.epoch())

    def test_a_new_epoch_is_seen_everywhere_at_once(self, root: RootProvider, other: RootProvider) -> None:
        before = root.epoch()
        number = root.make_epoch()
        assert number > before
        assert other.epoch() == number
        assert len(other.epoch_key(number)) == 32
        assert other.epoch_key(number) == root.epoch_key(number) != root.epoch_key(before)

    def test_what_was_destroyed_is_gone_everywhere_and_its_number_is_never_used_again(
        self, offer: RootKeysOffer, folder: Path, root: RootProvider, other: RootProvider
    ) -> None:
        first, second, third = root.epoch(), root.make_epoch(), root.make_epoch()
        kept = root.epoch_key(third)
        for number in (first, second, first):  # once more: a night that was killed repeats it
            root.destroy_epoch(number)
        for provider in (root, other, offer.open(RootPlace(folder, create=True))):
            assert list(provider.epochs()) == [third]
            for number in (first, second):
                with pytest.raises(ConfigError):
                    provider.epoch_key(number)
        assert root.epoch_key(third) == kept
        assert root.make_epoch() > third

    def test_secrets_are_the_same_in_every_process_and_differ_by_use(
        self, root: RootProvider, other: RootProvider
    ) -> None:
        assert root.secret("a use") == other.secret("a use") != root.secret("another use")
        assert len(bytes.fromhex(root.secret("a use"))) >= 16

    def test_another_root_changes_no_key_and_no_secret(self, root: RootProvider, other: RootProvider) -> None:
        root.make_epoch()
        keys = {number: root.epoch_key(number) for number in root.epochs()}
        secret, before = root.secret("a use"), root.fingerprint
        try:
            coming = root.prepare_rotation()
        except Refused:
            pytest.skip("this provider's root is not changed through it")
        assert coming == root.prepare_rotation() != before
        before_it = root.make_epoch()
        keys[before_it] = root.epoch_key(before_it)
        assert root.fingerprint == before
        root.rotate()
        root.rotate()  # once more: a rotation that was killed is taken up
        for provider in (root, other):
            assert {number: provider.epoch_key(number) for number in provider.epochs()} == keys
            assert provider.secret("a use") == secret
        root.make_epoch()
        assert root.fingerprint == other.fingerprint == coming

    def test_a_mirror_forgets_what_was_destroyed(self, root: RootProvider, tmp_path: Path) -> None:
        first = root.epoch()
        root.make_epoch()
        root.mirror(tmp_path / "mirror")
        before = _sizes(tmp_path / "mirror")
        root.destroy_epoch(first)
        root.mirror(tmp_path / "mirror")
        assert len(_sizes(tmp_path / "mirror")) == max(0, len(before) - 1)


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()} if folder.exists() else {}

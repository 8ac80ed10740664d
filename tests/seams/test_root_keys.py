"""The seam of the root keys: core's own and a plugin's pass the same suite, and the setting chooses."""

import os

import pytest
from omniops import Info, Plugin, hookimpl
from omniops.bootstrap import _root
from omniops.contracts.root_keys import RootKeysOffer, RootPlace, RootProvider
from omniops.errors import ConfigError, PluginError, Refused
from omniops.plugins.loading import Plugins
from omniops.plugins.seams import Seams
from omniops.settings import Settings
from omniops.testing import RootKeysSuite
from omniops.vault.crypto import derive, new_key
from omniops.vault.roots import EnvironmentRoot, FolderRoot

SERVICE = {}
"""A key service as a cloud has one: by place, what it keeps. Two providers at one place see the same keys."""


class ServiceKeys(RootProvider):
    """Every epoch is a key of the service; nothing is in a file."""

    def __init__(self, place):
        key = str(place.folder)
        if key not in SERVICE:
            if not place.create:
                raise ConfigError("The service has no key for this deployment.")
            SERVICE[key] = {"root": new_key(), "last": 1, "epochs": {1: new_key()}, "secret": new_key()}
        self._at = SERVICE[key]

    @property
    def fingerprint(self):
        return derive(self._at["root"], "fingerprint", 8).hex()

    def epochs(self):
        return sorted(self._at["epochs"])

    def epoch_key(self, number):
        try:
            return self._at["epochs"][number]
        except KeyError:
            raise ConfigError(f"Epoch key {number} was destroyed.") from None

    def make_epoch(self):
        self._at["last"] += 1
        self._at["epochs"][self._at["last"]] = new_key()
        return self._at["last"]

    def destroy_epoch(self, number):
        self._at["epochs"].pop(number, None)

    def secret(self, use):
        return derive(self._at["secret"], use).hex()

    def prepare_rotation(self):
        self._at.setdefault("next", new_key())
        return derive(self._at["next"], "fingerprint", 8).hex()

    def rotate(self):
        if "next" not in self._at:
            return 0
        self._at["root"] = self._at.pop("next")
        return len(self._at["epochs"])

    def mirror(self, folder):
        """The service keeps its keys in several places by itself."""


class KeyServicePlugin(Plugin):
    """Keeps the root keys at a key service."""

    info = Info(title="Key service", version="0.1.0", omniops=">=0.1,<0.2")

    @hookimpl
    def root_keys(self):
        return [RootKeysOffer("service", "A key service", ServiceKeys)]


class TestKeyService(RootKeysSuite):
    @pytest.fixture
    def offer(self):
        return KeyServicePlugin(None).root_keys()[0]


class TestFile(RootKeysSuite):
    @pytest.fixture
    def offer(self):
        def open_at(place):
            return FolderRoot.create(place.folder) if place.create else FolderRoot(place.folder)

        return RootKeysOffer("file", "A folder", open_at)


class TestEnvironment(RootKeysSuite):
    """With a previous root given, as in the hour of a rotation."""

    @pytest.fixture
    def offer(self):
        first, second = os.urandom(32).hex(), os.urandom(32).hex()

        def open_at(place):
            if not (place.create or EnvironmentRoot.exists(place.folder)):
                raise ConfigError("There are no epoch keys.")
            return (EnvironmentRoot.create if place.create else EnvironmentRoot)(place.folder, second, first)

        return RootKeysOffer("environment", "The environment", open_at)


def test_the_environments_root_is_never_in_the_folder_and_only_it_opens_that(tmp_path):
    root, other = os.urandom(32).hex(), os.urandom(32).hex()
    settings = Settings(keys_dir=tmp_path / "keys", data_dir=tmp_path / "data", root_keys="environment", root_key=root)
    key = _root(settings, create=True).epoch_key(1)
    assert all(bytes.fromhex(root) not in path.read_bytes() for path in (tmp_path / "keys").iterdir())
    assert _root(settings, create=False).epoch_key(1) == key
    with pytest.raises(ConfigError, match="does not open under the root key"):
        _root(settings.model_copy(update={"root_key": Settings(root_key=other).root_key}), create=False).epoch_key(1)
    assert root not in repr(settings)


def test_the_environments_root_is_rotated_by_giving_both(tmp_path):
    old, new = os.urandom(32).hex(), os.urandom(32).hex()
    first = EnvironmentRoot.create(tmp_path, old)
    key, secret, before = first.epoch_key(1), first.secret("x"), first.fingerprint
    with pytest.raises(Refused, match="no next root in the environment") as refused:
        first.prepare_rotation()
    assert "OMNIOPS_ROOT_KEY_PREVIOUS" in refused.value.do
    both = EnvironmentRoot(tmp_path, new, old)
    assert both.fingerprint == before
    both.rotate()
    after = EnvironmentRoot(tmp_path, new)
    assert (after.epoch_key(1), after.secret("x")) == (key, secret)
    assert after.fingerprint == both.fingerprint != before
    with pytest.raises(ConfigError):
        EnvironmentRoot(tmp_path, old).epoch_key(1)


@pytest.mark.parametrize("root", ["", "zz" * 32, "ab" * 31])
def test_a_root_that_is_no_key_is_refused(tmp_path, root):
    with pytest.raises(ConfigError, match="OMNIOPS_ROOT_KEY is no root key"):
        EnvironmentRoot.create(tmp_path, root)


def test_root_keys_by_name_and_a_plugin_that_fails_stops_the_start():
    found = Seams(Plugins.of(service=KeyServicePlugin(None)), print).root_keys()
    assert list(found) == ["service"]

    class Broken(KeyServicePlugin):
        """Fails."""

        @hookimpl
        def root_keys(self):
            raise ValueError("boom")

    with pytest.raises(PluginError, match="boom"):
        Seams(Plugins.of(broken=Broken(None)), print).root_keys()


def test_the_setting_names_a_plugins_offer_and_nothing_else_will_do(tmp_path, monkeypatch):
    seen = {}

    def load(settings, make_context):
        seen["context"] = make_context("service", None)
        return Plugins.of(service=KeyServicePlugin(seen["context"]))

    monkeypatch.setattr("omniops.plugins.loading.load", load)
    settings = Settings(keys_dir=tmp_path / "keys", data_dir=tmp_path / "data", root_keys="service")
    assert isinstance(_root(settings, create=True), ServiceKeys)
    assert isinstance(_root(settings, create=False), ServiceKeys)
    with pytest.raises(ConfigError, match="used the database before there was one"):
        seen["context"].session(None)
    with pytest.raises(ConfigError, match="Nothing offers root keys as 'hsm'") as refused:
        _root(settings.model_copy(update={"root_keys": "hsm"}), create=True)
    assert "file, environment, service" in refused.value.do


def test_a_place_that_has_data_gets_no_second_root(tmp_path):
    (tmp_path / "data" / "postgres" / "data").mkdir(parents=True)
    (tmp_path / "data" / "postgres" / "data" / "PG_VERSION").touch()
    settings = Settings(keys_dir=tmp_path / "keys", data_dir=tmp_path / "data", root_key=os.urandom(32).hex())
    for name in ("file", "environment"):
        with pytest.raises(ConfigError, match="holds a database, but"):
            _root(settings.model_copy(update={"root_keys": name}), create=True)
    with pytest.raises(ConfigError, match="no key for this deployment"):
        ServiceKeys(RootPlace(tmp_path, False))

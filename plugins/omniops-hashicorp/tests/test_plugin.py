"""What every plugin and every place for root keys must do, against a Vault behind its agent's socket."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from omniops.bootstrap import _root
from omniops.contracts.root_keys import RootPlace
from omniops.errors import ConfigError, NotReachable, Refused
from omniops.settings import Settings
from omniops.testing import PluginSuite, RootKeysSuite, context
from omniops_hashicorp import HashiCorpPlugin
from omniops_hashicorp import keys as module
from omniops_hashicorp.settings import HashiCorpSettings

# httpcore leaves a socket that found nobody to the collector; it comes along in whatever test runs then.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:unclosed <socket.socket fd=\d+, family=1, type=1, proto=0>:ResourceWarning"
)


class TestPlugin(PluginSuite):
    plugin_name = "hashicorp"


class TestKeys(RootKeysSuite):
    plugin_name = "hashicorp"

    @pytest.fixture
    def context(self, vault, tmp_path):
        return context("hashicorp", HashiCorpSettings(socket=vault.socket), folder=tmp_path)


@pytest.fixture
def opened(vault, tmp_path):
    """Opens a provider, as a process does."""

    def opened(*, create=True, folder="keys", **settings):
        plugin = HashiCorpPlugin(
            context("hashicorp", HashiCorpSettings(socket=vault.socket, **settings), folder=tmp_path)
        )
        (offer,) = plugin.root_keys()
        return offer.open(RootPlace(tmp_path / folder, create=create))

    return opened


def test_a_destroyed_epoch_is_in_no_version_of_any_secret(vault, opened):
    root = opened()
    first, second = root.epoch(), root.make_epoch()
    key, kept = root.epoch_key(first).hex(), root.epoch_key(second).hex()
    assert key in vault.storage
    root.destroy_epoch(first)
    assert key not in vault.storage
    assert kept in vault.storage
    assert not [name for name in vault.secrets if name.endswith(f"epoch-{first:08d}")], "not even that it was"


def test_a_destruction_that_was_cut_short_is_finished_by_the_next(vault, opened):
    root = opened()
    first, _ = root.epoch(), root.make_epoch()
    key = root.epoch_key(first).hex()
    vault.denied.add(("DELETE", "metadata"))
    with pytest.raises(ConfigError, match="permission denied"):
        root.destroy_epoch(first)
    assert key not in vault.storage
    with pytest.raises(ConfigError, match="destroyed"):
        root.epoch_key(first)
    vault.denied.clear()
    root.destroy_epoch(first)
    assert first not in root.epochs()


def test_one_named_path_is_the_same_keys_for_every_machine(opened):
    one, other = opened(path="shop/keys", folder="here"), opened(path="shop/keys", folder="there")
    assert other.fingerprint == one.fingerprint
    assert other.epoch_key(1) == one.epoch_key(1)
    assert opened(path="shop/other").fingerprint != one.fingerprint


def test_starts_at_the_same_moment_make_one_root_and_epochs_of_different_numbers(opened):
    with ThreadPoolExecutor(8) as many:
        roots = list(many.map(lambda _: opened(), range(8)))
        assert len({root.fingerprint for root in roots}) == 1
        numbers = list(many.map(lambda root: root.make_epoch(), roots))
    assert len(set(numbers)) == 8
    assert roots[0].epochs() == [1, *sorted(numbers)]
    assert len({roots[1].epoch_key(number) for number in numbers}) == 8


def test_an_epoch_that_somebody_else_makes_in_between_is_not_written_over(vault, opened):
    mine, other = opened(), opened()
    made = []
    vault.before_write = lambda: made.append(other.make_epoch())
    number = mine.make_epoch()
    assert [*made, number] == [2, 3]
    assert other.epoch_key(3) == mine.epoch_key(3) != mine.epoch_key(2)


def test_an_opening_asks_vault_once_a_minute_and_a_destroyed_key_is_forgotten_by_then(vault, opened, monkeypatch):
    root, other = opened(), opened()
    number, now = root.epoch(), [1000.0]
    root.make_epoch()
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    key = other.epoch_key(number)
    asked = len(vault.asked)
    assert other.epoch_key(number) == key
    assert len(vault.asked) == asked
    root.destroy_epoch(number)
    now[0] += module.KEPT
    with pytest.raises(ConfigError, match="destroyed"):
        other.epoch_key(number)


# Vault that is not there, sealed, or set up otherwise


def test_without_an_agent_nothing_starts_and_the_sentence_says_what_to_do(vault, opened):
    vault.stop()
    with pytest.raises(NotReachable, match="agent does not answer") as error:
        opened(create=False)
    assert "hashicorp.socket" in error.value.do
    vault.start()
    assert opened(create=True).epochs() == [1]


def test_a_sealed_vault_is_an_outage_and_never_an_empty_one(vault, opened):
    before = opened().fingerprint
    vault.sealed = True
    for create in (False, True):
        with pytest.raises(NotReachable, match="Vault is sealed") as error:
            opened(create=create)
    assert error.value.do == "Unseal it."
    vault.sealed = False
    assert opened(create=True).fingerprint == before


def test_in_an_outage_what_was_open_stays_open_for_a_minute_and_nothing_new_begins(vault, opened, monkeypatch):
    root, now = opened(), [1000.0]
    number = root.make_epoch()
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    key, secret, fingerprint = root.epoch_key(number), root.secret("a use"), root.fingerprint
    vault.sealed = True
    now[0] += module.KEPT - 1
    assert (root.epoch_key(number), root.secret("a use"), root.fingerprint) == (key, secret, fingerprint)
    for act in (root.epochs, root.make_epoch, lambda: root.destroy_epoch(1), lambda: root.epoch_key(1)):
        with pytest.raises(NotReachable):
            act()
    now[0] += 1
    with pytest.raises(NotReachable):
        root.epoch_key(number)
    vault.sealed = False
    assert root.epoch_key(number) == key
    assert list(root.epochs()) == [1, number]


def test_a_policy_that_is_too_narrow_is_named(vault, opened):
    vault.denied.add(("GET", "data"))
    with pytest.raises(ConfigError, match="permission denied") as error:
        opened()
    assert "secret/*/omniops/" in error.value.do


@pytest.mark.parametrize(("mount", "said"), [("nowhere", "no handler for route"), ("old", "keeps no versions")])
def test_a_mount_that_is_none_or_keeps_no_versions_gets_no_root(vault, opened, mount, said):
    with pytest.raises(ConfigError, match=said):
        opened(mount=mount)
    assert vault.secrets == {}


def test_a_mount_that_deletes_by_itself_gets_no_root(vault, opened):
    vault.delete_after = "2026-12-24T00:00:00Z"
    with pytest.raises(ConfigError, match="deleted by Vault after a time"):
        opened()
    assert vault.secrets == {}


def test_what_is_no_key_is_refused(vault, opened):
    opened(path="shop")
    vault.secrets["secret/shop/root"].versions[1].data = {"key": "abc"}
    with pytest.raises(ConfigError, match="holds no key of OmniOps"):
        opened(path="shop", create=False)


def test_its_root_is_vaults_to_rotate(opened):
    root = opened()
    with pytest.raises(Refused, match="by itself") as error:
        root.prepare_rotation()
    assert "vault operator rotate" in error.value.do
    assert root.rotate() == 0


@pytest.mark.parametrize("path", ["/absolute", "up/../..//", "a b", "x?list=true"])
def test_a_path_that_is_none_is_refused(path):
    with pytest.raises(ValueError, match="path"):
        HashiCorpSettings(path=path)


# A deployment over it


async def test_a_deployment_seals_and_opens_under_it_and_is_not_confused_by_a_second_vault(vault, tmp_path):
    settings = Settings(
        data_dir=tmp_path / "data",
        keys_dir=tmp_path / "keys",
        root_keys="hashicorp",
        plugins=["website", "hashicorp"],
        plugin_settings={"hashicorp": {"socket": str(vault.socket)}},
    )
    root = _root(settings, create=True)
    assert _root(settings, create=False).fingerprint == root.fingerprint
    vault.secrets.clear()
    with pytest.raises(ConfigError, match="no root key"):
        _root(settings, create=False)

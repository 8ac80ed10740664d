"""Makes the tests' own modules importable, and starts a Vault behind a socket."""

import sys
from pathlib import Path

import pytest
from omniops.testing.scratch import scratch_server

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def vault(tmp_path_factory):
    from vault_server import FakeVault

    with FakeVault(tmp_path_factory.mktemp("agent") / "agent.sock") as vault:
        yield vault


@pytest.fixture(scope="session")
def postgres():
    with scratch_server() as server:
        yield server


@pytest.fixture(scope="module")
def links(postgres):
    return postgres.database()

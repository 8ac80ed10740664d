"""Makes the tests' own modules importable."""

import sys
from pathlib import Path

import pytest
from omniops.testing.scratch import scratch_server

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def postgres():
    with scratch_server() as server:
        yield server


@pytest.fixture(scope="module")
def links(postgres):
    return postgres.database()

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def packages(tmp_path):
    from installed import site

    with site(tmp_path) as installed:
        yield installed


@pytest.fixture
def make_context(tmp_path):
    from omniops.testing.fakes import context

    return lambda name, settings: context(name, settings, folder=tmp_path)

"""A whole runtime with doubles that tests steer, for the rooms above the database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
async def opened_desk(postgres, links, tmp_path_factory):
    from desk import opened

    async with opened(links, postgres.root, tmp_path_factory.mktemp("desk")) as desk:
        desk.other = await desk.new_domain()
        yield desk


@pytest.fixture
async def desk(opened_desk):
    """The module's desk with a fresh domain, a fresh script and an empty mailbox."""
    opened_desk.domain = await opened_desk.new_domain()
    opened_desk.provider.begin()
    opened_desk.channel.begin()
    opened_desk.integration.begin()
    opened_desk.mailer.begin()
    opened_desk.wire.begin()
    return opened_desk


@pytest.fixture(scope="module")
def command(postgres, links, tmp_path_factory):
    """Runs `omniops` over the module's database in a process of its own."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("OMNIOPS_")},
        "OMNIOPS_DATA_DIR": str(tmp_path_factory.mktemp("command")),
        "OMNIOPS_KEYS_DIR": str(postgres.folder / "keys"),
        "OMNIOPS_DATABASE_URL": links.admin.conninfo(),
    }

    def run(*arguments, **more):
        line = [sys.executable, "-m", "omniops", *map(str, arguments)]
        done = subprocess.run(line, env={**environment, **more}, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        return done

    return run

"""The tutorial works as it is written: in a fresh environment, with nothing but what it tells the reader to do."""

import base64
import csv
import hashlib
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial-plugin.md").read_text()
CHANNEL = (ROOT / "docs" / "tutorial-channel.md").read_text()
INTEGRATION = (ROOT / "docs" / "tutorial-integration.md").read_text()
PROVIDER = (ROOT / "docs" / "tutorial-provider.md").read_text()
BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UV = os.environ.get("UV") or shutil.which("uv") or "uv"
"""`uv run` says where it lies."""


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Someone with a fresh environment, into which core was installed from its wheel, and an empty folder."""
    home = tmp_path_factory.mktemp("tutorial")
    constraints = home / "constraints.txt"
    uv("export", "--frozen", "--package", "omniops", "--extra", "test", "--no-emit-workspace", "--no-hashes",
       "-q", "-o", str(constraints), cwd=ROOT)  # fmt: skip
    uv("build", "--wheel", "-q", "-o", str(home / "dist"), str(ROOT / "core"), cwd=home)
    (wheel,) = (home / "dist").glob("omniops-*.whl")
    uv("venv", "-q", str(home / "venv"), cwd=home)
    (home / "omniops.toml").touch()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("OMNIOPS_", "PYTHON", "PYTEST"))},
        "VIRTUAL_ENV": str(home / "venv"),
        "PATH": os.pathsep.join([str(home / "venv" / "bin"), os.environ["PATH"]]),
        "UV_CONSTRAINT": str(constraints),
        "OMNIOPS_CONFIG": str(home / "omniops.toml"),
        "OMNIOPS_DATA_DIR": str(home / "data"),
        "OMNIOPS_KEYS_DIR": str(home / "keys"),
        "COLUMNS": "160",
    }
    uv("pip", "install", "-q", f"omniops[test] @ {wheel.as_uri()}", cwd=home, env=environment)
    (home / "work").mkdir()
    return home / "work", environment


def uv(*arguments, cwd, env=None):
    done = subprocess.run([UV, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"uv {' '.join(arguments)}: {done.stderr}"


def test_the_tutorial_does_what_it_says(reader):
    folder, environment = reader
    follow(PAGE, folder, environment)
    assert {path.name for path in folder.rglob("*.py")} == {"__init__.py", "test_hours.py"}


def test_the_channel_tutorial_does_what_it_says_in_four_short_files(reader):
    folder, environment = reader
    folder = folder.with_name("channel")
    folder.mkdir()
    follow(CHANNEL, folder, environment)
    files = [text for _, title, text in BLOCK.findall(CHANNEL) if title]
    assert len(files) <= 4
    assert sum(len(text.splitlines()) for text in files) <= 200


def test_the_integration_tutorial_does_what_it_says(reader):
    """How long it is, and that it works, `test_integration_page` looks at."""
    folder, environment = reader
    folder = folder.with_name("integration")
    folder.mkdir()
    follow(INTEGRATION, folder, environment)


def test_a_provider_written_from_the_docs_alone_passes_its_suite_in_150_lines(reader):
    folder, environment = reader
    folder = folder.with_name("provider")
    folder.mkdir()
    follow(PROVIDER, folder, environment)
    code = [text for _, title, text in BLOCK.findall(PROVIDER) if title.startswith("src/")]
    assert sum(bool(line.strip()) for text in code for line in text.splitlines()) <= 150
    assert "import httpx2" in code[1]


def follow(page, folder, environment):
    """Does what a page tells its reader to do."""
    for language, title, text in BLOCK.findall(page):
        if title:
            (folder / title).parent.mkdir(parents=True, exist_ok=True)
            (folder / title).write_text(text)
        elif language == "console":
            for command, expected in sessions(text):
                said = run(command, folder, environment)
                for line in expected:
                    assert shows(said, line), f"$ {command}\nshould show: {line}\nbut shows:\n{said}"


def test_the_readers_plugin_changed_nothing_in_core(reader):
    _, environment = reader
    (packages,) = Path(environment["VIRTUAL_ENV"]).glob("lib/python*/site-packages")
    (record,) = packages.glob("omniops-*.dist-info/RECORD")
    checked = 0
    for name, digest, _ in csv.reader(record.read_text().splitlines()):
        if name.startswith("omniops/") and digest:
            algorithm, _, expected = digest.partition("=")
            found = hashlib.new(algorithm, (packages / name).read_bytes()).digest()
            assert base64.urlsafe_b64encode(found).rstrip(b"=").decode() == expected, name
            checked += 1
    assert checked > 100


@pytest.mark.parametrize(("page", "least"), [(PAGE, 8), (CHANNEL, 6), (INTEGRATION, 9), (PROVIDER, 5)])
def test_every_code_block_names_its_file(page, least):
    blocks = BLOCK.findall(page)
    assert len(blocks) >= least
    assert page.count("```") == 2 * len(blocks)
    for language, title, _ in blocks:
        assert language in ("console", "sh") or title, f"a {language} block has no file name"


def sessions(text):
    """Each command of a console block, with the lines that it is said to print."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line:
            found[-1][1].append(line)
    return found


def run(command, folder, environment):
    words = shlex.split(command)
    if words[0] == "pip":  # the environment was made by uv, which brings no pip along
        words = [UV, *words]
    done = subprocess.run(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}"
    return done.stdout


def shows(said, line):
    """Whether a printed line is as the page has it, where `…` stands for anything."""
    pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.split("…"))
    return any(re.search(f"^{pattern}", " ".join(printed.split())) for printed in said.splitlines())

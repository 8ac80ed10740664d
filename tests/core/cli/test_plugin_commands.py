"""The `plugin` commands: what they print, what they write into the settings file, how they end."""

import json
import os
import subprocess
import sys

import pytest

SAMPLE = """
from omniops import Plugin, Info, PluginSettings, hookimpl
from omniops.contracts.provider import Provider, Deployment
class Settings(PluginSettings):
    {field}
class P(Plugin):
    '''{docstring}'''
    info = Info(title="Sample", version="1.0", omniops=">=0.1,<0.2")
    Settings = Settings
"""
GOOD = SAMPLE.format(field="pass", docstring="A sample.")


@pytest.fixture
def omniops(tmp_path):
    """Runs the command line on a deployment of its own, with sample plugins installed."""
    site = tmp_path / "site"
    (tmp_path / "omniops.toml").write_text("# mine\n")

    def install(name, source=GOOD):
        info = site / f"omniops_{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: omniops-{name}\nVersion: 1.0\nSummary: S.\n")
        (info / "entry_points.txt").write_text(f"[omniops.plugins]\n{name} = omniops_{name}:P\n")
        (site / f"omniops_{name}.py").write_text(source)

    def run(*arguments, **environment):
        places = {"OMNIOPS_DATA_DIR": tmp_path / "data", "OMNIOPS_KEYS_DIR": tmp_path / "keys"}
        done = subprocess.run(
            [sys.executable, "-m", "omniops", "plugin", *arguments],
            cwd=tmp_path,
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith("OMNIOPS_")},
                **{key: str(value) for key, value in places.items()},
                "OMNIOPS_CONFIG": str(tmp_path / "omniops.toml"),
                "PYTHONPATH": str(site),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    run.install = install
    run.file = tmp_path / "omniops.toml"
    return run


def states(omniops):
    return {row["name"]: row for row in json.loads(omniops("list", "--json").stdout)}


def test_list_shows_every_plugin_and_why_one_fails(omniops):
    omniops.install("good")
    omniops.install("broken", "import nosuchmodule")
    omniops.file.write_text('plugins = ["quoting", "broken", "gone"]\nplugin_mode = "strict"\n')
    found = states(omniops)
    assert found["quoting"]["state"] == "loaded"
    assert (found["broken"]["state"], found["broken"]["stage"]) == ("failed", "import")
    assert "nosuchmodule" in found["broken"]["problem"]
    assert "no installed distribution" in found["gone"]["problem"]
    assert (found["good"]["state"], found["good"]["distribution"], found["good"]["version"]) == (
        "off",
        "omniops-good",
        "1.0",
    )
    shown = omniops("list").stdout
    assert "broken" in shown
    assert "import:" in shown


def test_enable_writes_the_list_and_keeps_the_rest_of_the_file(omniops):
    omniops.install("good")
    omniops.file.write_text(
        '# the shop\nport = 8123  # behind the proxy\nplugins = [\n    "website",  # chat\n    "quoting",\n]\n\n'
        "[minilm]\nthreads = 2\n"
    )
    os.chmod(omniops.file, 0o640)
    done = omniops("enable", "good")
    assert done.returncode == 0
    text = omniops.file.read_text()
    for kept in ("# the shop", "port = 8123  # behind the proxy", '"website",  # chat', "[minilm]\nthreads = 2"):
        assert kept in text
    assert omniops.file.stat().st_mode & 0o777 == 0o640
    assert states(omniops)["good"]["state"] == "loaded"
    omniops("enable", "good")
    assert omniops.file.read_text() == text

    assert omniops("disable", "good").returncode == 0
    assert states(omniops)["good"]["state"] == "off"
    assert "# chat" in omniops.file.read_text()


def test_enable_without_a_list_keeps_the_default_plugins(omniops):
    omniops.install("good")
    omniops.file.write_text("# mine\n[minilm]\nthreads = 2\n")
    omniops("enable", "good")
    found = states(omniops)
    assert [found[name]["state"] for name in ("website", "site", "quoting", "hybrid", "good")] == ["loaded"] * 5
    assert "# mine" in omniops.file.read_text()
    omniops("disable", "quoting")
    assert states(omniops)["quoting"]["state"] == "off"


def test_enable_says_when_a_plugin_does_not_load_yet(omniops):
    omniops.install("needy", SAMPLE.format(field="key: str", docstring="A sample."))
    done = omniops("enable", "needy")
    assert done.returncode == 0
    assert "It does not load yet: settings: setting needy.key" in done.stderr


@pytest.mark.parametrize("command", ["enable", "disable", "check"])
def test_an_unknown_name_suggests_one_that_is_installed(omniops, command):
    before = omniops.file.read_text()
    done = omniops(command, "quotin")
    assert done.returncode == 1
    assert "Did you mean 'quoting'?" in done.stderr
    assert omniops.file.read_text() == before


def test_a_plugin_that_is_gone_can_be_disabled(omniops):
    omniops.file.write_text('plugins = ["quoting", "gone"]\n')
    assert omniops("disable", "gone").returncode == 0
    assert "gone" not in omniops.file.read_text()


def test_where_the_environment_decides_the_file_is_not_written(omniops):
    omniops.install("good")
    before = omniops.file.read_text()
    done = omniops("enable", "good", OMNIOPS_PLUGINS="website,quoting")
    assert done.returncode == 3
    assert "OMNIOPS_PLUGINS=website,quoting,good" in done.stderr
    assert omniops.file.read_text() == before


def test_check_passes_a_good_plugin_and_names_what_a_bad_one_breaks(omniops):
    omniops.install("good")
    omniops.install("bad", SAMPLE.format(field="key: int = 3", docstring="no sentence"))
    done = omniops("check", "good")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    done = omniops("check", "bad")
    assert done.returncode == 1
    for test in ("test_every_setting_is_described", "test_the_docstring_begins_with_a_catalogue_entry"):
        assert test in done.stdout


def test_check_runs_the_suites_of_what_a_plugin_offers(omniops):
    done = omniops("check", "quoting")
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.rsplit(" passed", 1)[0].split()[-1]) > 20


def test_check_uses_the_operators_settings(omniops):
    omniops.install(
        "needy", SAMPLE.format(field="key: int = __import__('pydantic').Field(description='A.')", docstring="A sample.")
    )
    done = omniops("check", "needy")
    assert done.returncode == 1
    assert "settings: setting needy.key" in done.stderr
    assert omniops("check", "needy", OMNIOPS_NEEDY__KEY="3").returncode == 0


def test_check_without_pytest_says_how_to_install_it(omniops):
    hidden = omniops.file.parent / "site" / "sitecustomize.py"
    hidden.parent.mkdir(exist_ok=True)
    hidden.write_text("import sys\nsys.modules['pytest'] = None\n")
    done = omniops("check", "quoting")
    assert done.returncode == 4
    assert "pip install 'omniops[test]'" in done.stderr


def test_new_prints_the_folder_and_refuses_an_installed_name(omniops, tmp_path):
    done = omniops("new", "hours", "--kind", "provider")
    assert done.returncode == 0
    assert done.stdout.strip() == "omniops-hours"
    assert (tmp_path / "omniops-hours" / "src" / "omniops_hours" / "plugin.py").exists()
    again = omniops("new", "hours", "--kind", "provider")
    assert (again.returncode, "exists already" in again.stderr) == (3, True)
    taken = omniops("new", "quoting", "--kind", "provider")
    assert (taken.returncode, "installed already" in taken.stderr) == (1, True)

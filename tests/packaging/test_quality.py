"""Every plugin of this repository tells what is true of it, and what a machine can see of that is so."""

from pathlib import Path

import pytest
from omniops.testing.quality import RULES, quality_problems

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))
FILES = {
    "pyproject.toml": '[project]\nname = "omniops-sound"\nversion = "0.1.0"\ndependencies = ["omniops>=0.1,<0.2"]\n',
    "README.md": """# omniops-sound

Says what is true.

## Use

Words, and why. They stay for a day.

```sh
# Not a heading
```

## Hints
""",
    "CHANGELOG.md": "# Changes\n\n## 0.1.0, unreleased\n",
    "src/omniops_sound/py.typed": "",
    "src/omniops_sound/__init__.py": """
class SoundPlugin(Plugin):
    @hookimpl
    def integrations(self): ...

    @hookimpl
    def channels(self): ...

    @hookimpl
    def probes(self): ...


class SoundIntegration(Integration):
    oauth = OAuth("https://sound.example")

    def receive(self, webhook, link): ...
""",
    "tests/signing.py": """
class Signing:
    @pytest.fixture
    def sign(self): ...

    @pytest.fixture
    def tokens(self): ...
""",
    "tests/test_sound.py": """
class TestSound(PluginSuite): ...


class TestIntegration(Signing, IntegrationSuite):
    @pytest.fixture
    def personal(self): ...


class TestChannel(ChannelSuite): ...


async def test_a_day_without_it(): ...
""",
}
"""A sound plugin, as far as it is looked at. It is spoilt below."""
SUITE = "tests/test_sound.py::TestIntegration::"


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)
def test_what_a_plugin_says_of_itself_is_so(folder):
    assert quality_problems(folder) == []


@pytest.fixture
def plugin(tmp_path):
    """The folder of a sound plugin."""
    folder = tmp_path / "omniops-sound"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    seen = {"heading": '"Use"', "test": '"tests/test_sound.py::test_a_day_without_it"', "by itself": "true"}
    lines = [f"{rule.key} = {{ done = {seen[rule.seen]} }}" for rule in RULES]
    (folder / "quality.toml").write_text("\n".join(lines))
    assert quality_problems(folder) == []
    return folder


def spoil(plugin, name, old, new):
    path = plugin / name
    text = path.read_text()
    assert old in text, f"{name} has no {old!r}"
    path.write_text(text.replace(old, new))


def said(plugin, key, value):
    """Says something else of a rule."""
    path = plugin / "quality.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{key} =")]
    path.write_text("\n".join([*lines, *([f"{key} = {value}"] if value else [])]))


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("beauty", "{ done = true }", "there is no rule 'beauty'"),
        ("outage", "", "outage is missing"),
        ("outage", '"done"', "say one of done, todo and exempt"),
        ("outage", '{ done = "a", todo = "b" }', "say one of done, todo and exempt"),
        ("outage", "{ nearly = true }", "say one of done, todo and exempt"),
        ("outage", '{ exempt = " " }', "exempt without a reason"),
        ("outage", "{ exempt = true }", "exempt without a reason"),
        ("outage", '{ todo = "" }', "todo without what is missing"),
        ("outage", "{ done = true }", "say which test shows it"),
        ("outage", '{ done = "tests/test_sound.py::test_nothing" }', "there is no test"),
        ("ended", '{ done = "tests/test_sound.py::TestIntegration::test_imaginary" }', "there is no test"),
        ("limits", '{ done = "Limits" }', "the README has no heading 'Limits'"),
        ("limits", '{ done = "Hints" }', "the README has no heading 'Hints' with something under it"),
        ("limits", '{ done = "Not a heading" }', "the README has no heading 'Not a heading'"),
        ("changelog", '{ done = "CHANGELOG.md" }', "say done = true"),
        ("signatures", '{ exempt = "We trust the vendor." }', "this plugin is not exempt from it"),
        ("contract-suites", '{ exempt = "No time." }', "this plugin is not exempt from it"),
        ("renewal", '{ exempt = "Tokens last." }', "this plugin is not exempt from it"),
    ],
)
def test_what_cannot_be_said_is_seen(plugin, key, value, what):
    said(plugin, key, value)
    found = quality_problems(plugin)
    assert any(what in one for one in found), found


@pytest.mark.parametrize("value", ['{ todo = "No test yet." }', '{ exempt = "It asks nobody." }'])
def test_what_is_missing_may_be_said(plugin, value):
    said(plugin, "outage", value)
    assert quality_problems(plugin) == []


@pytest.mark.parametrize(
    ("key", "name", "old", "new"),
    [
        ("readme", "README.md", "# omniops-sound\n", "# Sound\n"),
        ("readme", "README.md", "Says what is true.\n", ""),
        ("changelog", "CHANGELOG.md", "## 0.1.0", "## Soon"),
        ("alone", "pyproject.toml", '["omniops>', '["omniops-mail", "omniops>'),
        ("alone", "pyproject.toml", '"omniops>=0.1,<0.2"', ""),
        ("plugin-suite", "tests/test_sound.py", "(PluginSuite)", ""),
        ("contract-suites", "tests/test_sound.py", "(ChannelSuite)", ""),
        ("signatures", "tests/signing.py", "def sign(", "def signed("),
        ("renewal", "tests/signing.py", "def tokens(", "def token("),
        ("probes", "src/omniops_sound/__init__.py", "    @hookimpl\n    def probes(", "    def probes("),
    ],
)
def test_what_is_said_and_not_so_is_seen(plugin, key, name, old, new):
    spoil(plugin, name, old, new)
    (found,) = quality_problems(plugin)
    assert f"quality.toml: {key}: " in found


def test_types_that_are_not_shipped_are_seen(plugin):
    (plugin / "src/omniops_sound/py.typed").unlink()
    assert quality_problems(plugin) == ["omniops-sound/quality.toml: typed: omniops_sound/py.typed is missing"]


def test_a_test_of_a_suite_counts_where_its_author_gave_what_it_needs(plugin):
    for name in ("test_two_processes_refresh_once_and_again", "test_people_get_a_copy_and_are_erased"):
        said(plugin, "people", f'{{ done = "{SUITE}{name}" }}')
        assert quality_problems(plugin) == []
    spoil(plugin, "tests/test_sound.py", "def personal(", "def personally(")
    (found,) = quality_problems(plugin)
    assert "there is no test" in found, "it is always skipped"


def test_without_its_file_a_plugin_has_said_nothing(plugin):
    (plugin / "quality.toml").write_text("readme = {")
    assert len(quality_problems(plugin)) == 1
    (plugin / "quality.toml").unlink()
    assert quality_problems(plugin) == ["omniops-sound has no quality.toml"]


def test_every_rule_asks_in_a_sentence():
    assert len({rule.key for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.asks.endswith("."), rule.key
        assert (rule.seen == "by itself") == (rule.look is not None), rule.key

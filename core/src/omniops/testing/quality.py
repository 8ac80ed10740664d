"""The quality ladder of a plugin: what is true of it, told by its `quality.toml`, looked at as far as a machine can.

Each rule is there with one of three words: `done` with where it is seen (a heading of the README, a test), `todo` with
what is missing, `exempt` with why the rule has nothing to say about this plugin.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

from omniops.testing.reading import PluginTree

FILE = "quality.toml"
SUITES: Mapping[str, tuple[str, ...]] = {
    "channels": ("ChannelSuite",),
    "encoders": ("EncoderSuite",),
    "integrations": ("IntegrationSuite",),
    "knowledge_indexes": ("KnowledgeIndexSuite",),
    "providers": ("ProviderSuite", "UpstreamSuite"),
    "root_keys": ("RootKeysSuite",),
    "shops": ("CommerceSuite",),
    "sources": ("SourceSuite",),
}
"""The suites of what a plugin's hooks offer: one of them is subclassed in its tests."""

Seen = Literal["heading", "test", "by itself"]
"""How it is known that a rule is kept: the README's heading that is named, the test that is named, or a look at the
plugin's files."""
Look = Callable[[PluginTree], Iterator[str]]
"""What is not as the rule has it, in words; nothing where it is kept."""
Needed = Callable[[PluginTree], bool]
"""Whether the rule has something to say about a plugin. Where it has, no reason exempts it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rung of the ladder. `asks` is what it asks for, in a sentence for an author."""

    key: str
    level: Literal["ships", "holds", "proves"]
    seen: Seen
    asks: str
    look: Look | None = None
    needed: Needed | None = None


def _introduced(tree: PluginTree) -> Iterator[str]:
    title, _, rest = tree.readme.partition("\n")
    if title != f"# {tree.name}" or not rest.strip() or rest.lstrip().startswith("#"):
        yield f"README.md begins with `# {tree.name}` and a paragraph that says what the plugin does"


def _logged(tree: PluginTree) -> Iterator[str]:
    if f"## {tree.version}" not in tree.changelog:
        yield f"CHANGELOG.md has no heading for the version {tree.version}"


def _typed(tree: PluginTree) -> Iterator[str]:
    if not (tree.package / "py.typed").is_file():
        yield f"{tree.package.name}/py.typed is missing"


def _alone(tree: PluginTree) -> Iterator[str]:
    needs = [Requirement(line).name for line in tree.project.get("dependencies", [])]
    if "omniops" not in needs:
        yield "pyproject.toml does not say which omniops it needs"
    yield from (f"it needs another plugin, {name}" for name in needs if name.startswith("omniops-"))


def _tried(tree: PluginTree) -> Iterator[str]:
    if not tree.suites("PluginSuite"):
        yield "no test class has PluginSuite as a base"


def _contracts(tree: PluginTree) -> Iterator[str]:
    for hook, suites in SUITES.items():
        if hook in tree.hooks and not any(tree.suites(suite) for suite in suites):
            yield f"it offers {hook}, and no test class has {' or '.join(suites)} as a base"


def _signed(tree: PluginTree) -> Iterator[str]:
    signed = any("sign" in one for one in tree.suites("IntegrationSuite"))
    if not signed and not any("webhook" in one for one in tree.suites("ChannelSuite")):
        yield "it takes webhooks, and no suite of its tests can sign one (fixture `sign`, or a channel's `webhook`)"


def _renewed(tree: PluginTree) -> Iterator[str]:
    if not any("tokens" in one for one in tree.suites("IntegrationSuite")):
        yield "its access has tokens, and no IntegrationSuite of its tests is given some (fixture `tokens`)"


def _probed(tree: PluginTree) -> Iterator[str]:
    if "probes" not in tree.hooks:
        yield "it offers no probes"


RULES: tuple[Rule, ...] = (
    Rule("readme", "ships", "by itself", "The README begins with what the plugin does.", _introduced),
    Rule("setup", "ships", "heading", "The README says how to set it up."),
    Rule("rights", "ships", "heading", "The README says what leaves and which permissions it takes, each with why."),
    Rule("stored", "ships", "heading", "The README says which data it stores, and for how long."),
    Rule("removal", "ships", "heading", "The README says how to remove it, and what is left at the other side."),
    Rule("limits", "ships", "heading", "The README says what it does not do."),
    Rule("changelog", "ships", "by itself", "The changelog has a heading for the version.", _logged),
    Rule("typed", "ships", "by itself", "It ships its types (`py.typed`).", _typed),
    Rule("alone", "ships", "by itself", "It names the omniops that it needs, and no other plugin.", _alone),
    Rule("plugin-suite", "ships", "by itself", "`PluginSuite` is among its tests.", _tried),
    Rule(
        "contract-suites",
        "holds",
        "by itself",
        "The suite of each thing that it offers is among its tests.",
        _contracts,
        lambda tree: bool(set(tree.hooks) & set(SUITES)),
    ),
    Rule(
        "signatures",
        "holds",
        "by itself",
        "Its suites sign deliveries, so that unsigned and altered ones are tried.",
        _signed,
        lambda tree: bool(tree.methods & {"receive", "verify"}),
    ),
    Rule(
        "renewal",
        "holds",
        "by itself",
        "Its suites have tokens, so that access is renewed among several processes.",
        _renewed,
        lambda tree: "OAuth" in tree.bases,
    ),
    Rule("declared-only", "holds", "test", "More than was declared is told by the other side, and nowhere kept."),
    Rule("people", "holds", "test", "What it keeps of a person is in their copy and goes with an erasure."),
    Rule("ended", "holds", "test", "Of a connection that ended nothing is left, here and at the other side."),
    Rule("faults", "holds", "test", "Limits, pages of HTML, half answers and silence each have one meaning."),
    Rule("published", "proves", "test", "Its double of the other side is held against what the vendor publishes."),
    Rule("outage", "proves", "test", "The other side is away for long: nothing is lost, nothing comes twice."),
    Rule("journey", "proves", "test", "A whole deployment: connected, used, handed over, ended, and all is gone."),
    Rule("hostile", "proves", "test", "Words of strangers are data: they give no orders, links or markup."),
    Rule("probes", "proves", "by itself", "A probe tries to break what the policy promises of it.", _probed),
)
"""The ladder, from the first rung to the last."""


def quality_problems(folder: Path) -> list[str]:
    """What is wrong with the `quality.toml` of a plugin's folder, in sentences; empty where nothing is."""
    path = folder / FILE
    if not path.is_file():
        return [f"{folder.name} has no {FILE}"]
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        return [f"{folder.name}/{FILE}: {error}"]
    tree = PluginTree(folder)
    found = [f"there is no rule {key!r}" for key in said if key not in {rule.key for rule in RULES}]
    for rule in RULES:
        if rule.key not in said:
            found.append(f"{rule.key} is missing: {rule.asks}")
        else:
            found += [f"{rule.key}: {what}" for what in _wrong(rule, said[rule.key], tree)]
    return [f"{folder.name}/{FILE}: {one}" for one in found]


def _wrong(rule: Rule, said: Any, tree: PluginTree) -> Iterator[str]:
    """What is wrong with what is said of one rule."""
    if not isinstance(said, dict) or len(said) != 1 or not set(said) <= {"done", "todo", "exempt"}:
        yield "say one of done, todo and exempt"
        return
    ((word, why),) = said.items()
    if word == "done":
        yield from _unseen(rule, why, tree)
    elif not isinstance(why, str) or not why.strip():
        yield f"{word} without {'a reason' if word == 'exempt' else 'what is missing'}"
    elif word == "exempt" and rule.needed is not None and rule.needed(tree):
        yield "this plugin is not exempt from it"


def _unseen(rule: Rule, where: Any, tree: PluginTree) -> Iterator[str]:
    """What is not there though it is said to be done."""
    if rule.seen == "by itself":
        if where is not True:
            yield "it is looked at without being told where: say done = true"
        elif rule.look is not None:
            yield from rule.look(tree)
    elif not isinstance(where, str):
        yield f"say which {rule.seen} shows it"
    elif rule.seen == "heading" and not tree.section(where):
        yield f"the README has no heading {where!r} with something under it"
    elif rule.seen == "test" and where not in tree.tests:
        yield f"there is no test {where!r}"

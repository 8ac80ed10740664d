"""The command `docs`: reference pages made from the hooks, the settings and the commands themselves."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import typer

from omniops.cli.output import FAILED, say

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from omniops.hookspecs import Plugin, Seam

Classes = dict[str, "type[Plugin]"]
_BY = "<!-- Written by `omniops docs`. Do not edit: change the code and run it again. -->"
_PHASE = re.compile(r"^    # (.+)$")
_SPEAKING = "Data goes to standard output, everything said to people to standard error."
_CODES = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a setting is wrong, 4 something did not answer, 5 done in part, "
    "130 interrupted."
)
_LAWS = "What each column means, and how a fact is reviewed: [law facts](../laws.md). It is no legal advice."
_AREAS = {
    "age": "From which age a person says yes alone",
    "breach": "Breaches",
    "text": "Texts about breaches",
    "term": "Terms of requests",
    "transfer": "Countries with adequate protection",
    "sensitive": "Uses of sensitive data that a limit leaves",
}
_VERBS = {
    "collect": "All plugins are asked once, at start-up, in the operator's order. One that fails is left out.",
    "gather": "All plugins are asked at the same time. One that fails or hangs gives an error under its own name.",
    "first": "Plugins are asked in the operator's order until one gives an answer.",
    "chain": "Each plugin gets what the one before it returned.",
}


def register(app: typer.Typer) -> None:
    app.command()(docs)


def docs(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Folder of the pages.")] = Path("docs/reference"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a page is not current.")] = False,
) -> None:
    """Write the reference: hooks.md, settings.md, cli.md and laws.md. For those who work on OmniOps itself."""
    classes = _installed()
    program = context.find_root().command
    pages = {
        "hooks.md": hooks(classes),
        "settings.md": settings(classes),
        "cli.md": commands(program),
        "laws.md": laws(),
    }
    stale = [name for name, text in pages.items() if _read(directory / name) != text]
    if not check:
        directory.mkdir(parents=True, exist_ok=True)
        for name in stale:
            (directory / name).write_text(pages[name], encoding="utf-8")
        say(f"Written: {', '.join(stale) or 'nothing, all is current'}.")
    elif stale:
        for name in stale:
            say(f"{directory / name} is not current.")
        say("Run `omniops docs` and commit what it writes.")
        raise typer.Exit(FAILED)


def hooks(classes: Classes) -> str:
    """Every hook: signature, how it is called, what it says of itself, who implements it."""
    from omniops import hookspecs

    lines = ["# Hooks", _BY, str(inspect.getdoc(hookspecs))]
    for phase, function in _specs(hookspecs.Plugin):
        if phase:
            lines.append(f"## {phase}")
        name = function.name
        word = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
        returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
        users = [f"`{plugin}`" for plugin, cls in classes.items() if _overrides(cls, name)]
        lines += [
            f"### `{name}`",
            f"```python\n{word} {name}({ast.unparse(function.args)}){returns}\n```",
            _called(hookspecs.HOOKS[name]),
            str(inspect.getdoc(getattr(hookspecs.Plugin, name))),
            f"Implemented by: {', '.join(users) or 'none of the installed plugins'}.",
        ]
    return _page(lines)


def _specs(cls: type[Plugin]) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every hook in order, with its phase where that begins: the comment above it in the source."""
    from omniops.hookspecs import HOOKS

    source = inspect.getsource(cls)
    phases = [(number, m[1]) for number, line in enumerate(source.splitlines(), 1) if (m := _PHASE.match(line))]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in HOOKS:
            begun = [item for item in phases if item[0] < node.lineno]
            phase = begun[-1] if begun else (0, "")
            phases = [item for item in phases if item[0] > node.lineno]
            yield phase[1], node


def _called(seam: Seam) -> str:
    closed = " A plugin that fails stops everything." if seam.closed else ""
    deadline = "" if seam.verb == "collect" else f" Each has {seam.deadline:g} seconds."
    return f"*{seam.verb}*: {_VERBS[seam.verb]}{deadline}{closed}"


def settings(classes: Classes) -> str:
    """Every setting of core and of the installed plugins."""
    from omniops import settings as module

    lines = ["# Settings", _BY, str(inspect.getdoc(module)), "## OmniOps"]
    lines += _fields(module.Settings, module.PREFIX, leave_out=("plugin_settings",))
    for name, cls in classes.items():
        if cls.Settings.model_fields:
            lines.append(f"## Plugin `{name}`")
            lines += _fields(cls.Settings, f"{module.PREFIX}{name.upper()}__")
    return _page(lines)


def _fields(model: type[BaseModel], prefix: str, leave_out: Sequence[str] = ()) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if name not in leave_out:
            yield f"### `{name}`"
            yield str(field.description)
            yield (
                f"- Variable: `{prefix}{name.upper()}`\n- Type: {_type(field.annotation)}{_bounds(field)}\n"
                f"- Default: {_default(field)}"
            )


def _type(kind: Any) -> str:
    """A type in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(_type(one) for one in arguments if one is not NoneType)
    if origin is Literal:
        return "one of " + ", ".join(f"`{one}`" for one in arguments)
    if origin in (list, tuple, frozenset, set):
        return f"list of {_type(arguments[0])}; with commas in the variable"
    words = {"str": "text", "int": "whole number", "float": "number", "bool": "`true` or `false`", "Path": "path"}
    words |= {"SecretStr": "secret text", "IPv4Network": "IPv4 network", "IPv6Network": "IPv6 network"}
    return words.get(getattr(kind, "__name__", ""), getattr(kind, "__name__", str(kind)))


def _bounds(field: FieldInfo) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    found = [
        f"{said} {getattr(rule, key)}" for rule in field.metadata for key, said in words.items() if hasattr(rule, key)
    ]
    return f", {', '.join(found)}" if found else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none; it must be set"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value == []:
        return "none"
    if isinstance(value, Path) and field.default_factory is not None:
        return "a folder that depends on the system; `omniops config show` names it"
    return f"`{', '.join(map(str, value)) if isinstance(value, list | tuple) else value}`"


def commands(program: Any) -> str:
    """Every command of a program (a click command) with its arguments and options."""
    lines = ["# Commands", _BY, _SPEAKING, _CODES]
    return _page([*lines, *_command(program, "omniops")])


def _command(command: Any, path: str) -> Iterator[str]:
    """A command and those below it. Hidden ones are for OmniOps itself."""
    for name, below in sorted(getattr(command, "commands", {}).items()):
        if below.hidden:
            continue
        if hasattr(below, "commands"):
            yield f"## `{path} {name}`"
            yield str(below.help)
        else:
            shown = [one for one in below.params if not getattr(one, "hidden", False) and one.name != "help"]
            arguments = "".join(f" {_usage(one)}" for one in shown if one.param_type_name == "argument")
            yield f"{'###' if ' ' in path else '##'} `{path} {name}{arguments}`"
            yield textwrap.dedent(str(below.help))
            if options := "\n".join(_option(one) for one in shown):
                yield options
        yield from _command(below, f"{path} {name}")


def _usage(argument: Any) -> str:
    name = argument.name.upper()
    return name if argument.required else f"[{name}]"


def _option(one: Any) -> str:
    names = one.name.upper() if one.param_type_name == "argument" else ", ".join([*one.opts, *one.secondary_opts])
    said = [f"{one.help.rstrip('.')}."] if getattr(one, "help", None) else []
    if one.default is True:
        said.append(f"Default: `{one.opts[0]}`.")
    elif one.default not in (None, False, ()) and not callable(one.default):
        said.append(f"Default: `{one.default}`.")
    if one.required and one.param_type_name == "option":
        said.append("Required.")
    return f"- `{names}`" + (f": {' '.join(said)}" if said else "")


def laws() -> str:
    """Every fact of law that is built in, by area."""
    from omniops.privacy.laws import law_facts

    lines = ["# Facts of law", _BY, _LAWS]
    by_area: dict[str, list[str]] = {}
    for fact in law_facts():
        grade = f"[{fact.grade}]({fact.url})" if fact.url else fact.grade
        cells = (f"`{fact.key}`", fact.says, fact.law, grade, str(fact.read), str(fact.review_by), fact.note)
        by_area.setdefault(fact.area, []).append("| " + " | ".join(cells) + " |")
    for area, rows in by_area.items():
        lines.append(f"## {_AREAS[area]}")
        head = "| of | says | law | read as | read | again by | note |\n|---|---|---|---|---|---|---|"
        lines.append("\n".join([head, *rows]))
    return _page(lines)


def _installed() -> Classes:
    """The classes of all installed plugins, enabled or not, without building any."""
    from importlib.metadata import entry_points

    from omniops.hookspecs import Plugin
    from omniops.plugins.loading import GROUP

    found: Classes = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            cls = entry.load()
        except Exception as error:
            say(f"Left out: plugin {entry.name!r} cannot be imported ({type(error).__name__}: {error}).")
            continue
        if isinstance(cls, type) and issubclass(cls, Plugin):
            found[entry.name] = cls
    return found


def _overrides(cls: type[Plugin], hook: str) -> bool:
    from omniops.hookspecs import Plugin

    return getattr(cls, hook) is not getattr(Plugin, hook)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _page(lines: Sequence[str]) -> str:
    return "\n\n".join(line.strip("\n") for line in lines) + "\n"

"""What the AI may do besides reading the website: typed functions of plugins, each with its risk."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_type_hints
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from omniops.contracts.cards import Card
from omniops.contracts.plugin import PluginSettings
from omniops.contracts.scope import Scope
from omniops.errors import ConfigError, Rejected

Risk = Literal["read", "write", "significant"]
"""`read` changes nothing. `write` changes something that can be put right again. `significant` moves money or a right
of somebody: it is proposed, and a person of the business decides (Art. 22 GDPR, Art. 14 AI Act)."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who the business vouches that the visitor is. Bound by core, never by what a model or a visitor writes."""

    external_id: str
    method: Literal["jwt", "hash"]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """For whom a tool runs, and in which turn.

    `customer` is set only for a verified visitor, and always for a tool with `identity`. `connection` is the domain's
    connection of the plugin, if it has one. `key` is stable over retries of this use: send it along as the idempotency
    key of whatever the tool writes. `subject_id` is the visitor: name it to the gate, and in rows that must be found
    again when the person uses a right; it tells nothing by itself, and stands for nobody who is verified.
    """

    scope: Scope
    conversation_id: UUID
    turn_id: UUID
    language: str
    key: str
    customer: Customer | None = None
    connection: PluginSettings | None = None
    subject_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool found or did, in words: the model reads them as data, and the visitor can be shown them as a source
    named `title`. An address leads the visitor there only if it is of the website itself. Text over 20,000 characters
    is cut."""

    text: str
    title: str = ""
    url: str = ""
    cards: tuple[Card, ...] = ()


ToolFunction = Callable[..., Awaitable[ToolAnswer]]
ToolCheck = Callable[[ToolUse, Mapping[str, Any]], Awaitable[None]]


class Tool:
    """A function that a model may call.

    `function` is `async def name(use: ToolUse, *, number: Annotated[str, Field(description=…)], …) -> ToolAnswer`; its
    name, its docstring and its types are what the model sees, and arguments that do not fit them never reach it. Whom
    it is for is not among them: `identity=True` makes core bind the verified customer, and refuse where there is none.
    `timeout` in seconds. Raise `Rejected` or `NotFound` with words for the model; anything else is told as "failed".
    `check(use, arguments)` is asked before a use that changes something is put on record, or proposed to a person, and
    raises the same: nobody is asked to approve what cannot be.
    """

    def __init__(
        self,
        function: ToolFunction,
        *,
        risk: Risk,
        identity: bool = False,
        timeout: float = 10.0,
        title: str = "",
        check: ToolCheck | None = None,
    ) -> None:
        self.name: str = getattr(function, "__name__", "")
        self.description = " ".join((inspect.getdoc(function) or "").split())
        self.risk = risk
        self.identity = identity
        self.timeout = timeout
        self.title = title or self.name.replace("_", " ")
        self._function = function
        self._check = check
        if not self.name.isidentifier() or not self.description:
            raise ConfigError(f"Tool {self.name or function!r} needs a name and a docstring for the model.")
        bound = getattr(function, "__func__", None)
        self._arguments = _arguments(bound or function, self.name, bound is not None)

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments: an object that takes nothing else."""
        return _schema(self._arguments)

    def checked(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the function takes them. Raises `Rejected` with words that tell a model what to mend."""
        try:
            found = self._arguments.model_validate(dict(args))
        except ValidationError as error:
            said = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}"
                for e in error.errors(include_input=False)[:5]
            )
            raise Rejected(f"The arguments of {self.name} do not fit: {said}.", code="bad_arguments") from None
        return {name: getattr(found, name) for name in type(found).model_fields}

    async def check(self, use: ToolUse, values: Mapping[str, Any]) -> None:
        """Raises what its author's check raises."""
        if self._check is not None:
            await self._check(use, values)

    async def run(self, use: ToolUse, values: Mapping[str, Any]) -> ToolAnswer:
        """Runs it with checked arguments, without a deadline of its own."""
        return await self._function(use, **values)


@cache
def _arguments(function: ToolFunction, name: str, bound: bool) -> type[BaseModel]:
    """The model of a function's arguments; made once, since core's own tools come anew with every turn."""
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[int(bound) :]
    if not parameters or hints.get(parameters[0].name) is not ToolUse:
        raise ConfigError(f"The first parameter of tool {name!r} must be `use: ToolUse`.")
    fields: dict[str, Any] = {}
    for parameter in parameters[1:]:
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY or parameter.name not in hints:
            raise ConfigError(f"Parameter {parameter.name!r} of tool {name!r} must be keyword-only, with a type.")
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    return create_model(f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields)


@cache
def _schema(arguments: type[BaseModel]) -> dict[str, Any]:
    plain: dict[str, Any] = _plain(arguments.model_json_schema())
    return plain


def _plain(schema: Any) -> Any:
    """The schema without the titles that pydantic adds: a model pays for every word."""
    if isinstance(schema, dict):
        return {
            key: {name: _plain(inner) for name, inner in value.items()}
            if key == "properties" and isinstance(value, dict)
            else _plain(value)
            for key, value in schema.items()
            if key != "title"
        }
    return [_plain(item) for item in schema] if isinstance(schema, list) else schema

"""Forms from pydantic models: one field for each of the model's, and what was typed back into the model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from omniops.errors import OmniOpsError, Rejected

Kind = Literal["text", "lines", "number", "decimal", "tick", "choice", "secret"]
LONG = 200
"""A text that may be longer is written in several lines."""
PREFIX = "field."
"""Before the names of a model's fields, so that none is taken for one of the form's own."""
_SIMPLE = (str, int, float, Decimal, bool, SecretStr)
_NUMBERS: Mapping[type, Kind] = {int: "number", float: "decimal", Decimal: "decimal"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field as a template draws it. `given` says of a secret that there is one; its value is never shown."""

    name: str
    title: str
    help: str
    kind: Kind
    value: str
    options: tuple[str, ...]
    required: bool
    most: int | None
    given: bool
    problem: str


class NotFilled(Rejected):
    """What was typed does not fit the model; `problems` says why, by field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("Some fields need another look.", code="bad_fields")
        self.problems = problems


def fields_of(
    model: type[BaseModel],
    values: Mapping[str, Any],
    problems: Mapping[str, str] | None = None,
    *,
    only: Collection[str] | None = None,
) -> list[Field]:
    """The fields in the model's order, with what stands in them. `values` are the model's, or what was typed. `only`
    leaves out all others."""
    return [_field(name, info, values.get(name), (problems or {}).get(name, "")) for name, info in _shown(model, only)]


def simple(model: type[BaseModel]) -> list[str]:
    """The fields that a form can hold: texts, numbers, choices, secrets and ticks."""
    return [name for name, info in model.model_fields.items() if _choices(info) or _plain(info) in _SIMPLE]


def filled(model: type[BaseModel], typed: Mapping[str, str]) -> BaseModel:
    """The model from a form. A field that was left empty is left out, so that the model's own default holds. Raises
    `NotFilled`, and `Rejected` for a field that the model has not."""
    try:
        return model.model_validate(entered(model, typed))
    except ValidationError as error:
        problems = {str(one["loc"][0]) if one["loc"] else "": _said(one["msg"]) for one in error.errors()}
        raise NotFilled(problems) from error


def entered(model: type[BaseModel], typed: Mapping[str, str], only: Collection[str] | None = None) -> dict[str, Any]:
    """The values of a form, for who checks them. A field that was left empty is left out. Raises `Rejected` for a field
    that the model has not, or that is none of `only`."""
    kinds = {PREFIX + name: (name, _kind(info)) for name, info in _shown(model, only)}
    if unknown := sorted(set(typed) - set(kinds)):
        raise Rejected(f"This form has no field {unknown[0]!r}.", code="unknown_field")
    data: dict[str, Any] = {}
    for key, (name, kind) in kinds.items():
        if kind == "tick":
            data[name] = key in typed
        elif value := typed.get(key, "").replace("\r\n", "\n").strip():
            data[name] = value
    return data


def beside(problem: OmniOpsError | None, names: Collection[str]) -> dict[str, str]:
    """What was refused, by the field of a form that it is about; nothing where no field is."""
    where = (problem.where or "") if isinstance(problem, Rejected) else ""
    name = where.removeprefix("settings.").partition(".")[0]
    return {name: str(problem).removeprefix(f"{where}: ")} if name in names else {}


def typed_of(form: Mapping[str, Any]) -> dict[str, str]:
    """The model's part of a form, as text."""
    return {key: value for key, value in form.items() if key.startswith(PREFIX) and isinstance(value, str)}


def back(typed: Mapping[str, str]) -> dict[str, str]:
    """What was typed, by the model's names, to be shown again."""
    return {key.removeprefix(PREFIX): value for key, value in typed.items()}


def _shown(model: type[BaseModel], only: Collection[str] | None) -> Iterator[tuple[str, FieldInfo]]:
    for name, info in model.model_fields.items():
        if only is None or name in only:
            yield name, info


def _field(name: str, info: FieldInfo, value: Any, problem: str) -> Field:
    kind = _kind(info)
    if value is None and not info.is_required():
        value = info.get_default(call_default_factory=True)
    secret = kind == "secret"
    return Field(
        name=PREFIX + name,
        title=info.title or name.replace("_", " ").capitalize(),
        help=info.description or "",
        kind=kind,
        value="" if secret or value is None else str(value),
        options=tuple(map(str, _choices(info))),
        required=info.is_required() and kind != "tick",
        most=_most(info),
        given=secret and value is not None,
        problem=problem,
    )


def _plain(info: FieldInfo) -> Any:
    """The type without its None."""
    found = [one for one in get_args(info.annotation) if one is not type(None)]
    optional = type(None) in get_args(info.annotation)
    return found[0] if optional and len(found) == 1 else info.annotation


def _choices(info: FieldInfo) -> tuple[Any, ...]:
    kind = _plain(info)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _kind(info: FieldInfo) -> Kind:
    kind = _plain(info)
    if _choices(info):
        return "choice"
    if kind is bool:
        return "tick"
    if kind is SecretStr:
        return "secret"
    if kind in _NUMBERS:
        return _NUMBERS[kind]
    return "lines" if (_most(info) or 0) > LONG else "text"


def _most(info: FieldInfo) -> int | None:
    return next((one.max_length for one in info.metadata if hasattr(one, "max_length")), None)


def _said(message: str) -> str:
    """pydantic's sentence, ended."""
    said = message.removeprefix("Value error, ")
    return said if said.endswith(".") else f"{said}."

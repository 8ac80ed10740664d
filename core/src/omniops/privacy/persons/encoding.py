"""How values stand in an export, and what its schema says of them: JSON as people and programs read it, and CSV cells.

Times are ISO 8601, ids are text, bytes are base64. The schema is JSON Schema 2020-12.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from types import NoneType
from typing import Any, get_args, get_origin
from uuid import UUID

from sqlmodel import SQLModel

from omniops.errors import Rejected
from omniops.privacy.fields import Field
from omniops.privacy.persons.fields import Held
from omniops.privacy.persons.people import sealed_type

HIDDEN = frozenset({"account.credential"})
"""Categories of which a copy says that they are held, and not what they are: with it others could try the password."""
SCOPE = frozenset({"domain_id", "account_id", "home_id"})
"""Columns that say in which business's data a row lies, which is nothing about the person."""
_FORMULA = re.compile("(\\A|[;\t\r\n])(?=[=+@\uff1d\uff0b\uff0d\uff20-])")
"""Where a formula could begin: at the start of a cell, and, for spreadsheets that part cells by semicolons or tabs,
behind each of those and in each new line. The wide signs are those of East Asian keyboards."""
_SCHEMA: dict[type, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Decimal: {"type": "string"},
    UUID: {"type": "string", "format": "uuid"},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    dict: {"type": "object"},
    list: {"type": "array"},
}


def exported(held: Held) -> list[Field]:
    """The columns of a table that an export holds."""
    return [f for f in held.fields if f.column not in SCOPE and f.category not in HIDDEN and f.kind != "secret"]


def plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, date):  # a moment as well
        return value.isoformat()
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value


def cell(value: Any) -> str:
    """A value as a spreadsheet may open it: what would begin a formula in it is made text by an apostrophe."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _FORMULA.sub(r"\1'", text)


def column_type(model: type[SQLModel], column: str) -> tuple[type, bool]:
    """The Python type of a column's clear value, and whether it may be missing."""
    annotation = model.model_fields[column].annotation
    optional = NoneType in get_args(annotation)
    kind = sealed_type(model, column)
    if kind is None:
        kind = (
            next((one for one in get_args(annotation) if one is not NoneType), annotation) if optional else annotation
        )
    return get_origin(kind) or kind, optional


def parsed(model: type[SQLModel], column: str, value: Any) -> Any:
    """A value of an export as its column takes it. Raises `Rejected` for one of another type."""
    kind, optional = column_type(model, column)
    if value is None and optional:
        return None
    try:
        if kind is bytes:
            return b64decode(value, validate=True)
        if kind in (datetime, date):
            return kind.fromisoformat(value)
        if kind in (UUID, Decimal):
            return kind(value)
    except (TypeError, ValueError, ArithmeticError, AttributeError):
        value = None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Rejected(
            f"A value is no {kind.__name__}.", code="bad_export", where=f"{model.__tablename__}.{column}"
        ) from None
    return value


def schema(tables: list[Held]) -> Mapping[str, Any]:
    """What every file of an export holds, with the marks of each column: why it is held, and how long."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A copy of a person's data",
        "$defs": {held.name: _table(held) for held in tables if held.model is not None},
    }


def _table(held: Held) -> dict[str, Any]:
    assert held.model is not None
    properties = {}
    for field in exported(held):
        kind, optional = column_type(held.model, field.column)
        said: dict[str, Any] = dict(_SCHEMA.get(kind, {}))
        # A sealed value that could not be opened stands as null; the manifest says why.
        if "type" in said and (optional or field.kind == "personal"):
            said["type"] = [said["type"], "null"]
        said["title"] = field.title
        if field.category:
            said |= {
                "x-category": field.category,
                "x-purposes": list(field.purposes),
                "x-retention": field.retain,
                "x-california": field.california,
                "x-sensitive": field.sensitive,
            }
        properties[field.column] = said
    return {
        "type": "array",
        "items": {
            "type": "object",
            "properties": properties,
            "required": sorted(properties),
            "additionalProperties": False,
        },
    }

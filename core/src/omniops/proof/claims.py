"""The promises as data: `claims.toml`, loaded and checked."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from omniops.errors import ConfigError

Kind = Literal["C", "C-live", "P", "O"]
IDS = tuple(f"P{number}" for number in range(1, 129))
"""All of them. A number is given once and for ever."""


class Claim(BaseModel):
    """One promise. The fields are described at the top of `claims.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    kind: Kind
    promise: str = Field(min_length=10, pattern=r"\.$")
    by: str = Field(min_length=5)
    tried: str = Field(min_length=5)
    red: str = Field(min_length=5)
    also: tuple[str, ...] = ()
    waits: str = ""


def parse(text: str) -> Mapping[str, Claim]:
    """The claims of a file. Raises `ConfigError` that names the claim: one that is missing, unknown or incomplete."""
    found: dict[str, Claim] = {}
    for key, values in tomllib.loads(text).items():
        try:
            found[key] = Claim(id=key, **values)
        except (ValidationError, TypeError) as error:
            raise ConfigError(f"The claim {key} does not fit: {error}") from error
    if missing := [key for key in IDS if key not in found]:
        raise ConfigError(f"Claims are missing: {', '.join(missing)}.")
    if strange := [key for key in found if key not in IDS]:
        raise ConfigError(f"There are no such claims: {', '.join(strange)}.")
    for claim in found.values():
        if unknown := [key for key in claim.also if key not in found]:
            raise ConfigError(f"{claim.id} rests on {unknown[0]}, which does not exist.")
    return found


@lru_cache(1)
def claims() -> Mapping[str, Claim]:
    """All claims by id, in order."""
    return parse(files("omniops.proof").joinpath("claims.toml").read_text("utf-8"))


def statement_hash(text: str) -> str:
    """Names the exact words of a sentence, in 12 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]

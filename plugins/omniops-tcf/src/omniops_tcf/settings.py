"""What the operator and a website say about the consent manager."""

from __future__ import annotations

from omniops import PluginSettings
from pydantic import Field, field_validator

LAST_PURPOSE = 24
"""Bits of a TC string for purposes; TCF 2.2 and 2.3 use the first eleven."""


class TCFSettings(PluginSettings):
    """The operator's."""

    sole: bool = Field(
        default=False,
        description="Where the plugin is on, the website's consent manager alone says yes to counting and advertising.",
    )


class Manager(PluginSettings):
    """A website's consent manager: which of its answers mean which purpose of OmniOps."""

    vendor: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Number in IAB's Global Vendor List whose consent a yes needs too; without it, purposes count.",
    )
    purposes: dict[str, list[int]] = Field(
        default={"analytics": [1, 8], "advertising": [1, 2, 3, 4, 7]},
        description="For a purpose of OmniOps, the TCF purposes that must all have consent.",
    )
    names: dict[str, list[str]] = Field(
        default={"analytics": ["analytics"], "advertising": ["advertising"]},
        description="For a purpose of OmniOps, the categories of another consent manager that must all be allowed.",
    )

    @field_validator("purposes")
    @classmethod
    def _known(cls, value: dict[str, list[int]]) -> dict[str, list[int]]:
        for ours, theirs in value.items():
            if not theirs or not all(1 <= number <= LAST_PURPOSE for number in theirs):
                raise ValueError(f"{ours!r} needs one or more TCF purposes from 1 to {LAST_PURPOSE}")
        return value

    @field_validator("names")
    @classmethod
    def _named(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for ours, theirs in value.items():
            if not theirs:
                raise ValueError(f"{ours!r} needs one or more categories")
        return value

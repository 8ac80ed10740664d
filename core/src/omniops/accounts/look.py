"""How a website's chat looks: its colour, and the messages that its pages may show."""

from __future__ import annotations

import colorsys
import re
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, field_validator

LEAST_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3."""
TEXTS = ("#ffffff", "#14201b")
"""White, and the ink of the design: what can stand on a brand's colour."""
_GREENS = (75 / 360, 170 / 360)
_LEAST_SATURATION = 0.2
_MOST_STARS = 4
"""Stars of a page rule. Each may match anything, so that many of them would take long to try."""


class Hello(BaseModel):
    """A page rule: the one message that the chat shows by itself, beside the launcher."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(max_length=200, pattern=r"^/[^\s?#]*$", description="Path of the page; * stands for anything.")
    after: float = Field(default=5, ge=0, le=600, description="Seconds on the page before it is shown.")
    text: str = Field(min_length=1, max_length=160, description="What it says.")

    @field_validator("path")
    @classmethod
    def _few_stars(cls, path: str) -> str:
        if path.count("*") > _MOST_STARS:
            raise ValueError(f"At most {_MOST_STARS} stars; write several rules instead")
        return path

    @property
    def expression(self) -> str:
        """The path as a regular expression that Python and browsers read alike, for paths as browsers write them."""
        parts = (quote(part, safe="/%:@!$&'()+,;=~") for part in self.path.split("*"))
        return "^" + ".*".join(re.sub(r"[^\w/]", r"\\\g<0>", part, flags=re.ASCII) for part in parts) + "$"


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours `#rrggbb`, 1 … 21, by WCAG 2.x."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def checked_brand(colour: str) -> str:
    """A colour on which white or ink can be read, in lower case. Raises `ValueError` for any other."""
    colour = colour.lower()
    if colour and not re.fullmatch(r"#[0-9a-f]{6}", colour):
        raise ValueError(f"{colour!r} is no colour; write it like #7a4018")
    if colour and (best := max(contrast(colour, text) for text in TEXTS)) < LEAST_CONTRAST:
        raise ValueError(
            f"Neither white nor ink is readable on {colour}: {best:.1f}:1, and {LEAST_CONTRAST}:1 is needed; "
            "take a darker or a lighter one"
        )
    return colour


def tint(brand: str) -> tuple[str, str] | None:
    """Ground and text of the launcher and the send button, or None for ink: where there is no brand, and where it is a
    green, which in this chat means evidence and nothing else."""
    if not brand:
        return None
    hue, _, saturation = colorsys.rgb_to_hls(*_channels(brand))
    if _GREENS[0] <= hue <= _GREENS[1] and saturation >= _LEAST_SATURATION:
        return None
    return brand, max(TEXTS, key=lambda text: contrast(brand, text))


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

"""How long after a person's last message a channel may write to them, and what may be written when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from omniops.contracts.channel import Window

Reach = Literal["open", "late", "template", "closed"]
"""Anything may be written · only by a person · only a text that was approved before · nothing, until they write."""
OVER = "window_over"
"""The code of what was not sent because the time for it is over."""


@dataclass(frozen=True, slots=True)
class WindowView:
    """What may be written to a person now, and until when; None: until they write again."""

    state: Reach
    until: datetime | None


def reach(window: Window, heard_at: datetime | None, now: datetime) -> WindowView:
    """Where a conversation stands whose visitor last wrote at `heard_at`, or never."""
    for state, length in (("open", window.open), ("late", window.human)):
        if heard_at is not None and length is not None and now <= heard_at + length:
            return WindowView("open" if state == "open" else "late", heard_at + length)
    return WindowView("template" if window.templates else "closed", None)


def may_send(view: WindowView, *, person: bool, template: bool) -> bool:
    """Whether a message may leave now: `person` says that one of the business wrote it, `template` that it is an
    approved text."""
    if template:
        return view.state != "closed"
    return view.state == "open" or (person and view.state == "late")

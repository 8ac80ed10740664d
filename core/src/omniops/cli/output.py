"""How commands speak: tables or JSON on standard output, everything else on standard error, exit codes with meaning."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omniops.errors import ConfigError, NotFound, NotReachable, NotReady, OmniOpsError, Rejected

if TYPE_CHECKING:
    from rich.console import Console

OK, FAILED, USAGE, CONFIG, NOT_REACHABLE, PARTLY, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
"""Exit codes. Documented; programs rely on them."""


def exit_code(error: OmniOpsError) -> int:
    match error:
        case ConfigError():
            return CONFIG
        case NotReachable() | NotReady():
            return NOT_REACHABLE
        case Rejected() | NotFound():
            return FAILED
        case _:
            return FAILED


def console(*, stderr: bool = False) -> Console:
    """A console that obeys NO_COLOR and shows no colour where nobody looks."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """A line for people, on standard error, so that standard output stays for data."""
    print(text, file=sys.stderr)


def emit(value: Any) -> None:
    """Data as JSON on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Rows for people; `empty` says what to do where there are none."""
    if not rows:
        say(empty)
        return
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    shown = Table(*columns, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for row in rows:
        shown.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    console().print(shown)


@dataclass(slots=True)
class Bar:
    """A progress bar that is there only when somebody looks at a terminal."""

    _progress: Any = None
    _task: Any = None

    def close(self) -> None:
        """Takes the bar away, where something else is to be said now."""
        if self._progress is not None:
            self._progress.stop()

    def update(self, what: str, done: int, of: int) -> None:
        if self._progress is not None:
            self._progress.update(self._task, description=what, completed=done, total=of or None)


@contextmanager
def bar(first: str, *, show: bool = True) -> Iterator[Bar]:
    if not (show and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"):
        yield Bar()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        yield Bar(progress, progress.add_task(first, total=None))

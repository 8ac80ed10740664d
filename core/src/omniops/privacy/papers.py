"""A generated paper: sections of words and tables, as JSON, as Markdown, and for the page that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Cell = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Words, then a table. `columns` are pairs of a stable key and its title; rows are by key."""

    title: str
    text: str = ""
    columns: Sequence[tuple[str, str]] = ()
    rows: Sequence[Mapping[str, Cell]] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """`statement` is the sentence that it opens with; `basis` the rule that wants it."""

    title: str
    statement: str
    basis: str
    sections: Sequence[Section]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def markdown(self) -> str:
        lines = [f"# {self.title}", "", self.statement, "", f"*{self.basis}*", ""]
        for section in self.sections:
            lines += [f"## {section.title}", ""]
            lines += [section.text, ""] if section.text else []
            if section.rows:
                lines.append("| " + " | ".join(title for _, title in section.columns) + " |")
                lines.append("|" + " --- |" * len(section.columns))
                lines += [
                    "| " + " | ".join(_in_table(row[key]) for key, _ in section.columns) + " |" for row in section.rows
                ]
                lines.append("")
        return "\n".join(lines)


def _in_table(cell: Cell) -> str:
    text = cell if isinstance(cell, str) else "; ".join(cell)
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") or "–"

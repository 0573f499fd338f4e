"""Tables of text: Markdown to read in a terminal and to paste into a model card; pages show them too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows of text; the first column is a name, the others are numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Return the table as Markdown, with columns of equal width."""
        widths = [max(len(row[i]) for row in (self.head, *self.rows)) for i in range(len(self.head))]

        def line(row: Sequence[str]) -> str:
            cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
            return f"| {' | '.join([row[0].ljust(widths[0]), *cells[1:]])} |"

        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        return "\n".join([line(self.head), line(rule), *map(line, self.rows)])


def shown(value: float, form: str) -> str:
    """Return a number in a format, or a dash for what could not be measured."""
    return f"{value:{form}}" if math.isfinite(value) else "-"

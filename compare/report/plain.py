"""Plain columns of text, for what must be quick to print: the list, an explanation, the environment."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from compare.report.wording import visible

__all__ = ["columns"]


def columns(rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Rows in aligned columns, two spaces apart; the last column is wrapped to the width.

    A row whose lead leaves the last column too little room has it on lines of its own. Nothing is ever cut.
    """
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, cells)) for cells in list(zip(*shown, strict=True))[:-1]]
    lines: list[str] = []
    for row in shown:
        lead = "".join([f"{cell.ljust(size)}  " for cell, size in zip(row, widths, strict=False)])
        if width is None:
            lines.append(lead + row[-1])
            continue
        narrow = width - len(lead) < 30
        lines += [lead] if narrow else []
        indent = " " * (4 if narrow else len(lead))
        first = indent if narrow else lead
        lines += textwrap.wrap(
            row[-1],
            max(width, 20),
            initial_indent=first,
            subsequent_indent=indent,
            break_on_hyphens=False,
            break_long_words=False,  # an address is copied
        ) or [first]
    return "".join(f"{line.rstrip()}\n" for line in lines)

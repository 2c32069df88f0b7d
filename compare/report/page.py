"""A page of terminal text. Everything goes through `rich.text.Text`, never through markup, which eats `[axes=0]`."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

__all__ = ["Page", "natural_width"]

UNBOUNDED = 10_000_000


class Page:
    """Collects text for a terminal of `width` columns; `width` None wraps nothing."""

    def __init__(self, width: int | None, color: bool) -> None:
        self.width = width
        self._file = io.StringIO()
        self._console = Console(
            file=self._file,
            width=UNBOUNDED if width is None else width,
            force_terminal=color,
            color_system="standard" if color else None,
            no_color=not color,
            markup=False,
            highlight=False,
            emoji=False,
            force_jupyter=False,
            legacy_windows=False,
        )

    def line(self, text: str = "", style: str = "", indent: int = 0) -> None:
        shown = Text(text, style, overflow="fold")
        self.add(Padding(shown, (0, 0, 0, indent), expand=False) if indent else shown)

    def unbroken(self, text: str | Text) -> None:
        """A line to be copied: the terminal may wrap it, this does not."""
        self._console.print(text, soft_wrap=True)

    def hanging(self, line: Text, width: int) -> Text:
        """A line of code in `width` columns; what does not fit continues below, indented further."""
        if line.cell_len <= width:
            return line
        indent = " " * min(len(line.plain) - len(line.plain.lstrip()) + 2, width // 2)
        wrapped = line.wrap(self._console, width - len(indent), overflow="fold")
        return Text("\n").join([wrapped[0], *[Text(indent) + piece for piece in wrapped[1:]]])

    def add(self, shown: RenderableType) -> None:
        self._console.print(shown)

    def labelled(self, rows: Sequence[tuple[str, str]], indent: int = 0) -> None:
        """Rows of a label and a text that is wrapped beside it."""
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for label, text in rows:
            table.add_row(Text(" " * indent + label, "dim"), Text(text))
        self.add(table)

    def text(self) -> str:
        """What was added, without spaces at the ends of lines."""
        return re.sub(r"[ ]+$", "", self._file.getvalue(), flags=re.MULTILINE)


def natural_width(rows: Sequence[Sequence[Text]]) -> int:
    """The columns that a table of these rows takes when no cell is wrapped; two between neighbours."""
    widths: list[int] = [max(cell.cell_len for cell in cells) for cells in zip(*rows, strict=True)]
    return sum(widths) + 2 * len(widths)

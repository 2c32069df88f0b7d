"""The case, its PyTorch and its JAX: in three aligned columns, or one under another on a narrow page."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from compare.report.page import Page
from compare.report.terminal import notes
from compare.report.wording import value, visible
from compare.results import Declared

if TYPE_CHECKING:
    from compare.cases import Case
    from compare.demonstrations import Expectation
    from compare.runner import Prepared, PreparedDemonstration, PreparedPort
    from compare.sources import Source

__all__ = ["NARROWEST", "align", "side_by_side"]

NARROWEST = 120  # columns of a terminal that can hold three programs


def side_by_side(
    case: Case,
    prepared: Prepared | PreparedDemonstration,
    where: str,
    *,
    width: int | None,
    color: bool,
    with_notes: bool = True,
) -> str:
    """The three programs, the case with `where` it is, then the naive port and the notes."""
    page = Page(width, color)
    page.line(visible(f"{case.id}: {case.title}"), "bold")
    titles = [f"{case.kind} {visible(where)}", "PyTorch", "JAX"]
    programs = [case.source, prepared.torch.text, prepared.jax.text]
    if prepared.lines is None:
        # The snippets are part of the demonstration's own text; beside each other they need no third column.
        titles, programs = [f"PyTorch, {visible(where)}", "JAX"], programs[1:]
    if width is not None and width < NARROWEST:
        for title, program in zip(titles, programs, strict=True):
            page.line()
            page.line(title, "bold")
            for line in _coloured(program):
                page.unbroken(line)
    else:
        texts = [_coloured(program) for program in programs]
        if prepared.lines is None:
            _columns(page, titles, texts, list(itertools.zip_longest(*[range(len(text)) for text in texts])))
        else:
            origins = [_origins(source, prepared.lines) for source in (prepared.torch, prepared.jax)]
            _columns(page, titles, texts, align(len(texts[0]), origins))
    if prepared.lines is None:
        page.line()
        page.line("declared", "bold")
        page.labelled([_declared(one) for one in prepared.demonstration.expectations], indent=2)
    if prepared.naive is not None:
        _naive_port(page, prepared.naive, prepared.jax)
    if with_notes:
        notes(page, prepared.notes)
    return page.text()


def _naive_port(page: Page, port: PreparedPort, jax: Source) -> None:
    page.line()
    if port.source is None:
        page.line(visible(f"no naive port: {port.reason}"), "bold")
    elif port.source is jax:
        page.line("naive port: line by line the JAX above", "bold")
    else:
        page.line("naive port", "bold")
        for line in _coloured(port.source.text):
            page.unbroken(line)


def _declared(one: Expectation) -> tuple[str, str]:
    """A declaration of a demonstration: the name, and what each leg must show under it."""
    sides = value(one.torch) if one.concept is None else value(Declared(one.torch, one.jax))
    warned = [f"{leg} warns '{text}'" for leg, text in (("torch", one.torch_warning), ("jax", one.jax_warning)) if text]
    reason = f" ({one.concept})" if one.concept else ""
    return visible(one.name), visible("; ".join([sides + reason, *warned]))


def _columns(page: Page, titles: list[str], texts: list[list[Text]], rows: Sequence[tuple[int | None, ...]]) -> None:
    """Programs beside each other. rows: for each row, the line of every program, or None for a blank."""
    table = Table(box=box.MINIMAL, show_edge=False, pad_edge=False, padding=(0, 1))
    for title in titles:
        table.add_column(Text(title, "bold"), overflow="fold")
    if page.width is not None:
        widths = _shares(
            [max([cell.cell_len for cell in text], default=0) for text in texts], page.width - 3 * (len(texts) - 1)
        )
        texts = [[page.hanging(cell, size) for cell in text] for text, size in zip(texts, widths, strict=True)]
    for row in rows:
        table.add_row(*[Text() if line is None else text[line] for line, text in zip(row, texts, strict=True)])
    page.add(table)


def _shares(natural: list[int], available: int) -> list[int]:
    """Widths of columns: what each needs, or an equal share of what the narrower ones leave."""
    shares = [0] * len(natural)
    left = len(natural)
    for index in sorted(range(len(natural)), key=natural.__getitem__):
        shares[index] = min(natural[index], available // left)
        available -= shares[index]
        left -= 1
    return shares


def _coloured(code: str) -> list[Text]:
    """The lines of a program, coloured as Python; hostile characters are shown, not sent."""
    shown = "\n".join([visible(line.expandtabs()) for line in code.splitlines()])
    syntax = Syntax(shown, "python", theme="ansi_dark", background_color="default")
    highlighted = syntax.highlight(shown).split("\n", allow_blank=True)
    return [highlighted[index] if index < len(highlighted) else Text() for index in range(len(code.splitlines()))]


# ---- alignment ----


def _origins(source: Source, lines: list[int]) -> list[int | None]:
    """For each printed line, the line of the case (from 0) that it came from."""
    return [None if origin is None else lines[origin] for origin in source.origins]


def align(length: int, origins: Sequence[Sequence[int | None]]) -> list[tuple[int | None, ...]]:
    """Rows of line numbers (from 0): of the case, then of each printed program. None leaves a blank.

    length: lines of the case. origins: for each printed program, the case line that each of its lines came from.
    Every program keeps its own order; a line stands beside its case line where the order of both allows it.
    """
    beside = [_increasing(program, length) for program in origins]
    placed: list[list[int | None]] = [[] for _ in range(len(origins) + 1)]
    following = [0] * len(placed)  # the next line of each column
    for line in range(length):
        anchored = {0: line} | {column: found[line] for column, found in enumerate(beside, 1) if line in found}
        row = max(len(placed[column]) + target - following[column] for column, target in anchored.items())
        for column, target in anchored.items():
            waiting = list(range(following[column], target))
            # A program begins at the top. Later, what leads up to an anchor, such as a blank line and a `def`, stays
            # next to it, and what follows the last anchor next to that.
            begun = column > 0 and following[column] > 0
            split = _lead(origins[column - 1], waiting) if begun else len(waiting)
            blanks = row - len(placed[column]) - len(waiting)
            placed[column] += [*waiting[:split], *[None] * blanks, *waiting[split:], target]
            following[column] = target + 1
    for column, program in enumerate(origins, 1):
        placed[column] += range(following[column], len(program))
    height = max(map(len, placed))
    return list(zip(*[column + [None] * (height - len(column)) for column in placed], strict=True))


def _lead(program: Sequence[int | None], waiting: list[int]) -> int:
    """Where among the waiting lines the last run without an origin begins; their count when every line has one."""
    split = len(waiting)
    while split and program[waiting[split - 1]] is not None:
        split -= 1
    if not split:
        return len(waiting)
    while split and program[waiting[split - 1]] is None:
        split -= 1
    return split


def _increasing(program: Sequence[int | None], length: int) -> dict[int, int]:
    """Case line to printed line, for a longest run of printed lines in the case's order."""
    tails: list[int] = []  # the smallest case line that ends a run of each length
    ends: list[int] = []  # the printed line there
    before: dict[int, int | None] = {}
    for printed, line in enumerate(program):
        if line is None or not 0 <= line < length:
            continue
        position = bisect.bisect_left(tails, line)
        if position < len(tails) and tails[position] == line:
            continue  # the first printed line of a statement stands beside it
        tails[position : position + 1] = [line]
        ends[position : position + 1] = [printed]
        before[printed] = ends[position - 1] if position else None
    chosen: dict[int, int] = {}
    printed_line = ends[-1] if ends else None
    while printed_line is not None:
        line = program[printed_line]
        assert line is not None
        chosen[line] = printed_line
        printed_line = before[printed_line]
    return chosen

"""Programs beside each other on a page: coloured lines in aligned rows, each knowing the statements it comes from."""

from __future__ import annotations

import ast
import functools
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
from markupsafe import Markup, escape
from pygments.lexers import PythonLexer
from pygments.token import Token, _TokenType

from compare.report.side_by_side import align
from compare.report.wording import visible
from compare.results import Lines, Note

__all__ = ["Column", "Line", "Remarks", "Tied", "colour_lines", "column", "tied"]


@dataclass(frozen=True)
class Line:
    """One line of a program. row: of the grid, from 1; 0 outside of a grid. statements: of the tape, in its order.

    shown: its number in its own file. label: what that is called where there are counterparts: it names them.
    """

    number: int
    shown: int
    code: Markup
    indent: int
    statements: tuple[int, ...] = ()
    label: str = ""
    row: int = 0


@dataclass(frozen=True)
class Remarks:
    """What the statements of a line became in JAX, right below it."""

    row: int
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Column:
    """One program. key: the word in the anchors of its lines."""

    key: str
    title: str
    items: tuple[Line | Remarks, ...]


@dataclass(frozen=True)
class Tied:
    """Programs beside each other. height: rows of the grid. rest: notes that belong to no line of it."""

    columns: tuple[Column, ...]
    height: int
    rest: tuple[Note, ...]


# ---- colour ----

# The kinds of token that are told apart, and the class of each; any other is plain.
_CLASSES: Mapping[_TokenType, str] = {
    Token.Keyword: "k",
    Token.Operator.Word: "k",
    Token.Name.Function: "f",
    Token.Name.Decorator: "d",
    Token.Name.Builtin: "b",
    Token.Literal.String: "s",
    Token.Literal.Number: "n",
    Token.Comment: "c",
}
_LEXER = PythonLexer(stripnl=False, ensurenl=False)


def colour_lines(code: str) -> list[Markup]:
    """The lines of a program, coloured as Python; hostile characters are shown, not sent."""
    shown = [visible(line.expandtabs()) for line in code.splitlines()]
    if '"""' in code or "'''" in code:
        # Only a string over several lines makes a line depend on those before it.
        coloured = _coloured("\n".join(shown)).split("\n")
        return [Markup(line) for line in coloured]
    return [Markup(_coloured_line(line)) for line in shown]


@functools.lru_cache(4096)
def _coloured_line(line: str) -> str:
    return _coloured(line)


def _coloured(text: str) -> str:
    parts = []
    for kind, piece in _LEXER.get_tokens(text):
        name = _class_of(kind)
        for number, line in enumerate(piece.split("\n")):
            parts.append("\n" if number else "")
            if line:
                quoted = str(escape(line))
                parts.append(f'<span class="{name}">{quoted}</span>' if name else quoted)
    return "".join(parts)


@functools.cache
def _class_of(kind: _TokenType) -> str:
    return next((_CLASSES[one] for one in reversed(kind.split()) if one in _CLASSES), "")


# ---- rows ----


def column(key: str, title: str, code: str, origins: Sequence[int | None] = ()) -> Column:
    """A program that stands alone."""
    statements = [() if one is None else (one,) for one in origins] or [()] * len(code.splitlines())
    lines = _lines(title, code, statements, {})
    return Column(key, title, tuple(lines))


def tied(programs: Sequence[tuple[str, str, str]], lines: Lines | None, notes: Sequence[Note], whole: int = 0) -> Tied:
    """Programs in aligned rows, with the notes below their lines.

    Args:
        programs: key, title and code of each; with `lines`, what was written comes first, then PyTorch and JAX.
        lines: what ties them together; None puts them beside each other as they are.
        notes: a note that names no statement, or a line outside of the program, is not placed.
    """
    if lines is None:
        columns = []
        for key, title, code in programs:
            placed = _lines(title, code, [()] * len(code.splitlines()), {})
            columns.append(Column(key, title, tuple(_at(line, row) for row, line in enumerate(placed, 2))))
        return Tied(tuple(columns), 1 + max((len(one.items) for one in columns), default=0), tuple(notes))
    written = programs[0][2]
    length = len(written.splitlines())
    ends = _statement_ends(written)
    of_line = [ends.get(line - lines.first, (line - lines.first, line - lines.first)) for line in lines.statements]
    own: list[tuple[int, ...]] = [()] * length
    for statement, (first, last) in enumerate(of_line):
        for line in range(max(first, 0), min(last + 1, length)):
            own[line] += (statement,)
    printed: list[list[tuple[int, ...]]] = [
        [() if one is None else (one,) for one in origins] for origins in (lines.torch, lines.jax)
    ]
    every = [own, *printed]
    firsts = (lines.first, 1, 1)
    counterparts = {
        title: _places(found, first) for (_, title, _), found, first in zip(programs, every, firsts, strict=True)
    }
    texts = [
        _lines(title, code, found, {other: places for other, places in counterparts.items() if other != title}, first)
        for (_, title, code), found, first in zip(programs, every, firsts, strict=True)
    ]
    below, rest = _below(notes, lines.first, ends, length)
    places = align(length, [[None if not one else of_line[one[0]][0] for one in found] for found in printed])
    items: list[list[Line | Remarks]] = [[] for _ in programs]
    row = 1
    pending: tuple[Note, ...] = ()
    for cells in places:
        # What is said of a statement stands below what was printed up to the next one.
        if pending and cells[0] is not None:
            row += 1
            items[0].append(Remarks(row, pending))
            pending = ()
        row += 1
        for place, cell in enumerate(cells):
            if cell is not None:
                items[place].append(_at(texts[place][cell], row))
        if cells[0] in below:
            pending = below[cells[0]]
    if pending:
        row += 1
        items[0].append(Remarks(row, pending))
    columns = [Column(key, title, tuple(found)) for (key, title, _), found in zip(programs, items, strict=True)]
    return Tied(tuple(columns), row, rest)


def _lines(
    title: str,
    code: str,
    statements: Sequence[tuple[int, ...]],
    others: Mapping[str, Mapping[int, list[int]]],
    first: int = 1,
) -> list[Line]:
    found = []
    raw = code.splitlines()
    for number, (line, coloured, own) in enumerate(zip(raw, colour_lines(code), statements, strict=True), 1):
        label = f"{title} {number + first - 1}" if own and others else ""
        for other, places in others.items():
            there = sorted({place for one in own for place in places.get(one, ())})
            if there:
                label += f", {other} {' '.join(map(str, there[:6]))}"
        plain = line.expandtabs()
        indent = min(len(plain) - len(plain.lstrip()), 24)
        found.append(Line(number, number + first - 1, coloured, indent, own, label))
    return found


def _at(line: Line, row: int) -> Line:
    return replace(line, row=row)


def _places(statements: Sequence[Iterable[int]], first: int) -> dict[int, list[int]]:
    """The numbers of the lines that each statement has; the first line has the number `first`."""
    found: dict[int, list[int]] = {}
    for number, own in enumerate(statements, first):
        for one in own:
            found.setdefault(one, []).append(number)
    return found


def _statement_ends(code: str) -> dict[int, tuple[int, int]]:
    """Of each line (from 0) inside a simple statement of Python: the first and the last line of that statement."""
    try:
        tree = ast.parse(textwrap.dedent(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not hasattr(node, "body") and node.end_lineno is not None:
            span = (node.lineno - 1, node.end_lineno - 1)
            for line in range(span[0], span[1] + 1):
                found[line] = span
    return found


def _below(
    notes: Sequence[Note], first: int, ends: Mapping[int, tuple[int, int]], length: int
) -> tuple[dict[int | None, tuple[Note, ...]], tuple[Note, ...]]:
    """The notes below the last line of each statement, those that say the same as one; and those of no line."""
    below: dict[int | None, dict[tuple[str, str], Note]] = {}
    rest: list[Note] = []
    for note in notes:
        line = note.line - first
        if not note.statement or not 0 <= line < length:
            rest.append(note)
            continue
        placed = below.setdefault(ends.get(line, (line, line))[1], {})
        said = placed.get((note.concept, note.why))
        if said is not None and note.statement != said.statement:
            note = msgspec.structs.replace(said, statement=f"{said.statement}; {note.statement}")
        placed[note.concept, note.why] = note
    return {line: tuple(placed.values()) for line, placed in below.items()}, tuple(rest)

"""Arrays as small pictures: a heat map of the values, and one of how far two arrays are apart.

Colour is never alone: a cell says its number, what is no number has a mark, and so has what lies beyond its limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from compare.report.wording import number, value
from compare.results import Value

__all__ = ["Array", "array_of", "difference_map", "shape_words", "value_map"]

Number = complex | float

WIDEST = 32
"""Cells of a map in either direction; a cell of a larger array stands for a block of elements."""
TITLED = 256
"""Cells up to which each says its own number."""


@dataclass(frozen=True)
class Array:
    """Numbers in reading order, and the shape that they have. words: the numbers as they are written everywhere."""

    shape: tuple[int, ...]
    numbers: tuple[Number, ...]
    words: tuple[str, ...]

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The words in rows, as long as the last axis."""
        width = self.shape[-1]
        return [self.words[start : start + width] for start in range(0, len(self.words), width)]


def array_of(side: object) -> Array | None:
    """Nested lists as an array; None for what is no list, is empty, is ragged, or holds something else than numbers."""
    shape = []
    inner = side
    while isinstance(inner, list):
        shape.append(len(inner))
        if not inner:
            return None
        inner = inner[0]
    if not shape:
        return None
    leaves = list(_leaves(side, tuple(shape)))
    numbers = [_number(one) for one in leaves]
    if any(one is None for one in numbers):
        return None
    return Array(tuple(shape), tuple(one for one in numbers if one is not None), tuple(map(value, leaves)))


def _leaves(side: object, shape: tuple[int, ...]) -> Iterator[Value]:
    """The elements in reading order; None where the nesting is not that of the shape."""
    if not shape:
        yield None if isinstance(side, list) else side  # type: ignore[misc]  # the element of a Value is one
    elif isinstance(side, list) and len(side) == shape[0]:
        for inner in side:
            yield from _leaves(inner, shape[1:])
    else:
        yield None


def _number(one: Value) -> Number | None:
    """A number as a run stores it: words stand for what JSON lacks, and for complex numbers."""
    if isinstance(one, bool | int | float):
        try:
            return float(one)
        except OverflowError:
            return None
    if not isinstance(one, str) or len(one) > 100:
        return None
    try:
        return float(one) if one in ("nan", "inf", "-inf") else complex(one) if one.endswith("j") else None
    except ValueError:
        return None


# ---- the two maps ----


def shape_words(array: Array) -> str:
    """`2 by 3`."""
    return " by ".join(map(str, array.shape))


def value_map(array: Array, name: str) -> str:
    """A heat map of values, as inline SVG: one hue above zero, another below. Of complex numbers, the magnitudes."""
    numbers = [abs(one) if isinstance(one, complex) else one for one in array.numbers]
    grid = _Grid.of(array.shape, numbers, array.words)
    top = max((abs(one) for one in grid.shown if math.isfinite(one)), default=0.0)
    cells = [
        (_value_class(one), abs(one) / top if top and math.isfinite(one) else 1.0, _mark(one)) for one in grid.shown
    ]
    finite = [one for one in numbers if math.isfinite(one)]
    span = f"from {number(min(finite))} to {number(max(finite))}" if finite else "no finite number"
    kind = "magnitudes" if any(isinstance(one, complex) for one in array.numbers) else "values"
    return grid.drawn(f"{name}: heat map of {shape_words(array)} {kind}, {span}{grid.pooled}", cells)


def difference_map(left: Array, right: Array, limit: float | None) -> str:
    """A heat map of how far two arrays of one shape are apart, as inline SVG; a dot marks what is beyond the limit.

    The scale is logarithmic: from nothing, through the rounding of a double, to the size of the numbers themselves.
    """
    apart = [_distance(one, other) for one, other in zip(left.numbers, right.numbers, strict=True)]
    words = [f"{number(one)} apart" for one in apart]
    grid = _Grid.of(left.shape, apart, words)
    top = max((abs(one) for one in (*left.numbers, *right.numbers) if math.isfinite(abs(one))), default=1.0) or 1.0
    cells = []
    for one in grid.shown:
        beyond = limit is not None and not one <= limit
        strength = 1.0 if not math.isfinite(one) else min(1.0, max(0.1, 1 + math.log10(one / top) / 17)) if one else 0.0
        cells.append(("d" if one else "z", strength, "dot" if beyond else ""))
    most = max(apart, key=lambda one: math.inf if math.isnan(one) else one)
    return grid.drawn(f"PyTorch and JAX: heat map of the difference, at most {number(most)}{grid.pooled}", cells)


def _distance(one: Number, other: Number) -> float:
    same_nan = math.isnan(abs(one)) and math.isnan(abs(other))
    return 0.0 if one == other or same_nan else abs(one - other)


def _value_class(one: float) -> str:
    if math.isnan(one):
        return "x"
    return "z" if one == 0 else "p" if one > 0 else "n"


def _mark(one: float) -> str:
    return "" if math.isfinite(one) else "cross" if math.isnan(one) else "inf"


# ---- cells ----


@dataclass(frozen=True)
class _Grid:
    """The cells of a map. pooled: how many elements a cell stands for, in words."""

    columns: int
    shown: list[float]
    titles: list[str]
    pooled: str = ""

    @classmethod
    def of(cls, shape: tuple[int, ...], numbers: Sequence[float], words: Sequence[str]) -> _Grid:
        if len(shape) == 1:
            columns = min(shape[0], WIDEST)
            if shape[0] <= WIDEST * WIDEST:
                titles = [f"[{place}] {word}" for place, word in enumerate(words)]
                return cls(columns, list(numbers), titles)
            size = math.ceil(shape[0] / (WIDEST * WIDEST))
            blocks = [list(range(start, min(start + size, shape[0]))) for start in range(0, shape[0], size)]
        else:
            columns = shape[-1]
            rows = len(numbers) // columns
            if columns <= WIDEST and rows <= WIDEST:
                titles = [f"[{_index(place, shape)}] {word}" for place, word in enumerate(words)]
                return cls(columns, list(numbers), titles)
            high, wide = math.ceil(rows / WIDEST), math.ceil(columns / WIDEST)
            blocks = [
                [
                    row * columns + column
                    for row in range(top, min(top + high, rows))
                    for column in range(left, min(left + wide, columns))
                ]
                for top in range(0, rows, high)
                for left in range(0, columns, wide)
            ]
            columns = math.ceil(columns / wide)
            size = high * wide
        # Of a block, what is most worth seeing: NaN, then what is largest.
        chosen = [
            max(block, key=lambda place: math.inf if math.isnan(numbers[place]) else abs(numbers[place]))
            for block in blocks
        ]
        told = f"; a cell shows the largest of {size} elements"
        return cls(columns, [numbers[place] for place in chosen], [words[place] for place in chosen], told)

    def drawn(self, label: str, cells: Sequence[tuple[str, float, str]]) -> str:
        rows = math.ceil(len(cells) / self.columns)
        size = 14 if max(rows, self.columns) <= 16 else 7
        titled = len(cells) <= TITLED
        parts = []
        for place, (kind, strength, mark) in enumerate(cells):
            left, top = place % self.columns * size, place // self.columns * size
            title = f"<title>{escape(self.titles[place])}</title>" if titled else ""
            shade = "" if kind == "z" else f' fill-opacity="{0.12 + 0.88 * strength:.2f}"'
            box = f'<rect class="{kind}" x="{left}" y="{top}" width="{size - 1}" height="{size - 1}"{shade}'
            parts.append(f"{box}>{title}</rect>" if title else f"{box}/>")
            parts.append(_marked(mark, left, top, size - 1))
        width, height = self.columns * size, rows * size
        return (
            f'<svg class="heat" role="img" aria-label="{escape(label)}" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">{"".join(parts)}</svg>'
        )


def _index(place: int, shape: tuple[int, ...]) -> str:
    index = []
    for size in reversed(shape):
        place, rest = divmod(place, size)
        index.append(str(rest))
    return ", ".join(reversed(index))


def _marked(mark: str, left: int, top: int, size: int) -> str:
    if not mark:
        return ""
    middle = f'cx="{left + size / 2:g}" cy="{top + size / 2:g}"'
    if mark == "dot":
        return f'<circle class="m" {middle} r="{size / 5:g}"/>'
    if mark == "inf":
        return f'<circle class="o" {middle} r="{size / 4:g}"/>'
    low, high = size * 0.25, size * 0.75
    path = f"M{left + low:g} {top + low:g}L{left + high:g} {top + high:g}M{left + high:g} {top + low:g}"
    return f'<path class="o" d="{path}L{left + low:g} {top + high:g}"/>'

"""Special numbers: where functions have kinks, poles, ties, limits, and where floating point has its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

__all__ = ["ORDINARY", "grid", "patterns", "special_numbers"]

Numbers = np.ndarray[Any, Any]
INF, NAN = float("inf"), float("nan")

ALONE = (
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, 6.0, 0.25, 1.5, -1.5, 2.5, -2.5, 30.0, -30.0, INF, -INF, NAN,
)  # fmt: skip
"""For a function of one number: zeros, bounds, integers, halves where rounding ties, saturation, what is not finite."""
PAIRED = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -1.5, 3.0, INF, -INF, NAN)
SEVERAL = (0.0, 1.0, -1.5, 2.0, NAN)
WHOLE = (0, 1, 2, 3, -1)


def special_numbers(dtype: str, operands: int) -> list[float]:
    """The numbers of each of several operands; subnormal ones, and the smallest normal one, at the end."""
    tiny = float(np.finfo(dtype).smallest_subnormal) * 2**20
    normal = float(np.finfo(dtype).tiny)
    if operands == 1:
        return [*ALONE, tiny, -tiny, normal]
    return [*PAIRED, tiny] if operands == 2 else list(SEVERAL)


def grid(kinds: tuple[str, ...], dtype: str, bounds: tuple[float, ...]) -> list[Numbers]:
    """Every combination of special numbers, one array of one axis for each operand of a function of elements.

    bounds: numbers among the attributes, which are special to this function.
    """
    floats = special_numbers(dtype, sum(kind in ("float64", "complex128") for kind in kinds))
    floats += [one for one in bounds if one not in floats] if len(kinds) < 3 else []
    choices: list[list[Any]] = []
    for kind in kinds:
        if kind == "bool":
            choices.append([False, True])
        elif kind == "int64":
            choices.append(list(WHOLE))
        elif kind == "complex128":
            choices.append([complex(a, b) for a, b in itertools.product((0.0, 1.0, -2.0), repeat=2)])
        else:
            choices.append(floats)
    rows = [row for row in itertools.product(*choices) if _worth_a_point(row)]
    return [np.array([row[place] for row in rows]) for place in range(len(kinds))]


PARTNERS = (0.0, 1.0, -1.5)
"""The finite numbers that what is not finite, or is subnormal, is paired with."""


def _worth_a_point(row: tuple[Any, ...]) -> bool:
    """Whether a combination is one of few: beside an infinity, a nan or a subnormal number, three others will do."""
    floats = [one for one in row if isinstance(one, float)]
    extreme = [one for one in floats if not np.isfinite(one) or 0 < abs(one) < 1e-30]
    ordinary = [one for one in floats if np.isfinite(one) and not 0 < abs(one) < 1e-30]
    return len(floats) < 2 or not extreme or all(one in PARTNERS and str(one) != "-0.0" for one in ordinary)


# ---- arrays for functions that are not of elements ----

ORDINARY = "ordinary"
"""The name of the pattern that has nothing special."""
DISTINCT = (1.5, -0.75, 2.25, 0.625, -1.25, 0.375, -2.5, 1.125, 0.875, -0.5, 1.75, -1.625)
"""Numbers that any float holds, no two of one size."""


def _ordinary(shape: tuple[int, ...], place: int) -> Numbers:
    count = int(np.prod(shape, dtype=int))
    numbers = itertools.islice(itertools.cycle((*DISTINCT[3 * place :], *DISTINCT[: 3 * place])), count)
    # Longer arrays repeat no number.
    return np.array([number + 4 * (at // len(DISTINCT)) for at, number in enumerate(numbers)], dtype=float).reshape(
        shape
    )


def _first(array: Numbers, *numbers: float) -> Numbers:
    found = array.copy()
    found.flat[: len(numbers)] = numbers[: found.size]
    return found


def _tiled(shape: tuple[int, ...], numbers: tuple[float, ...]) -> Numbers:
    return np.resize(np.array(numbers), shape) if np.prod(shape, dtype=int) else np.zeros(shape)


def _stacked(shape: tuple[int, ...], matrix: Numbers) -> Numbers:
    return np.broadcast_to(matrix, shape).copy()


def _every(shape: tuple[int, ...], place: int, dtype: str) -> Iterator[tuple[str, Numbers]]:
    """The special arrays of one operand, by name."""
    ordinary = _ordinary(shape, place)
    tiny = float(np.finfo(dtype).smallest_subnormal) * 2**20
    yield ORDINARY, ordinary
    if ordinary.size == 0:
        return
    yield "positive", abs(ordinary)
    yield "equal", np.full(shape, 2.0)
    yield "ties", _tiled(shape, (2.0, 2.0, 1.0))
    yield "zeros", np.zeros(shape)
    yield "negative zeros", np.full(shape, -0.0)
    yield "a zero", _first(ordinary, 0.0)
    yield "two zeros", _first(ordinary, 0.0, 0.0)
    yield "integers", _tiled(shape, (1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    yield "an infinity", _first(ordinary, INF)
    yield "a negative infinity", _first(ordinary, -INF)
    yield "negative infinities", np.full(shape, -INF)
    yield "a nan", _first(ordinary, NAN)
    yield "subnormal", np.full(shape, tiny)
    if len(shape) > 1 and shape[-1] == shape[-2] > 1:
        size = shape[-1]
        line = np.arange(1.0, size + 1)
        identity = np.eye(size)
        yield "singular", _stacked(shape, np.outer(line, line))
        yield "identity", _stacked(shape, identity)
        yield "diagonal, twice one number", _stacked(shape, np.diag([2.0, 2.0, *line][:size]))
        yield "positive definite", _stacked(shape, np.outer(line, line) + 2 * identity)
        yield "negative definite", _stacked(shape, -np.outer(line, line) - 2 * identity)
        yield "nilpotent", _stacked(shape, np.diag(np.ones(size - 1), 1))
        yield "rotation", _stacked(shape, np.triu(np.ones((size, size)), 1) - np.tril(np.ones((size, size)), -1))


LINEAR = (ORDINARY, "a zero", "an infinity", "a nan")
"""What is special to a function whose derivative does not depend on where it is."""


def patterns(
    shapes: Mapping[str, tuple[int, ...]], dtype: str, *, linear: bool
) -> Iterator[tuple[str, dict[str, Numbers]]]:
    """Special arrays for all float operands: one pattern for all, and each alone beside ordinary ones."""
    every = {name: dict(_every(shape, place, dtype)) for place, (name, shape) in enumerate(shapes.items())}
    names = list(dict.fromkeys(pattern for arrays in every.values() for pattern in arrays))
    seen: set[Any] = set()
    for pattern in names:
        arrays = {name: arrays.get(pattern, arrays[ORDINARY]) for name, arrays in every.items()}
        # Small arrays look alike under several names.
        key = tuple(array.tobytes() for array in arrays.values())
        if (pattern in LINEAR or not linear) and key not in seen:
            seen.add(key)
            yield pattern, arrays
    if len(every) > 1 and not linear:
        for alone, pattern in itertools.product(every, ("zeros", "equal")):
            if pattern in every[alone]:
                others = {name: arrays[ORDINARY] for name, arrays in every.items()}
                yield f"{alone} {pattern}", {**others, alone: every[alone][pattern]}

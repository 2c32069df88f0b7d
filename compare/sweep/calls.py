"""Operands and attributes that a row takes, found by asking its rules: a new row needs no list of its own.

Candidates come in order of preference. A rule that raises ValueError refuses one; the first that pass are taken.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np

from compare.checks import ATTRIBUTE_KINDS
from compare.errors import ProgramError
from compare.ops import TENSOR, Op, Slice

__all__ = ["Call", "calls_of", "is_elementwise", "is_index", "operand_names", "positions"]

Shape = tuple[int, ...]

ATTRIBUTE_CANDIDATES: tuple[Any, ...] = (
    1, 0, 2, -1, 3, 4, 0.5, False, True, (1, 0), (2, 2), (1, 1), (3, 2), (2, 3), (4,), (6,), (-1,), (0, 1), (2, 1),
    (1, 0, 2), (1, 1, 1), (1, 1, 1, 1), "float64", "ortho", "ij,jk->ik", "ij->ji", "i,i->",
    (1,), (Slice(), 0), (Slice(1),), ((0, 0, 1),), (TENSOR,), (Slice(), TENSOR),
)  # fmt: skip
"""Values for any attribute. Which of them one takes is said by its kind, and by the row's rules."""
PREFERRED: dict[str, tuple[Any, ...]] = {
    "axis": (0, 1), "correction": (1, 0), "min": (-1.0, 0.0), "max": (1.0, 0.5), "classes": (3,), "size": (3,),
    "index": (((0, 0, 1),), (TENSOR,), (1,), (Slice(), TENSOR), (Slice(), 0)), "window": (2,), "length": (2, 1),
    "stride": (1, 2), "padding": (1,), "rtol": (1e-5,), "shape": ((3, 2), (2, 3), (2, 2)), "full_matrices": (False,),
    "dtype": ("float64", "int64"), "equation": ("ij,jk->ik", "i,i->", "ij->ji"),
}  # fmt: skip
"""What comes first for attributes whose special values are known."""

SHAPES: tuple[Shape, ...] = (
    (2, 3), (3,), (2, 2), (3, 2), (3, 3), (2,), (2, 4), (4, 2), (1, 1, 3), (1, 1, 2, 3), (1, 1, 1, 2, 2), (2, 2, 2),
    (2, 2, 1), (1, 2, 3), (1, 2, 2, 3), (2, 2, 2, 2), (1, 4, 2, 2), (1, 2, 2, 2, 2), (4,), (6,), (5,), (),
)  # fmt: skip
SQUARE: tuple[Shape, ...] = ((2, 2), (3, 3))
SMALL: tuple[tuple[Shape, ...], ...] = (
    ((1,), (1, 1), (1, 1, 1), (1, 1, 1, 1)),
    ((0,), (2, 0), (0, 0), (0, 3), (1, 1, 0)),
)
"""Shapes with axes of size 1, and with axes of size 0."""

KINDS = ("float64", "bool", "int64", "complex128", "python-float")
MOST_TRIES = 20_000
MOST_REQUIRED, MOST_VARIED = 2, 3
"""Choices of the attributes that must be given, and of the others, that are swept."""


@dataclass(frozen=True)
class Call:
    """One way to call a row.

    shapes, kinds: of every operand; the kind is its dtype where floats are float64, or `python-float` for a number that
        is written out. names: what the operands are called.
    refused: why the row's own rule refuses it, where it is called all the same.
    """

    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    kinds: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""


def operand_names(op: Op, extra: int = 1) -> tuple[str, ...]:
    """Names for the operands: of a starred one that is alone two, of another one `extra`."""
    if op.variadic:
        return ("x", "y")
    names = [name for name in op.operand_names if not name.startswith("*")]
    return (*names, *(f"indices{place or ''}" for place in range(extra if op.open_ended else 0)))


def is_index(op: Op, place: int, count: int) -> bool:
    """Whether the operand in a place says which elements are meant."""
    return place in op.places(("indices", "mask"), count)


# ---- candidates ----


def _candidates(op: Op, name: str) -> list[Any]:
    default = op.defaults[name]
    _, fits = ATTRIBUTE_KINDS[name]
    found = [] if default is ... else [default]
    for value in (*PREFERRED.get(name, ()), *ATTRIBUTE_CANDIDATES):
        if fits(value) and not any(value == one and type(value) is type(one) for one in found):
            found.append(value)
    return found


def _attributes(op: Op) -> Iterator[dict[str, Any]]:
    """Attributes, every one that must be given in all its candidates; then the others, one at a time."""
    required = [name for name, default in op.defaults.items() if default is ...]
    optional = [name for name in op.defaults if name not in required]
    optional.sort(key=lambda name: name not in PREFERRED)
    base = {name: op.defaults[name] for name in optional}
    grids = [_candidates(op, name)[:14] for name in required]
    for values in itertools.product(*grids):
        yield {**base, **dict(zip(required, values, strict=True))}


def _varied(op: Op, call: Call) -> Iterator[dict[str, Any]]:
    """The attributes of a call with one or two of those changed that have defaults."""
    optional = [name for name, default in op.defaults.items() if default is not ...]
    optional.sort(key=lambda name: name not in PREFERRED)
    alone = 2 if sum(name in PREFERRED for name in optional) < 2 else 1
    for one in optional:
        yield from ({**call.attributes, one: value} for value in _candidates(op, one)[1 : 1 + alone])
    for one, other in itertools.combinations(optional, 2):
        for value, beside in itertools.product(_candidates(op, one)[1:3], _candidates(op, other)[1:3]):
            yield {**call.attributes, one: value, other: beside}


def _kinds(op: Op, names: tuple[str, ...], attributes: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Dtypes of the operands that the row takes, floats first; positions and conditions by their names."""
    count = len(names)
    choices = [
        (("int64", "bool") if names[place].startswith("indices") else ("bool",))
        if is_index(op, place, count)
        else KINDS
        for place in range(count)
    ]
    grid = sorted(itertools.product(*choices), key=lambda kinds: sum(KINDS.index(kind) for kind in kinds))
    found = []
    for kinds in grid:
        try:
            op.result_dtype(kinds, "float64", attributes)
        except (ValueError, KeyError, IndexError, TypeError):
            continue
        found.append(kinds)
    return found


def positions(shape: Shape, kind: str, repeated: bool) -> Any:
    """Positions 0 and 1, or one of them again and again; or a mask of every other element."""
    count = int(np.prod(shape, dtype=int))
    if kind == "bool":
        return (np.arange(count) % 2 == 0).reshape(shape) & (not repeated)
    return (np.zeros(count, dtype=np.int64) if repeated else np.arange(count) % 2).reshape(shape)


def _takes(op: Op, call: Call) -> str | None:
    """None where the row's rules take a call; else why not."""
    count = len(call.names)
    known = tuple(
        positions(shape, kind, repeated=False)
        for place, (shape, kind) in enumerate(zip(call.shapes, call.kinds, strict=True))
        if is_index(op, place, count)
    )
    if op.open_ended and not op.variadic and "index" in call.attributes:
        tensors = sum(1 for item in call.attributes["index"] if item == TENSOR)
        if tensors != count - len(operand_names(op, 0)):
            return "the index names another number of tensors"
    if any(kind.startswith("python-") and shape for shape, kind in zip(call.shapes, call.kinds, strict=True)):
        return "a number has no shape"
    try:
        op.shape(call.shapes, {**call.attributes, "known": known})
        op.result_dtype(call.kinds, "float64", {**call.attributes, "known": known})
    except (ValueError, IndexError, TypeError, KeyError, ZeroDivisionError) as error:
        return str(error) or type(error).__name__
    return None


# ---- choosing ----


def calls_of(op: Op) -> list[Call]:
    """Calls of a row: with its attributes varied, on matrices that are square, on axes of size 1, and on empty ones.

    Raises: ProgramError: where nothing that is tried here is taken by the row's rules.
    """
    found: list[Call] = []
    for extra in (1, 0) if op.open_ended and not op.variadic else (1,):
        names = operand_names(op, extra)
        base = _taken(op, names, _attributes(op), MOST_REQUIRED)
        # All at their defaults may be what a row refuses: clip without bounds.
        first = base[0] if base else Call(names, (), (), next(_attributes(op)))
        found += [*base, *_taken(op, names, _varied(op, first), MOST_VARIED)]
    if not found:
        raise ProgramError(
            f"The sweep finds no operands that '{op.name}' takes. Let ATTRIBUTE_CANDIDATES, PREFERRED or SHAPES of "
            "compare/sweep/calls.py have some."
        )
    return [*found, *_of_other_shapes(op, found)]


def _taken(op: Op, names: tuple[str, ...], attributes: Iterator[dict[str, Any]], most: int) -> list[Call]:
    """The first calls that the rules take, at most one for each choice of attributes."""
    found: list[Call] = []
    tries = 0
    for one in attributes:
        for kinds in _kinds(op, names, one)[:1]:
            for shapes in _shape_tuples(len(names), SHAPES):
                tries += 1
                call = Call(names, shapes, kinds, one)
                if _takes(op, call) is None:
                    found.append(call)
                    break
        if len(found) == most or tries > MOST_TRIES:
            break
    return found


def _of_other_shapes(op: Op, found: list[Call]) -> list[Call]:
    """The first of the calls that takes them, with square matrices, with axes of size 1 and with empty ones."""
    added: list[Call] = []
    for pool in (SQUARE, *SMALL):
        if pool is SQUARE and any(shape in SQUARE for call in found for shape in call.shapes):
            continue
        for call, shapes in itertools.product(found[:2], _shape_tuples(len(found[0].names), pool)):
            other = Call(call.names, shapes, call.kinds, call.attributes)
            if len(shapes) == len(call.names) and _takes(op, other) is None:
                added.append(other)
                break
    if "correction" in op.defaults:
        # As many degrees of freedom as elements: the row refuses what the frameworks answer.
        call = found[0]
        count = int(np.prod(call.shapes[0], dtype=int))
        attributes = {**call.attributes, "axis": None, "correction": count}
        refused = _takes(op, Call(call.names, call.shapes, call.kinds, attributes))
        added.append(Call(call.names, call.shapes, call.kinds, attributes, refused or ""))
    return added


def _shape_tuples(count: int, pool: tuple[Shape, ...]) -> Iterator[tuple[Shape, ...]]:
    """Shapes for all operands, all the same first."""
    for shape in pool:
        yield (shape,) * count
    if count > 1:
        yield from itertools.product((*pool[:12], ()), repeat=count) if count <= 3 else ()


# ---- elementwise rows ----

TESTED = (0.375, -0.625, 1.25, 0.8125)


def is_elementwise(op: Op, call: Call) -> bool:
    """Whether the row treats every element alone, shown by its reference: of a part it makes the part of the result."""
    if op.view is not None or any(is_index(op, place, len(call.names)) for place in range(len(call.names))):
        return False
    whole = [_tested(kind, place) for place, kind in enumerate(call.kinds)]
    try:
        if op.shape(((4,),) * len(whole), call.attributes) != (4,):
            return False
        if op.shape(((2, 3),) * len(whole), call.attributes) != (2, 3):
            return False
        result = np.asarray(op.reference(*(one.copy() for one in whole), **call.attributes), dtype=object)
        for place in range(4):
            part = np.asarray(op.reference(*(one[place : place + 1] for one in whole), **call.attributes), dtype=object)
            if part.shape != (1,) or not _same(part[0], result[place]):
                return False
    except (ValueError, IndexError, TypeError, ZeroDivisionError, KeyError):
        return False
    return result.shape == (4,)


def _tested(kind: str, place: int) -> Any:
    numbers = TESTED[place % 4 :] + TESTED[: place % 4]
    result = np.empty(4, dtype=object)
    for at, number in enumerate(numbers):
        result[at] = {
            "bool": number > 0, "int64": mpmath.mpf(at), "complex128": mpmath.mpc(number, TESTED[at]),
        }.get(kind, mpmath.mpf(number))  # fmt: skip
    return result


def _same(one: Any, other: Any) -> bool:
    return bool(one == other or (one != one and other != other))

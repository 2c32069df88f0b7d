"""Points of a row: its calls, spelled as the legs print them, with special numbers in every operand."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from compare.ops import Op
from compare.points import Point
from compare.points.point import Numbers
from compare.sources import Expressions, name_tree
from compare.sweep.calls import Call, calls_of, is_elementwise, is_index, positions
from compare.sweep.special import ORDINARY, grid, patterns

__all__ = ["SweptPoint", "points_of"]

NUMBER = 0.5
"""An operand that is written out as a number."""
WEIGHTS = (1.0, -0.5, 0.75, 1.25, -1.5, 0.625, 2.0, -0.875)
"""A cotangent that tells the elements of a result apart, and moves that tell operands apart."""


@dataclass(frozen=True)
class SweptPoint:
    """A point, and what it is called: its attributes as they are written, and the pattern of its numbers."""

    point: Point
    attributes: str
    pattern: str


def points_of(op: Op, dtype: str) -> list[SweptPoint]:
    """All points of a row in one dtype. Raises ProgramError where its rules take nothing that is tried."""
    calls = calls_of(op)
    found: list[SweptPoint] = []
    elementwise: set[str] = set()
    for call in calls:
        written = _written(op, call)
        if any(np.prod(shape, dtype=int) == 0 for shape in call.shapes) or not is_elementwise(op, call):
            found += _whole(op, call, written, dtype)
        elif written not in elementwise:
            # The shape does not matter; one of them stands for all.
            elementwise.add(written)
            found.append(_of_elements(op, call, written, dtype))
    return found


def _written(op: Op, call: Call) -> str:
    """The attributes that are not at their defaults."""
    return ", ".join(f"{name}={_shown(value)}" for name, value in call.attributes.items() if value != op.defaults[name])


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))}{',' if len(value) == 1 else ''})"
    if hasattr(value, "to_python"):
        return ":".join("" if one is None else str(one) for one in (value.start, value.stop))
    return repr(value)


# ---- spelling ----


def _spelled(op: Op, call: Call) -> tuple[str, str]:
    """The PyTorch and the JAX expression of a call."""
    trees = [
        ast.Constant(NUMBER) if kind.startswith("python-") else name_tree(name)
        for name, kind in zip(call.names, call.kinds, strict=True)
    ]
    if op.symmetric:
        # Any move of the operand is then one of a symmetric matrix.
        trees[0] = ast.parse(f"({call.names[0]} + {call.names[0]}.mT) / 2", mode="eval").body
    operands = tuple(trees)
    torch = Expressions("torch", lambda row: row.torch)
    jax = Expressions("jnp", lambda row: row.jax)
    if op.torch is not None:
        in_torch = ast.unparse(torch.expression(op, operands, call.attributes))
    else:
        assert op.write is not None
        # A leaf that requires grad is not written to.
        written = ast.unparse(torch.spell(op.write, op, operands, call.attributes))
        in_torch = f"{call.names[0]} = {call.names[0]}.clone()\n{written}\n{call.names[0]}"
    attributes = {**call.attributes, **op.jax_names(call.shapes, call.attributes)}
    return in_torch, ast.unparse(jax.expression(op, operands, attributes))


def _exact(op: Op, call: Call) -> Any:
    numbers = {name: mpmath.mpf(one) if isinstance(one, float) else one for name, one in call.attributes.items()}
    if op.symmetric:
        return lambda x: op.reference((x + np.swapaxes(x, -1, -2)) / 2, **numbers)
    written = [kind.startswith("python-") for kind in call.kinds]
    if not any(written):
        return lambda *operands: op.reference(*operands, **numbers)

    def reference(*operands: Any) -> Any:
        given = iter(operands)
        return op.reference(*(mpmath.mpf(NUMBER) if one else next(given) for one in written), **numbers)

    return reference


def _point(op: Op, call: Call, operands: dict[str, Numbers], elementwise: bool) -> Point:
    torch, jax = _spelled(op, call)
    moved = tuple(name for name, array in operands.items() if array.dtype.kind in "fc")
    direction = {}
    for place, name in enumerate(moved):
        shape = operands[name].shape
        turned = itertools.cycle((*WEIGHTS[place:], *WEIGHTS[:place]))
        one = np.array(list(itertools.islice(turned, operands[name].size))).reshape(shape)
        direction[name] = np.full(shape, WEIGHTS[place]) if elementwise else one
    return Point(
        torch,
        jax,
        operands,
        None if call.refused or op.ambiguous else _exact(op, call),
        moved,
        None if elementwise else _cotangent(op, call, operands),
        direction,
        elementwise,
    )


def _cotangent(op: Op, call: Call, operands: dict[str, Numbers]) -> Numbers | None:
    shape = _shape(op, call, operands)
    if shape is None:
        return None
    count = int(np.prod(shape, dtype=int))
    # Where windows overlap, one element has a kink in several results: of their sum with weights of both signs, a
    # choice at each need not lie between the two sides of the whole.
    weights = map(abs, WEIGHTS) if "window" in op.defaults else WEIGHTS
    return np.array(list(itertools.islice(itertools.cycle(weights), count))).reshape(shape)


def _shape(op: Op, call: Call, operands: dict[str, Numbers]) -> tuple[int, ...] | None:
    """The shape of the result; None where the row refuses these operands."""
    known = tuple(operands[name] for place, name in enumerate(call.names) if is_index(op, place, len(call.names)))
    try:
        return op.shape(call.shapes, {**call.attributes, "known": known})
    except ValueError:
        return None


# ---- points ----


def _of_elements(op: Op, call: Call, written: str, dtype: str) -> SweptPoint:
    bounds = tuple(float(one) for one in call.attributes.values() if type(one) in (int, float))
    arrays = grid(call.kinds, dtype, bounds)
    return SweptPoint(_point(op, call, dict(zip(call.names, arrays, strict=True)), True), written, "")


def _whole(op: Op, call: Call, written: str, dtype: str) -> Iterator[SweptPoint]:
    places = {name: place for place, name in enumerate(call.names)}
    floats = {name: call.shapes[places[name]] for name in call.names if call.kinds[places[name]] == "float64"}
    tensors = [name for name, place in places.items() if not call.kinds[place].startswith("python-")]
    fixed = {name: call.kinds[places[name]] for name in tensors if name not in floats}
    linear = bool(floats) and all(places[name] in op.places(op.linear, len(call.names)) for name in floats)
    whole = any(is_index(op, place, len(call.names)) for place in places.values())
    for repeated in (False, True) if whole else (False,):
        others = {name: _fixed(op, call, places[name], kind, repeated) for name, kind in fixed.items()}
        for pattern, arrays in patterns(floats, dtype, linear=linear or repeated) if floats else [(ORDINARY, {})]:
            operands = {name: arrays[name] if name in arrays else others[name] for name in tensors}
            if repeated and _shape(op, call, operands) is None:
                continue
            label = f"repeated, {pattern}" if repeated else pattern
            yield SweptPoint(_point(op, call, operands, False), written, label)


def _fixed(op: Op, call: Call, place: int, kind: str, repeated: bool) -> Numbers:
    """An operand that is not of floats."""
    shape = call.shapes[place]
    count = int(np.prod(shape, dtype=int))
    if kind == "complex128":
        return np.array([complex(a, b) for a, b in zip(range(count), range(count, 0, -1), strict=True)]).reshape(shape)
    most = min((size for one in call.shapes for size in one), default=1)
    if is_index(op, place, len(call.names)) and most < 2 and kind == "int64":
        return np.zeros(shape, dtype=np.int64)
    return np.asarray(positions(shape, kind, repeated))

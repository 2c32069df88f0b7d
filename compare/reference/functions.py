"""Functions of a program: to the reference, a call is one op, and a tangent a slope between two neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import mpmath

from compare.checks import bound_attributes
from compare.facts import Facts, number_dtype
from compare.ops import OPS
from compare.reference.arithmetic import Elements, applied, as_dtype, each, is_single, objects
from compare.reference.doubts import (
    NO_DERIVATIVE,
    TANGENT_AT_A_KINK,
    Doubts,
    doubts_of_numbers,
    doubts_of_result,
)
from compare.reference.layout import as_stored
from compare.reference.moves import Direction
from compare.reference.plan import Node
from compare.reference.recording import Recording
from compare.reference.tensors import Path, Storage
from compare.statements import DIFFERENTIABLE_DTYPES, CallFunction, DefineFunction, Jvp, Ref

__all__ = ["Evaluated", "call"]


@dataclass(frozen=True)
class Evaluated:
    """A value inside a function."""

    value: Elements
    dtype: str
    doubts: Doubts


SECANT = mpmath.mpf(2) ** -40
"""How far a tangent moves the inputs to either side: the error is its square, and leaves digits for a derivative."""
BEND = mpmath.mpf(2) ** -20
"""Slopes to the left and to the right that differ by more, relative to their size, are those of a kink."""


def _evaluated(function: DefineFunction, inputs: list[Evaluated], default: str) -> list[Evaluated]:
    """The results of a function."""
    known = dict(zip(function.parameters, inputs, strict=True))
    for statement in function.body:
        op = OPS[statement.op]
        attributes = bound_attributes(op, len(statement.operands), statement.attributes)
        operands = [known[one.name] if isinstance(one, Ref) else one for one in statement.operands]
        dtypes = tuple(one.dtype if isinstance(one, Evaluated) else number_dtype(one) for one in operands)
        dtype = op.dtype(dtypes, default, attributes)
        number = next(one.dtype for one in operands if isinstance(one, Evaluated))
        number = number if number in DIFFERENTIABLE_DTYPES else dtype
        values = [one.value if isinstance(one, Evaluated) else as_dtype(one, number) for one in operands]
        value = applied(op, values, attributes, dtype)
        inherited = doubts_of_numbers([*statement.operands, *attributes.values()])
        for one in operands:
            inherited |= one.doubts if isinstance(one, Evaluated) else Doubts()
        known[statement.target] = Evaluated(value, dtype, doubts_of_result(op, values, value, dtype, inherited))
    return [known[result.name] for result in function.results]


def _with_tangents(
    function: DefineFunction, inputs: list[Evaluated], tangents: list[Evaluated], default: str
) -> list[Evaluated]:
    """The results of a function, then the derivative of each along the tangents: the slope between two neighbours."""

    def at(step: Any) -> list[Evaluated]:
        moved = [
            replace(one, value=objects(one.value + step * tangent.value), doubts=one.doubts | tangent.doubts)
            for one, tangent in zip(inputs, tangents, strict=True)
        ]
        return _evaluated(function, moved, default)

    here, up, down = at(mpmath.mpf(0)), at(SECANT), at(-SECANT)
    results = _evaluated(function, inputs, default)
    found = []
    for one, above, below in zip(here, up, down, strict=True):
        right, left = objects((above.value - one.value) / SECANT), objects((one.value - below.value) / SECANT)
        doubts = above.doubts | below.doubts
        slope = objects((right + left) / 2)
        if doubts.unknown is None and each(mpmath.isnan, slope).any():
            doubts = replace(doubts, unknown=NO_DERIVATIVE)
        pairs = zip(right.flat, left.flat, strict=True)
        if doubts.unknown is None and any(abs(a - b) > BEND * (1 + abs(a) + abs(b)) for a, b in pairs):
            doubts = replace(doubts, unknown=TANGENT_AT_A_KINK)
        found.append(Evaluated(slope, one.dtype, replace(doubts, negative_zero=True)))
    return [*results, *found]


def call(tape: Recording, statement: CallFunction | Jvp, facts: Facts) -> None:
    """Bind the results of a function, and those of a jvp their tangents too. `facts`: after the call."""
    function = facts.functions[statement.function]
    names = (*statement.inputs, *(statement.tangents if isinstance(statement, Jvp) else ()))
    inputs = [tape.tensor(name) for name in names]
    if tape.recording:
        for tensor in inputs:
            tape.renew(tensor)

    def run(values: list[Any]) -> list[Evaluated]:
        pairs = zip(values, inputs, strict=True)
        given = [Evaluated(value, tensor.dtype, tensor.doubts) for value, tensor in pairs]
        if isinstance(statement, Jvp):
            half = len(given) // 2
            return _with_tangents(function, given[:half], given[half:], facts.float_dtype)
        return _evaluated(function, given, facts.float_dtype)

    results = run([tensor.value for tensor in inputs])
    moved: dict[Direction, list[Evaluated]] = {}
    for position, (target, result) in enumerate(zip(statement.targets, results, strict=True)):
        tape.work += result.value.size
        handle = facts.handles[target]
        tracked = handle.requires_grad
        storage = Storage(as_stored(result.value, result.dtype), result.doubts)
        tensor = tape.bind(result.dtype, storage, requires_grad=tracked, leaf=not tracked, position=position)
        tape.tensors[target] = tensor
        if not tracked:
            continue
        family, sources = tensor.family, [inputs[number] for number in facts.origins[handle.tensor]]
        # What formulas inside read is not modelled: at most everything.
        reads = frozenset[Node]().union(*(source.history for source in sources))
        way = Path(reads, narrowed=is_single(result.dtype), exact=False)
        tape.join(family, [(source, way) for source in sources])
        if function.rule is not None:
            rule = Node((tape.index, position), -1)
            tape.rules[rule] = (statement.function, reads)
            family.history[rule] = Path(exact=False)
        for direction in tape.directions.reaching(family.history.keys(), family.order):
            if function.rule is not None:
                family.shifts[direction] = objects(storage.value + mpmath.nan)
                continue
            if direction not in moved:
                pairs = [(one.value, one.shift(direction)) for one in inputs]
                moved[direction] = run([value if shift is None else objects(value + shift) for value, shift in pairs])
            change = objects(moved[direction][position].value - result.value)
            family.shifts[direction] = as_stored(change, result.dtype)
        tape.produced(tensor)

"""From the pure program to an order of steps: what stands at top level, what inside which differentiated function.

The body of a backward's function is the slice of values between its arguments and its root. A value that is needed
outside leaves the first function that computes it, as auxiliary output; one that is needed before that is computed at
top level. Every step is placed once, in time linear in the values and the slices.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from compare.pure import Differentiable, Gradient, PureProgram, Region, Shown, StopGradient, StraightThrough, Value

__all__ = ["Bind", "Differentiate", "Show", "Step", "same_number", "schedule"]


@dataclass(frozen=True)
class Bind:
    """Compute a value at top level."""

    value: Value


@dataclass(frozen=True)
class Differentiate:
    """Define and call the differentiated function of one backward.

    arguments: what it takes, in the order of the leaves. body: the values it computes, in order.
    captured: values of the top level that it reads. auxiliary: values of the body that leave it.
    shows_root: whether anyone reads the root's number.
    """

    region: Region
    arguments: tuple[Value, ...]
    body: tuple[Value, ...]
    captured: tuple[Value, ...]
    auxiliary: tuple[Value, ...]
    shows_root: bool


@dataclass(frozen=True)
class Show:
    """Print an observation."""

    shown: Shown


Step = Bind | Differentiate | Show


def same_number(value: Value) -> Value:
    """The value whose number this one has at top level, where nothing is differentiated."""
    while True:
        if isinstance(value, Differentiable):
            value = value.source
        elif isinstance(value, StraightThrough):
            value = value.new
        elif isinstance(value, StopGradient) and not value.named:
            value = value.source
        else:
            return value


@dataclass(frozen=True)
class _Slice:
    arguments: tuple[Value, ...]
    body: tuple[Value, ...]
    captured: tuple[Value, ...]


def schedule(pure: PureProgram) -> list[Step]:
    """Place every value that is needed, every region and every observation."""
    slices = [_slice(region) for region in pure.regions]
    first_region: dict[Value, int] = {}
    for number, one in enumerate(slices):
        for value in one.body:
            first_region.setdefault(value, number)
    needed = _needed(pure, slices, first_region)
    # A value stands where the tape has it: before the first region that came later, once its operands are there.
    origins = [region.origin for region in pure.regions]
    position: dict[Value, int] = {}
    auxiliary_of: dict[int, list[Value]] = {}
    at_top_level: dict[int, list[Value]] = {}
    for value in sorted(needed, key=lambda value: value.number):
        if first_region.get(value, inf) < needed[value]:
            auxiliary_of.setdefault(first_region[value], []).append(value)
            position[value] = first_region[value] + 1
        elif isinstance(value, Gradient):
            position[value] = value.region.number + 1
        else:
            earliest = bisect.bisect(origins, value.origin)
            position[value] = max([earliest, *(position[operand] for operand in _top_level_operands(value))])
            at_top_level.setdefault(position[value], []).append(value)

    steps: list[Step] = []
    unplaced: dict[Value, list[Shown]] = {}
    for shown in pure.shown:
        unplaced.setdefault(shown.value, []).append(shown)

    def show(values: Iterable[Value]) -> None:
        ready = [shown for value in values for shown in unplaced.pop(value, [])]
        steps.extend(Show(shown) for shown in sorted(ready, key=lambda shown: shown.origin))

    def bind(values: list[Value]) -> None:
        for value in values:
            steps.append(Bind(value))
            show([value])

    for number, (region, one) in enumerate(zip(pure.regions, slices, strict=True)):
        bind(at_top_level.get(number, []))
        out = auxiliary_of.get(number, [])
        auxiliary = tuple(value for value in out if value is not region.root)
        steps.append(Differentiate(region, one.arguments, one.body, one.captured, auxiliary, region.root in out))
        show([*out, *region.gradients])
    bind(at_top_level.get(len(slices), []))
    assert not unplaced, "an observation was never placed"
    return steps


def _slice(region: Region) -> _Slice:
    """The values between the arguments of a region and its root."""
    arguments = dict.fromkeys(region.arguments.values())
    found: set[Value] = {region.root}
    pending = [region.root]
    while pending:
        value = pending.pop()
        if value in arguments:
            continue
        for operand in value.operands:
            if operand not in found:
                found.add(operand)
                pending.append(operand)
    depends: set[Value] = set(arguments)
    body: list[Value] = []
    for value in sorted(found, key=lambda value: value.number):
        if value not in arguments and any(operand in depends for operand in value.operands):
            depends.add(value)
            body.append(value)
    captured = dict.fromkeys(operand for value in body for operand in value.operands if operand not in depends)
    return _Slice(tuple(arguments), tuple(body), tuple(captured))


def _needed(pure: PureProgram, slices: list[_Slice], first_region: dict[Value, int]) -> dict[Value, float]:
    """For every value needed at top level, the number of the region that needs it first (inf: only the end does)."""
    needed: dict[Value, float] = {shown.value: inf for shown in pure.shown}
    for number, (region, one) in enumerate(zip(pure.regions, slices, strict=True)):
        cotangent = () if region.cotangent is None else (region.cotangent,)
        for value in (*one.arguments, *one.captured, *cotangent):
            needed[value] = min(needed.get(value, inf), number)
    for value in reversed(pure.values):
        if value not in needed or first_region.get(value, inf) < needed[value]:
            continue
        for operand in _top_level_operands(value):
            needed[operand] = min(needed.get(operand, inf), needed[value])
    return needed


def _top_level_operands(value: Value) -> tuple[Value, ...]:
    return (value.new,) if isinstance(value, StraightThrough) else value.operands

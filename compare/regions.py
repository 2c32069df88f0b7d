"""From the pure program to an order of steps: what stands at top level, what inside which differentiated function.

The body of a backward's function is the slice of values between its arguments and its roots. A value that is needed
outside leaves the first function that computes it, as auxiliary output; one that is needed before that is computed
outside. A gradient that is differentiated again is taken inside the function that needs it, in the same way. Every step
is placed once in its scope, in time linear in the values and the slices.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from compare.errors import ProgramError
from compare.functions import is_linear
from compare.pure import (
    Applied,
    Call,
    Differentiable,
    Gradient,
    HookedAt,
    PureProgram,
    Put,
    Region,
    Result,
    Shown,
    StopGradient,
    StraightThrough,
    Value,
)

__all__ = ["Bind", "Differentiate", "Form", "Show", "Step", "same_number", "schedule"]


@dataclass(frozen=True)
class Bind:
    """Compute a value."""

    value: Value


@dataclass(frozen=True)
class Differentiate:
    """Define and call the differentiated function of one backward.

    body: the steps of the function. auxiliary: values of the body that leave it. gradients: those that are wanted.
    shown_roots: the roots whose number is read outside.
    """

    region: Region
    body: tuple[Bind | Differentiate, ...]
    auxiliary: tuple[Value, ...]
    gradients: tuple[Gradient, ...]
    shown_roots: tuple[Value, ...]


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


def schedule(pure: PureProgram) -> list[Step]:
    """Place every value that is needed, every backward and every observation. Raises ProgramError."""
    # A backward that fills `.grad` is part of the program; a recorded one may be taken inside another function alone.
    regions = [region for region in pure.regions if not region.recorded]
    inside = {value for region in pure.regions for value in region.body}
    wanted = [*(value for value in pure.kept if value not in inside), *(shown.value for shown in pure.shown)]
    while True:
        placement = _Placement(pure.values, regions, wanted, top_level=True)
        missing = {value.region for value in placement.computed if isinstance(value, Gradient)} - set(regions)
        if not missing:
            break
        regions = sorted({*regions, *missing}, key=lambda region: region.number)
    steps: list[Step] = []
    unplaced: dict[Value, list[Shown]] = {}
    for shown in pure.shown:
        unplaced.setdefault(shown.value, []).append(shown)

    def show(values: Iterable[Value]) -> None:
        ready = [shown for value in values for shown in unplaced.pop(value, [])]
        steps.extend(Show(shown) for shown in sorted(ready, key=lambda shown: shown.origin))

    for step in placement.steps():
        steps.append(step)
        if isinstance(step, Bind):
            show([step.value])
        else:
            show([*step.shown_roots, *step.auxiliary, *step.gradients])
    assert not unplaced, "an observation was never placed"
    return steps


class _Placement:
    """What one scope computes, and where.

    Args:
        values: what the scope may compute, in the order of the program.
        regions: the backwards that it calls, in that order.
        wanted: what is read at its end.
        top_level: nothing is differentiated here, so that a leaf is its number.
    """

    def __init__(
        self, values: Sequence[Value], regions: Sequence[Region], wanted: Iterable[Value], *, top_level: bool
    ) -> None:
        self.regions = regions
        self.top_level = top_level
        self.scope = None if top_level else set(values)
        self.wanted = set(wanted)
        self.first: dict[Value, int] = {}
        called = set(regions)
        for position, region in enumerate(regions):
            for value in region.body:
                if not isinstance(value, Gradient) or value.region not in called:
                    self.first.setdefault(value, position)
        self.needed: dict[Value, float] = {}
        for value in self.wanted:
            self.need(value, inf)
        for position, region in enumerate(regions):
            for value in region.operands:
                self.need(value, position)
        for value in reversed(values):
            if value in self.needed and not self.leaves_a_function(value) and not isinstance(value, Gradient):
                for operand in self.operands(value):
                    self.need(operand, self.needed[value])
        self.computed = [value for value in values if value in self.needed and not self.leaves_a_function(value)]
        self.auxiliary: dict[int, list[Value]] = {}
        for value in values:
            if value in self.needed and self.leaves_a_function(value):
                self.auxiliary.setdefault(self.first[value], []).append(value)

    def need(self, value: Value, position: float) -> None:
        if self.scope is None or value in self.scope:
            self.needed[value] = min(self.needed.get(value, inf), position)

    def leaves_a_function(self, value: Value) -> bool:
        """Whether the first function that computes the value hands it out before anything else needs it."""
        if self.top_level and same_number(value) is not value:
            return False  # its number is another value's, which is here or is handed out
        return self.first.get(value, inf) < self.needed[value]

    def operands(self, value: Value) -> tuple[Value, ...]:
        return (value.new,) if self.top_level and isinstance(value, StraightThrough) else value.operands

    def steps(self) -> list[Bind | Differentiate]:
        """The steps in order. A value stands where the tape has it, once its operands are there."""
        origins = [region.origin for region in self.regions]
        numbers = {region: position for position, region in enumerate(self.regions)}
        placed: dict[Value, int] = {
            value: position + 1 for position, values in self.auxiliary.items() for value in values
        }
        bound: dict[int, list[Value]] = {}
        for value in self.computed:
            if isinstance(value, Gradient):
                placed[value] = numbers[value.region] + 1
                continue
            before = [placed[operand] for operand in self.operands(value) if operand in placed]
            # The cotangent of a backward comes from the same statement, and stands before it.
            latest = min(self.needed[value], len(self.regions))
            placed[value] = int(min(max([bisect.bisect(origins, value.origin), *before]), latest))
            bound.setdefault(placed[value], []).append(value)
        steps: list[Bind | Differentiate] = []
        for position, region in enumerate(self.regions):
            steps += [Bind(value) for value in bound.get(position, [])]
            steps.append(self.differentiate(region, self.auxiliary.get(position, [])))
        return steps + [Bind(value) for value in bound.get(len(self.regions), [])]

    def differentiate(self, region: Region, out: list[Value]) -> Differentiate:
        inner = list(dict.fromkeys(value.region for value in region.body if isinstance(value, Gradient)))
        wanted = [*region.roots, *region.kept, *out]
        placement = _Placement(region.body, sorted(inner, key=lambda one: one.number), wanted, top_level=False)
        roots = tuple(value for value in out if value in region.roots)
        auxiliary = tuple(value for value in out if value not in region.roots)
        # At top level every gradient that PyTorch computes is shown; inside, those that something reads.
        gradients = tuple(one for one in region.gradients if self.top_level or one in self.needed)
        body = tuple(placement.steps())
        if self.top_level:
            _check_places(region, body)
        return Differentiate(region, body, auxiliary, gradients, roots)


def _check_places(region: Region, body: tuple[Bind | Differentiate, ...]) -> None:
    """Refuse what acts on the sum of what flows back, and would be computed in several places. Raises ProgramError.

    These are hooks, and backward rules that are not linear.
    """
    acting: dict[Value | Call, str] = {one.value: f"hook '{one.hook.target}' is on a tensor" for one in region.hooks}
    places: dict[Value | Call, int] = {}

    def walk(steps: Iterable[Bind | Differentiate]) -> None:
        calls: set[Call] = set()
        for step in steps:
            if not isinstance(step, Bind):
                walk(step.body)
                continue
            places[step.value] = places.get(step.value, 0) + 1
            if isinstance(step.value, Result):
                calls.add(step.value.call)
        for call in calls:
            places[call] = places.get(call, 0) + 1
            if call.function.rule is not None and not is_linear(call.function.rule):
                acting[call] = f"backward rule of '{call.function.target}', which is not linear, is for a call"

    walk(body)
    for one, what in acting.items():
        if places.get(one, 0) > 1:
            raise ProgramError(
                f"The {what} that several differentiated functions compute, which is not supported. "
                "Take the gradients in one call of tape.grad, or leave it out there."
            )


# ---- the same function again ----


class Form:
    """What the function of a backward computes, whatever it captures: where the texts are equal, the functions are.

    text: parameters, what is captured, and the body, each value by its place. Of a name, its number does not count.
    members: what has a place, in order.
    """

    def __init__(self, step: Differentiate) -> None:
        region = step.region
        self.places: dict[Value | Call | Region, int] = {}
        self.members: list[Value | Call | Region] = []
        self.said: list[Any] = [len(region.parameters)]
        for value in region.parameters:
            self.place(value)
            self.said.append(_described(value))
        for value in region.captured:
            # What it is called does not count: it may be a parameter.
            self.place(value)
            self.said.append(_described(value)[1:])
        self.said.append([None if one is None else _described(one) for one in region.cotangents])
        self.function(step)
        self.text = repr(self.said)

    def place(self, one: Value | Call | Region) -> int:
        """Give a place to what is made here."""
        if one not in self.places:
            self.places[one] = len(self.members)
            self.members.append(one)
        return self.places[one]

    def at(self, one: Value | Any) -> Any:
        """How something that is read is told: a value by its place, or, from elsewhere, as itself and no other."""
        if not isinstance(one, Value | Region):
            return "is", one
        return self.places[one] if one in self.places else ("elsewhere", id(one))

    def function(self, step: Differentiate) -> None:
        """What a function is made of, functions inside it included."""
        region = step.region
        for of, argument in region.arguments.items():
            self.places.setdefault(of, self.place(argument))
            self.said.append(of.member if isinstance(of, Differentiable) else None)
        for one in step.body:
            if isinstance(one, Bind):
                self.bind(one.value)
                continue
            inner = one.region
            self.said.append(("inner", self.place(inner), *map(self.at, inner.operands)))
            self.function(one)
            self.said.append([self.at(one) for one in inner.cotangents])
            for values in (one.auxiliary, one.gradients, one.shown_roots):
                self.said.append([(self.place(value), *_described(value)) for value in values])
        self.said += [
            [self.at(root) for root in region.roots],
            [region.parameters.index(argument) for argument in region.arguments.values()],
            [self.at(value) for value in region.retained],
            [self.hook(region, hooked) for hooked in region.hooks if hooked.hook.result is not None],
        ]

    def hook(self, region: Region, hooked: HookedAt) -> tuple[Any, ...]:
        hook, value = hooked.hook, region.arguments.get(hooked.value, hooked.value)
        body = [(one.target, one.op, one.operands, one.attributes) for one in hook.body]
        return self.at(value), hook.place, hook.parameter, body, hook.result

    def bind(self, value: Value) -> None:
        arguments: Iterable[Any] = value.operands
        said: tuple[Any, ...] = ()
        match value:
            case Applied():
                arguments, said = value.arguments, (value.op.name, value.attributes)
            case Put():
                arguments, said = (value.base, value.new), (value.op.name, value.attributes)
            case StopGradient():
                said = (value.named,)
            case Result():
                call = value.call
                said = (self.place(call), call.function.target, call.defined, call.way, call.shapes, value.place)
            case Gradient():
                arguments, said = (), (self.at(value.region), self.at(value.of))
        operands = [self.at(one) for one in arguments]
        self.said.append((type(value).__name__, self.place(value), *_described(value), operands, *said))


_NUMBER = re.compile(r"_[0-9]+\Z")


def _described(value: Value) -> tuple[Any, ...]:
    """What is seen of a value from outside."""
    name = "" if value.hint.startswith("_") else _NUMBER.sub("", value.hint)
    return name, value.shape, value.dtype, value.tracked

"""Questions about the graph of pure values: what a derivative reaches, and what PyTorch's formulas read on its way."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from compare.ops.formulas import backward_formula
from compare.pure import Applied, Call, Gradient, HookedAt, Region, Result, StraightThrough, Value

__all__ = ["arguments_of", "behind_none", "nested_in", "passed_by", "reached_from", "reads_behind_a_hook"]


def reached_from(roots: tuple[Value, ...], *, passing: bool = False, by_formula: bool = False) -> dict[Value, None]:
    """Every value that a derivative of the roots flows back to, the roots included, in order.

    passing: only through gradients that read the cotangent, and not through those that are zeros whatever it is.
    by_formula: from a gradient only to what PyTorch's formulas for it read.
    """
    reached: dict[Value, None] = dict.fromkeys(roots)
    pending = list(roots)
    while pending:
        value = pending.pop()
        operands: Collection[Value] = value.differentiable
        if passing and isinstance(value, Applied):
            operands = _passed_on(value)
        elif by_formula and isinstance(value, Gradient):
            operands = _read_for(value)
        for operand in operands:
            if operand not in reached:
                reached[operand] = None
                pending.append(operand)
    return dict.fromkeys(sorted(reached, key=lambda value: value.number))


def _read_for(gradient: Gradient) -> set[Value]:
    """What has history among what PyTorch's formulas read on the way to a gradient; at most everything."""
    region = gradient.region
    if not region.recorded:
        return set()
    leading = {gradient.of, region.arguments.get(gradient.of, gradient.of)}
    read = {cotangent for cotangent in region.cotangents if cotangent is not None}
    for value in region.body:
        passed = [one for one in value.differentiable if one in leading]
        if not passed:
            continue
        leading.add(value)
        if isinstance(value, Applied):
            read |= _read_by_formulas(value, passed)
        elif isinstance(value, Result | Gradient):
            read |= {value, *value.operands}
    return {value for value in read if value.tracked}


def _read_by_formulas(value: Applied, of: Collection[Value]) -> set[Value]:
    """What PyTorch's formulas for the gradients of some operands read."""
    values = [np.ones(one.shape) if isinstance(one, Value) else one for one in value.arguments]
    read: set[Value] = set()
    for place, argument in enumerate(value.arguments):
        if argument not in of:
            continue
        for in_place in {False, bool(value.op.without_history)} if value.op.write is not None else {False}:
            formula = backward_formula(value.op, place, values, in_place=in_place)
            found = [value, *value.arguments] if not formula.exact else [value.arguments[one] for one in formula.reads]
            read |= {one for one in [*found, *([value] if formula.result else [])] if isinstance(one, Value)}
    return read


def _passed_on(value: Applied) -> list[Value]:
    """The operands for which PyTorch's gradient reads the cotangent."""
    values = [np.ones(one.shape) if isinstance(one, Value) else one for one in value.arguments]
    return [
        one
        for place, one in enumerate(value.arguments)
        if isinstance(one, Value)
        and one.tracked
        and backward_formula(value.op, place, values, in_place=bool(value.op.without_history)).passes
    ]


def behind_none(calls: Collection[Call]) -> dict[Value, None]:
    """What PyTorch reaches with None for a cotangent, because the backward rule of a call gives that."""
    ends: list[Value] = []
    for call in calls:
        if call.function.rule is not None:
            pairs = zip(call.arguments, call.function.rule.results, strict=True)
            ends += [argument for argument, gradient in pairs if gradient is None and argument.tracked]
    return reached_from(tuple(ends))


def reads_behind_a_hook(hooked: HookedAt) -> bool:
    """Whether PyTorch's gradient of the op at a hook reads what the hook stands between: its result, or its operand."""
    value = hooked.value
    if isinstance(value, Result):
        return _rule_reads(value)
    if not isinstance(value, Applied):
        return False
    values = [np.ones(one.shape) if isinstance(one, Value) else one for one in value.arguments]
    for place, argument in enumerate(value.arguments):
        if not isinstance(argument, Value) or not argument.tracked:
            continue
        for in_place in (False, True) if value.op.write is not None else (False,):
            formula = backward_formula(value.op, place, values, in_place=in_place)
            if formula.result or (hooked.hook.place == "after" and place in formula.reads):
                return True
    return False


def _rule_reads(value: Result) -> bool:
    """Whether the gradient of a call reads the result that the hook is on; of a function without a rule, it may."""
    function, way = value.call.function, value.call.way
    if function.rule is None or way == "jvp":
        return True
    return function.results[value.place].name in function.rule.saved


def nested_in(region: Region) -> list[Region]:
    """The backwards whose gradients the region differentiates again, at any depth."""
    found: dict[Region, None] = {}
    pending = [region]
    while pending:
        for value in pending.pop().body:
            if isinstance(value, Gradient) and value.region not in found:
                found[value.region] = None
                pending.append(value.region)
    return list(found)


def passed_by(region: Region) -> set[Value]:
    """The values that the backward passes: those between its arguments and its roots, nested ones included."""
    passed: set[Value] = set()
    for one in (region, *nested_in(region)):
        inside = {*one.body, *one.arguments, *one.arguments.values()}
        passed.update(value for value in reached_from(one.roots) if value in inside)
    return passed


def arguments_of(leaves: Sequence[Value], reached: dict[Value, None]) -> dict[Value, Value]:
    """The argument that stands for each leaf or input: moved past unrecorded writes that came before the first use."""
    consumers: dict[Value, list[Value]] = {}
    for value in reached:
        for operand in value.differentiable:
            consumers.setdefault(operand, []).append(value)
    arguments: dict[Value, Value] = {}
    for leaf in leaves:
        argument: Value = leaf
        while True:
            users = consumers.get(argument, [])
            if len(users) != 1 or not isinstance(users[0], StraightThrough):
                break
            argument = users[0]
        arguments[leaf] = argument
    return arguments

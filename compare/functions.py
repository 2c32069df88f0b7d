"""What a function of a program is checked for when it is defined, and where the history of its results goes.

Its body is straight-line: ops on the parameters. Shapes are known at a call only; `facts` walks the body there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from compare.checks import bound_attributes, check_identifier, find_op
from compare.errors import ProgramError
from compare.ops import Op, Shape
from compare.statements import Apply, BackwardRule, DefineFunction, Operand, Ref, RegisterHook, from_number, used

__all__ = ["NO_PATHS", "Paths", "check_definition", "is_linear", "keeps_zeros", "paths_of"]

PIECEWISE_LINEAR = frozenset("maximum minimum clip max min astype complex pad mantissa".split()) | frozenset(
    f"max_pool{rank}d" for rank in (1, 2, 3)
)
"""Ops whose tangent PyTorch makes from the tangents of the operands alone, beside those that are linear."""

CONVOLUTIONS = frozenset(f"conv{kind}{rank}d" for kind in ("", "_transpose") for rank in (1, 2, 3))

PRODUCTS = (
    frozenset({"multiply", "divide", "matmul", "linear", "vecdot", "outer", "kron", "cross", "einsum"}) | CONVOLUTIONS
)
"""Ops whose slope in one operand is computed from the other."""

WITHOUT_TANGENT = frozenset({"sign", "floor", "trunc", "ceil", "round"})
"""Ops whose tangent is zeros, whatever the tangent of the operand is."""


# ---- definitions ----


def check_definition(function: DefineFunction) -> None:
    """Refuse a function whose names do not fit together. Raises ProgramError."""
    check_identifier(function.target)
    inside = _check_body(function, function.parameters, function.body)
    if not function.results:
        raise ProgramError(f"The function '{function.target}' returns nothing.")
    for result in function.results:
        _check_known(function, result, inside)
    names = [result.name for result in function.results]
    unchanged = set(function.parameters) - {statement.target for statement in function.body}
    if len(set(names)) < len(names) or set(names) & unchanged:
        raise ProgramError(
            f"The function '{function.target}' returns a parameter or one tensor twice: in PyTorch these are aliases. "
            "Return clones of them."
        )
    rule = function.rule
    if rule is None:
        between = _results_on_the_way(function)
        if between:
            raise ProgramError(
                f"The function '{function.target}' computes one result from another, '{min(between)}'. In PyTorch a "
                "hook on that one would act on both. Return a clone of it."
            )
        return
    if len(inside) < len(function.parameters) + len(function.body):
        raise ProgramError(
            f"The function '{function.target}' binds a name twice. Where there is a backward rule, what it saves is "
            "found by name: give each tensor a name of its own."
        )
    where = f"The backward rule of '{function.target}'"
    if len(rule.cotangents) != len(function.results):
        raise ProgramError(
            f"{where} takes {len(rule.cotangents)} cotangents; the function has {len(function.results)} results."
        )
    if len(rule.results) != len(function.parameters):
        raise ProgramError(
            f"{where} returns {len(rule.results)} gradients; the function has {len(function.parameters)} parameters."
        )
    if all(result is None for result in rule.results):
        raise ProgramError(f"{where} returns no gradient at all. Call detach instead.")
    for name in rule.saved:
        _check_known(function, Ref(name), inside)
    known = _check_body(function, (*rule.cotangents, *rule.saved), rule.body)
    for gradient in rule.results:
        if gradient is not None:
            _check_known(function, gradient, known)
    if not set(rule.non_differentiable) < set(names):
        raise ProgramError(
            f"The function '{function.target}' marks {sorted(rule.non_differentiable)} as not differentiable: these "
            "must be results, and one result must stay differentiable."
        )


def _check_body(function: DefineFunction, parameters: Sequence[str], body: Sequence[Apply]) -> set[str]:
    """Check the names of a body. Returns those that it knows at its end."""
    known: set[str] = set()
    for name in (*parameters, *(statement.target for statement in body)):
        check_identifier(name)
        if name == function.target:
            raise ProgramError(f"'{name}' is the function's own name; choose another one inside it.")
    for name in parameters:
        if name in known:
            raise ProgramError(f"The function '{function.target}' has two parameters named '{name}'.")
        known.add(name)
    for statement in body:
        find_op(statement.op)
        for name in used(statement):
            _check_known(function, Ref(name), known)
        known.add(statement.target)
    return known


def _check_known(function: DefineFunction, operand: Operand, known: set[str]) -> None:
    if not isinstance(operand, Ref) or operand.name not in known:
        name = operand.name if isinstance(operand, Ref) else operand
        raise ProgramError(
            f"The function '{function.target}' uses '{name}', which is not a tensor of its own. Its names are: "
            f"{', '.join(sorted(known))}."
        )


def _results_on_the_way(function: DefineFunction) -> set[str]:
    """The results that another result is computed from."""
    bound: dict[str, int] = {}
    ancestors: list[set[int]] = []
    for number, statement in enumerate(function.body):
        operands = {bound[name] for name in used(statement) if name in bound}
        ancestors.append(operands.union(*(ancestors[one] for one in operands)))
        bound[statement.target] = number
    results = {bound[result.name]: result.name for result in function.results}
    passed = set[int]().union(*(ancestors[number] for number in results))
    return {name for number, name in results.items() if number in passed}


# ---- rules ----


def is_linear(rule: BackwardRule) -> bool:
    """Whether the gradients of a rule are linear in its cotangents, as far as the ops tell."""
    linear = set(rule.cotangents)
    for statement in rule.body:
        op = find_op(statement.op)
        hits = [isinstance(one, Ref) and one.name in linear for one in statement.operands]
        if not any(hits):
            continue
        places = {place for place, hit in enumerate(hits) if hit}
        one_factor = op.name in PRODUCTS and (places == {0} or (places == {1} and op.name != "divide"))
        if not one_factor and places != set(op.places(op.linear, len(hits))):
            return False
        linear.add(statement.target)
    return all(gradient is None or gradient.name in linear for gradient in rule.results)


def keeps_zeros(hook: RegisterHook, shape: Shape) -> bool:
    """Whether a hook gives zeros for zeros."""
    known: dict[str, Any] = {hook.parameter: np.full(shape, mpmath.mpf(0))}

    def operand(one: Operand) -> Any:
        number = from_number(one) if not isinstance(one, Ref) else known[one.name]
        return mpmath.mpmathify(number) if isinstance(number, int | float | complex) else number

    for statement in hook.body:
        op = find_op(statement.op)
        attributes = bound_attributes(op, len(statement.operands), statement.attributes)
        try:
            known[statement.target] = op.reference(*map(operand, statement.operands), **attributes)
        except (ArithmeticError, ValueError):
            return False
    return not isinstance(hook.result, Ref) or not np.any(known[hook.result.name] != 0)


# ---- history ----


@dataclass(frozen=True)
class Paths:
    """The parameters, by place, that a value in a body has history to.

    value: from the value itself. tangent: from its tangent to the parameters' tangents.
    through: from its tangent to the parameters' values. nowhere: the same, by a product with a zero that PyTorch puts
        in the place of a tangent that does not exist.
    """

    value: frozenset[int] = frozenset()
    tangent: frozenset[int] = frozenset()
    through: frozenset[int] = frozenset()
    nowhere: frozenset[int] = frozenset()


NO_PATHS = Paths()


def paths_of(op: Op, operands: Sequence[Paths]) -> Paths:
    """The history of a result with history, from those of the operands; a number has none."""
    value, tangent, through, nowhere = (
        frozenset[int]().union(*(getattr(one, way) for one in operands))
        for way in ("value", "tangent", "through", "nowhere")
    )
    if op.name in WITHOUT_TANGENT:
        return Paths(value)
    if op.name in PRODUCTS:
        for place, one in enumerate(operands):
            others = [other for number, other in enumerate(operands) if number != place]
            if any(other.tangent for other in others) or (op.name == "divide" and place == 1):
                through |= one.value
            else:
                nowhere |= one.value
    elif op.name not in PIECEWISE_LINEAR:
        linear = op.places(op.linear, len(operands))
        if any(one.value for place, one in enumerate(operands) if place not in linear):
            through |= value
    return Paths(value, tangent, through, nowhere)

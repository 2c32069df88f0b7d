"""Calls of functions: their results, and where the history of each goes."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import zip_longest

from compare.checks import find_op
from compare.errors import ProgramError, nearest
from compare.facts.applying import take
from compare.facts.handles import Family, Handle, Version, touch
from compare.facts.scope import Scope
from compare.functions import NO_PATHS, Paths, check_definition, paths_of
from compare.ops import is_complex
from compare.statements import DIFFERENTIABLE_DTYPES, Apply, BackwardRule, CallFunction, DefineFunction, Jvp, Ref, used

__all__ = ["call", "define", "jvp"]


def define(scope: Scope, hooks: Set[str], statement: DefineFunction) -> None:
    """Know a function from here on. Raises ProgramError, too where a tensor, function or hook has its name."""
    check_definition(statement)
    if any(statement.target in taken for taken in (scope.functions, scope.handles, hooks)):
        raise ProgramError(f"The function name '{statement.target}' is taken.")
    scope.functions[statement.target] = statement


def call(scope: Scope, statement: CallFunction) -> dict[int, frozenset[int]]:
    """Bind the results of a call. Returns the origins of each, by tensor. Raises ProgramError."""
    function, inputs = _called(scope, statement.function, statement.inputs)
    rule = function.rule
    if rule is not None and statement.checkpoint:
        raise ProgramError(f"A checkpoint of '{function.target}', which has a backward rule: call it plainly.")
    found = _results(scope, function, inputs)
    _check_targets(statement.targets, len(found), function)
    results = []
    for result, (handle, paths) in zip(function.results, found, strict=True):
        if rule is None:
            origins = paths.value
            tracked = any(inputs[place].requires_grad for place in origins)
        else:
            origins = frozenset(place for place, gradient in enumerate(rule.results) if gradient is not None)
            tracked = any(one.requires_grad for one in inputs)
            tracked = tracked and handle.dtype in DIFFERENTIABLE_DTYPES and result.name not in rule.non_differentiable
            if scope.recording and tracked and not any(inputs[place].requires_grad for place in origins):
                raise ProgramError(
                    f"The backward rule of '{function.target}' gives None for every input that requires grad here: "
                    "the result would require grad, and its backward reach nothing. Detach the inputs."
                )
        results.append((handle, tracked, origins))
    return _bind_results(scope, statement.targets, results, inputs)


def jvp(scope: Scope, statement: Jvp) -> dict[int, frozenset[int]]:
    """Bind the results of a jvp, and their tangents behind them. Returns the origins of each, by tensor.

    The tangents of the inputs count on behind the inputs. Raises ProgramError.
    """
    function, inputs = _called(scope, statement.function, statement.inputs)
    if function.rule is not None:
        raise ProgramError(
            f"jvp of '{function.target}', which has a backward rule: neither framework knows its forward "
            "derivative. Write the function without the rule."
        )
    tangents = [scope.tensor(name) for name in statement.tangents]
    if len(tangents) != len(inputs):
        raise ProgramError(f"jvp of '{function.target}': {len(inputs)} inputs and {len(tangents)} tangents.")
    for one, tangent in zip(inputs, tangents, strict=True):
        if one.dtype not in DIFFERENTIABLE_DTYPES or (one.shape, one.dtype) != (tangent.shape, tangent.dtype):
            raise ProgramError(
                f"jvp of '{function.target}': the input '{one.name}' is {one.dtype}{list(one.shape)}, its tangent "
                f"'{tangent.name}' {tangent.dtype}{list(tangent.shape)}; both must be one kind of float."
            )
    for applied in function.body:
        last = applied.operands[-1]
        if not isinstance(last, Ref) and (applied.op == "remainder" or (applied.op == "power" and last in (0, 1))):
            raise ProgramError(
                f"jvp of '{function.target}': PyTorch's tangent of {applied.op} by {last} is a special case, which "
                "is not modelled. Write it with other ops."
            )
    found = _results(scope, function, inputs)
    _check_targets(statement.targets, 2 * len(found), function)
    several = [*inputs, *tangents]
    results, slopes = [], []
    for handle, paths in found:
        if handle.dtype not in DIFFERENTIABLE_DTYPES:
            raise ProgramError(f"jvp of '{function.target}': a result is {handle.dtype}, which has no tangent.")
        for place in sorted(paths.nowhere - paths.through):
            if scope.recording and inputs[place].requires_grad:
                raise ProgramError(
                    f"jvp of '{function.target}', which is linear in '{function.parameters[place]}': PyTorch ties "
                    f"the tangent to '{inputs[place].name}' by a zero that cannot be written, and a second "
                    "backward then fails. Detach the input."
                )
        results.append((handle, any(several[place].requires_grad for place in paths.value), paths.value))
        origins = paths.through | {len(inputs) + place for place in paths.tangent}
        tangent = replace(
            scope.fresh(handle.shape, handle.dtype, creator=handle.name), strides_known=handle.strides_known
        )
        slopes.append((tangent, any(several[place].requires_grad for place in origins), origins))
    origins_of = _bind_results(scope, statement.targets, [*results, *slopes], several)
    for target in statement.targets:
        scope.handles[target].storage.of_jvp = True
    return origins_of


def _called(scope: Scope, name: str, inputs: tuple[str, ...]) -> tuple[DefineFunction, list[Handle]]:
    if name not in scope.functions:
        raise ProgramError(f"There is no function '{name}' here.{nearest(name, scope.functions)}")
    function = scope.functions[name]
    if len(inputs) != len(function.parameters):
        raise ProgramError(f"'{name}' takes {len(function.parameters)} tensors, got {len(inputs)}.")
    scope.outside_inference_mode(f"A call of '{name}'")
    handles = [scope.tensor(one) for one in inputs]
    for handle in handles:
        if handle.storage.inference:
            raise ProgramError(f"A call of '{name}' with '{handle.name}', made in inference mode. Clone it first.")
    return function, handles


def _results(scope: Scope, function: DefineFunction, inputs: list[Handle]) -> list[tuple[Handle, Paths]]:
    handles, paths = _walk(scope, function.body, dict(zip(function.parameters, inputs, strict=True)))
    found: list[tuple[Handle, Paths]] = []
    for result in function.results:
        handle = handles[result.name]
        if handle.chain or any(handle.storage is other.storage for other, _ in found):
            raise ProgramError(
                f"The function '{function.target}' returns '{result.name}', a view. In PyTorch it would share "
                "storage with a tensor inside. Return a clone of it."
            )
        found.append((handle, paths[result.name]))
    if function.rule is not None:
        _check_rule(scope, function, function.rule, inputs, handles)
    return found


def _walk(
    scope: Scope, body: tuple[Apply, ...], arguments: dict[str, Handle]
) -> tuple[dict[str, Handle], dict[str, Paths]]:
    """The handles of a body by name, and where their history goes: to the arguments by place."""
    inner = scope.inner()
    paths: dict[str, Paths] = {}
    for place, (name, handle) in enumerate(arguments.items()):
        family = Family(next(scope.counter), requires_grad=False, is_leaf=True)
        copied = replace(handle, tensor=next(scope.counter), family=family, version=Version(), chain=(), link=None)
        inner.bind(name, copied)
        own = frozenset({place}) if handle.dtype in DIFFERENTIABLE_DTYPES else frozenset[int]()
        paths[name] = Paths(own, own)
    for statement in body:
        op = find_op(statement.op)
        carrying = [
            paths[operand.name] if isinstance(operand, Ref) and name not in op.without_history else NO_PATHS
            for name, operand in zip_longest(op.operand_names, statement.operands)
        ]
        take(inner, statement)
        tracked = inner.handles[statement.target].dtype in DIFFERENTIABLE_DTYPES
        paths[statement.target] = paths_of(op, carrying) if tracked else NO_PATHS
    return inner.handles, paths


def _check_rule(
    scope: Scope, function: DefineFunction, rule: BackwardRule, inputs: list[Handle], inside: dict[str, Handle]
) -> None:
    """Walk the rule on cotangents of the results' shapes. Raises ProgramError."""
    where = f"The backward rule of '{function.target}'"
    results = [inside[result.name] for result in function.results]
    arguments = {
        name: scope.fresh(result.shape, result.dtype, creator=name)
        for name, result in zip(rule.cotangents, results, strict=True)
    }
    empty = {
        name
        for name, result in zip(rule.cotangents, function.results, strict=True)
        if result.name in rule.non_differentiable or inside[result.name].dtype not in DIFFERENTIABLE_DTYPES
    }
    if len(empty) == len(results):
        raise ProgramError(f"The function '{function.target}' has no result that could require grad.")
    if empty & {name for applied in rule.body for name in used(applied)} | empty & {
        gradient.name for gradient in rule.results if gradient is not None
    }:
        raise ProgramError(f"{where} uses '{min(empty)}', the cotangent of a result that has none.")
    for name, handle in {**inside, **arguments}.items():
        if is_complex(handle.dtype):
            raise ProgramError(
                f"{where} meets the complex '{name}': a cotangent of PyTorch is the conjugate of one of JAX, and a "
                "rule written for one is wrong for the other. Split the number into real and imaginary parts."
            )
    arguments.update({name: inside[name] for name in rule.saved})
    known, _ = _walk(scope, rule.body, arguments)
    for parameter, one, gradient in zip(function.parameters, inputs, rule.results, strict=True):
        if gradient is None:
            continue
        if one.dtype not in DIFFERENTIABLE_DTYPES:
            raise ProgramError(f"{where} gives a gradient for '{parameter}', which is {one.dtype}. Return None.")
        given = known[gradient.name]
        if (given.shape, given.dtype) != (one.shape, one.dtype):
            raise ProgramError(
                f"{where} gives {given.dtype}{list(given.shape)} for '{parameter}', which is "
                f"{one.dtype}{list(one.shape)}."
            )


def _check_targets(targets: tuple[str, ...], count: int, function: DefineFunction) -> None:
    if len(targets) != count or len(set(targets)) < count:
        raise ProgramError(f"The call of '{function.target}' binds {count} results, each under a name of its own.")


def _bind_results(
    scope: Scope,
    targets: tuple[str, ...],
    results: Sequence[tuple[Handle, bool, frozenset[int]]],
    inputs: Sequence[Handle],
) -> dict[int, frozenset[int]]:
    """Bind results, each with whether it has history and the places of the inputs that this goes to.

    Returns: those places, by the tensor of the result; none where it has no history.
    """
    origins_of: dict[int, frozenset[int]] = {}
    for target, (handle, has_history, origins) in zip(targets, results, strict=True):
        tracked = has_history and scope.recording
        for one in inputs if tracked else ():
            touch(one)
        leaves = frozenset[int]().union(*(inputs[place].leaves for place in origins if tracked))
        family = Family(next(scope.counter), requires_grad=tracked, is_leaf=not tracked, leaves=leaves)
        scope.bind(target, replace(handle, tensor=next(scope.counter), family=family))
        origins_of[scope.handles[target].tensor] = origins if tracked else frozenset()
    return origins_of

"""How a function of a program is written in JAX: a `def`, or a `jax.custom_vjp` with its two rules."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence

from compare.ops import Shape
from compare.sources import Expressions, indented
from compare.statements import Apply, BackwardRule, DefineFunction, used

__all__ = ["function_lines", "names_inside"]


def names_inside(function: DefineFunction) -> set[str]:
    """Every name that the definition binds inside: a function it calls must not have one of them."""
    names = {*function.parameters, *(statement.target for statement in function.body)}
    if function.rule is not None:
        names |= {*function.rule.cotangents, *(statement.target for statement in function.rule.body)}
    return names


def function_lines(
    function: DefineFunction,
    names: tuple[str, ...],
    inputs: Sequence[Shape],
    expressions: Callable[[], Expressions],
) -> list[list[str]]:
    """The definitions under `names` (the function, its forward rule, its backward rule), each line by line.

    Args:
        inputs: the shapes of the inputs; some ops are spelled by them.
        expressions: makes what builds the expressions of one scope.
    """
    name = names[0]
    parameters = ", ".join(function.parameters)
    shapes = dict(zip(function.parameters, inputs, strict=True))
    lines, results = expressions().body(function.body, function.results, shapes=shapes)
    plain = [f"def {name}({parameters}):", *indented([*lines, f"return {', '.join(results)}"])]
    rule = function.rule
    if rule is None:
        return [plain]
    _, forward, backward = names
    return [
        ["@jax.custom_vjp", *plain],
        [f"def {forward}({parameters}):", *indented(_forward(function, rule, name, shapes, expressions()))],
        _backward(function, rule, backward, shapes, expressions()),
        [f"{name}.defvjp({forward}, {backward})"],
    ]


def _forward(
    function: DefineFunction, rule: BackwardRule, name: str, shapes: dict[str, Shape], expressions: Expressions
) -> list[str]:
    """The forward rule calls the function itself, so that a second derivative meets the rule again."""
    called = f"{name}({', '.join(function.parameters)})"
    own = [result.name for result in function.results]
    inner = [one for one in rule.saved if one not in own and one not in function.parameters]
    lines, _ = expressions.body(_needed(function.body, inner), (), inner, dict(shapes))
    # PyTorch saves neither an input nor a result with its history: the rule's own derivative does not see it.
    residuals = [f"lax.stop_gradient({one})" if one in inner else one for one in rule.saved]
    saved = _residuals(residuals)
    if not set(own) & set(rule.saved):
        return [*lines, f"return {called}, {saved}"]
    taken = names_inside(function)
    results = [one if not one.startswith("_") else _free(f"result_{n}", taken) for n, one in enumerate(own, 1)]
    together = ", ".join(results)
    returned = together if len(results) == 1 else f"({together})"
    return [*lines, f"{together} = {called}", f"return {returned}, {saved}"]


def _backward(
    function: DefineFunction, rule: BackwardRule, name: str, shapes: dict[str, Shape], expressions: Expressions
) -> list[str]:
    taken = {*rule.cotangents, *rule.saved, *(statement.target for statement in rule.body)}
    unpacked = []
    arguments = ["_"]
    if rule.saved:
        arguments = [rule.saved[0] if len(rule.saved) == 1 else _free("saved", taken)]
    if len(rule.saved) > 1:
        unpacked.append(f"{', '.join(rule.saved)} = {arguments[0]}")
    arguments.append(rule.cotangents[0] if len(rule.cotangents) == 1 else _free("cotangents", taken))
    if len(rule.cotangents) > 1:
        unpacked.append(f"{', '.join(rule.cotangents)} = {arguments[1]}")
    known = {one: shapes[result.name] for one, result in zip(rule.cotangents, function.results, strict=True)}
    known |= {one: shapes[one] for one in rule.saved}
    lines, gradients = expressions.body(rule.body, rule.results, shapes=known)
    if rule.once_differentiable:
        gradients = [one if one == "None" else f"lax.stop_gradient({one})" for one in gradients]
    returned = f"({gradients[0]},)" if len(gradients) == 1 else ", ".join(gradients)
    return [f"def {name}({', '.join(arguments)}):", *indented([*unpacked, *lines, f"return {returned}"])]


def _residuals(trees: list[str]) -> str:
    if not trees:
        return "None"
    return trees[0] if len(trees) == 1 else f"({', '.join(trees)})"


def _needed(body: Iterable[Apply], wanted: Collection[str]) -> list[Apply]:
    """The statements of a body that some of its names are computed by."""
    needed, found = set(wanted), []
    for statement in reversed(list(body)):
        if statement.target in needed:
            needed.update(used(statement))
            found.append(statement)
    return found[::-1]


def _free(name: str, taken: set[str]) -> str:
    return next(one for n in itertools.count() if (one := name + "_" * n) not in taken)

"""How a function of a program is written in PyTorch: a `def`, or a class with a forward and a backward."""

from __future__ import annotations

from collections.abc import Sequence

from compare.sources import Expressions, indented
from compare.statements import Apply, DefineFunction, Ref

__all__ = ["class_name", "function_lines"]


def class_name(function: str) -> str:
    """The name of the class for a function with a backward rule."""
    return "".join(word.capitalize() for word in function.split("_")) or "Function"


def function_lines(function: DefineFunction, name: str) -> list[str]:
    """The definition under `name`, line by line."""
    rule = function.rule
    parameters = ", ".join(function.parameters)
    if rule is None:
        lines, results = _body(function.body, function.results)
        return [f"def {name}({parameters}):", *indented([*lines, f"return {', '.join(results)}"])]
    lines, results = _body(function.body, function.results, (*rule.saved, *rule.non_differentiable))
    forward = [*lines]
    backward = []
    if rule.saved:
        saved = ", ".join(rule.saved)
        forward.append(f"ctx.save_for_backward({saved})")
        backward.append(f"{saved if len(rule.saved) > 1 else f'({saved},)'} = ctx.saved_tensors")
    if rule.non_differentiable:
        forward.append(f"ctx.mark_non_differentiable({', '.join(rule.non_differentiable)})")
    lines, gradients = _body(rule.body, rule.results)
    backward += [*lines, f"return {', '.join(gradients)}"]
    once = ["@torch.autograd.function.once_differentiable"] if rule.once_differentiable else []
    methods = [
        "@staticmethod",
        f"def forward(ctx, {parameters}):",
        *indented([*forward, f"return {', '.join(results)}"]),
        "",
        "@staticmethod",
        *once,
        f"def backward(ctx, {', '.join(rule.cotangents)}):",
        *indented(backward),
    ]
    return [f"class {name}(torch.autograd.Function):", *indented(methods)]


def _body(
    statements: Sequence[Apply], results: Sequence[Ref | None], kept: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    return Expressions("torch", lambda op: op.torch).body(statements, results, kept)

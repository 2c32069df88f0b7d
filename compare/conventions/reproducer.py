"""A bug report of an entry: a script for one framework alone, which asserts what is exact and fails today."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from compare.conventions.convention import OBSERVED_WITH, WRONG, Convention
from compare.errors import CompareError, UsageError
from compare.points import Point

__all__ = ["reproducer"]

TOLERANCE = {"float64": "rtol=1e-10, atol=1e-14", "float32": "rtol=1e-5, atol=1e-6"}


def reproducer(entry: Convention) -> str:
    """The script. Raises UsageError for an entry that is no bug of one framework.

    Raises: CompareError: for a wrong value, or a derivative along a direction of its own, which no entry has so far.
    """
    if entry.verdict in WRONG and (entry.aspect == "value" or entry.point.direction is not None):
        raise CompareError(f"Convention '{entry.id}': a reproducer shows a gradient, and moves all operands by 1.")
    if entry.verdict == "torch-wrong":
        return _torch(entry)
    if entry.verdict == "jax-wrong":
        return _jax(entry)
    why = "both frameworks share it" if entry.verdict == "both-wrong" else f"its verdict is {entry.verdict}"
    raise UsageError(f"The convention '{entry.id}' is no bug of one framework: {why}. There is nothing to reproduce.")


def _dtype(entry: Convention, framework: str) -> str:
    """The dtype in which the framework is wrong: float64, unless it has the right number there."""
    single = getattr(entry, f"{framework}_single")
    return "float32" if single is not None and getattr(entry, framework) == entry.left else "float64"


def _sides(entry: Convention) -> tuple[list[Any], list[Any]]:
    """The lowest and the highest right answer, for each name that is differentiated (forward mode: one result)."""
    left, right = entry.left, entry.left if entry.right is None else entry.right
    several = entry.aspect in ("reverse", "second") and len(entry.point.moved("float64")) > 1
    pairs = list(zip(left, right, strict=True)) if several else [(left, right)]
    low = [np.minimum(one, other).tolist() for one, other in pairs]
    return low, [np.maximum(one, other).tolist() for one, other in pairs]


def _literal(value: Any) -> str:
    """Numbers as Python writes them, with infinities as calls."""
    return re.sub(r"\b(inf|nan)\b", r'float("\1")', repr(np.asarray(value).tolist()))


def _names(point: Point) -> tuple[str, ...]:
    return point.moved("float64")


def _function(point: Point, code: str) -> list[str]:
    """`def function(...)` of the differentiated names, ending in the weighed sum where there are weights."""
    *before, last = code.splitlines()
    body = [*before, f"return {last}"]
    return [f"def function({', '.join(_names(point))}):", *(f"    {line}" for line in body)]


def _weights(point: Point, array: str) -> str:
    return "" if point.cotangent is None else f" * {array}({_literal(point.cotangent)})"


def _header(entry: Convention, framework: str) -> list[str]:
    name = {"torch": "PyTorch", "jax": "JAX"}[framework]
    return [f'"""{entry.title} Seen in {name} {OBSERVED_WITH[framework]}."""', ""]


def _torch(entry: Convention) -> str:
    point, dtype = entry.point, _dtype(entry, "torch")
    names = _names(point)
    lines = [*_header(entry, "torch"), "import torch", "", f"torch.set_default_dtype(torch.{dtype})"]
    for name, operand in point.operands.items():
        wanted = ", requires_grad=True" if name in names and entry.aspect != "forward" else ""
        lines.append(f"{name} = torch.tensor({_literal(operand)}{wanted})")
    lines += ["", "", *_function(point, point.torch), "", ""]
    given = ", ".join(names)
    weights = _weights(point, "torch.tensor")
    weighed = f"(function({given}){weights}).sum()" if weights else f"function({given}).sum()"
    tuple_of = f"({given},)" if len(names) == 1 else f"({given})"
    if entry.aspect == "forward":
        ones = ", ".join(f"torch.ones_like({name})" for name in names)
        lines.append(f"answers = torch.func.jvp(function, {tuple_of}, ({ones},))[1:]")
    elif entry.aspect == "reverse":
        lines.append(f"answers = torch.autograd.grad({weighed}, {tuple_of})")
    else:
        lines.append(f"gradients = torch.autograd.grad({weighed}, {tuple_of}, create_graph=True)")
        lines.append(f"answers = torch.autograd.grad(sum(one.sum() for one in gradients), {tuple_of})")
    return _asserted(entry, lines, "torch.tensor", dtype, "torch.testing.assert_close(answer, {}, {})")


def _jax(entry: Convention) -> str:
    point, dtype = entry.point, _dtype(entry, "jax")
    names = _names(point)
    lines = [*_header(entry, "jax"), "import jax", "import jax.numpy as jnp", "import numpy as np"]
    lines += ["from jax import lax"] if "lax." in point.jax else []
    lines += ["", f'jax.config.update("jax_enable_x64", {dtype == "float64"})']
    lines += [f"{name} = jnp.array({_literal(operand)})" for name, operand in point.operands.items()]
    lines += ["", "", *_function(point, point.jax), "", ""]
    given = ", ".join(names)
    tuple_of = f"({given},)" if len(names) == 1 else f"({given})"
    weighed = f"lambda {given}: jnp.sum(function({given}){_weights(point, 'jnp.array')})"
    places = "(0,)" if len(names) == 1 else f"tuple(range({len(names)}))"
    if entry.aspect == "forward":
        ones = ", ".join(f"jnp.ones_like({name})" for name in names)
        lines.append(f"answers = jax.jvp(function, {tuple_of}, ({ones},))[1:]")
    elif entry.aspect == "reverse":
        lines.append(f"answers = jax.grad({weighed}, {places})({given})")
    else:
        ones = ", ".join(f"jnp.ones_like({name})" for name in names)
        lines.append(f"gradient = jax.grad({weighed}, {places})")
        lines.append(f"answers = jax.jvp(gradient, {tuple_of}, ({ones},))[1]")
    return _asserted(entry, lines, "np.array", dtype, "np.testing.assert_allclose(answer, {}, {})")


def _asserted(entry: Convention, lines: list[str], array: str, dtype: str, exactly: str) -> str:
    """The script, with what is exact asserted of the answers: of several operands one after another."""
    low, high = _sides(entry)
    indent = ""
    if len(low) > 1:
        bounds = "low, high" if low != high else "exact"
        numbers = f"{_literal_list(low)}, {_literal_list(high)}" if low != high else _literal_list(low)
        lines.append(f"{bounds} = {numbers}")
        looped = "answer, least, most" if low != high else "answer, expected"
        lines.append(f"for {looped} in zip(answers, {bounds}, strict=True):")
        indent = "    "
    else:
        lines[-1] = lines[-1].replace("answers = ", "(answer,) = ", 1)
        names = ("least", low[0]), ("most", high[0])
        lines += [f"{name} = {_literal(number)}" for name, number in names] if low != high else []
    if low != high:
        lines.append(f"{indent}within = ({array}(least) <= answer) & (answer <= {array}(most))")
        lines.append(f'{indent}assert bool(within.all()), f"{{answer}} is not between {{least}} and {{most}}"')
    else:
        expected = "expected" if len(low) > 1 else _literal(low[0])
        lines.append(f"{indent}{exactly.format(f'{array}({expected})', TOLERANCE[dtype])}")
    return "\n".join(lines) + "\n"


def _literal_list(values: list[Any]) -> str:
    return "[" + ", ".join(map(_literal, values)) + "]"

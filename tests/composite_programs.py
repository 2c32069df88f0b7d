"""Runs a composite and PyTorch's own function on the same arguments, and compares values and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from compiled_leg import run_compiled

from compare.composites import COMPOSITES
from compare.functionalize import functionalize
from compare.jax_leg import print_jax
from compare.observed import Array
from compare.program import Program
from compare.statements import Read
from compare.tape import Tape, Tensor
from compare.torch_leg import print_torch, run_torch

TOLERANCE = {"float64": (1e-10, 1e-13), "float32": (1e-4, 1e-5)}
"""By float dtype, how far values and gradients may be apart: relatively, and absolutely where they are small."""


class Plain:
    """An array that does not require grad, and may be written into: its value afterwards is compared, too."""

    def __init__(self, values: Any) -> None:
        self.values = np.array(values)


def check(
    name: str, function: Any, *arguments: Any, order: int = 1, float_dtype: str = "float64", **keywords: Any
) -> Program:
    """Compare a composite with PyTorch's function: results, what it writes into, the gradient of every float array.

    Args:
        arguments, keywords: of the function. A float array requires grad; one of integers, or Plain, does not.
        order: 2 compares the gradients of a gradient, too.
        float_dtype: of the float arrays.
    Returns: the program that was recorded.
    """
    random = np.random.default_rng(7)
    rtol, atol = TOLERANCE[float_dtype]
    tape = Tape(dtype=float_dtype)
    given, leaves, plain = _made(tape, [*arguments, *keywords.values()])
    result = COMPOSITES[name](
        tape, *given[: len(arguments)], **dict(zip(keywords, given[len(arguments) :], strict=True))
    )
    results = list(_flat(result))
    cotangents = [random.standard_normal(one.shape) for one in results]
    for one in (*results, *plain):
        tape.observe(one)
    terms = [
        (one * tape.constant(cotangent)).sum()
        for one, cotangent in zip(results, cotangents, strict=True)
        if one.dtype_name == float_dtype
    ]
    if terms and leaves:
        loss = sum(terms[1:], terms[0])
        if order == 2:
            gradients = tape.grad(loss, leaves, create_graph=True, allow_unused=True, materialize_grads=True)
            loss = sum(((one * one).sum() for one in gradients[1:]), (gradients[0] * gradients[0]).sum())
        loss.backward()
        for leaf in leaves:
            tape.observe(leaf.grad)
    program = tape.program("a-composite", "A composite")
    assert Program.from_json(program.to_json()) == program

    wanted = _of_torch(function, arguments, keywords, cotangents, order, float_dtype)
    lowering = functionalize(program)
    runs = run_compiled(print_jax(lowering.pure)), run_torch(program, print_torch(program))
    reads = [one.name for one in program.statements if isinstance(one, Read)]
    assert len(reads) == len(wanted)
    for run in runs:
        assert run.failure is None, run.failure
        for read, value in zip(reads, wanted, strict=True):
            found = run.observed[read]
            label = f"{run.leg}: {read}"
            if value is None:
                # A leaf that nothing reaches: JAX has zeros where PyTorch has None.
                assert found is None or not np.any(found.values), label  # type: ignore[union-attr]
                continue
            assert isinstance(found, Array), label
            assert found.dtype == value.dtype.name, label
            np.testing.assert_allclose(found.values, value, rtol=rtol, atol=atol, err_msg=label, strict=True)
    return program


def _made(tape: Tape, values: list[Any]) -> tuple[list[Any], list[Tensor], list[Tensor]]:
    """The arguments as tensors of the tape, those that require grad, and those that may be written into."""
    leaves: list[Tensor] = []
    plain: list[Tensor] = []

    def made(value: Any) -> Any:
        if isinstance(value, Plain):
            buffer = tape.constant(value.values)
            plain.append(buffer)
            return buffer
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            leaf = tape.leaf(value)
            leaves.append(leaf)
            return leaf
        if isinstance(value, np.ndarray):
            return tape.constant(value)
        return type(value)(made(one) for one in value) if isinstance(value, list | tuple) else value

    return [made(value) for value in values], leaves, plain


def _flat(result: Any) -> Iterator[Any]:
    if isinstance(result, list | tuple):
        for one in result:
            yield from _flat(one)
    else:
        yield result


def _of_torch(
    function: Any,
    arguments: tuple[Any, ...],
    keywords: dict[str, Any],
    cotangents: list[Any],
    order: int,
    float_dtype: str,
) -> list[Any]:
    """Results, what was written into, and gradients, as PyTorch's own function has them."""
    leaves: list[Any] = []
    plain: list[Any] = []
    dtype = getattr(torch, float_dtype)

    def made(value: Any) -> Any:
        if isinstance(value, Plain):
            plain.append(torch.tensor(value.values, dtype=dtype))
            return plain[-1]
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            leaves.append(torch.tensor(value, dtype=dtype, requires_grad=True))
            return leaves[-1]
        if isinstance(value, np.ndarray):
            return torch.tensor(value)
        return type(value)(made(one) for one in value) if isinstance(value, list | tuple) else value

    given = [made(one) for one in arguments]
    results = list(_flat(function(*given, **{key: made(value) for key, value in keywords.items()})))
    assert len(results) == len(cotangents), "The composite returns another number of results."
    found = [one.detach().numpy().copy() for one in (*results, *plain)]
    terms = [
        (one * torch.tensor(cotangent, dtype=dtype)).sum()
        for one, cotangent in zip(results, cotangents, strict=True)
        if one.dtype == dtype
    ]
    if not terms or not leaves:
        return found
    loss = sum(terms[1:], terms[0])
    if order == 2:
        gradients = torch.autograd.grad(loss, leaves, create_graph=True, allow_unused=True, materialize_grads=True)
        loss = sum(((one * one).sum() for one in gradients[1:]), (gradients[0] * gradients[0]).sum())
    loss.backward()
    return [*found, *(None if leaf.grad is None else leaf.grad.numpy() for leaf in leaves)]

"""Composites against PyTorch's own functions: values, gradients and history of one recorded program on both legs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from compiled_leg import run_compiled

from compare.composites import COMPOSITES
from compare.errors import ProgramError
from compare.functionalize import functionalize
from compare.jax_leg import print_jax, run_jax
from compare.observed import Array, LegRun
from compare.tape import Tape, Tensor
from compare.torch_leg import print_torch, run_torch

RTOL = 1e-10


@dataclass(frozen=True)
class Fixed:
    """A tensor that does not require grad."""

    data: Any


@dataclass(frozen=True)
class Call:
    """Arguments of one call. Float and complex arrays require grad; other arrays, and Fixed, do not."""

    arguments: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)


def call(*arguments: Any, **keywords: Any) -> Call:
    return Call(arguments, keywords)


def torch_function(name: str) -> Any:
    """PyTorch's function of that public name."""
    found: Any = torch
    for word in name.split(".")[1:]:
        found = getattr(found, word)
    return found.__get__ if hasattr(found, "__get__") and not callable(found) else found


def differentiable(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind in "fc"


def converted(value: Any, make: Any) -> Any:
    """The arguments with every array in them made a tensor."""
    if isinstance(value, np.ndarray | Fixed):
        return make(value)
    if isinstance(value, list):
        return [converted(one, make) for one in value]
    return value


def flat(result: Any) -> list[Any]:
    if isinstance(result, tuple | list):
        return [one for item in result for one in flat(item)]
    return [] if result is None else [result]


def cotangent(shape: tuple[int, ...], dtype: str) -> Any:
    random = np.random.default_rng(len(shape) + sum(shape))
    drawn = random.uniform(0.5, 1.5, shape)
    return np.asarray(drawn + 1j * random.uniform(0.5, 1.5, shape) if dtype.startswith("complex") else drawn, dtype)


@dataclass
class Outcome:
    """What a call gave: results, whether each has history, gradients of the arrays, and what the arrays hold after."""

    results: list[Any]
    history: list[bool]
    gradients: list[Any]
    written: list[Any]


def of_torch(name: str, one: Call) -> Outcome:
    leaves: list[Any] = []
    operands: list[Any] = []

    def make(value: Any) -> Any:
        if isinstance(value, Fixed) or not differentiable(value):
            operands.append(torch.tensor(value.data if isinstance(value, Fixed) else value))
        else:
            leaves.append(torch.tensor(value, requires_grad=True))
            operands.append(leaves[-1].clone())
        return operands[-1]

    given = converted(list(one.arguments), make)
    keywords = {word: converted(value, make) for word, value in one.keywords.items()}
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        results = flat(torch_function(name)(*given, **keywords))
    finally:
        torch.set_default_dtype(before)
    results = [found if isinstance(found, torch.Tensor) else torch.tensor(found) for found in results]
    tracked = [found for found in (*results, *operands) if found.requires_grad]
    gradients = [
        torch.tensor(cotangent(tuple(found.shape), str(found.dtype).removeprefix("torch."))) for found in tracked
    ]
    given_gradients = torch.autograd.grad(tracked, leaves, gradients, allow_unused=True) if leaves else []
    return Outcome(
        results=[plain(found) for found in results],
        history=[found.requires_grad for found in results],
        gradients=[None if found is None else plain(found) for found in given_gradients],
        written=[plain(found) for found in operands],
    )


def plain(tensor: Any) -> Any:
    return tensor.detach().resolve_conj().resolve_neg().numpy()


def record(tape: Tape, name: str, one: Call) -> Outcome:
    """Record the call; the outcome holds the names of what is observed."""
    leaves: list[Tensor] = []
    operands: list[Tensor] = []

    def make(value: Any) -> Any:
        if isinstance(value, Fixed) or not differentiable(value):
            operands.append(tape.constant(value.data if isinstance(value, Fixed) else value))
        else:
            leaf = tape.leaf(value)
            leaves.append(leaf)
            operands.append(leaf.clone())
        return operands[-1]

    given = converted(list(one.arguments), make)
    keywords = {word: converted(value, make) for word, value in one.keywords.items()}
    results = flat(COMPOSITES[name](tape, *given, **keywords))
    tracked = [found for found in (*results, *operands) if tape._facts.handle(found._name).requires_grad]
    history = [tape._facts.handle(found._name).requires_grad for found in results]
    gradients = [tape.constant(cotangent(found.shape, found.dtype_name), dtype=found.dtype_name) for found in tracked]
    found_gradients = tape.grad(tracked, leaves, gradients, allow_unused=True) if leaves and tracked else ()
    return Outcome(
        results=[observed(tape, found) for found in results],
        history=history,
        gradients=[observed(tape, found) for found in found_gradients],
        written=[observed(tape, found) for found in operands],
    )


def observed(tape: Tape, tensor: Tensor) -> str:
    tape.observe(tensor)
    return str(tape._statements[-1].name)  # type: ignore[union-attr]


def check(name: str, *calls: Call) -> None:
    """Every call of the composite gives what PyTorch's function gives, when JAX and when PyTorch runs the recording."""
    check_together({name: list(calls)})


def check_together(calls: dict[str, list[Call]], *, compiled: bool = True) -> None:
    """The same for the calls of several composites, by name, in one program.

    compiled: False where a mask decides a shape, which JAX does not compile: the script runs line by line.
    """
    tape = Tape()
    several = [(name, one) for name, each in calls.items() for one in each]
    recorded = [record(tape, name, one) for name, one in several]
    program = tape.program("composite", "A composite")
    legs: list[LegRun] = [run_torch(program, print_torch(program))]
    pure = functionalize(program).pure
    source = print_jax(pure)
    legs.append(run_compiled(source) if compiled else run_jax(pure, source))
    for leg in legs:
        assert leg.failure is None, f"{leg.leg}: {leg.failure}"
    for (name, one), found in zip(several, recorded, strict=True):
        wanted = of_torch(name, one)
        label = f"{name} {one}"
        assert found.history == wanted.history, f"history: {label}"
        assert len(found.results) == len(wanted.results), label
        for leg in legs:
            for what in ("results", "gradients", "written"):
                pairs = zip(getattr(found, what), getattr(wanted, what), strict=True)
                for read, value in pairs:
                    close(leg.observed[read], value, f"{leg.leg} {what}: {label}")


def close(found: Any, wanted: Any, label: str) -> None:
    if wanted is None:
        assert found is None, label
        return
    assert isinstance(found, Array), f"{label}: {found}"
    assert found.values.shape == wanted.shape, label
    assert found.values.dtype == wanted.dtype, label
    exact = wanted.dtype.kind in "ib"
    np.testing.assert_allclose(
        found.values, wanted, rtol=0 if exact else RTOL, atol=0 if exact else 1e-14, err_msg=label
    )


def refuses(name: str, message: str, *arguments: Any, **keywords: Any) -> None:
    """The composite refuses the call, with a message that says why."""
    tape = Tape()
    with pytest.raises(ProgramError, match=message):
        record(tape, name, Call(arguments, keywords))

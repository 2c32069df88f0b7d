"""Activations against PyTorch, at their kinks and beyond their thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from compiled_leg import run_compiled
from composite_checks import Fixed, call, check, refuses

from compare.composites import COMPOSITES
from compare.functionalize import functionalize
from compare.jax_leg import print_jax
from compare.observed import Array
from compare.tape import Tape

RANDOM = np.random.default_rng(5)
KINKS = np.array([-30.0, -6, -3, -1, -0.5, -0.25, -0.0, 0.0, 0.25, 0.5, 1, 3, 6, 19.9, 20, 20.5, 30])
X = RANDOM.uniform(-2, 2, (2, 4))
STACK = RANDOM.uniform(-2, 2, (2, 4, 3))


@pytest.mark.parametrize("name", "relu leaky_relu relu6 hardtanh hardswish elu selu celu silu mish rrelu".split())
def test_at_kinks_and_in_place(name: str) -> None:
    full = f"torch.nn.functional.{name}"
    check(full, call(KINKS), call(X), call(KINKS, inplace=True))


def test_hardsigmoid_has_the_exact_slope_and_pytorch_that_of_a_float32_sixth() -> None:
    name = "torch.nn.functional.hardsigmoid"
    flat = np.abs(KINKS) >= 3
    check(name, call(Fixed(KINKS)), call(KINKS[flat]), call(KINKS[flat], inplace=True))
    point = torch.zeros((), dtype=torch.float64, requires_grad=True)
    [theirs] = torch.autograd.grad(torch.nn.functional.hardsigmoid(point), point)
    assert theirs.item() == float(np.float32(1 / 6))
    tape = Tape()
    x = tape.leaf(0.0)
    loss = COMPOSITES[name](tape, x)
    loss.backward()
    tape.expect(x.grad, 1 / 6)
    program = tape.program("hardsigmoid", "Hardsigmoid")
    pure = functionalize(program).pure
    run = run_compiled(print_jax(pure))
    [found] = run.observed.values()
    assert isinstance(found, Array)
    assert found.values == 1 / 6


def test_with_parameters() -> None:
    functional = "torch.nn.functional."
    check(functional + "leaky_relu", call(KINKS, 0.3), call(KINKS, 0.3, True))
    check(functional + "elu", call(KINKS, 0.3), call(KINKS, 2, True))
    check(functional + "celu", call(KINKS, 0.5), call(KINKS, 2.0, True))
    check(functional + "hardtanh", call(KINKS, -3.0, 0.5), call(KINKS, 0.0, 6.0, True))
    check(functional + "rrelu", call(KINKS, 0.1, 0.5))
    check(functional + "threshold", call(KINKS, 0.5, 2.0), call(KINKS, -1.0, -7.0, True))
    check(functional + "softshrink", call(KINKS), call(KINKS, 0.25), call(KINKS, 0.0))
    check(functional + "hardshrink", call(KINKS), call(KINKS, 3.0))
    check(functional + "softplus", call(KINKS), call(KINKS, beta=2), call(KINKS, 0.5, 3), call(KINKS, threshold=40))
    check(functional + "gelu", call(KINKS[5:]), call(KINKS, approximate="tanh"), call(X))
    check(functional + "tanhshrink", call(X))
    check(functional + "hardtanh_", call(KINKS), call(KINKS, 0.0, 6.0))
    check(functional + "threshold_", call(KINKS, 0.5, 2.0))


def test_prelu() -> None:
    check(
        "torch.nn.functional.prelu", call(KINKS, np.array([0.3])), call(X, np.array([0.1, 0.2, 0.3, 0.4])),
        call(STACK, np.array([0.1, 0.2, 0.3, 0.4])), call(STACK, np.array([0.25])), call(X, np.asarray(0.25)),
    )  # fmt: skip


def test_glu() -> None:
    check("torch.nn.functional.glu", call(X), call(X, 0), call(STACK, 1))
    refuses("torch.nn.functional.glu", "has no two halves", STACK)


def test_over_an_axis() -> None:
    for name in ("softmax", "log_softmax", "softmin"):
        check(f"torch.nn.functional.{name}", call(X, 1), call(STACK, dim=-2))
        refuses(f"torch.nn.functional.{name}", "needs dim", X)
    for name in ("torch.softmax", "torch.log_softmax", "torch.special.softmax"):
        check(name, call(X, 1), call(STACK, dim=-2))
    tape = Tape()
    x = tape.leaf(X)
    assert COMPOSITES["torch.nn.functional.softmax"](tape, x, 1, dtype="float32").dtype_name == "float32"
    assert COMPOSITES["torch.softmax"](tape, x, 1, "float32").dtype_name == "float32"


@pytest.mark.parametrize("name", "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout".split())
def test_dropout_in_evaluation_is_the_tensor_itself(name: str) -> None:
    full = f"torch.nn.functional.{name}"
    tape = Tape()
    x: Any = tape.leaf(STACK)
    assert COMPOSITES[full](tape, x, training=False) is x
    assert COMPOSITES[full](tape, x, p=0.0, training=True) is x
    channels = STACK.reshape(1, 2, 4, 3, 1) if name == "dropout3d" else STACK.reshape(1, 2, 4, 3)
    check(full, call(STACK if name == "dropout1d" else channels, training=False))
    refuses(full, "draws a mask", STACK, training=True)


def test_random_activations_are_refused() -> None:
    refuses("torch.nn.functional.rrelu", "draws its slopes", X, training=True)
    refuses("torch.nn.functional.hardtanh", "is above max_val", X, 1.0, -1.0)
    refuses("torch.nn.functional.gelu", "no approximation", X, approximate="erf")
    check("torch.dropout", call(Fixed(X), 0.5, False))

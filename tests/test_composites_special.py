"""Special functions, quantiles, integrals and combinations against PyTorch, at the points where the frameworks part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from compiled_leg import run_compiled
from composite_checks import Call, Fixed, call, check, refuses

from compare.composites import COMPOSITES
from compare.composites.special_functions import _reflection
from compare.functionalize import functionalize
from compare.jax_leg import print_jax
from compare.observed import Array
from compare.tape import Tape

X = np.array([-3.0, -1, -0.5, 0, 0.25, 2, 7])
Y = np.array([1.0, -2, 3, -1, 2, -0.5, -1])
LEFT = np.array([-20.4, -9.6, -6.7, -0.4, 0.3, 14])
RANDOM = np.random.default_rng(12)
POINTS = np.cumsum(RANDOM.uniform(0.2, 1, 5))
MATRIX, STACK, ROW = RANDOM.uniform(-2, 2, (3, 5)), RANDOM.uniform(-2, 2, (2, 3, 4)), RANDOM.uniform(-2, 2, 4)
SCALAR = np.array(2.0)
NAN = np.nan
HOLES = np.array([[3.0, NAN, 1, 2], [NAN, NAN, 4, NAN], [1, 2, NAN, NAN], [4, 3, 2, 1]])
TIES = np.array([[1.0, 2, 2, 1, 1.5], [3, 1, 1, 3, 3], [5, 4, 3, 2, 1]])

CALLS: dict[str, list[Call]] = {
    # ---- special functions: at zero, and left of it ----
    "torch.i0": [call(X)],
    "torch.special.i1": [call(X)],
    "torch.copysign": [call(X, Y), call(X, -2.0)],
    "torch.special.xlog1py": [call(np.array([0.0, 0, 1, 2, 0]), np.array([-3.0, -2, 3, -0.5, 1])), call(2.5, POINTS)],
    "torch.lgamma": [call(LEFT)],
    "torch.polygamma": [call(2, LEFT)],
    # Its derivative is off by up to 5e-10 in PyTorch.
    "torch.digamma": [call(Fixed(LEFT))],
    "torch.angle": [call(X)],
    "torch.polar": [call(POINTS[:, None], X)],
    "torch.logit": [call(np.array([0.1, 0.2, 0.5, 0.8, 0.95, -0.5, 1.5]), 0.2)],
    "torch.Tensor.round_": [call(X * 1.37, decimals=1)],
    # ---- the middle of numbers: with ties, with nan, of one number ----
    "torch.median": [call(TIES), call(HOLES, 1, True), call(SCALAR, -1)],
    "torch.nanmedian": [call(HOLES), call(HOLES, 0)],
    "torch.mode": [call(TIES, -1, True), call(TIES, 0)],
    "torch.quantile": [
        call(HOLES, 0.3, 1, True), call(TIES, np.array([0, 0.4, 1]), 0), call(STACK, 0.5, interpolation="nearest"),
    ],
    "torch.nanquantile": [call(HOLES, Fixed(np.array([0, 0.4])), 0, True)],
    # ---- integrals and derivatives of samples ----
    "torch.trapezoid": [call(MATRIX, dx=2.5), call(MATRIX, POINTS), call(STACK, STACK[0], dim=1)],
    "torch.cumulative_trapezoid": [call(MATRIX, POINTS[:3], dim=0)],
    "torch.gradient": [call(MATRIX, spacing=2.0), call(MATRIX, spacing=[POINTS], dim=1, edge_order=2)],
    # ---- sums of a scalar, and norms that are bounded ----
    "torch.logsumexp": [call(SCALAR, (), True), call(MATRIX, (0, -1), True), call(MATRIX, ())],
    "torch.sum": [call(SCALAR, -1, True)],
    "torch.renorm": [call(np.concatenate([STACK, np.zeros((1, 3, 4))]), 2, 0, 1.5)],
    # ---- put together ----
    "torch.meshgrid": [call(ROW, POINTS, SCALAR, indexing="xy")],
    "torch.cartesian_prod": [call(ROW, POINTS[:2])],
    "torch.combinations": [call(ROW, 3, True), call(ROW, 5)],
    "torch.block_diag": [call(MATRIX, ROW, SCALAR)],
    "torch.ldexp": [call(X, Y), call(X, Fixed(np.array([1, 0, 3, 0, 2, 5, 1])))],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_as_pytorch(name: str) -> None:
    if name == "torch.logsumexp":
        # PyTorch's own backward of no axes, which are all axes, fails for a matrix.
        with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
            check(name, CALLS[name].pop())
    check(name, *CALLS[name])


def test_ldexp_of_negative_integers_has_the_right_slope_and_pytorch_none() -> None:
    x = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    [theirs] = torch.autograd.grad(torch.ldexp(x, torch.tensor(-2)), x)
    assert theirs.item() == 0
    tape = Tape()
    leaf = tape.leaf(3.0)
    shrunk = COMPOSITES["torch.ldexp"](tape, leaf, tape.constant(-2))
    shrunk.backward()
    tape.expect(leaf.grad, 0.25)
    pure = functionalize(tape.program("ldexp", "Ldexp")).pure
    [found] = run_compiled(print_jax(pure)).observed.values()
    assert isinstance(found, Array)
    assert found.values == 0.25


def test_the_derivatives_of_the_cotangent_are_polynomials_of_it() -> None:
    x = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    slope = cotangent = 1 / x.tan()
    for order in range(1, 5):
        [slope] = torch.autograd.grad(slope, x, create_graph=True)
        value = sum(one * cotangent.item() ** power for power, one in enumerate(_reflection(order)))
        assert value == pytest.approx(slope.item(), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "message", "arguments"),
    [
        ("torch.special.xlog1py", "the number 0 is not modelled", (0, X)),
        ("torch.special.xlog1py", "modelled above -1 only", (X, -1)),
        ("torch.logit", "lower bound above the upper", (X, 0.7)),
        ("torch.quantile", "no interpolation 'cubic'", (X, 0.5, 0, False, "cubic")),
        ("torch.sum", "out of range for a scalar", (SCALAR, 1)),
        ("torch.gradient", "takes 3 points or more", (ROW[:2], 1, None, 2)),
        ("torch.trapezoid", "positions for 5 points", (MATRIX, ROW)),
        ("torch.combinations", "1 or more elements", (ROW, 0)),
    ],
)
def test_refused(name: str, message: str, arguments: tuple[Any, ...]) -> None:
    keyword = {"torch.quantile": "interpolation"}.get(name)
    if keyword is not None:
        refuses(name, message, *arguments[:-1], **{keyword: arguments[-1]})
    elif name == "torch.gradient":
        refuses(name, message, arguments[0], edge_order=arguments[-1])
    else:
        refuses(name, message, *arguments)

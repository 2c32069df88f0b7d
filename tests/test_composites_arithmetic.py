"""Arithmetic composites against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from composite_checks import Fixed, call, check, refuses

RANDOM = np.random.default_rng(3)
X, Y, Z = (RANDOM.uniform(-2, 2, (2, 3)) for _ in range(3))
ROW = RANDOM.uniform(-2, 2, 3)
POSITIVE = RANDOM.uniform(0.2, 2, (2, 3))
GRID = np.array([-2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0])
WHOLE = np.array([[1, -2, 3], [4, 5, -6]])


@pytest.mark.parametrize("name", ["torch.add", "torch.sub", "torch.rsub", "torch.subtract"])
def test_scaled_sums(name: str) -> None:
    check(name, call(X, Y), call(X, ROW, alpha=2.5), call(X, 3.0, alpha=-2), call(WHOLE, WHOLE, alpha=3))


@pytest.mark.parametrize("name", ["torch.Tensor.add_", "torch.Tensor.sub_", "torch.Tensor.subtract_"])
def test_scaled_sums_in_place(name: str) -> None:
    check(name, call(X, Y), call(X, ROW, alpha=2.5), call(X, 3.0, alpha=-2))


@pytest.mark.parametrize("name", ["torch.addcmul", "torch.Tensor.addcmul_"])
def test_addcmul(name: str) -> None:
    check(name, call(X, Y, Z), call(X, Y, ROW, value=-0.5))


@pytest.mark.parametrize("name", ["torch.addcdiv", "torch.Tensor.addcdiv_"])
def test_addcdiv(name: str) -> None:
    check(name, call(X, Y, POSITIVE), call(X, ROW, POSITIVE, value=-0.5))


@pytest.mark.parametrize("name", ["torch.lerp", "torch.Tensor.lerp_"])
def test_lerp(name: str) -> None:
    check(name, call(X, Y, 0.25), call(X, Y, 0.75), call(X, Y, Z), call(X, Y, np.asarray(0.5)), call(X, Y, -1.5))


@pytest.mark.parametrize("name", ["torch.div", "torch.Tensor.div_"])
def test_rounded_quotients(name: str) -> None:
    calls = [call(X, Y)]
    for mode in ("floor", "trunc"):
        calls += [call(X * 5, Y, rounding_mode=mode), call(GRID, 0.5, rounding_mode=mode)]
        calls += [call(np.array([1.0, 0.3, -0.7]), 0.1, rounding_mode=mode)]
    check(name, *calls)
    refuses(name, "rounding_mode", X, Y, rounding_mode="ceil")
    refuses(name, "of int64 is not modelled", WHOLE, 2, rounding_mode="floor")


def test_floor_divide_is_for_tensors_without_history() -> None:
    check(
        "torch.floor_divide", call(Fixed(X * 5), Fixed(Y)), call(Fixed(GRID), 0.3),
        call(Fixed(np.array([1.0, 0.3, -0.7])), 0.1),
    )  # fmt: skip
    refuses("torch.floor_divide", "has no derivative in PyTorch", X, 2.0)


@pytest.mark.parametrize("name", ["torch.clamp", "torch.Tensor.clamp_", "torch.clip", "torch.Tensor.clip_"])
def test_clamp_at_its_bounds(name: str) -> None:
    low, high = np.full(7, -1.0), np.full(7, 1.0)
    check(
        name, call(GRID, low, high), call(GRID, low), call(GRID, None, high), call(GRID, high, low),
        call(GRID, min=-1.0, max=1.0), call(GRID, np.asarray(0.0)), call(X, ROW), call(GRID, GRID, GRID),
        call(GRID, np.full(7, 2.0), np.full(7, -0.0)), call(GRID, np.full(7, -1), np.full(7, 1)),
    )  # fmt: skip
    refuses(name, "needs min, max or both", X)
    refuses(name, "of int64 is not modelled", WHOLE, 1)


@pytest.mark.parametrize("side", ["min", "max"])
def test_clamp_to_one_side(side: str) -> None:
    for name in (f"torch.clamp_{side}", f"torch.Tensor.clamp_{side}_"):
        check(name, call(GRID, 1.0), call(GRID, np.full(7, 1.0)), call(GRID, GRID))


def test_the_absolute_value_at_zero() -> None:
    for name in ("torch.abs", "torch.absolute"):
        check(name, call(GRID), call(X), call(WHOLE), call(X + 1j * Y), call(Fixed(np.array([np.nan, -np.inf]))))


def test_other_functions() -> None:
    check("torch.frac", call(X * 3), call(GRID))
    check("torch.logit", call(np.array([0.1, 0.5, 0.9])))
    check("torch.positive", call(X))
    check("torch.float_power", call(POSITIVE, Y), call(POSITIVE, 2))
    refuses("torch.float_power", "computes in float64", WHOLE, 2)
    check("torch.xlogy", call(X, POSITIVE), call(Fixed(np.array([0.0, 0.0, 1.0])), Fixed(np.array([0.0, -1.0, 2.0]))))
    check("torch.xlogy", call(np.array([0.0, 2.0]), Fixed(np.array([0.0, 3.0]))), call(np.zeros(3), POSITIVE[0]))
    refuses("torch.xlogy", "with a number", 2.0, X)


def test_larger_and_smaller_beside_nan() -> None:
    left, right = np.array([1.0, 2.0, np.nan, 1.0, np.nan]), np.array([2.0, 2.0, 1.0, np.nan, np.nan])
    for name in ("torch.fmax", "torch.fmin"):
        check(name, call(X, Y), call(left, right))


def test_what_is_no_number() -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1.0, 0.0])
    check("torch.nan_to_num", call(values), call(values, 1.0, 2.0, -3.0), call(values, posinf=5.0))
    check("torch.isposinf", call(values))
    check("torch.isneginf", call(values))
    others = np.array([np.nan, np.inf, 1.0, 1.0 + 1e-6, 1e-9])
    check("torch.isclose", call(values, others), call(values, others, equal_nan=True), call(values, others, 1e-9, 0.0))


def test_further_functions() -> None:
    check("torch.deg2rad", call(X))
    check("torch.rad2deg", call(X))
    check("torch.logaddexp2", call(X, Y))
    check("torch.addr", call(np.ones((3, 2)), ROW, Y[0, :2].copy()), call(X, X[:, 0].copy(), ROW, beta=2, alpha=0.5))
    refuses("torch.addr", "ignores its input", X, X[:, 0].copy(), ROW, beta=0)
    check("torch.Tensor.frac_", call(X * 3))
    refuses("torch._fused_adam_", "fused=False", X)


@pytest.mark.parametrize("word", ["negative_", "absolute_", "arcsin_", "arccos_", "arctan_", "fix_"])
def test_in_place_forms_under_further_names(word: str) -> None:
    check(f"torch.Tensor.{word}", call(X / 3))


@pytest.mark.parametrize("word", ["multiply_", "divide_", "true_divide_", "arctan2_"])
def test_in_place_forms_of_two_operands(word: str) -> None:
    check(f"torch.Tensor.{word}", call(X, Y))

"""Reductions and orders against PyTorch, ties included."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from composite_checks import Fixed, call, check, refuses

RANDOM = np.random.default_rng(8)


def draw(*shape: int) -> Any:
    return np.asarray(RANDOM.uniform(-2, 2, shape))


X, STACK, ROW = draw(3, 4), draw(2, 3, 4), draw(5)
ZEROS = np.array([[0.0, 1.0, -2.0], [0.0, 0.0, 3.0]])
TIES = np.array([[1.0, 2.0, 2.0, 0.5, 1.0], [3.0, 3.0, -1.0, -1.0, -1.0]])
WITH_NAN = np.array([[1.0, np.nan, 2.0], [np.nan, 0.5, 4.0]])
WHOLE = np.array([[1, 0, 3], [0, 0, -2]])


@pytest.mark.parametrize("name", ["torch.sum", "torch.mean", "torch.amax", "torch.amin"])
def test_reductions(name: str) -> None:
    check(name, call(STACK), call(STACK, 1), call(STACK, (0, 2), True), call(STACK, dim=-1, keepdim=True))


def test_sums_in_another_dtype() -> None:
    import torch

    from compare.composites import COMPOSITES
    from compare.tape import Tape

    tape = Tape()
    x = tape.leaf(X)
    for name in ("torch.sum", "torch.mean", "torch.prod", "torch.nansum"):
        assert COMPOSITES[name](tape, x, dtype="float32").dtype_name == "float32"
    for name in ("torch.cumsum", "torch.cumprod"):
        assert COMPOSITES[name](tape, x, 0, dtype="float32").dtype_name == "float32"
    check("torch.sum", call(WHOLE), call(X > 0))
    assert torch.tensor(X > 0).sum().dtype == torch.int64


def test_other_sums() -> None:
    check("torch.prod", call(X), call(STACK, 1), call(ZEROS, 0, True))
    check("torch.cumsum", call(X, 1), call(STACK, -2))
    check("torch.cumprod", call(X, 1), call(ZEROS, 1))
    check("torch.nansum", call(WITH_NAN), call(WITH_NAN, 1), call(WITH_NAN, 0, True))
    check("torch.nanmean", call(WITH_NAN), call(WITH_NAN, 1))
    check("torch.count_nonzero", call(ZEROS), call(ZEROS, 0), call(WHOLE, (0, 1)))
    check("torch.aminmax", call(X), call(X, dim=0), call(TIES, dim=1, keepdim=True), call(TIES))
    for name in ("torch.any", "torch.all"):
        check(name, call(X > 0), call(X > 0, 1), call(ZEROS), call(WHOLE, 0, True))


@pytest.mark.parametrize("name", ["torch.var", "torch.std", "torch.var_mean", "torch.std_mean"])
def test_spreads(name: str) -> None:
    check(
        name, call(X), call(X, 1), call(STACK, (0, 2)), call(X, False), call(X, 1, False), call(X, 0, True, True),
        call(X, dim=1, correction=0), call(X, dim=(0, 1), correction=2, keepdim=True), call(X, unbiased=False),
    )  # fmt: skip
    refuses(name, "not whole", X, correction=0.5)
    refuses(name, "is not modelled", WHOLE)


def test_norms() -> None:
    orders = (1, 2, 3, 2.5, 0.5, -1, -1.5, math.inf, -math.inf)
    for order in orders:
        check("torch.linalg.vector_norm", call(X, order), call(STACK, order, (0, 2), True), call(TIES, order, 1))
        check("torch.norm", call(X, order), call(X, order, 1), call(X, p=order, dim=0, keepdim=True))
        check("torch.linalg.norm", call(ROW, order), call(X, order, 1))
        check("torch.dist", call(X, X[::-1].copy(), order))
    check("torch.linalg.vector_norm", *(call(ZEROS, order, 0) for order in orders))
    check("torch.norm", call(X), call(X, "fro", (0, 1)))
    check("torch.Tensor.norm", call(X), call(X, 1, 0), call(X, p=2))
    check("torch.linalg.norm", call(X), call(X, dim=0), call(X, "fro"), call(X, 1), call(X, -math.inf), call(STACK))
    for order in ("fro", 1, -1, math.inf, -math.inf):
        check("torch.linalg.matrix_norm", call(X, order), call(STACK, order), call(STACK, order, (0, 1), True))
    refuses("torch.linalg.vector_norm", "order 0 is not modelled", X, 0)


def test_differences() -> None:
    check("torch.diff", call(X), call(X, 2), call(X, 1, 0), call(X, prepend=draw(3, 1), append=draw(3, 2)))
    check("torch.diff", call(X, 0), call(X, 0, prepend=X))
    refuses("torch.diff", "runs out of elements", X, 5)


# ---- orders ----


@pytest.mark.parametrize("name", ["torch.max", "torch.min"])
def test_extremes_with_their_positions(name: str) -> None:
    check(
        name, call(X), call(TIES), call(X, 1), call(TIES, 1), call(TIES, 0, True), call(STACK, dim=-2, keepdim=True),
        call(TIES, TIES[::-1].copy()), call(TIES, TIES.copy()), call(np.array([[1.0, np.nan, 2.0]]), 1), call(WHOLE, 1),
    )  # fmt: skip
    refuses(name, "scalar along an axis", np.asarray(1.0), 0)


@pytest.mark.parametrize("name", ["torch.argmax", "torch.argmin"])
def test_positions_of_extremes(name: str) -> None:
    check(name, call(TIES), call(TIES, 1), call(X, 0, True), call(WHOLE, 1))
    refuses(name, "needs dim", X, None, True)


@pytest.mark.parametrize("name", ["torch.cummax", "torch.cummin"])
def test_running_extremes(name: str) -> None:
    check(name, call(X, 0), call(TIES, 1), call(STACK, -2), call(TIES, 0))


def test_sorting() -> None:
    for name in ("torch.sort", "torch.argsort"):
        check(name, call(X), call(STACK, 1, True), call(TIES, dim=1, stable=True), call(WHOLE[:1, ::2].copy()))
        check(name, call(TIES, dim=1, stable=True, descending=True))
        refuses(name, "of a scalar", np.asarray(1.0))
    check("torch.msort", call(X))
    check("torch.topk", call(X, 2), call(X, 1, 0), call(STACK, 3, 2, False))
    check("torch.kthvalue", call(X, 2), call(X, 3, 0, True))
    refuses("torch.kthvalue", "no element 9", X, 9)


def test_medians() -> None:
    check("torch.median", call(X), call(ROW), call(TIES), call(X, 1), call(X, 0, True), call(np.asarray(2.5)))
    check("torch.median", call(np.array([2.0, 1.0, 2.0, 2.0, 5.0])))


def test_places_in_a_sorted_sequence() -> None:
    edges = Fixed(np.array([-1.0, 0.0, 0.0, 1.0]))
    values = Fixed(np.array([[-2.0, -1.0, 0.0], [0.5, 1.0, 3.0]]))
    check("torch.searchsorted", call(edges, values), call(edges, values, right=True), call(edges, values, side="right"))
    check("torch.searchsorted", call(Fixed(np.sort(X, 1)), Fixed(draw(3, 2))))
    check("torch.bucketize", call(values, edges), call(values, edges, right=True))
    refuses("torch.searchsorted", "not modelled", ROW, ROW, out_int32=True)


def test_elements_at_positions() -> None:
    places = np.array([[0, 2], [3, 3]])
    check("torch.gather", call(X, 1, places), call(X[:2], 1, places), call(X, 0, np.array([[0, 2]])))
    check("torch.scatter_reduce", call(X, 1, np.array([[0, 0], [1, 2], [3, 3]]), draw(3, 2), "sum"))

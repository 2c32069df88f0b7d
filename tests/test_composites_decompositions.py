"""Decompositions of matrices against PyTorch: what they give where no sign or phase is chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from composite_checks import Fixed, call, check, refuses

from compare.translation import translate_function

RANDOM = np.random.default_rng(11)


def draw(*shape: int, low: float = -2.0, high: float = 2.0) -> Any:
    return np.asarray(RANDOM.uniform(low, high, shape))


X, MATRIX, STACK = draw(2, 3), draw(4, 2), draw(2, 3, 4)
REGULAR = draw(3, 3) + 4 * np.eye(3)
LOPSIDED = REGULAR + np.diag([0.0, 2.0, 4.0])
SEVERAL = draw(2, 3, 3) + np.diag([4.0, 5.0, 7.0])


def test_functions_of_symmetric_matrices() -> None:
    for triangle in ("L", "U"):
        check("torch.linalg.eigvalsh", call(LOPSIDED, triangle), call(SEVERAL, triangle))
    check("torch.linalg.pinv", call(MATRIX), call(SEVERAL), call(MATRIX, rtol=0.3), call(REGULAR, 1e-3))
    check("torch.linalg.pinv", call(REGULAR @ REGULAR.T, hermitian=True))
    check("torch.pinverse", call(MATRIX))


def test_singular_values() -> None:
    check("torch.linalg.svdvals", call(MATRIX), call(SEVERAL))
    check("torch.linalg.cond", *(call(one, order) for one, order in ((REGULAR, None), (SEVERAL, -2), (REGULAR, "nuc"))))
    # With these orders PyTorch raises in backward.
    check("torch.linalg.cond", *(call(Fixed(SEVERAL), order) for order in (1, -1, np.inf, -np.inf, "fro")))
    refuses("torch.linalg.cond", "has no derivative", REGULAR, 1)
    check(
        "torch.linalg.matrix_norm", call(MATRIX, 2), call(STACK, "nuc", (0, 2)), call(X, -2, keepdim=True),
        call(STACK, 2, (2, 0), keepdim=True),
    )  # fmt: skip
    check("torch.norm", call(MATRIX, "nuc"))


@pytest.mark.filterwarnings("ignore:torch.* is deprecated")
def test_orthogonal_and_triangular_factors() -> None:
    wide = MATRIX.T.copy()
    check("torch.linalg.qr", call(MATRIX), call(wide, "complete"))
    check("torch.qr", call(REGULAR, False))
    check("torch.linalg.lu", call(MATRIX), call(wide))


def test_pivots_are_positions() -> None:
    """Recorded, not called: PyTorch's pivots are int32, which no constant of a program is."""

    def solved(matrix: Any, right: Any) -> Any:
        packed, pivots = torch.linalg.lu_factor(matrix)
        ways = [(left, adjoint) for left in (True, False) for adjoint in (True, False)]
        found = [torch.linalg.lu_solve(packed, pivots, right, left=left, adjoint=adjoint) for left, adjoint in ways]
        permutation, lower, upper = torch.lu_unpack(packed, pivots)
        product = permutation @ lower * torch.linalg.lu(matrix)[2] + upper
        gradients = torch.autograd.grad(
            sum((one.square().sum() for one in found), product.sin().sum()), (matrix, right)
        )
        return {"product": product, "matrix_grad": gradients[0], "right_grad": gradients[1]}

    leaves = [torch.tensor(one, requires_grad=True) for one in (SEVERAL[:, [1, 2, 0]], draw(2, 3, 3))]
    result = translate_function(solved, tuple(leaves)).result
    assert result.verdict == "proven", result.reason


def test_reflections() -> None:
    tau = draw(2, low=0.5, high=1.5)
    check("torch.linalg.householder_product", call(MATRIX, tau), call(SEVERAL, np.stack([tau, tau + 0.1])))
    for left in (True, False):
        for transpose in (True, False):
            other = draw(4, 2) if left else draw(2, 4)
            check("torch.ormqr", call(MATRIX, tau, other, left, transpose))


def test_with_a_cholesky_factor() -> None:
    factor = np.tril(REGULAR)
    for upper in (False, True):
        used = factor.T.copy() if upper else factor
        check("torch.cholesky_solve", call(draw(3, 2), used, upper))
        check("torch.cholesky_inverse", call(used, upper))


def test_matrices_made_of_vectors() -> None:
    check("torch.linalg.vander", call(draw(3)), call(X, N=4))
    check("torch.vander", call(Fixed(draw(3))), call(Fixed(draw(3)), 2, True))
    refuses("torch.linalg.vander", "from 2 on", draw(3), N=1)
    refuses("torch.vander", "has no derivative", draw(3))
    counts, weights = np.array([1, 3, 2]), draw(3, low=0.5)
    check(
        "torch.cov", call(X), call(draw(5)), call(X, correction=0), call(X, fweights=counts), call(X, aweights=weights),
        call(X, fweights=counts, aweights=weights, correction=2), call(X, aweights=weights, correction=0),
    )  # fmt: skip
    check("torch.corrcoef", call(draw(3, 5)), call(draw(4)))
    check("torch.linalg.tensorinv", call(draw(4, 6, 8, 3), 2))
    check("torch.linalg.tensorsolve", call(draw(2, 3, 6), draw(2, 3)), call(draw(3, 6, 2), draw(3, 2), (1,)))
    check("torch.linalg.lstsq", call(REGULAR, draw(3, 2)), call(SEVERAL, draw(2, 3)))


def test_what_decompositions_have_no_derivative_for_is_refused() -> None:
    refuses("torch.linalg.qr", "has no derivative", MATRIX, "complete")
    refuses("torch.linalg.qr", "has no derivative", MATRIX, "r")
    refuses("torch.geqrf", "has no derivative", MATRIX)
    refuses("torch.linalg.lu", "without pivots", REGULAR, pivot=False)
    refuses("torch.linalg.pinv", "Give rtol", REGULAR, atol=0.1)

"""Attention, linear algebra and Fourier transforms against PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from composite_checks import Fixed, call, check, refuses

from compare.composites import COMPOSITES
from compare.tape import Tape

RANDOM = np.random.default_rng(9)


def draw(*shape: int) -> Any:
    return np.asarray(RANDOM.uniform(-2, 2, shape))


QUERY, KEY, VALUE = draw(2, 2, 3, 4), draw(2, 2, 5, 4), draw(2, 2, 5, 2)
VISIBLE = RANDOM.uniform(size=(3, 5)) > 0.4
VISIBLE[:, 0] = True
BLIND = VISIBLE.copy()
BLIND[1] = False
X, STACK = draw(2, 3), draw(2, 3, 4)
REGULAR = draw(3, 3) + 4 * np.eye(3)
SEVERAL = draw(2, 3, 3) + 4 * np.eye(3)
Z = draw(3, 4) + 1j * draw(3, 4)
ATTENTION = "torch.nn.functional.scaled_dot_product_attention"


def test_attention() -> None:
    added = np.where(VISIBLE, 0.5, -math.inf)
    blind = np.where(BLIND, 0.5, -math.inf)
    check(
        ATTENTION, call(QUERY, KEY, VALUE), call(QUERY, KEY, VALUE, scale=0.3), call(QUERY, KEY, VALUE, is_causal=True),
        call(QUERY, KEY, VALUE, VISIBLE), call(QUERY, KEY, VALUE, BLIND), call(QUERY, KEY, VALUE, draw(3, 5)),
        call(QUERY, KEY, VALUE, Fixed(added)), call(QUERY, KEY, VALUE, Fixed(blind)),
        call(QUERY[0, 0], KEY[0, 0], VALUE[0, 0]), call(draw(2, 4, 3, 4), KEY, VALUE, enable_gqa=True),
        call(KEY, QUERY, VALUE[:, :, :3], is_causal=True),
    )  # fmt: skip


def test_attention_under_a_mask_that_is_computed() -> None:
    tape = Tape()
    query, key, value = tape.leaf(QUERY), tape.leaf(KEY), tape.leaf(VALUE)
    mask = tape.constant(draw(3, 5)) > 5.0
    result = COMPOSITES[ATTENTION](tape, query, key, value, mask)
    tape.expect(result, 0.0)
    tape.program("attention", "Attention")


def test_attention_that_is_refused() -> None:
    refuses(ATTENTION, "draws a mask", QUERY, KEY, VALUE, dropout_p=0.1)
    refuses(ATTENTION, "not both", QUERY, KEY, VALUE, VISIBLE, is_causal=True)


def test_sums_of_products() -> None:
    check(
        "torch.einsum", call("ij,jk->ik", X, draw(3, 2)), call("bij,bjk", STACK, draw(2, 4, 2)), call("ii", REGULAR),
        call("i,j,ij->", draw(2), draw(3), X), call("...ij->...ji", STACK), call("ij,ij", [X, X]),
    )  # fmt: skip
    refuses("torch.einsum", "Give an equation", X, [0, 1], X, [0, 1])
    check(
        "torch.tensordot", call(STACK, draw(3, 4, 2)), call(X, draw(3, 2), 1), call(X, X, 0),
        call(STACK, draw(4, 2), ([0, 2], [1, 0])), call(STACK, draw(4, 2), ([-1], [0])),
    )  # fmt: skip
    refuses("torch.tensordot", "2 axes on one side", STACK, X, ([0, 1], [0]))
    check("torch.inner", call(draw(3), draw(3)), call(X, STACK.swapaxes(1, 2).copy()), call(X, np.asarray(2.0)))
    check("torch.linalg.multi_dot", call([X, REGULAR, draw(3, 2)]))
    check("torch.cross", call(X, draw(2, 3), 1), call(X, draw(2, 3), -1))
    check("torch.kron", call(X, REGULAR), call(X, draw(2)), call(draw(2), draw(3)))


@pytest.mark.filterwarnings("ignore:torch.* is deprecated")
def test_square_matrices() -> None:
    powers = [call(SEVERAL, power) for power in (0, 1, 3)]
    check("torch.linalg.matrix_power", *powers, call(REGULAR, -2))
    negative = REGULAR.copy()
    negative[0] *= -1
    for name in ("torch.linalg.slogdet", "torch.slogdet"):
        check(name, call(REGULAR), call(negative), call(SEVERAL))
    check("torch.logdet", call(REGULAR))
    check("torch.linalg.solve", call(REGULAR, draw(3)), call(SEVERAL, draw(2, 3, 2)), call(REGULAR, X, left=False))
    check("torch.linalg.solve", call(SEVERAL, draw(2, 3)))
    refuses("torch.linalg.solve", "takes matrices", REGULAR, draw(3), left=False)
    check(
        "torch.linalg.solve_triangular", call(REGULAR, draw(3, 2), upper=True),
        call(SEVERAL, draw(2, 3, 1), upper=False), call(REGULAR, X, upper=True, left=False),
    )  # fmt: skip
    check(
        "torch.linalg.solve_triangular", call(REGULAR, REGULAR, upper=True, unitriangular=True),
        call(SEVERAL, draw(2, 3, 1), upper=False, unitriangular=True),
    )  # fmt: skip
    positive = REGULAR @ REGULAR.T
    # PyTorch reads one triangle: what the other holds counts for nothing, and has a gradient.
    other = positive + np.triu(REGULAR, k=1)
    check("torch.linalg.cholesky", call(positive), call(other), call(other.T, upper=True))
    check("torch.cholesky", call(positive, upper=True))
    check(
        "torch.triangular_solve", call(X.T.copy(), REGULAR, False, True), call(SEVERAL, SEVERAL, unitriangular=True)
    )  # fmt: skip
    check("torch.linalg.det", call(REGULAR), call(SEVERAL), call(np.zeros((0, 0))), call(np.zeros((2, 0, 0))))


def test_transforms_along_several_axes() -> None:
    for name in ("fftn", "ifftn", "fft2", "ifft2"):
        check(f"torch.fft.{name}", call(X), call(Z), call(Z, norm="ortho"), call(STACK, dim=(0, 2)), call(X, (3, 2)))
    for name in ("rfftn", "rfft2"):
        check(f"torch.fft.{name}", call(X), call(STACK, norm="forward"), call(X, (3, 4)))
    for name in ("irfftn", "irfft2"):
        check(f"torch.fft.{name}", call(Z), call(Z, (3, 5)), call(Z, norm="ortho"), call(X))
    for name in ("fftshift", "ifftshift"):
        check(f"torch.fft.{name}", call(X), call(STACK, 1), call(draw(5)), call(STACK, (0, 2)))
    refuses("torch.fft.fftn", "has 1 sizes", X, (2,), (0, 1))
    refuses("torch.stft", "is modelled with return_complex given", X, 2)


def test_the_direction_of_complex_numbers() -> None:
    check("torch.sgn", call(Z), call(np.array([0.0, 1.0, -2.0])), call(np.array([0j, 3 + 4j])))

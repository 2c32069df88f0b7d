"""Composites that make other shapes, casts and constants, against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from composite_checks import call, check, refuses

from compare.composites import COMPOSITES
from compare.tape import Tape

RANDOM = np.random.default_rng(4)


def draw(*shape: int) -> Any:
    return np.asarray(RANDOM.uniform(-2, 2, shape))


X, Y, ROW, ONE, STACK = draw(2, 3), draw(2, 3), draw(3), draw(), draw(2, 3, 4)
Z = draw(2, 3) + 1j * draw(2, 3)
WHOLE = np.array([[1, 0], [2, 3]])


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("torch.flatten", [call(X), call(ROW), call(ONE), call(STACK, 1), call(STACK, 1, 1), call(STACK, 0, -2)]),
        ("torch.ravel", [call(X), call(ROW), call(ONE)]),
        ("torch.squeeze", [call(draw(1, 3, 1)), call(X, 0), call(X), call(draw(1, 2), 0), call(draw(1, 2, 1), (0, 2)),
                           call(draw(1, 2, 1), (0, 1)), call(ONE)]),
        ("torch.t", [call(X), call(ROW)]),
        ("torch.adjoint", [call(X), call(Z), call(STACK)]),
        ("torch.conj", [call(X), call(Z)]),
        ("torch.Tensor.expand", [call(ROW, 2, -1), call(ROW, (2, 3)), call(draw(2, 1), -1, 4), call(ONE, 2, 3)]),
        ("torch.Tensor.expand_as", [call(ROW, X), call(ONE, X)]),
        ("torch.Tensor.view_as", [call(X, draw(6)), call(X, X)]),
        ("torch.Tensor.reshape_as", [call(X, draw(3, 2))]),
        ("torch.atleast_1d", [call(ONE), call(X), call([ONE, X]), call(ROW, ONE)]),
        ("torch.atleast_2d", [call(ONE), call(ROW), call(STACK), call([ROW, ONE])]),
        ("torch.atleast_3d", [call(ONE), call(ROW), call(X), call(STACK), call(ROW, X)]),
        ("torch.linalg.diagonal", [call(STACK), call(STACK, offset=1), call(X, offset=-1),
                                   call(STACK, dim1=0, dim2=1)]),
        ("torch.broadcast_tensors", [call(X, ROW), call(draw(2, 1), ROW, ONE)]),
        ("torch.meshgrid", [call(ROW, draw(2), indexing="ij"), call(ROW, draw(2), draw(4), indexing="xy")]),
        ("torch.hstack", [call([X, Y]), call([ROW, ROW]), call([ONE, ONE])]),
        ("torch.vstack", [call([X, Y]), call([ROW, ROW]), call([ONE, ONE])]),
        ("torch.column_stack", [call([ROW, draw(3, 2)])]),
        ("torch.dstack", [call([X, Y]), call([ROW, ROW]), call([STACK, STACK])]),
        ("torch.tensor_split", [call(ROW, 2), call(draw(7), (1, 4)), call(X, 2, 1), call(draw(7), (-3,))]),
        ("torch.hsplit", [call(draw(4), 2), call(draw(2, 4), 2)]),
        ("torch.vsplit", [call(X, 2)]),
        ("torch.dsplit", [call(STACK, 2)]),
        ("torch.Tensor.repeat", [call(X, 2, 1), call(ROW, (2, 2)), call(ONE, 3)]),
        ("torch.tile", [call(X, (2,)), call(ROW, (2, 2))]),
        ("torch.repeat_interleave", [call(X, 2), call(X, 2, 1), call(X, 3, dim=-2)]),
        ("torch.roll", [call(X, 1), call(X, (1, 2), (0, 1)), call(X, -1, 1), call(X, (2,), (0,))]),
        ("torch.fliplr", [call(X)]),
        ("torch.flipud", [call(X)]),
        ("torch.flip", [call(X, (0, 1)), call(X, (1,)), call(STACK, (0, -1))]),
        ("torch.diag_embed", [call(ROW), call(X)]),
        ("torch.where", [call(X > 0, X, Y), call(X > 0, X, 0.5), call(X > 0, 1.0, 0.0), call(X > 0, 1, 0),
                         call(X > 0, 1, 0.5)]),
        ("torch.rot90", [call(X), call(X, 2), call(X, -1), call(STACK, 3, (1, 2)), call(X, 4)]),
        ("torch.diagflat", [call(ROW), call(X, 1)]),
        ("torch.split_with_sizes", [call(X, (1, 2), 1)]),
        ("torch.take", [call(X, WHOLE), call(STACK, np.array([5, -1]))]),
    ],
)  # fmt: skip
def test_other_shapes(name: str, calls: Any) -> None:
    check(name, *calls)


def test_the_transposes_that_are_properties() -> None:
    for name, shape in (("torch.Tensor.T", (2, 3)), ("torch.Tensor.mH", (2, 3, 4)), ("torch.Tensor.H", (2, 3))):
        check(name, call(draw(*shape)))


@pytest.mark.parametrize(
    ("name", "message", "arguments"),
    [
        ("torch.t", "for matrices and vectors", (STACK,)),
        ("torch.meshgrid", "needs indexing", (ROW, ROW)),
        ("torch.roll", "2 shifts for 1 axes", (X, (1, 2), (0,))),
        ("torch.where", "that the values decide", (X > 0,)),
        ("torch.unique", "decided by values", (X,)),
        ("torch.nonzero", "decided by values", (X,)),
        ("torch.flatten", "out of range", (X, 2)),
        ("torch.broadcast_tensors", "do not broadcast", (X, draw(2))),
        ("torch.Tensor.transpose_", "Take a view", (X, 0, 1)),
        ("torch.Tensor.half", "is not modelled", (X,)),
    ],
)
def test_refusals(name: str, message: str, arguments: tuple[Any, ...]) -> None:
    refuses(name, message, *arguments)


@pytest.mark.parametrize("dtype", ["float", "double", "long", "bool", "cfloat", "cdouble"])
def test_casts(dtype: str) -> None:
    check(f"torch.Tensor.{dtype}", call(X), call(WHOLE))


def test_casts_by_word_and_by_model() -> None:
    check("torch.Tensor.type_as", call(X, Y), call(WHOLE, X))
    check("torch.Tensor.to", call(X, Y), call(WHOLE, X), call(X, copy=True), call(X, "cpu"))
    tape = Tape()
    x = tape.leaf(X)
    to = COMPOSITES["torch.Tensor.to"]
    assert to(tape, x, "float64") is x
    assert to(tape, x, dtype="float32").dtype_name == "float32"
    assert to(tape, x, "cpu", "int64").dtype_name == "int64"


def test_a_cast_to_its_own_dtype_is_the_tensor() -> None:
    tape = Tape()
    x = tape.leaf(X)
    assert COMPOSITES["torch.Tensor.double"](tape, x) is x


def test_tensors_like_another() -> None:
    for name in ("torch.zeros_like", "torch.ones_like"):
        check(name, call(X), call(WHOLE))
        refuses(name, "requires_grad_", X, requires_grad=True)
    check("torch.full_like", call(X, 2.5), call(WHOLE, 2))
    check("torch.Tensor.new_zeros", call(X, 2, 2), call(WHOLE, (3,)))
    check("torch.Tensor.new_ones", call(X, (2, 1)))
    check("torch.Tensor.new_full", call(X, (2, 1), 2.5))
    check("torch.Tensor.fill_", call(X, 2.5), call(X, ONE))
    tape = Tape()
    x = tape.leaf(X)
    assert COMPOSITES["torch.zeros_like"](tape, x, dtype="int64").dtype_name == "int64"
    assert COMPOSITES["torch.empty_like"](tape, x, dtype="float32").shape == (2, 3)

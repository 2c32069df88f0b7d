"""Composites that copy views, read and write at positions, and reduce there, against PyTorch: ties and zeros, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from composite_checks import Call, Fixed, call, check_together, refuses

from compare.composites import COMPOSITES
from compare.errors import ProgramError
from compare.tape import Tape

RANDOM = np.random.default_rng(5)


def draw(*shape: int) -> Any:
    return np.asarray(RANDOM.uniform(-2, 2, shape))


# Few shapes: what JAX has compiled for one call serves the next.
X, Y, ROW, ONE = draw(3, 4), draw(3, 4), draw(4), draw()
AT = np.array([[0, 2, 1, 0], [2, 2, 0, 1], [1, 1, 1, 1]])
FIRST, SCALAR = np.array([0]), np.array(0)
TIED = np.array([[1.0, 0.0, 2.0, 2.0], [1.0, 0.0, -1.0, 2.0], [0.0, 3.0, 2.0, 0.0]])
MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, False]])


def test_copies_of_views() -> None:
    check_together({
        "torch.transpose_copy": [call(X, 0, -1), call(ONE, 0, -1)],
        "torch.unsafe_split": [call(X, 3, 1)],
        "torch.narrow": [call(X, 1, np.array(1), 2)],
        "torch.Tensor.unfold": [call(X, 1, 3, 1)],
        "torch.as_strided": [call(X, (2, 3), (4, 1), 5), call(X, (2, 3), (1, 2))],
    })  # fmt: skip


def test_a_strided_view_of_a_view_reads_the_memory_that_it_shows() -> None:
    tape = Tape()
    x = tape.leaf(X)
    strided = COMPOSITES["torch.as_strided"]
    tape.observe(strided(tape, x.matrix_transpose(), (2, 3), (1, 4), None))
    [positions] = [one for one in tape._statements if getattr(one, "dtype", None) == "int64"]
    # The element that lies at place p of the memory is at place p % 4 * 3 + p // 4 of the transposed tensor.
    assert positions.data == [[0, 1, 2], [3, 4, 5]]  # type: ignore[union-attr]
    with pytest.raises(ProgramError, match=r"that '.*' does not"):
        strided(tape, x[1:], (2,), (1,), 0)
    with pytest.raises(ProgramError, match="overlap"):
        strided(tape, tape.broadcast_to(x, shape=(2, 3, 4)), (2,), (1,), 0)


def test_other_shapes() -> None:
    check_together({
        "torch.tensor_split": [call(ROW, np.array([2, 3])), call(X, np.array(2), -1), call(ROW, (3, 1, 9))],
        "torch.repeat_interleave": [call(X, np.array([2, 0, 1]), 0)],
        "torch.diag_embed": [call(X, 1, 2, 0)],
        "torch.Tensor.sum_to_size": [call(X, (1, 4)), call(X, 4), call(X, (3, 4))],
        "torch.complex": [call(X, ROW)],
        "torch.masked_fill": [call(ROW, MASK, ONE)],
        "torch.fill": [call(X, ONE), call(X, True)],
    })  # fmt: skip


def test_reads_and_writes_at_positions() -> None:
    check_together({
        "torch.index_select": [call(ONE, 0, FIRST), call(X, 1, SCALAR)],
        "torch.gather": [call(ONE, 0, SCALAR)],
        "torch.take_along_dim": [call(X, AT[:1] - 1, 0)],
        "torch._unsafe_masked_index": [call(X, MASK, [AT * 4 - 1, AT], 0.5)],
        "torch._unsafe_masked_index_put_accumulate": [call(X, MASK, [AT * 4 - 1, AT], Y)],
        "torch.index_add": [call(ONE, 0, FIRST, draw(), alpha=-1), call(X, 0, np.array([2, 2, 0]), Y, alpha=2.5)],
        "torch.index_copy": [call(ONE, 0, SCALAR, draw())],
        "torch.index_fill": [call(ONE, 0, FIRST, draw())],
        "torch.scatter": [call(X, 0, np.array([[0, 2]]), Fixed(Y))],
        "torch.scatter_add": [call(ONE, 0, SCALAR, draw())],
        "torch.put": [call(X, np.array([6, 6, -12]), draw(3), True)],
    })  # fmt: skip
    masked = {
        "torch.masked_select": [call(X, MASK), call(ROW, MASK), call(ONE, np.array(True))],
        "torch.index_put": [call(X, [MASK[:, 0]], draw(2, 4), True)],
        "torch.masked_scatter": [call(X, MASK, Y), call(X, ~MASK, Y)],
    }
    check_together(masked, compiled=False)


def test_writes_in_place() -> None:
    check_together({
        "torch.Tensor.index_add_": [call(ONE, 0, FIRST, draw())],
        "torch.Tensor.scatter_": [call(ONE, 0, SCALAR, 2.5)],
        "torch.Tensor.scatter_add_": [call(X, 1, AT[:2], Fixed(Y))],
        "torch.Tensor.index_put_": [call(X, [MASK], draw(6))],
        "torch.Tensor.put_": [call(X, np.array([6, 6, -12]), draw(3), True)],
        "torch.Tensor.scatter_reduce_": [call(X, 0, AT, Y, "prod")],
    })  # fmt: skip


@pytest.mark.filterwarnings("ignore:index_reduce")
@pytest.mark.parametrize("include_self", [True, False])
def test_sources_reduced_at_positions(include_self: bool) -> None:
    calls: list[Call] = []
    vector: list[Call] = []
    for reduce in ("sum", "prod", "mean", "amax", "amin"):
        calls.append(call(TIED, 0, AT, TIED[::-1].copy(), reduce, include_self=include_self))
        if reduce == "amax":
            vector.append(call(TIED, 0, np.array([0, 0, 2]), TIED[::-1].copy(), reduce, include_self=include_self))
    calls.append(call(X, 1, AT[:2], Fixed(Y), "mean", include_self=include_self))
    check_together({"torch.scatter_reduce": calls, "torch.index_reduce": vector})


def test_segments() -> None:
    offsets, lengths = np.array([0, 1, 3]), np.array([2, 1])
    calls = [call(TIED, "sum", lengths=np.array([[4, 0], [2, 2], [1, 3]]), axis=1)]
    calls += [call(TIED, reduce, lengths=lengths, initial=2.0) for reduce in ("prod", "mean", "max")]
    calls.append(call(TIED, "min", offsets=offsets))
    check_together({"torch.segment_reduce": calls})


@pytest.mark.filterwarnings("ignore:A window was not provided")
def test_transforms() -> None:
    whole = X + 1j * Y
    check_together({
        "torch.fft.hfft": [call(X, 5, -1, "forward")],
        "torch.fft.ihfft": [call(X)],
        "torch.fft.hfftn": [call(whole, None, (1, 0))],
        "torch.stft": [
            call(X, 4, 3, 2, window=draw(2), return_complex=True, normalized=True, pad_mode="constant"),
        ],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("name", "message", "arguments"),
    [
        ("torch.as_strided_scatter", "derivative of as_strided_scatter", (X, ROW, (4,), (1,))),
        ("torch.view_copy", "another dtype", (X, "float32")),
        ("torch.Tensor.unfold", "does not fit", (ROW, 0, 5, 1)),
        ("torch.Tensor.unfold", "does not fit", (ROW, 0, 2, 0)),
        ("torch.scatter_reduce", "no reduction 'max'", (X, 0, AT, Y, "max")),
        ("torch.scatter_add", "reach beyond", (X[:1], 1, AT, Y)),
        ("torch.scatter_add", "not as many axes", (X, 0, FIRST, draw(1))),
        ("torch.index_put", "along whole axes", (X, [None, FIRST], ONE)),
        ("torch.segment_reduce", "takes lengths or offsets", (X, "max")),
        ("torch.Tensor.sum_to_size", "do not broadcast", (X, 3)),
        ("torch.diag_embed", "along two axes", (X, 0, 1, 1)),
        ("torch.repeat_interleave", "2 counts for 3 elements", (X, np.array([1, 2]), 0)),
        ("torch.tensor_split", "is none", (X, 0)),
        ("torch.as_strided", r"that '.*' does not", (X, (2, 9), (4, 1))),
    ],
)
def test_refusals(name: str, message: str, arguments: tuple[Any, ...]) -> None:
    refuses(name, message, *arguments)


def test_a_scatter_that_pytorch_does_not_differentiate() -> None:
    refuses("torch.scatter", "has no derivative", X, 0, AT, Y, reduce="add")


def test_what_is_computed_decides_no_shape() -> None:
    tape = Tape()
    x = tape.leaf(X)
    mask = x > 0
    counts = mask.sum(axis=1)
    for name, arguments in (
        ("torch.masked_select", (mask,)),
        ("torch.repeat_interleave", (counts, 0)),
        ("torch.tensor_split", (counts,)),
        ("torch.narrow", (0, counts[0], 1)),
        ("torch.index_put", ([mask], tape.constant(1.0))),
    ):
        with pytest.raises(ProgramError, match="depends on values that are computed"):
            COMPOSITES[name](tape, x, *arguments)

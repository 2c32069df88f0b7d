"""Sample operands of every row of the op vocabulary, at smooth points inside its domain. Every row needs some."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.ops import TENSOR, Slice

RANDOM = np.random.default_rng(20)


@dataclass(frozen=True)
class Sample:
    """Operands (float64, complex128 or bool arrays, and Python numbers), attributes, and dtypes to cast floats to."""

    operands: tuple[Any, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    casts: tuple[str, ...] = ("float32", "int64", "bool")


def sample(*operands: Any, **attributes: Any) -> Sample:
    return Sample(operands, attributes)


def draw(*shape: int, low: float = -2.0, high: float = 2.0) -> Any:
    return np.asarray(RANDOM.uniform(low, high, shape))


def positive(*shape: int) -> Any:
    """Numbers of one sign: where a sum cancels, single precision loses its digits."""
    return draw(*shape, low=0.2)


def draw_complex(*shape: int, low: float = -2.0, high: float = 2.0) -> Any:
    """Complex numbers whose real parts are drawn between bounds; none lies on an axis, where branch cuts run."""
    return np.asarray(draw(*shape, low=low, high=high) + 1j * draw(*shape))


X, Y, ROW, SCALAR, EMPTY = draw(2, 3), draw(2, 3), draw(3), draw(), draw(2, 0)
POSITIVE, EXPONENT = draw(2, 3, low=0.2, high=3), draw(2, 3)
REGULAR = draw(3, 3) + 4 * np.eye(3)
MATRIX, SQUARE, STACK = draw(4, 3), draw(3, 3), draw(2, 3, 4)
SIGNAL, IMAGE = positive(2, 2, 5), positive(2, 2, 4, 3)
TRUE = X > 0
Z, W, ONE = draw_complex(2, 3), draw_complex(2, 3), draw_complex()
ROWS, COLUMNS = np.array([1, 0, 1]), np.array([2, 0, 0])
TIES = np.array([[1.0, 2.0, 1.0, 2.0, 0.0], [0.0, 0.0, -1.0, np.nan, np.nan]])
PLACES = np.array([[0, 2], [1, 0]])

SYMMETRIC = np.array([[4.0, 1.0, 0.5], [1.0, 2.0, 0.25], [0.5, 0.25, 0.75]])
SYMMETRIC_ROWS = "eigvalsh eigh_eigenvalues eigh_eigenvectors"
GENERAL = np.array([[2.0, 0.5, -0.3], [0.7, -1.5, 0.4], [1.2, 0.6, 0.9], [-0.8, 1.1, 0.35]])
TURNING = np.array([[1.0, -2.0, 0.3], [1.5, 0.5, 0.2], [0.4, 0.1, -1.2]])

DOMAINS = {
    (-2, 2): (
        "negative abs sign square floor trunc ceil exp exp2 expm1 sin cos atan sinh cosh tanh asinh sigmoid "
        "log_sigmoid softplus relu gelu gelu_tanh selu mish softsign silu erf erfc reciprocal clone "
        "contiguous_clone zeros_like ones_like isnan isinf isfinite i0 i0e i1 i1e erfcx ndtr log_ndtr sinc mantissa "
        "exponent"
    ),
    (-1.2, 1.2): "tan",
    (-0.9, 0.9): "asin acos atanh erfinv",
    (-0.9, 3): "log1p",
    (0.1, 3): "sqrt rsqrt log log2 log10 entr lgamma",
    (0.1, 0.9): "ndtri",
    (12, 20): "digamma",
    (1.1, 4): "acosh",
    # Between -3 and 3, PyTorch's slope is that of float32.
    (3.1, 5): "hard_sigmoid",
}
UP_TO_SIGNS = frozenset("eigh_eigenvectors eig_eigenvectors svd_u svd_vh".split())
"""Rows whose vectors have signs, or phases, that each library chooses: what does not depend on them is compared."""

SAMPLES: dict[str, list[Sample]] = {
    **{
        name: [sample(draw(2, 3, low=low, high=high)), sample(draw(low=low, high=high))]
        for (low, high), names in DOMAINS.items()
        for name in names.split()
    },
    # ---- arithmetic: tensors, broadcasting, and a number on either side ----
    **{
        name: [sample(X, Y), sample(X, ROW), sample(X, 2.5), sample(2.5, X), sample(X, 3), sample(3, X)]
        for name in "add subtract multiply divide".split()
    },
    "fmod": [sample(X, Y), sample(X, ROW), sample(X, 2.5), sample(X, 2), sample(SCALAR, X)],
    "remainder": [sample(X, Y), sample(X, ROW), sample(X, 2.5), sample(X, 2), sample(SCALAR, X)],
    "power": [
        sample(POSITIVE, EXPONENT), sample(POSITIVE, SCALAR), sample(POSITIVE, 2.5), sample(2.5, X), sample(X, 3),
        sample(3, X), sample(X, 2), sample(X, 0), Sample((X, -2), casts=("float32",)),
    ],
    **{name: [sample(X, Y), sample(X, ROW)] for name in "maximum minimum atan2 hypot logaddexp copysign".split()},
    "xlog1py": [sample(X, POSITIVE), sample(X, draw(low=0.1))],
    # Below 12, PyTorch's derivative of digamma is off by more than a rounding.
    "polygamma": [sample(POSITIVE, n=2), sample(X, n=3), sample(draw(2, low=12, high=20), n=0), sample(POSITIVE, n=4)],
    "multigammaln": [sample(draw(2, low=12, high=20), d=3), sample(draw(low=4, high=9), d=1), sample(REGULAR + 5, d=4)],
    "round": [sample(X), sample(SCALAR), sample(X, decimals=2), sample(X * 1000, decimals=-2)],
    # PyTorch's derivative of celu takes 1 / alpha through float32: it is exact for such an alpha only.
    **{name: [sample(X), sample(X, alpha=0.5)] for name in ("elu", "celu")},
    "leaky_relu": [sample(X), sample(X, negative_slope=0.3)],
    "clip": [sample(X, min=-0.5), sample(X, max=1), sample(X, min=-0.5, max=0.25), sample(X, min=1.0, max=-1.0)],
    "where": [sample(TRUE, X, Y), sample(TRUE, X, ROW), sample(TRUE, X, 0.5), sample(TRUE, 2, X)],
    **{
        name: [sample(X, Y), sample(X, X.copy()), sample(X, 0.5), sample(1, X)]
        for name in "equal not_equal less less_equal greater greater_equal".split()
    },
    "logical_not": [sample(TRUE)],
    "logical_and": [sample(TRUE, Y > 0)],
    "logical_or": [sample(TRUE, Y > 0)],
    "logical_xor": [sample(TRUE, Y > 0)],
    # ---- reductions ----
    **{
        name: [sample(STACK), sample(STACK, axis=1), sample(STACK, axis=(0, -1), keepdims=True), sample(SCALAR)]
        for name in "sum mean max min vector_norm".split()
    },
    "prod": [sample(STACK), sample(STACK, axis=1), sample(STACK, axis=-1, keepdims=True), sample(EMPTY, axis=1)],
    **{
        name: [sample(STACK, correction=0), sample(STACK, axis=(0, 2), correction=1, keepdims=True)]
        for name in ("var", "std")
    },
    "logsumexp": [sample(X, axis=0), sample(STACK, axis=(0, 2), keepdims=True)],
    **{
        name: [sample(X, axis=0), sample(STACK, axis=-2), sample(EMPTY, axis=1)]
        for name in "softmax log_softmax cumulative_sum cumulative_prod".split()
    },
    "cumulative_logsumexp": [sample(X, axis=0), sample(STACK, axis=-2)],
    # ---- shape ----
    "getitem": [
        sample(X, index=(1,)), sample(X, index=(Slice(), -1)), sample(X, index=(1, 2)), sample(X, index=()),
        sample(MATRIX, index=(Slice(1, None, 2), None, Slice(-2, None))),
    ],
    "reshape": [sample(X, shape=(3, 2)), sample(X, shape=(-1,)), sample(draw(1), shape=())],
    "broadcast_to": [sample(ROW, shape=(2, 3)), sample(SCALAR, shape=(2, 3)), sample(ROW, shape=(1, 3))],
    "permute_dims": [sample(STACK, axes=(2, 0, 1)), sample(X, axes=(-1, 0))],
    "matrix_transpose": [sample(X), sample(STACK)],
    "expand_dims": [sample(X, axis=1), sample(X, axis=-1), sample(SCALAR, axis=0)],
    "squeeze": [
        sample(draw(2, 1, 3), axis=1), sample(draw(1), axis=0), sample(X), sample(draw(1, 2, 1)),
        sample(draw(1, 2, 1), axis=(0, -1)),
    ],
    "select": [sample(X, axis=0, position=1), sample(STACK, axis=-1, position=-2)],
    "narrow": [sample(MATRIX, axis=0, start=1, length=2), sample(X, axis=-1, start=-2, length=1)],
    "unstack": [sample(X, position=1), sample(STACK, axis=-2, position=0)],
    "split": [
        sample(MATRIX, sizes=3, position=1), sample(MATRIX, sizes=(1, 3), position=1),
        sample(X, sizes=(2, 1), axis=-1, position=0),
    ],
    "chunk": [
        sample(MATRIX, chunks=3, position=1), sample(MATRIX, chunks=3, position=-1),
        sample(X, chunks=2, axis=1, position=1),
    ],
    "view": [sample(X, shape=(3, 2)), sample(X, shape=(-1,)), sample(draw(1), shape=())],
    "flatten": [sample(X), sample(STACK, start_axis=1), sample(STACK, end_axis=1), sample(SCALAR)],
    "unflatten": [sample(MATRIX, axis=0, shape=(2, 2)), sample(STACK, axis=-1, shape=(2, -1))],
    "swapaxes": [sample(STACK, axis1=0, axis2=-1), sample(X, axis1=1, axis2=1)],
    "moveaxis": [sample(STACK, source=0, destination=-1), sample(STACK, source=(0, 2), destination=(1, 0))],
    "diagonal": [
        sample(SQUARE), sample(X), sample(MATRIX, offset=-1), sample(X, offset=2),
        sample(STACK, axis1=-2, axis2=-1), sample(STACK, offset=1, axis1=0, axis2=2), sample(STACK),
        sample(STACK, offset=-1, axis1=1, axis2=0),
    ],
    "flip": [sample(X, axis=0), sample(X, axis=(0, -1))],
    "roll": [sample(X, shift=1), sample(X, shift=-2, axis=1)],
    "concat": [sample(X, Y), sample(X, draw(2, 1), axis=-1), sample(ROW)],
    "stack": [sample(X, Y), sample(X, Y, axis=-1), sample(SCALAR, draw())],
    # ---- positions and masks ----
    "advanced_getitem": [
        sample(X, index=((1, 0, -1),)), sample(X, index=(Slice(), (2, 0))), sample(X, index=((0, 1), (2, 2))),
        sample(STACK, index=((1, 0), Slice(1, None), (3, 0))), sample(STACK, index=(1, (0, 2, 0))),
        sample(STACK, index=(None, (0, 1, 1), -1)), sample(X, ROWS, index=(TENSOR,)),
        sample(X, ROWS, COLUMNS, index=(TENSOR, TENSOR)), sample(X, PLACES, index=(Slice(), TENSOR)),
        sample(X, ROWS, index=(TENSOR, (0, 1, 1))), sample(X, TRUE, index=(TENSOR,)),
        sample(MATRIX, np.array([True, False, False, True]), index=(TENSOR, 0)),
    ],
    "take": [sample(X, COLUMNS, axis=1), sample(ROW, np.array([1]), axis=-1)],
    "take_along_axis": [sample(X, PLACES, axis=1), sample(X, np.array([[1, 0, 0]]), axis=-2)],
    "advanced_setitem": [
        sample(X, 0.5, index=((1,),)), sample(X, 2, index=((0, 1), (2, 1))), sample(X, ROW, index=((1,),)),
        sample(X, draw(2, 2), index=(Slice(), (2, 0))), sample(X, draw(2), np.array([0, 1]), index=(TENSOR, 1)),
        sample(X, draw(2, 1), index=(Slice(), (-1, 0))), sample(STACK, draw(2, 2), index=((0, 1), Slice(1), (3, 0))),
        sample(X, draw(), np.array([1]), index=(TENSOR,)), sample(X, draw(int(TRUE.sum())), TRUE, index=(TENSOR,)),
    ],
    "masked_setitem": [
        sample(X, 0.5, TRUE, index=(TENSOR,)), sample(X, SCALAR, TRUE, index=(TENSOR,)),
        sample(X, ROW, np.array([True, False]), index=(TENSOR,)),
        sample(X, 2, np.array([True, False, True]), index=(Slice(), TENSOR)),
        sample(STACK, draw(4), STACK[:, :, 0] > 0, index=(TENSOR,)),
        sample(STACK, 0.5, TRUE[0], index=(Slice(), TENSOR)),
    ],
    "masked_fill": [sample(X, TRUE, 0.5), sample(X, TRUE[:, :1], 2), sample(X, TRUE[0], SCALAR)],
    "index_put": [
        sample(X, draw(3), ROWS, COLUMNS, accumulate=True), sample(X, ROW, np.array([1])),
        sample(X, SCALAR, np.array([0, 0]), accumulate=True), sample(X, draw(2), np.array([0, 1]), np.array([2, 2])),
        sample(X, draw(2, 2), np.array([[0, 1], [1, 0]]), np.array([[0, 0], [0, 1]]), accumulate=True),
    ],
    "index_add": [sample(X, COLUMNS, draw(2, 3), axis=1), sample(ROW, np.array([2, 2, 0]), draw(3), axis=0)],
    "index_copy": [sample(X, np.array([2, 0]), draw(2, 2), axis=-1), sample(ROW, np.array([1]), draw(1), axis=0)],
    "index_fill": [sample(X, COLUMNS, 0.5, axis=1), sample(X, ROWS, SCALAR, axis=0), sample(X, ROWS, 2, axis=0)],
    "scatter": [sample(X, PLACES, draw(2, 2), axis=1), sample(X, PLACES, 0.5, axis=1), sample(ROW, COLUMNS, 2, axis=0)],
    "scatter_add": [
        sample(X, np.array([[0, 0, 1], [2, 1, 1]]), draw(2, 3), axis=1),
        sample(X, np.array([[1, 1, 0]]), draw(1, 3), axis=0),
        sample(STACK, np.array([[[2, 0, 0, 1]], [[1, 1, 1, 1]]]), draw(2, 1, 4), axis=1),
    ],
    "slice_scatter": [
        sample(X, draw(1, 3), stop=1), sample(X, draw(2, 2), axis=-1, step=2), sample(X, draw(2, 2), axis=1, start=-2),
    ],
    "select_scatter": [sample(X, ROW, axis=0, position=-1), sample(X, draw(2), axis=1, position=0)],
    "diagonal_scatter": [
        sample(X, draw(2)), sample(SQUARE, draw(2), offset=1), sample(STACK, draw(3, 2), offset=1, axis1=0, axis2=2),
        sample(STACK, draw(2, 2), offset=-1, axis1=-2, axis2=-1), sample(STACK, draw(4, 2), axis1=1, axis2=0),
    ],
    **{name: [sample(MATRIX), sample(STACK, k=1), sample(X, k=-1)] for name in ("tril", "triu")},
    "tile": [sample(X, repetitions=(2, 1)), sample(ROW, repetitions=(2, 2)), sample(X, repetitions=(3,))],
    "repeat": [sample(X, count=2), sample(X, count=3, axis=1), sample(STACK, count=2, axis=-2)],
    "diag": [sample(ROW), sample(ROW, k=-1), sample(X), sample(X, k=1), sample(SQUARE, k=-2)],
    # ---- positions of numbers ----
    **{
        name: [sample(TRUE), sample(STACK > 1, axis=1), sample(STACK > 1, axis=(0, -1), keepdims=True)]
        for name in ("any", "all")
    },
    **{
        name: [sample(STACK), sample(STACK, axis=1), sample(X, axis=-1, keepdims=True),
               Sample((TIES,), {"axis": 1}, casts=("float32",))]
        for name in ("argmax", "argmin")
    },
    "argsort": [
        sample(X), sample(STACK, axis=1), sample(X, axis=0, descending=True),
        Sample((TIES,), {"axis": 1}, casts=("float32",)),
        Sample((TIES,), {"axis": 1, "descending": True}, casts=("float32",)),
    ],
    "astype": [sample(X, dtype=dtype) for dtype in ("float64", "float32", "int64", "bool")],
    "fill": [sample(X, 2.5), sample(X, 2)],
    "copy": [sample(X, Y), sample(X, ROW), sample(X, SCALAR)],
    # ---- products ----
    "matmul": [
        sample(X, MATRIX.T), sample(X, ROW), sample(ROW, MATRIX.T), sample(ROW, ROW[::-1]), sample(X, STACK),
        sample(EMPTY, EMPTY.T), sample(STACK, draw(2, 4, 2)),
    ],
    "linear": [sample(X, MATRIX), sample(STACK, draw(2, 4)), sample(ROW, MATRIX)],
    "vecdot": [sample(X, Y), sample(STACK, MATRIX.T), sample(X, Y, axis=0), sample(EMPTY, EMPTY), sample(ROW, draw(3))],
    "outer": [sample(ROW, draw(2))],
    "trace": [sample(SQUARE), sample(X)],
    "one_hot": [Sample((ROWS,), {"classes": 2}, casts=()), Sample((PLACES,), {"classes": 4}, casts=())],
    # ---- convolution, pooling, padding ----
    "conv1d": [
        sample(SIGNAL, positive(3, 2, 2)), sample(SIGNAL, positive(3, 2, 2), stride=2, padding=1, dilation=(2,)),
        sample(SIGNAL, positive(4, 1, 3), groups=2),
        sample(positive(1, 2, 3), positive(1, 2, 2), padding=(2,), stride=3),
    ],
    "conv2d": [
        sample(IMAGE, positive(2, 2, 2, 2)), sample(IMAGE, positive(4, 1, 2, 3), padding=1, stride=(2, 1), groups=2),
        sample(IMAGE, positive(1, 2, 2, 2), dilation=(1, 2), padding=(0, 1)),
    ],
    "conv3d": [
        sample(positive(1, 2, 2, 3, 2), positive(2, 2, 1, 2, 2)),
        sample(positive(1, 2, 2, 3, 2), positive(2, 1, 2, 2, 1), groups=2, padding=(1, 0, 0), stride=2,
               dilation=(1, 2, 1)),
    ],
    "conv_transpose1d": [
        sample(SIGNAL, positive(2, 3, 2)),
        sample(SIGNAL, positive(2, 1, 3), stride=2, padding=1, output_padding=1, groups=2),
        sample(SIGNAL, positive(2, 2, 2), dilation=2, padding=(3,)),
    ],
    "conv_transpose2d": [
        sample(IMAGE, positive(2, 1, 2, 2)),
        sample(IMAGE, positive(2, 2, 2, 1), stride=(1, 2), groups=2, padding=(1, 0)),
        sample(IMAGE, positive(2, 1, 2, 2), stride=2, output_padding=(0, 1), dilation=(1, 2)),
    ],
    "conv_transpose3d": [
        sample(positive(1, 2, 2, 1, 2), positive(2, 1, 1, 2, 2)),
        sample(positive(1, 2, 2, 1, 2), positive(2, 1, 2, 1, 1), groups=2, stride=(2, 1, 1), output_padding=(1, 0, 0)),
    ],
    "pixel_shuffle": [sample(draw(2, 8, 2, 1), factor=2), sample(draw(9, 1, 2), factor=3)],
    "pixel_unshuffle": [sample(draw(2, 1, 4, 2), factor=2), sample(draw(1, 3, 6), factor=3)],
    "channel_shuffle": [sample(draw(2, 6, 2), groups=3), sample(draw(1, 4, 1, 2), groups=2)],
    "max_pool1d": [
        sample(SIGNAL, window=2, stride=2), sample(SIGNAL, window=(3,), stride=1, padding=1),
        sample(SIGNAL[0], window=2, stride=3, ceil_mode=True),
    ],
    "max_pool2d": [
        sample(IMAGE, window=2, stride=2), sample(IMAGE, window=(2, 3), stride=(1, 2), padding=1),
        sample(IMAGE[0], window=2, stride=2, ceil_mode=True, padding=(1, 0)),
    ],
    "max_pool3d": [
        sample(draw(1, 2, 3, 2, 3), window=2, stride=1),
        sample(draw(2, 3, 2, 3), window=(2, 1, 2), stride=2, padding=(1, 0, 1), ceil_mode=True),
    ],
    "avg_pool1d": [
        sample(SIGNAL, window=2, stride=2), sample(SIGNAL, window=(3,), stride=1, padding=1),
        sample(SIGNAL[0], window=3, stride=2, padding=1, count_include_pad=False),
    ],
    "avg_pool2d": [
        sample(IMAGE, window=2, stride=2), sample(IMAGE, window=(2, 3), stride=(1, 2), padding=1),
        sample(IMAGE[0], window=2, stride=2, ceil_mode=True, padding=(1, 0), count_include_pad=False),
        sample(IMAGE, window=2, stride=1, padding=1, count_include_pad=False, divisor_override=3),
    ],
    "avg_pool3d": [
        sample(positive(1, 2, 3, 2, 3), window=2, stride=1),
        sample(positive(2, 3, 2, 3), window=(2, 1, 2), stride=2, padding=(1, 0, 1), count_include_pad=False),
        sample(positive(2, 3, 2, 3), window=2, stride=2, ceil_mode=True, divisor_override=5),
    ],
    "pad": [
        sample(X, widths=(1, 2)), sample(X, widths=(0, 1, 2, 0), value=0.5), sample(STACK, widths=(1, 0, 0, 1)),
        Sample((X,), {"widths": (1, 1), "value": 3}, casts=("int64", "float32")),
    ],
    **{
        name: [sample(SIGNAL, widths=(2, 1)), sample(IMAGE, widths=(1, 0, 2, 1)), sample(IMAGE[0], widths=(0, 1, 1, 1))]
        for name in ("pad_reflect", "pad_replicate", "pad_circular")
    },
    "einsum": [
        sample(X, MATRIX, equation="ij,kj->ik"), sample(X, Y, equation="ij,ij"), sample(SQUARE, equation="ii->i"),
        sample(STACK, draw(4, 2), equation="...j,jk"),
        sample(X, ROW, draw(2), equation="ij, j, i -> i"), sample(STACK, draw(3, 4), equation="...,...->..."),
        sample(STACK, draw(2, 5), equation="...ik, ...j -> ij"),
    ],
    "kron": [sample(X, draw(2, 2)), sample(ROW, draw(2))],
    "cross": [sample(X, Y), sample(draw(3, 2), draw(3, 2), axis=0), sample(X, draw(1, 3))],
    **{name: [sample(REGULAR), sample(draw(2, 3, 3) + 4 * np.eye(3))] for name in ("inv", "det")},
    "solve": [
        sample(REGULAR, draw(3)), sample(REGULAR, draw(3, 2)), sample(draw(2, 3, 3) + 4 * np.eye(3), draw(2, 3, 1)),
        sample(REGULAR, draw(2, 3, 2)),
    ],
    "cholesky": [sample(REGULAR @ REGULAR.T), sample(np.stack([REGULAR @ REGULAR.T, np.eye(3)]))],
    # ---- decompositions: matrices whose eigenvalues and singular values lie apart ----
    **{name: [sample(SYMMETRIC), sample(np.stack([SYMMETRIC, SYMMETRIC * 2]))] for name in SYMMETRIC_ROWS.split()},
    **{name: [sample(GENERAL), sample(GENERAL.T)] for name in "svdvals svd_s lu_factors".split()},
    # In single precision what nearly cancels has lost digits: some are compared in double precision alone.
    **{
        name: [Sample((one,), casts=()) for one in (GENERAL, GENERAL.T, np.stack([GENERAL, -GENERAL]))]
        for name in ("qr_q", "qr_r")
    },
    **{
        name: [sample(GENERAL, full_matrices=False), sample(GENERAL.T, full_matrices=False),
               sample(GENERAL[:3], full_matrices=True)]
        for name in ("svd_u", "svd_vh")
    },
    **{name: [sample(GENERAL), sample(GENERAL.T)] for name in ("lu_pivots", "lu_permutation")},
    "pivots_to_permutation": [sample(np.array([3, 3, 3]), size=3), sample(np.array([[2, 4], [1, 3]]), size=4)],
    **{
        name: [Sample((one,), casts=()) for one in (GENERAL[:3], TURNING)]
        for name in ("eig_eigenvalues", "eig_eigenvectors")
    },
    "pinv": [
        sample(GENERAL, rtol=1e-10), sample(GENERAL.T, rtol=1e-10),
        # A singular value that is cut off counts for nothing.
        Sample((np.diag([3.0, 2.0, 0.0]),), {"rtol": 0.5}, casts=()),
    ],
    "matrix_exp": [Sample((one,), casts=()) for one in (GENERAL[:3], np.stack([TURNING, SYMMETRIC]))],
    # ---- transforms ----
    **{
        name: [Sample((X,), {}, casts=("float32",)), sample(STACK, axis=1, norm="ortho"), sample(ROW, n=5),
               sample(ROW, n=2, norm="forward")]
        for name in ("fft", "ifft", "rfft")
    },
    "irfft": [sample(draw_complex(3))],
    # ---- complex numbers taken apart and put together ----
    **{name: [sample(Z), sample(ONE)] for name in "real imag conj view_as_real angle".split()},
    "view_as_complex": [sample(draw(3, 2)), sample(draw(2))],
    "complex": [sample(X, Y), sample(SCALAR, draw())],
    # At a negative radius PyTorch's derivative has the wrong sign; cases/conventions.py says so.
    "polar": [sample(POSITIVE, Y), sample(draw(low=0.5), draw())],
}  # fmt: skip

COMPLEX_SAMPLES: dict[str, list[Sample]] = {
    **{
        name: [sample(Z), sample(ONE)]
        for name in (
            "negative abs square reciprocal sqrt rsqrt exp expm1 log log1p log2 log10 sin cos tan asin acos atan sinh "
            "cosh tanh asinh atanh sigmoid clone contiguous_clone zeros_like ones_like"
        ).split()
    },
    # In the left half-plane JAX's derivative has the wrong sign; cases/conventions.py says so.
    "acosh": [sample(draw_complex(2, 3, low=0.1))],
    **{
        name: [sample(Z, W), sample(Z, X), sample(ROW, Z), sample(Z, 2.5), sample(3, Z), sample(X, 0.5 - 2j)]
        for name in "add subtract multiply divide".split()
    },
    "power": [
        sample(Z, W), sample(Z, EXPONENT), sample(POSITIVE, W), sample(Z, 2), sample(Z, 2.5), sample(2.5, Z),
        sample(Z, 1.5j), sample(1 + 2j, EXPONENT), sample(Z, -1),
    ],
    "where": [sample(TRUE, Z, W), sample(TRUE, Z, ONE), sample(TRUE, Z, 0.5), sample(TRUE, 2j, Z)],
    **{name: [sample(Z, W), sample(Z, Z.copy()), sample(Z, 1j)] for name in ("equal", "not_equal")},
    **{name: [sample(Z), sample(Z, axis=1)] for name in "sum mean prod vector_norm".split()},
    **{name: [sample(Z, axis=0)] for name in ("cumulative_sum", "cumulative_prod")},
    "getitem": [sample(Z, index=(Slice(), -1)), sample(Z, index=(1, 2))],
    "reshape": [sample(Z, shape=(3, 2))],
    "broadcast_to": [sample(ONE, shape=(2, 3))],
    "permute_dims": [sample(Z, axes=(-1, 0))],
    "matrix_transpose": [sample(Z)],
    "expand_dims": [sample(Z, axis=1)],
    "squeeze": [sample(draw_complex(2, 1), axis=1)],
    "diagonal": [sample(Z)],
    "flip": [sample(Z, axis=0)],
    "roll": [sample(Z, shift=1)],
    "concat": [sample(Z, W)],
    "stack": [sample(Z, W)],
    "select": [sample(Z, axis=1, position=1)],
    "narrow": [sample(Z, axis=1, start=1, length=2)],
    "unstack": [sample(Z, position=1)],
    "split": [sample(Z, sizes=2, axis=1, position=0)],
    "chunk": [sample(Z, chunks=2, axis=1, position=1)],
    "view": [sample(Z, shape=(3, 2))],
    "flatten": [sample(Z)],
    "unflatten": [sample(Z, axis=1, shape=(3, 1))],
    "swapaxes": [sample(Z, axis1=0, axis2=1)],
    "moveaxis": [sample(Z, source=0, destination=1)],
    "advanced_getitem": [sample(Z, index=(Slice(), (2, 0, 2)))],
    "advanced_setitem": [sample(Z, draw_complex(2, 2), index=(Slice(), (2, 0))), sample(Z, 1 + 2j, index=((0,),))],
    "masked_setitem": [sample(Z, ONE, TRUE, index=(TENSOR,))],
    "masked_fill": [sample(Z, TRUE, 2j)],
    "index_put": [sample(Z, draw_complex(3), ROWS, COLUMNS, accumulate=True)],
    "index_add": [sample(Z, COLUMNS, draw_complex(2, 3), axis=1)],
    "index_copy": [sample(Z, np.array([2, 0]), draw_complex(2, 2), axis=1)],
    "index_fill": [sample(Z, ROWS, 2, axis=0)],
    "scatter": [sample(Z, PLACES, draw_complex(2, 2), axis=1)],
    "scatter_add": [sample(Z, PLACES, draw_complex(2, 2), axis=1)],
    "diagonal_scatter": [sample(Z, draw_complex(2))],
    "take": [sample(Z, COLUMNS, axis=1)],
    "take_along_axis": [sample(Z, PLACES, axis=1)],
    **{name: [sample(Z)] for name in ("tril", "triu")},
    "astype": [Sample((one,), {"dtype": dtype}, casts=()) for one in (X, Z) for dtype in ("complex128", "complex64")],
    "fill": [sample(Z, 2.5), sample(Z, 2), sample(Z, 1j)],
    "copy": [sample(Z, W), sample(Z, ONE)],
    "matmul": [sample(Z, W.T), sample(Z, draw_complex(3))],
    "vecdot": [sample(Z, W), sample(draw_complex(3), draw_complex(3))],
    "outer": [sample(draw_complex(3), draw_complex(2))],
    "trace": [sample(Z)],
    "tile": [sample(Z, repetitions=(2, 1))],
    "repeat": [sample(Z, count=2, axis=0)],
    "diag": [sample(Z), sample(draw_complex(2))],
    "einsum": [sample(Z, W, equation="ij,kj->ik")],
    "kron": [sample(draw_complex(2), draw_complex(3))],
    "cross": [sample(Z, W)],
    **{name: [sample(Z, axis=0), sample(Z, n=4, norm="ortho")] for name in ("fft", "ifft")},
    "irfft": [sample(Z), sample(Z, n=5), sample(Z, n=3, axis=0, norm="ortho"), sample(Z, n=8, norm="forward")],
}  # fmt: skip
for name, samples in COMPLEX_SAMPLES.items():
    SAMPLES[name].extend(samples)

"""The exact reference of every row against NumPy or SciPy in float64: an opinion that no framework had a part in.

A row's JAX spelling is run by NumPy where NumPy and SciPy have the same names; the table says what does the others.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import scipy.special
from op_samples import SAMPLES
from test_ops import bound, exact, inferred, names, reference_result, rounded, source

from compare.ops import OPS

MOST = 3
"""Samples of a row that are compared."""
RTOL, ATOL = 1e-12, 1e-14


class Array(np.ndarray[Any, Any]):
    """A NumPy array that is written as a JAX array is: `x.at[index].set(y)` gives a new one."""

    @property
    def at(self) -> Any:
        return _At(self)


class _At:
    def __init__(self, array: Any, index: Any = None) -> None:
        self.array, self.index = array.copy(), index

    def __getitem__(self, index: Any) -> _At:
        return _At(self.array, index)

    def set(self, value: Any) -> Any:
        self.array[self.index] = value
        return self.array

    def add(self, value: Any) -> Any:
        np.add.at(self.array, self.index, value)
        return self.array


def _convolved(x: Any, weight: Any, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """A convolution of layers: SciPy's correlation of every channel with the dilated kernel, summed and thinned out."""
    rank = x.ndim - 2
    strides, paddings, dilations = (np.broadcast_to(one, (rank,)) for one in (stride, padding, dilation))
    wide = np.zeros((*weight.shape[:2], *((np.array(weight.shape[2:]) - 1) * dilations + 1)))
    wide[(..., *(slice(None, None, int(step)) for step in dilations))] = weight
    padded = np.pad(x, [(0, 0), (0, 0), *((int(one), int(one)) for one in paddings)])
    of_group, into = weight.shape[1], weight.shape[0] // groups
    thin = tuple(slice(None, None, int(step)) for step in strides)
    found = [
        [
            sum(
                scipy.signal.correlate(image[channel // into * of_group + part], wide[channel, part], mode="valid")
                for part in range(of_group)
            )[thin]
            for channel in range(weight.shape[0])
        ]
        for image in padded
    ]
    return np.array(found)


def _transposed(
    x: Any, weight: Any, *, stride: Any, padding: Any, dilation: Any, groups: int, output_padding: Any
) -> Any:
    """The transpose of a convolution: SciPy's full convolution of the spread-out input, cut by the padding."""
    rank = x.ndim - 2
    strides, paddings, dilations, behind = (
        np.broadcast_to(one, (rank,)) for one in (stride, padding, dilation, output_padding)
    )
    spread = np.zeros((*x.shape[:2], *((np.array(x.shape[2:]) - 1) * strides + 1 + behind)))
    spread[(..., *(slice(0, size * step, int(step)) for size, step in zip(x.shape[2:], strides, strict=True)))] = x
    wide = np.zeros((*weight.shape[:2], *((np.array(weight.shape[2:]) - 1) * dilations + 1)))
    wide[(..., *(slice(None, None, int(step)) for step in dilations))] = weight
    of_group, into = weight.shape[0] // groups, weight.shape[1]
    found = [
        [
            sum(
                scipy.signal.convolve(
                    image[channel // into * of_group + part],
                    wide[channel // into * of_group + part, channel % into],
                    method="direct",
                )
                for part in range(of_group)
            )
            for channel in range(into * groups)
        ]
        for image in spread
    ]
    whole = np.array(found)
    return whole[(..., *(slice(int(one), whole.shape[2 + axis] - int(one)) for axis, one in enumerate(paddings)))]


def _pooled(rank: int, reduce: Callable[..., Any] | None) -> Callable[..., Any]:
    """Windows of the padded input, reduced; without a function, their mean."""

    def pool(
        x: Any, *, window: Any, stride: Any, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:  # fmt: skip
        axes = tuple(range(x.ndim - rank, x.ndim))
        widths, strides, paddings = (np.broadcast_to(one, (rank,)) for one in (window, stride, padding))
        within = np.pad(np.ones_like(x), _sides(x, paddings), constant_values=count_include_pad)
        padded = np.pad(x, _sides(x, paddings), constant_values=0.0 if reduce is None else -np.inf)
        taken: list[Any] = [slice(None)] * x.ndim
        for axis, width, step, before in zip(axes, widths, strides, paddings, strict=True):
            steps = (padded.shape[axis] - width) / step
            count = int(np.ceil(steps) if ceil_mode else np.floor(steps)) + 1
            count -= bool((count - 1) * step >= x.shape[axis] + before)  # no window starts behind the input
            missing = max(0, (count - 1) * step + width - padded.shape[axis])
            beyond = [(0, missing if one == axis else 0) for one in range(x.ndim)]
            within = np.pad(within, beyond)
            padded = np.pad(padded, beyond, constant_values=0.0 if reduce is None else -np.inf)
            taken[axis] = slice(0, (count - 1) * step + 1, step)

        def windows(array: Any) -> Any:
            view = np.lib.stride_tricks.sliding_window_view(array, tuple(widths), axis=axes)
            return view[tuple(taken)].reshape(*view[tuple(taken)].shape[: x.ndim], -1)

        if reduce is not None:
            return reduce(windows(padded), axis=-1)
        return windows(padded).sum(axis=-1) / (divisor_override or windows(within).sum(axis=-1))

    return pool


def _sides(x: Any, paddings: Any) -> list[tuple[int, int]]:
    return [(0, 0)] * (x.ndim - len(paddings)) + [(int(one), int(one)) for one in paddings]


def _scattered(x: Any, indices: Any, y: Any, *, axis: int) -> Any:
    found = x.copy()
    part = np.broadcast_to(y, indices.shape) if np.ndim(y) == 0 else y[tuple(map(slice, indices.shape))]
    np.put_along_axis(found, indices, part, axis)
    return found


def _order(pivots: Any, size: int) -> Any:
    order = np.arange(size)
    for place, pivot in enumerate(pivots - 1):
        order[[place, pivot]] = order[[pivot, place]]
    return order


def _softplus(x: Any) -> Any:
    return np.logaddexp(x, 0)


def _summed(*arrays: Any, equation: str) -> Any:
    """NumPy has no word for dots that the result leaves out: in the samples they are one axis each."""
    return np.einsum(equation if "..." in equation.partition("->")[2] else equation.replace("...", "z"), *arrays)


def _running_logsumexp(x: Any, *, axis: int) -> Any:
    return np.logaddexp.accumulate(x, axis=axis)


BY_NUMPY: dict[str, Callable[..., Any]] = {
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "argsort": lambda x, *, axis, descending: np.argsort(-x if descending else x, axis=axis, kind="stable"),
    "one_hot": lambda indices, *, classes: np.eye(classes, dtype=int)[indices],
    "scatter": _scattered,
    "einsum": _summed,
    **{f"max_pool{rank}d": _pooled(rank, np.max) for rank in (1, 2, 3)},
    **{f"avg_pool{rank}d": _pooled(rank, None) for rank in (1, 2, 3)},
    "lu_factors": lambda x: scipy.linalg.lu_factor(x)[0],
    "lu_pivots": lambda x: scipy.linalg.lu_factor(x)[1] + 1,
    "eig_eigenvectors": lambda x: np.linalg.eig(x)[1],
    "pivots_to_permutation": np.vectorize(_order, signature="(n)->(m)", excluded=["size"]),
    "lu_permutation": lambda x: scipy.linalg.lu(x)[0],
    "log_sigmoid": lambda x: -_softplus(-x),
    "softplus": _softplus,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x, *, negative_slope: np.where(x < 0, negative_slope * x, x),
    "gelu": lambda x: x * scipy.special.ndtr(x),
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "elu": lambda x, *, alpha: np.where(x > 0, x, alpha * np.expm1(x)),
    "celu": lambda x, *, alpha: np.where(x > 0, x, alpha * np.expm1(x / alpha)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "silu": lambda x: x * scipy.special.expit(x),
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "polygamma": lambda x, *, n: scipy.special.polygamma(n, x),
    "multigammaln": lambda x, *, d: np.vectorize(lambda one: scipy.special.multigammaln(one, d))(x),
    "logsumexp": lambda x, *, axis, keepdims: scipy.special.logsumexp(x, axis=axis, keepdims=keepdims),
    "softmax": lambda x, *, axis: scipy.special.softmax(x, axis=axis) if x.size else x,
    "log_softmax": lambda x, *, axis: scipy.special.log_softmax(x, axis=axis) if x.size else x,
    "cumulative_logsumexp": _running_logsumexp,
    "complex": lambda x, y: x + 1j * y,
    "polar": lambda x, y: x * np.exp(1j * y),
    "view_as_complex": lambda x: x[..., 0] + 1j * x[..., 1],
    **{f"conv{rank}d": _convolved for rank in (1, 2, 3)},
    **{f"conv_transpose{rank}d": _transposed for rank in (1, 2, 3)},
}
"""What NumPy or SciPy have under no name that the JAX spelling has: `(*operands, **attributes) -> array`."""


def by_numpy(name: str, operands: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    """What NumPy and SciPy make of a row."""
    if name in BY_NUMPY:
        return BY_NUMPY[name](*operands, **attributes)
    op = OPS[name]
    shapes = tuple(np.shape(one) for one in operands)
    text = source(op, op.jax, operands, {**attributes, **op.jax_names(shapes, attributes)}, "jnp")
    given = tuple(one.view(Array) if isinstance(one, np.ndarray) else one for one in operands)
    return eval(text, {"jnp": np, "jax": types.SimpleNamespace(scipy=scipy), **names(given)})


def check(name: str) -> None:
    op = OPS[name]
    for sample in SAMPLES[name][:MOST]:
        attributes = bound(op, sample)
        dtype = inferred(op, sample.operands, attributes)[1]
        with mpmath.workdps(30):
            found = rounded(reference_result(op, exact(sample.operands), attributes), dtype)
        wanted = np.asarray(by_numpy(name, sample.operands, attributes))
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted.astype(dtype), rtol=RTOL, atol=ATOL, err_msg=str(sample))


@pytest.mark.parametrize("name", sorted(OPS))
def test_the_reference_is_what_numpy_computes(name: str) -> None:
    check(name)


@pytest.mark.parametrize(("name", "wrong"), [("digamma", "lgamma"), ("relu", "softplus"), ("softmax", "log_softmax")])
def test_a_wrong_reference_is_noticed(name: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPS, name, dataclasses.replace(OPS[name], reference=OPS[wrong].reference))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check(name)

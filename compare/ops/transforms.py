"""Rows for discrete Fourier transforms along one axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from compare.ops.dtypes import COMPLEX, FLOATS, PARTS
from compare.ops.op import Attributes, Op, Shape
from compare.ops.rules import NO_ATTRIBUTES, Dtypes, one_axis

__all__ = ["ROWS"]

TRANSFORM = "x, *, n=None, axis=-1, norm=None"

# ---- shapes and dtypes ----


def _sized(size: Callable[[int], int]) -> Callable[[tuple[Shape, ...], Attributes], Shape]:
    """The shape with another size along `axis`: from `n`, or from the size that is there."""

    def shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
        axis = one_axis(attributes["axis"], len(shapes[0]))
        given, n = shapes[0], attributes["n"]
        length = size(given[axis]) if n is None else n
        if length < 1 or given[axis] < 1:
            raise ValueError(f"a transform of {given[axis]} elements to {length} is not one")
        return (*given[:axis], length, *given[axis + 1 :])

    return shape


_whole = _sized(lambda size: size)
_from_half = _sized(lambda size: 2 * (size - 1))


def _half(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    axis = one_axis(attributes["axis"], len(shapes[0]))
    whole = _whole(shapes, attributes)
    return (*whole[:axis], whole[axis] // 2 + 1, *whole[axis + 1 :])


def _to_complex(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    if dtypes[0] not in COMPLEX and dtypes[0] not in PARTS:
        raise ValueError(f"needs floating point or complex numbers, got {dtypes[0]}; cast with astype")
    return COMPLEX.get(dtypes[0], dtypes[0])


def _of_real(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    if dtypes[0] not in FLOATS:
        raise ValueError(f"needs real floating-point numbers, got {dtypes[0]}")
    return COMPLEX[dtypes[0]]


def _to_real(dtypes: Dtypes, default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    if dtypes[0] not in PARTS:
        raise ValueError(f"needs a complex tensor, got {dtypes[0]}")
    return PARTS[dtypes[0]]


# ---- exact transforms ----


def _resized(line: list[Any], size: int) -> list[Any]:
    return [*line[:size], *[mpmath.mpc(0)] * (size - len(line))]


def _scale(norm: str | None, size: int, *, inverse: bool) -> Any:
    if norm == "ortho":
        return 1 / mpmath.sqrt(size)
    return 1 / mpmath.mpf(size) if (norm == "forward") != inverse else mpmath.mpf(1)


def _transformed(line: list[Any], size: int, norm: str | None, *, inverse: bool) -> list[Any]:
    turn = mpmath.mpf(2 if inverse else -2) / size
    scale = _scale(norm, size, inverse=inverse)
    numbers = _resized(line, size)
    return [
        mpmath.mpc(scale * sum(one * mpmath.expjpi(turn * (place * k % size)) for k, one in enumerate(numbers)))
        for place in range(size)
    ]


def _mirrored(line: list[Any], size: int) -> list[Any]:
    """A whole spectrum from its first half. The imaginary parts of its ends mean nothing to a real signal."""
    half = _resized(line, size // 2 + 1)
    ends = {0, size // 2} if size % 2 == 0 else {0}
    whole = [mpmath.mpc(mpmath.re(one)) if place in ends else one for place, one in enumerate(half)]
    return [*whole, *(mpmath.conj(whole[size - place]) for place in range(len(whole), size))]


def _lines(x: Any, axis: int, function: Callable[[list[Any]], list[Any]]) -> Any:
    moved = np.moveaxis(x, axis, -1)
    found = [function(list(moved[place])) for place in np.ndindex(moved.shape[:-1])]
    result = np.empty((*moved.shape[:-1], len(found[0]) if found else 0), dtype=object)
    for place, line in zip(np.ndindex(moved.shape[:-1]), found, strict=True):
        result[place] = line
    return np.moveaxis(result, -1, axis).copy()


def _reference(*, inverse: bool) -> Callable[..., Any]:
    return lambda x, *, n, axis, norm: _lines(
        x, axis, lambda line: _transformed(line, n or len(line), norm, inverse=inverse)
    )


def _rfft(x: Any, *, n: int | None, axis: int, norm: str | None) -> Any:
    return _lines(
        x,
        axis,
        lambda line: _transformed(line, n or len(line), norm, inverse=False)[: (n or len(line)) // 2 + 1],
    )


def _irfft(x: Any, *, n: int | None, axis: int, norm: str | None) -> Any:
    def signal(line: list[Any]) -> list[Any]:
        size = n or 2 * (len(line) - 1)
        return [mpmath.re(one) for one in _transformed(_mirrored(line, size), size, norm, inverse=True)]

    return _lines(x, axis, signal)


# ---- rows ----


def _transform(name: str, reference: Any, shape: Any, dtype: Any, *, complex: bool) -> Op:
    return Op(
        name, TRANSFORM, f"torch.fft.{name}(x, n=n, dim=axis, norm=norm)",
        f"jnp.fft.{name}(x, n=n, axis=axis, norm=norm)", reference, shape, dtype, linear=("x",), complex=complex,
    )  # fmt: skip


ROWS = (
    _transform("fft", _reference(inverse=False), _whole, _to_complex, complex=True),
    _transform("ifft", _reference(inverse=True), _whole, _to_complex, complex=True),
    _transform("rfft", _rfft, _half, _of_real, complex=False),
    _transform("irfft", _irfft, _from_half, _to_real, complex=True),
)

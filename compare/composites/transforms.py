"""Fourier transforms along several axes, and complex functions of several ops."""

from __future__ import annotations

from typing import Any

from compare.composites.composite import composite
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__: list[str] = []


def _axes(input: Tensor, s: Any, dim: Any) -> tuple[tuple[int, ...], tuple[int | None, ...]]:
    """The axes of a transform and the sizes along them; -1 keeps a size."""
    ndim = len(input.shape)
    if dim is None:
        axes = tuple(range(ndim)) if s is None else tuple(range(ndim - len(s), ndim))
    else:
        axes = (dim,) if isinstance(dim, int) else tuple(dim)
    sizes: tuple[int | None, ...] = (
        tuple(None if one == -1 else one for one in s) if s is not None else (None,) * len(axes)
    )
    if len(sizes) != len(axes):
        raise ProgramError(f"A transform along {len(axes)} axes has {len(sizes)} sizes.")
    return axes, sizes


def _given(**attributes: Any) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _along(tape: Tape, row: str, x: Tensor, axes: Any, sizes: Any, norm: str | None) -> Tensor:
    for axis, n in zip(axes, sizes, strict=True):
        x = getattr(tape, row)(x, axis=axis, **_given(n=n, norm=norm))
    return x


@composite("torch.fft.fftn")
def _fftn(tape: Tape, input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    return _along(tape, "fft", input, *_axes(input, s, dim), norm)


@composite("torch.fft.ifftn")
def _ifftn(tape: Tape, input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    return _along(tape, "ifft", input, *_axes(input, s, dim), norm)


@composite("torch.fft.fft2")
def _fft2(tape: Tape, input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    return _fftn(tape, input, s, dim, norm)


@composite("torch.fft.ifft2")
def _ifft2(tape: Tape, input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    return _ifftn(tape, input, s, dim, norm)


@composite("torch.fft.rfftn")
def _rfftn(tape: Tape, input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    axes, sizes = _axes(input, s, dim)
    half = tape.rfft(input, axis=axes[-1], **_given(n=sizes[-1], norm=norm))
    return _along(tape, "fft", half, axes[:-1], sizes[:-1], norm)


@composite("torch.fft.irfftn")
def _irfftn(tape: Tape, input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    axes, sizes = _axes(input, s, dim)
    half = _along(tape, "ifft", input, axes[:-1], sizes[:-1], norm)
    return tape.irfft(half, axis=axes[-1], **_given(n=sizes[-1], norm=norm))


@composite("torch.fft.rfft2")
def _rfft2(tape: Tape, input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    return _rfftn(tape, input, s, dim, norm)


@composite("torch.fft.irfft2")
def _irfft2(tape: Tape, input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    return _irfftn(tape, input, s, dim, norm)


@composite("torch.fft.fftshift")
def _fftshift(tape: Tape, input: Tensor, dim: Any = None) -> Tensor:
    shifted = input
    for axis in _axes(input, None, dim)[0]:
        shifted = tape.roll(shifted, shift=input.shape[axis] // 2, axis=axis)
    return shifted


@composite("torch.fft.ifftshift")
def _ifftshift(tape: Tape, input: Tensor, dim: Any = None) -> Tensor:
    shifted = input
    for axis in _axes(input, None, dim)[0]:
        shifted = tape.roll(shifted, shift=-(input.shape[axis] // 2), axis=axis)
    return shifted


@composite("torch.fft.hfft", "torch.fft.ihfft", "torch.stft", "torch.istft")
def _refused(tape: Tape, *arguments: Any, **keywords: Any) -> Tensor:
    raise ProgramError("This transform is not modelled. Write it out with fft, ifft, rfft or irfft.")


@composite("torch.sgn")
def _sgn(tape: Tape, input: Tensor) -> Tensor:
    if not input.dtype_name.startswith("complex"):
        return input.sign()
    modulus = input.abs()
    zero = modulus == 0
    # The quotient that is not chosen must stay finite, or its gradient is nan.
    direction = input / tape.where(zero, 1.0, modulus)
    return tape.where(zero, 0.0, direction)

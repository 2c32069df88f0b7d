"""Fourier transforms along several axes, and complex functions of several ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from compare.composites.composite import COMPOSITES, composite
from compare.composites.kinds import check_floats
from compare.errors import ProgramError
from compare.ops import COMPLEX
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
    half = _along(tape, "ifft", _as_complex(input), axes[:-1], sizes[:-1], norm)
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


# ---- transforms of Hermitian signals ----

OTHER_NORM = {None: "forward", "backward": "forward", "forward": None, "ortho": "ortho"}
"""The norm with which the transform in the other direction scales as this one does."""


def _as_complex(input: Tensor) -> Tensor:
    return input if input.dtype_name.startswith("complex") else input.astype(dtype=COMPLEX[input.dtype_name])


@composite("torch.fft.irfft")
def _irfft(tape: Tape, input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    return tape.irfft(_as_complex(input), axis=dim, **_given(n=n, norm=norm))


@composite("torch.fft.hfft")
def _hfft(tape: Tape, input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    return tape.irfft(_as_complex(input).conj(), axis=dim, **_given(n=n, norm=OTHER_NORM[norm]))


@composite("torch.fft.ihfft")
def _ihfft(tape: Tape, input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    return tape.rfft(input, axis=dim, **_given(n=n, norm=OTHER_NORM[norm])).conj().clone()


@composite("torch.fft.hfftn")
def _hfftn(tape: Tape, input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    axes, sizes = _axes(input, s, dim)
    half = _along(tape, "fft", _as_complex(input), axes[:-1], sizes[:-1], norm)
    return _hfft(tape, half, sizes[-1], axes[-1], norm)


@composite("torch.fft.ihfftn")
def _ihfftn(tape: Tape, input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    axes, sizes = _axes(input, s, dim)
    half = _ihfft(tape, input, sizes[-1], axes[-1], norm)
    return _along(tape, "ifft", half, axes[:-1], sizes[:-1], norm)


@composite("torch.fft.hfft2")
def _hfft2(tape: Tape, input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    return _hfftn(tape, input, s, dim, norm)


@composite("torch.fft.ihfft2")
def _ihfft2(tape: Tape, input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    return _ihfftn(tape, input, s, dim, norm)


# ---- transforms of frames ----


@composite("torch.stft")
def _stft(
    tape: Tape,
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    check_floats("stft", input)
    if return_complex is None or align_to_window:
        raise ProgramError("stft is modelled with return_complex given, and without align_to_window.")
    step, width = hop_length or n_fft // 4, win_length or n_fft
    signals = input if len(input.shape) > 1 else tape.expand_dims(input, axis=0)
    if center:
        # PyTorch pads what it takes for an image with one channel.
        channels = tape.expand_dims(signals, axis=1)
        padded = COMPOSITES["torch.nn.functional.pad"](tape, channels, (n_fft // 2, n_fft // 2), pad_mode)
        signals = tape.squeeze(padded, axis=1)
    if signals.shape[-1] < n_fft or step < 1 or not 0 < width <= n_fft:
        raise ProgramError(f"stft: a window of {width} in frames of {n_fft} does not fit a signal of this length.")
    starts = np.arange(0, signals.shape[-1] - n_fft + 1, step)
    frames = signals[:, tape.constant(starts[:, None] + np.arange(n_fft))]
    before = (n_fft - width) // 2
    if window is not None or width < n_fft:
        shape = tape.constant(np.ones(width), dtype=input.dtype_name) if window is None else window
        around = (before, n_fft - width - before)
        frames = frames * (tape.pad(shape, widths=around) if any(around) else shape)
    norm = "ortho" if normalized else None
    spectrum = tape.fft(frames, **_given(norm=norm)) if onesided is False else tape.rfft(frames, **_given(norm=norm))
    turned = tape.swapaxes(spectrum, axis1=1, axis2=2)
    if len(input.shape) == 1:
        turned = turned[0]
    return turned if return_complex else tape.view_as_real(turned)


@composite("torch.istft")
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

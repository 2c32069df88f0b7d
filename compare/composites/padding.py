"""Padding by its mode, with negative widths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compare.composites.composite import composite
from compare.errors import ProgramError
from compare.statements import as_number
from compare.tape import Tape, Tensor

__all__ = ["by_mode"]

MODES = {"reflect": "pad_reflect", "replicate": "pad_replicate", "circular": "pad_circular"}


@composite("torch.nn.functional.pad")
def by_mode(
    tape: Tape, input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:  # fmt: skip
    """Elements around `input`: widths before and behind the last axis first. A negative width takes elements away."""
    widths = tuple(pad)
    if mode != "constant":
        if mode not in MODES:
            raise ProgramError(f"torch.nn.functional.pad: unknown mode {mode!r}. Modes: constant, {', '.join(MODES)}.")
        if value:
            raise ProgramError(f"torch.nn.functional.pad: the mode {mode!r} takes no value. Leave it out.")
        if mode == "replicate" and any(width < 0 for width in widths):
            return _replicated(tape, input, widths)
        if any(width < 0 for width in widths):
            raise ProgramError(
                f"torch.nn.functional.pad: a negative width with the mode {mode!r}. Index with a slice, then pad."
            )
        row = getattr(tape, MODES[mode])
        return row(input, widths=widths)
    number = 0 if value is None else as_number(value)
    if input.dtype_name == "int64" and isinstance(number, float) and number.is_integer():
        number = int(number)
    cropped = _cropped(input, widths)
    kept = tuple(max(width, 0) for width in widths)
    if any(kept):
        return tape.pad(cropped, widths=kept, value=number)
    return cropped.clone()


def _replicated(tape: Tape, input: Tensor, widths: tuple[int, ...]) -> Tensor:
    """The elements nearest to each place of the result; a negative width takes elements away, after the padding."""
    padded = input
    for place in range(0, len(widths), 2):
        axis = len(input.shape) - 1 - place // 2
        size, before, behind = input.shape[axis], widths[place], widths[place + 1]
        if not before and not behind:
            continue
        nearest = np.clip(np.arange(-before, size + behind), 0, size - 1)
        padded = tape.take(padded, tape.constant(nearest), axis=axis)
    return padded


@composite("torch.constant_pad_nd")
def _constant_pad(tape: Tape, input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    return by_mode(tape, input, pad, "constant", value)


def _cropped(input: Tensor, widths: tuple[int, ...]) -> Tensor:
    """A view without the elements that negative widths take away."""
    if not any(width < 0 for width in widths):
        return input
    pairs = [(min(widths[place], 0), min(widths[place + 1], 0)) for place in range(0, len(widths), 2)]
    lead = len(input.shape) - len(pairs)
    index = [slice(None)] * lead
    for size, (before, behind) in zip(input.shape[lead:], pairs[::-1], strict=True):
        index.append(slice(-before, size + behind))
    return input[tuple(index)]

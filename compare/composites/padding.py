"""Padding by its mode, with negative widths."""

from __future__ import annotations

from collections.abc import Sequence

from compare.composites.composite import composite
from compare.errors import ProgramError
from compare.statements import as_number
from compare.tape import Tape, Tensor

__all__ = ["pad"]

MODES = {"reflect": "pad_reflect", "replicate": "pad_replicate", "circular": "pad_circular"}


@composite("torch.nn.functional.pad")
def pad(
    tape: Tape, input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:  # fmt: skip
    """Elements around `input`: widths before and behind the last axis first. A negative width takes elements away."""
    widths = tuple(pad)
    if mode != "constant":
        if mode not in MODES:
            raise ProgramError(f"torch.nn.functional.pad: unknown mode {mode!r}. Modes: constant, {', '.join(MODES)}.")
        if value:
            raise ProgramError(f"torch.nn.functional.pad: the mode {mode!r} takes no value. Leave it out.")
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

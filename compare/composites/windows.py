"""Windows of an image as columns, and columns summed into an image again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compare.composites.arguments import Sizes, for_each_axis
from compare.composites.composite import composite
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = ["fold", "unfold"]


def _places(name: str, shape: Sequence[int], kernel: Sizes, dilation: Sizes, stride: Sizes) -> tuple[Any, int]:
    """By place in the window and by window, which element of the flattened image it is; and how many windows there are.

    Returns: `int64[places * windows]`, windows.
    """
    sizes, steps, strides = (for_each_axis(name, one, 2) for one in (kernel, dilation, stride))
    axes = []
    for size, window, wide, step in zip(shape, sizes, steps, strides, strict=True):
        count = (size - wide * (window - 1) - 1) // step + 1
        if count < 1:
            raise ProgramError(f"{name}: a window that covers {wide * (window - 1) + 1} does not fit into {size}.")
        axes.append(np.arange(window)[:, None] * wide + np.arange(count) * step)
    rows, columns = axes
    flat = rows[:, None, :, None] * shape[1] + columns[None, :, None, :]
    return flat.reshape(-1), rows.shape[1] * columns.shape[1]


@composite("torch.nn.functional.unfold")
def unfold(
    tape: Tape, input: Tensor, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Tensor:  # fmt: skip
    """`f[batch, channels, h, w]` gives `f[batch, channels * places of a window, windows]`; the batch may be missing."""
    *lead, channels, height, width = input.shape
    above, left = for_each_axis("padding", padding, 2)
    padded = input
    if above or left:
        padded = tape.pad(input, widths=(left, left, above, above))
    shape = (height + 2 * above, width + 2 * left)
    elements, windows = _places("torch.nn.functional.unfold", shape, kernel_size, dilation, stride)
    # Two positions each, where flattening the image first would need to know its strides.
    down, across = (tape.constant(one) for one in np.divmod(elements, shape[1]))
    columns = padded[(*[slice(None)] * (len(lead) + 1), down, across)]
    return columns.reshape((*lead, channels * (len(elements) // windows), windows))


@composite("torch.nn.functional.fold")
def fold(
    tape: Tape,
    input: Tensor,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """The transpose of unfold: `f[batch, channels * places of a window, windows]` gives `f[batch, channels, h, w]`."""
    *lead, rows, count = input.shape
    height, width = for_each_axis("output_size", output_size, 2)
    above, left = for_each_axis("padding", padding, 2)
    shape = (height + 2 * above, width + 2 * left)
    elements, windows = _places("torch.nn.functional.fold", shape, kernel_size, dilation, stride)
    places = len(elements) // windows
    if windows != count or rows % places:
        raise ProgramError(
            f"torch.nn.functional.fold: {rows} rows and {count} columns are not those of windows with {places} places "
            f"at {windows} positions."
        )
    positions = tape.constant(elements)
    columns = input.reshape((*lead, rows // places, len(elements)))
    zeros = tape.constant(0.0, dtype=input.dtype_name)
    empty = zeros.broadcast_to((*lead, rows // places, shape[0] * shape[1]))
    pixels = tape.index_add(empty, positions, columns, axis=len(lead) + 1)
    image = pixels.unflatten(axis=-1, shape=shape)
    if above or left:
        return image[..., above : above + height, left : left + width]
    return image

"""Pooling with dilation, with positions, with norms, and to a given size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from compare.composites.arguments import Sizes, for_each_axis, in_order
from compare.composites.composite import composite
from compare.errors import ProgramError
from compare.ops.pooling import pooled_sizes
from compare.tape import Tape, Tensor

__all__ = ["avg_pool1d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_unpool2d", "max_unpool3d"]


def _counts(name: str, input: Tensor, given: dict[str, Any], rank: int) -> tuple[int, ...]:
    """How many windows there are along each axis. Raises ProgramError."""
    try:
        return pooled_sizes(input.shape, given, rank)
    except ValueError as error:
        raise ProgramError(f"torch.nn.functional.{name}: {error}.") from error


# ---- the largest element ----


def _scanned_max(tape: Tape, input: Tensor, rank: int, given: dict[str, Any], dilation: Any) -> tuple[Tensor, Tensor]:
    """The largest element of every window, found one place of the window after the other, and where it is.

    As in PyTorch, the first of equal elements stays, and of several nan the last.
    """
    window, stride, padding = (for_each_axis(name, given[name], rank) for name in ("window", "stride", "padding"))
    dilation = for_each_axis("dilation", dilation, rank)
    sizes = input.shape[-rank:]
    covered = tuple(step * (size - 1) + 1 for size, step in zip(window, dilation, strict=True))
    if any(pad > size // 2 for pad, size in zip(padding, window, strict=True)):
        raise ProgramError(f"max_pool{rank}d: padding may be at most half the window, got {padding} of {window}.")
    counts = _counts(f"max_pool{rank}d", input, {**given, "window": covered}, rank)
    behind = [
        max((count - 1) * step + cover - size - pad, 0)
        for count, step, cover, size, pad in zip(counts, stride, covered, sizes, padding, strict=True)
    ]
    padded = input
    if any(padding) or any(behind):
        widths = [width for pair in zip(padding[::-1], behind[::-1], strict=True) for width in pair]
        padded = tape.pad(input, widths=tuple(widths), value="-inf")
    best = indices = None
    begun: Any = np.zeros(counts, dtype=bool)
    for place in np.ndindex(*window):
        starts = [at * step for at, step in zip(place, dilation, strict=True)]
        stops = [start + (count - 1) * step + 1 for start, count, step in zip(starts, counts, stride, strict=True)]
        candidate = padded[(..., *map(slice, starts, stops, stride))]
        position = tape.constant(_positions(starts, counts, stride, padding, sizes))
        if best is None or indices is None:
            best, indices = candidate, position.broadcast_to(candidate.shape)
            begun |= _inside(starts, counts, stride, padding, sizes)
            continue
        is_nan = candidate != candidate
        better = (candidate > best) | is_nan
        begins = _inside(starts, counts, stride, padding, sizes) & ~begun
        if begins.any():
            # What came before was padding, and not even an equal element of it is taken.
            is_first = tape.constant(begins)
            better = better | is_first
        begun |= begins
        best = tape.where(better, candidate, best)
        indices = tape.where(better, position, indices)
    assert best is not None
    assert indices is not None
    return best, indices


def _places(starts: Sequence[int], counts: Sequence[int], stride: Sequence[int], padding: Sequence[int]) -> list[Any]:
    """Where one place of every window lies in the input, by axis, shaped to broadcast; outside of it in the padding."""
    return list(
        np.ix_(
            *(
                np.arange(count) * step + start - pad
                for start, count, step, pad in zip(starts, counts, stride, padding, strict=True)
            )
        )
    )


def _inside(
    starts: Sequence[int], counts: Sequence[int], stride: Sequence[int], padding: Sequence[int], sizes: Sequence[int]
) -> Any:
    """Of which windows one place is an element of the input: `bool[windows]`."""
    inside: Any = np.ones(tuple(counts), dtype=bool)
    for places, size in zip(_places(starts, counts, stride, padding), sizes, strict=True):
        inside = inside & (places >= 0) & (places < size)
    return inside


def _positions(
    starts: Sequence[int], counts: Sequence[int], stride: Sequence[int], padding: Sequence[int], sizes: Sequence[int]
) -> Any:
    """Where in the flattened input one place of every window lies: `int64[windows]`; meaningless in the padding."""
    flat: Any = 0
    for places, size in zip(_places(starts, counts, stride, padding), sizes, strict=True):
        flat = flat * size + places
    return flat


def _max_pool(rank: int) -> Callable[..., Tensor]:
    """`torch.max_pool2d` and its like."""

    def function(
        tape: Tape,
        input: Tensor,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
    ) -> Tensor:
        given = {"window": kernel_size, "stride": stride or kernel_size, "padding": padding, "ceil_mode": ceil_mode}
        # JAX cannot differentiate a dilated maximum over windows.
        if any(step != 1 for step in for_each_axis("dilation", dilation, rank)):
            largest, _ = _scanned_max(tape, input, rank, given, dilation)
            return largest
        row = getattr(tape, f"max_pool{rank}d")
        return row(input, **given)

    function.__name__ = f"max_pool{rank}d"
    function.__doc__ = f"The largest of every window over the last {rank} axes; the first of equal ones counts."
    return function


def _max_pool_with_indices(rank: int, *, always: bool) -> Callable[..., Any]:
    """`torch.nn.functional.max_pool2d` and its like, and the functions that return positions `always`."""
    without_indices = _max_pool(rank)

    def function(
        tape: Tape,
        input: Tensor,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        if not (return_indices or always):
            return without_indices(tape, input, kernel_size, stride, padding, dilation, ceil_mode)
        given = {"window": kernel_size, "stride": stride or kernel_size, "padding": padding, "ceil_mode": ceil_mode}
        return _scanned_max(tape, input, rank, given, dilation)

    function.__name__ = f"max_pool{rank}d" + "_with_indices" * always
    function.__doc__ = f"The largest of every window over the last {rank} axes, and where in them it lies."
    return function


# ---- the mean ----


def _mean_of_windows(
    tape: Tape, input: Tensor, rank: int, given: dict[str, Any], divisor_override: int | None = None
) -> Tensor:
    row = getattr(tape, f"avg_pool{rank}d")
    if divisor_override is not None:
        return row(input, **given, divisor_override=divisor_override)
    if not (given["ceil_mode"] and given["count_include_pad"]):
        return row(input, **given)
    # PyTorch counts the padding, and not what a window reaches beyond it.
    counts = _counts(f"avg_pool{rank}d", input, given, rank)
    paddings = for_each_axis("padding", given["padding"], rank)
    padded = input
    if any(paddings):
        widths = tuple(width for pad in paddings[::-1] for width in (pad, pad))
        padded = tape.pad(input, widths=widths)
    means = row(padded, **{**given, "padding": 0, "count_include_pad": False})
    # In the padded input a window may begin where there is none in the input: in the padding behind the end.
    return means if means.shape[-rank:] == counts else means[(..., *map(slice, counts))]


def _avg_pool(rank: int) -> Callable[..., Tensor]:
    """`torch.nn.functional.avg_pool2d` and its like, whose divisor can be given."""

    def function(
        tape: Tape,
        input: Tensor,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Tensor:
        given = {"window": kernel_size, "stride": stride or kernel_size, "padding": padding, "ceil_mode": ceil_mode}
        given["count_include_pad"] = count_include_pad
        return _mean_of_windows(tape, input, rank, given, divisor_override)

    function.__name__ = f"avg_pool{rank}d"
    function.__doc__ = f"The mean of every window over the last {rank} axes."
    return function


@composite("torch.nn.functional.avg_pool1d", "torch.avg_pool1d")
def avg_pool1d(
    tape: Tape,
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of every window over the last axis."""
    given = {"window": kernel_size, "stride": stride or kernel_size, "padding": padding, "ceil_mode": ceil_mode}
    return _mean_of_windows(tape, input, 1, {**given, "count_include_pad": count_include_pad})


# ---- to a given size ----


def _bins(size: int, count: int) -> Iterator[tuple[int, int]]:
    """Where each of `count` windows that cover an axis begins and ends; they may overlap."""
    for place in range(count):
        yield place * size // count, -(-(place + 1) * size // count)


def _adapted(tape: Tape, input: Tensor, output_size: Any, rank: int, kind: str) -> Tensor:
    """Pooling over windows that are chosen so that the result has the size asked for; None keeps an axis."""
    row = getattr(tape, f"{kind}_pool{rank}d")
    sizes = input.shape[-rank:]
    asked = (output_size,) * rank if output_size is None or isinstance(output_size, int) else tuple(output_size)
    asked *= rank if len(asked) == 1 else 1
    wanted = [size if count is None else count for size, count in zip(sizes, asked, strict=True)]
    if any(count < 1 for count in wanted):
        raise ProgramError(f"torch.nn.functional.adaptive_{kind}_pool{rank}d: nothing is left in a size of {wanted}.")
    if all(size % count == 0 for size, count in zip(sizes, wanted, strict=True)):
        window = tuple(size // count for size, count in zip(sizes, wanted, strict=True))
        return row(input, window=window, stride=window)
    # Along one axis after the other: the windows are not equally large. The last one first, so that of equal elements
    # the first in the whole window is taken.
    pooled = input
    for axis, (size, count) in reversed(list(enumerate(zip(sizes, wanted, strict=True)))):
        pieces = []
        for start, stop in _bins(size, count):
            part = pooled[(..., slice(start, stop), *[slice(None)] * (rank - 1 - axis))]
            window = tuple(stop - start if one == axis else 1 for one in range(rank))
            pieces.append(row(part, window=window, stride=window))
        pooled = tape.concat(pieces, axis=axis - rank)
    return pooled


def _first_largest(tape: Tape, windows: Tensor) -> Tensor:
    """Where in the last axis the first of the largest elements is, or the last nan: `int64[..., 1]`."""
    places = tape.argmax(windows, axis=-1, keepdims=True)
    is_nan = (windows != windows).astype("int64")
    from_the_end = tape.argmax(tape.flip(is_nan, axis=-1), axis=-1, keepdims=True)
    return tape.where(
        tape.any(windows != windows, axis=-1, keepdims=True), windows.shape[-1] - 1 - from_the_end, places
    )


def _largest_of_windows(tape: Tape, windows: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """The largest element of each window, and where in the flattened input it is: `f[..., k]`, `int64[..., k]`."""
    places = _first_largest(tape, windows)
    largest = tape.squeeze(tape.take_along_axis(windows, places, axis=-1), axis=-1)
    indices = tape.squeeze(tape.take_along_axis(positions, places, axis=-1), axis=-1)
    return largest, indices


def _adapted_with_indices(tape: Tape, input: Tensor, output_size: Any, rank: int) -> tuple[Tensor, Tensor]:
    """The largest elements, and where they are, of windows that are chosen so that the result has the size asked for.

    A window that is shorter than the longest has its last element several times: the first of them counts.
    """
    sizes = input.shape[-rank:]
    asked = (output_size,) * rank if output_size is None or isinstance(output_size, int) else tuple(output_size)
    asked *= rank if len(asked) == 1 else 1
    wanted = [size if count is None else count for size, count in zip(sizes, asked, strict=True)]
    lead = input.shape[:-rank]
    flat: Any = np.zeros((), dtype=int)
    for size, count in zip(sizes, wanted, strict=True):
        bins = list(_bins(size, count))
        longest = max(stop - start for start, stop in bins)
        along = np.array([[min(start + step, stop - 1) for step in range(longest)] for start, stop in bins])
        flat = flat[..., None, None] * size + along
    # The places of the windows first, then what is in each.
    axes = [*range(0, 2 * rank, 2), *range(1, 2 * rank, 2)]
    table = flat.transpose(axes).reshape(*wanted, -1)
    elements = tape.reshape(input, shape=(*lead, math.prod(sizes)))
    windows = tape.take(elements, tape.constant(table.reshape(-1)), axis=-1)
    windows = tape.reshape(windows, shape=(*lead, *table.shape))
    positions = tape.broadcast_to(tape.constant(table), shape=windows.shape)
    return _largest_of_windows(tape, windows, positions)


def _adaptive_avg_pool(rank: int) -> Callable[..., Tensor]:
    def function(tape: Tape, input: Tensor, output_size: Any) -> Tensor:
        return _adapted(tape, input, output_size, rank, "avg")

    function.__name__ = f"adaptive_avg_pool{rank}d"
    function.__doc__ = f"Means over the last {rank} axes that leave `output_size` of them."
    return function


def _adaptive_max_pool(rank: int) -> Callable[..., Any]:
    def function(tape: Tape, input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        if return_indices:
            return _adapted_with_indices(tape, input, output_size, rank)
        return _adapted(tape, input, output_size, rank, "max")

    function.__name__ = f"adaptive_max_pool{rank}d"
    function.__doc__ = f"Largest elements over the last {rank} axes that leave `output_size` of them."
    return function


def _both_of_adaptive(rank: int) -> Callable[..., Any]:
    def function(tape: Tape, input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
        return _adapted_with_indices(tape, input, output_size, rank)

    function.__name__ = f"adaptive_max_pool{rank}d"
    function.__doc__ = "What torch.nn.functional calls: the largest elements, and where they are."
    return function


composite("torch.adaptive_max_pool1d")(_both_of_adaptive(1))
composite("torch._C._nn.adaptive_max_pool2d")(_both_of_adaptive(2))
composite("torch._C._nn.adaptive_max_pool3d")(_both_of_adaptive(3))

for _rank in (1, 2, 3):
    composite(f"torch.max_pool{_rank}d")(_max_pool(_rank))
    composite(f"torch.nn.functional.max_pool{_rank}d")(_max_pool_with_indices(_rank, always=False))
    composite(f"torch.nn.functional.max_pool{_rank}d_with_indices")(_max_pool_with_indices(_rank, always=True))
    composite(f"torch.nn.functional.adaptive_max_pool{_rank}d")(_adaptive_max_pool(_rank))
    composite(f"torch.nn.functional.adaptive_avg_pool{_rank}d")(_adaptive_avg_pool(_rank))
composite("torch.adaptive_avg_pool1d")(_adaptive_avg_pool(1))
for _rank in (2, 3):
    composite(f"torch.nn.functional.avg_pool{_rank}d")(_avg_pool(_rank))

# ---- over windows whose places are drawn ----


def _fractional(rank: int) -> Callable[..., Any]:
    def function(
        tape: Tape, input: Tensor, kernel_size: Sizes, output_size: Sizes, _random_samples: Tensor
    ) -> tuple[Tensor, Tensor]:
        name = f"torch.nn.functional.fractional_max_pool{rank}d"
        sizes = input.shape[-rank:]
        windows, counts = for_each_axis(name, kernel_size, rank), for_each_axis(name, output_size, rank)
        batched = input if len(input.shape) == rank + 2 else input[None]
        lead = batched.shape[:2]
        flat: Tensor | None = None
        for axis, (size, window, count) in enumerate(zip(sizes, windows, counts, strict=True)):
            # Of an image the samples begin with its last axis, of a volume with its first.
            own_sample = tape.constant([rank - 1 - axis if rank == 2 else axis])
            sample = tape.take(_random_samples, own_sample, axis=2)
            starts = _starts(tape, sample, size, window, count)
            places = starts[:, :, :, None] + tape.constant(list(range(window)))
            if flat is None:
                flat = places
                continue
            shape = (*flat.shape, *places.shape[2:])
            ahead = tape.broadcast_to(flat[(..., None, None)], shape=shape)
            own = tape.reshape(in_order(tape, places), shape=(*lead, *[1] * (len(flat.shape) - 2), *places.shape[2:]))
            flat = ahead * size + own
        assert flat is not None
        axes = (0, 1, *range(2, 2 * rank + 2, 2), *range(3, 2 * rank + 2, 2))
        ordered = in_order(tape, tape.permute_dims(flat, axes=axes))
        positions = tape.reshape(ordered, shape=(*lead, *counts, math.prod(windows)))
        elements = tape.reshape(batched, shape=(*lead, math.prod(sizes)))
        flat = tape.reshape(positions, shape=(*lead, math.prod(positions.shape[2:])))
        found = tape.take_along_axis(elements, flat, axis=2)
        largest, indices = _largest_of_windows(tape, tape.reshape(found, shape=positions.shape), positions)
        return (largest, indices) if batched is input else (largest[0], indices[0])

    function.__name__ = f"fractional_max_pool{rank}d"
    function.__doc__ = "The largest of windows, the places of which follow from random numbers, and where it is."
    return function


def _starts(tape: Tape, sample: Tensor, size: int, window: int, count: int) -> Tensor:
    """Where the windows along one axis begin: `f[n, c, 1]` random numbers give `int64[n, c, count]`."""
    last = tape.constant(np.full(sample.shape, size - window))
    if count == 1:
        return last
    step = (size - window) / (count - 1)
    places = tape.constant(np.arange(count - 1), dtype=sample.dtype_name)
    reached = ((sample + places) * step).trunc()
    starts = (reached - (sample * step).trunc()).astype("int64")
    return tape.concat([starts, last], axis=-1)


composite("torch._C._nn.fractional_max_pool2d")(_fractional(2))
composite("torch._C._nn.fractional_max_pool3d")(_fractional(3))

# ---- back from positions ----


def _last_writers(positions: Any) -> Any:
    """Which of the positions along the last axis are not written again behind: `bool[...]`."""
    lines = positions.reshape(-1, positions.shape[-1])
    wins = np.zeros(lines.shape, dtype=bool)
    for line, won in zip(lines, wins, strict=True):
        won[[place for place, one in enumerate(line) if one not in line[place + 1 :]]] = True
    return wins.reshape(positions.shape)


def _unpooled(tape: Tape, input: Tensor, indices: Tensor, sizes: Sequence[int]) -> Tensor:
    """Zeros of these sizes with the elements at their positions; every element has the gradient at its position.

    Where a position comes twice, the last element is written, and PyTorch gives each of them the whole gradient.
    """
    rank = len(sizes)
    lead = input.shape[:-rank]
    count = math.prod(input.shape[-rank:])
    elements = tape.reshape(input, shape=(*lead, count))
    positions = tape.reshape(indices, shape=(*lead, count))
    empty = tape.constant(np.zeros((*lead, math.prod(sizes))), dtype=input.dtype_name)
    known = tape._facts.handle(indices._name).known
    if known is None:
        raise ProgramError(
            f"max_unpool{rank}d at positions that are computed is not modelled: whether one comes twice is not known. "
            "Scatter the elements, or give the positions as data."
        )
    wins = _last_writers(known.reshape(*lead, count))
    total = tape.scatter_add(empty, positions, elements, axis=-1)
    if not wins.all():
        written = tape.where(tape.constant(wins), elements.detach(), 0.0)
        surplus = total.detach() - tape.scatter_add(empty, positions, written, axis=-1)
        total = total - surplus
    return tape.reshape(total, shape=(*lead, *sizes))


@composite("torch._C._nn.max_unpool2d")
def max_unpool2d(tape: Tape, input: Tensor, indices: Tensor, output_size: Sequence[int]) -> Tensor:
    """An image with the elements at their positions."""
    return _unpooled(tape, input, indices, tuple(output_size))


@composite("torch._C._nn.max_unpool3d")
def max_unpool3d(
    tape: Tape,
    input: Tensor,
    indices: Tensor,
    output_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
) -> Tensor:
    """A volume with the elements at their positions."""
    return _unpooled(tape, input, indices, tuple(output_size))


@composite("torch.ops.aten.max_pool2d_with_indices_backward.default")
def _max_pool2d_backward(
    tape: Tape,
    grad_output: Tensor,
    self: Tensor,
    kernel_size: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
    indices: Tensor,
) -> Tensor:
    lead, sizes = self.shape[:-2], self.shape[-2:]
    # It is linear in the cotangent, and has a gradient of zeros for what was pooled.
    nothing = tape.reshape(self, shape=(*lead, math.prod(sizes))).clone()
    nothing.zero_()
    count = math.prod(indices.shape[-2:])
    cotangents = tape.reshape(in_order(tape, grad_output), shape=(*lead, count))
    positions = tape.reshape(in_order(tape, indices), shape=(*lead, count))
    return tape.reshape(tape.scatter_add(nothing, positions, cotangents, axis=-1), shape=self.shape)


# ---- norms ----


def _lp_pool(
    tape: Tape, input: Tensor, norm_type: float, kernel_size: Sizes, stride: Any, ceil_mode: bool, rank: int
) -> Any:
    """`(sum of x ** p) ** (1 / p)` of every window, from PyTorch's mean of the powers, where its sign is put back."""
    powers = input**norm_type
    given = {"window": kernel_size, "stride": stride or kernel_size, "padding": 0, "ceil_mode": ceil_mode}
    means = _mean_of_windows(tape, powers, rank, {**given, "count_include_pad": True})
    totals = means.sign() * means.abs().relu() * math.prod(for_each_axis("kernel_size", kernel_size, rank))
    return totals ** (1.0 / norm_type)


@composite("torch.nn.functional.lp_pool1d")
def lp_pool1d(
    tape: Tape, input: Tensor, norm_type: float, kernel_size: int, stride: Sizes | None = None, ceil_mode: bool = False
) -> Any:  # fmt: skip
    """The norm of every window over the last axis."""
    return _lp_pool(tape, input, norm_type, kernel_size, stride, ceil_mode, 1)


@composite("torch.nn.functional.lp_pool2d")
def lp_pool2d(
    tape: Tape,
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Any:
    """The norm of every window over the last two axes."""
    return _lp_pool(tape, input, norm_type, kernel_size, stride, ceil_mode, 2)


@composite("torch.nn.functional.lp_pool3d")
def lp_pool3d(
    tape: Tape,
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Any:
    """The norm of every window over the last three axes."""
    return _lp_pool(tape, input, norm_type, kernel_size, stride, ceil_mode, 3)

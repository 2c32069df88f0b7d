"""Convolutions with a bias, with named padding, and of a single example."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compare.composites.arguments import Sizes, for_each_axis
from compare.composites.composite import composite
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = ["convolution"]


def _row(
    tape: Tape, name: str, input: Tensor, weight: Tensor, bias: Tensor | None, attributes: dict[str, Any]
) -> Tensor:
    """The row of that name, with a batch of one where there is none, and the bias of every channel added."""
    row = getattr(tape, name)
    rank = len(weight.shape) - 2
    if len(input.shape) == rank + 1:
        batch = input.expand_dims(axis=0)
        convolved = row(batch, weight, **attributes)[0]
    else:
        convolved = row(input, weight, **attributes)
    return convolved if bias is None else convolved + bias[(slice(None), *[None] * rank)]


def _convolution(rank: int) -> Callable[..., Tensor]:
    name = f"conv{rank}d"

    def function(
        tape: Tape,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
    ) -> Tensor:
        if padding == "valid":
            padding = 0
        if isinstance(padding, str):
            if padding != "same":
                raise ProgramError(
                    f"torch.nn.functional.{name}: padding is 'same', 'valid' or numbers, not {padding!r}."
                )
            dilations = for_each_axis("dilation", dilation, rank)
            totals = [step * (size - 1) for step, size in zip(dilations, weight.shape[2:], strict=True)]
            padding = tuple(total // 2 for total in totals)
            if any(total % 2 for total in totals):
                # The odd one goes behind the last element, in both frameworks.
                widths = [width for total in totals[::-1] for width in (0, total % 2)]
                padded = tape.pad(input, widths=tuple(widths))
                input = padded
        given = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return _row(tape, name, input, weight, bias, given)

    function.__name__ = name
    function.__doc__ = f"The row `{name}` and a bias: `f[batch, in, ...]`, `f[out, in / groups, ...]`, `f[out]`."
    return function


def _transposed_convolution(rank: int) -> Callable[..., Tensor]:
    name = f"conv_transpose{rank}d"

    def function(
        tape: Tape,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        dilation: Sizes = 1,
    ) -> Tensor:
        given = {"stride": stride, "padding": padding, "output_padding": output_padding}
        return _row(tape, name, input, weight, bias, {**given, "groups": groups, "dilation": dilation})

    function.__name__ = name
    function.__doc__ = f"The row `{name}` and a bias: `f[batch, in, ...]`, `f[in, out / groups, ...]`, `f[out]`."
    return function


for _rank in (1, 2, 3):
    composite(f"torch.nn.functional.conv{_rank}d", f"torch.conv{_rank}d")(_convolution(_rank))
    composite(f"torch.nn.functional.conv_transpose{_rank}d", f"torch.conv_transpose{_rank}d")(
        _transposed_convolution(_rank)
    )


@composite("torch.convolution")
def convolution(
    tape: Tape,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    transposed: bool,
    output_padding: Sizes,
    groups: int,
) -> Tensor:
    """What all convolutions come down to; the weight tells over how many axes."""
    rank = len(weight.shape) - 2
    given = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if transposed:
        given["output_padding"] = output_padding
    return _row(tape, f"conv_transpose{rank}d" if transposed else f"conv{rank}d", input, weight, bias, given)

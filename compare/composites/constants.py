"""Casts, and tensors made after the model of another one."""

from __future__ import annotations

from typing import Any

import numpy as np

from compare.composites.composite import composite
from compare.errors import ProgramError
from compare.statements import DTYPES
from compare.tape import Tape, Tensor

__all__ = ["cast"]

# ---- casts ----


def cast(tape: Tape, input: Tensor, dtype: str | None, *, copy: bool = False) -> Tensor:
    """The tensor as `dtype`: itself, or a clone, where it has that dtype."""
    if dtype in (None, input.dtype_name):
        return input.clone() if copy else input
    return tape.astype(input, dtype=dtype)


@composite("torch.Tensor.to")
def _to(
    tape: Tape,
    input: Tensor,
    *target: Any,
    dtype: str | None = None,
    device: Any = None,
    other: Tensor | None = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> Tensor:
    for one in target:
        if isinstance(one, Tensor):
            other = one
        elif isinstance(one, str) and (one in DTYPES or one.startswith(("float", "int", "uint", "bfloat", "complex"))):
            dtype = one
    return cast(tape, input, other.dtype_name if other is not None else dtype, copy=copy)


@composite("torch.Tensor.type_as")
def _type_as(tape: Tape, input: Tensor, other: Tensor) -> Tensor:
    return cast(tape, input, other.dtype_name)


_CASTS = {
    "float": "float32", "double": "float64", "long": "int64", "bool": "bool", "cfloat": "complex64",
    "cdouble": "complex128",
}  # fmt: skip


def _cast_to(dtype: str) -> Any:
    def cast_to(tape: Tape, input: Tensor, memory_format: Any = None) -> Tensor:
        return cast(tape, input, dtype)

    return cast_to


for _word, _dtype in _CASTS.items():
    composite(f"torch.Tensor.{_word}")(_cast_to(_dtype))


@composite(*(f"torch.Tensor.{word}" for word in ("half", "bfloat16", "int", "short", "char", "byte")))
def _narrow(tape: Tape, input: Tensor, memory_format: Any = None) -> Tensor:
    raise ProgramError(f"A cast to a dtype other than {', '.join(DTYPES)} is not modelled.")


# ---- like another tensor ----


def _check_made(requires_grad: bool) -> None:
    if requires_grad:
        raise ProgramError("Make the tensor first, then call requires_grad_().")


@composite("torch.zeros_like")
def _zeros_like(
    tape: Tape,
    input: Tensor,
    *,
    dtype: str | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    _check_made(requires_grad)
    return cast(tape, tape.zeros_like(input), dtype)


@composite("torch.ones_like")
def _ones_like(
    tape: Tape,
    input: Tensor,
    *,
    dtype: str | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    _check_made(requires_grad)
    return cast(tape, tape.ones_like(input), dtype)


@composite("torch.empty_like")
def _empty_like(
    tape: Tape,
    input: Tensor,
    *,
    dtype: str | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    # What is in it before it is written is anything: zeros, too.
    return _zeros_like(tape, input, dtype=dtype, requires_grad=requires_grad)


@composite("torch.full_like")
def _full_like(
    tape: Tape,
    input: Tensor,
    fill_value: Any,
    *,
    dtype: str | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:
    _check_made(requires_grad)
    return tape.fill(_zeros_like(tape, input, dtype=dtype), fill_value)


def _new(tape: Tape, input: Tensor, size: tuple[Any, ...], value: Any, dtype: str | None) -> Tensor:
    shape = tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else size
    kind = dtype or input.dtype_name
    data = np.full(shape, value, dtype=kind)
    return tape.constant(data, dtype=kind)


@composite("torch.Tensor.new_zeros", "torch.Tensor.new_empty")
def _new_zeros(
    tape: Tape, input: Tensor, *size: Any, dtype: str | None = None, requires_grad: bool = False, **place: Any
) -> Tensor:
    _check_made(requires_grad)
    return _new(tape, input, size, 0, dtype)


@composite("torch.Tensor.new_ones")
def _new_ones(
    tape: Tape, input: Tensor, *size: Any, dtype: str | None = None, requires_grad: bool = False, **place: Any
) -> Tensor:
    _check_made(requires_grad)
    return _new(tape, input, size, 1, dtype)


@composite("torch.Tensor.new_full")
def _new_full(
    tape: Tape,
    input: Tensor,
    size: Any,
    fill_value: Any,
    *,
    dtype: str | None = None,
    requires_grad: bool = False,
    **place: Any,
) -> Tensor:
    _check_made(requires_grad)
    return _new(tape, input, (size,), fill_value, dtype)


@composite("torch.Tensor.fill_")
def _fill(tape: Tape, input: Tensor, value: Any) -> Any:
    return input.copy_(value) if isinstance(value, Tensor) else input.fill_(value)

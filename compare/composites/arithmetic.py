"""Arithmetic that is several ops here: scaled sums, rounded quotients, bounds that are tensors; also in place.

An in-place form writes a value computed from a clone where the formula would read what it overwrites.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from compare.composites.composite import composite
from compare.composites.kinds import check_floats, check_without_history, is_float
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = ["absolute", "clamp_max", "clamp_min"]

# ---- sums ----


def _scaled(value: Any, factor: Any) -> Any:
    return value if isinstance(factor, int | float) and factor == 1 else value * factor


def _plus(input: Tensor, term: Any, factor: Any) -> Tensor:
    """`input + term * factor`. A negative factor is subtracted, which is the same number and reads as an update."""
    negative = isinstance(factor, int | float) and factor < 0
    return input - _scaled(term, -factor) if negative else input + _scaled(term, factor)


def _plus_in_place(input: Tensor, term: Any, factor: Any) -> Any:
    negative = isinstance(factor, int | float) and factor < 0
    return input.sub_(_scaled(term, -factor)) if negative else input.add_(_scaled(term, factor))


@composite("torch.add")
def _add(tape: Tape, input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    return _plus(input, other, alpha)


@composite("torch.sub", "torch.subtract")
def _sub(tape: Tape, input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    return input - _scaled(other, alpha)


@composite("torch.rsub")
def _rsub(tape: Tape, input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    return other - _scaled(input, alpha)


@composite("torch.addcmul")
def _addcmul(tape: Tape, input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    return _plus(input, tensor1 * tensor2, value)


@composite("torch.addcdiv")
def _addcdiv(tape: Tape, input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    return _plus(input, tensor1 / tensor2, value)


@composite("torch.lerp")
def _lerp(tape: Tape, input: Tensor, end: Tensor, weight: Any) -> Tensor:
    return input + (end - input) * weight


# ---- sums, in place ----


@composite("torch.Tensor.add_")
def _add_in_place(tape: Tape, input: Tensor, other: Any, *, alpha: Any = 1) -> Any:
    return _plus_in_place(input, other, alpha)


@composite("torch.Tensor.sub_", "torch.Tensor.subtract_")
def _sub_in_place(tape: Tape, input: Tensor, other: Any, *, alpha: Any = 1) -> Any:
    return input.sub_(_scaled(other, alpha))


@composite("torch.Tensor.addcmul_")
def _addcmul_in_place(tape: Tape, input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Any:
    return _plus_in_place(input, tensor1 * tensor2, value)


@composite("torch.Tensor.addcdiv_")
def _addcdiv_in_place(tape: Tape, input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Any:
    return _plus_in_place(input, tensor1 / tensor2, value)


@composite("torch.Tensor.lerp_")
def _lerp_in_place(tape: Tape, input: Tensor, end: Tensor, weight: Any) -> Any:
    return input.add_((end - input) * weight)


# ---- quotients ----


@composite("torch.div", "torch.divide")
def _div(tape: Tape, input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    if rounding_mode is None:
        return input / other
    if rounding_mode not in ("trunc", "floor"):
        raise ProgramError(f"div has no rounding_mode {rounding_mode!r}; PyTorch knows None, 'trunc' and 'floor'.")
    check_floats("div with a rounding_mode", input, other)
    if rounding_mode == "floor":
        # Less its remainder, the dividend is a multiple of the divisor: no rounding can carry it across an integer.
        return ((input - input % other) / other).round()
    return (input / other).trunc()


@composite("torch.Tensor.div_", "torch.Tensor.divide_", "torch.Tensor.true_divide_")
def _div_in_place(tape: Tape, input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Any:
    if rounding_mode is None:
        return input.div_(other)
    quotient = _div(tape, input.clone(), other, rounding_mode=rounding_mode)
    return input.copy_(quotient)


@composite("torch.floor_divide")
def _floor_divide(tape: Tape, input: Any, other: Any) -> Tensor:
    check_without_history(tape, "floor_divide", input, other)
    return _div(tape, input, other, rounding_mode="floor")


# ---- bounds ----


def _bound(tape: Tape, input: Tensor, bound: Any) -> Any:
    """Integers bound floats as the floats that they are."""
    return tape.astype(bound, dtype=input.dtype_name) if isinstance(bound, Tensor) and not is_float(bound) else bound


def _at_least(tape: Tape, input: Tensor, low: Any) -> Tensor:
    # At a tie the gradient goes to the input, all of it; that of maximum is shared.
    low = _bound(tape, input, low)
    return tape.where(input >= low, input, low)


def _at_most(tape: Tape, input: Tensor, high: Any) -> Tensor:
    high = _bound(tape, input, high)
    return tape.where(input <= high, input, high)


@composite("torch.clamp", "torch.clip")
def _clamp(tape: Tape, input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    check_floats("clamp", input)
    if min is None and max is None:
        raise ProgramError("clamp needs min, max or both.")
    if max is None:
        return clamp_min(tape, input, min)
    if min is None:
        return clamp_max(tape, input, max)
    above = _at_least(tape, input, min)
    # Where the bounds cross, the upper one wins and takes the gradient.
    return _at_most(tape, above, max)


@composite("torch.clamp_min")
def clamp_min(tape: Tape, input: Tensor, min: Any) -> Tensor:
    """The larger of the tensor and a bound; at a tie all of the gradient is the tensor's."""
    check_floats("clamp", input)
    return _at_least(tape, input, min)


@composite("torch.clamp_max")
def clamp_max(tape: Tape, input: Tensor, max: Any) -> Tensor:
    """The smaller of the tensor and a bound; at a tie all of the gradient is the tensor's."""
    check_floats("clamp", input)
    return _at_most(tape, input, max)


@composite("torch.Tensor.clamp_", "torch.Tensor.clip_")
def _clamp_in_place(tape: Tape, input: Tensor, min: Any = None, max: Any = None) -> Any:
    clamped = _clamp(tape, input.clone(), min, max)
    return input.copy_(clamped)


@composite("torch.Tensor.clamp_min_")
def _clamp_min_in_place(tape: Tape, input: Tensor, min: Any) -> Any:
    return _clamp_in_place(tape, input, min)


@composite("torch.Tensor.clamp_max_")
def _clamp_max_in_place(tape: Tape, input: Tensor, max: Any) -> Any:
    return _clamp_in_place(tape, input, None, max)


# ---- other functions of numbers ----


@composite("torch.abs", "torch.absolute")
def absolute(tape: Tape, input: Tensor) -> Tensor:
    """The absolute value with PyTorch's slope at zero, 0, where that of jnp.abs is 1."""
    if not is_float(input):
        return tape.abs(input)
    return tape.where(input == 0, 0.0, input.abs())


@composite("torch.frac")
def _frac(tape: Tape, input: Tensor) -> Tensor:
    return input - input.trunc()


@composite("torch.logit", "torch.special.logit")
def _logit(tape: Tape, input: Tensor, eps: float | None = None) -> Tensor:
    if eps is not None:
        if eps > 0.5:
            raise ProgramError(f"logit with eps={eps} has its lower bound above the upper one.")
        input = _clamp(tape, input, eps, 1 - eps)
    return (input / (1 - input)).log()


@composite("torch.positive")
def _positive(tape: Tape, input: Tensor) -> Tensor:
    return input


@composite("torch.float_power")
def _float_power(tape: Tape, input: Any, exponent: Any) -> Tensor:
    for one in (input, exponent):
        if isinstance(one, Tensor) and one.dtype_name != "float64":
            raise ProgramError(f"float_power of {one.dtype_name} computes in float64. Cast to float64 first.")
    return input**exponent


@composite("torch.xlogy", "torch.special.xlogy")
def _xlogy(tape: Tape, input: Any, other: Any) -> Tensor:
    if not isinstance(input, Tensor) or not isinstance(other, Tensor):
        raise ProgramError("xlogy with a number is not modelled. Make the number a tensor.")
    # A logarithm that is multiplied away must stay finite, or its gradient is nan.
    return input * tape.where((input == 0) & (other <= 0), 1.0, other).log()


@composite("torch.fmax")
def _fmax(tape: Tape, input: Tensor, other: Tensor) -> Tensor:
    # A tie goes to the input, all of it; a nan to the other one.
    return tape.where((input >= other) | other.isnan(), input, other)


@composite("torch.fmin")
def _fmin(tape: Tape, input: Tensor, other: Tensor) -> Tensor:
    return tape.where((input <= other) | other.isnan(), input, other)


@composite("torch.nan_to_num")
def _nan_to_num(
    tape: Tape, input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    check_floats("nan_to_num", input)
    largest = float(np.finfo(input.dtype_name).max)
    numbers = tape.where(input.isnan(), 0.0 if nan is None else nan, input)
    numbers = tape.where(input == math.inf, largest if posinf is None else posinf, numbers)
    return tape.where(input == -math.inf, -largest if neginf is None else neginf, numbers)


@composite("torch.isposinf")
def _isposinf(tape: Tape, input: Tensor) -> Tensor:
    return input == math.inf


@composite("torch.isneginf")
def _isneginf(tape: Tape, input: Tensor) -> Tensor:
    return input == -math.inf


@composite("torch.isclose")
def _isclose(
    tape: Tape, input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    check_floats("isclose", input, other)
    near = (input == other) | (((input - other).abs() <= atol + rtol * other.abs()) & input.isfinite())
    near = near & (other.isfinite() | (input == other))
    return near | (input.isnan() & other.isnan()) if equal_nan else near


@composite("torch.deg2rad")
def _deg2rad(tape: Tape, input: Tensor) -> Tensor:
    return input * (math.pi / 180)


@composite("torch.rad2deg")
def _rad2deg(tape: Tape, input: Tensor) -> Tensor:
    return input * (180 / math.pi)


@composite("torch.logaddexp2")
def _logaddexp2(tape: Tape, input: Tensor, other: Tensor) -> Tensor:
    return tape.logaddexp(input * math.log(2), other * math.log(2)) / math.log(2)


@composite("torch.addr")
def _addr(tape: Tape, input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    if beta == 0:
        raise ProgramError("addr with beta=0 ignores its input. Write the outer product.")
    return _scaled(input, beta) + _scaled(tape.outer(vec1, vec2), alpha)


@composite("torch.Tensor.frac_")
def _frac_in_place(tape: Tape, input: Tensor) -> Any:
    # trunc reads nothing for its derivative, and the whole part is a tensor of its own.
    whole = input.trunc()
    return input.sub_(whole)


@composite("torch.Tensor.round_")
def _round_in_place(tape: Tape, input: Tensor, *, decimals: int = 0) -> Any:
    return input.round_(decimals=decimals)


# ---- refused ----


@composite("torch._fused_adam_", "torch._fused_adamw_", "torch._fused_sgd_", "torch._fused_adagrad_")
def _fused(tape: Tape, *arguments: Any, **keywords: Any) -> None:
    raise ProgramError("A fused optimizer step is one opaque op. Make the optimizer with fused=False.")


# ---- in-place forms under PyTorch's further names ----

_FURTHER_NAMES = {
    "negative_": "negative", "absolute_": "abs", "multiply_": "multiply", "arcsin_": "asin", "arccos_": "acos",
    "arctan_": "atan", "arctan2_": "atan2", "fix_": "trunc",
}  # fmt: skip


def _written(row: str) -> Any:
    def write(tape: Tape, input: Tensor, *operands: Any) -> Any:
        return getattr(input, f"{row}_")(*operands)

    return write


for _name, _row in _FURTHER_NAMES.items():
    composite(f"torch.Tensor.{_name}")(_written(_row))

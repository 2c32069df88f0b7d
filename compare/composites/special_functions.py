"""Special functions where JAX's own slope at a point is another one, and those that are several ops here."""

from __future__ import annotations

import math
from typing import Any

from compare.composites.composite import composite
from compare.composites.constants import cast
from compare.composites.kinds import check_floats, is_float
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__: list[str] = []

# ---- at zero ----


@composite("torch.i0", "torch.special.i0")
def _i0(tape: Tape, input: Tensor) -> Tensor:
    # At zero jax.scipy.special.i0 has the slope 1; the first terms of the series have all of PyTorch's derivatives.
    return tape.where(input == 0, 1 + input.square() / 4, tape.i0(input))


@composite("torch.special.i1")
def _i1(tape: Tape, input: Tensor) -> Tensor:
    return tape.where(input == 0, input / 2 + input**3 / 16, tape.i1(input))


@composite("torch.copysign")
def _copysign(tape: Tape, input: Tensor, other: Any) -> Tensor:
    check_floats("copysign", input, other)
    signs = other if isinstance(other, Tensor) else tape.fill(tape.zeros_like(input), other)
    # At zero PyTorch's slope is 0, and that of jnp.copysign is 1 or -1.
    return tape.where(input == 0, tape.copysign(input.detach(), signs), tape.copysign(input, signs))


def _log1p_of_number(number: float) -> float:
    if not number > -1:
        raise ProgramError(f"xlog1py with the number {number} is modelled above -1 only. Make the number a tensor.")
    return math.log1p(number)


@composite("torch.special.xlog1py")
def _xlog1py(tape: Tape, input: Any, other: Any) -> Tensor:
    check_floats("xlog1py", input, other)
    if not isinstance(other, Tensor):
        return input * _log1p_of_number(other)
    if not isinstance(input, Tensor):
        if input == 0:
            raise ProgramError("xlog1py of the number 0 is not modelled. Make the number a tensor.")
        return other.log1p() * input
    # A logarithm that is multiplied away must stay finite, or its gradient is nan.
    return input * tape.where((input == 0) & (other <= -1), 0.0, other).log1p()


# ---- left of zero ----


def _cotangent(tape: Tape, input: Tensor) -> Tensor:
    """cot(pi x) of what is negative; of anything else some finite number that nobody reads."""
    negative = tape.where(input < 0, input, 0.25)
    return 1 / (math.pi * (negative - negative.round())).tan()


def _reflection(order: int) -> list[int]:
    """The coefficients of cot(x), differentiated `order` times, as a polynomial of cot(x)."""
    coefficients = [0, 1]
    for _ in range(order):
        slope = [power * one for power, one in enumerate(coefficients)][1:]
        # The slope of cot is -(1 + cot**2).
        coefficients = [-(low + high) for low, high in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    return coefficients


@composite("torch.polygamma", "torch.special.polygamma")
def _polygamma(tape: Tape, n: int, input: Tensor) -> Tensor:
    # Left of -5 jax.scipy.special.polygamma, and with it the slope of digamma, is wrong: reflect, and add what differs.
    check_floats("polygamma", input)
    right = tape.polygamma(tape.where(input < 0, 1 - input, input), n=n)
    ratio = _cotangent(tape, input)
    reflection = _polynomial(tape, _reflection(n), ratio) * math.pi ** (n + 1)
    return tape.where(input < 0, (-right if n % 2 else right) - reflection, right)


def _polynomial(tape: Tape, coefficients: list[int], x: Tensor) -> Tensor:
    """By Horner's rule, from the highest power down to the constant."""
    constant, *middle, highest = coefficients
    total = x * highest
    for one in reversed(middle):
        total = (total + one if one else total) * x
    return total + constant if constant else total


@composite("torch.digamma", "torch.special.digamma", "torch.special.psi")
def _digamma(tape: Tape, input: Tensor) -> Tensor:
    check_floats("digamma", input)
    right = tape.digamma(tape.where(input < 0, 1 - input, input))
    return tape.where(input < 0, right - math.pi * _cotangent(tape, input), right)


@composite("torch.lgamma", "torch.special.gammaln")
def _lgamma(tape: Tape, input: Tensor) -> Tensor:
    check_floats("lgamma", input)
    negative = tape.where(input < 0, input, 0.25)
    right = tape.lgamma(tape.where(input < 0, 1 - input, input))
    sine = (math.pi * (negative - negative.round())).sin()
    return tape.where(input < 0, math.log(math.pi) - sine.abs().log() - right, right)


# ---- several ops ----


@composite("torch.frexp")
def _frexp(tape: Tape, input: Tensor) -> tuple[Tensor, Tensor]:
    mantissa = tape.mantissa(input)
    exponent = tape.exponent(input)
    return mantissa, exponent


@composite("torch.ldexp")
def _ldexp(tape: Tape, input: Tensor, other: Any) -> Tensor:
    check_floats("ldexp", input)
    factor = 2.0**other
    return input * (cast(tape, factor, input.dtype_name) if isinstance(factor, Tensor) else factor)


# ---- angles ----


@composite("torch.angle")
def _angle(tape: Tape, input: Tensor) -> Tensor:
    if not is_float(input):
        return tape.angle(input)
    # Of a real number: a half turn or none, nan for nan, and a slope of zero everywhere.
    return tape.where(input < 0, math.pi, input.sign() * 0.0)


@composite("torch.polar")
def _polar(tape: Tape, abs: Tensor, angle: Tensor) -> Tensor:
    check_floats("polar", abs, angle)
    shape = (abs + angle).shape if abs.shape != angle.shape else abs.shape
    radius, turn = (one if one.shape == shape else tape.broadcast_to(one, shape=shape) for one in (abs, angle))
    return tape.polar(radius, turn)

"""What has to be known of numbers beside the numbers: where exact arithmetic cannot decide, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np

from compare.observed import THROUGH_FLOAT32, Surrogate
from compare.ops import Op, exact
from compare.reference.arithmetic import Elements, is_single
from compare.statements import DIFFERENTIABLE_DTYPES, from_number, is_number_word

__all__ = [
    "AT_A_KINK",
    "BORROWED",
    "FLOAT32_ON_THE_WAY",
    "HANDED_ON",
    "NONE_OR_ZEROS",
    "NON_FINITE_PARTS",
    "NO_DERIVATIVE",
    "NO_DOUBTS",
    "PART_OF_ANOTHER",
    "READS_ITS_RESULT",
    "SIGN_OF_ZERO",
    "TANGENT_AT_A_KINK",
    "TOO_MANY",
    "TRACKED_OR_NOT",
    "UNREACHED",
    "VERSION_OF_A_GRADIENT",
    "WRAPPED",
    "Doubts",
    "Withdrawn",
    "doubts_of_numbers",
    "doubts_of_result",
    "is_negative_zero",
    "range_of",
]  # fmt: skip


@dataclass(frozen=True)
class Withdrawn:
    """Why exact numbers cannot decide."""

    reason: str


FLOAT32_ON_THE_WAY = Withdrawn(THROUGH_FLOAT32)
NON_FINITE_PARTS = Withdrawn("the parts of a complex number that is not finite depend on how it was computed")
NO_DERIVATIVE = Withdrawn("the function has no derivative there, or a value on the way is not finite")
SIGN_OF_ZERO = Withdrawn("the sign of a zero decides, and exact numbers have none")
AT_A_KINK = Surrogate("a gradient at a kink is used as a value")
TOO_MANY = Withdrawn("it is a derivative of a gradient with too many elements to move each of them")
READS_ITS_RESULT = Withdrawn(
    "it is a second derivative at the result of an op whose gradient PyTorch computes from that result: how much of it "
    "passes there is a matter of the formula"
)
NONE_OR_ZEROS = Withdrawn("whether PyTorch has None or zeros here depends on its formulas for second derivatives")
TRACKED_OR_NOT = Withdrawn("whether it requires grad in PyTorch depends on its formulas for second derivatives")
PART_OF_ANOTHER = Withdrawn("PyTorch computes another gradient of the same call through it, which only its graph knows")
BORROWED = Withdrawn("a result of autograd.grad is written in place, and may share memory in PyTorch")
HANDED_ON = Withdrawn("PyTorch may have handed on the cotangent itself, the same tensor")
UNREACHED = Withdrawn("a gradient is used as a tensor that no backward has reached")
VERSION_OF_A_GRADIENT = Withdrawn("the version counter of a gradient counts the sums that PyTorch made in it")
TANGENT_AT_A_KINK = Withdrawn("the tangent at a kink is a matter of convention")
WRAPPED = Withdrawn("an integer is beyond the range of int64, where frameworks wrap around")


@dataclass(frozen=True)
class Doubts:
    """What has to be known of numbers beside the numbers, and goes on to what is computed from them.

    unknown: why the values are not known. negative_zero: a zero among them may be negative. coarse: they were computed
        in float32. beyond: what happened to a number on the way that its dtype cannot hold; empty when nothing did.
    ambiguous: they are computed from one of several results that are as good.
    """

    unknown: Surrogate | Withdrawn | None = None
    negative_zero: bool = False
    coarse: bool = False
    beyond: str = ""
    ambiguous: bool = False

    def __or__(self, other: Doubts) -> Doubts:
        return Doubts(
            self.unknown or other.unknown,
            self.negative_zero or other.negative_zero,
            self.coarse or other.coarse,
            self.beyond or other.beyond,
            self.ambiguous or other.ambiguous,
        )


NO_DOUBTS = Doubts()


def is_negative_zero(written: Any, rounded: Any) -> bool:
    """Whether a number of the program is -0.0, or becomes it in its dtype."""
    number = from_number(written)
    if isinstance(number, complex):
        return is_negative_zero(number.real, rounded.real) or is_negative_zero(number.imag, rounded.imag)
    return isinstance(number, float) and bool(rounded == 0) and math.copysign(1.0, number) < 0


def doubts_of_numbers(written: Sequence[Any]) -> Doubts:
    """Those that come with the numbers among operands and attributes."""
    numbers = [number for number in written if isinstance(number, float) or is_number_word(number)]
    return Doubts(negative_zero=any(is_negative_zero(number, from_number(number)) for number in numbers))


def doubts_of_result(op: Op, values: Sequence[Any], result: Elements, dtype: str, inherited: Doubts) -> Doubts:
    """What has to be known of an op's result."""
    unknown = inherited.unknown
    if unknown is None and inherited.negative_zero and exact.sign_of_zero_decides(op.name, values):
        unknown = SIGN_OF_ZERO
    multiplied_out = exact.any_complex(*values, result) and op.name not in exact.REARRANGING
    if unknown is None and multiplied_out and not all(map(mpmath.isfinite, exact.parts(*values, result))):
        unknown = NON_FINITE_PARTS
    if dtype not in DIFFERENTIABLE_DTYPES:
        if unknown is None and dtype == "int64" and not all(-(2**63) <= number < 2**63 for number in result.flat):
            unknown = WRAPPED
        return replace(inherited, unknown=unknown, negative_zero=False)
    return Doubts(
        unknown,
        exact.negative_zero_may_arise(op.name, values, result, inherited.negative_zero),
        inherited.coarse or (is_single(dtype) and op.name not in exact.WITHOUT_ROUNDING),
        inherited.beyond or _beyond(result, dtype),
        inherited.ambiguous or op.ambiguous,
    )


def _beyond(result: Elements, dtype: str) -> str:
    """What happens to a number of the result that the dtype cannot hold; empty when it can hold them all."""
    largest, smallest = range_of(dtype)
    sizes = [abs(number) for number in exact.parts(result) if mpmath.isfinite(number) and number != 0]
    if any(size > largest for size in sizes):
        return f"overflow: a number on the way is beyond the range of {dtype}"
    if any(size < smallest for size in sizes):
        return f"underflow: a number on the way is nearer to zero than any {dtype}"
    return ""


def range_of(dtype: str) -> tuple[float, float]:
    """The largest number of a dtype, and the smallest above zero."""
    limits = np.finfo(dtype)
    return float(limits.max), float(limits.smallest_subnormal)

"""One-sided derivatives from the quotients of an exact interpreter's steps.

Central differences are not neutral at a kink: they answer with the midpoint. Both sides are taken, and told apart.
"""

from __future__ import annotations

from typing import Any

import mpmath

__all__ = ["NOISE", "SAME", "STEEP", "limit", "same", "settled"]

STEEP = 1e6
"""A quotient above this is looked at with all the steps: the derivative may be infinite."""
SAME, NOISE = mpmath.mpf("1e-9"), mpmath.mpf("1e-17")
"""One-sided derivatives this near to each other, relatively or beside a root of size 1, are one number: the second
derivative alone makes them differ by about the step."""


def settled(up: list[Any], down: list[Any], scale: Any) -> tuple[Any, Any] | None:
    """The left and the right derivative, or None when one step is not enough to tell.

    At the edge of a domain only one side exists, and stands for both: the square root at 0 has derivative inf.
    """
    if len(up) == 1:
        right, left = up[0], -down[0]
        if not same(left, right, scale) or not abs(right) < STEEP * scale:
            return None
    else:
        right, left = limit(up, scale), -limit(down, scale)
        if mpmath.isnan(right) or mpmath.isnan(left):
            one = left if mpmath.isnan(right) else right
            return one, one
    if same(left, right, scale):
        # The middle of the two loses the error that is linear in the step.
        middle = (left + right) / 2
        return middle, middle
    return left, right


def same(left: Any, right: Any, scale: Any) -> bool:
    """Whether two one-sided derivatives are one number."""
    if left == right or not (mpmath.isfinite(left) and mpmath.isfinite(right)):
        return bool(left == right)
    return bool(abs(left - right) <= SAME * max(abs(left), abs(right)) + NOISE * scale)


def limit(quotients: list[Any], scale: Any) -> Any:
    """Where three quotients go as the step shrinks by a constant factor.

    Differences that do not shrink mean an infinite derivative: a power below 1, a logarithm, a jump. Otherwise the
    limit is extrapolated (Aitken), which is exact for c + k * step**p.
    """
    first, second, third = quotients
    if not all(mpmath.isfinite(quotient) for quotient in quotients):
        return third
    before, after = second - first, third - second
    if max(abs(before), abs(after)) <= NOISE * (scale + abs(third)):
        return third
    if abs(after) >= mpmath.mpf("0.99") * abs(before):
        return mpmath.sign(after) * mpmath.inf
    return third - after**2 / (after - before)

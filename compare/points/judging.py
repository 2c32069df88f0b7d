"""A verdict for each aspect of a point, from what both frameworks answer and what is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from compare.judge import TOLERANCES
from compare.observed import Raised
from compare.points.point import ASPECTS, Aspect, Measured, Numbers
from compare.points.truth import Exact, Sides

__all__ = ["Finding", "Verdict", "judge"]

Verdict = Literal["match", "convention", "torch-wrong", "jax-wrong", "both-wrong", "default-differs", "raises-differ"]
"""`match`: one answer, and not a wrong one. `convention`: two answers, and nothing true excludes either.
`default-differs`: the results have different shapes or dtypes, or a gradient is None on one side only.
"""
CANCELLED = 100.0


@dataclass(frozen=True)
class Finding:
    """The verdict on one element of one aspect.

    operand: whose derivative it is; empty for the value and forward mode. index: which element; None for the whole.
    left, right: what is true, from both sides; nan where nothing is.
    """

    aspect: Aspect
    operand: str
    index: tuple[int, ...] | None
    torch: Any
    jax: Any
    left: float | complex
    right: float | complex
    verdict: Verdict

    @property
    def kink(self) -> bool:
        """Whether the two sides of the truth differ: an answer there is a choice."""
        return not (self.left == self.right or self.left != self.left)


def judge(torch: Measured, jax: Measured, exact: Exact | None, dtype: str) -> list[Finding]:
    """A finding for every element of every aspect that the frameworks answer."""
    findings: list[Finding] = []
    raised = isinstance(torch.value, Raised) or isinstance(jax.value, Raised)
    # What raises has nothing to differentiate.
    for aspect in ASPECTS[:1] if raised else ASPECTS:
        one, other = torch.of(aspect), jax.of(aspect)
        truth = None if exact is None else getattr(exact, aspect)
        if isinstance(one, dict) or isinstance(other, dict):
            names = one if isinstance(one, dict) else other
            for name in names:
                sides = truth.get(name) if truth else None
                findings += _judged(aspect, name, _part(one, name), _part(other, name), sides, dtype)
        else:
            findings += _judged(aspect, "", one, other, truth, dtype)
    return findings


def _part(answer: Any, name: str) -> Any:
    return answer[name] if isinstance(answer, dict) else answer


def _judged(aspect: Aspect, name: str, torch: Any, jax: Any, truth: Sides | None, dtype: str) -> list[Finding]:
    nan = float("nan")
    if isinstance(torch, Raised) or isinstance(jax, Raised):
        both = isinstance(torch, Raised) and isinstance(jax, Raised)
        return [Finding(aspect, name, None, torch, jax, nan, nan, "match" if both else "raises-differ")]
    if torch is None and jax is None:
        return []
    if torch is None or jax is None:
        return [Finding(aspect, name, None, torch, jax, nan, nan, "default-differs")]
    if torch.shape != jax.shape or not _alike(torch.dtype, jax.dtype):
        return [Finding(aspect, name, None, torch, jax, nan, nan, "default-differs")]
    if truth is None or truth.left.shape != torch.shape:
        nothing = np.full(torch.shape, np.nan)
        truth = Sides(nothing, nothing)
    return _elements(aspect, name, torch, jax, truth, dtype)


def _elements(aspect: Aspect, name: str, torch: Numbers, jax: Numbers, truth: Sides, dtype: str) -> list[Finding]:
    """A finding for each element, all elements compared at once."""
    # A second derivative is what two terms leave that nearly cancel: below this it has no digits.
    coarse = CANCELLED if aspect == "second" else 1.0
    same = _close(torch, jax, dtype, coarse)
    # nan is no truth: outside its domain, a function has none to compare with.
    unknown = np.isnan(truth.left) | np.isnan(truth.right)
    right = [unknown | _within(one, truth, dtype, coarse) for one in (torch, jax)]
    found = []
    for place in np.ndindex(torch.shape):
        verdict = _verdict(bool(same[place]), bool(right[0][place]), bool(right[1][place]))
        left_side, right_side = truth.left[place].item(), truth.right[place].item()
        found.append(
            Finding(aspect, name, place, torch[place].item(), jax[place].item(), left_side, right_side, verdict)
        )
    return found


def _verdict(same: bool, torch_right: bool, jax_right: bool) -> Verdict:
    if torch_right and jax_right:
        return "match" if same else "convention"
    if not torch_right and not jax_right:
        return "both-wrong"
    return "jax-wrong" if torch_right else "torch-wrong"


def _alike(torch: Any, jax: Any) -> bool:
    """Whether two dtypes are one; JAX has int32 where 64-bit types are off."""
    return bool(torch == jax or (torch.kind == jax.kind == "i"))


def _close(left: Numbers, right: Numbers, dtype: str, coarse: float) -> Numbers:
    """Elementwise, within the tolerance of the dtype, its absolute part `coarse` times that; nan equals nan."""
    tolerance = TOLERANCES[dtype]
    a, b = (one.astype(complex if one.dtype.kind == "c" else float) for one in (left, right))
    with np.errstate(all="ignore"):
        near = np.abs(a - b) <= coarse * tolerance.atol + tolerance.rtol * np.maximum(np.abs(a), np.abs(b))
        finite = np.isfinite(a) & np.isfinite(b)
    return np.asarray(np.where(finite, near, (a == b) | (np.isnan(a) & np.isnan(b))), dtype=bool)


def _within(answer: Numbers, truth: Sides, dtype: str, coarse: float) -> Numbers:
    """Whether each element is what is true, or lies between its sides."""
    if answer.dtype.kind == "c" or truth.left.dtype.kind == "c":
        return _close(answer, truth.left, dtype, coarse)
    low, high = np.fmin(truth.left, truth.right).astype(float), np.fmax(truth.left, truth.right).astype(float)
    number = answer.astype(float)
    with np.errstate(all="ignore"):
        nearest = np.where(np.isnan(number), low, np.clip(number, low, high))
    return _close(number, nearest, dtype, coarse)

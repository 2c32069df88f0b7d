"""One small computation at one point: measured on both frameworks, and judged by exact one-sided derivatives.

`measure` runs points on a framework, `exact_derivatives` says what is true there, `judge` gives a verdict per aspect.
"""

from __future__ import annotations

from compare.points.expressions import checked
from compare.points.judging import Finding, Verdict, judge
from compare.points.measuring import measure
from compare.points.point import ASPECTS, Aspect, Measured, Point
from compare.points.truth import Exact, exact_derivatives

__all__ = [
    "ASPECTS", "Aspect", "Exact", "Finding", "Measured", "Point", "Verdict", "checked", "exact_derivatives", "judge",
    "measure",
]  # fmt: skip

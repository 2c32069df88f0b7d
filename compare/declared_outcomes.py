"""The judge of demonstrations: what the two snippets showed against what is declared of them.

The tolerances are the judge's. Both directions are checked: what is declared must be shown, what is shown must be
declared, a declared divergence must still be one, and warnings are held like values. Shapes count: a number stands for
no array. The dtype is not compared, because the defaults of the frameworks differ; where it matters, print it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.demonstrations import Demonstration, Expectation
from compare.judge import TOLERANCES, Comparison, compare, declared_numbers, to_json_value, undeclared_warnings
from compare.observed import Array, LegRun, Observed, Raised
from compare.results import Absent, Declared, Kind, Observation, Raise, Value, Verdict
from compare.statements import from_number, is_number_word

__all__ = ["judge_demonstration"]


def judge_demonstration(demonstration: Demonstration, torch: LegRun, jax: LegRun) -> tuple[Observation, ...]:
    """Judge every declaration, in order, then what was shown without being declared.

    Returns: after each observation, one more where a leg gave a warning that is not declared.
    Raises: CompareError: when a dtype has no tolerance, or a declared array is ragged.
    """
    legs = {"torch": torch, "jax": jax}
    judged: list[Observation] = []
    for one in demonstration.expectations:
        judged.append(_judge(one, legs))
        declared = {"torch": one.torch_warning, "jax": one.jax_warning}
        judged.extend(undeclared_warnings(one.name, declared, legs, one.line))
    known = {one.name for one in demonstration.expectations}
    line = demonstration.case.line
    shown = dict.fromkeys([*torch.observed, *jax.observed, *torch.warnings, *jax.warnings])
    for name in [name for name in shown if name not in known]:
        if name in torch.observed or name in jax.observed:
            judged.append(_undeclared(name, legs, line))
        judged.extend(undeclared_warnings(name, {}, legs, line))
    return tuple(judged)


def _judge(one: Expectation, legs: Mapping[str, LegRun]) -> Observation:
    sides = {"torch": one.torch, "jax": one.jax}
    needed = {leg: declared for leg, declared in sides.items() if not isinstance(declared, Absent)}
    seen = {leg: run.observed[one.name] for leg, run in legs.items() if one.name in run.observed}
    if stopped := _stopped(needed, seen, legs):
        return _observation(one, seen, "error", stopped, Comparison())
    faults: list[str] = []
    compared: list[Comparison] = []
    for leg, declared in sides.items():
        if leg not in seen:
            if leg in needed:
                faults.append(f"{leg} does not show it; {_shown(declared)} is declared")
        elif leg not in needed:
            faults.append(f"{leg} shows {_shown(seen[leg])}; it is declared to show nothing")
        else:
            found = _against(seen[leg], declared)
            compared.append(found)
            if not found.agree:
                faults.append(f"{leg} shows {_shown(seen[leg])}; {_shown(declared)} is declared{_where(found)}")
    for leg, fragment in (("torch", one.torch_warning), ("jax", one.jax_warning)):
        if fragment is not None and not any(fragment in text for text in legs[leg].warnings.get(one.name, ())):
            faults.append(f"{leg} does not give the warning that is declared: '{fragment}'")
    if len(seen) == 2 and not isinstance(seen["torch"], Raised):
        between = _between(seen["torch"], seen["jax"])
        compared.append(between)
        if not faults and between.agree == (one.concept is not None):
            both = " and ".join(f"{leg} shows {_shown(side)}" for leg, side in seen.items())
            faults.append(
                f"it is declared to diverge ({one.concept}), but {both}, which agree"
                if between.agree
                else f"each is near enough to what is declared, but {both}{_where(between)}"
            )
    worst = max(compared, key=lambda found: (not found.agree, found.error or 0.0), default=Comparison())
    return _observation(one, seen, "mismatch" if faults else _verdict(one), "; ".join(faults), worst)


def _verdict(one: Expectation) -> Verdict:
    """The word for a declaration that holds. Two refusals agree, each in the words of its framework."""
    raised = [isinstance(side, Raise) for side in (one.torch, one.jax)]
    if one.concept is None or all(raised):
        return "match"
    if isinstance(one.torch, Absent) or isinstance(one.jax, Absent):
        return "no-analogue"
    return "raises-differ" if any(raised) else "convention"


def _observation(
    one: Expectation, seen: Mapping[str, Observed], verdict: Verdict, detail: str, worst: Comparison
) -> Observation:
    torch, jax = (to_json_value(seen[leg]) if leg in seen else Absent() for leg in ("torch", "jax"))
    kind: Kind = "error" if isinstance(one.torch, Raise) or isinstance(one.jax, Raise) else "value"
    expected = one.torch if one.concept is None else Declared(one.torch, one.jax)
    return Observation(
        one.name, kind, torch, jax, None, expected, worst.error, worst.ulp, verdict, one.concept, worst.limit, detail,
        one.line,
    )  # fmt: skip


def _undeclared(name: str, legs: Mapping[str, LegRun], line: int) -> Observation:
    sides = {leg: run.observed[name] for leg, run in legs.items() if name in run.observed}
    torch, jax = (to_json_value(sides[leg]) if leg in sides else Absent() for leg in legs)
    told = " and ".join(f"{leg} shows {_shown(side)}" for leg, side in sides.items())
    detail = f"{told}; nothing is declared of it"
    return Observation(name, "value", torch, jax, None, None, None, None, "mismatch", detail=detail, line=line)


def _stopped(needed: Mapping[str, Value], seen: Mapping[str, Observed], legs: Mapping[str, LegRun]) -> str:
    """Which leg failed before it showed what is declared of it; empty when none did."""
    for leg in needed:
        failure = legs[leg].failure
        if failure is not None and leg not in seen:
            return f"the {leg} leg stopped with {failure.type}: {failure.message}"
    return ""


# ---- one side against what is declared ----


def _against(seen: Observed, declared: Any) -> Comparison:
    """What a leg showed against what is declared of it, within the tolerance of what was shown."""
    if isinstance(declared, Raise):
        same = isinstance(seen, Raised) and seen.type == declared.raises and declared.message in seen.message
        return Comparison("" if same else "kind")
    if isinstance(seen, Array):
        if not _is_numeric(declared, flags=seen.dtype == "bool"):
            return Comparison("kind")
        return compare(seen, Array(declared_numbers(declared), seen.dtype), seen.dtype)
    if isinstance(seen, tuple):
        if not isinstance(declared, list) or len(declared) != len(seen):
            return Comparison("kind")
        return _worst([_against(*pair) for pair in zip(seen, declared, strict=True)])
    if _is_number(seen) and _is_number(declared):
        return _between(from_number(seen), from_number(declared))
    return Comparison("" if type(seen) is type(declared) and seen == declared else "kind")


def _between(left: Observed, right: Observed) -> Comparison:
    """Two sides against each other, within the wider of their tolerances."""
    if isinstance(left, tuple) and isinstance(right, tuple) and len(left) == len(right):
        return _worst([_between(*pair) for pair in zip(left, right, strict=True)])
    one, other = _as_array(left), _as_array(right)
    if one is not None and other is not None and (one.dtype == "bool") == (other.dtype == "bool"):
        return compare(one, other, max(one.dtype, other.dtype, key=lambda dtype: TOLERANCES[dtype].rtol))
    return Comparison("" if type(left) is type(right) and left == right else "kind")


def _as_array(side: Observed) -> Array | None:
    """An array as it is, a number as one of 64 bits; None for all else, and for a dtype without a tolerance."""
    if isinstance(side, Array):
        return side if side.dtype in TOLERANCES else None
    if isinstance(side, bool | int | float):
        # Python's own integers have no width.
        return Array(np.array(side, dtype=object if type(side) is int else None), _PYTHON_DTYPES[type(side)])
    return None


_PYTHON_DTYPES = {bool: "bool", int: "int64", float: "float64"}


def _worst(parts: list[Comparison]) -> Comparison:
    return max(parts, key=lambda found: (not found.agree, found.error or 0.0), default=Comparison())


def _is_number(value: Any) -> bool:
    return is_number_word(value) if isinstance(value, str) else isinstance(value, int | float)


def _is_numeric(declared: Any, *, flags: bool) -> bool:
    """Whether a declared value can be that of an array: nested lists of numbers, or of flags for an array of flags."""
    if isinstance(declared, list):
        return all(_is_numeric(item, flags=flags) for item in declared)
    return isinstance(declared, bool) if flags else _is_number(declared) and not isinstance(declared, bool)


# ---- telling ----


def _shown(side: Any) -> str:
    """A value in a sentence; what is long is named by its shape."""
    if isinstance(side, Raise):
        return f"'{side.raises}: {side.message}'"
    if isinstance(side, Raised):
        return f"'{side.type}: {side.message}'"
    text = repr(to_json_value(side))
    if len(text) <= 200:
        return text
    return f"an array of shape {list(side.values.shape)}" if isinstance(side, Array) else f"{text[:200]}…"


def _where(found: Comparison) -> str:
    at = f", at {list(found.index)}" if found.index else ""
    if found.error is None or found.limit is None:
        return at
    return f"{at}: largest error {found.error:.2g}, allowed error {found.limit:.2g}"

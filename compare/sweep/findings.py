"""What the sweep finds: differences, agreement at kinks, and how many answers agree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np

from compare.observed import Raised
from compare.points import Finding, Verdict
from compare.sweep.rows import SweptPoint

__all__ = ["Difference", "Kink", "Number", "Swept", "differences", "merged", "number_of", "told"]

Number = float | str | None
"""A number, rounded as `number_of` does; `nan`, `inf`, `-inf`, or what was answered instead: `raises RuntimeError`."""
SHOWN = 6
"""Numbers of a point that are written out; of a larger one its shapes and the name of its pattern are."""
NOTHING = 1e-13
"""Numbers below this are what roundings leave: another processor has other ones."""
GRAVITY: tuple[Verdict, ...] = (
    "match", "convention", "default-differs", "raises-differ", "torch-wrong", "jax-wrong", "both-wrong",
)  # fmt: skip


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One difference between the frameworks, or from what is true.

    attributes, point: as they would be written. aspects: those that show these numbers, `reverse x`, `forward`.
    at: the element, where a point has several. elements: how many of them differ, if more than one.
    torch, jax: what each answers. truth: the exact number, or what lies left and right of a kink; None where
        mathematics has no answer.
    """

    op: str
    attributes: str
    point: str
    aspects: tuple[str, ...]
    dtypes: tuple[str, ...]
    torch: Number
    jax: Number
    truth: Number | tuple[Number, Number]
    verdict: Verdict
    at: tuple[int, ...] = ()
    elements: int = 1


class Kink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kink where both frameworks choose the same number, one that lies between the two sides."""

    op: str
    attributes: str
    point: str
    aspects: tuple[str, ...]
    dtypes: tuple[str, ...]
    both: Number
    truth: tuple[Number, Number]


class Swept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One op, swept. agreeing: answers on which both agree, and which nothing true contradicts. seconds: by part.

    lost: why there is no result, where the process that swept it was lost.
    """

    op: str
    points: int
    agreeing: int
    differences: tuple[Difference, ...] = ()
    kinks: tuple[Kink, ...] = ()
    seconds: dict[str, float] = {}
    lost: str = ""


# ---- numbers and points, as they are kept ----


def number_of(answer: Any) -> Number:
    """An answer as it is kept: a number with five digits, a word, or what there was instead."""
    if isinstance(answer, Raised):
        return f"raises {answer.type}"
    if answer is None:
        return "None"
    if isinstance(answer, np.ndarray):
        return f"{answer.dtype.name} {list(answer.shape)}"
    if isinstance(answer, complex):
        return f"{number_of(answer.real)}, {number_of(answer.imag)}i"
    if isinstance(answer, bool):
        return str(answer)
    if math.isnan(answer) or math.isinf(answer):
        return str(float(answer))
    return 0.0 if abs(answer) < NOTHING else float(f"{answer:.5g}")


def told(swept: SweptPoint, dtype: str, index: tuple[int, ...] | None = None) -> str:
    """The numbers of a point: of one element of an elementwise one, of a small one, or the name of its pattern."""
    operands = swept.point.operands
    if swept.point.elementwise and index is not None:
        return ", ".join(f"{name}={_written(array[index], dtype)}" for name, array in operands.items())
    if swept.point.elementwise or sum(array.size for array in operands.values()) > SHOWN:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in operands.items())
        return f"{shapes}: {swept.pattern or 'all'}"
    return ", ".join(f"{name}={_listed(array, dtype)}" for name, array in operands.items())


def _listed(array: Any, dtype: str) -> str:
    if array.ndim == 0:
        return _written(array[()], dtype)
    return f"[{', '.join(_listed(item, dtype) for item in array)}]"


def _written(number: Any, dtype: str) -> str:
    plain = number.item()
    if isinstance(plain, float) and 0 < abs(plain) < 1e-30:
        smallest = "the smallest normal" if abs(plain) == float(np.finfo(dtype).tiny) else "a subnormal"
        return f"{'-' if plain < 0 else ''}{smallest}"
    return f"{plain:g}" if isinstance(plain, float) else str(plain)


# ---- from findings ----


def _truth(finding: Finding) -> Number | tuple[Number, Number]:
    left, right = number_of(finding.left), number_of(finding.right)
    if isinstance(left, str) and left == "nan":
        return None
    return left if left == right else (left, right)


def _aspect(finding: Finding) -> str:
    return f"{finding.aspect} {finding.operand}".strip()


def differences(
    op: str, swept: SweptPoint, dtype: str, findings: Sequence[Finding]
) -> tuple[list[Any], list[Any], int]:
    """The differences at one point, the kinks where both agree, and how many answers agree."""
    agreeing = 0
    different: list[Difference] = []
    kinks: list[Kink] = []
    groups: dict[Any, list[Finding]] = {}
    for finding in findings:
        if finding.verdict == "match":
            agreeing += 1
            if not finding.kink:
                continue
        key = (
            finding.index if swept.point.elementwise else (finding.aspect, finding.operand, finding.verdict == "match")
        )
        groups.setdefault(key, []).append(finding)
    for group in groups.values():
        different += _differing(op, swept, dtype, [one for one in group if one.verdict != "match"])
        kinks += _agreeing(op, swept, dtype, [one for one in group if one.verdict == "match"])
    return different, kinks, agreeing


def _answers(one: Finding) -> tuple[Number, Number]:
    """What both answer. Beside an error, or None, it does not matter which numbers the other has."""
    pair = [one.torch, one.jax]
    if sum(isinstance(each, np.ndarray) for each in pair) == 1:
        pair = ["numbers" if isinstance(each, np.ndarray) else each for each in pair]
    torch, jax = (each if isinstance(each, str) else number_of(each) for each in pair)
    return torch, jax


def _differing(op: str, swept: SweptPoint, dtype: str, group: list[Finding]) -> list[Difference]:
    if not group:
        return []
    if not swept.point.elementwise:
        gravest = max(group, key=lambda one: (GRAVITY.index(one.verdict), group[0] is one))
        verdicts = {one.verdict for one in group}
        verdict: Verdict = "both-wrong" if {"torch-wrong", "jax-wrong"} <= verdicts else gravest.verdict
        return [
            Difference(
                op, swept.attributes, told(swept, dtype), (_aspect(gravest),), (dtype,), *_answers(gravest),
                _truth(gravest), verdict, gravest.index or (), len(group),
            )
        ]  # fmt: skip
    same: dict[Any, list[str]] = {}
    for one in group:
        key = (*_answers(one), _truth(one), one.verdict)
        same.setdefault(key, []).append(_aspect(one))
    point = told(swept, dtype, group[0].index)
    return [Difference(op, swept.attributes, point, tuple(aspects), (dtype,), *key) for key, aspects in same.items()]


def _agreeing(op: str, swept: SweptPoint, dtype: str, group: list[Finding]) -> list[Kink]:
    same: dict[Any, list[str]] = {}
    for one in group:
        truth = _truth(one)
        if isinstance(truth, tuple):
            same.setdefault((number_of(one.torch), truth), []).append(_aspect(one))
    return [
        Kink(op, swept.attributes, told(swept, dtype, group[0].index), tuple(dict.fromkeys(aspects)), (dtype,), *key)
        for key, aspects in same.items()
    ]


def merged(found: Iterable[Any]) -> tuple[Any, ...]:
    """Differences, or kinks, with those of both dtypes made one where all but the last digits is the same."""
    kept: dict[Any, Any] = {}
    for one in found:
        fields = msgspec.structs.asdict(one)
        dtypes = fields.pop("dtypes")
        key = tuple(_coarse(value) for value in fields.values())
        if key in kept:
            both = tuple(dict.fromkeys((*kept[key].dtypes, *dtypes)))
            kept[key] = msgspec.structs.replace(kept[key], dtypes=both)
        else:
            kept[key] = one
    return tuple(kept.values())


def _coarse(value: Any) -> Any:
    if isinstance(value, float):
        return 0.0 if abs(value) < 1e-6 else float(f"{value:.3g}")
    return tuple(_coarse(one) for one in value) if isinstance(value, tuple) else value

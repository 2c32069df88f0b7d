"""The ledger of conventions, run: what both frameworks answer at every entry, held against what it declares.

Strict: an entry that stops being true departs, and so does a remedy that no longer has the other framework's number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NoReturn

import msgspec
import numpy as np

from compare.conventions import CONVENTIONS, FAMILIES, OBSERVED_WITH, Convention
from compare.judge import TOLERANCES, to_json_value
from compare.observed import Raised
from compare.points import ASPECTS, Aspect, Exact, Measured, Point, exact_derivatives, judge, measure
from compare.results import (
    ConventionLink,
    ConventionNumbers,
    ConventionRemedy,
    ConventionResult,
    ConventionVerdict,
    Declared,
    Raise,
    Value,
)
from compare.runs import cache_environment
from compare.workers import Lost, do_jobs, serve

__all__ = ["DTYPES", "observe", "run_ledger", "serve_entries"]

DTYPES = ("float64", "float32")
Framework = Literal["torch", "jax"]
FRAMEWORKS: tuple[Framework, ...] = ("torch", "jax")
NAMES: dict[str, str] = {"torch": "PyTorch", "jax": "JAX"}
_FAMILY_OF = {one.id: family for family, entries in FAMILIES.items() for one in entries}


ENTRIES_OF_A_JOB = 30
TIME_LIMIT = 600.0
"""Seconds for one job, which takes a few; a machine may be busy with other things."""


# ---- many processes ----


def observe(
    entries: Sequence[Convention],
    *,
    workers: int = 2,
    cache: Path | None = None,
    on_result: Callable[[ConventionResult], None] = lambda result: None,
) -> tuple[ConventionResult, ...]:
    """Run entries in fresh processes; this one imports neither framework. `cache`: as in `runs.run_cases`.

    Raises: RuntimeError: where a process is lost, with its entries.
    """
    chunks = [entries[start : start + ENTRIES_OF_A_JOB] for start in range(0, len(entries), ENTRIES_OF_A_JOB)]
    jobs = [msgspec.json.encode([one.id for one in chunk]) for chunk in chunks]
    found: dict[str, ConventionResult] = {}
    endings = do_jobs(
        "compare.ledger:serve_entries", jobs, workers=workers, limit=TIME_LIMIT, environment=cache_environment(cache)
    )
    with closing(endings):
        for index, ending in endings:
            if isinstance(ending, Lost):
                ids = ", ".join(one.id for one in chunks[index])
                raise RuntimeError(f"The conventions {ids}: {ending.why}.\n{ending.output}")
            for result in msgspec.json.decode(ending.reply, type=list[ConventionResult]):
                found[result.id] = result
                on_result(result)
    return tuple(found[one.id] for one in entries)


def serve_entries() -> NoReturn:
    """The worker's side of `observe`."""

    def get_ready() -> None:
        for framework in FRAMEWORKS:
            measure([Point("x", "x", {"x": 0.0})], "float32", framework)

    def do(job: bytes) -> tuple[bytes, bool]:
        wanted = [CONVENTIONS[name] for name in msgspec.json.decode(job, type=list[str])]
        return msgspec.json.encode(run_ledger(wanted)), False

    serve(get_ready, do)


# ---- one process ----


def run_ledger(entries: Sequence[Convention], dtypes: Sequence[str] = DTYPES) -> tuple[ConventionResult, ...]:
    """Measure and judge entries in each dtype. Imports both frameworks."""
    observed = {dtype: _observe(entries, dtype) for dtype in dtypes}
    return tuple(
        _result(entry, {dtype: observed[dtype][place] for dtype in dtypes}) for place, entry in enumerate(entries)
    )


# ---- measuring ----


@dataclass(frozen=True)
class _Seen:
    """What was measured of an entry in one dtype: each framework at the point and at the ordinary points.

    remedies: by the framework whose code it is, in the same order of points; empty where there is none.
    """

    plain: dict[Framework, list[Measured]]
    remedies: dict[Framework, list[Measured]]
    exact: Exact | None


def _observe(entries: Sequence[Convention], dtype: str) -> list[_Seen]:
    """All expressions are handed to a framework at once: those that are the same are compiled once."""
    answers: dict[tuple[Framework, int, bool], list[Measured]] = {}
    for framework in FRAMEWORKS:
        points: list[Point] = []
        aspects: list[tuple[Aspect, ...]] = []
        owners: list[tuple[Framework, int, bool]] = []
        for place, entry in enumerate(entries):
            for is_remedy, point in _points(entry, framework):
                points.append(point)
                aspects.append(_aspects(entry))
                owners.append((framework, place, is_remedy))
        for owner, measured in zip(owners, measure(points, dtype, framework, aspects), strict=True):
            answers.setdefault(owner, []).append(measured)
    return [
        _Seen(
            {framework: answers[framework, place, False] for framework in FRAMEWORKS},
            {one: answers[one, place, True] for one in FRAMEWORKS if (one, place, True) in answers},
            exact_derivatives(entry.point, dtype),
        )
        for place, entry in enumerate(entries)
    ]


def _points(entry: Convention, framework: Framework) -> list[tuple[bool, Point]]:
    """The entry's own point, then its ordinary ones; first as it is, then by the remedy in this framework's code."""
    everywhere = [entry.point, *(replace(entry.point, operands=operands) for operands in entry.ordinary)]
    found = [(False, one) for one in everywhere]
    code = entry.as_jax if framework == "torch" else entry.as_torch
    if code:
        found += [
            (True, replace(one, torch=code) if framework == "torch" else replace(one, jax=code)) for one in everywhere
        ]
    return found


def _aspects(entry: Convention) -> tuple[Aspect, ...]:
    """A remedy must have the value and the gradient, too."""
    if not (entry.as_torch or entry.as_jax):
        return (entry.aspect,)
    return tuple(one for one in ASPECTS if one in ("value", "reverse", entry.aspect))


# ---- judging ----


def _result(entry: Convention, seen: dict[str, _Seen]) -> ConventionResult:
    departures: list[str] = []
    numbers = []
    for dtype, one in seen.items():
        torch, jax = (_answer(one.plain[framework][0], entry.aspect) for framework in FRAMEWORKS)
        declared = Declared(_declared(entry, "torch", dtype), _declared(entry, "jax", dtype))
        for name, answer, wanted in (("torch", torch, declared.torch), ("jax", jax, declared.jax)):
            if not _is(answer, wanted, dtype):
                departures.append(f"{NAMES[name]} answers {_shown(answer)} in {dtype}, declared is {_shown(wanted)}")
        numbers.append(ConventionNumbers(dtype, torch, jax, declared))
    departures += _judged(entry, seen)
    remedies = []
    for framework, code in (("jax", entry.as_torch), ("torch", entry.as_jax)):
        if code:
            remedies.append(_remedy(entry, framework, code, seen, departures))  # type: ignore[arg-type]  # one of two
    left, right = _sides(entry, seen)
    if seen and entry.point.exact is not None:
        for side, number, wanted in (("left", left, entry.left), ("right", right, _right(entry))):
            if not _is(number, wanted, "float64"):
                departures.append(f"the exact answer from the {side} is {_shown(number)}, declared is {_shown(wanted)}")
    return ConventionResult(
        id=entry.id,
        family=_FAMILY_OF.get(entry.id, ""),
        title=entry.title,
        aspect=entry.aspect,
        verdict=entry.verdict,
        reason=entry.reason,
        torch=entry.point.torch,
        jax=entry.point.jax,
        operands={name: to_json_value(operand) for name, operand in entry.point.operands.items()},
        numbers=tuple(numbers),
        left=left,
        right=right,
        torch_rule=entry.torch_rule,
        jax_rule=entry.jax_rule,
        links=tuple(ConventionLink(link.title, link.url) for link in entry.links),
        remedies=tuple(remedies),
        versions=dict(OBSERVED_WITH),
        departures=tuple(departures),
    )


def _answer(measured: Measured, aspect: Aspect) -> Value:
    """What was answered, in the form that an entry declares: of several operands a list."""
    answer = measured.value if isinstance(measured.value, Raised) else measured.of(aspect)
    if isinstance(answer, dict):
        parts = [None if one is None else one.tolist() for one in answer.values()]
        return to_json_value(parts[0] if len(parts) == 1 else parts)
    return to_json_value(answer)


def _declared(entry: Convention, framework: Framework, dtype: str) -> Value:
    single = getattr(entry, f"{framework}_single")
    number = single if dtype == "float32" and single is not None else getattr(entry, framework)
    return to_json_value(number) if not isinstance(number, Raise) else number


def _right(entry: Convention) -> Any:
    return entry.left if entry.right is None else entry.right


def _is(answer: Any, wanted: Any, dtype: str) -> bool:
    """Whether an answer is what was wanted, element by element, within the tolerance of the dtype."""
    if isinstance(wanted, list | tuple):
        same = isinstance(answer, list | tuple) and len(answer) == len(wanted)
        return same and all(_is(one, other, dtype) for one, other in zip(answer, wanted, strict=True))
    if isinstance(wanted, Raise):
        return isinstance(answer, Raise) and answer.raises == wanted.raises and wanted.message in answer.message
    if wanted is None or answer is None or isinstance(answer, Raise | list | tuple):
        return answer is None and wanted is None
    one, other = complex(answer), complex(wanted)
    return all(_is_near(a, b, dtype) for a, b in ((one.real, other.real), (one.imag, other.imag)))


def _is_near(one: float, other: float, dtype: str) -> bool:
    if not (np.isfinite(one) and np.isfinite(other)):
        return one == other or (one != one and other != other)
    tolerance = TOLERANCES[dtype]
    return abs(one - other) <= tolerance.atol + tolerance.rtol * max(abs(one), abs(other))


def _shown(answer: Any) -> str:
    if isinstance(answer, Raise):
        return f"{answer.raises}: {answer.message}"
    return str(to_json_value(answer))


def _judged(entry: Convention, seen: dict[str, _Seen]) -> list[str]:
    """What is wrong with the declared verdict: in one dtype at least it has to be true, and in no dtype another one."""
    found = {dtype: _verdict(entry, one, dtype) for dtype, one in seen.items()}
    others = [verdict for verdict in found.values() if verdict != "agrees"]
    if entry.verdict == "default-differs" and others:
        return []  # two functions: there is no truth to hold both against
    if entry.verdict in found.values() and set(others) <= {entry.verdict}:
        return []
    told = ", ".join(f"{verdict} in {dtype}" for dtype, verdict in found.items())
    return [f"the verdict is {told}, declared is {entry.verdict}"]


def _verdict(entry: Convention, seen: _Seen, dtype: str) -> ConventionVerdict:
    """The one verdict on all elements of the entry's aspect: the gravest, where several apply."""
    torch, jax = (_with_zeros(entry, seen, framework) for framework in FRAMEWORKS)
    raised = isinstance(torch.value, Raised) or isinstance(jax.value, Raised)
    findings = judge(torch, jax, seen.exact, dtype)
    words = {one.verdict for one in findings if one.aspect == ("value" if raised else entry.aspect)}
    if "raises-differ" in words or "default-differs" in words:
        return "raises-differ"  # or None: PyTorch's word for a gradient that backward refuses to give
    if "both-wrong" in words or {"torch-wrong", "jax-wrong"} <= words:
        return "both-wrong"
    if "torch-wrong" in words:
        return "torch-wrong"
    if "jax-wrong" in words:
        return "jax-wrong"
    return "convention" if "convention" in words else "agrees"


def _with_zeros(entry: Convention, seen: _Seen, framework: Framework) -> Measured:
    """Where the truth is known, nothing counts as zeros: that is what a chain goes on with."""
    measured = seen.plain[framework][0]
    other = seen.plain["jax" if framework == "torch" else "torch"][0].of(entry.aspect)
    if seen.exact is not None and measured.of(entry.aspect) is None and isinstance(other, np.ndarray):
        return replace(measured, **{entry.aspect: np.zeros_like(other)})  # type: ignore[arg-type]  # no dictionary
    return measured


def _sides(entry: Convention, seen: dict[str, _Seen]) -> tuple[Value, Value]:
    """The exact answer from either side, in float64 where that was run; where nothing is computed, what is declared."""
    exact = next((one.exact for one in seen.values()), None)
    if exact is None:
        return to_json_value(entry.left), to_json_value(_right(entry))
    sides = getattr(exact, entry.aspect)
    parts = list(sides.values()) if isinstance(sides, dict) else [sides]
    left, right = ([getattr(one, side).tolist() for one in parts] for side in ("left", "right"))
    single = len(parts) == 1
    return to_json_value(left[0] if single else left), to_json_value(right[0] if single else right)


def _remedy(
    entry: Convention, framework: Framework, code: str, seen: dict[str, _Seen], departures: list[str]
) -> ConventionRemedy:
    """What a remedy answers; whatever is not the other framework's number is added to the departures."""
    other: Framework = "jax" if framework == "torch" else "torch"
    name = NAMES[framework]
    numbers = {}
    for dtype, one in seen.items():
        numbers[dtype] = _answer(one.remedies[framework][0], entry.aspect)
        for place, (has, wanted) in enumerate(zip(one.remedies[framework], one.plain[other], strict=True)):
            judged: tuple[Aspect, ...] = ("value", "reverse") if place else ("value", entry.aspect)
            for aspect in dict.fromkeys(judged):
                answer, target = _answer(has, aspect), _answer(wanted, aspect)
                if not (_is(answer, target, dtype) or (isinstance(answer, Raise) and isinstance(target, Raise))):
                    where = f"at {entry.ordinary[place - 1]}" if place else "at the point"
                    departures.append(
                        f"the remedy in {name} has the {aspect} {_shown(answer)} {where} in {dtype}, "
                        f"{NAMES[other]} has {_shown(target)}"
                    )
    return ConventionRemedy(framework, code, numbers)

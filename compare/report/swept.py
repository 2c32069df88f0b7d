"""The boundary sweep as text, Markdown, JSON and annotations: departures from what is pinned come first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from compare.report.github import annotation
from compare.report.markdown import escaped, table
from compare.report.plain import columns
from compare.report.wording import count_of
from compare.sweep.findings import Difference, Kink, Number, Swept
from compare.sweep.pinned import Departure

__all__ = ["SWEEP_FORMATS", "SweepReport", "number_told", "render_sweep", "truth_told"]

HEADER = ("op", "point", "aspect", "dtype", "torch", "JAX", "truth", "verdict")


@dataclass(frozen=True)
class SweepReport:
    """A sweep, and how it departs from what is pinned. verbosity: above 0 the green rows as well, below 0 no list."""

    swept: Sequence[Swept]
    departures: Sequence[Departure]
    width: int | None = None
    verbosity: int = 0


def render_sweep(format: str, report: SweepReport) -> str:
    """The report as text that ends in a newline. Raises KeyError for a format that is not in SWEEP_FORMATS."""
    return SWEEP_FORMATS[format](report)


# ---- words ----


def number_told(number: Number) -> str:
    """A number as it is kept, or the word in its place."""
    return f"{number:g}" if isinstance(number, float | int) else str(number)


def truth_told(truth: Number | tuple[Number, Number]) -> str:
    """What is true, in words."""
    if truth is None:
        return "nothing"
    if isinstance(truth, tuple):
        return f"between {number_told(truth[0])} and {number_told(truth[1])}"
    return number_told(truth)


def _point(one: Difference | Kink | Departure) -> str:
    return f"{one.attributes}; {one.point}" if one.attributes else one.point


def _row(one: Difference) -> tuple[str, ...]:
    place = f" at {list(one.at)}" if one.at else ""
    place += f", {one.elements} elements" if one.elements > 1 else ""
    return (
        one.op, _point(one), ", ".join(one.aspects) + place, ", ".join(one.dtypes), number_told(one.torch),
        number_told(one.jax), truth_told(one.truth), one.verdict,
    )  # fmt: skip


def _green(one: Kink) -> tuple[str, ...]:
    both = number_told(one.both)
    return (
        one.op, _point(one), ", ".join(one.aspects), ", ".join(one.dtypes), both, both, truth_told(one.truth), "match",
    )  # fmt: skip


def _departed(one: Departure) -> str:
    where = f"{one.op} at {_point(one)}, {one.aspect}, {one.dtype}"
    told = [
        f"{name} torch {number_told(each.torch)}, JAX {number_told(each.jax)}, truth {truth_told(each.truth)}: "
        f"{each.verdict}"
        for name, each in (("pinned", one.pinned), ("found", one.found))
        if each is not None
    ]
    return f"{one.kind}: {where}: {'; '.join(told)}"


def _summary(report: SweepReport) -> str:
    swept = report.swept
    verdicts = Counter(one.verdict for each in swept for one in each.differences)
    told = ", ".join(f"{count} {name}" for name, count in sorted(verdicts.items()))
    parts = [
        count_of(len(swept), "op", "ops"),
        f"{sum(one.points for one in swept)} points",
        f"{sum(one.agreeing for one in swept)} answers agree",
        f"{sum(len(one.kinks) for one in swept)} green rows at kinks",
        f"{sum(verdicts.values())} differences" + (f" ({told})" if told else ""),
        f"{len(report.departures)} not as pinned",
    ]
    return ", ".join(parts)


# ---- formats ----


def _full(report: SweepReport) -> str:
    lines = [_departed(one) for one in report.departures]
    text = "".join(f"{line}\n" for line in lines) + ("\n" if lines else "")
    rows = [_row(one) for each in report.swept for one in each.differences]
    rows += [_green(one) for each in report.swept for one in each.kinks] if report.verbosity > 0 else []
    if report.verbosity >= 0 and rows:
        text += columns([HEADER, *rows]) + "\n"
    return text + _summary(report) + "\n"


def _concise(report: SweepReport) -> str:
    departed = Counter(one.op for one in report.departures)
    lines = [
        f"{one.op}  {one.points} points, {one.agreeing} answers agree, {len(one.differences)} differences, "
        f"{departed[one.op]} not as pinned"
        for one in report.swept
    ]
    return "".join(f"{line}\n" for line in [*lines, _summary(report)])


def _markdown(report: SweepReport) -> str:
    rows = [[escaped(cell) for cell in _row(one)] for each in report.swept for one in each.differences]
    departed = "".join(f"- {escaped(_departed(one))}\n" for one in report.departures)
    return f"{_summary(report)}\n\n{departed}{chr(10) if departed else ''}{table(HEADER, rows)}"


def _json(report: SweepReport) -> str:
    content: dict[str, Any] = {"ops": list(report.swept), "departures": list(report.departures)}
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def _github(report: SweepReport) -> str:
    lines = [annotation(_departed(one), None, f"sweep: {one.op}") for one in report.departures]
    return "\n".join([*lines, _summary(report)]) + "\n"


SWEEP_FORMATS: dict[str, Callable[[SweepReport], str]] = {
    "full": _full, "concise": _concise, "json": _json, "markdown": _markdown, "github": _github,
}  # fmt: skip

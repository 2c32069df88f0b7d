"""How results are said in every format: numbers, values, outcomes, and what is not as declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compare.results import Absent, Declared, NaiveDifference, Raise, summarize

if TYPE_CHECKING:
    from compare.report import Place, Report
    from compare.results import CaseResult, Observation, Run, Value

__all__ = [
    "SYMBOLS", "again", "apart", "count_of", "departures", "error", "location", "naive", "naive_departures", "number",
    "sides", "silent", "summary", "symbol", "told", "ulps", "value", "visible", "visible_lines", "worst",
]  # fmt: skip

SYMBOLS = {"match": "✓", "diverges-as-documented": "◇", "mismatch": "✗", "error": "!"}
"""A shape for each outcome, so that no outcome is told by colour alone."""


def visible(text: str) -> str:
    """One line on which every character can be seen: a newline or a direction mark becomes its Python escape."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


# ---- numbers and values ----


def number(error: float | None) -> str:
    """An error in two digits."""
    return "-" if error is None else f"{error:.2g}"


def ulps(count: int | None) -> str:
    """A number of ulps; a count too long to mean anything is rounded."""
    if count is None:
        return "-"
    return str(count) if count < 10**5 else (f"{float(count):.0e}" if count < 10**19 else ">1e19")


def error(distance: float | None, count: int | None) -> str:
    """Both measures of an error; empty when nothing was measured."""
    if distance is None:
        return ""
    return number(distance) + ("" if count is None else f" ({ulps(count)} {'ulp' if count == 1 else 'ulps'})")


def value(side: Value | Declared) -> str:
    """One side of an observation, every digit of it. Never shortened."""
    if isinstance(side, Raise):
        return visible(f"raises {side.raises}: {side.message}")
    if isinstance(side, Declared):
        return f"torch {value(side.torch)}, jax {value(side.jax)}"
    if isinstance(side, Absent):
        return "-"
    if isinstance(side, list):
        return "[" + ", ".join([value(item) for item in side]) + "]"
    return visible(str(side))


def sides(one: Observation) -> dict[str, str]:
    """What each leg shows, and what the case expects. `-` where there was nothing to look at, or nothing declared."""
    something = one.torch is not None
    return {
        "torch": value(one.torch),
        "jax": "-" if one.kind == "tape" and one.jax is None else value(one.jax),
        "reference": "-" if one.reference is None and something else value(one.reference),
        "expected": "-" if one.expected is None and something else value(one.expected),
    }


def worst(case: CaseResult) -> tuple[float | None, int | None]:
    """The largest error of a case: absolute, and in ulps. None where nothing was measured."""
    errors = [one.max_abs_error for one in case.observations if one.max_abs_error is not None]
    counts = [one.max_ulp for one in case.observations if one.max_ulp is not None]
    return max(errors, default=None), max(counts, default=None)


# ---- what is not as declared ----


def departures(case: CaseResult) -> tuple[Observation, ...]:
    """The observations of a case that are not as it declares."""
    return tuple(one for one in case.observations if one.departs)


def naive_departures(case: CaseResult) -> tuple[str, ...]:
    """What the naive port of a case does that is not as the case declares, a sentence each."""
    found = () if case.naive is None else case.naive.departures
    return tuple(visible(f"naive port, {one}") for one in found)


def symbol(observation: Observation) -> str:
    """The shape of an observation's verdict."""
    if observation.departs:
        return SYMBOLS["error" if observation.verdict == "error" else "mismatch"]
    return SYMBOLS["match" if observation.verdict == "match" else "diverges-as-documented"]


def silent(case: CaseResult) -> bool:
    """Whether numbers differ here and nothing says so: those of the legs, or those of a line-by-line port."""
    if case.naive is not None and case.naive.outcome == "differs":
        return True
    if case.kind == "demonstration":
        return case.outcome != "match" and any(note.status == "silent" for note in case.notes)
    return any(one.verdict in _OTHER_NUMBER and one.kind in ("value", "gradient") for one in case.observations)


_OTHER_NUMBER = ("convention", "torch-wrong", "jax-wrong", "both-wrong")


# ---- sentences ----


def told(one: Observation) -> str:
    """An observation on one line: every side, how far the legs are apart, and what the judge says of it."""
    shown = ", ".join([f"{name} {side}" for name, side in sides(one).items()])
    return visible("; ".join(filter(None, [f"{one.verdict}: {shown}", apart(one), one.detail])))


def naive(case: CaseResult) -> tuple[str, ...]:
    """What became of the naive port, a line for each thing it shows silently otherwise; empty where there is none."""
    port = case.naive
    if port is None:
        return ()
    if port.outcome == "none":
        return (visible(f"no naive port: {port.error}"),)
    silent = [f"naive port: differs silently: {_differs(one)}" for one in port.differences]
    raised = [f"naive port: raises {port.error}"] if port.outcome == "raises" else []
    return tuple(map(visible, [*silent, *raised] or ["naive port: the same"]))


def _differs(one: NaiveDifference) -> str:
    """`v.grad is [2.0, 0.0], PyTorch and the faithful JAX have [20.0, 0.0]`."""
    torch, jax = value(one.torch), value(one.jax)
    both = f"PyTorch and the faithful JAX have {torch}"
    return f"{one.name} is {value(one.naive)}, " + (both if torch == jax else f"PyTorch has {torch}, JAX {jax}")


def apart(one: Observation) -> str:
    """How far the legs are apart, and how far they may be; empty when nothing was measured."""
    allowed = "" if one.limit is None else f", allowed {number(one.limit)}"
    measured = error(one.max_abs_error, one.max_ulp)
    return f"legs differ by {measured}{allowed}" if measured else ""


def summary(run: Run, unloaded: int = 0) -> str:
    """The counts of a run and what it was made with, on one line."""
    counts, made = summarize(run.cases), run.environment  # a stored run's own summary is only a claim
    parts = [
        f"{counts.match} match",
        f"{counts.diverges_as_documented} diverge as documented",
        count_of(counts.mismatch, "mismatch", "mismatches"),
        count_of(counts.error, "error", "errors"),
    ]
    if counts.three_legs:
        parts.append(f"{counts.three_legs} judged by all three legs")
    ports = [
        f"{count} {word}"
        for count, word in (
            (counts.naive_same, "the same"),
            (counts.naive_differ, "silently different"),
            (counts.naive_raise, "raising"),
        )
        if count
    ]
    if ports:
        parts.append(f"naive ports: {', '.join(ports)}")
    if unloaded:
        parts.append(count_of(unloaded, "file or case not loaded", "files or cases not loaded"))
    dtypes = "/".join(sorted({case.dtype for case in run.cases}))
    used = [dtypes, f"torch {made.torch}", f"jax {made.jax}"]
    demonstrations = count_of(counts.demonstrations, "demonstration", "demonstrations")
    what = count_of(counts.cases - counts.demonstrations, "case", "cases")
    if counts.demonstrations:
        what = demonstrations if counts.demonstrations == counts.cases else f"{what} and {demonstrations}"
    return visible(f"{what}: {', '.join(parts)}. {', '.join(filter(None, used))}.")


def count_of(count: int, one: str, many: str) -> str:
    """`1 note`, `2 notes`."""
    return f"{count} {one if count == 1 else many}"


def location(place: Place | None) -> str:
    """`file:line`, or nothing when the file is not known."""
    return "" if place is None else visible(f"{place.path}:{place.line}")


def again(case: CaseResult, report: Report) -> str:
    """The command that runs one case as this run did."""
    return visible(f"python -m compare run {case.id} --dtype {case.dtype}{report.again}")


def visible_lines(text: str) -> list[str]:
    """The lines of a text, each visible."""
    return [visible(line) for line in text.splitlines()]

"""The judge of naive ports: what one shows against what PyTorch and the faithful JAX show, and what the case declares.

A naive port shows the same where it agrees with either of them, in shape, dtype and value: where the two differ, the
case says so itself, and a port that is as right as the faithful one has lost nothing. What it shows otherwise, it shows
without a word; the case declares that, and is held to it in both directions. What it leaves out is no difference.
"""

from __future__ import annotations

from collections.abc import Mapping

from compare.judge import compare, in_form, to_json_value
from compare.observed import Array, LegRun, Observed
from compare.program import Program
from compare.results import Absent, NaiveDifference, NaivePort
from compare.sources import Source
from compare.statements import Read

__all__ = ["judge_naive"]


def judge_naive(program: Program, torch: LegRun, jax: LegRun, naive: LegRun, source: Source) -> NaivePort:
    """Judge what the naive port of a program showed when `source` ran.

    Returns: without departures where one of the legs stopped: the case is an error already.
    Raises: CompareError: when a dtype has no tolerance, or a declared array is ragged.
    """
    differences: list[NaiveDifference] = []
    departures = _error_departures(program, naive)
    for _, statement, handles, _ in program.steps():
        if not isinstance(statement, Read):
            continue
        name, declared = statement.name, statement.naive
        if name not in naive.observed:
            if declared is not None:
                departures.append(f"{name}: it shows nothing; {_shown(declared)} is declared")
            continue
        dtype, seen = handles[statement.handle].dtype, naive.observed[name]
        sides = {leg: run.observed[name] for leg, run in (("torch", torch), ("jax", jax)) if name in run.observed}
        like = next((leg for leg, side in sides.items() if _same(seen, side, dtype)), None)
        if like is not None:
            if declared is not None:
                told = f"{_shown(declared)} is declared, but it shows what {like} shows, {_shown(seen)}"
                departures.append(f"{name}: {told}")
            continue
        differences.append(_difference(statement, sides, seen))
        if declared is None:
            told = f"{name}: it shows {_shown(seen)}, {_told(sides, dtype)}"
            departures.append(f"{told}; nothing is declared of it: tape.expect_naive does that")
        elif not compare(seen, in_form(declared, seen), dtype).agree:
            departures.append(f"{name}: it shows {_shown(seen)}; {_shown(declared)} is declared")
    stopped = torch.failure is not None or jax.failure is not None
    failure = naive.failure
    return NaivePort(
        outcome="raises" if failure is not None else "differs" if differences else "same",
        source=source.text,
        differences=tuple(differences),
        error=None if failure is None else f"{failure.type}: {failure.message}",
        departures=() if stopped else tuple(departures),
        lines=source.origins,
    )


def _error_departures(program: Program, naive: LegRun) -> list[str]:
    declared = program.naive_error
    if naive.failure is None:
        return [] if declared is None else [f"it raises nothing; '{declared}' is declared"]
    raised = f"{naive.failure.type}: {naive.failure.message}"
    if declared is None:
        return [f"it raises '{raised}'; nothing is declared of it: tape.expect_naive_error does that"]
    return [] if declared in raised else [f"it raises '{raised}'; '{declared}' is declared"]


def _same(one: Observed, other: Observed, dtype: str) -> bool:
    if isinstance(one, Array) and isinstance(other, Array) and one.dtype != other.dtype:
        return False
    return compare(one, other, dtype).agree


def _difference(read: Read, sides: Mapping[str, Observed], seen: Observed) -> NaiveDifference:
    torch, jax = (to_json_value(sides[leg]) if leg in sides else Absent() for leg in ("torch", "jax"))
    return NaiveDifference(read.name, torch, jax, to_json_value(seen), to_json_value(read.naive), read.line)


def _told(sides: Mapping[str, Observed], dtype: str) -> str:
    if len(sides) == 2 and _same(sides["torch"], sides["jax"], dtype):
        return f"torch and jax {_shown(sides['torch'])}"
    return ", ".join(f"{leg} {_shown(side)}" for leg, side in sides.items())


def _shown(side: object) -> str:
    text = str(to_json_value(side))
    if len(text) <= 200:
        return text
    return f"an array of shape {list(side.values.shape)}" if isinstance(side, Array) else f"{text[:200]}…"

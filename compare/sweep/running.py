"""Measuring and judging every point of every op, shared among fresh processes."""

from __future__ import annotations

import dataclasses
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import numpy as np

from compare.observed import Raised
from compare.ops import OPS, Op
from compare.points import Exact, Measured, Point, exact_derivatives, judge, measure
from compare.runs import cache_environment
from compare.sweep.findings import Difference, Kink, Swept, differences, merged
from compare.sweep.rows import SweptPoint, points_of
from compare.sweep.special import ORDINARY
from compare.workers import Lost, do_jobs, serve

__all__ = ["DTYPES", "serve_ops", "sweep", "sweep_ops"]

DTYPES = ("float64", "float32")


TIME_LIMIT = 300.0
"""Seconds for one op: twenty times what the slowest takes."""


# ---- many processes ----


class _Job(msgspec.Struct, frozen=True, array_like=True):
    """An op to sweep."""

    op: str
    dtypes: tuple[str, ...]


def sweep_ops(
    names: Sequence[str],
    dtypes: Sequence[str] = DTYPES,
    *,
    workers: int = 2,
    cache: Path | None = None,
    on_op: Callable[[Swept], None] = lambda swept: None,
) -> list[Swept]:
    """Sweep ops in fresh processes; this one imports neither framework. `cache`: as in `runs.run_cases`."""
    jobs = [msgspec.json.encode(_Job(name, tuple(dtypes))) for name in names]
    found: dict[str, Swept] = {}
    endings = do_jobs(
        "compare.sweep.running:serve_ops",
        jobs,
        workers=workers,
        limit=TIME_LIMIT,
        environment=cache_environment(cache),
    )
    with closing(endings):
        for index, ending in endings:
            if isinstance(ending, Lost):
                why = "\n".join([f"{ending.why}.", *ending.output.splitlines()[-20:]])
                swept = Swept(names[index], 0, 0, lost=why)
            else:
                swept = msgspec.json.decode(ending.reply, type=Swept)
            found[swept.op] = swept
            on_op(swept)
    return [found[name] for name in names]


def serve_ops() -> NoReturn:
    """The worker's side of `sweep_ops`."""

    def get_ready() -> None:
        measure([Point("x", "x", {"x": 0.0})], "float32", "torch")
        measure([Point("x", "x", {"x": 0.0})], "float32", "jax")

    def do(job: bytes) -> tuple[bytes, bool]:
        wanted = msgspec.json.decode(job, type=_Job)
        try:
            [swept] = sweep([OPS[wanted.op]], wanted.dtypes)
        except Exception:
            swept = Swept(wanted.op, 0, 0, lost=traceback.format_exc())
        return msgspec.json.encode(swept), False

    serve(get_ready, do)


# ---- one process ----


def sweep(ops: Sequence[Op], dtypes: Sequence[str] = DTYPES) -> list[Swept]:
    """Sweep ops in this process. Raises ProgramError where no operands are found for one."""
    points = {(op.name, dtype): points_of(op, dtype) for op in ops for dtype in dtypes}
    swept = {op.name: _Sweeping(op.name) for op in ops}
    for dtype in dtypes:
        for op in ops:
            swept[op.name].measure(points[op.name, dtype], dtype)
    return [one.result() for one in swept.values()]


class _Sweeping:
    """One op, while it is swept: what is true is worked out once where both dtypes hold the same numbers."""

    def __init__(self, op: str) -> None:
        self.op = op
        self.points = self.agreeing = 0
        self.differences: list[Difference] = []
        self.kinks: list[Kink] = []
        self.seconds = dict.fromkeys(("torch", "jax", "exact"), 0.0)
        self.truths: dict[Any, Exact | None] = {}
        self.everywhere: set[Any] = set()

    def measure(self, swept: Sequence[SweptPoint], dtype: str) -> None:
        """Measure and judge the points of one dtype."""
        points = [one.point for one in swept]
        torch = self._timed("torch", lambda: measure(points, dtype, "torch"))
        jax = self._timed("jax", lambda: measure(points, dtype, "jax"))
        for one, in_torch, in_jax in zip(swept, torch, jax, strict=True):
            truth = self._timed("exact", lambda one=one: self._truth(one.point, dtype))  # type: ignore[misc]
            self.points += (
                max((array.size for array in one.point.operands.values()), default=1) if (one.point.elementwise) else 1
            )
            in_torch, in_jax = _comparable(one.point, in_torch, in_jax)
            found = differences(self.op, one, dtype, judge(in_torch, in_jax, truth, dtype))
            self.differences += self._not_everywhere(one, found[0])
            self.kinks += found[1]
            self.agreeing += found[2]

    def _not_everywhere(self, swept: SweptPoint, found: list[Difference]) -> list[Difference]:
        """What is not so at any point: an error that an ordinary point has, too, is told once."""
        kept = []
        for one in found:
            key = one.attributes, one.aspects, one.dtypes, one.torch, one.jax, one.verdict
            if one.verdict in ("raises-differ", "default-differs") and swept.pattern == ORDINARY:
                self.everywhere.add(key)
            elif key in self.everywhere:
                continue
            kept.append(one)
        return kept

    def _timed(self, part: str, compute: Callable[[], Any]) -> Any:
        started = time.process_time()
        result = compute()
        self.seconds[part] += time.process_time() - started
        return result

    def _truth(self, point: Point, dtype: str) -> Exact | None:
        arrays = point.arrays(dtype)
        key = (point.torch, tuple((name, one.shape, one.astype(complex).tobytes()) for name, one in arrays.items()))
        if key not in self.truths:
            self.truths[key] = exact_derivatives(point, dtype)
        truth = self.truths[key]
        return None if truth is None else truth.rounded(dtype)

    def result(self) -> Swept:
        """What was found."""
        return Swept(self.op, self.points, self.agreeing, merged(self.differences), merged(self.kinks), self.seconds)


def _comparable(point: Point, torch: Measured, jax: Measured) -> tuple[Measured, Measured]:
    """Answers that mean the same: a result without history has no gradient in PyTorch, and a zero one in JAX.

    Of complex operands JAX's gradient is the conjugate of PyTorch's by convention, and no second one is compared.
    """
    if isinstance(jax.reverse, dict) and any(np.iscomplexobj(array) for array in point.operands.values()):
        conjugated = {name: None if one is None else np.conj(one) for name, one in jax.reverse.items()}
        torch, jax = (dataclasses.replace(one, second=None) for one in (torch, jax))
        jax = dataclasses.replace(jax, reverse=conjugated)
    if torch.reverse is None and isinstance(jax.reverse, dict) and not isinstance(torch.value, Raised):
        zeros: dict[str, Any] = {name: np.zeros_like(one) for name, one in jax.reverse.items()}
        torch = dataclasses.replace(torch, reverse=zeros, second=zeros)
    if torch.forward is None and isinstance(jax.forward, np.ndarray):
        torch = dataclasses.replace(torch, forward=np.zeros_like(jax.forward))
    return torch, jax

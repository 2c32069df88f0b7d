"""Many cases: shared among fresh processes, told in the order of the catalogue.

This is the parent's side. It imports nothing that a case needs to run.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from compare.cases import Case
from compare.errors import shown_path
from compare.results import CaseResult, ConventionResult, Environment, Run, summarize
from compare.workers import Done, Lost, do_jobs

__all__ = ["TIME_LIMIT", "Job", "assembled", "cache_environment", "environment", "run_cases", "with_conventions"]

TIME_LIMIT = 60.0
"""Seconds for one case: a hundred times what the slowest takes."""


class Job(msgspec.Struct, frozen=True, array_like=True):
    """A case to run, by the file and the id."""

    path: str
    id: str
    dtype: str
    seed: int


def run_cases(
    cases: Sequence[Case],
    *,
    dtype: str = "float64",
    seed: int = 0,
    workers: int = 1,
    stop_at_first: bool = False,
    limit: float = TIME_LIMIT,
    cache: Path | None = None,
    on_result: Callable[[CaseResult, str], None] = lambda result, output: None,
) -> Run:
    """Run cases in fresh processes. This process imports neither framework.

    A case that crashes, does not end in time, or leaves global state changed is an error of its own; the others run on.

    Args:
        workers: processes to share the cases.
        stop_at_first: stop after the first case that is not as declared.
        limit: seconds for one case.
        cache: the directory where JAX keeps compiled programs for the next run; None keeps none.
        on_result: called with every result as soon as it is there, and with what the case printed besides.
    Returns: the results in the order of the cases.
    """
    jobs = [msgspec.json.encode(Job(case.path, case.id, dtype, seed)) for case in cases]
    results: dict[int, CaseResult] = {}
    last = len(cases) - 1
    endings = do_jobs(
        "compare.serving:serve_cases",
        jobs,
        workers=workers,
        limit=limit,
        in_order=stop_at_first,
        environment=cache_environment(cache),
    )
    with closing(endings):
        for index, ending in endings:
            results[index] = result = _result(cases[index], dtype, ending)
            # Of a job that was lost, the result itself tells what was printed.
            on_result(result, ending.output if isinstance(ending, Done) else "")
            if stop_at_first and result.outcome in ("mismatch", "error"):
                last = min(last, index)
            if all(before in results for before in range(last + 1)):
                break
    return assembled([results[index] for index in range(last + 1)])


def _result(case: Case, dtype: str, ending: Done | Lost) -> CaseResult:
    if isinstance(ending, Done):
        return msgspec.json.decode(ending.reply, type=CaseResult)
    from compare.runner import stopped  # imports what only workers need

    where = f"Case '{case.id}' ({shown_path(case.path)}:{case.line})"
    # The list of extension modules that ends a report of Python's is long, and about no case.
    said = [line for line in ending.output.splitlines() if line.strip() and not line.startswith("Extension modules:")]
    return stopped(case, dtype, "\n".join([f"{where}: {ending.why}.", *said[-20:]]), "leg", ending.seconds)


def assembled(results: Sequence[CaseResult]) -> Run:
    """A run of these results, under the installed versions."""
    return Run(1, environment(), summarize(tuple(results)), tuple(results))


def with_conventions(run: Run, conventions: tuple[ConventionResult, ...]) -> Run:
    """The run, with the ledger that was observed beside it."""
    return msgspec.structs.replace(run, conventions=conventions)


# ---- compiled programs ----


def cache_environment(cache: Path | None) -> Mapping[str, str]:
    """What tells JAX where it keeps compiled programs, however small. Its own key holds versions and options."""
    if cache is None:
        return {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    return {
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }


# ---- what a run says about itself ----


def environment() -> Environment:
    """The installed versions; imports none of them."""

    def version(distribution: str) -> str:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            return "not installed"

    return Environment(
        compare=version("compare"),
        python=platform.python_version(),
        torch=version("torch"),
        jax=version("jax"),
        jaxlib=version("jaxlib"),
        numpy=version("numpy"),
        platform=platform.platform(),
    )

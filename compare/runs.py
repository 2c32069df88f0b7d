"""Many cases: shared among fresh processes, told in the order of the catalogue."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from compare.cases import Case, Catalogue, load_chapter
from compare.errors import shown_path
from compare.results import CaseResult, Environment, Run, summarize
from compare.runner import import_frameworks, run_and_check_settings, settings_put_back, stopped
from compare.workers import Done, Lost, do_jobs, serve

__all__ = ["TIME_LIMIT", "assembled", "environment", "run_cases", "serve_cases"]

TIME_LIMIT = 60.0
"""Seconds for one case: a hundred times what the slowest takes."""


class _Job(msgspec.Struct, frozen=True, array_like=True):
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
        on_result: called with every result, in order, as soon as it is there, and with what the case printed besides.
    Raises: KeyboardInterrupt: after `on_result` was called with every result that was there.
    """
    jobs = [msgspec.json.encode(_Job(case.path, case.id, dtype, seed)) for case in cases]
    ended: dict[int, tuple[CaseResult, str]] = {}
    results: list[CaseResult] = []
    endings = do_jobs(
        "compare.runs:serve_cases", jobs, workers=workers, limit=limit, environment=_cache_environment(cache)
    )
    try:
        for index, ending in endings:
            # Of a job that was lost, the result itself tells what was printed.
            ended[index] = _result(cases[index], dtype, ending), ending.output if isinstance(ending, Done) else ""
            while len(results) in ended:
                result, output = ended[len(results)]
                on_result(result, output)
                del ended[len(results)]
                results.append(result)
                if stop_at_first and result.outcome in ("mismatch", "error"):
                    return assembled(results)
    except KeyboardInterrupt:
        for _, (result, output) in sorted(ended.items()):
            on_result(result, output)
        raise
    finally:
        endings.close()
    return assembled(results)


def _result(case: Case, dtype: str, ending: Done | Lost) -> CaseResult:
    if isinstance(ending, Done):
        return msgspec.json.decode(ending.reply, type=CaseResult)
    where = f"Case '{case.id}' ({shown_path(case.path)}:{case.line})"
    # The list of extension modules that ends a report of Python's is long, and about no case.
    said = [line for line in ending.output.splitlines() if line.strip() and not line.startswith("Extension modules:")]
    return stopped(case, dtype, "\n".join([f"{where}: {ending.why}.", *said[-20:]]), "leg", ending.seconds)


def assembled(results: Sequence[CaseResult]) -> Run:
    """A run of these results, under the installed versions."""
    return Run(1, environment(), summarize(tuple(results)), tuple(results))


# ---- compiled programs ----


def _cache_environment(cache: Path | None) -> Mapping[str, str]:
    """What tells JAX where it keeps compiled programs, however small. Its own key holds versions and options."""
    if cache is None:
        return {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    return {
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }


# ---- in a worker ----

_chapters: dict[str, Catalogue] = {}


def serve_cases() -> NoReturn:
    """Run the cases that the parent sends."""
    serve(import_frameworks, _run_job)


def _run_job(job: bytes) -> tuple[bytes, bool]:
    """The result of one case, and whether it left settings changed, so that this process is spent."""
    wanted = msgspec.json.decode(job, type=_Job)
    if wanted.path not in _chapters:
        with settings_put_back():
            _chapters[wanted.path] = load_chapter(Path(wanted.path))
    case = _chapters[wanted.path].find(wanted.id)
    result, changed = run_and_check_settings(case, dtype=wanted.dtype, seed=wanted.seed)
    return msgspec.json.encode(result), changed


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

"""One case end to end, and many cases. Frameworks are imported only when a leg runs."""

from __future__ import annotations

import gc
import importlib.metadata
import multiprocessing
import platform
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from compare.cases import Case, Catalogue, load_cases
from compare.concepts import find_concept
from compare.declared_outcomes import judge_demonstration
from compare.demonstrations import Demonstration, read_demonstration
from compare.divergence import first_divergence
from compare.errors import CaseError, CompareError, shown_path
from compare.functionalize import Lowering, Remark, functionalize
from compare.jax_leg import print_jax, run_jax
from compare.judge import judge_case, outcome
from compare.observed import LegRun
from compare.program import Program
from compare.reference import run_reference
from compare.results import CaseResult, Declared, Environment, Note, Observation, Run, Sources, summarize
from compare.sources import Source
from compare.statements import Attempt, Read, Refusable, Warned
from compare.torch_leg import print_torch, run_torch

__all__ = ["Prepared", "PreparedDemonstration", "assembled", "environment", "prepare", "run_case", "run_cases"]


@dataclass(frozen=True)
class Prepared:
    """A case recorded, lowered and printed; nothing has run yet."""

    case: Case
    program: Program
    lowering: Lowering
    torch: Source
    jax: Source
    notes: tuple[Note, ...]

    @property
    def lines(self) -> list[int]:
        """By origin of a printed line: the line in the source of the case, from 0."""
        return [statement.line - self.case.line for statement in self.program.statements]


@dataclass(frozen=True)
class PreparedDemonstration:
    """A demonstration that was read; nothing has run yet."""

    case: Case
    demonstration: Demonstration
    notes: tuple[Note, ...]

    @property
    def torch(self) -> Source:
        return self.demonstration.torch

    @property
    def jax(self) -> Source:
        return self.demonstration.jax

    @property
    def lines(self) -> None:
        """Nothing: no statement of a tape was printed."""
        return


def prepare(case: Case, *, dtype: str = "float64", seed: int = 0) -> Prepared | PreparedDemonstration:
    """Record a case, lower it and print both sources; read a demonstration. Imports no framework.

    Raises CompareError.
    """
    return _prepare_demonstration(case) if case.kind == "demonstration" else _prepare_case(case, dtype, seed)


def _prepare_demonstration(case: Case) -> PreparedDemonstration:
    demonstration = read_demonstration(case)
    try:
        for one in demonstration.expectations:
            if one.concept is not None:
                find_concept(one.concept)
        shown = [find_concept(id) for id in case.concepts]
    except CompareError as error:
        raise CaseError(
            f"Demonstration '{case.id}' ({shown_path(case.path)}:{case.line}): {error}", path=case.path, line=case.line
        ) from error
    notes = tuple(_note_of_case(case, one.id) for one in shown)
    return PreparedDemonstration(case, demonstration, notes)


def _prepare_case(case: Case, dtype: str, seed: int) -> Prepared:
    program = case.record(dtype=dtype, seed=seed)
    try:
        if not any(isinstance(statement, Read | Attempt | Warned) for statement in program.statements):
            raise CaseError("It observes nothing, so nothing could be compared. Read with tape.expect or tape.observe.")
        lowering = functionalize(program)
        torch, jax = print_torch(program), print_jax(lowering.pure)
        notes = tuple(_note(program, torch, remark) for remark in lowering.remarks)
        for statement in program.statements:
            if isinstance(statement, Read) and statement.expected is not None and statement.expected.concept:
                find_concept(statement.expected.concept)
        remarked = {remark.concept for remark in lowering.remarks}
        # A concept may be the whole case's, and no single statement's: a loop, a sum over paths.
        notes += tuple(_note_of_case(case, concept) for concept in case.concepts if concept not in remarked)
    except CompareError as error:
        line = getattr(error, "line", 0) or case.line
        raise CaseError(
            f"Case '{case.id}' ({shown_path(case.path)}:{line}): {error}", path=case.path, line=line
        ) from error
    return Prepared(case, program, lowering, torch, jax, notes)


def _note_of_case(case: Case, concept: str) -> Note:
    one = find_concept(concept)
    return Note(case.line, "", one.id, one.status, one.why, one.instead)


def _note(program: Program, torch: Source, remark: Remark) -> Note:
    statement = program.statements[remark.statement]
    concept = find_concept(remark.concept)
    text = statement.name if isinstance(statement, Read | Attempt | Warned) else torch.line_of(remark.statement)
    if not text:
        # An alias without a name stands inside the line of the statement that uses it.
        text = next(filter(None, map(torch.line_of, range(remark.statement, len(program.statements)))), "")
    return Note(statement.line, text, concept.id, concept.status, concept.why, concept.instead)


# ---- one case ----


def run_case(case: Case, *, dtype: str = "float64", seed: int = 0) -> CaseResult:
    """Run one case or demonstration on its legs and judge it. Never raises for what the case or a leg did wrong."""
    started = time.perf_counter()
    try:
        prepared = prepare(case, dtype=dtype, seed=seed)
    except CompareError as error:
        return _stopped(case, dtype, str(error), "input", started)
    except Exception:
        return _stopped(case, dtype, traceback.format_exc(), "leg", started)
    runs: tuple[LegRun, ...]
    divergence = None
    try:
        if isinstance(prepared, PreparedDemonstration):
            runs = torch, jax = _run_snippets(prepared)
            observations = judge_demonstration(prepared.demonstration, torch, jax)
        else:
            runs = legs = _run_legs(prepared.program, prepared.lowering, prepared.torch, prepared.jax)
            observations = judge_case(prepared.program, *legs, _concepts(prepared))
            divergence = _divergence(prepared, observations)
    except CompareError as error:
        return _stopped(
            case, dtype, f"Case '{case.id}' ({shown_path(case.path)}:{case.line}): {error}", "input", started
        )
    except Exception as error:
        text = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        return _stopped(case, dtype, text, "leg", started)
    failed = [run for run in runs if run.failure is not None]
    return CaseResult(
        id=case.id,
        chapter=case.chapter,
        title=case.title,
        outcome=outcome(observations, [run.failure for run in failed]),
        observations=observations,
        notes=prepared.notes,
        sources=Sources(case=case.source, torch=prepared.torch.text, jax=prepared.jax.text),
        dtype=dtype,
        error="; ".join(_described(prepared, run) for run in failed) or None,
        fault="leg" if failed else None,
        divergence=divergence,
        seconds=time.perf_counter() - started,
        kind=case.kind,
    )


def _run_snippets(prepared: PreparedDemonstration) -> tuple[LegRun, LegRun]:
    """Run the snippets that there are; a leg without one shows nothing."""
    torch = run_torch(prepared.case, prepared.torch, snippet=True) if prepared.torch.text else LegRun("torch")
    jax = run_jax(prepared.case, prepared.jax, snippet=True) if prepared.jax.text else LegRun("jax")
    return torch, jax


def _run_legs(program: Program, lowering: Lowering, torch: Source, jax: Source) -> tuple[LegRun, LegRun, LegRun]:
    return run_torch(program, torch), run_jax(lowering.pure, jax), run_reference(program)


def _divergence(prepared: Prepared, observations: tuple[Observation, ...]) -> str | None:
    """On a number that is not as declared: the first statement where the legs part, in the case's own line."""

    declared = any(isinstance(one.expected, Declared) for one in observations)

    def judged(program: Program) -> tuple[Observation, ...]:
        lowering = functionalize(program)
        found = judge_case(program, *_run_legs(program, lowering, print_torch(program), print_jax(lowering.pure)), {})
        # Where the case says that PyTorch is wrong, that is not the place which is looked for.
        return tuple(one for one in found if not (declared and one.verdict == "torch-wrong"))

    if not any(one.departs and one.kind in ("value", "gradient") and one.verdict != "error" for one in observations):
        return None
    found = first_divergence(prepared.program, judged)
    if found is None:
        return None
    line = prepared.program.statements[found.statement].line
    what = "the values part" if found.of == "value" else "the values agree; the cotangents part"
    return (
        f"{what} at {shown_path(prepared.case.path)}:{line}, `{prepared.torch.line_of(found.statement)}`: "
        f"{found.observation.detail}"
    )


def _described(prepared: Prepared | PreparedDemonstration, run: LegRun) -> str:
    """Where a leg stopped, in the case's own lines."""
    failure = run.failure
    assert failure is not None
    where = remedy = ""
    if isinstance(prepared, PreparedDemonstration):
        case = prepared.case
        if failure.statement is not None:
            text = case.source.splitlines()[failure.statement].strip()
            where = f" at {shown_path(case.path)}:{case.line + failure.statement}, `{text}`"
        remedy = ' Where that is what it is there to show, catch it as error and print("name", error).'
    elif failure.statement is not None:
        line = prepared.program.statements[failure.statement].line
        where = f" at {shown_path(prepared.case.path)}:{line}, `{prepared.torch.line_of(failure.statement)}`"
        if run.leg == "torch" and isinstance(prepared.program.statements[failure.statement], Refusable):
            remedy = " Where that is what the case is there to show, declare it with tape.expect_error."
    return f"The {run.leg} leg stopped{where}: {failure.type}: {failure.message}{remedy}"


def _concepts(prepared: Prepared) -> dict[str, str]:
    """The concept of every read and attempt, by name: the last remark made about it."""
    found: dict[str, str] = {}
    for remark in prepared.lowering.remarks:
        statement = prepared.program.statements[remark.statement]
        if isinstance(statement, Read | Attempt | Warned):
            found[statement.name] = remark.concept
    return found


def _stopped(case: Case, dtype: str, error: str, fault: Literal["input", "leg"], started: float) -> CaseResult:
    try:
        source = case.source
    except OSError:
        source = ""
    return CaseResult(
        id=case.id,
        chapter=case.chapter,
        title=case.title,
        outcome="error",
        observations=(),
        notes=(),
        sources=Sources(case=source, torch="", jax=""),
        dtype=dtype,
        error=error,
        fault=fault,
        seconds=time.perf_counter() - started,
        kind=case.kind,
    )


# ---- many cases ----


def run_cases(
    cases: Sequence[Case],
    *,
    dtype: str = "float64",
    seed: int = 0,
    workers: int = 1,
    stop_at_first: bool = False,
    on_result: Callable[[CaseResult], None] = lambda result: None,
) -> Run:
    """Run cases in order.

    Args:
        workers: fresh processes to share the cases; 1 runs them in this process.
        stop_at_first: stop after the first case that is not as declared.
        on_result: called with every result, in order, as soon as it is there.
    """
    results: list[CaseResult] = []
    for result in _results(cases, dtype, seed, workers):
        results.append(result)
        on_result(result)
        if stop_at_first and result.outcome in ("mismatch", "error"):
            break
    return assembled(results)


def assembled(results: Sequence[CaseResult]) -> Run:
    """A run of these results, under the installed versions."""
    return Run(1, environment(), summarize(tuple(results)), tuple(results))


def _results(cases: Sequence[Case], dtype: str, seed: int, workers: int) -> Iterator[CaseResult]:
    if workers <= 1 or len(cases) <= 1:
        for number, case in enumerate(cases):
            with nullcontext() if number else _collecting_later():
                result = run_case(case, dtype=dtype, seed=seed)
            yield result
        return
    # Never fork: a forked child deadlocks once JAX has started its threads.
    fresh = multiprocessing.get_context("spawn")
    directory = str(Path(cases[0].path).parent)
    jobs = [(directory, case.id, dtype, seed) for case in cases]
    pool = ProcessPoolExecutor(min(workers, len(cases)), mp_context=fresh)
    ended = False
    try:
        with _ignoring_interrupts():
            futures = [pool.submit(_run_in_worker, job) for job in jobs]  # starts the workers
        for future in futures:
            yield msgspec.json.decode(future.result(), type=CaseResult)
        ended = True
    finally:
        # Nothing is cancelled: a pool that loses its workers cannot settle a future that was.
        for worker in () if ended else multiprocessing.active_children():
            worker.terminate()
        pool.shutdown(wait=False)


@contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """A process started in here ignores Ctrl-C, which a terminal sends to every process: this one answers for all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


@contextmanager
def _collecting_later() -> Iterator[None]:
    """Leave garbage alone while the first case imports the frameworks: they make many objects, and keep them all."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


_catalogues: dict[str, Catalogue] = {}


def _run_in_worker(job: tuple[str, str, str, int]) -> bytes:
    directory, id, dtype, seed = job
    if directory not in _catalogues:
        _catalogues[directory] = load_cases(Path(directory))
    case = _catalogues[directory].find(id)
    return msgspec.json.encode(run_case(case, dtype=dtype, seed=seed))


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

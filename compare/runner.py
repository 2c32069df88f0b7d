"""One case end to end. Frameworks are imported only when a leg runs."""

from __future__ import annotations

import gc
import time
import traceback
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Literal

import msgspec

from compare.cases import Case
from compare.concepts import find_concept
from compare.declared_outcomes import judge_demonstration
from compare.demonstrations import Demonstration, read_demonstration
from compare.divergence import first_divergence
from compare.errors import CaseError, CompareError, shown_path
from compare.functionalize import Lowering, Remark, functionalize
from compare.jax_leg import jax_settings, print_jax, run_jax
from compare.judge import judge_case, outcome
from compare.naive_outcome import judge_naive
from compare.naive_port import NOTHING_TO_PORT, NoPortError, naive_port
from compare.observed import LegRun
from compare.pictures import pictures
from compare.program import Program
from compare.pure import PureProgram
from compare.reference import run_reference
from compare.results import CaseResult, Declared, Lines, NaivePort, Note, Observation, Pictures, Sources
from compare.settings import PROCESS, STUCK, put_back
from compare.sources import Source
from compare.statements import Attempt, Read, Refusable, Warned
from compare.torch_leg import print_torch, run_torch, torch_settings

__all__ = [
    "Prepared", "PreparedDemonstration", "PreparedPort", "import_frameworks", "prepare", "run_and_check_settings",
    "run_case", "settings_put_back", "stopped",
]  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """A case recorded, lowered and printed; nothing has run yet."""

    case: Case
    program: Program
    lowering: Lowering
    torch: Source
    jax: Source
    notes: tuple[Note, ...]
    naive: PreparedPort | None = None

    @property
    def lines(self) -> list[int]:
        """By origin of a printed line: the line in the source of the case, from 0."""
        return [statement.line - self.case.line for statement in self.program.statements]

    @property
    def sources(self) -> Sources:
        """The three programs, tied together."""
        statements = tuple(statement.line for statement in self.program.statements)
        lines = Lines(self.case.line, statements, self.torch.origins, self.jax.origins)
        return Sources(self.case.source, self.torch.text, self.jax.text, lines)


@dataclass(frozen=True)
class PreparedPort:
    """The naive port of a case; nothing has run yet.

    source: the very source of the faithful JAX where the two are line by line the same; None where there is no port.
    reason: why there is none.
    """

    pure: PureProgram | None
    source: Source | None
    reason: str = ""


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
    def naive(self) -> None:
        """Nothing: a person wrote the JAX."""
        return

    @property
    def lines(self) -> None:
        """Nothing: no statement of a tape was printed."""
        return

    @property
    def sources(self) -> Sources:
        """The demonstration and its two snippets."""
        return Sources(self.case.source, self.torch.text, self.jax.text)


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
        naive = _prepare_port(program, jax)
    except CompareError as error:
        line = getattr(error, "line", 0) or case.line
        raise CaseError(
            f"Case '{case.id}' ({shown_path(case.path)}:{line}): {error}", path=case.path, line=line
        ) from error
    return Prepared(case, program, lowering, torch, jax, notes, naive)


def _prepare_port(program: Program, jax: Source) -> PreparedPort | None:
    """The naive port of a program, printed. Raises CaseError where a case declares what one does and has none."""
    reason = ""
    try:
        pure = naive_port(program)
    except NoPortError as error:
        pure, reason = None, str(error)
    if pure is None:
        if program.naive_error or any(isinstance(one, Read) and one.naive is not None for one in program.statements):
            why = reason or NOTHING_TO_PORT
            raise CaseError(f"It declares what its naive port does, but has none: {why}.")
        return PreparedPort(None, None, reason) if reason else None
    source = print_jax(pure)
    # The first line alone says which of the two it is.
    same = source.text.partition("\n")[2] == jax.text.partition("\n")[2]
    return PreparedPort(pure, jax if same else source)


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
    """Run one case or demonstration on its legs and judge it. Never raises for what the case or a leg did wrong.

    Global settings are put back. A case that leaves one changed is an error.
    """
    return run_and_check_settings(case, dtype=dtype, seed=seed)[0]


def run_and_check_settings(case: Case, *, dtype: str, seed: int) -> tuple[CaseResult, bool]:
    """The result of `run_case`, and whether the case left settings changed."""
    result, changed = _run_once(case, dtype, seed)
    if changed and not any(one.endswith(STUCK) for one in changed):
        # What a library changes when it is first imported is not the case's doing, and does not come a second time.
        result, changed = _run_once(case, dtype, seed)
    if not changed:
        return result, False
    told = (
        f"Case '{case.id}' ({shown_path(case.path)}:{case.line}) leaves global state changed: {'; '.join(changed)}. "
        "Put it back, or change it inside a with block."
    )
    error = "; ".join(filter(None, [result.error, told]))
    return msgspec.structs.replace(result, outcome="error", error=error, fault=result.fault or "input"), True


def settings_put_back() -> AbstractContextManager[list[str]]:
    """Put the settings of the process and of both frameworks back at the end. Yields what was left changed."""
    settings = [*PROCESS]
    for of_framework in (torch_settings, jax_settings):
        # A framework that cannot be imported has no settings; its leg says what is wrong.
        with suppress(Exception):
            settings += of_framework()
    return put_back(settings)


def _run_once(case: Case, dtype: str, seed: int) -> tuple[CaseResult, list[str]]:
    """The result of a case, and which settings it left changed."""
    by_legs: list[str] = []
    with settings_put_back() as changed:
        result = _judged(case, dtype, seed, by_legs)
    return result, [*by_legs, *changed]


def _judged(case: Case, dtype: str, seed: int, changed: list[str]) -> CaseResult:
    """Run a case on its legs and judge it. Adds to `changed` which settings its scripts left changed."""
    started = time.perf_counter()
    try:
        prepared = prepare(case, dtype=dtype, seed=seed)
    except CompareError as error:
        return stopped(case, dtype, str(error), "input", time.perf_counter() - started)
    except Exception:
        return stopped(case, dtype, traceback.format_exc(), "leg", time.perf_counter() - started)
    runs: tuple[LegRun, ...]
    divergence = naive = None
    try:
        if isinstance(prepared, PreparedDemonstration):
            runs = torch, jax = _run_snippets(prepared)
            observations = judge_demonstration(prepared.demonstration, torch, jax)
        else:
            runs = legs = _run_legs(prepared.program, prepared.lowering, prepared.torch, prepared.jax)
            observations = judge_case(prepared.program, *legs, _concepts(prepared))
            divergence = _divergence(prepared, observations)
            naive = _run_port(prepared, *legs[:2])
    except CompareError as error:
        text = f"Case '{case.id}' ({shown_path(case.path)}:{case.line}): {error}"
        return stopped(case, dtype, text, "input", time.perf_counter() - started)
    except Exception as error:
        text = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
        return stopped(case, dtype, text, "leg", time.perf_counter() - started)
    changed.extend(setting for run in runs for setting in run.changed)
    failed = [run for run in runs if run.failure is not None]
    found = outcome(observations, [run.failure for run in failed])
    if naive is not None and naive.departures and found != "error":
        found = "mismatch"
    return CaseResult(
        id=case.id,
        chapter=case.chapter,
        title=case.title,
        outcome=found,
        observations=observations,
        notes=prepared.notes,
        sources=prepared.sources,
        dtype=dtype,
        error="; ".join(_described(prepared, run) for run in failed) or None,
        fault="leg" if failed else None,
        divergence=divergence,
        seconds=time.perf_counter() - started,
        kind=case.kind,
        naive=naive,
        pictures=_pictures(prepared),
    )


def _pictures(prepared: Prepared | PreparedDemonstration) -> Pictures | None:
    if isinstance(prepared, PreparedDemonstration):
        return None
    return pictures(prepared.program, prepared.torch, prepared.lowering.pure, prepared.jax)


def _run_port(prepared: Prepared, torch: LegRun, jax: LegRun) -> NaivePort | None:
    """Run and judge the naive port. What has run as the faithful JAX is not run twice."""
    port = prepared.naive
    if port is None:
        return None
    if port.pure is None or port.source is None:
        return NaivePort("none", "", (), (), port.reason)
    run = jax if port.source is prepared.jax else run_jax(port.pure, port.source)
    return judge_naive(prepared.program, torch, jax, run, port.source)


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
    return found.told(prepared.program, shown_path(prepared.case.path), prepared.torch)


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


def stopped(case: Case, dtype: str, error: str, fault: Literal["input", "leg"], seconds: float) -> CaseResult:
    """The result of a case that could not be run to its end."""
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
        seconds=seconds,
        kind=case.kind,
    )


# ---- in a worker ----


def import_frameworks() -> None:
    """Import both, so that no case's time limit pays for it. What fails here fails again, and is told, in its leg."""
    # Importing makes many objects and keeps them all: collecting garbage meanwhile, or looking at them later, is waste.
    gc.disable()
    for settings in (torch_settings, jax_settings):
        with suppress(Exception):
            settings()
    gc.freeze()
    gc.enable()

"""From PyTorch code to a JAX program that is proven by its gradients, or a refusal that says why.

One run of the code is recorded as a tape program. The program is printed and run as PyTorch, which has to end with the
numbers of the recorded run, and as JAX, which has to show what PyTorch shows.
"""

from __future__ import annotations

import re
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from compare.concepts import find_concept
from compare.errors import CompareError, UsageError, shown_path
from compare.functionalize import Lowering, functionalize
from compare.jax_leg import print_jax, run_jax
from compare.judge import compare, judge_case, to_json_value
from compare.observed import Array, LegRun
from compare.program import Program
from compare.recording.replay import RecordingRefused, Replayed, Specialised, replay
from compare.recording.scripts import read_script, record_script
from compare.reference import run_reference
from compare.results import Note, Observation
from compare.sources import Source
from compare.statements import Read
from compare.torch_leg import print_torch, run_torch

__all__ = ["Translation", "translate_script"]

REFERENCE_LIMIT = 3_000
"""Elements, over all statements, up to which the exact reference is asked, too."""

Verdict = Literal["proven", "not proven", "refused", "raised"]


@dataclass(frozen=True)
class Translation:
    """What became of one run of PyTorch code.

    verdict: `proven`: every gradient and value agrees, and PyTorch's own run is reproduced. `not proven`: something
    differs. `refused`: no tape program says this run exactly. `raised`: the code itself raised.
    reason: of everything but `proven`.
    """

    id: str
    path: str
    verdict: Verdict
    reason: str = ""
    jax: Source | None = None
    torch: Source | None = None
    observations: tuple[Observation, ...] = ()
    notes: tuple[Note, ...] = ()
    specialised: tuple[Specialised, ...] = ()
    seconds: float = 0.0
    judged_exactly: bool = False


def translate_script(path: Path, *, dtype: str) -> Translation:
    """Run a script or a notebook once, and translate what it did. Raises UsageError where there is nothing to run."""
    started = time.perf_counter()
    recording = record_script(path, dtype=dtype)
    id = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "script"
    shown = shown_path(path)
    if recording.error is not None:
        error = recording.error
        lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == str(path.absolute())]
        at = f"{shown}:{lines[-1]}: " if lines else ""
        reason = f"{at}the script raised {type(error).__name__}: {error}"
        return Translation(id, shown, "raised", reason, seconds=time.perf_counter() - started)
    try:
        replayed = replay(recording, id=id, title=f"Translated from {path.name}")
    except RecordingRefused as error:
        return Translation(id, shown, "refused", str(error), seconds=time.perf_counter() - started)
    return _proven(replayed, id, shown, started)


def _proven(replayed: Replayed, id: str, shown: str, started: float) -> Translation:
    program = replayed.program
    if not any(isinstance(one, Read) for one in program.statements):
        reason = "The run ends without a gradient and without an updated tensor: there is nothing to compare."
        return Translation(id, shown, "refused", reason, specialised=tuple(replayed.specialised))
    try:
        lowering = functionalize(program)
        torch, jax = print_torch(program), print_jax(lowering.pure)
    except CompareError as error:
        line = getattr(error, "line", 0)
        at = f"{shown}:{line}: " if line else ""
        return Translation(id, shown, "refused", f"{at}{error}", specialised=tuple(replayed.specialised))
    runs = run_torch(program, torch), run_jax(lowering.pure, jax)
    small = sum(_elements(program)) <= REFERENCE_LIMIT
    reference = run_reference(program) if small else None
    observations = judge_case(program, *runs, reference, {})
    reason = _failure(program, shown, runs, torch) or _departure(observations, shown) or _unlike(replayed, runs[0])
    notes = _notes(program, lowering, torch)
    return Translation(
        id, shown, "not proven" if reason else "proven", reason, jax, torch, observations, notes,
        tuple(replayed.specialised), time.perf_counter() - started, reference is not None,
    )  # fmt: skip


def _elements(program: Program) -> list[int]:
    return [
        int(np.prod(facts.handles[name].shape)) if name in facts.handles else 0
        for _, statement, _, facts in program.steps()
        for name in (getattr(statement, "target", ""),)
    ]


def _failure(program: Program, shown: str, runs: tuple[LegRun, ...], torch: Source) -> str:
    for run in runs:
        if run.failure is not None:
            at = run.failure.statement
            line = program.statements[at].line if at is not None else 0
            where = f"{shown}:{line}, `{torch.line_of(at)}`: " if at is not None and line else ""
            return f"{where}the {run.leg} leg raised {run.failure.type}: {run.failure.message}"
    return ""


def _departure(observations: tuple[Observation, ...], shown: str) -> str:
    departed = [one for one in observations if one.departs]
    if not departed:
        return ""
    first = departed[0]
    more = f" (and {len(departed) - 1} more)" if len(departed) > 1 else ""
    at = f"{shown}:{first.line}: " if first.line else ""
    return f"{at}{first.name}: {first.verdict}: {first.detail}{more}"


def _unlike(replayed: Replayed, torch: LegRun) -> str:
    """Where the printed PyTorch does not end with the numbers of the run that was recorded."""
    for name, tensor in replayed.final.items():
        wanted = tensor.tensor.grad if hasattr(tensor, "tensor") else tensor
        seen = torch.observed.get(name)
        if wanted is None or not isinstance(seen, Array):
            if wanted is None and seen is None:
                continue
            return f"{name} is None in one of the two: the recorded run and the PyTorch printed from it"
        numbers = Array(wanted.detach().resolve_conj().resolve_neg().numpy(force=True), seen.dtype)
        compared = compare(seen, numbers, seen.dtype)
        if not compared.agree:
            return (
                f"{name}: the PyTorch printed from the recording does not end with the number of the recorded run "
                f"({compared.aspect} differs): something wrote to it that the recording does not see"
            )
    return ""


def _notes(program: Program, lowering: Lowering, torch: Source) -> tuple[Note, ...]:
    found: dict[tuple[int, str], Note] = {}
    for remark in lowering.remarks:
        statement = program.statements[remark.statement]
        concept = find_concept(remark.concept)
        text = torch.line_of(remark.statement)
        note = Note(statement.line, text, concept.id, concept.status, concept.why, concept.instead)
        found.setdefault((statement.line, concept.id), note)
    return tuple(found.values())

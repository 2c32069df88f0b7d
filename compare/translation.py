"""From PyTorch code to a JAX program that is proven by its gradients, or a refusal that says why.

One run of the code is recorded as a tape program. The program is printed and run as PyTorch, which has to end with the
numbers of the recorded run, and as JAX, which has to show what PyTorch shows.
"""

from __future__ import annotations

import inspect
import math
import re
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from compare.concepts import find_concept
from compare.divergence import first_divergence
from compare.errors import CompareError, RecordingRefusedError, shown_path
from compare.functionalize import Lowering, functionalize
from compare.jax_leg import Check, jax_settings, last_function, print_jax, run_jax
from compare.judge import TOLERANCES, compare, judge_case
from compare.observed import UP_TO_A_SIGN, Array, LegRun
from compare.ops import OPS
from compare.pictures import pictures
from compare.program import Program
from compare.recording.events import Recording
from compare.recording.replay import FinalGradient, Replayed, replay, replay_as_function
from compare.recording.scripts import read_script, record_cell, record_function, record_script
from compare.reference import run_reference
from compare.results import Lines, Note, Observation, Specialised, Translation
from compare.settings import PROCESS, put_back
from compare.sources import Source
from compare.statements import Apply, Leaf, Read, bound
from compare.torch_leg import is_tensor, print_torch, run_torch, torch_settings

__all__ = ["Translated", "as_jax_function", "translate_cell", "translate_function", "translate_script"]

REFERENCE_LIMIT = 3_000
"""Elements, over all statements, up to which the exact reference is asked, too."""

SPELLED_OUT = (
    "this run touches a point where JAX's own function has another slope than PyTorch's, a tie or a bound: there the "
    "function is spelled out so that it has PyTorch's"
)
LONGEST_MESSAGE = 2_000
"""Characters of an error's message that are shown."""


@dataclass(frozen=True)
class Translated:
    """A translation, and the JAX program with the data that it loads; None where there is no program."""

    result: Translation
    source: Source | None = None


def translate_script(path: Path, *, dtype: str, check: bool = False, torch_conventions: bool = False) -> Translated:
    """Run a script or a notebook once, and translate what it did. Raises UsageError where there is nothing to run.

    Args:
        dtype: the default float dtype that the script runs with.
        check: the JAX program itself asserts every number of the recorded run.
        torch_conventions: PyTorch's slopes at kinks are spelled out everywhere, also where this run touches none.
    """
    started = time.perf_counter()
    script = read_script(path)
    with _settings_put_back():
        recording = record_script(path, dtype=dtype)
    blank = Translation(_id(path.stem), shown_path(path), dtype, "refused", script=script)
    if recording.error is not None:
        return Translated(_raised(blank, recording.error, str(path.absolute())))
    title = f"Translated from {path.name}"
    if torch_conventions:
        return _timed(_attempted(recording, blank, title, check=check, first=1, as_pytorch=True), started)
    return _timed(_translated(recording, blank, title, check=check), started)


def translate_function(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Translated:
    """Run a function of PyTorch once, in the settings of this process, and translate what it did."""
    started = time.perf_counter()
    name = getattr(function, "__name__", "function")
    code = getattr(function, "__code__", None)
    path = shown_path(code.co_filename) if code is not None else name
    with _settings_put_back():
        recording = record_function(function, arguments)
    script, first = _text_of(function)
    blank = Translation(_id(name), path, recording.dtype, "refused", script=script)
    if recording.error is not None:
        return Translated(_raised(blank, recording.error, code.co_filename if code is not None else ""))
    return _timed(_translated(recording, blank, f"Translated from {name}", first=first), started)


def _text_of(function: Callable[..., Any]) -> tuple[str, int]:
    """The text of a function, and the line of its file where that begins; empty where there is no text."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return "", 1
    return "".join(lines), first


def translate_cell(run: Callable[[], None], variables: dict[str, Any], *, text: str, filename: str) -> Translated:
    """Run a cell of a notebook once, in the settings of this process, and translate what it did.

    Args:
        run: runs the cell. variables: the names of the notebook, which it reads and binds.
        text: its code. filename: what that was compiled as.
    """
    started = time.perf_counter()
    recording = record_cell(run, variables)
    blank = Translation("cell", "cell", recording.dtype, "refused", script=text)
    if recording.error is not None:
        return Translated(_raised(blank, recording.error, filename))
    with _settings_put_back():
        made = _translated(recording, blank, "Translated from a cell")
    reason = made.result.reason.replace(f"{shown_path(filename)}:", "cell:")
    return _timed(Translated(msgspec.structs.replace(made.result, reason=reason), made.source), started)


def as_jax_function(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """A pure JAX function of the tensors among the arguments, in their order; see `TranslatedCode.jax_function`.

    Raises CompareError where the code is no such function.
    """
    with _settings_put_back():
        recording = record_function(function, arguments)
    if recording.error is not None:
        raise CompareError(f"The code raised {_said(recording.error)}.")
    tensors = [one for one in arguments if is_tensor(one)]
    name = getattr(function, "__name__", "function")
    program, leaves = replay_as_function(recording, tensors, id=_id(name), title=f"Translated from {name}")
    pure = functionalize(program).pure
    [region] = pure.regions
    made = [place for place, statement in enumerate(program.statements) if isinstance(statement, Leaf)]
    by_origin = dict(zip(made, leaves, strict=True))
    places = [by_origin[value.origin] for value in region.parameters]
    called = last_function(pure, print_jax(pure))

    def translated(*given: Any) -> Any:
        if len(given) != len(tensors):
            raise TypeError(f"{name} takes {len(tensors)} arrays, got {len(given)}")
        return called(*(given[place] for place in places))

    translated.__name__ = name
    return translated


def _raised(blank: Translation, error: BaseException, filename: str) -> Translation:
    """The code itself raised: at which of its lines, and what."""
    lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == filename]
    at = f"{blank.path}:{lines[-1]}: " if lines else ""
    reason = f"{at}the code raised {_said(error)}"
    return msgspec.structs.replace(blank, verdict="raised", reason=reason)


def _timed(made: Translated, started: float) -> Translated:
    return Translated(msgspec.structs.replace(made.result, seconds=time.perf_counter() - started), made.source)


def _said(error: BaseException) -> str:
    """The type and the message of an error that somebody else's class may be, as text that can be written."""
    try:
        message = str(error)
    except Exception as failure:
        message = f"(its message cannot be had: {type(failure).__name__})"
    message = message.encode("utf-8", "backslashreplace").decode()
    message = message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"
    return f"{type(error).__name__}: {message}"


def _settings_put_back() -> AbstractContextManager[list[str]]:
    """The proof runs in this process, too: what the code sets is put back before."""
    return put_back([*PROCESS, *torch_settings(), *jax_settings()])


def _id(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:100].strip("-") or "translated"


def _translated(
    recording: Recording, blank: Translation, title: str, *, check: bool = False, first: int = 1
) -> Translated:
    """JAX's own functions where they agree; where they do not at a kink, PyTorch's slope is spelled out."""
    made = _attempted(recording, blank, title, check=check, first=first)
    if any(one.departs for one in made.result.observations):
        spelled = _attempted(recording, blank, title, check=check, first=first, as_pytorch=True)
        if spelled.result.verdict == "proven":
            told = (*spelled.result.specialised, Specialised(0, "kinks", SPELLED_OUT))
            return Translated(msgspec.structs.replace(spelled.result, specialised=told), spelled.source)
    return made


def _attempted(
    recording: Recording, blank: Translation, title: str, *, check: bool, first: int, as_pytorch: bool = False
) -> Translated:
    try:
        replayed = replay(recording, id=blank.id, title=title, as_pytorch=as_pytorch)
    except RecordingRefusedError as error:
        return Translated(msgspec.structs.replace(blank, reason=str(error)))
    program, specialised = replayed.program, tuple(replayed.specialised)
    blank = msgspec.structs.replace(blank, specialised=specialised)
    if not any(isinstance(one, Read) for one in program.statements):
        reason = "The run computed no gradient and updated no tensor: there is nothing to compare."
        return Translated(msgspec.structs.replace(blank, reason=reason))
    try:
        lowering = functionalize(program)
        torch = print_torch(program)
        torch_run = run_torch(program, torch)
        jax = print_jax(lowering.pure, _expected(torch_run) if check else None)
    except CompareError as error:
        line = getattr(error, "line", 0)
        at = f"{blank.path}:{line}: " if line else ""
        return Translated(msgspec.structs.replace(blank, reason=f"{at}{error}"))
    runs = torch_run, run_jax(lowering.pure, jax)
    for run in runs:
        run.warnings.clear()  # what PyTorch warned of, it has said to whoever ran the code
    reference = run_reference(program) if _elements(program) <= REFERENCE_LIMIT else None
    observations = judge_case(program, *runs, reference, {})
    departed = [one for one in observations if one.departs and not _agree(one, *runs)]
    reason = (
        _failure(program, blank.path, runs, torch) or _departure(departed, blank.path) or _unlike(replayed, runs[0])
    )
    result = msgspec.structs.replace(
        blank,
        verdict="not-proven" if reason else "proven",
        reason=reason,
        divergence=_divergence(program, observations, blank.path, torch, reason),
        observations=observations,
        notes=_notes(program, lowering, torch),
        jax=jax.text,
        torch=torch.text,
        lines=Lines(first, tuple(one.line for one in program.statements), torch.origins, jax.origins),
        exact=reference is not None,
        pictures=pictures(program, torch, lowering.pure, jax),
    )
    return Translated(result, jax)


def _divergence(
    program: Program, observations: tuple[Observation, ...], shown: str, torch: Source, reason: str
) -> str | None:
    """On a mismatch: the first statement where the legs part; and why they may, where the reason does not say it."""
    if not any(one.departs and one.kind in ("value", "gradient") and one.verdict != "error" for one in observations):
        return None

    def judged(watched: Program) -> tuple[Observation, ...]:
        lowering = functionalize(watched)
        legs = run_torch(watched, print_torch(watched)), run_jax(lowering.pure, print_jax(lowering.pure))
        return judge_case(watched, *legs, None, {})

    found = first_divergence(program, judged)
    if found is None:
        return None
    statement = program.statements[found.statement]
    chosen = found.of == "value" and isinstance(statement, Apply) and OPS[statement.op].ambiguous
    why = f"; {UP_TO_A_SIGN}" if chosen and UP_TO_A_SIGN not in reason else ""
    return found.told(program, shown, torch) + why


def _elements(program: Program) -> int:
    """How many elements the statements of a program make."""
    made = 0
    for _, statement, _, facts in program.steps():
        made += sum(math.prod(facts.handles[name].shape) for name in bound(statement) if name in facts.handles)
    return made


def _expected(torch: LegRun) -> dict[str, Check]:
    """What the script asserts of each number: PyTorch's, within the tolerance that the judge allows."""
    seen = {name: one for name, one in torch.observed.items() if isinstance(one, Array)}
    return {
        name: Check(one.values, TOLERANCES[one.dtype].rtol, TOLERANCES[one.dtype].atol) for name, one in seen.items()
    }


def _failure(program: Program, shown: str, runs: tuple[LegRun, ...], torch: Source) -> str:
    for run in runs:
        if run.failure is not None:
            at = run.failure.statement
            line = program.statements[at].line if at is not None else 0
            where = f"{shown}:{line}, `{torch.line_of(at)}`: " if at is not None and line else ""
            return f"{where}the {run.leg} leg raised {run.failure.type}: {run.failure.message}"
    return ""


def _agree(one: Observation, torch: LegRun, jax: LegRun) -> bool:
    """Whether JAX shows what PyTorch shows at a point where the reference calls both wrong."""
    left, right = torch.observed.get(one.name), jax.observed.get(one.name)
    same = isinstance(left, Array) and isinstance(right, Array) and left.dtype == right.dtype
    return one.verdict == "both-wrong" and same and compare(left, right, left.dtype).agree  # type: ignore[union-attr]


def _departure(departed: Sequence[Observation], shown: str) -> str:
    if not departed:
        return ""
    first = departed[0]
    more = f" (and {len(departed) - 1} more)" if len(departed) > 1 else ""
    at = f"{shown}:{first.line}: " if first.line else ""
    return f"{at}{first.name}: {first.verdict}: {first.detail}{more}"


def _unlike(replayed: Replayed, torch: LegRun) -> str:
    """Where the printed PyTorch does not end with the numbers of the run that was recorded."""
    for name, tensor in replayed.final.items():
        wanted = tensor.of.grad if isinstance(tensor, FinalGradient) else tensor
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

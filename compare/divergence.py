"""Where two legs part: the case is run again with every intermediate and every cotangent observed.

The program is rewritten, nothing else changes: each tensor gets a name of its own, is read right after it is made or
written, and retains its gradient. Values are compared in the order of the program, cotangents from the root backward.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from compare.checks import find_op
from compare.errors import ProgramError
from compare.program import Program
from compare.results import Observation
from compare.sources import Source
from compare.statements import (
    Apply,
    Attempt,
    Backward,
    CallFunction,
    ItemWrite,
    Jvp,
    Leaf,
    Read,
    Ref,
    RetainGrad,
    Statement,
    Unpack,
    Write,
    bound,
    renamed,
    used,
)

__all__ = ["Divergence", "first_divergence"]

Judged = Callable[[Program], tuple[Observation, ...]]
"""Runs a program on every leg and judges what it reads."""


@dataclass(frozen=True)
class Divergence:
    """The first place where the legs part.

    statement: index in the original program. of: `"value"` or `"cotangent"`. observation: what was read there.
    """

    statement: int
    of: str
    observation: Observation

    def told(self, program: Program, path: str, torch: Source) -> str:
        """In a sentence, with the line of the case or script at `path`, and with the printed PyTorch."""
        what = "the values part" if self.of == "value" else "the values agree; the cotangents part"
        line, text = program.statements[self.statement].line, torch.line_of(self.statement)
        return f"{what} at {path}:{line}, `{text}`: {self.observation.detail}"


@dataclass(frozen=True)
class _Watched:
    """A statement of the rewritten program, and the statement of the original that it stands for or watches."""

    statement: Statement
    origin: int
    added: bool = True


def first_divergence(program: Program, judged: Judged) -> Divergence | None:
    """The first statement where torch and JAX show different numbers, or None where every one agrees.

    A cotangent parts at the statement that pulled it back: the last statement of the program whose own cotangent agrees
    while that of one of its operands does not.
    """
    plain = _with_own_names(program)
    for cotangents in (True, False):
        watched = _watching(program, plain, cotangents)
        rewritten = msgspec.structs.replace(program, statements=tuple(one.statement for one in watched))
        try:
            observations = {one.name: one for one in judged(rewritten.checked())}
        except ProgramError:
            continue  # a probe that the program cannot carry: values alone still tell
        found = _first_value(watched, observations) or _first_cotangent(watched, observations)
        if found is not None:
            return found
    return None


def _with_own_names(program: Program) -> list[Statement]:
    """The same statements, with every tensor under a name that is bound once."""
    current: dict[str, str] = {}
    taken: set[str] = set()
    plain: list[Statement] = []
    for statement in program.statements:
        reading = renamed(statement, {name: current[name] for name in used(statement) if name in current})
        own_names: list[str] = []
        for name in bound(statement):
            hint = name.lstrip("_")
            own = next(one for n in itertools.count(1) if (one := f"{hint}_{n}") not in taken)
            taken.add(own)
            current[name] = own
            own_names.append(own)
        plain.append(_rebound(reading, own_names))
    return plain


def _rebound(statement: Any, names: Sequence[str]) -> Any:
    if isinstance(statement, Attempt):
        return msgspec.structs.replace(statement, attempted=_rebound(statement.attempted, names))
    if hasattr(statement, "targets"):
        return msgspec.structs.replace(statement, targets=tuple(names))
    return msgspec.structs.replace(statement, target=names[0]) if names else statement


def _watching(program: Program, plain: Sequence[Statement], cotangents: bool) -> list[_Watched]:
    """The statements with a read after each tensor that is made or written, and after each backward.

    With cotangents, an op reads each tracked operand through a clone of its own, so that what it pulled back itself is
    told apart from what other readers of the same tensor did.
    """
    watched: list[_Watched] = []
    retained: list[str] = []
    steps = msgspec.structs.replace(program, statements=tuple(plain)).steps()
    for origin, statement, handles, facts in steps:
        if isinstance(statement, Read) or statement is not plain[origin]:
            continue  # what hooks do behind a backward is in the program by their registration
        recording = cotangents and facts.recording
        if recording and _pulls_back(statement):
            edges = {name: f"{name}_for_{origin}" for name in handles if handles[name].requires_grad}
            for name, edge in edges.items():
                clone = Apply(target=edge, op="clone", operands=(Ref(name),), line=statement.line)
                watched += [_Watched(clone, origin), _Watched(RetainGrad(handle=edge), origin)]
            retained += edges.values()
            statement = renamed(statement, edges)  # type: ignore[assignment]
        watched.append(_Watched(statement, origin, added=False))
        if cotangents and isinstance(statement, Backward):
            watched += [_Watched(_read("grad", name, origin), origin) for name in retained]
        for subject in (statement.handle,) if isinstance(statement, Write | ItemWrite) else bound(statement):
            if subject not in facts.handles:
                continue
            watched.append(_Watched(_read("value", subject, origin), origin))
            handle = facts.handles[subject]
            if recording and handle.requires_grad and isinstance(statement, Apply | CallFunction | Jvp | Leaf | Unpack):
                if not handle.is_leaf:
                    watched.append(_Watched(RetainGrad(handle=subject), origin))
                retained.append(subject)
    return watched


def _pulls_back(statement: Statement) -> bool:
    """Whether the statement computes new tensors, so that a backward through it computes new cotangents."""
    if isinstance(statement, Apply):
        return find_op(statement.op).view is None
    return isinstance(statement, CallFunction | Jvp)


def _read(what: Any, handle: str, origin: int) -> Read:
    return Read(name=f"{what} of {handle} at {origin}", what=what, handle=handle)


def _parts(observation: Observation | None) -> bool:
    return observation is not None and observation.verdict not in ("match", "no-analogue", "convention")


def _first_value(watched: Sequence[_Watched], observations: dict[str, Observation]) -> Divergence | None:
    for one in watched:
        if isinstance(one.statement, Read) and one.statement.what == "value":
            found = observations.get(one.statement.name)
            if found is not None and _parts(found):
                return Divergence(one.origin, "value", found)
    return None


def _first_cotangent(watched: Sequence[_Watched], observations: dict[str, Observation]) -> Divergence | None:
    """Go from the root backward: the first op whose own cotangent agrees, and that pulls back another one."""
    parted: dict[str, Observation] = {}
    for one in watched:
        if isinstance(one.statement, Read) and one.statement.what == "grad":
            found = observations.get(one.statement.name)
            if found is not None and _parts(found):
                parted.setdefault(one.statement.handle, found)
    for one in reversed(watched):
        computes = isinstance(one.statement, Apply | CallFunction | Jvp) and not one.added
        if computes and not parted.keys() & set(bound(one.statement)):
            for name in used(one.statement):
                if name in parted:
                    return Divergence(one.origin, "cotangent", parted[name])
    return None

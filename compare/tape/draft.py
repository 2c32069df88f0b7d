"""The program that a tape writes, until it is complete: its statements, what is known there, and the names in it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from compare.checks import check_identifier
from compare.errors import CaseError, ProgramError, RefusedError
from compare.facts import Facts
from compare.program import Program
from compare.statements import Apply, Attempt, DefineFunction, Refusable, Statement, renamed
from compare.tape.names import final_names
from compare.tape.sites import current_site

__all__ = ["Draft", "Refusal"]


@dataclass
class Refusal:
    """An open expect_error block: what it declares, and whether its statement has come."""

    torch: str | None
    jax: str | None
    concept: str
    used: bool = False


class Draft:
    """A program under construction. It checks every statement, and knows nothing of tensors.

    Attributes:
        dtype: the float dtype of the run.
        facts: what is known of every handle after the last statement.
        statements: those recorded, still without the definitions of functions.
        hints: the name that the case gave, for the name of each handle.
        refusal: the expect_error block that is open.
        naive_error: what the naive port is declared to raise.
        traced_into: the draft that takes grad modes in place of this one.
    """

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.facts = Facts(float_dtype=dtype)
        self.statements: list[Statement] = []
        self.hints: dict[str, str] = {}
        self.refusal: Refusal | None = None
        self.naive_error: str | None = None
        self.traced_into: Draft | None = None
        self._numbers = itertools.count(1)
        self._traced = ""
        self._definitions: list[tuple[int, DefineFunction]] = []

    # -- names --

    def shown(self, name: str) -> str:
        """The name of a handle as the case wrote it."""
        return self.hints.get(name, name).lstrip("_")

    def fresh_name(self, hint: str) -> str:
        """A name no statement has used; the final names are chosen when the recording is complete."""
        check_identifier(hint)
        if hint not in self.hints and hint not in self.facts.hooks.live:
            self.hints[hint] = hint
            return hint
        name = next(one for n in itertools.count(2) if (one := f"{hint}_{n}") not in self.hints)
        self.hints[name] = hint
        return name

    def unique_observation(self, name: str) -> str:
        """A name for what is read, as no read before has it."""
        if name not in self.facts.observations:
            return name
        return next(one for n in itertools.count(2) if (one := f"{name} ({n})") not in self.facts.observations)

    # -- statements --

    def bind(self, make: Callable[[str, int], Statement], kind: str, *, named: bool = True) -> str:
        """Record the statement that `make` makes of a name and a line. Returns the name, which it binds.

        kind: what the name is made from where the case gives none. named: whether the case's name is for this.
        """
        site = current_site()
        if named and site.hint is not None:
            name = self.fresh_name(site.hint)
        else:
            name = self.fresh_name(f"_{kind}_{next(self._numbers)}")
        try:
            statement = make(name, site.line)
        except ProgramError as error:
            error.line = error.line or site.line
            raise
        self.record(statement)
        return name

    def bind_several(self, make: Callable[[tuple[str, ...], int], Statement], count: int, kind: str) -> tuple[str, ...]:
        """Bind one name for each result: those of `a, b = ...`, or `a_1` and so on for `a = ...`. Returns them."""
        site = current_site()
        hints: list[str | None] = list(site.hints) if len(site.hints) == count else [None] * count
        if site.hint is not None:
            hints = [site.hint if count == 1 else f"{site.hint}_{number}" for number in range(1, count + 1)]
        names = tuple(self.fresh_name(hint or f"_{kind}_{next(self._numbers)}") for hint in hints)
        self.record(make(names, site.line))
        return names

    def record(self, statement: Any) -> None:
        """Add a statement. Raises ProgramError where it is wrong, and CaseError where nothing may be recorded."""
        if self._traced:
            raise CaseError(
                f"A {self._traced} may use its arguments and numbers only; here it touches a tensor from outside it, "
                "which is not supported.",
                line=statement.line,
            )
        if self.refusal is not None and self._is_attempted(statement):
            if self.refusal.used:
                raise CaseError("An expect_error block holds one statement; this is the second.", line=statement.line)
            self.refusal.used = True
            statement = Attempt(
                name=self.unique_observation(current_site().text),
                attempted=statement,
                torch=self.refusal.torch,
                jax=self.refusal.jax,
                concept=self.refusal.concept,
                line=statement.line,
            )
        for _ in self.facts.steps(statement):
            pass
        self.statements.append(statement)

    def _is_attempted(self, statement: Statement) -> bool:
        """Whether an expect_error block is about this statement: about an op only where PyTorch refuses it."""
        if isinstance(statement, Apply):
            try:
                self.facts.check(statement)
            except RefusedError:
                return True
            return False
        return isinstance(statement, Refusable)

    # -- functions --

    def define(self, definition: DefineFunction, *, place: int) -> None:
        """Add the definition of a function in front of the statement that is at `place`."""
        self.facts.step(definition)
        self._definitions.append((place, definition))

    @contextlib.contextmanager
    def tracing(self, what: str, *, into: Draft | None = None) -> Iterator[None]:
        """A block that runs a hook or a function of the case on another tape. Nothing may be recorded here meanwhile.

        into: the draft that takes the grad modes that the case then asks this tape for.
        """
        self._traced, self.traced_into = what, into
        try:
            yield
        finally:
            self._traced, self.traced_into = "", None

    # -- the end --

    def finished(self, id: str, title: str) -> Program:
        """The recorded program, with its final names, checked."""
        statements: list[Statement] = list(self.statements)
        in_order = sorted(self._definitions, key=lambda one: one[0])
        for place, definition in in_order[::-1]:
            statements.insert(place, definition)
        names = final_names(statements, self.hints)
        return Program(
            id=id,
            title=title,
            dtype=self.dtype,
            statements=tuple(renamed(statement, names) for statement in statements),  # type: ignore[misc]
            naive_error=self.naive_error,
        ).checked()

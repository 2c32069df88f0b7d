"""The walk over the statements of a program."""

from __future__ import annotations

from dataclasses import dataclass, field

from compare.facts import Facts, Handle
from compare.pure import PureProgram

__all__ = ["Remark", "Walk"]


@dataclass(frozen=True)
class Remark:
    """A tape statement, by index, and the concept that says what became of it."""

    statement: int
    concept: str


@dataclass
class Walk:
    """Where the lowering is in the program, and what came of it so far.

    facts: what is known of the handles behind the statement. used: the handles that it used, as they were before it.
    index: of the statement. inside: of the one that registered the hook that it is in.
    """

    pure: PureProgram
    facts: Facts
    used: dict[str, Handle] = field(default_factory=dict)
    index: int = 0
    inside: int | None = None
    remarks: list[Remark] = field(default_factory=list)

    def remark(self, concept: str, statement: int | None = None) -> None:
        """Say something of a statement: by default of this one, or of the one that registered the hook it is in."""
        here = self.index if self.inside is None else self.inside
        self.remarks.append(Remark(here if statement is None else statement, concept))

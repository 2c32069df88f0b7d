"""The tape program: a flat list of statements with tape semantics.

A name is a handle: a storage, a chain of views into it, and whether writes and reads through it are tracked.
A statement that has a `target` binds that name; binding a name again is Python's rebinding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from compare.checks import check_text
from compare.errors import ProgramError
from compare.facts import Facts, Handle
from compare.statements import FLOAT_DTYPES, AnyStatement, Step

__all__ = ["Program"]

_CASE_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recorded case: its id, its title, the float dtype it runs in, and its statements in order.

    naive_error: a stable fragment of the `"Type: message"` that its naive port is declared to raise.
    """

    id: str
    title: str
    dtype: str
    statements: tuple[AnyStatement, ...]
    naive_error: str | None = None

    def checked(self) -> Program:
        """Walk the program once. Returns self. Raises ProgramError naming the statement that is wrong."""
        for _ in self.steps():
            pass
        return self

    def steps(self) -> Iterator[tuple[int, Step, dict[str, Handle], Facts]]:
        """Check each statement, then yield `(index, statement, the handles it used, facts after it)`.

        What hooks on leaves do comes behind the backward that runs them, under its index, between EnterHook and
        ExitHook. Raises ProgramError at the statement that is wrong.
        """
        if not _CASE_ID.match(self.id) or len(self.id) > 100:
            raise ProgramError(f"{self.id!r} is not a case id: use lower-case words joined by hyphens.")
        check_text(self.title, "The title of a case")
        if self.naive_error is not None:
            check_text(self.naive_error, "A declared error")
        if self.dtype not in FLOAT_DTYPES:
            raise ProgramError(f"A program runs in one of {', '.join(FLOAT_DTYPES)}, not {self.dtype!r}.")
        facts = Facts(float_dtype=self.dtype)
        for index, own in enumerate(self.statements):
            for statement, handles in facts.steps(own):
                yield index, statement, handles, facts
        if facts.blocks:
            raise ProgramError(f"A {facts.blocks[-1].block} block is never closed.")

    def to_json(self) -> bytes:
        """The program as JSON. NaN and infinities are words."""
        return msgspec.json.encode(self)

    @staticmethod
    def from_json(text: bytes | str) -> Program:
        """Read and check a program. Raises ProgramError on anything that is not one."""
        try:
            program = msgspec.json.decode(text, type=Program)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise ProgramError(f"This is not a tape program: {error}") from error
        except RecursionError:
            raise ProgramError("This is not a tape program: its values are nested too deeply.") from None
        return program.checked()

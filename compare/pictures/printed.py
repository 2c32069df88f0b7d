"""How nodes are told: a statement as it is printed, or by its op and operands, and what tensor it made."""

from __future__ import annotations

from typing import Any

from compare.program import Program
from compare.sources import Source
from compare.statements import (
    Apply,
    AssignData,
    CallFunction,
    Data,
    Detach,
    Grad,
    ItemWrite,
    Ref,
    SetGrad,
    Step,
    Write,
    bound,
    inlined_names,
    used,
)

__all__ = ["Printed", "statement_lines", "typed"]

SHORT_DTYPES = {"float": "f", "complex": "c", "int": "i"}


def typed(shape: tuple[int, ...], dtype: str) -> str:
    """`f64[2,3]`."""
    for word, letter in SHORT_DTYPES.items():
        if dtype.startswith(word):
            dtype = letter + dtype[len(word) :]
    return f"{dtype}[{','.join(map(str, shape))}]"


def statement_lines(source: Source) -> dict[int, str]:
    """For each tape statement the first line that came from it, where it is a whole one."""
    found: dict[int, str] = {}
    for text, origin in zip(source.text.splitlines(), source.origins, strict=True):
        if origin is not None and text.strip() not in ("", "try:"):
            found.setdefault(origin, text.strip())
    return {origin: text for origin, text in found.items() if not text.endswith(("(", "[", "{"))}


class Printed:
    """The statements of a program, as PyTorch is printed."""

    def __init__(self, program: Program, source: Source) -> None:
        self._lines = statement_lines(source)
        self._inlined = inlined_names(program.statements)

    def said(self, index: int, statement: Step, *, in_hook: bool) -> str:
        """The statement of this index as it is printed; a part of one, or one in a hook, by its op and operands."""
        whole = not in_hook and not any(name in self._inlined for name in (*bound(statement), *used(statement)))
        if whole and index in self._lines:
            return self._lines[index]
        called = self._called(index, statement, in_hook)
        made = ", ".join(name for name in bound(statement) if name not in self._inlined and not name.startswith("_"))
        return f"{made} = {called}" if made and not isinstance(statement, Write | ItemWrite) else called

    def operand(self, operand: Any, *, in_hook: bool) -> str:
        """A name or a number; a dot for what has no name where it is printed."""
        if not isinstance(operand, Ref):
            return str(operand)
        hidden = operand.name in self._inlined or (in_hook and operand.name.startswith("_"))
        return "·" if hidden else operand.name.lstrip("_") or "·"

    def _called(self, index: int, statement: Step, in_hook: bool) -> str:
        def shown(operand: Any) -> str:
            return self.operand(operand, in_hook=in_hook)

        names = [shown(Ref(name)) for name in used(statement)]
        match statement:
            case Apply():
                return f"{statement.op}({', '.join(map(shown, statement.operands))})"
            case Write():
                return f"{names[0]}.{statement.op}_({', '.join(map(shown, statement.operands))})"
            case ItemWrite():
                return f"{names[0]}[...] = {shown(statement.value)}"
            case Detach():
                return f"{names[0]}.detach()"
            case Data():
                return f"{names[0]}.data"
            case Grad():
                return f"{names[0]}.grad"
            case AssignData() | SetGrad():
                word = "data" if isinstance(statement, AssignData) else "grad"
                return f"{names[0]}.{word} = {names[1] if len(names) > 1 else None}"
            case CallFunction():
                return f"{statement.function}({', '.join(statement.inputs)})"
            case _:
                return self._lines.get(index, f"{type(statement).__name__.lower()}({', '.join(names)})")

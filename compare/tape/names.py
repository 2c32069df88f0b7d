"""The names of a program: which may be printed, and which of them each handle has in the end."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from compare.checks import check_identifier
from compare.errors import ProgramError
from compare.statements import (
    DefineFunction,
    Operand,
    Ref,
    RegisterHook,
    RegisterPostAccumulateGradHook,
    Statement,
    bound,
    inlined_names,
    unwrap,
    used,
)

__all__ = ["final_names", "usable_name"]


def usable_name(name: str) -> str | None:
    """A name that may stand in printed source: reserved ones get an underscore; None where nothing comes near."""
    if name.startswith("_"):
        return None
    for candidate in (name, f"{name}_"):
        try:
            check_identifier(candidate)
        except ProgramError:
            continue
        return candidate
    return None


def final_names(
    statements: Sequence[Statement],
    hints: dict[str, str],
    *,
    parameters: Sequence[str] = (),
    results: Sequence[Operand | None] = (),
    kept: Sequence[str] = (),
) -> dict[str, str]:
    """Give every handle the name the case gave it.

    A name is bound again only when its old tensor is not used any more; an unnamed intermediate that cannot be
    written inside the one statement that uses it gets a name of its own.

    parameters, results: of a function whose body the statements are. kept: what else is needed behind its end.
    """
    inlined = inlined_names(statements, (*results, *map(Ref, kept)))
    last_use: dict[str, int] = {}
    for position, statement in enumerate(statements):
        for name in used(statement):
            last_use[name] = position
        if isinstance(unwrap(statement), RegisterHook | RegisterPostAccumulateGradHook | DefineFunction):
            # A hook stays registered and a function defined, so its name stays taken.
            last_use[bound(statement)[0]] = len(statements)
    for name in (*(result.name for result in results if isinstance(result, Ref)), *kept):
        last_use[name] = len(statements)
    final: dict[str, str] = {}
    holder = {name: name for name in parameters}
    for position, statement in enumerate(statements):
        together = bound(statement)
        defines = isinstance(statement, DefineFunction)
        for name in together:
            if name in inlined:
                final[name] = name
                continue
            hint = hints[name].lstrip("_")
            for n in itertools.count(1):
                candidate = hint if n == 1 else f"{hint}_{n}"
                old = holder.get(candidate)
                if old is None or (not defines and old not in together and last_use.get(old, -1) <= position):
                    holder[candidate] = name
                    final[name] = candidate
                    break
    return final

"""What a program reads and declares: observations, each under a name of its own."""

from __future__ import annotations

from compare.checks import check_expected, check_text
from compare.errors import ProgramError
from compare.facts.gradients import Gradients
from compare.facts.handles import touch
from compare.facts.scope import Scope
from compare.statements import Attempt, Read

__all__ = ["check_attempt", "check_read", "observe"]


def observe(names: set[str], name: str) -> None:
    """Take a name for an observation, beside those in use. Raises ProgramError."""
    check_text(name, "An observation's name")
    if name in names:
        raise ProgramError(f"Two observations are named '{name}'.")
    names.add(name)


def check_read(scope: Scope, gradients: Gradients, statement: Read) -> None:
    """Refuse a read of what PyTorch does not have or does not fix. Raises ProgramError."""
    handle = scope.handle(statement.handle, history=statement.what in ("is_leaf", "grad_fn"))
    if statement.other is not None:
        scope.handle(statement.other, history=False)
    if (statement.what == "shares_storage") != (statement.other is not None):
        raise ProgramError("Only a shares_storage read compares two handles, and it needs both.")
    if statement.what == "version" and (handle.storage.inference or handle.storage.uncounted):
        raise ProgramError(
            f"The version of '{handle.name}', which was made in inference mode or from such tensors alone: there "
            "is no counter, or it starts anywhere. Read the version of a clone."
        )
    if statement.what == "version" and handle.storage.of_jvp:
        raise ProgramError(
            f"The version of '{handle.name}', which comes from a jvp, depends on formulas inside PyTorch. Clone it."
        )
    if statement.what in ("is_leaf", "grad_fn") or (statement.what == "value" and handle.renewable):
        # Printing a tensor shows its node, too.
        touch(handle)
    filled = handle.family.number in gradients.slots or handle.tensor in gradients.retained
    if statement.what == "grad" and statement.expected is not None and not handle.requires_grad and not filled:
        expected = statement.expected
        if expected.torch is not None or expected.jax is not None:
            raise ProgramError(
                f"A gradient is asked of '{handle.name}', a constant: its .grad is always None. "
                "Make it a tape.leaf, or call requires_grad_() before it is used."
            )
    if statement.expected is not None:
        check_expected(statement.expected.torch)
        check_expected(statement.expected.jax)
    if statement.naive is not None:
        check_expected(statement.naive)
        if statement.what not in ("value", "grad", "dtype"):
            raise ProgramError(f"The naive port has no {statement.what} to read. Leave the declaration out.")


def check_attempt(statement: Attempt) -> None:
    """Refuse a declaration of an error that says none. Raises ProgramError."""
    if statement.torch is None and statement.jax is None:
        raise ProgramError(f"'{statement.name}' is declared as an error that neither framework raises.")
    for text in (statement.torch, statement.jax):
        if text is not None:
            check_text(text, "A declared error")

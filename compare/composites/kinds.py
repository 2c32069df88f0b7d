"""What a composite may ask of an operand while it records."""

from __future__ import annotations

from typing import Any

from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = ["check_floats", "check_without_history", "has_history", "is_float", "known_numbers"]


def is_float(one: Any) -> bool:
    """Whether it is a tensor of real floating-point numbers."""
    return isinstance(one, Tensor) and one.dtype_name.startswith("float")


def has_history(tape: Tape, one: Any) -> bool:
    """Whether it is a tensor that requires grad."""
    return isinstance(one, Tensor) and tape._facts.handle(one._name).requires_grad


def check_floats(what: str, *operands: Any) -> None:
    """Refuse tensors that are not real floating-point numbers. Raises ProgramError."""
    for one in operands:
        if isinstance(one, Tensor) and not is_float(one):
            raise ProgramError(f"{what} of {one.dtype_name} is not modelled. Cast to a float dtype first.")


def check_without_history(tape: Tape, what: str, *operands: Any) -> None:
    """Refuse to record history where PyTorch's function has no derivative for it. Raises ProgramError."""
    if tape._facts.recording and any(has_history(tape, one) for one in operands):
        raise ProgramError(f"{what} has no derivative in PyTorch. Detach what it is given, or call it under no_grad.")


def known_numbers(tape: Tape, what: str, one: Any) -> Any:
    """A number, or nested lists of numbers, that a tensor of integers or booleans holds. Raises ProgramError.

    Only what the program wrote down is known: a shape may not depend on what is computed.
    """
    if not isinstance(one, Tensor):
        return one
    known = tape._facts.handle(one._name).known
    if known is None:
        raise ProgramError(
            f"{what}: the shape of the result depends on values that are computed, and JAX refuses such a shape where "
            "it compiles. Write these numbers down."
        )
    return known.tolist()

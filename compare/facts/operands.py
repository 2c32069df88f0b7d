"""What operands an op takes, and what shape and dtype it gives for them; whether it writes or makes a new tensor."""

from __future__ import annotations

from typing import Any

from compare.checks import check_number
from compare.errors import ProgramError, RefusedError
from compare.facts.handles import Handle
from compare.facts.scope import Scope
from compare.ops import Op, Shape
from compare.statements import Number, Operand, Ref, from_number

__all__ = ["check_savable", "infer", "number_dtype", "operands_of"]

SAVES_NOTHING = frozenset({"add", "subtract", "concat", "stack", "copy", "fill"})
"""Ops of several operands for which PyTorch saves none of them for backward."""


def operands_of(
    scope: Scope, op: Op, operands: tuple[Operand, ...], *, first: Handle | None = None
) -> list[Handle | Number]:
    """The handles and numbers that an op is given. Raises ProgramError where it does not take them.

    Args: first: what an op in place writes to.
    """
    found: list[Handle | Number] = [] if first is None else [first]
    found += [scope.tensor(operand.name) if isinstance(operand, Ref) else operand for operand in operands]
    tensors = [item for item in found if isinstance(item, Handle)]
    if not tensors:
        raise ProgramError(f"{op.name} needs a tensor operand; make the number a tape.constant.")
    if not op.scalars and len(tensors) != len(found):
        raise ProgramError(f"{op.name} takes tensors only; make the number a tape.constant.")
    for item in found:
        check_number(item)
    return found


def infer(op: Op, found: list[Handle | Number], attributes: dict[str, Any], float_dtype: str) -> tuple[Shape, str]:
    """The shape and dtype of a result. Raises ProgramError where the op gives none for such operands."""
    shapes = tuple(item.shape if isinstance(item, Handle) else () for item in found)
    dtypes = tuple(item.dtype if isinstance(item, Handle) else number_dtype(item) for item in found)
    positions = [item for item in op.index_operands(found) if isinstance(item, Handle)]
    if positions and "mask" not in op.operand_names:
        _check_counted(op, positions)
        attributes = {**attributes, "known": tuple(item.known for item in positions)}
    try:
        return op.shape(shapes, attributes), op.result_dtype(dtypes, float_dtype, attributes)
    except (ValueError, IndexError, TypeError) as error:
        described = ", ".join(
            f"{item.name}: {item.dtype}{list(item.shape)}" for item in found if isinstance(item, Handle)
        )
        raise ProgramError(f"{op.name}({described}): {error}") from error


def number_dtype(value: Any) -> str:
    """How a bare Python number takes part in dtype promotion: it never widens a tensor of its own kind."""
    if isinstance(value, bool):
        return "python-bool"
    if isinstance(from_number(value), complex):
        return "python-complex"
    return "python-int" if isinstance(value, int) else "python-float"


def _check_counted(op: Op, positions: list[Handle]) -> None:
    """Refuse a mask whose elements are not known. Raises ProgramError."""
    for item in positions:
        if item.dtype == "bool" and item.known is None:
            raise ProgramError(
                f"{op.name}: how many elements the mask '{item.name}' names depends on values, and a shape may not "
                "where JAX compiles. Write where(mask, x, 0) to compute with every element, or make the mask a "
                "tape.constant."
            )


def check_savable(op: Op, operands: list[Handle]) -> None:
    """Refuse what PyTorch refuses, or may refuse: to save a tensor made in inference mode for backward."""
    saved = operands[:1] if op.name == "where" else [] if op.name in SAVES_NOTHING else operands
    for one in saved:
        if one.storage.inference:
            raise RefusedError(
                f"{op.name} of '{one.name}', which was made in inference mode, with a tensor that requires grad: "
                "PyTorch raises where it saves such a tensor for backward. Clone it outside of the block first, "
                "or declare the error with tape.expect_error."
            )

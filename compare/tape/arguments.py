"""What a case writes in Python, as a statement holds it: data, declared values, operands, attributes and indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.errors import ProgramError
from compare.ops import COMPLEX, OPS, TENSOR, Index, Slice
from compare.statements import Constant, as_number
from compare.tape.sites import current_site
from compare.tape.tensors import Operators, Tensor, operand_of

if TYPE_CHECKING:
    from compare.tape.tape import Tape

__all__ = ["arguments_of", "data_of", "declared_value", "index_of", "is_advanced"]


# ---- numbers ----


def data_of(data: Any, dtype: str | None, *, float_dtype: str) -> dict[str, Any]:
    """The fields of a statement that makes a tensor: data, dtype, and a shape that nested lists cannot have.

    Args:
        data: numbers, nested lists or a NumPy array.
        dtype: None for that of the data, where floats have `float_dtype` and complex numbers its like.

    Raises: ProgramError.
    """
    numbers = np.asarray(data)
    kinds = {"f": float_dtype, "c": COMPLEX[float_dtype], "i": "int64", "u": "int64", "b": "bool"}
    if numbers.dtype.kind not in kinds:
        raise ProgramError(f"A tensor is made of numbers or booleans, not of {numbers.dtype}.")
    found = dtype or kinds[numbers.dtype.kind]
    if numbers.dtype.kind == "c" and found not in COMPLEX.values():
        raise ProgramError(f"Complex numbers are given as data of a {found} tensor; give their real parts.")
    if found.startswith("float"):
        numbers = numbers.astype(found).astype("float64")
    elif found.startswith("complex"):
        numbers = numbers.astype(found).astype("complex128")
    if not numbers.size and numbers.shape != (0,):
        return {"data": [], "dtype": found, "shape": numbers.shape}
    return {"data": _nested(numbers.tolist()), "dtype": found}


def _nested(data: Any) -> Any:
    return [_nested(item) for item in data] if isinstance(data, list) else as_number(data)


def declared_value(value: Any) -> Any:
    """What a case declares, as numbers, words, None and nested lists."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [declared_value(item) for item in value]
    return as_number(value)


# ---- operands and attributes ----


def arguments_of(
    tape: Tape, op: str, values: Sequence[Any], attributes: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Operands and attributes of a call; attributes may be given by position. Raises ProgramError."""
    row = OPS[op]
    if row.variadic and len(values) == 1 and isinstance(values[0], list | tuple):
        values = values[0]
    names = [name for name in row.operand_names if not row.open_ended]
    given = dict(attributes)
    surplus = list(values[len(names) :]) if names else []
    if surplus and isinstance(surplus[0], int) and next(iter(row.defaults), "") in ("shape", "axes"):
        surplus = [tuple(surplus)]  # x.reshape(2, 3)
    for word, meant in (("dim", "axis"), ("keepdim", "keepdims")):
        if word in given and word not in row.defaults:
            raise ProgramError(f"{op} has no attribute '{word}'; it is '{meant}' here.", line=current_site().line)
    if surplus and len(surplus) <= len(row.defaults):
        # Attributes may be given by position: x.reshape((2, 3)), x.sum(0).
        given.update(zip(row.defaults, surplus, strict=False))
        values = values[: len(names)]
    operands = tuple(operand_of(tape, value) for value in values)
    return operands, {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


# ---- indices ----


def is_advanced(index: Index) -> bool:
    """Whether the index names elements by positions or a mask, and not a view."""
    return any(isinstance(item, tuple) or item == TENSOR for item in index)


def index_of(tape: Tape, index: Any, ndim: int) -> tuple[Index, tuple[Tensor, ...]]:
    """Python's index with an ellipsis written out, and the tensors in it. Raises ProgramError."""
    items = [_index_item(tape, item) for item in (index if isinstance(index, tuple) else (index,))]
    taken = sum(_axes_taken(item) for item in items)
    found: list[Any] = []
    tensors: list[Tensor] = []
    for item in items:
        if item is Ellipsis:
            found.extend([Slice()] * (ndim - taken))
        elif isinstance(item, Tensor):
            tensors.append(item)
            found.append(TENSOR)
        else:
            found.append(item)
    return tuple(found), tuple(tensors)


def _index_item(tape: Tape, item: Any) -> Any:
    """An integer, a Slice, None, Ellipsis, a tuple of positions, or a tensor."""
    if item is None or item is Ellipsis:
        return item
    if isinstance(item, Operators):
        return item._tensor()
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return int(item)
    if isinstance(item, slice):
        try:
            return Slice(item.start, item.stop, item.step)
        except ValueError as error:
            raise ProgramError(f"Index: {error}.", line=current_site().line) from error
    if isinstance(item, list | np.ndarray) and not any(isinstance(one, Operators) for one in item):
        array = np.asarray(item)
        if array.dtype.kind == "b":
            made = data_of(array, None, float_dtype=tape.dtype)
            return tape._bind(lambda target, line: Constant(target=target, line=line, **made), "mask", named=False)
        if array.dtype.kind in "iu" and array.ndim == 1:
            return tuple(array.tolist())
    raise ProgramError(
        f"An index may hold integers, slices, None, an ellipsis, lists of positions or booleans, and tensors of "
        f"them, not {type(item).__name__}; make nested lists a tape.constant.",
        line=current_site().line,
    )


def _axes_taken(item: Any) -> int:
    """How many axes an item of an index stands for."""
    if item is None or item is Ellipsis:
        return 0
    return len(item.shape) if isinstance(item, Tensor) and item.dtype_name == "bool" else 1

"""Checks on what a program is made of: names, texts, numbers, ops and their attributes. Each raises ProgramError.

A program read from JSON is data. What passes here cannot become code of its author's choice when it is printed.
"""

from __future__ import annotations

import keyword
import math
import re
from typing import Any

from compare.errors import ProgramError, nearest
from compare.ops import COMPLEX, OPS, TENSOR, Op, Slice
from compare.statements import (
    DTYPES,
    FLOAT_DTYPES,
    MOST_DIMENSIONS,
    Member,
    from_number,
    is_number_word,
    nested_shape,
)

__all__ = [
    "ATTRIBUTE_KINDS",
    "RESERVED",
    "TEXT_ATTRIBUTES",
    "bound_attributes",
    "check_attribute",
    "check_data",
    "check_empty_shape",
    "check_expected",
    "check_identifier",
    "check_member",
    "check_number",
    "check_text",
    "find_op",
]

RESERVED = frozenset(
    "torch jax jnp lax numpy np print complex error data pathlib nan inf ctx checkpoint staticmethod".split()
)
"""Names that printed source uses itself."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")


def check_identifier(name: str) -> None:
    """Refuse a name that could not stand in printed source. Raises ProgramError."""
    if not _IDENTIFIER.match(name) or keyword.iskeyword(name):
        raise ProgramError(f"{name!r} is not a name: use ASCII letters, digits and underscores, and no Python keyword.")
    if name in RESERVED or name.startswith("__"):
        raise ProgramError(f"'{name}' is reserved in printed source; choose another name.")


def check_member(member: Member) -> None:
    """Refuse the place of a leaf in a group that could not stand in printed source. Raises ProgramError."""
    check_identifier(member.group)
    check_text(member.key, "A key")


def check_text(text: str, what: str) -> None:
    """Refuse text that is not one printable line. Raises ProgramError."""
    if not text or not text.isprintable() or len(text) > 400:
        raise ProgramError(f"{what} must be one printable line of at most 400 characters: {text[:60]!r}.")


def check_number(value: Any) -> None:
    """Refuse a bare number that no tensor could hold. Raises ProgramError."""
    if isinstance(value, str) and not is_number_word(value):
        raise ProgramError(f"{value!r} is not a number.")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ProgramError(f"{value} does not fit 64 bits.")


def check_data(data: Any, dtype: str) -> None:
    """Refuse data whose numbers do not fit the dtype. Raises ProgramError."""
    if isinstance(data, list | tuple):
        if dtype in FLOAT_DTYPES and all(type(item) is float for item in data) and all(map(math.isfinite, data)):
            return  # most data, and soon said
        for item in data:
            check_data(item, dtype)
        return
    if dtype in COMPLEX.values():
        fits = is_number_word(data) or (isinstance(data, int | float) and not isinstance(data, bool))
    elif isinstance(data, str):
        fits = is_number_word(data) and not isinstance(from_number(data), complex) and dtype in FLOAT_DTYPES
    elif isinstance(data, bool):
        fits = dtype == "bool"
    elif isinstance(data, int):
        fits = (dtype == "int64" and -(2**63) <= data < 2**63) or dtype in FLOAT_DTYPES
    else:
        fits = isinstance(data, float) and math.isfinite(data) and dtype in FLOAT_DTYPES
    if not fits:
        raise ProgramError(f"{data!r} is not a {dtype}.")


def check_empty_shape(shape: tuple[int, ...], told: tuple[int, ...]) -> None:
    """Refuse the shape of an empty tensor that is none, or beside data. Raises ProgramError."""
    if len(shape) > MOST_DIMENSIONS or min(shape, default=1) or told != (0,):
        raise ProgramError(f"A shape is given for an empty tensor only, beside no data; got {list(shape)}.")


def check_expected(value: Any) -> None:
    """Refuse a declared value that no read can have: ragged lists, or words among numbers. Raises ProgramError."""
    if isinstance(value, list | tuple):
        nested_shape(value)
        for item in value:
            if isinstance(item, str) and not is_number_word(item):
                raise ProgramError(f"{item!r} is declared among numbers.")
            check_expected(item)


def find_op(name: str) -> Op:
    """The row of that name. Raises ProgramError with the nearest one."""
    if name not in OPS:
        raise ProgramError(f"Unknown op '{name}'.{nearest(name, OPS)} Add a row to compare/ops/ for a new one.")
    return OPS[name]


def bound_attributes(op: Op, count: int, attributes: dict[str, Any]) -> dict[str, Any]:
    """Defaults filled in, every value checked by its name's kind. Raises ProgramError."""
    bound = op.bind(count, attributes)
    for name, value in bound.items():
        if value != op.defaults[name] or value is ...:
            check_attribute(op, name, value)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in bound.items()}


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_ints(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(_is_int(item) for item in value)


def _is_real(value: Any) -> bool:
    """Whether a value is a real number in the form that a program stores."""
    if is_number_word(value):
        return not isinstance(from_number(value), complex)
    return _is_int(value) or (isinstance(value, float) and math.isfinite(value))


def _is_index(value: Any) -> bool:
    return isinstance(value, tuple) and all(
        item is None or item == TENSOR or _is_int(item) or isinstance(item, Slice) or _are_ints(item) for item in value
    )


ATTRIBUTE_KINDS: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(
        (
            "axis", "source", "destination", "sizes", "window", "stride", "padding", "output_padding", "dilation",
        ),
        ("an integer or a tuple of integers", lambda value: _is_int(value) or _are_ints(value)),
    ),
    **dict.fromkeys(("axes", "repetitions", "shape", "widths"), ("a tuple of integers", _are_ints)),
    **dict.fromkeys(
        (
            "axis1", "axis2", "chunks", "classes", "correction", "count", "d", "decimals", "divisor_override",
            "end_axis", "factor", "groups", "k", "length", "n", "offset", "position", "shift", "size", "start",
            "start_axis", "step", "stop",
        ),
        ("an integer", _is_int),
    ),
    **dict.fromkeys(
        ("accumulate", "ceil_mode", "count_include_pad", "descending", "full_matrices", "keepdims"),
        ("True or False", lambda value: isinstance(value, bool)),
    ),
    "equation": (
        "letters, commas, ellipses and an arrow",
        lambda value: isinstance(value, str) and re.fullmatch(r"[A-Za-z,. ]+(->[A-Za-z. ]*)?", value) is not None,
    ),
    "norm": ("'forward', 'backward' or 'ortho'", lambda value: value in ("forward", "backward", "ortho")),
    "dtype": (f"one of {', '.join(DTYPES)}", lambda value: isinstance(value, str) and value in DTYPES),
    "index": (f"integers, slices, None, tuples of positions, and '{TENSOR}'", _is_index),
    "value": ("a number, an infinity or nan as a word", _is_real),
    **dict.fromkeys(
        ("alpha", "max", "min", "negative_slope", "rtol"),
        ("a number", lambda value: _is_int(value) or isinstance(value, float)),
    ),
}  # fmt: skip
"""What the value of an attribute may be, by the attribute's name. A new name needs a line here."""


TEXT_ATTRIBUTES = frozenset({"equation", "norm"})
"""The attributes whose words are texts to the frameworks; any other word is a name."""


def check_attribute(op: Op, name: str, value: Any) -> None:
    """Refuse a value that is not of the attribute's kind. Raises ProgramError."""
    wanted, fits = ATTRIBUTE_KINDS[name]
    if not fits(value):
        raise ProgramError(f"{op.name}: the attribute {name} must be {wanted}, got {value!r}.")

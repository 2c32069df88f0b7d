"""What one row of the op vocabulary says, and how a row is spelled as source.

A spelling is an ordinary Python expression over the names of the row's signature: `torch.sum(x, dim=axis)`.
It is parsed once. Printing puts the operands' syntax trees in the places of the names, so parentheses
are always right and nothing but syntax trees can enter the printed source.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec
from numpy.lib.stride_tricks import as_strided

from compare.errors import ProgramError
from compare.ops.dtypes import is_complex

__all__ = [
    "INDEX_OPERANDS", "TENSOR", "Attributes", "BasicIndex", "Index", "Op", "Shape", "Slice", "Span", "View",
    "fill_spelling",
]  # fmt: skip

T = TypeVar("T")
Shape = tuple[int, ...]
Attributes = Mapping[str, Any]


class Slice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`start:stop:step` inside an index. Each field is an integer or None."""

    start: int | None = None
    stop: int | None = None
    step: int | None = None

    def __post_init__(self) -> None:
        if self.step is not None and self.step < 1:
            raise ValueError("a slice step must be positive: PyTorch has no negative steps; use flip")

    def to_python(self) -> slice:
        return slice(self.start, self.stop, self.step)


TENSOR: Literal["tensor"] = "tensor"
"""The item of an index that is a tensor: the next of the op's operands `indices`, or its `mask`."""

BasicIndex = tuple[int | Slice | None, ...]
"""An index that names a view: integers, slices, and None for a new axis."""

Index = tuple[int | Slice | tuple[int, ...] | Literal["tensor"] | None, ...]
"""Any index: beside the items of a view, lists of positions along an axis, and tensors of positions or booleans."""

INDEX_OPERANDS = ("indices", "mask")
"""Operands of these names say which elements an op reads or writes: positions (int64) or a mask (bool)."""


@dataclass(frozen=True)
class Span:
    """`jnp.arange(start, stop)` with `axes` axes of size 1 behind it, inside an index that JAX is given."""

    start: int
    stop: int
    axes: int = 0


@dataclass(frozen=True)
class View:
    """How a row that aliases its operand is written through.

    alias: the NumPy view of an array that the op takes: `(array, **attributes) -> array`. Raises ValueError
        where the result would have to be a copy.
    tells_parts: the op tells real from imaginary parts. Its `alias` takes, or gives, a complex tensor as an array of
        its parts, along one more axis at the end.
    put: the JAX spelling of "`x` with the viewed elements replaced by `new`".
    otherwise: what PyTorch does where the strides of `x` allow no alias; None where all strides allow one.
    pieces: how many views the op returns at once: `(shape, attributes) -> count`. The attribute `position` says which
        of them is meant. PyTorch lets none of them be written where history is recorded.
    """

    alias: Callable[..., Any]
    put: str
    otherwise: Literal["copy", "raise"] | None = None
    pieces: Callable[[Shape, Attributes], int] | None = None
    tells_parts: bool = False

    def aliased(self, array: Any, dtype: str, attributes: Attributes) -> Any:
        """The NumPy view of an array that holds a tensor of `dtype`; a complex one as its parts, along a last axis.

        Raises ValueError where the result would have to be a copy.
        """
        if self.tells_parts or not dtype.startswith("complex"):
            return self.alias(array, **attributes)
        real = self.alias(array[..., 0], **attributes)
        return as_strided(real, (*real.shape, 2), (*real.strides, array.strides[-1]))


def _no_names(shapes: tuple[Shape, ...], attributes: Attributes) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Op:
    """One op: its name, its spelling on each side, its exact reference, its shape and dtype rules.

    name: the Array API name where there is one.
    signature: operands first, then `*` and attributes with their defaults: `"x, *, axis=None, keepdims=False"`.
        A starred operand comes last and takes all that remain. Alone (`"*arrays, *, axis=0"`) it takes at least one
        and is spelled as a list; behind others (`"x, *indices"`) it may be empty and is spelled as a tuple.
    torch, jax: expressions over the signature's names. A keyword whose attribute has its default is left out, and
        `a if attribute else b` is decided by the attribute. `torch` is None where PyTorch has the in-place form only.
    reference: `(*operands, **attributes) -> array` on NumPy object arrays of mpmath numbers.
    shape: `(operand shapes, attributes) -> shape`; raises ValueError with the reason.
    dtype: `(operand dtypes, default float dtype, attributes) -> dtype`; raises ValueError with the reason.
    linear: the operands that the op is linear in, all together, while the others stay: its tangent is then the op of
        their tangents.
    complex: the op is defined for complex operands, and its derivative is that of both frameworks.
    scalars: operands may also be Python numbers.
    without_history: operands whose history the result does not carry, out of place: PyTorch records nothing for them.
    write: PyTorch's in-place statement over the same names, where it has one: `"x += y"`.
    calls: further PyTorch spellings of the same computation, which a recording recognises beside `torch` and `write`.
    view: set when the result aliases `x`.
    symmetric: the op is defined for symmetric matrices `x`; of another one a framework may read what it likes.
    ambiguous: the result is one of several that are as good, such as vectors of either sign.
    caution: where `jax` is wrong on more than a point, in words: a translation that prints it says so.
    jax_names: further names for `jax` and `view.put`, from the operands' shapes and the attributes.
    """

    name: str
    signature: str
    torch: str | None
    jax: str
    reference: Callable[..., Any]
    shape: Callable[[tuple[Shape, ...], Attributes], Shape]
    dtype: Callable[..., str]
    linear: tuple[str, ...] = ()
    complex: bool = False
    scalars: bool = False
    without_history: tuple[str, ...] = ()
    write: str | None = None
    calls: tuple[str, ...] = ()
    view: View | None = None
    symmetric: bool = False
    ambiguous: bool = False
    caution: str = ""
    jax_names: Callable[[tuple[Shape, ...], Attributes], dict[str, Any]] = _no_names

    @functools.cached_property
    def operand_names(self) -> tuple[str, ...]:
        """Names of the operands in order; a starred operand keeps its star."""
        operands, _, _ = self.signature.partition(", *, ")
        return tuple(operands.split(", "))

    @functools.cached_property
    def variadic(self) -> bool:
        """Whether all operands are one starred one."""
        return self.operand_names[0].startswith("*")

    def result_dtype(self, dtypes: tuple[str, ...], default: str, attributes: Attributes) -> str:
        """The dtype of the result. Raises ValueError with the reason where there is none."""
        if is_complex(*dtypes) and not self.complex:
            raise ValueError("not defined for complex numbers here; take real, imag, abs or angle first")
        return self.dtype(dtypes, default, attributes)

    @functools.cached_property
    def open_ended(self) -> bool:
        """Whether the last operand is starred."""
        return self.operand_names[-1].startswith("*")

    @functools.cached_property
    def defaults(self) -> dict[str, Any]:
        """Default of every attribute; `...` marks an attribute that must be given."""
        _, _, attributes = self.signature.partition(", *, ")
        if not attributes:
            return {}
        call = ast.parse(f"f({attributes})" if "=" in attributes else f"f({attributes}=...)", mode="eval").body
        assert isinstance(call, ast.Call)
        return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}

    def bind(self, count: int, attributes: Attributes) -> dict[str, Any]:
        """Check operand count and attribute names; return the attributes with defaults filled in."""
        wanted = max(1, len(self.operand_names) - self.open_ended)
        if count < wanted or (count > wanted and not self.open_ended):
            at_least = "at least " * self.open_ended
            raise ProgramError(f"{self.name} takes {at_least}{wanted} operand{'s' * (wanted != 1)}, got {count}.")
        unknown = sorted(set(attributes) - set(self.defaults))
        if unknown:
            allowed = ", ".join(self.defaults) or "none"
            raise ProgramError(f"{self.name} has no attribute {unknown[0]!r}. Attributes: {allowed}.")
        bound = {**self.defaults, **attributes}
        missing = [name for name, value in bound.items() if value is ...]
        if missing:
            raise ProgramError(f"{self.name} needs the attribute {missing[0]!r}.")
        return bound

    @property
    def indexes(self) -> bool:
        """Whether the op has operands, or room for them, that say which elements are meant."""
        return any(name.lstrip("*") in INDEX_OPERANDS for name in self.operand_names)

    def index_operands(self, operands: Sequence[T]) -> tuple[T, ...]:
        """Those of the operands that say which elements are meant."""
        return tuple(operands[place] for place in self.places(INDEX_OPERANDS, len(operands)))

    def places(self, names: Sequence[str], count: int) -> tuple[int, ...]:
        """The places, among `count` operands, of those with these names."""
        own = [name.lstrip("*") for name in self.operand_names]
        return tuple(place for place in range(count) if own[min(place, len(own) - 1)] in names)


# ---- spelling ----


@functools.cache
def _parsed(spelling: str) -> ast.stmt:
    [statement] = ast.parse(spelling).body
    return statement


def _rebuild(node: Any, trees: Mapping[str, ast.expr], attributes: Attributes, dropped: frozenset[str]) -> Any:
    """Copy a parsed spelling, with names replaced by syntax trees and default keywords left out."""
    if isinstance(node, ast.Name):
        return trees.get(node.id, node)
    if isinstance(node, ast.IfExp) and isinstance(node.test, ast.Name) and node.test.id in attributes:
        return _rebuild(node.body if attributes[node.test.id] else node.orelse, trees, attributes, dropped)
    if isinstance(node, list):
        node = [one for item in node for one in _spread(item, trees)]
        return [_rebuild(item, trees, attributes, dropped) for item in node if not _is_dropped(item, dropped)]
    if isinstance(node, ast.AST):
        fields = ast.iter_fields(node)
        return type(node)(**{name: _rebuild(value, trees, attributes, dropped) for name, value in fields})
    return node


def _spread(item: Any, trees: Mapping[str, ast.expr]) -> list[Any]:
    """The item of a call, or for `*arrays` the name of each operand."""
    if isinstance(item, ast.Starred) and isinstance(item.value, ast.Name) and item.value.id in trees:
        several = trees[item.value.id]
        assert isinstance(several, ast.List)
        return list(several.elts)
    return [item]


def _is_dropped(node: Any, dropped: frozenset[str]) -> bool:
    return isinstance(node, ast.keyword) and isinstance(node.value, ast.Name) and node.value.id in dropped


def fill_spelling(
    spelling: str,
    op: Op,
    operands: tuple[ast.expr, ...],
    attributes: Attributes,
    literal: Callable[[str, Any, tuple[ast.expr, ...]], ast.expr],
) -> ast.stmt:
    """Spell one application of `op`.

    Args:
        spelling: one of the row's spellings: `op.torch`, `op.jax`, `op.write` or `op.view.put`.
        operands: syntax trees of the operands, in order. For `put`, the last one is `new`.
        attributes: attribute values, defaults included; for JAX also what `op.jax_names` adds.
        literal: `(attribute name, value, trees of the operands that index) -> syntax tree` of the leg that prints.
    Returns: a statement: an expression statement, or an assignment for a `write` spelling.
    """
    names = [name.lstrip("*") for name in op.operand_names]
    trees: dict[str, ast.expr] = dict(zip(names, operands, strict=False))
    if op.variadic:
        trees[names[0]] = ast.List(elts=list(operands), ctx=ast.Load())
    elif op.open_ended:
        trees[names[-1]] = ast.Tuple(elts=list(operands[len(names) - 1 :]), ctx=ast.Load())
    elif len(operands) > len(names):
        trees["new"] = operands[-1]
    indices = op.index_operands(operands)
    trees.update({name: literal(name, value, indices) for name, value in attributes.items()})
    dropped = frozenset(
        name for name, value in attributes.items() if name in op.defaults and value == op.defaults[name]
    )
    filled: ast.stmt = _rebuild(_parsed(spelling), trees, attributes, dropped)
    return ast.fix_missing_locations(filled)

"""Writing a script line by line, with the tape statement that each line comes from."""

from __future__ import annotations

import ast
import io
import itertools
import json
import math
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from compare.checks import TEXT_ATTRIBUTES, bound_attributes, find_op
from compare.ops import COMPLEX, FLOATS, PARTS, TENSOR, Attributes, Op, Shape, Slice, Span, fill_spelling
from compare.statements import Apply, Number, Operand, Ref, from_number, inlined_names, is_number_word, nested_shape

__all__ = [
    "Expressions",
    "LargeArrays",
    "ScriptWriter",
    "Source",
    "attribute_tree",
    "call_tree",
    "data_tree",
    "indented",
    "index_tree",
    "inferred_dtype",
    "name_tree",
    "number_tree",
    "print_line",
    "shape_tree",
    "wrapped",
]

INLINE_ELEMENTS = 64
"""Arrays of more elements are loaded from a data file beside the script."""


@dataclass(frozen=True)
class Source:
    """A complete script.

    text: what is shown and what is executed, the same string.
    origins: for each line of `text`, the index of the tape statement it came from, or None.
    arrays: data too large to print; the script loads it from `data_name`, a NumPy archive beside it.
    """

    text: str
    origins: tuple[int | None, ...]
    data_name: str = ""
    arrays: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)

    def packed(self) -> bytes:
        """The NumPy archive that the script loads."""
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **self.arrays)
        return packed.getvalue()

    def statement_at(self, line: int) -> int | None:
        """The tape statement that line `line` (from 1) came from: that line's, or the nearest one above."""
        for origin in reversed(self.origins[: max(line, 0)]):
            if origin is not None:
                return origin
        return None

    def line_of(self, statement: int) -> str:
        """The first line that came from a tape statement, stripped; empty when there is none.

        A statement without a line is written into that of a later one: the next that has some.
        """
        own = min((one for one in self.origins if one is not None and one >= statement), default=None)
        return "" if own is None else self.text.splitlines()[self.origins.index(own)].strip()


class ScriptWriter:
    """Collects lines. Definitions are set off by two blank lines, as PEP 8 asks."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, int | None]] = []
        self._indent = 0
        self._pending_blank = 0
        self._block_starts: list[int] = []

    def line(self, text: str, origin: int | None = None) -> None:
        if self._lines:
            self._lines.extend([("", None)] * self._pending_blank)
        self._pending_blank = 0
        indent = "    " * self._indent if text else ""
        self._lines.extend((line, origin) for line in wrapped(indent + text))

    def blank(self, count: int = 1) -> None:
        """At least `count` blank lines before whatever comes next."""
        self._pending_blank = max(self._pending_blank, count)

    @contextmanager
    def indented(self) -> Iterator[None]:
        self._indent += 1
        yield
        self._indent -= 1

    @contextmanager
    def definition(self, header: str, origin: int | None, decorator: str = "") -> Iterator[None]:
        """A `def` at top level with its body."""
        self.blank(2)
        if decorator:
            self.line(decorator, origin)
        self.line(header, origin)
        with self.indented():
            yield
        self.blank(2)

    def define(self, lines: Iterable[str], origin: int | None) -> None:
        """A whole definition, line by line."""
        self.blank(2)
        for line in lines:
            if line:
                self.line(line, origin)
            else:
                self.blank()
        self.blank(2)

    def open_block(self) -> None:
        """Indent what follows; `pass` is written when nothing does."""
        self._indent += 1
        self._block_starts.append(len(self._lines))

    def close_block(self) -> None:
        if len(self._lines) == self._block_starts.pop():
            self.line("pass")
        self._indent -= 1

    def append(self, other: ScriptWriter) -> None:
        """Add the lines of another writer."""
        if self._lines:
            self._lines.extend([("", None)] * self._pending_blank)
        self._pending_blank = 0
        self._lines.extend(other._lines)

    def script(self, title: str, imports: Sequence[str], switch: str, name: str, large: LargeArrays) -> Source:
        """The lines so far as a whole script, under its header.

        Args:
            title: the comment on top. imports: in their order. switch: what turns 64-bit floats on, or empty.
            name: of the data file, without ending, where there is data too large to print.
        """
        header = ScriptWriter()
        header.line(f"# {title}")
        if large.arrays:
            header.line("import pathlib")
            header.blank()
        for line in imports:
            header.line(line)
        header.blank()
        if switch:
            header.line(switch)
            header.blank()
        if large.arrays:
            header.line(f'data = numpy.load(pathlib.Path(__file__).with_name("{name}.npz"))')
            header.blank()
        if self._lines and self._lines[0][0].startswith(("def ", "class ", "@")):
            header.blank(2)
        header.append(self)
        origins = tuple(origin for _, origin in header._lines)
        return Source(header.text, origins, f"{name}.npz" if large.arrays else "", large.arrays)

    @property
    def text(self) -> str:
        return "".join(f"{text}\n" for text, _ in self._lines)


def indented(lines: Iterable[str]) -> list[str]:
    """Lines of code one step further in; empty ones stay empty."""
    return [f"    {line}" if line else "" for line in lines]


def print_line(label: str, tree: ast.expr) -> str:
    """`print("loss =", loss)`. The label is quoted the way JSON does, which Python reads alike."""
    return f"print({json.dumps(label, ensure_ascii=False)}, {ast.unparse(tree)})"


# ---- long lines ----

WIDTH = 110
"""A longer line is broken inside its last brackets."""


def wrapped(text: str, inside: bool = False) -> list[str]:
    """A line of code as lines of at most `WIDTH` characters, where the brackets that end it can be opened up.

    inside: it stands inside of brackets, so that it may be broken before an operator.
    """
    code = text.lstrip()
    if len(text) <= WIDTH or code.startswith("#"):
        return [text]
    indent = text[: len(text) - len(code)]
    if code[-1] not in ")]}" or code.endswith('"]'):
        return _at_operators(indent, code) if inside else _in_parentheses(indent, code)
    left, assigns, right = code.partition(" = ")
    whole = left.count("(") == left.count(")") > 0 and '"' not in left
    if assigns and whole and len(indent + left) > WIDTH - 40:
        return _targets_broken(indent, left, right)
    start, commas = _last_brackets(code)
    bounds = [start, *commas, len(code) - 1]
    items = [code[left + 1 : right].strip() for left, right in itertools.pairwise(bounds)]
    if not any(items):
        return [text]
    # A comma behind a single item would make a tuple of it.
    comma = "," if len(items) > 1 else ""
    together = f"{indent}    {', '.join(filter(None, items))}"
    if len(together) <= WIDTH:
        return [indent + code[: start + 1], together, indent + code[-1]]
    lines = [indent + code[: start + 1]]
    for item in filter(None, items):
        lines += wrapped(f"{indent}    {item}", inside=True)
        lines[-1] += comma
    return [*lines, indent + code[-1]]


def _targets_broken(indent: str, left: str, right: str) -> list[str]:
    """An assignment to many targets, with the first brackets on its left opened up."""
    start = left.index("(")
    depth, end, commas = 0, start, []
    for end in range(start, len(left)):
        depth += (left[end] == "(") - (left[end] == ")")
        commas += [end] if depth == 1 and left[end] == "," else []
        if not depth:
            break
    items = [left[one + 1 : other].strip() for one, other in itertools.pairwise([start, *commas, end])]
    lines = [indent + left[: start + 1]]
    for item in items:
        lines += wrapped(f"{indent}    {item}", inside=True)
        lines[-1] += ","
    first, *more = wrapped(f"{indent}_{left[end + 1 :]} = {right}")
    return [*lines, first.replace("_", ")", 1), *more]


_ASSIGNS = re.compile(r'((?:return|[A-Za-z_][\w]*(?:\["[^"]*"\])? =) )(.+)')


def _in_parentheses(indent: str, code: str) -> list[str]:
    """What is assigned or returned on lines of its own; itself where the line says something else."""
    found = _ASSIGNS.fullmatch(code)
    if found is None:
        return [indent + code]
    return [f"{indent}{found[1]}(", *wrapped(f"{indent}    {found[2]}", inside=True), f"{indent})"]


def _at_operators(indent: str, code: str, operators: str = "+-") -> list[str]:
    """A sum with a line for each term; a term that is too long, with one for each factor."""
    depth, starts = 0, [0]
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        start = token.start[1]
        operates = token.type == tokenize.OP and token.string in operators
        if depth == 0 and operates and code[start - 1 : start + 2] == f" {token.string} ":
            starts.append(start)
    lines = [indent + code[start:end].rstrip() for start, end in itertools.pairwise([*starts, len(code)])]
    if operators == "*/@":
        return lines
    terms = ([line] if len(line) <= WIDTH else _at_operators(indent, line[len(indent) :], "*/@") for line in lines)
    return [line for term in terms for line in term]


def _last_brackets(code: str) -> tuple[int, list[int]]:
    """Where the brackets that end a line of code open, and where the commas right inside them are."""
    opened: list[tuple[int, list[int]]] = []
    closed = (0, [0])
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        position = token.start[1]
        if token.type != tokenize.OP:
            continue
        if token.string in "([{":
            opened.append((position, []))
        elif token.string in ")]}":
            closed = opened.pop()
        elif token.string == "," and opened:
            opened[-1][1].append(position)
    return closed


# ---- syntax trees ----


def name_tree(name: str) -> ast.expr:
    """A name, or a dotted path."""
    first, *rest = name.split(".")
    tree: ast.expr = ast.Name(id=first, ctx=ast.Load())
    for attribute in rest:
        tree = ast.Attribute(value=tree, attr=attribute, ctx=ast.Load())
    return tree


def call_tree(function: str, *arguments: ast.expr, **keywords: ast.expr) -> ast.expr:
    """A call of a named function."""
    return ast.Call(
        func=name_tree(function),
        args=list(arguments),
        keywords=[ast.keyword(arg=name, value=value) for name, value in keywords.items()],
    )


def number_tree(value: Any, namespace: str) -> ast.expr:
    """A number. Infinities and NaN are the namespace's: `torch.inf`."""
    value = from_number(value)
    if isinstance(value, complex):
        return _complex_tree(value, namespace)
    if isinstance(value, float) and not math.isfinite(value):
        word = name_tree(f"{namespace}.{'nan' if math.isnan(value) else 'inf'}")
        return ast.UnaryOp(op=ast.USub(), operand=word) if value < 0 else word
    if not isinstance(value, bool) and (value < 0 or (value == 0 and math.copysign(1, value) < 0)):
        return ast.UnaryOp(op=ast.USub(), operand=ast.Constant(-value))
    return ast.Constant(value)


def _complex_tree(value: complex, namespace: str) -> ast.expr:
    """A complex number as a sum where Python's sum is that number: it loses a part that is -0.0, nan or inf."""
    real, imag = number_tree(value.real, namespace), complex(0.0, abs(value.imag))
    if math.isfinite(value.imag) and repr(value) == repr(imag):
        return ast.Constant(imag)
    if math.isfinite(value.real) and math.isfinite(value.imag):
        minus = math.copysign(1.0, value.imag) < 0
        if repr(value) == repr(value.real - imag if minus else value.real + imag):
            return ast.BinOp(left=real, op=ast.Sub() if minus else ast.Add(), right=ast.Constant(imag))
    return call_tree("complex", real, number_tree(value.imag, namespace))


def attribute_tree(value: Any, namespace: str) -> ast.expr:
    """The value of an op's attribute: numbers, None, tuples, slices; a word is a dtype of the namespace."""
    if value is None:
        return ast.Constant(None)
    if isinstance(value, str) and not is_number_word(value):
        return name_tree(f"{namespace}.{'bool_' if (value, namespace) == ('bool', 'jnp') else value}")
    if isinstance(value, Slice):
        lower, upper, step = (
            None if one is None else number_tree(one, namespace) for one in (value.start, value.stop, value.step)
        )
        return ast.Slice(lower=lower, upper=upper, step=step)
    if isinstance(value, tuple):
        return ast.Tuple(elts=[attribute_tree(item, namespace) for item in value], ctx=ast.Load())
    return number_tree(value, namespace)


def shape_tree(shape: Shape) -> ast.expr:
    """A shape: the size of the one axis, or a tuple."""
    if len(shape) == 1:
        return ast.Constant(shape[0])
    return ast.Tuple(elts=[ast.Constant(size) for size in shape], ctx=ast.Load())


def index_tree(index: tuple[Any, ...], namespace: str, tensors: Sequence[ast.expr] = ()) -> ast.expr:
    """An index: one item stands alone, without a tuple's comma. `tensors` stand for its tensors, in order."""
    remaining = iter(tensors)
    items = [next(remaining) if item == TENSOR else _index_item(item, namespace) for item in index]
    return items[0] if len(items) == 1 else ast.Tuple(elts=items, ctx=ast.Load())


def _index_item(item: Any, namespace: str) -> ast.expr:
    """One item of an index: JAX takes a list of positions as an array only."""
    if isinstance(item, tuple):
        positions: ast.expr = ast.List(elts=[number_tree(one, namespace) for one in item], ctx=ast.Load())
        return call_tree("jnp.array", positions) if namespace == "jnp" else positions
    if not isinstance(item, Span):
        return attribute_tree(item, namespace)
    bounds = (item.start, item.stop) if item.start else (item.stop,)
    span = call_tree(f"{namespace}.arange", *(ast.Constant(bound) for bound in bounds))
    if not item.axes:
        return span
    return ast.Subscript(value=span, slice=index_tree((Slice(), *[None] * item.axes), namespace), ctx=ast.Load())


def data_tree(data: Any, dtype: str, namespace: str) -> ast.expr:
    """Nested lists of numbers, written in the way of the dtype: floats with a point, complex numbers as sums."""
    if isinstance(data, list | tuple):
        return ast.List(elts=[data_tree(item, dtype, namespace) for item in data], ctx=ast.Load())
    value = from_number(data)
    kind = complex if dtype.startswith("complex") else float if dtype.startswith("float") else None
    return number_tree(value if kind is None else kind(value), namespace)


def inferred_dtype(data: Any, dtype: str, float_dtype: str) -> str:
    """The dtype that a framework with a default float dtype makes of data printed for a dtype."""
    if math.prod(nested_shape(data)) == 0:
        return float_dtype
    kinds = {**dict.fromkeys(FLOATS, float_dtype), **dict.fromkeys(PARTS, COMPLEX[float_dtype])}
    return kinds.get(dtype, dtype)


class LargeArrays:
    """Data that is loaded from an archive instead of being printed."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray[Any, Any]] = {}

    def tree(self, name: str, data: Any, dtype: str, namespace: str) -> ast.expr:
        """The data inline, or `data["name"]` when it is long."""
        if math.prod(nested_shape(data)) <= INLINE_ELEMENTS:
            return data_tree(data, dtype, namespace)
        key = name
        while key in self.arrays:
            key += "_"
        self.arrays[key] = np.array(_numbers(data), dtype=dtype)
        return ast.Name(id=f'data["{key}"]', ctx=ast.Load())


def _numbers(data: Any) -> Any:
    if not isinstance(data, list | tuple):
        return from_number(data)
    return data if all(type(item) is float for item in data) else [_numbers(item) for item in data]


class Expressions:
    """Builds the expressions of one scope, writing an unnamed intermediate inside the one that uses it.

    Args:
        namespace: `"torch"` or `"jnp"`.
        narrow: 64-bit types are off, so that an integer is an int32.
        spelling: which of a row's spellings is used.

    spelled: how a name is written, where that is not the name itself.
    """

    def __init__(self, namespace: str, spelling: Callable[[Op], str | None], *, narrow: bool = False) -> None:
        self.namespace = namespace
        self.spelling = spelling
        self.narrow = narrow
        self.inlined: dict[str, ast.expr] = {}
        self.spelled: dict[str, ast.expr] = {}

    def handle(self, name: str) -> ast.expr:
        return self.inlined.pop(name, None) or self.spelled.get(name) or name_tree(name)

    def operand(self, operand: Operand | Number) -> ast.expr:
        return self.handle(operand.name) if isinstance(operand, Ref) else number_tree(operand, self.namespace)

    def spell(self, spelling: str, op: Op, operands: tuple[ast.expr, ...], attributes: Attributes) -> ast.stmt:
        return fill_spelling(spelling, op, operands, attributes, self._literal)

    def expression(self, op: Op, operands: tuple[ast.expr, ...], attributes: Attributes) -> ast.expr:
        """One application of an op."""
        spelling = self.spelling(op)
        assert spelling is not None
        statement = self.spell(spelling, op, operands, attributes)
        assert isinstance(statement, ast.Expr)
        return statement.value

    def apply(self, statement: Apply) -> ast.expr:
        op = find_op(statement.op)
        attributes = bound_attributes(op, len(statement.operands), statement.attributes)
        return self.expression(op, tuple(self.operand(operand) for operand in statement.operands), attributes)

    def shaped(self, statement: Apply, shapes: dict[str, Shape]) -> ast.expr:
        """The same, where the spelling may take names from the operands' shapes; notes the shape of the result."""
        op = find_op(statement.op)
        attributes = bound_attributes(op, len(statement.operands), statement.attributes)
        given = tuple(shapes[operand.name] if isinstance(operand, Ref) else () for operand in statement.operands)
        shapes[statement.target] = op.shape(given, attributes)
        operands = tuple(self.operand(operand) for operand in statement.operands)
        return self.expression(op, operands, {**attributes, **op.jax_names(given, attributes)})

    def body(
        self,
        statements: Sequence[Apply],
        results: Sequence[Operand | None],
        kept: Sequence[str] = (),
        shapes: dict[str, Shape] | None = None,
    ) -> tuple[list[str], list[str]]:
        """The lines of a small function, and the expressions it returns.

        Args:
            kept: names of the function that are read besides.
            shapes: of its parameters, for JAX; those of its other names are added.
        """
        inlined = inlined_names(statements, (*results, *map(Ref, kept)))
        lines: list[str] = []
        for statement in statements:
            tree = self.apply(statement) if shapes is None else self.shaped(statement, shapes)
            if statement.target in inlined:
                self.inlined[statement.target] = tree
            else:
                lines.append(f"{statement.target} = {ast.unparse(tree)}")
        return lines, ["None" if one is None else ast.unparse(self.operand(one)) for one in results]

    def dtype(self, name: str) -> ast.expr:
        """A dtype of the namespace; where 64-bit types are off, an integer has 32 bits."""
        return attribute_tree("int32" if name == "int64" and self.narrow else name, self.namespace)

    def _literal(self, name: str, value: Any, indices: tuple[ast.expr, ...]) -> ast.expr:
        if name == "dtype":
            return self.dtype(value)
        if name in TEXT_ATTRIBUTES:
            return ast.Constant(value)
        return index_tree(value, self.namespace, indices) if name == "index" else attribute_tree(value, self.namespace)

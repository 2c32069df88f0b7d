"""The neutral vocabulary a case is written in. Running a case on a `Tape` records a `Program`.

Values use Python's operators and the names of the op vocabulary, as methods or as `tape.name(...)`; a trailing
underscore writes in place. Tape words (`leaf`, `detach`, `no_grad`, `retain_grad`, `backward`, ...) say what only
a tape has. A name in the program is the name that the case assigns to.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import itertools
import linecache
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, Literal, NoReturn

import executing
import msgspec
import numpy as np

from compare.checks import check_identifier
from compare.errors import CaseError, ProgramError, RefusedError, nearest, shown_path
from compare.facts import Facts, Handle, is_same
from compare.grad_modes import GradMode
from compare.ops import COMPLEX, OPS, TENSOR, Index, Slice
from compare.program import Program
from compare.statements import (
    Apply,
    AssignData,
    Attempt,
    AutogradGrad,
    Backward,
    BackwardRule,
    CallFunction,
    Constant,
    Data,
    DefineFunction,
    Detach,
    DetachInPlace,
    EnterGradMode,
    EnterSavedTensorsHooks,
    ExitGradMode,
    ExitSavedTensorsHooks,
    Expected,
    Grad,
    HookStatement,
    ItemWrite,
    Jvp,
    Leaf,
    Operand,
    Read,
    ReadKind,
    Ref,
    Refusable,
    RegisterHook,
    RegisterPostAccumulateGradHook,
    RemoveHook,
    RequiresGrad,
    RetainGrad,
    SetGrad,
    SetGradMode,
    Statement,
    Unpack,
    Warned,
    Write,
    as_number,
    bound,
    inlined_names,
    renamed,
    unwrap,
    used,
)

__all__ = [
    "Function", "GradSlot", "GradSwitch", "Hook", "Node", "Reading", "Site", "Tape", "Tensor", "assigned_name",
    "assigned_names", "record", "recorded_at", "usable_name",
]  # fmt: skip

IN_PLACE_WORDS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "div": "divide", "pow": "power", "neg": "negative",
    "fill": "fill", "copy": "copy", "clamp": "clip", "zero": "zeros_like",
}  # fmt: skip
"""PyTorch's words for in-place ops, where they differ from the name of the row."""


PYTORCH_WORDS = {
    "permute": "permute_dims", "transpose": "swapaxes", "movedim": "moveaxis", "unbind": "unstack",
    "index_select": "take", "gather": "take_along_axis", "take_along_dim": "take_along_axis", "t": "matrix_transpose",
    "mT": "matrix_transpose", "T": "matrix_transpose", "unsqueeze": "expand_dims", "expand": "broadcast_to",
    "cat": "concat", "clamp": "clip", "mul": "multiply", "sub": "subtract", "div": "divide", "pow": "power",
    "neg": "negative", "amax": "max", "amin": "min", "cumsum": "cumulative_sum", "cumprod": "cumulative_prod",
    "norm": "vector_norm", "to": "astype", "double": "astype", "float": "astype", "gt": "greater", "lt": "less",
    "eq": "equal", "ne": "not_equal", "mm": "matmul", "bmm": "matmul", "mv": "matmul", "dot": "vecdot",
}  # fmt: skip
"""PyTorch's word for an op that has another name here; only for the answer to an unknown op."""

REFUSED_WORDS = {
    **dict.fromkeys(
        ("masked_select", "nonzero", "argwhere", "unique"),
        "returns as many elements as the values decide, and JAX refuses such a shape where it compiles; "
        "compute with every element: where(mask, x, 0)",
    ),
    "masked_scatter": "takes one value for each True of the mask, which JAX has no op for; write where(mask, value, x)",
    "as_strided": "speaks of strides, which a JAX array does not have; use an index, or permute_dims",
    "unfold": "makes windows that overlap in one storage; index with the positions of each window",
    "put": "counts through the flattened tensor; index with positions",
}
"""PyTorch's words that have no row, and why."""


# ---- what a case reads ----


@dataclass(frozen=True)
class Reading:
    """A tape fact, not read yet: `tape.expect` or `tape.observe` reads it at that point of the program."""

    tensor: Tensor
    what: ReadKind
    other: Tensor | None = None


class Node(Reading):
    """The node that produced a tensor: a tape fact to read, and a place for hooks."""

    def register_prehook(self, hook: Callable[..., Any]) -> Hook:
        """Edit the gradient of the node's result, before the node. `hook` takes and returns a tuple with that alone."""
        return self.tensor._tape._register_hook(self.tensor, hook, "before")

    def register_hook(self, hook: Callable[..., Any]) -> Hook:
        """Edit the gradient of the node's one operand, after the node.

        `hook` takes two tuples, and may use the first, which has that gradient alone. It returns one like it.
        """
        return self.tensor._tape._register_hook(self.tensor, hook, "after")


class Hook:
    """A registered hook."""

    def __init__(self, tape: Tape, name: str) -> None:
        self._tape = tape
        self._name = name

    def remove(self) -> None:
        """Take the hook off again."""
        self._tape._record(RemoveHook(hook=self._name, line=_site().line))


class GradSwitch:
    """What `tape.set_grad_enabled` returns: a statement by itself, a block after `with`."""

    def __init__(self, tape: Tape, switch: SetGradMode, before: GradMode) -> None:
        self._tape = tape
        self._switch = switch
        self._before = before

    def __enter__(self) -> None:
        # `with` has evaluated the call first: what it recorded becomes the opening of the block.
        tape, switch = self._tape, self._switch
        if tape._statements[-1] is not switch:
            raise CaseError("Open a set_grad_enabled block where it is called: with tape.set_grad_enabled(...):")
        tape._statements.pop()
        tape._facts.modes[-1] = self._before
        tape._record(EnterGradMode(mode="set_grad_enabled", flag=switch.flag, line=switch.line))

    def __exit__(self, *_: object) -> None:
        self._tape._record(ExitGradMode(line=_caller_line()))


class Function:
    """A function of the tape: ops on its arguments, and a backward rule of its own where it was given one.

    It is defined in the program where the case defines it, and traced at a call: once for each kind of arguments.
    """

    def __init__(self, tape: Tape, forward: Callable[..., Any], hint: str | None, *, custom: bool) -> None:
        self._tape = tape
        self._forward = forward
        self._custom = custom
        self._rule: Callable[..., Any] | None = None
        self._non_differentiable: tuple[str, ...] = ()
        self._once_differentiable = False
        self._line = _site().line
        self._place = len(tape._statements)
        self._name = (hint if forward.__name__ == "<lambda>" else usable_name(forward.__name__)) or "function"
        self._definitions: list[DefineFunction] = []

    def backward(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Decorates the backward rule: the cotangents of the results, then what is saved, by its name in the function.

        The rule returns a cotangent for every argument, or None for one that gets no gradient.
        """
        if not self._custom:
            raise CaseError("A backward rule is for a tape.custom_function.", line=_site().line)
        self._rule = rule
        return rule

    def __call__(self, *tensors: Any) -> Any:
        """Call the function. Returns what its body returns: a tensor, or a tuple of them."""
        return self._tape._call_function(self, tensors, checkpoint=False)


class _Operators:
    """Operators shared by tensors and by `.grad` slots."""

    _tape: Tape
    __array_ufunc__ = None  # NumPy numbers on the left leave the operator to this class

    def _tensor(self) -> Tensor:
        raise NotImplementedError

    def __add__(self, other: Any) -> Tensor:
        return self._tape._apply("add", (self, other))

    def __radd__(self, other: Any) -> Tensor:
        return self._tape._apply("add", (other, self))

    def __sub__(self, other: Any) -> Tensor:
        return self._tape._apply("subtract", (self, other))

    def __rsub__(self, other: Any) -> Tensor:
        return self._tape._apply("subtract", (other, self))

    def __mul__(self, other: Any) -> Tensor:
        return self._tape._apply("multiply", (self, other))

    def __rmul__(self, other: Any) -> Tensor:
        return self._tape._apply("multiply", (other, self))

    def __truediv__(self, other: Any) -> Tensor:
        return self._tape._apply("divide", (self, other))

    def __rtruediv__(self, other: Any) -> Tensor:
        return self._tape._apply("divide", (other, self))

    def __pow__(self, other: Any) -> Tensor:
        return self._tape._apply("power", (self, other))

    def __rpow__(self, other: Any) -> Tensor:
        return self._tape._apply("power", (other, self))

    def __mod__(self, other: Any) -> Tensor:
        return self._tape._apply("remainder", (self, other))

    def __matmul__(self, other: Any) -> Tensor:
        return self._tape._apply("matmul", (self, other))

    def __and__(self, other: Any) -> Tensor:
        return self._tape._apply("logical_and", (self, other))

    def __or__(self, other: Any) -> Tensor:
        return self._tape._apply("logical_or", (self, other))

    def __invert__(self) -> Tensor:
        return self._tape._apply("logical_not", (self,))

    def __neg__(self) -> Tensor:
        return self._tape._apply("negative", (self,))

    def __lt__(self, other: Any) -> Tensor:
        return self._tape._apply("less", (self, other))

    def __le__(self, other: Any) -> Tensor:
        return self._tape._apply("less_equal", (self, other))

    def __gt__(self, other: Any) -> Tensor:
        return self._tape._apply("greater", (self, other))

    def __ge__(self, other: Any) -> Tensor:
        return self._tape._apply("greater_equal", (self, other))

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        return self._tape._apply("equal", (self, other))

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return self._tape._apply("not_equal", (self, other))

    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Tensor:
        tensor = self._tensor()
        items, tensors = self._tape._index(index, len(tensor.shape))
        op = "advanced_getitem" if _is_advanced(items) else "getitem"
        return self._tape._apply(op, (tensor, *tensors), {"index": items}, kind="getitem")

    # -- writes --

    def __setitem__(self, index: Any, value: Any) -> None:
        self._tape._set_item(self._tensor(), index, value)

    def __iadd__(self, other: Any) -> Tensor:
        return self._tape._write(self, "add", (other,), {})

    def __isub__(self, other: Any) -> Tensor:
        return self._tape._write(self, "subtract", (other,), {})

    def __imul__(self, other: Any) -> Tensor:
        return self._tape._write(self, "multiply", (other,), {})

    def __itruediv__(self, other: Any) -> Tensor:
        return self._tape._write(self, "divide", (other,), {})

    def __imod__(self, other: Any) -> Tensor:
        return self._tape._write(self, "remainder", (other,), {})

    def __ipow__(self, other: Any) -> Tensor:
        return self._tape._write(self, "power", (other,), {})

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        if name.endswith("_"):
            word = name.removesuffix("_")
            op = IN_PLACE_WORDS.get(word, word)
            self._tape._known_op(op)
            return lambda *operands, **attributes: self._tape._write(self, op, operands, attributes)
        self._tape._known_op(name)
        return lambda *operands, **attributes: self._tape._call(name, (self, *operands), attributes)

    def _no_value(self, what: str) -> NoReturn:
        raise CaseError(
            f"{what} needs a value, and a case is recorded before any value exists. "
            "Write the computation without branching on tensor values.",
            line=_site().line,
        )

    def __bool__(self) -> bool:
        self._no_value("A branch on a tensor")

    def __float__(self) -> float:
        self._no_value("float() of a tensor")

    def __int__(self) -> int:
        self._no_value("int() of a tensor")

    def __iter__(self) -> Iterator[Tensor]:
        """The views along the first axis, made together: `a, b = x` and `for row in x`, as in PyTorch."""
        tensor = self._tensor()
        if not tensor.shape:
            raise ProgramError(f"'{tensor._name}' has no axis to iterate over.", line=_site().line)
        return iter(self._tape._unpack("unstack", (tensor,), {}))

    def __len__(self) -> int:
        shape = self._tensor().shape
        if not shape:
            self._no_value("len() of a scalar")
        return shape[0]


class GradSlot(_Operators):
    """`tensor.grad`: something to read, or a tensor to compute with."""

    def __init__(self, tensor: Tensor) -> None:
        self._tape = tensor._tape
        self._source = tensor

    def _tensor(self) -> Tensor:
        return self._tape._grad(self._source, named=False)


class Tensor(_Operators):
    """A handle of the tape program under construction."""

    def __init__(self, tape: Tape, name: str) -> None:
        self._tape = tape
        self._name = name

    def _tensor(self) -> Tensor:
        return self

    def __repr__(self) -> str:
        return f"Tensor({self._tape._shown(self._name)}, shape={list(self.shape)}, dtype={self.dtype_name})"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, known while recording."""
        return self._tape._facts.handle(self._name).shape

    @property
    def dtype_name(self) -> str:
        """The dtype as a word, known while recording."""
        return self._tape._facts.handle(self._name).dtype

    # -- reads --

    @property
    def grad(self) -> Any:
        """The `.grad` slot. Assigned to a name, it is the tensor that the slot holds there."""
        return GradSlot(self) if _site().hint is None else self._tape._grad(self, named=True)

    @grad.setter
    def grad(self, value: Tensor | GradSlot | None) -> None:
        """Put a tensor into the slot, or empty it."""
        own = self._tape._facts.handle(self._name)
        source = None if value is None else self._tape._operand(value)
        if source is not None and not isinstance(source, Ref):
            raise CaseError("A .grad slot holds a tensor or None.", line=_site().line)
        held = self._tape._facts.gradients.slots.get(own.family.number)
        # `a.grad *= 2` ends by assigning the tensor that it has just written, which the slot holds already.
        if source is not None and held is not None and self._tape._facts.handle(source.name).tensor == held.tensor:
            return
        name = None if source is None else source.name
        self._tape._record(SetGrad(handle=self._name, source=name, line=_site().line))

    @property
    def is_leaf(self) -> Reading:
        return Reading(self, "is_leaf")

    @property
    def requires_grad(self) -> Reading:
        return Reading(self, "requires_grad")

    @property
    def retains_grad(self) -> Reading:
        return Reading(self, "retains_grad")

    @property
    def grad_fn(self) -> Node:
        """The node of the tape that produced the tensor. Read, it is the node's name, or None."""
        return Node(self, "grad_fn")

    @property
    def version(self) -> Reading:
        """The version counter, `_version` in PyTorch."""
        return Reading(self, "version")

    @property
    def dtype(self) -> Reading:
        return Reading(self, "dtype")

    # -- aliases and flags --

    def detach(self) -> Tensor:
        """An alias of the same storage without history."""
        return self._tape._bind(lambda target, line: Detach(target=target, source=self._name, line=line), "detached")

    @property
    def data(self) -> Tensor:
        """An alias of the same storage without history and with a version counter of its own."""
        return self._tape._bind(lambda target, line: Data(target=target, source=self._name, line=line), "data")

    @data.setter
    def data(self, value: Any) -> None:
        """Put the storage of another tensor under this one."""
        operand = self._tape._operand(value)
        if not isinstance(operand, Ref):
            raise CaseError("A tensor is assigned to .data; make the number a tape.constant.", line=_site().line)
        facts = self._tape._facts
        # `a.data += 1` ends by assigning the alias that it has just written.
        if not is_same(facts.handle(operand.name), facts.handle(self._name)):
            self._tape._record(AssignData(handle=self._name, source=operand.name, line=_site().line))

    def detach_(self) -> Tensor:
        """Take this very tensor's history away. Returns the same tensor."""
        self._tape._record(DetachInPlace(handle=self._name, line=_site().line))
        return self

    def requires_grad_(self, flag: bool = True) -> Tensor:
        """Switch tracking on or off from here on. Returns the same tensor."""
        self._tape._record(RequiresGrad(handle=self._name, flag=flag, line=_site().line))
        return self

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf in `.grad` at the next backward."""
        self._tape._record(RetainGrad(handle=self._name, line=_site().line))

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Hook:
        """Edit the cotangent of this tensor during backward. `hook` may use its cotangent and numbers."""
        return self._tape._register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> Hook:
        """Call `hook` with this leaf, after each backward that added to its `.grad`. It may use the leaf and numbers.

        It may write to the leaf or its `.grad`, and assign `.grad` or `.data`. Nothing in it is recorded.
        """
        return self._tape._register_on_leaf(self, hook)

    def backward(
        self,
        gradient: Tensor | GradSlot | None = None,
        *,
        inputs: Sequence[Tensor] = (),
        retain_graph: bool = False,
        create_graph: bool = False,
    ) -> None:
        """Add the gradient of this root to `.grad` of every leaf that its history reaches, or of `inputs` alone."""
        self._tape.backward([self], [gradient], inputs=inputs, retain_graph=retain_graph, create_graph=create_graph)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _SETTERS:
            raise CaseError(_SETTERS[name], line=_site().line)
        super().__setattr__(name, value)


_SETTERS = {
    "requires_grad": "Write a.requires_grad_() or a.requires_grad_(False).",
}
"""Attributes of a PyTorch tensor that a case may try to assign, and what to do instead."""


def _is_advanced(index: Index) -> bool:
    """Whether the index names elements by positions or a mask, and not a view."""
    return any(isinstance(item, tuple) or item == TENSOR for item in index)


class _Pieces:
    """The views of an op that returns several, of which the case takes one at once: `x.unstack()[0]`."""

    def __init__(self, take: Callable[[int], Tensor]) -> None:
        self._take = take

    def __getitem__(self, position: int) -> Tensor:
        return self._take(position)


def _axes_taken(item: Any) -> int:
    """How many axes an item of an index stands for."""
    if item is None or item is Ellipsis:
        return 0
    return len(item.shape) if isinstance(item, Tensor) and item.dtype_name == "bool" else 1


# ---- where in the case we are ----


@dataclass(frozen=True)
class Site:
    """The line of the case that is running, the name it assigns to (if any), and its text.

    hints: the names of `a, b = ...`, where that is what it assigns to.
    """

    line: int
    hint: str | None
    text: str
    hints: tuple[str | None, ...] = ()


_given: list[Site] = []


@contextlib.contextmanager
def recorded_at(site: Site) -> Iterator[None]:
    """What is done to a tape inside of the block comes from this place: of a program that ran before."""
    _given.append(site)
    try:
        yield
    finally:
        _given.pop()


def _is_replay(frame: FrameType) -> bool:
    """Whether the frame does to a tape what another program did."""
    return str(frame.f_globals.get("__name__", "")).startswith("compare.recording")


def _site() -> Site:
    """Find the case's own frame, and the name that the expression being evaluated is assigned to."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    if frame is None:
        return Site(0, None, "")
    if _given:
        # A composite names its intermediates itself; what it returns has the name that the caller gives it.
        given = _given[-1]
        return given if _is_replay(frame) else replace(given, hint=assigned_name(frame), hints=assigned_names(frame))
    line = frame.f_lineno
    text = linecache.getline(frame.f_code.co_filename, line).strip()
    return Site(line, assigned_name(frame), text, assigned_names(frame))


def assigned_names(frame: FrameType | None) -> tuple[str | None, ...]:
    """`a` and `b` for the frame that evaluates the value of `a, b = ...`; a returned tuple takes its caller's names."""
    while frame is not None:
        if _given and _is_replay(frame):
            return _given[-1].hints
        running = executing.Source.executing(frame)
        node, parent = _chosen(running.node)
        if isinstance(parent, ast.Return):
            frame = frame.f_back
            continue
        if node is None and len(running.statements) == 1:
            # Taking apart the value of `a, b = x` is no expression of its own.
            [parent] = running.statements
            node = getattr(parent, "value", None)
        if isinstance(parent, ast.Assign) and parent.value is node and isinstance(parent.targets[0], ast.Tuple):
            return tuple(map(_target_name, _flattened(parent.targets[0])))
        return ()
    return ()


def _chosen(node: Any) -> tuple[Any, Any]:
    """An expression and what it stands in; one that `a if test else b` chooses stands for all of that."""
    parent = getattr(node, "parent", None)
    while isinstance(parent, ast.IfExp) and node is not parent.test:
        node, parent = parent, getattr(parent, "parent", None)
    return node, parent


def _is_subscripted() -> bool:
    """Whether the case takes an item of what it is calling: `x.unstack()[0]`."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    node: Any = None if frame is None else executing.Source.executing(frame).node
    parent = getattr(node, "parent", None)
    return isinstance(parent, ast.Subscript) and parent.value is node


def _flattened(targets: ast.Tuple) -> Iterator[ast.expr]:
    """The targets of `(a, b), (c, d) = ...`, one by one."""
    for target in targets.elts:
        yield from _flattened(target) if isinstance(target, ast.Tuple) else (target,)


def assigned_name(frame: FrameType | None) -> str | None:
    """`b` for the frame that evaluates the value of `b = ...`; a returned value takes its caller's name."""
    while frame is not None:
        if _given and _is_replay(frame):
            return _given[-1].hint
        node: Any
        node, parent = _chosen(executing.Source.executing(frame).node)
        loop = parent if isinstance(parent, ast.For) and parent.iter is node else node
        if isinstance(loop, ast.For):
            return _target_name(loop.target)
        while isinstance(parent, ast.Attribute) and parent.attr.endswith("_") and isinstance(parent.parent, ast.Call):  # type: ignore[attr-defined]
            # `b = a.detach().requires_grad_()`: an in-place word returns the tensor itself.
            node = parent.parent  # type: ignore[attr-defined]
            parent = node.parent
        if isinstance(parent, ast.Return):
            frame = frame.f_back
            continue
        if isinstance(parent, ast.Assign) and parent.value is node:
            return next(filter(None, map(_target_name, parent.targets)), None)
        if isinstance(parent, ast.AnnAssign | ast.NamedExpr) and parent.value is node:
            return _target_name(parent.target)
        if isinstance(parent, ast.Tuple) and isinstance(parent.parent, ast.Assign):  # type: ignore[attr-defined]
            [*targets] = parent.parent.targets  # type: ignore[attr-defined]
            if len(targets) == 1 and isinstance(targets[0], ast.Tuple) and len(targets[0].elts) == len(parent.elts):
                return _target_name(targets[0].elts[parent.elts.index(node)])
        return None
    return None


def _target_name(target: ast.expr) -> str | None:
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        # `weights["w1"] = ...` names a tensor; `h[0] = ...` is a write, or a place in a list.
        key = target.slice.value
        return usable_name(key) if isinstance(key, str) else None
    if isinstance(target, ast.Attribute):
        # What is assigned to `.data` has no name of its own.
        return None if target.attr == "data" else usable_name(target.attr)
    return usable_name(target.id) if isinstance(target, ast.Name) else None


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


# ---- the tape ----


@dataclass
class _Refusal:
    """An open expect_error block: what it declares, and whether its statement has come."""

    torch: str | None
    jax: str | None
    concept: str
    used: bool = False


class Tape:
    """Records what a case does to it.

    Args:
        dtype: the float dtype of the run: data written with a decimal point has it.
        seed: seeds `normal`, the random data of a case.
        as_pytorch: a composite has PyTorch's slope at every kink, also where it then reads worse.
    """

    def __init__(self, *, dtype: str = "float64", seed: int = 0, as_pytorch: bool = True) -> None:
        self.dtype = dtype
        self.as_pytorch = as_pytorch
        self._random = np.random.default_rng(seed)
        self._facts = Facts(float_dtype=dtype)
        self._statements: list[Statement] = []
        self._hints: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._attempt: _Refusal | None = None
        self._naive_error: str | None = None
        self._tracing = ""
        self._inside: Tape | None = None
        self._functions: dict[Callable[..., Any], Function] = {}
        self._definitions: list[tuple[int, DefineFunction]] = []

    # -- making tensors --

    def leaf(self, data: Any, *, dtype: str | None = None) -> Tensor:
        """A tensor that requires grad. `data` is numbers, nested lists or a NumPy array."""
        return self._bind(lambda target, line: Leaf(target=target, line=line, **self._data(data, dtype)), "leaf")

    def constant(self, data: Any, *, dtype: str | None = None) -> Tensor:
        """A tensor that does not require grad."""
        return self._bind(
            lambda target, line: Constant(target=target, line=line, **self._data(data, dtype)), "constant"
        )

    def normal(self, shape: Sequence[int]) -> Any:
        """Random data for `leaf` or `constant`, drawn from the run's seed: nested lists of shape `shape`."""
        return self._random.standard_normal(tuple(shape)).tolist()

    def _data(self, data: Any, dtype: str | None) -> dict[str, Any]:
        numbers = np.asarray(data)
        kinds = {"f": self.dtype, "c": COMPLEX[self.dtype], "i": "int64", "u": "int64", "b": "bool"}
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

    # -- grad modes --

    @contextlib.contextmanager
    def no_grad(self) -> Iterator[None]:
        """A block in which nothing is recorded for backward."""
        yield from self._mode("no_grad")

    @contextlib.contextmanager
    def enable_grad(self) -> Iterator[None]:
        """A block in which history is recorded again."""
        yield from self._mode("enable_grad")

    @contextlib.contextmanager
    def inference_mode(self, mode: bool = True) -> Iterator[None]:
        """A block like no_grad, whose results can never be saved for backward; with False, a block that records."""
        yield from self._mode("inference_mode", mode)

    def set_grad_enabled(self, flag: bool) -> GradSwitch:
        """Switch recording on or off until the block around closes, or inside of the block that this opens."""
        before = self._facts.modes[-1]
        switch = SetGradMode(flag=flag, line=_caller_line())
        self._record(switch)
        return GradSwitch(self, switch, before)

    def _mode(self, mode: Any, flag: bool = True) -> Iterator[None]:
        line = _caller_line()
        tape = self if self._inside is None else self._inside
        tape._record(EnterGradMode(mode=mode, flag=flag, line=line))
        yield
        tape._record(ExitGradMode(line=line))

    # -- declarations --

    def expect(self, what: Any, value: Any, *, warning: str | None = None) -> None:
        """Read `what` here and declare its value, the same for every leg that can read it.

        Args:
            what: a tensor (its value), `tensor.grad`, or a tape fact such as `tensor.version`.
            value: a number, nested lists, a word or None; one number may stand for every element.
            warning: a fragment of the warning that PyTorch gives at this read.
        """
        declared = _declared_value(value)
        self._read(what, Expected(torch=declared, jax=declared, warning=warning))

    def expect_divergence(self, what: Any, *, torch: Any, jax: Any, concept: str, warning: str | None = None) -> None:
        """Read `what` here and declare that the frameworks differ, by the concept that explains it."""
        expected = Expected(torch=_declared_value(torch), jax=_declared_value(jax), concept=concept, warning=warning)
        self._read(what, expected)

    def observe(self, what: Any) -> None:
        """Read `what` here without declaring a value: the legs are still compared."""
        self._read(what, None)

    @contextlib.contextmanager
    def expect_error(self, *, torch: str | None, jax: str | None = None, concept: str) -> Iterator[None]:
        """Declare that the one tape statement of this block is refused.

        Args:
            torch, jax: a stable fragment of `"Type: message"`, or None where that framework raises nothing.
        """
        if self._attempt is not None:
            raise CaseError("expect_error blocks do not nest.", line=_caller_line())
        self._attempt = _Refusal(torch, jax, concept)
        line = _caller_line()
        try:
            yield
            if not self._attempt.used:
                raise CaseError("An expect_error block holds no statement that a framework could refuse.", line=line)
        finally:
            self._attempt = None

    def expect_warning(self, fragment: str, *, concept: str) -> None:
        """Declare that PyTorch warns at a statement that is no read; say it right after that statement.

        Args: fragment: a stable piece of `"Category: message"`.
        """
        name = self._unique_observation(f"warning '{fragment}'")
        self._record(Warned(name=name, warning=fragment, concept=concept, line=_site().line))

    def shares_storage(self, one: Tensor, other: Tensor) -> Reading:
        """Whether two tensors are views of one storage."""
        return Reading(one, "shares_storage", other)

    def expect_naive(self, what: Any, value: Any) -> None:
        """Declare that the naive port silently shows `value` instead, at the latest read of `what`.

        Args:
            what: what `expect`, `expect_divergence` or `observe` has just read.
            value: a number, nested lists or a word; one number may stand for every element.
        """
        reading, line = _reading(what), _site().line
        if value is None:
            raise CaseError("The naive port never shows None; where it has nothing to read, say nothing.", line=line)
        read_before = (reading.what, reading.tensor._name, reading.other and reading.other._name)
        for position, read in reversed(list(enumerate(self._statements))):
            if not isinstance(read, Read) or (read.what, read.handle, read.other) != read_before:
                continue
            if read.naive is not None:
                raise CaseError(f"What the naive port shows as '{read.name}' is declared twice.", line=line)
            self._statements[position] = msgspec.structs.replace(read, naive=_declared_value(value))
            return
        raise CaseError("expect_naive speaks of a read; put it right after the tape.expect that reads it.", line=line)

    def expect_naive_error(self, fragment: str) -> None:
        """Declare that the naive port of this case raises; `fragment` is a stable one of its `"Type: message"`."""
        if self._naive_error is not None:
            raise CaseError("The error of the naive port is declared twice.", line=_site().line)
        self._naive_error = fragment

    def _read(self, what: Any, expected: Expected | None) -> None:
        site = _site()
        what = _reading(what)
        shown = self._shown(what.tensor._name)
        if what.other is not None:
            name = f"{shown} shares storage with {self._shown(what.other._name)}"
        else:
            name = shown if what.what == "value" else f"{shown}.{what.what}"
        self._record(
            Read(
                name=self._unique_observation(name),
                what=what.what,
                handle=what.tensor._name,
                other=None if what.other is None else what.other._name,
                expected=expected,
                line=site.line,
            )
        )

    def _unique_observation(self, name: str) -> str:
        if name not in self._facts.observations:
            return name
        return next(one for n in itertools.count(2) if (one := f"{name} ({n})") not in self._facts.observations)

    # -- gradients --

    def backward(
        self,
        roots: Sequence[Tensor],
        gradients: Sequence[Tensor | GradSlot | None] = (),
        *,
        inputs: Sequence[Tensor] = (),
        retain_graph: bool = False,
        create_graph: bool = False,
    ) -> None:
        """Add the gradients of several roots to `.grad` of every leaf that they reach, or of `inputs` alone."""
        statement = Backward(
            roots=self._names(roots),
            gradients=self._cotangents(gradients),
            inputs=self._names(inputs),
            retain_graph=retain_graph,
            create_graph=create_graph,
            line=_site().line,
        )
        self._record(statement)

    def grad(
        self,
        outputs: Tensor | Sequence[Tensor],
        inputs: Any,
        gradients: Any = (),
        *,
        retain_graph: bool = False,
        create_graph: bool = False,
        allow_unused: bool = False,
        materialize_grads: bool = False,
    ) -> Any:
        """The gradients of `outputs` with respect to `inputs`, as new tensors: `torch.autograd.grad`.

        Returns: a tensor where `inputs` is one tensor, otherwise a tuple of them.
        """
        named = {
            "outputs": self._names(outputs),
            "inputs": self._names(inputs),
            "gradients": self._cotangents(gradients),
        }
        flags = {
            "retain_graph": retain_graph,
            "create_graph": create_graph,
            "allow_unused": allow_unused,
            "materialize_grads": materialize_grads,
        }
        found = self._bind_several(
            lambda targets, line: AutogradGrad(targets=targets, **named, **flags, line=line),  # type: ignore[arg-type]
            len(named["inputs"]),
            "grad",
        )
        return found[0] if isinstance(inputs, _Operators) else found

    def _names(self, tensors: Any) -> tuple[str, ...]:
        several = [tensors] if isinstance(tensors, _Operators) else list(tensors)
        names = []
        for one in several:
            operand = self._operand(one)
            if not isinstance(operand, Ref):
                raise ProgramError("Roots, outputs and inputs are tensors of the tape.", line=_site().line)
            names.append(operand.name)
        return tuple(names)

    def _cotangents(self, gradients: Any) -> tuple[str | None, ...]:
        several = [gradients] if isinstance(gradients, _Operators) else list(gradients)
        found = tuple(None if one is None else self._names(one)[0] for one in several)
        return found if any(name is not None for name in found) else ()

    # -- ops --

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        self._known_op(name)
        return lambda *operands, **attributes: self._call(name, operands, attributes)

    def _known_op(self, name: str) -> None:
        if name in REFUSED_WORDS:
            raise ProgramError(f"{name} {REFUSED_WORDS[name]}.", line=_site().line)
        if name not in OPS:
            meant = (
                f" PyTorch's {name} is '{PYTORCH_WORDS[name]}' here." if name in PYTORCH_WORDS else nearest(name, OPS)
            )
            raise ProgramError(f"Unknown op '{name}'.{meant}", line=_site().line)

    def _operand(self, value: Any) -> Any:
        if isinstance(value, _Operators):
            tensor = value._tensor()
            if tensor._tape is not self:
                raise ProgramError(
                    "A function or hook may use its arguments and numbers only; a tensor from outside it is not "
                    "supported. Pass it as an argument.",
                    line=_site().line,
                )
            return Ref(tensor._name)
        number = as_number(value)
        if not isinstance(number, bool | int | float | str) or isinstance(value, str):
            raise ProgramError(
                f"{type(value).__name__} is not an operand: use tensors of the tape and Python numbers.",
                line=_site().line,
            )
        return number

    def _call(self, op: str, values: Sequence[Any], attributes: dict[str, Any]) -> Any:
        """A tensor; a tuple of them for an op that returns several views and is not told which."""
        view = OPS[op].view
        if view is None or view.pieces is None or "position" in attributes:
            return self._apply(op, values, attributes)
        if _is_subscripted():
            return _Pieces(lambda position: self._apply(op, values, {**attributes, "position": position}))
        return self._unpack(op, values, attributes)

    def _unpack(self, op: str, values: Sequence[Any], attributes: dict[str, Any]) -> tuple[Tensor, ...]:
        row = OPS[op]
        assert row.view is not None
        assert row.view.pieces is not None
        [source], given = self._arguments(op, values, attributes)
        shape = self._facts.handle(source.name).shape
        try:
            count = row.view.pieces(shape, {**row.defaults, **given})
        except ValueError as error:
            raise ProgramError(f"{op} of shape {list(shape)}: {error}.", line=_site().line) from error
        return self._bind_several(
            lambda targets, line: Unpack(targets=targets, op=op, source=source.name, attributes=given, line=line),
            count,
            op,
        )

    def _apply(
        self, op: str, values: Sequence[Any], attributes: dict[str, Any] | None = None, *, kind: str | None = None
    ) -> Tensor:
        operands, given = self._arguments(op, values, attributes or {})
        return self._bind(
            lambda target, line: Apply(target=target, op=op, operands=operands, attributes=given, line=line), kind or op
        )

    def _arguments(
        self, op: str, values: Sequence[Any], attributes: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Operands and attributes of a call; attributes may be given by position."""
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
                raise ProgramError(f"{op} has no attribute '{word}'; it is '{meant}' here.", line=_site().line)
        if surplus and len(surplus) <= len(row.defaults):
            # Attributes may be given by position: x.reshape((2, 3)), x.sum(0).
            given.update(zip(row.defaults, surplus, strict=False))
            values = values[: len(names)]
        operands = tuple(self._operand(value) for value in values)
        return operands, {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}

    # -- indices --

    def _index(self, index: Any, ndim: int) -> tuple[Index, tuple[Tensor, ...]]:
        """Python's index with an ellipsis written out, and the tensors in it."""
        items = [self._index_item(item) for item in (index if isinstance(index, tuple) else (index,))]
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

    def _index_item(self, item: Any) -> Any:
        """An integer, a Slice, None, Ellipsis, a tuple of positions, or a tensor."""
        if item is None or item is Ellipsis:
            return item
        if isinstance(item, _Operators):
            return item._tensor()
        if isinstance(item, int | np.integer) and not isinstance(item, bool):
            return int(item)
        if isinstance(item, slice):
            try:
                return Slice(item.start, item.stop, item.step)
            except ValueError as error:
                raise ProgramError(f"Index: {error}.", line=_site().line) from error
        if isinstance(item, list | np.ndarray) and not any(isinstance(one, _Operators) for one in item):
            array = np.asarray(item)
            if array.dtype.kind == "b":
                return self._bind(
                    lambda target, line: Constant(target=target, line=line, **self._data(array, None)), "mask",
                    named=False,
                )  # fmt: skip
            if array.dtype.kind in "iu" and array.ndim == 1:
                return tuple(array.tolist())
        raise ProgramError(
            f"An index may hold integers, slices, None, an ellipsis, lists of positions or booleans, and tensors of "
            f"them, not {type(item).__name__}; make nested lists a tape.constant.",
            line=_site().line,
        )

    def _set_item(self, tensor: Tensor, index: Any, value: Any) -> None:
        operand = self._operand(value)
        items, tensors = self._index(index, len(tensor.shape))
        line = _site().line
        if not _is_advanced(items):
            self._record(ItemWrite(handle=tensor._name, index=items, value=operand, line=line))  # type: ignore[arg-type]
            return
        found = [self._facts.handle(one._name) for one in tensors]
        shape = self._facts.handle(operand.name).shape if isinstance(operand, Ref) else ()
        # The elements that a known mask names are counted; for any other mask the value has to fit them all.
        masked = [one for one in found if one.dtype == "bool" and (one.known is None or not shape)]
        op = "masked_setitem" if len(masked) == len(found) == 1 else "advanced_setitem"
        operands = (operand, *(Ref(one._name) for one in tensors))
        self._record(Write(handle=tensor._name, op=op, operands=operands, attributes={"index": items}, line=line))

    def _write(self, target: _Operators, op: str, values: Sequence[Any], attributes: dict[str, Any]) -> Tensor:
        operands = tuple(self._operand(value) for value in values)
        tensor = target._tensor()
        self._record(Write(handle=tensor._name, op=op, operands=operands, attributes=attributes, line=_site().line))
        return tensor

    def _grad(self, source: Tensor, *, named: bool) -> Tensor:
        return self._bind(lambda target, line: Grad(target=target, source=source._name, line=line), "grad", named=named)

    # -- hooks and functions --

    def _trace(
        self, what: str, function: Callable[..., Any], arguments: dict[str, Handle], kept: Sequence[str] = ()
    ) -> tuple[tuple[Apply, ...], tuple[Operand | None, ...], dict[str, Handle]]:
        """Run a function of the case on arguments of the shapes and dtypes of `arguments`.

        kept: names that it binds and that are needed afterwards.
        Returns: its body, what it returns, and the handles of its names.
        """
        inner = Tape(dtype=self.dtype)
        for name, handle in arguments.items():
            inner._facts.bind(name, inner._facts.fresh(handle.shape, handle.dtype, creator=name))
            inner._hints[name] = name
        self._tracing = what
        try:
            result = function(*(Tensor(inner, name) for name in arguments))
        finally:
            self._tracing = ""
        returned = tuple(None if one is None else inner._operand(one) for one in _several(result))
        for statement in inner._statements:
            if not isinstance(statement, Apply):
                raise ProgramError(
                    f"A {what} may compute with ops that return one tensor; it may not write, read, detach or call.",
                    line=statement.line,
                )
        bound_last = {hint: name for name, hint in inner._hints.items()}
        wanted = [bound_last[name] for name in kept if name in bound_last]
        names = _final_names(
            inner._statements, inner._hints, parameters=tuple(arguments), results=returned, kept=wanted
        )
        body = tuple(renamed(statement, names) for statement in inner._statements)
        final = tuple(Ref(names.get(one.name, one.name)) if isinstance(one, Ref) else one for one in returned)
        handles = {names.get(name, name): handle for name, handle in inner._facts.handles.items()}
        return body, final, handles  # type: ignore[return-value]

    def _parameters(self, function: Callable[..., Any], word: str) -> list[str]:
        return [usable_name(name) or f"{word}_{n}" for n, name in enumerate(inspect.signature(function).parameters, 1)]

    def _register_hook(
        self, tensor: Tensor, hook: Callable[..., Any], place: Literal["tensor", "before", "after"] = "tensor"
    ) -> Hook:
        site = _site()
        parameters = self._parameters(hook, "cotangent")
        if len(parameters) != (2 if place == "after" else 1):
            takes = {
                "tensor": "A tensor hook takes one argument, the cotangent.",
                "before": "A hook before a node takes one argument, a tuple of gradients.",
                "after": "A hook after a node takes two tuples of gradients, after it and before it.",
            }
            raise ProgramError(takes[place], line=site.line)
        edited = cotangent = self._facts.handle(tensor._name)
        if place == "after":
            edited = self._facts.hooks.made.get(cotangent.tensor) or cotangent
        called = hook if place == "tensor" else _on_tuples(hook, place)
        body, returned, _ = self._trace("hook", called, {parameters[0]: edited})
        if len(returned) != 1:
            raise ProgramError("A tensor hook returns one tensor or None.", line=site.line)
        name = self._fresh_name(site.hint or f"{self._shown(tensor._name)}_hook")
        self._record(
            RegisterHook(
                target=name,
                handle=tensor._name,
                parameter=parameters[0],
                body=body,
                result=returned[0],
                place=place,
                line=site.line,
            )
        )
        return Hook(self, name)

    def _register_on_leaf(self, tensor: Tensor, hook: Callable[[Tensor], Any]) -> Hook:
        site = _site()
        parameters = self._parameters(hook, "leaf")
        if len(parameters) != 1:
            raise ProgramError("A post-accumulate-grad hook takes one argument, the leaf.", line=site.line)
        name = self._fresh_name(site.hint or f"{self._shown(tensor._name)}_hook")
        statement = RegisterPostAccumulateGradHook(
            target=name, handle=tensor._name, parameter=parameters[0], body=(), line=site.line
        )
        if self._facts.handle(tensor._name).requires_grad and self._attempt is None:
            statement = msgspec.structs.replace(statement, body=self._trace_on_leaf(tensor, parameters[0], hook))
        self._record(statement)
        return Hook(self, name)

    def _trace_on_leaf(self, tensor: Tensor, parameter: str, hook: Callable[[Tensor], Any]) -> tuple[Any, ...]:
        """What a hook does with a leaf that has a gradient."""
        outer, inner = self._facts.handle(tensor._name), Tape(dtype=self.dtype)
        facts = inner._facts
        leaf = facts.fresh(outer.shape, outer.dtype, creator=parameter, requires_grad=True)
        facts.bind(parameter, leaf)
        facts.gradients.slots[leaf.family.number] = facts.fresh(outer.shape, outer.dtype, creator=f"{parameter}_grad")
        facts.modes[-1] = facts.modes[-1].switched(False)
        inner._hints[parameter] = parameter
        self._tracing, self._inside = "hook", inner
        try:
            result = hook(Tensor(inner, parameter))
        finally:
            self._tracing, self._inside = "", None
        if result is not None:
            raise ProgramError(
                "A post-accumulate-grad hook returns something, and PyTorch raises. Return None.", line=_site().line
            )
        for statement in inner._statements:
            if not isinstance(statement, HookStatement):
                raise ProgramError(
                    "A hook on a leaf may compute, write, detach, and read or assign .grad; it may not observe, call "
                    "a function, run a backward or register a hook.",
                    line=statement.line,
                )
        names = _final_names(inner._statements, inner._hints, parameters=(parameter,))
        return tuple(renamed(statement, names) for statement in inner._statements)

    def function(self, body: Callable[..., Any]) -> Function:
        """A function of tensors, for `checkpoint` and `jvp`: `@tape.function` above its definition."""
        return self._as_function(body, _site().hint)

    def custom_function(
        self,
        forward: Callable[..., Any] | None = None,
        backward: Callable[..., Any] | None = None,
        *,
        non_differentiable: Sequence[str] = (),
        once_differentiable: bool = False,
    ) -> Any:
        """A function with a backward rule of its own: `torch.autograd.Function`.

        Args:
            forward: the function. Without it, a decorator is returned.
            backward: the rule; or decorate it with `@function.backward`.
            non_differentiable: names of results that carry no history.
            once_differentiable: PyTorch refuses to differentiate the rule.
        """
        if forward is None:
            return lambda forward: self.custom_function(
                forward, backward, non_differentiable=non_differentiable, once_differentiable=once_differentiable
            )
        function = Function(self, forward, _site().hint, custom=True)
        function._rule = backward
        function._non_differentiable = tuple(non_differentiable)
        function._once_differentiable = once_differentiable
        return function

    def checkpoint(self, function: Function | Callable[..., Any], *tensors: Any) -> Any:
        """Call a function so that backward computes again what it would have saved. Returns what the body returns."""
        return self._call_function(self._as_function(function), tensors, checkpoint=True)

    def jvp(self, function: Function | Callable[..., Any], inputs: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Results and their tangents: the derivative of a function at `inputs` in the direction of `tangents`.

        Returns: a result and its tangent, or a tuple of results and a tuple of tangents.
        """
        primals, directions = self._tensor_names(inputs), self._tensor_names(tangents)
        definition = self._definition(self._as_function(function), primals)
        count = len(definition.results)
        found = self._bind_several(
            lambda targets, line: Jvp(
                targets=targets, function=definition.target, inputs=primals, tangents=directions, line=line
            ),
            2 * count,
            "jvp",
        )
        return found if count == 1 else (found[:count], found[count:])

    @contextlib.contextmanager
    def saved_tensors_hooks(
        self, pack: Callable[[Tensor], Tensor], unpack: Callable[[Tensor], Tensor]
    ) -> Iterator[None]:
        """A block in which what is saved for backward goes through `pack`, and through `unpack` when it is read.

        Each may clone the tensor or hand it on.
        """
        line = _caller_line()
        pack_clones, unpack_clones = self._clones(pack), self._clones(unpack)
        self._record(EnterSavedTensorsHooks(pack_clones=pack_clones, unpack_clones=unpack_clones, line=line))
        yield
        self._record(ExitSavedTensorsHooks(line=line))

    def _clones(self, hook: Callable[[Tensor], Tensor]) -> bool:
        """Whether a hook on saved tensors clones, or does nothing. Raises ProgramError where it does more."""
        parameters = self._parameters(hook, "tensor")
        if len(parameters) == 1:
            [name] = parameters
            scalar = self._facts.fresh((), self.dtype, creator=name)
            body, results, _ = self._trace("hook on saved tensors", hook, {name: scalar})
            if not body and results == (Ref(name),):
                return False
            if len(body) == 1 and body[0].op == "clone" and results == (Ref(body[0].target),):
                return True
        raise ProgramError(
            "A hook on saved tensors may clone its tensor or hand it on. One that changes numbers makes another "
            "gradient, and what PyTorch saves is its own affair: write a demonstration.",
            line=_caller_line(),
        )

    def _as_function(self, function: Function | Callable[..., Any], hint: str | None = None) -> Function:
        if isinstance(function, Function):
            return function
        return self._functions.setdefault(function, Function(self, function, hint, custom=False))

    def _call_function(self, function: Function, tensors: Sequence[Any], *, checkpoint: bool) -> Any:
        names = self._tensor_names(tensors)
        definition = self._definition(function, names)
        found = self._bind_several(
            lambda targets, line: CallFunction(
                targets=targets, function=definition.target, inputs=names, checkpoint=checkpoint, line=line
            ),
            len(definition.results),
            definition.target,
        )
        return found[0] if len(found) == 1 else found

    def _tensor_names(self, tensors: Sequence[Any]) -> tuple[str, ...]:
        operands = [self._operand(one) for one in tensors]
        if not all(isinstance(one, Ref) for one in operands):
            raise ProgramError(
                "A function takes tensors; write a number into its body, or make it a tape.constant.",
                line=_site().line,
            )
        return tuple(one.name for one in operands)

    def _definition(self, function: Function, inputs: Sequence[str]) -> DefineFunction:
        """The function as it reads for these inputs: known already, or defined where the case defines it."""
        parameters = self._parameters(function._forward, "argument")
        if len(inputs) != len(parameters):
            raise ProgramError(
                f"'{function._name}' takes {len(parameters)} tensors, got {len(inputs)}.", line=_site().line
            )
        arguments = {name: self._facts.handle(one) for name, one in zip(parameters, inputs, strict=True)}
        rule_parameters = [] if function._rule is None else self._parameters(function._rule, "cotangent")
        if function._custom and function._rule is None:
            raise ProgramError(
                f"'{function._name}' has no backward rule; give it one with @{function._name}.backward.",
                line=function._line,
            )
        kept = (*rule_parameters, *function._non_differentiable)
        body, results, handles = self._trace("function", function._forward, arguments, kept)
        rule = None
        if function._rule is not None:
            cotangents, saved = rule_parameters[: len(results)], rule_parameters[len(results) :]
            for name in saved:
                if name not in handles:
                    raise ProgramError(
                        f"The backward rule of '{function._name}' asks for '{name}', which the function does not bind."
                        f"{nearest(name, handles)}",
                        line=function._line,
                    )
            given = {
                **{
                    name: handles[one.name]
                    for name, one in zip(cotangents, results, strict=False)
                    if isinstance(one, Ref)
                },
                **{name: handles[name] for name in saved},
            }
            rule_body, gradients, _ = self._trace("backward rule", function._rule, given)
            rule = BackwardRule(
                cotangents=tuple(cotangents),
                saved=tuple(saved),
                body=rule_body,
                results=gradients,  # type: ignore[arg-type]
                non_differentiable=function._non_differentiable,
                once_differentiable=function._once_differentiable,
            )
        traced = DefineFunction(
            target="",
            parameters=tuple(parameters),
            body=body,
            results=results,  # type: ignore[arg-type]
            rule=rule,
            line=function._line,
        )
        for known in function._definitions:
            if msgspec.structs.replace(known, target="") == traced:
                return known
        definition = msgspec.structs.replace(traced, target=self._fresh_name(function._name))
        self._facts.step(definition)
        self._definitions.append((function._place, definition))
        function._definitions.append(definition)
        return definition

    # -- recording --

    def _shown(self, name: str) -> str:
        return self._hints.get(name, name).lstrip("_")

    def _fresh_name(self, hint: str) -> str:
        """A name no statement has used; the final names are chosen when the recording is complete."""
        check_identifier(hint)
        if hint not in self._hints and hint not in self._facts.hooks.live:
            self._hints[hint] = hint
            return hint
        name = next(one for n in itertools.count(2) if (one := f"{hint}_{n}") not in self._hints)
        self._hints[name] = hint
        return name

    def _bind(self, make: Callable[[str, int], Statement], kind: str, *, named: bool = True) -> Tensor:
        site = _site()
        if named and site.hint is not None:
            name = self._fresh_name(site.hint)
        else:
            name = self._fresh_name(f"_{kind}_{next(self._numbers)}")
        try:
            statement = make(name, site.line)
        except ProgramError as error:
            error.line = error.line or site.line
            raise
        self._record(statement)
        return Tensor(self, name)

    def _bind_several(
        self, make: Callable[[tuple[str, ...], int], Statement], count: int, kind: str
    ) -> tuple[Tensor, ...]:
        """Bind one name for each result: those of `a, b = ...`, or `a_1` and so on for `a = ...`."""
        site = _site()
        hints: list[str | None] = list(site.hints) if len(site.hints) == count else [None] * count
        if site.hint is not None:
            hints = [site.hint if count == 1 else f"{site.hint}_{number}" for number in range(1, count + 1)]
        names = tuple(self._fresh_name(hint or f"_{kind}_{next(self._numbers)}") for hint in hints)
        self._record(make(names, site.line))
        return tuple(Tensor(self, name) for name in names)

    def _is_attempted(self, statement: Statement) -> bool:
        """Whether an expect_error block is about this statement: about an op only where PyTorch refuses it."""
        if isinstance(statement, Apply):
            try:
                self._facts.check(statement)
            except RefusedError:
                return True
            return False
        return isinstance(statement, Refusable)

    def _record(self, statement: Any) -> None:
        if self._tracing:
            raise CaseError(
                f"A {self._tracing} may use its arguments and numbers only; here it touches a tensor from outside it, "
                "which is not supported.",
                line=statement.line,
            )
        if self._attempt is not None and self._is_attempted(statement):
            if self._attempt.used:
                raise CaseError("An expect_error block holds one statement; this is the second.", line=statement.line)
            self._attempt.used = True
            statement = Attempt(
                name=self._unique_observation(_site().text),
                attempted=statement,
                torch=self._attempt.torch,
                jax=self._attempt.jax,
                concept=self._attempt.concept,
                line=statement.line,
            )
        for _ in self._facts.steps(statement):
            pass
        self._statements.append(statement)

    def program(self, id: str, title: str) -> Program:
        """The recorded program, with its final names, checked."""
        statements: list[Statement] = list(self._statements)
        in_order = sorted(self._definitions, key=lambda one: one[0])
        for place, definition in in_order[::-1]:
            statements.insert(place, definition)
        names = _final_names(statements, self._hints)
        return Program(
            id=id,
            title=title,
            dtype=self.dtype,
            statements=tuple(renamed(statement, names) for statement in statements),  # type: ignore[misc]
            naive_error=self._naive_error,
        ).checked()


def _reading(what: Any) -> Reading:
    """What a declaration speaks of. Raises CaseError."""
    if isinstance(what, GradSlot):
        return Reading(what._source, "grad")
    if isinstance(what, Tensor):
        return Reading(what, "value")
    if isinstance(what, Reading):
        return what
    raise CaseError(
        f"expect and observe read a tensor, its .grad, or a tape fact, not {type(what).__name__}.", line=_site().line
    )


class _BeforeTheNode:
    """What stands for the gradients before a node in a hook after it."""

    def __getattr__(self, name: str) -> Any:
        raise ProgramError(
            "A hook after a node may use what the node gives, and not the gradients before it. Put a prehook on it.",
            line=_site().line,
        )

    __getitem__ = __iter__ = __len__ = __getattr__


def _on_tuples(hook: Callable[..., Any], place: str) -> Callable[[Tensor], Any]:
    """A hook on the tuples of a node as one on the tensor that they have."""

    def called(gradient: Tensor) -> Any:
        returned = hook((gradient,), _BeforeTheNode()) if place == "after" else hook((gradient,))
        if returned is None:
            return None
        if not isinstance(returned, tuple) or len(returned) != 1:
            raise ProgramError(
                "A hook on a node returns a tuple with one gradient, or None; write (gradient * 2,).", line=_site().line
            )
        return returned[0]

    return called


def _several(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def _nested(data: Any) -> Any:
    return [_nested(item) for item in data] if isinstance(data, list) else as_number(data)


def _declared_value(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_declared_value(item) for item in value]
    return as_number(value)


def _caller_line() -> int:
    """The line of the case that opened a `with` block."""
    if _given:
        return _given[-1].line
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename in (__file__, contextlib.__file__):
        frame = frame.f_back
    return frame.f_lineno if frame is not None else 0


# ---- final names ----


def _final_names(
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


# ---- recording a case ----


def record(function: Callable[[Tape], None], *, id: str, title: str, dtype: str, seed: int = 0) -> Program:
    """Run a case on a fresh tape.

    Returns: the checked program. Raises: CaseError naming the case, its file and the line that is wrong.
    """
    path = inspect.getsourcefile(function) or function.__code__.co_filename
    tape = Tape(dtype=dtype, seed=seed)
    try:
        # What a case prints is narration; results alone go to stdout.
        with contextlib.redirect_stdout(sys.stderr):
            function(tape)
        return tape.program(id, title)
    except (ProgramError, CaseError) as error:
        line = error.line or _line_in(error, path)
        raise CaseError(f"Case '{id}' ({shown_path(path)}:{line}): {error}", path=path, line=line) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # A case that exits, too, is a case that crashed: it must not end the run, and least of all with success.
        line = _line_in(error, path)
        raise CaseError(
            f"Case '{id}' ({shown_path(path)}:{line}) crashed: {type(error).__name__}: {error}", path=path, line=line
        ) from error


def _line_in(error: BaseException, path: str) -> int:
    """The innermost line of `path` in an error's traceback."""
    found = 0
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            found = traceback.tb_lineno
        traceback = traceback.tb_next
    return found

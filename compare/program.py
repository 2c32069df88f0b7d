"""The tape program: a flat list of statements with tape semantics.

A name is a handle: a storage, a chain of views into it, and whether writes and reads through it are tracked.
A statement that has a `target` binds that name; binding a name again is Python's rebinding.
`Program.checked` walks the statements once and gives every handle its shape, dtype, storage and tape flags, so
that a wrong program is refused at the statement that is wrong, before any framework runs.
"""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any, Literal, get_args

import msgspec
import numpy as np

from compare.errors import ProgramError, nearest
from compare.ops import OPS, Op, Shape, Slice

__all__ = [
    "Apply",
    "Attempt",
    "Backward",
    "Constant",
    "Data",
    "Detach",
    "EnterGradMode",
    "ExitGradMode",
    "Expected",
    "Facts",
    "Grad",
    "Handle",
    "ItemWrite",
    "Leaf",
    "Number",
    "Operand",
    "Program",
    "Read",
    "ReadKind",
    "Ref",
    "RegisterHook",
    "RemoveHook",
    "RequiresGrad",
    "RetainGrad",
    "Statement",
    "ViewStep",
    "Write",
    "as_number",
    "bound",
    "bound_attributes",
    "check_identifier",
    "find_op",
    "from_number",
    "inlined_names",
    "nested_shape",
    "renamed",
    "unwrap",
    "used",
]  # fmt: skip

FLOAT_DTYPES = ("float32", "float64")
DTYPES = (*FLOAT_DTYPES, "int64", "bool")
RESERVED = frozenset({"torch", "jax", "jnp", "lax", "numpy", "np", "print", "error", "data", "pathlib", "functools"})

# ---- values inside a program ----

Number = bool | int | float | Literal["nan", "inf", "-inf"]
"""A number as JSON carries it: the three values JSON lacks are words."""


def as_number(value: Any) -> Any:
    """Turn a Python or NumPy number into the form a program stores."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value


def from_number(value: Any) -> Any:
    """The inverse of `as_number`."""
    return float(value) if isinstance(value, str) else value


def nested_shape(data: Any) -> Shape:
    """Shape of nested lists of numbers. Raises ProgramError when they are ragged."""
    if not isinstance(data, list | tuple):
        return ()
    shapes = {nested_shape(item) for item in data}
    if len(shapes) > 1:
        raise ProgramError("The data is ragged: rows of one array must have one length.")
    return (len(data), *(shapes.pop() if shapes else ()))


class Ref(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A handle used as an operand."""

    name: str


Operand = Ref | Number
Attribute = None | bool | int | float | str | tuple[int | Slice | None, ...]


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a case declares about one read.

    torch, jax: the declared value of each leg: a number, nested lists, a word, or None.
    concept: the concept that explains why the two differ; None declares that they agree.
    warning: a fragment of the warning that PyTorch gives at this read.
    """

    torch: Any
    jax: Any
    concept: str | None = None
    warning: str | None = None


# ---- statements ----


class Statement(msgspec.Struct, frozen=True, kw_only=True, tag_field="statement", forbid_unknown_fields=True):
    """One step of a tape program. `line` is the line of the case that recorded it; 0 when there is none."""

    line: int = 0


class Leaf(Statement, frozen=True, tag="leaf"):
    """A tensor made by the user, with requires_grad=True."""

    target: str
    data: Any
    dtype: str


class Constant(Statement, frozen=True, tag="constant"):
    """A tensor made by the user, with requires_grad=False."""

    target: str
    data: Any
    dtype: str


class Apply(Statement, frozen=True, tag="apply"):
    """An op out of place. The result is a new storage, or an alias of the operand when the op is a view."""

    target: str
    op: str
    operands: tuple[Operand, ...]
    attributes: dict[str, Attribute] = {}


class Write(Statement, frozen=True, tag="write"):
    """An op in place: `op(handle, *operands)` replaces the elements that the handle sees."""

    handle: str
    op: str
    operands: tuple[Operand, ...] = ()
    attributes: dict[str, Attribute] = {}


class ItemWrite(Statement, frozen=True, tag="item-write"):
    """`handle[index] = value`."""

    handle: str
    index: tuple[int | Slice | None, ...]
    value: Operand


class Detach(Statement, frozen=True, tag="detach"):
    """An alias of the same storage, and of the same version counter, without history."""

    target: str
    source: str


class Data(Statement, frozen=True, tag="data"):
    """`.data`: an alias of the same storage without history, with a version counter of its own."""

    target: str
    source: str


class RequiresGrad(Statement, frozen=True, tag="requires-grad"):
    """`handle.requires_grad_(flag)`."""

    handle: str
    flag: bool = True


class EnterGradMode(Statement, frozen=True, tag="enter-grad-mode"):
    """Opens a `with torch.no_grad():` or `with torch.enable_grad():` block."""

    mode: Literal["no_grad", "enable_grad"]


class ExitGradMode(Statement, frozen=True, tag="exit-grad-mode"):
    """Closes the innermost grad-mode block."""


class RetainGrad(Statement, frozen=True, tag="retain-grad"):
    """`handle.retain_grad()`."""

    handle: str


class RegisterHook(Statement, frozen=True, tag="register-hook"):
    """A tensor hook: the cotangent arrives as `parameter`, `body` runs on it, `result` replaces it.

    A `result` of None leaves the cotangent as it is.
    """

    target: str
    handle: str
    parameter: str
    body: tuple[Apply, ...]
    result: Operand | None


class RemoveHook(Statement, frozen=True, tag="remove-hook"):
    """`hook.remove()`."""

    hook: str


class Backward(Statement, frozen=True, tag="backward"):
    """`root.backward(gradient, retain_graph=...)`: adds to `.grad` of every leaf that the root's history reaches."""

    root: str
    gradient: str | None = None
    retain_graph: bool = False


class Grad(Statement, frozen=True, tag="grad"):
    """Binds the tensor that `source.grad` holds."""

    target: str
    source: str


ReadKind = Literal[
    "value", "grad", "is_leaf", "requires_grad", "retains_grad", "grad_fn", "version", "dtype", "shares_storage"
]


class Read(Statement, frozen=True, tag="read"):
    """An observation at this point of the program. `name` is unique in the program."""

    name: str
    what: ReadKind
    handle: str
    other: str | None = None
    expected: Expected | None = None


class Attempt(Statement, frozen=True, tag="attempt"):
    """A statement that at least one framework is declared to refuse.

    torch, jax: a stable fragment of `"Type: message"`, or None where that framework raises nothing.
    """

    name: str
    attempted: Write | ItemWrite | Backward | RequiresGrad | RetainGrad | RegisterHook
    torch: str | None
    jax: str | None
    concept: str


AnyStatement = (
    Leaf | Constant | Apply | Write | ItemWrite | Detach | Data | RequiresGrad | EnterGradMode | ExitGradMode
    | RetainGrad | RegisterHook | RemoveHook | Backward | Grad | Read | Attempt
)  # fmt: skip


def unwrap(statement: Statement) -> Statement:
    """The statement itself, or the one inside an Attempt."""
    return statement.attempted if isinstance(statement, Attempt) else statement


# ---- the names a statement uses and binds ----


def used(statement: Statement) -> tuple[str, ...]:
    """Every handle and hook that a statement refers to, in order, repeats included."""
    match statement:
        case Apply():
            return _refs(statement.operands)
        case Write():
            return (statement.handle, *_refs(statement.operands))
        case ItemWrite():
            return (statement.handle, *_refs((statement.value,)))
        case Detach() | Data() | Grad():
            return (statement.source,)
        case RequiresGrad() | RetainGrad() | RegisterHook():
            return (statement.handle,)
        case RemoveHook():
            return (statement.hook,)
        case Backward():
            return (statement.root, *(() if statement.gradient is None else (statement.gradient,)))
        case Read():
            return (statement.handle, *(() if statement.other is None else (statement.other,)))
        case Attempt():
            return used(statement.attempted)
    return ()


def _refs(operands: tuple[Operand, ...]) -> tuple[str, ...]:
    return tuple(operand.name for operand in operands if isinstance(operand, Ref))


def bound(statement: Statement) -> tuple[str, ...]:
    """The name that a statement binds, if it binds one."""
    target = getattr(unwrap(statement), "target", None)
    return () if target is None else (target,)


def renamed(statement: Statement, names: dict[str, str]) -> Statement:
    """The same statement with every handle and hook renamed."""

    def operand(one: Operand) -> Operand:
        return Ref(names.get(one.name, one.name)) if isinstance(one, Ref) else one

    if isinstance(statement, Attempt):
        return msgspec.structs.replace(statement, attempted=renamed(statement.attempted, names))
    changes: dict[str, Any] = {}
    for attribute in ("target", "handle", "source", "root", "gradient", "hook", "other"):
        old = getattr(statement, attribute, None)
        if old is not None:
            changes[attribute] = names.get(old, old)
    if isinstance(statement, Apply | Write):
        changes["operands"] = tuple(operand(one) for one in statement.operands)
    if isinstance(statement, ItemWrite):
        changes["value"] = operand(statement.value)
    return msgspec.structs.replace(statement, **changes) if changes else statement


def inlined_names(statements: Sequence[Statement]) -> set[str]:
    """Names that are written inside the one statement that uses them, never on a line of their own.

    Such a name starts with an underscore, is used once, and nothing but other such definitions stands between its
    definition and its use, so the order in which things happen does not change.
    """
    uses: dict[str, int] = {}
    for statement in statements:
        for name in used(statement):
            uses[name] = uses.get(name, 0) + 1
    inlined: set[str] = set()
    pending: set[str] = set()
    for statement in statements:
        inlined |= pending.intersection(used(statement))
        pending -= set(used(statement))
        targets = bound(statement)
        if (
            isinstance(statement, Apply | Detach | Data | Grad)
            and targets[0].startswith("_")
            and uses.get(targets[0]) == 1
        ):
            pending |= set(targets)
        else:
            pending.clear()
    return inlined


# ---- facts: what a walk over the statements knows of every handle ----


@dataclass
class Storage:
    """One allocation. `layout` is a NumPy array of the storage's shape; views of it carry shape and strides."""

    number: int
    layout: np.ndarray[Any, Any]
    creator: str


@dataclass(frozen=True)
class ViewStep:
    """One step of a view chain: the op, its attributes, and the shape it is applied to."""

    op: Op
    attributes: dict[str, Any]
    shape: Shape


@dataclass
class Family:
    """Handles that share history: a base and its views. A detached alias starts a family of its own."""

    number: int
    requires_grad: bool
    is_leaf: bool
    used: bool = False
    viewed: bool = False
    viewed_without_grad: bool = False


@dataclass(frozen=True)
class Handle:
    """What a name stands for at one point of a program.

    shape, dtype: of the tensor. layout: a NumPy view with the tensor's shape and strides.
    chain: the views between the storage and this handle, outermost last.
    """

    name: str
    shape: Shape
    dtype: str
    storage: Storage
    family: Family
    layout: np.ndarray[Any, Any]
    chain: tuple[ViewStep, ...] = ()
    strides_known: bool = True

    @property
    def is_leaf(self) -> bool:
        return not self.family.requires_grad or (self.family.is_leaf and not self.chain)

    @property
    def requires_grad(self) -> bool:
        return self.family.requires_grad

    @property
    def overlaps(self) -> bool:
        """Two elements of the tensor are one element of the storage (after an expand)."""
        return any(stride == 0 and size > 1 for stride, size in zip(self.layout.strides, self.shape, strict=True))


@dataclass
class Facts:
    """The state of a walk: names to handles, open grad-mode blocks, live hooks, names of the observations so far."""

    handles: dict[str, Handle] = field(default_factory=dict)
    modes: list[str] = field(default_factory=list)
    hooks: dict[str, str] = field(default_factory=dict)
    graded: set[int] = field(default_factory=set)
    gradients: set[int] = field(default_factory=set)
    stale: set[int] = field(default_factory=set)
    observations: set[str] = field(default_factory=set)
    counter: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    @property
    def recording(self) -> bool:
        """Whether PyTorch records history here."""
        return not self.modes or self.modes[-1] == "enable_grad"

    # -- looking up --

    def handle(self, name: str) -> Handle:
        if name not in self.handles:
            raise ProgramError(f"'{name}' is used before it is bound.{nearest(name, self.handles)}")
        found = self.handles[name]
        if found.family.viewed_without_grad and self.recording:
            raise ProgramError(
                f"'{name}' is a view made under no_grad of a tensor that requires grad. PyTorch makes it a leaf of its "
                "own there, which is not modelled outside the block. Make the view outside, or detach it inside."
            )
        if found.storage.number in self.stale:
            raise ProgramError(
                f"'{name}' is the .grad tensor that a later backward has added to in place. "
                "Clone it before that backward."
            )
        return found

    def _operands(self, op: Op, operands: tuple[Operand, ...], *, first: Handle | None = None) -> list[Handle | Number]:
        found: list[Handle | Number] = [] if first is None else [first]
        found += [self.handle(operand.name) if isinstance(operand, Ref) else operand for operand in operands]
        tensors = [item for item in found if isinstance(item, Handle)]
        if not tensors:
            raise ProgramError(f"{op.name} needs a tensor operand; make the number a tape.constant.")
        if not op.scalars and len(tensors) != len(found):
            raise ProgramError(f"{op.name} takes tensors only; make the number a tape.constant.")
        for item in found:
            if isinstance(item, str) and item not in ("nan", "inf", "-inf"):
                raise ProgramError(f"{item!r} is not a number.")
        return found

    # -- one step --

    def step(self, statement: Statement) -> None:
        """Check one statement and take its effect on the handles. Raises ProgramError."""
        try:
            self._step(statement)
        except ProgramError as error:
            if not error.line:
                error.line = statement.line
            raise

    def _step(self, statement: Statement) -> None:
        match statement:
            case Leaf() | Constant():
                self._tensor(statement)
            case Apply():
                self.bind(statement.target, self._apply(statement))
            case Write():
                self._write(statement)
            case ItemWrite():
                self._item_write(statement)
            case Detach() | Data():
                source = self.handle(statement.source)
                family = Family(next(self.counter), requires_grad=False, is_leaf=True)
                self.bind(statement.target, replace(source, family=family))
            case RequiresGrad():
                self._requires_grad(statement)
            case EnterGradMode():
                self.modes.append(statement.mode)
            case ExitGradMode():
                if not self.modes:
                    raise ProgramError("A grad-mode block is closed that was never opened.")
                self.modes.pop()
            case RetainGrad():
                if not self.handle(statement.handle).requires_grad:
                    raise ProgramError(
                        f"retain_grad on '{statement.handle}', which does not require grad: PyTorch raises."
                    )
                self.graded.add(self.handle(statement.handle).family.number)
            case RegisterHook():
                self._register_hook(statement)
            case RemoveHook():
                if statement.hook not in self.hooks:
                    raise ProgramError(f"'{statement.hook}' is not a live hook.{nearest(statement.hook, self.hooks)}")
                del self.hooks[statement.hook]
            case Backward():
                self._backward(statement)
            case Grad():
                self._grad(statement)
            case Read():
                self._read(statement)
            case Attempt():
                self._attempt(statement)
            case _:
                raise ProgramError(f"Unknown statement {type(statement).__name__}.")

    def bind(self, name: str, handle: Handle) -> None:
        check_identifier(name)
        self.handles[name] = replace(handle, name=name)

    def fresh(
        self, shape: Shape, dtype: str, *, creator: str, requires_grad: bool = False, is_leaf: bool = True
    ) -> Handle:
        """A handle that sees the whole of a new storage."""
        layout = np.empty(shape, np.int8)
        storage = Storage(next(self.counter), layout, creator)
        family = Family(next(self.counter), requires_grad, is_leaf)
        return Handle(creator, shape, dtype, storage, family, layout)

    def _tensor(self, statement: Leaf | Constant) -> None:
        if statement.dtype not in DTYPES:
            raise ProgramError(f"Unknown dtype {statement.dtype!r}. Dtypes: {', '.join(DTYPES)}.")
        tracked = isinstance(statement, Leaf)
        if tracked and statement.dtype not in FLOAT_DTYPES:
            raise ProgramError(
                f"'{statement.target}' is a leaf of dtype {statement.dtype}: only floating point tensors can require "
                "grad. Write the data with a decimal point, or make it a tape.constant."
            )
        check_data(statement.data, statement.dtype)
        shape = nested_shape(statement.data)
        handle = self.fresh(shape, statement.dtype, requires_grad=tracked, is_leaf=True, creator=statement.target)
        self.bind(statement.target, handle)

    def _infer(self, op: Op, found: list[Handle | Number], attributes: dict[str, Any]) -> tuple[Shape, str]:
        shapes = tuple(item.shape if isinstance(item, Handle) else () for item in found)
        default = self.float_dtype
        dtypes = tuple(item.dtype if isinstance(item, Handle) else number_dtype(item) for item in found)
        try:
            return op.shape(shapes, attributes), op.dtype(dtypes, default, attributes)
        except (ValueError, IndexError, TypeError) as error:
            described = ", ".join(
                f"{item.name}: {item.dtype}{list(item.shape)}" for item in found if isinstance(item, Handle)
            )
            raise ProgramError(f"{op.name}({described}): {error}") from error

    float_dtype: str = "float64"

    def _apply(self, statement: Apply) -> Handle:
        op = find_op(statement.op)
        attributes = bound_attributes(op, len(statement.operands), statement.attributes)
        found = self._operands(op, statement.operands)
        shape, dtype = self._infer(op, found, attributes)
        tensors = [item for item in found if isinstance(item, Handle)]
        for item in tensors:
            item.family.used = True
        if op.view is not None:
            tensors[0].family.viewed = True
            return self._view(op, tensors[0], attributes, shape)
        carrying = [
            item
            for name, item in zip_longest(op.operand_names, found)
            if isinstance(item, Handle) and name not in op.without_history
        ]
        tracked = self.recording and dtype in FLOAT_DTYPES and any(item.requires_grad for item in carrying)
        handle = self.fresh(shape, dtype, requires_grad=tracked, is_leaf=not tracked, creator=statement.target)
        known = all(item.strides_known and item.layout.flags.c_contiguous for item in tensors)
        return replace(handle, strides_known=known)

    def _view(self, op: Op, base: Handle, attributes: dict[str, Any], shape: Shape) -> Handle:
        assert op.view is not None
        if op.name == "reshape" and not base.strides_known:
            raise ProgramError(
                f"reshape of '{base.name}': whether PyTorch makes a view or a copy depends on strides that the program "
                "does not fix. Clone the operand of the transpose, or reshape before it."
            )
        try:
            layout = op.view.alias(base.layout, **attributes)
        except ValueError as error:
            if op.name == "reshape":
                tracked = self.recording and base.requires_grad
                return self.fresh(shape, base.dtype, requires_grad=tracked, is_leaf=not tracked, creator=base.name)
            raise ProgramError(f"{op.name}({base.name}: {base.dtype}{list(base.shape)}): {error}") from error
        step = ViewStep(op, attributes, base.shape)
        if not self.recording and base.requires_grad:
            family = Family(next(self.counter), requires_grad=False, is_leaf=True, viewed_without_grad=True)
            return replace(base, shape=shape, layout=layout, chain=(*base.chain, step), family=family)
        return replace(base, shape=shape, layout=layout, chain=(*base.chain, step))

    # -- writes --

    def refusal(self, handle: Handle) -> str | None:
        """Why an in-place write through `handle` is refused here, or None."""
        if handle.storage.number in self.gradients:
            return "editing a .grad tensor in place is not supported yet; compute a new tensor from it"
        if handle.overlaps:
            return (
                "more than one element of the written-to tensor refers to a single memory location (it was expanded); "
                "clone it before the write"
            )
        for step in handle.chain:
            if math.prod(step.op.shape((step.shape,), step.attributes)) > math.prod(step.shape):
                return (
                    "it is a part of an expanded tensor, so the write would show in other parts too; "
                    "clone it before the write"
                )
        if self.recording and handle.requires_grad and handle.family.is_leaf:
            what = "a view of a leaf" if handle.chain else "a leaf"
            return (
                f"{what} that requires grad cannot be written in place; write under tape.no_grad(), "
                "or declare the error with tape.expect_error"
            )
        return None

    def _check_writable(self, handle: Handle, sources: list[Handle]) -> None:
        reason = self.refusal(handle)
        if reason is not None:
            raise ProgramError(f"In-place write to '{handle.name}': {reason}.")
        for source in sources:
            if overlaps_partly(source, handle):
                raise ProgramError(
                    f"In-place write to '{handle.name}' from '{source.name}': they share some elements of one storage, "
                    "and what is read then depends on the order of the writes. Clone the source."
                )

    def _wrote(self, handle: Handle, sources: list[Handle]) -> None:
        if self.recording and any(source.requires_grad for source in sources):
            handle.family.requires_grad = True
            handle.family.is_leaf = False

    def _write(self, statement: Write) -> None:
        op = find_op(statement.op)
        if op.write is None:
            raise ProgramError(f"{op.name} has no in-place form in PyTorch.")
        target = self.handle(statement.handle)
        attributes = bound_attributes(op, len(statement.operands) + 1, statement.attributes)
        found = self._operands(op, statement.operands, first=target)
        shape, dtype = self._infer(op, found, attributes)
        if shape != target.shape:
            raise ProgramError(
                f"In-place {op.name} on '{target.name}': the result has shape {list(shape)}, "
                f"the tensor {list(target.shape)}. An in-place op cannot grow its tensor."
            )
        check_cast(dtype, target)
        sources = [item for item in found if isinstance(item, Handle)]
        self._check_writable(target, sources)
        self._wrote(target, sources)

    def _item_write(self, statement: ItemWrite) -> None:
        target = self.handle(statement.handle)
        viewed = self._view(OPS["getitem"], target, {"index": statement.index}, index_shape(target, statement.index))
        sources = [self.handle(statement.value.name)] if isinstance(statement.value, Ref) else []
        self._check_writable(viewed, sources)
        if isinstance(statement.value, Ref):
            value = self.handle(statement.value.name)
            try:
                fits = np.broadcast_shapes(value.shape, viewed.shape) == viewed.shape
            except ValueError:
                fits = False
            if not fits:
                raise ProgramError(
                    f"Item write to '{target.name}': a value of shape {list(value.shape)} does not fit "
                    f"{list(viewed.shape)}."
                )
            check_cast(value.dtype, target)
            self._wrote(target, [value])
        else:
            check_cast(number_dtype(statement.value), target)

    # -- tape words --

    def _requires_grad(self, statement: RequiresGrad) -> None:
        handle = self.handle(statement.handle)
        if handle.dtype not in FLOAT_DTYPES:
            raise ProgramError(f"requires_grad_ on '{handle.name}': only floating point tensors can require grad.")
        if not handle.is_leaf:
            if statement.flag:
                return
            raise ProgramError(
                f"requires_grad_(False) on '{handle.name}', which is not a leaf: PyTorch raises. Use detach."
            )
        if statement.flag and not handle.requires_grad and (handle.chain or handle.family.viewed):
            raise ProgramError(
                f"requires_grad_ on '{handle.name}', which is a view or has views: PyTorch leaves the other handles "
                "without history, which is not modelled. Set the flag before the view is made, or clone it first."
            )
        if not statement.flag and handle.family.used:
            raise ProgramError(
                f"requires_grad_(False) on '{handle.name}' after it was used: what the recorded graph does then is not "
                "modelled. Set the flag before the first use."
            )
        handle.family.requires_grad = statement.flag

    def _register_hook(self, statement: RegisterHook) -> None:
        handle = self.handle(statement.handle)
        check_identifier(statement.target)
        check_identifier(statement.parameter)
        if not handle.requires_grad:
            raise ProgramError(f"A hook on '{handle.name}', which does not require grad: PyTorch raises.")
        inner = Facts(float_dtype=self.float_dtype, counter=self.counter)
        cotangent = self.fresh(handle.shape, handle.dtype, creator=statement.parameter)
        inner.bind(statement.parameter, cotangent)
        for applied in statement.body:
            inner.step(applied)
        if isinstance(statement.result, Ref):
            result = inner.handle(statement.result.name)
            if (result.shape, result.dtype) != (handle.shape, handle.dtype):
                raise ProgramError(
                    f"The hook on '{handle.name}' returns {result.dtype}{list(result.shape)}; "
                    f"a cotangent of {handle.dtype}{list(handle.shape)} is needed."
                )
        elif statement.result is not None:
            raise ProgramError(f"The hook on '{handle.name}' must return a tensor or None.")
        if statement.target in self.hooks:
            raise ProgramError(f"The hook name '{statement.target}' is taken.")
        self.hooks[statement.target] = statement.handle

    def _backward(self, statement: Backward) -> None:
        root = self.handle(statement.root)
        if not root.requires_grad:
            raise ProgramError(
                f"backward from '{root.name}', which does not require grad: PyTorch raises. Give it a leaf, "
                "or declare the error with tape.expect_error."
            )
        if statement.gradient is None:
            if math.prod(root.shape) != 1:
                raise ProgramError(
                    f"backward from '{root.name}' of shape {list(root.shape)} needs gradient=: "
                    "grad can be implicitly created only for scalar outputs."
                )
        else:
            gradient = self.handle(statement.gradient)
            if (gradient.shape, gradient.dtype) != (root.shape, root.dtype):
                raise ProgramError(
                    f"backward from '{root.name}': gradient= must be {root.dtype}{list(root.shape)}, "
                    f"got {gradient.dtype}{list(gradient.shape)}."
                )
        self.stale |= self.gradients
        for handle in self.handles.values():
            if handle.requires_grad:
                self.graded.add(handle.family.number)

    def _grad(self, statement: Grad) -> None:
        source = self.handle(statement.source)
        if not source.requires_grad:
            raise ProgramError(
                f"The gradient of '{source.name}' is asked for, but it does not require grad. "
                "Make it a tape.leaf, or call requires_grad_() before it is used."
            )
        if source.family.number not in self.graded:
            raise ProgramError(f"'{source.name}.grad' is used as a tensor before any backward: it is None there.")
        gradient = self.fresh(source.shape, source.dtype, creator=statement.target)
        self.gradients.add(gradient.storage.number)
        self.bind(statement.target, gradient)

    def _read(self, statement: Read) -> None:
        handle = self.handle(statement.handle)
        if statement.other is not None:
            self.handle(statement.other)
        if (statement.what == "shares_storage") != (statement.other is not None):
            raise ProgramError("Only a shares_storage read compares two handles, and it needs both.")
        if statement.what == "grad" and statement.expected is not None and not handle.requires_grad:
            expected = statement.expected
            if expected.torch is not None or expected.jax is not None:
                raise ProgramError(
                    f"A gradient is asked of '{handle.name}', a constant: its .grad is always None. "
                    "Make it a tape.leaf, or call requires_grad_() before it is used."
                )
        if statement.expected is not None:
            check_expected(statement.expected.torch)
            check_expected(statement.expected.jax)
        self.observe(statement.name)

    def observe(self, name: str) -> None:
        check_text(name, "An observation's name")
        if name in self.observations:
            raise ProgramError(f"Two observations are named '{name}'.")
        self.observations.add(name)

    def _attempt(self, statement: Attempt) -> None:
        self.observe(statement.name)
        if statement.torch is None and statement.jax is None:
            raise ProgramError(f"'{statement.name}' is declared as an error that neither framework raises.")
        for text in (statement.torch, statement.jax):
            if text is not None:
                check_text(text, "A declared error")
        attempted = statement.attempted
        if statement.torch is None:
            self._step(attempted)
        elif isinstance(attempted, Backward):
            # PyTorch refuses; the pure reading may still have a gradient, and its names must exist.
            self.handle(attempted.root)
        else:
            self.handle(attempted.handle)


# ---- checks on names, numbers and indices ----

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")


def check_identifier(name: str) -> None:
    """Refuse a name that could not stand in printed source. Raises ProgramError."""
    if not _IDENTIFIER.match(name) or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise ProgramError(f"{name!r} is not a name: use ASCII letters, digits and underscores, and no Python keyword.")
    if name in RESERVED or name.startswith("__"):
        raise ProgramError(f"'{name}' is reserved in printed source; choose another name.")


def check_text(text: str, what: str) -> None:
    """Refuse text that is not one printable line. Raises ProgramError."""
    if not text or not text.isprintable() or len(text) > 400:
        raise ProgramError(f"{what} must be one printable line of at most 400 characters: {text[:60]!r}.")


def check_data(data: Any, dtype: str) -> None:
    """Refuse data whose numbers do not fit the dtype. Raises ProgramError."""
    if isinstance(data, list | tuple):
        for item in data:
            check_data(item, dtype)
        return
    if isinstance(data, str):
        fits = data in ("nan", "inf", "-inf") and dtype in FLOAT_DTYPES
    elif isinstance(data, bool):
        fits = dtype == "bool"
    elif isinstance(data, int):
        fits = (dtype == "int64" and -(2**63) <= data < 2**63) or dtype in FLOAT_DTYPES
    else:
        fits = isinstance(data, float) and math.isfinite(data) and dtype in FLOAT_DTYPES
    if not fits:
        raise ProgramError(f"{data!r} is not a {dtype}.")


def overlaps_partly(source: Handle, target: Handle) -> bool:
    """Whether two handles share elements without being the same elements in the same order."""
    if source.storage is not target.storage or not np.shares_memory(source.layout, target.layout):
        return False
    one, other = source.layout.__array_interface__, target.layout.__array_interface__
    same_start = one["data"][0] == other["data"][0]
    return not (same_start and source.shape == target.shape and source.layout.strides == target.layout.strides)


def number_dtype(value: Any) -> str:
    """How a bare Python number takes part in dtype promotion: it never widens a tensor of its own kind."""
    if isinstance(value, bool):
        return "python-bool"
    return "python-int" if isinstance(value, int) else "python-float"


def check_cast(dtype: str, target: Handle) -> None:
    """Refuse a write that would cut numbers off silently. Raises ProgramError."""
    rank = {"python-bool": 0, "bool": 0, "python-int": 1, "int64": 1, "python-float": 2, "float32": 2, "float64": 2}
    if rank[dtype] > rank[target.dtype]:
        raise ProgramError(
            f"A {dtype.removeprefix('python-')} is written into '{target.name}', which is {target.dtype}: "
            f"PyTorch would raise or cut it off. Cast explicitly with astype."
        )


def check_expected(value: Any) -> None:
    """Refuse a declared value that no read can have: ragged lists, or words among numbers. Raises ProgramError."""
    if isinstance(value, list | tuple):
        nested_shape(value)
        for item in value:
            if isinstance(item, str) and item not in ("nan", "inf", "-inf"):
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


def _is_index(value: Any) -> bool:
    return isinstance(value, tuple) and all(item is None or _is_int(item) or isinstance(item, Slice) for item in value)


ATTRIBUTE_KINDS: dict[str, tuple[str, Any]] = {
    "axis": ("an integer or a tuple of integers", lambda value: _is_int(value) or _are_ints(value)),
    "axes": ("a tuple of integers", _are_ints),
    "shape": ("a tuple of integers", _are_ints),
    "shift": ("an integer", _is_int),
    "k": ("an integer", _is_int),
    "indices": ("a tuple of integers", _are_ints),
    "correction": ("an integer", _is_int),
    "keepdims": ("True or False", lambda value: isinstance(value, bool)),
    "dtype": (f"one of {', '.join(DTYPES)}", lambda value: isinstance(value, str) and value in DTYPES),
    "index": ("integers, slices and None", _is_index),
    "min": ("a number", lambda value: _is_int(value) or isinstance(value, float)),
    "max": ("a number", lambda value: _is_int(value) or isinstance(value, float)),
    "negative_slope": ("a number", lambda value: isinstance(value, float)),
}
"""What the value of an attribute may be, by the attribute's name. A new name needs a line here."""


def check_attribute(op: Op, name: str, value: Any) -> None:
    wanted, fits = ATTRIBUTE_KINDS[name]
    if not fits(value):
        raise ProgramError(f"{op.name}: the attribute {name} must be {wanted}, got {value!r}.")


def index_shape(handle: Handle, index: tuple[Any, ...]) -> Shape:
    try:
        return OPS["getitem"].shape((handle.shape,), {"index": index})
    except (ValueError, IndexError) as error:
        raise ProgramError(f"Item write to '{handle.name}' of shape {list(handle.shape)}: {error}") from error


# ---- the program ----

_CASE_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recorded case: its id, its title, the float dtype it runs in, and its statements in order."""

    id: str
    title: str
    dtype: str
    statements: tuple[AnyStatement, ...]

    def checked(self) -> Program:
        """Walk the program once. Returns self. Raises ProgramError naming the statement that is wrong."""
        for _ in self.steps():
            pass
        return self

    def walk(self) -> Iterator[tuple[int, Statement, Facts]]:
        """Yield `(index, statement, facts before it)`, then check the statement. Raises ProgramError."""
        if not _CASE_ID.match(self.id) or len(self.id) > 100:
            raise ProgramError(f"{self.id!r} is not a case id: use lower-case words joined by hyphens.")
        check_text(self.title, "The title of a case")
        if self.dtype not in FLOAT_DTYPES:
            raise ProgramError(f"A program runs in one of {', '.join(FLOAT_DTYPES)}, not {self.dtype!r}.")
        facts = Facts(float_dtype=self.dtype)
        for index, statement in enumerate(self.statements):
            yield index, statement, facts
            facts.step(statement)
        if facts.modes:
            raise ProgramError(f"A {facts.modes[-1]} block is never closed.")

    def steps(self) -> Iterator[tuple[int, Statement, dict[str, Handle], Facts]]:
        """Check each statement, then yield `(index, statement, handles it used, facts after it)`."""
        last: tuple[int, Statement, dict[str, Handle], Facts] | None = None
        for index, statement, facts in self.walk():
            if last is not None:
                yield last
            handles = {name: facts.handles[name] for name in used(statement) if name in facts.handles}
            last = (index, statement, handles, facts)
        if last is not None:
            yield last

    def to_json(self) -> bytes:
        """The program as JSON. NaN and infinities are words."""
        return msgspec.json.encode(self)

    @staticmethod
    def from_json(text: bytes | str) -> Program:
        """Read and check a program. Raises ProgramError on anything that is not one."""
        try:
            program = msgspec.json.decode(text, type=Program)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise ProgramError(f"This is not a tape program: {error}") from error
        return program.checked()


assert set(get_args(ReadKind)) >= {"value", "grad"}

"""What is known of every handle at every point of a tape program: shape, dtype, storage, views and tape flags.

A walk over the statements checks each of them, so that a wrong program is refused at the statement that is wrong,
before any framework runs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

import numpy as np

from compare.checks import (
    bound_attributes,
    check_data,
    check_empty_shape,
    check_expected,
    check_identifier,
    check_member,
    check_number,
    check_text,
    find_op,
)
from compare.errors import ProgramError, RefusedError, nearest
from compare.functions import NO_PATHS, Paths, check_definition, paths_of
from compare.grad_modes import GradMode
from compare.ops import OPS, BasicIndex, Op, Shape, is_complex
from compare.ops.formulas import one_operand, one_result
from compare.statements import (
    DIFFERENTIABLE_DTYPES,
    DTYPES,
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
    EnterHook,
    EnterSavedTensorsHooks,
    ExitGradMode,
    ExitHook,
    ExitSavedTensorsHooks,
    Grad,
    ItemWrite,
    Jvp,
    Leaf,
    Number,
    Operand,
    Read,
    Ref,
    RegisterHook,
    RegisterPostAccumulateGradHook,
    RemoveHook,
    RequiresGrad,
    RetainGrad,
    SetGrad,
    SetGradMode,
    Statement,
    Step,
    Unpack,
    Warned,
    Write,
    from_number,
    nested_shape,
    used,
)

__all__ = [
    "Facts",
    "Family",
    "Handle",
    "Link",
    "Storage",
    "Version",
    "ViewStep",
    "check_cast",
    "index_shape",
    "is_item",
    "is_same",
    "number_dtype",
    "overlaps_partly",
    "same_elements",
]


SAVES_NOTHING = frozenset({"add", "subtract", "concat", "stack", "copy", "fill"})
"""Ops of several operands for which PyTorch saves none of them for backward."""

DENSE_RESULTS = frozenset({"matmul", "linear", "outer", "softmax", "log_softmax", "stack", "contiguous_clone"})
"""Ops whose result has the strides of its shape, whatever strides their operands have."""


# ---- handles ----


SAVED_TENSORS_HOOKS = "saved_tensors_hooks"
HOOK = "hook"
"""What opened a block that is no grad mode's."""


@dataclass
class Storage:
    """One allocation.

    layout: a NumPy array of the storage's shape; views of it carry shape and strides.
    known: the elements, where they are integers or booleans that the program wrote down and has not changed.
    returned: by autograd.grad, which may return an expanded tensor.
    inference: it was allocated in inference mode, and has no version counter.
    uncounted: it was computed from such tensors alone: where its counter starts depends on how the op is written.
    of_jvp: it also belongs to a tensor inside PyTorch's jvp.
    The layout of complex numbers is that of their parts, along one more axis at the end.
    """

    number: int
    layout: np.ndarray[Any, Any]
    known: np.ndarray[Any, Any] | None = None
    returned: bool = False
    inference: bool = False
    uncounted: bool = False
    of_jvp: bool = False


@dataclass
class Version:
    """A version counter: shared by a base, its views and its detached aliases; `.data` has one of its own."""

    count: int = 0


@dataclass(frozen=True)
class ViewStep:
    """One step of a view chain: the op, its attributes, and the shape and dtype it is applied to."""

    op: Op
    attributes: dict[str, Any]
    shape: Shape
    dtype: str

    @property
    def expands(self) -> bool:
        """Some elements are shown more than once."""
        assert self.op.view is not None
        shown = math.prod(self.op.shape((self.shape,), self.attributes))
        return not self.op.view.tells_parts and shown > math.prod(self.shape)

    def aliased(self, array: Any) -> Any:
        """The NumPy view that the step takes of an array. Raises ValueError where it would have to copy."""
        assert self.op.view is not None
        return self.op.view.aliased(array, self.dtype, self.attributes)


@dataclass
class Family:
    """Tensors that share history: a root and its views. A detached alias is the root of a family of its own.

    depth: the number of view steps between the storage and the root.
    leaves: the families of the leaves that a backward from here reaches.
    of_gradient: it is a gradient taken with create_graph, which has history only where its formula does.
    frozen: it was a leaf, and requires_grad was switched off.
    """

    number: int
    requires_grad: bool
    is_leaf: bool
    leaves: frozenset[int] = frozenset()
    of_gradient: bool = False
    frozen: bool = False
    depth: int = 0


@dataclass
class Link:
    """How a view hangs on the history of its root.

    has_node: PyTorch gave it a node of its own. A view of a tensor that did not require grad has none, nor has one that
        was made under no_grad: its gradient goes nowhere.
    seen: the version when that was decided. PyTorch decides again, from the root, at the first recorded use after a
        write.
    hooked: a tensor hook was registered on it.
    """

    has_node: bool
    seen: int
    hooked: bool = False


@dataclass(frozen=True)
class Handle:
    """What a name stands for at one point of a program.

    tensor: a number for the tensor object, whatever names it has had.
    shape, dtype: of the tensor. layout: a NumPy view with the tensor's shape and strides.
    chain: the views between the storage and this handle, outermost last. link: of a view; None of a root.
    viewed_without_grad: one of those views was made under no_grad.
    is_none: PyTorch has None here instead of a tensor: the gradient of an input that was not used.
    piece: one of those views is one of several that an op returned at once.
    """

    name: str
    tensor: int
    shape: Shape
    dtype: str
    storage: Storage
    family: Family
    layout: np.ndarray[Any, Any]
    version: Version
    chain: tuple[ViewStep, ...] = ()
    link: Link | None = None
    strides_known: bool = True
    viewed_without_grad: bool = False
    is_none: bool = False
    piece: bool = False

    @property
    def is_leaf(self) -> bool:
        if self.link is not None and self.requires_grad:
            return not self.link.has_node
        return self.family.is_leaf or not self.requires_grad

    @property
    def requires_grad(self) -> bool:
        return self.family.requires_grad

    @property
    def is_lost(self) -> bool:
        """Whether this is a view that requires grad and has no node: what is computed from it reaches nothing."""
        return self.link is not None and self.requires_grad and not self.link.has_node

    @property
    def leaves(self) -> frozenset[int]:
        """The families of the leaves that a backward from here reaches."""
        return frozenset() if self.is_lost else self.family.leaves

    @property
    def outdated(self) -> bool:
        """Whether this is a view whose storage was written since its link was decided."""
        return self.link is not None and self.link.seen != self.version.count

    @property
    def renewable(self) -> bool:
        """Whether PyTorch can make the node of the view anew."""
        return not self.piece and not self.viewed_without_grad

    @property
    def overlaps(self) -> bool:
        """Two elements of the tensor are one element of the storage (after an expand)."""
        strides = self.layout.strides[: len(self.shape)]
        return any(stride == 0 and size > 1 for stride, size in zip(strides, self.shape, strict=True))

    @property
    def in_order(self) -> bool:
        """Elements lie in the order of their indices, with gaps or without: a result computed from them is dense."""
        strides = self.layout.strides[: len(self.shape)]
        sizes = [(stride, size) for stride, size in zip(strides, self.shape, strict=True) if size > 1]
        return all(
            inner > 0 and outer >= inner * size for (outer, _), (inner, size) in itertools.pairwise(sizes)
        ) and all(stride > 0 for stride, _ in sizes)

    @property
    def conjugated(self) -> bool:
        """The tensor reads the imaginary parts of its storage with the other sign."""
        return sum(step.op.name == "conj" for step in self.chain) % 2 == 1

    @property
    def known(self) -> np.ndarray[Any, Any] | None:
        """The elements, where the program knows them."""
        found = self.storage.known
        for step in self.chain if found is not None else ():
            found = step.aliased(found)
        return found


@dataclass
class Facts:
    """The state of a walk: names to handles, grad modes, live hooks, names of the observations so far.

    modes: that outside of all blocks, then that inside each open one.

    leaves: the newest handle of every leaf, by family. slots: the tensor that `.grad` of a leaf holds, by family.
    retained: for every tensor that retains its gradient, the leaves that this gradient's own history reaches.
    retained_slots: the tensor that its `.grad` holds. watched: tensors that ever carried a hook or retained a gradient.
    abandoned: tensors that are refused, with the reason. leaf_views: views of constants that were made leaves.
    leaf_hooks: the live hooks that run after `.grad` of a leaf was added to, each with the leaf's family, in order.
    made: for every result of an op out of place, by tensor, its operand where the op is one node with one operand.
    aliases: by storage, every family that was ever bound outside of those hooks, each with its first name.
    due: what those do that the latest statement has to run. outer: the names outside of the hook that runs.
    functions: by name. origins: for a result of a call, by tensor, the places of the inputs that its history goes to;
    those of a jvp's tangents count on behind its inputs.
    """

    handles: dict[str, Handle] = field(default_factory=dict)
    float_dtype: str = "float64"
    modes: list[GradMode] = field(default_factory=lambda: [GradMode()])
    hooks: set[str] = field(default_factory=set)
    hook_names: set[str] = field(default_factory=set)
    leaves: dict[int, Handle] = field(default_factory=dict)
    slots: dict[int, Handle] = field(default_factory=dict)
    retained: dict[int, frozenset[int]] = field(default_factory=dict)
    retained_slots: dict[int, Handle] = field(default_factory=dict)
    watched: set[int] = field(default_factory=set)
    abandoned: dict[int, str] = field(default_factory=dict)
    leaf_views: set[int] = field(default_factory=set)
    observations: set[str] = field(default_factory=set)
    functions: dict[str, DefineFunction] = field(default_factory=dict)
    origins: dict[int, frozenset[int]] = field(default_factory=dict)
    leaf_hooks: dict[str, tuple[int, RegisterPostAccumulateGradHook]] = field(default_factory=dict)
    made: dict[int, Handle | None] = field(default_factory=dict)
    aliases: dict[int, dict[int, str]] = field(default_factory=dict)
    due: list[Step] = field(default_factory=list)
    outer: dict[str, Handle] = field(default_factory=dict)
    counter: Iterator[int] = field(default_factory=itertools.count)

    @property
    def recording(self) -> bool:
        """Whether PyTorch records history here."""
        return self.modes[-1].recording

    @property
    def blocks(self) -> list[GradMode]:
        """The grad-mode blocks that are open, innermost last."""
        return self.modes[1:]

    # -- looking up --

    def handle(self, name: str, *, history: bool = True) -> Handle:
        """The handle of a name. `history`: PyTorch looks at its history here, and not at its elements only."""
        if name not in self.handles:
            raise ProgramError(f"'{name}' is used before it is bound.{nearest(name, self.handles)}")
        found = self.handles[name]
        if found.tensor in self.abandoned:
            raise ProgramError(f"'{name}' is {self.abandoned[found.tensor]}")
        if history and self.recording:
            self._check_renewable(found)
        return found

    def _check_renewable(self, handle: Handle) -> None:
        if handle.outdated and handle.requires_grad and not handle.renewable:
            made = "with others by one op" if handle.piece else "under no_grad"
            raise RefusedError(
                f"'{handle.name}' is a view that was made {made}, and its base has been written since: PyTorch cannot "
                "rebuild its history and raises. Take the view again, or use an index instead."
            )

    def _touch(self, handle: Handle) -> None:
        """What PyTorch does when it needs the node of a tensor: that of an outdated view is made anew."""
        if handle.link is not None and handle.outdated and handle.requires_grad:
            self._check_renewable(handle)
            handle.link.has_node, handle.link.seen = True, handle.version.count

    def _abandon(self, family: Family, reason: str, *, keeping: Handle) -> None:
        """From here on, refuse the other handles of a family."""
        for other in (*self.handles.values(), *self.outer.values()):
            if other.family is family and other.tensor != keeping.tensor:
                self.abandoned[other.tensor] = reason

    def tensor(self, name: str, *, history: bool = True) -> Handle:
        """The handle of a name that is used as a tensor. Raises ProgramError where PyTorch has None."""
        found = self.handle(name, history=history)
        if found.is_none:
            raise ProgramError(
                f"'{name}' is used as a tensor, but it is None in PyTorch: the gradient of an input that was not used. "
                "Ask for it with materialize_grads=True, or leave it out."
            )
        return found

    def _operands(self, op: Op, operands: tuple[Operand, ...], *, first: Handle | None = None) -> list[Handle | Number]:
        found: list[Handle | Number] = [] if first is None else [first]
        found += [self.tensor(operand.name) if isinstance(operand, Ref) else operand for operand in operands]
        tensors = [item for item in found if isinstance(item, Handle)]
        if not tensors:
            raise ProgramError(f"{op.name} needs a tensor operand; make the number a tape.constant.")
        if not op.scalars and len(tensors) != len(found):
            raise ProgramError(f"{op.name} takes tensors only; make the number a tape.constant.")
        for item in found:
            check_number(item)
        return found

    # -- one step --

    def check(self, statement: Apply) -> None:
        """Check an op without taking its effect. Raises ProgramError."""
        self._apply(statement)

    def step(self, statement: Statement) -> None:
        """Check one statement and take its effect on the handles. Raises ProgramError."""
        try:
            self._step(statement)
        except ProgramError as error:
            if not error.line:
                error.line = statement.line
            raise

    def steps(self, statement: Step) -> Iterator[tuple[Step, dict[str, Handle]]]:
        """Take a statement, and what hooks on leaves do behind it: each one, and the handles that it used."""
        ahead = [statement]
        while ahead:
            one = ahead.pop(0)
            handles = {name: self.handles[name] for name in used(one) if name in self.handles}
            self.step(one)
            yield one, handles
            ahead, self.due = [*self.due, *ahead], []

    def _step(self, statement: Statement) -> None:
        match statement:
            case Leaf() | Constant():
                self._tensor(statement)
            case Apply():
                self._bind_result(statement, self._apply(statement))
            case Unpack():
                self._unpack(statement)
            case Write():
                self._write(statement)
            case ItemWrite():
                self._item_write(statement)
            case Detach() | Data():
                source = self.tensor(statement.source, history=False)
                family = Family(next(self.counter), requires_grad=False, is_leaf=True, depth=len(source.chain))
                version = source.version if isinstance(statement, Detach) else Version()
                alias = replace(source, tensor=next(self.counter), family=family, version=version, link=None)
                self.bind(statement.target, replace(alias, viewed_without_grad=False, piece=False))
            case DetachInPlace():
                self._detach_in_place(statement)
            case AssignData():
                self._assign_data(statement)
            case RequiresGrad():
                self._requires_grad(statement)
            case EnterGradMode():
                self.modes.append(self.modes[-1].entered(statement))
            case ExitGradMode():
                if not self.blocks or self.modes[-1].block in (SAVED_TENSORS_HOOKS, HOOK):
                    raise ProgramError(
                        "A grad-mode block is closed that was never opened, or is not the innermost one."
                    )
                self.modes.pop()
            case EnterSavedTensorsHooks():
                self.modes.append(self.modes[-1].within(SAVED_TENSORS_HOOKS))
            case ExitSavedTensorsHooks():
                if self.modes[-1].block != SAVED_TENSORS_HOOKS:
                    raise ProgramError(
                        "A saved_tensors_hooks block is closed that was never opened, or is not the innermost one."
                    )
                self.modes.pop()
            case SetGradMode():
                if self.modes[-1].block == SAVED_TENSORS_HOOKS:
                    raise ProgramError(
                        "set_grad_enabled on a line of a saved_tensors_hooks block outlasts the block, which is not "
                        "modelled. Use it as a block of its own."
                    )
                self.modes[-1] = self.modes[-1].switched(statement.flag)
            case RetainGrad():
                self._retain_grad(statement)
            case RegisterHook():
                self._register_hook(statement)
            case RegisterPostAccumulateGradHook():
                self._register_on_leaf(statement)
            case EnterHook():
                self._enter_hook(statement.registered)
            case ExitHook():
                self._exit_hook()
            case RemoveHook():
                if statement.hook not in self.hooks:
                    raise ProgramError(f"'{statement.hook}' is not a live hook.{nearest(statement.hook, self.hooks)}")
                self.hooks.remove(statement.hook)
                self.leaf_hooks.pop(statement.hook, None)
            case DefineFunction():
                self._define_function(statement)
            case CallFunction():
                self._call_function(statement)
            case Jvp():
                self._jvp(statement)
            case Backward():
                self._backward(statement)
            case AutogradGrad():
                self._autograd_grad(statement)
            case Grad():
                self._grad(statement)
            case SetGrad():
                self._set_grad(statement)
            case Read():
                self._read(statement)
            case Attempt():
                self._attempt(statement)
            case Warned():
                check_text(statement.warning, "A declared warning")
                self.observe(statement.name)
            case _:
                raise ProgramError(f"Unknown statement {type(statement).__name__}.")

    def _bind_result(self, statement: Apply, handle: Handle) -> None:
        op = find_op(statement.op)
        if handle.link is None and not handle.is_leaf and one_result(op):
            place = one_operand(op, statement.operands)
            operand = None if place is None else statement.operands[place]
            self.made[handle.tensor] = self.handles[operand.name] if isinstance(operand, Ref) else None
        self.bind(statement.target, handle)

    def bind(self, name: str, handle: Handle) -> None:
        check_identifier(name)
        if name in self.functions:
            raise ProgramError(f"'{name}' is the name of a function; choose another name for the tensor.")
        self.handles[name] = replace(handle, name=name)
        if self.modes[-1].block != HOOK:
            self.aliases.setdefault(handle.storage.number, {}).setdefault(handle.family.number, name)

    def fresh(
        self,
        shape: Shape,
        dtype: str,
        *,
        creator: str,
        requires_grad: bool = False,
        is_leaf: bool = True,
        leaves: frozenset[int] = frozenset(),
    ) -> Handle:
        """A handle that sees the whole of a new storage."""
        layout = np.empty((*shape, 2) if is_complex(dtype) else shape, np.int8)
        storage = Storage(next(self.counter), layout, inference=self.modes[-1].inference)
        family = Family(next(self.counter), requires_grad, is_leaf, leaves)
        return Handle(creator, next(self.counter), shape, dtype, storage, family, layout, Version())

    def _tensor(self, statement: Leaf | Constant) -> None:
        if statement.dtype not in DTYPES:
            raise ProgramError(f"Unknown dtype {statement.dtype!r}. Dtypes: {', '.join(DTYPES)}.")
        tracked = isinstance(statement, Leaf)
        if isinstance(statement, Leaf) and statement.member is not None:
            check_member(statement.member)
        if tracked:
            self._outside_inference_mode("A leaf made")
        if tracked and statement.dtype not in DIFFERENTIABLE_DTYPES:
            raise ProgramError(
                f"'{statement.target}' is a leaf of dtype {statement.dtype}: only floating point and complex tensors "
                "can require grad. Write the data with a decimal point, or make it a tape.constant."
            )
        check_data(statement.data, statement.dtype)
        shape = nested_shape(statement.data)
        if statement.shape is not None:
            check_empty_shape(statement.shape, shape)
            shape = statement.shape
        handle = self.fresh(shape, statement.dtype, requires_grad=tracked, is_leaf=True, creator=statement.target)
        if tracked:
            self._becomes_leaf(handle)
        if statement.dtype in ("int64", "bool"):
            handle.storage.known = np.array(statement.data, dtype=statement.dtype).reshape(shape)
        self.bind(statement.target, handle)

    def _becomes_leaf(self, handle: Handle) -> None:
        handle.family.leaves = frozenset({handle.family.number})
        self.leaves[handle.family.number] = handle

    def _infer(self, op: Op, found: list[Handle | Number], attributes: dict[str, Any]) -> tuple[Shape, str]:
        shapes = tuple(item.shape if isinstance(item, Handle) else () for item in found)
        default = self.float_dtype
        dtypes = tuple(item.dtype if isinstance(item, Handle) else number_dtype(item) for item in found)
        positions = [item for item in op.index_operands(found) if isinstance(item, Handle)]
        if positions and "mask" not in op.operand_names:
            self._check_counted(op, positions)
            attributes = {**attributes, "known": tuple(item.known for item in positions)}
        try:
            return op.shape(shapes, attributes), op.result_dtype(dtypes, default, attributes)
        except (ValueError, IndexError, TypeError) as error:
            described = ", ".join(
                f"{item.name}: {item.dtype}{list(item.shape)}" for item in found if isinstance(item, Handle)
            )
            raise ProgramError(f"{op.name}({described}): {error}") from error

    def _check_counted(self, op: Op, positions: list[Handle]) -> None:
        for item in positions:
            if item.dtype == "bool" and item.known is None:
                raise ProgramError(
                    f"{op.name}: how many elements the mask '{item.name}' names depends on values, and a shape may not "
                    "where JAX compiles. Write where(mask, x, 0) to compute with every element, or make the mask a "
                    "tape.constant."
                )

    def _unpack(self, statement: Unpack) -> None:
        op = find_op(statement.op)
        if op.view is None or op.view.pieces is None:
            raise ProgramError(f"{op.name} does not return several views at once.")
        source = self.tensor(statement.source)
        attributes = bound_attributes(op, 1, {**statement.attributes, "position": 0})
        try:
            count = op.view.pieces(source.shape, attributes)
        except ValueError as error:
            raise ProgramError(f"{op.name}({source.name}: {source.dtype}{list(source.shape)}): {error}") from error
        if len(statement.targets) != count:
            raise ProgramError(f"{op.name} of '{source.name}' returns {count} views, not {len(statement.targets)}.")
        if count == 0:
            raise ProgramError(f"{op.name} of '{source.name}' of shape {list(source.shape)} returns nothing.")
        for piece in statement.pieces:
            self.bind(piece.target, self._apply(piece))

    def _apply(self, statement: Apply) -> Handle:
        op = find_op(statement.op)
        if op.torch is None:
            raise ProgramError(f"{op.name} has no out-of-place form in PyTorch; clone the tensor, then write into it.")
        attributes = bound_attributes(op, len(statement.operands), statement.attributes)
        found = self._operands(op, statement.operands)
        shape, dtype = self._infer(op, found, attributes)
        tensors = [item for item in found if isinstance(item, Handle)]
        if op.view is not None:
            return self._view(op, tensors[0], attributes, shape, dtype)
        carrying = [
            item
            for name, item in zip_longest(op.operand_names, found)
            if isinstance(item, Handle) and name not in op.without_history
        ]
        tracked = self.recording and dtype in DIFFERENTIABLE_DTYPES and any(item.requires_grad for item in carrying)
        if tracked:
            self._check_savable(op, tensors)
            for item in tensors:
                self._touch(item)
        leaves = frozenset[int]().union(*(item.leaves for item in carrying)) if tracked else frozenset[int]()
        handle = self.fresh(
            shape, dtype, requires_grad=tracked, is_leaf=not tracked, leaves=leaves, creator=statement.target
        )
        handle.storage.uncounted = all(item.storage.inference for item in tensors)
        # A dense result with one axis at most has one layout only, whatever its operands had.
        one_axis = sum(size > 1 for size in shape) <= 1
        dense = one_axis or op.name in DENSE_RESULTS
        known = dense or all(item.strides_known and item.in_order for item in tensors)
        return replace(handle, strides_known=known)

    def _check_savable(self, op: Op, operands: list[Handle]) -> None:
        """Refuse what PyTorch refuses, or may refuse: to save a tensor made in inference mode for backward."""
        saved = operands[:1] if op.name == "where" else [] if op.name in SAVES_NOTHING else operands
        for one in saved:
            if one.storage.inference:
                raise RefusedError(
                    f"{op.name} of '{one.name}', which was made in inference mode, with a tensor that requires grad: "
                    "PyTorch raises where it saves such a tensor for backward. Clone it outside of the block first, "
                    "or declare the error with tape.expect_error."
                )

    def _outside_inference_mode(self, what: str) -> None:
        if self.modes[-1].inference:
            raise ProgramError(f"{what} in inference mode is not modelled. Move it out of the block.")

    def _view(self, op: Op, base: Handle, attributes: dict[str, Any], shape: Shape, dtype: str) -> Handle:
        step = ViewStep(op, attributes, base.shape, base.dtype)
        _check_parts(op, base)
        assert op.view is not None
        if op.view.otherwise is not None and not base.strides_known:
            raise ProgramError(
                f"{op.name} of '{base.name}': whether PyTorch makes a view depends on strides that the program does "
                "not fix. Clone the operand of the transpose, or reshape before it."
            )
        try:
            layout = step.aliased(base.layout)
        except ValueError as error:
            if op.view.otherwise == "copy":
                tracked = self.recording and base.requires_grad
                if tracked:
                    self._touch(base)
                leaves = base.leaves if tracked else frozenset()
                return self.fresh(
                    shape, base.dtype, requires_grad=tracked, is_leaf=not tracked, leaves=leaves, creator=base.name
                )
            raise RefusedError(
                f"{op.name} of '{base.name}': its strides allow no view of that shape, and PyTorch raises. Use "
                "reshape, which copies then."
            ) from error
        if base.tensor in self.leaf_views:
            raise ProgramError(
                f"A view of '{base.name}', a view that was made a leaf by requires_grad_: which of the two a gradient "
                "reaches after a write is not modelled. Clone or detach it before requires_grad_."
            )
        if self.recording:
            self._touch(base)
        return replace(
            base,
            tensor=next(self.counter),
            shape=shape,
            dtype=dtype,
            layout=layout,
            chain=(*base.chain, step),
            link=Link(self.recording and base.requires_grad, base.version.count),
            viewed_without_grad=base.viewed_without_grad or not self.recording,
            piece=base.piece or (self.recording and op.view.pieces is not None),
        )

    # -- writes --

    def refusal(self, handle: Handle) -> str | None:
        """Why an in-place write through `handle` is refused here, or None."""
        if handle.storage.inference and not self.modes[-1].inference:
            return (
                "an in-place update of a tensor made in inference mode is not allowed outside of it; clone it first, "
                "or declare the error with tape.expect_error"
            )
        if any(handle.storage is slot.storage for slot in self.retained_slots.values()):
            return "it is the gradient that a non-leaf retains; compute a new tensor from it"
        if handle.storage.returned:
            return "a tensor that autograd.grad returned may be an expanded one; clone it before the write"
        if handle.storage.of_jvp:
            return "it comes from a jvp, where it is a view of a tensor inside PyTorch; clone it before the write"
        if handle.overlaps:
            return (
                "more than one element of the written-to tensor refers to a single memory location (it was expanded); "
                "clone it before the write"
            )
        for step in handle.chain:
            if step.expands:
                return (
                    "it is a part of an expanded tensor, so the write would show in other parts too; "
                    "clone it before the write"
                )
        if self.recording and handle.requires_grad and handle.family.is_leaf:
            what = "a leaf" if handle.link is None else "a view of a leaf"
            return (
                f"{what} that requires grad cannot be written in place; write under tape.no_grad(), "
                "or declare the error with tape.expect_error"
            )
        return None

    def _check_writable(self, handle: Handle, sources: list[Handle]) -> None:
        reason = self.refusal(handle)
        if reason is not None:
            raise ProgramError(f"In-place write to '{handle.name}': {reason}.")
        tracked = self.recording and any(one.requires_grad for one in (handle, *sources))
        if handle.piece and tracked:
            raise ProgramError(
                f"In-place write to '{handle.name}': it is one of several views that an op returned at once, and "
                "PyTorch forbids a recorded write through it. Write through an index instead, or declare the error "
                "with tape.expect_error."
            )
        if handle.viewed_without_grad and tracked:
            raise ProgramError(
                f"In-place write to '{handle.name}': it is a view made under no_grad, and PyTorch forbids a recorded "
                "write through it. Make the view and the write both inside the block, or both outside."
            )
        for source in sources:
            if overlaps_partly(source, handle):
                raise ProgramError(
                    f"In-place write to '{handle.name}' from '{source.name}': they share some elements of one storage, "
                    "and what is read then depends on the order of the writes. Clone the source."
                )

    def _wrote(self, handle: Handle, sources: list[Handle], *, item: bool = False) -> None:
        """Take the effect of a write to a tensor, or to an item of it."""
        family = handle.family
        handle.storage.known = None
        if not self.recording or not any(one.requires_grad for one in (handle, *sources)):
            handle.version.count += 1
            return
        if family.frozen:
            raise ProgramError(
                f"A recorded write to '{handle.name}', a leaf whose requires_grad was switched off: PyTorch refuses "
                "every later backward that reaches the leaf. Clone it before the write."
            )
        for one in (handle, *sources):
            self._touch(one)
        handle.version.count += 1
        family.requires_grad, family.is_leaf = True, False
        family.leaves = family.leaves.union(*(source.leaves for source in sources))
        self._abandon_leaf_views(handle.storage)
        if handle.link is not None and not item:
            handle.link.has_node, handle.link.seen, handle.link.hooked = True, handle.version.count, False

    def _abandon_leaf_views(self, storage: Storage) -> None:
        for other in self.handles.values():
            if other.tensor in self.leaf_views and other.storage is storage:
                self.abandoned[other.tensor] = (
                    "a view that was made a leaf by requires_grad_, and its base requires grad since: whether it still "
                    "is a leaf is not modelled. Clone or detach it before requires_grad_."
                )

    def _write(self, statement: Write) -> None:
        op = find_op(statement.op)
        if op.write is None:
            raise ProgramError(f"{op.name} has no in-place form in PyTorch.")
        target = self.tensor(statement.handle)
        attributes = bound_attributes(op, len(statement.operands) + 1, statement.attributes)
        found = self._operands(op, statement.operands, first=target)
        shape, dtype = self._infer(op, found, attributes)
        if shape != target.shape:
            raise ProgramError(
                f"In-place {op.name} on '{target.name}': the result has shape {list(shape)}, "
                f"the tensor {list(target.shape)}. An in-place op cannot grow its tensor."
            )
        check_cast(dtype, target)
        if is_complex(target.dtype) and not is_complex(dtype):
            raise ProgramError(f"In-place {op.name} on '{target.name}': the result is real, and the tensor complex.")
        sources = [item for item in found if isinstance(item, Handle)]
        self._check_writable(target, sources)
        if self.recording and any(source.requires_grad for source in sources):
            self._check_savable(op, sources)
        if op.indexes:
            for source in sources[1:]:
                if source.storage is target.storage and np.shares_memory(source.layout, target.layout):
                    raise ProgramError(
                        f"In-place {op.name} on '{target.name}' from '{source.name}': they share elements of one "
                        "storage, which PyTorch refuses. Clone the source."
                    )
        self._wrote(target, sources[1:])

    def _item_write(self, statement: ItemWrite) -> None:
        target = self.tensor(statement.handle)
        shape = index_shape(target, statement.index)
        step = ViewStep(OPS["getitem"], {"index": statement.index}, target.shape, target.dtype)
        viewed = replace(
            target, shape=shape, layout=step.aliased(target.layout), chain=(*target.chain, step), link=Link(False, 0)
        )
        sources = [self.tensor(statement.value.name)] if isinstance(statement.value, Ref) else []
        self._check_writable(viewed, sources)
        if isinstance(statement.value, Ref):
            value = self.tensor(statement.value.name)
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
            mixed = is_complex(target.dtype) and not is_complex(value.dtype)
            if self.recording and value.requires_grad and mixed and value.shape != viewed.shape:
                raise ProgramError(
                    f"Item write to '{target.name}', which is complex, of '{value.name}', which is real, requires grad "
                    "and fills several elements: PyTorch fails in the backward pass. Cast it with astype."
                )
        else:
            check_number(statement.value)
            check_cast(number_dtype(statement.value), target)
        self._wrote(target, sources, item=True)

    # -- tape words --

    def _requires_grad(self, statement: RequiresGrad) -> None:
        handle = self.handle(statement.handle)
        if statement.member is not None:
            check_member(statement.member)
        self._outside_inference_mode("requires_grad_")
        if statement.flag and handle.storage.inference:
            raise ProgramError(
                f"requires_grad_ on '{handle.name}', which was made in inference mode: PyTorch raises. Clone it first, "
                "or declare the error with tape.expect_error."
            )
        if statement.flag and handle.dtype not in DIFFERENTIABLE_DTYPES:
            raise ProgramError(
                f"requires_grad_ on '{handle.name}': only floating point and complex tensors can require grad."
            )
        if handle.family.of_gradient:
            raise ProgramError(
                f"requires_grad_ on '{handle.name}', a gradient taken with create_graph: whether that is a leaf "
                "depends on the formula of the gradient. Detach it first."
            )
        self._check_not_lost(handle, "requires_grad_")
        if statement.flag and not handle.requires_grad:
            self._switch_on(handle)
        elif not statement.flag and handle.requires_grad:
            if not handle.is_leaf:
                raise ProgramError(
                    f"requires_grad_(False) on '{handle.name}', which is not a leaf: PyTorch raises. Use detach."
                )
            self._cut(handle, "requires_grad_(False)")

    def _check_not_lost(self, handle: Handle, word: str) -> None:
        if handle.is_lost:
            raise ProgramError(
                f"{word} on '{handle.name}', a view made before its base required grad, or under no_grad: it has no "
                "node, and what PyTorch does then is not modelled. Make the view afterwards, or detach it."
            )

    def _switch_on(self, handle: Handle) -> None:
        if handle.tensor in self.watched:
            raise ProgramError(
                f"requires_grad_ on '{handle.name}', which was detached in place and has hooks or retains its "
                "gradient: PyTorch keeps those for the new leaf. Use detach, which makes another tensor."
            )
        if handle.overlaps or any(step.expands for step in handle.chain):
            raise ProgramError(
                f"requires_grad_ on '{handle.name}', an expanded tensor: a leaf whose elements share memory is not "
                "modelled. Clone it first."
            )
        self._abandon_leaf_views(handle.storage)
        if handle.link is not None:
            # A view of a constant becomes a leaf by itself; its base stays a constant.
            family = Family(next(self.counter), requires_grad=False, is_leaf=True, depth=len(handle.chain))
            handle = replace(handle, family=family, link=None, viewed_without_grad=False)
            self.handles[handle.name] = handle
            self.leaf_views.add(handle.tensor)
        handle.family.requires_grad, handle.family.frozen = True, False
        self._becomes_leaf(handle)

    def _cut(self, handle: Handle, word: str) -> None:
        """From here on the tensor does not require grad; what was recorded of it stays."""
        family = handle.family
        family.frozen = family.is_leaf
        family.requires_grad, family.is_leaf, family.leaves = False, True, frozenset()
        self._abandon(
            family,
            f"a view made before {word} on '{handle.name}': its own history goes on until the next write, which is not "
            "modelled. Make the view afterwards.",
            keeping=handle,
        )

    def _detach_in_place(self, statement: DetachInPlace) -> None:
        handle = self.tensor(statement.handle)
        self._outside_inference_mode("detach_")
        if handle.link is not None or handle.storage.of_jvp:
            raise ProgramError(
                f"detach_ on '{handle.name}', which is a view: PyTorch raises. Use detach, or declare the error with "
                "tape.expect_error."
            )
        if handle.family.of_gradient:
            raise ProgramError(f"detach_ on '{handle.name}', a gradient taken with create_graph. Use detach.")
        if handle.requires_grad:
            self._cut(handle, "detach_")

    def _assign_data(self, statement: AssignData) -> None:
        handle, source = self.tensor(statement.handle), self.tensor(statement.source, history=False)
        self._outside_inference_mode("Assigning .data")
        what = f"Assigning '{handle.name}.data'"
        if handle.tensor == source.tensor:
            return
        if handle.storage.of_jvp:
            raise ProgramError(f"{what}: it comes from a jvp, where it is a view of a tensor inside PyTorch. Clone it.")
        if (source.shape, source.dtype) != (handle.shape, handle.dtype):
            raise ProgramError(
                f"{what}: '{source.name}' is {source.dtype}{list(source.shape)}, the tensor {handle.dtype}"
                f"{list(handle.shape)}. PyTorch would give it another shape or dtype, and its gradient with it, "
                "which is not modelled."
            )
        if handle.link is not None:
            raise ProgramError(
                f"{what}, which is a view: it would leave its base without a word, which is not modelled. Assign to "
                "the base, or write into the view."
            )
        if source.storage.inference or handle.storage.inference:
            raise ProgramError(f"{what}: one of the two was made in inference mode. Clone it first.")
        if source.overlaps or any(step.expands for step in source.chain):
            raise ProgramError(f"{what}: '{source.name}' is an expanded tensor. Clone it first.")
        if any(slot.tensor == handle.tensor for slot in (*self.slots.values(), *self.retained_slots.values())):
            raise ProgramError(f"{what}, a tensor that a .grad slot holds. Assign .grad instead.")
        self._abandon(
            handle.family,
            f"a view made before '{handle.name}.data' was assigned: it shows the old storage, while a write to its "
            "base goes to the new one, which is not modelled. Make the view afterwards.",
            keeping=handle,
        )
        handle.family.depth = len(source.chain)
        shared = {"storage": source.storage, "layout": source.layout, "chain": source.chain}
        handle = replace(handle, **shared, strides_known=source.strides_known)  # type: ignore[arg-type]
        self.handles[statement.handle] = handle
        if handle.family.number in self.leaves:
            self.leaves[handle.family.number] = handle

    def _retain_grad(self, statement: RetainGrad) -> None:
        handle = self.tensor(statement.handle)
        if not handle.requires_grad:
            raise ProgramError(f"retain_grad on '{handle.name}', which does not require grad: PyTorch raises.")
        self._touch(handle)
        self._check_not_lost(handle, "retain_grad")
        if not handle.is_leaf:
            self.watched.add(handle.tensor)
            self.retained.setdefault(handle.tensor, frozenset())

    def _register_hook(self, statement: RegisterHook) -> None:
        handle = self.handle(statement.handle)
        check_identifier(statement.target)
        check_identifier(statement.parameter)
        if not handle.requires_grad:
            raise ProgramError(f"A hook on '{handle.name}', which does not require grad: PyTorch raises.")
        edited = handle
        if statement.place == "tensor":
            self._check_hookable(handle)
            self.watched.add(handle.tensor)
        else:
            edited = self._hooked_at_node(handle, statement.place)
        inner = Facts(float_dtype=self.float_dtype, counter=self.counter)
        cotangent = self.fresh(edited.shape, edited.dtype, creator=statement.parameter)
        inner.bind(statement.parameter, cotangent)
        for applied in statement.body:
            inner.step(applied)
        if isinstance(statement.result, Ref):
            result = inner.handle(statement.result.name)
            if (result.shape, result.dtype) != (edited.shape, edited.dtype):
                raise ProgramError(
                    f"The hook on '{handle.name}' returns {result.dtype}{list(result.shape)}; "
                    f"a cotangent of {edited.dtype}{list(edited.shape)} is needed."
                )
        elif statement.result is not None:
            raise ProgramError(f"The hook on '{handle.name}' must return a tensor or None.")
        self._name_hook(statement.target)

    def _hooked_at_node(self, handle: Handle, place: str) -> Handle:
        """What a hook on the node of a tensor edits: its gradient, or that of the one operand."""
        where = f"A hook on the node of '{handle.name}'"
        if handle.is_leaf:
            raise ProgramError(f"{where}, which is a leaf: its grad_fn is None. Use register_hook of the tensor.")
        if handle.tensor not in self.made:
            raise ProgramError(
                f"{where}: only the result of an op out of place, which is no view, has a node that is modelled. Use "
                "register_hook of the tensor."
            )
        if handle.version.count:
            raise ProgramError(f"{where}, which was written since: its node is that of the write. Register it before.")
        if place == "before":
            return handle
        operand = self.made[handle.tensor]
        if operand is None:
            raise ProgramError(
                f"{where} that edits what the node gives: the op has several tensor operands, or is several nodes in "
                "PyTorch. Use register_hook of the operand, or register_prehook."
            )
        return operand

    def _name_hook(self, name: str) -> None:
        if name in self.hook_names:
            raise ProgramError(f"The hook name '{name}' is taken.")
        self.hook_names.add(name)
        self.hooks.add(name)

    # -- hooks that run after `.grad` was added to --

    def _register_on_leaf(self, statement: RegisterPostAccumulateGradHook) -> None:
        handle = self.handle(statement.handle)
        check_identifier(statement.target)
        self._outside_inference_mode("A hook on a leaf")
        if not handle.requires_grad:
            raise ProgramError(f"A hook on '{handle.name}', which does not require grad: PyTorch raises.")
        if not handle.is_leaf or handle.link is not None:
            raise ProgramError(
                f"A post-accumulate-grad hook on '{handle.name}', which is no leaf: PyTorch raises. Put it on a leaf, "
                "or declare the error with tape.expect_error."
            )
        self._try_on_leaf(statement, handle)
        self.watched.add(handle.tensor)
        self._name_hook(statement.target)
        self.leaf_hooks[statement.target] = (handle.family.number, statement)

    def _try_on_leaf(self, statement: RegisterPostAccumulateGradHook, leaf: Handle) -> None:
        """Walk a hook on a leaf and a gradient of its own, so that what is wrong is told where it is registered."""
        inner = Facts(float_dtype=self.float_dtype, counter=self.counter)
        own = inner.fresh(leaf.shape, leaf.dtype, creator=leaf.name, requires_grad=True)
        inner._becomes_leaf(own)
        inner.slots[own.family.number] = inner.fresh(leaf.shape, leaf.dtype, creator=f"{leaf.name}_grad")
        inner.leaf_hooks[statement.target] = (own.family.number, statement)
        inner.step(EnterHook(registered=statement))
        for one in statement.body:
            if isinstance(one, EnterGradMode) and one.mode != "no_grad":
                reason = f"The hook on '{leaf.name}' opens a block of {one.mode}. Only no_grad is modelled there."
                raise ProgramError(reason, line=one.line)
            inner.step(one)
        if inner.modes[-1].block != HOOK:
            raise ProgramError(f"The hook on '{leaf.name}' leaves a {inner.modes[-1].block} block open.")

    def _enter_hook(self, statement: RegisterPostAccumulateGradHook) -> None:
        family, _ = self.leaf_hooks[statement.target]
        self.outer, self.handles = self.handles, {}
        self.modes.append(GradMode(HOOK, enabled=False))
        check_identifier(statement.parameter)
        self.handles[statement.parameter] = self.leaves[family]

    def _exit_hook(self) -> None:
        self.modes.pop()
        self.handles, self.outer = self.outer, {}
        for name, handle in self.handles.items():
            # An assignment of .data gave the leaf another storage.
            leaf = self.leaves.get(handle.family.number)
            if leaf is not None and leaf.tensor == handle.tensor:
                self.handles[name] = replace(leaf, name=handle.name)

    def _run_on_leaves(self, families: Sequence[int], create_graph: bool) -> None:
        """The hooks that a backward runs, which reaches the leaves of these families.

        PyTorch runs each as soon as its leaf has the gradient. Behind the backward they do the same, as long as no two
        leaves share memory. Raises ProgramError where they do.
        """
        for family, statement in self.leaf_hooks.values():
            if family not in families:
                continue
            leaf = self.leaves[family]
            where = f"The hook '{statement.target}' on '{leaf.name}'"
            if not leaf.requires_grad:
                raise ProgramError(
                    f"{where} runs in a backward that adds nothing to its .grad, because requires_grad is off: which "
                    "gradient it meets is not modelled. Remove the hook first."
                )
            if create_graph:
                raise ProgramError(
                    f"{where} runs in a backward with create_graph, where PyTorch records what it does. That is not "
                    "modelled. Take the gradient with tape.grad, or remove the hook first."
                )
            writes = any(isinstance(one, Write | ItemWrite | AssignData) for one in statement.body)
            self._check_alone(leaf, where, writes)
            self.due += [EnterHook(registered=statement, line=statement.line), *statement.body, ExitHook()]

    def _check_alone(self, leaf: Handle, where: str, writes: bool) -> None:
        """Refuse a hook on a leaf whose elements, or those of its `.grad`, something else shows that may be read yet.

        writes: the hook writes to them.
        """
        slot = self.slots[leaf.family.number]
        others = [one for family, one in self.slots.items() if family != leaf.family.number]
        if writes:
            sharing = [
                name
                for one in (leaf, slot)
                for family, name in self.aliases.get(one.storage.number, {}).items()
                if family != one.family.number
            ]
            sharing += [
                one.name
                for one in self.handles.values()
                if (one.family is leaf.family and one.is_lost)
                or (one.family is slot.family and one.tensor != slot.tensor)
            ]
            if sharing:
                raise ProgramError(
                    f"{where} writes in the middle of a backward, and '{sharing[0]}' shares memory with the leaf or "
                    "its gradient: what the rest of the backward reads there depends on the order. Clone it."
                )
        if slot.storage is leaf.storage or any(other.tensor == slot.tensor for other in others):
            raise ProgramError(
                f"{where} runs in the middle of a backward, and another leaf has the same tensor for its gradient, or "
                "the leaf is its own: what it sees depends on the order. Assign a clone."
            )

    # -- functions --

    def _define_function(self, statement: DefineFunction) -> None:
        check_definition(statement)
        if statement.target in self.functions or statement.target in self.handles | dict.fromkeys(self.hook_names):
            raise ProgramError(f"The function name '{statement.target}' is taken.")
        self.functions[statement.target] = statement

    def _called(self, name: str, inputs: tuple[str, ...]) -> tuple[DefineFunction, list[Handle]]:
        if name not in self.functions:
            raise ProgramError(f"There is no function '{name}' here.{nearest(name, self.functions)}")
        function = self.functions[name]
        if len(inputs) != len(function.parameters):
            raise ProgramError(f"'{name}' takes {len(function.parameters)} tensors, got {len(inputs)}.")
        self._outside_inference_mode(f"A call of '{name}'")
        handles = [self.tensor(one) for one in inputs]
        for handle in handles:
            if handle.storage.inference:
                raise ProgramError(f"A call of '{name}' with '{handle.name}', made in inference mode. Clone it first.")
        return function, handles

    def _walk(
        self, body: tuple[Apply, ...], arguments: dict[str, Handle]
    ) -> tuple[dict[str, Handle], dict[str, Paths]]:
        """The handles of a body by name, and where their history goes: to the arguments by place."""
        inner = Facts(float_dtype=self.float_dtype, counter=self.counter)
        paths: dict[str, Paths] = {}
        for place, (name, handle) in enumerate(arguments.items()):
            family = Family(next(self.counter), requires_grad=False, is_leaf=True)
            copied = replace(handle, tensor=next(self.counter), family=family, version=Version(), chain=(), link=None)
            inner.bind(name, copied)
            own = frozenset({place}) if handle.dtype in DIFFERENTIABLE_DTYPES else frozenset[int]()
            paths[name] = Paths(own, own)
        for statement in body:
            op = find_op(statement.op)
            carrying = [
                paths[operand.name] if isinstance(operand, Ref) and name not in op.without_history else NO_PATHS
                for name, operand in zip_longest(op.operand_names, statement.operands)
            ]
            inner.step(statement)
            tracked = inner.handles[statement.target].dtype in DIFFERENTIABLE_DTYPES
            paths[statement.target] = paths_of(op, carrying) if tracked else NO_PATHS
        return inner.handles, paths

    def _results(self, function: DefineFunction, inputs: list[Handle]) -> list[tuple[Handle, Paths]]:
        handles, paths = self._walk(function.body, dict(zip(function.parameters, inputs, strict=True)))
        found: list[tuple[Handle, Paths]] = []
        for result in function.results:
            handle = handles[result.name]
            if handle.chain or any(handle.storage is other.storage for other, _ in found):
                raise ProgramError(
                    f"The function '{function.target}' returns '{result.name}', a view. In PyTorch it would share "
                    "storage with a tensor inside. Return a clone of it."
                )
            found.append((handle, paths[result.name]))
        if function.rule is not None:
            self._check_rule(function, function.rule, inputs, handles)
        return found

    def _check_rule(
        self, function: DefineFunction, rule: BackwardRule, inputs: list[Handle], inside: dict[str, Handle]
    ) -> None:
        """Walk the rule on cotangents of the results' shapes. Raises ProgramError."""
        where = f"The backward rule of '{function.target}'"
        results = [inside[result.name] for result in function.results]
        arguments = {
            name: self.fresh(result.shape, result.dtype, creator=name)
            for name, result in zip(rule.cotangents, results, strict=True)
        }
        empty = {
            name
            for name, result in zip(rule.cotangents, function.results, strict=True)
            if result.name in rule.non_differentiable or inside[result.name].dtype not in DIFFERENTIABLE_DTYPES
        }
        if len(empty) == len(results):
            raise ProgramError(f"The function '{function.target}' has no result that could require grad.")
        if empty & {name for applied in rule.body for name in used(applied)} | empty & {
            gradient.name for gradient in rule.results if gradient is not None
        }:
            raise ProgramError(f"{where} uses '{min(empty)}', the cotangent of a result that has none.")
        for name, handle in {**inside, **arguments}.items():
            if is_complex(handle.dtype):
                raise ProgramError(
                    f"{where} meets the complex '{name}': a cotangent of PyTorch is the conjugate of one of JAX, and a "
                    "rule written for one is wrong for the other. Split the number into real and imaginary parts."
                )
        arguments.update({name: inside[name] for name in rule.saved})
        known, _ = self._walk(rule.body, arguments)
        for parameter, one, gradient in zip(function.parameters, inputs, rule.results, strict=True):
            if gradient is None:
                continue
            if one.dtype not in DIFFERENTIABLE_DTYPES:
                raise ProgramError(f"{where} gives a gradient for '{parameter}', which is {one.dtype}. Return None.")
            given = known[gradient.name]
            if (given.shape, given.dtype) != (one.shape, one.dtype):
                raise ProgramError(
                    f"{where} gives {given.dtype}{list(given.shape)} for '{parameter}', which is "
                    f"{one.dtype}{list(one.shape)}."
                )

    def _call_function(self, statement: CallFunction) -> None:
        function, inputs = self._called(statement.function, statement.inputs)
        rule = function.rule
        if rule is not None and statement.checkpoint:
            raise ProgramError(f"A checkpoint of '{function.target}', which has a backward rule: call it plainly.")
        found = self._results(function, inputs)
        self._check_targets(statement.targets, len(found), function)
        results = []
        for result, (handle, paths) in zip(function.results, found, strict=True):
            if rule is None:
                origins = paths.value
                tracked = any(inputs[place].requires_grad for place in origins)
            else:
                origins = frozenset(place for place, gradient in enumerate(rule.results) if gradient is not None)
                tracked = any(one.requires_grad for one in inputs)
                tracked = (
                    tracked and handle.dtype in DIFFERENTIABLE_DTYPES and result.name not in rule.non_differentiable
                )
                if self.recording and tracked and not any(inputs[place].requires_grad for place in origins):
                    raise ProgramError(
                        f"The backward rule of '{function.target}' gives None for every input that requires grad here: "
                        "the result would require grad, and its backward reach nothing. Detach the inputs."
                    )
            results.append((handle, tracked, origins))
        self._bind_results(statement.targets, results, inputs)

    def _jvp(self, statement: Jvp) -> None:
        function, inputs = self._called(statement.function, statement.inputs)
        if function.rule is not None:
            raise ProgramError(
                f"jvp of '{function.target}', which has a backward rule: neither framework knows its forward "
                "derivative. Write the function without the rule."
            )
        tangents = [self.tensor(name) for name in statement.tangents]
        if len(tangents) != len(inputs):
            raise ProgramError(f"jvp of '{function.target}': {len(inputs)} inputs and {len(tangents)} tangents.")
        for one, tangent in zip(inputs, tangents, strict=True):
            if one.dtype not in DIFFERENTIABLE_DTYPES or (one.shape, one.dtype) != (tangent.shape, tangent.dtype):
                raise ProgramError(
                    f"jvp of '{function.target}': the input '{one.name}' is {one.dtype}{list(one.shape)}, its tangent "
                    f"'{tangent.name}' {tangent.dtype}{list(tangent.shape)}; both must be one kind of float."
                )
        for applied in function.body:
            last = applied.operands[-1]
            if not isinstance(last, Ref) and (applied.op == "remainder" or (applied.op == "power" and last in (0, 1))):
                raise ProgramError(
                    f"jvp of '{function.target}': PyTorch's tangent of {applied.op} by {last} is a special case, which "
                    "is not modelled. Write it with other ops."
                )
        found = self._results(function, inputs)
        self._check_targets(statement.targets, 2 * len(found), function)
        several = [*inputs, *tangents]
        results, slopes = [], []
        for handle, paths in found:
            if handle.dtype not in DIFFERENTIABLE_DTYPES:
                raise ProgramError(f"jvp of '{function.target}': a result is {handle.dtype}, which has no tangent.")
            for place in sorted(paths.nowhere - paths.through):
                if self.recording and inputs[place].requires_grad:
                    raise ProgramError(
                        f"jvp of '{function.target}', which is linear in '{function.parameters[place]}': PyTorch ties "
                        f"the tangent to '{inputs[place].name}' by a zero that cannot be written, and a second "
                        "backward then fails. Detach the input."
                    )
            results.append((handle, any(several[place].requires_grad for place in paths.value), paths.value))
            origins = paths.through | {len(inputs) + place for place in paths.tangent}
            tangent = replace(
                self.fresh(handle.shape, handle.dtype, creator=handle.name), strides_known=handle.strides_known
            )
            slopes.append((tangent, any(several[place].requires_grad for place in origins), origins))
        self._bind_results(statement.targets, [*results, *slopes], several)
        for target in statement.targets:
            self.handles[target].storage.of_jvp = True

    def _check_targets(self, targets: tuple[str, ...], count: int, function: DefineFunction) -> None:
        if len(targets) != count or len(set(targets)) < count:
            raise ProgramError(f"The call of '{function.target}' binds {count} results, each under a name of its own.")

    def _bind_results(
        self,
        targets: tuple[str, ...],
        results: Sequence[tuple[Handle, bool, frozenset[int]]],
        inputs: Sequence[Handle],
    ) -> None:
        """Bind results, each with whether it has history and the places of the inputs that this goes to."""
        for target, (handle, has_history, origins) in zip(targets, results, strict=True):
            tracked = has_history and self.recording
            for one in inputs if tracked else ():
                self._touch(one)
            leaves = frozenset[int]().union(*(inputs[place].leaves for place in origins if tracked))
            family = Family(next(self.counter), requires_grad=tracked, is_leaf=not tracked, leaves=leaves)
            self.bind(target, replace(handle, tensor=next(self.counter), family=family))
            self.origins[self.handles[target].tensor] = origins if tracked else frozenset()

    def _check_hookable(self, handle: Handle) -> None:
        link = handle.link
        if link is None or link.hooked:
            return
        if handle.outdated:
            raise ProgramError(
                f"A hook on '{handle.name}', a view whose storage was written since it was last used: PyTorch 2.13 may "
                "crash. Make the view after the write, or use it first."
            )
        self._check_not_lost(handle, "A hook")
        link.hooked = True

    def _backward(self, statement: Backward) -> None:
        reached, history = self._differentiated("backward", statement.roots, statement.gradients)
        for name in statement.inputs:
            one = self.handle(name)
            if not one.requires_grad or not one.is_leaf:
                raise ProgramError(
                    f"backward(inputs=...) names '{name}', which is no leaf that requires grad. "
                    "Use tape.grad for the gradient of an intermediate."
                )
            if one.family.number not in reached:
                raise ProgramError(
                    f"backward(inputs=...) names '{name}', which the root does not depend on: PyTorch raises. "
                    "Leave it out, or declare the error with tape.expect_error."
                )
        if statement.inputs:
            reached = frozenset(self.handle(name).family.number for name in statement.inputs)
        self._accumulate(reached, history, statement.create_graph)
        self._run_on_leaves(sorted(reached), statement.create_graph)

    def _accumulate(self, reached: frozenset[int], history: frozenset[int], create_graph: bool) -> None:
        for family in sorted(reached):
            # A gradient is added to the tensor that the slot holds; with create_graph the sum is a new tensor.
            leaf = self.leaves[family]
            if not leaf.requires_grad:
                continue
            if family in self.slots and not create_graph:
                self.slots[family].version.count += 1
            else:
                self.slots[family] = self._gradient_of(leaf, f"{leaf.name}_grad", history, create_graph)
        self._renew_retained(history, create_graph)

    def _renew_retained(self, history: frozenset[int], create_graph: bool) -> None:
        """A retained gradient is added to out of place: what `.grad` holds afterwards is another tensor."""
        self.retained_slots.clear()
        self.retained = dict.fromkeys(self.retained, history if create_graph else frozenset())

    def _gradient_of(self, handle: Handle, name: str, history: frozenset[int], create_graph: bool) -> Handle:
        leaves = history if create_graph else frozenset[int]()
        gradient = self.fresh(
            handle.shape,
            handle.dtype,
            requires_grad=create_graph,
            is_leaf=not create_graph,
            leaves=leaves,
            creator=name,
        )
        gradient.family.of_gradient = create_graph
        return gradient

    def _differentiated(
        self, word: str, roots: tuple[str, ...], gradients: tuple[str | None, ...]
    ) -> tuple[frozenset[int], frozenset[int]]:
        """Check roots and their cotangents.

        Returns: the families of the leaves that the roots reach; those that a recorded gradient reaches.
        """
        if not roots:
            raise ProgramError(f"{word} needs a root.")
        if gradients and len(gradients) != len(roots):
            raise ProgramError(f"{word}: {len(roots)} roots need {len(roots)} gradients, got {len(gradients)}.")
        self._outside_inference_mode(word)
        reached: frozenset[int] = frozenset()
        history: frozenset[int] = frozenset()
        for name, cotangent in zip_longest(roots, gradients):
            root = self.tensor(name)
            if not root.requires_grad:
                raise ProgramError(
                    f"{word} from '{root.name}', which does not require grad: PyTorch raises. Give it a leaf, "
                    "or declare the error with tape.expect_error."
                )
            self._touch(root)
            if root.is_lost:
                raise ProgramError(
                    f"{word} from '{root.name}', a view that PyTorch gave no node: it was made under no_grad, or "
                    "before its base required grad. PyTorch raises. Take the view again."
                )
            if cotangent is None and math.prod(root.shape) != 1:
                raise ProgramError(
                    f"{word} from '{root.name}' of shape {list(root.shape)} needs gradient=: "
                    "grad can be implicitly created only for scalar outputs."
                )
            if cotangent is None and is_complex(root.dtype):
                raise ProgramError(
                    f"{word} from '{root.name}' of dtype {root.dtype} needs gradient=: "
                    "grad can be implicitly created only for real scalar outputs."
                )
            if cotangent is not None:
                gradient = self.tensor(cotangent)
                if gradient.storage.inference:
                    raise ProgramError(
                        f"{word}: gradient '{gradient.name}' was made in inference mode, and .grad may be that very "
                        "tensor. Clone it first."
                    )
                if (gradient.shape, gradient.dtype) != (root.shape, root.dtype):
                    raise ProgramError(
                        f"{word} from '{root.name}': gradient= must be {root.dtype}{list(root.shape)}, "
                        f"got {gradient.dtype}{list(gradient.shape)}."
                    )
                history |= gradient.leaves
            self._touch(root)
            reached |= root.leaves
        return reached, reached | history

    def _autograd_grad(self, statement: AutogradGrad) -> None:
        if len(statement.targets) != len(statement.inputs) or not statement.inputs:
            raise ProgramError("tape.grad gives one gradient for each input, and needs an input.")
        reached, history = self._differentiated("tape.grad", statement.outputs, statement.gradients)
        found: list[Handle] = []
        for target, name in zip(statement.targets, statement.inputs, strict=True):
            one = self.tensor(name)
            if not one.requires_grad:
                raise ProgramError(
                    f"tape.grad with respect to '{name}', which does not require grad: PyTorch raises. "
                    "Make it a tape.leaf, or call requires_grad_() before it is used."
                )
            self._touch(one)
            self._check_not_lost(one, "tape.grad with respect to a view")
            used = not one.is_leaf or one.family.number in reached
            if not used and not (statement.allow_unused or statement.materialize_grads):
                raise ProgramError(
                    f"tape.grad with respect to '{name}', which the outputs do not depend on: PyTorch raises. "
                    "Give allow_unused=True, or declare the error with tape.expect_error."
                )
            if not used and statement.materialize_grads and statement.create_graph:
                # PyTorch makes these zeros a leaf that requires grad.
                found.append(self.fresh(one.shape, one.dtype, creator=target, requires_grad=True))
                continue
            gradient = self._gradient_of(one, target, history, statement.create_graph and used)
            gradient.storage.returned = True
            is_none = not used and not statement.materialize_grads
            found.append(replace(gradient, is_none=is_none, strides_known=math.prod(one.shape) <= 1))
        for target, gradient in zip(statement.targets, found, strict=True):
            if gradient.requires_grad and gradient.is_leaf:
                self._becomes_leaf(gradient)
            self.bind(target, gradient)
        self._renew_retained(history, statement.create_graph)

    def _grad(self, statement: Grad) -> None:
        source = self.tensor(statement.source)
        key = None if source.link is not None else source.family.number
        if key in self.slots:
            self.bind(statement.target, self.slots[key])
            return
        if not source.requires_grad:
            raise ProgramError(
                f"The gradient of '{source.name}' is asked for, but it does not require grad. "
                "Make it a tape.leaf, or call requires_grad_() before it is used."
            )
        if source.tensor not in self.retained or source.is_leaf:
            raise ProgramError(
                f"'{source.name}.grad' is used as a tensor, before any backward has reached it: it is None there."
            )
        if source.tensor not in self.retained_slots:
            history = self.retained[source.tensor]
            slot = self._gradient_of(source, statement.target, history, bool(history))
            self.retained_slots[source.tensor] = slot
        self.bind(statement.target, self.retained_slots[source.tensor])

    def _set_grad(self, statement: SetGrad) -> None:
        handle = self.tensor(statement.handle)
        if handle.link is not None or not handle.is_leaf or handle.tensor in self.retained:
            raise ProgramError(
                f"Assigning '{handle.name}.grad': only the slot of a leaf is modelled. Keep the tensor under a name."
            )
        if statement.source is None:
            self.slots.pop(handle.family.number, None)
            return
        source = self.tensor(statement.source)
        if source.storage.inference:
            raise ProgramError(f"Assigning '{handle.name}.grad': '{source.name}' was made in inference mode. Clone it.")
        if (source.shape, source.dtype) != (handle.shape, handle.dtype):
            raise ProgramError(
                f"Assigning '{handle.name}.grad': a tensor of {handle.dtype}{list(handle.shape)} is needed, "
                f"'{source.name}' is {source.dtype}{list(source.shape)}."
            )
        if source.overlaps:
            raise ProgramError(
                f"Assigning '{handle.name}.grad': '{source.name}' was expanded, and a later backward adds to it in "
                "place. Clone it."
            )
        if source.tensor == handle.tensor:
            raise ProgramError(f"Assigning '{handle.name}.grad': a tensor cannot be its own gradient.")
        self.slots[handle.family.number] = source

    def _read(self, statement: Read) -> None:
        handle = self.handle(statement.handle, history=statement.what in ("is_leaf", "grad_fn"))
        if statement.other is not None:
            self.handle(statement.other, history=False)
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
            self._touch(handle)
        filled = handle.family.number in self.slots or handle.tensor in self.retained
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
            return
        for name in used(attempted):
            self.handle(name, history=False)
        if isinstance(attempted, Backward):
            for family, hook in self.leaf_hooks.values():
                if any(family in self.handle(name).leaves for name in attempted.roots):
                    raise ProgramError(
                        f"A backward that PyTorch refuses may have run the hook '{hook.target}' before it did. Remove "
                        "the hook first."
                    )
            # PyTorch refuses; the pure reading may still have a gradient, and reads of it need a slot.
            for family in frozenset[int]().union(*(self.handle(name).leaves for name in attempted.roots)):
                self.slots.setdefault(family, self._gradient_of(self.leaves[family], "_", frozenset(), False))


# ---- questions about handles ----


def _check_parts(op: Op, base: Handle) -> None:
    """Refuse a view of complex numbers that is none, or that PyTorch refuses to take. Raises ProgramError."""
    if op.name in ("imag", "view_as_real") and base.conjugated:
        raise ProgramError(
            f"{op.name} of '{base.name}', a conjugated view: its imaginary parts are stored with the other sign. "
            f"Take {op.name} of what it is a view of, or clone it first."
        )
    if op.name != "view_as_complex":
        return
    starts = [array.__array_interface__["data"][0] for array in (base.layout, base.storage.layout)]
    *strides, last = base.layout.strides
    if not base.strides_known or last != 1 or any(one % 2 for one in (starts[0] - starts[1], *strides)):
        raise ProgramError(
            f"view_as_complex of '{base.name}': the two parts of each number must lie side by side in the storage. "
            "Clone it first, or put the parts together with complex."
        )


def overlaps_partly(source: Handle, target: Handle) -> bool:
    """Whether two handles share elements without being the same elements in the same order."""
    if source.storage is not target.storage or not np.shares_memory(source.layout, target.layout):
        return False
    return not same_elements(source.layout, target.layout)


def is_same(one: Handle, other: Handle) -> bool:
    """Whether two handles show the same numbers of one storage, in the same order."""
    kinds = [(each.storage.number, each.dtype, each.conjugated) for each in (one, other)]
    return kinds[0] == kinds[1] and same_elements(one.layout, other.layout)


def same_elements(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    """Whether two layouts of one storage show the same elements in the same order."""
    starts = one.__array_interface__["data"][0], other.__array_interface__["data"][0]
    return starts[0] == starts[1] and one.shape == other.shape and one.strides == other.strides


def is_item(value: Handle, target: Handle, index: BasicIndex) -> bool:
    """Whether `value` is `target[index]`, with its history."""
    step = ViewStep(OPS["getitem"], {"index": index}, target.shape, target.dtype)
    same_kind = (value.dtype, value.conjugated) == (target.dtype, target.conjugated)
    return value.family is target.family and same_kind and same_elements(value.layout, step.aliased(target.layout))


def number_dtype(value: Any) -> str:
    """How a bare Python number takes part in dtype promotion: it never widens a tensor of its own kind."""
    if isinstance(value, bool):
        return "python-bool"
    if isinstance(from_number(value), complex):
        return "python-complex"
    return "python-int" if isinstance(value, int) else "python-float"


def check_cast(dtype: str, target: Handle) -> None:
    """Refuse a write that would cut numbers off silently. Raises ProgramError."""
    kinds = [
        ("python-bool", "bool"), ("python-int", "int64"), ("python-float", "float32", "float64"),
        ("python-complex", "complex64", "complex128"),
    ]  # fmt: skip
    rank = {one: rank for rank, kind in enumerate(kinds) for one in kind}
    if rank[dtype] > rank[target.dtype]:
        raise ProgramError(
            f"A {dtype.removeprefix('python-')} is written into '{target.name}', which is {target.dtype}: "
            f"PyTorch would raise or cut it off. Cast explicitly with astype."
        )


def index_shape(handle: Handle, index: BasicIndex) -> Shape:
    """The shape of the elements that an index names. Raises ProgramError."""
    try:
        return OPS["getitem"].shape((handle.shape,), {"index": index})
    except (ValueError, IndexError) as error:
        raise ProgramError(f"Item write to '{handle.name}' of shape {list(handle.shape)}: {error}") from error

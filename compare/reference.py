"""The reference leg: an interpreter of the tape program itself, in 50-digit arithmetic. The third opinion.

NumPy has real views and real in-place writes, so aliasing needs no model: a view is a NumPy view.

A gradient is asked of a *probe*: a leaf, or the newest producer of a tensor that retains its gradient. For every
element of a probe the program also runs with that element moved a little up, and a little down. Beside its value, each
family of aliases carries one *shift* per such *direction* that reached it: how far every element is moved in that run.
Shifts alias like values do, and the tape's rules become short:

- the shift of an op's result is `op(value + shift) - op(value)`; under no_grad there is none;
- a detached alias shares the value and has no shift: it is a family of its own;
- a recorded write replaces the value and, for its own family, the shifts;
- any other write replaces the value only: "value of the new, derivative of the old".

A complex element is moved along each of its parts, and its gradient puts the two derivatives together as PyTorch does:
that of x + iy is dL/dx + i dL/dy. A storage holds complex numbers as their parts, along one more axis at the end, so
that the views of real and imaginary parts are NumPy views as well.

The root's shift over the step is a one-sided derivative of the program as it was computed. Nothing is linearized in
between: the norm at zero is a kink, where a chain rule would meet 0 * inf.

Where exact numbers cannot decide, the reference is *withdrawn*: it observes nothing, and gives the reason as a warning.

- A derivative that comes out as nan: the function has none there, or a value on the way is not finite. What is linear
  in the moved operand stays known beside infinities and nan, and an element that is not moved contributes 0.
- A zero that may be negative, where its sign decides: mpmath has no -0.0. `compare.ops.exact` says when.
- A float64 number behind float32 arithmetic: its error is that of float32, and exact numbers do not round. A cast does
  round; a gradient that passes a float32 tensor is rounded there. What is float32 itself is judged as float32.
- A complex result of, or beside, an infinity or nan: what its parts are depends on how they were multiplied out.
- An integer beyond int64, which wraps around. A read of a tensor that PyTorch refuses to use.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any, assert_never

import mpmath
import numpy as np

from compare.checks import bound_attributes
from compare.facts import Facts, ViewStep, number_dtype
from compare.grad_modes import GradMode
from compare.observed import THROUGH_FLOAT32, Array, Directional, Failure, LegRun, Observed, OneSided, Surrogate
from compare.one_sided import settled
from compare.ops import COMPLEX, OPS, PARTS, Op, exact, is_complex
from compare.program import Program
from compare.statements import (
    DIFFERENTIABLE_DTYPES,
    AnyStatement,
    Apply,
    AssignData,
    Attempt,
    AutogradGrad,
    Backward,
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
    Grad,
    ItemWrite,
    Jvp,
    Leaf,
    Operand,
    Read,
    Ref,
    RegisterHook,
    RemoveHook,
    RequiresGrad,
    RetainGrad,
    SetGrad,
    SetGradMode,
    Unpack,
    Warned,
    Write,
    from_number,
    is_number_word,
)

__all__ = ["run_reference"]

DIGITS = 50
STEP = mpmath.mpf(2) ** -66
"""How far an element of size 1 is moved: about 1e-20. A power of two adds no rounding to a polynomial's derivative."""
SHRINK = mpmath.mpf(2) ** -14
"""Each further step is this much smaller. Three show where the quotients go; smooth points need only the first."""
ORDINARY = mpmath.mpf("0.5")
"""Stands for an element that is not finite, while it is worked out which elements an op's result depends on."""
SMALL, LARGE = 8, 64
"""With more than LARGE probed elements in all, a probe of more than SMALL elements is moved along random directions."""
RANDOM_DIRECTIONS, SEED = 4, 20

Elements = np.ndarray[Any, Any]
"""An object array of mpf, of mpc, or of bool. A storage has mpf for mpc, in twice as many places."""
Node = tuple[int, int]
"""A place in the recorded history: the moment that bound a tensor, and the one that last gave it new history."""
Direction = tuple[Node, int, int, int]
"""A moved run: the probe, the element (or random direction), the sign, and which step."""
Vectors = tuple[np.ndarray[Any, Any], ...] | None
"""The random directions of a probe; None where every element has its own."""


def run_reference(program: Program) -> LegRun:
    """Interpret a checked program.

    Returns: by Read name: values as float64, int64 or bool arrays, not rounded to the dtype of the run; gradients as
        Array, as OneSided where an element is at a kink, as Directional where there are too many elements, as Surrogate
        where a hook edits them. Absent: grad_fn reads, the gradient of a large tensor at a kink, and what is withdrawn.
        `warnings` has, by Read name, why it is withdrawn, or that a number on the way is beyond the range of its dtype.
    """
    started = time.perf_counter()
    run = LegRun("reference")
    with mpmath.workdps(DIGITS), np.errstate(all="ignore"):
        survey = _Interpreter()
        _execute(survey, program)
        plan = survey.plan()
        tape = _Interpreter(plan)
        run.failure = _execute(tape, program)
        if tape.unsettled:
            tape = _Interpreter(plan, steps=3)
            run.failure = _execute(tape, program)
        run.observed, run.warnings = tape.observed, tape.notes
    run.seconds = time.perf_counter() - started
    return run


def _execute(tape: _Interpreter, program: Program) -> Failure | None:
    facts = Facts(float_dtype=program.dtype)
    for index, statement in enumerate(program.statements):
        facts.step(statement)
        try:
            tape.step(statement, facts)
        except NotImplementedError:
            for later in program.statements[index:]:
                if isinstance(later, Read):
                    tape.notes[later.name] = [NOT_INTERPRETED]
            return None
        except Exception as error:
            return Failure(index, type(error).__name__, str(error), traceback.format_exc())
        if tape.unsettled:
            break
    return None


# ---- what a tape holds ----


@dataclass(frozen=True)
class _Withdrawn:
    """Why exact numbers cannot decide."""

    reason: str


NOT_INTERPRETED = "nothing is interpreted from a recorded backward, an assigned .grad or autograd.grad on"
FLOAT32_ON_THE_WAY = _Withdrawn(THROUGH_FLOAT32)
NO_DERIVATIVE = _Withdrawn("the function has no derivative there, or a value on the way is not finite")
NON_FINITE_PARTS = _Withdrawn("the parts of a complex number that is not finite depend on how it was computed")
SIGN_OF_ZERO = _Withdrawn("the sign of a zero decides, and exact numbers have none")
TANGENT_AT_A_KINK = _Withdrawn("the tangent at a kink is a matter of convention")
WRAPPED = _Withdrawn("an integer is beyond the range of int64, where frameworks wrap around")


@dataclass(frozen=True)
class _Doubts:
    """What has to be known of numbers beside the numbers, and goes on to what is computed from them.

    unknown: why the values are not known. negative_zero: a zero among them may be negative. coarse: they were computed
        in float32. beyond: what happened to a number on the way that its dtype cannot hold; empty when nothing did.
    """

    unknown: Surrogate | _Withdrawn | None = None
    negative_zero: bool = False
    coarse: bool = False
    beyond: str = ""

    def __or__(self, other: _Doubts) -> _Doubts:
        return _Doubts(
            self.unknown or other.unknown,
            self.negative_zero or other.negative_zero,
            self.coarse or other.coarse,
            self.beyond or other.beyond,
        )


@dataclass(eq=False)
class _Storage:
    """One allocation."""

    value: Elements
    doubts: _Doubts = _Doubts()


@dataclass(eq=False)
class _Family:
    """Tensors of one storage that share history: a base and its views.

    history: the nodes that its gradient would pass. narrowed: those that it passes after a float32 tensor.
    shifts: by direction, an array like the storage's.
    """

    requires_grad: bool = False
    leaf: bool = True
    history: set[Node] = field(default_factory=set)
    narrowed: set[Node] = field(default_factory=set)
    shifts: dict[Direction, Elements] = field(default_factory=dict)
    base: _Tensor | None = None


@dataclass(eq=False)
class _Version:
    """A version counter: shared by a base, its views and its detached aliases; `.data` has one of its own."""

    count: int = 0


@dataclass
class _Probe:
    """A place in the history, and how each direction moves the tensor there.

    count: how many vectors it is moved along: a complex element along two, one for each part. vectors: the random ones;
    None where it is moved element by element.
    """

    node: Node
    count: int = 0
    vectors: Vectors = None
    steps: dict[Direction, Any] = field(default_factory=dict)
    offsets: dict[Direction, Elements] = field(default_factory=dict)


@dataclass
class _Gradient:
    """What a `.grad` holds: right derivatives as a tensor, and left ones; along `vectors` where there are any.

    version: of the tensor when the derivatives were put there. After an edit it is a number like any other.
    """

    tensor: _Tensor
    left: Elements
    vectors: Vectors
    version: int

    @property
    def right(self) -> Elements:
        return self.tensor.value if self.vectors is None else self.tensor.storage.value

    @property
    def smooth(self) -> bool:
        if self.vectors is None and self.tensor.version.count != self.version:
            return True
        pairs = zip(self.left.flat, self.right.flat, strict=True)
        return all(left == right or (mpmath.isnan(left) and mpmath.isnan(right)) for left, right in pairs)


@dataclass(eq=False)
class _Tensor:
    """One tensor object.

    linked: whether its history is its family's. That of a view taken before its base required grad is not, nor of one
        taken under no_grad. PyTorch renews a view's history at its next use after the version counter has moved.
    has_node: of a view, whether PyTorch gave it a node: a view of such a view has one, which leads nowhere.
    passed: probes on the view itself, each with the number of view steps from the storage to it.
    hooks_at: the node that its hooks belong to, of a view that has any.
    """

    dtype: str
    storage: _Storage
    family: _Family
    version: _Version
    born: int
    produced: int
    chain: tuple[ViewStep, ...] = ()
    linked: bool = True
    has_node: bool = False
    recorded: bool = True
    renewed: int = 0
    passed: list[tuple[_Probe, int]] = field(default_factory=list)
    hooks_at: Node | None = None
    retains_grad: bool = False
    grad: _Gradient | None = None

    @property
    def node(self) -> Node:
        return (self.born, self.produced)

    @property
    def is_view(self) -> bool:
        return self is not self.family.base

    @property
    def outdated(self) -> bool:
        """Whether this is a view whose history is older than the last write."""
        return self.is_view and self.family.requires_grad and self.version.count != self.renewed

    @property
    def is_leaf(self) -> bool:
        return not self.family.requires_grad or not (self.has_node if self.is_view else not self.family.leaf)

    @property
    def history(self) -> set[Node]:
        return self.family.history.union(probe.node for probe, _ in self.passed) if self.linked else set()

    @property
    def directions(self) -> set[Direction]:
        own = (direction for probe, _ in self.passed for direction in probe.offsets)
        return set(self.family.shifts).union(own) if self.linked else set()

    @property
    def value(self) -> Elements:
        return _read(self.storage.value, self.chain, self.dtype)

    def family_shift(self, direction: Direction) -> Elements | None:
        """The shift without the probes on the view itself; None where the direction does not reach."""
        shift = self.family.shifts.get(direction)
        return None if shift is None else _read(shift, self.chain, self.dtype)

    def shift(self, direction: Direction) -> Elements | None:
        """How far the elements are moved; None where the direction does not reach."""
        if not self.linked:
            return None
        shift = self.family_shift(direction)
        for probe, depth in self.passed:
            if direction in probe.offsets:
                offset = probe.offsets[direction]
                if self.chain[depth:]:
                    offset = _read(_stored(offset, self.chain[depth].dtype), self.chain[depth:], self.dtype)
                shift = offset if shift is None else _objects(shift + offset)
        return shift


def _stored(numbers: Any, dtype: str) -> Elements:
    """Numbers as a storage holds them: complex ones as their parts."""
    if not is_complex(dtype):
        return _objects(numbers)
    return np.stack([_objects(_real_part(numbers)), _objects(_imaginary_part(numbers))], axis=-1)


def _viewed(stored: Elements, chain: Sequence[ViewStep]) -> tuple[Elements, bool]:
    """The NumPy view that a chain takes of what a storage holds, and whether it reads it conjugated."""
    conjugated = False
    for step in chain:
        stored = step.aliased(stored)
        conjugated ^= step.op.name == "conj"
    return stored, conjugated


def _read(stored: Elements, chain: Sequence[ViewStep], dtype: str) -> Elements:
    """The numbers that a chain shows of what a storage holds: a NumPy view, or a copy of complex ones."""
    view, conjugated = _viewed(stored, chain)
    if not is_complex(dtype):
        return view
    imaginary = -view[..., 1] if conjugated else view[..., 1]
    return _objects(_complex_number(view[..., 0], imaginary))


def _replace(stored: Elements, chain: Sequence[ViewStep], dtype: str, new: Any) -> None:
    """Write numbers to what a chain shows of what a storage holds."""
    view, conjugated = _viewed(stored, chain)
    if not view.flags.writeable:
        # NumPy marks a diagonal read-only, though it is a view like any other.
        view.flags.writeable = True
    view[...] = _stored(_objects(_conjugate(new)) if conjugated else new, dtype)


# ---- the interpreter ----


class _Interpreter:
    """One pass over the program.

    plan: the nodes to mark, each with how to move it: `"elements"`, `"directions"`, or not at all. A first pass without
    a plan finds them: a retained gradient and a hook belong to a place that the program passes before it names it.
    """

    def __init__(self, plan: Mapping[Node, str] | None = None, *, steps: int = 1) -> None:
        self.surveyed = plan is not None
        self.marks = plan or {}
        self.steps = steps
        self.moment = 0
        self.modes = [GradMode()]
        self.tensors: dict[str, _Tensor] = {}
        self.probes: dict[Node, _Probe] = {}
        self.upstream: dict[Node, set[Node]] = {}
        self.hooks: dict[str, tuple[str, Node]] = {}
        self.rules: dict[Node, tuple[str, set[Node]]] = {}
        self.collecting: list[_Tensor] = []
        self.observed: dict[str, Observed] = {}
        self.notes: dict[str, list[str]] = {}
        self.unsettled = False
        # What the first pass finds.
        self.probed: dict[Node, int] = {}
        self.hooked: set[Node] = set()
        self.read_gradients: set[int] = set()
        self.used_gradients: set[int] = set()

    def plan(self) -> dict[Node, str]:
        """What this pass found: the probes whose gradient is looked at, and the hooks."""
        plan = dict.fromkeys(self.hooked, "label")
        looked_at = self.read_gradients | self.used_gradients
        sizes = {node: size for node, size in self.probed.items() if node[0] in looked_at}
        large = sum(sizes.values()) > LARGE
        for node, size in sizes.items():
            # A gradient that the program goes on to compute with is needed element by element.
            few = not large or size <= SMALL or node[0] in self.used_gradients
            plan[node] = "elements" if few else "directions"
        return plan

    @property
    def recording(self) -> bool:
        return self.modes[-1].recording

    def step(self, statement: AnyStatement, facts: Facts) -> None:
        """Take one statement. `facts`: after it, for dtypes."""
        self.moment += 1
        match statement:
            case Leaf() | Constant():
                self._tensor(statement)
            case Apply():
                self.tensors[statement.target] = self._apply(statement, facts.handles[statement.target].dtype)
            case Unpack():
                for piece in statement.pieces:
                    self.moment += 1
                    self.tensors[piece.target] = self._apply(piece, facts.handles[piece.target].dtype)
            case Write():
                self._write(statement)
            case ItemWrite():
                self._item_write(statement)
            case Detach() | Data():
                source = self.tensors[statement.source]
                version = source.version if isinstance(statement, Detach) else _Version()
                alias = self._bind(source.dtype, source.storage, version=version, chain=source.chain)
                self.tensors[statement.target] = alias
            case AssignData():
                self._assign_data(self.tensors[statement.handle], self.tensors[statement.source])
            case DetachInPlace():
                self._detach_in_place(self.tensors[statement.handle])
            case RequiresGrad():
                self._requires_grad(self.tensors[statement.handle], statement.flag)
            case EnterGradMode():
                self.modes.append(self.modes[-1].entered(statement))
            case ExitGradMode():
                self.modes.pop()
            case SetGradMode():
                self.modes[-1] = self.modes[-1].switched(statement.flag)
            case RetainGrad():
                self._retain_grad(self.tensors[statement.handle])
            case RegisterHook():
                tensor = self.tensors[statement.handle]
                if tensor.hooks_at is None:
                    self._renew(tensor)
                # All hooks of a view sit where the first one was put, until it is written through.
                node = tensor.hooks_at or tensor.node
                if tensor.is_view:
                    tensor.hooks_at = node
                if statement.result is not None:
                    self.hooked.add(node)
                    self.hooks[statement.target] = (statement.handle, node)
            case RemoveHook():
                self.hooks.pop(statement.hook, None)
            case Backward():
                self._backward(statement)
            case DefineFunction() | EnterSavedTensorsHooks() | ExitSavedTensorsHooks():
                pass
            case CallFunction() | Jvp():
                self._call(statement, facts)
            case AutogradGrad() | SetGrad():
                raise NotImplementedError
            case Grad():
                self._grad(statement)
            case Read():
                self._read(statement)
            case Warned():
                pass
            case Attempt():
                # Of a backward that PyTorch refuses, the gradient still exists where there is history.
                attempted = statement.attempted
                if statement.torch is None or (isinstance(attempted, Backward) and self._has_start(attempted)):
                    self.step(attempted, facts)
            case _:
                assert_never(statement)

    # -- tensors --

    def _bind(
        self, dtype: str, storage: _Storage, *, requires_grad: bool = False, leaf: bool = True,
        version: _Version | None = None, chain: tuple[ViewStep, ...] = (),
    ) -> _Tensor:  # fmt: skip
        """A tensor with a family of its own."""
        family = _Family(requires_grad, leaf)
        tensor = _Tensor(dtype, storage, family, version or _Version(), self.moment, self.moment, chain)
        family.base = tensor
        return tensor

    def _tensor(self, statement: Leaf | Constant) -> None:
        rounded = np.frompyfunc(lambda number: _number(number, statement.dtype), 1, 1)
        data = np.array(statement.data, dtype=object)
        value = _objects(rounded(data))
        negative_zero = any(_is_negative_zero(*pair) for pair in zip(data.flat, value.flat, strict=True))
        stored = _stored(value, statement.dtype)
        tensor = self._bind(statement.dtype, _Storage(stored, _Doubts(negative_zero=negative_zero)))
        self.tensors[statement.target] = tensor
        if isinstance(statement, Leaf):
            self._requires_grad(tensor, True)

    def _requires_grad(self, tensor: _Tensor, flag: bool) -> None:
        if not tensor.is_leaf or tensor.family.requires_grad == flag:
            return
        if tensor.is_view:
            # A view of a constant becomes a leaf by itself.
            tensor.family, tensor.linked, tensor.recorded = _Family(base=tensor), True, True
        family, once_leaf = tensor.family, tensor in self.collecting
        family.requires_grad = flag
        self._cut(family)
        if flag:
            self._collect(tensor)
            self._produced(tensor, again=once_leaf)

    def _cut(self, family: _Family) -> None:
        family.history.clear()
        family.narrowed.clear()
        family.shifts.clear()

    def _assign_data(self, tensor: _Tensor, source: _Tensor) -> None:
        moved = {direction: _copied(tensor.family_shift(direction)) for direction in tensor.family.shifts}
        tensor.storage, tensor.chain = source.storage, source.chain
        for direction, shift in moved.items():
            array = tensor.family.shifts[direction] = _zeros(tensor.storage.value.shape)
            _replace(array, tensor.chain, tensor.dtype, shift)

    def _detach_in_place(self, tensor: _Tensor) -> None:
        family = tensor.family
        if family.leaf:
            self._requires_grad(tensor, False)
        elif not tensor.is_view:
            family.requires_grad, family.leaf = False, True
            self._cut(family)

    def _collect(self, tensor: _Tensor) -> None:
        if tensor not in self.collecting:
            self.collecting.append(tensor)

    def _produced(self, tensor: _Tensor, *, again: bool = False) -> None:
        """The tensor has new history from this statement on: mark the place where the plan says so.

        again: it is the leaf that it was before.
        """
        if not again:
            tensor.produced = self.moment
        node, family = tensor.node, tensor.family
        self.upstream[node] = tensor.history | {node}
        if tensor.is_view:
            if node in self.marks:
                tensor.passed.append((self._probe(tensor), len(tensor.chain)))
        elif node in self.marks or family.leaf:
            family.history.add(node)
            probe = self.probes[node] if again else self._probe(tensor)
            for direction, offset in probe.offsets.items():
                family.shifts.setdefault(direction, _zeros(tensor.storage.value.shape))
                moved = _objects(tensor.family_shift(direction) + offset)
                _replace(family.shifts[direction], tensor.chain, tensor.dtype, moved)

    def _probe(self, tensor: _Tensor) -> _Probe:
        """A probe at the tensor's node, with the directions that the plan asks for."""
        node, value = tensor.node, tensor.value
        probe = self.probes[node] = _Probe(node)
        kind = self.marks.get(node, "label")
        if kind == "label":
            return probe
        units = (mpmath.mpf(1), mpmath.mpc(0, 1)) if is_complex(tensor.dtype) else (mpmath.mpf(1),)
        if kind == "directions":
            normal = np.random.default_rng(SEED).standard_normal((len(units), RANDOM_DIRECTIONS, *value.shape))
            random = normal[0] + 1j * normal[1] if len(units) == 2 else normal[0]
            probe.vectors = tuple(random)
            vectors = [_objects(_exact(vector)) for vector in random]
            sizes = [max((abs(number) for number in value.flat), default=mpmath.mpf(0))] * len(vectors)
        else:
            places = [(place, unit) for place in range(value.size) for unit in units]
            vectors = [_zeros(value.shape) for _ in places]
            for (place, unit), vector in zip(places, vectors, strict=True):
                vector.flat[place] = unit
            sizes = [abs(value.flat[place]) for place, _ in places]
        probe.count = len(vectors)
        for which, (vector, size) in enumerate(zip(vectors, sizes, strict=True)):
            for level in range(self.steps):
                step = STEP * SHRINK**level * _scale(size)
                for sign in (1, -1):
                    direction = (node, which, sign, level)
                    probe.steps[direction] = step
                    probe.offsets[direction] = _objects(vector * (sign * step))
        return probe

    def _renew(self, tensor: _Tensor) -> None:
        """What PyTorch does when a view's history is asked for: after a write, it starts again at the base."""
        if tensor.outdated and tensor.recorded:
            self._renewed(tensor)

    def _renewed(self, tensor: _Tensor) -> None:
        tensor.linked, tensor.has_node, tensor.renewed, tensor.passed = True, True, tensor.version.count, []
        self._produced(tensor)

    # -- ops --

    def _operand(self, operand: Operand, dtype: str) -> _Tensor | Any:
        return self.tensors[operand.name] if isinstance(operand, Ref) else _number(operand, dtype)

    def _apply(self, statement: Apply, dtype: str) -> _Tensor:
        op = OPS[statement.op]
        attributes = bound_attributes(op, len(statement.operands), statement.attributes)
        number_dtype = next(self.tensors[one.name].dtype for one in statement.operands if isinstance(one, Ref))
        if number_dtype not in DIFFERENTIABLE_DTYPES:
            number_dtype = dtype
        operands = [self._operand(operand, number_dtype) for operand in statement.operands]
        tensors = [operand for operand in operands if isinstance(operand, _Tensor)]
        if op.view is not None:
            if self.recording:
                self._renew(tensors[0])
            view = self._view(op, tensors[0], attributes, dtype)
            if view is not None:
                return view
        values = _values(operands)
        tensors = [
            operand
            for name, operand in zip_longest(op.operand_names, operands)
            if isinstance(operand, _Tensor) and name not in op.without_history
        ]
        value = _applied(op, values, attributes, dtype)
        inherited = _doubts(tensors) | _doubts_of_numbers([*statement.operands, *attributes.values()])
        storage = _Storage(_stored(value, dtype), _doubts_of_result(op, values, value, dtype, inherited))
        tracked = (
            self.recording and dtype in DIFFERENTIABLE_DTYPES and any(tensor.family.requires_grad for tensor in tensors)
        )
        if tracked:
            for operand in operands:
                if isinstance(operand, _Tensor):
                    self._renew(operand)
        result = self._bind(dtype, storage, requires_grad=tracked, leaf=not tracked)
        if tracked:
            self._join(result.family, tensors, dtype)
            for direction in _directions(tensors):
                shifts = [_shift(operand, direction) for operand in operands]
                moved = _shifted(op, values, shifts, attributes, dtype, value)
                result.family.shifts[direction] = _stored(moved, dtype)
            self._produced(result)
        return result

    def _join(self, family: _Family, operands: list[_Tensor], dtype: str) -> None:
        """The family takes on the history of operands."""
        for tensor in operands:
            family.history |= tensor.history
            family.narrowed |= tensor.history if _is_single(dtype) else tensor.family.narrowed

    def _view(self, op: Op, base: _Tensor, attributes: dict[str, Any], dtype: str) -> _Tensor | None:
        """The alias, or None where PyTorch has to copy."""
        assert op.view is not None
        chain = (*base.chain, ViewStep(op, attributes, base.value.shape, base.dtype))
        try:
            _viewed(base.storage.value, chain)
        except ValueError:
            if op.view.otherwise != "copy":
                raise
            return None
        view = _Tensor(
            dtype, base.storage, base.family, base.version, self.moment, self.moment, chain,
            linked=self.recording and base.linked and base.family.requires_grad,
            has_node=self.recording and base.family.requires_grad,
            recorded=self.recording and base.recorded, renewed=base.version.count, passed=list(base.passed),
        )  # fmt: skip
        if view.linked:
            self._produced(view)
        return view

    # -- functions: to the reference, a call is one op --

    def _call(self, statement: CallFunction | Jvp, facts: Facts) -> None:
        function = facts.functions[statement.function]
        names = (*statement.inputs, *(statement.tangents if isinstance(statement, Jvp) else ()))
        inputs = [self.tensors[name] for name in names]
        if self.recording:
            for tensor in inputs:
                self._renew(tensor)
        forward = isinstance(statement, Jvp)

        def run(values: list[Any]) -> list[_Evaluated]:
            one = [
                _Evaluated(value, tensor.dtype, tensor.storage.doubts)
                for value, tensor in zip(values, inputs, strict=True)
            ]
            if forward:
                half = len(one) // 2
                return _with_tangents(function, one[:half], one[half:], facts.float_dtype)
            return _evaluated(function, one, facts.float_dtype)

        results = run(_values(inputs))
        moved: dict[Direction, list[_Evaluated]] = {}
        for place, (target, result) in enumerate(zip(statement.targets, results, strict=True)):
            self.moment += 1
            handle = facts.handles[target]
            sources = [inputs[number] for number in facts.origins[handle.tensor]]
            tracked = handle.requires_grad
            storage = _Storage(_stored(result.value, result.dtype), result.doubts)
            tensor = self._bind(result.dtype, storage, requires_grad=tracked, leaf=not tracked)
            self.tensors[target] = tensor
            if not tracked:
                continue
            self._join(tensor.family, sources, result.dtype)
            if function.rule is not None:
                node = (self.moment, -1)
                self.rules[node] = (statement.function, set().union(*(source.history for source in sources)))
                tensor.family.history.add(node)
            else:
                for direction in _directions(sources):
                    if direction not in moved:
                        shifts = [one.shift(direction) for one in inputs]
                        moved[direction] = run(
                            [
                                one.value if shift is None else _objects(one.value + shift)
                                for one, shift in zip(inputs, shifts, strict=True)
                            ]
                        )
                    change = _objects(moved[direction][place].value - result.value)
                    tensor.family.shifts[direction] = _stored(change, result.dtype)
            self._produced(tensor)

    # -- writes --

    def _write(self, statement: Write) -> None:
        target, op = self.tensors[statement.handle], OPS[statement.op]
        attributes = bound_attributes(op, len(statement.operands) + 1, statement.attributes)
        operands = [self._operand(operand, target.dtype) for operand in statement.operands]
        values = [target.value.copy(), *_values(operands)]
        tensors = [operand for operand in operands if isinstance(operand, _Tensor)]
        result = _applied(op, values, attributes, target.dtype)
        inherited = _doubts([target, *tensors]) | _doubts_of_numbers([*statement.operands, *attributes.values()])
        doubts = _doubts_of_result(op, values, result, target.dtype, inherited)

        def shift(direction: Direction) -> Elements:
            # History goes on from the base, past the probes on a view.
            shifts = [target.family_shift(direction), *(_shift(operand, direction) for operand in operands)]
            return _shifted(op, values, shifts, attributes, target.dtype, result)

        self._put(target, (), tensors, result, shift, doubts)
        if target.is_view and self.recording and target.family.requires_grad:
            self._renewed(target)
            target.hooks_at = None

    def _item_write(self, statement: ItemWrite) -> None:
        target = self.tensors[statement.handle]
        value = self._operand(statement.value, target.dtype)
        step = ViewStep(OPS["getitem"], {"index": statement.index}, target.value.shape, target.dtype)
        tensors = [value] if isinstance(value, _Tensor) else []
        [new] = _values([value])
        doubts = _doubts(tensors) | _doubts_of_numbers([statement.value])
        self._put(target, (step,), tensors, new, lambda direction: _shift(value, direction), doubts)

    def _put(
        self,
        target: _Tensor,
        index: tuple[ViewStep, ...],
        operands: list[_Tensor],
        value: Any,
        shift: Callable[[Direction], Elements | None],
        doubts: _Doubts,
    ) -> None:
        """Write a value, and its shift along each direction, to the elements of `target` that `index` sees."""
        family, storage, chain = target.family, target.storage, (*target.chain, *index)
        if self.recording:
            for tensor in (target, *operands):
                self._renew(tensor)
        tracked = self.recording and (family.requires_grad or any(tensor.family.requires_grad for tensor in operands))
        if tracked:
            directions = _directions(operands).union(family.shifts)
            shifts = {direction: _copied(shift(direction)) for direction in directions}
            for direction, moved in shifts.items():
                array = family.shifts.setdefault(direction, _zeros(storage.value.shape))
                _replace(array, chain, target.dtype, moved)
        _replace(storage.value, chain, target.dtype, _copied(value))
        storage.doubts |= doubts | _Doubts(negative_zero=_turns_zeros(value, chain))
        target.version.count += 1
        if tracked:
            family.requires_grad, family.leaf = True, False
            self._join(family, operands, target.dtype)
            assert family.base is not None
            self._produced(family.base)

    # -- gradients --

    def _retain_grad(self, tensor: _Tensor) -> None:
        self._renew(tensor)
        if not tensor.is_leaf and not tensor.retains_grad:
            tensor.retains_grad = True
            self._collect(tensor)

    def _backward(self, statement: Backward) -> None:
        if len(statement.roots) > 1 or statement.inputs or statement.create_graph:
            raise NotImplementedError
        root = self.tensors[statement.roots[0]]
        implicit = not any(statement.gradients)
        if not root.family.requires_grad or (implicit and is_complex(root.dtype)):
            return
        self._renew(root)
        cotangent = self.tensors[statement.gradients[0]] if statement.gradients and statement.gradients[0] else None
        doubts = _doubts([root] if cotangent is None else [root, cotangent])
        history = root.history
        for tensor in self.collecting:
            if not tensor.family.requires_grad and not tensor.retains_grad:
                continue
            if tensor.retains_grad or tensor.node in history:
                self.probed[tensor.node] = tensor.value.size
            if tensor.node not in history or self.marks.get(tensor.node, "label") == "label":
                continue
            probe = self.probes[tensor.node]
            coarse = not _is_single(tensor.dtype) and (doubts.coarse or tensor.node in root.family.narrowed)
            unknown = self._edited(tensor.node, history) or doubts.unknown or (FLOAT32_ON_THE_WAY if coarse else None)
            if unknown is None:
                sides = self._derivatives(probe, root, cotangent)
            else:
                sides = [(mpmath.nan, mpmath.nan)] * probe.count
            if sides is None:
                self.unsettled = True
                return
            if unknown is None and any(mpmath.isnan(side) for pair in sides for side in pair):
                unknown = NO_DERIVATIVE
            self._accumulate(tensor, sides, probe.vectors, replace(doubts, unknown=unknown))

    def _has_start(self, statement: Backward) -> bool:
        """Whether the roots have cotangents, or need none."""
        return bool(statement.gradients) or all(self.tensors[name].value.size == 1 for name in statement.roots)

    def _edited(self, node: Node, history: set[Node]) -> Surrogate | None:
        """Whether a live hook stands between a node and the root whose history this is, or on the node itself."""
        for name, hooked in self.hooks.values():
            if hooked in history and node in self.upstream[hooked]:
                return Surrogate(f"a hook on '{name}' edits the cotangent")
        for passed, (function, before) in self.rules.items():
            if passed in history and node in before:
                return Surrogate(f"'{function}' has a backward rule of its own")
        return None

    def _derivatives(self, probe: _Probe, root: _Tensor, cotangent: _Tensor | None) -> list[tuple[Any, Any]] | None:
        """The left and the right derivative of the root along each vector of a probe; None when unsettled."""
        weights = [mpmath.mpf(1)] * root.value.size if cotangent is None else list(cotangent.value.flat)
        scale = max([mpmath.mpf(1), *(abs(number) for number in root.value.flat if mpmath.isfinite(number))])

        def quotient(direction: Direction) -> Any:
            shift = root.shift(direction)
            if shift is None:
                return mpmath.mpf(0)
            pairs = zip(weights, shift.flat, strict=True)
            change = (mpmath.re(mpmath.conj(weight) * moved) for weight, moved in pairs if moved != 0)
            return sum(change, mpmath.mpf(0)) / probe.steps[direction]

        derivatives = []
        for which in range(probe.count):
            up, down = ([quotient((probe.node, which, sign, level)) for level in range(self.steps)] for sign in (1, -1))
            found = settled(up, down, scale)
            if found is None:
                return None
            derivatives.append(found)
        return derivatives

    def _accumulate(self, tensor: _Tensor, sides: list[tuple[Any, Any]], vectors: Vectors, doubts: _Doubts) -> None:
        shape, dtype = (tensor.value.shape, tensor.dtype) if vectors is None else ((len(vectors),), "float64")
        left, right = (_from_sides([pair[side] for pair in sides], shape, dtype) for side in (0, 1))
        version, old = _Version(), tensor.grad
        if old is not None and tensor.is_leaf and old.smooth and vectors is None and not dtype.startswith("complex"):
            # PyTorch adds to the tensor that the slot holds, whatever the program has made of its numbers.
            held, before = old.tensor, old.tensor.storage.value.copy()
            _replace(held.storage.value, (), dtype, before + _stored(right, dtype))
            held.storage.doubts |= doubts
            held.version.count += 1
            tensor.grad = _Gradient(held, _array(before + left, shape), vectors, held.version.count)
            return
        if old is not None:
            left, right = _array(left + old.left, shape), _array(right + old.right, shape)
            doubts = old.tensor.storage.doubts | doubts
            # PyTorch adds to a leaf's gradient in place, and to a retained one out of place.
            version.count = old.tensor.version.count + 1 if tensor.is_leaf else 0
        # Nothing is known of the signs of its zeros, and of roundings only where they would be too large for it.
        stored = _stored(right, dtype)
        doubts = replace(doubts, negative_zero=bool((stored == 0).any()), coarse=_is_single(tensor.dtype))
        held = self._bind(tensor.dtype, _Storage(stored, doubts), version=version)
        tensor.grad = _Gradient(held, left, vectors, held.version.count)

    def _grad(self, statement: Grad) -> None:
        source = self.tensors[statement.source]
        self.used_gradients.add(source.born)
        if source.grad is not None:
            held = source.grad.tensor
            if not source.grad.smooth:
                unknown = Surrogate(f"'{statement.source}.grad' is used as a value, and it is at a kink")
                held = self._bind(held.dtype, _Storage(held.storage.value, _Doubts(unknown)))
            self.tensors[statement.target] = held
        else:
            # The first pass has no gradients and only looks for places: any values do.
            unreached = _Withdrawn(f"'{statement.source}.grad' is used as a tensor, but no backward has reached it")
            self.tensors[statement.target] = self._bind(
                source.dtype,
                _Storage(_stored(source.value.copy(), source.dtype), _Doubts(unreached if self.surveyed else None)),
            )

    # -- reads --

    def _read(self, statement: Read) -> None:
        tensor = self.tensors[statement.handle]
        if statement.what in ("is_leaf", "grad_fn", "value"):
            # Printing a tensor shows its node, too.
            self._renew(tensor)
        seen: Observed | _Withdrawn
        held: _Tensor | None = None
        match statement.what:
            case "value":
                seen, held = _observed(tensor), tensor
            case "grad":
                self.read_gradients.add(tensor.born)
                if tensor.grad is not None and tensor.grad.vectors is not None and not tensor.grad.smooth:
                    return
                seen = None
                if tensor.grad is not None:
                    seen, held = _observed_gradient(tensor.grad), tensor.grad.tensor
            case "is_leaf":
                seen = tensor.is_leaf
            case "requires_grad":
                seen = tensor.family.requires_grad
            case "retains_grad":
                seen = tensor.retains_grad
            case "version":
                seen = tensor.version.count
            case "dtype":
                seen = tensor.dtype
            case "shares_storage":
                assert statement.other is not None
                seen = tensor.storage is self.tensors[statement.other].storage
            case _:
                return
        if isinstance(seen, _Withdrawn):
            self.notes[statement.name] = [seen.reason]
            return
        if held is not None and held.storage.doubts.beyond:
            self.notes[statement.name] = [held.storage.doubts.beyond]
        self.observed[statement.name] = seen


# ---- functions ----


@dataclass(frozen=True)
class _Evaluated:
    """A value inside a function."""

    value: Elements
    dtype: str
    doubts: _Doubts


SECANT = mpmath.mpf(2) ** -40
"""How far a tangent moves the inputs to either side: the error is its square, and leaves digits for a derivative."""
BEND = mpmath.mpf(2) ** -20
"""Slopes to the left and to the right that differ by more, relative to their size, are those of a kink."""


def _evaluated(function: DefineFunction, inputs: list[_Evaluated], default: str) -> list[_Evaluated]:
    """The results of a function."""
    known = dict(zip(function.parameters, inputs, strict=True))
    for statement in function.body:
        op = OPS[statement.op]
        attributes = bound_attributes(op, len(statement.operands), statement.attributes)
        operands = [known[one.name] if isinstance(one, Ref) else one for one in statement.operands]
        dtypes = tuple(one.dtype if isinstance(one, _Evaluated) else number_dtype(one) for one in operands)
        dtype = op.dtype(dtypes, default, attributes)
        number = next(one.dtype for one in operands if isinstance(one, _Evaluated))
        number = number if number in DIFFERENTIABLE_DTYPES else dtype
        values = [one.value if isinstance(one, _Evaluated) else _number(one, number) for one in operands]
        value = _applied(op, values, attributes, dtype)
        inherited = _doubts_of_numbers([*statement.operands, *attributes.values()])
        for one in operands:
            inherited |= one.doubts if isinstance(one, _Evaluated) else _Doubts()
        known[statement.target] = _Evaluated(value, dtype, _doubts_of_result(op, values, value, dtype, inherited))
    return [known[result.name] for result in function.results]


def _with_tangents(
    function: DefineFunction, inputs: list[_Evaluated], tangents: list[_Evaluated], default: str
) -> list[_Evaluated]:
    """The results of a function, then the derivative of each along the tangents: the slope between two neighbours."""

    def at(step: Any) -> list[_Evaluated]:
        moved = [
            replace(one, value=_objects(one.value + step * tangent.value), doubts=one.doubts | tangent.doubts)
            for one, tangent in zip(inputs, tangents, strict=True)
        ]
        return _evaluated(function, moved, default)

    here, up, down = at(mpmath.mpf(0)), at(SECANT), at(-SECANT)
    results = _evaluated(function, inputs, default)
    found = []
    for one, above, below in zip(here, up, down, strict=True):
        right, left = _objects((above.value - one.value) / SECANT), _objects((one.value - below.value) / SECANT)
        doubts = above.doubts | below.doubts
        slope = _objects((right + left) / 2)
        if doubts.unknown is None and _each(mpmath.isnan, slope).any():
            doubts = replace(doubts, unknown=NO_DERIVATIVE)
        pairs = zip(right.flat, left.flat, strict=True)
        if doubts.unknown is None and any(abs(a - b) > BEND * (1 + abs(a) + abs(b)) for a, b in pairs):
            doubts = replace(doubts, unknown=TANGENT_AT_A_KINK)
        found.append(_Evaluated(slope, one.dtype, replace(doubts, negative_zero=True)))
    return [*results, *found]


# ---- values ----


def _number(number: Any, dtype: str) -> Any:
    """A number as it takes part: rounded to the dtype. PyTorch rounds a Python number to its tensor's dtype too."""
    number = from_number(number)
    if isinstance(number, complex) or is_complex(dtype):
        part = PARTS.get(dtype, dtype)
        return mpmath.mpc(_number(complex(number).real, part), _number(complex(number).imag, part))
    if dtype == "bool":
        return bool(number)
    if dtype == "int64":
        return mpmath.mpf(int(number))
    with np.errstate(over="ignore"):
        return mpmath.mpf(float(np.dtype(dtype).type(number)))


def _real_number(number: Any) -> Any:
    if isinstance(number, bool | np.bool_):
        return bool(number)
    # A complex number is what mpmath answers outside the domain of a real function.
    return mpmath.nan if isinstance(number, mpmath.mpc) else mpmath.mpf(number)


_real = np.frompyfunc(_real_number, 1, 1)
_exact = np.frompyfunc(mpmath.mpmathify, 1, 1)
_complex = np.frompyfunc(mpmath.mpc, 1, 1)
_complex_number = np.frompyfunc(mpmath.mpc, 2, 1)
_real_part, _imaginary_part = np.frompyfunc(mpmath.re, 1, 1), np.frompyfunc(mpmath.im, 1, 1)
_conjugate = np.frompyfunc(mpmath.conj, 1, 1)


def _is_single(dtype: str) -> bool:
    """Whether numbers of a dtype are computed in float32."""
    return dtype in ("float32", COMPLEX["float32"])


def _each(test: Callable[[Any], bool], array: Elements) -> np.ndarray[Any, Any]:
    """The truth of a test for each element, as an array of bool."""
    return np.asarray(np.frompyfunc(test, 1, 1)(array), dtype=bool)


def _objects(result: Any) -> Elements:
    # Arithmetic on arrays without dimensions answers with a bare number.
    return np.asarray(result, dtype=object)


def _zeros(shape: tuple[int, ...]) -> Elements:
    return np.full(shape, mpmath.mpf(0), dtype=object)


def _copied(value: Any) -> Elements:
    return np.array(mpmath.mpf(0) if value is None else value, dtype=object)


def _values(operands: Sequence[_Tensor | Any]) -> list[Any]:
    return [operand.value if isinstance(operand, _Tensor) else operand for operand in operands]


def _shift(operand: _Tensor | Any, direction: Direction) -> Elements | None:
    return operand.shift(direction) if isinstance(operand, _Tensor) else None


def _is_negative_zero(written: Any, rounded: Any) -> bool:
    """Whether a number of the program is -0.0, or becomes it in its dtype."""
    number = from_number(written)
    if isinstance(number, complex):
        return _is_negative_zero(number.real, rounded.real) or _is_negative_zero(number.imag, rounded.imag)
    return isinstance(number, float) and bool(rounded == 0) and math.copysign(1.0, number) < 0


def _applied(op: Op, values: Sequence[Any], attributes: dict[str, Any], dtype: str) -> Elements:
    """The op on numbers: a new array in C order, so that it can be viewed like PyTorch's."""
    rounded = PARTS.get(dtype, dtype if dtype in PARTS.values() else "float64")
    numbers = {name: _number(one, rounded) if isinstance(one, float) else one for name, one in attributes.items()}
    convert = _complex if is_complex(dtype) else _real
    return np.array(convert(op.reference(*values, **numbers)), dtype=object, order="C")


def _shifted(
    op: Op,
    values: Sequence[Any],
    shifts: Sequence[Elements | None],
    attributes: dict[str, Any],
    dtype: str,
    result: Elements,
) -> Elements:
    """How far the op's result is moved when its operands are."""
    linear = _linear(op, values, shifts, attributes, dtype)
    if linear is not None:
        return linear
    pairs = list(zip(values, shifts, strict=True))
    moved = [value if shift is None else _objects(value + shift) for value, shift in pairs]
    change = _objects(_applied(op, moved, attributes, dtype) - result)
    unclear = _each(mpmath.isnan, change)
    if unclear.any():
        # inf - inf or nan - nan: not moved at all, where an element has nothing to do with those that were.
        marked = _applied(op, [_marked(*pair) for pair in pairs], attributes, dtype)
        change[unclear & ~_each(mpmath.isnan, marked)] = mpmath.mpf(0)
    return change


def _linear(
    op: Op, values: Sequence[Any], shifts: Sequence[Elements | None], attributes: dict[str, Any], dtype: str
) -> Elements | None:
    """The shift of a result that is linear in what is moved: exact, whatever the values are. None for other ops."""
    moves = [_zeros(np.shape(value)) if shift is None else shift for value, shift in zip(values, shifts, strict=True)]
    linear = op.places(op.linear, len(values))
    if linear and all(shift is None or place in linear for place, shift in enumerate(shifts)):
        mixed = [moves[place] if place in linear else value for place, value in enumerate(values)]
        return _applied(op, mixed, attributes, dtype)
    if op.name == "astype":
        return _copied(moves[0])
    if op.name == "divide" and shifts[0] is not None and shifts[1] is None:
        quotient = _applied(op, [moves[0], values[1]], attributes, dtype)
        return _objects(np.where(np.broadcast_to(moves[0] == 0, quotient.shape), mpmath.mpf(0), quotient))
    if op.name in ("multiply", "matmul", "vecdot", "outer"):
        parts = [
            _product(op, [*values[:place], shift, *values[place + 1 :]], place, attributes, dtype)
            for place, shift in enumerate(shifts)
            if shift is not None
        ]
        if len(parts) == 2:
            parts.append(_applied(op, moves, attributes, dtype))
        return _objects(sum(parts[1:], parts[0]))
    return None


def _product(op: Op, factors: Sequence[Any], moved: int, attributes: dict[str, Any], dtype: str) -> Elements:
    """The product of a shift, the factor at `moved`, and a value. A shift of 0 beside an infinity or nan gives 0."""
    whole = _applied(op, factors, attributes, dtype)
    finite = _each(mpmath.isfinite, _objects(factors[1 - moved]))
    if finite.all():
        return whole

    def with_factors(shift: Any, value: Any) -> Elements:
        numbers = [_exact(_objects(one)) for one in ((shift, value) if moved == 0 else (value, shift))]
        return _applied(op, [_objects(one) for one in numbers], attributes, dtype)

    shift, value = factors[moved], factors[1 - moved]
    apart = with_factors(shift, np.where(finite, value, mpmath.mpf(0)))
    meets = with_factors(np.where(shift != 0, 1, 0), np.where(finite, 0, 1))
    return _objects(np.where(meets != 0, whole, apart))


def _marked(value: Any, shift: Elements | None) -> Any:
    """An operand with nan where it is moved, and an ordinary number where it is not finite."""
    if shift is not None:
        return _objects(np.where(shift == 0, ORDINARY, mpmath.nan))
    if isinstance(value, np.ndarray):
        return _objects(np.where(_each(mpmath.isfinite, value), value, ORDINARY))
    return value


def _directions(tensors: list[_Tensor]) -> set[Direction]:
    return set[Direction]().union(*(tensor.directions for tensor in tensors))


def _doubts(tensors: list[_Tensor]) -> _Doubts:
    doubts = _Doubts()
    for tensor in tensors:
        doubts |= tensor.storage.doubts | _Doubts(negative_zero=_turns_zeros(tensor.value, tensor.chain))
    return doubts


def _turns_zeros(numbers: Any, chain: Sequence[ViewStep]) -> bool:
    """Whether a zero gets the other sign on its way through a chain: among imaginary parts that it conjugates."""
    conjugated = sum(step.op.name == "conj" for step in chain) % 2 == 1
    return conjugated and any(part == 0 for part in exact.parts(numbers))


def _doubts_of_numbers(written: Sequence[Any]) -> _Doubts:
    """Those that come with the numbers among operands and attributes."""
    numbers = [number for number in written if isinstance(number, float) or is_number_word(number)]
    return _Doubts(negative_zero=any(_is_negative_zero(number, from_number(number)) for number in numbers))


def _doubts_of_result(op: Op, values: Sequence[Any], result: Elements, dtype: str, inherited: _Doubts) -> _Doubts:
    """What has to be known of an op's result."""
    unknown = inherited.unknown
    if unknown is None and inherited.negative_zero and exact.sign_of_zero_decides(op.name, values):
        unknown = SIGN_OF_ZERO
    multiplied_out = exact.any_complex(*values, result) and op.name not in exact.REARRANGING
    if unknown is None and multiplied_out and not all(map(mpmath.isfinite, exact.parts(*values, result))):
        unknown = NON_FINITE_PARTS
    if dtype not in DIFFERENTIABLE_DTYPES:
        if unknown is None and dtype == "int64" and not all(-(2**63) <= number < 2**63 for number in result.flat):
            unknown = WRAPPED
        return replace(inherited, unknown=unknown, negative_zero=False)
    return _Doubts(
        unknown,
        exact.negative_zero_may_arise(op.name, values, result, inherited.negative_zero),
        inherited.coarse or (_is_single(dtype) and op.name not in exact.WITHOUT_ROUNDING),
        inherited.beyond or _beyond(result, dtype),
    )


def _beyond(result: Elements, dtype: str) -> str:
    """What happens to a number of the result that the dtype cannot hold; empty when it can hold them all."""
    largest, smallest = _range(dtype)
    sizes = [abs(number) for number in exact.parts(result) if mpmath.isfinite(number) and number != 0]
    if any(size > largest for size in sizes):
        return f"overflow: a number on the way is beyond the range of {dtype}"
    if any(size < smallest for size in sizes):
        return f"underflow: a number on the way is nearer to zero than any {dtype}"
    return ""


def _from_sides(derivatives: list[Any], shape: tuple[int, ...], dtype: str) -> Elements:
    """Derivatives along each element as an array; along the two parts of each complex element as complex numbers."""
    if not is_complex(dtype):
        return _array(derivatives, shape)
    pairs = zip(derivatives[::2], derivatives[1::2], strict=True)
    return _array([mpmath.mpc(real, imaginary) for real, imaginary in pairs], shape)


def _range(dtype: str) -> tuple[float, float]:
    limits = np.finfo(dtype)
    return float(limits.max), float(limits.smallest_subnormal)


def _array(numbers: Any, shape: tuple[int, ...]) -> Elements:
    array = np.empty(shape, dtype=object)
    array.flat[:] = numbers if isinstance(numbers, list) else np.ravel(numbers)
    return array


def _scale(size: Any) -> Any:
    """The power of two that a step is taken relative to: near the size of the element, and 1 at zero."""
    if size == 0 or not mpmath.isfinite(size):
        return mpmath.mpf(1)
    return mpmath.mpf(2) ** max(mpmath.mag(size), -40)


# ---- observations ----


def _floats(array: Elements, dtype: str) -> np.ndarray[Any, Any]:
    if dtype in ("int64", "bool"):
        return np.array(array.astype(dtype))
    if is_complex(dtype):
        parts = _floats(_stored(array, dtype), PARTS[dtype])
        return np.ascontiguousarray(parts).view(np.complex128)[..., 0]
    values = np.array(array.astype(np.float64))
    # What the dtype cannot hold is an infinity in it.
    return np.where(np.abs(values) > _range(dtype)[0], np.copysign(np.inf, values), values)


def _observed(tensor: _Tensor) -> Observed | _Withdrawn:
    doubts = tensor.storage.doubts
    if doubts.unknown is not None:
        return doubts.unknown
    if doubts.coarse and not _is_single(tensor.dtype):
        return FLOAT32_ON_THE_WAY
    return Array(_floats(tensor.value, tensor.dtype), tensor.dtype)


def _observed_gradient(gradient: _Gradient) -> Observed | _Withdrawn:
    held = gradient.tensor
    if held.storage.doubts.unknown is not None:
        return held.storage.doubts.unknown
    if gradient.vectors is not None:
        return Directional(gradient.vectors, tuple(float(number) for number in held.storage.value))
    if not gradient.smooth:
        return OneSided(_floats(gradient.left, held.dtype), _floats(gradient.right, held.dtype))
    return _observed(held)

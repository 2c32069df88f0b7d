"""What a case holds: tensors with their operators, `.grad` slots, hooks, and tape facts that are not read yet.

None of them computes: each asks its tape to record what the case says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from compare.errors import CaseError, ProgramError
from compare.facts import is_same
from compare.statements import (
    AssignData,
    Data,
    Detach,
    DetachInPlace,
    ReadKind,
    Ref,
    RequiresGrad,
    RetainGrad,
    SetGrad,
    as_number,
)
from compare.tape.sites import current_site
from compare.tape.words import IN_PLACE_WORDS, check_op

if TYPE_CHECKING:
    from compare.tape.hooks import Hook
    from compare.tape.tape import Tape

__all__ = ["GradSlot", "Node", "Operators", "Pieces", "Reading", "Tensor", "operand_of", "reading_of"]


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


# ---- tensors ----


class Operators:
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
        return self._tape._get_item(self._tensor(), index)

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
            check_op(op)
            return lambda *operands, **attributes: self._tape._write(self, op, operands, attributes)
        check_op(name)
        return lambda *operands, **attributes: self._tape._call(name, (self, *operands), attributes)

    def _no_value(self, what: str) -> NoReturn:
        raise CaseError(
            f"{what} needs a value, and a case is recorded before any value exists. "
            "Write the computation without branching on tensor values.",
            line=current_site().line,
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
            raise ProgramError(f"'{tensor._name}' has no axis to iterate over.", line=current_site().line)
        return iter(self._tape._unpack("unstack", (tensor,), {}))

    def __len__(self) -> int:
        shape = self._tensor().shape
        if not shape:
            self._no_value("len() of a scalar")
        return shape[0]


class GradSlot(Operators):
    """`tensor.grad`: something to read, or a tensor to compute with."""

    def __init__(self, tensor: Tensor) -> None:
        self._tape = tensor._tape
        self._source = tensor

    def _tensor(self) -> Tensor:
        return self._tape._grad(self._source, named=False)


class Tensor(Operators):
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
        return GradSlot(self) if current_site().hint is None else self._tape._grad(self, named=True)

    @grad.setter
    def grad(self, value: Tensor | GradSlot | None) -> None:
        """Put a tensor into the slot, or empty it."""
        own = self._tape._facts.handle(self._name)
        source = None if value is None else operand_of(self._tape, value)
        if source is not None and not isinstance(source, Ref):
            raise CaseError("A .grad slot holds a tensor or None.", line=current_site().line)
        held = self._tape._facts.gradients.slots.get(own.family.number)
        # `a.grad *= 2` ends by assigning the tensor that it has just written, which the slot holds already.
        if source is not None and held is not None and self._tape._facts.handle(source.name).tensor == held.tensor:
            return
        name = None if source is None else source.name
        self._tape._record(SetGrad(handle=self._name, source=name, line=current_site().line))

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
        operand = operand_of(self._tape, value)
        if not isinstance(operand, Ref):
            raise CaseError("A tensor is assigned to .data; make the number a tape.constant.", line=current_site().line)
        facts = self._tape._facts
        # `a.data += 1` ends by assigning the alias that it has just written.
        if not is_same(facts.handle(operand.name), facts.handle(self._name)):
            self._tape._record(AssignData(handle=self._name, source=operand.name, line=current_site().line))

    def detach_(self) -> Tensor:
        """Take this very tensor's history away. Returns the same tensor."""
        self._tape._record(DetachInPlace(handle=self._name, line=current_site().line))
        return self

    def requires_grad_(self, flag: bool = True) -> Tensor:
        """Switch tracking on or off from here on. Returns the same tensor."""
        self._tape._record(RequiresGrad(handle=self._name, flag=flag, line=current_site().line))
        return self

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf in `.grad` at the next backward."""
        self._tape._record(RetainGrad(handle=self._name, line=current_site().line))

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
            raise CaseError(_SETTERS[name], line=current_site().line)
        super().__setattr__(name, value)


_SETTERS = {
    "requires_grad": "Write a.requires_grad_() or a.requires_grad_(False).",
}
"""Attributes of a PyTorch tensor that a case may try to assign, and what to do instead."""


class Pieces:
    """The views of an op that returns several, of which the case takes one at once: `x.unstack()[0]`."""

    def __init__(self, take: Callable[[int], Tensor]) -> None:
        self._take = take

    def __getitem__(self, position: int) -> Tensor:
        return self._take(position)


def operand_of(tape: Tape, value: Any) -> Any:
    """A value of the case as an operand: a Ref to a tensor of this tape, or a number. Raises ProgramError."""
    if isinstance(value, Operators):
        tensor = value._tensor()
        if tensor._tape is not tape:
            raise ProgramError(
                "A function or hook may use its arguments and numbers only; a tensor from outside it is not "
                "supported. Pass it as an argument.",
                line=current_site().line,
            )
        return Ref(tensor._name)
    number = as_number(value)
    if not isinstance(number, bool | int | float | str) or isinstance(value, str):
        raise ProgramError(
            f"{type(value).__name__} is not an operand: use tensors of the tape and Python numbers.",
            line=current_site().line,
        )
    return number


def reading_of(what: Any) -> Reading:
    """What a declaration speaks of. Raises CaseError."""
    if isinstance(what, GradSlot):
        return Reading(what._source, "grad")
    if isinstance(what, Tensor):
        return Reading(what, "value")
    if isinstance(what, Reading):
        return what
    raise CaseError(
        f"expect and observe read a tensor, its .grad, or a tape fact, not {type(what).__name__}.",
        line=current_site().line,
    )

"""The pure program: single-assignment values, gradient requests, and what is observed.

A value is never written again. `operands` are the values it is computed from; `differentiable` are those among them
that a derivative flows back to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from compare.ops import DIFFERENTIABLE, Op, Shape
from compare.statements import DefineFunction, Member, Number, RegisterHook

__all__ = [
    "Accumulated",
    "Applied",
    "Call",
    "Differentiable",
    "Given",
    "Gradient",
    "HookedAt",
    "Lost",
    "PureProgram",
    "Put",
    "Region",
    "Result",
    "Shown",
    "StopGradient",
    "StraightThrough",
    "Value",
]  # fmt: skip

V = TypeVar("V", bound="Value")


@dataclass(eq=False, repr=False)
class Value:
    """One binding.

    hint: the name it should get; a leading underscore means that it has no name of its own.
    origin: the index of the tape statement that made it.
    number: its place in the program. operands: the values it is computed from.
    tracked: a derivative flows back through it.
    """

    hint: str
    origin: int
    shape: Shape
    dtype: str
    number: int = field(default=-1, init=False)
    operands: tuple[Value, ...] = field(default=(), init=False)
    tracked: bool = field(default=False, init=False)

    @property
    def differentiable(self) -> tuple[Value, ...]:
        """The operands that a derivative flows back to."""
        return tuple(operand for operand in self.operands if operand.tracked)


@dataclass(eq=False, repr=False)
class Given(Value):
    """Data written in the program."""

    data: Any


@dataclass(eq=False, repr=False)
class Applied(Value):
    """An op of the vocabulary. `arguments` mixes values and numbers."""

    op: Op
    arguments: tuple[Value | Number, ...]
    attributes: dict[str, Any]

    def __post_init__(self) -> None:
        self.operands = tuple(argument for argument in self.arguments if isinstance(argument, Value))
        self.tracked = self.dtype in DIFFERENTIABLE and any(operand.tracked for operand in self.operands)


@dataclass(eq=False, repr=False)
class Put(Value):
    """`base` with the elements that a view shows replaced by `new`."""

    op: Op
    attributes: dict[str, Any]
    base: Value
    new: Value | Number

    def __post_init__(self) -> None:
        self.operands = (self.base, self.new) if isinstance(self.new, Value) else (self.base,)
        self.tracked = any(operand.tracked for operand in self.operands)


@dataclass(eq=False, repr=False)
class StopGradient(Value):
    """The same number without derivative. `named`: the tape said `detach`, so it is printed even where it is idle."""

    source: Value
    named: bool = False

    def __post_init__(self) -> None:
        self.operands = (self.source,)

    @property
    def differentiable(self) -> tuple[Value, ...]:
        return ()


@dataclass(eq=False, repr=False)
class Lost(StopGradient):
    """A value that requires grad on the tape and has no history: derivatives flow through what is computed from it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tracked = True


@dataclass(eq=False, repr=False)
class StraightThrough(Value):
    """An unrecorded write: the value of `new`, the derivative of `old`."""

    new: Value
    old: Value

    def __post_init__(self) -> None:
        self.operands = (self.new, self.old)
        self.tracked = True

    @property
    def differentiable(self) -> tuple[Value, ...]:
        return (self.old,)


@dataclass(eq=False, repr=False)
class Differentiable(Value):
    """A leaf: the number of `source`, and a place where a gradient arrives. `family` is the tape's.

    member: its place among leaves that belong together.
    """

    source: Value
    family: int
    member: Member | None = None

    def __post_init__(self) -> None:
        self.operands = (self.source,)
        self.tracked = True

    @property
    def differentiable(self) -> tuple[Value, ...]:
        return ()


@dataclass(eq=False, repr=False)
class Gradient(Value):
    """The gradient that a region returns for `of`: an input, or a value that retains its gradient.

    It has a derivative of its own where the region is recorded (create_graph).
    """

    region: Region
    of: Value

    def __post_init__(self) -> None:
        # Where nothing differentiates it again, it is a number like any other.
        self.operands = self.region.operands if self.region.recorded else ()
        self.tracked = any(operand.tracked for operand in self.operands)


@dataclass(frozen=True, eq=False, repr=False)
class Call:
    """One call of a function: plainly, recomputed in backward, or with tangents, which stand behind the inputs.

    defined: the index of the statement that defines the function.
    """

    function: DefineFunction
    defined: int
    way: Literal["call", "checkpoint", "jvp"]
    arguments: tuple[Value, ...]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the inputs."""
        return tuple(argument.shape for argument in self.arguments[: len(self.function.parameters)])

    @property
    def count(self) -> int:
        """How many results it has; of a jvp, the tangents count too."""
        return len(self.function.results) * (2 if self.way == "jvp" else 1)


@dataclass(eq=False, repr=False)
class Result(Value):
    """The result of a call at `place`. `sources`: the arguments that a derivative flows back to."""

    call: Call
    place: int
    sources: tuple[Value, ...]

    def __post_init__(self) -> None:
        self.operands = self.call.arguments
        self.tracked = any(source.tracked for source in self.sources)

    @property
    def differentiable(self) -> tuple[Value, ...]:
        return tuple(source for source in self.sources if source.tracked)


@dataclass(eq=False, repr=False)
class Accumulated(Value):
    """The sum that `.grad` holds after one more backward."""

    before: Value
    more: Value

    def __post_init__(self) -> None:
        self.operands = (self.before, self.more)
        self.tracked = self.before.tracked or self.more.tracked


@dataclass(frozen=True, eq=False, repr=False)
class HookedAt:
    """A hook that is live at a backward, on the value that its tensor had when it was registered."""

    value: Value
    hook: RegisterHook

    @property
    def edited(self) -> Value:
        """The value whose gradient it edits: of a hook after a node, the operand of the op."""
        return self.value if self.hook.place != "after" else self.value.operands[0]


@dataclass(eq=False, repr=False)
class Region:
    """One backward: differentiate the roots with respect to leaves, other inputs and retained values.

    cotangents: of the roots; None stands for one.
    arguments: for each value whose gradient is asked for, the value that the differentiated function takes: the value
        itself, or the newest one that was written into it before anything was computed from it.
    anchors: values whose gradient is not asked for, though it is of something that is computed from them.
    recorded: the gradients are differentiated again.
    kept: values that the function computes whether or not its roots need them.
    body: what the function computes, in order. captured: what it reads from outside.
    """

    origin: int
    roots: tuple[Value, ...]
    cotangents: tuple[Value | None, ...]
    arguments: dict[Value, Value]
    retained: tuple[Value, ...]
    hooks: tuple[HookedAt, ...]
    recorded: bool = False
    number: int = 0
    kept: tuple[Value, ...] = ()
    anchors: tuple[Value, ...] = ()
    gradients: list[Gradient] = field(default_factory=list)
    body: tuple[Value, ...] = field(init=False)
    captured: tuple[Value, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.body, self.captured = _between(set(self.arguments.values()), set(self.anchors), self.roots, self.kept)

    @property
    def parameters(self) -> tuple[Value, ...]:
        """What the function takes, each value once."""
        return tuple(dict.fromkeys(self.arguments.values()))

    @property
    def operands(self) -> tuple[Value, ...]:
        """What the call of the function and of its pullback reads."""
        cotangents = (cotangent for cotangent in self.cotangents if cotangent is not None)
        return tuple(dict.fromkeys((*self.parameters, *self.captured, *cotangents)))


def _between(
    arguments: set[Value], anchors: set[Value], roots: tuple[Value, ...], kept: tuple[Value, ...]
) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """The values that depend on arguments or anchors and that the roots depend on; and what those read beside them."""
    found: set[Value] = {*roots, *kept}
    pending = list(found)
    while pending:
        value = pending.pop()
        if value in arguments:
            continue
        for operand in value.operands:
            if operand not in found:
                found.add(operand)
                pending.append(operand)
    depends = arguments | anchors
    body: list[Value] = []
    for value in sorted(found, key=lambda value: value.number):
        if value not in arguments and value not in anchors and any(operand in depends for operand in value.operands):
            depends.add(value)
            body.append(value)
    inside = depends - anchors
    captured = dict.fromkeys(operand for value in body for operand in value.operands if operand not in inside)
    captured.update(dict.fromkeys(root for root in roots if root not in inside))
    return tuple(body), tuple(captured)


@dataclass(frozen=True)
class Shown:
    """An observation: the number of a value, or its dtype."""

    name: str
    value: Value
    what: str
    origin: int


@dataclass
class PureProgram:
    """Values and regions in the order in which the tape made them; observations in the tape's order.

    kept: values that are printed whether or not anything reads them.
    """

    id: str
    title: str
    dtype: str
    values: list[Value] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    kept: list[Value] = field(default_factory=list)

    def add(self, value: V) -> V:
        """Append a value and number it."""
        value.number = len(self.values)
        self.values.append(value)
        return value

"""What a recording is made of: the events of one run of PyTorch code, in order.

They hold PyTorch's own objects, and for each tensor what `Seen` keeps of it, which is one object for one tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, TypeVar

from compare.statements import Member

__all__ = [
    "AskedTape",
    "Called",
    "Event",
    "Filled",
    "GradModeSet",
    "HookRun",
    "Hooked",
    "InferenceModeEntered",
    "InferenceModeLeft",
    "Kept",
    "Looked",
    "Met",
    "RanBackward",
    "Recording",
    "RuleRun",
    "Seen",
    "Site",
    "Stepped",
    "TookFunction",
    "Unhooked",
    "Updated",
]  # fmt: skip

Told = TypeVar("Told")
Site = tuple[tuple[CodeType, int], ...]
"""Where an event happened: the code and the instruction of the innermost line outside of PyTorch, then its callers."""


@dataclass(slots=True, eq=False)
class Seen:
    """What the recording keeps of a tensor, as it was when it was first seen.

    storage: what stands for its memory: one object as long as any tensor uses it, another one for memory that was
        given back and is used again. None of what has no elements, or no memory of its own.
    version: how often it had been written; None where PyTorch does not count.
    base: the tensor that it is a view of, where the recording knows that.
    leaf: it was a leaf; of one that was made to require grad, after that.
    tensor: the tensor itself, where it is needed at the end: it is small, or comes from outside, or collects a
        gradient, or was alive when the run ended. A large result that the code gave up is given up here, too.
    reference: gives the tensor as long as anybody keeps it.
    """

    shape: tuple[int, ...]
    dtype: Any
    layout: Any
    stride: tuple[int, ...]
    offset: int
    storage: Any
    version: int | None
    base: Seen | None
    tracked: bool
    leaf: bool
    tensor: Any
    reference: Any
    met: bool = False

    @property
    def place(self) -> tuple[Any, ...]:
        """Where its numbers are, and how it looks at them: equal for tensors that are the same memory."""
        return id(self.storage), self.offset, self.shape, self.stride, self.dtype


@dataclass(slots=True)
class Called:
    """A function of PyTorch, called with these arguments. Lists in them are copies.

    written: the result was written into a tensor that there was already: `out=`.
    before: of an assignment to `.grad`, a copy of what was there.
    """

    function: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: Any
    site: Site
    written: bool = False
    before: Any = None


@dataclass(slots=True)
class Met:
    """The first use of a tensor that was not seen being made.

    values: a copy of what it held then, without history; None of one that is no plain tensor in this memory.
    stale: what its `.grad` held already. hint: what it is for, where the recorder knows. drawn: its numbers are random.
    variable: the local variable that held it then, if one did.
    """

    tensor: Seen
    values: Any
    stale: Seen | None
    site: Site
    hint: str = ""
    drawn: bool = False
    variable: str = ""


@dataclass(slots=True)
class Filled:
    """A tensor was filled with numbers that no program says: random ones. values: a copy of them."""

    tensor: Seen
    values: Any
    site: Site


@dataclass(slots=True)
class GradModeSet:
    """Recording of history was switched."""

    enabled: bool
    site: Site


@dataclass(slots=True)
class InferenceModeEntered:
    """A `with torch.inference_mode(flag):` block opens."""

    flag: bool
    site: Site


@dataclass(slots=True)
class InferenceModeLeft:
    """The innermost inference-mode block closes."""

    site: Site


@dataclass(slots=True)
class RanBackward:
    """`backward` or `autograd.grad`. What its hooks did follows, as events of their own.

    result: what it returned. numbers: copies of the tensors in it, as they were then.
    error: what it raised, where the code caught that. changed: whether gradients had changed by then.
    """

    function: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    site: Site
    result: Any = None
    numbers: tuple[Any, ...] = ()
    error: str = ""
    changed: bool = False


@dataclass(slots=True)
class HookRun:
    """One call of a tensor hook: the cotangent it got, what it did, and what it returned."""

    cotangent: Seen
    events: list[Event]
    result: Any


@dataclass(slots=True)
class Hooked:
    """A tensor hook was registered. runs: its calls, filled in by later backwards."""

    tensor: Seen
    name: str
    site: Site
    runs: list[HookRun] = field(default_factory=list)


@dataclass(slots=True)
class Unhooked:
    """A tensor hook was removed."""

    hook: Hooked
    site: Site


@dataclass(slots=True)
class RuleRun:
    """One run of the backward rule of a custom function: cotangents in, gradients out."""

    cotangents: tuple[Any, ...]
    events: list[Event]
    result: Any


@dataclass(slots=True)
class TookFunction:
    """`Function.apply`: what its forward did, and what its backward rule did when a backward ran it."""

    kind: Any
    arguments: tuple[Any, ...]
    events: list[Event]
    result: Any
    site: Site
    rules: list[RuleRun] = field(default_factory=list)
    non_differentiable: tuple[Any, ...] = ()
    once_differentiable: bool = False


@dataclass(slots=True)
class Stepped:
    """An optimizer of torch.optim takes a step: its class, and the settings of each of its parameter groups."""

    kind: str
    groups: list[dict[str, Any]]
    site: Site


@dataclass(slots=True)
class Kept:
    """What an optimizer's step had for one parameter. group: the place of its group.

    before: the tensors that the optimizer kept for the parameter, by name. after: those when the step was done.
    count: how many steps there were before, and its dtype, where the optimizer counts them: Python reads that.
    """

    group: int
    parameter: Seen
    gradient: Seen
    before: dict[str, Seen] = field(default_factory=dict)
    count: tuple[float, Any] | None = None
    after: dict[str, Seen] = field(default_factory=dict)


@dataclass(slots=True)
class Updated:
    """A whole step of an optimizer, as one event, with what it takes to do the same again.

    dtype: the default float dtype. calls: the events that it stands for, once they are known.
    """

    kind: str
    groups: list[dict[str, Any]]
    parameters: list[Kept]
    dtype: Any
    site: Site
    calls: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class Looked:
    """Python took numbers out of a tensor (`item`, `bool`, `tolist`, `numpy`), or asked where they are (`storage`).

    values: a copy of them, where Python may write there now.
    """

    word: str
    tensor: Any
    result: Any
    site: Site
    values: Any = None


@dataclass(slots=True)
class AskedTape:
    """The code itself read a fact that only a tape has: `is_leaf`, `_version`, `grad_fn`, a `grad` that is None."""

    what: str
    tensor: Seen
    site: Site


Event = (
    AskedTape | Called | Met | Filled | GradModeSet | InferenceModeEntered | InferenceModeLeft | RanBackward | Hooked
    | Unhooked | TookFunction | Looked | Stepped | Updated
)  # fmt: skip


@dataclass
class Recording:
    """One run: its events, and the error that ended it early, if one did.

    known: what is kept of the tensors that were alive at the end, by their id.
    names: of tensors by id, where something outside of the program names them: a module's parameter, a variable.
    state: names of an optimizer's state by id, as far as it had any when the run ended.
    members: of parameters by id: the module that each belongs to, and its path there.
    results: tensors that are of interest when the run has ended: what a function returned, the variables of a script.
    """

    events: list[Event]
    dtype: str
    known: dict[int, Seen] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    state: dict[int, str] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    results: list[Any] = field(default_factory=list)
    error: BaseException | None = None

    def by_seen(self, told: Mapping[int, Told]) -> dict[int, Told]:
        """What is told of tensors by their id, by the id of what is kept of them."""
        return {id(self.known[number]): one for number, one in told.items() if number in self.known}

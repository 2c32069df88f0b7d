"""What a recording is made of: the events of one run of PyTorch code, in order.

They hold PyTorch's own objects. Tensors are kept alive, so that one tensor is one object as long as the recording is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import CodeType
from typing import Any

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
    "Looked",
    "Met",
    "RanBackward",
    "Recording",
    "RuleRun",
    "Site",
    "Stepped",
    "TookFunction",
    "Unhooked",
]  # fmt: skip

Site = tuple[tuple[CodeType, int], ...]
"""Where an event happened: the code and the instruction of the innermost line outside of PyTorch, then its callers."""


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
    tracked, leaf: it required grad, and was a leaf. stale: what its `.grad` held already.
    hint: what it is for, where the recorder knows. drawn: its numbers are random.
    variable: the local variable that held it then, if one did.
    """

    tensor: Any
    values: Any
    tracked: bool
    leaf: bool
    stale: Any
    site: Site
    hint: str = ""
    drawn: bool = False
    variable: str = ""


@dataclass(slots=True)
class Filled:
    """A tensor was filled with numbers that no program says: random ones. values: a copy of them."""

    tensor: Any
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

    cotangent: Any
    events: list[Event]
    result: Any


@dataclass(slots=True)
class Hooked:
    """A tensor hook was registered. runs: its calls, filled in by later backwards."""

    tensor: Any
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
    saved: tuple[Any, ...]
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
    tensor: Any
    site: Site


Event = (
    AskedTape | Called | Met | Filled | GradModeSet | InferenceModeEntered | InferenceModeLeft | RanBackward | Hooked
    | Unhooked | TookFunction | Looked | Stepped
)  # fmt: skip


@dataclass
class Recording:
    """One run: its events, and the error that ended it early, if one did.

    names: of tensors by id, where something outside of the program names them: a module's parameter, a variable.
    state: names of an optimizer's state by id, as far as it had any when the run ended.
    members: of parameters by id: the module that each belongs to, and its path there.
    results: tensors that are of interest when the run has ended: what a function returned, the variables of a script.
    versions: by id, how often a tensor had been written when it was first seen.
    """

    events: list[Event]
    dtype: str
    names: dict[int, str] = field(default_factory=dict)
    state: dict[int, str] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    results: list[Any] = field(default_factory=list)
    error: BaseException | None = None
    versions: dict[int, int] = field(default_factory=dict)

"""A scope: the names of a program or of a body in it, and the handles that they stand for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from compare.checks import check_identifier
from compare.errors import ProgramError, nearest
from compare.facts.blocks import HOOK
from compare.facts.handles import Family, Handle, Storage, Version, check_renewable
from compare.grad_modes import GradMode
from compare.ops import Shape, is_complex
from compare.statements import DefineFunction

__all__ = ["Scope"]


@dataclass
class Scope:
    """What names stand for, the grad mode, and what is remembered of tensors.

    handles, functions: by name. outer: the handles outside of the hook that runs.
    modes: that outside of all blocks, then that inside each open one.
    counter: gives storages, families and tensors their numbers.
    aliases: by storage, every family that was ever bound outside of hooks on leaves, each with its first name.
    abandoned: tensors that are refused, with the reason. leaf_views: views of constants that were made leaves.
    watched: tensors that ever carried a hook or retained a gradient.
    """

    float_dtype: str = "float64"
    counter: Iterator[int] = field(default_factory=itertools.count)
    modes: list[GradMode] = field(default_factory=lambda: [GradMode()])
    handles: dict[str, Handle] = field(default_factory=dict)
    outer: dict[str, Handle] = field(default_factory=dict)
    functions: dict[str, DefineFunction] = field(default_factory=dict)
    aliases: dict[int, dict[int, str]] = field(default_factory=dict)
    abandoned: dict[int, str] = field(default_factory=dict)
    leaf_views: set[int] = field(default_factory=set)
    watched: set[int] = field(default_factory=set)

    def inner(self) -> Scope:
        """A scope with no names yet, for a body whose tensors are counted on from here."""
        return Scope(float_dtype=self.float_dtype, counter=self.counter)

    # -- grad modes --

    @property
    def recording(self) -> bool:
        """Whether PyTorch records history here."""
        return self.modes[-1].recording

    @property
    def blocks(self) -> list[GradMode]:
        """The grad-mode blocks that are open, innermost last."""
        return self.modes[1:]

    def outside_inference_mode(self, what: str) -> None:
        """Refuse what is not modelled in inference mode. Raises ProgramError."""
        if self.modes[-1].inference:
            raise ProgramError(f"{what} in inference mode is not modelled. Move it out of the block.")

    # -- names --

    def handle(self, name: str, *, history: bool = True) -> Handle:
        """The handle of a name. `history`: PyTorch looks at its history here, and not at its elements only."""
        if name not in self.handles:
            raise ProgramError(f"'{name}' is used before it is bound.{nearest(name, self.handles)}")
        found = self.handles[name]
        if found.tensor in self.abandoned:
            raise ProgramError(f"'{name}' is {self.abandoned[found.tensor]}")
        if history and self.recording:
            check_renewable(found)
        return found

    def tensor(self, name: str, *, history: bool = True) -> Handle:
        """The handle of a name that is used as a tensor. Raises ProgramError where PyTorch has None."""
        found = self.handle(name, history=history)
        if found.is_none:
            raise ProgramError(
                f"'{name}' is used as a tensor, but it is None in PyTorch: the gradient of an input that was not used. "
                "Ask for it with materialize_grads=True, or leave it out."
            )
        return found

    def bind(self, name: str, handle: Handle) -> None:
        """Let a name stand for a handle from here on. Raises ProgramError."""
        check_identifier(name)
        if name in self.functions:
            raise ProgramError(f"'{name}' is the name of a function; choose another name for the tensor.")
        self.handles[name] = replace(handle, name=name)
        if self.modes[-1].block != HOOK:
            self.aliases.setdefault(handle.storage.number, {}).setdefault(handle.family.number, name)

    def enter_hook(self, parameter: str, leaf: Handle) -> None:
        """Put the names aside while a hook runs, which knows its leaf alone, with grad mode off."""
        self.outer, self.handles = self.handles, {}
        self.modes.append(GradMode(HOOK, enabled=False))
        check_identifier(parameter)
        self.handles[parameter] = leaf

    def exit_hook(self) -> None:
        """Take the names up again."""
        self.modes.pop()
        self.handles, self.outer = self.outer, {}

    # -- tensors --

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

    def abandon(self, family: Family, reason: str, *, keeping: Handle) -> None:
        """From here on, refuse the other handles of a family."""
        for other in (*self.handles.values(), *self.outer.values()):
            if other.family is family and other.tensor != keeping.tensor:
                self.abandoned[other.tensor] = reason

    def abandon_leaf_views(self, storage: Storage) -> None:
        """From here on, refuse views of a storage that were made leaves."""
        for other in self.handles.values():
            if other.tensor in self.leaf_views and other.storage is storage:
                self.abandoned[other.tensor] = (
                    "a view that was made a leaf by requires_grad_, and its base requires grad since: whether it still "
                    "is a leaf is not modelled. Clone or detach it before requires_grad_."
                )

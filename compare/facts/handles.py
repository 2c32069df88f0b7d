"""Handles: what a name stands for at one point of a tape program.

A handle is a view of a storage, with a place in a history. Handles of one storage share its elements; those of one
family share history; those that share a version are told of each other's writes.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.errors import ProgramError, RefusedError
from compare.ops import OPS, BasicIndex, Op, Shape

__all__ = [
    "Family",
    "Handle",
    "Link",
    "Storage",
    "Version",
    "ViewStep",
    "check_not_lost",
    "check_renewable",
    "is_item",
    "is_same",
    "overlaps_partly",
    "same_elements",
    "touch",
]


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
        return 0 not in self.shape and any(
            stride == 0 and size > 1 for stride, size in zip(strides, self.shape, strict=True)
        )

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


# ---- the node of a view ----


def check_renewable(handle: Handle) -> None:
    """Refuse an outdated view whose node PyTorch cannot make anew. Raises RefusedError."""
    if handle.outdated and handle.requires_grad and not handle.renewable:
        made = "with others by one op" if handle.piece else "under no_grad"
        raise RefusedError(
            f"'{handle.name}' is a view that was made {made}, and its base has been written since: PyTorch cannot "
            "rebuild its history and raises. Take the view again, or use an index instead."
        )


def touch(handle: Handle) -> None:
    """Do what PyTorch does when it needs the node of a tensor: that of an outdated view is made anew.

    Raises RefusedError where it cannot be.
    """
    if handle.link is not None and handle.outdated and handle.requires_grad:
        check_renewable(handle)
        handle.link.has_node, handle.link.seen = True, handle.version.count


def check_not_lost(handle: Handle, word: str) -> None:
    """Refuse a view that has no node. `word`: what is done to it. Raises ProgramError."""
    if handle.is_lost:
        raise ProgramError(
            f"{word} on '{handle.name}', a view made before its base required grad, or under no_grad: it has no "
            "node, and what PyTorch does then is not modelled. Make the view afterwards, or detach it."
        )


# ---- whether two handles are one ----


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

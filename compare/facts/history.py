"""Where history begins and where it is cut: leaves and constants, detached aliases, requires_grad_, and `.data`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compare.checks import check_data, check_empty_shape, check_member
from compare.errors import ProgramError
from compare.facts.gradients import Gradients
from compare.facts.handles import Family, Handle, Version, check_not_lost
from compare.facts.scope import Scope
from compare.statements import (
    DIFFERENTIABLE_DTYPES,
    DTYPES,
    AssignData,
    Constant,
    Data,
    Detach,
    DetachInPlace,
    Leaf,
    RequiresGrad,
    nested_shape,
)

__all__ = ["assign_data", "detach", "detach_in_place", "make", "requires_grad"]


def make(scope: Scope, gradients: Gradients, statement: Leaf | Constant) -> None:
    """Bind a leaf or a constant. Raises ProgramError."""
    if statement.dtype not in DTYPES:
        raise ProgramError(f"Unknown dtype {statement.dtype!r}. Dtypes: {', '.join(DTYPES)}.")
    tracked = isinstance(statement, Leaf)
    if isinstance(statement, Leaf) and statement.member is not None:
        check_member(statement.member)
    if tracked:
        scope.outside_inference_mode("A leaf made")
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
    handle = scope.fresh(shape, statement.dtype, requires_grad=tracked, is_leaf=True, creator=statement.target)
    if tracked:
        gradients.becomes_leaf(handle)
    if statement.dtype in ("int64", "bool"):
        handle.storage.known = np.array(statement.data, dtype=statement.dtype).reshape(shape)
    scope.bind(statement.target, handle)


def detach(scope: Scope, statement: Detach | Data) -> None:
    """Bind an alias without history: with the version of its source after detach, with one of its own after `.data`."""
    source = scope.tensor(statement.source, history=False)
    family = Family(next(scope.counter), requires_grad=False, is_leaf=True, depth=len(source.chain))
    version = source.version if isinstance(statement, Detach) else Version()
    alias = replace(source, tensor=next(scope.counter), family=family, version=version, link=None)
    scope.bind(statement.target, replace(alias, viewed_without_grad=False, piece=False))


def detach_in_place(scope: Scope, statement: DetachInPlace) -> None:
    """Cut the history of a tensor off. Raises ProgramError."""
    handle = scope.tensor(statement.handle)
    scope.outside_inference_mode("detach_")
    if handle.link is not None or handle.storage.of_jvp:
        raise ProgramError(
            f"detach_ on '{handle.name}', which is a view: PyTorch raises. Use detach, or declare the error with "
            "tape.expect_error."
        )
    if handle.family.of_gradient:
        raise ProgramError(f"detach_ on '{handle.name}', a gradient taken with create_graph. Use detach.")
    if handle.requires_grad:
        _cut(scope, handle, "detach_")


def requires_grad(scope: Scope, gradients: Gradients, statement: RequiresGrad) -> None:
    """Make a leaf of a tensor, or a constant of a leaf. Raises ProgramError."""
    handle = scope.handle(statement.handle)
    if statement.member is not None:
        check_member(statement.member)
    scope.outside_inference_mode("requires_grad_")
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
    check_not_lost(handle, "requires_grad_")
    if statement.flag and not handle.requires_grad:
        _switch_on(scope, gradients, handle)
    elif not statement.flag and handle.requires_grad:
        if not handle.is_leaf:
            raise ProgramError(
                f"requires_grad_(False) on '{handle.name}', which is not a leaf: PyTorch raises. Use detach."
            )
        _cut(scope, handle, "requires_grad_(False)")


def _switch_on(scope: Scope, gradients: Gradients, handle: Handle) -> None:
    if handle.tensor in scope.watched:
        raise ProgramError(
            f"requires_grad_ on '{handle.name}', which was detached in place and has hooks or retains its "
            "gradient: PyTorch keeps those for the new leaf. Use detach, which makes another tensor."
        )
    if handle.overlaps or any(step.expands for step in handle.chain):
        raise ProgramError(
            f"requires_grad_ on '{handle.name}', an expanded tensor: a leaf whose elements share memory is not "
            "modelled. Clone it first."
        )
    scope.abandon_leaf_views(handle.storage)
    if handle.link is not None:
        # A view of a constant becomes a leaf by itself; its base stays a constant.
        family = Family(next(scope.counter), requires_grad=False, is_leaf=True, depth=len(handle.chain))
        handle = replace(handle, family=family, link=None, viewed_without_grad=False)
        scope.handles[handle.name] = handle
        scope.leaf_views.add(handle.tensor)
    handle.family.requires_grad, handle.family.frozen = True, False
    gradients.becomes_leaf(handle)


def _cut(scope: Scope, handle: Handle, word: str) -> None:
    """From here on the tensor does not require grad; what was recorded of it stays."""
    family = handle.family
    family.frozen = family.is_leaf
    family.requires_grad, family.is_leaf, family.leaves = False, True, frozenset()
    scope.abandon(
        family,
        f"a view made before {word} on '{handle.name}': its own history goes on until the next write, which is not "
        "modelled. Make the view afterwards.",
        keeping=handle,
    )


def assign_data(scope: Scope, gradients: Gradients, statement: AssignData) -> None:
    """Give a tensor the storage of another, under the history that it has. Raises ProgramError."""
    handle, source = scope.tensor(statement.handle), scope.tensor(statement.source, history=False)
    scope.outside_inference_mode("Assigning .data")
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
    if gradients.holds(handle):
        raise ProgramError(f"{what}, a tensor that a .grad slot holds. Assign .grad instead.")
    scope.abandon(
        handle.family,
        f"a view made before '{handle.name}.data' was assigned: it shows the old storage, while a write to its "
        "base goes to the new one, which is not modelled. Make the view afterwards.",
        keeping=handle,
    )
    handle.family.depth = len(source.chain)
    shared = {"storage": source.storage, "layout": source.layout, "chain": source.chain}
    handle = replace(handle, **shared, strides_known=source.strides_known)  # type: ignore[arg-type]
    scope.handles[statement.handle] = handle
    gradients.renew_leaf(handle)

"""What writes are refused, and what a write does to versions and histories."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from compare.checks import bound_attributes, check_number, find_op
from compare.errors import ProgramError
from compare.facts.gradients import Gradients
from compare.facts.handles import Handle, Link, ViewStep, overlaps_partly, touch
from compare.facts.operands import check_savable, infer, number_dtype, operands_of
from compare.facts.scope import Scope
from compare.ops import OPS, BasicIndex, Shape, is_complex
from compare.statements import ItemWrite, Ref, Write

__all__ = ["write", "write_item"]


def write(scope: Scope, gradients: Gradients, statement: Write) -> None:
    """Take an op in place. Raises ProgramError."""
    op = find_op(statement.op)
    if op.write is None:
        raise ProgramError(f"{op.name} has no in-place form in PyTorch.")
    target = scope.tensor(statement.handle)
    attributes = bound_attributes(op, len(statement.operands) + 1, statement.attributes)
    found = operands_of(scope, op, statement.operands, first=target)
    shape, dtype = infer(op, found, attributes, scope.float_dtype)
    if shape != target.shape:
        raise ProgramError(
            f"In-place {op.name} on '{target.name}': the result has shape {list(shape)}, "
            f"the tensor {list(target.shape)}. An in-place op cannot grow its tensor."
        )
    _check_cast(dtype, target)
    if is_complex(target.dtype) and not is_complex(dtype):
        raise ProgramError(f"In-place {op.name} on '{target.name}': the result is real, and the tensor complex.")
    sources = [item for item in found if isinstance(item, Handle)]
    _check_writable(scope, gradients, target, sources)
    if scope.recording and any(source.requires_grad for source in sources):
        check_savable(op, sources)
    if op.indexes:
        for source in sources[1:]:
            if source.storage is target.storage and np.shares_memory(source.layout, target.layout):
                raise ProgramError(
                    f"In-place {op.name} on '{target.name}' from '{source.name}': they share elements of one "
                    "storage, which PyTorch refuses. Clone the source."
                )
    _wrote(scope, target, sources[1:])


def write_item(scope: Scope, gradients: Gradients, statement: ItemWrite) -> None:
    """Take a write to the elements that an index names. Raises ProgramError."""
    target = scope.tensor(statement.handle)
    shape = _index_shape(target, statement.index)
    step = ViewStep(OPS["getitem"], {"index": statement.index}, target.shape, target.dtype)
    viewed = replace(
        target, shape=shape, layout=step.aliased(target.layout), chain=(*target.chain, step), link=Link(False, 0)
    )
    sources = [scope.tensor(statement.value.name)] if isinstance(statement.value, Ref) else []
    _check_writable(scope, gradients, viewed, sources)
    if isinstance(statement.value, Ref):
        value = scope.tensor(statement.value.name)
        try:
            fits = np.broadcast_shapes(value.shape, viewed.shape) == viewed.shape
        except ValueError:
            fits = False
        if not fits:
            raise ProgramError(
                f"Item write to '{target.name}': a value of shape {list(value.shape)} does not fit "
                f"{list(viewed.shape)}."
            )
        _check_cast(value.dtype, target)
        mixed = is_complex(target.dtype) and not is_complex(value.dtype)
        if scope.recording and value.requires_grad and mixed and value.shape != viewed.shape:
            raise ProgramError(
                f"Item write to '{target.name}', which is complex, of '{value.name}', which is real, requires grad "
                "and fills several elements: PyTorch fails in the backward pass. Cast it with astype."
            )
    else:
        check_number(statement.value)
        _check_cast(number_dtype(statement.value), target)
    _wrote(scope, target, sources, item=True)


def _check_cast(dtype: str, target: Handle) -> None:
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


def _index_shape(handle: Handle, index: BasicIndex) -> Shape:
    """The shape of the elements that an index names. Raises ProgramError."""
    try:
        return OPS["getitem"].shape((handle.shape,), {"index": index})
    except (ValueError, IndexError) as error:
        raise ProgramError(f"Item write to '{handle.name}' of shape {list(handle.shape)}: {error}") from error


def _check_writable(scope: Scope, gradients: Gradients, handle: Handle, sources: list[Handle]) -> None:
    """Refuse a write through `handle` from the sources where PyTorch does, or where it has no one meaning."""
    reason = _refusal(scope, gradients, handle)
    if reason is not None:
        raise ProgramError(f"In-place write to '{handle.name}': {reason}.")
    tracked = scope.recording and any(one.requires_grad for one in (handle, *sources))
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


def _refusal(scope: Scope, gradients: Gradients, handle: Handle) -> str | None:
    """Why an in-place write through `handle` is refused here, or None."""
    if handle.storage.inference and not scope.modes[-1].inference:
        return (
            "an in-place update of a tensor made in inference mode is not allowed outside of it; clone it first, "
            "or declare the error with tape.expect_error"
        )
    if gradients.retains(handle.storage):
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
    if scope.recording and handle.requires_grad and handle.family.is_leaf:
        what = "a leaf" if handle.link is None else "a view of a leaf"
        return (
            f"{what} that requires grad cannot be written in place; write under tape.no_grad(), "
            "or declare the error with tape.expect_error"
        )
    return None


def _wrote(scope: Scope, handle: Handle, sources: list[Handle], *, item: bool = False) -> None:
    """Take the effect of a write to a tensor, or to an item of it."""
    family = handle.family
    handle.storage.known = None
    if not scope.recording or not any(one.requires_grad for one in (handle, *sources)):
        handle.version.count += 1
        return
    if family.frozen:
        raise ProgramError(
            f"A recorded write to '{handle.name}', a leaf whose requires_grad was switched off: PyTorch refuses "
            "every later backward that reaches the leaf. Clone it before the write."
        )
    for one in (handle, *sources):
        touch(one)
    handle.version.count += 1
    family.requires_grad, family.is_leaf = True, False
    family.leaves = family.leaves.union(*(source.leaves for source in sources))
    scope.abandon_leaf_views(handle.storage)
    if handle.link is not None and not item:
        handle.link.has_node, handle.link.seen, handle.link.hooked = True, handle.version.count, False

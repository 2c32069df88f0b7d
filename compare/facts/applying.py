"""Ops out of place: the handle of each result, a new tensor or a view."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

from compare.checks import bound_attributes, find_op
from compare.errors import ProgramError
from compare.facts.handles import Handle, touch
from compare.facts.operands import check_savable, infer, operands_of
from compare.facts.scope import Scope
from compare.facts.views import view
from compare.statements import DIFFERENTIABLE_DTYPES, Apply, Unpack

__all__ = ["DENSE_RESULTS", "result_of", "take", "unpack"]

DENSE_RESULTS = frozenset({"matmul", "linear", "outer", "softmax", "log_softmax", "stack", "contiguous_clone"})
"""Ops whose result has the strides of its shape, whatever strides their operands have."""


def take(scope: Scope, statement: Apply) -> None:
    """Bind the result of an op in a body. Raises ProgramError at the line of the op."""
    try:
        scope.bind(statement.target, result_of(scope, statement))
    except ProgramError as error:
        error.line = error.line or statement.line
        raise


def result_of(scope: Scope, statement: Apply) -> Handle:
    """The handle of the result, not bound yet. Raises ProgramError."""
    op = find_op(statement.op)
    if op.torch is None:
        raise ProgramError(f"{op.name} has no out-of-place form in PyTorch; clone the tensor, then write into it.")
    attributes = bound_attributes(op, len(statement.operands), statement.attributes)
    found = operands_of(scope, op, statement.operands)
    shape, dtype = infer(op, found, attributes, scope.float_dtype)
    tensors = [item for item in found if isinstance(item, Handle)]
    if op.view is not None:
        return view(scope, op, tensors[0], attributes, shape, dtype)
    carrying = [
        item
        for name, item in zip_longest(op.operand_names, found)
        if isinstance(item, Handle) and name not in op.without_history
    ]
    tracked = scope.recording and dtype in DIFFERENTIABLE_DTYPES and any(item.requires_grad for item in carrying)
    if tracked:
        check_savable(op, tensors)
        for item in tensors:
            touch(item)
    leaves = frozenset[int]().union(*(item.leaves for item in carrying)) if tracked else frozenset[int]()
    handle = scope.fresh(
        shape, dtype, requires_grad=tracked, is_leaf=not tracked, leaves=leaves, creator=statement.target
    )
    handle.storage.uncounted = all(item.storage.inference for item in tensors)
    # A dense result with one axis at most has one layout only, whatever its operands had.
    one_axis = sum(size > 1 for size in shape) <= 1
    dense = one_axis or op.name in DENSE_RESULTS
    known = dense or all(item.strides_known and item.in_order for item in tensors)
    return replace(handle, strides_known=known)


def unpack(scope: Scope, statement: Unpack) -> None:
    """Bind the several views that an op returns at once. Raises ProgramError."""
    op = find_op(statement.op)
    if op.view is None or op.view.pieces is None:
        raise ProgramError(f"{op.name} does not return several views at once.")
    source = scope.tensor(statement.source)
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
        scope.bind(piece.target, result_of(scope, piece))

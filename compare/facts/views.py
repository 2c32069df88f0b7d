"""What a view shows, and what it has to do with the history of its base."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from compare.errors import ProgramError, RefusedError
from compare.facts.handles import Handle, Link, ViewStep, touch
from compare.facts.scope import Scope
from compare.ops import Op, Shape

__all__ = ["view"]


def view(scope: Scope, op: Op, base: Handle, attributes: dict[str, Any], shape: Shape, dtype: str) -> Handle:
    """The handle of a view, or of the copy that some ops make where the strides allow none. Raises ProgramError."""
    step = ViewStep(op, attributes, base.shape, base.dtype)
    _check_parts(op, base)
    assert op.view is not None
    if op.view.otherwise is not None and not base.strides_known:
        raise ProgramError(
            f"{op.name} of '{base.name}': whether PyTorch makes a view depends on strides that the program does "
            "not fix. Clone the operand of the transpose, or reshape before it."
        )
    try:
        layout = step.aliased(base.layout)
    except ValueError as error:
        if op.view.otherwise == "copy":
            tracked = scope.recording and base.requires_grad
            if tracked:
                touch(base)
            leaves = base.leaves if tracked else frozenset()
            return scope.fresh(
                shape, base.dtype, requires_grad=tracked, is_leaf=not tracked, leaves=leaves, creator=base.name
            )
        raise RefusedError(
            f"{op.name} of '{base.name}': its strides allow no view of that shape, and PyTorch raises. Use "
            "reshape, which copies then."
        ) from error
    if base.tensor in scope.leaf_views:
        raise ProgramError(
            f"A view of '{base.name}', a view that was made a leaf by requires_grad_: which of the two a gradient "
            "reaches after a write is not modelled. Clone or detach it before requires_grad_."
        )
    if scope.recording:
        touch(base)
    return replace(
        base,
        tensor=next(scope.counter),
        shape=shape,
        dtype=dtype,
        layout=layout,
        chain=(*base.chain, step),
        link=Link(scope.recording and base.requires_grad, base.version.count),
        viewed_without_grad=base.viewed_without_grad or not scope.recording,
        piece=base.piece or (scope.recording and op.view.pieces is not None),
    )


def _check_parts(op: Op, base: Handle) -> None:
    """Refuse a view of complex numbers that is none, or that PyTorch refuses to take. Raises ProgramError."""
    if op.name in ("imag", "view_as_real") and base.conjugated:
        raise ProgramError(
            f"{op.name} of '{base.name}', a conjugated view: its imaginary parts are stored with the other sign. "
            f"Take {op.name} of what it is a view of, or clone it first."
        )
    if op.name != "view_as_complex":
        return
    starts = [array.__array_interface__["data"][0] for array in (base.layout, base.storage.layout)]
    *strides, last = base.layout.strides
    if not base.strides_known or last != 1 or any(one % 2 for one in (starts[0] - starts[1], *strides)):
        raise ProgramError(
            f"view_as_complex of '{base.name}': the two parts of each number must lie side by side in the storage. "
            "Clone it first, or put the parts together with complex."
        )

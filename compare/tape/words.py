"""PyTorch's words for ops that have another name here, and the answer to a word that is no op."""

from __future__ import annotations

from compare.errors import ProgramError, nearest
from compare.ops import OPS
from compare.tape.sites import current_site

__all__ = ["IN_PLACE_WORDS", "check_op"]

IN_PLACE_WORDS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "div": "divide", "pow": "power", "neg": "negative",
    "fill": "fill", "copy": "copy", "clamp": "clip", "zero": "zeros_like",
}  # fmt: skip
"""PyTorch's words for in-place ops, where they differ from the name of the row."""

_PYTORCH_WORDS = {
    "permute": "permute_dims", "transpose": "swapaxes", "movedim": "moveaxis", "unbind": "unstack",
    "index_select": "take", "gather": "take_along_axis", "take_along_dim": "take_along_axis", "t": "matrix_transpose",
    "mT": "matrix_transpose", "T": "matrix_transpose", "unsqueeze": "expand_dims", "expand": "broadcast_to",
    "cat": "concat", "clamp": "clip", "mul": "multiply", "sub": "subtract", "div": "divide", "pow": "power",
    "neg": "negative", "amax": "max", "amin": "min", "cumsum": "cumulative_sum", "cumprod": "cumulative_prod",
    "norm": "vector_norm", "to": "astype", "double": "astype", "float": "astype", "gt": "greater", "lt": "less",
    "eq": "equal", "ne": "not_equal", "mm": "matmul", "bmm": "matmul", "mv": "matmul", "dot": "vecdot",
}  # fmt: skip
"""PyTorch's word for an op that has another name here; only for the answer to an unknown op."""

_REFUSED_WORDS = {
    **dict.fromkeys(
        ("masked_select", "nonzero", "argwhere", "unique"),
        "returns as many elements as the values decide, and JAX refuses such a shape where it compiles; "
        "compute with every element: where(mask, x, 0)",
    ),
    "masked_scatter": "takes one value for each True of the mask, which JAX has no op for; write where(mask, value, x)",
    "as_strided": "speaks of strides, which a JAX array does not have; use an index, or permute_dims",
    "unfold": "makes windows that overlap in one storage; index with the positions of each window",
    "put": "counts through the flattened tensor; index with positions",
}
"""PyTorch's words that have no row, and why."""


def check_op(name: str) -> None:
    """Refuse what is no op. Raises ProgramError naming the op that is meant, or the way around."""
    if name in _REFUSED_WORDS:
        raise ProgramError(f"{name} {_REFUSED_WORDS[name]}.", line=current_site().line)
    if name not in OPS:
        meant = f" PyTorch's {name} is '{_PYTORCH_WORDS[name]}' here." if name in _PYTORCH_WORDS else nearest(name, OPS)
        raise ProgramError(f"Unknown op '{name}'.{meant}", line=current_site().line)

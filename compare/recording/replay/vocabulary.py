"""What PyTorch's functions are on a tape, where they are neither a row nor a composite. By their bare names."""

from __future__ import annotations

__all__ = [
    "CASTS",
    "COPIES",
    "MAY_DO_NOTHING",
    "NARROW",
    "SEVERAL",
    "SEVERAL_VIEWS",
    "SHAPES_IN_PLACE",
    "SPARSE",
    "WORDS",
]

CASTS = frozenset("to float double half bfloat16 long int short bool type type_as cfloat cdouble".split())
COPIES = frozenset("tensor as_tensor asarray".split())
SEVERAL_VIEWS = {"unbind": "unstack", "split": "split", "split_with_sizes": "split", "chunk": "chunk"}
SPARSE = frozenset("to_sparse to_dense".split())
SHAPES_IN_PLACE = frozenset("t_ transpose_ swapaxes_ swapdims_ squeeze_ unsqueeze_".split())
"""Methods that make the tensor itself a view of what it was."""
OWN_WORDS = frozenset(
    "detach detach_ data.__get__ data.__set__ grad.__get__ grad.__set__ grad.__delete__ requires_grad_ "
    "requires_grad.__set__ retain_grad contiguous __getitem__ __setitem__ alias positive T.__get__".split()
)
WORDS = OWN_WORDS | CASTS | COPIES | SPARSE | frozenset(SEVERAL_VIEWS)
"""What the tape has words of its own for."""

MAY_DO_NOTHING = CASTS | frozenset(
    "contiguous resolve_conj resolve_neg cpu conj real.__get__ atleast_1d atleast_2d atleast_3d to_dense as_tensor "
    "asarray".split()
)
"""Functions that return the very tensor that they got, where there is nothing to do."""

SEVERAL = frozenset({"axes", "repetitions", "shape", "widths"})
"""Attributes that are tuples; PyTorch takes one number for a tuple of one."""
NARROW = frozenset("int8 int16 int32".split())
"""Dtypes of positions and labels, read as int64 is; what is computed from some, and would be one, is refused."""

"""The dtypes that rows tell apart."""

from __future__ import annotations

__all__ = ["COMPLEX", "DIFFERENTIABLE", "FLOATS", "PARTS", "is_complex"]

FLOATS = ("float32", "float64")
COMPLEX = {"float32": "complex64", "float64": "complex128"}
"""By float dtype, the complex dtype whose parts have it."""
PARTS = {whole: part for part, whole in COMPLEX.items()}
"""By complex dtype, the float dtype of its parts."""
DIFFERENTIABLE = (*FLOATS, *COMPLEX.values())
"""The dtypes that a derivative flows through."""


def is_complex(*dtypes: str) -> bool:
    """Whether there are complex numbers among operands; a bare number is `python-complex`."""
    return any(dtype.removeprefix("python-").startswith("complex") for dtype in dtypes)

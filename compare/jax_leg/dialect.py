"""How numbers, ops and dtypes are written in one program."""

from __future__ import annotations

import ast

from compare.pure import PureProgram
from compare.sources import Expressions, LargeArrays

__all__ = ["Dialect"]


class Dialect:
    """How one program is written in JAX.

    Where anything in it is 64-bit, JAX's 64-bit types are on, and what is not says so.

    wide: 64-bit types are on. float_dtype: what JAX makes of a float. large: data that is not printed.
    """

    def __init__(self, pure: PureProgram) -> None:
        dtypes = {pure.dtype, *(value.dtype for value in pure.values)}
        self.wide = not dtypes.isdisjoint({"float64", "complex128"})
        self.float_dtype = "float64" if self.wide else "float32"
        self.expressions = self.inner_expressions()
        self.large = LargeArrays()

    def inner_expressions(self) -> Expressions:
        """What builds the expressions of a function that is defined statement by statement."""
        return Expressions("jnp", lambda op: op.jax, narrow=not self.wide)

    def dtype_keyword(self, dtype: str) -> dict[str, ast.expr]:
        """`dtype=...` where it is not what JAX makes of a float."""
        return {} if dtype == self.float_dtype else {"dtype": self.expressions.dtype(dtype)}

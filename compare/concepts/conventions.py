"""Points where both gradients are legitimate: kinks, NaN, complex numbers and dtypes."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    DTYPES,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="integer-width",
        title="Integers have 64 bits in PyTorch, and 32 in JAX unless told otherwise.",
        status="silent",
        torch="A tensor made of Python integers is `int64`.",
        jax="An array made of Python integers is `int32` until 64-bit types are enabled. Arithmetic beyond 32 bits "
        "wraps around without an error.",
        why="This is a convention and no difference of concept: JAX defaults to the narrow types for speed.",
        instead="Enable 64-bit types before any array is made: `jax.config.update('jax_enable_x64', True)`.",
        torch_page=torch_reference("torch.arange"),
        jax_page=DTYPES,
    ),
)

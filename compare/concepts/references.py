"""JAX's own mutation: immutability, donation, references and what vjp returns."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import IN_PLACE, jax_guide

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="donation",
        title="A donated array is deleted; PyTorch reuses memory by writing in place.",
        status="jax-only",
        torch="An in-place op reuses the storage, and the name goes on: it shows the new value.",
        jax="A jitted function may reuse the buffer of an argument named in `donate_argnums`. The array that was "
        "passed is deleted, and reading it raises 'Array has been deleted'.",
        why="An array never changes, so memory is reused only by giving the old array up.",
        instead="Rebind the name to the result: `x = jax.jit(f, donate_argnums=0)(x)`.",
        torch_page=IN_PLACE,
        jax_page=jax_guide("Buffer donation", "buffer_donation.html"),
    ),
)

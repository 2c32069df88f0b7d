"""Cutting the derivative: detach, clone and the grad modes."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import jax_reference, torch_reference

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="detach",
        title="Detaching stops the derivative, and shares storage besides.",
        status="exact",
        torch="`detach()` gives the same value without history. It shares storage and version counter with the "
        "original, so a write through either one is seen by both.",
        jax="`lax.stop_gradient` gives the same value, and differentiation takes it for a constant. It cannot be "
        "written.",
        why="The derivative is zero in both; the shared storage shows only when somebody writes, which JAX arrays "
        "rule out.",
        instead="Write `c = lax.stop_gradient(x)`; outside of a differentiated function `c = x` does.",
        torch_page=torch_reference("torch.Tensor.detach"),
        jax_page=jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="clone",
        title="A clone protects from writes, and JAX arrays need no protection.",
        status="idiom",
        torch="`clone()` copies the value to a storage of its own, so that a write to one no longer reaches the "
        "other. The gradient passes through.",
        jax="An array cannot be written, so two names may share one. `jnp.copy` exists, and passes the gradient on.",
        why="A copy is needed only where somebody may write to the original.",
        instead="Bind another name, `c = x`; an update such as `c = c.at[0].set(10.0)` is a new array anyway.",
        torch_page=torch_reference("torch.clone"),
        jax_page=jax_reference("jax.numpy.copy"),
    ),
    Concept(
        id="no-grad",
        title="Under no_grad nothing is recorded; in JAX single values are cut.",
        status="idiom",
        torch="Inside `torch.no_grad()` no op is recorded, and no result requires a gradient.",
        jax="Nothing is recorded unless a function is differentiated. Inside such a function `lax.stop_gradient` cuts "
        "single values.",
        why="A tape records unless it is switched off; JAX differentiates only what it is asked to.",
        instead="Drop the block if its results reach no loss; otherwise cut them: `c = lax.stop_gradient(x * 2)`.",
        torch_page=torch_reference("torch.no_grad"),
        jax_page=jax_reference("jax.lax.stop_gradient"),
    ),
)

"""Cutting the derivative: detach, clone and the grad modes."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    TRANSFORMATIONS,
    jax_reference,
    torch_mechanics,
    torch_reference,
)

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
    Concept(
        id="enable-grad",
        title="Recording can be switched on again inside no_grad; nothing undoes stop_gradient.",
        status="none",
        torch="`torch.enable_grad()` inside a `torch.no_grad()` block records again, and the mode outside is back when "
        "the block closes. What was computed while nothing was recorded stays without history.",
        jax="`lax.stop_gradient` cuts one value where it stands. No block around it changes that.",
        why="The grad mode is a switch that every op asks; a cut is an operation on one value.",
        instead="Cut only what is to be cut: `y = x * lax.stop_gradient(x)`.",
        torch_page=torch_reference("torch.enable_grad"),
        jax_page=jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="grad-switch",
        title="Whether PyTorch records may be decided by a flag, line by line.",
        status="none",
        torch="`torch.set_grad_enabled(flag)` switches recording for all lines that follow, and after `with` for those "
        "of the block.",
        jax="There is no switch. Whether a value is cut can be decided by an argument of the function.",
        why="The tape is one global state that lines of a program turn on and off; a pure function has no such state.",
        instead="Choose the value: `y = x * 2 if edit else lax.stop_gradient(x * 2)`.",
        torch_page=torch_reference("torch.autograd.grad_mode.set_grad_enabled"),
        jax_page=jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="inference-mode",
        title="A tensor made in inference mode can never be saved for backward; no array is second class.",
        status="none",
        torch="In `torch.inference_mode()` nothing is recorded, whatever other mode is set inside. What is made there "
        "has no version counter: outside, PyTorch refuses to save it for backward, while an op that saves nothing "
        "takes it. A write to it raises as well, though by then the value is another one.",
        jax="Every array can enter every differentiated function.",
        why="Without a version counter PyTorch could not notice a write to a saved tensor; JAX arrays are not written.",
        instead="Nothing to write: an array computed anywhere is a constant where it is used, `w * c`.",
        torch_page=torch_mechanics("Inference Mode", "inference-mode"),
        jax_page=TRANSFORMATIONS,
    ),
)

"""Writes that no graph records: no_grad, detached aliases and .data."""

from __future__ import annotations

from compare.concepts.concept import Concept, Contradiction
from compare.concepts.pages import (
    IMMUTABLE,
    IN_PLACE_CHECKS,
    MIGRATION,
    NO_GRAD_MODE,
    STATE,
    STOPPING,
    jax_reference,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="no-grad-write",
        title="A write under no_grad changes the value and keeps the derivative.",
        status="silent",
        torch="Under `no_grad` even a leaf may be written. The write is not recorded but it is counted, so after the "
        "value was saved the backward pass raises.",
        jax="A leaf that was updated is another argument of the next call. For an intermediate the new value and the "
        "old derivative are put together.",
        why="`no_grad` switches the record off, and leaves storage and version counter as they are.",
        instead="Rebind an argument, `w = w - 0.1 * w_grad`; for an intermediate write `x = lax.stop_gradient(new) + "
        "(x - lax.stop_gradient(x))`.",
        torch_page=NO_GRAD_MODE,
        jax_page=STATE,
    ),
    Concept(
        id="detached-write",
        title="A write through a detached alias changes the value and keeps the derivative.",
        status="silent",
        torch="`detach()` shares storage, so `x.detach().fill_(10.)` writes to `x` itself. The write is not recorded "
        "but it is counted: it is legal as long as no op has saved the old value.",
        jax="What `lax.stop_gradient` returns cannot be written. The new value and the old derivative are put "
        "together.",
        why="The write is not recorded, so PyTorch goes on with the derivative of the value that was there before.",
        instead="Write `x = lax.stop_gradient(new) + (x - lax.stop_gradient(x))`, or pass `new` when `x` is an "
        "argument.",
        torch_page=torch_reference("torch.Tensor.detach"),
        jax_page=STOPPING,
    ),
    Concept(
        id="data",
        title="The alias .data shares storage and is watched by nobody.",
        status="idiom",
        torch="`x.data` shares the storage of `x` without its history, as `detach()` does. Its version counter is "
        "its own, so no check sees a write through it.",
        jax="An array is its value, with nothing behind it and no attribute `data`.",
        why="`.data` reaches past autograd, and in JAX differentiation is not attached to arrays in the first place.",
        instead="Use the array itself, or `lax.stop_gradient(x)` inside a differentiated function.",
        torch_page=MIGRATION,
        jax_page=jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="data-write",
        title="A write through .data, before the value is used, is only another value.",
        status="silent",
        torch="`x.data.fill_(10.)` changes the value of `x`: not its version, not its history. Later ops see the "
        "value of the new and the derivative of the old.",
        jax="For an argument, another array is passed. For an intermediate, the new value and the old derivative are "
        "put together.",
        why="The write bypasses the tape, which keeps the derivative of what it recorded.",
        instead="Pass the new array, `jax.grad(loss_fn)(jnp.full_like(x, 10.0))`; for an intermediate write `x = "
        "lax.stop_gradient(new) + (x - lax.stop_gradient(x))`.",
        torch_page=MIGRATION,
        jax_page=STOPPING,
    ),
    Concept(
        id="data-write-after-save",
        title="A write through .data, after the value was saved, makes the gradient wrong without a word.",
        status="silent",
        torch="The backward pass reads the new value where it needs the old one. No version has changed, so no check "
        "fires and the gradient is silently wrong.",
        jax="What was saved cannot be written, so the gradient stays that of the program as it was computed.",
        why="`.data` hides the write from the check that guards saved values; JAX has no way to write.",
        instead="Nothing to write: the new value is a new array, `x_new = jnp.full_like(x, 10.0)`.",
        torch_page=MIGRATION,
        jax_page=IMMUTABLE,
        contradicts=Contradiction(
            claim="PyTorch's note says that in-place functions which raise no error can be trusted to give right "
            "gradients.",
            page=IN_PLACE_CHECKS,
            observed="A write through `.data` or through NumPy is not counted, so nothing is raised and the gradient "
            "is wrong. So it is where a Function keeps a tensor on `ctx` and that is written.",
        ),
    ),
    Concept(
        id="data-assignment",
        title="Assigning .data puts another storage under a tensor, and saved values go with it.",
        status="silent",
        torch="`w.data = new` replaces the storage and not the version. A backward pass that saved `w` then computes "
        "with `new`, and raises nothing; `set_()` under `no_grad` does the same and is counted.",
        jax="A name is bound to another array, and what was saved is the old one.",
        why="A saved tensor is a reference to the tensor object, whatever its storage is by then.",
        instead="Bind the name: `w = new`.",
        torch_page=MIGRATION,
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="no-grad-view",
        title="A view made under no_grad is still an alias; a JAX slice never was.",
        status="silent",
        torch="A slice that is taken under `no_grad` shares the storage. Writing to it with recording on raises 'A "
        "view was created in no_grad mode and is being modified inplace with grad mode enabled'; under `no_grad` the "
        "write reaches the leaf. Outside of the block the slice still requires grad, and no gradient reaches its base.",
        jax="A slice is an array of its own, and what is done to it reaches nothing else.",
        why="The mode decides what is recorded, and sharing is not recorded at all.",
        instead="Update the whole: `w = w.at[:1].add(1.0)`.",
        torch_page=NO_GRAD_MODE,
        jax_page=jax_reference("jax.Array.at"),
    ),
)

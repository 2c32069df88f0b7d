"""In-place writes, and the version counter."""

from __future__ import annotations

from compare.concepts.concept import Concept, Page
from compare.concepts.pages import (
    IMMUTABLE,
    IN_PLACE,
    IN_PLACE_CHECKS,
    REMAT,
    SAVED_TENSORS,
    jax_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="inplace-write",
        title="An in-place write is a new array in JAX.",
        status="idiom",
        torch="`b[0] = 1.0`, `b.mul_(2)` and `b += 1` change the storage, so every alias sees it. On a tracked tensor "
        "the write is recorded, and the gradient passes through it.",
        jax="`.at[]` returns an updated array and leaves the old one as it was. `b[0] = 1.0` raises, and `b += 1` "
        "only rebinds the name. The nearest thing to a write is a reference, `jax.new_ref`, which `jax.grad` supports "
        "in part.",
        why="JAX arrays are immutable, so an update is another value under the same name.",
        instead="Rebind the name: `b = b.at[0].set(1.0)`, or `b = b * 2` for all of it.",
        torch_page=IN_PLACE,
        jax_page=jax_reference("jax.Array.at"),
    ),
    Concept(
        id="inplace-on-leaf",
        title="PyTorch refuses to write to a leaf; in JAX the hazard does not exist.",
        status="none",
        torch="`a += 1` on a leaf that requires a gradient raises 'a leaf Variable that requires grad is being used "
        "in an in-place operation'. An item write raises the same about a view of it.",
        jax="`a += 1` binds the name to a new array, and the old one stays as it was.",
        why="A recorded write would turn the leaf into the result of an op, with no leaf left to collect the "
        "gradient; a new array takes nothing away.",
        instead="Write `a = a + 1`, and pass as the argument whichever of the two the gradient is asked for.",
        torch_page=Page(
            "The Fundamentals of Autograd: Autograd and In-place Operations",
            "https://docs.pytorch.org/tutorials/beginner/introyt/autogradyt_tutorial.html#autograd-and-in-place-operations",
        ),
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="version-counter",
        title="PyTorch counts writes, and JAX has none to count.",
        status="none",
        torch="`_version` counts the writes to a tensor. Views and detached aliases share the counter; `.data` and "
        "`clone()` start one of their own.",
        jax="An array never changes, so it has no version.",
        why="The counter guards values saved for a backward pass against being overwritten, and a JAX array cannot be.",
        instead="Nothing to write; an update is another array: `y = x.at[0].set(1.0)`.",
        torch_page=IN_PLACE_CHECKS,
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="write-after-save",
        title="Writing to a value that a backward pass needs raises; in JAX it cannot be said.",
        status="none",
        torch="The backward pass finds a saved tensor at a newer version than it was saved at, and raises 'one of the "
        "variables needed for gradient computation has been modified by an inplace operation'.",
        jax="A later update makes another array. The gradient stays that of the program as it was computed.",
        why="A saved tensor is a reference to storage that may change; a saved JAX array is a value that may not.",
        instead="Nothing to avoid: after the loss, `b = b.at[0].set(1000.0)` leaves its gradient alone.",
        torch_page=IN_PLACE_CHECKS,
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="saved-value",
        title="Which writes are legal depends on what each op has saved.",
        status="none",
        torch="`sigmoid` and `exp` save their result, `sin` and powers their input. Writing to what was saved makes "
        "the backward pass raise; writing to the other is harmless.",
        jax="JAX saves values as well. Nobody can write to them, so the choice changes no result.",
        why="The check looks only at the tensors that an op kept for its own backward formula.",
        instead="Nothing to avoid; to list what is kept, `from jax.ad_checkpoint import print_saved_residuals` and "
        "call `print_saved_residuals(loss_fn, x)`.",
        torch_page=SAVED_TENSORS,
        jax_page=REMAT,
    ),
)

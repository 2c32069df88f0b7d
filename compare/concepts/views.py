"""Storage and views."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    IMMUTABLE,
    TENSOR_VIEWS,
    jax_guide,
    jax_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="storage-identity",
        title="Shared storage is part of a PyTorch program's meaning, and never of a JAX program's.",
        status="none",
        torch="A write through one of two tensors that share storage is seen through the other.",
        jax="Whether two arrays share a buffer changes no result. `unsafe_buffer_pointer()`, which is undocumented, "
        "shows it on concrete arrays.",
        why="Sharing is noticed only through a write, and a JAX array cannot be written.",
        instead="Nothing to write; to look at it anyway, `x.unsafe_buffer_pointer() == y.unsafe_buffer_pointer()`.",
        torch_page=TENSOR_VIEWS,
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="view",
        title="A view is an alias in PyTorch and a value in JAX.",
        status="silent",
        torch="A slice, a reshape by `view` or a transpose shares storage with its base, and each sees what is "
        "written to the other.",
        jax="A slice or a reshape is an array of its own. A later update of the base does not reach it.",
        why="A view is a window onto storage that may change; where nothing changes, a window and a copy are the same.",
        instead="Take the view again after the base was updated: `v = base[:2]`.",
        torch_page=TENSOR_VIEWS,
        jax_page=jax_guide("jax.numpy module", "jax.numpy.html"),
    ),
    Concept(
        id="view-write",
        title="Writing to a view is writing to its base.",
        status="silent",
        torch="A write to a view changes the base and every other view of it. Autograd rewrites the history of them "
        "all.",
        jax="The base is updated where the view shows it, and its views are taken again.",
        why="The storage belongs to the base; nothing connects a JAX slice to the array it came from.",
        instead="Write the base, `base = base.at[:2].set(value)`, and take its views again, `v = base[:2]`.",
        torch_page=TENSOR_VIEWS,
        jax_page=jax_reference("jax.Array.at"),
    ),
)

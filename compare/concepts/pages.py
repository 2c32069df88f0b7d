"""Pages of the official documentation: how their addresses are made, and those that several concepts point to."""

from __future__ import annotations

from compare.concepts.concept import Page

__all__ = [
    "ARGNUMS", "CUSTOM_VJP", "HOOK_ORDER", "IMMUTABLE", "IN_PLACE", "IN_PLACE_CHECKS", "MIGRATION", "NO_GRAD_MODE",
    "STATE", "STRAIGHT_THROUGH", "TENSOR_VIEWS", "TRANSFORMATIONS", "jax_guide", "jax_reference", "torch_mechanics",
    "torch_reference",
]  # fmt: skip


def torch_reference(name: str) -> Page:
    """The page of one name in PyTorch's reference."""
    return Page(name, f"https://docs.pytorch.org/docs/stable/generated/{name}.html")


def torch_mechanics(section: str, anchor: str) -> Page:
    """A section of the note "Autograd mechanics"."""
    return Page(f"Autograd mechanics: {section}", f"https://docs.pytorch.org/docs/stable/notes/autograd.html#{anchor}")


def jax_reference(name: str) -> Page:
    """The page of one name in JAX's reference."""
    return Page(name, f"https://docs.jax.dev/en/latest/_autosummary/{name}.html")


def jax_guide(title: str, path: str) -> Page:
    """A page of JAX's guides, by its path below the documentation of the newest version."""
    return Page(title, f"https://docs.jax.dev/en/latest/{path}")


IN_PLACE = torch_mechanics("In-place operations with autograd", "in-place-operations-with-autograd")
IN_PLACE_CHECKS = torch_mechanics("In-place correctness checks", "in-place-correctness-checks")
NO_GRAD_MODE = torch_mechanics("No-grad Mode", "no-grad-mode")
HOOK_ORDER = torch_mechanics(
    "The order in which the different hooks are fired", "the-order-in-which-the-different-hooks-are-fired"
)
MIGRATION = Page(
    "PyTorch 0.4.0 Migration Guide: What about .data?", "https://pytorch.org/blog/pytorch-0_4_0-migration-guide/"
)
TENSOR_VIEWS = Page("Tensor Views", "https://docs.pytorch.org/docs/stable/tensor_view.html")

IMMUTABLE = jax_guide("Arrays: JAX arrays are immutable", "101/arrays.html#jax-arrays-are-immutable")
TRANSFORMATIONS = jax_guide("Transformations: grad and vmap", "101/transformations.html")
ARGNUMS = jax_guide(
    "Transformations: Differentiating with respect to different arguments",
    "101/transformations.html#differentiating-with-respect-to-different-arguments",
)
STATE = jax_guide(
    "Stateful computations: Threading state through pure functions",
    "101/state.html#threading-state-through-pure-functions",
)
STRAIGHT_THROUGH = jax_guide(
    "Higher-order derivatives: Straight-through estimator",
    "higher-order.html#straight-through-estimator-using-stop-gradient",
)
CUSTOM_VJP = jax_guide("Custom JVPs or VJPs with custom_jvp and custom_vjp", "301/custom-jvp-vjp.html")

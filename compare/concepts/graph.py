"""The life of the graph, and higher order."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    NESTED_GRAD,
    jax_reference,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="create-graph",
        title="A gradient with create_graph is a gradient inside a differentiated function.",
        status="exact",
        torch="With `create_graph=True` the backward pass is recorded too, and the gradient is a tensor with history.",
        jax="`jax.grad` gives a function, and that function may be called inside another one that is differentiated.",
        why="PyTorch records the ops of the backward pass on the same tape; JAX differentiates the function that "
        "computes the gradient.",
        instead="Nest the calls: `jax.grad(lambda x: jnp.sum(jax.grad(loss_fn)(x)))(x)`.",
        torch_page=torch_reference("torch.autograd.grad"),
        jax_page=NESTED_GRAD,
    ),
    Concept(
        id="retain-graph",
        title="Keeping the graph for a second backward pass is keeping the pullback.",
        status="idiom",
        torch="A backward pass frees what the graph saved. With `retain_graph=True` another pass may go through it.",
        jax="`jax.vjp` returns a pullback that may be called any number of times. It keeps what it needs as long as "
        "somebody holds it.",
        why="The graph is freed by the pass that walks it; a pullback is an ordinary value, and lives as long as it "
        "is held.",
        instead="Call one pullback twice: `y, pullback = jax.vjp(f, x)`, then `pullback(v)` and `pullback(2 * v)`.",
        torch_page=torch_reference("torch.Tensor.backward"),
        jax_page=jax_reference("jax.vjp"),
    ),
)

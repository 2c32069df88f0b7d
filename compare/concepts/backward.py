"""Running backward, and reading `.grad`."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import STATE, jax_reference, torch_mechanics, torch_reference

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="backward",
        title="A backward pass is one call of jax.value_and_grad.",
        status="exact",
        torch="`loss.backward()` walks the recorded graph from a scalar back to its leaves, and puts the gradients in "
        "their `.grad`.",
        jax="`jax.value_and_grad` takes the function that computes the scalar, and makes one that returns the scalar "
        "and its gradients.",
        why="Both run reverse-mode differentiation: PyTorch on the ops that ran, JAX on the function that runs them.",
        instead="Differentiate the function: `loss, w_grad = jax.value_and_grad(loss_fn)(w)`.",
        torch_page=torch_reference("torch.Tensor.backward"),
        jax_page=jax_reference("jax.value_and_grad"),
    ),
    Concept(
        id="backward-gradient",
        title="A backward pass from a given gradient is a vector-Jacobian product.",
        status="exact",
        torch="A root with several elements needs `backward(gradient=v)`, with `v` of the root's shape, to start from.",
        jax="`jax.vjp` returns the value and a function that takes the cotangent `v`. `jax.grad` accepts scalars only.",
        why="A reverse pass always pulls a cotangent back: for a scalar it is 1, for anything else somebody has to "
        "choose it.",
        instead="Pull the cotangent back: `y, pullback = jax.vjp(f, x)`, then `(x_grad,) = pullback(v)`.",
        torch_page=torch_reference("torch.Tensor.backward"),
        jax_page=jax_reference("jax.vjp"),
    ),
    Concept(
        id="backward-without-graph",
        title="Where nothing requires a gradient PyTorch raises, and JAX answers zeros.",
        status="none",
        torch="`backward()` on a root that does not require a gradient raises 'element 0 of tensors does not require "
        "grad and does not have a grad_fn'.",
        jax="There is no flag that could be missing. The gradient with respect to an argument that the result does "
        "not use is zeros.",
        why="PyTorch has no graph to walk and says so; to JAX a function that ignores its argument is a constant, and "
        "the derivative of a constant is zero.",
        instead="Differentiate with respect to an argument that is used, `jax.grad(loss_fn, argnums=0)(a)`; no error "
        "says when it is not.",
        torch_page=torch_mechanics("Setting requires_grad", "setting-requires-grad"),
        jax_page=jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="grad-accumulation",
        title="Each backward pass adds to .grad; in JAX the sum is written out.",
        status="idiom",
        torch="Each backward pass adds its gradient to what `.grad` holds, until `.grad` is set to None or to zeros.",
        jax="Each call returns its own gradients, and nothing is kept between calls.",
        why="`.grad` is state kept on the leaf; a pure function has no place to keep a running sum.",
        instead="Add the gradients: `w_grad = w_grad + jax.grad(loss_fn)(w)`.",
        torch_page=torch_reference("torch.Tensor.grad"),
        jax_page=STATE,
    ),
    Concept(
        id="grad-as-value",
        title="A .grad that is computed with is a returned gradient.",
        status="exact",
        torch="`.grad` holds an ordinary tensor that later ops may read. It has no history of its own unless the "
        "backward pass ran with `create_graph=True`.",
        jax="A gradient is a return value, an array like any other.",
        why="The number is the same, and only the place it is kept differs.",
        instead="Use the returned gradient: `w = w - 0.1 * w_grad`.",
        torch_page=torch_reference("torch.Tensor.grad"),
        jax_page=jax_reference("jax.grad"),
    ),
    Concept(
        id="empty-grad",
        title="A .grad that no backward pass reached is None, and JAX knows no such thing.",
        status="none",
        torch="`.grad` stays None until a backward pass computes a gradient for the leaf.",
        jax="There is no place to be empty. A gradient that is asked for is an array of the argument's shape, and "
        "zeros where the result does not use the argument.",
        why="PyTorch tells 'not reached' from 'reached, and zero'; to JAX both are the derivative zero.",
        instead="Leave the argument out of `argnums`, or read the zeros as no contribution.",
        torch_page=torch_reference("torch.Tensor.grad"),
        jax_page=jax_reference("jax.grad"),
    ),
)

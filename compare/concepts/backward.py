"""Running backward, and reading `.grad`."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    ARGNUMS,
    STATE,
    jax_reference,
    torch_mechanics,
    torch_reference,
)

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
        status="silent",
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
        title="A .grad that no backward pass reached is None, and JAX gives zeros.",
        status="silent",
        torch="`.grad` stays None until a backward pass computes a gradient for the leaf.",
        jax="There is no place to be empty. A gradient that is asked for is an array of the argument's shape, and "
        "zeros where the result does not use the argument.",
        why="PyTorch tells 'not reached' from 'reached, and zero'; to JAX both are the derivative zero.",
        instead="Leave the argument out of `argnums`, or read the zeros as no contribution.",
        torch_page=torch_reference("torch.Tensor.grad"),
        jax_page=jax_reference("jax.grad"),
    ),
    Concept(
        id="zero-grad",
        title="Emptying .grad starts the sum anew; in JAX the sum is simply not added to.",
        status="idiom",
        torch="Setting `.grad` to None lets the next backward pass put a new tensor there. Whoever still holds the old "
        "one keeps it, and later passes leave it alone.",
        jax="There is nothing to empty: every call returns new gradients.",
        why="Only state that is kept between calls has to be reset.",
        instead="Take the gradient of this step alone: `w_grad = jax.grad(loss_fn)(w)`.",
        torch_page=torch_reference("torch.optim.Optimizer.zero_grad"),
        jax_page=STATE,
    ),
    Concept(
        id="assigned-grad",
        title="A tensor assigned to .grad is the one that later backward passes write into.",
        status="idiom",
        torch="After `w.grad = g` the slot holds that very tensor, and the next backward pass adds to `g` in place.",
        jax="The name is bound to another array. Adding to it makes a new array and leaves the old one alone.",
        why="A slot holds a reference to a tensor that can change; a name in a pure program holds a value.",
        instead="Start the sum from that array: `w_grad = w_grad + jax.grad(loss_fn)(w)`.",
        torch_page=torch_reference("torch.Tensor.grad"),
        jax_page=STATE,
    ),
    Concept(
        id="autograd-grad",
        title="The function autograd.grad returns gradients and leaves every .grad alone, as jax.grad does.",
        status="exact",
        torch="`torch.autograd.grad(y, x)` returns the gradients as new tensors. `x` may be an intermediate.",
        jax="`jax.grad` returns the gradients with respect to the arguments of the function that it takes. A function "
        "that starts at an intermediate takes that as its argument.",
        why="Both answer a question instead of changing a state.",
        instead="Choose the arguments: `x_grad = jax.grad(loss_fn, argnums=0)(x, y)`.",
        torch_page=torch_reference("torch.autograd.grad"),
        jax_page=jax_reference("jax.grad"),
    ),
    Concept(
        id="unused-input",
        title="For an unused input PyTorch has an error, None or zeros; JAX has zeros.",
        status="none",
        torch="`torch.autograd.grad` raises for an input that was not used, returns None under `allow_unused=True`, "
        "and zeros under `materialize_grads=True`.",
        jax="The gradient with respect to an argument that the function does not use is zeros, without a word.",
        why="PyTorch tells 'no path in the graph' from 'a path whose derivative is zero'; to JAX both are the "
        "derivative zero.",
        instead="Read zeros as no contribution: `unused_grad = jax.grad(lambda x, y: loss_fn(x), argnums=1)(x, y)`.",
        torch_page=torch_reference("torch.autograd.grad"),
        jax_page=jax_reference("jax.grad"),
    ),
    Concept(
        id="several-roots",
        title="A backward pass from several roots is one pullback of a function with several results.",
        status="exact",
        torch="`torch.autograd.backward([y, z], [v, w])` walks the graph once and adds up what the roots send back.",
        jax="The pullback of a function that returns a tuple takes a tuple of cotangents, and adds up alike.",
        why="Pulling back is linear: the gradients of the roots, each with its cotangent, add up.",
        instead="Return both: `ys, pullback = jax.vjp(lambda x: (f(x), 2 * x), x)`, then "
        "`(x_grad,) = pullback((v, v))`.",
        torch_page=torch_reference("torch.autograd.backward"),
        jax_page=jax_reference("jax.vjp"),
    ),
    Concept(
        id="backward-inputs",
        title="The argument inputs= names the leaves that accumulate, as argnums does.",
        status="exact",
        torch="`backward(inputs=[w])` adds to the `.grad` of `w` alone. Other leaves are left as they are.",
        jax="`argnums` chooses the arguments to differentiate with respect to. The others are constants.",
        why="Both say which derivatives are wanted, and the rest is not computed.",
        instead="Choose the argument: `w_grad = jax.grad(loss_fn, argnums=1)(x, w)`.",
        torch_page=torch_reference("torch.Tensor.backward"),
        jax_page=ARGNUMS,
    ),
)

"""Running backward, and reading `.grad`."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    ARGNUMS,
    IMMUTABLE,
    STATE,
    jax_reference,
    torch_guide,
    torch_mechanics,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="backward",
        title="A backward pass is one call of jax.value_and_grad.",
        status="exact",
        torch="`loss.backward()` walks the recorded graph from a scalar back to its leaves, and puts the gradients "
        "in their `.grad`.",
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
        why="PyTorch has no graph to walk and says so; to JAX a function that ignores its argument is a constant, "
        "and the derivative of a constant is zero.",
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
        torch="Setting `.grad` to None lets the next backward pass put a new tensor there. Whoever still holds the "
        "old one keeps it, and later passes leave it alone.",
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
        jax="`jax.grad` returns the gradients with respect to the arguments of the function that it takes. A "
        "function that starts at an intermediate takes that as its argument.",
        why="Both answer a question instead of changing a state.",
        instead="Choose the arguments: `x_grad = jax.grad(loss_fn, argnums=0)(x, y)`.",
        torch_page=torch_reference("torch.autograd.grad"),
        jax_page=jax_reference("jax.grad"),
    ),
    Concept(
        id="unused-input",
        title="For an unused input PyTorch has an error, None or zeros; JAX has zeros.",
        status="silent",
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
        instead="Return both: `ys, pullback = jax.vjp(lambda x: (f(x), 2 * x), x)`, then `(x_grad,) = pullback((v, "
        "v))`.",
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
    Concept(
        id="chain-rule",
        title="Contributions along all paths add up, and broadcasting is summed back.",
        status="exact",
        torch="A leaf that is used twice gets the sum of both gradients. A broadcast operand gets the sum over the "
        "broadcast axes, and an output that is not used contributes zeros.",
        jax="The same sums, as operations of the jaxpr of the gradient.",
        why="That is the chain rule for functions of several variables.",
        instead="Nothing to rewrite: `jax.grad(lambda a: jnp.sum(x * a + a))(2.0)`.",
        torch_page=torch_mechanics("How autograd encodes the history", "how-autograd-encodes-history"),
        jax_page=jax_reference("jax.grad"),
    ),
    Concept(
        id="forgotten-zero-grad",
        title="A loop that forgets to empty .grad goes on with sums; JAX has nothing to forget.",
        status="silent",
        torch="Each pass adds to `.grad`, so without `zero_grad()` the second step uses the sum of two gradients, "
        "and the third of three.",
        jax="Each call returns the gradient of that call.",
        why="What is kept has to be emptied, and nothing notices when it is not.",
        instead="Use what is returned: `w = w - 0.1 * jax.grad(loss_fn)(w)`.",
        torch_page=torch_reference("torch.optim.Optimizer.zero_grad"),
        jax_page=STATE,
    ),
    Concept(
        id="none-or-zero",
        title="An optimizer skips a gradient of None, and acts on one of zeros.",
        status="silent",
        torch="`zero_grad()` sets `.grad` to None. `step()` passes over such a parameter; one whose gradient is "
        "zeros is still moved by weight decay and momentum.",
        jax="An unused parameter has a gradient of zeros, so an update written as a function moves it.",
        why="None says that there was no gradient; zeros are a gradient.",
        instead="Keep what is not used out of the call and of the update: `w = w - 0.1 * jax.grad(loss_fn)(w)`.",
        torch_page=torch_reference("torch.optim.Optimizer.zero_grad"),
        jax_page=STATE,
    ),
    Concept(
        id="grad-buffer",
        title="A name kept for .grad changes with the next pass; a JAX gradient is a value.",
        status="silent",
        torch="A backward pass adds to the tensor in `.grad` in place, so whoever kept it sees the sum. It copies "
        "what arrives where that could be shared.",
        jax="A gradient is an array that never changes. Two gradients may be one array, which nobody can notice.",
        why="A sum in place saves memory and changes what others hold.",
        instead="Keep it under its name: `first_grad = jax.grad(loss_fn)(w)`.",
        torch_page=torch_reference("torch.Tensor.grad"),
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="gradient-edit",
        title="Editing .grad before a step is a function of the returned gradient.",
        status="idiom",
        torch="`w.grad.mul_(0.5)` and `clip_grad_norm_` change the gradient in place, between the backward pass and "
        "the step.",
        jax="The returned gradient is scaled or clipped, and the step takes the result.",
        why="The step reads what `.grad` holds; a function reads what it is given.",
        instead="Clip what is returned: `w_grad = w_grad / jnp.maximum(1.0, jnp.linalg.norm(w_grad))`.",
        torch_page=torch_reference("torch.nn.utils.clip_grad_norm_"),
        jax_page=STATE,
    ),
    Concept(
        id="gradient-dtype",
        title="A gradient has the dtype of its argument.",
        status="exact",
        torch="A `float16` leaf gets a `float16` gradient, whatever it was computed with. `grad_dtype` of a leaf "
        "asks for another one.",
        jax="The gradient has the dtype of the argument. For another one the argument or the result is cast.",
        why="A gradient is added to what it belongs to.",
        instead="Cast the argument: `jax.grad(loss_fn)(x.astype(jnp.float16))`.",
        torch_page=torch_guide("torch.Tensor", "tensors.html"),
        jax_page=jax_reference("jax.grad"),
        versions="`grad_dtype` is in PyTorch 2.13, and was not yet in PyTorch 2.8.",
    ),
    Concept(
        id="sparse-gradient",
        title="An embedding may give a sparse gradient; jax.grad gives a dense one.",
        status="idiom",
        torch="`nn.Embedding(..., sparse=True)` puts a sparse tensor into `.grad`, with an entry for each look-up.",
        jax="The gradient of an array that was indexed is an array of its shape, with zeros where it was not.",
        why="A gradient in JAX has the type of its argument, and that is dense.",
        instead="Index the table: `jax.grad(lambda w: jnp.sum(w[jnp.array([1, 1, 2])]))(w)`.",
        torch_page=torch_reference("torch.nn.Embedding"),
        jax_page=jax_reference("jax.Array.at"),
    ),
)

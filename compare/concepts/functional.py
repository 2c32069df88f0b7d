"""torch.func, forward mode, and the calling convention of JAX."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    AUXILIARY,
    FUNC_LIMITS,
    IMMUTABLE,
    JACOBIANS,
    NESTED_GRAD,
    PYTREES,
    VECTORIZATION,
    jax_reference,
    torch_guide,
    torch_mechanics,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="functional-grad",
        title="The function torch.func.grad is jax.grad under another name.",
        status="exact",
        torch="`torch.func.grad(f)` returns a function for the gradient, and fills no `.grad`. It knows `argnums` "
        "and `has_aux`, takes tensors only, and stays connected to the recorded graph around it.",
        jax="`jax.grad(f)` is the model of it. Python numbers are accepted, and positional arguments alone can be "
        "differentiated, on both sides.",
        why="Both differentiate a function instead of walking a graph that was recorded.",
        instead="Write `jax.grad(loss_fn, argnums=(0, 1))(x, y)`.",
        torch_page=torch_reference("torch.func.grad"),
        jax_page=jax_reference("jax.grad"),
    ),
    Concept(
        id="backward-in-transform",
        title="A backward pass cannot be run inside a function transformation; jax.grad nests.",
        status="none",
        torch="`backward()` inside `torch.func.grad` raises 'backward() called inside a functorch transform'. "
        "`torch.autograd.grad` inside `torch.func.vmap` finds no graph.",
        jax="There is one way to differentiate, and it may be called inside any transformation.",
        why="A recorded graph is state, and a function transformation follows values and not state.",
        instead="Nest the transformations: `jax.vmap(jax.grad(lambda a: a**2))(x)`.",
        torch_page=FUNC_LIMITS,
        jax_page=NESTED_GRAD,
    ),
    Concept(
        id="vmap",
        title="Both map a function over a batch, gradients included.",
        status="exact",
        torch="`torch.func.vmap` maps over the axes that `in_dims` names. Under `is_grads_batched` "
        "`torch.autograd.grad` runs a backward pass for each cotangent at once.",
        jax="`jax.vmap` maps over the axes that `in_axes` names. A pullback is a function too, and can be mapped "
        "over cotangents.",
        why="Both rewrite each op into its batched form.",
        instead="Map the gradient, `jax.vmap(jax.grad(lambda a: a**2))(x)`, or the pullback: `jax.vmap(jax.vjp(f, "
        "x)[1])(jnp.eye(3))`.",
        torch_page=torch_reference("torch.func.vmap"),
        jax_page=VECTORIZATION,
    ),
    Concept(
        id="vmap-write",
        title="A write inside vmap reaches the caller's tensor; in JAX it only rebinds a name.",
        status="silent",
        torch="An in-place op under `torch.func.vmap` writes to the tensor that the caller passed. It raises when a "
        "mapped value is written into a tensor that is not mapped.",
        jax="`x += y` binds the local name to a new array. The caller's array stays as it was, and nothing has to be "
        "refused.",
        why="One tensor cannot hold a value for each element of a batch; a new array can.",
        instead="Return the new value: `jax.vmap(lambda a, b: a + b, in_axes=(None, 0))(x, y)`.",
        torch_page=FUNC_LIMITS,
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="jacobian",
        title="Jacobians and Hessians have the same names on both sides.",
        status="exact",
        torch="`torch.func` has `jacrev`, `jacfwd` and `hessian`. `torch.autograd.functional` has `jacobian` and "
        "`hessian`, which take the function and its inputs at once.",
        jax="`jax.jacrev`, `jax.jacfwd` and `jax.hessian` return functions.",
        why="A Jacobian is a derivative mapped over a basis, by rows in reverse mode and by columns in forward mode.",
        instead="Write `jax.jacrev(f)(x)` and `jax.hessian(loss_fn)(x)`.",
        torch_page=torch_guide("torch.func API reference", "func.api.html"),
        jax_page=JACOBIANS,
    ),
    Concept(
        id="functional-vjp",
        title="The functions vjp, jvp and linearize are the same on both sides.",
        status="exact",
        torch="`torch.func.vjp` returns the value and a function of the cotangent that may be called again. "
        "`torch.func.jvp` takes tangents, and `torch.func.linearize` returns a function of the tangent.",
        jax="`jax.vjp`, `jax.jvp` and `jax.linearize` do the same. `jax.linear_transpose` exposes the last step, "
        "which turns a linear function round.",
        why="Reverse mode in JAX is a linearized function that is transposed, and each step has a name.",
        instead="Write `y, pullback = jax.vjp(f, x)`, or `y, push = jax.linearize(f, x)` for tangents.",
        torch_page=torch_reference("torch.func.vjp"),
        jax_page=jax_reference("jax.vjp"),
    ),
    Concept(
        id="dual-tensor",
        title="A dual tensor lives inside a level; jax.jvp takes the tangent as an argument.",
        status="idiom",
        torch="`make_dual` puts a tangent beside a tensor inside `dual_level()`, and ops carry it along, in-place "
        "ones too. After the level the tangent is None without a word, and `detach()` gives None as well.",
        jax="`jax.jvp` takes the function, the values and the tangents, and returns both results. What is stopped "
        "has a tangent of zeros.",
        why="A level is state that ends; a function of value and tangent needs none.",
        instead="Pass the tangent: `y, y_dot = jax.jvp(f, (x,), (v,))`.",
        torch_page=torch_guide(
            "torch.autograd: Forward-mode Automatic Differentiation",
            "autograd.html#forward-mode-automatic-differentiation",
        ),
        jax_page=jax_reference("jax.jvp"),
    ),
    Concept(
        id="functional-call",
        title="Calling a module with given parameters is how every JAX model is called.",
        status="exact",
        torch="`torch.func.functional_call(module, parameters, inputs)` runs a module with tensors from a dictionary "
        "in place of its own.",
        jax="A model is a function of its parameters, and gradients come back in the same dictionary.",
        why="What is an exception for an object that owns its parameters is the rule for a function that is given "
        "them.",
        instead="Pass the parameters: `jax.grad(lambda p: jnp.sum(p['w'] * x))({'w': w})`.",
        torch_page=torch_reference("torch.func.functional_call"),
        jax_page=PYTREES,
    ),
    Concept(
        id="grad-and-value",
        title="The pair of value and gradient comes in the opposite order.",
        status="silent",
        torch="`torch.func.grad_and_value` returns the gradient first. With `has_aux` the second part is the pair of "
        "value and auxiliary result.",
        jax="`jax.value_and_grad` returns the value first. With `has_aux` the first part is the pair of value and "
        "auxiliary result.",
        why="The order is a convention, and each name says its own.",
        instead="Unpack in the order of the name: `loss, w_grad = jax.value_and_grad(loss_fn)(w)`.",
        torch_page=torch_reference("torch.func.grad_and_value"),
        jax_page=jax_reference("jax.value_and_grad"),
    ),
    Concept(
        id="has-aux",
        title="A value computed on the way has to be returned to be seen.",
        status="idiom",
        torch="Every intermediate of a recorded computation is there to be read, before and after the backward pass.",
        jax="What a differentiated function computes on the way is gone, unless it is returned beside the scalar "
        "under `has_aux=True`. Returning a pair without it raises.",
        why="A differentiated function runs on tracers, and only what it returns comes out as arrays.",
        instead="Return it as well: `w_grad, h = jax.grad(lambda w: (jnp.sum(w * w), w * 2), has_aux=True)(w)`.",
        torch_page=torch_mechanics("How autograd encodes the history", "how-autograd-encodes-history"),
        jax_page=AUXILIARY,
    ),
    Concept(
        id="traced-graph",
        title="When PyTorch traces, it meets the limits of tracing too.",
        status="idiom",
        torch="`make_fx` and `torch.func.functionalize` turn a program into a graph of pure ops, writes and views "
        "removed. Under them, and under `vmap`, a branch on a value or `.item()` raises.",
        jax="A jaxpr is such a graph from the start, and updates by `.at[]` are already part of it. A branch on a "
        "traced value raises a TracerBoolConversionError.",
        why="A graph that serves many values cannot follow the branch of one of them.",
        instead="Look at the graph, `jax.make_jaxpr(f)(x)`, and branch by value inside it: `jnp.where(x > 0, x, 0.0)`.",
        torch_page=torch_reference("torch.func.functionalize"),
        jax_page=jax_reference("jax.make_jaxpr"),
    ),
)

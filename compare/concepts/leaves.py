"""Leaves, and the gradients of what is none."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    ARGNUMS,
    REFS_AUTODIFF,
    jax_reference,
    torch_mechanics,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="leaf",
        title="A leaf is an argument of the differentiated function.",
        status="exact",
        torch="A tensor made with `requires_grad=True` is a leaf. A backward pass ends at the leaves, and adds to the "
        "`.grad` of each leaf it reaches.",
        jax="`argnums` names the arguments to differentiate with respect to. Their gradients come back as return "
        "values.",
        why="PyTorch finds the inputs by walking the recorded graph back to its leaves; JAX is told them at the call.",
        instead="Make it an argument and name its position: `jax.grad(loss_fn, argnums=(0, 1))(w1, w2)`.",
        torch_page=torch_reference("torch.Tensor.is_leaf"),
        jax_page=jax_reference("jax.grad"),
    ),
    Concept(
        id="requires-grad",
        title="PyTorch asks for a gradient on the tensor, JAX at the call.",
        status="idiom",
        torch="`requires_grad` is a flag of the tensor, and an op that reads a flagged tensor gives a flagged result. "
        "`requires_grad_()` sets it on a leaf, for the ops that follow.",
        jax="An array has no such flag: `argnums` chooses the arguments each time a function is differentiated. "
        "Setting `x.requires_grad = True` is accepted and does nothing.",
        why="A tape has to know beforehand what to record; a function is differentiated after it was written.",
        instead="Name the argument, `jax.grad(loss_fn, argnums=1)(x, w)`; leave it out of `argnums` to freeze it.",
        torch_page=torch_mechanics("Setting requires_grad", "setting-requires-grad"),
        jax_page=ARGNUMS,
    ),
    Concept(
        id="is-leaf",
        title="Being a leaf is a fact of the tape, and a JAX array carries none.",
        status="none",
        torch="`is_leaf` is True for every tensor that no recorded op made: what the user made, and every result that "
        "does not require a gradient.",
        jax="An array does not know how it was made, and has no `is_leaf`.",
        why="The flag says where a backward pass ends; in JAX the argument list of the differentiated function says "
        "it.",
        instead="Nothing to write; look at the `argnums` of the call.",
        torch_page=torch_reference("torch.Tensor.is_leaf"),
        jax_page=jax_reference("jax.Array"),
    ),
    Concept(
        id="grad-fn",
        title="A tensor knows the op that made it; a JAX array does not.",
        status="none",
        torch="`grad_fn` is the node of the backward graph that made the tensor, such as `MulBackward0`; a leaf has "
        "None. Its `next_functions` lead through the whole graph.",
        jax="Tracing a function gives a jaxpr, the list of its operations. Arrays do not point into it.",
        why="PyTorch records while the ops run, so each tensor holds its history; JAX records a function by tracing "
        "it.",
        instead="Print the operations of the function: `jax.make_jaxpr(loss_fn)(w)`.",
        torch_page=torch_mechanics("How autograd encodes the history", "how-autograd-encodes-history"),
        jax_page=jax_reference("jax.make_jaxpr"),
    ),
    Concept(
        id="nonleaf-grad",
        title="The gradient of an intermediate passes through and is not kept.",
        status="none",
        torch="Reading `.grad` of a tensor that an op made gives None and a UserWarning.",
        jax="An intermediate is a local value of the function, with no `.grad` to read. Only arguments get gradients.",
        why="Keeping the gradient of every intermediate would cost as much memory as the graph, so neither keeps one "
        "unasked.",
        instead="Differentiate the rest of the program from there, `jax.grad(rest_fn)(h)`, or add a probe as for "
        "retain-grad: `h = h + h_probe`.",
        torch_page=torch_reference("torch.Tensor.is_leaf"),
        jax_page=jax_reference("jax.grad"),
    ),
    Concept(
        id="retain-grad",
        title="To retain a gradient in JAX, add zero and differentiate with respect to it.",
        status="idiom",
        torch="`h.retain_grad()` makes later backward passes fill `h.grad`. It follows the tensor: after an in-place "
        "write `h.grad` is the gradient of the value written last.",
        jax="Gradients are taken with respect to arguments, so an argument that is zero is added at `h`. JAX's guide "
        "also shows a `Ref` that a `custom_vjp` backward rule fills.",
        why="JAX differentiates with respect to arguments only, and a change of the probe is a change of `h`.",
        instead="Add a probe at that point, `h = h + h_probe`, and differentiate with respect to it: "
        "`jax.grad(loss_fn, argnums=1)(x, jnp.zeros_like(h))`.",
        torch_page=torch_reference("torch.Tensor.retain_grad"),
        jax_page=REFS_AUTODIFF,
    ),
    Concept(
        id="late-retain-grad",
        title="Retaining after the backward pass leaves None, without a word.",
        status="silent",
        torch="`retain_grad()` speaks of passes to come. After the pass `.grad` stays None: no error, and the warning "
        "of a non-leaf is gone too.",
        jax="A probe is part of the function that is differentiated, so it cannot come too late.",
        why="A tape has a before and an after; a function is differentiated as a whole.",
        instead="Put the probe into the function: `h = h + h_probe`.",
        torch_page=torch_reference("torch.Tensor.retain_grad"),
        jax_page=ARGNUMS,
    ),
)

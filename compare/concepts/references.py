"""JAX's own mutation: immutability, donation, references and what vjp returns."""

from __future__ import annotations

from compare.concepts.concept import Concept, Contradiction
from compare.concepts.pages import (
    DONATION,
    FIRST_CLASS_VJPS,
    IMMUTABLE,
    IN_PLACE,
    IN_PLACE_CHECKS,
    REFS,
    REFS_AUTODIFF,
    SAVED_TENSORS,
    jax_guide,
    jax_reference,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="donation",
        title="A donated array is deleted; PyTorch reuses memory by writing in place.",
        status="jax-only",
        torch="An in-place op reuses the storage, and the name goes on: it shows the new value.",
        jax="A jitted function may reuse the buffer of an argument named in `donate_argnums`. The array that was "
        "passed is deleted, and reading it raises 'Array has been deleted'. Donating one array twice in a call "
        "raises, and a donation that fits no result is dropped with a warning.",
        why="An array never changes, so memory is reused only by giving the old array up.",
        instead="Rebind the name to the result: `x = jax.jit(f, donate_argnums=0)(x)`.",
        torch_page=IN_PLACE,
        jax_page=DONATION,
    ),
    Concept(
        id="immutable-array",
        title="Assigning to an element of a JAX array raises, and says what to write.",
        status="none",
        torch="`x[0] = 1.0` writes to the tensor, and every name for it shows the new value.",
        jax="`x[0] = 1.0` raises a TypeError that names `x.at[idx].set(y)`. A compiled update may reuse the memory "
        "of `x`, and `x` still shows the old value.",
        why="An array is a value; how its memory is used may be chosen, but not be seen.",
        instead="Bind the updated array: `x = x.at[0].set(1.0)`.",
        torch_page=IN_PLACE,
        jax_page=IMMUTABLE,
    ),
    Concept(
        id="discarded-update",
        title="An update whose result is not used changes nothing, without a word.",
        status="silent",
        torch="`x[0] = 1.0` is a statement with an effect, and there is no result to keep.",
        jax="`x.at[0].set(1.0)` on a line of its own makes an array that nobody keeps, and `x` is as it was.",
        why="An update is an expression, and the name has to be bound to its value.",
        instead="Bind the name again: `x = x.at[0].set(1.0)`.",
        torch_page=IN_PLACE,
        jax_page=jax_reference("jax.Array.at"),
    ),
    Concept(
        id="donated-residual",
        title="Donating what a pullback has saved is JAX's write after the save.",
        status="jax-only",
        torch="A write to a tensor that the backward pass needs is noticed by its version, and the pass raises.",
        jax="A donated array is deleted although a pullback still holds it. Calling the pullback raises 'Array has "
        "been deleted'.",
        why="Donation takes the memory from everybody who holds the array, and a pullback is one of them.",
        instead="Pull back before donating: `y, pullback = jax.vjp(f, x)`, then `(x_grad,) = pullback(v)`.",
        torch_page=IN_PLACE_CHECKS,
        jax_page=DONATION,
    ),
    Concept(
        id="reference",
        title="A reference is the one array that JAX lets a program write.",
        status="jax-only",
        torch="Every tensor can be written, and a slice of it is a view that is written with it.",
        jax="`jax.new_ref` makes a reference that is read and written by index. A read copies the value out, an op "
        "on the reference itself raises, and `jax.freeze` hands out the final value.",
        why="Writing is kept to objects of a type of their own, so that all others can be trusted not to change.",
        instead="Make one: `r = jax.new_ref(x)`, then `r[0] = 9.0` and `y = jnp.sin(r[...])`.",
        torch_page=IN_PLACE,
        jax_page=REFS,
        versions="References are in JAX 0.10 as `jax.new_ref`; reverse mode through a write of what is not "
        "differentiated fails there.",
        contradicts=Contradiction(
            claim="JAX's guide says that a reference is invalid after `jax.freeze`, and reading it an error.",
            page=REFS,
            observed="In JAX 0.10.2 a frozen reference can still be read outside of `jit`; inside of `jit` the read "
            "raises a ValueError.",
        ),
    ),
    Concept(
        id="reference-gradient",
        title="A function that writes only to its own references is differentiated like any other.",
        status="jax-only",
        torch="A chain of in-place ops is differentiated through the history that each of them rewrites.",
        jax="A reference made inside the function may be written with differentiated values, and no version is "
        "counted. First derivatives agree with `.at[]` updates.",
        why="Seen from outside such a function is pure.",
        instead="Write to it inside: `def f(a): r = jax.new_ref(0.0); r[...] = jnp.sin(a); return r[...]`, then "
        "`jax.grad(f)(1.0)`.",
        torch_page=IN_PLACE,
        jax_page=REFS_AUTODIFF,
        versions="In JAX 0.10.2 writing a constant into such a reference makes `jax.grad` raise an AttributeError, "
        "and so does a second derivative.",
    ),
    Concept(
        id="reference-limits",
        title="A reference may not be aliased, returned, or written with what is differentiated outside.",
        status="jax-only",
        torch="A tensor may be passed twice, returned, captured and written, and the version counter watches what "
        "was saved.",
        jax="Under `jit` the same reference may not be passed twice, captured and passed, or returned. A reference "
        "from outside takes no differentiated value, and a mapped function may not write to one that it captures.",
        why="These are the aliases that make the meaning of a write hard to tell, so JAX rules them out.",
        instead="Write what is stopped: `r = jax.new_ref(jnp.zeros(3))`, then `def f(a): r[...] = "
        "lax.stop_gradient(a); return jnp.sum(a)`.",
        torch_page=IN_PLACE_CHECKS,
        jax_page=jax_guide("Stateful computations: Ref restrictions", "101/state.html#ref-restrictions"),
    ),
    Concept(
        id="gradient-reference",
        title="A pullback can add its gradients to references, as backward adds to .grad.",
        status="jax-only",
        torch="Each backward pass adds to the `.grad` of each leaf.",
        jax="`pullback.with_refs(r)` binds a reference, and calling it adds the gradient there. An argument may also "
        "be given `jax.ad.DontWant()`, and no gradient of it is computed.",
        why="A sum over many steps needs no new array for each of them if it may be written in place.",
        instead="Bind a reference of zeros: `r = jax.new_ref(jnp.zeros_like(x))`, then `y, pullback = jax.vjp(f, x)` "
        "and `pullback.with_refs(r)(v)`.",
        torch_page=torch_reference("torch.Tensor.grad"),
        jax_page=jax_guide(
            "Autodiff with refs: Gradient refs for value arguments", "301/refs.html#gradient-refs-for-value-arguments"
        ),
        versions="It works in JAX 0.10 and is documented from JAX 0.11 on.",
    ),
    Concept(
        id="reference-argument",
        title="In JAX 0.10 nothing is differentiated with respect to a reference.",
        status="jax-only",
        torch="A leaf is both: what is written and what the gradient is taken with respect to.",
        jax="`jax.grad` with respect to a reference raises 'Expected cotangent type Ref', and in JAX 0.10 so does "
        "the pullback, with a reference bound for the gradient or without.",
        why="The gradient of a reference would have to be a reference.",
        instead="Differentiate with respect to the value, and make the reference inside: `def f(a): r = "
        "jax.new_ref(a); return r[...] ** 2`, then `jax.grad(f)(2.0)`.",
        torch_page=torch_reference("torch.Tensor.is_leaf"),
        jax_page=jax_guide(
            "Autodiff with refs: Differentiating with respect to Ref arguments",
            "301/refs.html#differentiating-with-respect-to-ref-arguments",
        ),
        versions="The guide of JAX 0.11 differentiates with respect to a reference by `with_refs`; in JAX 0.10.2 the "
        "same lines raise a ValueError.",
    ),
    Concept(
        id="gradient-tap",
        title="A backward rule may write the gradient that it sees to a reference.",
        status="jax-only",
        torch="`retain_grad()` or a hook keeps the gradient of an intermediate.",
        jax="A `custom_vjp` identity function that takes a reference may write the cotangent to it in its backward "
        "rule. First derivatives only: the write is refused when the rule is differentiated.",
        why="The gradient is carried out by a write, so that no argument has to be threaded to the place.",
        instead="Write it in the rule: `tap = jax.custom_vjp(lambda r, h: h)`, then `tap.defvjp(lambda r, h: (h, r), "
        "lambda r, g: (r.__setitem__(..., g), g))`.",
        torch_page=torch_reference("torch.Tensor.retain_grad"),
        jax_page=REFS_AUTODIFF,
    ),
    Concept(
        id="vjp-value",
        title="What vjp returns is a value that can leave a jitted function.",
        status="jax-only",
        torch="The graph is made of nodes that live in memory, and a node cannot be pickled.",
        jax="A pullback is a pytree whose leaves are the residuals. It may be returned from a jitted function, and "
        "its leaves looked at.",
        why="A pullback is a function with the values that it needs, and both can be handed on.",
        instead="Return it: `y, pullback = jax.jit(lambda x: jax.vjp(jnp.sin, x))(x)`, then "
        "`jax.tree.leaves(pullback)`.",
        torch_page=torch_reference("torch.autograd.graph.Node.next_functions"),
        jax_page=FIRST_CLASS_VJPS,
    ),
    Concept(
        id="residual-policy",
        title="A policy decides which values are kept for the backward pass.",
        status="jax-only",
        torch="Each op decides what it saves; hooks on saved tensors can change where it is kept.",
        jax="Values are named by `checkpoint_name`, and the policy of `jax.checkpoint` says which names are saved. "
        "`print_saved_residuals` lists them.",
        why="A recorded function can be computed again from any of its values, so somebody may choose.",
        instead="Choose: `policy = jax.checkpoint_policies.save_only_these_names('h')`, then "
        "`jax.grad(jax.checkpoint(loss_fn, policy=policy))(x)`.",
        torch_page=SAVED_TENSORS,
        jax_page=jax_guide("Gradient checkpointing: Policies", "301/remat.html#policies-naming-what-s-saveable"),
    ),
    Concept(
        id="array-attribute",
        title="A JAX array takes any attribute, and ignores it.",
        status="silent",
        torch="Assigning `requires_grad` or `.grad` has an effect, and is checked for size, dtype and kind.",
        jax="`x.requires_grad = True` and `x.grad = g` are accepted as attributes of the object and mean nothing. "
        "The next array made from `x` does not have them.",
        why="The object is an ordinary Python object, and JAX looks at its value alone.",
        instead="Leave it out, and name the argument: `jax.grad(loss_fn, argnums=0)(x)`.",
        torch_page=torch_reference("torch.Tensor.requires_grad"),
        jax_page=jax_reference("jax.Array"),
    ),
)

"""What PyTorch's tape has and JAX has not, or has otherwise: one entry per concept, in the order to read them.

A note points to its concept by id, and takes `status`, `why` and `instead` from it. `exact`: JAX has the same thing.
`idiom`: JAX says it in another way, and the numbers agree. `none`: JAX has no counterpart, or needs none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from compare.errors import UsageError, nearest

__all__ = ["CONCEPTS", "Concept", "Page", "Status", "find_concept"]

Status = Literal["exact", "idiom", "none"]


@dataclass(frozen=True)
class Page:
    """A page of a framework's own documentation."""

    title: str
    url: str


@dataclass(frozen=True)
class Concept:
    """One concept. Every text is one line of whole sentences, with code in backticks.

    title: the finding. torch, jax: what each framework does. why: why the two differ.
    instead: what to write in JAX. Its code runs as it stands, where the names it uses are bound.
    torch_page, jax_page: the official pages that say so.
    """

    id: str
    title: str
    status: Status
    torch: str
    jax: str
    why: str
    instead: str
    torch_page: Page
    jax_page: Page


def find_concept(id: str) -> Concept:
    """Return the concept with this id. Raises UsageError, with the nearest id, when there is none."""
    if id not in CONCEPTS:
        remedy = nearest(id, CONCEPTS) or f" The concepts are: {', '.join(CONCEPTS)}."
        raise UsageError(f"There is no concept '{id}'.{remedy}")
    return CONCEPTS[id]


# ---- documentation ----


def _torch_reference(name: str) -> Page:
    return Page(name, f"https://docs.pytorch.org/docs/stable/generated/{name}.html")


def _torch_mechanics(section: str, anchor: str) -> Page:
    return Page(f"Autograd mechanics: {section}", f"https://docs.pytorch.org/docs/stable/notes/autograd.html#{anchor}")


def _jax_reference(name: str) -> Page:
    return Page(name, f"https://docs.jax.dev/en/latest/_autosummary/{name}.html")


def _jax_guide(title: str, path: str) -> Page:
    return Page(title, f"https://docs.jax.dev/en/latest/{path}")


_IN_PLACE = _torch_mechanics("In-place operations with autograd", "in-place-operations-with-autograd")
_IN_PLACE_CHECKS = _torch_mechanics("In-place correctness checks", "in-place-correctness-checks")
_NO_GRAD_MODE = _torch_mechanics("No-grad Mode", "no-grad-mode")
_HOOK_ORDER = _torch_mechanics(
    "The order in which the different hooks are fired", "the-order-in-which-the-different-hooks-are-fired"
)
_MIGRATION = Page(
    "PyTorch 0.4.0 Migration Guide: What about .data?", "https://pytorch.org/blog/pytorch-0_4_0-migration-guide/"
)
_TENSOR_VIEWS = Page("Tensor Views", "https://docs.pytorch.org/docs/stable/tensor_view.html")

_IMMUTABLE = _jax_guide("Arrays: JAX arrays are immutable", "101/arrays.html#jax-arrays-are-immutable")
_ARGNUMS = _jax_guide(
    "Transformations: Differentiating with respect to different arguments",
    "101/transformations.html#differentiating-with-respect-to-different-arguments",
)
_STATE = _jax_guide(
    "Stateful computations: Threading state through pure functions",
    "101/state.html#threading-state-through-pure-functions",
)
_STRAIGHT_THROUGH = _jax_guide(
    "Higher-order derivatives: Straight-through estimator",
    "higher-order.html#straight-through-estimator-using-stop-gradient",
)
_CUSTOM_VJP = _jax_guide("Custom JVPs or VJPs with custom_jvp and custom_vjp", "301/custom-jvp-vjp.html")

_ALL = (
    # ---- leaves and flags ----
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
        torch_page=_torch_reference("torch.Tensor.is_leaf"),
        jax_page=_jax_reference("jax.grad"),
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
        torch_page=_torch_mechanics("Setting requires_grad", "setting-requires-grad"),
        jax_page=_ARGNUMS,
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
        torch_page=_torch_reference("torch.Tensor.is_leaf"),
        jax_page=_jax_reference("jax.Array"),
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
        torch_page=_torch_mechanics("How autograd encodes the history", "how-autograd-encodes-history"),
        jax_page=_jax_reference("jax.make_jaxpr"),
    ),
    # ---- backward and its gradients ----
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
        torch_page=_torch_reference("torch.Tensor.backward"),
        jax_page=_jax_reference("jax.value_and_grad"),
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
        torch_page=_torch_reference("torch.Tensor.backward"),
        jax_page=_jax_reference("jax.vjp"),
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
        torch_page=_torch_mechanics("Setting requires_grad", "setting-requires-grad"),
        jax_page=_jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="grad-accumulation",
        title="Each backward pass adds to .grad; in JAX the sum is written out.",
        status="idiom",
        torch="Each backward pass adds its gradient to what `.grad` holds, until `.grad` is set to None or to zeros.",
        jax="Each call returns its own gradients, and nothing is kept between calls.",
        why="`.grad` is state kept on the leaf; a pure function has no place to keep a running sum.",
        instead="Add the gradients: `w_grad = w_grad + jax.grad(loss_fn)(w)`.",
        torch_page=_torch_reference("torch.Tensor.grad"),
        jax_page=_STATE,
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
        torch_page=_torch_reference("torch.Tensor.grad"),
        jax_page=_jax_reference("jax.grad"),
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
        torch_page=_torch_reference("torch.Tensor.grad"),
        jax_page=_jax_reference("jax.grad"),
    ),
    # ---- gradients of intermediates ----
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
        torch_page=_torch_reference("torch.Tensor.is_leaf"),
        jax_page=_jax_reference("jax.grad"),
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
        torch_page=_torch_reference("torch.Tensor.retain_grad"),
        jax_page=_jax_guide("Autodiff with refs", "301/refs.html"),
    ),
    Concept(
        id="late-retain-grad",
        title="Retaining after the backward pass leaves None, without a word.",
        status="none",
        torch="`retain_grad()` speaks of passes to come. After the pass `.grad` stays None: no error, and the warning "
        "of a non-leaf is gone too.",
        jax="A probe is part of the function that is differentiated, so it cannot come too late.",
        why="A tape has a before and an after; a function is differentiated as a whole.",
        instead="Put the probe into the function: `h = h + h_probe`.",
        torch_page=_torch_reference("torch.Tensor.retain_grad"),
        jax_page=_ARGNUMS,
    ),
    # ---- cutting the derivative ----
    Concept(
        id="detach",
        title="Detaching stops the derivative, and shares storage besides.",
        status="exact",
        torch="`detach()` gives the same value without history. It shares storage and version counter with the "
        "original, so a write through either one is seen by both.",
        jax="`lax.stop_gradient` gives the same value, and differentiation takes it for a constant. It cannot be "
        "written.",
        why="The derivative is zero in both; the shared storage shows only when somebody writes, which JAX arrays "
        "rule out.",
        instead="Write `c = lax.stop_gradient(x)`; outside of a differentiated function `c = x` does.",
        torch_page=_torch_reference("torch.Tensor.detach"),
        jax_page=_jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="clone",
        title="A clone protects from writes, and JAX arrays need no protection.",
        status="idiom",
        torch="`clone()` copies the value to a storage of its own, so that a write to one no longer reaches the "
        "other. The gradient passes through.",
        jax="An array cannot be written, so two names may share one. `jnp.copy` exists, and passes the gradient on.",
        why="A copy is needed only where somebody may write to the original.",
        instead="Bind another name, `c = x`; an update such as `c = c.at[0].set(10.0)` is a new array anyway.",
        torch_page=_torch_reference("torch.clone"),
        jax_page=_jax_reference("jax.numpy.copy"),
    ),
    Concept(
        id="no-grad",
        title="Under no_grad nothing is recorded; in JAX single values are cut.",
        status="idiom",
        torch="Inside `torch.no_grad()` no op is recorded, and no result requires a gradient.",
        jax="Nothing is recorded unless a function is differentiated. Inside such a function `lax.stop_gradient` cuts "
        "single values.",
        why="A tape records unless it is switched off; JAX differentiates only what it is asked to.",
        instead="Drop the block if its results reach no loss; otherwise cut them: `c = lax.stop_gradient(x * 2)`.",
        torch_page=_torch_reference("torch.no_grad"),
        jax_page=_jax_reference("jax.lax.stop_gradient"),
    ),
    # ---- writes ----
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
        torch_page=_IN_PLACE,
        jax_page=_jax_reference("jax.Array.at"),
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
        jax_page=_IMMUTABLE,
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
        torch_page=_IN_PLACE_CHECKS,
        jax_page=_IMMUTABLE,
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
        torch_page=_IN_PLACE_CHECKS,
        jax_page=_IMMUTABLE,
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
        torch_page=_torch_mechanics("Saved tensors", "saved-tensors"),
        jax_page=_jax_guide("Gradient checkpointing with jax.checkpoint", "301/remat.html"),
    ),
    Concept(
        id="no-grad-write",
        title="A write under no_grad changes the value and keeps the derivative.",
        status="idiom",
        torch="Under `no_grad` even a leaf may be written. The write is not recorded but it is counted, so after the "
        "value was saved the backward pass raises.",
        jax="A leaf that was updated is another argument of the next call. For an intermediate the new value and the "
        "old derivative are put together.",
        why="`no_grad` switches the record off, and leaves storage and version counter as they are.",
        instead="Rebind an argument, `w = w - 0.1 * w_grad`; for an intermediate write "
        "`x = lax.stop_gradient(new) + (x - lax.stop_gradient(x))`.",
        torch_page=_NO_GRAD_MODE,
        jax_page=_STATE,
    ),
    Concept(
        id="detached-write",
        title="A write through a detached alias changes the value and keeps the derivative.",
        status="idiom",
        torch="`detach()` shares storage, so `x.detach().fill_(10.)` writes to `x` itself. The write is not recorded "
        "but it is counted: it is legal as long as no op has saved the old value.",
        jax="What `lax.stop_gradient` returns cannot be written. The new value and the old derivative are put "
        "together.",
        why="The write is not recorded, so PyTorch goes on with the derivative of the value that was there before.",
        instead="Write `x = lax.stop_gradient(new) + (x - lax.stop_gradient(x))`, or pass `new` when `x` is an "
        "argument.",
        torch_page=_torch_reference("torch.Tensor.detach"),
        jax_page=_STRAIGHT_THROUGH,
    ),
    Concept(
        id="data",
        title="The alias .data shares storage and is watched by nobody.",
        status="idiom",
        torch="`x.data` shares the storage of `x` without its history, as `detach()` does. Its version counter is its "
        "own, so no check sees a write through it.",
        jax="An array is its value, with nothing behind it and no attribute `data`.",
        why="`.data` reaches past autograd, and in JAX differentiation is not attached to arrays in the first place.",
        instead="Use the array itself, or `lax.stop_gradient(x)` inside a differentiated function.",
        torch_page=_MIGRATION,
        jax_page=_jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="data-write",
        title="A write through .data, before the value is used, is only another value.",
        status="idiom",
        torch="`x.data.fill_(10.)` changes the value of `x`: not its version, not its history. Later ops see the "
        "value of the new and the derivative of the old.",
        jax="For an argument, another array is passed. For an intermediate, the new value and the old derivative are "
        "put together.",
        why="The write bypasses the tape, which keeps the derivative of what it recorded.",
        instead="Pass the new array, `jax.grad(loss_fn)(jnp.full_like(x, 10.0))`; for an intermediate write "
        "`x = lax.stop_gradient(new) + (x - lax.stop_gradient(x))`.",
        torch_page=_MIGRATION,
        jax_page=_STRAIGHT_THROUGH,
    ),
    Concept(
        id="data-write-after-save",
        title="A write through .data, after the value was saved, makes the gradient wrong without a word.",
        status="none",
        torch="The backward pass reads the new value where it needs the old one. No version has changed, so no check "
        "fires and the gradient is silently wrong.",
        jax="What was saved cannot be written, so the gradient stays that of the program as it was computed.",
        why="`.data` hides the write from the check that guards saved values; JAX has no way to write.",
        instead="Nothing to write: the new value is a new array, `x_new = jnp.full_like(x, 10.0)`.",
        torch_page=_MIGRATION,
        jax_page=_IMMUTABLE,
    ),
    # ---- storage and views ----
    Concept(
        id="storage-identity",
        title="Shared storage is part of a PyTorch program's meaning, and never of a JAX program's.",
        status="none",
        torch="A write through one of two tensors that share storage is seen through the other.",
        jax="Whether two arrays share a buffer changes no result. `unsafe_buffer_pointer()`, which is undocumented, "
        "shows it on concrete arrays.",
        why="Sharing is noticed only through a write, and a JAX array cannot be written.",
        instead="Nothing to write; to look at it anyway, `x.unsafe_buffer_pointer() == y.unsafe_buffer_pointer()`.",
        torch_page=_TENSOR_VIEWS,
        jax_page=_IMMUTABLE,
    ),
    Concept(
        id="view",
        title="A view is an alias in PyTorch and a value in JAX.",
        status="idiom",
        torch="A slice, a reshape by `view` or a transpose shares storage with its base, and each sees what is "
        "written to the other.",
        jax="A slice or a reshape is an array of its own. A later update of the base does not reach it.",
        why="A view is a window onto storage that may change; where nothing changes, a window and a copy are the same.",
        instead="Take the view again after the base was updated: `v = base[:2]`.",
        torch_page=_TENSOR_VIEWS,
        jax_page=_jax_guide("jax.numpy module", "jax.numpy.html"),
    ),
    Concept(
        id="view-write",
        title="Writing to a view is writing to its base.",
        status="idiom",
        torch="A write to a view changes the base and every other view of it. Autograd rewrites the history of them "
        "all.",
        jax="The base is updated where the view shows it, and its views are taken again.",
        why="The storage belongs to the base; nothing connects a JAX slice to the array it came from.",
        instead="Write the base, `base = base.at[:2].set(value)`, and take its views again, `v = base[:2]`.",
        torch_page=_TENSOR_VIEWS,
        jax_page=_jax_reference("jax.Array.at"),
    ),
    # ---- hooks ----
    Concept(
        id="tensor-hook",
        title="A tensor hook is an identity function with a backward rule of its own.",
        status="idiom",
        torch="`h.register_hook(f)` calls `f` with the gradient of `h` in each backward pass. What `f` returns "
        "replaces the gradient, and None leaves it.",
        jax="A `custom_vjp` that returns its argument edits the cotangent where it is called. Its backward rule "
        "returns a tuple, in which None means zero.",
        why="A hook is hung on a tensor from outside; a backward rule is part of the function.",
        instead="Call it there, `h = hook(h)`, and let its forward rule call `hook` itself, or second derivatives are "
        "wrong: `hook.defvjp(lambda h: (hook(h), None), lambda _, g: (2 * g,))`.",
        torch_page=_torch_reference("torch.Tensor.register_hook"),
        jax_page=_CUSTOM_VJP,
    ),
    Concept(
        id="leaf-hook",
        title="A hook on a leaf edits each gradient before it is added to .grad.",
        status="idiom",
        torch="The hook sees the gradient of one backward pass, and `.grad` adds what the hook returns.",
        jax="The argument passes through the identity function first. Editing the returned gradient does the same.",
        why="The gradient of an argument is returned and added outside, so it can be edited on either side of the "
        "call.",
        instead="Wrap the argument at the top of the function: `w = hook(w)`.",
        torch_page=_HOOK_ORDER,
        jax_page=_CUSTOM_VJP,
    ),
    Concept(
        id="hook-order",
        title="Hooks run in the order they were registered, nested functions from the outside in.",
        status="idiom",
        torch="The hooks of one tensor run in the order of registration, each on what the one before returned.",
        jax="The backward pass meets the outermost function first, so the hook registered first is applied last.",
        why="Reverse-mode differentiation takes the calls back in reverse order.",
        instead="Put the first hook outermost: `h = first(second(h))`.",
        torch_page=_HOOK_ORDER,
        jax_page=_CUSTOM_VJP,
    ),
    Concept(
        id="hook-removal",
        title="A hook is removed by its handle; a pure function has nothing to remove.",
        status="none",
        torch="`register_hook` returns a handle. After `handle.remove()` backward passes no longer call the hook.",
        jax="The call of the identity function is part of the text. A function without that call is another function.",
        why="A registration is state on a tensor and can be undone; a pure function keeps no state.",
        instead="Leave the call out, or choose by an argument: `h = hook(h) if edit else h`.",
        torch_page=_torch_reference("torch.Tensor.register_hook"),
        jax_page=_jax_guide("Transformations: grad and vmap", "101/transformations.html"),
    ),
    Concept(
        id="hook-and-retain-grad",
        title="A retained gradient is read after the hooks have run.",
        status="idiom",
        torch="All hooks of a tensor run before its gradient is retained, whichever was asked for first.",
        jax="With the probe inside the call, its gradient is what the hook returned.",
        why="The backward pass meets the hook first and the probe after it, as PyTorch runs hooks before it retains.",
        instead="Probe inside, hook outside: `h = hook(h + h_probe)`.",
        torch_page=_HOOK_ORDER,
        jax_page=_CUSTOM_VJP,
    ),
    Concept(
        id="surrogate-gradient",
        title="A gradient made up on purpose is the derivative of no function.",
        status="none",
        torch="A hook may put anything in place of a gradient, and the backward pass goes on with it.",
        jax="A `custom_vjp` rule may return anything as well. Nothing checks it against the function.",
        why="Neither framework is wrong: there is no derivative to hold them to, so the reference leg gives none.",
        instead="Hold the two frameworks to each other, and to nothing else: `jax.grad(loss_fn)(x)`.",
        torch_page=_torch_reference("torch.Tensor.register_hook"),
        jax_page=_CUSTOM_VJP,
    ),
    # ---- conventions ----
    Concept(
        id="integer-width",
        title="Integers have 64 bits in PyTorch, and 32 in JAX unless told otherwise.",
        status="none",
        torch="A tensor made of Python integers is `int64`.",
        jax="An array made of Python integers is `int32` until 64-bit types are enabled. Arithmetic beyond 32 bits "
        "wraps around without an error.",
        why="This is a convention and no difference of concept: JAX defaults to the narrow types for speed.",
        instead="Enable 64-bit types before any array is made: `jax.config.update('jax_enable_x64', True)`.",
        torch_page=_torch_reference("torch.arange"),
        jax_page=_jax_guide("Default dtypes and the X64 flag", "101/default_dtypes.html"),
    ),
)

CONCEPTS: dict[str, Concept] = {concept.id: concept for concept in _ALL}

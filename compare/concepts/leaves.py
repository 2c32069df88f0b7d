"""Leaves, and the gradients of what is none."""

from __future__ import annotations

from compare.concepts.concept import Concept, Contradiction, Page
from compare.concepts.pages import (
    ARGNUMS,
    ERRORS,
    PYTREES,
    REFS_AUTODIFF,
    TENSOR_VIEWS,
    jax_guide,
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
        torch="A tensor made with `requires_grad=True` is a leaf. A backward pass ends at the leaves, and adds to "
        "the `.grad` of each leaf it reaches.",
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
        torch="`requires_grad` is a flag of the tensor, and an op that reads a flagged tensor gives a flagged "
        "result. `requires_grad_()` sets it on a leaf, for the ops that follow.",
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
        torch="`is_leaf` is True for every tensor that no recorded op made: what the user made, and every result "
        "that does not require a gradient.",
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
        torch="`retain_grad()` speaks of passes to come. After the pass `.grad` stays None: no error, and the "
        "warning of a non-leaf is gone too.",
        jax="A probe is part of the function that is differentiated, so it cannot come too late.",
        why="A tape has a before and an after; a function is differentiated as a whole.",
        instead="Put the probe into the function: `h = h + h_probe`.",
        torch_page=torch_reference("torch.Tensor.retain_grad"),
        jax_page=ARGNUMS,
    ),
    Concept(
        id="frozen-leaf",
        title="A frozen parameter is one that is left out of argnums.",
        status="idiom",
        torch="`requires_grad_(False)` freezes a leaf, before the forward pass or between it and the backward pass: "
        "its `.grad` stays None.",
        jax="Only the arguments in `argnums` are differentiated. Parameters are split into those that are trained "
        "and those that are not.",
        why="The flag is read when the gradient arrives at the leaf; in JAX the choice is part of the call.",
        instead="Split them: `jax.grad(lambda trained, frozen: loss_fn(trained['w'], frozen['a']))({'w': w}, {'a': "
        "a})`.",
        torch_page=torch_mechanics("Setting requires_grad", "setting-requires-grad"),
        jax_page=ARGNUMS,
    ),
    Concept(
        id="nodeless-view",
        title="A view that is older than the flag of its base requires grad and leads nowhere.",
        status="silent",
        torch="`v = x[:1]`, then `x.requires_grad_()`: now `v` requires grad too, and is a leaf, though what is "
        "computed from it gives no gradient to `x`, nor to `v`. After a write to the storage `v` is linked to `x`.",
        jax="A slice is computed where the function needs it, from the argument.",
        why="A view gets its node when it is made. Whether it requires grad is asked of its base, at any time.",
        instead="Slice inside of the function: `jax.grad(lambda x: loss_fn(x[:1]))(x)`.",
        torch_page=TENSOR_VIEWS,
        jax_page=jax_reference("jax.grad"),
    ),
    Concept(
        id="lost-leaf",
        title="A cast after requires_grad leaves the leaf behind, and its gradient stays None.",
        status="silent",
        torch="`torch.tensor(data, requires_grad=True).double()` is the result of an op. The leaf has no name any "
        "more, and `.grad` of what has one is None.",
        jax="The cast array is passed as the argument, and its gradient is returned.",
        why="Gradients are kept on leaves, and a cast makes a tensor that is none; a cast that changes nothing "
        "returns the leaf itself.",
        instead="Cast first, and pass the result: `jax.grad(loss_fn)(x.astype(jnp.float32))`.",
        torch_page=torch_reference("torch.Tensor.is_leaf"),
        jax_page=jax_reference("jax.grad"),
    ),
    Concept(
        id="nonleaf-flag",
        title="Only a leaf may change its flag; a result is cut instead.",
        status="none",
        torch="`requires_grad_(False)` on a result of an op raises 'you can only change requires_grad flags of leaf "
        "variables'. `requires_grad_(True)` does nothing to it.",
        jax="There is no flag to change, and a result is cut by `lax.stop_gradient`.",
        why="Clearing the flag of a result would leave a history that leads nowhere.",
        instead="Cut the value: `b = lax.stop_gradient(a * 2)`.",
        torch_page=torch_reference("torch.Tensor.requires_grad_"),
        jax_page=jax_reference("jax.lax.stop_gradient"),
        contradicts=Contradiction(
            claim="PyTorch's tutorial on leaves says in a table that `requires_grad_()` does nothing to a non-leaf.",
            page=Page(
                "Understanding requires_grad, retain_grad, Leaf, and Non-leaf Tensors",
                "https://docs.pytorch.org/tutorials/beginner/understanding_leaf_vs_nonleaf_tutorial.html",
            ),
            observed="That holds for `requires_grad_(True)`; `requires_grad_(False)` on a non-leaf raises a "
            "RuntimeError.",
        ),
    ),
    Concept(
        id="integer-leaf",
        title="Neither framework differentiates with respect to integers.",
        status="exact",
        torch="Only tensors of floating point or complex dtype may require a gradient; asking for one on integers "
        "raises.",
        jax="`jax.grad` with respect to an integer raises a TypeError. With `allow_int=True`, and from `jax.vjp`, "
        "the gradient has the dtype `float0`, which holds nothing.",
        why="A derivative needs neighbours as close as one likes, and integers have none.",
        instead="Pass a float: `jax.grad(lambda n: n * 2.0)(3.0)`.",
        torch_page=torch_mechanics("Setting requires_grad", "setting-requires-grad"),
        jax_page=jax_reference("jax.grad"),
    ),
    Concept(
        id="integer-cut",
        title="Through an integer PyTorch's graph ends, and JAX returns zeros.",
        status="silent",
        torch="`argmax`, a comparison or a cast to an integer gives a tensor without history, and a backward pass "
        "from what follows raises.",
        jax="The gradient through an integer or a boolean is zeros, without a word.",
        why="What jumps between integers has the derivative zero almost everywhere: PyTorch records nothing, and JAX "
        "computes it.",
        instead="Nothing says that the path is cut; look for integers in the jaxpr: `jax.make_jaxpr(loss_fn)(x)`.",
        torch_page=torch_mechanics("Setting requires_grad", "setting-requires-grad"),
        jax_page=jax_guide(
            "Frequently asked questions: gradients of functions based on sort order",
            "faq.html#why-are-gradients-zero-for-functions-based-on-sort-order",
        ),
    ),
    Concept(
        id="data-copy",
        title="The constructor torch.tensor drops the history; jnp.array keeps the derivative.",
        status="silent",
        torch="`torch.tensor(t)` copies the numbers of `t` and warns that `detach().clone()` says so better. A list "
        "of tracked scalars becomes plain numbers; `torch.as_tensor` and `torch.stack` keep the history.",
        jax="`jnp.array(t)` is the identity for differentiation, and of a list of scalars it makes a stack.",
        why="One constructor reads data, and the other is an op like any other.",
        instead="Write `jnp.array([x[0], x[1]])`, or `lax.stop_gradient(x)` where the history is to be dropped.",
        torch_page=torch_reference("torch.tensor"),
        jax_page=jax_reference("jax.numpy.array"),
    ),
    Concept(
        id="python-number",
        title="With item() a number leaves the derivative, and nothing says so.",
        status="silent",
        torch="`item()`, `int()` and `tolist()` give plain numbers without history. `float()` does too, and warns.",
        jax="Under `jax.grad` alone `item()` and `int()` give plain numbers as well, and what is computed with them "
        "is constant. `float()` raises a ConcretizationTypeError, and under `jit` all of them raise.",
        why="A Python number has no place for a derivative.",
        instead="Keep the array, or say that it is constant: `y = x * lax.stop_gradient(jnp.sum(x))`.",
        torch_page=torch_reference("torch.Tensor.item"),
        jax_page=ERRORS,
    ),
    Concept(
        id="numpy-conversion",
        title="NumPy takes a JAX array out of JAX; only a differentiated value is refused.",
        status="silent",
        torch="NumPy functions on a tensor that requires a gradient raise 'Can't call numpy() on Tensor that "
        "requires grad'.",
        jax="`np.sqrt(x)` of a JAX array gives a NumPy array, and what follows is NumPy. Under `jax.grad` or `jit` "
        "it raises a TracerArrayConversionError.",
        why="Outside of a transformation an array can be read as data; inside there may be no data yet.",
        instead="Call the function of `jax.numpy`: `y = jnp.sqrt(x)`.",
        torch_page=torch_reference("torch.Tensor.numpy"),
        jax_page=ERRORS,
    ),
    Concept(
        id="graph-copy",
        title="A recorded graph cannot be copied or stored; a JAX value has none.",
        status="none",
        torch="`copy.deepcopy` of a result raises, because only leaves can be copied. Pickling a result drops its "
        "history without a word, and what is read back is a leaf.",
        jax="An array is copied and pickled as its value.",
        why="A history leads to objects that a copy would have to share or to repeat.",
        instead="Copy the value: `y = jnp.copy(x)`.",
        torch_page=torch_reference("torch.Tensor.is_leaf"),
        jax_page=jax_reference("jax.Array"),
    ),
    Concept(
        id="parameter-container",
        title="Gradients come back in the container that the parameters came in.",
        status="idiom",
        torch="Each gradient is kept on its own leaf, in whatever containers the leaves are. `torch.autograd.grad` "
        "also takes a dictionary of tensors.",
        jax="A pytree of parameters gives a pytree of gradients. None is an empty place in it; a string or an "
        "integer among the parameters raises.",
        why="JAX differentiates with respect to an argument, and the argument may have parts.",
        instead="Pass the container: `jax.grad(lambda p: loss_fn(p['w'], p['b'][0]))({'w': w, 'b': [b]})`.",
        torch_page=torch_reference("torch.autograd.grad"),
        jax_page=PYTREES,
    ),
    Concept(
        id="retain-grad-follows",
        title="A retained gradient follows the tensor to its newest producer.",
        status="silent",
        torch="After `h.retain_grad()` and an in-place write, `h.grad` is the gradient of the value written last. A "
        "view that was retained is off the path once its base is written, and its `.grad` stays None.",
        jax="A probe stays where it was added. Before and after an update there are two values, each with a probe of "
        "its own.",
        why="The tensor is one object with a new history; in JAX each value is another.",
        instead="Add the probe after the update: `h = h * 10`, then `h = h + h_probe`.",
        torch_page=torch_reference("torch.Tensor.retain_grad"),
        jax_page=ARGNUMS,
    ),
)

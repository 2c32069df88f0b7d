"""Derivative rules of one's own."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    CALLBACKS,
    CHECKING,
    CUSTOM_VJP,
    EXTENDING,
    RULE_ORDERS,
    SAVED_TENSORS,
    STOPPING,
    TRACING,
    jax_reference,
    torch_guide,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="custom-function",
        title="A Function with its own backward is a custom_vjp.",
        status="idiom",
        torch="A subclass of `torch.autograd.Function` has a `forward` that saves on `ctx` what its `backward` "
        "needs. `backward` returns one gradient for each argument, and None for arguments that are no tensors.",
        jax="A `custom_vjp` has a forward rule that returns the result and the residuals, and a backward rule that "
        "takes them. Arguments that are not differentiated are named in `nondiff_argnums`.",
        why="The residuals are handed from rule to rule as values, where PyTorch keeps them on an object.",
        instead="Define both rules: `f = jax.custom_vjp(lambda x: 3 * x)`, then `f.defvjp(lambda x: (f(x), x), "
        "lambda x, g: (3 * g,))`.",
        torch_page=EXTENDING,
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="second-order-rule",
        title="A forward rule that does not call its own function breaks second derivatives.",
        status="silent",
        torch="A second derivative of a Function goes through its `backward`, and through the tensors that were "
        "saved back to its input by the same rule.",
        jax="The forward rule is differentiated as it stands. Where it computes the result anew, the second "
        "derivative is that of the computation and knows nothing of the rule; the first derivative is right all the "
        "same.",
        why="Under a second differentiation the rule is used again only where the function itself is called again.",
        instead="Call the decorated function in its own forward rule: `hook.defvjp(lambda h: (hook(h), None), lambda "
        "_, g: (2 * g,))`.",
        torch_page=torch_reference("torch.autograd.function.once_differentiable"),
        jax_page=RULE_ORDERS,
    ),
    Concept(
        id="two-rules",
        title="PyTorch keeps a rule for each direction; JAX makes one rule serve both, or refuses.",
        status="silent",
        torch="The `jvp` and the `backward` of a Function are independent, and nothing compares them. Forward mode "
        "without a `jvp` raises 'You must implement the jvp function'.",
        jax="A `custom_jvp` rule serves forward mode, and reverse mode by transposition. A `custom_vjp` serves "
        "reverse mode only, and forward mode raises 'can't apply forward-mode autodiff (jvp) to a custom_vjp "
        "function'.",
        why="A backward pass in JAX is a transposed forward rule, so one rule is enough and two cannot disagree.",
        instead="Write the forward rule: `f = jax.custom_jvp(jnp.sin)`, then `f.defjvp(lambda primals, tangents: "
        "(f(*primals), jnp.cos(primals[0]) * tangents[0]))`.",
        torch_page=torch_guide("Extending PyTorch: Forward mode AD", "notes/extending.html#forward-mode-ad"),
        jax_page=jax_reference("jax.custom_jvp"),
    ),
    Concept(
        id="once-differentiable",
        title="PyTorch can refuse to differentiate twice; a JAX rule that stops the gradient gives zero.",
        status="silent",
        torch="A `backward` marked with `once_differentiable` raises when it is differentiated. Without the mark a "
        "`backward` that leaves autograd, through NumPy or `detach()`, makes second derivatives wrong without a word.",
        jax="There is no such mark. Where the rule stops the gradient the second derivative lacks that part; NumPy "
        "in the rule raises as soon as the rule itself is differentiated.",
        why="A rule that cannot be differentiated looks like one that is constant, unless somebody says so.",
        instead="Write the rule in JAX, with nothing stopped, and ask for the second derivative: "
        "`jax.grad(jax.grad(lambda a: a**3))(2.0)`.",
        torch_page=torch_reference("torch.autograd.function.once_differentiable"),
        jax_page=STOPPING,
    ),
    Concept(
        id="needed-gradients",
        title="A rule can ask which gradients are wanted, and which cotangents are zero.",
        status="idiom",
        torch="`ctx.needs_input_grad` says which gradients are wanted. After `ctx.set_materialize_grads(False)` the "
        "gradient of an output that was not used is None instead of zeros.",
        jax="With `symbolic_zeros=True` the forward rule gets arguments with `value` and `perturbed`, and the "
        "backward rule gets a `SymbolicZero` for an output that was not used.",
        why="Both serve to skip work: JAX tells the rule beforehand, PyTorch when the rule runs.",
        instead="Ask for it: `f = jax.custom_vjp(lambda x: x**2)`, then `f.defvjp(lambda x: (x.value**2, x.value), "
        "lambda x, g: (2 * x * g,), symbolic_zeros=True)`.",
        torch_page=torch_reference("torch.autograd.function.FunctionCtx.set_materialize_grads"),
        jax_page=jax_reference("jax.custom_vjp.defvjp"),
    ),
    Concept(
        id="rule-none",
        title="None from a backward rule is no gradient in PyTorch, and zero in JAX.",
        status="silent",
        torch="A `backward` that returns None for an argument adds nothing, and `.grad` stays None. A gradient too "
        "few or too many raises; further Nones at the end are passed over.",
        jax="None stands for a cotangent of zeros, so the gradient is zeros. The tuple has to have an entry for each "
        "argument, or the call raises.",
        why="PyTorch tells 'no gradient' from zero, and JAX has only zero.",
        instead="Return an entry for each argument: `f = jax.custom_vjp(lambda x, y: x * y)`, then `f.defvjp(lambda "
        "x, y: (x * y, y), lambda y, g: (y * g, None))`.",
        torch_page=EXTENDING,
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="non-differentiable-output",
        title="An output marked as non-differentiable is a stopped value.",
        status="idiom",
        torch="`ctx.mark_non_differentiable(y)` makes the output `y` one that requires no gradient. `backward` still "
        "gets a gradient for it, of zeros.",
        jax="The result goes through `lax.stop_gradient`. Integer results need nothing, they have no derivative.",
        why="A mark on an output and a stopped value both say that no derivative leaves there.",
        instead="Stop it where it is returned: `order = lax.stop_gradient(jnp.argsort(x))`.",
        torch_page=torch_reference("torch.autograd.function.FunctionCtx.mark_non_differentiable"),
        jax_page=STOPPING,
    ),
    Concept(
        id="mark-dirty",
        title="A Function may write to its input if it says so; a JAX rule has nothing to write to.",
        status="none",
        torch="A `forward` that writes to its input calls `ctx.mark_dirty(x)` and returns `x`. The input then "
        "carries the history of the Function, and its version is counted up.",
        jax="Arguments of a rule are arrays and cannot be written. Only a reference can be.",
        why="Where nothing can be written there is no write to report.",
        instead="Return the new value: `y = x + 1`.",
        torch_page=torch_reference("torch.autograd.function.FunctionCtx.mark_dirty"),
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="unreported-write",
        title="What a Function writes or keeps without reporting it escapes the check of saved values.",
        status="silent",
        torch="A tensor kept as `ctx.x` is not checked when it is read, and a write through NumPy is not counted. "
        "After such a write `backward` computes with the new value and raises nothing.",
        jax="Residuals are values, and what was saved stays as it was.",
        why="Only `save_for_backward` remembers the version of a tensor, and only ops of PyTorch count it up.",
        instead="Return what is needed as residuals: `f = jax.custom_vjp(lambda x: x * x)`, then `f.defvjp(lambda x: "
        "(f(x), x), lambda x, g: (2 * x * g,))`.",
        torch_page=SAVED_TENSORS,
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="returned-input",
        title="An input that a Function returns becomes a view that may not be written.",
        status="none",
        torch="The returned input is a view of the argument, made inside the Function. Writing to it raises 'Output "
        "0 of ... is a view and is being modified inplace', and so does writing to the output of a module with a "
        "full backward hook.",
        jax="An identity function with a rule needs no care: its result cannot be written.",
        why="A write would put its own history in place of the rule; where nothing is written nothing is replaced.",
        instead="Return the argument, `hook.defvjp(lambda h: (hook(h), None), lambda _, g: (2 * g,))`, and update "
        "the result as a new array: `h = hook(h) * 2`.",
        torch_page=EXTENDING,
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="gradient-check",
        title="Both frameworks check a derivative rule against differences.",
        status="exact",
        torch="`torch.autograd.gradcheck` compares a Jacobian with differences and raises when they disagree. "
        "`gradgradcheck` does so for second derivatives.",
        jax="`jax.test_util.check_grads` compares derivatives of any order and both modes with differences, and "
        "raises an AssertionError.",
        why="Differences know nothing of the rule, so they find a wrong one. Neither check runs by itself.",
        instead="Check it: `from jax.test_util import check_grads`, then `check_grads(jnp.sin, (x,), order=2)`.",
        torch_page=torch_reference("torch.autograd.gradcheck.gradcheck"),
        jax_page=CHECKING,
    ),
    Concept(
        id="host-function",
        title="Code that a framework cannot see needs a rule to be differentiated.",
        status="idiom",
        torch="`torch.library.custom_op` wraps any code as an op, and `register_autograd` gives it a backward rule.",
        jax="`jax.pure_callback` runs host code on arrays, under `jit` as well. It has no derivative until a "
        "`custom_jvp` or `custom_vjp` around it gives it one.",
        why="Neither can look into foreign code, so the derivative has to be told.",
        instead="Call the host in the forward direction, `y = jax.pure_callback(np.square, x, x)`, and put a "
        "custom_vjp around the call.",
        torch_page=torch_guide("torch.library.custom_op", "library.html#torch.library.custom_op"),
        jax_page=CALLBACKS,
    ),
    Concept(
        id="two-forwards",
        title="A custom_vjp has two forward definitions, and nobody compares them.",
        status="silent",
        torch="A Function has one `forward`, which runs whether or not a gradient is wanted.",
        jax="The decorated function runs where nothing is differentiated, and the forward rule where something is. "
        "If they differ, taking the gradient changes the value.",
        why="JAX calls the rule in place of the function, and takes the author's word that both compute the same.",
        instead="Let the forward rule call the function: `hook.defvjp(lambda h: (hook(h), None), lambda _, g: (g,))`.",
        torch_page=EXTENDING,
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="captured-tensor",
        title="A tensor that a Function captures gets no gradient, and JAX refuses to capture one.",
        status="silent",
        torch="Only arguments of a Function get gradients. A tensor that `forward` takes from outside is treated as "
        "a constant, and its `.grad` stays None.",
        jax="A rule that reads a value which is being differentiated, and is no argument, raises an "
        "UnexpectedTracerError. Other arrays may be captured.",
        why="A rule says only what becomes of its arguments; JAX notices that a derivative would be lost.",
        instead="Make it an argument: `f = jax.custom_vjp(lambda x, y: x * y)`, then `f.defvjp(lambda x, y: (f(x, "
        "y), (x, y)), lambda saved, g: (g * saved[1], g * saved[0]))`.",
        torch_page=EXTENDING,
        jax_page=TRACING,
    ),
)

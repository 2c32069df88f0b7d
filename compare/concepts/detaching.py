"""Cutting the derivative: detach, clone and the grad modes."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    STATE,
    STOPPING,
    TRANSFORMATIONS,
    jax_reference,
    torch_mechanics,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
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
        torch_page=torch_reference("torch.Tensor.detach"),
        jax_page=jax_reference("jax.lax.stop_gradient"),
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
        torch_page=torch_reference("torch.clone"),
        jax_page=jax_reference("jax.numpy.copy"),
    ),
    Concept(
        id="no-grad",
        title="Under no_grad nothing is recorded; in JAX single values are cut.",
        status="idiom",
        torch="Inside `torch.no_grad()` no op is recorded, and no result requires a gradient.",
        jax="Nothing is recorded unless a function is differentiated. Inside such a function `lax.stop_gradient` "
        "cuts single values.",
        why="A tape records unless it is switched off; JAX differentiates only what it is asked to.",
        instead="Drop the block if its results reach no loss; otherwise cut them: `c = lax.stop_gradient(x * 2)`.",
        torch_page=torch_reference("torch.no_grad"),
        jax_page=jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="enable-grad",
        title="Recording can be switched on again inside no_grad; nothing undoes stop_gradient.",
        status="none",
        torch="`torch.enable_grad()` inside a `torch.no_grad()` block records again, and the mode outside is back "
        "when the block closes. What was computed while nothing was recorded stays without history.",
        jax="`lax.stop_gradient` cuts one value where it stands. No block around it changes that.",
        why="The grad mode is a switch that every op asks; a cut is an operation on one value.",
        instead="Cut only what is to be cut: `y = x * lax.stop_gradient(x)`.",
        torch_page=torch_reference("torch.enable_grad"),
        jax_page=jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="grad-switch",
        title="Whether PyTorch records may be decided by a flag, line by line.",
        status="none",
        torch="`torch.set_grad_enabled(flag)` switches recording for all lines that follow, and after `with` for "
        "those of the block.",
        jax="There is no switch. Whether a value is cut can be decided by an argument of the function.",
        why="The tape is one global state that lines of a program turn on and off; a pure function has no such state.",
        instead="Choose the value: `y = x * 2 if edit else lax.stop_gradient(x * 2)`.",
        torch_page=torch_reference("torch.autograd.grad_mode.set_grad_enabled"),
        jax_page=jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="inference-mode",
        title="A tensor made in inference mode can never be saved for backward; no array is second class.",
        status="none",
        torch="In `torch.inference_mode()` nothing is recorded, whatever other mode is set inside. What is made "
        "there has no version counter: outside, PyTorch refuses to save it for backward, while an op that saves "
        "nothing takes it. A write to it raises as well, though by then the value is another one.",
        jax="Every array can enter every differentiated function.",
        why="Without a version counter PyTorch could not notice a write to a saved tensor; JAX arrays are not written.",
        instead="Nothing to write: an array computed anywhere is a constant where it is used, `w * c`.",
        torch_page=torch_mechanics("Inference Mode", "inference-mode"),
        jax_page=TRANSFORMATIONS,
    ),
    Concept(
        id="stop-gradient-outside",
        title="Outside of a differentiated function stop_gradient cuts nothing.",
        status="silent",
        torch="A detached tensor is without history for good, and a backward pass from it raises.",
        jax="`lax.stop_gradient` outside returns the same array. When that is passed to a differentiated function, "
        "its gradient is computed as always.",
        why="A cut is part of the function that is differentiated, and an array remembers nothing.",
        instead="Cut inside: `jax.grad(lambda x: loss_fn(lax.stop_gradient(x)))(x)`.",
        torch_page=torch_reference("torch.Tensor.detach"),
        jax_page=STOPPING,
    ),
    Concept(
        id="detach-in-place",
        title="The in-place detach_ cuts a tensor from now on, and not what was computed with it before.",
        status="idiom",
        torch="`y.detach_()` makes `y` a leaf without history. A result that was computed from it before still leads "
        "back through it, unless an op that it went into had saved `y`: then backward raises. A view refuses to be cut "
        "like this.",
        jax="The name is bound to the stopped value, and earlier results keep the derivative they have.",
        why="Ops hold on to the node that made the tensor, not to the tensor.",
        instead="Rebind the name: `y = lax.stop_gradient(y)`.",
        torch_page=torch_reference("torch.Tensor.detach_"),
        jax_page=jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="grad-mode",
        title="A grad mode rules what is recorded, not what a backward pass walks.",
        status="none",
        torch="A backward pass runs inside of `no_grad` as well, and with `create_graph=True` it is recorded there "
        "too. Assigning a tensor to another name inside of the block cuts nothing.",
        jax="There is no mode. A pullback is called wherever it is wanted.",
        why="The mode is asked when an op is to be recorded, and the graph is there already.",
        instead="Nothing to write: `y, pullback = jax.vjp(f, x)`, then `pullback(v)`.",
        torch_page=torch_mechanics("Locally disabling gradient computation", "locally-disabling-gradient-computation"),
        jax_page=jax_reference("jax.vjp"),
    ),
    Concept(
        id="no-grad-forward-mode",
        title="Under no_grad tangents go on; stop_gradient stops them too.",
        status="silent",
        torch="`no_grad` switches reverse mode off. A dual tensor carries its tangent through the block, and "
        "`torch.func.grad` around the whole ignores a block outside of it, while it heeds one inside.",
        jax="`lax.stop_gradient` has a derivative of zero, forward and backward.",
        why="A mode stops the recording and leaves the arithmetic alone; a stopped value is constant to every "
        "transformation.",
        instead="Stop the value: `jax.jvp(lambda x: x * lax.stop_gradient(2 * x), (x,), (v,))`.",
        torch_page=torch_reference("torch.no_grad"),
        jax_page=jax_reference("jax.lax.stop_gradient"),
    ),
    Concept(
        id="evaluation-mode",
        title="Evaluation mode changes layers, not recording; in JAX it is an argument.",
        status="idiom",
        torch="`module.eval()` makes dropout and batch normalization behave as in evaluation. Gradients are recorded "
        "as before.",
        jax="Whether a function trains or evaluates is an argument of it.",
        why="How a layer behaves and what is differentiated are two questions.",
        instead="Pass it: `jax.grad(lambda w, train: loss_fn(w * 2 if train else w))(w, False)`.",
        torch_page=torch_mechanics("Evaluation Mode (nn.Module.eval())", "evaluation-mode-nn-module-eval"),
        jax_page=STATE,
    ),
    Concept(
        id="straight-through",
        title="A straight-through estimator adds what it rounds off as a constant.",
        status="idiom",
        torch="`x + (x.round() - x).detach()` has the value of the rounded and the derivative of `x`. A Function "
        "whose `backward` returns its argument does the same.",
        jax="The same line with `lax.stop_gradient`, or a `custom_jvp` whose rule passes the tangent on.",
        why="What is stopped contributes to the value and not to the derivative.",
        instead="Stop the difference: `y = x + lax.stop_gradient(jnp.round(x) - x)`.",
        torch_page=torch_reference("torch.Tensor.detach"),
        jax_page=STOPPING,
    ),
    Concept(
        id="shared-forward",
        title="One forward pass serves two losses when each cuts its own use of it.",
        status="idiom",
        torch="Features are computed once. One loss uses them detached, the other as they are, and both are run "
        "backward.",
        jax="The losses are added up in one function, and the use that is not to train the features is stopped. "
        "Parameters that are not to be trained by a loss are stopped in it.",
        why="A cut belongs to one use of a value; the other uses keep their derivative.",
        instead="Stop one use: `jax.grad(lambda w: jnp.sum(lax.stop_gradient(w * x)) + jnp.sum(w * x))(w)`.",
        torch_page=torch_reference("torch.Tensor.detach"),
        jax_page=STOPPING,
    ),
)

"""Hooks, and gradients made up on purpose."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    CUSTOM_VJP,
    HOOK_ORDER,
    TRANSFORMATIONS,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
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
        torch_page=torch_reference("torch.Tensor.register_hook"),
        jax_page=CUSTOM_VJP,
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
        torch_page=HOOK_ORDER,
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="hook-order",
        title="Hooks run in the order they were registered, nested functions from the outside in.",
        status="idiom",
        torch="The hooks of one tensor run in the order of registration, each on what the one before returned.",
        jax="The backward pass meets the outermost function first, so the hook registered first is applied last.",
        why="Reverse-mode differentiation takes the calls back in reverse order.",
        instead="Put the first hook outermost: `h = first(second(h))`.",
        torch_page=HOOK_ORDER,
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="hook-removal",
        title="A hook is removed by its handle; a pure function has nothing to remove.",
        status="none",
        torch="`register_hook` returns a handle. After `handle.remove()` backward passes no longer call the hook.",
        jax="The call of the identity function is part of the text. A function without that call is another function.",
        why="A registration is state on a tensor and can be undone; a pure function keeps no state.",
        instead="Leave the call out, or choose by an argument: `h = hook(h) if edit else h`.",
        torch_page=torch_reference("torch.Tensor.register_hook"),
        jax_page=TRANSFORMATIONS,
    ),
    Concept(
        id="hook-and-retain-grad",
        title="A retained gradient is read after the hooks have run.",
        status="idiom",
        torch="All hooks of a tensor run before its gradient is retained, whichever was asked for first.",
        jax="With the probe inside the call, its gradient is what the hook returned.",
        why="The backward pass meets the hook first and the probe after it, as PyTorch runs hooks before it retains.",
        instead="Probe inside, hook outside: `h = hook(h + h_probe)`.",
        torch_page=HOOK_ORDER,
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="surrogate-gradient",
        title="A gradient made up on purpose is the derivative of no function.",
        status="none",
        torch="A hook may put anything in place of a gradient, and the backward pass goes on with it.",
        jax="A `custom_vjp` rule may return anything as well. Nothing checks it against the function.",
        why="Neither framework is wrong: there is no derivative to hold them to, so the reference leg gives none.",
        instead="Hold the two frameworks to each other, and to nothing else: `jax.grad(loss_fn)(x)`.",
        torch_page=torch_reference("torch.Tensor.register_hook"),
        jax_page=CUSTOM_VJP,
    ),
)

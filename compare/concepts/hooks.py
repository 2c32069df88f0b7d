"""Hooks, and gradients made up on purpose."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    BACKWARD_HOOKS,
    CUSTOM_VJP,
    HOOK_ORDER,
    REMAT,
    STATE,
    TRANSFORMATIONS,
    jax_reference,
    torch_guide,
    torch_mechanics,
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
        instead="Call it there, `h = hook(h)`, and let its forward rule call `hook` itself, or second derivatives "
        "are wrong: `hook.defvjp(lambda h: (hook(h), None), lambda _, g: (2 * g,))`.",
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
    Concept(
        id="hook-sum",
        title="A hook runs once, on the sum over all uses, and not where no gradient passes.",
        status="exact",
        torch="A tensor that is used twice has one gradient, and its hook sees the sum. In a pass that does not "
        "reach the tensor the hook is not called.",
        jax="A rule that is applied once sees the sum of the cotangents, and one that is applied at each use sees "
        "each. Where no gradient is asked for it is not called.",
        why="The gradient of a value is complete when all its uses have sent theirs back.",
        instead="Apply it once, and use the result: `h = hook(h)`, then `y = h * 3 + h * 4`.",
        torch_page=BACKWARD_HOOKS,
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="hook-result",
        title="None from a hook keeps the gradient, and None from a backward rule is zero.",
        status="silent",
        torch="A hook that returns None leaves the gradient as it is. A result of another shape, dtype or kind raises.",
        jax="A rule that returns None for an argument gives zeros. Another shape or structure raises, and another "
        "dtype is cast without a word.",
        why="A hook may look on; a rule has to say what the cotangent is.",
        instead="Return the cotangent itself: `hook.defvjp(lambda h: (hook(h), None), lambda _, g: (g,))`.",
        torch_page=torch_reference("torch.Tensor.register_hook"),
        jax_page=jax_reference("jax.custom_vjp.defvjp"),
    ),
    Concept(
        id="hook-write",
        title="A hook that writes to its gradient writes to other branches too.",
        status="silent",
        torch="The gradient that a hook gets may be shared with other branches of the graph, so an in-place op on it "
        "changes their gradients as well. Its documentation forbids that, and nothing checks it.",
        jax="`g *= 100` in a rule binds a local name, and the other branches get what they should.",
        why="The backward pass hands one buffer on where it need not copy.",
        instead="Return a new one: `hook.defvjp(lambda h: (hook(h), None), lambda _, g: (g * 100,))`.",
        torch_page=torch_reference("torch.Tensor.register_hook"),
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="hook-position",
        title="A hook stays with the producer it was put on.",
        status="silent",
        torch="A hook belongs to the op that had made the tensor when it was registered. After an in-place write it "
        "still sees the gradient of the value before; a hook that is registered afterwards sees that of the value "
        "written.",
        jax="A rule stands in the text where it is applied, before or after an update.",
        why="A hook is kept by the node, and an in-place write gives the tensor a new node; a retained gradient "
        "moves along.",
        instead="Apply it before the update, `h = hook(h)`, then `h = h * 10`.",
        torch_page=BACKWARD_HOOKS,
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="post-accumulate-hook",
        title="What runs after a gradient was added is code after the call of jax.grad.",
        status="idiom",
        torch="`register_post_accumulate_grad_hook` calls a function with the leaf each time a backward pass has added "
        "to its `.grad`, so that a step can be made during the pass. The function sees the sum, in the order of "
        "registration, and nothing that it does is recorded. Only leaves take it, and `torch.autograd.grad` does not "
        "call it.",
        jax="The gradients are returned together, and what is to happen with them is written after the call.",
        why="There is no moment at which a gradient is added, because nothing is added to.",
        instead="Write it after: `w_grad = jax.grad(loss_fn)(w)`, then `w = w - 0.1 * w_grad`.",
        torch_page=torch_reference("torch.Tensor.register_post_accumulate_grad_hook"),
        jax_page=STATE,
    ),
    Concept(
        id="node-hook",
        title="A hook on a node sees the gradients of its op, before and after it.",
        status="idiom",
        torch="`grad_fn.register_prehook` sees and may replace what goes into a node, `register_hook` what comes out "
        "of it. On a leaf the order is tensor hook, prehook of the accumulation, post-accumulate hook, hook of the "
        "accumulation.",
        jax="A rule around the op edits the cotangent of its result, and a rule around each operand edits what goes "
        "to it.",
        why="An op has a backward step with a before and an after, and a rule may stand on either side of it.",
        instead="Put a rule on either side: `y = first(second(x) * 3)`.",
        torch_page=BACKWARD_HOOKS,
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="module-hook",
        title="A module's backward hooks are a wrapper around its pullback.",
        status="idiom",
        torch="`register_full_backward_pre_hook` edits the gradient of a module's output, and "
        "`register_full_backward_hook` sees that of its inputs. Where no input requires a gradient a warning says "
        "that it fires for the outputs.",
        jax="A `custom_vjp` keeps the pullback of the function as its residual, and its backward rule calls that "
        "between the two edits.",
        why="A module is a function, and its backward pass is its pullback.",
        instead="Wrap it: `g = jax.custom_vjp(f)`, then `g.defvjp(lambda x: jax.vjp(f, x), lambda pullback, ct: "
        "pullback(2 * ct))`.",
        torch_page=torch_guide(
            "torch.nn.Module.register_full_backward_hook",
            "generated/torch.nn.Module.html#torch.nn.Module.register_full_backward_hook",
        ),
        jax_page=CUSTOM_VJP,
    ),
    Concept(
        id="saved-tensor-hook",
        title="Hooks on saved tensors change what is kept; JAX has policies for it.",
        status="idiom",
        torch="`saved_tensors_hooks(pack, unpack)` packs what each op saves, and unpacks it for the backward pass. "
        "`save_on_cpu` is such a pair.",
        jax="A policy of `jax.checkpoint` chooses which values are kept, and where. To keep them in another form "
        "takes a rule of one's own.",
        why="What is saved is chosen by ops in PyTorch, and by the transformation in JAX.",
        instead="Keep the residual in half precision: `f = jax.custom_vjp(lambda x: x * x)`, then `f.defvjp(lambda "
        "x: (f(x), x.astype(jnp.float16)), lambda r, g: (2 * r.astype(jnp.float32) * g,))`.",
        torch_page=torch_mechanics("Hooks for saved tensors", "hooks-for-saved-tensors"),
        jax_page=REMAT,
    ),
)

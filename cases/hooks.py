"""Hooks: editing a cotangent on its way back, and what runs once a gradient has arrived."""

from compare import case, demonstration, raises

chapter_number = 8


# ---- hooks of a tensor ----


@case
def hook_on_nonleaf(tape):
    """A hook edits what flows back through an intermediate

    Shows: tensor-hook, surrogate-gradient.
    """
    a = tape.leaf([1.0, 2.0])
    h = 3 * a
    h.register_hook(lambda cotangent: cotangent * 2)
    loss = (h * h).sum()
    loss.backward()
    tape.expect(loss, 45.0)
    tape.expect(a.grad, [36.0, 72.0])


@case
def hook_on_leaf(tape):
    """A hook on a leaf edits the gradient before it is kept

    Shows: leaf-hook.
    """
    a = tape.leaf([1.0, 2.0])
    a.register_hook(lambda gradient: gradient * 10)
    loss = (a * 3).sum()
    loss.backward()
    tape.expect(a.grad, 30.0)


@case
def hooks_in_order(tape):
    """Hooks of one tensor run in the order in which they were registered

    Shows: hook-order.
    """
    a = tape.leaf([1.0, 2.0])
    h = 3 * a
    h.register_hook(lambda cotangent: cotangent + 1)
    h.register_hook(lambda cotangent: cotangent * 10)
    loss = (h * h).sum()
    loss.backward()
    tape.expect(a.grad, [210.0, 390.0])


@demonstration
def nested_rules(shown):
    """Nested rules run from the outside in: the hook registered first is applied last

    Shows: hook-order.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(1.0, requires_grad=True)
        x.register_hook(lambda cotangent: cotangent + 1)
        x.register_hook(lambda cotangent: cotangent * 10)
        (x * 2).backward()
        print("one more, then tenfold", x.grad)

    @shown.jax
    def _():
        import jax

        def hook(edit):
            @jax.custom_vjp
            def identity(x):
                return x

            identity.defvjp(lambda x: (identity(x), None), lambda _, cotangent: (edit(cotangent),))
            return identity

        one_more, tenfold = hook(lambda cotangent: cotangent + 1), hook(lambda cotangent: cotangent * 10)
        print("one more, then tenfold", jax.grad(lambda x: one_more(tenfold(x)) * 2)(1.0))
        print("applied in the order of registration", jax.grad(lambda x: tenfold(one_more(x)) * 2)(1.0))

    shown.expect("one more, then tenfold", 30.0)
    shown.expect_divergence("applied in the order of registration", jax=21.0, concept="hook-order")


@case
def hook_removed(tape):
    """A removed hook edits nothing

    Shows: hook-removal.
    """
    a = tape.leaf([1.0, 2.0])
    h = 3 * a
    double = h.register_hook(lambda cotangent: cotangent * 2)
    double.remove()
    loss = (h * h).sum()
    loss.backward()
    tape.expect(a.grad, [18.0, 36.0])


@case
def hook_with_retain_grad(tape):
    """A retained gradient is read after the hooks

    Shows: hook-and-retain-grad.
    """
    a = tape.leaf([1.0, 2.0])
    h = 3 * a
    h.retain_grad()
    h.register_hook(lambda cotangent: cotangent * 2)
    loss = (h * h).sum()
    loss.backward()
    tape.expect(h.grad, [12.0, 24.0])
    tape.expect(a.grad, [36.0, 72.0])


@demonstration
def hook_on_several_tensors(shown):
    """A hook on several tensors is a rule over a tuple

    Shows: tensor-hook.
    """

    @shown.torch
    def _():
        import torch

        a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
        seen = []
        torch.autograd.graph.register_multi_grad_hook(
            (a, b), lambda gradients: seen.extend(g.item() for g in gradients)
        )
        (a * b).backward()
        print("gradients seen together", seen)

    @shown.jax
    def _():
        import jax

        seen = []

        @jax.custom_vjp
        def tap(a, b):
            return a, b

        def tap_backward(_, cotangents):
            seen.extend(cotangent.item() for cotangent in cotangents)
            return cotangents

        tap.defvjp(lambda a, b: (tap(a, b), None), tap_backward)

        def product(a, b):
            a, b = tap(a, b)
            return a * b

        jax.grad(product, argnums=(0, 1))(2.0, 3.0)
        print("gradients seen together", seen)

    shown.expect("gradients seen together", [3.0, 2.0])


@demonstration
def cotangent_that_is_observed(shown):
    """A hook sees a number; a rule under jit sees a tracer, and a callback the number

    Shows: traced-side-effect, tensor-hook.
    """

    @shown.torch
    def _():
        import torch

        seen = []
        x = torch.tensor(2.0, requires_grad=True)
        y = x * 3
        y.register_hook(lambda cotangent: seen.append(cotangent.item()))
        (y * y).backward()
        print("seen", seen)

    @shown.jax
    def _():
        import jax

        seen, called_back = [], []

        @jax.custom_vjp
        def tap(x):
            return x

        def tap_backward(_, cotangent):
            seen.append("tracer" if isinstance(cotangent, jax.core.Tracer) else cotangent)
            jax.debug.callback(lambda number: called_back.append(number.item()), cotangent)
            return (cotangent,)

        tap.defvjp(lambda x: (tap(x), None), tap_backward)
        jax.jit(jax.grad(lambda x: tap(x * 3) ** 2))(2.0)
        jax.effects_barrier()
        print("seen", seen)
        print("seen by a callback", called_back)

    shown.expect_divergence("seen", torch=[12.0], jax=["tracer"], concept="traced-side-effect")
    shown.expect_divergence("seen by a callback", jax=[12.0], concept="traced-side-effect")


# ---- when and on what a hook runs ----


@case
def hook_on_a_tensor_used_twice(tape):
    """A hook runs once, on the sum over all uses

    Shows: hook-sum.
    """
    x = tape.leaf(2.0)
    y = x * 1
    y.register_hook(lambda cotangent: cotangent + 1)
    (y * 3 + y * 4).backward()
    tape.expect(x.grad, 8.0)


@demonstration
def rule_at_each_use(shown):
    """A rule put at each use runs at each use, and sees its own share; a hook sees the sum

    Shows: hook-sum.
    """

    @shown.torch
    def _():
        import torch

        seen = []
        x = torch.tensor(2.0, requires_grad=True)
        y = x * 1
        y.register_hook(lambda cotangent: seen.append(cotangent.item()))
        (y * 3 + y * 4).backward()
        print("seen", seen)

    @shown.jax
    def _():
        import jax

        seen = []

        @jax.custom_vjp
        def tap(x):
            return x

        def tap_backward(_, cotangent):
            seen.append(cotangent.item())
            return (cotangent,)

        def tapped_once(x):
            y = tap(x)
            return y * 3 + y * 4

        tap.defvjp(lambda x: (tap(x), None), tap_backward)
        jax.grad(tapped_once)(2.0)
        print("seen", list(seen))
        jax.grad(lambda x: tap(x) * 3 + tap(x) * 4)(2.0)
        print("seen at each use", sorted(seen[1:]))

    shown.expect("seen", [7.0])
    shown.expect_divergence("seen at each use", jax=[3.0, 4.0], concept="hook-sum")


@case
def leaf_hook_in_each_backward(tape):
    """A hook on a leaf sees the gradient of each backward, not the sum

    Shows: leaf-hook.
    """
    x = tape.leaf(1.0)
    x.register_hook(lambda gradient: gradient * gradient)
    (x * 2).backward()
    (x * 3).backward()
    tape.expect(x.grad, 13.0)


@demonstration
def hooks_off_the_path(shown):
    """A hook runs only where a gradient is asked for

    Shows: hook-sum, node-hook.
    """

    @shown.torch
    def _():
        import torch

        seen = []
        x, u = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
        x.register_hook(lambda cotangent: seen.append("x"))
        u.register_hook(lambda cotangent: seen.append("u"))
        torch.autograd.grad(x * u, x)
        print("hooks that ran", list(seen))
        y = x * 3
        y.register_hook(lambda cotangent: seen.append("y"))
        y.grad_fn.register_hook(lambda after, before: seen.append("node of y"))
        torch.autograd.grad(y * u, y)
        print("hooks that ran for y", seen[1:])

    @shown.jax
    def _():
        import jax

        seen = []

        def tap(name):
            @jax.custom_vjp
            def identity(x):
                return x

            def backward(_, cotangent):
                seen.append(name)
                return (cotangent,)

            identity.defvjp(lambda x: (identity(x), None), backward)
            return identity

        jax.grad(lambda x, u: tap("x")(x) * tap("u")(u))(2.0, 3.0)
        print("hooks that ran", seen)

    shown.expect("hooks that ran", ["x"])
    shown.expect_divergence("hooks that ran for y", torch=["y"], concept="node-hook")


@demonstration
def hook_without_a_graph(shown):
    """A hook needs a tensor that requires grad; a JAX array takes none

    Shows: backward-without-graph.
    """

    @shown.torch
    def _():
        import torch

        try:
            torch.ones(1).register_hook(print)
        except RuntimeError as error:
            print("register_hook", error)

    @shown.jax
    def _():
        import jax.numpy as jnp

        try:
            jnp.ones(1).register_hook(print)
        except AttributeError as error:
            print("register_hook", error)

    shown.expect_divergence(
        "register_hook",
        torch=raises("RuntimeError: cannot register a hook on a tensor that doesn't require gradient"),
        jax=raises("AttributeError: 'jaxlib._jax.ArrayImpl' object has no attribute 'register_hook'"),
        concept="backward-without-graph",
    )


# ---- what a hook returns ----


@case
def hook_that_returns_nothing(tape):
    """A hook that returns None leaves the cotangent as it is

    Shows: tensor-hook.
    """
    a = tape.leaf([1.0, 2.0])
    h = 3 * a
    h.register_hook(lambda cotangent: None)
    loss = (h * h).sum()
    loss.backward()
    tape.expect(a.grad, [18.0, 36.0])


@demonstration
def none_from_a_hook(shown):
    """None from a backward rule is zero, where None from a hook keeps the gradient

    Shows: hook-result.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(2.0, requires_grad=True)
        x.register_hook(lambda cotangent: None)
        (x * 3).backward()
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax

        @jax.custom_vjp
        def tap(x):
            return x

        tap.defvjp(lambda x: (tap(x), None), lambda _, cotangent: (None,))
        print("gradient", jax.grad(lambda x: tap(x) * 3)(2.0))

    shown.expect_divergence("gradient", torch=3.0, jax=0.0, concept="hook-result")


@demonstration
def hook_that_returns_something_else(shown):
    """Both refuse a hook's result of another shape; another dtype passes in JAX alone

    Shows: hook-result.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.0, 2.0], requires_grad=True)
        for name, hook in (
            ("another shape", lambda cotangent: torch.ones(3)),
            ("another dtype", lambda cotangent: cotangent.half()),
            ("a number", lambda cotangent: 3.0),
        ):
            handle = x.register_hook(hook)
            try:
                (x * 2).sum().backward()
            except (RuntimeError, TypeError) as error:
                print(name, error)
            handle.remove()

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def gradient_with(rule):
            tap = jax.custom_vjp(lambda x: x)
            tap.defvjp(lambda x: (x, None), lambda _, cotangent: (rule(cotangent),))
            return jax.grad(lambda x: jnp.sum(tap(x) * 2))(jnp.array([1.0, 2.0]))

        try:
            gradient_with(lambda cotangent: jnp.ones(3))
        except ValueError as error:
            print("another shape", error)
        print("another dtype", gradient_with(lambda cotangent: cotangent.astype(jnp.float16)))
        try:
            gradient_with(lambda cotangent: 3.0)
        except ValueError as error:
            print("a number", error)

    shown.expect_divergence(
        "another shape",
        torch=raises("RuntimeError: hook '<lambda>' has changed the size of value"),
        jax=raises("ValueError: Custom VJP bwd rule must produce an output with the same type as the args tuple"),
        concept="hook-result",
    )
    shown.expect_divergence(
        "another dtype",
        torch=raises("RuntimeError: hook '<lambda>' has changed the type of value"),
        jax=[2.0, 2.0],
        concept="hook-result",
    )
    shown.expect_divergence(
        "a number",
        torch=raises("TypeError: expected Variable, but hook returned 'float'"),
        jax=raises("ValueError: Custom VJP bwd rule must produce an output with the same type as the args tuple"),
        concept="hook-result",
    )


@demonstration
def hook_that_raises(shown):
    """An error in a hook comes out of the backward, as one in a rule comes out of jax.grad

    Shows: tensor-hook.
    """

    @shown.torch
    def _():
        import torch

        def refuse(cotangent):
            raise ValueError("from the hook")

        x = torch.tensor(1.0, requires_grad=True)
        x.register_hook(refuse)
        try:
            (x * 2).backward()
        except ValueError as error:
            print("backward", error)
        print("gradient afterwards", x.grad)

    @shown.jax
    def _():
        import jax

        @jax.custom_vjp
        def tap(x):
            return x

        def refuse(_, cotangent):
            raise ValueError("from the hook")

        tap.defvjp(lambda x: (tap(x), None), refuse)
        try:
            jax.grad(lambda x: tap(x) * 2)(1.0)
        except ValueError as error:
            print("backward", error)

    shown.expect("backward", raises("ValueError: from the hook"))
    shown.expect_divergence("gradient afterwards", torch=None, concept="tensor-hook")


@demonstration
def hook_that_writes_to_its_gradient(shown):
    """A hook that writes to its gradient writes to another branch too

    Shows: hook-write.
    """

    @shown.torch
    def _():
        import torch

        def gradient_with(hook):
            x = torch.tensor([1.0, 2.0], requires_grad=True)
            y, z = x * 1, x * 1
            z.register_hook(hook)
            ((y + z) * torch.ones(2)).sum().backward()
            return x.grad

        print("written", gradient_with(lambda cotangent: cotangent.mul_(100.0)))
        y = torch.tensor([1.0, 2.0], requires_grad=True) * 1
        y.register_hook(lambda cotangent: cotangent.mul_(100.0))
        try:
            y.sum().backward()
        except RuntimeError as error:
            print("written where a sum has expanded it", error)
        print("returned", gradient_with(lambda cotangent: cotangent * 100.0))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        @jax.custom_vjp
        def tap(x):
            return x

        def tap_backward(_, cotangent):
            cotangent *= 100.0
            return (cotangent,)

        tap.defvjp(lambda x: (tap(x), None), tap_backward)
        gradient = jax.grad(lambda x: jnp.sum(x * 1 + tap(x * 1)))(jnp.array([1.0, 2.0]))
        print("written", gradient)
        print("returned", gradient)

    shown.expect_divergence("written", torch=[200.0, 200.0], jax=[101.0, 101.0], concept="hook-write")
    shown.expect_divergence(
        "written where a sum has expanded it",
        torch=raises("RuntimeError: unsupported operation: more than one element of the written-to tensor refers to"),
        concept="hook-write",
    )
    shown.expect("returned", [101.0, 101.0])


# ---- hooks and retained gradients where a tensor is written ----


@case
def retained_gradient_follows(tape):
    """A retained gradient follows the tensor to its newest producer

    Shows: retain-grad-follows.
    """
    a = tape.leaf(2.0)
    b = a * 3
    b.retain_grad()
    b.mul_(10.0)
    loss = b * b
    loss.backward()
    tape.expect(b.grad, 120.0)
    tape.expect(a.grad, 3600.0)


@case
def hook_stays_before_a_write(tape):
    """A hook stays with the producer it was put on, whatever is written later

    Shows: hook-position.
    """
    x = tape.leaf(2.0)
    y = x * 3
    y.register_hook(lambda cotangent: cotangent * cotangent)
    y.mul_(10.0)
    loss = y * 1
    loss.backward()
    tape.expect(x.grad, 300.0)
    tape.expect_naive(x.grad, 30.0)


@case
def hook_after_a_write(tape):
    """A hook put on after the write sees the gradient of what was written

    Shows: hook-position.
    """
    x = tape.leaf(2.0)
    y = x * 3
    y.mul_(10.0)
    y.register_hook(lambda cotangent: cotangent * cotangent)
    loss = y * 1
    loss.backward()
    tape.expect(x.grad, 30.0)


@case
def retained_view_off_the_path(tape):
    """A retained view is off the path once its base is written

    Shows: retain-grad-follows, empty-grad.
    """
    x = tape.leaf([1.0, 2.0])
    y = x * 1
    v = y[:1]
    v.retain_grad()
    y.mul_(3.0)
    y.sum().backward()
    tape.expect(v.grad, None)
    tape.expect(x.grad, 3.0)


@case
def retained_view_used_again(tape):
    """A view used again after the write is made anew, and retains the gradient of the new one

    Shows: retain-grad-follows, view.
    """
    x = tape.leaf([1.0, 2.0])
    y = x * 1
    v = y[:1]
    v.retain_grad()
    before = (v * 5).sum()
    y.mul_(3.0)
    after = (v * 7).sum()
    loss = before + after
    loss.backward()
    tape.expect(v.grad, 7.0)
    tape.expect(x.grad, [26.0, 0.0])
    tape.expect_naive(x.grad, [12.0, 0.0])


@case
def hook_on_a_rewritten_view(tape):
    """A hook on a view goes with the old history of the view, and so does every later one

    Shows: hook-position, view.
    """
    x = tape.leaf([1.0, 2.0])
    y = x * 1
    v = y[:1]
    v.register_hook(lambda cotangent: cotangent * 10)
    before = (v * 5).sum()
    y.mul_(3.0)
    v.register_hook(lambda cotangent: cotangent * 100)
    after = (v * 7).sum()
    loss = before + after
    loss.backward()
    tape.expect(x.grad, [5021.0, 0.0])
    tape.expect_naive(x.grad, [12.0, 0.0])


@case
def hook_on_a_view_that_is_written(tape):
    """A write through a view starts at the base: the hook on the view is passed by

    Shows: hook-position, view-write.
    """
    x = tape.leaf([1.0, 2.0])
    y = x * 2
    v = y[:1]
    v.register_hook(lambda cotangent: cotangent * 10)
    v.mul_(3.0)
    loss = (y * 5).sum()
    loss.backward()
    tape.expect(x.grad, [30.0, 10.0])
    tape.expect_naive(x.grad, [10.0, 10.0])


# ---- hooks that run after a gradient was added ----


@case
def step_inside_the_backward(tape):
    """What runs after a gradient was added is code after the call of jax.grad

    Shows: post-accumulate-hook.
    """
    w = tape.leaf([1.0, 2.0])

    def step(leaf):
        leaf -= 0.5 * leaf.grad
        leaf.grad = None

    w.register_post_accumulate_grad_hook(step)
    (w * w).sum().backward()
    tape.expect(w, 0.0)
    tape.expect(w.grad, None)


@case
def hook_on_the_sum(tape):
    """A hook that runs after a gradient was added sees the sum of all backwards

    Shows: post-accumulate-hook, grad-accumulation.
    """
    x = tape.leaf(1.0)

    def square(leaf):
        leaf.grad = leaf.grad * leaf.grad

    x.register_post_accumulate_grad_hook(square)
    (x * 2).backward()
    (x * 3).backward()
    tape.expect(x.grad, 49.0)


@case
def clipped_before_the_step(tape):
    """The hooks of a leaf run in the order of registration: clipped, then stepped

    Shows: post-accumulate-hook, gradient-edit.
    """
    w, b = tape.leaf([3.0, 0.0]), tape.leaf(1.0)

    def clip(leaf):
        leaf.grad.clip_(min=-1.0, max=1.0)

    def step(leaf):
        leaf -= leaf.grad

    for leaf in (w, b):
        leaf.register_post_accumulate_grad_hook(clip)
        leaf.register_post_accumulate_grad_hook(step)
    ((w * w).sum() * b).backward()
    tape.expect(w, [2.0, 0.0])
    tape.expect(b, 0.0)
    tape.expect(b.grad, 1.0)


@case
def step_until_removed(tape):
    """A step in a hook is made at each backward until the hook is removed

    Shows: post-accumulate-hook, hook-removal.
    """
    w = tape.leaf(1.0)

    def halve(leaf):
        leaf *= 0.5

    halving = w.register_post_accumulate_grad_hook(halve)
    (w * 2).backward()
    (w * w).backward()
    halving.remove()
    (w * w).backward()
    tape.expect(w, 0.25)
    tape.expect(w.grad, 3.5)


@case
def gradient_that_is_returned(tape):
    """A gradient that is returned is added to nothing, and runs no such hook

    Shows: post-accumulate-hook, autograd-grad.
    """
    x = tape.leaf(3.0)

    def double(leaf):
        leaf.grad *= 2

    x.register_post_accumulate_grad_hook(double)
    returned = tape.grad(x * x, x)
    (x * x).backward()
    tape.expect(returned, 6.0)
    tape.expect(x.grad, 12.0)


@case
def hook_for_leaves_on_a_result(tape):
    """A result has no .grad that is added to, and takes no such hook

    Shows: post-accumulate-hook.
    """
    x = tape.leaf(3.0)
    y = x * 2
    with tape.expect_error(
        torch="RuntimeError: post accumulate grad hooks cannot be registered on non-leaf tensors",
        concept="post-accumulate-hook",
    ):
        y.register_post_accumulate_grad_hook(lambda leaf: None)
    y.backward()
    tape.expect(x.grad, 2.0)


# ---- hooks of nodes, modules and saved tensors ----


@case
def hook_before_a_node(tape):
    """A hook before a node edits what goes into its op, and not the gradient of the result

    Shows: node-hook, hook-and-retain-grad.
    """
    x = tape.leaf(2.0)
    y = x * 3
    y.retain_grad()
    y.grad_fn.register_prehook(lambda before: (before[0] * 10,))
    (y * y).backward()
    tape.expect(y.grad, 12.0)
    tape.expect(x.grad, 360.0)


@case
def hook_after_a_node(tape):
    """A hook after a node edits what comes out of its op; another use of the operand goes by it

    Shows: node-hook.
    """
    x = tape.leaf(2.0)
    y = x * 3
    y.grad_fn.register_hook(lambda after, before: (after[0] * 10,))
    (y + x * 5).backward()
    tape.expect(x.grad, 35.0)


@case
def hooks_around_a_node(tape):
    """The hook of the result runs first, then the one before its node, then the one after it

    Shows: node-hook, hook-order.
    """
    x = tape.leaf(2.0)
    y = x * 3
    y.grad_fn.register_hook(lambda after, before: (after[0] + 100,))
    y.grad_fn.register_prehook(lambda before: (before[0] * 10,))
    y.register_hook(lambda cotangent: cotangent + 1)
    (y * y).backward()
    tape.expect(x.grad, 490.0)


@demonstration
def order_of_all_hooks(shown):
    """Tensor hook, node before, accumulation, node after: the order is fixed

    Shows: node-hook, post-accumulate-hook.
    """

    @shown.torch
    def _():
        import torch

        w = torch.tensor(2.0, requires_grad=True)
        node = (w * 1).grad_fn.next_functions[0][0]
        ran = []
        node.register_hook(lambda after, before: ran.append("node, after"))
        w.register_post_accumulate_grad_hook(lambda leaf: ran.append("after accumulation"))
        node.register_prehook(lambda before: ran.append("node, before"))
        w.register_hook(lambda cotangent: ran.append("tensor"))
        (w * 5).backward()
        print("order", ran)
        print("gradient", w.grad)

    @shown.jax
    def _():
        import jax

        print("gradient", jax.grad(lambda w: w * 5)(2.0))

    shown.expect_divergence(
        "order", torch=["tensor", "node, before", "after accumulation", "node, after"], concept="node-hook"
    )
    shown.expect("gradient", 5.0)


@demonstration
def hooks_of_a_module(shown):
    """A module's backward hooks are a wrapper around its pullback

    Shows: module-hook.
    """

    @shown.torch
    def _():
        import torch

        seen = []
        module = torch.nn.Linear(2, 1, bias=False)
        torch.nn.init.ones_(module.weight)
        module.register_full_backward_hook(lambda module, after, before: seen.append(after[0]))
        module.register_full_backward_pre_hook(lambda module, before: (before[0] * 10,))
        x = torch.ones(2, requires_grad=True)
        module(x).sum().backward()
        print("seen behind the module", seen[0])
        print("gradient of the weight", module.weight.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        seen = []

        @jax.custom_vjp
        def module(weight, x):
            return weight @ x

        def module_forward(weight, x):
            return jax.vjp(lambda weight, x: weight @ x, weight, x)

        def module_backward(pullback, cotangent):
            gradients = pullback(cotangent * 10)
            seen.append(gradients[1])
            return gradients

        module.defvjp(module_forward, module_backward)
        weight, x = jnp.ones((1, 2)), jnp.ones(2)
        gradient = jax.grad(lambda weight, x: jnp.sum(module(weight, x)))(weight, x)
        print("seen behind the module", seen[0])
        print("gradient of the weight", gradient)

    shown.expect("seen behind the module", [10.0, 10.0])
    shown.expect("gradient of the weight", [[10.0, 10.0]])


@demonstration
def module_hook_without_inputs(shown):
    """Where no input requires grad, a module's backward hook is given None, and PyTorch warns

    Shows: module-hook.
    """

    @shown.torch
    def _():
        import warnings

        import torch

        seen = []
        module = torch.nn.Linear(2, 1, bias=False)
        module.register_full_backward_hook(lambda module, after, before: seen.append(after[0]))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            module(torch.ones(2)).sum().backward()
        print("seen behind the module", seen[0])
        print("warns", any("Full backward hook is firing" in str(one.message) for one in caught))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        print("gradient of the weight", jax.grad(lambda w: jnp.sum(w @ jnp.ones(2)))(jnp.ones((1, 2))))

    shown.expect_divergence("seen behind the module", torch=None, concept="module-hook")
    shown.expect_divergence("warns", torch=True, concept="module-hook")
    shown.expect_divergence("gradient of the weight", jax=[[1.0, 1.0]], concept="module-hook")


@demonstration
def write_behind_a_module_hook(shown):
    """The result of a module with a backward hook may not be written

    Shows: returned-input, module-hook.
    """

    @shown.torch
    def _():
        import torch

        module = torch.nn.Linear(1, 1, bias=False)
        module.register_full_backward_hook(lambda *arguments: None)
        y = module(torch.ones(1, requires_grad=True))
        try:
            y.mul_(2.0)
        except RuntimeError as error:
            print("write", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        print("gradient of twice the result", jax.grad(lambda x: jnp.sum(x * 2.0))(jnp.ones(1)))

    shown.expect_divergence(
        "write",
        torch=raises("RuntimeError: Output 0 of BackwardHookFunction is a view and is being modified inplace"),
        concept="returned-input",
    )
    shown.expect_divergence("gradient of twice the result", jax=[2.0], concept="module-hook")


@case
def saved_copy_and_a_write(tape):
    """A saved copy outlives a write, and nothing checks the version

    Shows: saved-tensor-hook.
    """
    a = tape.leaf([1.0, 2.0])
    with tape.saved_tensors_hooks(lambda tensor: tensor.clone(), lambda packed: packed):
        h = 2 * a
        y = h * h
    h.mul_(10.0)
    y.sum().backward()
    tape.expect(h, [20.0, 40.0])
    tape.expect(a.grad, [8.0, 16.0])


@case
def saved_tensor_that_is_handed_on(tape):
    """Hooks on saved tensors that do nothing switch the version check off

    Shows: saved-tensor-hook, write-after-save.
    """
    a = tape.leaf([1.0, 2.0])
    with tape.saved_tensors_hooks(lambda tensor: tensor, lambda packed: packed):
        h = 2 * a
        y = h * h
    h.mul_(10.0)
    y.sum().backward()
    tape.expect_divergence(a.grad, torch=[80.0, 160.0], jax=[8.0, 16.0], concept="saved-tensor-hook")


@demonstration
def saved_in_another_dtype(shown):
    """A hook on saved tensors changes what the backward reads; in JAX a rule says it

    Shows: saved-tensor-hook.
    """

    @shown.torch
    def _():
        import torch

        ran = []

        def pack(tensor):
            ran.append("pack")
            return tensor.detach().half()

        def unpack(packed):
            ran.append("unpack")
            return packed.float()

        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            x = torch.tensor([1.0001, 2.0], requires_grad=True)
            y = (x * x).sum()
        y.backward()
        print("hooks that ran", ran)
        print("gradient", x.grad)
        try:
            with torch.autograd.graph.disable_saved_tensors_hooks("not here"):
                torch.autograd.graph.saved_tensors_hooks(pack, unpack).__enter__()
        except RuntimeError as error:
            print("where they are disabled", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        @jax.custom_vjp
        def square(x):
            return x * x

        def square_forward(x):
            return x * x, x.astype(jnp.float16)

        def square_backward(packed, cotangent):
            return (2 * packed.astype(jnp.float32) * cotangent,)

        square.defvjp(square_forward, square_backward)
        x = jnp.array([1.0001, 2.0])
        print("gradient", jax.grad(lambda x: jnp.sum(square(x)))(x))
        print("gradient of the plain square", jax.grad(lambda x: jnp.sum(x * x))(x))

    shown.expect_divergence("hooks that ran", torch=["pack", "pack", "unpack", "unpack"], concept="saved-tensor-hook")
    shown.expect("gradient", [2.0, 4.0])
    shown.expect_divergence(
        "where they are disabled", torch=raises("RuntimeError: not here"), concept="saved-tensor-hook"
    )
    shown.expect_divergence("gradient of the plain square", jax=[2.0002, 4.0], concept="saved-tensor-hook")


@demonstration
def saved_on_the_host(shown):
    """Moving what is saved to the host is a pair of hooks in PyTorch, and a policy in JAX

    Shows: saved-tensor-hook, residual-policy.
    """

    @shown.torch
    def _():
        import torch

        with torch.autograd.graph.save_on_cpu():
            x = torch.tensor([0.0, 0.5], dtype=torch.float64, requires_grad=True)
            y = (x.sin() ** 2).sum()
        y.backward()
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        from jax.ad_checkpoint import checkpoint_name

        jax.config.update("jax_enable_x64", True)
        policy = jax.checkpoint_policies.save_and_offload_only_these_names(
            names_which_can_be_saved=[],
            names_which_can_be_offloaded=["sine"],
            offload_src="device",
            offload_dst="pinned_host",
        )

        def f(x):
            return jnp.sum(checkpoint_name(jnp.sin(x), "sine") ** 2)

        print("gradient", jax.grad(jax.checkpoint(f, policy=policy))(jnp.array([0.0, 0.5])))

    shown.expect("gradient", [0.0, 0.8414709848078965])

"""Cutting a value off its history: detach, clone, and what they share."""

from compare import case, demonstration, raises

chapter_number = 4


# ---- what detaching cuts ----


@case
def factor_that_is_detached(tape):
    """A detached factor is a constant with the same number

    Shows: detach.
    """
    x = tape.leaf(3.0)
    y = x * x.detach()
    y.backward()
    tape.expect(y, 9.0)
    tape.expect(x.grad, 3.0)


@case
def part_that_is_detached(tape):
    """A part of a tensor can be detached alone

    Shows: detach.
    """
    x = tape.leaf([1.0, 2.0, 3.0])
    y = tape.concat([x[:1].detach(), x[1:]])
    (y**2).sum().backward()
    tape.expect(x.grad, [0.0, 4.0, 6.0])


@case
def sigmoid_detach(tape):
    """A detached clone is a tensor of its own, and can become a leaf

    Shows: detach, clone, requires-grad.
    """
    a = tape.leaf([1.0, 2.0, 3.0])
    out = a.sigmoid()
    c = out.detach().clone()
    tape.expect(tape.shares_storage(c, out), False)
    tape.expect(c.requires_grad, False)
    c[0] = 10
    c.requires_grad_()
    tape.expect(c.is_leaf, True)
    tape.expect(c.requires_grad, True)
    tape.expect(out.version, 0)
    loss = out * 2
    loss2 = tape.sigmoid(c * 6)
    loss.sum().backward()
    loss2.sum().backward()
    tape.expect(a.grad, [0.393223866482963705, 0.209987170807013035, 0.0903533194618242653])
    tape.expect(c.grad, [5.25390645761791719e-26, 0.0301029029543884062, 0.0196384906418390985])
    tape.expect(c.grad_fn, None)
    tape.expect(c.version, 1)
    tape.expect(out.version, 0)
    tape.expect(out, [0.731058578630004879, 0.880797077977882444, 0.952574126822433219])


@case
def sigmoid_detach_flag_first(tape):
    """Once the detached clone requires grad, it may not be written

    Shows: inplace-on-leaf.
    """
    a = tape.leaf([1.0, 2.0, 3.0])
    out = a.sigmoid()
    c = out.detach().clone()
    c.requires_grad_()
    with tape.expect_error(
        torch="RuntimeError: a view of a leaf Variable that requires grad is being used in an in-place operation",
        concept="inplace-on-leaf",
    ):
        c[0] = 10
    tape.expect(c.version, 0)
    tape.expect(c, [0.731058578630004879, 0.880797077977882444, 0.952574126822433219])


@demonstration
def stop_outside_of_a_function(shown):
    """Outside of a differentiated function stop_gradient cuts nothing

    Shows: stop-gradient-outside.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(3.0, requires_grad=True).detach()
        try:
            (x * x).backward()
        except RuntimeError as error:
            print("gradient", error)

    @shown.jax
    def _():
        import jax
        from jax import lax

        x = lax.stop_gradient(3.0)
        print("gradient", jax.grad(lambda x: x * x)(x))

    shown.expect_divergence(
        "gradient",
        torch=raises("RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"),
        jax=6.0,
        concept="stop-gradient-outside",
    )


@case
def detached_in_place(tape):
    """detach_ cuts the tensor from now on; what was computed with it before still leads back

    Shows: detach-in-place.
    """
    x = tape.leaf([1.0, 2.0])
    y = x * 2
    z = y * 3
    y.detach_()
    tape.expect(y.is_leaf, True)
    tape.expect(y.requires_grad, False)
    after = (y * 5).sum()
    tape.expect(after.requires_grad, False)
    z.sum().backward()
    tape.expect(x.grad, 6.0)


@case
def detached_in_place_view(tape):
    """A view cannot be detached in place

    Shows: detach-in-place.
    """
    x = tape.leaf([1.0, 2.0])
    v = (x * 2)[:1]
    with tape.expect_error(torch="RuntimeError: Can't detach views in-place", concept="detach-in-place"):
        v.detach_()
    v.sum().backward()
    tape.expect(x.grad, [2.0, 0.0])


@case
def detached_in_place_after_save(tape):
    """detach_ breaks the backward of an op that had saved the tensor

    Shows: detach-in-place, saved-value.
    """
    x = tape.leaf(3.0)
    y = x * 2
    z = y * y
    y.detach_()
    with tape.expect_error(
        torch="RuntimeError: Trying to use a saved tensor that has been detached in-place", concept="detach-in-place"
    ):
        z.backward()
    tape.expect_divergence(x.grad, torch=None, jax=24.0, concept="detach-in-place")


# ---- what a detached tensor shares ----


@case
def clone_that_is_written(tape):
    """A clone passes its gradient on, and its writes stay its own

    Shows: clone.
    """
    x = tape.leaf([1.0, 2.0])
    c = x.clone()
    c[0] = 5.0
    (c * c).sum().backward()
    tape.expect(tape.shares_storage(c, x), False)
    tape.expect(x, [1.0, 2.0])
    tape.expect(x.grad, [0.0, 4.0])


@case
def copy_that_is_written(tape):
    """A detached clone may be written whatever the original has saved

    Shows: clone, detach.
    """
    x = tape.leaf([0.0, 1.0])
    y = x.exp()
    copied = y.detach().clone()
    copied[0] = 100.0
    y.sum().backward()
    tape.expect(copied, [100.0, 2.718281828459045])
    tape.expect(x.grad, [1.0, 2.718281828459045])


@case
def detached_write_square(tape):
    """A write through detach() is harmless where the op saved its input

    Shows: detached-write.
    """
    a = tape.leaf([1.0, 2.0, 3.0])
    out = a**2
    c = out.detach()
    c[0] = 10
    tape.expect(out.version, 1)
    loss = out.sum()
    loss.backward()
    tape.expect(loss, 23.0)
    tape.expect_naive(loss, 14.0)
    tape.expect(a.grad, [2.0, 4.0, 6.0])


@case
def detached_write_sigmoid(tape):
    """The same write is fatal where the op saved its result

    Shows: saved-value, detached-write.
    """
    a = tape.leaf([1.0, 2.0, 3.0])
    out = a.sigmoid()
    c = out.detach()
    tape.expect(tape.shares_storage(c, out), True)
    c[0] = 10
    tape.expect(out.version, 1)
    loss = out.sum()
    with tape.expect_error(
        torch="which is output 0 of Sigmoid, is at version 1; expected version 0 instead",
        concept="saved-value",
    ):
        loss.backward()
    tape.expect_divergence(
        a.grad,
        torch=None,
        jax=[0.196611933241481853, 0.104993585403506517, 0.0451766597309121326],
        concept="saved-value",
    )
    tape.expect(loss, 11.833371204800316)
    tape.expect_naive(loss, 2.564429783430321)


# ---- grad modes ----


@case
def constant_made_under_no_grad(tape):
    """What is computed under no_grad is a constant afterwards

    Shows: no-grad.
    """
    x = tape.leaf(3.0)
    with tape.no_grad():
        factor = x * 2
    y = x * factor
    y.backward()
    tape.expect(factor.requires_grad, False)
    tape.expect(x.grad, 6.0)
    tape.expect_naive(x.grad, 12.0)


@case
def recorded_before_the_block(tape):
    """A tensor that was recorded before the block goes through it untouched

    Shows: no-grad.
    """
    x = tape.leaf(3.0)
    y = x * x
    with tape.no_grad():
        z = y
    tape.expect(z.requires_grad, True)
    z.backward()
    tape.expect(x.grad, 6.0)


@case
def enable_grad_inside_no_grad(tape):
    """Recording can be switched on again inside no_grad, for what is computed there

    Shows: enable-grad, no-grad.
    """
    x = tape.leaf(3.0)
    with tape.no_grad():
        constant = x * x
        with tape.enable_grad():
            y = x * constant
    tape.expect(constant.requires_grad, False)
    tape.expect(y.requires_grad, True)
    y.backward()
    tape.expect(y, 27.0)
    tape.expect(x.grad, 9.0)
    tape.expect_naive(x.grad, 27.0)


@case
def grad_switched_off(tape):
    """A switch counts for every line after it; a block puts the mode back

    Shows: grad-switch.
    """
    x = tape.leaf(3.0)
    with tape.set_grad_enabled(False):
        constant = x * 2
    tape.set_grad_enabled(False)
    another = x * 5
    tape.set_grad_enabled(True)
    y = x * x
    tape.expect(constant.requires_grad, False)
    tape.expect(another.requires_grad, False)
    loss = constant * another * y
    loss.backward()
    tape.expect(loss, 810.0)
    tape.expect(x.grad, 540.0)
    tape.expect_naive(x.grad, 1080.0)


@demonstration
def decorator_and_switch(shown):
    """Grad mode can be asked for, as a block, a decorator or a switch; JAX has none

    Shows: grad-mode.
    """

    @shown.torch
    def _():
        import torch

        @torch.no_grad()
        def decorated(x):
            return x * x

        x = torch.tensor(3.0, requires_grad=True)
        print("decorated: requires grad", decorated(x).requires_grad)
        with torch.no_grad():
            print("enabled inside", torch.is_grad_enabled())
        print("enabled outside", torch.is_grad_enabled())

    @shown.jax
    def _():
        import jax
        from jax import lax

        def decorated(x):
            return lax.stop_gradient(x * x)

        print("gradient of what is stopped", jax.grad(decorated)(3.0))

    shown.expect_divergence("decorated: requires grad", torch=False, concept="grad-mode")
    shown.expect_divergence("enabled inside", torch=False, concept="grad-mode")
    shown.expect_divergence("enabled outside", torch=True, concept="grad-mode")
    shown.expect_divergence("gradient of what is stopped", jax=0.0, concept="grad-mode")


@demonstration
def evaluation_mode(shown):
    """eval() changes layers, not recording; in JAX it is an argument

    Shows: evaluation-mode.
    """

    @shown.torch
    def _():
        import torch

        model = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.Dropout(0.5)).eval()
        model(torch.ones(1)).backward()
        print("gradient", model[0].weight.grad[0])

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def model(w, x, key, train):
            y = w * x
            return jnp.where(jax.random.bernoulli(key, 0.5), y / 0.5, 0.0) if train else y

        gradient = jax.grad(lambda w: jnp.sum(model(w, jnp.ones(1), jax.random.key(0), train=False)))
        print("gradient", gradient(jnp.ones(1)))

    shown.expect("gradient", [1.0])


@demonstration
def recording_a_backward_under_no_grad(shown):
    """create_graph overrides no_grad for the backward itself

    Shows: grad-mode, create-graph.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(3.0, requires_grad=True)
        y = x * x
        with torch.no_grad():
            (gradient,) = torch.autograd.grad(y, x, create_graph=True)
        print("gradient", gradient)
        print("second derivative", torch.autograd.grad(gradient, x)[0])

    @shown.jax
    def _():
        import jax

        print("gradient", jax.grad(lambda x: x * x)(3.0))
        print("second derivative", jax.grad(jax.grad(lambda x: x * x))(3.0))

    shown.expect("gradient", 6.0)
    shown.expect("second derivative", 2.0)


@demonstration
def no_grad_and_tangents(shown):
    """no_grad stops recording, not tangents; stop_gradient stops both

    Shows: no-grad-forward-mode, grad-mode.
    """

    @shown.torch
    def _():
        import warnings

        import torch
        import torch.autograd.forward_ad as forward

        def f(x):
            with torch.no_grad():
                factor = x * 2
            return x * factor

        print("reverse mode", torch.func.grad(f)(torch.tensor(3.0)))
        with torch.no_grad():
            print("a block around the gradient", torch.func.grad(lambda x: x * x)(torch.tensor(3.0)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about how PyTorch compiles its own code
            with forward.dual_level(), torch.no_grad():
                x = forward.make_dual(torch.tensor(3.0), torch.tensor(1.0))
                print("tangent of a square", forward.unpack_dual(x * x).tangent)

    @shown.jax
    def _():
        import jax
        from jax import lax

        def f(x):
            return x * lax.stop_gradient(x * 2)

        print("reverse mode", jax.grad(f)(3.0))
        print("a stop around the gradient", lax.stop_gradient(jax.grad(lambda x: x * x)(3.0)))
        print("tangent of a square", jax.jvp(lambda x: lax.stop_gradient(x * x), (3.0,), (1.0,))[1])

    shown.expect("reverse mode", 6.0)
    shown.expect_divergence("a block around the gradient", torch=6.0, concept="grad-mode")
    shown.expect_divergence("a stop around the gradient", jax=6.0, concept="grad-mode")
    shown.expect_divergence("tangent of a square", torch=6.0, jax=0.0, concept="no-grad-forward-mode")


@case
def no_grad_view_used_outside(tape):
    """A view made under no_grad requires grad, and its gradient reaches nothing

    Shows: no-grad-view.
    """
    x = tape.leaf([1.0, 2.0])
    y = x * 2
    with tape.no_grad():
        v = y[:1]
    tape.expect(v.requires_grad, True)
    tape.expect(v.is_leaf, True)
    loss = (v * 3).sum() + y.sum()
    loss.backward()
    tape.expect(loss, 12.0)
    tape.expect(x.grad, 2.0)
    tape.expect_naive(x.grad, [8.0, 2.0])
    tape.expect(v.grad, None)


@case
def no_grad_view_written(tape):
    """A view made under no_grad is written under no_grad alone, and then the leaf changes

    Shows: no-grad-view.
    """
    w = tape.leaf([1.0, 2.0])
    with tape.no_grad():
        v = w[:1]
    with tape.expect_error(
        torch="RuntimeError: A view was created in no_grad mode and is being modified inplace with grad mode enabled",
        concept="no-grad-view",
    ):
        v.add_(1.0)
    tape.expect(w, [1.0, 2.0])
    with tape.no_grad():
        v.add_(1.0)
    tape.expect(w, [2.0, 2.0])
    tape.expect_naive(w, [1.0, 2.0])


# ---- inference mode ----


@case
def inference_tensor_saved(tape):
    """A tensor made in inference mode cannot be saved for backward; its clone can

    Shows: inference-mode.
    """
    w = tape.leaf(2.0)
    with tape.inference_mode():
        i = tape.constant([1.0, 1.0]) * 3
    with tape.expect_error(
        torch="RuntimeError: Inference tensors cannot be saved for backward", concept="inference-mode"
    ):
        w * i
    loss = (w * i.clone()).sum()
    loss.backward()
    tape.expect(loss, 12.0)
    tape.expect(w.grad, 6.0)


@case
def inference_tensor_added(tape):
    """An op that saves nothing takes a tensor made in inference mode, where enable_grad has no effect

    Shows: inference-mode, enable-grad.
    """
    w = tape.leaf([1.0, 2.0])
    with tape.inference_mode(), tape.enable_grad():
        i = w * 3
    tape.expect(i.requires_grad, False)
    loss = (w + i).sum()
    loss.backward()
    tape.expect(loss, 12.0)
    tape.expect(w.grad, 1.0)
    tape.expect_naive(w.grad, 4.0)


@demonstration
def leaf_from_inference_mode(shown):
    """A tensor made in inference mode becomes no leaf; a JAX array is never second class

    Shows: inference-mode.
    """

    @shown.torch
    def _():
        import torch

        with torch.inference_mode():
            inferred = torch.ones(2) * 3
        print("it and a result are inference tensors", [inferred.is_inference(), (inferred * 2).is_inference()])
        try:
            print("version", inferred._version)
        except RuntimeError as error:
            print("version", error)
        try:
            inferred.requires_grad_()
        except RuntimeError as error:
            print("gradient with respect to it", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        inferred = jax.jit(lambda: jnp.ones(2) * 3)()
        print("gradient with respect to it", jax.grad(lambda x: jnp.sum(x * x))(inferred))

    shown.expect_divergence("it and a result are inference tensors", torch=[True, False], concept="inference-mode")
    shown.expect_divergence(
        "version",
        torch=raises("RuntimeError: Inference tensors do not track version counter"),
        concept="inference-mode",
    )
    shown.expect_divergence(
        "gradient with respect to it",
        torch=raises("RuntimeError: Setting requires_grad=True on inference tensor outside InferenceMode is not"),
        jax=[6.0, 6.0],
        concept="inference-mode",
    )


@case
def inference_tensor_written(tape):
    """A write that PyTorch refuses to a tensor made in inference mode has happened all the same

    Shows: inference-mode.
    """
    with tape.inference_mode():
        i = tape.constant([1.0, 1.0]) * 3
    with tape.expect_error(
        torch="RuntimeError: Inplace update to inference tensor outside InferenceMode is not allowed",
        concept="inference-mode",
    ):
        i.add_(1.0)
    tape.expect_divergence(i, torch=4.0, jax=3.0, concept="inference-mode")

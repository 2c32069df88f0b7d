"""Cutting a value off its history: detach, clone, and what they share."""

from compare import case

chapter_number = 4


@case
def sigmoid_detach(tape):
    """A detached clone is a leaf of its own

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


@case
def detached_write_sigmoid(tape):
    """Writing through detach() is fatal where the op saved its result

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


@case
def detached_write_square(tape):
    """The same write is harmless where the op saved its input

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
    tape.expect(a.grad, [2.0, 4.0, 6.0])


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

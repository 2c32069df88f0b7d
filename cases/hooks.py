"""Tensor hooks: editing a cotangent on its way back."""

from compare import case

chapter_number = 5


@case
def hook_on_nonleaf(tape):
    """A hook edits what flows back through an intermediate

    Shows: tensor-hook.
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

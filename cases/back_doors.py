"""Writing into a leaf through a back door: .data, detach and no_grad."""

from compare import case

chapter_number = 6


@case
def leaf_data_write(tape):
    """A write through .data before the first use is a leaf with another value

    Shows: data, data-write.
    """
    a = tape.leaf([10.0, 5.0, 2.0, 3.0])
    before = a.detach()
    a.data.fill_(10.0)
    tape.expect(a.is_leaf, True)
    tape.expect(a.requires_grad, True)
    tape.expect(tape.shares_storage(a, before), True)
    tape.expect(a.version, 0)
    loss = (a * a).mean()
    loss.backward()
    tape.expect(loss, 100.0)
    tape.expect(a.grad, 5.0)


@case
def leaf_detach_write(tape):
    """A write through detach() before the first use does the same, and is counted

    Shows: detached-write.
    """
    a = tape.leaf([10.0, 5.0, 2.0, 3.0])
    a.detach().fill_(10.0)
    tape.expect(a.is_leaf, True)
    tape.expect(a.version, 1)
    loss = (a * a).mean()
    loss.backward()
    tape.expect(loss, 100.0)
    tape.expect(a.grad, 5.0)


@case
def leaf_data_write_after_forward(tape):
    """A write through .data after the forward makes PyTorch's gradient wrong without a word

    Shows: data-write-after-save.
    """
    a = tape.leaf([10.0, 5.0, 2.0, 3.0])
    loss = (a * a).mean()
    a.data.fill_(10.0)
    tape.expect(a.version, 0)
    loss.backward()
    tape.expect(loss, 34.5)
    tape.expect_divergence(a.grad, torch=5.0, jax=[5.0, 2.5, 1.0, 1.5], concept="data-write-after-save")
    tape.expect(a, 10.0)


@case
def leaf_detach_write_after_forward(tape):
    """The same write through detach() is caught by the version counter

    Shows: write-after-save.
    """
    a = tape.leaf([10.0, 5.0, 2.0, 3.0])
    loss = (a * a).mean()
    a.detach().fill_(10.0)
    with tape.expect_error(torch="is at version 1; expected version 0 instead", concept="write-after-save"):
        loss.backward()
    tape.expect_divergence(a.grad, torch=None, jax=[5.0, 2.5, 1.0, 1.5], concept="write-after-save")
    tape.expect(a, 10.0)


@case
def leaf_no_grad_write(tape):
    """Under no_grad a leaf may be written in place

    Shows: no-grad, no-grad-write.
    """
    a = tape.leaf([10.0, 5.0, 2.0, 3.0])
    with tape.no_grad():
        a[:] = 10.0
    tape.expect(a.is_leaf, True)
    tape.expect(a.version, 1)
    loss = (a * a).mean()
    loss.backward()
    tape.expect(loss, 100.0)
    tape.expect(a.grad, 5.0)


@case
def leaf_no_grad_write_after_loss(tape):
    """no_grad hides a write from the tape, not from the version counter

    Shows: write-after-save, no-grad.
    """
    a = tape.leaf([10.0, 5.0, 2.0, 3.0])
    loss = (a * a).mean()
    with tape.no_grad():
        a[:] = 10.0
    with tape.expect_error(torch="is at version 1; expected version 0 instead", concept="write-after-save"):
        loss.backward()
    tape.expect_divergence(a.grad, torch=None, jax=[5.0, 2.5, 1.0, 1.5], concept="write-after-save")
    tape.expect(a, 10.0)


@case
def nonleaf_no_grad_write(tape):
    """A write under no_grad in mid-graph has the value of the new and the derivative of the old

    Shows: no-grad-write.
    """
    a = tape.leaf(1.0)
    y = a * 2
    with tape.no_grad():
        y *= 10
    loss = y * 3
    loss.backward()
    tape.expect(y.version, 1)
    tape.expect(loss, 60.0)
    tape.expect(a.grad, 6.0)
    tape.expect_naive(a.grad, 60.0)


@case
def nonleaf_data_write(tape):
    """A write through .data in mid-graph changes the value and keeps the derivative

    Shows: data-write.
    """
    a = tape.leaf([1.0, -2.0])
    y = a * 1
    y.data.mul_(2.0)
    loss = (y**2).sum()
    loss.backward()
    tape.expect(loss, 20.0)
    tape.expect(a.grad, [4.0, -8.0])
    tape.expect_naive(a.grad, [8.0, -16.0])


@case
def nonleaf_data_write_after_save(tape):
    """After the value was saved the same write makes PyTorch's gradient ten times too large

    Shows: data-write-after-save.
    """
    a = tape.leaf(2.0)
    y = a * 1
    z = y**2
    y.data.mul_(10.0)
    z.backward()
    tape.expect(z, 4.0)
    tape.expect(y, 20.0)
    tape.expect_divergence(a.grad, torch=40.0, jax=4.0, concept="data-write-after-save")


@case
def detached_leaf_written(tape):
    """A write through the name of a detached leaf is a write to the leaf

    Shows: detached-write.
    """
    w = tape.leaf([1.0, 2.0])
    d = w.detach()
    d *= 10.0
    tape.expect(w, [10.0, 20.0])
    tape.expect_naive(w, [1.0, 2.0])
    (w * w).sum().backward()
    tape.expect(w.grad, [20.0, 40.0])
    tape.expect_naive(w.grad, [2.0, 4.0])


@case
def leaf_data_assigned(tape):
    """Assigning .data puts other numbers under a leaf, which stays the same leaf

    Shows: data-assignment.
    """
    w = tape.leaf([1.0, 2.0])
    old = w.detach()
    loss = (w * w).sum()
    loss.backward()
    w.data = w.data - 0.25 * w.grad
    tape.expect(w.is_leaf, True)
    tape.expect(w.version, 0)
    tape.expect(old, [1.0, 2.0])
    loss = (w * w).sum()
    loss.backward()
    tape.expect(loss, 1.25)
    tape.expect(w.grad, [3.0, 6.0])


@case
def data_assigned_after_forward(tape):
    """After the forward, the assigned numbers silently enter the gradient

    Shows: data-assignment.
    """
    w = tape.leaf([1.0, 2.0])
    loss = (w * w).sum()
    w.data = tape.constant([100.0, 200.0])
    loss.backward()
    tape.expect(loss, 5.0)
    tape.expect_divergence(w.grad, torch=[200.0, 400.0], jax=[2.0, 4.0], concept="data-assignment")
    tape.expect(w, [100.0, 200.0])


@case
def data_assigned_shares(tape):
    """Afterwards the leaf shares storage with what was assigned, and each sees the other's writes

    Shows: data-assignment, storage-identity.
    """
    w = tape.leaf([1.0, 2.0])
    b = tape.constant([5.0, 6.0])
    w.data = b
    tape.expect(tape.shares_storage(w, b), True)
    with tape.no_grad():
        w.mul_(2.0)
    b.add_(1.0)
    tape.expect(b, [11.0, 13.0])
    tape.expect_naive(b, [6.0, 7.0])
    tape.expect(w.version, 1)
    tape.expect(b.version, 1)
    loss = (w * w).sum()
    loss.backward()
    tape.expect(loss, 290.0)
    tape.expect_naive(loss, 244.0)
    tape.expect(w.grad, [22.0, 26.0])
    tape.expect_naive(w.grad, [20.0, 24.0])

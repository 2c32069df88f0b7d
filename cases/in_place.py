"""Writing in place: what moves, what stays, and what the version counter sees."""

from compare import case

chapter_number = 2


@case
def out_of_place_vs_in_place(tape):
    """An op makes a new storage, an item write stays in the old one

    Shows: storage-identity, view-write, version-counter.
    """
    a = tape.constant([2, 1])
    integers = a.detach()
    tape.expect(a.dtype, "int64")
    tape.expect(tape.shares_storage(integers, a), True)
    a = a.exp()
    tape.expect(a.dtype, tape.dtype)
    tape.expect(a, [7.38905609893065, 2.718281828459045])
    tape.expect(tape.shares_storage(integers, a), False)
    floats = a.detach()
    a[0] = 10
    tape.expect(tape.shares_storage(floats, a), True)
    tape.expect(a.version, 1)
    tape.expect(a, [10.0, 2.718281828459045])
    tape.expect(integers, [2, 1])


@case
def inplace_nonleaf_before_use(tape):
    """An intermediate may be written in place before anything uses it

    Shows: inplace-write, version-counter.
    """
    a = tape.leaf([1.0, 3.0])
    b = a + 2
    tape.expect(b.version, 0)
    tape.expect(b.is_leaf, False)
    tape.expect(b.requires_grad, True)
    b[0] = 1000.0
    b[0] = 1
    loss = (b * b).mean()
    tape.expect(b.version, 2)
    tape.expect(b.grad_fn, "CopySlices")
    loss.backward()
    tape.expect(loss, 13.0)
    tape.expect(a.grad, [0.0, 5.0])


@case
def inplace_nonleaf_after_use(tape):
    """A value that backward needs may not be written after it was saved

    Shows: write-after-save, version-counter.
    """
    a = tape.leaf([1.0, 3.0])
    b = a + 2
    b[0] = 1000.0
    b[0] = 1
    loss = (b * b).mean()
    b[0] = 1000.0
    tape.expect(b.version, 3)
    with tape.expect_error(
        torch="is at version 3; expected version 2 instead",
        concept="write-after-save",
    ):
        loss.backward()
    tape.expect_divergence(a.grad, torch=None, jax=[0.0, 5.0], concept="write-after-save")
    tape.expect(b, [1000.0, 5.0])


@case
def inplace_on_leaf(tape):
    """A leaf that requires grad may not be written in place, only its name may move on

    Shows: inplace-on-leaf.
    """
    a = tape.leaf([1.0, 3.0])
    tape.expect(a.version, 0)
    with tape.expect_error(
        torch="RuntimeError: a leaf Variable that requires grad is being used in an in-place operation",
        concept="inplace-on-leaf",
    ):
        a += 1
    a = a + 1
    a.retain_grad()
    tape.expect(a, [2.0, 4.0])
    tape.expect(a.is_leaf, False)
    tape.expect(a.version, 0)
    b = a + 2
    b[0] = 1000.0
    b[0] = 1
    loss = (b * b).mean()
    tape.expect(b.version, 2)
    loss.backward()
    tape.expect(a.grad, [0.0, 6.0])

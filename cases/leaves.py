"""Leaves, and where gradients are kept."""

from compare import case

chapter_number = 1

NON_LEAF_WARNING = "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed"


@case
def three_weights(tape):
    """Only leaves collect a gradient

    Shows: leaf, backward, nonleaf-grad, grad-fn.
    """
    x = tape.constant([[1.0, 1.0], [1.0, 1.0]])
    w1, w2, w3 = tape.leaf(2.0), tape.leaf(3.0), tape.leaf(4.0)
    l1 = x * w1
    l2 = l1 + w2
    l3 = l1 * w3
    l4 = l2 * l3
    loss = l4.mean()
    tape.expect(w1.grad_fn, None)
    tape.expect(l1.grad_fn, "MulBackward0")
    tape.expect(l2.grad_fn, "AddBackward0")
    tape.expect(loss.grad_fn, "MeanBackward0")
    tape.expect(loss, 40.0)
    loss.backward()
    tape.expect(w1.grad, 28.0)
    tape.expect(w2.grad, 8.0)
    tape.expect(w3.grad, 10.0)
    for intermediate in (l1, l2, l3, l4, loss):
        tape.expect(intermediate.grad, None, warning=NON_LEAF_WARNING)


@case
def nonleaf_grad(tape):
    """A tensor made by an op keeps no gradient

    Shows: nonleaf-grad, is-leaf, requires-grad, storage-identity.
    """
    a = tape.leaf([[1.0, 1.0], [1.0, 1.0]])
    b = 3 * a + 2
    loss = b.sum()
    tape.expect(a.is_leaf, True)
    tape.expect(b.is_leaf, False)
    tape.expect(b.requires_grad, True)
    tape.expect(tape.shares_storage(a, b), False)
    loss.backward()
    tape.expect(a.grad_fn, None)
    tape.expect(a.grad, 3.0)
    tape.expect(b.grad_fn, "AddBackward0")
    tape.expect(b.grad, None, warning=NON_LEAF_WARNING)


@case
def nothing_requires_grad(tape):
    """Without a leaf that requires grad there is nothing to go backward through

    Shows: backward-without-graph, empty-grad.
    """
    a = tape.constant([[1.0, 1.0], [1.0, 1.0]])
    b = 3 * a + 2
    loss = b.sum()
    tape.expect(a.is_leaf, True)
    tape.expect(b.is_leaf, True)
    tape.expect(b.requires_grad, False)
    with tape.expect_error(
        torch="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",
        concept="backward-without-graph",
    ):
        loss.backward()
    tape.expect(a.grad, None)
    tape.expect(loss, 20.0)


@case
def retain_grad(tape):
    """retain_grad before backward keeps the gradient of an intermediate

    Shows: retain-grad.
    """
    a = tape.leaf([[1.0, 1.0], [1.0, 1.0]])
    b = 3 * a + 2
    b.retain_grad()
    loss = b.sum()
    tape.expect(b.is_leaf, False)
    tape.expect(b.retains_grad, True)
    loss.backward()
    tape.expect(a.grad, 3.0)
    tape.expect(b.grad, 1.0)


@case
def retain_grad_after_backward(tape):
    """retain_grad after backward keeps nothing, and says nothing

    Shows: late-retain-grad.
    """
    a = tape.leaf([[1.0, 1.0], [1.0, 1.0]])
    b = 3 * a + 2
    loss = b.sum()
    loss.backward()
    b.retain_grad()
    tape.expect(b.retains_grad, True)
    tape.expect(b.grad, None)
    tape.expect(a.grad, 3.0)

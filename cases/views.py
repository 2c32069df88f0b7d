"""Views: several tensors over one storage, and what a write to one does to the others."""

from compare import case

chapter_number = 7


@case
def base_written_after_view(tape):
    """A view shows what is written to its base later, and its gradient goes through that write

    Shows: view, view-write.
    """
    a = tape.leaf([1.0, 2.0, 3.0])
    y = a * 2
    v = y[:2]
    y *= 10
    loss = v.sum()
    loss.backward()
    tape.expect(a.grad, [20.0, 20.0, 0.0])
    tape.expect_naive(a.grad, [2.0, 2.0, 0.0])
    tape.expect(loss, 60.0)
    tape.expect_naive(loss, 6.0)
    tape.expect(v, [20.0, 40.0])
    tape.expect_naive(v, [2.0, 4.0])
    tape.expect(y, [20.0, 40.0, 60.0])

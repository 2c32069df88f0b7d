"""Views: several tensors over one storage, and what a write to one does to the others."""

from compare import case, demonstration, raises

chapter_number = 7


# ---- writes that every view sees ----


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


@case
def sibling_views(tape):
    """Two views of one base see each other's writes

    Shows: view-write.
    """
    x = tape.leaf([1.0, 2.0])
    y = x * 1
    a, b = y[:], y.reshape((2,))
    a.mul_(5.0)
    b.sum().backward()
    tape.expect(b, [5.0, 10.0])
    tape.expect_naive(b, [1.0, 2.0])
    tape.expect(x.grad, 5.0)
    tape.expect_naive(x.grad, 1.0)


@case
def views_of_one_storage(tape):
    """A write through a chain of views reaches the one storage, and every other view of it

    Shows: view, view-write, version-counter.
    """
    a = tape.leaf([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    y = a * 1
    table = y.unflatten(0, (2, 3))
    column = table.swapaxes(0, 1).select(0, 2)
    column.narrow(0, 1, 1).mul_(10.0)
    tape.expect(table, [[1.0, 2.0, 3.0], [4.0, 5.0, 60.0]])
    tape.expect_naive(table, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    tape.expect(tape.shares_storage(column, y), True)
    tape.expect(column.version, 1)
    loss = (table * table).sum()
    loss.backward()
    tape.expect(a.grad, [2.0, 4.0, 6.0, 8.0, 10.0, 1200.0])
    tape.expect_naive(a.grad, [2.0, 4.0, 6.0, 8.0, 10.0, 12.0])


@case
def transposed_and_flat(tape):
    """A write through a transpose, or through a flat view, is a write to the matrix

    Shows: view-write.
    """
    a = tape.leaf([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    y = a * 1
    y.matrix_transpose()[0] = 5.0
    y.view(-1)[5] = 7.0
    tape.expect(y, [[5.0, 1.0, 1.0], [5.0, 1.0, 7.0]])
    (y * y).sum().backward()
    tape.expect(a.grad, [[0.0, 2.0, 2.0], [0.0, 2.0, 0.0]])


@case
def diagonal_write(tape):
    """A diagonal is a view: a write to it is a write to the matrix

    Shows: view-write.
    """
    a = tape.leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    y = a * 1
    y.diagonal().fill_(0.0)
    y.diagonal(1).mul_(10.0)
    tape.expect(y, [[0.0, 20.0, 3.0], [4.0, 0.0, 60.0], [7.0, 8.0, 0.0]])
    y.sum().backward()
    tape.expect(a.grad, [[0.0, 10.0, 1.0], [1.0, 0.0, 10.0], [1.0, 1.0, 0.0]])


@case
def positions_within_a_view(tape):
    """A write at positions of a slice is a write to its base

    Shows: view-write.
    """
    a = tape.leaf([1.0, 2.0, 3.0, 4.0])
    v = tape.leaf([5.0, 6.0])
    y = a * 1
    y[1:][[2, 0]] = v
    tape.expect(y, [1.0, 6.0, 3.0, 5.0])
    (y * y).sum().backward()
    tape.expect(a.grad, [2.0, 0.0, 6.0, 0.0])
    tape.expect(v.grad, [10.0, 12.0])


@case
def tracked_value_through_a_view(tape):
    """A tracked value written through a view makes the base a part of the graph

    Shows: written-value, view-write.
    """
    base, x = tape.constant([0.0, 0.0, 0.0]), tape.leaf([4.0])
    v = base[:1]
    v.copy_(x)
    tape.expect(base.requires_grad, True)
    (base**2).sum().backward()
    tape.expect(base, [4.0, 0.0, 0.0])
    tape.expect_naive(base, 0.0)
    tape.expect(x.grad, 8.0)
    tape.expect_naive(x.grad, 0.0)


# ---- writes that are refused ----


@case
def view_of_a_leaf_written(tape):
    """A view of a leaf that requires grad may not be written

    Shows: inplace-on-leaf.
    """
    x = tape.leaf([1.0, 2.0])
    with tape.expect_error(
        torch="RuntimeError: a view of a leaf Variable that requires grad is being used in an in-place operation",
        concept="inplace-on-leaf",
    ):
        x[:1].add_(1.0)
    x.sum().backward()
    tape.expect(x.grad, 1.0)


@case
def view_written_after_use(tape):
    """A write to the base of a saved view is caught

    Shows: write-after-save, view-write.
    """
    x = tape.leaf([1.0, 2.0])
    y = x * 1
    v = y[:1]
    z = v * v
    y.add_(1.0)
    with tape.expect_error(torch="is at version 1; expected version 0 instead", concept="write-after-save"):
        z.sum().backward()


@case
def one_of_several_views(tape):
    """A view that was returned with others may be read, and not written

    Shows: multiple-views.
    """
    a = tape.leaf([1.0, 2.0, 3.0, 4.0])
    y = a * 1
    left, right = y.chunk(2)
    with tape.expect_error(
        torch="This view is the output of a function that returns multiple views",
        concept="multiple-views",
    ):
        left.mul_(2.0)
    tape.expect(y, [1.0, 2.0, 3.0, 4.0])
    (left * right).sum().backward()
    tape.expect(a.grad, [3.0, 4.0, 1.0, 2.0])


@demonstration
def rows_of_a_loop(shown):
    """A loop over rows may not write them in PyTorch, and writes nothing in JAX

    Shows: multiple-views.
    """

    @shown.torch
    def _():
        import torch

        y = torch.tensor([1.0, 2.0], requires_grad=True) * 1
        try:
            for row in y:
                row += 1.0
        except RuntimeError as error:
            print("loop", error)
        print("afterwards", y.detach())

    @shown.jax
    def _():
        import jax.numpy as jnp

        y = jnp.array([1.0, 2.0])
        for row in y:
            row += 1.0
        print("afterwards", y)

    shown.expect_divergence(
        "loop",
        torch=raises("RuntimeError: Output 0 of Unbind is a view and is being modified inplace"),
        concept="multiple-views",
    )
    shown.expect("afterwards", [1.0, 2.0])


@case
def stale_view_of_several(tape):
    """After its base was written, a view that was returned with others cannot be used

    Shows: multiple-views.
    """
    a = tape.leaf([1.0, 2.0])
    y = a * 1
    first, second = y.unstack()
    y *= 10.0
    with tape.expect_error(
        torch="its base or another view of its base has been modified inplace", concept="multiple-views"
    ):
        first * second
    y[0].backward()
    tape.expect(a.grad, [10.0, 0.0])
    tape.expect(first, 10.0)
    tape.expect_naive(first, 1.0)


@case
def expanded_elements(tape):
    """Expanded elements are one place: their gradients add up, and PyTorch refuses to write them all

    Shows: expanded-write.
    """
    a = tape.leaf([[1.0], [2.0]])
    y = a * 1
    wide = y.broadcast_to((2, 3))
    with tape.expect_error(torch="more than one element of the written-to tensor refers to", concept="expanded-write"):
        wide.add_(1.0)
    tape.expect(wide, [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    (wide * wide).sum().backward()
    tape.expect(a.grad, [[6.0], [12.0]])


# ---- what is a view, and what is a copy ----


@case
def positions_are_copied(tape):
    """A slice is a view, a list of positions is a copy

    Shows: maybe-view.
    """
    a = tape.leaf([1.0, 2.0, 3.0, 4.0])
    y = a * 1
    view = y[1:3]
    copied = y[[1, 2]]
    view[0] = 50.0
    copied[0] = 90.0
    tape.expect(tape.shares_storage(view, y), True)
    tape.expect(tape.shares_storage(copied, y), False)
    tape.expect(y, [1.0, 50.0, 3.0, 4.0])
    tape.expect_naive(y, [1.0, 2.0, 3.0, 4.0])
    (y.sum() + 10 * copied.sum()).backward()
    tape.expect(a.grad, [1.0, 0.0, 11.0, 1.0])
    tape.expect_naive(a.grad, [1.0, 1.0, 11.0, 1.0])


@case
def reshape_view_or_copy(tape):
    """The same reshape is a view of rows and a copy of columns

    Shows: maybe-view, storage-identity.
    """
    a = tape.constant([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    of_rows = a.reshape(6)
    of_columns = a.matrix_transpose().reshape(6)
    of_rows[0] = 1.0
    of_columns[1] = 2.0
    tape.expect(tape.shares_storage(of_rows, a), True)
    tape.expect(tape.shares_storage(of_columns, a), False)
    tape.expect(a, [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    tape.expect_naive(a, [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])


@demonstration
def cast_that_does_nothing(shown):
    """A cast that changes nothing returns the tensor itself, and only PyTorch can tell

    Shows: maybe-view.
    """

    @shown.torch
    def _():
        import torch

        a = torch.zeros(2)
        b = a.float()
        print("is the same object", b is a)
        print("contiguous, to, clone are the same object", [a.contiguous() is a, a.to(a.dtype) is a, a.clone() is a])
        b += 1.0
        print("original", a)

    @shown.jax
    def _():
        import jax.numpy as jnp

        a = jnp.zeros(2)
        b = a.astype(jnp.float32)
        print("is the same object", b is a)
        b += 1.0
        print("original", a)

    shown.expect("is the same object", True)
    shown.expect_divergence(
        "contiguous, to, clone are the same object", torch=[True, True, False], concept="maybe-view"
    )
    shown.expect_divergence("original", torch=[1.0, 1.0], jax=[0.0, 0.0], concept="maybe-view")


# ---- updates without a write ----


@case
def functional_scatters(tape):
    """The scatter functions return what a write through a view would have left

    Shows: functional-scatter.
    """
    a = tape.leaf([[1.0, 2.0], [3.0, 4.0]])
    row, other = tape.leaf([5.0, 6.0]), tape.leaf([7.0, 8.0])
    one = a.select_scatter(row, axis=0, position=1)
    two = a.diagonal_scatter(other)
    tape.expect(one, [[1.0, 2.0], [5.0, 6.0]])
    tape.expect(two, [[7.0, 2.0], [3.0, 8.0]])
    (one * two).sum().backward()
    tape.expect(a.grad, [[7.0, 4.0], [5.0, 0.0]])
    tape.expect(row.grad, [3.0, 8.0])
    tape.expect(other.grad, [1.0, 6.0])


@demonstration
def diagonal_that_is_filled(shown):
    """JAX keeps NumPy's name for filling a diagonal, and returns the result

    Shows: functional-scatter.
    """

    @shown.torch
    def _():
        import torch

        y = torch.zeros(2, 2)
        y.fill_diagonal_(3.0)
        print("filled", y)

    @shown.jax
    def _():
        import jax.numpy as jnp

        y = jnp.zeros((2, 2))
        print("filled", jnp.fill_diagonal(y, 3.0, inplace=False))
        try:
            jnp.fill_diagonal(y, 3.0)
        except NotImplementedError as error:
            print("in place", error)

    shown.expect("filled", [[3.0, 0.0], [0.0, 3.0]])
    shown.expect_divergence(
        "in place",
        jax=raises("NotImplementedError: JAX arrays are immutable, must use inplace=False"),
        concept="functional-scatter",
    )


@demonstration
def writes_rewritten_as_scatters(shown):
    """PyTorch can rewrite a program without writes, and then it looks like the JAX one

    Shows: functional-scatter.
    """

    @shown.torch
    def _():
        import torch
        from torch.fx.experimental.proxy_tensor import make_fx

        def f(x):
            y = x * 2
            y[:2].mul_(10.0)
            return y.sum()

        code = make_fx(torch.func.functionalize(f, remove="mutations_and_views"))(torch.ones(3)).code
        print("writes in place", "mul_." in code)
        print("scatters", code.count("slice_scatter.default"))
        print("gradient", torch.func.grad(f)(torch.ones(3)))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def f(x):
            return jnp.sum((x * 2).at[:2].multiply(10.0))

        print("scatters", str(jax.make_jaxpr(f)(jnp.ones(3))).count("scatter-mul"))
        print("gradient", jax.grad(f)(jnp.ones(3)))

    shown.expect_divergence("writes in place", torch=False, concept="functional-scatter")
    shown.expect("scatters", 1)
    shown.expect("gradient", [20.0, 20.0, 2.0])


# ---- strides ----


@demonstration
def strides_of_a_gradient(shown):
    """Strides are part of a tensor and of its gradient; a JAX array has none

    Shows: strides.
    """

    @shown.torch
    def _():
        import torch

        w = torch.zeros(2, 3).t().requires_grad_()
        (w * torch.ones(3, 2)).sum().backward()
        print("strides of leaf and gradient", [list(w.stride()), list(w.grad.stride())])
        x = torch.ones(2, 2, requires_grad=True)
        weights = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        (x.t().as_strided((2, 2), (2, 1)) * weights).sum().backward()
        print("gradient through as_strided", x.grad)

    @shown.jax
    def _():
        import jax.numpy as jnp

        try:
            print("strides", jnp.zeros((2, 3)).T.strides)
        except AttributeError as error:
            print("strides", error)

    shown.expect_divergence("strides of leaf and gradient", torch=[[1, 3], [1, 3]], concept="strides")
    shown.expect_divergence("gradient through as_strided", torch=[[1.0, 2.0], [3.0, 4.0]], concept="strides")
    shown.expect_divergence(
        "strides",
        jax=raises("AttributeError: 'jaxlib._jax.ArrayImpl' object has no attribute 'strides'"),
        concept="strides",
    )


@demonstration
def element_of_an_expanded_tensor(shown):
    """A write to one element of an expanded tensor writes them all

    Shows: expanded-write.
    """

    @shown.torch
    def _():
        import torch

        expanded = torch.zeros(1).expand(3)
        expanded[0] = 1.0
        print("one element", expanded)

    @shown.jax
    def _():
        import jax.numpy as jnp

        expanded = jnp.broadcast_to(jnp.zeros(1), (3,))
        print("one element", expanded.at[0].set(1.0))

    shown.expect_divergence("one element", torch=[1.0, 1.0, 1.0], jax=[1.0, 0.0, 0.0], concept="expanded-write")


@demonstration
def overlapping_windows(shown):
    """Overlapping windows share elements: reads agree, and a write counts some of them twice

    Shows: strides.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([0.0, 1.0, 2.0, 3.0], requires_grad=True)
        (x.unfold(0, 2, 1) ** 2).sum().backward()
        print("gradient of a read", x.grad)
        y = torch.tensor([0.0, 1.0, 2.0, 3.0])
        y.unfold(0, 2, 1).add_(1.0)
        print("after a write of one more", y)
        windows = y.unfold(0, 2, 1)
        try:
            windows[0].copy_(windows[1])
        except RuntimeError as error:
            print("a window copied to its neighbour", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        windows = jnp.arange(3)[:, None] + jnp.arange(2)
        x = jnp.array([0.0, 1.0, 2.0, 3.0])
        print("gradient of a read", jax.grad(lambda x: jnp.sum(x[windows] ** 2))(x))
        print("after a write of one more", x.at[windows].set(x[windows] + 1.0))
        print("a window copied to its neighbour", x.at[windows[0]].set(x[windows[1]]))

    shown.expect("gradient of a read", [0.0, 4.0, 8.0, 6.0])
    shown.expect_divergence(
        "after a write of one more", torch=[1.0, 3.0, 4.0, 4.0], jax=[1.0, 2.0, 3.0, 4.0], concept="strides"
    )
    shown.expect_divergence(
        "a window copied to its neighbour",
        torch=raises("RuntimeError: unsupported operation: some elements of the input tensor and the written-to"),
        jax=[1.0, 2.0, 2.0, 3.0],
        concept="strides",
    )


# ---- memory shared with others ----


@demonstration
def memory_of_numpy(shown):
    """from_numpy shares memory; jnp.asarray copies, and device_put shares where it is allowed to

    Shows: shared-memory.
    """

    @shown.torch
    def _():
        import numpy as np
        import torch

        buffer = np.ones(4, np.float32)
        shared, copied = torch.from_numpy(buffer), torch.tensor(buffer)
        buffer[0] = 7.0
        print("without a copy", shared)
        print("copied", copied)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        import numpy as np

        buffer = np.ones(4, np.float32)
        without, copied = jnp.asarray(buffer), jnp.array(buffer)
        buffer[0] = 7.0
        print("without a copy", without)
        print("copied", copied)
        memory = np.zeros(2048, np.float32)
        start = -memory.ctypes.data % 64 // 4  # only aligned memory is shared
        aligned = memory[start : start + 1024]
        allowed = jax.device_put(aligned, may_alias=True)
        aligned[0] = 7.0
        print("allowed to share", allowed[0])

    shown.expect_divergence("allowed to share", jax=7.0, concept="shared-memory")
    shown.expect_divergence(
        "without a copy", torch=[7.0, 1.0, 1.0, 1.0], jax=[1.0, 1.0, 1.0, 1.0], concept="shared-memory"
    )
    shown.expect("copied", [1.0, 1.0, 1.0, 1.0])


@demonstration
def write_through_numpy(shown):
    """A write through NumPy is counted by nobody, and makes the gradient wrong

    Shows: numpy-write.
    """

    @shown.torch
    def _():
        import torch

        a = torch.tensor([1.0, 2.0], requires_grad=True)
        y = (a * a).sum()
        a.detach().numpy()[:] = 100.0
        y.backward()
        print("gradient", a.grad)
        print("version", a._version)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        import numpy as np

        a = jnp.array([1.0, 2.0])
        _, pullback = jax.vjp(lambda a: jnp.sum(a * a), a)
        try:
            np.asarray(a)[:] = 100.0
        except ValueError as error:
            print("write", error)
        print("gradient", pullback(jnp.ones(()))[0])

    shown.expect_divergence("gradient", torch=[200.0, 200.0], jax=[2.0, 4.0], concept="numpy-write")
    shown.expect_divergence("version", torch=0, concept="numpy-write")
    shown.expect_divergence(
        "write", jax=raises("ValueError: assignment destination is read-only"), concept="numpy-write"
    )


@demonstration
def memory_of_another_framework(shown):
    """A JAX array that shares memory with a tensor changes when PyTorch writes

    Shows: shared-memory.
    """

    @shown.torch
    def _():
        import jax.numpy as jnp
        import torch

        tensor = torch.zeros(1024)
        array = jnp.from_dlpack(tensor)
        tensor.fill_(5.0)
        print("first element of the array", array[0].item())

    @shown.jax
    def _():
        import jax.numpy as jnp
        import torch

        array = jnp.zeros(1024)
        tensor = torch.from_dlpack(array)
        tensor.fill_(5.0)
        print("first element of the array", array[0])

    shown.expect("first element of the array", 5.0)


@demonstration
def state_that_goes_on_living(shown):
    """A state dict is an alias of the parameters; a JAX name is a snapshot

    Shows: live-snapshot.
    """

    @shown.torch
    def _():
        import torch

        module = torch.nn.Linear(1, 1, bias=False)
        torch.nn.init.ones_(module.weight)
        state, best = module.state_dict(), module.weight.detach()
        with torch.no_grad():
            module.weight.add_(5.0)
        print("state", state["weight"])
        print("best so far", best)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        parameters = {"weight": jnp.ones((1, 1))}
        state, best = parameters, parameters["weight"]
        parameters = jax.tree.map(lambda a: a + 5.0, parameters)
        print("state", state["weight"])
        print("best so far", best)

    shown.expect_divergence("state", torch=[[6.0]], jax=[[1.0]], concept="live-snapshot")
    shown.expect_divergence("best so far", torch=[[6.0]], jax=[[1.0]], concept="live-snapshot")

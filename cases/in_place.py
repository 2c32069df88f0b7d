"""Writing in place: what moves, what stays, and what the version counter sees."""

from compare import case, demonstration, raises

chapter_number = 5


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


@demonstration
def memory_that_is_kept(shown):
    """A write keeps its memory in PyTorch; JAX keeps memory by donation

    Shows: storage-identity, donation.
    """

    @shown.torch
    def _():
        import torch

        x = torch.zeros(1000)
        pointer = x.data_ptr()
        x += 1
        print("kept by a write", x.data_ptr() == pointer)
        x = x + 1
        print("kept by an op", x.data_ptr() == pointer)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.zeros(1000)
        pointer = x.unsafe_buffer_pointer()
        y = x + 1
        print("kept by an op", y.unsafe_buffer_pointer() == pointer)
        z = jax.jit(lambda x: x.at[0].set(1.0), donate_argnums=0)(x)
        print("kept by a donation", z.unsafe_buffer_pointer() == pointer)

    shown.expect_divergence("kept by a write", torch=True, concept="storage-identity")
    shown.expect("kept by an op", False)
    shown.expect_divergence("kept by a donation", jax=True, concept="donation")


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


# ---- writes that are fine ----


@case
def constant_written_before_use(tape):
    """A tensor that nothing recorded may be written freely

    Shows: inplace-write.
    """
    x, scale = tape.leaf([1.0, 2.0]), tape.constant([0.0, 0.0])
    scale += 5.0
    (x * scale).sum().backward()
    scale += 1.0
    tape.expect(x.grad, 5.0)
    tape.expect(scale, 6.0)


@case
def writes_that_nothing_saved(tape):
    """A value that no op has saved may be written again and again

    Shows: inplace-write, version-counter.
    """
    x = tape.leaf([1.0, 2.0])
    y = x + 1
    y.mul_(3.0)
    y.add_(x)
    y.sum().backward()
    tape.expect(y, [7.0, 11.0])
    tape.expect(y.version, 2)
    tape.expect(x.grad, 4.0)


@case
def value_written_into_a_tensor(tape):
    """A written element passes its gradient to what was written, and none to what was there

    Shows: written-value.
    """
    x, v = tape.leaf([1.0, 2.0, 3.0]), tape.leaf(10.0)
    y = x * 1
    y[1] = v * 2
    (y**2).sum().backward()
    tape.expect(x.grad, [2.0, 0.0, 6.0])
    tape.expect(v.grad, 80.0)


@case
def buffer_filled_with_results(tape):
    """A constant buffer becomes a part of the graph when a result is written into it

    Shows: written-value.
    """
    buffer, x = tape.constant([0.0, 0.0, 0.0]), tape.leaf(2.0)
    tape.expect(buffer.requires_grad, False)
    buffer[0] = x
    buffer[1] = x * x
    tape.expect(buffer.requires_grad, True)
    tape.expect(buffer, [2.0, 4.0, 0.0])
    buffer.sum().backward()
    tape.expect(x.grad, 5.0)


# ---- writes that the version counter catches ----


@case
def saved_constant_written(tape):
    """A constant that an op has saved may not be written either

    Shows: write-after-save.
    """
    x, m = tape.leaf([1.0, 2.0]), tape.constant([3.0, 4.0])
    y = (x * m).sum()
    m.add_(1.0)
    with tape.expect_error(torch="is at version 1; expected version 0 instead", concept="write-after-save"):
        y.backward()
    tape.expect_divergence(x.grad, torch=None, jax=[3.0, 4.0], concept="write-after-save")


@case
def write_that_changes_nothing(tape):
    """Versions are compared, not values: a write that changes nothing is caught too

    Shows: write-after-save.
    """
    x = tape.leaf(2.0)
    y = x * 1
    z = y * y
    y.mul_(1.0)
    tape.expect(y, 2.0)
    with tape.expect_error(torch="is at version 1; expected version 0 instead", concept="write-after-save"):
        z.backward()


@case
def write_beside_what_was_saved(tape):
    """The counter belongs to the whole storage: a write to another element is caught too

    Shows: write-after-save.
    """
    x = tape.leaf([1.0, 2.0])
    y = x * 1
    z = y[0] * y[0]
    y[1] = 7.0
    with tape.expect_error(torch="is at version 1; expected version 0 instead", concept="write-after-save"):
        z.backward()
    tape.expect_divergence(x.grad, torch=None, jax=[2.0, 0.0], concept="write-after-save")


@case
def activation_in_place(tape):
    """An activation in place keeps its own result, and the next write destroys it

    Shows: saved-value.
    """
    x = tape.leaf([0.0, 1.0])
    squashed = (x * 1).tanh_()
    squashed.sum().backward()
    tape.expect(x.grad, [1.0, 0.41997434161402614])
    scaled = (x * 1).exp_().mul_(2.0)
    with tape.expect_error(torch="is at version 2; expected version 1 instead", concept="saved-value"):
        scaled.sum().backward()


@demonstration
def relu_layer_in_place(shown):
    """An in-place relu is fine after a product, fatal after a sigmoid, and refused on a leaf

    Shows: saved-value, inplace-on-leaf.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([-1.0, 2.0], requires_grad=True)
        torch.nn.functional.relu(x * 2, inplace=True).sum().backward()
        print("after a product", x.grad)
        squashed = torch.sigmoid(x)
        torch.nn.functional.relu(squashed, inplace=True)
        try:
            squashed.sum().backward()
        except RuntimeError as error:
            print("after a sigmoid", error)
        try:
            torch.nn.functional.relu(x, inplace=True)
        except RuntimeError as error:
            print("on a leaf", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.array([-1.0, 2.0])
        print("after a product", jax.grad(lambda x: jnp.sum(jax.nn.relu(x * 2)))(x))
        print("after a sigmoid", jax.grad(lambda x: jnp.sum(jax.nn.relu(jax.nn.sigmoid(x))))(jnp.zeros(2)))

    shown.expect("after a product", [0.0, 2.0])
    shown.expect_divergence(
        "after a sigmoid",
        torch=raises("RuntimeError: one of the variables needed for gradient computation has been modified"),
        jax=[0.25, 0.25],
        concept="saved-value",
    )
    shown.expect_divergence(
        "on a leaf",
        torch=raises("RuntimeError: a leaf Variable that requires grad is being used in an in-place operation"),
        concept="inplace-on-leaf",
    )


@demonstration
def which_op_saves_what(shown):
    """Whether a write is legal depends on what each op has saved: its input, its result, or nothing

    Shows: saved-value.
    """

    @shown.torch
    def _():
        import torch

        def survives(name, written):
            x = torch.tensor([0.5, 2.0], requires_grad=True)
            operand = x * 1
            result = getattr(operand, name)()
            (operand if written == "operand" else result).add_(1.0)
            try:
                result.sum().backward()
            except RuntimeError:
                return False
            return True

        ops = ("exp", "sin", "sigmoid", "tanh", "relu", "sqrt", "log", "square", "neg", "abs", "reciprocal")
        print("the operand may be written", [name for name in ops if survives(name, "operand")])
        print("the result may be written", [name for name in ops if survives(name, "result")])

    shown.expect_divergence(
        "the operand may be written",
        torch=["exp", "sigmoid", "tanh", "relu", "sqrt", "neg", "reciprocal"],
        concept="saved-value",
    )
    shown.expect_divergence(
        "the result may be written", torch=["sin", "log", "square", "neg", "abs"], concept="saved-value"
    )


@case
def counters_of_aliases(tape):
    """A view and a detached alias count with their base; .data and a clone count for themselves

    Shows: version-counter.
    """
    x = tape.constant([0.0, 0.0, 0.0])
    view, detached, data, clone = x[:1], x.detach(), x.data, x.clone()
    x.add_(1.0)
    view.add_(1.0)
    detached.add_(1.0)
    data.add_(1.0)
    clone.add_(1.0)
    tape.expect(x, [4.0, 3.0, 3.0])
    tape.expect_naive(x, 1.0)
    tape.expect(x.version, 3)
    tape.expect(view.version, 3)
    tape.expect(detached.version, 3)
    tape.expect(data.version, 1)
    tape.expect(clone.version, 1)


@demonstration
def counter_that_cannot_be_set(shown):
    """The version counter can be read and not set, and a context holds it still during a write

    Shows: version-counter.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.0, 2.0])
        try:
            x._version = 7
        except AttributeError as error:
            print("setting it", error)
        x.add_(1.0)
        with torch.autograd._unsafe_preserve_version_counter(x):
            x.add_(1.0)
        print("version after two writes", x._version)
        print("x", x)

    @shown.jax
    def _():
        import jax.numpy as jnp

        x = jnp.array([1.0, 2.0])
        x = x + 1.0
        x = x + 1.0
        print("x", x)

    shown.expect_divergence(
        "setting it",
        torch=raises("AttributeError: attribute '_version' of 'torch._C.TensorBase' objects is not writable"),
        concept="version-counter",
    )
    shown.expect_divergence("version after two writes", torch=1, concept="version-counter")
    shown.expect("x", [3.0, 4.0])


@demonstration
def copies_of_what_is_saved(shown):
    """PyTorch can copy what is written after it was saved, and then computes as JAX does

    Shows: write-after-save.
    """

    @shown.torch
    def _():
        import torch

        with torch.autograd.graph.allow_mutation_on_saved_tensors():
            x = torch.tensor([1.0, 2.0], requires_grad=True)
            y = x * 1
            z = (y**2).sum()
            y.add_(10.0)
            z.backward()
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        print("gradient", jax.grad(lambda x: jnp.sum((x * 1) ** 2))(jnp.array([1.0, 2.0])))

    shown.expect("gradient", [2.0, 4.0])


# ---- writes to leaves ----


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


@demonstration
def every_write_to_a_leaf(shown):
    """Every recorded write to a leaf is refused, and leaves its data alone

    Shows: inplace-on-leaf.
    """

    @shown.torch
    def _():
        import torch

        a = torch.tensor([[1.0, 2.0]], requires_grad=True)
        writes = {
            "add_": lambda: a.add_(1.0),
            "zero_": a.zero_,
            "copy_": lambda: a.copy_(torch.ones(1, 2)),
            "a[0] = 5": lambda: a.__setitem__(0, 5.0),
            "a += 1": lambda: a.__iadd__(1.0),
            "t_": a.t_,
            "normal_": a.normal_,
        }
        refused = []
        for name, write in writes.items():
            try:
                write()
            except RuntimeError as error:
                if "leaf Variable that requires grad is being used in an in-place operation" in str(error):
                    refused.append(name)
        print("refused", refused)
        print("data afterwards", a.detach())
        torch.nn.init.constant_(a, 3.0)
        print("after an initializer", a.detach())

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        a = jnp.array([[1.0, 2.0]])
        try:
            a.add_(1.0)
        except AttributeError as error:
            print("add_", error)
        print("after an initializer", jax.nn.initializers.constant(3.0)(jax.random.key(0), (1, 2)))

    shown.expect_divergence(
        "refused",
        torch=["add_", "zero_", "copy_", "a[0] = 5", "a += 1", "t_", "normal_"],
        concept="inplace-on-leaf",
    )
    shown.expect_divergence("data afterwards", torch=[[1.0, 2.0]], concept="inplace-on-leaf")
    shown.expect_divergence(
        "add_",
        jax=raises("AttributeError: 'jaxlib._jax.ArrayImpl' object has no attribute 'add_'"),
        concept="inplace-on-leaf",
    )
    shown.expect("after an initializer", [[3.0, 3.0]])


# ---- += ----


@demonstration
def augmented_assignment_through_an_alias(shown):
    """The same `+=` computes 13 in PyTorch and 8 in JAX

    Shows: augmented-assignment.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.0, 2.0])
        total = x
        total += 1.0
        print("sum of products", (x * total).sum())
        print("x", x)

    @shown.jax
    def _():
        import jax.numpy as jnp

        x = jnp.array([1.0, 2.0])
        total = x
        total += 1.0
        print("sum of products", (x * total).sum())
        print("x", x)

    shown.expect_divergence("sum of products", torch=13.0, jax=8.0, concept="augmented-assignment")
    shown.expect_divergence("x", torch=[2.0, 3.0], jax=[1.0, 2.0], concept="augmented-assignment")


@demonstration
def augmented_assignment_of_another_dtype(shown):
    """A write keeps the dtype or raises; a rebinding promotes

    Shows: augmented-assignment.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1, 2])
        try:
            x += 0.5
        except RuntimeError as error:
            print("integers += 0.5", error)
        y = torch.tensor([1.0, 2.0])
        y += torch.tensor([0.5], dtype=torch.float64)
        print("float32 += float64", str(y.dtype).removeprefix("torch."))
        x[0] = 1.9
        print("1.9 written to an integer", x)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        x = jnp.array([1, 2])
        print("1.9 written to an integer", x.at[0].set(1.9))
        x += 0.5
        print("integers += 0.5", x)
        y = jnp.array([1.0, 2.0], jnp.float32)
        y += jnp.array([0.5], jnp.float64)
        print("float32 += float64", str(y.dtype))

    shown.expect_divergence(
        "integers += 0.5",
        torch=raises("RuntimeError: result type Float can't be cast to the desired output type Long"),
        jax=[1.5, 2.5],
        concept="augmented-assignment",
    )
    shown.expect_divergence("float32 += float64", torch="float32", jax="float64", concept="augmented-assignment")
    shown.expect(
        "1.9 written to an integer", [1, 2], jax_warning="FutureWarning: scatter inputs have incompatible types"
    )


@demonstration
def augmented_assignment_of_another_shape(shown):
    """A write cannot grow its tensor; a rebinding can

    Shows: augmented-assignment.
    """

    @shown.torch
    def _():
        import torch

        x = torch.ones(1)
        try:
            x += torch.ones(3)
        except RuntimeError as error:
            print("one += three", error)

    @shown.jax
    def _():
        import jax.numpy as jnp

        x = jnp.ones(1)
        x += jnp.ones(3)
        print("one += three", x)

    shown.expect_divergence(
        "one += three",
        torch=raises("RuntimeError: output with shape [1] doesn't match the broadcast shape [3]"),
        jax=[2.0, 2.0, 2.0],
        concept="augmented-assignment",
    )


# ---- other ways to write ----


@demonstration
def result_into_out(shown):
    """out= is closed to autograd, and unknown to JAX

    Shows: out-argument.
    """

    @shown.torch
    def _():
        import torch

        a, out = torch.ones(2, requires_grad=True), torch.empty(2)
        try:
            torch.mul(a, 2.0, out=out)
        except RuntimeError as error:
            print("out=", error)
        with torch.no_grad():
            torch.mul(a, 2.0, out=out)
        print("under no_grad", out)

    @shown.jax
    def _():
        import jax.numpy as jnp

        try:
            jnp.multiply(jnp.ones(2), 2.0, out=jnp.empty(2))
        except NotImplementedError as error:
            print("out=", error)

    shown.expect_divergence(
        "out=",
        torch=raises("RuntimeError: mul(): functions with out=... arguments don't support automatic differentiation"),
        jax=raises("NotImplementedError: out argument of <jnp.ufunc 'multiply'>"),
        concept="out-argument",
    )
    shown.expect_divergence("under no_grad", torch=[2.0, 2.0], concept="out-argument")


@demonstration
def shape_written_in_place(shown):
    """Even the shape of a tensor is written in place

    Shows: shape-write.
    """

    @shown.torch
    def _():
        import torch

        x = torch.ones(2, 3, requires_grad=True)
        y = x * 1
        y.unsqueeze_(0)
        y.transpose_(1, 2)
        print("shape", list(y.shape))
        print("version", y._version)
        y.sum().backward()
        print("shape of the gradient", list(x.grad.shape))
        try:
            (x * 1).resize_(6)
        except RuntimeError as error:
            print("resize_", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.ones((2, 3))
        print("shape", list(jnp.expand_dims(x, 0).swapaxes(1, 2).shape))
        print("shape of the gradient", list(jax.grad(lambda x: jnp.sum(x[None].swapaxes(1, 2)))(x).shape))

    shown.expect("shape", [1, 3, 2])
    shown.expect_divergence("version", torch=2, concept="shape-write")
    shown.expect("shape of the gradient", [2, 3])
    shown.expect_divergence(
        "resize_", torch=raises("RuntimeError: cannot resize variables that require grad"), concept="shape-write"
    )


# ---- masks and positions ----


@case
def masked_write(tape):
    """A masked write passes no gradient to what it replaced

    Shows: masked-write.
    """
    a = tape.leaf([-1.0, 2.0, -3.0])
    v = tape.leaf(0.5)
    y = a * 1
    y[y < 0] = v
    tape.expect(y, [0.5, 2.0, 0.5])
    (y * 5).sum().backward()
    tape.expect(a.grad, [0.0, 5.0, 0.0])
    tape.expect(v.grad, 10.0)


@case
def index_accumulation(tape):
    """Adding at positions with accumulation adds every value, repeated positions included

    Shows: index-accumulation.
    """
    a = tape.leaf([1.0, 2.0, 3.0, 4.0])
    positions = tape.constant([0, 0, 1, 2])
    y = tape.constant([0.0, 0.0, 0.0])
    y.index_put_(a, positions, accumulate=True)
    tape.expect(y, [3.0, 3.0, 4.0])
    (y * y).sum().backward()
    tape.expect(a.grad, [6.0, 6.0, 6.0, 8.0])


@case
def repeated_position_added_once(tape):
    """The operator += at a repeated position adds once

    Shows: duplicate-index, index-accumulation.
    """
    positions = tape.constant([0, 0, 1])
    y = tape.constant([0.0, 0.0, 0.0])
    y[positions] += 1.0
    tape.expect(y, [1.0, 1.0, 0.0])
    ones = tape.constant([1.0, 1.0, 1.0])
    z = tape.constant([0.0, 0.0, 0.0])
    z.index_add_(positions, ones, axis=0)
    tape.expect(z, [2.0, 1.0, 0.0])


@demonstration
def repeated_position_in_one_update(shown):
    """The update .at[].add, which looks the same, adds at a repeated position every time

    Shows: duplicate-index.
    """

    @shown.torch
    def _():
        import torch

        y = torch.zeros(3)
        y[torch.tensor([0, 0, 1])] += 1.0
        print("y[positions] += 1", y)

    @shown.jax
    def _():
        import jax.numpy as jnp

        positions, y = jnp.array([0, 0, 1]), jnp.zeros(3)
        print("y[positions] += 1", y.at[positions].add(1.0))
        print("read, added to and set", y.at[positions].set(y[positions] + 1.0))

    shown.expect_divergence("y[positions] += 1", torch=[1.0, 1.0, 0.0], jax=[2.0, 1.0, 0.0], concept="duplicate-index")
    shown.expect_divergence("read, added to and set", jax=[1.0, 1.0, 0.0], concept="duplicate-index")


@case
def repeated_position_written(tape):
    """Of two values written to one place PyTorch gives both a gradient, JAX the one that stayed

    Shows: duplicate-index.
    """
    v = tape.leaf([1.0, 2.0, 3.0])
    y = tape.constant([0.0, 0.0])
    y[[0, 0, 1]] = v
    tape.expect(y, [2.0, 3.0])
    (y * tape.constant([10.0, 100.0])).sum().backward()
    tape.expect_divergence(v.grad, torch=[10.0, 10.0, 100.0], jax=[0.0, 10.0, 100.0], concept="duplicate-index")


@demonstration
def index_beyond_the_end(shown):
    """An index out of bounds raises in PyTorch; JAX clamps the read and drops the write

    Shows: out-of-bounds.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([0.0, 1.0, 2.0])
        try:
            print("read", x[10])
        except IndexError as error:
            print("read", error)
        try:
            x[torch.tensor([10])] = 9.0
        except IndexError as error:
            print("write", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.array([0.0, 1.0, 2.0])
        print("read", x[10])
        print("write", x.at[10].set(9.0))
        print("gradient of the read", jax.grad(lambda x: x[10])(x))
        print("gradient of the write", jax.grad(lambda x: jnp.sum(x.at[10].set(9.0)))(x))

    shown.expect_divergence(
        "read",
        torch=raises("IndexError: index 10 is out of bounds for dimension 0 with size 3"),
        jax=2.0,
        concept="out-of-bounds",
    )
    shown.expect_divergence(
        "write",
        torch=raises("IndexError: index 10 is out of bounds for dimension 0 with size 3"),
        jax=[0.0, 1.0, 2.0],
        concept="out-of-bounds",
    )
    shown.expect_divergence("gradient of the read", jax=[0.0, 0.0, 1.0], concept="out-of-bounds")
    shown.expect_divergence("gradient of the write", jax=[1.0, 1.0, 1.0], concept="out-of-bounds")

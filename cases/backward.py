"""Running backward, and reading what it leaves in .grad."""

from compare import case, demonstration, raises

chapter_number = 2


# ---- one backward ----


@case
def leaf_used_twice(tape):
    """A leaf that is used twice collects both contributions

    Shows: chain-rule.
    """
    a = tape.leaf(3.0)
    y = a * a + a
    y.backward()
    tape.expect(y, 12.0)
    tape.expect(a.grad, 7.0)


@case
def element_that_contributes_nothing(tape):
    """A leaf that is used has a gradient, also where that is zero

    Shows: chain-rule.
    """
    x, u = tape.leaf([1.0, 2.0]), tape.leaf(5.0)
    loss = x[0] * 3 + u * 0
    loss.backward()
    tape.expect(x.grad, [3.0, 0.0])
    tape.expect(u.grad, 0.0)


@case
def backward_from_a_vector(tape):
    """A root with several elements needs a cotangent to start from

    Shows: backward-gradient.
    """
    x = tape.leaf([1.0, 2.0])
    y = x * x
    weights = tape.constant([1.0, 10.0])
    with tape.expect_error(
        torch="RuntimeError: grad can be implicitly created only for scalar outputs", concept="backward-gradient"
    ):
        y.backward()
    y.backward(gradient=weights)
    tape.expect(x.grad, [2.0, 40.0])


@demonstration
def one_element_is_not_a_scalar(shown):
    """A root of shape [1] is scalar enough for PyTorch, and not for JAX

    Shows: backward-gradient.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([3.0], requires_grad=True)
        y = x * x
        y.backward()
        print("gradient of a root of shape [1]", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.array([3.0])
        try:
            print("gradient of a root of shape [1]", jax.grad(lambda x: x * x)(x))
        except TypeError as error:
            print("gradient of a root of shape [1]", error)
        print("gradient of its element", jax.grad(lambda x: (x * x)[0])(x))

    shown.expect_divergence(
        "gradient of a root of shape [1]",
        torch=[6.0],
        jax=raises("TypeError: Gradient only defined for scalar-output functions. Output had shape: (1,)"),
        concept="backward-gradient",
    )
    shown.expect_divergence("gradient of its element", jax=[6.0], concept="backward-gradient")


@demonstration
def cotangent_of_another_form(shown):
    """Both refuse a cotangent of another shape; an integer one passes in PyTorch alone

    Shows: backward-gradient.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.0, 2.0], requires_grad=True)
        try:
            (x * x).backward(torch.ones(3))
        except RuntimeError as error:
            print("another shape", error)
        (x * x).backward(torch.tensor([1, 1]))
        print("integers", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        _, pullback = jax.vjp(lambda x: x * x, jnp.array([1.0, 2.0]))
        try:
            pullback(jnp.ones(3))
        except ValueError as error:
            print("another shape", error)
        try:
            pullback(jnp.array([1, 1]))
        except ValueError as error:
            print("integers", error)

    shown.expect_divergence(
        "another shape",
        torch=raises("RuntimeError: Mismatch in shape: grad_output[0] has a shape of torch.Size([3])"),
        jax=raises("ValueError: unexpected JAX type (e.g. shape/dtype) for argument to VJP function"),
        concept="backward-gradient",
    )
    shown.expect_divergence(
        "integers",
        torch=[2.0, 4.0],
        jax=raises("ValueError: unexpected JAX type (e.g. shape/dtype) for argument to VJP function"),
        concept="backward-gradient",
    )


@case
def backward_under_no_grad(tape):
    """Grad mode rules what is recorded, and not what a backward walks

    Shows: grad-mode.
    """
    x = tape.leaf(3.0)
    y = x * x
    with tape.no_grad():
        y.backward()
    tape.expect(x.grad, 6.0)


@demonstration
def constant_function(shown):
    """The gradient of a constant is an error in PyTorch and zero in JAX

    Shows: backward-without-graph.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(1.0, requires_grad=True)
        try:
            print("gradient of a constant", torch.autograd.grad(torch.tensor(2.0), x)[0])
        except RuntimeError as error:
            print("gradient of a constant", error)

    @shown.jax
    def _():
        import jax

        print("gradient of a constant", jax.grad(lambda x: 2.0)(1.0))

    shown.expect_divergence(
        "gradient of a constant",
        torch=raises("RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"),
        jax=0.0,
        concept="backward-without-graph",
    )


# ---- several backwards: .grad is state ----


@case
def gradients_accumulate(tape):
    """A second backward adds to .grad, until it is emptied

    Shows: grad-accumulation, zero-grad.
    """
    w = tape.leaf([[1.0, -2.0], [0.5, 3.0]])
    x = tape.constant([2.0, 1.0])
    square = ((w @ x) ** 2).sum()
    square.backward()
    linear = (w @ x).sum()
    linear.backward()
    tape.expect(w.grad, [[2.0, 1.0], [18.0, 9.0]])
    w.grad = None
    tape.expect(w.grad, None)
    linear = (w @ x).sum()
    linear.backward()
    tape.expect(w.grad, [[2.0, 1.0], [2.0, 1.0]])


@demonstration
def loop_without_zero_grad(shown):
    """A loop that forgets to empty .grad steps along sums

    Shows: forgotten-zero-grad.
    """

    @shown.torch
    def _():
        import torch

        w = torch.tensor(1.0, requires_grad=True)
        seen = []
        for _ in range(3):
            (w * 2).backward()
            seen.append(w.grad.item())
        print("gradient in each step", seen)

    @shown.jax
    def _():
        import jax

        w = 1.0
        print("gradient in each step", [jax.grad(lambda w: w * 2)(w).item() for _ in range(3)])

    shown.expect_divergence(
        "gradient in each step", torch=[2.0, 4.0, 6.0], jax=[2.0, 2.0, 2.0], concept="forgotten-zero-grad"
    )


@case
def zeros_are_not_none(tape):
    """Emptying .grad with zeros keeps the tensor, emptying it with None does not

    Shows: zero-grad, grad-buffer.
    """
    w = tape.leaf(2.0)
    (w * 3).backward()
    held = w.grad
    w.grad.zero_()
    tape.expect(w.grad, 0.0)
    (w * 3).backward()
    tape.expect(held, 3.0)
    w.grad = None
    (w * 3).backward()
    tape.expect(w.grad, 3.0)
    renewed = w.grad
    tape.expect(tape.shares_storage(held, renewed), False)


@demonstration
def optimizer_skips_none(shown):
    """Weight decay shrinks a parameter whose gradient is zero, and skips one whose gradient is None

    Shows: none-or-zero, zero-grad.
    """

    @shown.torch
    def _():
        import torch

        for name, set_to_none in (("after None", True), ("after zeros", False)):
            w = torch.nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
            optimizer = torch.optim.SGD([w], lr=0.5, weight_decay=1.0)
            (w * 2).backward()
            optimizer.zero_grad(set_to_none=set_to_none)
            optimizer.step()
            print(name, w.item())
        (w * 2).backward()
        optimizer.zero_grad()
        print("gradient after zero_grad()", w.grad)

    @shown.jax
    def _():
        def step(w, gradient):
            return w - 0.5 * (gradient + 1.0 * w)

        print("after zeros", step(1.0, 0.0))

    shown.expect_divergence("after None", torch=1.0, concept="none-or-zero")
    shown.expect_divergence("gradient after zero_grad()", torch=None, concept="zero-grad")
    shown.expect("after zeros", 0.5)


@case
def held_gradient_changes(tape):
    """A name kept for .grad changes with the next backward

    Shows: grad-buffer.
    """
    x = tape.leaf([1.0, 2.0])
    (x * x).sum().backward()
    held = x.grad
    tape.expect(held, [2.0, 4.0])
    (x * x).sum().backward()
    tape.expect(held, [4.0, 8.0])
    tape.expect_naive(held, [2.0, 4.0])
    tape.expect(x.grad, [4.0, 8.0])


@demonstration
def gradients_own_their_memory(shown):
    """PyTorch copies what it puts into .grad; JAX may return one buffer twice

    Shows: grad-buffer.
    """

    @shown.torch
    def _():
        import torch

        y, z = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
        cotangent = torch.ones(3)
        (y + z).backward(cotangent)
        print("both gradients in one buffer", y.grad.data_ptr() == z.grad.data_ptr())
        print("the cotangent's buffer", y.grad.data_ptr() == cotangent.data_ptr())

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        cotangent = jnp.ones(3)
        _, pullback = jax.vjp(lambda y, z: y + z, jnp.zeros(3), jnp.zeros(3))
        y_grad, z_grad = pullback(cotangent)
        print("both gradients in one buffer", y_grad.unsafe_buffer_pointer() == z_grad.unsafe_buffer_pointer())
        print("the cotangent's buffer", y_grad.unsafe_buffer_pointer() == cotangent.unsafe_buffer_pointer())

    shown.expect_divergence("both gradients in one buffer", torch=False, jax=True, concept="grad-buffer")
    shown.expect_divergence("the cotangent's buffer", torch=False, jax=True, concept="grad-buffer")


@case
def cotangent_becomes_the_gradient(tape):
    """A cotangent that goes back through a view becomes .grad itself, and the next backward adds to it

    Shows: grad-buffer.
    """
    x = tape.leaf([1.0, 2.0])
    v = tape.constant([1.0, 10.0])
    x.reshape((-1,)).backward(gradient=v)
    (x * x).sum().backward()
    tape.expect(x.grad, [3.0, 14.0])
    tape.expect_divergence(v, torch=[3.0, 14.0], jax=[1.0, 10.0], concept="grad-buffer")


@case
def gradient_clipped_in_place(tape):
    """Scaling and clipping .grad in place is, in JAX, a function of the gradient

    Shows: gradient-edit.
    """
    x = tape.leaf([3.0, 4.0])
    (x * x).sum().backward()
    x.grad.mul_(0.5)
    tape.expect(x.grad, [3.0, 4.0])
    norm = (x.grad * x.grad).sum().sqrt()
    tape.expect(norm, 5.0)
    x.grad /= norm
    tape.expect(x.grad, [0.6, 0.8])


@case
def assigned_gradient(tape):
    """A tensor assigned to .grad is the one that the next backward writes to

    Shows: assigned-grad.
    """
    w = tape.leaf([1.0, 2.0])
    start = tape.constant([100.0, 200.0])
    w.grad = start
    (w * 3).sum().backward()
    tape.expect(w.grad, [103.0, 203.0])
    tape.expect(start, [103.0, 203.0])
    tape.expect_naive(start, [100.0, 200.0])
    tape.expect(start.version, 1)


@demonstration
def assigning_what_is_no_gradient(shown):
    """PyTorch checks what is assigned to .grad; a JAX array takes any attribute

    Shows: gradient-edit, array-attribute.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([3.0, 4.0], requires_grad=True)
        try:
            x.grad = torch.ones(3)
        except RuntimeError as error:
            print("another shape", error)
        try:
            x.grad = torch.ones(2, dtype=torch.float64)
        except RuntimeError as error:
            print("another dtype", error)
        try:
            x.grad = 3.0
        except TypeError as error:
            print("a number", error)

    @shown.jax
    def _():
        import jax.numpy as jnp

        x = jnp.array([3.0, 4.0])
        x.grad = jnp.ones(3)
        print("another shape", x.grad)
        x.grad = jnp.ones(2, jnp.float16)
        print("another dtype", x.grad)
        x.grad = 3.0
        print("a number", x.grad)

    shown.expect_divergence(
        "another shape",
        torch=raises("RuntimeError: attempting to assign a gradient of size '[3]' to a tensor of size '[2]'"),
        jax=[1.0, 1.0, 1.0],
        concept="array-attribute",
    )
    shown.expect_divergence(
        "another dtype",
        torch=raises("RuntimeError: attempting to assign a gradient with dtype 'double' to a tensor with grad_dtype"),
        jax=[1.0, 1.0],
        concept="array-attribute",
    )
    shown.expect_divergence(
        "a number",
        torch=raises("TypeError: assigned grad expected to be a Tensor or None but got grad of type float"),
        jax=3.0,
        concept="array-attribute",
    )


# ---- which gradients, and from where ----


@case
def only_the_named_inputs(tape):
    """With inputs= the other leaves are left alone

    Shows: backward-inputs.
    """
    a, b = tape.leaf(2.0), tape.leaf(3.0)
    product = a * b
    product.backward(inputs=[a])
    tape.expect(a.grad, 3.0)
    tape.expect(b.grad, None)


@demonstration
def named_intermediate(shown):
    """An intermediate that inputs= names keeps its gradient without retain_grad

    Shows: backward-inputs.
    """

    @shown.torch
    def _():
        import torch

        a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
        product = a * b
        (product * product).backward(inputs=[product])
        print("gradient of the product", product.grad)
        print("gradient of a", a.grad)

    @shown.jax
    def _():
        import jax

        print("gradient of the product", jax.grad(lambda product: product * product)(2.0 * 3.0))

    shown.expect("gradient of the product", 12.0)
    shown.expect_divergence("gradient of a", torch=None, concept="backward-inputs")


@case
def gradient_as_a_result(tape):
    """autograd.grad returns the gradient and leaves .grad empty

    Shows: autograd-grad.
    """
    x = tape.leaf(3.0)
    h = x * x
    y = h * 2
    x_gradient = tape.grad(y, x, retain_graph=True)
    h_gradient = tape.grad(y, h)
    tape.expect(x_gradient, 12.0)
    tape.expect(h_gradient, 2.0)
    tape.expect(x.grad, None)


@case
def gradients_of_nested_inputs(tape):
    """Where one input is computed from the other, the gradient of each is its whole gradient

    Shows: autograd-grad.
    """
    x = tape.leaf([1.0, 2.0])
    h = x * 2
    y = (h**3 * x).sum()
    x_gradient, h_gradient = tape.grad(y, (x, h))
    tape.expect(x_gradient, [32.0, 256.0])
    tape.expect(h_gradient, [12.0, 96.0])


@case
def unused_input(tape):
    """An input that was not used is an error, None or zeros in PyTorch, and zeros in JAX

    Shows: unused-input.
    """
    x, u = tape.leaf(3.0), tape.leaf([1.0, 1.0])
    y = x * x
    with tape.expect_error(
        torch="The differentiated Tensor at index 1 appears to not have been used in the graph",
        concept="unused-input",
    ):
        tape.grad(y, (x, u), retain_graph=True)
    x_gradient, none = tape.grad(y, (x, u), retain_graph=True, allow_unused=True)
    tape.expect(x_gradient, 6.0)
    tape.expect_divergence(none, torch=None, jax=0.0, concept="unused-input")
    zeros = tape.grad(y, u, materialize_grads=True)
    tape.expect(zeros, 0.0)


@case
def several_roots(tape):
    """A backward from several roots sends back the sum of their gradients

    Shows: several-roots.
    """
    x = tape.leaf([3.0, 1.0])
    y = x * x
    z = (x * 5).sum()
    tape.backward([y, z], [tape.constant([1.0, 10.0]), None])
    tape.expect(x.grad, [11.0, 25.0])


@case
def gradient_that_was_computed_with(tape):
    """A gradient can be computed with, like any other tensor

    Shows: grad-as-value.
    """
    w = tape.leaf([1.0, -2.0])
    (w * w).sum().backward()
    length = (w.grad * w.grad).sum().sqrt()
    tape.expect(length, 4.47213595499958)
    tape.expect(length.requires_grad, False)


@case
def every_intermediate(tape):
    """One backward keeps the gradient of every intermediate that retains it

    Shows: retain-grad.
    """
    w = tape.leaf(2.0)
    x = tape.constant([[1.0, 1.0], [1.0, 1.0]])
    l1 = x * w
    l2 = l1 + 3
    l3 = l2 * l1
    loss = l3.mean()
    for tensor in (l1, l2, l3, loss):
        tensor.retain_grad()
    loss.backward()
    tape.expect(l1.grad, 1.75)
    tape.expect(l2.grad, 0.5)
    tape.expect(l3.grad, 0.25)
    tape.expect(loss.grad, 1.0)
    tape.expect(w.grad, 7.0)


@case
def retain_grad_on_leaf(tape):
    """On a leaf retain_grad does nothing: a leaf keeps its gradient anyway

    Shows: retain-grad.
    """
    a = tape.leaf(2.0)
    a.retain_grad()
    tape.expect(a.retains_grad, False)
    (a * a).backward()
    tape.expect(a.grad, 4.0)


# ---- what a gradient is made of ----


@demonstration
def gradient_dtypes(shown):
    """A gradient has the dtype of its argument, whatever the loss has

    Shows: gradient-dtype.
    """

    @shown.torch
    def _():
        import torch

        a = torch.tensor([1.0, 2.0], dtype=torch.float16, requires_grad=True)
        b = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
        loss = (a * b).sum()
        loss.backward()
        print("dtypes of loss, a.grad, b.grad", [str(t.dtype).removeprefix("torch.") for t in (loss, a.grad, b.grad)])
        print("a.grad", a.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def loss_fn(a, b):
            return jnp.sum(a * b)

        a, b = jnp.array([1.0, 2.0], jnp.float16), jnp.array([3.0, 4.0], jnp.float64)
        loss, (a_grad, b_grad) = jax.value_and_grad(loss_fn, argnums=(0, 1))(a, b)
        print("dtypes of loss, a.grad, b.grad", [str(x.dtype) for x in (loss, a_grad, b_grad)])
        print("a.grad", a_grad)

    shown.expect("dtypes of loss, a.grad, b.grad", ["float64", "float16", "float64"])
    shown.expect("a.grad", [3.0, 4.0])


@demonstration
def sparse_gradient(shown):
    """An embedding can hand out a sparse gradient; a JAX gather has a dense one

    Shows: sparse-gradient.
    """

    @shown.torch
    def _():
        import torch

        table = torch.nn.Embedding(4, 2, sparse=True)
        table(torch.tensor([1, 1, 3])).sum().backward()
        print("is sparse", table.weight.grad.is_sparse)
        print("gradient", table.weight.grad.to_dense())

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        table = jnp.zeros((4, 2))
        print("gradient", jax.grad(lambda table: jnp.sum(table[jnp.array([1, 1, 3])]))(table))

    shown.expect_divergence("is sparse", torch=True, concept="sparse-gradient")
    shown.expect("gradient", [[0.0, 0.0], [2.0, 2.0], [0.0, 0.0], [1.0, 1.0]])


@demonstration
def one_output_of_several(shown):
    """An output that is not used sends back zeros

    Shows: chain-rule, grad-fn.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([[2.0, 0.0], [0.0, 3.0]], requires_grad=True)
        eigenvalues, _ = torch.linalg.eigh(x)
        eigenvalues[1].backward()
        print("gradient of the largest eigenvalue", x.grad)
        _, second = torch.ones(4, requires_grad=True).split(2)
        print("place of a piece among the outputs", second.output_nr)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.array([[2.0, 0.0], [0.0, 3.0]])
        print("gradient of the largest eigenvalue", jax.grad(lambda x: jnp.linalg.eigh(x)[0][1])(x))

    shown.expect("gradient of the largest eigenvalue", [[0.0, 0.0], [0.0, 1.0]])
    shown.expect_divergence("place of a piece among the outputs", torch=1, concept="grad-fn")

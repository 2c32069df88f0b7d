"""How long a graph lives, and derivatives of derivatives."""

from compare import case, demonstration, raises

chapter_number = 3

FREED = "RuntimeError: Trying to backward through the graph a second time"
NO_HISTORY = "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"


# ---- how long a graph lives ----


@case
def graph_is_freed(tape):
    """A backward frees the graph that it walks

    Shows: freed-graph.
    """
    x = tape.leaf(3.0)
    y = x * x
    y.backward()
    with tape.expect_error(torch=FREED, concept="freed-graph"):
        y.backward()
    tape.expect_divergence(x.grad, torch=6.0, jax=12.0, concept="freed-graph")


@case
def graph_is_retained(tape):
    """Going backward twice through a retained graph is calling one pullback twice

    Shows: retain-graph.
    """
    w = tape.leaf([[0.5, -1.0], [0.25, 2.0]])
    x = tape.constant([1.0, 0.5])
    y = (w @ x).tanh()
    first, second = tape.constant([1.0, 0.0]), tape.constant([0.0, 1.0])
    y.backward(gradient=first, retain_graph=True)
    tape.expect(w.grad, [[1.0, 0.5], [0.0, 0.0]])
    w.grad = None
    y.backward(gradient=second)
    tape.expect(w.grad, [[0.0, 0.0], [0.28041486618043265, 0.14020743309021633]])


@case
def sums_survive_a_backward(tape):
    """A second backward through sums alone doubles the gradient without an error

    Shows: second-backward.
    """
    x = tape.leaf(3.0)
    y = x + x
    y.backward()
    y.backward()
    tape.expect(x.grad, 4.0)


@case
def trunk_of_two_losses(tape):
    """The first loss frees the trunk that the second one needs

    Shows: freed-graph.
    """
    x = tape.leaf(3.0)
    trunk = x * x
    first, second = trunk * 2, trunk * 3
    first.backward()
    tape.expect(x.grad, 12.0)
    with tape.expect_error(torch=FREED, concept="freed-graph"):
        second.backward()


@case
def one_backward_for_two_losses(tape):
    """One backward from both losses needs no retained graph

    Shows: several-roots.
    """
    x = tape.leaf(3.0)
    trunk = x * x
    tape.backward([trunk * 2, trunk * 3])
    tape.expect(x.grad, 30.0)


@demonstration
def saved_values_after_backward(shown):
    """What a node saved is gone after the backward; a pullback keeps it as long as it is held

    Shows: freed-graph.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(3.0, requires_grad=True)
        y = x * x
        print("saved before", y.grad_fn._saved_self)
        y.backward()
        try:
            print("saved after", y.grad_fn._saved_self)
        except RuntimeError as error:
            print("saved after", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        _, pullback = jax.vjp(jnp.sin, jnp.array(0.0))
        print("saved before", jax.tree.leaves(pullback)[0])
        pullback(1.0)
        print("saved after", jax.tree.leaves(pullback)[0])

    shown.expect_divergence("saved before", torch=3.0, jax=1.0, concept="freed-graph")
    shown.expect_divergence("saved after", torch=raises(FREED), jax=1.0, concept="freed-graph")


@case
def step_between_two_backwards(tape):
    """A step between two backwards of one graph writes to what the second one needs

    Shows: write-after-save.
    """
    w1, w2 = tape.leaf(2.0), tape.leaf(3.0)
    y = w1 * w2
    first, second = y * 1, y * y
    first.backward(retain_graph=True)
    with tape.no_grad():
        w1 -= 0.1 * w1.grad
        w2 -= 0.1 * w2.grad
    tape.expect(w1, 1.7)
    with tape.expect_error(torch="is at version 1; expected version 0 instead", concept="write-after-save"):
        second.backward()


@case
def backward_in_stages(tape):
    """A backward in stages hands the gradient over the cut

    Shows: staged-backward.
    """
    x = tape.leaf([1.0, 2.0])
    h = x * x
    start = h.detach().requires_grad_()
    y = (start**2).sum()
    y.backward()
    h.backward(gradient=start.grad)
    tape.expect(x.grad, [4.0, 32.0])


@demonstration
def edge_of_a_tensor_that_was_written(shown):
    """A gradient edge names a place in the graph, whatever becomes of the tensor

    Shows: gradient-edge.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(3.0, requires_grad=True)
        h = x * x
        edge = torch.autograd.graph.get_gradient_edge(h)
        y = h * 2
        h.add_(100.0)
        print("gradient at the place", torch.autograd.grad(y, edge)[0])

    @shown.jax
    def _():
        import jax

        print("gradient at the place", jax.grad(lambda h: h * 2)(9.0))

    shown.expect("gradient at the place", 2.0)


@demonstration
def backward_in_threads(shown):
    """Threads share .grad; gradients that are returned are shared by nobody

    Shows: grad-accumulation.
    """

    @shown.torch
    def _():
        from threading import Thread

        import torch

        x = torch.tensor(1.0, requires_grad=True)
        threads = [Thread(target=(x * 2).backward) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print("sum over four threads", x.grad)

    @shown.jax
    def _():
        from concurrent.futures import ThreadPoolExecutor

        import jax

        with ThreadPoolExecutor(4) as pool:
            gradients = list(pool.map(lambda _: jax.grad(lambda x: x * 2)(1.0), range(4)))
        print("sum over four threads", sum(gradients))

    shown.expect("sum over four threads", 8.0)


# ---- derivatives of derivatives ----


@case
def gradient_without_a_graph(tape):
    """Without create_graph a gradient is a constant

    Shows: create-graph.
    """
    x = tape.leaf(3.0)
    y = x**3
    gradient = tape.grad(y, x)
    tape.expect(gradient, 27.0)
    tape.expect(gradient.requires_grad, False)
    with tape.expect_error(torch=NO_HISTORY, concept="create-graph"):
        tape.grad(gradient, x)


@case
def three_derivatives(tape):
    """With create_graph the gradient can be differentiated again, and again

    Shows: create-graph.
    """
    x = tape.leaf(3.0)
    y = x**4
    first = tape.grad(y, x, create_graph=True)
    second = tape.grad(first, x, create_graph=True)
    third = tape.grad(second, x)
    tape.expect(first, 108.0)
    tape.expect(second, 108.0)
    tape.expect(third, 72.0)


@case
def gradient_penalty(tape):
    """A penalty on the length of a gradient is a loss like any other

    Shows: create-graph.
    """
    w = tape.leaf([[0.5, -1.0], [0.25, 0.75]])
    x = tape.leaf([1.0, 0.5])
    y = (w @ x).tanh().sum()
    x_gradient = tape.grad(y, x, create_graph=True)
    length = (x_gradient * x_gradient).sum().sqrt()
    penalty = (length - 1) ** 2
    penalty.backward()
    tape.observe(penalty)
    tape.observe(w.grad)


@case
def hessian_vector_product(tape):
    """A Hessian-vector product is the gradient of a gradient times a vector

    Shows: hessian-vector-product.
    """
    x = tape.leaf([1.0, 2.0])
    v = tape.constant([1.0, 0.0])
    y = (x**3).sum() * x[0]
    gradient = tape.grad(y, x, create_graph=True)
    product = tape.grad((gradient * v).sum(), x)
    tape.expect(product, [12.0, 12.0])


@demonstration
def hessian_vector_product_forward(shown):
    """The same product takes one forward pass over a reverse one

    Shows: hessian-vector-product.
    """

    @shown.torch
    def _():
        import torch

        x, v = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0])
        print("product", torch.func.jvp(torch.func.grad(lambda x: (x**3).sum() * x[0]), (x,), (v,))[1])

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x, v = jnp.array([1.0, 2.0]), jnp.array([1.0, 0.0])
        print("product", jax.jvp(jax.grad(lambda x: jnp.sum(x**3) * x[0]), (x,), (v,))[1])

    shown.expect("product", [12.0, 12.0])


@demonstration
def second_derivative_of_a_linear_function(shown):
    """The second derivative of a linear function is an error on the tape, and zero for a function

    Shows: linear-second-derivative.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(3.0, requires_grad=True)
        (gradient,) = torch.autograd.grad(5 * x, x, create_graph=True)
        print("first", gradient)
        print("first requires grad", gradient.requires_grad)
        try:
            print("second", torch.autograd.grad(gradient, x)[0])
        except RuntimeError as error:
            print("second", error)
        print("second, of a function", torch.func.grad(torch.func.grad(lambda x: 5 * x))(torch.tensor(3.0)))

    @shown.jax
    def _():
        import jax

        print("first", jax.grad(lambda x: 5 * x)(3.0))
        print("second", jax.grad(jax.grad(lambda x: 5 * x))(3.0))
        print("second, of a function", jax.grad(jax.grad(lambda x: 5 * x))(3.0))

    shown.expect("first", 5.0)
    shown.expect_divergence("first requires grad", torch=False, concept="linear-second-derivative")
    shown.expect_divergence("second", torch=raises(NO_HISTORY), jax=0.0, concept="linear-second-derivative")
    shown.expect("second, of a function", 0.0)


@case
def write_before_the_second_backward(tape):
    """A step between the two backwards of a second derivative is caught

    Shows: write-after-save.
    """
    x = tape.leaf([1.0, 2.0])
    y = (x**3).sum()
    gradient = tape.grad(y, x, create_graph=True)
    total = gradient.sum()
    with tape.no_grad():
        x.add_(1.0)
    with tape.expect_error(torch="is at version 1; expected version 0 instead", concept="write-after-save"):
        total.backward()
    tape.expect_divergence(x.grad, torch=None, jax=[6.0, 12.0], concept="write-after-save")


@case
def recorded_backward_into_grad(tape):
    """With create_graph each backward puts a new tensor into .grad, and PyTorch warns of a cycle

    Shows: create-graph, grad-buffer.
    """
    x = tape.leaf(3.0)
    (x * x).backward(create_graph=True)
    tape.expect_warning("Using backward() with create_graph=True will create a reference cycle", concept="create-graph")
    held = x.grad
    (x * x).backward(create_graph=True)
    tape.expect_warning("Using backward() with create_graph=True will create a reference cycle", concept="create-graph")
    tape.expect(held, 6.0)
    tape.expect(x.grad, 12.0)
    second = tape.grad(x.grad, x)
    tape.expect(second, 4.0)


@case
def hook_at_second_order(tape):
    """A hook acts on the second backward too

    Shows: second-order-rule.
    """
    x = tape.leaf(1.0)
    h = x * 2
    h.register_hook(lambda cotangent: cotangent * 10)
    y = h**3
    gradient = tape.grad(y, x, create_graph=True)
    tape.expect(gradient, 240.0)
    gradient.backward()
    tape.expect(x.grad, 4800.0)


@case
def step_that_is_differentiated(tape):
    """Learning through a step needs the gradient of the step's gradient

    Shows: differentiable-step.
    """
    w, rate = tape.leaf(1.0), tape.leaf(0.1)
    inner = w**2
    w_gradient = tape.grad(inner, w, create_graph=True)
    stepped = w - rate * w_gradient
    outer = stepped**2
    outer.backward()
    tape.expect(stepped, 0.8)
    tape.expect(w.grad, 1.28)
    tape.expect(rate.grad, -3.2)


@case
def step_that_is_a_constant(tape):
    """Without create_graph the same step passes no second derivative, and nobody says so

    Shows: differentiable-step.
    """
    w, rate = tape.leaf(1.0), tape.leaf(0.1)
    inner = w**2
    w_gradient = tape.grad(inner, w)
    stepped = w - rate * w_gradient
    outer = stepped**2
    outer.backward()
    tape.expect(stepped, 0.8)
    tape.expect(w.grad, 1.6)
    tape.expect(rate.grad, -3.2)


# ---- loops ----


@case
def gradient_through_time(tape):
    """The gradient through a loop is the gradient of the loop written out

    Shows: unrolled-loop.
    """
    w = tape.leaf(0.5)
    h = tape.constant(1.0)
    total = tape.constant(0.0)
    for _ in range(3):
        h = h * w
        total = total + h * h
    total.backward()
    tape.expect(w.grad, 1.6875)


@demonstration
def loop_as_a_scan(shown):
    """A recorded loop is a scan in JAX

    Shows: unrolled-loop.
    """

    @shown.torch
    def _():
        import torch

        w, h, total = torch.tensor(0.5, requires_grad=True), torch.tensor(1.0), torch.tensor(0.0)
        for _ in range(3):
            h = h * w
            total = total + h * h
        total.backward()
        print("gradient through time", w.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        from jax import lax

        def loss_fn(w):
            def step(h, _):
                h = h * w
                return h, h * h

            _, losses = lax.scan(step, 1.0, length=3)
            return jnp.sum(losses)

        print("gradient through time", jax.grad(loss_fn)(0.5))

    shown.expect("gradient through time", 1.6875)


@case
def truncated_backpropagation(tape):
    """A hidden state that is detached every second step cuts the gradient there

    Shows: truncated-backpropagation.
    """
    w = tape.leaf([[0.5, -0.25], [0.75, 0.1]])
    x = tape.constant([0.2, -0.4])
    h = tape.constant([0.0, 0.0])
    loss = tape.constant(0.0)
    for step in range(6):
        if step % 2 == 0:
            h = h.detach()
        h = (w @ h + x).tanh()
        loss = loss + h.sum()
    loss.backward()
    tape.observe(loss)
    tape.observe(w.grad)


@demonstration
def truncation_in_a_scan(shown):
    """In a scan the cut is a stop_gradient in every second step

    Shows: truncated-backpropagation.
    """

    @shown.torch
    def _():
        import torch

        w, h, loss = torch.tensor(0.5, requires_grad=True), torch.tensor(1.0), torch.tensor(0.0)
        for step in range(4):
            if step % 2 == 0:
                h = h.detach()
            h = h * w
            loss = loss + h
        loss.backward()
        print("truncated gradient", w.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        from jax import lax

        def loss_fn(w):
            def advance(h, step):
                h = jnp.where(step % 2 == 0, lax.stop_gradient(h), h)
                h = h * w
                return h, h

            _, states = lax.scan(advance, 1.0, jnp.arange(4))
            return jnp.sum(states)

        print("truncated gradient", jax.grad(loss_fn)(0.5))

    shown.expect("truncated gradient", 2.5)


@demonstration
def state_that_stays_attached(shown):
    """A state carried to the next step stays attached in PyTorch; an argument in JAX is cut

    Shows: truncated-backpropagation.
    """

    @shown.torch
    def _():
        import torch

        w, h = torch.tensor(0.5, requires_grad=True), torch.tensor(1.0)
        try:
            for _ in range(2):
                h = h * w
                w.grad = None
                (h * h).backward()
                print("gradient of the first step" if h == 0.5 else "gradient of the second step", w.grad)
        except RuntimeError as error:
            print("gradient of the second step", error)

    @shown.jax
    def _():
        import jax

        def loss_fn(w, h):
            h = h * w
            return h * h, h

        w, h = 0.5, 1.0
        (_, h), gradient = jax.value_and_grad(loss_fn, has_aux=True)(w, h)
        print("gradient of the first step", gradient)
        (_, h), gradient = jax.value_and_grad(loss_fn, has_aux=True)(w, h)
        print("gradient of the second step", gradient)

    shown.expect("gradient of the first step", 1.0)
    shown.expect_divergence(
        "gradient of the second step", torch=raises(FREED), jax=0.25, concept="truncated-backpropagation"
    )


@demonstration
def loop_until_a_value(shown):
    """A while loop on values is recorded by the tape; lax.while_loop goes forward only

    Shows: while-loop.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(2.0, requires_grad=True)
        y = x
        while y < 50:
            y = y * x
        y.backward()
        print("a while of Python", x.grad)

    @shown.jax
    def _():
        import jax
        from jax import lax

        def while_of_python(x):
            y = x
            while y < 50:
                y = y * x
            return y

        def while_of_lax(x):
            return lax.while_loop(lambda y: y < 50, lambda y: y * x, x)

        print("a while of Python", jax.grad(while_of_python)(2.0))
        try:
            print("reverse through lax.while_loop", jax.grad(while_of_lax)(2.0))
        except ValueError as error:
            print("reverse through lax.while_loop", error)
        print("forward through lax.while_loop", jax.jvp(while_of_lax, (2.0,), (1.0,))[1])

    shown.expect("a while of Python", 192.0)
    shown.expect_divergence(
        "reverse through lax.while_loop",
        jax=raises("ValueError: Reverse-mode differentiation does not work for lax.while_loop"),
        concept="while-loop",
    )
    shown.expect_divergence("forward through lax.while_loop", jax=192.0, concept="while-loop")


@demonstration
def graph_of_every_call(shown):
    """PyTorch records every call anew; JAX traces once for each new static value

    Shows: retracing.
    """

    @shown.torch
    def _():
        import torch

        gradients = []
        for count in (1, 3, 1, 3):
            x = torch.tensor(1.0, requires_grad=True)
            y = x
            for _ in range(count):
                y = y * 2
            y.backward()
            gradients.append(x.grad.item())
        print("gradients", gradients)

    @shown.jax
    def _():
        import jax

        traced = []

        def repeated(x, count):
            traced.append(count)
            for _ in range(count):
                x = x * 2
            return x

        gradient = jax.jit(jax.grad(repeated), static_argnums=1)
        print("gradients", [gradient(1.0, count).item() for count in (1, 3, 1, 3)])
        print("traced for", traced)

    shown.expect("gradients", [2.0, 8.0, 2.0, 8.0])
    shown.expect_divergence("traced for", jax=[1, 3], concept="retracing")

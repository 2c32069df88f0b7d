"""torch.func, forward mode, and how JAX calls what it differentiates."""

from compare import case, demonstration, raises

chapter_number = 10


# ---- grad of a function ----


@demonstration
def gradient_of_a_function(shown):
    """torch.func.grad is jax.grad under another name

    Shows: functional-grad.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.0, 2.0])
        print("gradient", torch.func.grad(lambda x: (x**3).sum())(x))
        try:
            torch.func.grad(lambda x: x**2)(x)
        except RuntimeError as error:
            print("of a vector", error)
        try:
            print("of a Python float", torch.func.grad(lambda x: x * x)(3.0))
        except ValueError as error:
            print("of a Python float", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.array([1.0, 2.0])
        print("gradient", jax.grad(lambda x: jnp.sum(x**3))(x))
        try:
            jax.grad(lambda x: x**2)(x)
        except TypeError as error:
            print("of a vector", error)
        print("of a Python float", jax.grad(lambda x: x * x)(3.0))

    shown.expect("gradient", [3.0, 12.0])
    shown.expect_divergence(
        "of a vector",
        torch=raises("RuntimeError: grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor"),
        jax=raises("TypeError: Gradient only defined for scalar-output functions. Output had shape: (2,)"),
        concept="functional-grad",
    )
    shown.expect_divergence(
        "of a Python float",
        torch=raises("ValueError: Thing passed to transform API must be Tensor, got <class 'float'>"),
        jax=6.0,
        concept="functional-grad",
    )


@demonstration
def gradient_of_a_function_with_a_tape_outside(shown):
    """The result of torch.func.grad stays connected to the tape around it

    Shows: functional-grad.
    """

    @shown.torch
    def _():
        import torch

        w = torch.tensor(2.0, requires_grad=True)
        gradient = torch.func.grad(lambda x: x * x * w)(torch.tensor(3.0))
        print("gradient", gradient)
        gradient.backward()
        print("gradient of the gradient", w.grad)

    @shown.jax
    def _():
        import jax

        def gradient(w):
            return jax.grad(lambda x: x * x * w)(3.0)

        print("gradient", gradient(2.0))
        print("gradient of the gradient", jax.grad(gradient)(2.0))

    shown.expect("gradient", 12.0)
    shown.expect("gradient of the gradient", 6.0)


@demonstration
def arguments_by_position(shown):
    """The arguments argnums and has_aux mean the same on both sides; a keyword is no position

    Shows: functional-grad, has-aux.
    """

    @shown.torch
    def _():
        import torch

        a, b = torch.tensor(2.0), torch.tensor(3.0)
        print("both gradients", list(torch.func.grad(lambda a, b: a * b, argnums=(0, 1))(a, b)))
        gradient, auxiliary = torch.func.grad(lambda a: (a * a, a + 1), has_aux=True)(a)
        print("with an auxiliary value", [gradient, auxiliary])
        print("a keyword is a constant", torch.func.grad(lambda a, scale: a * scale)(a, scale=5.0))
        try:
            torch.func.grad(lambda a: a * 2)(a=a)
        except RuntimeError as error:
            print("by keyword alone", error)

    @shown.jax
    def _():
        import jax

        a, b = 2.0, 3.0
        print("both gradients", list(jax.grad(lambda a, b: a * b, argnums=(0, 1))(a, b)))
        gradient, auxiliary = jax.grad(lambda a: (a * a, a + 1), has_aux=True)(a)
        print("with an auxiliary value", [gradient, auxiliary])
        print("a keyword is a constant", jax.grad(lambda a, scale: a * scale)(a, scale=5.0))
        try:
            jax.grad(lambda a: a * 2)(a=a)
        except TypeError as error:
            print("by keyword alone", error)

    shown.expect("both gradients", [3.0, 2.0])
    shown.expect("with an auxiliary value", [4.0, 3.0])
    shown.expect("a keyword is a constant", 5.0)
    shown.expect_divergence(
        "by keyword alone",
        torch=raises("RuntimeError: Got argnum=0, but only 0 positional inputs"),
        jax=raises("TypeError: differentiating with respect to argnums=0 requires at least 1 positional arguments"),
        concept="functional-grad",
    )


@demonstration
def value_and_gradient(shown):
    """torch.func puts the gradient first, JAX the value

    Shows: grad-and-value, has-aux.
    """

    @shown.torch
    def _():
        import torch

        def f(x):
            return x * x + 1, x * x

        first, second = torch.func.grad_and_value(lambda x: f(x)[0])(torch.tensor(3.0))
        print("first", first)
        print("second", second)
        gradient, (value, auxiliary) = torch.func.grad_and_value(f, has_aux=True)(torch.tensor(3.0))
        print("gradient, value, auxiliary", [gradient, value, auxiliary])

    @shown.jax
    def _():
        import jax

        def f(x):
            return x * x + 1, x * x

        first, second = jax.value_and_grad(lambda x: f(x)[0])(3.0)
        print("first", first)
        print("second", second)
        (value, auxiliary), gradient = jax.value_and_grad(f, has_aux=True)(3.0)
        print("gradient, value, auxiliary", [gradient, value, auxiliary])

    shown.expect_divergence("first", torch=6.0, jax=10.0, concept="grad-and-value")
    shown.expect_divergence("second", torch=10.0, jax=6.0, concept="grad-and-value")
    shown.expect("gradient, value, auxiliary", [6.0, 10.0, 9.0])


@demonstration
def intermediate_that_is_returned(shown):
    """An intermediate is there to be read in PyTorch, and has to be returned in JAX

    Shows: has-aux.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(2.0, requires_grad=True)
        h = x * x
        (h * 3).backward()
        print("gradient", x.grad)
        print("intermediate", h.detach())

    @shown.jax
    def _():
        import jax

        def f(x):
            h = x * x
            return h * 3, h

        gradient, h = jax.grad(f, has_aux=True)(2.0)
        print("gradient", gradient)
        print("intermediate", h)
        try:
            jax.grad(f)(2.0)
        except TypeError as error:
            print("without has_aux", error)

    shown.expect("gradient", 12.0)
    shown.expect("intermediate", 4.0)
    shown.expect_divergence(
        "without has_aux",
        jax=raises("TypeError: Gradient only defined for scalar-output functions. Output was"),
        concept="has-aux",
    )


@demonstration
def parameters_as_an_argument(shown):
    """Calling a module with given parameters is how every JAX model is called

    Shows: functional-call.
    """

    @shown.torch
    def _():
        import torch

        module = torch.nn.Linear(2, 1)
        parameters = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}

        def loss(parameters, x):
            return torch.func.functional_call(module, parameters, (x,)).sum()

        gradients = torch.func.grad(loss)(parameters, torch.tensor([3.0, 4.0]))
        print("weight", gradients["weight"])
        print("bias", gradients["bias"])

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        parameters = {"weight": jnp.ones((1, 2)), "bias": jnp.zeros(1)}

        def loss(parameters, x):
            return jnp.sum(parameters["weight"] @ x + parameters["bias"])

        gradients = jax.grad(loss)(parameters, jnp.array([3.0, 4.0]))
        print("weight", gradients["weight"])
        print("bias", gradients["bias"])

    shown.expect("weight", [[3.0, 4.0]])
    shown.expect("bias", [1.0])


# ---- what does not mix ----


@demonstration
def backward_inside_a_transformation(shown):
    """backward() does not work inside a function transformation; jax.grad nests

    Shows: backward-in-transform.
    """

    @shown.torch
    def _():
        import torch

        def with_backward(x):
            y = x * x
            y.backward()
            return y

        def with_autograd_grad(x):
            return torch.autograd.grad(x * x, x)[0]

        try:
            torch.func.grad(with_backward)(torch.tensor(3.0))
        except RuntimeError as error:
            print("backward inside grad", error)
        try:
            torch.func.vmap(with_autograd_grad)(torch.tensor([1.0, 2.0]))
        except RuntimeError as error:
            print("autograd.grad inside vmap", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        print("jax.grad inside vmap", jax.vmap(jax.grad(lambda x: x * x))(jnp.array([1.0, 2.0])))

    shown.expect_divergence(
        "backward inside grad",
        torch=raises("RuntimeError: backward() called inside a functorch transform"),
        concept="backward-in-transform",
    )
    shown.expect_divergence(
        "autograd.grad inside vmap",
        torch=raises("RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"),
        concept="backward-in-transform",
    )
    shown.expect_divergence("jax.grad inside vmap", jax=[2.0, 4.0], concept="backward-in-transform")


@demonstration
def write_inside_torch_func(shown):
    """Inside torch.func.grad an intermediate may be written, the input may not

    Shows: inplace-on-leaf.
    """

    @shown.torch
    def _():
        import torch

        def writes_an_intermediate(x):
            y = x * 2
            y.mul_(3.0)
            return y.sum()

        def writes_its_input(x):
            x.mul_(3.0)
            return x.sum()

        x = torch.ones(2)
        print("an intermediate", torch.func.grad(writes_an_intermediate)(x))
        try:
            print("the input", torch.func.grad(writes_its_input)(x))
        except RuntimeError as error:
            print("the input", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def rebinds_an_intermediate(x):
            y = x * 2
            y *= 3.0
            return jnp.sum(y)

        def rebinds_its_input(x):
            x *= 3.0
            return jnp.sum(x)

        x = jnp.ones(2)
        print("an intermediate", jax.grad(rebinds_an_intermediate)(x))
        print("the input", jax.grad(rebinds_its_input)(x))

    shown.expect("an intermediate", [6.0, 6.0])
    shown.expect_divergence(
        "the input",
        torch=raises("RuntimeError: a leaf Variable that requires grad is being used in an in-place operation"),
        jax=[3.0, 3.0],
        concept="inplace-on-leaf",
    )


@demonstration
def value_that_leaves_torch_func(shown):
    """A value saved from inside torch.func.grad can still be used; one saved from jax.grad cannot

    Shows: leaked-tracer.
    """

    @shown.torch
    def _():
        import torch

        box = []

        def f(x):
            box.append(x * x)
            return box[0]

        torch.func.grad(f)(torch.tensor(3.0))
        print("used afterwards", box[0] + 1)

    @shown.jax
    def _():
        import jax

        box = []

        def f(x):
            box.append(x * x)
            return box[0]

        jax.grad(f)(3.0)
        try:
            print("used afterwards", box[0] + 1)
        except jax.errors.UnexpectedTracerError as error:
            print("used afterwards", error)

    shown.expect_divergence(
        "used afterwards",
        torch=10.0,
        jax=raises("UnexpectedTracerError: Encountered an unexpected tracer"),
        concept="leaked-tracer",
    )


# ---- vmap ----


@case
def one_example_at_a_time(tape):
    """Without a map, the gradient of each example takes a backward of its own

    Shows: zero-grad, vmap.
    """
    w = tape.leaf([0.5, -1.0])
    x = tape.constant([[0.0, 1.0], [2.0, 3.0]])
    ((w * x[0]).sum() ** 2).backward()
    first = w.grad
    w.grad = None
    ((w * x[1]).sum() ** 2).backward()
    second = w.grad
    tape.expect(first, [0.0, -2.0])
    tape.expect(second, [-8.0, -12.0])


@demonstration
def gradients_per_example(shown):
    """Both frameworks map a gradient over a batch

    Shows: vmap.
    """

    @shown.torch
    def _():
        import torch

        w, x = torch.tensor([0.5, -1.0]), torch.tensor([[0.0, 1.0], [2.0, 3.0], [1.0, -1.0]])

        def loss(w, x):
            return (w * x).sum() ** 2

        print("gradient for each example", torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(w, x))
        rows = []
        for example in x:
            weights = w.clone().requires_grad_()
            loss(weights, example).backward()
            rows.append(weights.grad)
        print("one after another", torch.stack(rows))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        w, x = jnp.array([0.5, -1.0]), jnp.array([[0.0, 1.0], [2.0, 3.0], [1.0, -1.0]])

        def loss(w, x):
            return jnp.sum(w * x) ** 2

        print("gradient for each example", jax.vmap(jax.grad(loss), in_axes=(None, 0))(w, x))
        print("one after another", jnp.stack([jax.grad(loss)(w, example) for example in x]))

    rows = [[0.0, -2.0], [-8.0, -12.0], [3.0, -3.0]]
    shown.expect("gradient for each example", rows)
    shown.expect("one after another", rows)


@demonstration
def several_cotangents_at_once(shown):
    """Several cotangents at once: a flag in PyTorch, a mapped pullback in JAX

    Shows: vmap.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = x * x
        print("rows", torch.autograd.grad(y, x, grad_outputs=torch.eye(2), is_grads_batched=True)[0])

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        _, pullback = jax.vjp(lambda x: x * x, jnp.array([1.0, 2.0]))
        print("rows", jax.vmap(pullback)(jnp.eye(2))[0])

    shown.expect("rows", [[2.0, 0.0], [0.0, 4.0]])


@demonstration
def write_inside_vmap(shown):
    """A write inside vmap reaches the caller's tensor; in JAX it only rebinds

    Shows: vmap-write.
    """

    @shown.torch
    def _():
        import torch

        def add(x, y):
            x.add_(y)
            return x

        x = torch.ones(2, 1)
        torch.func.vmap(add)(x, torch.ones(2, 1))
        print("the caller's tensor", x)
        try:
            torch.func.vmap(add, in_dims=(None, 0))(torch.ones(1), torch.ones(2, 1))
        except RuntimeError as error:
            print("into a tensor without batch", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def add(x, y):
            x += y
            return x

        x = jnp.ones((2, 1))
        jax.vmap(add)(x, jnp.ones((2, 1)))
        print("the caller's tensor", x)
        print("into a tensor without batch", jax.vmap(add, in_axes=(None, 0))(jnp.ones(1), jnp.ones((2, 1))))

    shown.expect_divergence("the caller's tensor", torch=[[2.0], [2.0]], jax=[[1.0], [1.0]], concept="vmap-write")
    shown.expect_divergence(
        "into a tensor without batch",
        torch=raises("RuntimeError: output with shape [1] doesn't match the broadcast shape [2, 1]"),
        jax=[[2.0], [2.0]],
        concept="vmap-write",
    )


@demonstration
def branch_inside_vmap(shown):
    """Inside vmap PyTorch meets the limits of tracing too

    Shows: traced-graph.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.0, -2.0])
        try:
            torch.func.vmap(lambda x: x if x > 0 else -x)(x)
        except RuntimeError as error:
            print("a branch on a value", error)
        try:
            torch.func.vmap(lambda x: x.item())(x)
        except RuntimeError as error:
            print("item()", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.array([1.0, -2.0])
        try:
            jax.vmap(lambda x: x if x > 0 else -x)(x)
        except jax.errors.TracerBoolConversionError as error:
            print("a branch on a value", error)
        try:
            jax.vmap(lambda x: x.item())(x)
        except jax.errors.ConcretizationTypeError as error:
            print("item()", error)

    shown.expect_divergence(
        "a branch on a value",
        torch=raises(
            "RuntimeError: vmap: It looks like you're attempting to use a Tensor in some data-dependent control"
        ),
        jax=raises("TracerBoolConversionError: Attempted boolean conversion of traced array with shape bool[]"),
        concept="traced-graph",
    )
    shown.expect_divergence(
        "item()",
        torch=raises("RuntimeError: vmap: It looks like you're calling .item() on a Tensor"),
        jax=raises("ConcretizationTypeError: Abstract tracer value encountered where concrete value is expected"),
        concept="traced-graph",
    )


@demonstration
def randomness_inside_vmap(shown):
    """Randomness in a batch: a flag in PyTorch, shared or split keys in JAX

    Shows: random-state.
    """

    @shown.torch
    def _():
        import torch

        def noisy(x):
            return x + torch.rand(())

        x = torch.zeros(3)
        try:
            torch.func.vmap(noisy)(x)
        except RuntimeError as error:
            print("without a word", error)
        torch.manual_seed(0)
        same = torch.func.vmap(noisy, randomness="same")(x)
        different = torch.func.vmap(noisy, randomness="different")(x)
        print("shared", bool(same[0] == same[1]))
        print("apart", bool(different[0] == different[1]))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def noisy(x, key):
            return x + jax.random.uniform(key)

        x, key = jnp.zeros(3), jax.random.key(0)
        same = jax.vmap(noisy, in_axes=(0, None))(x, key)
        different = jax.vmap(noisy)(x, jax.random.split(key, 3))
        print("shared", bool(same[0] == same[1]))
        print("apart", bool(different[0] == different[1]))

    shown.expect_divergence(
        "without a word",
        torch=raises("RuntimeError: vmap: called random operation while in randomness error mode"),
        concept="random-state",
    )
    shown.expect("shared", True)
    shown.expect("apart", False)


# ---- vjp, jvp, linearize, jacobians ----


@demonstration
def pullback_and_pushforward(shown):
    """vjp, jvp and linearize are the same functions on both sides

    Shows: functional-vjp.
    """

    @shown.torch
    def _():
        import warnings

        import torch

        zero, two = torch.tensor(0.0), torch.tensor(2.0)
        _, pullback = torch.func.vjp(torch.sin, zero)
        print("pulled back twice", [pullback(two)[0], pullback(2 * two)[0]])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about how PyTorch compiles its own code
            print("pushed forward", torch.func.jvp(torch.sin, (zero,), (two,))[1])
            _, linear = torch.func.linearize(torch.sin, zero)
            print("linearized", linear(two))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        _, pullback = jax.vjp(jnp.sin, 0.0)
        print("pulled back twice", [pullback(2.0)[0], pullback(4.0)[0]])
        print("pushed forward", jax.jvp(jnp.sin, (0.0,), (2.0,))[1])
        _, linear = jax.linearize(jnp.sin, 0.0)
        print("linearized", linear(2.0))

    shown.expect("pulled back twice", [2.0, 4.0])
    shown.expect("pushed forward", 2.0)
    shown.expect("linearized", 2.0)


@case
def derivative_along_a_direction(tape):
    """A jvp returns the results, and the derivative of each along a direction

    Shows: functional-vjp.
    """

    @tape.function
    def product_and_power(x, w):
        return x * w, x**3

    a, b = tape.leaf([1.0, 2.0]), tape.leaf([3.0, 4.0])
    along_a, along_b = tape.constant([1.0, 0.0]), tape.constant([0.0, 1.0])
    (product, power), (product_slope, power_slope) = tape.jvp(product_and_power, (a, b), (along_a, along_b))
    tape.expect(product, [3.0, 8.0])
    tape.expect(product_slope, [3.0, 2.0])
    tape.expect(power, [1.0, 8.0])
    tape.expect(power_slope, [3.0, 0.0])


@case
def backward_through_a_tangent(tape):
    """A backward through a tangent is a second derivative

    Shows: functional-vjp.
    """
    a = tape.leaf([1.0, 2.0])
    direction = tape.leaf([1.0, 10.0])
    _, slope = tape.jvp(lambda x: x**3, (a,), (direction,))
    slope.sum().backward()
    tape.expect(a.grad, [6.0, 120.0])
    tape.expect(direction.grad, [3.0, 12.0])


@case
def tangent_without_history(tape):
    """The tangent of a linear function depends on the direction alone

    Shows: functional-vjp.
    """
    a = tape.leaf([1.0, 2.0])
    direction = tape.leaf([1.0, 10.0])
    total, slope = tape.jvp(lambda x: x.sum(), (a,), (direction,))
    (total * slope).backward()
    tape.expect(a.grad, 11.0)
    tape.expect(direction.grad, 3.0)
    _, fixed = tape.jvp(lambda x: x.sum(), (a,), (tape.constant([1.0, 10.0]),))
    tape.expect(fixed.requires_grad, False)


@demonstration
def transposed_linear_function(shown):
    """JAX's reverse mode is linearize, then transpose, and each can be called

    Shows: functional-vjp.
    """

    @shown.torch
    def _():
        import torch

        matrix, x = torch.tensor([[0.0, 1.0], [2.0, 3.0]]), torch.zeros(2, requires_grad=True)
        print("transposed", torch.autograd.grad(matrix @ x, x, torch.ones(2))[0])

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        matrix = jnp.array([[0.0, 1.0], [2.0, 3.0]])
        print("transposed", jax.linear_transpose(lambda x: matrix @ x, jnp.zeros(2))(jnp.ones(2))[0])

    shown.expect("transposed", [2.0, 4.0])


@demonstration
def jacobians(shown):
    """Jacobians and Hessians have the same names on both sides

    Shows: jacobian.
    """

    @shown.torch
    def _():
        import warnings

        import torch

        def f(x):
            return torch.stack([x[0] * x[1], x[1] ** 2])

        x = torch.tensor([2.0, 3.0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about how PyTorch compiles its own code
            print("jacrev", torch.func.jacrev(f)(x))
            print("jacfwd", torch.func.jacfwd(f)(x))
            print("hessian", torch.func.hessian(lambda x: (x**3).sum())(x))
        print("jacobian of torch.autograd.functional", torch.autograd.functional.jacobian(f, x))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def f(x):
            return jnp.stack([x[0] * x[1], x[1] ** 2])

        x = jnp.array([2.0, 3.0])
        print("jacrev", jax.jacrev(f)(x))
        print("jacfwd", jax.jacfwd(f)(x))
        print("hessian", jax.hessian(lambda x: jnp.sum(x**3))(x))

    shown.expect_divergence("jacobian of torch.autograd.functional", torch=[[3.0, 2.0], [0.0, 6.0]], concept="jacobian")
    shown.expect("jacrev", [[3.0, 2.0], [0.0, 6.0]])
    shown.expect("jacfwd", [[3.0, 2.0], [0.0, 6.0]])
    shown.expect("hessian", [[12.0, 0.0], [0.0, 18.0]])


# ---- forward mode ----


@demonstration
def dual_tensors(shown):
    """A dual tensor lives in a level; jax.jvp takes the tangent as an argument

    Shows: dual-tensor.
    """

    @shown.torch
    def _():
        import warnings

        import torch
        import torch.autograd.forward_ad as forward

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about how PyTorch compiles its own code
            with forward.dual_level():
                x = forward.make_dual(torch.tensor(3.0), torch.tensor(1.0))
                y = x * x
                print("tangent", forward.unpack_dual(y).tangent)
            print("after the level", forward.unpack_dual(y).tangent)
        try:
            forward.make_dual(torch.tensor(3.0), torch.tensor(1.0))
        except RuntimeError as error:
            print("without a level", error)

    @shown.jax
    def _():
        import jax

        print("tangent", jax.jvp(lambda x: x * x, (3.0,), (1.0,))[1])

    shown.expect("tangent", 6.0)
    shown.expect_divergence("after the level", torch=None, concept="dual-tensor")
    shown.expect_divergence(
        "without a level",
        torch=raises("RuntimeError: Trying to create a dual Tensor for forward AD but no level exists"),
        concept="dual-tensor",
    )


@demonstration
def writes_in_forward_mode(shown):
    """A write in forward mode replaces the tangent with the value; no version counter is needed

    Shows: dual-tensor.
    """

    @shown.torch
    def _():
        import warnings

        import torch
        import torch.autograd.forward_ad as forward

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about how PyTorch compiles its own code
            with forward.dual_level():
                x = forward.make_dual(torch.tensor([3.0, 4.0]), torch.tensor([1.0, 1.0]))
                y = x * 2
                y[0] = 100.0
                print("value", forward.unpack_dual(y).primal)
                print("tangent", forward.unpack_dual(y).tangent)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        y, tangent = jax.jvp(lambda x: (x * 2).at[0].set(100.0), (jnp.array([3.0, 4.0]),), (jnp.ones(2),))
        print("value", y)
        print("tangent", tangent)

    shown.expect("value", [100.0, 8.0])
    shown.expect("tangent", [0.0, 2.0])


@demonstration
def detach_in_forward_mode(shown):
    """Detaching drops the tangent, to None in PyTorch and to zero in JAX

    Shows: dual-tensor.
    """

    @shown.torch
    def _():
        import warnings

        import torch
        import torch.autograd.forward_ad as forward

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about how PyTorch compiles its own code
            with forward.dual_level():
                x = forward.make_dual(torch.tensor(3.0, requires_grad=True), torch.tensor(1.0))
                print("tangent of a detached value", forward.unpack_dual((x * x).detach()).tangent)
                (gradient,) = torch.autograd.grad(x**3, x, create_graph=True)
                print("tangent of a gradient", forward.unpack_dual(gradient).tangent)

    @shown.jax
    def _():
        import jax
        from jax import lax

        print("tangent of a detached value", jax.jvp(lambda x: lax.stop_gradient(x * x), (3.0,), (1.0,))[1])
        print("tangent of a gradient", jax.jvp(jax.grad(lambda x: x**3), (3.0,), (1.0,))[1])

    shown.expect_divergence("tangent of a detached value", torch=None, jax=0.0, concept="dual-tensor")
    shown.expect("tangent of a gradient", 18.0)


# ---- tracing in PyTorch ----


@demonstration
def traced_program(shown):
    """A PyTorch trace refuses a branch on a value as a JAX trace does

    Shows: traced-graph.
    """

    @shown.torch
    def _():
        import torch
        from torch.fx.experimental.proxy_tensor import make_fx

        def branching(x):
            return x * 2 if x.sum() > 0 else x * 3

        try:
            make_fx(branching, tracing_mode="symbolic")(torch.ones(2))
        except Exception as error:
            print("a branch is refused", "data-dependent" in str(error))
        print("one op is recorded", "mul" in make_fx(lambda x: x * 2)(torch.ones(2)).code)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def branching(x):
            return x * 2 if jnp.sum(x) > 0 else x * 3

        try:
            jax.jit(branching)(jnp.ones(2))
        except jax.errors.TracerBoolConversionError as error:
            print("a branch is refused", "boolean conversion" in str(error))
        print("one op is recorded", "mul" in str(jax.make_jaxpr(lambda x: x * 2)(jnp.ones(2))))

    shown.expect("a branch is refused", True)
    shown.expect("one op is recorded", True)

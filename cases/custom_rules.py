"""Derivative rules of one's own: autograd.Function beside custom_vjp and custom_jvp."""

from compare import case, demonstration, raises

chapter_number = 9


# ---- a rule of one's own ----


@case
def function_with_its_own_backward(tape):
    """A function with its own backward saves what the rule needs

    Shows: custom-function.
    """

    @tape.custom_function
    def cube(x):
        return x * x * x

    @cube.backward
    def _(cotangent, x):
        return 3 * x * x * cotangent

    a = tape.leaf([1.0, 2.0])
    loss = cube(a).sum()
    loss.backward()
    tape.expect(loss, 9.0)
    tape.expect(a.grad, [3.0, 12.0])


@case
def rule_that_saves_its_result(tape):
    """A rule may save the result of its function instead of the argument

    Shows: custom-function.
    """

    @tape.custom_function
    def exponential(x):
        y = x.exp()
        return y

    @exponential.backward
    def _(cotangent, y):
        return cotangent * y

    a = tape.leaf([0.0, 1.0])
    y = exponential(a)
    y.sum().backward()
    tape.expect(a.grad, [1.0, 2.718281828459045])


@case
def rule_that_lies(tape):
    """Both frameworks follow a backward rule, even where it is not the derivative

    Shows: custom-function, surrogate-gradient.
    """
    tenfold = tape.custom_function(lambda x: x * x, backward=lambda cotangent, x: 20 * x * cotangent)
    a = tape.leaf(3.0)
    loss = tenfold(a)
    loss.backward()
    tape.expect(loss, 9.0)
    tape.expect(a.grad, 60.0)


@case
def gradient_reversal(tape):
    """Gradient reversal is an identity whose rule turns the sign

    Shows: custom-function.
    """
    reverse = tape.custom_function(lambda x: x.clone(), backward=lambda cotangent: -cotangent)
    features = tape.leaf([1.0, 2.0])
    domain_loss = (reverse(features) ** 3).sum()
    domain_loss.backward()
    tape.expect(domain_loss, 9.0)
    tape.expect(features.grad, [-3.0, -12.0])


@case
def straight_through_rule(tape):
    """A straight-through rule hands the cotangent past a step that has none

    Shows: custom-function.
    """
    binarize = tape.custom_function(lambda x: x.sign(), backward=lambda cotangent: cotangent)
    a = tape.leaf([-0.5, 2.0])
    loss = (binarize(a) * tape.constant([2.0, 3.0])).sum()
    loss.backward()
    tape.expect(loss, 1.0)
    tape.expect(a.grad, [2.0, 3.0])


@case
def straight_through_by_detach(tape):
    """Straight-through needs no rule: a detached difference does it

    Shows: straight-through, detach.
    """
    a = tape.leaf([0.75, 1.75])
    rounded = a + (a.round() - a).detach()
    (rounded**2).sum().backward()
    tape.expect(rounded, [1.0, 2.0])
    tape.expect(a.grad, [2.0, 4.0])


@case
def clipped_cotangent(tape):
    """A rule that is not linear sees the sum of what flows back

    Shows: custom-function.
    """
    clipped = tape.custom_function(lambda x: x.clone(), backward=lambda cotangent: cotangent.clip(-1.0, 1.0))
    a = tape.leaf([1.0, 2.0])
    h = clipped(a)
    loss = (0.75 * h + 0.75 * h).sum()
    loss.backward()
    tape.expect(a.grad, 1.0)


@case
def several_results(tape):
    """The rule of several results gets zeros for one that was not used

    Shows: custom-function.
    """

    @tape.custom_function
    def product_and_sum(x, y):
        product = x * y
        total = x + y
        return product, total

    @product_and_sum.backward
    def _(product_cotangent, total_cotangent, x, y):
        return product_cotangent * y + total_cotangent, product_cotangent * x + total_cotangent

    a = tape.leaf([1.0, 2.0])
    b = tape.leaf([3.0, 4.0])
    product, total = product_and_sum(a, b)
    total.sum().backward(retain_graph=True)
    tape.expect(a.grad, 1.0)
    (product * total).sum().backward()
    tape.expect(product, [3.0, 8.0])
    tape.expect(a.grad, [1.0 + 15.0, 1.0 + 32.0])
    tape.expect(b.grad, [1.0 + 7.0, 1.0 + 20.0])


@case
def no_gradient_for_an_input(tape):
    """An input that the rule gives None for has no gradient, not zero

    Shows: rule-none.
    """

    @tape.custom_function
    def scaled(x, scale):
        return x * scale

    @scaled.backward
    def _(cotangent, scale):
        return cotangent * scale, None

    a = tape.leaf([1.0, 2.0])
    scale = tape.leaf([3.0, 4.0])
    scaled(a, scale).sum().backward()
    tape.expect(a.grad, [3.0, 4.0])
    tape.expect(scale.grad, None)


@case
def result_without_history(tape):
    """A result marked as not differentiable ends the history

    Shows: non-differentiable-output.
    """

    @tape.custom_function(non_differentiable=["step"])
    def split(x):
        step = x.floor()
        rest = x - step
        return rest, step

    @split.backward
    def _(rest_cotangent, step_cotangent):
        return rest_cotangent

    a = tape.leaf([1.5, 2.25])
    rest, step = split(a)
    (rest * step).sum().backward()
    tape.expect(step.requires_grad, False)
    tape.expect(a.grad, [1.0, 2.0])


@case
def rule_in_a_checkpointed_layer(tape):
    """A rule follows a checkpointed function as it follows any other

    Shows: custom-function.
    """
    reverse = tape.custom_function(lambda x: x.clone(), backward=lambda cotangent: -cotangent)
    a = tape.leaf([0.5, 1.0])
    h = tape.checkpoint(lambda x: x * x * x, a)
    loss = reverse(h).sum() + h.sum()
    loss.backward()
    tape.expect(loss, 2.25)
    tape.expect(a.grad, 0.0)


# ---- a rule that is differentiated again ----


@case
def second_derivative_through_a_rule(tape):
    """A second derivative differentiates the rule

    Shows: custom-function, create-graph.
    """
    cube = tape.custom_function(lambda x: x * x * x, backward=lambda cotangent, x: 3 * x * x * cotangent)
    a = tape.leaf(2.0)
    slope = tape.grad(cube(a), a, create_graph=True)
    slope.backward()
    tape.expect(slope, 12.0)
    tape.expect(a.grad, 12.0)


@case
def second_derivative_of_a_rule_that_lies(tape):
    """A second derivative follows a made-up rule again

    Shows: second-order-rule.
    """
    rounded = tape.custom_function(lambda x: x.round(), backward=lambda cotangent, x: cotangent * x)
    a = tape.leaf(1.3)
    slope = tape.grad(rounded(a) * a, a, create_graph=True)
    slope.backward()
    tape.expect(slope, 1.3 * 1.3 + 1.0)
    tape.expect(a.grad, 3 * 1.3)


@case
def saved_result_in_a_second_derivative(tape):
    """A saved result leads a second derivative back to the rule

    Shows: second-order-rule.
    """

    @tape.custom_function
    def exponential(x):
        y = x.exp()
        return y

    @exponential.backward
    def _(cotangent, y):
        return 10 * cotangent * y

    a = tape.leaf(0.0)
    slope = tape.grad(exponential(a), a, create_graph=True)
    slope.backward()
    tape.expect(slope, 10.0)
    tape.expect(a.grad, 100.0)


@case
def saved_intermediate_in_a_second_derivative(tape):
    """A saved intermediate is a constant to the second derivative

    Shows: second-order-rule.
    """

    @tape.custom_function
    def cube(x):
        square = x * x
        return square * x

    @cube.backward
    def _(cotangent, square):
        return 3 * square * cotangent

    a = tape.leaf(2.0)
    slope = tape.grad(cube(a) ** 2, a, create_graph=True)
    slope.backward()
    tape.expect(slope, 192.0)
    tape.expect(a.grad, 288.0)  # of the 480 that the second derivative of a to the sixth is


@case
def once_differentiable_rule_that_is_silent(tape):
    """A rule that may be used once makes a constant of the gradient where no cotangent has history

    Shows: once-differentiable.
    """

    @tape.custom_function(once_differentiable=True)
    def cube(x):
        return x * x * x

    @cube.backward
    def _(cotangent, x):
        return 3 * x * x * cotangent

    a = tape.leaf(2.0)
    slope = tape.grad(cube(a), a, create_graph=True)
    (slope * a).backward()
    tape.expect(slope, 12.0)
    tape.expect(a.grad, 12.0)  # of the 36 that the derivative of 3 * a to the third is


@case
def once_differentiable_rule_that_raises(tape):
    """A rule that may be used once raises where its cotangent has history

    Shows: once-differentiable.
    """

    @tape.custom_function(once_differentiable=True)
    def cube(x):
        return x * x * x

    @cube.backward
    def _(cotangent, x):
        return 3 * x * x * cotangent

    a = tape.leaf(2.0)
    slope = tape.grad(cube(a) ** 2, a, create_graph=True)
    with tape.expect_error(
        torch="RuntimeError: trying to differentiate twice a function that was marked with @once_differentiable",
        concept="once-differentiable",
    ):
        slope.backward()
    tape.expect(slope, 192.0)


# ---- what composes with what ----


@demonstration
def rule_inside_transformations(shown):
    """A Function whose context is set up apart works under torch.func; every JAX rule does

    Shows: custom-function.
    """

    @shown.torch
    def _():
        import torch

        class Square(torch.autograd.Function):
            generate_vmap_rule = True

            @staticmethod
            def forward(x):
                return x * x

            @staticmethod
            def setup_context(ctx, inputs, output):
                ctx.save_for_backward(*inputs)

            @staticmethod
            def backward(ctx, cotangent):
                (x,) = ctx.saved_tensors
                return 2 * x * cotangent

        class SquareInOneMethod(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, cotangent):
                (x,) = ctx.saved_tensors
                return 2 * x * cotangent

        print("mapped gradient", torch.func.vmap(torch.func.grad(Square.apply))(torch.tensor([1.0, 2.0])))
        try:
            torch.func.grad(SquareInOneMethod.apply)(torch.tensor(1.0))
        except RuntimeError as error:
            print("with forward in one method", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        @jax.custom_vjp
        def square(x):
            return x * x

        def square_forward(x):
            return x * x, x

        def square_backward(x, cotangent):
            return (2 * x * cotangent,)

        square.defvjp(square_forward, square_backward)
        print("mapped gradient", jax.vmap(jax.grad(square))(jnp.array([1.0, 2.0])))

    shown.expect("mapped gradient", [2.0, 4.0])
    shown.expect_divergence(
        "with forward in one method",
        torch=raises("RuntimeError: In order to use an autograd.Function with functorch transforms"),
        concept="custom-function",
    )


@demonstration
def rules_that_disagree(shown):
    """PyTorch keeps a rule for each direction, and they may disagree; one custom_jvp rule serves both

    Shows: two-rules.
    """

    @shown.torch
    def _():
        import warnings

        import torch

        class TenfoldForward(torch.autograd.Function):
            @staticmethod
            def forward(x):
                return x.sin()

            @staticmethod
            def setup_context(ctx, inputs, output):
                ctx.save_for_forward(*inputs)
                ctx.save_for_backward(*inputs)

            @staticmethod
            def jvp(ctx, tangent):
                (x,) = ctx.saved_tensors
                return tangent * x.cos() * 10

            @staticmethod
            def backward(ctx, cotangent):
                (x,) = ctx.saved_tensors
                return cotangent * x.cos()

        zero, one = torch.tensor(0.0), torch.tensor(1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about how PyTorch compiles its own code
            print("forward mode", torch.func.jvp(TenfoldForward.apply, (zero,), (one,))[1])
        print("reverse mode", torch.func.grad(TenfoldForward.apply)(zero))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        @jax.custom_jvp
        def tenfold_forward(x):
            return jnp.sin(x)

        @tenfold_forward.defjvp
        def tenfold_forward_jvp(primals, tangents):
            (x,), (tangent,) = primals, tangents
            return jnp.sin(x), tangent * jnp.cos(x) * 10

        print("forward mode", jax.jvp(tenfold_forward, (0.0,), (1.0,))[1])
        print("reverse mode", jax.grad(tenfold_forward)(0.0))

    shown.expect("forward mode", 10.0)
    shown.expect_divergence("reverse mode", torch=1.0, jax=10.0, concept="two-rules")


@demonstration
def backward_rule_in_forward_mode(shown):
    """A backward rule alone shuts out forward mode on both sides

    Shows: two-rules.
    """

    @shown.torch
    def _():
        import warnings

        import torch

        class Square(torch.autograd.Function):
            @staticmethod
            def forward(x):
                return x * x

            @staticmethod
            def setup_context(ctx, inputs, output):
                pass

            @staticmethod
            def backward(ctx, cotangent):
                return cotangent

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about how PyTorch compiles its own code
            try:
                torch.func.jvp(Square.apply, (torch.tensor(2.0),), (torch.tensor(1.0),))
            except NotImplementedError as error:
                print("forward mode", error)

    @shown.jax
    def _():
        import jax

        @jax.custom_vjp
        def square(x):
            return x * x

        square.defvjp(lambda x: (x * x, None), lambda _, cotangent: (cotangent,))
        try:
            jax.jvp(square, (2.0,), (1.0,))
        except TypeError as error:
            print("forward mode", error)

    shown.expect_divergence(
        "forward mode",
        torch=raises("NotImplementedError: You must implement the jvp function for custom autograd.Function"),
        jax=raises("TypeError: can't apply forward-mode autodiff (jvp) to a custom_vjp function"),
        concept="two-rules",
    )


# ---- the second derivative of a rule ----


@demonstration
def rule_that_may_be_used_once(shown):
    """PyTorch can forbid a second derivative; a JAX rule that stops the gradient answers zero

    Shows: once-differentiable.
    """

    @shown.torch
    def _():
        import torch
        from torch.autograd.function import once_differentiable

        class Cube(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x**3

            @staticmethod
            @once_differentiable
            def backward(ctx, cotangent):
                (x,) = ctx.saved_tensors
                return 3 * x**2 * cotangent

        x = torch.tensor(2.0, requires_grad=True)
        (gradient,) = torch.autograd.grad(Cube.apply(x), x, create_graph=True)
        print("first", gradient)
        (gradient,) = torch.autograd.grad(Cube.apply(x) ** 2, x, create_graph=True)
        try:
            gradient.backward()
        except RuntimeError as error:
            print("second", error)

    @shown.jax
    def _():
        import jax
        from jax import lax

        @jax.custom_vjp
        def cube(x):
            return x**3

        def cube_forward(x):
            return cube(x), x

        def cube_backward(x, cotangent):
            return (lax.stop_gradient(3 * x**2) * cotangent,)

        cube.defvjp(cube_forward, cube_backward)
        print("first", jax.grad(cube)(2.0))
        print("second", jax.grad(jax.grad(cube))(2.0))

    shown.expect("first", 12.0)
    shown.expect_divergence(
        "second",
        torch=raises(
            "RuntimeError: trying to differentiate twice a function that was marked with @once_differentiable"
        ),
        jax=0.0,
        concept="once-differentiable",
    )


@demonstration
def rule_that_leaves_the_framework(shown):
    """A backward rule that computes in NumPy has a wrong second derivative in PyTorch, and none in JAX

    Shows: once-differentiable, host-function.
    """

    @shown.torch
    def _():
        import torch

        class Cube(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x**3

            @staticmethod
            def backward(ctx, cotangent):
                (x,) = ctx.saved_tensors
                return torch.from_numpy(3 * x.detach().numpy() ** 2) * cotangent

        x = torch.tensor([2.0], requires_grad=True)
        y = Cube.apply(x)
        (first,) = torch.autograd.grad((y * y).sum(), x, create_graph=True)
        print("first", first)
        print("second", torch.autograd.grad(first.sum(), x)[0])

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        import numpy as np

        @jax.custom_vjp
        def cube(x):
            return x**3

        def cube_forward(x):
            return cube(x), x

        def cube_backward(x, cotangent):
            return (jnp.asarray(3 * np.asarray(x) ** 2) * cotangent,)

        cube.defvjp(cube_forward, cube_backward)

        def squared(x):
            return jnp.sum(cube(x) ** 2)

        x = jnp.array([2.0])
        print("first", jax.grad(squared)(x))
        try:
            print("second", jax.grad(lambda x: jnp.sum(jax.grad(squared)(x)))(x))
        except jax.errors.TracerArrayConversionError as error:
            print("second", error)
        print("second of x**6", jax.grad(jax.grad(lambda x: x**6))(2.0))

    shown.expect("first", [192.0])
    shown.expect_divergence(
        "second",
        torch=[288.0],
        jax=raises("TracerArrayConversionError: The numpy.ndarray conversion method __array__() was called"),
        concept="once-differentiable",
    )
    shown.expect_divergence("second of x**6", jax=480.0, concept="once-differentiable")


@demonstration
def forward_rule_that_skips_its_function(shown):
    """A forward rule that does not call the function itself loses half of the second derivative

    Shows: second-order-rule.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(1.0, requires_grad=True)
        h = 2 * x
        h.register_hook(lambda cotangent: cotangent * 10)
        (first,) = torch.autograd.grad(h**3, x, create_graph=True)
        (second,) = torch.autograd.grad(first, x)
        print("first", first)
        print("second", second)

    @shown.jax
    def _():
        import jax

        @jax.custom_vjp
        def tenfold(h):
            return h

        def tenfold_backward(_, cotangent):
            return (cotangent * 10,)

        def loss_fn(x):
            return tenfold(2 * x) ** 3

        tenfold.defvjp(lambda h: (h, None), tenfold_backward)
        print("first", jax.grad(loss_fn)(1.0))
        print("second", jax.grad(jax.grad(loss_fn))(1.0))
        tenfold.defvjp(lambda h: (tenfold(h), None), tenfold_backward)
        print("second, where forward calls the function", jax.grad(jax.grad(loss_fn))(1.0))

    shown.expect("first", 240.0)
    shown.expect_divergence("second", torch=4800.0, jax=480.0, concept="second-order-rule")
    shown.expect_divergence("second, where forward calls the function", jax=4800.0, concept="second-order-rule")


# ---- what a rule is told, and what it answers ----


@demonstration
def gradients_that_are_asked_for(shown):
    """A rule can ask which gradients are needed, on both sides

    Shows: needed-gradients.
    """

    @shown.torch
    def _():
        import torch

        asked = []

        class Product(torch.autograd.Function):
            @staticmethod
            def forward(ctx, a, b):
                ctx.save_for_backward(a, b)
                return a * b

            @staticmethod
            def backward(ctx, cotangent):
                asked.append(list(ctx.needs_input_grad))
                a, b = ctx.saved_tensors
                return cotangent * b, cotangent * a

        a = torch.tensor(2.0, requires_grad=True)
        Product.apply(a, torch.tensor(3.0)).backward()
        print("asked for", asked[0])
        print("gradient", a.grad)

    @shown.jax
    def _():
        import jax

        asked = []

        @jax.custom_vjp
        def product(a, b):
            return a * b

        def product_forward(a, b):
            asked.append([a.perturbed, b.perturbed])
            return a.value * b.value, (a.value, b.value)

        def product_backward(residuals, cotangent):
            a, b = residuals
            return cotangent * b, cotangent * a

        product.defvjp(product_forward, product_backward, symbolic_zeros=True)
        gradient = jax.grad(product)(2.0, 3.0)
        print("asked for", asked[0])
        print("gradient", gradient)

    shown.expect("asked for", [True, False])
    shown.expect("gradient", 3.0)


@demonstration
def cotangents_that_are_zero(shown):
    """A rule can be told that an output was not used, on both sides

    Shows: needed-gradients.
    """

    @shown.torch
    def _():
        import torch

        told = []

        class TwoAndThree(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.set_materialize_grads(False)
                return x * 2, x * 3

            @staticmethod
            def backward(ctx, first, second):
                told.append([first is None, second is None])
                return first * 2

        x = torch.tensor(1.0, requires_grad=True)
        TwoAndThree.apply(x)[0].backward()
        print("is absent", told[0])
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax

        told = []

        @jax.custom_vjp
        def two_and_three(x):
            return x * 2, x * 3

        def two_and_three_forward(x):
            return (x.value * 2, x.value * 3), None

        def two_and_three_backward(_, cotangents):
            told.append([isinstance(one, jax.custom_derivatives.SymbolicZero) for one in cotangents])
            return (cotangents[0] * 2,)

        two_and_three.defvjp(two_and_three_forward, two_and_three_backward, symbolic_zeros=True)
        gradient = jax.grad(lambda x: two_and_three(x)[0])(1.0)
        print("is absent", told[0])
        print("gradient", gradient)

    shown.expect("is absent", [False, True])
    shown.expect("gradient", 2.0)


@demonstration
def none_from_a_rule(shown):
    """None from a backward rule is no gradient in PyTorch, and zero in JAX

    Shows: rule-none.
    """

    @shown.torch
    def _():
        import torch

        class Product(torch.autograd.Function):
            @staticmethod
            def forward(ctx, a, b):
                return a * b

            @staticmethod
            def backward(ctx, cotangent):
                return cotangent, None

        class OneGradient(torch.autograd.Function):
            @staticmethod
            def forward(ctx, a, b):
                return a * b

            @staticmethod
            def backward(ctx, cotangent):
                return cotangent

        a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
        Product.apply(a, b).backward()
        print("gradient of b", b.grad)
        try:
            OneGradient.apply(a, b).backward()
        except RuntimeError as error:
            print("one gradient for two inputs", error)

    @shown.jax
    def _():
        import jax

        def product_with(backward):
            product = jax.custom_vjp(lambda a, b: a * b)
            product.defvjp(lambda a, b: (a * b, None), backward)
            return product

        print("gradient of b", jax.grad(product_with(lambda _, c: (c, None)), argnums=1)(2.0, 3.0))
        try:
            jax.grad(product_with(lambda _, c: (c,)))(2.0, 3.0)
        except TypeError as error:
            print("one gradient for two inputs", error)

    shown.expect_divergence("gradient of b", torch=None, jax=0.0, concept="rule-none")
    shown.expect_divergence(
        "one gradient for two inputs",
        torch=raises("RuntimeError: function OneGradientBackward returned an incorrect number of gradients"),
        jax=raises("TypeError: Custom VJP bwd rule must produce an output with the same container (pytree) structure"),
        concept="rule-none",
    )


@demonstration
def argument_that_is_no_tensor(shown):
    """An argument that is no tensor gets no gradient

    Shows: custom-function.
    """

    @shown.torch
    def _():
        import torch

        class Power(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, n):
                ctx.n = n
                ctx.save_for_backward(x)
                return x**n

            @staticmethod
            def backward(ctx, cotangent):
                (x,) = ctx.saved_tensors
                return cotangent * ctx.n * x ** (ctx.n - 1), None

        x = torch.tensor(2.0, requires_grad=True)
        Power.apply(x, 3).backward()
        print("gradient", x.grad)

    @shown.jax
    def _():
        from functools import partial

        import jax

        @partial(jax.custom_vjp, nondiff_argnums=(1,))
        def power(x, n):
            return x**n

        def power_forward(x, n):
            return power(x, n), x

        def power_backward(n, x, cotangent):
            return (cotangent * n * x ** (n - 1),)

        power.defvjp(power_forward, power_backward)
        print("gradient", jax.grad(power)(2.0, 3))

    shown.expect("gradient", 12.0)


# ---- writes inside a rule ----


@demonstration
def rule_that_writes_to_its_input(shown):
    """A Function may write to its input if it says so; a JAX rule has nothing to write to

    Shows: mark-dirty, inplace-on-leaf.
    """

    @shown.torch
    def _():
        import torch

        class AddOne(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                x.add_(1)
                ctx.mark_dirty(x)
                return x

            @staticmethod
            def backward(ctx, cotangent):
                return cotangent * 5

        x = torch.tensor(2.0, requires_grad=True)
        y = x * 1
        z = AddOne.apply(y)
        print("the result is the input", z is y)
        z.backward()
        print("gradient", x.grad)
        try:
            AddOne.apply(x)
        except RuntimeError as error:
            print("a write to a leaf", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        try:
            jax.ref.addupdate(jnp.ones(1), 0, 1.0)
        except ValueError as error:
            print("a write to an array", error)
        reference = jax.new_ref(jnp.ones(1))
        jax.ref.addupdate(reference, 0, 1.0)
        print("a write to a reference", reference[...])

    shown.expect_divergence("the result is the input", torch=True, concept="mark-dirty")
    shown.expect_divergence("gradient", torch=5.0, concept="mark-dirty")
    shown.expect_divergence(
        "a write to a leaf",
        torch=raises("RuntimeError: a leaf Variable that requires grad has been used in an in-place operation"),
        concept="inplace-on-leaf",
    )
    shown.expect_divergence(
        "a write to an array", jax=raises("ValueError: Can only call `ref_addupdate` on a `Ref`"), concept="mark-dirty"
    )
    shown.expect_divergence("a write to a reference", jax=[2.0], concept="mark-dirty")


@demonstration
def write_that_a_rule_keeps_to_itself(shown):
    """A write that a Function does not report makes another gradient wrong

    Shows: unreported-write.
    """

    @shown.torch
    def _():
        import torch

        class AddOneUnreported(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                x.detach().numpy()[...] += 1
                return x.clone()

            @staticmethod
            def backward(ctx, cotangent):
                return cotangent

        x = torch.tensor(2.0, requires_grad=True)
        y = x * 1
        square = y * y
        AddOneUnreported.apply(y)
        square.backward()
        print("gradient of the square", x.grad)

    @shown.jax
    def _():
        import jax

        print("gradient of the square", jax.grad(lambda x: (x * 1) ** 2)(2.0))

    shown.expect_divergence("gradient of the square", torch=6.0, jax=4.0, concept="unreported-write")


@demonstration
def tensor_kept_on_the_context(shown):
    """A tensor kept on ctx itself is not watched, and a later write makes the gradient wrong

    Shows: unreported-write.
    """

    @shown.torch
    def _():
        import torch

        class Square(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.x = x
                return x * x

            @staticmethod
            def backward(ctx, cotangent):
                return 2 * ctx.x * cotangent

        x = torch.tensor(3.0, requires_grad=True)
        y = x * 1
        z = Square.apply(y)
        y.mul_(10.0)
        z.backward()
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax

        @jax.custom_vjp
        def square(x):
            return x * x

        square.defvjp(lambda x: (square(x), x), lambda x, cotangent: (2 * x * cotangent,))
        print("gradient", jax.grad(lambda x: square(x * 1))(3.0))

    shown.expect_divergence("gradient", torch=60.0, jax=6.0, concept="unreported-write")


@demonstration
def input_that_is_returned(shown):
    """An input that a Function returns becomes a view that may not be written

    Shows: returned-input.
    """

    @shown.torch
    def _():
        import torch

        class Tenfold(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x

            @staticmethod
            def backward(ctx, cotangent):
                return cotangent * 10

        x = torch.tensor(2.0, requires_grad=True)
        y = Tenfold.apply(x)
        print("shares memory", y.data_ptr() == x.data_ptr())
        y.backward()
        print("gradient", x.grad)
        try:
            Tenfold.apply(x * 1).mul_(2.0)
        except RuntimeError as error:
            print("a write to the result", error)

    @shown.jax
    def _():
        import jax

        @jax.custom_vjp
        def tenfold(x):
            return x

        tenfold.defvjp(lambda x: (tenfold(x), None), lambda _, cotangent: (cotangent * 10,))
        print("gradient", jax.grad(tenfold)(2.0))
        print("a write to the result", jax.grad(lambda x: tenfold(x) * 2.0)(2.0))

    shown.expect_divergence("shares memory", torch=True, concept="returned-input")
    shown.expect("gradient", 10.0)
    shown.expect_divergence(
        "a write to the result",
        torch=raises("RuntimeError: Output 0 of Tenfold is a view and is being modified inplace"),
        jax=20.0,
        concept="returned-input",
    )


# ---- what is checked, and what is not ----


@demonstration
def rule_that_is_wrong(shown):
    """Both frameworks can check a rule against differences

    Shows: gradient-check.
    """

    @shown.torch
    def _():
        import torch

        class Square(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x**2

            @staticmethod
            def backward(ctx, cotangent):
                return cotangent

        x = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
        print("gradient", torch.autograd.grad(Square.apply(x).sum(), x)[0])
        try:
            torch.autograd.gradcheck(Square.apply, (x,))
        except RuntimeError as error:
            print("check", error)
        print("check of the plain op", torch.autograd.gradcheck(lambda x: x**2, (x,)))
        print("check of its second derivative", torch.autograd.gradgradcheck(lambda x: x**2, (x,)))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        from jax.test_util import check_grads

        @jax.custom_vjp
        def square(x):
            return x**2

        square.defvjp(lambda x: (square(x), None), lambda _, cotangent: (cotangent,))
        x = jnp.array([2.0])
        print("gradient", jax.grad(lambda x: jnp.sum(square(x)))(x))
        try:
            check_grads(square, (x,), order=1, modes=["rev"])
        except AssertionError as error:
            print("check", error)
        check_grads(lambda x: x**2, (x,), order=1)
        print("check of the plain op", True)
        check_grads(lambda x: x**2, (x,), order=2)
        print("check of its second derivative", True)

    shown.expect("gradient", [1.0])
    shown.expect_divergence(
        "check",
        torch=raises("GradcheckError: Jacobian mismatch for output 0 with respect to input 0"),
        jax=raises("AssertionError: Not equal to tolerance"),
        concept="gradient-check",
    )
    shown.expect("check of the plain op", True)
    shown.expect("check of its second derivative", True)


@demonstration
def op_that_the_framework_cannot_see(shown):
    """Code that a framework cannot see needs a rule to be differentiated

    Shows: host-function.
    """

    @shown.torch
    def _():
        import torch

        with torch.library._scoped_library("workbench_example", "FRAGMENT"):

            @torch.library.custom_op("workbench_example::square", mutates_args=())
            def square(x: torch.Tensor) -> torch.Tensor:
                return torch.from_numpy(x.numpy(force=True) ** 2)

            def setup_context(ctx, inputs, output):
                ctx.save_for_backward(inputs[0])

            square.register_autograd(
                lambda ctx, cotangent: 2 * ctx.saved_tensors[0] * cotangent, setup_context=setup_context
            )
            x = torch.tensor([3.0], requires_grad=True)
            square(x).sum().backward()
            print("gradient", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        import numpy as np

        @jax.custom_vjp
        def square(x):
            return jax.pure_callback(lambda x: np.asarray(x) ** 2, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

        square.defvjp(lambda x: (square(x), x), lambda x, cotangent: (2 * x * cotangent,))
        print("gradient", jax.jit(jax.grad(lambda x: jnp.sum(square(x))))(jnp.array([3.0])))

    shown.expect("gradient", [6.0])


@demonstration
def two_forwards(shown):
    """A custom_vjp has two forward definitions, and nobody compares them

    Shows: two-forwards.
    """

    @shown.torch
    def _():
        import torch

        class Hundredfold(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 100

            @staticmethod
            def backward(ctx, cotangent):
                return cotangent

        print("value", Hundredfold.apply(torch.tensor(1.0)))
        print("value where it is differentiated", Hundredfold.apply(torch.tensor(1.0, requires_grad=True)).detach())

    @shown.jax
    def _():
        import jax

        @jax.custom_vjp
        def hundredfold(x):
            return x * 1

        hundredfold.defvjp(lambda x: (x * 100, None), lambda _, cotangent: (cotangent,))
        print("value", hundredfold(1.0))
        print("value where it is differentiated", jax.value_and_grad(hundredfold)(1.0)[0])

    shown.expect_divergence("value", torch=100.0, jax=1.0, concept="two-forwards")
    shown.expect("value where it is differentiated", 100.0)


@demonstration
def side_effects_of_a_rule(shown):
    """Python inside a rule runs at every call in PyTorch, and once per trace under jit

    Shows: traced-side-effect.
    """

    @shown.torch
    def _():
        import torch

        calls = []

        class Identity(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                calls.append("forward")
                return x * 1

            @staticmethod
            def backward(ctx, cotangent):
                calls.append("backward")
                return cotangent

        x = torch.tensor(1.0, requires_grad=True)
        for _ in range(2):
            Identity.apply(x).backward()
        print("calls", len(calls))

    @shown.jax
    def _():
        import jax

        calls = []

        @jax.custom_vjp
        def identity(x):
            return x * 1

        def identity_forward(x):
            calls.append("forward")
            return x * 1, None

        def identity_backward(_, cotangent):
            calls.append("backward")
            return (cotangent,)

        identity.defvjp(identity_forward, identity_backward)
        gradient = jax.jit(jax.grad(identity))
        for _ in range(2):
            gradient(1.0)
        print("calls", len(calls))

    shown.expect_divergence("calls", torch=4, jax=2, concept="traced-side-effect")


@demonstration
def tensor_that_a_rule_captures(shown):
    """A tensor that a Function captures gets no gradient, and JAX refuses to capture one

    Shows: captured-tensor.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(2.0, requires_grad=True)

        class TimesCaptured(torch.autograd.Function):
            @staticmethod
            def forward(ctx, y):
                return x * y

            @staticmethod
            def backward(ctx, cotangent):
                return cotangent * 2.0

        TimesCaptured.apply(torch.tensor(3.0, requires_grad=True)).backward()
        print("gradient of the captured value", x.grad)

    @shown.jax
    def _():
        import jax

        def outer(x):
            times_captured = jax.custom_vjp(lambda y: x * y)
            times_captured.defvjp(lambda y: (x * y, None), lambda _, cotangent: (cotangent * 2.0,))
            return times_captured(3.0)

        try:
            print("gradient of the captured value", jax.grad(outer)(2.0))
        except jax.errors.UnexpectedTracerError as error:
            print("gradient of the captured value", error)

    shown.expect_divergence(
        "gradient of the captured value",
        torch=None,
        jax=raises("UnexpectedTracerError: Encountered an unexpected tracer"),
        concept="captured-tensor",
    )

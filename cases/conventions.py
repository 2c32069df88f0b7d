"""Where both gradients are legitimate, and where one is not: kinks, ties, zeros, NaN, complex numbers, dtypes."""

from compare import case, demonstration, raises

chapter_number = 11

NAN, INFINITY = float("nan"), float("inf")


# ---- kinks that agree ----


@case
def relu_at_zero(tape):
    """The derivative of relu at zero is zero on both sides

    Shows: agreed-kink.
    """
    x = tape.leaf([-1.0, 0.0, 1.0])
    x.relu().sum().backward()
    tape.expect(x.grad, [0.0, 0.0, 1.0])


@case
def ties_of_two(tape):
    """Two equal operands of maximum share the gradient on both sides

    Shows: agreed-kink.
    """
    a, b = tape.leaf(2.0), tape.leaf(2.0)
    larger, smaller = tape.maximum(a, b), tape.minimum(a, b)
    (larger + 10 * smaller).backward()
    tape.expect(a.grad, 5.5)
    tape.expect(b.grad, 5.5)


@case
def ties_of_a_whole_tensor(tape):
    """The ties of a maximum over all elements share the gradient on both sides

    Shows: agreed-kink.
    """
    x = tape.leaf([1.0, 3.0, 3.0])
    x.max().backward()
    tape.expect(x.grad, [0.0, 0.5, 0.5])


@case
def products_with_zeros(tape):
    """A product differentiates through its zeros on both sides

    Shows: agreed-kink.
    """
    x, y = tape.leaf([0.0, 2.0, 3.0]), tape.leaf([0.0, 2.0, 3.0])
    x.prod().backward()
    tape.cumulative_prod(y, axis=0).sum().backward()
    tape.expect(x.grad, [6.0, 0.0, 0.0])
    tape.expect(y.grad, [9.0, 0.0, 0.0])


@case
def edges_of_domains(tape):
    """At the edge of a domain both gradients are infinite

    Shows: agreed-kink.
    """
    root, logarithm, angle, inverse = tape.leaf(0.0), tape.leaf(-1.0), tape.leaf(1.0), tape.leaf(0.0)
    root.sqrt().backward()
    logarithm.log1p().backward()
    angle.acos().backward()
    inverse.rsqrt().backward()
    tape.expect(root.grad, INFINITY)
    tape.expect(logarithm.grad, INFINITY)
    tape.expect(angle.grad, -INFINITY)
    tape.expect(inverse.grad, -INFINITY)


@case
def remainder_by_a_tensor(tape):
    """The remainder passes minus the quotient to its divisor on both sides

    Shows: agreed-kink.
    """
    x, y = tape.leaf(7.5), tape.leaf(2.0)
    (x % y).backward()
    tape.expect(x.grad, 1.0)
    tape.expect(y.grad, -3.0)


@case
def powers_of_zero(tape):
    """A power of zero has the same slope on both sides where the exponent is a number

    Shows: agreed-kink.
    """
    x = tape.leaf([0.0, 0.0, 0.0, 0.0, 0.0])
    powers = [x[0] ** 0, x[1] ** 0.5, x[2] ** 1, x[3] ** 1.5, x[4] ** 2]
    tape.stack(powers).sum().backward()
    tape.expect(x.grad, [0.0, INFINITY, 1.0, 0.0, 0.0])


@case
def steps_have_no_slope(tape):
    """Rounding has the gradient zero on both sides

    Shows: agreed-kink.
    """
    x = tape.leaf([1.4, 2.6])
    (x.round() + x.floor() * 2 + x.ceil() * 3).sum().backward()
    tape.expect(x.grad, 0.0)


@case
def gelu_in_its_exact_form(tape):
    """The exact GELU is one function; only its default is another in JAX

    Shows: same-name.
    """
    x = tape.leaf(1.0)
    y = x.gelu()
    y.backward()
    tape.expect(y, 0.8413447460685429)
    tape.expect(x.grad, 1.0833154705876864)


# ---- kinks that do not agree ----


@case
def abs_at_zero(tape):
    """The derivative of abs at zero is 0 in PyTorch and 1 in JAX

    Shows: abs-at-zero.
    """
    x = tape.leaf([-2.0, 0.0, 3.0])
    x.abs().sum().backward()
    tape.expect_divergence(x.grad, torch=[-1.0, 0.0, 1.0], jax=[-1.0, 1.0, 1.0], concept="abs-at-zero")


@demonstration
def absolute_losses_at_zero(shown):
    """Every loss and norm made of absolute values has the kink of abs

    Shows: abs-at-zero.
    """

    @shown.torch
    def _():
        import torch

        def gradient(f):
            x = torch.tensor([-2.0, 0.0, 3.0], requires_grad=True)
            f(x).backward()
            return x.grad

        print("absolute loss", gradient(lambda x: torch.nn.functional.l1_loss(x, torch.zeros(3), reduction="sum")))
        print("norm of order 1", gradient(lambda x: torch.linalg.vector_norm(x, 1)))
        print("sign", gradient(lambda x: x.sign().sum()))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.array([-2.0, 0.0, 3.0])
        print("absolute loss", jax.grad(lambda x: jnp.sum(jnp.abs(x - jnp.zeros(3))))(x))
        print("norm of order 1", jax.grad(lambda x: jnp.linalg.norm(x, 1))(x))
        print("sign", jax.grad(lambda x: jnp.sum(jnp.sign(x)))(x))

    shown.expect_divergence("absolute loss", torch=[-1.0, 0.0, 1.0], jax=[-1.0, 1.0, 1.0], concept="abs-at-zero")
    shown.expect_divergence("norm of order 1", torch=[-1.0, 0.0, 1.0], jax=[-1.0, 1.0, 1.0], concept="abs-at-zero")
    shown.expect("sign", [0.0, 0.0, 0.0])


@case
def leaky_relu_at_zero(tape):
    """At zero leaky_relu takes its left slope in PyTorch and its right one in JAX

    Shows: kink.
    """
    x = tape.leaf([-1.0, 0.0, 1.0])
    x.leaky_relu().sum().backward()
    tape.expect_divergence(x.grad, torch=[0.01, 0.01, 1.0], jax=[0.01, 1.0, 1.0], concept="kink")


@demonstration
def hard_tanh_at_its_bounds(shown):
    """At its bounds hardtanh passes nothing in PyTorch and everything in JAX

    Shows: kink.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([-1.0, 0.5, 1.0], requires_grad=True)
        torch.nn.functional.hardtanh(x).sum().backward()
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        print("gradient", jax.grad(lambda x: jnp.sum(jax.nn.hard_tanh(x)))(jnp.array([-1.0, 0.5, 1.0])))

    shown.expect_divergence("gradient", torch=[0.0, 1.0, 0.0], jax=[1.0, 1.0, 1.0], concept="kink")


@case
def clip_at_its_bounds(tape):
    """At its bounds clamp passes all of the gradient, clip half of it

    Shows: clamp-at-bound.
    """
    x = tape.leaf([0.0, 1.0, 0.5])
    x.clip(min=0.0, max=1.0).sum().backward()
    tape.expect_divergence(x.grad, torch=[1.0, 1.0, 1.0], jax=[0.5, 0.5, 1.0], concept="clamp-at-bound")


@demonstration
def lax_clamp_at_its_bounds(shown):
    """lax.clamp passes nothing at its bounds

    Shows: clamp-at-bound.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([0.0, 1.0, 0.5], requires_grad=True)
        torch.clamp(x, 0.0, 1.0).sum().backward()
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        from jax import lax

        print("gradient", jax.grad(lambda x: jnp.sum(lax.clamp(0.0, x, 1.0)))(jnp.array([0.0, 1.0, 0.5])))

    shown.expect_divergence("gradient", torch=[1.0, 1.0, 1.0], jax=[0.0, 0.0, 1.0], concept="clamp-at-bound")


@case
def norm_at_zero(tape):
    """At the zero vector PyTorch's norm has gradient zero, and JAX's NaN

    Shows: norm-at-zero.
    """
    x = tape.leaf([0.0, 0.0])
    x.vector_norm().backward()
    tape.expect_divergence(x.grad, torch=0.0, jax=NAN, concept="norm-at-zero")


@case
def squared_norm_at_zero(tape):
    """The square of the norm is smooth, and JAX's NaN goes on through it

    Shows: norm-at-zero.
    """
    x = tape.leaf([0.0, 0.0])
    (x.vector_norm() ** 2).backward()
    tape.expect_divergence(x.grad, torch=0.0, jax=NAN, concept="norm-at-zero")


@case
def norm_written_out_at_zero(tape):
    """The root of a sum of squares is NaN at zero on both sides

    Shows: norm-at-zero.
    """
    x = tape.leaf([0.0, 0.0])
    (x * x).sum().sqrt().backward()
    tape.expect_divergence(x.grad, torch=NAN, jax=NAN, concept="norm-at-zero")


@case
def deviation_of_equal_numbers(tape):
    """The deviation of equal numbers has gradient zero in PyTorch, and NaN in JAX

    Shows: norm-at-zero.
    """
    x = tape.leaf([1.0, 1.0])
    x.std(correction=0).backward()
    tape.expect_divergence(x.grad, torch=0.0, jax=NAN, concept="norm-at-zero")


@demonstration
def safe_divisions_at_zero(shown):
    """Fused ops that are safe at the zero vector are not when they are written out

    Shows: norm-at-zero.
    """

    @shown.torch
    def _():
        import torch

        x = torch.zeros(2, requires_grad=True)
        torch.nn.functional.normalize(x, dim=0)[0].backward()
        print("normalized", x.grad)
        x = torch.zeros(2, dtype=torch.float64, requires_grad=True)
        torch.nn.functional.cosine_similarity(x, torch.ones(2, dtype=torch.float64), dim=0).backward()
        print("cosine is finite", bool(x.grad.isfinite().all()))
        points = torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=torch.float64, requires_grad=True)
        torch.cdist(points, points).sum().backward()
        print("distances", points.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)

        def normalized(x):
            return x / jnp.maximum(jnp.linalg.norm(x), 1e-12)

        def distances(points):
            return jnp.sqrt(jnp.sum((points[:, None] - points[None]) ** 2, -1))

        print("normalized", jax.grad(lambda x: normalized(x)[0])(jnp.zeros(2)))
        cosine = jax.grad(lambda x: normalized(x) @ normalized(jnp.ones(2)))(jnp.zeros(2))
        print("cosine is finite", bool(jnp.all(jnp.isfinite(cosine))))
        points = jnp.array([[0.0, 0.0], [1.0, 1.0]])
        print("distances", jax.grad(lambda points: jnp.sum(distances(points)))(points))

    shown.expect_divergence("normalized", torch=[1e12, 0.0], jax=[NAN, NAN], concept="norm-at-zero")
    shown.expect_divergence("cosine is finite", torch=True, jax=False, concept="norm-at-zero")
    root = 1.4142135623730951
    shown.expect_divergence(
        "distances", torch=[[-root, -root], [root, root]], jax=[[NAN, NAN], [NAN, NAN]], concept="norm-at-zero"
    )


# ---- ties ----


@demonstration
def ties_along_an_axis(shown):
    """Along an axis PyTorch's max chooses one of the ties, and JAX shares

    Shows: ties.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.0, 3.0, 3.0], requires_grad=True)
        x.max(dim=0).values.backward()
        print("max along an axis", x.grad)
        x.grad = None
        x.median().backward()
        print("median", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.array([1.0, 3.0, 3.0])
        print("max along an axis", jax.grad(lambda x: jnp.max(x, axis=0))(x))
        print("median", jax.grad(jnp.median)(x))

    shown.expect_divergence("max along an axis", torch=[0.0, 1.0, 0.0], jax=[0.0, 0.5, 0.5], concept="ties")
    shown.expect_divergence("median", torch=[0.0, 0.5, 0.5], jax=[0.0, 1.0, 0.0], concept="ties")


@demonstration
def ties_of_scans_and_sorts(shown):
    """An ascending sort breaks ties alike; a running maximum and a descending sort do not

    Shows: ties.
    """

    @shown.torch
    def _():
        import torch

        weights = torch.tensor([1.0, 2.0, 3.0])

        def gradient(f):
            x = torch.tensor([2.0, 2.0, 1.0], requires_grad=True)
            (f(x) * weights).sum().backward()
            return x.grad

        print("ascending", gradient(lambda x: x.sort(stable=True).values))
        print("descending", gradient(lambda x: x.sort(descending=True, stable=True).values))
        print("running maximum", gradient(lambda x: x.cummax(0).values))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        from jax import lax

        weights = jnp.array([1.0, 2.0, 3.0])

        def gradient(f):
            return jax.grad(lambda x: jnp.sum(f(x) * weights))(jnp.array([2.0, 2.0, 1.0]))

        print("ascending", gradient(jnp.sort))
        print("descending", gradient(lambda x: jnp.sort(x, descending=True)))
        print("running maximum", gradient(lax.cummax))

    shown.expect("ascending", [2.0, 3.0, 1.0])
    shown.expect_divergence("descending", torch=[1.0, 2.0, 3.0], jax=[2.0, 1.0, 3.0], concept="ties")
    shown.expect_divergence("running maximum", torch=[1.0, 5.0, 0.0], jax=[3.5, 2.5, 0.0], concept="ties")


# ---- one name, two functions ----


@demonstration
def defaults_that_differ(shown):
    """std, gelu and median are other functions under the same name

    Shows: same-name.
    """

    @shown.torch
    def _():
        import torch

        torch.set_default_dtype(torch.float64)
        x = torch.tensor([1.0, 2.0, 3.0, 6.0], requires_grad=True)
        x.std().backward()
        print("std", x.std())
        print("gradient of std", x.grad)
        print("median", x.median())
        one = torch.tensor(1.0, requires_grad=True)
        torch.nn.functional.gelu(one).backward()
        print("gradient of gelu at 1", one.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        x = jnp.array([1.0, 2.0, 3.0, 6.0])
        print("std", jnp.std(x))
        print("gradient of std", jax.grad(jnp.std)(x))
        print("median", jnp.median(x))
        print("gradient of gelu at 1", jax.grad(jax.nn.gelu)(1.0))
        exact = jax.grad(lambda x: jax.nn.gelu(x, approximate=False))(1.0)
        print("gradient of the exact gelu at 1", exact)

    shown.expect_divergence(
        "gradient of std",
        torch=[-0.30860669992418377, -0.15430334996209188, 0.0, 0.46291004988627565],
        jax=[-0.2672612419124244, -0.1336306209562122, 0.0, 0.4008918628686366],
        concept="same-name",
    )
    shown.expect_divergence("std", torch=2.160246899469287, jax=1.8708286933869707, concept="same-name")
    shown.expect_divergence("median", torch=2.0, jax=2.5, concept="same-name")
    shown.expect_divergence(
        "gradient of gelu at 1", torch=1.0833154705876864, jax=1.0829640838457826, concept="same-name"
    )
    shown.expect_divergence("gradient of the exact gelu at 1", jax=1.0833154705876864, concept="same-name")


@demonstration
def triangle_that_is_read(shown):
    """Cholesky reads one triangle in PyTorch, and the mean of both in JAX

    Shows: same-name.
    """

    @shown.torch
    def _():
        import torch

        matrix = torch.tensor([[2.0, 5.0], [1.0, 3.0]], dtype=torch.float64, requires_grad=True)
        total = torch.linalg.cholesky(matrix).sum()
        total.backward()
        print("sum of the factor", total.detach())
        print("gradient is symmetric", torch.equal(matrix.grad, matrix.grad.T))
        print("gradient of an element", matrix.grad[0, 0])

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        matrix = jnp.array([[2.0, 5.0], [1.0, 3.0]])
        total, gradient = jax.value_and_grad(lambda matrix: jnp.sum(jnp.linalg.cholesky(matrix)))(matrix)
        print("sum of the factor", total)
        print("gradient of an element", gradient[0, 0])
        print("without symmetrizing", jnp.sum(jnp.linalg.cholesky(matrix, symmetrize_input=False)))

    shown.expect_divergence("sum of the factor", torch=3.702459173643833, jax=NAN, concept="same-name")
    shown.expect_divergence("gradient is symmetric", torch=True, concept="same-name")
    shown.expect_divergence("gradient of an element", torch=0.2558336368008464, jax=NAN, concept="same-name")
    shown.expect_divergence("without symmetrizing", jax=3.702459173643833, concept="same-name")


# ---- NaN and infinities ----


@case
def branch_that_is_taken(tape):
    """A where passes the gradient to the branch that is taken, and zero to the other

    Shows: masked-nan.
    """
    x = tape.leaf([-1.0, 2.0])
    tape.where(x > 0, x**2, -x).sum().backward()
    tape.expect(x.grad, [-1.0, 4.0])


@case
def nan_in_the_branch_not_taken(tape):
    """A NaN in the branch not taken reaches the gradient on both sides

    Shows: masked-nan.
    """
    x = tape.leaf(0.0)
    y = tape.where(x > 0, x.log(), 0.0)
    y.backward()
    tape.expect(y, 0.0)
    tape.expect_divergence(x.grad, torch=NAN, jax=NAN, concept="masked-nan")


@case
def nan_kept_out_twice(tape):
    """A second where, around the argument, keeps the NaN out

    Shows: masked-nan.
    """
    x = tape.leaf(0.0)
    safe = tape.where(x > 0, x, 1.0)
    y = tape.where(x > 0, safe.log(), 0.0)
    y.backward()
    tape.expect(x.grad, 0.0)


@case
def infinity_that_is_masked(tape):
    """An infinity that is masked away leaves a NaN in the gradient on both sides

    Shows: masked-nan.
    """
    x = tape.leaf([1.0, 1.0])
    d = tape.constant([0.0, 1.0])
    total = tape.where(d != 0, x / d, 0.0).sum()
    total.backward()
    tape.expect(total, 1.0)
    tape.expect_divergence(x.grad, torch=[NAN, 1.0], jax=[NAN, 1.0], concept="masked-nan")


@case
def row_that_is_masked_entirely(tape):
    """The gradient of a softmax over a row that is masked entirely is NaN on both sides

    Shows: masked-nan.
    """
    x, y = tape.leaf([-INFINITY, -INFINITY]), tape.leaf([-INFINITY, -INFINITY])
    x.softmax(axis=0).sum().backward()
    total = y.logsumexp(axis=0)
    total.backward()
    tape.expect(total, -INFINITY)
    tape.expect(x.grad, NAN)
    tape.expect(y.grad, NAN)


@case
def zero_to_the_power_of_zero(tape):
    """0 ** 0 has gradient zero in PyTorch, and NaN in JAX

    Shows: undefined-point.
    """
    a, b = tape.leaf(0.0), tape.leaf(0.0)
    (a**b).backward()
    tape.expect_divergence(a.grad, torch=0.0, jax=NAN, concept="undefined-point")
    tape.expect_divergence(b.grad, torch=0.0, jax=0.0, concept="undefined-point")


@case
def angle_of_nothing(tape):
    """At the origin atan2 has gradient zero in PyTorch and NaN in JAX

    Shows: undefined-point.
    """
    y, x = tape.leaf(0.0), tape.leaf(0.0)
    tape.atan2(y, x).backward()
    tape.expect_divergence(y.grad, torch=0.0, jax=NAN, concept="undefined-point")


@case
def hypotenuse_of_nothing(tape):
    """At the origin hypot has gradient NaN in PyTorch and one half in JAX

    Shows: undefined-point.
    """
    x, y = tape.leaf(0.0), tape.leaf(0.0)
    tape.hypot(x, y).backward()
    tape.expect_divergence(x.grad, torch=NAN, jax=0.5, concept="undefined-point")
    tape.expect_divergence(y.grad, torch=NAN, jax=0.5, concept="undefined-point")


@case
def outside_of_the_domain(tape):
    """Outside of its domain the logarithm has a slope on both sides, though no value

    Shows: undefined-point.
    """
    x, z = tape.leaf(-1.0), tape.leaf(-1.0)
    y = x.log()
    y.backward()
    z.sqrt().backward()
    tape.expect(y, NAN)
    tape.expect(x.grad, -1.0)
    tape.expect(z.grad, NAN)


@case
def nan_that_goes_in(tape):
    """A NaN that goes in gives gradients by no common rule

    Shows: nan-input.
    """
    x, y = tape.leaf(NAN), tape.leaf(NAN)
    x.relu().backward()
    y.clip(min=0.0, max=1.0).backward()
    tape.expect_divergence(x.grad, torch=1.0, jax=0.0, concept="nan-input")
    tape.expect(y.grad, 0.0)


@demonstration
def nan_in_a_maximum(shown):
    """The gradient of a maximum over a NaN depends on the spelling in PyTorch, and on jit in JAX

    Shows: nan-input.
    """

    @shown.torch
    def _():
        import torch

        def gradient(f):
            x = torch.tensor([float("nan"), 1.0], requires_grad=True)
            f(x).backward()
            return x.grad

        print("max", gradient(torch.max))
        print("amax", gradient(torch.amax))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.array([jnp.nan, 1.0])
        print("max", jax.grad(jnp.max)(x))
        print("max under jit", jax.jit(jax.grad(jnp.max))(x))

    shown.expect_divergence("max", torch=[1.0, 0.0], jax=[NAN, NAN], concept="nan-input")
    shown.expect_divergence("amax", torch=[NAN, NAN], concept="nan-input")
    shown.expect_divergence("max under jit", jax=[0.0, 0.0], concept="nan-input")


@demonstration
def missing_derivative(shown):
    """What PyTorch has no derivative for is zero in JAX

    Shows: missing-derivative.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(7.5, requires_grad=True)
        torch.fmod(x, 2.0).backward()
        print("fmod", x.grad)
        try:
            torch.floor_divide(x, 2.0).backward()
        except RuntimeError as error:
            print("floor_divide", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        print("fmod", jax.grad(lambda x: jnp.fmod(x, 2.0))(7.5))
        print("floor_divide", jax.grad(lambda x: jnp.floor_divide(x, 2.0))(7.5))

    shown.expect("fmod", 1.0)
    shown.expect_divergence(
        "floor_divide",
        torch=raises("RuntimeError: derivative for aten::floor_divide is not implemented"),
        jax=0.0,
        concept="missing-derivative",
    )


# ---- complex gradients ----


@case
def complex_gradient(tape):
    """The gradient of a complex tensor points where the loss grows; JAX returns its conjugate

    Shows: complex-conjugate.
    """
    z = tape.leaf([1 + 2j, 3 - 1j])
    loss = (z * z.conj()).real().sum()
    loss.backward()
    tape.expect(loss, 15.0)
    tape.expect(z.grad, [2 + 4j, 6 - 2j])
    tape.expect_naive(z.grad, [2 - 4j, 6 + 2j])


@case
def complex_gradient_of_a_modulus(tape):
    """The modulus is not holomorphic, and its gradient is conjugated all the same

    Shows: complex-conjugate.
    """
    z = tape.leaf(3 + 4j)
    loss = (z * z * z).abs()
    loss.backward()
    tape.expect(loss, 125.0)
    tape.expect(z.grad, 45 + 60j)
    tape.expect_naive(z.grad, 45 - 60j)


@case
def complex_descent(tape):
    """A step against what jax.grad returns goes up along the imaginary axis

    Shows: complex-conjugate.
    """
    z = tape.leaf(3 + 4j)
    loss = z.abs() ** 2
    loss.backward()
    with tape.no_grad():
        z -= 0.25 * z.grad
    tape.expect(z, 1.5 + 2j)
    tape.expect_naive(z, 1.5 + 6j)


@case
def complex_cotangent(tape):
    """A complex root takes a complex gradient=, and gives the conjugate of the complex derivative

    Shows: holomorphic, complex-conjugate.
    """
    z = tape.leaf([1 + 1j, 0.5 - 2j])
    root = z * z * z
    v = tape.constant([1 + 0j, 2j])
    root.backward(gradient=v)
    tape.expect(z.grad, [-6j, -12 - 22.5j])
    tape.expect_naive(z.grad, [6j, 12 - 22.5j])


@case
def complex_root_without_a_cotangent(tape):
    """A complex root has no gradient of its own: PyTorch refuses it

    Shows: holomorphic.
    """
    z = tape.leaf(3 + 4j)
    root = z * z
    with tape.expect_error(
        torch="RuntimeError: grad can be implicitly created only for real scalar outputs", concept="holomorphic"
    ):
        root.backward()
    tape.expect(root, -7 + 24j)
    tape.expect_naive_error("TypeError: grad requires real-valued outputs")


@demonstration
def holomorphic_gradient(shown):
    """jax.grad refuses a complex root too, unless it is told that the function is holomorphic

    Shows: holomorphic.
    """

    @shown.torch
    def _():
        import torch

        z = torch.tensor(3 + 4j, requires_grad=True)
        root = z * z
        try:
            root.backward()
        except RuntimeError as error:
            print("without a cotangent", error)
        root.backward(gradient=torch.tensor(1 + 0j))
        print("gradient", z.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        z = jnp.array(3 + 4j)
        try:
            jax.grad(lambda z: z * z)(z)
        except TypeError as error:
            print("without a cotangent", error)
        print("gradient", jax.grad(lambda z: z * z, holomorphic=True)(z))

    shown.expect_divergence(
        "without a cotangent",
        torch=raises("RuntimeError: grad can be implicitly created only for real scalar outputs"),
        jax=raises("TypeError: grad requires real-valued outputs"),
        concept="holomorphic",
    )
    shown.expect_divergence("gradient", torch=6 - 8j, jax=6 + 8j, concept="complex-conjugate")


# ---- complex numbers on the way ----


@case
def real_through_complex(tape):
    """From real numbers through complex ones to a real loss, the convention makes no difference

    Shows: complex-on-the-way.
    """
    x = tape.leaf([1.0, 2.0])
    z = tape.complex(x, x * x)
    loss = (z * z).imag().sum()
    loss.backward()
    tape.expect(loss, 18.0)
    tape.expect(x.grad, [6.0, 24.0])


@case
def real_beside_complex(tape):
    """A real factor of complex numbers gets a real gradient

    Shows: complex-on-the-way.
    """
    x = tape.leaf([1.0, 2.0])
    z = tape.constant([1 + 2j, 3 - 1j])
    y = x * z
    tape.expect(y.dtype, "complex128" if tape.dtype == "float64" else "complex64")
    loss = (y * y.conj()).real().sum()
    loss.backward()
    tape.expect(loss, 45.0)
    tape.expect(x.grad, [10.0, 40.0])


@demonstration
def real_numbers_among_complex_ones(shown):
    """A real number spread over a complex tensor, or chosen beside complex ones, breaks PyTorch's backward pass

    Shows: real-among-complex.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(1.0, requires_grad=True)
        w = torch.zeros(2, dtype=torch.complex64)
        w[:] = x
        try:
            (w * 1j).imag.sum().backward()
        except RuntimeError as error:
            print("gradient through the write", error)
        chosen = torch.where(torch.tensor([True, False]), x, torch.tensor([1j, 2j]))
        try:
            chosen.real.sum().backward()
        except RuntimeError as error:
            print("gradient through where", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def write(x):
            w = jnp.zeros(2, dtype=jnp.complex64).at[:].set(x)
            return jnp.sum((w * 1j).imag)

        def choose(x):
            return jnp.sum(jnp.where(jnp.array([True, False]), x, jnp.array([1j, 2j])).real)

        x = jnp.array(1.0)
        print("gradient through the write", jax.grad(write)(x))
        print("gradient through where", jax.grad(choose)(x))

    refused = raises("RuntimeError: Expected isFloatingType(grad.scalar_type())")
    shown.expect_divergence("gradient through the write", torch=refused, jax=2.0, concept="real-among-complex")
    shown.expect_divergence("gradient through where", torch=refused, jax=1.0, concept="real-among-complex")


@case
def hook_on_a_complex_tensor(tape):
    """A hook on a complex tensor sees the gradient, not its conjugate

    Shows: complex-conjugate.
    """
    z = tape.leaf(1 + 2j)
    h = z * z
    h.register_hook(lambda gradient: gradient * 1j)
    loss = h.real() + h.imag()
    loss.backward()
    tape.expect(z.grad, 2 + 6j)
    tape.expect_naive(z.grad, 6 + 2j)


@case
def retained_complex_gradient(tape):
    """A retained gradient is conjugated like that of a leaf

    Shows: complex-conjugate.
    """
    z = tape.leaf(1 + 2j)
    h = z * z
    h.retain_grad()
    loss = h.abs() ** 2
    loss.backward()
    tape.expect(h.grad, -6 + 8j)
    tape.expect(z.grad, 20 + 40j)
    tape.expect_naive(z.grad, 20 - 40j)


# ---- the parts of complex tensors ----


@case
def write_through_the_parts(tape):
    """.real and .imag are views: a write through them is a write to the complex tensor

    Shows: complex-parts.
    """
    z = tape.leaf([1 + 2j, 3 - 1j])
    w = z * 1.0
    w.real()[0] = 5.0
    w.imag().mul_(2.0)
    tape.expect(w, [5 + 4j, 3 - 2j])
    loss = (w * w.conj()).real().sum()
    loss.backward()
    tape.expect(z.grad, [16j, 6 - 8j])
    tape.expect_naive(z.grad, [-16j, 6 + 8j])


@case
def write_through_view_as_real(tape):
    """view_as_real shares the storage of the complex tensor, and a write through it is recorded

    Shows: complex-parts.
    """
    z = tape.leaf([1 + 2j, 3 - 1j])
    w = z * 2.0
    pairs = tape.view_as_real(w)
    pairs[:, 1] = 0.0
    tape.expect(tape.shares_storage(w, pairs), True)
    tape.expect(w, [2 + 0j, 6 + 0j])
    tape.expect_naive(w, [2 + 4j, 6 - 2j])
    loss = (w * w).real().sum()
    loss.backward()
    tape.expect(z.grad, [8 + 0j, 24 + 0j])
    tape.expect_naive(z.grad, [8 + 16j, 24 - 8j])


@case
def write_through_a_conjugate(tape):
    """conj() is a view: what is written through it arrives conjugated

    Shows: conjugated-view.
    """
    z = tape.leaf([1 + 2j, 3 - 1j])
    w = z * 1.0
    c = w.conj()
    tape.expect(tape.shares_storage(w, c), True)
    c[0] = 4j
    tape.expect(w, [-4j, 3 - 1j])
    tape.expect_naive(w, [1 + 2j, 3 - 1j])
    loss = (w * c).real().sum()
    loss.backward()
    tape.expect(z.grad, [0j, 6 - 2j])
    tape.expect_naive(z.grad, [4j, 6 + 2j])


# ---- smooth points where one framework is wrong ----


@demonstration
def determinant_of_a_singular_matrix(shown):
    """On a singular matrix PyTorch's determinant has gradient zero, which is wrong

    Shows: singular-determinant.
    """

    @shown.torch
    def _():
        import torch

        matrix = torch.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=torch.float64, requires_grad=True)
        torch.linalg.det(matrix).backward()
        print("gradient", matrix.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        jax.config.update("jax_enable_x64", True)
        matrix = jnp.array([[1.0, 2.0], [2.0, 4.0]])
        print("gradient", jax.grad(jnp.linalg.det)(matrix))
        print("cofactors", jnp.array([[matrix[1, 1], -matrix[1, 0]], [-matrix[0, 1], matrix[0, 0]]]))

    cofactors = [[4.0, -2.0], [-2.0, 1.0]]
    shown.expect_divergence("gradient", torch=[[0.0, 0.0], [0.0, 0.0]], jax=cofactors, concept="singular-determinant")
    shown.expect_divergence("cofactors", jax=cofactors, concept="singular-determinant")


@demonstration
def bessel_function_at_zero(shown):
    """The function i0 is flat at zero, and JAX 0.10 says 1 there

    Shows: bessel-at-zero.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(0.0, requires_grad=True)
        torch.i0(x).backward()
        print("gradient at zero", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        from jax.scipy.special import i0

        print("gradient at zero", jax.grad(i0)(0.0))
        print("gradient beside it", abs(jax.grad(i0)(1e-3)) < 1e-3)
        print("gradient of jnp.i0 at zero", jax.grad(jnp.i0)(0.0))

    shown.expect_divergence("gradient at zero", torch=0.0, jax=1.0, concept="bessel-at-zero")
    shown.expect_divergence("gradient beside it", jax=True, concept="bessel-at-zero")
    shown.expect_divergence("gradient of jnp.i0 at zero", jax=0.0, concept="bessel-at-zero")


@case
def arccosh_in_the_left_half_plane(tape):
    """In the left half-plane JAX's derivative of arccosh has the wrong sign

    Shows: other-branch.
    """
    z = tape.leaf([2 + 1j, -2 + 1j])
    loss = z.acosh().real().sum()
    loss.backward()
    right, left = 0.4022479320953552 + 0.2486028939392892j, -0.4022479320953552 + 0.2486028939392892j
    tape.expect_divergence(z.grad, torch=[right, left], jax=[right, -left], concept="other-branch")
    tape.expect_naive(z.grad, [right.conjugate(), -left.conjugate()])


@case
def negative_radius(tape):
    """At a negative radius PyTorch's derivative of polar has the wrong sign

    Shows: other-branch.
    """
    radius = tape.leaf([2.0, -2.0])
    angle = tape.constant([0.0, 0.0])
    loss = tape.polar(radius, angle).real().sum()
    loss.backward()
    tape.expect(loss, 0.0)
    tape.expect_divergence(radius.grad, torch=[1.0, -1.0], jax=[1.0, 1.0], concept="other-branch")


@demonstration
def sign_of_a_complex_number(shown):
    """The sign of a complex number turns with its angle, and JAX gives it no derivative

    Shows: complex-sign.
    """

    @shown.torch
    def _():
        import torch

        z = torch.tensor(3 + 4j, requires_grad=True)
        sign = torch.sgn(z)
        print("sign", sign)
        sign.real.backward()
        print("gradient", z.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        z = jnp.array(3 + 4j)
        print("sign", jnp.sign(z))
        print("gradient", jnp.conj(jax.grad(lambda z: jnp.sign(z).real)(z)))

    shown.expect("sign", 0.6 + 0.8j)
    shown.expect_divergence("gradient", torch=0.128 - 0.096j, jax=0j, concept="complex-sign")


# ---- dtypes and rounding ----


@case
def cast_up(tape):
    """A gradient comes back through a cast in the dtype of its leaf

    Shows: gradient-dtype.
    """
    x = tape.leaf([0.1, 2.0], dtype="float32")
    wide = x.astype("float64")
    loss = (wide * wide).sum()
    loss.backward()
    tape.expect(wide.dtype, "float64")
    gradient = x.grad
    tape.expect(gradient.dtype, "float32")
    tape.expect(gradient, [0.2, 4.0])


@case
def cast_down(tape):
    """A cast to a narrower dtype rounds the gradient as well

    Shows: gradient-dtype.
    """
    x = tape.leaf([1.0, 2.0], dtype="float64")
    narrow = x.astype("float32")
    loss = (narrow * 0.1).sum()
    loss.backward()
    gradient = x.grad
    tape.expect(gradient.dtype, "float64")
    tape.expect(gradient, 0.10000000149011612)


@demonstration
def double_precision(shown):
    """A float64 is a float32 in JAX until 64-bit types are enabled

    Shows: double-precision.
    """

    @shown.torch
    def _():
        import numpy as np
        import torch

        print("dtype of NumPy's ones", str(torch.from_numpy(np.ones(1)).dtype).removeprefix("torch."))
        print("dtype asked for", str(torch.tensor(1.0, dtype=torch.float64).dtype).removeprefix("torch."))

    @shown.jax
    def _():
        import jax.numpy as jnp
        import numpy as np

        print("dtype of NumPy's ones", str(jnp.asarray(np.ones(1)).dtype))
        print("dtype asked for", str(jnp.array(1.0, dtype=jnp.float64).dtype))

    shown.expect_divergence("dtype of NumPy's ones", torch="float64", jax="float32", concept="double-precision")
    shown.expect_divergence(
        "dtype asked for",
        torch="float64",
        jax="float32",
        concept="double-precision",
        jax_warning="UserWarning: Explicitly requested dtype float64 requested in array is not available",
    )


@demonstration
def integers_that_wrap(shown):
    """An integer beyond 32 bits wraps around in JAX unless 64-bit types are enabled

    Shows: integer-width.
    """

    @shown.torch
    def _():
        import torch

        print("one more than the largest int32", torch.tensor([2**31 - 1]) + 1)

    @shown.jax
    def _():
        import jax.numpy as jnp

        print("one more than the largest int32", jnp.array([2**31 - 1]) + 1)
        try:
            jnp.array([2**31])
        except OverflowError as error:
            print("written out", error)

    shown.expect_divergence(
        "one more than the largest int32", torch=[2147483648], jax=[-2147483648], concept="integer-width"
    )
    shown.expect_divergence(
        "written out",
        jax=raises("OverflowError: Python integer 2147483648 out of bounds for int32"),
        concept="integer-width",
    )


@demonstration
def promotion_by_a_scalar(shown):
    """A tensor without dimensions yields in PyTorch; in JAX only a Python number does

    Shows: promotion.
    """

    @shown.torch
    def _():
        import torch

        half = torch.ones(1, dtype=torch.float16)

        def dtype(x):
            return str(x.dtype).removeprefix("torch.")

        print("half times a number", dtype(half * 2.5))
        print("half times a scalar of single precision", dtype(half * torch.tensor(2.5)))
        print("half times one element of single precision", dtype(half * torch.tensor([2.5])))
        print("half + integers", dtype(half + torch.ones(1, dtype=torch.int64)))
        print("float16 + bfloat16", dtype(half + torch.ones(1, dtype=torch.bfloat16)))
        print("an integer times a number", dtype(torch.tensor([1]) * 2.5))
        try:
            torch.tensor([1, 2]).mean()
        except RuntimeError as error:
            print("mean of integers", error)

    @shown.jax
    def _():
        import jax.numpy as jnp

        half = jnp.ones(1, jnp.float16)
        print("half times a number", str((half * 2.5).dtype))
        print("half times a scalar of single precision", str((half * jnp.float32(2.5)).dtype))
        print("half times one element of single precision", str((half * jnp.array([2.5])).dtype))
        print("half + integers", str((half + jnp.ones(1, jnp.int32)).dtype))
        print("float16 + bfloat16", str((half + jnp.ones(1, jnp.bfloat16)).dtype))
        print("an integer times a number", str((jnp.array([1]) * 2.5).dtype))
        print("mean of integers", jnp.array([1, 2]).mean())

    shown.expect("half times a number", "float16")
    shown.expect_divergence(
        "half times a scalar of single precision", torch="float16", jax="float32", concept="promotion"
    )
    shown.expect("half times one element of single precision", "float32")
    shown.expect("half + integers", "float16")
    shown.expect("float16 + bfloat16", "float32")
    shown.expect("an integer times a number", "float32")
    shown.expect_divergence(
        "mean of integers",
        torch=raises("RuntimeError: mean(): could not infer output dtype"),
        jax=1.5,
        concept="promotion",
    )


@demonstration
def gradient_of_a_python_number(shown):
    """A gradient is as weakly typed as the number that it belongs to

    Shows: promotion.
    """

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        print("of a Python number: weak", jax.grad(lambda x: x * x)(3.0).weak_type)
        print("of an array: weak", jax.grad(lambda x: x * x)(jnp.float16(3.0)).weak_type)

    shown.expect_divergence("of a Python number: weak", jax=True, concept="promotion")
    shown.expect_divergence("of an array: weak", jax=False, concept="promotion")


@demonstration
def sums_in_another_order(shown):
    """Sums in another order round differently; equality needs a tolerance

    Shows: rounding.
    """

    @shown.torch
    def _():
        import numpy as np
        import torch

        numbers = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
        product = (torch.from_numpy(numbers) @ torch.from_numpy(numbers)).numpy()
        exact = numbers.astype(np.float64) @ numbers.astype(np.float64)
        print("equal to the last bit", bool((product == exact).all()))
        print("equal within a tolerance", bool(np.allclose(product, exact, rtol=1e-4, atol=1e-4)))

    @shown.jax
    def _():
        import jax.numpy as jnp
        import numpy as np

        numbers = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
        product = np.asarray(jnp.asarray(numbers) @ jnp.asarray(numbers))
        exact = numbers.astype(np.float64) @ numbers.astype(np.float64)
        print("equal to the last bit", bool((product == exact).all()))
        print("equal within a tolerance", bool(np.allclose(product, exact, rtol=1e-4, atol=1e-4)))

    shown.expect("equal to the last bit", False)
    shown.expect("equal within a tolerance", True)


@demonstration
def compiler_that_simplifies(shown):
    """A compiler may simplify, and change an infinity into a number

    Shows: algebraic-simplification.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(100.0, requires_grad=True)
        y = x.exp().log()
        y.backward()
        print("value", y.detach())
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def f(x):
            return jnp.log(jnp.exp(x))

        print("value", f(100.0))
        print("gradient", jax.grad(f)(100.0))
        print("value under jit", jax.jit(f)(100.0))
        print("gradient under jit", jax.jit(jax.grad(f))(100.0))

    shown.expect("value", INFINITY)
    shown.expect("gradient", NAN)
    shown.expect_divergence("value under jit", jax=100.0, concept="algebraic-simplification")
    shown.expect_divergence("gradient under jit", jax=1.0, concept="algebraic-simplification")


@demonstration
def integers_that_cut(shown):
    """Through an integer PyTorch's graph ends, and JAX returns zeros

    Shows: integer-cut.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.4, 2.6], requires_grad=True)
        try:
            (x > 2).float().sum().backward()
        except RuntimeError as error:
            print("through a comparison", error)
        try:
            x.to(torch.int64).float().sum().backward()
        except RuntimeError as error:
            print("through a cast", error)
        try:
            x.argmax().float().backward()
        except RuntimeError as error:
            print("through an index", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.array([1.4, 2.6])
        print("through a comparison", jax.grad(lambda x: jnp.sum((x > 2).astype(jnp.float32)))(x))
        print("through a cast", jax.grad(lambda x: jnp.sum(x.astype(jnp.int32).astype(jnp.float32)))(x))
        print("through an index", jax.grad(lambda x: jnp.argmax(x).astype(jnp.float32))(x))
        try:
            jax.grad(jnp.argmax)(x)
        except TypeError as error:
            print("of an index", error)

    without = raises("RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn")
    shown.expect_divergence("through a comparison", torch=without, jax=[0.0, 0.0], concept="integer-cut")
    shown.expect_divergence("through a cast", torch=without, jax=[0.0, 0.0], concept="integer-cut")
    shown.expect_divergence("through an index", torch=without, jax=[0.0, 0.0], concept="integer-cut")
    shown.expect_divergence(
        "of an index",
        jax=raises("TypeError: grad requires real-valued outputs (output dtype that is a sub-dtype of np.floating)"),
        concept="integer-cut",
    )

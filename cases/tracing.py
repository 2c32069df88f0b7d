"""What changes when a function is traced: branches, shapes, side effects, randomness, captured values."""

from compare import demonstration, raises

chapter_number = 12


# ---- branches ----


@demonstration
def branch_on_a_differentiated_value(shown):
    """Without jit a Python if works on a value that is differentiated

    Shows: branch-on-value.
    """

    @shown.torch
    def _():
        import torch

        def piecewise(x):
            return 3 * x**2 if x < 3 else -4 * x

        for value in (2.0, 4.0):
            x = torch.tensor(value, requires_grad=True)
            piecewise(x).backward()
            print(f"gradient at {value}", x.grad)
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        print("length, and elements of a loop", [len(x), [bool(element > 1) for element in x]])
        try:
            piecewise(x)
        except RuntimeError as error:
            print("several elements as a condition", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def piecewise(x):
            return 3 * x**2 if x < 3 else -4 * x

        def branching(x):
            print("length, and elements of a loop", [len(x), [bool(element > 1) for element in x]])
            return piecewise(x)

        for value in (2.0, 4.0):
            print(f"gradient at {value}", jax.grad(piecewise)(value))
        try:
            jax.grad(branching)(jnp.array([1.0, 2.0]))
        except ValueError as error:
            print("several elements as a condition", error)

    shown.expect("gradient at 2.0", 12.0)
    shown.expect("gradient at 4.0", -4.0)
    shown.expect("length, and elements of a loop", [2, [False, True]])
    shown.expect_divergence(
        "several elements as a condition",
        torch=raises("RuntimeError: Boolean value of Tensor with more than one value is ambiguous"),
        jax=raises("ValueError: The truth value of an array with more than one element is ambiguous"),
        concept="branch-on-value",
    )


@demonstration
def branch_under_jit(shown):
    """Under jit a Python if on a value raises; lax.cond says it for a traced value

    Shows: branch-under-jit.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(2.0)
        print("branch taken", 3 * x if x < 3 else x)

    @shown.jax
    def _():
        import jax
        from jax import lax

        def branching(x):
            return 3 * x if x < 3 else x

        print("branch taken", branching(2.0))
        try:
            print("under jit", jax.jit(branching)(2.0))
        except jax.errors.TracerBoolConversionError as error:
            print("under jit", error)
        print("with lax.cond", jax.jit(lambda x: lax.cond(x < 3, lambda x: 3 * x, lambda x: x, x))(2.0))
        print("with a static argument", jax.jit(branching, static_argnums=0)(2.0))

    shown.expect("branch taken", 6.0)
    shown.expect_divergence(
        "under jit",
        jax=raises("TracerBoolConversionError: Attempted boolean conversion of traced array with shape bool[]"),
        concept="branch-under-jit",
    )
    shown.expect_divergence("with lax.cond", jax=6.0, concept="branch-under-jit")
    shown.expect_divergence("with a static argument", jax=6.0, concept="branch-under-jit")


@demonstration
def branch_over_a_batch(shown):
    """A cond that is mapped over a batch computes both branches and selects

    Shows: batched-branch.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([0.0, 4.0], requires_grad=True)
        torch.stack([torch.sqrt(one) if one > 0 else one * 0 for one in x]).sum().backward()
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        from jax import lax

        def guarded(x):
            return lax.cond(x > 0, jnp.sqrt, lambda x: x * 0.0, x)

        x = jnp.array([0.0, 4.0])
        print("gradient", jax.vmap(jax.grad(guarded))(x))
        print("one element branches", "cond" in str(jax.make_jaxpr(guarded)(0.0)))
        print("a batch branches", "cond" in str(jax.make_jaxpr(jax.vmap(guarded))(x)))
        print("a batch selects", "select_n" in str(jax.make_jaxpr(jax.vmap(guarded))(x)))

    shown.expect("gradient", [0.0, 0.25])
    shown.expect_divergence("one element branches", jax=True, concept="batched-branch")
    shown.expect_divergence("a batch branches", jax=False, concept="batched-branch")
    shown.expect_divergence("a batch selects", jax=True, concept="batched-branch")


@demonstration
def assertion_on_a_value(shown):
    """An assertion on a value works without jit, and needs checkify under it

    Shows: value-assertion.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(-1.0, requires_grad=True)
        try:
            assert x > 0, "not positive"
        except AssertionError as error:
            print("assertion", error)

    @shown.jax
    def _():
        import jax
        from jax.experimental import checkify

        def positive(x):
            assert x > 0, "not positive"
            return x

        def checked(x):
            checkify.check(x > 0, "not positive")
            return x

        try:
            jax.grad(positive)(-1.0)
        except AssertionError as error:
            print("assertion", error)
        try:
            jax.jit(positive)(-1.0)
        except jax.errors.TracerBoolConversionError as error:
            print("under jit", error)
        failure, _ = checkify.checkify(jax.jit(checked))(-1.0)
        print("with checkify", failure.get())

    shown.expect("assertion", raises("AssertionError: not positive"))
    shown.expect_divergence(
        "under jit", jax=raises("TracerBoolConversionError: Attempted boolean conversion"), concept="value-assertion"
    )
    shown.expect_divergence("with checkify", jax="not positive (`check` failed)", concept="value-assertion")


# ---- shapes and types ----


@demonstration
def shape_from_a_mask(shown):
    """A mask as an index has a shape that depends on values: fine under grad, refused under jit

    Shows: static-shape.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([-1.0, 2.0, 3.0], requires_grad=True)
        (x[x > 0] ** 2).sum().backward()
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def positive_squares(x):
            return jnp.sum(x[x > 0] ** 2)

        x = jnp.array([-1.0, 2.0, 3.0])
        print("gradient", jax.grad(positive_squares)(x))
        try:
            print("under jit", jax.jit(positive_squares)(x))
        except jax.errors.NonConcreteBooleanIndexError as error:
            print("under jit", error)
        print("with where, under jit", jax.jit(jax.grad(lambda x: jnp.sum(jnp.where(x > 0, x**2, 0.0))))(x))

    shown.expect("gradient", [0.0, 4.0, 6.0])
    shown.expect_divergence(
        "under jit",
        jax=raises("NonConcreteBooleanIndexError: Array boolean indices must be concrete; got bool[3]"),
        concept="static-shape",
    )
    shown.expect_divergence("with where, under jit", jax=[0.0, 4.0, 6.0], concept="static-shape")


@demonstration
def shape_from_a_number(shown):
    """A traced integer cannot be a size or a list index

    Shows: static-shape.
    """

    @shown.torch
    def _():
        import torch

        n = torch.tensor(3)
        print("size", list(torch.zeros(n).shape))
        print("list index", [0, 1, 2, 3][n])

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        n = jnp.array(3)
        print("size", list(jnp.zeros(n).shape))
        print("list index", [0, 1, 2, 3][n])
        try:
            jax.jit(jnp.zeros)(3)
        except TypeError as error:
            print("size under jit", error)
        try:
            jax.jit(lambda n: [0, 1, 2, 3][n])(3)
        except jax.errors.TracerIntegerConversionError as error:
            print("list index under jit", error)

    shown.expect("size", [3])
    shown.expect("list index", 3)
    shown.expect_divergence(
        "size under jit",
        jax=raises("TypeError: Shapes must be 1D sequences of concrete values of integer type"),
        concept="static-shape",
    )
    shown.expect_divergence(
        "list index under jit",
        jax=raises("TracerIntegerConversionError: The __index__() method was called on traced array"),
        concept="static-shape",
    )


@demonstration
def type_of_a_float(shown):
    """A Python float is a float outside of a transformation, and a tracer inside

    Shows: tracer-type.
    """

    @shown.torch
    def _():
        import torch

        x = torch.ones(2, requires_grad=True)
        print("an element is a float", isinstance(x[0], float))

    @shown.jax
    def _():
        import jax

        seen = []

        def f(x):
            seen.append(isinstance(x, float))
            return x

        f(1.0)
        jax.grad(f)(1.0)
        print("the argument is a float: called, differentiated", seen)

    shown.expect_divergence("an element is a float", torch=False, concept="tracer-type")
    shown.expect_divergence("the argument is a float: called, differentiated", jax=[True, False], concept="tracer-type")


@demonstration
def carry_of_a_loop(shown):
    """What a JAX loop carries keeps its type; a Python loop may change it

    Shows: loop-carry.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(0)
        for _ in range(3):
            x = x + 0.5
        print("after the loop", x)

    @shown.jax
    def _():
        import jax.numpy as jnp
        from jax import lax

        print("after the loop", lax.fori_loop(0, 3, lambda _, x: x + 0.5, 0.0))
        try:
            lax.fori_loop(0, 3, lambda _, x: x + 0.5, jnp.int32(0))
        except TypeError as error:
            print("from an integer", error)

    shown.expect("after the loop", 1.5)
    shown.expect_divergence(
        "from an integer",
        jax=raises("TypeError: scan body function carry input and carry output must have equal types"),
        concept="loop-carry",
    )


# ---- side effects ----


@demonstration
def log_of_a_jitted_function(shown):
    """Python in a jitted function runs once, while it is traced; a callback runs at every call

    Shows: traced-side-effect.
    """

    @shown.torch
    def _():
        import torch

        log = []

        def f(x):
            log.append(x.item())
            return x * 2

        f(torch.tensor(1.0))
        f(torch.tensor(2.0))
        print("logged", log)

    @shown.jax
    def _():
        import jax

        log, numbers = [], []

        @jax.jit
        def f(x):
            log.append("tracer" if isinstance(x, jax.core.Tracer) else x)
            jax.debug.callback(lambda x: numbers.append(x.item()), x, ordered=True)
            return x * 2

        f(1.0)
        f(2.0)
        jax.effects_barrier()
        print("logged", log)
        print("seen by a callback", numbers)

    shown.expect_divergence("logged", torch=[1.0, 2.0], jax=["tracer"], concept="traced-side-effect")
    shown.expect_divergence("seen by a callback", jax=[1.0, 2.0], concept="traced-side-effect")


@demonstration
def intermediate_that_escapes(shown):
    """An intermediate that is saved outside is a tensor in PyTorch, and of no use after jit

    Shows: leaked-tracer.
    """

    @shown.torch
    def _():
        import torch

        saved = []

        def f(x):
            saved.append(x * 2)
            return saved[-1] ** 2

        x = torch.tensor(1.0, requires_grad=True)
        f(x).backward()
        print("used afterwards", saved[0].detach() + 1)

    @shown.jax
    def _():
        import jax

        saved = []

        def f(x):
            saved.append(x * 2)
            return saved[-1] ** 2

        jax.jit(f)(1.0)
        try:
            print("used afterwards", saved[0] + 1)
        except jax.errors.UnexpectedTracerError as error:
            print("used afterwards", error)
        with jax.checking_leaks():
            try:
                jax.jit(f)(2)
            except Exception as error:
                print("saved where leaks are checked", error)

    shown.expect_divergence(
        "used afterwards",
        torch=3.0,
        jax=raises("UnexpectedTracerError: Encountered an unexpected tracer"),
        concept="leaked-tracer",
    )
    shown.expect_divergence(
        "saved where leaks are checked", jax=raises("Exception: Leaked trace"), concept="leaked-tracer"
    )


# ---- captured values ----


@demonstration
def number_that_a_function_captures(shown):
    """A jitted function keeps the number that it captured when it was traced

    Shows: captured-constant.
    """

    @shown.torch
    def _():
        import torch

        factor = 2.0

        def f(x):
            return x * factor

        x = torch.tensor(3.0)
        print("before", f(x))
        factor = 10.0
        print("after", f(x))

    @shown.jax
    def _():
        import jax

        factor = 2.0

        def f(x):
            return x * factor

        jitted = jax.jit(f)
        print("before", jitted(3.0))
        factor = 10.0
        print("after", jitted(3.0))
        print("after, without jit", f(3.0))

    shown.expect("before", 6.0)
    shown.expect_divergence("after", torch=30.0, jax=6.0, concept="captured-constant")
    shown.expect_divergence("after, without jit", jax=30.0, concept="captured-constant")


@demonstration
def buffer_that_a_function_captures(shown):
    """A NumPy buffer that is written after the trace changes PyTorch's gradient alone

    Shows: captured-constant.
    """

    @shown.torch
    def _():
        import numpy as np
        import torch

        buffer = np.array([2.0], np.float32)
        x = torch.tensor([3.0], requires_grad=True)

        def gradient():
            x.grad = None
            (x * torch.from_numpy(buffer)).sum().backward()
            return x.grad

        print("before the write", gradient())
        buffer[0] = 10.0
        print("after the write", gradient())

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        import numpy as np

        buffer = np.array([2.0], np.float32)
        gradient = jax.jit(jax.grad(lambda x: jnp.sum(x * buffer)))
        print("before the write", gradient(jnp.array([3.0])))
        buffer[0] = 10.0
        print("after the write", gradient(jnp.array([3.0])))

    shown.expect("before the write", [2.0])
    shown.expect_divergence("after the write", torch=[10.0], jax=[2.0], concept="captured-constant")


@demonstration
def parameter_that_a_function_captures(shown):
    """A parameter that is updated outside reaches a compiled function with its next trace

    Shows: captured-constant.
    """

    @shown.torch
    def _():
        import torch

        w = torch.ones(1)

        def f(x):
            return x * w

        w.mul_(5.0)
        print("same shape", f(torch.ones(1)))
        print("another shape", f(torch.ones(2)))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        w = jnp.ones(1)
        f = jax.jit(lambda x: x * w)
        f(jnp.ones(1))
        w = w * 5.0
        print("same shape", f(jnp.ones(1)))
        print("another shape", f(jnp.ones(2)))

    shown.expect_divergence("same shape", torch=[5.0], jax=[1.0], concept="captured-constant")
    shown.expect("another shape", [5.0, 5.0])


@demonstration
def what_traces_again(shown):
    """Shape, dtype and the type of a Python number each trace a function again

    Shows: retracing.
    """

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        traced = []

        @jax.jit
        def f(x):
            traced.append(f"{x.aval}")
            return x + 1

        for argument in (1.0, 2.0, jnp.float32(1.0), jnp.ones(1), 1):
            f(argument)
        print("traces for five calls", len(traced))

    shown.expect_divergence("traces for five calls", jax=4, concept="retracing")


# ---- randomness ----


@demonstration
def state_or_key(shown):
    """PyTorch's draws move a hidden state; a JAX key gives the same draw each time

    Shows: random-state, key-reuse.
    """

    @shown.torch
    def _():
        import torch

        torch.manual_seed(0)
        first, second = torch.rand(2), torch.rand(2)
        torch.manual_seed(0)
        print("the same seed gives the same draw", torch.equal(first, torch.rand(2)))
        print("two draws in a row are equal", torch.equal(first, second))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        key = jax.random.key(0)
        first, second = jax.random.uniform(key, 2), jax.random.uniform(key, 2)
        print("the same seed gives the same draw", bool(jnp.all(first == jax.random.uniform(jax.random.key(0), 2))))
        print("two draws in a row are equal", bool(jnp.all(first == second)))
        one, other = jax.random.split(key)
        apart = jax.random.uniform(one, 2) == jax.random.uniform(other, 2)
        print("draws from split keys are equal", bool(jnp.all(apart)))

    shown.expect("the same seed gives the same draw", True)
    shown.expect_divergence("two draws in a row are equal", torch=False, jax=True, concept="key-reuse")
    shown.expect_divergence("draws from split keys are equal", jax=False, concept="random-state")


@demonstration
def reused_key_is_found_on_request(shown):
    """A key that is used twice is an error only where the checker is on

    Shows: key-reuse.
    """

    @shown.jax
    def _():
        import jax

        key = jax.random.key(0)
        print("without the checker", bool(jax.random.normal(key) == jax.random.normal(key)))
        with jax.debug_key_reuse(True):
            try:
                jax.random.normal(key)
                jax.random.normal(key)
            except jax.errors.KeyReuseError as error:
                print("with the checker", error)

    shown.expect_divergence("without the checker", jax=True, concept="key-reuse")
    shown.expect_divergence(
        "with the checker", jax=raises("KeyReuseError: Previously-consumed key passed"), concept="key-reuse"
    )


@demonstration
def mask_of_a_dropout(shown):
    """Dropout's mask is the same forward and backward: saved in PyTorch, drawn from the key in JAX

    Shows: dropout-mask.
    """

    @shown.torch
    def _():
        import torch

        torch.manual_seed(0)
        x = torch.ones(6, requires_grad=True)
        y = torch.nn.functional.dropout(x, 0.5)
        y.sum().backward()
        print("the gradient is the output's mask", torch.equal(y, x.grad))

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def dropout(x, key):
            mask = jax.random.bernoulli(key, 0.5, x.shape)
            return jnp.where(mask, x / 0.5, 0.0)

        x, key = jnp.ones(6), jax.random.key(0)
        gradient = jax.grad(lambda x: jnp.sum(dropout(x, key)))(x)
        print("the gradient is the output's mask", bool(jnp.all(dropout(x, key) == gradient)))

    shown.expect("the gradient is the output's mask", True)


@demonstration
def sample_frozen_by_a_trace(shown):
    """A random number that a jitted function draws without a key argument is drawn once

    Shows: captured-constant, random-state.
    """

    @shown.torch
    def _():
        import torch

        torch.manual_seed(0)
        print("two calls give one number", bool(torch.rand(()) == torch.rand(())))

    @shown.jax
    def _():
        import jax
        import numpy as np

        generator = np.random.default_rng(0)

        @jax.jit
        def f():
            return generator.random()

        print("two calls give one number", bool(f() == f()))
        keyed = jax.jit(lambda: jax.random.uniform(jax.random.key(0)))
        print("with a key made inside", bool(keyed() == keyed()))

    shown.expect_divergence("with a key made inside", jax=True, concept="captured-constant")
    shown.expect_divergence("two calls give one number", torch=False, jax=True, concept="captured-constant")


@demonstration
def gradient_through_a_sample(shown):
    """A sample passes a gradient where its noise is drawn apart, and zero where it is discrete

    Shows: reparameterization.
    """

    @shown.torch
    def _():
        import torch

        torch.manual_seed(0)
        mean = torch.tensor(1.0, requires_grad=True)
        (mean + 2 * torch.randn(())).backward()
        print("gradient of the mean", mean.grad)
        p = torch.tensor(0.7, requires_grad=True)
        torch.bernoulli(p).backward()
        print("gradient of a probability", p.grad)
        normal = torch.distributions.Normal(mean, 1.0)
        print("sample requires grad", normal.sample().requires_grad)
        print("rsample requires grad", normal.rsample().requires_grad)

    @shown.jax
    def _():
        import jax

        key = jax.random.key(0)
        print("gradient of the mean", jax.grad(lambda mean: mean + 2 * jax.random.normal(key))(1.0))
        print("gradient of a probability", jax.grad(lambda p: jax.random.bernoulli(key, p).astype(float))(0.7))

    shown.expect("gradient of the mean", 1.0)
    shown.expect("gradient of a probability", 0.0)
    shown.expect_divergence("sample requires grad", torch=False, concept="reparameterization")
    shown.expect_divergence("rsample requires grad", torch=True, concept="reparameterization")


# ---- when a result is there ----


@demonstration
def result_that_is_awaited(shown):
    """A JAX op may return before its result is computed; reading it waits

    Shows: asynchronous-dispatch.
    """

    @shown.torch
    def _():
        import torch

        y = torch.ones(2) + 1
        print("result", y)

    @shown.jax
    def _():
        import jax.numpy as jnp

        y = jnp.ones(2) + 1
        print("result", y.block_until_ready())
        print("is ready", y.is_ready())

    shown.expect("result", [2.0, 2.0])
    shown.expect_divergence("is ready", jax=True, concept="asynchronous-dispatch")

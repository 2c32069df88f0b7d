"""What JAX has of mutation: immutable arrays, donated buffers, references."""

from compare import demonstration, raises

chapter_number = 14


@demonstration
def item_assignment(shown):
    """A JAX array refuses item assignment; its update is a new array

    Shows: inplace-write.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.0, 2.0])
        x[0] = 5.0
        print("x[0] = 5.0", x)

    @shown.jax
    def _():
        import jax.numpy as jnp

        x = jnp.array([1.0, 2.0])
        try:
            x[0] = 5.0
        except TypeError as error:
            print("x[0] = 5.0", error)
        y = x.at[0].set(5.0)
        print("updated", y)
        print("x after", x)

    shown.expect_divergence(
        "x[0] = 5.0",
        torch=[5.0, 2.0],
        jax=raises("TypeError: JAX arrays are immutable and do not support in-place item assignment"),
        concept="inplace-write",
    )
    shown.expect_divergence("updated", jax=[5.0, 2.0], concept="inplace-write")
    shown.expect_divergence("x after", jax=[1.0, 2.0], concept="inplace-write")


@demonstration
def donated_buffer(shown):
    """A donated array is deleted; PyTorch reuses memory by writing in place

    Shows: donation.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.0, 2.0])
        y = x.mul_(2)
        print("doubled", y)
        print("x after", x)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        double = jax.jit(lambda x: x * 2, donate_argnums=0)
        x = jnp.array([1.0, 2.0])
        y = double(x)
        print("doubled", y)
        print("is deleted", x.is_deleted())
        try:
            print("x after", x)
        except RuntimeError as error:
            print("x after", error)
        y.delete()
        try:
            y.block_until_ready()
        except RuntimeError as error:
            print("deleted by hand", error)

    shown.expect_divergence(
        "deleted by hand",
        jax=raises("JaxRuntimeError: INVALID_ARGUMENT: BlockHostUntilReady() called on deleted or donated buffer"),
        concept="donation",
    )
    shown.expect("doubled", [2.0, 4.0])
    shown.expect_divergence("is deleted", jax=True, concept="donation")
    shown.expect_divergence(
        "x after", torch=[2.0, 4.0], jax=raises("RuntimeError: Array has been deleted"), concept="donation"
    )


@demonstration
def spellings_that_raise(shown):
    """Every spelling of a write to an array raises, and .at says it

    Shows: immutable-array.
    """

    @shown.jax
    def _():
        import jax.numpy as jnp

        x = jnp.zeros(3)
        try:
            x[1:] += 2.0
        except TypeError as error:
            print("x[1:] += 2", error)
        try:
            x.at[0] = 1.0
        except TypeError as error:
            print("x.at[0] = 1", error)
        try:
            del x[0]
        except AttributeError as error:
            print("del x[0]", error)
        print("written with .at", x.at[0].set(1.0).at[1:].add(2.0))

    shown.expect_divergence(
        "x[1:] += 2",
        jax=raises("TypeError: JAX arrays are immutable and do not support in-place item assignment"),
        concept="immutable-array",
    )
    shown.expect_divergence(
        "x.at[0] = 1",
        jax=raises("TypeError: '_IndexUpdateHelper' object does not support item assignment"),
        concept="immutable-array",
    )
    shown.expect_divergence("del x[0]", jax=raises("AttributeError: __delitem__"), concept="immutable-array")
    shown.expect_divergence("written with .at", jax=[1.0, 2.0, 2.0], concept="immutable-array")


@demonstration
def update_under_jit(shown):
    """A compiler may write in place; the program never sees it

    Shows: immutable-array.
    """

    @shown.torch
    def _():
        import torch

        x = torch.zeros(4)
        y = x
        y[0] = 1.0
        print("x", x)
        print("y", y)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.zeros(4)
        y = jax.jit(lambda x: x.at[0].set(1.0))(x)
        print("x", x)
        print("y", y)

    shown.expect_divergence("x", torch=[1.0, 0.0, 0.0, 0.0], jax=[0.0, 0.0, 0.0, 0.0], concept="immutable-array")
    shown.expect("y", [1.0, 0.0, 0.0, 0.0])


@demonstration
def update_without_a_name(shown):
    """An update whose result gets no name changes nothing, without a word

    Shows: discarded-update.
    """

    @shown.torch
    def _():
        import torch

        x = torch.zeros(3)
        x[0] = 1.0
        print("x", x)

    @shown.jax
    def _():
        import jax.numpy as jnp

        x = jnp.zeros(3)
        x.at[0].set(1.0)
        print("x", x)

    shown.expect_divergence("x", torch=[1.0, 0.0, 0.0], jax=[0.0, 0.0, 0.0], concept="discarded-update")


@demonstration
def flag_on_an_array(shown):
    """A JAX array takes requires_grad as it takes any attribute, and no result inherits it

    Shows: array-attribute.
    """

    @shown.torch
    def _():
        import torch

        x = torch.ones(1)
        x.requires_grad = True
        print("flag", x.requires_grad)
        print("flag of a result", (x * 1).requires_grad)

    @shown.jax
    def _():
        import jax.numpy as jnp

        x = jnp.ones(1)
        x.requires_grad = True
        print("flag", x.requires_grad)
        print("a result has the flag", hasattr(x * 1, "requires_grad"))
        try:
            x.shape = (1, 1)
        except AttributeError as error:
            print("shape", error)

    shown.expect("flag", True)
    shown.expect_divergence("flag of a result", torch=True, concept="array-attribute")
    shown.expect_divergence("a result has the flag", jax=False, concept="array-attribute")
    shown.expect_divergence(
        "shape",
        jax=raises("AttributeError: property 'shape' of 'ArrayImpl' object has no setter"),
        concept="array-attribute",
    )


# ---- donation ----


@demonstration
def donation_that_cannot_be_used(shown):
    """A donated buffer that fits no result is kept, and JAX says so

    Shows: donation.
    """

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.ones(3)
        total = jax.jit(lambda x: x.sum(), donate_argnums=0)(x)
        print("sum", total)
        print("is deleted", x.is_deleted())

    shown.expect_divergence(
        "sum", jax=3.0, concept="donation", jax_warning="UserWarning: Some donated buffers were not usable"
    )
    shown.expect_divergence("is deleted", jax=False, concept="donation")


@demonstration
def donating_what_a_pullback_keeps(shown):
    """Donating what a pullback has kept is JAX's write after the save

    Shows: donated-residual.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([2.0], requires_grad=True)
        y = x * x
        with torch.no_grad():
            x.add_(1.0)
        try:
            y.backward()
        except RuntimeError as error:
            print("gradient", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jnp.array([2.0])
        _, pullback = jax.vjp(lambda x: x * x, x)
        jax.jit(lambda x: x + 1.0, donate_argnums=0)(x)
        try:
            pullback(jnp.ones(1))
        except (RuntimeError, ValueError) as error:  # which of them depends on what is compiled already
            print("says that the array is deleted", "has been deleted" in str(error))

    shown.expect_divergence(
        "gradient",
        torch=raises("RuntimeError: one of the variables needed for gradient computation has been modified"),
        concept="donated-residual",
    )
    shown.expect_divergence("says that the array is deleted", jax=True, concept="donated-residual")


# ---- references ----


@demonstration
def mutable_reference(shown):
    """A reference can be written, and what is read from it is a copy

    Shows: reference.
    """

    @shown.torch
    def _():
        import torch

        x = torch.zeros(3)
        x[1] += 1.0
        x *= 2.0
        view = x[:2]
        x[0] = 9.0
        print("after the writes", x)
        print("a slice taken before", view)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        x = jax.new_ref(jnp.zeros(3))
        x[1] += 1.0
        x[...] *= 2.0
        read = x[:2]
        x[0] = 9.0
        print("after the writes", x[...])
        print("a slice taken before", read)
        try:
            print("arithmetic", x + 1)
        except TypeError as error:
            print("arithmetic", error)

    shown.expect("after the writes", [9.0, 2.0, 0.0])
    shown.expect_divergence("a slice taken before", torch=[9.0, 2.0], jax=[0.0, 2.0], concept="reference")
    shown.expect_divergence(
        "arithmetic", jax=raises("TypeError: unsupported operand type(s) for +: 'Ref' and 'int'"), concept="reference"
    )


@demonstration
def reference_after_freezing(shown):
    """A frozen reference is still readable outside of jit, whatever the documentation says

    Shows: reference.
    """

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def frozen_then_read(x):
            reference = jax.new_ref(x)
            return jax.freeze(reference), reference[...]

        reference = jax.new_ref(jnp.zeros(3))
        reference[0] = 9.0
        print("frozen", jax.freeze(reference))
        print("read afterwards", reference[...])
        try:
            print("read afterwards, under jit", jax.jit(frozen_then_read)(1.0))
        except ValueError as error:
            print("read afterwards, under jit", error)

    shown.expect_divergence("frozen", jax=[9.0, 0.0, 0.0], concept="reference")
    shown.expect_divergence("read afterwards", jax=[9.0, 0.0, 0.0], concept="reference")
    shown.expect_divergence(
        "read afterwards, under jit",
        jax=raises("ValueError: `get` must be called on `Ref` types"),
        concept="reference",
    )


@demonstration
def gradient_through_own_references(shown):
    """A function that writes to references of its own is differentiated like any other

    Shows: reference-gradient.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(1.0, requires_grad=True)
        r = torch.zeros(()) + x
        r.sin_()
        r.mul_(r.clone())
        r.backward()
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def squared_sine(x):
            r = jax.new_ref(0.0)
            r[...] = x
            r[...] = jnp.sin(r[...])
            r[...] = r[...] * r[...]
            return r[...]

        print("gradient", jax.grad(squared_sine)(1.0))

    shown.expect("gradient", 0.9092974)


@demonstration
def constant_written_to_a_reference(shown):
    """In JAX 0.10 a constant written to a differentiated reference breaks the gradient, loudly

    Shows: reference-gradient.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor([1.0, 2.0], requires_grad=True)
        r = x * 1.0
        r[0] = 0.0
        (r * r).sum().backward()
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def with_reference(x):
            r = jax.new_ref(x)
            r[0] = 0.0
            return jnp.sum(r[...] ** 2)

        x = jnp.array([1.0, 2.0])
        try:
            print("gradient", jax.grad(with_reference)(x))
        except AttributeError as error:
            print("gradient", error)
        print("gradient with .at", jax.grad(lambda x: jnp.sum(x.at[0].set(0.0) ** 2))(x))

    shown.expect_divergence(
        "gradient",
        torch=[0.0, 4.0],
        jax=raises("AttributeError: 'jaxlib._jax.ArrayImpl' object has no attribute 'accum'"),
        concept="reference-gradient",
    )
    shown.expect_divergence("gradient with .at", jax=[0.0, 4.0], concept="reference-gradient")


@demonstration
def gradients_added_to_a_reference(shown):
    """A pullback can add its gradients to references, as backward adds to .grad

    Shows: gradient-reference.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(2.0, requires_grad=True)
        for _ in range(2):
            (x**2).backward()
        print("accumulated", x.grad)

    @shown.jax
    def _():
        import jax

        accumulated = jax.new_ref(0.0)
        for _ in range(2):
            _, pullback = jax.vjp(lambda x: x**2, 2.0)
            pullback.with_refs(accumulated)(1.0)
        print("accumulated", accumulated[...])

    shown.expect("accumulated", 8.0)


@demonstration
def reference_as_an_argument(shown):
    """In JAX 0.10 nothing is differentiated with respect to a reference

    Shows: reference-argument.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(2.0, requires_grad=True)
        (x**2).backward()
        print("gradient", x.grad)

    @shown.jax
    def _():
        import jax

        try:
            print("gradient", jax.grad(lambda r: r[...] ** 2)(jax.new_ref(2.0)))
        except ValueError as error:
            print("gradient", error)
        _, pullback = jax.vjp(lambda r: r[...] ** 2, jax.new_ref(2.0))
        try:
            pullback.with_refs(jax.new_ref(0.0))(1.0)
        except ValueError as error:
            print("into a reference", error)

    refusal = raises("ValueError: Expected cotangent type Ref{float32[]} but got float32[]")
    shown.expect_divergence("gradient", torch=4.0, jax=refusal, concept="reference-argument")
    shown.expect_divergence("into a reference", jax=refusal, concept="reference-argument")


@demonstration
def differentiated_value_in_a_log(shown):
    """A differentiated value may be written to an outer reference once its gradient is stopped

    Shows: reference-limits.
    """

    @shown.torch
    def _():
        import torch

        log = torch.zeros(())
        x = torch.tensor(3.0, requires_grad=True)
        y = x + x
        log.copy_(y.detach())
        y.backward()
        print("gradient", x.grad)
        print("log", log)

    @shown.jax
    def _():
        import jax
        from jax import lax

        def logging(x, log):
            y = x + x
            log[...] += lax.stop_gradient(y)
            return y

        def careless(x, log):
            y = x + x
            log[...] += y
            return y

        log = jax.new_ref(0.0)
        print("gradient", jax.grad(logging)(3.0, log))
        print("log", log[...])
        try:
            jax.grad(careless)(3.0, log)
        except Exception as error:
            print("without stop_gradient", error)

    shown.expect("gradient", 2.0)
    shown.expect("log", 6.0)
    shown.expect_divergence(
        "without stop_gradient",
        jax=raises("Exception: performing a set/swap operation with a differentiated value on a non-differentiated"),
        concept="reference-limits",
    )


@demonstration
def reference_under_two_names(shown):
    """Under jit a reference has one name; PyTorch lets a tensor have any number

    Shows: reference-limits.
    """

    @shown.torch
    def _():
        import torch

        def write(a, b):
            a.add_(1.0)
            b.mul_(10.0)

        x = torch.zeros(1)
        write(x, x)
        print("after both writes", x)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        def write(a, b):
            a[...] += 1.0
            b[...] *= 10.0

        r = jax.new_ref(jnp.zeros(1))
        write(r, r)
        print("after both writes", r[...])
        try:
            jax.jit(write)(r, r)
        except ValueError as error:
            print("under jit", error)
        try:
            jax.jit(lambda b: write(r, b))(r)
        except ValueError as error:
            print("captured and passed", error)
        try:
            jax.jit(lambda r: r)(r)
        except ValueError as error:
            print("returned", error)
        try:
            jax.vmap(lambda x: r.__setitem__(..., x))(jnp.zeros((3, 1)))
        except Exception as error:
            print("written inside vmap", error)

    shown.expect("after both writes", [10.0])
    shown.expect_divergence(
        "under jit",
        jax=raises("ValueError: only one reference to a mutable array may be passed as an argument to a function"),
        concept="reference-limits",
    )
    shown.expect_divergence(
        "captured and passed", jax=raises("ValueError: when tracing <lambda>"), concept="reference-limits"
    )
    shown.expect_divergence("returned", jax=raises("ValueError: function <lambda>"), concept="reference-limits")
    shown.expect_divergence(
        "written inside vmap",
        jax=raises("Exception: performing a set/swap operation with vmapped value on an unbatched array reference"),
        concept="reference-limits",
    )


@demonstration
def gradient_written_by_a_rule(shown):
    """A backward rule can write the gradient that it sees to a reference, at first order

    Shows: gradient-tap.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(1.0, requires_grad=True)
        h = x * 2
        h.retain_grad()
        h.sin().backward()
        print("gradient of x", x.grad)
        print("gradient of h", h.grad)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        @jax.custom_vjp
        def tap(reference, h):
            return h

        def tap_forward(reference, h):
            return h, reference

        def tap_backward(reference, cotangent):
            reference[...] = cotangent
            return None, cotangent

        tap.defvjp(tap_forward, tap_backward)

        def f(x, reference):
            return jnp.sin(tap(reference, x * 2))

        seen = jax.new_ref(0.0)
        print("gradient of x", jax.grad(f)(1.0, seen))
        print("gradient of h", seen[...])

    shown.expect("gradient of x", -0.8322937)
    shown.expect("gradient of h", -0.41614684)


# ---- what vjp returns ----


@demonstration
def pullback_out_of_jit(shown):
    """What vjp returns is a value that leaves a jitted function; a node of the tape cannot be stored

    Shows: vjp-value.
    """

    @shown.torch
    def _():
        import pickle

        import torch

        x = torch.tensor(2.0, requires_grad=True)
        y = x**2
        try:
            pickle.dumps(y.grad_fn)
        except TypeError as error:
            print("stored", error)

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp

        _, pullback = jax.jit(lambda x: jax.vjp(jnp.sin, x))(jnp.float32(0.0))
        print("gradient", pullback(1.0)[0])
        print("what it keeps", jax.tree.leaves(pullback)[0])

    shown.expect_divergence(
        "stored", torch=raises("TypeError: cannot pickle 'PowBackward0' object"), concept="vjp-value"
    )
    shown.expect_divergence("gradient", jax=1.0, concept="vjp-value")
    shown.expect_divergence("what it keeps", jax=1.0, concept="vjp-value")


@demonstration
def residuals_by_policy(shown):
    """PyTorch's node keeps what its op needs; in JAX a policy decides what is kept

    Shows: residual-policy.
    """

    @shown.torch
    def _():
        import torch

        x = torch.tensor(2.0, requires_grad=True)
        y = x.sin() * x
        print("kept by the product", [name for name in dir(y.grad_fn) if name.startswith("_saved")])

    @shown.jax
    def _():
        import jax
        import jax.numpy as jnp
        from jax.ad_checkpoint import checkpoint_name

        def f(x):
            return checkpoint_name(jnp.sin(x), "sine") * x

        named = jax.checkpoint(f, policy=jax.checkpoint_policies.save_only_these_names("sine"))
        nothing = jax.checkpoint(f, policy=jax.checkpoint_policies.nothing_saveable)
        x = jnp.float32(2.0)
        print("values kept without a policy", len(jax.tree.leaves(jax.vjp(f, x)[1])))
        print("values kept by name", len(jax.tree.leaves(jax.vjp(named, x)[1])))
        print("values kept by none", len(jax.tree.leaves(jax.vjp(nothing, x)[1])))

    shown.expect_divergence("kept by the product", torch=["_saved_other", "_saved_self"], concept="residual-policy")
    shown.expect_divergence("values kept without a policy", jax=3, concept="residual-policy")
    shown.expect_divergence("values kept by name", jax=2, concept="residual-policy")
    shown.expect_divergence("values kept by none", jax=1, concept="residual-policy")

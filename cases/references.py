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

    shown.expect("doubled", [2.0, 4.0])
    shown.expect_divergence("is deleted", jax=True, concept="donation")
    shown.expect_divergence(
        "x after", torch=[2.0, 4.0], jax=raises("RuntimeError: Array has been deleted"), concept="donation"
    )

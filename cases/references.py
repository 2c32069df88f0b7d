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

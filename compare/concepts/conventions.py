"""Points where both gradients are legitimate: kinks, NaN, complex numbers and dtypes."""

from __future__ import annotations

from compare.concepts.concept import Concept
from compare.concepts.pages import (
    DTYPES,
    jax_guide,
    torch_mechanics,
    torch_reference,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Concept, ...] = (
    Concept(
        id="complex-conjugate",
        title="The gradient of a complex tensor is the conjugate of what JAX returns.",
        status="silent",
        torch="`z.grad` of a real loss is `dL/dx + i dL/dy` for `z = x + iy`: it points where the loss grows.",
        jax="`jax.grad` returns `dL/dx - i dL/dy`, the complex derivative that the chain rule multiplies. A pullback "
        "takes and returns such cotangents.",
        why="Both describe the same derivative. PyTorch's form can be subtracted from the parameter, and JAX's form is "
        "the derivative of a holomorphic function, unconjugated.",
        instead="Conjugate the gradient, and the cotangent that a pullback is given: "
        "`z_grad = jnp.conj(jax.grad(loss_fn)(z))`. A descent step without it goes the wrong way along the imaginary "
        "axis, and nothing is raised.",
        torch_page=torch_mechanics("Autograd for Complex Numbers", "autograd-for-complex-numbers"),
        jax_page=jax_guide("Complex numbers and differentiation", "complex-differentiation.html"),
    ),
    Concept(
        id="integer-width",
        title="Integers have 64 bits in PyTorch, and 32 in JAX unless told otherwise.",
        status="silent",
        torch="A tensor made of Python integers is `int64`.",
        jax="An array made of Python integers is `int32` until 64-bit types are enabled. Arithmetic beyond 32 bits "
        "wraps around without an error.",
        why="This is a convention and no difference of concept: JAX defaults to the narrow types for speed.",
        instead="Enable 64-bit types before any array is made: `jax.config.update('jax_enable_x64', True)`.",
        torch_page=torch_reference("torch.arange"),
        jax_page=DTYPES,
    ),
)

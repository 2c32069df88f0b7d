"""Complex numbers: what the gradient of one is, and where an op has a wrong one."""

from __future__ import annotations

import mpmath

from compare.concepts.pages import jax_guide, jax_reference, torch_mechanics, torch_reference
from compare.conventions.convention import Convention, jax_issue, torch_issue
from compare.ops.exact import each
from compare.points import Point

__all__ = ["ENTRIES"]

NAN = float("nan")
_TORCH_RULE = "The gradient of a real loss is dL/dx + i dL/dy: it points where the loss grows."
_JAX_RULE = "grad returns dL/dx - i dL/dy, what the chain rule multiplies."
_PAGES = (
    torch_mechanics("Autograd for Complex Numbers", "autograd-for-complex-numbers"),
    jax_guide(
        "Autodiff cookbook: Relation to Wirtinger derivatives", "301/cookbook.html#relation-to-wirtinger-derivatives"
    ),
)
_AS_TORCH = "held = lax.stop_gradient(x)\nz = held + jnp.conj(x - held)\n"
"""The same number, whose derivative is the conjugate."""
_AS_JAX = "held = x.detach()\nz = held + torch.conj(x - held)\n"

ENTRIES: tuple[Convention, ...] = (
    Convention(
        id="squared-modulus",
        title="The gradient of a squared modulus is the number's double in PyTorch, and the conjugate of that in JAX.",
        point=Point("torch.abs(x) ** 2", "jnp.abs(x) ** 2", {"x": [1.0 + 2.0j]}),
        aspect="reverse",
        verdict="convention",
        torch=[2.0 + 4.0j],
        jax=[2.0 - 4.0j],
        reason="Both describe one derivative. PyTorch's form can be subtracted from a parameter; a step against JAX's "
        "goes the wrong way along the imaginary axis.",
        torch_rule=_TORCH_RULE,
        jax_rule=_JAX_RULE,
        links=(jax_issue(9110), jax_issue(4891), torch_issue(41857), *_PAGES),
        as_torch=_AS_TORCH + "jnp.abs(z) ** 2",
        as_jax=_AS_JAX + "torch.abs(z) ** 2",
        ordinary=({"x": [3.0 - 1.0j]},),
    ),
    Convention(
        id="real-part-of-a-square",
        title="The gradient of a holomorphic function's real part is the conjugate derivative in PyTorch.",
        point=Point("torch.real(x * x)", "jnp.real(x * x)", {"x": [1.0 + 2.0j]}),
        aspect="reverse",
        verdict="convention",
        torch=[2.0 - 4.0j],
        jax=[2.0 + 4.0j],
        reason="The complex derivative is `2 * x`, which is JAX's answer; the real part grows along its conjugate.",
        torch_rule=_TORCH_RULE,
        jax_rule=_JAX_RULE,
        links=(jax_issue(9110), torch_issue(41857), *_PAGES),
        as_torch=_AS_TORCH + "jnp.real(z * z)",
        as_jax=_AS_JAX + "torch.real(z * z)",
        ordinary=({"x": [3.0 - 1.0j]},),
    ),
    Convention(
        id="imaginary-part",
        title="The gradient of the imaginary part is i in PyTorch, and -i in JAX.",
        point=Point("torch.imag(x)", "jnp.imag(x)", {"x": [1.0 + 2.0j]}),
        aspect="reverse",
        verdict="convention",
        torch=[1.0j],
        jax=[-1.0j],
        reason="Both describe one derivative.",
        torch_rule=_TORCH_RULE,
        jax_rule=_JAX_RULE,
        links=(jax_issue(15872), *_PAGES),
        as_torch=_AS_TORCH + "jnp.imag(z)",
        as_jax=_AS_JAX + "torch.imag(z)",
        ordinary=({"x": [3.0 - 1.0j]},),
    ),
    Convention(
        id="angle-of-complex-zero",
        title="The angle of a complex zero has the gradient zero in PyTorch, and nan in JAX.",
        point=Point("torch.angle(x)", "jnp.angle(x)", {"x": [0.0j]}),
        aspect="reverse",
        verdict="convention",
        torch=[0.0j],
        jax=[complex(NAN, NAN)],
        reason="Zero has no angle, and there is no right answer.",
        links=(torch_reference("torch.angle"), jax_reference("jax.numpy.angle"), jax_issue(1052)),
        as_torch=_AS_TORCH + "jnp.where(z == 0, 0.0, jnp.angle(jnp.where(z == 0, 1.0, z)))",
        as_jax=_AS_JAX + "torch.angle(z) + 0 * torch.sqrt(torch.real(z) ** 2 + torch.imag(z) ** 2)",
        ordinary=({"x": [3.0 - 1.0j]},),
    ),
    Convention(
        id="sign-of-a-complex-number",
        title="The sign of a complex number has the gradient zero in JAX, though it turns with the angle.",
        point=Point(
            "torch.real(torch.sgn(torch.complex(x, y)))",
            "jnp.real(jnp.sign(lax.complex(x, y)))",
            {"x": [3.0], "y": [4.0]},
            exact=each(lambda x, y: x / mpmath.hypot(x, y), 2),
        ),
        aspect="reverse",
        verdict="jax-wrong",
        torch=[[0.128], [-0.096]],
        jax=[[0.0], [0.0]],
        left=[[0.128], [-0.096]],
        reason="It is `z / abs(z)`. JAX has the rule of the real sign for it.",
        links=(torch_reference("torch.sgn"), jax_reference("jax.numpy.sign")),
        as_torch="z = lax.complex(x, y)\njnp.real(z / jnp.abs(z))",
        ordinary=({"x": [3.0], "y": [-1.0]},),
    ),
    Convention(
        id="arccosh-in-the-left-half-plane",
        title="In the left half-plane the derivative of arccosh has the wrong sign in JAX.",
        point=Point(
            "torch.real(torch.acosh(torch.complex(x, y)))",
            "jnp.real(jnp.arccosh(lax.complex(x, y)))",
            {"x": [-2.0], "y": [1.0]},
            exact=each(lambda x, y: mpmath.re(mpmath.acosh(mpmath.mpc(x, y))), 2),
        ),
        aspect="reverse",
        verdict="jax-wrong",
        torch=[[-0.4022479320953552], [0.24860289393928922]],
        jax=[[0.4022479320953552], [-0.24860289393928922]],
        left=[[-0.4022479320953552], [0.24860289393928922]],
        reason="JAX's value is on NumPy's branch since 2020; its derivative, one over the root of `x * x - 1`, is on "
        "the other one. PyTorch had the same mistake.",
        links=(jax_issue(5154), torch_issue(80763)),
    ),
    Convention(
        id="polar-with-a-negative-radius",
        title="At a negative radius the derivative of polar has the wrong sign in PyTorch.",
        point=Point(
            "torch.real(torch.polar(x, y))",
            "x * jnp.cos(y)",
            {"x": [-1.0], "y": [0.5]},
            exact=each(lambda x, y: x * mpmath.cos(y), 2),
            differentiated=("x",),
        ),
        aspect="reverse",
        verdict="torch-wrong",
        torch=[-0.8775825618903728],
        jax=[0.8775825618903728],
        left=[0.8775825618903728],
        reason="It is the radius times the cosine of the angle. The backward divides the result by its modulus, which "
        "forgets the sign of the radius.",
        links=(torch_reference("torch.polar"),),
    ),
    # ---- what agrees ----
    Convention(
        id="modulus-of-complex-zero",
        title="The modulus of a complex zero has the gradient zero in both.",
        point=Point("torch.abs(x)", "jnp.abs(x)", {"x": [0.0j]}),
        aspect="reverse",
        verdict="agrees",
        torch=[0.0j],
        jax=[0.0j],
        reason="For a real zero JAX says 1.",
        links=(jax_issue(10515),),
    ),
    Convention(
        id="complex-square-at-zero",
        title="The square of a complex zero is flat in both.",
        point=Point("torch.real(x ** 2)", "jnp.real(x ** 2)", {"x": [0.0j]}),
        aspect="reverse",
        verdict="agrees",
        torch=[0.0j],
        jax=[0.0j],
        reason="An integer power takes no logarithm.",
    ),
    Convention(
        id="modulus-between-real-numbers",
        title="Complex numbers between real ones leave the gradient alone in both.",
        point=Point("torch.abs(torch.complex(x, x * x))", "jnp.abs(lax.complex(x, x * x))", {"x": [3.0]}),
        aspect="reverse",
        verdict="agrees",
        torch=[6.0083275543199205],
        jax=[6.0083275543199205],
        reason="The conjugate of a real number is that number, so the two conventions meet.",
    ),
)

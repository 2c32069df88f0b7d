"""Norms, distances and deviations where they are zero."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from compare.concepts.pages import GRADIENTS_AT_KINKS, jax_reference, torch_reference
from compare.conventions.convention import Convention, jax_issue, jax_pull, of, torch_issue
from compare.points import Point

__all__ = ["ENTRIES"]

INFINITY = float("inf")
NAN = float("nan")
ZERO_MATRIX = [[0.0, 0.0], [0.0, 0.0]]


def _norm(order: float) -> Any:
    """The exact norm of all elements."""

    def exact(x: Any) -> Any:
        if order == INFINITY:
            return np.asarray(max(abs(one) for one in x.flat), dtype=object)
        return np.asarray(sum(abs(one) ** order for one in x.flat) ** (1 / mpmath.mpf(order)), dtype=object)

    return exact


def _spectral(x: Any) -> Any:
    """The largest singular value of a matrix of two rows and columns, in closed form."""
    (a, b), (c, d) = x
    return np.asarray((mpmath.hypot(a + d, b - c) + mpmath.hypot(a - d, b + c)) / 2, dtype=object)


def _nuclear(x: Any) -> Any:
    squares, determinant = sum(one * one for one in x.flat), x[0, 0] * x[1, 1] - x[0, 1] * x[1, 0]
    return np.asarray(mpmath.sqrt(squares + 2 * abs(determinant)), dtype=object)


def _normalized(x: Any) -> Any:
    return x / max(mpmath.sqrt(sum(one * one for one in x)), mpmath.mpf("1e-12"))


def _cosine(x: Any, y: Any) -> Any:
    lengths = [max(mpmath.sqrt(sum(one * one for one in vector)), mpmath.mpf("1e-8")) for vector in (x, y)]
    return np.asarray(sum(x * y) / (lengths[0] * lengths[1]), dtype=object)


ENTRIES: tuple[Convention, ...] = (
    Convention(
        id="norm-of-zero",
        title="The gradient of the 2-norm at the zero vector is zero in PyTorch, and nan in JAX.",
        point=Point("torch.linalg.vector_norm(x)", "jnp.linalg.norm(x)", {"x": [0.0, 0.0]}, exact=_norm(2)),
        aspect="reverse",
        verdict="jax-wrong",
        torch=[0.0, 0.0],
        jax=[NAN, NAN],
        left=[-1.0, -1.0],
        right=[1.0, 1.0],
        reason="Every vector of length at most 1 is a subgradient, and nan is none. JAX differentiates a root of a "
        "sum: infinity times zero. Its maintainers hold nan to be the answer where there is no derivative; a change "
        "to zero is open.",
        torch_rule="Of a convex function's subgradients take the one of the smallest norm.",
        jax_rule="The gradient of the norm is not defined at zero, so it is nan.",
        links=(torch_issue(2421), jax_issue(3058), jax_issue(21723), jax_pull(39792), GRADIENTS_AT_KINKS),
        as_torch="some = jnp.any(x != 0)\njnp.where(some, jnp.linalg.norm(jnp.where(some, x, 1.0)), 0.0)",
        as_jax="torch.sqrt(torch.sum(x * x))",
        ordinary=({"x": [3.0, -4.0]},),
    ),
    Convention(
        id="frobenius-norm-of-zero",
        title="The gradient of the Frobenius norm at the zero matrix is zero in PyTorch, and nan in JAX.",
        point=Point("torch.linalg.matrix_norm(x)", "jnp.linalg.norm(x)", {"x": ZERO_MATRIX}, exact=_norm(2)),
        aspect="reverse",
        verdict="jax-wrong",
        torch=ZERO_MATRIX,
        jax=[[NAN, NAN], [NAN, NAN]],
        left=[[-1.0, -1.0], [-1.0, -1.0]],
        right=[[1.0, 1.0], [1.0, 1.0]],
        reason="It is the 2-norm of the elements.",
        links=(jax_issue(3058), jax_pull(39792)),
        as_torch="some = jnp.any(x != 0)\njnp.where(some, jnp.linalg.norm(jnp.where(some, x, 1.0)), 0.0)",
        as_jax="torch.sqrt(torch.sum(x * x))",
        ordinary=({"x": [[3.0, -4.0], [1.0, 2.0]]},),
    ),
    Convention(
        id="one-norm-of-zero",
        title="The gradient of the 1-norm at the zero vector is 0 in PyTorch, and 1 in JAX.",
        point=Point("torch.linalg.vector_norm(x, 1)", "jnp.linalg.norm(x, 1)", {"x": [0.0, 0.0]}, exact=_norm(1)),
        aspect="reverse",
        verdict="convention",
        torch=[0.0, 0.0],
        jax=[1.0, 1.0],
        left=[-1.0, -1.0],
        right=[1.0, 1.0],
        reason="It is a sum of abs, and each framework has the slope of its own abs.",
        links=(GRADIENTS_AT_KINKS, jax_issue(37820)),
        as_torch="jnp.sum(jnp.where(x == 0, 0.0, jnp.abs(x)))",
        as_jax="torch.sum(torch.where(x >= 0, x, -x))",
        ordinary=({"x": [3.0, -4.0]},),
    ),
    Convention(
        id="three-norm-of-zero",
        title="The gradient of the 3-norm at the zero vector is zero in PyTorch, and nan in JAX.",
        point=Point("torch.linalg.vector_norm(x, 3)", "jnp.linalg.norm(x, 3)", {"x": [0.0, 0.0]}, exact=_norm(3)),
        aspect="reverse",
        verdict="jax-wrong",
        torch=[0.0, 0.0],
        jax=[NAN, NAN],
        left=[-1.0, -1.0],
        right=[1.0, 1.0],
        reason="A norm has subgradients at zero, and nan is none.",
        links=(jax_issue(3058), jax_pull(39792)),
        as_torch="some = jnp.any(x != 0)\njnp.where(some, jnp.linalg.norm(jnp.where(some, x, 1.0), 3), 0.0)",
        as_jax="torch.sum(torch.abs(x) ** 3) ** (1 / 3)",
        ordinary=({"x": [3.0, -4.0]},),
    ),
    Convention(
        id="half-norm-with-a-zero",
        title="At a zero element the norm of order one half has the slope 0 in PyTorch, and infinity in JAX.",
        point=Point("torch.linalg.vector_norm(x, 0.5)", "jnp.linalg.norm(x, 0.5)", {"x": [0.0, 1.0]}, exact=_norm(0.5)),
        aspect="reverse",
        verdict="convention",
        torch=[0.0, 1.0],
        jax=[INFINITY, 1.0],
        left=[-INFINITY, 1.0],
        right=[INFINITY, 1.0],
        reason="The slope is minus infinity on the left and infinity on the right. PyTorch masks zero elements.",
        links=(torch_reference("torch.linalg.vector_norm"), jax_reference("jax.numpy.linalg.norm")),
        as_torch="jnp.sum(jnp.where(x == 0, 0.0, jnp.sqrt(jnp.abs(jnp.where(x == 0, 1.0, x))))) ** 2",
        as_jax="torch.sum(torch.where(x >= 0, x, -x) ** 0.5) ** 2",
        ordinary=({"x": [3.0, -4.0]},),
    ),
    Convention(
        id="infinity-norm-of-zero",
        title="The gradient of the infinity norm at the zero vector is 0 in PyTorch, and a quarter in JAX.",
        point=Point(
            "torch.linalg.vector_norm(x, torch.inf)",
            "jnp.linalg.norm(x, jnp.inf)",
            {"x": [0.0, 0.0]},
            exact=_norm(INFINITY),
        ),
        aspect="reverse",
        verdict="convention",
        torch=[0.0, 0.0],
        jax=[0.25, 0.25],
        left=[-1.0, -1.0],
        right=[1.0, 1.0],
        reason="PyTorch multiplies by the sign, which is 0. JAX's maximum starts from zero, which is one more tie: one "
        "half is lost to it, and the rest is shared.",
        links=(torch_reference("torch.linalg.vector_norm"), jax_reference("jax.numpy.linalg.norm")),
        as_torch="some = jnp.any(x != 0)\njnp.where(some, jnp.max(jnp.abs(jnp.where(some, x, 1.0))), 0.0)",
        as_jax="torch.maximum(torch.amax(torch.where(x >= 0, x, -x), dim=0), torch.zeros_like(x[0]))",
        ordinary=({"x": [3.0, -4.0]},),
    ),
    Convention(
        id="spectral-norm-of-zero",
        title="The gradient of the spectral norm at the zero matrix is twice as large in PyTorch as in JAX.",
        point=Point("torch.linalg.matrix_norm(x, 2)", "jnp.linalg.norm(x, 2)", {"x": ZERO_MATRIX}, exact=_spectral),
        aspect="reverse",
        verdict="convention",
        torch=[[0.5, 0.0], [0.0, 0.5]],
        jax=[[0.25, 0.0], [0.0, 0.25]],
        left=[[-1.0, -1.0], [-1.0, -1.0]],
        right=[[1.0, 1.0], [1.0, 1.0]],
        reason="The two singular values tie and share. JAX's maximum starts from zero, which takes one half.",
        links=(torch_reference("torch.linalg.matrix_norm"), jax_reference("jax.numpy.linalg.norm")),
        as_torch="jnp.max(jnp.linalg.svd(x, compute_uv=False))",
        as_jax="torch.maximum(torch.linalg.matrix_norm(x, 2), torch.zeros_like(x[0, 0]))",
        ordinary=({"x": [[3.0, -4.0], [1.0, 2.0]]},),
    ),
    Convention(
        id="std-of-constants",
        title="The gradient of the standard deviation of equal numbers is zero in PyTorch, and nan in JAX.",
        point=Point("torch.std(x)", "jnp.std(x, ddof=1)", {"x": [3.0, 3.0, 3.0]}, exact=of("std", correction=1)),
        aspect="reverse",
        verdict="jax-wrong",
        torch=[0.0, 0.0, 0.0],
        jax=[NAN, NAN, NAN],
        left=[-0.5773502691896257, -0.5773502691896257, -0.5773502691896257],
        right=[0.5773502691896257, 0.5773502691896257, 0.5773502691896257],
        reason="It is a norm of what is left beside the mean, and has subgradients; nan is none.",
        torch_rule="Decided with the norm: zero, for consistency.",
        links=(torch_issue(4320), jax_issue(11716)),
        as_torch="v = jnp.var(x, ddof=1)\njnp.where(v > 0, jnp.sqrt(jnp.where(v > 0, v, 1.0)), 0.0)",
        as_jax="torch.sqrt(torch.var(x))",
        ordinary=({"x": [1.0, 2.0, 4.0]},),
    ),
    Convention(
        id="l1-loss-of-equals",
        title="The gradient of an absolute loss of equal numbers is 0 in PyTorch, and 1 as written in JAX.",
        point=Point(
            "torch.nn.functional.l1_loss(x, y)",
            "jnp.mean(jnp.abs(x - y))",
            {"x": [1.0], "y": [1.0]},
            exact=lambda x, y: np.asarray(abs(x[0] - y[0])),
        ),
        aspect="reverse",
        verdict="convention",
        torch=[[0.0], [0.0]],
        jax=[[1.0], [-1.0]],
        left=[[-1.0], [-1.0]],
        right=[[1.0], [1.0]],
        reason="It is abs of a difference, and each framework has the slope of its own abs.",
        links=(jax_issue(37820), torch_reference("torch.nn.functional.l1_loss")),
        as_torch="jnp.mean(jnp.where(x == y, 0.0, jnp.abs(x - y)))",
        as_jax="torch.mean(torch.where(x >= y, x - y, y - x))",
        ordinary=({"x": [3.0], "y": [1.0]},),
    ),
    Convention(
        id="distance-of-equal-points",
        title="The gradient of the distance of equal points is zero in PyTorch, and nan as written in JAX.",
        point=Point(
            "torch.cdist(x, y)",
            "jnp.sqrt(jnp.sum((x[:, None] - y) ** 2, axis=-1))",
            {"x": [[1.0, 2.0]], "y": [[1.0, 2.0]]},
            exact=lambda x, y: np.asarray(mpmath.sqrt(sum((x[0] - y[0]) ** 2)), dtype=object).reshape(1, 1),
        ),
        aspect="reverse",
        verdict="jax-wrong",
        torch=[[[0.0, 0.0]], [[0.0, 0.0]]],
        jax=[[[NAN, NAN]], [[NAN, NAN]]],
        left=[[[-1.0, -1.0]], [[-1.0, -1.0]]],
        right=[[[1.0, 1.0]], [[1.0, 1.0]]],
        reason="It is the norm of a difference. Written out in PyTorch it is nan as well.",
        links=(torch_reference("torch.cdist"), jax_issue(3058)),
        as_torch="s = jnp.sum((x[:, None] - y) ** 2, axis=-1)\n"
        "jnp.where(s > 0, jnp.sqrt(jnp.where(s > 0, s, 1.0)), 0.0)",
        as_jax="torch.sqrt(torch.sum((x[:, None] - y) ** 2, dim=-1))",
        ordinary=({"x": [[1.0, 2.0]], "y": [[4.0, -2.0]]},),
    ),
    Convention(
        id="cosine-similarity-of-zero",
        title="The cosine similarity of the zero vector is 0 in PyTorch, and nan as written in JAX.",
        point=Point(
            "torch.nn.functional.cosine_similarity(x, y, dim=0)",
            "jnp.dot(x, y) / (jnp.linalg.norm(x) * jnp.linalg.norm(y))",
            {"x": [0.0, 0.0], "y": [3.0, 4.0]},
            exact=_cosine,
        ),
        aspect="reverse",
        verdict="default-differs",
        torch=[[6e7, 8e7], [0.0, 0.0]],
        jax=[[NAN, NAN], [NAN, NAN]],
        left=[[6e7, 8e7], [0.0, 0.0]],
        reason="PyTorch lets no length be below 1e-8, so that the function is another one near zero, and very steep.",
        torch_rule="The argument eps, 1e-8 by default, bounds each length from below.",
        links=(torch_reference("torch.nn.functional.cosine_similarity"),),
        as_torch="jnp.dot(x, y) * lax.rsqrt(jnp.maximum(jnp.sum(x * x), 1e-16)) * lax.rsqrt(jnp.sum(y * y))",
        as_jax="torch.dot(x, y) / (torch.sqrt(torch.sum(x * x)) * torch.sqrt(torch.sum(y * y)))",
        ordinary=({"x": [3.0, -4.0], "y": [1.0, 2.0]},),
    ),
    Convention(
        id="normalize-zero",
        title="normalize has the slope 1e12 at the zero vector in PyTorch, and nan as written in JAX.",
        point=Point(
            "torch.nn.functional.normalize(x, dim=0)",
            "x / jnp.maximum(jnp.linalg.norm(x), 1e-12)",
            {"x": [0.0, 0.0]},
            exact=_normalized,
        ),
        aspect="reverse",
        verdict="jax-wrong",
        torch=[1e12, 1e12],
        jax=[NAN, NAN],
        left=[1e12, 1e12],
        reason="The length is bounded from below in both, so that the function is `1e12 * x` near zero, and smooth. "
        "The nan of the norm goes through the bound, zero times nan.",
        links=(torch_reference("torch.nn.functional.normalize"), jax_issue(3058), jax_issue(21723)),
        as_torch="x * lax.rsqrt(jnp.maximum(jnp.sum(x * x), 1e-24))",
        ordinary=({"x": [3.0, -4.0]},),
    ),
    # ---- what agrees ----
    Convention(
        id="infinity-norm-of-ties",
        title="The infinity norm shares among elements of the same size in both.",
        point=Point(
            "torch.linalg.vector_norm(x, torch.inf)",
            "jnp.linalg.norm(x, jnp.inf)",
            {"x": [2.0, -2.0]},
            exact=_norm(INFINITY),
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[0.5, -0.5],
        jax=[0.5, -0.5],
        left=[0.0, -1.0],
        right=[1.0, 0.0],
        reason="Both are a maximum over abs, and share.",
    ),
    Convention(
        id="three-norm-with-a-zero",
        title="At a zero element of a vector that is not zero the 3-norm has the slope 0 in both.",
        point=Point("torch.linalg.vector_norm(x, 3)", "jnp.linalg.norm(x, 3)", {"x": [0.0, 1.0]}, exact=_norm(3)),
        aspect="reverse",
        verdict="agrees",
        torch=[0.0, 1.0],
        jax=[0.0, 1.0],
        left=[0.0, 1.0],
        reason="It is smooth there.",
    ),
    Convention(
        id="var-of-constants",
        title="The gradient of the variance of equal numbers is zero in both.",
        point=Point("torch.var(x)", "jnp.var(x, ddof=1)", {"x": [3.0, 3.0, 3.0]}, exact=of("var", correction=1)),
        aspect="reverse",
        verdict="agrees",
        torch=[0.0, 0.0, 0.0],
        jax=[0.0, 0.0, 0.0],
        left=[0.0, 0.0, 0.0],
        reason="It is a polynomial; only the root of it has a kink.",
    ),
    Convention(
        id="std-of-one-number",
        title="The corrected standard deviation of one number is nan, and so is its gradient, in both.",
        point=Point("torch.std(x)", "jnp.std(x, ddof=1)", {"x": [3.0]}),
        aspect="reverse",
        verdict="agrees",
        torch=[NAN],
        jax=[NAN],
        reason="Zero is divided by zero.",
        links=(jax_pull(21362),),
    ),
    Convention(
        id="spectral-norm-of-equal-singular-values",
        title="Equal singular values share the gradient of the spectral norm in both.",
        point=Point(
            "torch.linalg.matrix_norm(x, 2)",
            "jnp.linalg.norm(x, 2)",
            {"x": [[1.0, 0.0], [0.0, 1.0]]},
            exact=_spectral,
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[0.5, 0.0], [0.0, 0.5]],
        jax=[[0.5, 0.0], [0.0, 0.5]],
        left=[[0.0, -0.5], [-0.5, 0.0]],
        right=[[1.0, 0.5], [0.5, 1.0]],
        reason="Both are a maximum over singular values, and share.",
    ),
    Convention(
        id="nuclear-norm-of-zero",
        title="The gradient of the nuclear norm at the zero matrix is the identity in both.",
        point=Point(
            "torch.linalg.matrix_norm(x, 'nuc')", "jnp.linalg.norm(x, 'nuc')", {"x": ZERO_MATRIX}, exact=_nuclear
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[1.0, 0.0], [0.0, 1.0]],
        jax=[[1.0, 0.0], [0.0, 1.0]],
        left=[[-1.0, -1.0], [-1.0, -1.0]],
        right=[[1.0, 1.0], [1.0, 1.0]],
        reason="Both take the singular vectors that the decomposition of zero happens to have, which is a subgradient.",
    ),
    Convention(
        id="squared-loss-of-equals",
        title="The gradient of a squared loss of equal numbers is zero in both.",
        point=Point(
            "torch.nn.functional.mse_loss(x, y)",
            "jnp.mean((x - y) ** 2)",
            {"x": [1.0], "y": [1.0]},
            exact=lambda x, y: np.asarray((x[0] - y[0]) ** 2),
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[0.0], [0.0]],
        jax=[[0.0], [0.0]],
        left=[[0.0], [0.0]],
        reason="No root is taken.",
    ),
    Convention(
        id="standardized-constants",
        title="Equal numbers are standardized to zero, with a finite gradient, in both.",
        point=Point(
            "torch.nn.functional.layer_norm(x, (3,))",
            "jax.nn.standardize(x)",
            {"x": [1.0, 1.0, 1.0]},
            exact=lambda x: (x - sum(x) / 3) / mpmath.sqrt(sum((x - sum(x) / 3) ** 2) / 3 + mpmath.mpf("1e-5")),
            cotangent=[1.0, 0.0, 0.0],
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[210.81851067789195, -105.40925533894598, -105.40925533894598],
        jax=[210.81851067789195, -105.40925533894598, -105.40925533894598],
        left=[210.81851067789195, -105.40925533894598, -105.40925533894598],
        reason="Both add 1e-5 to the variance before the root.",
        links=(jax_issue(30426),),
    ),
)

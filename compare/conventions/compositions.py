"""Smooth functions with a kink on the way: neither framework's conventions are the right ones for all of them."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from compare.concepts.pages import GRADIENTS_AT_KINKS
from compare.conventions.convention import Convention, jax_issue, of, torch_issue
from compare.ops.exact import each
from compare.points import Point

__all__ = ["ENTRIES"]

NAN = float("nan")


def _squares(x: Any) -> Any:
    return np.asarray(sum(one * one for one in x.flat), dtype=object)


ENTRIES: tuple[Convention, ...] = (
    Convention(
        id="squared-norm-of-zero",
        title="The square of a norm has the gradient nan at zero in JAX, where it is smooth.",
        point=Point("torch.linalg.vector_norm(x) ** 2", "jnp.linalg.norm(x) ** 2", {"x": [0.0, 0.0]}, exact=_squares),
        aspect="reverse",
        verdict="jax-wrong",
        torch=[0.0, 0.0],
        jax=[NAN, NAN],
        left=[0.0, 0.0],
        reason="It is a sum of squares. Zero times the nan of the norm is nan.",
        links=(jax_issue(21723), jax_issue(4177), torch_issue(2421)),
        as_torch="jnp.sum(x * x)",
        ordinary=({"x": [3.0, -4.0]},),
    ),
    Convention(
        id="squared-norm-second-derivative",
        title="The square of a norm has the second derivative nan at zero in both.",
        point=Point("torch.linalg.vector_norm(x) ** 2", "jnp.linalg.norm(x) ** 2", {"x": [0.0]}, exact=_squares),
        aspect="second",
        verdict="both-wrong",
        torch=[NAN],
        jax=[NAN],
        left=[2.0],
        reason="PyTorch masks the first derivative of the norm, and the derivative of what is masked is nan.",
        links=(torch_issue(2421), jax_issue(4177)),
    ),
    Convention(
        id="squared-abs-second-derivative",
        title="The square of abs has the second derivative 0 at zero in PyTorch, where it is 2.",
        point=Point("torch.abs(x) ** 2", "jnp.abs(x) ** 2", {"x": [0.0]}, exact=of("square")),
        aspect="second",
        verdict="torch-wrong",
        torch=[0.0],
        jax=[2.0],
        left=[2.0],
        reason="It is a square. The slope that PyTorch gives abs at zero, 0, is squared on the way; JAX's is 1.",
        links=(GRADIENTS_AT_KINKS, jax_issue(37820)),
        as_jax="x ** 2",
        ordinary=({"x": [-1.5]},),
    ),
    Convention(
        id="log-cosh-second-derivative",
        title="A stable log cosh has the second derivative 0 at zero in PyTorch, where it is 1.",
        point=Point(
            "torch.abs(x) + torch.nn.functional.softplus(-2 * torch.abs(x))",
            "jnp.abs(x) + jax.nn.softplus(-2 * jnp.abs(x))",
            {"x": [0.0]},
            exact=each(lambda x: mpmath.log(2 * mpmath.cosh(x))),
        ),
        aspect="second",
        verdict="torch-wrong",
        torch=[0.0],
        jax=[1.0],
        left=[1.0],
        reason="The kinks of the two summands cancel. Only a slope of 1 or -1 for abs leaves the curvature.",
        links=(GRADIENTS_AT_KINKS, jax_issue(37820)),
        as_jax="torch.logaddexp(x, -x)",
        ordinary=({"x": [-1.5]},),
    ),
    Convention(
        id="squared-rectifier-second-derivative",
        title="The square of a rectifier has the second derivative 2 at zero by clamp, and 1/2 by maximum.",
        point=Point(
            "torch.clamp(x, min=0.0) ** 2",
            "jnp.maximum(x, 0.0) ** 2",
            {"x": [0.0]},
            exact=each(lambda x: x * x if x > 0 else mpmath.mpf(0)),
        ),
        aspect="second",
        verdict="convention",
        torch=[2.0],
        jax=[0.5],
        left=[0.0],
        right=[2.0],
        reason="The slope of the rectifier at zero is squared: 1 by clamp, one half by maximum, 0 by relu.",
        links=(torch_issue(7002), jax_issue(37821)),
        as_torch="jnp.where(x >= 0, x, 0.0) ** 2",
        as_jax="torch.maximum(x, torch.zeros_like(x)) ** 2",
        ordinary=({"x": [-1.5]}, {"x": [0.5]}),
    ),
    # ---- what agrees ----
    Convention(
        id="squared-relu-second-derivative",
        title="The square of relu has the second derivative 0 at zero in both.",
        point=Point(
            "torch.relu(x) ** 2",
            "jax.nn.relu(x) ** 2",
            {"x": [0.0]},
            exact=each(lambda x: x * x if x > 0 else mpmath.mpf(0)),
        ),
        aspect="second",
        verdict="agrees",
        torch=[0.0],
        jax=[0.0],
        left=[0.0],
        right=[2.0],
        reason="Both have the slope 0 for relu at zero.",
    ),
    Convention(
        id="square-of-abs",
        title="The square of abs is flat at zero in both.",
        point=Point("torch.abs(x) ** 2", "jnp.abs(x) ** 2", {"x": [0.0]}, exact=of("square")),
        aspect="reverse",
        verdict="agrees",
        torch=[0.0],
        jax=[0.0],
        left=[0.0],
        reason="Whatever slope abs has is multiplied by zero.",
    ),
    Convention(
        id="masked-twice",
        title="A logarithm whose argument is masked as well has the slope 0 in both.",
        point=Point(
            "torch.where(x > 0, torch.log(torch.where(x > 0, x, 1.0)), 0.0)",
            "jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1.0)), 0.0)",
            {"x": [0.0]},
            exact=each(lambda x: mpmath.log(x) if x > 0 else mpmath.mpf(0)),
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[0.0],
        jax=[0.0],
        left=[0.0],
        right=[-float("inf")],
        reason="What is differentiated beside the branch that is taken is finite. This is the remedy in both.",
        links=(jax_issue(347), torch_issue(156212)),
    ),
    Convention(
        id="softplus-far-out",
        title="softplus has the slope 1 at 800 in both.",
        point=Point("torch.nn.functional.softplus(x)", "jax.nn.softplus(x)", {"x": [800.0]}, exact=of("softplus")),
        aspect="reverse",
        verdict="agrees",
        torch=[1.0],
        jax=[1.0],
        left=[1.0],
        reason="Neither takes the exponential of 800.",
    ),
)

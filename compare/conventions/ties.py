"""Ties: where several elements are the largest, and where a sort has to put equals into an order."""

from __future__ import annotations

from typing import Any

import numpy as np

from compare.concepts.pages import jax_reference, torch_reference
from compare.conventions.convention import Convention, torch_issue, torch_pull
from compare.points import Point

__all__ = ["ENTRIES"]

NAN, INFINITY = float("nan"), float("inf")


def _picked(pick: Any) -> Any:
    """An exact function of the sorted elements."""
    return lambda x: np.asarray(pick(sorted(x.ravel())), dtype=object)


def _running(pick: Any) -> Any:
    return lambda x: np.array([pick(x[: end + 1]) for end in range(len(x))], dtype=object)


_largest, _smallest = _picked(lambda x: x[-1]), _picked(lambda x: x[0])
_descending = _picked(lambda x: x[::-1])
_ascending = _picked(lambda x: x)

ENTRIES: tuple[Convention, ...] = (
    Convention(
        id="max-along-an-axis",
        title="Along an axis PyTorch's max gives all of the gradient to one of the ties, and JAX shares it.",
        point=Point("torch.max(x, dim=0).values", "jnp.max(x, axis=0)", {"x": [2.0, 2.0, 1.0]}, exact=_largest),
        aspect="reverse",
        verdict="convention",
        torch=[1.0, 0.0, 0.0],
        jax=[0.5, 0.5, 0.0],
        left=[0.0, 0.0, 0.0],
        right=[1.0, 1.0, 0.0],
        reason="Any division among the ties is a subgradient. With an axis PyTorch returns an index as well, and the "
        "gradient goes there; without one, and as amax, it shares.",
        torch_rule="amax shares equally among equal elements, and max with a dimension goes to a single index.",
        jax_rule="The gradient is divided by the number of elements that equal the result.",
        links=(torch_issue(155048), torch_pull(155071), torch_issue(56734), torch_reference("torch.amax")),
        as_torch="x[jnp.argmax(x)]",
        as_jax="torch.amax(x, dim=0)",
        ordinary=({"x": [1.0, 3.0, 2.0]},),
    ),
    Convention(
        id="min-along-an-axis",
        title="Along an axis PyTorch's min gives all of the gradient to one of the ties, and JAX shares it.",
        point=Point("torch.min(x, dim=0).values", "jnp.min(x, axis=0)", {"x": [1.0, 1.0, 2.0]}, exact=_smallest),
        aspect="reverse",
        verdict="convention",
        torch=[1.0, 0.0, 0.0],
        jax=[0.5, 0.5, 0.0],
        left=[1.0, 1.0, 0.0],
        right=[0.0, 0.0, 0.0],
        reason="Any division among the ties is a subgradient; amin shares in PyTorch, too.",
        links=(torch_issue(155048), torch_reference("torch.amin")),
        as_torch="x[jnp.argmin(x)]",
        as_jax="torch.amin(x, dim=0)",
        ordinary=({"x": [1.0, 3.0, 2.0]},),
    ),
    Convention(
        id="max-of-nan",
        title="Where max meets nan, PyTorch passes the gradient to the nan, and JAX to nothing.",
        point=Point("torch.max(x)", "jnp.max(x)", {"x": [2.0, NAN, 1.0]}),
        aspect="reverse",
        verdict="convention",
        torch=[0.0, 1.0, 0.0],
        jax=[0.0, 0.0, 0.0],
        reason="The result is nan. PyTorch looks for nan where the result is nan; in JAX no element equals the result.",
        links=(torch_reference("torch.max"), jax_reference("jax.numpy.max")),
        as_torch="x[jnp.argmax(x)]",
        as_jax="torch.where(torch.isnan(x).any(), torch.max(x).detach(), torch.max(x))",
        ordinary=({"x": [1.0, 3.0, 2.0]},),
    ),
    Convention(
        id="amax-of-nan",
        title="Where amax meets nan, the gradient is nan everywhere in PyTorch, and zero everywhere in JAX.",
        point=Point("torch.amax(x, dim=0)", "jnp.max(x)", {"x": [2.0, NAN, 1.0]}),
        aspect="reverse",
        verdict="convention",
        torch=[NAN, NAN, NAN],
        jax=[0.0, 0.0, 0.0],
        reason="No element equals nan, so that amax divides zero by a count of zero. torch.max looks for nan first.",
        links=(torch_reference("torch.amax"), jax_reference("jax.numpy.max")),
        as_torch="jnp.max(x) + jnp.sum(x * jnp.where(jnp.isnan(x).any(), jnp.nan, 0.0))",
        as_jax="torch.where(torch.isnan(x).any(), torch.max(x).detach(), torch.max(x))",
        ordinary=({"x": [1.0, 3.0, 2.0]},),
    ),
    Convention(
        id="median-of-ties",
        title="torch.median shares among all that equal the median, and jnp.median gives it to one of them.",
        point=Point("torch.median(x)", "jnp.median(x)", {"x": [1.0, 2.0, 2.0]}, exact=_picked(lambda x: x[1])),
        aspect="reverse",
        verdict="convention",
        torch=[0.0, 0.5, 0.5],
        jax=[0.0, 1.0, 0.0],
        left=[0.0, 1.0, 1.0],
        right=[0.0, 0.0, 0.0],
        reason="Any division among the ties is a subgradient. With a dimension PyTorch, too, goes to one index.",
        links=(torch_reference("torch.median"), jax_reference("jax.numpy.median")),
        as_torch="m = lax.stop_gradient(jnp.median(x))\njnp.sum(jnp.where(x == m, x, 0.0)) / jnp.sum(x == m)",
        as_jax="torch.median(x, dim=0).values",
        ordinary=({"x": [1.0, 3.0, 2.0]},),
    ),
    Convention(
        id="cummax-of-ties",
        title="A running maximum belongs to the last of the ties in PyTorch, and is shared in JAX.",
        point=Point(
            "torch.cummax(x, dim=0).values",
            "lax.cummax(x)",
            {"x": [2.0, 2.0, 1.0]},
            exact=_running(max),
            cotangent=[1.0, 10.0, 100.0],
        ),
        aspect="reverse",
        verdict="convention",
        torch=[1.0, 110.0, 0.0],
        jax=[56.0, 55.0, 0.0],
        left=[1.0, 0.0, 0.0],
        right=[111.0, 110.0, 0.0],
        reason="PyTorch keeps an index that moves on while the next element is not smaller. Any division is a "
        "subgradient.",
        links=(torch_pull(26637), torch_pull(30881), torch_reference("torch.cummax")),
        as_torch="x[lax.cummax(jnp.where(x == lax.cummax(x), jnp.arange(3), 0))]",
        as_jax="torch.stack([torch.amax(x[:1], 0), torch.amax(x[:2], 0), torch.amax(x[:3], 0)])",
        ordinary=({"x": [1.0, 3.0, 2.0]},),
    ),
    Convention(
        id="cummin-of-ties",
        title="A running minimum belongs to the last of the ties in PyTorch, and is shared in JAX.",
        point=Point(
            "torch.cummin(x, dim=0).values",
            "lax.cummin(x)",
            {"x": [1.0, 1.0, 2.0]},
            exact=_running(min),
            cotangent=[1.0, 10.0, 100.0],
        ),
        aspect="reverse",
        verdict="convention",
        torch=[1.0, 110.0, 0.0],
        jax=[56.0, 55.0, 0.0],
        left=[111.0, 110.0, 0.0],
        right=[1.0, 0.0, 0.0],
        reason="PyTorch keeps an index that moves on while the next element is not larger.",
        links=(torch_pull(30881), torch_reference("torch.cummin")),
        as_torch="x[lax.cummax(jnp.where(x == lax.cummin(x), jnp.arange(3), 0))]",
        as_jax="torch.stack([torch.amin(x[:1], 0), torch.amin(x[:2], 0), torch.amin(x[:3], 0)])",
        ordinary=({"x": [1.0, 3.0, 2.0]},),
    ),
    Convention(
        id="descending-sort-of-ties",
        title="A descending stable sort keeps the order of equals in PyTorch, and turns it round in JAX.",
        point=Point(
            "torch.sort(x, descending=True, stable=True).values",
            "jnp.sort(x, descending=True)",
            {"x": [2.0, 2.0, 1.0]},
            exact=_descending,
            cotangent=[1.0, 10.0, 100.0],
        ),
        aspect="reverse",
        verdict="convention",
        torch=[1.0, 10.0, 100.0],
        jax=[10.0, 1.0, 100.0],
        left=[10.0, 10.0, 100.0],
        right=[1.0, 1.0, 100.0],
        reason="JAX sorts upwards and flips the result. Either order of equals is sorted.",
        links=(torch_reference("torch.sort"), jax_reference("jax.numpy.sort")),
        as_torch="-jnp.sort(-x)",
        as_jax="torch.flip(torch.sort(x, stable=True).values, (0,))",
        ordinary=({"x": [1.0, 3.0, 2.0]},),
    ),
    Convention(
        id="max-pool-of-minus-infinity",
        title="Where all of a window is minus infinity, JAX's pooling gives the gradient to the padding.",
        point=Point(
            "torch.nn.functional.max_pool1d(x, 2, 2, 1)",
            "lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2), (1, 1, 2), ((0, 0), (0, 0), (1, 1)))",
            {"x": [[[-INFINITY, 1.0]]]},
        ),
        aspect="reverse",
        verdict="convention",
        torch=[[[1.0, 1.0]]],
        jax=[[[0.0, 1.0]]],
        reason="The first of the ties gets the gradient in both. JAX counts the padding among them, which is minus "
        "infinity as well, so that the gradient is lost; PyTorch looks at the elements alone.",
        links=(torch_reference("torch.nn.functional.max_pool1d"), jax_reference("jax.lax.reduce_window")),
        as_torch="padded = jnp.pad(x, ((0, 0), (0, 0), (1, 1)), constant_values=-jnp.inf).reshape(1, 1, 2, 2)\n"
        "real = jnp.array([[False, True], [True, False]])\n"
        "at = jnp.argmax(real & (padded == jnp.max(padded, axis=-1, keepdims=True)), axis=-1)\n"
        "jnp.take_along_axis(padded, at[..., None], axis=-1)[..., 0]",
        as_jax="padded = torch.nn.functional.pad(x, (1, 1), value=-torch.inf).reshape(1, 1, 2, 2)\n"
        "torch.max(padded, dim=-1).values",
        ordinary=({"x": [[[3.0, 1.0]]]},),
    ),
    # ---- what agrees ----
    Convention(
        id="max-of-all",
        title="max over all elements shares among the ties in both.",
        point=Point("torch.max(x)", "jnp.max(x)", {"x": [2.0, 2.0, 1.0]}, exact=_largest),
        aspect="reverse",
        verdict="agrees",
        torch=[0.5, 0.5, 0.0],
        jax=[0.5, 0.5, 0.0],
        left=[0.0, 0.0, 0.0],
        right=[1.0, 1.0, 0.0],
        reason="Only with a dimension does PyTorch's max go to one index.",
        links=(torch_issue(56734),),
    ),
    Convention(
        id="min-of-all",
        title="min over all elements shares among the ties in both.",
        point=Point("torch.min(x)", "jnp.min(x)", {"x": [1.0, 1.0, 2.0]}, exact=_smallest),
        aspect="reverse",
        verdict="agrees",
        torch=[0.5, 0.5, 0.0],
        jax=[0.5, 0.5, 0.0],
        left=[1.0, 1.0, 0.0],
        right=[0.0, 0.0, 0.0],
        reason="Only with a dimension does PyTorch's min go to one index.",
    ),
    Convention(
        id="amax-of-ties",
        title="amax shares among the ties in both.",
        point=Point("torch.amax(x, dim=0)", "jnp.max(x, axis=0)", {"x": [2.0, 2.0, 1.0]}, exact=_largest),
        aspect="reverse",
        verdict="agrees",
        torch=[0.5, 0.5, 0.0],
        jax=[0.5, 0.5, 0.0],
        left=[0.0, 0.0, 0.0],
        right=[1.0, 1.0, 0.0],
        reason="amax returns no index, so it has nowhere else to go.",
        links=(torch_pull(43092), torch_reference("torch.amax")),
    ),
    Convention(
        id="range-of-equals",
        title="The range of equal elements has the gradient zero in both.",
        point=Point(
            "torch.max(x) - torch.min(x)", "jnp.ptp(x)", {"x": [2.0, 2.0]}, exact=lambda x: np.asarray(max(x) - min(x))
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[0.0, 0.0],
        jax=[0.0, 0.0],
        left=[-1.0, -1.0],
        right=[1.0, 1.0],
        reason="What the maximum shares, the minimum takes away.",
    ),
    Convention(
        id="ascending-sort-of-ties",
        title="An ascending stable sort keeps the order of equals in both.",
        point=Point(
            "torch.sort(x, stable=True).values",
            "jnp.sort(x)",
            {"x": [2.0, 2.0, 1.0]},
            exact=_ascending,
            cotangent=[1.0, 10.0, 100.0],
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[10.0, 100.0, 1.0],
        jax=[10.0, 100.0, 1.0],
        left=[10.0, 10.0, 1.0],
        right=[100.0, 100.0, 1.0],
        reason="That is what stable means.",
    ),
    Convention(
        id="sort-with-nan",
        title="nan is sorted to the end, and gets the gradient of its place, in both.",
        point=Point(
            "torch.sort(x, stable=True).values", "jnp.sort(x)", {"x": [2.0, NAN, 1.0]}, cotangent=[1.0, 10.0, 100.0]
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[10.0, 100.0, 1.0],
        jax=[10.0, 100.0, 1.0],
        reason="A sort moves elements, whatever they are.",
    ),
    Convention(
        id="top-k-of-ties",
        title="top_k takes the first of the ties in both.",
        point=Point(
            "torch.topk(x, 2).values",
            "lax.top_k(x, 2)[0]",
            {"x": [2.0, 2.0, 2.0]},
            exact=_picked(lambda x: x[:0:-1]),
            cotangent=[10.0, 1.0],
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[10.0, 1.0, 0.0],
        jax=[10.0, 1.0, 0.0],
        left=[0.0, 0.0, 0.0],
        right=[10.0, 10.0, 10.0],
        reason="JAX promises the lower index; PyTorch promises nothing, and does the same on the CPU.",
        links=(torch_reference("torch.topk"), jax_reference("jax.lax.top_k")),
    ),
    Convention(
        id="max-pool-of-ties",
        title="The first of the ties in a window gets the gradient of max pooling in both.",
        point=Point(
            "torch.nn.functional.max_pool1d(x, 2, 1)",
            "lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2), (1, 1, 1), 'VALID')",
            {"x": [[[2.0, 2.0, 2.0]]]},
            exact=lambda x: np.array([[[max(x[0, 0, :2]), max(x[0, 0, 1:])]]], dtype=object),
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[[1.0, 1.0, 0.0]]],
        jax=[[[1.0, 1.0, 0.0]]],
        left=[[[0.0, 0.0, 0.0]]],
        right=[[[1.0, 2.0, 1.0]]],
        reason="Both walk through the window and keep the first of the largest.",
    ),
    Convention(
        id="median-along-an-axis-of-ties",
        title="With a dimension, torch.median goes to one of the ties, as jnp.median does.",
        point=Point(
            "torch.median(x, dim=0).values", "jnp.median(x)", {"x": [1.0, 2.0, 2.0]}, exact=_picked(lambda x: x[1])
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[0.0, 1.0, 0.0],
        jax=[0.0, 1.0, 0.0],
        left=[0.0, 1.0, 1.0],
        right=[0.0, 0.0, 0.0],
        reason="Both pick a place in the sorted row.",
    ),
    Convention(
        id="quantile-of-ties",
        title="The quantile between two equal elements is shared by them in both.",
        point=Point(
            "torch.quantile(x, 0.5)",
            "jnp.quantile(x, 0.5)",
            {"x": [1.0, 2.0, 2.0, 4.0]},
            exact=_picked(lambda x: (x[1] + x[2]) / 2),
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[0.0, 0.5, 0.5, 0.0],
        jax=[0.0, 0.5, 0.5, 0.0],
        left=[0.0, 0.5, 0.5, 0.0],
        right=[0.0, 0.5, 0.5, 0.0],
        reason="Both are the same two places of a sort.",
    ),
    Convention(
        id="kth-value-of-ties",
        title="The second smallest of ties is the same element in both.",
        point=Point(
            "torch.kthvalue(x, 2).values", "jnp.sort(x)[1]", {"x": [1.0, 2.0, 2.0]}, exact=_picked(lambda x: x[1])
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[0.0, 1.0, 0.0],
        jax=[0.0, 1.0, 0.0],
        left=[0.0, 1.0, 1.0],
        right=[0.0, 0.0, 0.0],
        reason="Both pick a place in the sorted row.",
    ),
    Convention(
        id="nanmedian-skips-nan",
        title="nanmedian leaves nan out, without a gradient, in both.",
        point=Point("torch.nanmedian(x)", "jnp.nanmedian(x)", {"x": [1.0, NAN, 3.0, 2.0]}),
        aspect="reverse",
        verdict="agrees",
        torch=[0.0, 0.0, 0.0, 1.0],
        jax=[0.0, 0.0, 0.0, 1.0],
        reason="The median of an odd number of elements is one of them.",
    ),
    Convention(
        id="nansum-skips-nan",
        title="nansum leaves nan out, without a gradient, in both.",
        point=Point("torch.nansum(x)", "jnp.nansum(x)", {"x": [NAN, 1.0]}),
        aspect="reverse",
        verdict="agrees",
        torch=[0.0, 1.0],
        jax=[0.0, 1.0],
        reason="What is replaced by zero has the slope of a constant.",
    ),
    Convention(
        id="scatter-amax-with-ties",
        title="A scattered maximum shares among the ties, the value that was there included, in both.",
        point=Point(
            "torch.scatter_reduce(torch.zeros(2, dtype=x.dtype), 0, i, x, 'amax')",
            "jnp.zeros(2, x.dtype).at[i].max(x)",
            {"x": [0.0, 0.0, 1.0], "i": [0, 0, 1]},
            exact=lambda x, i: np.array([max(x[0], x[1], 0), max(x[2], 0)], dtype=object),
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[1 / 3, 1 / 3, 1.0],
        jax=[1 / 3, 1 / 3, 1.0],
        left=[0.0, 0.0, 1.0],
        right=[1.0, 1.0, 1.0],
        reason="Two elements and the zero that was there are three equals.",
    ),
)

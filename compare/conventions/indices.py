"""Indices: positions that repeat, and positions that are not there."""

from __future__ import annotations

from typing import Any

import numpy as np

from compare.concepts.pages import INDEXING, jax_reference, torch_reference
from compare.conventions.convention import Convention, jax_issue, jax_pull, raises, torch_issue, torch_pull
from compare.points import Point

__all__ = ["ENTRIES"]

NAN = float("nan")


def _last_written(x: Any, i: Any) -> Any:
    """Two zeros, where each `x` is written to its position in turn."""
    result = np.zeros(2, dtype=object)
    for number, place in zip(x, i, strict=True):
        result[int(place)] = number
    return result


def _products(x: Any, i: Any) -> Any:
    result = np.ones(2, dtype=object)
    for number, place in zip(x, i, strict=True):
        result[int(place)] = result[int(place)] * number
    return result


ENTRIES: tuple[Convention, ...] = (
    Convention(
        id="index-put-at-one-position-twice",
        title="A write to one position twice gives the gradient to both numbers in PyTorch, and to the last in JAX.",
        point=Point(
            "torch.index_put(torch.zeros(2, dtype=x.dtype), (i,), x)",
            "jnp.zeros(2, x.dtype).at[i].set(x)",
            {"x": [3.0, 4.0], "i": [0, 0]},
            exact=_last_written,
        ),
        aspect="reverse",
        verdict="torch-wrong",
        torch=[1.0, 1.0],
        jax=[0.0, 1.0],
        left=[0.0, 1.0],
        reason="Only the last number is in the result. PyTorch's backward reads the gradient at every position, and "
        "its documentation calls repeated positions undefined; forward mode is right. `z[[0, 0]] = x` is the same.",
        torch_rule="Without accumulate, repeated positions are undefined.",
        links=(torch_issue(146299), torch_reference("torch.Tensor.index_put_")),
    ),
    Convention(
        id="scatter-to-one-position-twice",
        title="A scatter to one position twice gives the gradient to both numbers in PyTorch, and to the last in JAX.",
        point=Point(
            "torch.scatter(torch.zeros(2, dtype=x.dtype), 0, i, x)",
            "jnp.zeros(2, x.dtype).at[i].set(x)",
            {"x": [3.0, 4.0], "i": [0, 0]},
            exact=_last_written,
        ),
        aspect="reverse",
        verdict="torch-wrong",
        torch=[1.0, 1.0],
        jax=[0.0, 1.0],
        left=[0.0, 1.0],
        reason="Only the last number is in the result. PyTorch documents that the gradient is incorrect there.",
        torch_rule="Where positions repeat, the gradient is incorrect: it goes to all of the numbers.",
        links=(torch_issue(162242), torch_reference("torch.Tensor.scatter_")),
    ),
    Convention(
        id="index-copy-to-one-position-twice",
        title="An index_copy to one position twice gives the gradient to both numbers in PyTorch.",
        point=Point(
            "torch.index_copy(torch.zeros(2, dtype=x.dtype), 0, i, x)",
            "jnp.zeros(2, x.dtype).at[i].set(x)",
            {"x": [3.0, 4.0], "i": [0, 0]},
            exact=_last_written,
        ),
        aspect="reverse",
        verdict="torch-wrong",
        torch=[1.0, 1.0],
        jax=[0.0, 1.0],
        left=[0.0, 1.0],
        reason="Only the last number is in the result; the backward reads the gradient at every position.",
        links=(torch_issue(473), torch_reference("torch.Tensor.index_copy_")),
    ),
    Convention(
        id="as-strided-scatter",
        title="The gradient of as_strided_scatter in the tensor is that of the overwritten elements in PyTorch.",
        point=Point(
            "torch.as_strided_scatter(x, y, (2,), (2,))",
            "x.at[::2].set(y)",
            {"x": [1.0, 2.0, 3.0, 4.0], "y": [5.0, 6.0]},
            exact=lambda x, y: np.array([y[0], x[1], y[1], x[3]], dtype=object),
        ),
        aspect="reverse",
        verdict="torch-wrong",
        torch=[[1.0, 0.0, 1.0, 0.0], [1.0, 1.0]],
        jax=[[0.0, 1.0, 0.0, 1.0], [1.0, 1.0]],
        left=[[0.0, 1.0, 0.0, 1.0], [1.0, 1.0]],
        reason="The elements that are kept get no gradient, and those that are gone get one; forward mode is right. "
        "The formula was doubted when it was reviewed. slice_scatter and index_put are right.",
        links=(torch_pull(77128), torch_reference("torch.as_strided_scatter")),
        as_jax="torch.slice_scatter(x, y, step=2)",
        ordinary=({"x": [0.5, -1.0, 3.0, 2.0], "y": [7.0, -8.0]},),
    ),
    Convention(
        id="scatter-reduce-product-in-forward-mode",
        title="In forward mode a scattered product has the derivative zero in PyTorch.",
        point=Point(
            "torch.scatter_reduce(torch.ones(2, dtype=x.dtype), 0, i, x, 'prod')",
            "jnp.ones(2, x.dtype).at[i].multiply(x, unique_indices=True)",
            {"x": [3.0, 2.0], "i": [0, 1]},
            exact=_products,
        ),
        aspect="forward",
        verdict="torch-wrong",
        torch=None,
        jax=[1.0, 1.0],
        left=[1.0, 1.0],
        reason="Reverse mode is right. In forward mode the tangent of the source is left out: the result has none, "
        "which counts as zero, and nothing is raised.",
        links=(torch_reference("torch.scatter_reduce"),),
    ),
    Convention(
        id="product-at-one-position-twice",
        title="The gradient of a scattered product at one position twice is right in PyTorch, and raises in JAX.",
        point=Point(
            "torch.scatter_reduce(torch.ones(2, dtype=x.dtype), 0, i, x, 'prod')",
            "jnp.ones(2, x.dtype).at[i].multiply(x)",
            {"x": [3.0, 2.0, 1.0], "i": [0, 0, 1]},
            exact=_products,
        ),
        aspect="reverse",
        verdict="raises-differ",
        torch=[2.0, 3.0, 1.0],
        jax=raises("NotImplementedError", "scatter_mul gradients are only implemented if"),
        left=[2.0, 3.0, 1.0],
        reason="JAX has a rule for positions that do not repeat, and refuses to guess at others.",
        links=(jax_issue(9296), jax_issue(12469)),
    ),
    Convention(
        id="index-past-the-end",
        title="An index past the end raises in PyTorch, and reads the last element in JAX.",
        point=Point("x[i]", "x[i]", {"x": [1.0, 2.0], "i": [5]}),
        aspect="value",
        verdict="raises-differ",
        torch=raises("IndexError", "index 5 is out of bounds"),
        jax=[2.0],
        reason="Compiled code cannot raise, so JAX clamps the index.",
        jax_rule="An index that is out of bounds is clamped when it reads, and dropped when it writes.",
        links=(jax_issue(5760), jax_pull(7595), INDEXING),
    ),
    Convention(
        id="gradient-of-an-index-past-the-end",
        title="The gradient of an index past the end is zero in JAX, though forward mode says 1.",
        point=Point("x[i]", "x[i]", {"x": [1.0, 2.0], "i": [5]}),
        aspect="reverse",
        verdict="raises-differ",
        torch=raises("IndexError", "index 5 is out of bounds"),
        jax=[0.0, 0.0],
        reason="A read is clamped and a write is dropped, and the gradient of a read is a write.",
        jax_rule="An index that is out of bounds is clamped when it reads, and dropped when it writes.",
        links=(jax_issue(5760), jax_issue(8634), INDEXING),
    ),
    Convention(
        id="forward-mode-of-an-index-past-the-end",
        title="The tangent of an index past the end is that of the last element in JAX, though reverse mode says zero.",
        point=Point("x[i]", "x[i]", {"x": [1.0, 2.0], "i": [5]}, direction={"x": [10.0, 100.0]}),
        aspect="forward",
        verdict="raises-differ",
        torch=raises("IndexError", "index 5 is out of bounds"),
        jax=[100.0],
        reason="A read is clamped, that of the tangent as that of the value, and only its gradient is a write.",
        jax_rule="An index that is out of bounds is clamped when it reads, and dropped when it writes.",
        links=(jax_issue(5760), jax_issue(8634), INDEXING),
    ),
    Convention(
        id="gather-past-the-end",
        title="A gather past the end raises in PyTorch, and is nan in JAX.",
        point=Point("torch.gather(x, 0, i)", "jnp.take_along_axis(x, i, 0)", {"x": [1.0, 2.0], "i": [5]}),
        aspect="value",
        verdict="raises-differ",
        torch=raises("RuntimeError", "index 5 is out of bounds for dimension 0"),
        jax=[NAN],
        reason="take and take_along_axis fill with nan, where an index in brackets is clamped.",
        jax_rule="The mode of take_along_axis is fill by default.",
        links=(jax_pull(7595), jax_reference("jax.numpy.take_along_axis")),
    ),
    Convention(
        id="gather-from-the-end",
        title="A gather with a negative index raises in PyTorch, and counts from the end in JAX.",
        point=Point("torch.gather(x, 0, i)", "jnp.take_along_axis(x, i, 0)", {"x": [1.0, 2.0], "i": [-1]}),
        aspect="value",
        verdict="raises-differ",
        torch=raises("RuntimeError", "index -1 is out of bounds for dimension 0"),
        jax=[2.0],
        reason="In PyTorch only an index in brackets counts from the end.",
        links=(torch_reference("torch.gather"), jax_reference("jax.numpy.take_along_axis")),
    ),
    Convention(
        id="write-past-the-end",
        title="A write past the end raises in PyTorch, and does nothing in JAX.",
        point=Point("torch.index_put(x, (i,), y)", "x.at[i].set(y)", {"x": [1.0, 2.0], "y": [3.0], "i": [5]}),
        aspect="value",
        verdict="raises-differ",
        torch=raises("IndexError", "index 5 is out of bounds"),
        jax=[1.0, 2.0],
        reason="Compiled code cannot raise, so JAX drops the update.",
        jax_rule="An index that is out of bounds is clamped when it reads, and dropped when it writes.",
        links=(jax_pull(7595), jax_reference("jax.numpy.ndarray.at")),
    ),
    Convention(
        id="one-hot-of-a-class-that-is-not-there",
        title="one_hot of a class that is not there raises in PyTorch, and is zero in JAX.",
        point=Point("torch.nn.functional.one_hot(i, 2) * x", "jax.nn.one_hot(i, 2) * x", {"x": [1.0, 2.0], "i": 5}),
        aspect="value",
        verdict="raises-differ",
        torch=raises("RuntimeError", "Class values must be smaller than num_classes"),
        jax=[0.0, 0.0],
        reason="JAX compares with each class, and none is equal.",
        links=(torch_reference("torch.nn.functional.one_hot"), jax_reference("jax.nn.one_hot")),
    ),
    Convention(
        id="slice-past-the-end",
        title="A slice past the end is shorter in PyTorch; lax.dynamic_slice moves back to keep its length.",
        point=Point("x[2:4]", "lax.dynamic_slice(x, (2,), (2,))", {"x": [1.0, 2.0, 3.0]}, exact=lambda x: x[2:4]),
        aspect="reverse",
        verdict="default-differs",
        torch=[0.0, 0.0, 1.0],
        jax=[0.0, 1.0, 1.0],
        left=[0.0, 0.0, 1.0],
        reason="The length of a result is known while JAX traces, so the start gives way. A slice in brackets is like "
        "Python's in both.",
        jax_rule="Start positions are clamped so that the slice fits.",
        links=(jax_reference("jax.lax.dynamic_slice"),),
        as_torch="x[2:4]",
        as_jax="torch.narrow(x, 0, torch.clamp(torch.tensor(2), max=x.shape[0] - 2), 2)",
        ordinary=({"x": [1.0, 2.0, 3.0, 4.0]},),
    ),
    # ---- what agrees ----
    Convention(
        id="read-of-one-position-twice",
        title="A position that is read twice gets both gradients in both.",
        point=Point("x[i]", "x[i]", {"x": [1.0, 2.0], "i": [0, 0]}, exact=lambda x, i: x[[int(one) for one in i]]),
        aspect="reverse",
        verdict="agrees",
        torch=[2.0, 0.0],
        jax=[2.0, 0.0],
        left=[2.0, 0.0],
        reason="The gradient of a read is an addition. In PyTorch it was not, in 2017.",
        links=(torch_issue(1528), torch_issue(1631)),
    ),
    Convention(
        id="addition-to-one-position-twice",
        title="Numbers that are added to one position both get its gradient in both.",
        point=Point(
            "torch.index_add(torch.zeros(2, dtype=x.dtype), 0, i, x)",
            "jnp.zeros(2, x.dtype).at[i].add(x)",
            {"x": [3.0, 4.0], "i": [0, 0]},
            exact=lambda x, i: np.array([x[0] + x[1], 0 * x[0]], dtype=object),
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[1.0, 1.0],
        jax=[1.0, 1.0],
        left=[1.0, 1.0],
        reason="Both are in the sum.",
    ),
    Convention(
        id="choice-beside-an-infinity",
        title="A choice beside an infinity passes its gradient cleanly in both.",
        point=Point(
            "torch.where(i > 0, x, y)",
            "jnp.where(i > 0, x, y)",
            {"x": [1.0, 2.0], "y": [3.0, float("inf")], "i": [0, 1]},
        ),
        aspect="reverse",
        verdict="agrees",
        torch=[[0.0, 1.0], [1.0, 0.0]],
        jax=[[0.0, 1.0], [1.0, 0.0]],
        reason="A choice selects the gradient, too; it does not multiply with a mask.",
    ),
)

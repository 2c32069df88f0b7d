"""Points on PyTorch: value, reverse mode, forward mode, and reverse mode of reverse mode."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from compare.execution import folded
from compare.observed import Raised
from compare.points.expressions import function_of
from compare.points.point import ASPECTS, Aspect, Measured, Numbers, Point
from compare.settings import put_back

__all__ = ["measured"]


def measured(
    points: Sequence[Point], dtype: str, aspects: Sequence[tuple[Aspect, ...]] | None = None
) -> list[Measured]:
    """What PyTorch answers at every point, in the aspects wanted of each. All settings are put back."""
    import torch

    from compare.torch_leg import torch_settings

    with put_back(torch_settings()), warnings.catch_warnings():
        # Forward mode loads this at its first use, with a deprecation warning for each of its functions.
        warnings.simplefilter("ignore")
        importlib.import_module("torch._decomp.decompositions_for_jvp")
        torch.set_default_dtype(getattr(torch, dtype))
        torch.set_grad_enabled(True)
        torch.set_num_threads(1)
        wanted = [ASPECTS] * len(points) if aspects is None else aspects
        return [_measured(point, dtype, those) for point, those in zip(points, wanted, strict=True)]


def _measured(point: Point, dtype: str, aspects: tuple[Aspect, ...]) -> Measured:
    import torch

    arrays, names = point.arrays(dtype), point.moved(dtype)
    function = function_of(point.torch, "torch", arrays, {"torch": torch})
    directions = {name: torch.tensor(array) for name, array in point.directions(dtype).items()}

    def operands() -> dict[str, Any]:
        return {name: torch.tensor(array, requires_grad=name in names) for name, array in arrays.items()}

    def weights(result: Any) -> Any:
        return torch.tensor(point.weights(tuple(result.shape), _plain(result).dtype))

    def gradient(create_graph: bool) -> tuple[dict[str, Any], list[Any], list[Any]] | None:
        given = operands()
        result = function(**given)
        if not result.requires_grad:
            return None
        leaves = [given[name] for name in names]
        found = torch.autograd.grad(result, leaves, weights(result), allow_unused=True, create_graph=create_graph)
        return given, leaves, list(found)

    def value() -> Numbers:
        with torch.no_grad():
            return _plain(function(**{name: torch.tensor(array) for name, array in arrays.items()}))

    def reverse() -> dict[str, Numbers | None] | None:
        found = gradient(create_graph=False)
        if found is None:
            return None
        return {name: None if one is None else _plain(one) for name, one in zip(names, found[2], strict=True)}

    def forward() -> Numbers | None:
        from torch.autograd import forward_ad

        with forward_ad.dual_level():
            given = {name: torch.tensor(array) for name, array in arrays.items()}
            given |= {name: forward_ad.make_dual(given[name], directions[name]) for name in names}
            tangent = forward_ad.unpack_dual(function(**given)).tangent
            return None if tangent is None else _plain(tangent)

    def second() -> dict[str, Numbers | None] | None:
        found = gradient(create_graph=True)
        if found is None:
            return None
        _, leaves, gradients = found
        products = [
            (one * directions[name].conj()).real.sum()
            for name, one in zip(names, gradients, strict=True)
            if one is not None and one.requires_grad
        ]
        if not products:
            # A gradient without history is a constant.
            return {name: np.zeros_like(arrays[name]) for name in names}
        again = torch.autograd.grad(sum(products), leaves, allow_unused=True, materialize_grads=True)
        return {name: _plain(one) for name, one in zip(names, again, strict=True)}

    first = _or_raised(value)
    if not names or isinstance(first, Raised) or first.dtype.kind not in "fc":
        return Measured(first, None, None, None)
    others = {"reverse": reverse, "forward": forward, "second": second}
    return Measured(first, *(_or_raised(others[one]) if one in aspects else None for one in ASPECTS[1:]))


def _plain(tensor: Any) -> Numbers:
    return np.array(tensor.detach().resolve_conj().resolve_neg().numpy(force=True), copy=True)


def _or_raised(compute: Callable[[], Any]) -> Any:
    try:
        return compute()
    except Exception as error:
        return Raised(type(error).__name__, folded(str(error)))

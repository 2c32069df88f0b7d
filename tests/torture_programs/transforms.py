"""Checkpoints and the transforms of torch.func."""

from __future__ import annotations

import warnings

import torch
from torch.utils.checkpoint import checkpoint

from torture_programs.registry import Tensors, torture


@torture("A checkpoint computes its forward again in the backward")
def checkpointed() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = checkpoint(lambda x: (x * x).sin() * x, a * 2, use_reentrant=False)
    b.sum().backward()
    return {"a": a, "b": b}


@torture("A reentrant checkpoint", expects={"a.grad": [24.0, 96.0], "b": [8.0, 64.0]})
def checkpointed_reentrant() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = checkpoint(lambda x: x * x * x, a * 2, use_reentrant=True)
    b.sum().backward()
    return {"a": a, "b": b}


@torture("torch.func.grad", expects={"a.grad": [9.0, 36.0], "inner": [3.0, 12.0]})
def func_grad() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    inner = torch.func.grad(lambda x: (x**3).sum())(a)
    (inner * a).sum().backward()
    return {"a": a, "inner": inner}


@torture("torch.func.vmap", expects={"a.grad": [[8.0, 5.0], [40.0, 33.0]], "rows": [[2.0, 4.0], [36.0, 48.0]]})
def func_vmap() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    rows = torch.func.vmap(lambda row: row.prod() * row)(a)
    rows.sum().backward()
    return {"a": a, "rows": rows}


@torture("torch.func.functional_call with parameters of one's own", expects={"weight.grad": [[28.0, 112.0]]})
def functional_call() -> Tensors:
    layer = torch.nn.Linear(2, 1, bias=False)
    weight = torch.tensor([[2.0, 3.0]], requires_grad=True)
    y = torch.func.functional_call(layer, {"weight": weight}, (torch.tensor([[1.0, 4.0]]),))
    (y * y).sum().backward()
    return {"weight": weight}


@torture("torch.autograd.functional.jacobian", expects={"a.grad": [16.0, 20.0], "jacobian": [[7.0, 1.0], [4.0, 16.0]]})
def functional_jacobian() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    jacobian = torch.autograd.functional.jacobian(lambda x: x**2 * x.sum(), a, create_graph=True)
    jacobian.sum().backward()
    return {"a": a, "jacobian": jacobian}


@torture("Forward-mode differentiation inside a loss", expects={"a.grad": [15.0, 240.0], "tangent": [3.0, 12.0]})
def forward_mode() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its first use compiles with torch.jit, which is deprecated
        value, tangent = torch.func.jvp(lambda x: x**3, (a,), (torch.ones(2),))
    (value * tangent).sum().backward()
    return {"a": a, "tangent": tangent}

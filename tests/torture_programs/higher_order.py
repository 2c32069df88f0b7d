"""Gradients of gradients."""

from __future__ import annotations

import warnings

import torch

from torture_programs.registry import Tensors, torture


@torture("The gradient of a gradient", expects={"a.grad": None, "first": [3.0, 12.0], "second": [6.0, 12.0]})
def nested_grad() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (first,) = torch.autograd.grad((a**3).sum(), a, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), a)
    return {"a": a, "first": first, "second": second}


@torture("Three orders of derivatives", expects={"a.grad": None})
def third_derivative() -> Tensors:
    a = torch.tensor(0.7, requires_grad=True)
    y = a.sin()
    for _ in range(3):
        (y,) = torch.autograd.grad(y, a, create_graph=True)
    return {"a": a, "y": y}


@torture("backward through a gradient, as gradient penalties do", expects={"g": [6.0, 16.0]})
def double_backward() -> Tensors:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    (g,) = torch.autograd.grad((w * x * x).sum(), x, create_graph=True)
    ((g.norm() - 1) ** 2).backward()
    return {"x": x, "w": w, "g": g}


@torture(
    "backward(create_graph=True), and .grad is part of the next loss",
    expects={"a.grad": [36.0, 288.0], "first": [3.0, 12.0]},
)
def backward_create_graph() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of the reference cycle
        (a**3).sum().backward(create_graph=True)
    first = a.grad
    a.grad = None
    (first * first).sum().backward()
    return {"a": a, "first": first.detach()}


@torture("A gradient without create_graph is a constant", expects={"a.grad": [3.0, 12.0], "first": [3.0, 12.0]})
def grad_without_create_graph() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (first,) = torch.autograd.grad((a**3).sum(), a)
    (first * a).sum().backward()
    return {"a": a, "first": first}


@torture(
    "The derivative of a gradient that does not depend on the leaf",
    raises=RuntimeError,
    message="does not require grad",
)
def second_derivative_of_linear() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (first,) = torch.autograd.grad((a * 3).sum(), a, create_graph=True)
    first.sum().backward()
    return {"a": a}


@torture("autograd.grad with allow_unused, and zeros instead of None", expects={"ga": [2.0, 4.0], "gb": [0.0]})
def grad_materialised() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([3.0], requires_grad=True)
    ga, gb = torch.autograd.grad((a * a).sum(), (a, b), allow_unused=True, materialize_grads=True)
    return {"ga": ga, "gb": gb}


@torture("autograd.grad of an unused leaf", raises=RuntimeError, message="appears to not have been used in the graph")
def grad_of_unused_leaf() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([3.0], requires_grad=True)
    ga, _ = torch.autograd.grad((a * a).sum(), (a, b))
    return {"ga": ga}


@torture("autograd.grad with respect to an intermediate", expects={"a.grad": None, "gb": [2.0, 16.0]})
def grad_of_intermediate() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    (gb,) = torch.autograd.grad((b * b * a).sum(), b)
    return {"a": a, "gb": gb}


@torture("A Hessian row by row", expects={"hessian": [[16.0, 24.0], [24.0, 12.0]]})
def hessian_by_rows() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    y = a[0] ** 2 * a[1] ** 3
    (g,) = torch.autograd.grad(y, a, create_graph=True)
    rows = [torch.autograd.grad(part, a, retain_graph=True)[0] for part in g]
    return {"hessian": torch.stack(rows)}


@torture("A gradient step inside the loss, differentiated through")
def unrolled_inner_step() -> Tensors:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    rate = torch.tensor(0.1, requires_grad=True)
    (g,) = torch.autograd.grad((w**4).sum(), w, create_graph=True)
    stepped = w - rate * g
    (stepped**2).sum().backward()
    return {"w": w, "rate": rate}


@torture("A write in place between two orders", expects={"a.grad": [0.0, 72.0], "first": [0.0, 24.0]})
def write_between_orders() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (first,) = torch.autograd.grad((a**3).sum(), a, create_graph=True)
    first.mul_(a)
    first[0] = 0.0
    (first * 2).sum().backward()
    return {"a": a, "first": first}

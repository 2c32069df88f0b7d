"""retain_grad on tensors that are written or viewed."""

from __future__ import annotations

import torch

from torture_programs.registry import Tensors, torture


@torture(
    "retain_grad keeps an intermediate's gradient",
    expects={"a.grad": [4.0, 32.0], "b.grad": [2.0, 8.0], "b": [1.0, 4.0]},
)
def retain_grad_simple() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    b.retain_grad()
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "retain_grad follows a tensor through a later write",
    expects={"a.grad": [30.0, 30.0], "b.grad": [5.0, 5.0], "b": [6.0, 12.0]},
)
def retain_grad_then_write() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b.retain_grad()
    b.mul_(3)
    (b * 5).sum().backward()
    return {"a": a, "b": b}


@torture("retain_grad after a write", expects={"a.grad": [0.0, 16.0], "b.grad": [14.0, 8.0], "b": [7.0, 4.0]})
def retain_grad_after_write() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b[0] = 7.0
    b.retain_grad()
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A retained gradient is read after the hooks, in whichever order they were registered",
    expects={"a.grad": [20.0, 20.0], "b.grad": [10.0, 10.0], "b": [2.0, 4.0]},
)
def retain_grad_and_hook() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b.retain_grad()
    b.register_hook(lambda grad: grad * 10)
    b.sum().backward()
    return {"a": a, "b": b}


@torture(
    "A view retains its gradient; the base is then read directly",
    expects={"a.grad": [0.0, 16.0, 24.0], "v.grad": [8.0, 12.0], "v": [4.0, 6.0]},
)
def retain_grad_on_view() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    v = b[1:]
    v.retain_grad()
    (v * v).sum().backward()
    return {"a": a, "v": v}


@torture(
    "A view retains its gradient, and its base is rewritten: the gradient stays None",
    expects={"a.grad": [6.0, 6.0, 6.0], "v.grad": None, "v": [12.0, 18.0]},
)
def retain_grad_on_view_then_base_written() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    v = b[1:]
    v.retain_grad()
    b.mul_(3)
    b.sum().backward()
    return {"a": a, "v": v}


@torture(
    "A retained gradient accumulates over two backwards",
    expects={"a.grad": [6.0, 36.0], "b.grad": [3.0, 9.0], "b": [1.0, 4.0]},
)
def retain_grad_accumulates() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    b.retain_grad()
    b.sum().backward(retain_graph=True)
    (b * b).sum().backward()
    return {"a": a, "b": b}

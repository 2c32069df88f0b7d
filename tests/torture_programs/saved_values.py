"""Writes to what an operation saved for its backward."""

from __future__ import annotations

import torch

from torture_programs.registry import Tensors, torture


@torture(
    "A saved tensor is written before backward: the version counter raises",
    raises=RuntimeError,
    message="modified by an inplace operation",
)
def write_after_save() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    c = b * b
    b.mul_(10)
    c.sum().backward()
    return {"a": a}


@torture(
    "The same write through .data: PyTorch's gradient is silently wrong",
    expects={"a.grad": [80.0, 160.0], "a": [1.0, 2.0], "c": [4.0, 16.0]},
    derivative={"a.grad": [8.0, 16.0]},
)
def data_write_after_save() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    c = b * b
    b.data.mul_(10)
    c.sum().backward()
    return {"a": a, "c": c}


@torture(
    "The same write through detach(), which shares the version counter, raises",
    raises=RuntimeError,
    message="modified by an inplace operation",
)
def detached_write_after_save() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    c = b * b
    b.detach().mul_(10)
    c.sum().backward()
    return {"a": a, "c": c}


@torture(
    "A leaf's .data is written between forward and backward: silently wrong",
    expects={"a.grad": [14.0, 14.0], "a": [7.0, 7.0], "c": [1.0, 4.0]},
    derivative={"a.grad": [2.0, 4.0]},
)
def leaf_data_write_after_save() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    c = a * a
    a.data.fill_(7.0)
    c.sum().backward()
    return {"a": a, "c": c}


@torture(
    "A leaf is written under no_grad between forward and backward: raises",
    raises=RuntimeError,
    message="modified by an inplace operation",
)
def leaf_no_grad_write_after_save() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    c = a * a
    with torch.no_grad():
        a.add_(1)
    c.sum().backward()
    return {"a": a}


@torture("A write after a sum, which saves nothing, is harmless", expects={"a.grad": [2.0, 2.0], "b": [20.0, 40.0]})
def write_after_sum() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    total = b.sum()
    b.mul_(10)
    total.backward()
    return {"a": a, "b": b}


@torture("The result that exp saved is written", raises=RuntimeError, message="modified by an inplace operation")
def write_to_saved_result() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a.exp()
    b.add_(1)
    b.sum().backward()
    return {"a": a}


@torture("The argument of exp, which saves its result, is written without harm", expects={"b": [0.0, 0.0]})
def write_to_argument_of_exp() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    c = b.exp()
    b.zero_()
    (c + b).sum().backward()
    return {"a": a, "b": b, "c": c}


@torture(
    "A write to another part of a saved tensor raises all the same",
    raises=RuntimeError,
    message="modified by an inplace operation",
)
def write_to_other_part_after_save() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    c = b[:1] * b[:1]
    b[1] = 0.0
    c.sum().backward()
    return {"a": a}


@torture("A constant that was saved is written", raises=RuntimeError, message="modified by an inplace operation")
def write_to_saved_constant() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    mask = torch.ones(2)
    c = a * mask
    mask.zero_()
    c.sum().backward()
    return {"a": a}


@torture(
    "A factor is written after the product was differentiated",
    expects={"a.grad": [8.0, 16.0], "a": [1.0, 2.0], "b": [20.0, 40.0]},
)
def write_after_backward() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    (b * b).sum().backward()
    with torch.no_grad():
        b.mul_(10)
    return {"a": a, "b": b}

"""detach(), detach_() and .data, which share the storage."""

from __future__ import annotations

import torch

from torture_programs.registry import Tensors, torture


@torture("detach() blocks the derivative and keeps the value", expects={"a.grad": [1.0, 4.0]})
def detach_blocks() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * a
    (a * b.detach()).sum().backward()
    return {"a": a}


@torture(
    "A write through a detached alias changes the value that the loss reads",
    expects={"a.grad": [600.0, 36.0], "b": [100.0, 6.0]},
)
def detach_alias_written() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 3
    alias = b.detach()
    alias[0] = 100.0
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "The original is written, and the detached alias shows it", expects={"a.grad": [36.0, 72.0], "alias": [6.0, 12.0]}
)
def detach_alias_shows_write() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 3
    alias = b.detach()
    b.mul_(2)
    (b * alias).sum().backward()
    return {"a": a, "alias": alias}


@torture("detach().clone() is unaffected by later writes", expects={"a.grad": [18.0, 36.0], "copy": [3.0, 6.0]})
def detach_clone() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 3
    copy = b.detach().clone()
    b.mul_(2)
    (b * copy).sum().backward()
    return {"a": a, "copy": copy}


@torture(
    "detach_() cuts a tensor's history for whoever reads it later", expects={"a.grad": [5.0, 7.0], "b": [2.0, 4.0]}
)
def detach_in_place() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    c = b + a
    b.detach_()
    (c + b * a).sum().backward()
    return {"a": a, "b": b}


@torture(
    "detach_() of a tensor that was saved",
    raises=RuntimeError,
    message="a saved tensor that has been detached in-place",
)
def detach_in_place_after_save() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    c = b * a
    b.detach_()
    c.sum().backward()
    return {"a": a}


@torture("detach_() of a view is refused", raises=RuntimeError, message="Can't detach views in-place")
def detach_in_place_of_a_view() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = (a * 2)[:1]
    b.detach_()
    (a * b).sum().backward()
    return {"a": a}


@torture("A detached tensor starts a tape of its own", expects={"a.grad": [4.0, 16.0], "b.grad": [4.0, 16.0]})
def detached_requires_grad() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = (a * 2).detach().requires_grad_()
    (b * b * a).sum().backward()
    return {"a": a, "b": b}


@torture("A tensor is read through .data while it is computed with", expects={"a": [1.0, 2.0]})
def data_is_read() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    norm = a.data.norm()
    (a / norm).sum().backward()
    return {"a": a, "norm": norm}


@torture("A leaf's .data is assigned another tensor", expects={"a.grad": [12.0, 16.0], "a": [5.0, 6.0]})
def data_is_assigned() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (a * a).sum().backward()
    a.data = torch.tensor([5.0, 6.0])
    (a * a).sum().backward()
    return {"a": a}


@torture(
    "A leaf's .data is replaced by a multiple of itself in a loop", expects={"w.grad": [1.28, 2.56], "w": [0.64, 1.28]}
)
def data_update_loop() -> Tensors:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    for _ in range(2):
        (w * w).sum().backward()
        w.data -= 0.1 * w.grad.data
        w.grad.data.zero_()
    (w * w).sum().backward()
    return {"w": w}

"""Masks, indices, gathering and scattering."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from torture_programs.registry import Tensors, torture


@torture("A masked write with a number", expects={"a.grad": [8.0, 0.0, 24.0], "b": [2.0, 0.5, 6.0]})
def masked_write_number() -> Tensors:
    a = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    b = a * 2
    b[b < 0] = 0.5
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A masked write with a tensor",
    expects={"a.grad": [0.0, -16.0, 0.0], "values.grad": [500.0, 864.0], "b": [25.0, -4.0, 36.0]},
)
def masked_write_tensor() -> Tensors:
    a = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    values = torch.tensor([5.0, 6.0], requires_grad=True)
    b = a * 2
    b[a > 0] = values * values
    (b * b).sum().backward()
    return {"a": a, "values": values, "b": b}


@torture("masked_fill_ and masked_fill", expects={"a.grad": [8.0, 0.0, 0.0], "b": [2.0, 4.0, 6.0]})
def masked_fill() -> Tensors:
    a = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    b = a * 2
    b.masked_fill_(a < 0, 4.0)
    (b.masked_fill(a > 2, 0.0) * b).sum().backward()
    return {"a": a, "b": b}


@torture("Boolean selection, whose length depends on the values", expects={"a.grad": [2.0, 0.0, 6.0], "b": [1.0, 3.0]})
def boolean_selection() -> Tensors:
    a = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    b = a[a > 0]
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "An index write with values that come from the same leaf",
    expects={"a.grad": [50.0, 116.0, 0.0], "b": [10.0, 4.0, 5.0]},
)
def index_write() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    b[torch.tensor([2, 0])] = a[:2] * 5
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "index_put_ with accumulate adds at a repeated index", expects={"a.grad": [40.0, 32.0, 120.0], "b": [10.0, 4.0]}
)
def index_put_accumulate() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = torch.zeros(2)
    b.index_put_((torch.tensor([0, 1, 0]),), a * a, accumulate=True)
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture("+= at a repeated index adds only once", expects={"a.grad": [8.0, 4.0, 0.0], "b": [2.0, 2.0]})
def index_augmented_assignment() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = torch.zeros(2) + a[:2]
    b[torch.tensor([0, 0])] += 1.0
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture("index_add_ with an alpha", expects={"a.grad": [28.0, 28.0, 28.0], "b": [7.0, 7.0]})
def index_add() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = torch.ones(2)
    b.index_add_(0, torch.tensor([1, 1, 0]), a, alpha=2)
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture("scatter_add_ adds at a repeated index", expects={"a.grad": [[8.0, 4.0, 8.0]], "b": [[4.0, 2.0]]})
def scatter_add() -> Tensors:
    a = torch.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    b = torch.zeros(1, 2)
    b.scatter_add_(1, torch.tensor([[0, 1, 0]]), a)
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture("scatter_ replaces", expects={"a.grad": [40.0, 32.0], "b": [3.0, 4.0, 3.0, 1.0]})
def scatter() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a.repeat(2) * 3
    b.scatter_(0, torch.tensor([3, 1]), a * a)
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture("gather and index_select with repeated indices", expects={"a.grad": [2.0, 0.0, 12.0]})
def gather() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    index = torch.tensor([2, 0, 2])
    (a.gather(0, index) * a.index_select(0, index)).sum().backward()
    return {"a": a}


@torture("An index with a repeated element: its gradients add up", expects={"a.grad": [4.0, 0.0, 6.0]})
def repeated_index() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (a[[0, 0, 2]] ** 2).sum().backward()
    return {"a": a}


@torture(
    "Advanced indexing is a copy: a write to it does not reach the base",
    expects={"a.grad": [802.0, 1602.0, 2.0], "b": [2.0, 4.0, 6.0], "c": [20.0, 40.0]},
)
def advanced_index_is_a_copy() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = a * 2
    c = b[[0, 1]]
    c.mul_(10)
    (b.sum() + (c * c).sum()).backward()
    return {"a": a, "b": b, "c": c}


@torture("torch.where with the other branch undefined: the gradient is nan")
def where_with_nan_branch() -> Tensors:
    a = torch.tensor([0.0, 4.0], requires_grad=True)
    torch.where(a > 0, a.log() * a, 0.0).sum().backward()
    return {"a": a}


@torture("An embedding with a padding index", expects={"weight.grad": [[0.0, 0.0], [0.0, 0.0], [20.0, 24.0]]})
def embedding_with_padding() -> Tensors:
    weight = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    rows = F.embedding(torch.tensor([0, 2, 2]), weight, padding_idx=0)
    (rows * rows).sum().backward()
    return {"weight": weight}


@torture(
    "sort and topk send the gradient back to where the values came from",
    expects={"a.grad": [7.0, 100.0, 14.0], "order": [0, 2, 1]},
)
def sort_and_topk() -> Tensors:
    a = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)
    values, order = a.sort(descending=True)
    top = (a * a).topk(2).values
    (values * torch.tensor([1.0, 10.0, 100.0])).sum().backward()
    top.sum().backward()
    return {"a": a, "order": order}

"""Random draws."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from torture_programs.registry import Tensors, torture


@torture("Noise is drawn inside the loss")
def noise_in_loss() -> Tensors:
    torch.manual_seed(0)
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    noise = torch.randn_like(a)
    ((a + noise) ** 2).sum().backward()
    return {"a": a, "noise": noise}


@torture("Dropout draws anew at each call, and a seed set again draws the same")
def dropout_twice() -> Tensors:
    torch.manual_seed(0)
    a = torch.ones(6, requires_grad=True)
    first, second = F.dropout(a, 0.5), F.dropout(a, 0.5)
    torch.manual_seed(0)
    again = F.dropout(a, 0.5)
    (first + 10 * second + 100 * again).sum().backward()
    return {"a": a, "first": first, "second": second, "again": again}


@torture("A tensor is filled in place by a random draw, and so cut from its history")
def random_in_place() -> Tensors:
    torch.manual_seed(0)
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b[:1].uniform_()
    (b * a).sum().backward()
    return {"a": a, "b": b}


@torture("A permutation of the rows")
def random_permutation() -> Tensors:
    torch.manual_seed(0)
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    order = torch.randperm(3)
    (a[order] * torch.tensor([1.0, 10.0, 100.0])).sum().backward()
    return {"a": a, "order": order}

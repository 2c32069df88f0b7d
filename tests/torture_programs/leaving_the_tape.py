"""Values that leave for Python or NumPy, and come back."""

from __future__ import annotations

import numpy as np
import torch

from torture_programs.registry import Tensors, torture


@torture("A branch on .item()", expects={"a.grad": [4.0, 8.0], "loss": 10.0})
def branch_on_item() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    y = (a * a).sum()
    loss = y * 2 if y.item() > 3 else -y
    loss.backward()
    return {"a": a, "loss": loss}


@torture("A branch on a tensor's truth", expects={"a.grad": [2.0, 1.0]})
def branch_on_truth() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = a.prod() if (a > 0).all() else a.sum()
    loss.backward()
    return {"a": a}


@torture("A loop until a tensor is small enough", expects={"a.grad": [0.125], "y": [1.0]})
def loop_until_small() -> Tensors:
    a = torch.tensor([8.0], requires_grad=True)
    y = a
    while y > 1:
        y = y / 2
    y.sum().backward()
    return {"a": a, "y": y}


@torture("A value leaves by float() and comes back as a constant", expects={"a.grad": [3.0, 3.0]})
def float_round_trip() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    total = float(a.detach().sum())
    (a * total).sum().backward()
    return {"a": a}


@torture("A Python loop over a tensor", expects={"a.grad": [6.0, 3.0, 2.0]})
def loop_over_tensor() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    product = 1.0
    for element in a:
        product = product * element
    product.backward()
    return {"a": a}


@torture("A tensor is unpacked into its elements", expects={"a.grad": [12.0, 4.0]})
def unpacked() -> Tensors:
    a = torch.tensor([2.0, 3.0], requires_grad=True)
    x, y = a
    (x**2 * y).backward()
    return {"a": a}


@torture("An index that is a tensor of one element", expects={"a.grad": [3.0, 1.0, 0.0]})
def index_by_tensor() -> Tensors:
    a = torch.tensor([1.0, 3.0, 2.0], requires_grad=True)
    (a[a.argmax()] * a[int(a.argmin())]).backward()
    return {"a": a}


@torture("Lengths and shapes as numbers")
def shapes_as_numbers() -> Tensors:
    a = torch.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    (a.sum() / len(a[0]) * a.shape[1] / a.numel() * a.dim()).backward()
    return {"a": a}


@torture(
    "The NumPy alias of a constant is written between two uses", expects={"a.grad": [101.0, 5.0], "x": [100.0, 4.0]}
)
def numpy_alias_written() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    x = torch.tensor([3.0, 4.0])
    alias = x.numpy()
    first = (a + x).sum()
    alias[0] = 100.0
    (first + (a * x).sum()).backward()
    return {"a": a, "x": x}


@torture(
    "The NumPy alias of a leaf is written after its value was saved: silently wrong",
    expects={"a.grad": [200.0, 4.0]},
    derivative={"a.grad": [2.0, 4.0]},
)
def numpy_alias_written_after_save() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    y = (a * a).sum()
    a.detach().numpy()[0] = 100.0
    y.backward()
    return {"a": a}


@torture(
    "A tensor made from a NumPy array, which is written afterwards", expects={"a.grad": [50.0, 4.0], "x": [50.0, 4.0]}
)
def from_numpy_alias_written() -> Tensors:
    array = np.array([3.0, 4.0])
    x = torch.from_numpy(array)
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    array[0] = 50.0
    (a * x).sum().backward()
    return {"a": a, "x": x}


@torture(
    "A tensor made from a NumPy array is written: so is the array, which is read again",
    expects={"a.grad": [30.0, 40.0], "x": [30.0, 40.0]},
)
def from_numpy_tensor_written() -> Tensors:
    array = np.array([3.0, 4.0])
    x = torch.from_numpy(array)
    x.mul_(10)
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (a * torch.tensor(array)).sum().backward()
    return {"a": a, "x": x}


@torture("NumPy computes in between: its result is a constant")
def numpy_in_between() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    factor = torch.as_tensor(np.tanh(a.detach().numpy()))
    (a * factor).sum().backward()
    return {"a": a, "factor": factor}


@torture(
    "numpy() of a tensor that requires a gradient",
    raises=RuntimeError,
    message="Can't call numpy() on Tensor that requires grad",
)
def numpy_of_tracked() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (a * torch.tensor(a.numpy())).sum().backward()
    return {"a": a}


@torture("tolist() and torch.tensor() of the list make a constant", expects={"a.grad": [1.0, 2.0]})
def tolist_round_trip() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    (a * torch.tensor(a.tolist())).sum().backward()
    return {"a": a}


@torture(
    "The view through untyped_storage() is written behind everybody's back",
    expects={"a.grad": [0.0, 0.0], "x": [0.0, 0.0]},
)
def storage_written() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    x = torch.tensor([3.0, 4.0])
    x.untyped_storage().fill_(0)
    (a * x).sum().backward()
    return {"a": a, "x": x}


@torture("torch.as_tensor of a tensor is the tensor itself", expects={"a.grad": [72.0, 144.0], "b": [6.0, 12.0]})
def as_tensor_is_identity() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    torch.as_tensor(b).mul_(3)
    (b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "contiguous() and to() return the tensor itself when there is nothing to do",
    expects={"a.grad": [84.0, 156.0], "b": [7.0, 13.0]},
)
def contiguous_may_alias() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b.contiguous().mul_(3)
    b.to(b.dtype).add_(1)
    b.clone().zero_()
    (b * b).sum().backward()
    return {"a": a, "b": b}

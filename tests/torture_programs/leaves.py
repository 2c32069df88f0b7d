"""Leaves: written, shared, used twice, switched on and off."""

from __future__ import annotations

import torch

from torture_programs.registry import Tensors, torture


@torture(
    "A leaf that requires a gradient is written in place",
    raises=RuntimeError,
    message="a leaf Variable that requires grad",
)
def write_to_leaf() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    a.mul_(2)
    a.sum().backward()
    return {"a": a}


@torture(
    "A view of a leaf is written in place", raises=RuntimeError, message="a view of a leaf Variable that requires grad"
)
def write_to_view_of_leaf() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    a[0] = 5.0
    a.sum().backward()
    return {"a": a}


@torture("One leaf is used twice, on two paths")
def leaf_used_twice() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a.sin()
    (b * a + a).sum().backward()
    return {"a": a, "b": b}


@torture("A leaf is used as both factors and as exponent")
def leaf_as_base_and_exponent() -> Tensors:
    a = torch.tensor([1.5, 2.0], requires_grad=True)
    (a**a).sum().backward()
    return {"a": a}


@torture("A leaf that the loss does not depend on keeps None", expects={"a.grad": [2.0, 4.0], "b.grad": None})
def unused_leaf() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([3.0], requires_grad=True)
    (a * a).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A leaf multiplied by zero has a gradient of zeros, not None", expects={"a.grad": [1.0, 1.0], "b.grad": [0.0, 0.0]}
)
def leaf_times_zero() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([3.0, 4.0], requires_grad=True)
    (a + 0 * b).sum().backward()
    return {"a": a, "b": b}


@torture("The loss is the leaf itself", expects={"a.grad": 1.0})
def loss_is_leaf() -> Tensors:
    a = torch.tensor(3.0, requires_grad=True)
    a.backward()
    return {"a": a}


@torture(
    "A tensor's requires_grad is turned on halfway: what was computed before is constant",
    expects={"a.grad": [3.0, 12.0], "before": [1.0, 4.0]},
)
def requires_grad_turned_on() -> Tensors:
    a = torch.tensor([1.0, 2.0])
    before = a * a
    a.requires_grad_()
    after = a * 3
    (before * after).sum().backward()
    return {"a": a, "before": before}


@torture(
    "A leaf's requires_grad is turned off halfway: what was computed before keeps its history",
    expects={"a.grad": [10.0, 20.0], "b": [2.0, 4.0], "c": [5.0, 10.0]},
)
def requires_grad_turned_off() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    a.requires_grad_(False)
    c = a * 5
    a.requires_grad_(True)
    (b * c).sum().backward()
    return {"a": a, "b": b, "c": c}


@torture(
    "requires_grad is toggled between two backwards, and .grad stays", expects={"a.grad": [12.0, 20.0], "b": [3.0, 4.0]}
)
def requires_grad_toggled_between() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([3.0, 4.0], requires_grad=True)
    (a * b).sum().backward()
    b.requires_grad_(False)
    (a * b * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "requires_grad of a non-leaf cannot be turned off",
    raises=RuntimeError,
    message="you can only change requires_grad flags of leaf variables",
)
def requires_grad_off_for_non_leaf() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b.requires_grad_(False)
    (a + b).sum().backward()
    return {"a": a}


@torture("A tensor from a closure is a leaf like any other", expects={"a.grad": [9.0, 9.0], "scale.grad": 18.0})
def leaf_from_a_closure() -> Tensors:
    scale = torch.tensor(3.0, requires_grad=True)

    def apply(x):
        return x * scale * scale

    a = torch.tensor([1.0, 2.0], requires_grad=True)
    apply(a).sum().backward()
    return {"a": a, "scale": scale}


@torture(
    "A default argument and a list element are captured, one of them rebound later", expects={"a.grad": [2.0, 4.0]}
)
def captured_then_rebound() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    factor = a.detach() * 2

    def apply(x, factor=factor):
        return x * factor

    factor = torch.zeros(2)
    (apply(a) + factor).sum().backward()
    return {"a": a}


@torture(
    "A Parameter that shares the storage of a plain tensor is updated through that tensor",
    expects={"p.grad": [20.0, 40.0], "values": [10.0, 20.0]},
)
def parameter_shares_storage() -> Tensors:
    values = torch.tensor([1.0, 2.0])
    p = torch.nn.Parameter(values)
    values.mul_(10)
    (p * p).sum().backward()
    return {"p": p, "values": values}


@torture(
    "Two parameters are views of one flat buffer, which is updated",
    expects={"weight.grad": [12.0, 9.0], "bias.grad": [8.0], "flat": [2.0, 4.0, 6.0]},
)
def parameters_in_one_buffer() -> Tensors:
    flat = torch.tensor([1.0, 2.0, 3.0])
    weight, bias = torch.nn.Parameter(flat[:2]), torch.nn.Parameter(flat[2:])
    (weight.prod() * bias).sum().backward()
    flat.mul_(2)
    (weight * bias).sum().backward()
    return {"weight": weight, "bias": bias, "flat": flat}


@torture("Tied weights: one parameter under two names", expects={"weight": [[1.0, 2.0], [3.0, 4.0]]})
def tied_weights() -> Tensors:
    encoder = torch.nn.Linear(2, 2, bias=False)
    decoder = torch.nn.Linear(2, 2, bias=False)
    decoder.weight = encoder.weight
    with torch.no_grad():
        encoder.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    decoder(torch.tanh(encoder(torch.tensor([[0.1, -0.2]])))).sum().backward()
    return {"weight": encoder.weight}

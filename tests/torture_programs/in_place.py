"""In-place operations, out= and copies."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from torture_programs.registry import Tensors, torture


@torture("A chain of in-place operations on one tensor")
def in_place_chain() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a.clone()
    b.add_(1).mul_(2).sub_(a).div_(3).neg_().pow_(2)
    b.sum().backward()
    return {"a": a, "b": b}


@torture(
    "An augmented assignment writes, an ordinary one rebinds",
    expects={"a.grad": [66.0, 170.0], "c": [3.0, 5.0], "d": [3.0, 5.0], "b": [4.0, 6.0]},
)
def augmented_or_rebound() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    c = b
    b += 1
    d = b
    b = b + 1
    (c * d * b).sum().backward()
    return {"a": a, "c": c, "d": d, "b": b}


@torture("An in-place operation with the tensor itself as operand", expects={"a.grad": [16.0, 32.0], "b": [16.0, 64.0]})
def in_place_with_itself() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b.add_(b)
    b.mul_(b.detach().clone())
    b.sum().backward()
    return {"a": a, "b": b}


@torture("mul_ of a tensor with itself", raises=RuntimeError, message="modified by an inplace operation")
def in_place_mul_with_itself() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b.mul_(b)
    b.sum().backward()
    return {"a": a, "b": b}


@torture("Activations in place, each on a copy of its own")
def in_place_activations() -> Tensors:
    a = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    outputs = []
    for activation in (F.relu, F.leaky_relu, F.elu, F.selu, F.celu, F.hardtanh, F.relu6, F.silu, F.mish):
        b = a * 2
        activation(b, inplace=True)
        outputs.append(b)
    torch.stack(outputs).prod(dim=1).sum().backward()
    (a * 1).tanh_().sum().backward()
    (a * 1).sigmoid_().sum().backward()
    return {"a": a, "outputs": torch.stack(outputs)}


@torture(
    "An activation in place saves its result, which the next one overwrites",
    raises=RuntimeError,
    message="modified by an inplace operation",
)
def in_place_activation_of_activation() -> Tensors:
    a = torch.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    b = F.relu(a * 2, inplace=True)
    b.tanh_()
    b.sum().backward()
    return {"a": a, "b": b}


@torture("out= writes a buffer when nothing is tracked", expects={"a.grad": [6.0, 0.0], "buffer": [6.0, 8.0]})
def out_argument() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    x = torch.tensor([3.0, 4.0])
    buffer = torch.empty(2)
    view = buffer[:1]
    torch.mul(x, 2, out=buffer)
    (a[:1] * view).sum().backward()
    return {"a": a, "buffer": buffer}


@torture(
    "out= with a tracked operand is refused", raises=RuntimeError, message="don't support automatic differentiation"
)
def out_argument_tracked() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    buffer = torch.empty(2)
    torch.mul(a, 2, out=buffer)
    buffer.sum().backward()
    return {"a": a}


@torture(
    "copy_ carries the history of what is copied, and broadcasts",
    expects={"a.grad": [24.0, 30.0], "b.grad": [[3.0, 6.0], [3.0, 6.0]], "c": [[3.0, 6.0], [3.0, 6.0]]},
)
def copy_in_place() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([[3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    c = b * b
    c.copy_(a * 3)
    (c * b).sum().backward()
    return {"a": a, "b": b, "c": c}


@torture(
    "fill_ with a number and with a tracked tensor", expects={"a.grad": [7.0, 9.0], "s.grad": 12.0, "b": [7.0, 9.0]}
)
def fill_in_place() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    s = torch.tensor(3.0, requires_grad=True)
    b = a * 2
    b[:1].fill_(7.0)
    b[1:].fill_(s * s)
    (b * a).sum().backward()
    return {"a": a, "s": s, "b": b}


@torture("zero_ cuts the history of what it overwrites", expects={"a.grad": [0.0, 8.0], "b": [0.0, 4.0]})
def zero_in_place() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b[0].zero_()
    (b * a).sum().backward()
    return {"a": a, "b": b}


@torture(
    "clamp_, masked_scatter_ and index_fill_ in a row", expects={"a.grad": [12.0, 9.0, 9.0], "b": [12.0, 9.0, 5.0]}
)
def rarer_in_place_writes() -> Tensors:
    a = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    b = a * 2
    b.clamp_(max=5.0)
    b.masked_scatter_(torch.tensor([True, False, False]), a[2:] * 4)
    b.index_fill_(0, torch.tensor([1]), 9.0)
    (b * a).sum().backward()
    return {"a": a, "b": b}


@torture(
    "addcmul_, addcdiv_ and lerp_, the words of optimizers, on tracked tensors",
    expects={"a.grad": [3.5, 4.1875], "a": [1.0, 2.0], "b": [1.375, 5.125]},
)
def optimizer_words_tracked() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b.addcmul_(a, a, value=0.5).addcdiv_(torch.ones(2), a, value=-1.0).lerp_(a * a, 0.25)
    b.sum().backward()
    return {"a": a, "b": b}


@torture(
    "transpose_ and unsqueeze_ change the shape of the tensor itself",
    expects={"a.grad": [[40.0, 66.0], [44.0, 16.0]], "b": [[[20.0, 60.0], [4.0, 8.0]]]},
)
def shape_changed_in_place() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    b = a * 2
    b.transpose_(0, 1)
    b[0].mul_(10)
    b.unsqueeze_(0)
    (b * a).sum().backward()
    return {"a": a, "b": b}


@torture(
    "In-place with broadcasting that would change the shape",
    raises=RuntimeError,
    message="doesn't match the broadcast shape",
)
def in_place_broadcast_too_wide() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a * 2
    b.add_(torch.ones(3, 2))
    b.sum().backward()
    return {"a": a}


@torture("A tensor's storage is exchanged by set_", expects={"a.grad": [5.0, 6.0], "x": [5.0, 6.0]})
def set_in_place() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    x = torch.tensor([3.0, 4.0])
    x.set_(torch.tensor([5.0, 6.0]))
    (a * x).sum().backward()
    return {"a": a, "x": x}

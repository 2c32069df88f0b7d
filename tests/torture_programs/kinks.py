"""Values at which a derivative is a convention, and defaults that change one."""

from __future__ import annotations

from math import inf, nan

import torch
import torch.nn.functional as F

from torture_programs.registry import Tensors, torture


@torture("relu at zero", expects={"a.grad": [0.0, 0.0, 1.0]})
def relu_at_zero() -> Tensors:
    a = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    a.relu().sum().backward()
    return {"a": a}


@torture("abs at zero", expects={"a.grad": [-1.0, 0.0, 1.0]})
def abs_at_zero() -> Tensors:
    a = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    a.abs().sum().backward()
    return {"a": a}


@torture("max over everything shares the gradient among ties", expects={"a.grad": [0.0, 0.5, 0.5]})
def max_ties() -> Tensors:
    a = torch.tensor([2.0, 5.0, 5.0], requires_grad=True)
    a.max().backward()
    return {"a": a}


@torture("max along an axis gives the whole gradient to one of the ties", expects={"a.grad": [[0.0, 1.0, 0.0]]})
def max_axis_ties() -> Tensors:
    a = torch.tensor([[2.0, 5.0, 5.0]], requires_grad=True)
    a.max(dim=1).values.sum().backward()
    return {"a": a}


@torture("amax shares the gradient among ties", expects={"a.grad": [[0.0, 0.5, 0.5]]})
def amax_ties() -> Tensors:
    a = torch.tensor([[2.0, 5.0, 5.0]], requires_grad=True)
    a.amax(dim=1).sum().backward()
    return {"a": a}


@torture("maximum and minimum of equal elements", expects={"a.grad": [5.5, 10.0], "b.grad": [5.5, 1.0]})
def maximum_ties() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([1.0, 3.0], requires_grad=True)
    (torch.maximum(a, b) + 10 * torch.minimum(a, b)).sum().backward()
    return {"a": a, "b": b}


@torture("clamp at its bounds lets the gradient through", expects={"a.grad": [0.0, 1.0, 1.0, 1.0, 0.0]})
def clamp_at_bounds() -> Tensors:
    a = torch.tensor([-2.0, -1.0, 0.5, 1.0, 2.0], requires_grad=True)
    a.clamp(-1.0, 1.0).sum().backward()
    return {"a": a}


@torture(
    "clamp with tensors as bounds that are leaves",
    expects={"a.grad": [0.0, 1.0, 0.0], "low.grad": 1.0, "high.grad": 1.0},
)
def clamp_with_tensor_bounds() -> Tensors:
    a = torch.tensor([-2.0, 1.0, 3.0], requires_grad=True)
    low = torch.tensor(-1.0, requires_grad=True)
    high = torch.tensor(1.0, requires_grad=True)
    a.clamp(low, high).sum().backward()
    return {"a": a, "low": low, "high": high}


@torture("hardtanh, relu6, hardsigmoid and hardswish at their corners")
def hard_activations_at_corners() -> Tensors:
    a = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0, 6.0], requires_grad=True)
    (F.hardtanh(a) + 10 * F.relu6(a) + 100 * F.hardsigmoid(a) + 1000 * F.hardswish(a)).sum().backward()
    return {"a": a}


@torture("leaky_relu, elu, celu and selu at zero")
def soft_activations_at_zero() -> Tensors:
    a = torch.tensor([0.0], requires_grad=True)
    (F.leaky_relu(a) + 10 * F.elu(a, alpha=2.0) + 100 * F.celu(a, alpha=2.0) + 1000 * F.selu(a)).sum().backward()
    return {"a": a}


@torture("hardshrink, softshrink and threshold at their corners", expects={"a.grad": [0.0, 0.0, 11.0]})
def shrinks_at_corners() -> Tensors:
    a = torch.tensor([-0.5, 0.5, 1.0], requires_grad=True)
    (F.hardshrink(a) + 10 * F.softshrink(a) + 100 * F.threshold(a, 1.0, 0.0)).sum().backward()
    return {"a": a}


@torture("sqrt at zero is infinite", expects={"a.grad": [inf, 0.25]})
def sqrt_at_zero() -> Tensors:
    a = torch.tensor([0.0, 4.0], requires_grad=True)
    a.sqrt().sum().backward()
    return {"a": a}


@torture("The norm of a zero vector has gradient zero", expects={"a.grad": [0.0, 0.0]})
def norm_at_zero() -> Tensors:
    a = torch.tensor([0.0, 0.0], requires_grad=True)
    a.norm().backward()
    return {"a": a}


@torture("The norm written out by hand at zero is nan", expects={"a.grad": [nan, nan]})
def norm_by_hand_at_zero() -> Tensors:
    a = torch.tensor([0.0, 0.0], requires_grad=True)
    (a * a).sum().sqrt().backward()
    return {"a": a}


@torture("linalg.vector_norm with ord 1 and inf at zero and at ties", expects={"a.grad": [0.0, 6.0, -6.0]})
def vector_norms_at_ties() -> Tensors:
    a = torch.tensor([0.0, 2.0, -2.0], requires_grad=True)
    (torch.linalg.vector_norm(a, 1) + 10 * torch.linalg.vector_norm(a, float("inf"))).backward()
    return {"a": a}


@torture("pow at zero with exponents a half, zero and two", expects={"a.grad": [inf, 2.5]})
def pow_at_zero() -> Tensors:
    a = torch.tensor([0.0, 1.0], requires_grad=True)
    (a**0.5).sum().backward()
    (a**0).sum().backward()
    (a**2).sum().backward()
    return {"a": a}


@torture("zero to the power zero, both leaves", expects={"a.grad": [0.0, 12.0]})
def zero_to_the_zero() -> Tensors:
    a = torch.tensor([0.0, 2.0], requires_grad=True)
    b = torch.tensor([0.0, 3.0], requires_grad=True)
    (a**b).sum().backward()
    return {"a": a, "b": b}


@torture("A product with zeros among its factors", expects={"a.grad": [[6.0, 0.0, 0.0], [0.0, 0.0, 0.0]]})
def prod_with_zeros() -> Tensors:
    a = torch.tensor([[0.0, 2.0, 3.0], [0.0, 0.0, 4.0]], requires_grad=True)
    a.prod(dim=1).sum().backward()
    return {"a": a}


@torture("cumprod with a zero among its factors", expects={"a.grad": [1.0, 8.0, 0.0]})
def cumprod_with_zero() -> Tensors:
    a = torch.tensor([2.0, 0.0, 3.0], requires_grad=True)
    a.cumprod(0).sum().backward()
    return {"a": a}


@torture("cummax with ties", expects={"a.grad": [1.0, 110.0, 0.0, 1000.0]})
def cummax_ties() -> Tensors:
    a = torch.tensor([2.0, 2.0, 1.0, 3.0], requires_grad=True)
    (a.cummax(0).values * torch.tensor([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    return {"a": a}


@torture("median of an even number of elements is the lower one", expects={"a.grad": [0.0, 0.0, 0.0, 1.0]})
def median_lower() -> Tensors:
    a = torch.tensor([4.0, 1.0, 3.0, 2.0], requires_grad=True)
    a.median().backward()
    return {"a": a}


@torture("std and var divide by n - 1 unless told otherwise")
def std_defaults() -> Tensors:
    a = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
    (a.std() + 10 * a.var(correction=0)).backward()
    return {"a": a}


@torture("std of equal elements: PyTorch masks the infinite slope to zero", expects={"a.grad": [0.0, 0.0, 0.0]})
def std_of_equal_elements() -> Tensors:
    a = torch.tensor([2.0, 2.0, 2.0], requires_grad=True)
    a.std().backward()
    return {"a": a}


@torture("xlogy, logaddexp and hypot at zero")
def functions_at_zero() -> Tensors:
    a = torch.tensor([0.0, 2.0], requires_grad=True)
    b = torch.tensor([0.0, 3.0], requires_grad=True)
    torch.xlogy(a, b + 1).sum().backward()
    torch.logaddexp(a, b).sum().backward()
    torch.hypot(a, b).sum().backward()
    return {"a": a, "b": b}


@torture("sign, floor, round and trunc have gradient zero", expects={"a.grad": [-3.0, 0.0, 5.0]})
def piecewise_constant() -> Tensors:
    a = torch.tensor([-1.5, 0.0, 2.5], requires_grad=True)
    (a.sign() + a.floor() + a.round() + a.trunc() + a * a).sum().backward()
    return {"a": a}


@torture("Remainders, with a negative dividend", expects={"a.grad": [11.0, 11.0], "b.grad": [12.0, 34.0]})
def remainders() -> Tensors:
    a = torch.tensor([-5.0, 7.0], requires_grad=True)
    b = torch.tensor([3.0, -2.0], requires_grad=True)
    (a % b + 10 * torch.fmod(a, b)).sum().backward()
    return {"a": a, "b": b}


@torture("gelu is exact by default, softplus is linear above its threshold")
def activation_defaults() -> Tensors:
    a = torch.tensor([-0.5, 1.0, 25.0], requires_grad=True)
    (F.gelu(a) + 10 * F.gelu(a, approximate="tanh") + 100 * F.softplus(a)).sum().backward()
    return {"a": a}


@torture("layer_norm of a constant row lives by its eps")
def layer_norm_of_constant() -> Tensors:
    a = torch.tensor([[2.0, 2.0, 2.0], [1.0, 2.0, 4.0]], requires_grad=True)
    (F.layer_norm(a, (3,)) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    return {"a": a}


@torture("normalize of a zero vector lives by its eps")
def normalize_at_zero() -> Tensors:
    a = torch.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    (F.normalize(a, dim=1) * torch.tensor([1.0, 2.0])).sum().backward()
    return {"a": a}


@torture("smooth_l1, huber and l1 losses at their corners")
def losses_at_corners() -> Tensors:
    a = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    zeros = torch.zeros(3)
    (F.smooth_l1_loss(a, zeros) + 10 * F.huber_loss(a, zeros, delta=0.5) + 100 * F.l1_loss(a, zeros)).backward()
    return {"a": a}


@torture("cross_entropy with an ignored row, class weights and label smoothing")
def cross_entropy_options() -> Tensors:
    a = torch.tensor([[1.0, 2.0, 0.5], [0.1, 0.2, 0.3], [3.0, 1.0, 1.0]], requires_grad=True)
    labels = torch.tensor([2, -100, 0])
    F.cross_entropy(a, labels, weight=torch.tensor([1.0, 2.0, 3.0]), label_smoothing=0.1).backward()
    return {"a": a}


@torture(
    "softmax of a row that is masked wholly is nan; its gradient is zero behind the mask",
    expects={"a.grad": [[0.0, 0.0], [0.0, 0.0]], "y": [[0.0, 1.0], [nan, nan]]},
)
def softmax_of_masked_row() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    mask = torch.tensor([[True, False], [True, True]])
    y = a.masked_fill(mask, float("-inf")).softmax(dim=1)
    (y * torch.tensor([1.0, 2.0])).sum().backward()
    return {"a": a, "y": y}


@torture("Max pooling of equal elements gives the gradient to the first", expects={"a.grad": [[[1.0, 0.0, 10.0, 0.0]]]})
def max_pool_ties() -> Tensors:
    a = torch.tensor([[[1.0, 1.0, 3.0, 3.0]]], requires_grad=True)
    (F.max_pool1d(a, 2) * torch.tensor([1.0, 10.0])).sum().backward()
    return {"a": a}


@torture("Batch norm uses the batch's statistics and updates the running ones")
def batch_norm_running_state() -> Tensors:
    a = torch.tensor([[1.0, 2.0], [3.0, 6.0], [5.0, 4.0]], requires_grad=True)
    mean, var = torch.zeros(2), torch.ones(2)
    for _ in range(2):
        y = F.batch_norm(a, mean, var, training=True, momentum=0.1)
    ((y**3).sum() + F.batch_norm(a, mean, var).sum()).backward()
    return {"a": a, "mean": mean, "var": var}

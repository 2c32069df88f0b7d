"""Integers, booleans, casts, promotion and complex numbers."""

from __future__ import annotations

import torch

from torture_programs.registry import Tensors, torture


@torture(
    "Integer and boolean tensors take part as constants",
    expects={"a.grad": [0.0, 0.0, 2.0], "n": [0, 1, 2], "mask": [True, False, True]},
)
def integers_and_booleans() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    n = torch.arange(3)
    mask = n % 2 == 0
    (a * n * mask).sum().backward()
    return {"a": a, "n": n, "mask": mask}


@torture("Integer division and integer counts", expects={"quotient": [3, -4, 2]})
def integer_division() -> Tensors:
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    n = torch.tensor([7, -7, 5])
    (a * (n // 2) + a / n + a * (n / 2)).sum().backward()
    return {"a": a, "quotient": n // 2}


@torture(
    "An integer leaf cannot require a gradient",
    raises=RuntimeError,
    message="Only Tensors of floating point and complex dtype can require gradients",
)
def integer_leaf() -> Tensors:
    a = torch.tensor([1, 2], requires_grad=True)
    return {"a": a}


@torture("A mean of integers is refused", raises=RuntimeError, message="could not infer output dtype")
def mean_of_integers() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    n = torch.tensor([1, 2])
    (a * n.mean()).sum().backward()
    return {"a": a}


@torture("A cast to double and back", expects={"a.grad": [0.2, 0.8], "b": [0.1, 0.4]})
def cast_to_double() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = a.double() * torch.tensor([0.1, 0.2], dtype=torch.float64)
    (b.to(a.dtype) * a).sum().backward()
    return {"a": a, "b": b}


@torture("A cast to integer cuts the gradient", expects={"a.grad": [1.0, 2.0]})
def cast_to_integer() -> Tensors:
    a = torch.tensor([1.5, 2.5], requires_grad=True)
    (a.long() * a).sum().backward()
    return {"a": a}


@torture("Types are promoted: a low-precision leaf gets its gradient in its own type", expects={"b.grad": [1.0, 2.0]})
def promotion_of_half() -> Tensors:
    a = torch.tensor([1.0, 2.0], dtype=torch.bfloat16, requires_grad=True)
    b = torch.tensor([0.1, 0.2], requires_grad=True)
    (a * b).sum().backward()
    return {"a": a, "b": b}


@torture(
    "A number from Python does not promote, a tensor without dimensions does not either",
    expects={"a.grad": [6.0, 6.0], "s.grad": 6.0, "y": [6.0, 12.0]},
)
def zero_dimensional_promotion() -> Tensors:
    a = torch.tensor([1.0, 2.0], dtype=torch.float32, requires_grad=True)
    s = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    y = a * s * 2
    y.sum().backward()
    return {"a": a, "s": s, "y": y}


@torture("Boolean arithmetic: counting what is true", expects={"a.grad": [0.5, 0.0, 0.5], "count": 2})
def boolean_arithmetic() -> Tensors:
    a = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    positive = a > 0
    count = positive.sum()
    ((a * positive).sum() / count).backward()
    return {"a": a, "count": count}


@torture("A complex leaf with a real loss", expects={"z.grad": [(2 + 4j), (6 - 2j)]})
def complex_leaf() -> Tensors:
    z = torch.tensor([1.0 + 2.0j, 3.0 - 1.0j], requires_grad=True)
    (z * z.conj()).real.sum().backward()
    return {"z": z}


@torture("A holomorphic function of a complex leaf: the gradient is conjugated", expects={"z.grad": [(2 - 4j)]})
def complex_holomorphic() -> Tensors:
    z = torch.tensor([1.0 + 2.0j], requires_grad=True)
    (z**2).backward(gradient=torch.tensor([1.0 + 0.0j]))
    return {"z": z}


@torture("A real leaf through complex numbers and back", expects={"z": [(1 + 1j), (2 + 4j)]})
def real_through_complex() -> Tensors:
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    z = torch.complex(a, a * a)
    (z * 1j).exp().abs().sum().backward()
    return {"a": a, "z": z}


@torture("A write through the real part, a view of a complex tensor", expects={"w": [(6 + 5j), (18 - 2j)]})
def write_through_real() -> Tensors:
    z = torch.tensor([1.0 + 2.0j, 3.0 - 1.0j], requires_grad=True)
    w = z * 2
    w.real.mul_(3)
    w.imag[0] = 5.0
    w.abs().sum().backward()
    return {"z": z, "w": w}


@torture("A lazily conjugated tensor is written", expects={"z.grad": [(-8 + 16j)], "w": [(4 - 2j)]})
def write_through_conjugate() -> Tensors:
    z = torch.tensor([1.0 + 2.0j], requires_grad=True)
    w = z * 2
    w.conj().mul_(1j)
    (w * w).real.sum().backward()
    return {"z": z, "w": w}


@torture("abs and angle of a complex zero")
def complex_abs_at_zero() -> Tensors:
    z = torch.tensor([0.0 + 0.0j, 3.0 + 4.0j], requires_grad=True)
    z.abs().sum().backward()
    return {"z": z}

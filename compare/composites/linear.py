"""Affine maps and products of matrices that PyTorch has one function for."""

from __future__ import annotations

from compare.composites.composite import composite
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = ["addbmm", "addmm", "addmv", "baddbmm", "bilinear", "linear"]


@composite("torch.nn.functional.linear")
def linear(tape: Tape, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`input @ weight.mT + bias`: `f[..., in]`, `f[out, in]` (or `f[in]`), `f[out]` give `f[..., out]`."""
    product = tape.linear(input, weight) if len(weight.shape) == 2 else input @ weight
    return product if bias is None else product + bias


@composite("torch.nn.functional.bilinear", "torch.bilinear")
def bilinear(tape: Tape, input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`input1[i] weight[k, i, j] input2[j]`: `f[..., i]`, `f[..., j]`, `f[k, i, j]` give `f[..., k]`."""
    rows = input1[..., None, None, :] @ weight
    products = rows[..., 0, :] * input2[..., None, :]
    result = products.sum(axis=-1)
    return result if bias is None else result + bias


def _added(name: str, input: Tensor, product: Tensor, beta: float, alpha: float) -> Tensor:
    """`beta * input + alpha * product`; a factor of 1 is left out."""
    if beta == 0:
        raise ProgramError(
            f"{name} with beta=0 ignores the values of its first argument and gives it a gradient of zeros, which JAX "
            "has no function for. Leave the argument out: write the product alone."
        )
    scaled = product if alpha == 1 else product * alpha
    return scaled + (input if beta == 1 else input * beta)


@composite("torch.addmm")
def addmm(
    tape: Tape, input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:  # fmt: skip
    """`beta * input + alpha * mat1 @ mat2` of matrices."""
    return _added("torch.addmm", input, mat1 @ mat2, beta, alpha)


@composite("torch.addmv")
def addmv(
    tape: Tape, input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:  # fmt: skip
    """`beta * input + alpha * mat @ vec` of a matrix and a vector."""
    return _added("torch.addmv", input, mat @ vec, beta, alpha)


@composite("torch.baddbmm")
def baddbmm(
    tape: Tape, input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:  # fmt: skip
    """`beta * input + alpha * batch1 @ batch2` of stacks of matrices."""
    return _added("torch.baddbmm", input, batch1 @ batch2, beta, alpha)


@composite("torch.addbmm")
def addbmm(
    tape: Tape, input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:  # fmt: skip
    """`beta * input + alpha * (batch1 @ batch2).sum(0)` of stacks of matrices."""
    products = batch1 @ batch2
    return _added("torch.addbmm", input, products.sum(axis=0), beta, alpha)

"""PyTorch's own backward formulas, called as functions: what code that was exported or compiled once is made of."""

from __future__ import annotations

from compare.composites.composite import composite
from compare.composites.kinds import check_floats
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__: list[str] = []


def _check_dtype(what: str, input: Tensor, dtype: str) -> None:
    check_floats(what, input)
    if dtype != input.dtype_name:
        raise ProgramError(f"{what} into {dtype} is not modelled. Cast the result.")


@composite("torch.ops.aten._softmax_backward_data")
def _softmax_backward(tape: Tape, grad_output: Tensor, output: Tensor, dim: int, input_dtype: str) -> Tensor:
    _check_dtype("_softmax_backward_data", grad_output, input_dtype)
    if not output.shape:
        return output * (grad_output - grad_output * output)
    return output * (grad_output - (grad_output * output).sum(axis=dim, keepdims=True))


@composite("torch.ops.aten._log_softmax_backward_data")
def _log_softmax_backward(tape: Tape, grad_output: Tensor, output: Tensor, dim: int, input_dtype: str) -> Tensor:
    _check_dtype("_log_softmax_backward_data", grad_output, input_dtype)
    total = grad_output.sum(axis=dim, keepdims=True) if output.shape else grad_output
    return grad_output - output.exp() * total


@composite("torch.ops.aten.native_dropout_backward")
def _dropout_backward(tape: Tape, grad_output: Tensor, mask: Tensor, scale: float) -> Tensor:
    return grad_output * mask.astype(dtype=grad_output.dtype_name) * scale

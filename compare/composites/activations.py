"""Activations with PyTorch's slopes at their kinks, which JAX's own functions share out, and their in-place forms.

Where a kink belongs to neither side's slope by itself, `where` says which side it is on.
"""

from __future__ import annotations

from typing import Any

from compare.composites.composite import composite
from compare.composites.constants import cast
from compare.composites.kinds import check_floats
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__: list[str] = []

Number = int | float


# ---- with kinks ----


def _leaky(tape: Tape, input: Tensor, slope: Any) -> Tensor:
    # At zero PyTorch takes the slope of the left side, and jax.nn.leaky_relu that of the right.
    return tape.where(input > 0, input, input * slope)


def _bounded(tape: Tape, input: Tensor, low: Number, high: Number) -> Tensor:
    capped = tape.where(input >= high, high, input)
    return tape.where(input <= low, low, capped)


def _hardsigmoid(tape: Tape, input: Tensor) -> Tensor:
    # In float64, PyTorch's own slope is the float32 nearest to 1/6: it is off by 3e-8.
    rising = tape.where(input >= 3, 1.0, (input + 3) / 6)
    return tape.where(input <= -3, 0.0, rising)


def _hardswish(tape: Tape, input: Tensor) -> Tensor:
    rising = tape.where(input >= 3, input, input * (input + 3) / 6)
    return tape.where(input <= -3, 0.0, rising)


def _threshold(tape: Tape, input: Tensor, threshold: Number, value: Number) -> Tensor:
    return tape.where(input <= threshold, value, input)


@composite("torch.nn.functional.relu", "torch.relu")
def _relu(tape: Tape, input: Tensor, inplace: bool = False) -> Any:
    return input.relu_() if inplace else _relu_of(tape, input)


def _relu_of(tape: Tape, input: Tensor) -> Tensor:
    return tape.relu(input)


@composite("torch.nn.functional.leaky_relu")
def _leaky_relu(tape: Tape, input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    if inplace:
        leaky = _leaky(tape, input.clone(), negative_slope)
        return input.copy_(leaky)
    return _leaky(tape, input, negative_slope)


@composite("torch.nn.functional.rrelu", "torch.rrelu")
def _rrelu(
    tape: Tape,
    input: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Any:
    if training:
        raise ProgramError("rrelu in place, in training, draws its slopes. Call it without inplace, or in evaluation.")
    return _leaky_relu(tape, input, (lower + upper) / 2, inplace)


@composite("torch.nn.functional.prelu", "torch.prelu")
def _prelu(tape: Tape, input: Tensor, weight: Tensor) -> Tensor:
    slope = weight
    if weight.shape != () and len(input.shape) > 2 and weight.shape != (1,):
        slope = tape.reshape(weight, shape=(-1, *[1] * (len(input.shape) - 2)))
    elif weight.shape == (1,) and not input.shape:
        slope = weight[0]
    return _leaky(tape, input, slope)


@composite("torch.nn.functional.hardtanh")
def _hardtanh(tape: Tape, input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    if min_val > max_val:
        raise ProgramError(f"hardtanh: min_val {min_val} is above max_val {max_val}.")
    if inplace:
        bounded = _bounded(tape, input.clone(), min_val, max_val)
        return input.copy_(bounded)
    return _bounded(tape, input, min_val, max_val)


@composite("torch.nn.functional.relu6")
def _relu6(tape: Tape, input: Tensor, inplace: bool = False) -> Any:
    return _hardtanh(tape, input, 0.0, 6.0, inplace)


@composite("torch.nn.functional.hardsigmoid")
def _hardsigmoid_or_in_place(tape: Tape, input: Tensor, inplace: bool = False) -> Any:
    if inplace:
        rising = _hardsigmoid(tape, input.clone())
        return input.copy_(rising)
    return _hardsigmoid(tape, input)


@composite("torch.nn.functional.hardswish")
def _hardswish_or_in_place(tape: Tape, input: Tensor, inplace: bool = False) -> Any:
    if inplace:
        rising = _hardswish(tape, input.clone())
        return input.copy_(rising)
    return _hardswish(tape, input)


@composite("torch.nn.functional.threshold", "torch.threshold")
def _threshold_or_in_place(tape: Tape, input: Tensor, threshold: float, value: float, inplace: bool = False) -> Any:
    if inplace:
        kept = _threshold(tape, input.clone(), threshold, value)
        return input.copy_(kept)
    return _threshold(tape, input, threshold, value)


@composite("torch.nn.functional.softshrink")
def _softshrink(tape: Tape, input: Tensor, lambd: float = 0.5) -> Tensor:
    shrunk = tape.where(input > 0, input - lambd, input + lambd)
    return tape.where(input.abs() <= lambd, 0.0, shrunk)


@composite("torch.nn.functional.hardshrink", "torch.hardshrink")
def _hardshrink(tape: Tape, input: Tensor, lambd: float = 0.5) -> Tensor:
    return tape.where(input.abs() <= lambd, 0.0, input)


@composite("torch.nn.functional.softplus")
def _softplus(tape: Tape, input: Tensor, beta: Number = 1, threshold: Number = 20) -> Tensor:
    # Beyond its threshold PyTorch's softplus is the identity, to the bit and in its slope; JAX's has no threshold.
    scaled = input if beta == 1 else input * beta
    curved = scaled.softplus() if beta == 1 else scaled.softplus() / beta
    return tape.where(scaled > threshold, input, curved)


@composite("torch.nn.functional.hardtanh_")
def _hardtanh_in_place(tape: Tape, input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    return _hardtanh(tape, input, min_val, max_val, True)


@composite("torch.nn.functional.threshold_")
def _threshold_in_place(tape: Tape, input: Tensor, threshold: float, value: float) -> Any:
    return _threshold_or_in_place(tape, input, threshold, value, True)


# ---- smooth ones, in place ----


@composite("torch.nn.functional.elu")
def _elu(tape: Tape, input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Any:
    return input.elu_(alpha=float(alpha)) if inplace else _smooth(tape, "elu", input, alpha=float(alpha))


@composite("torch.nn.functional.celu")
def _celu(tape: Tape, input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Any:
    return input.celu_(alpha=float(alpha)) if inplace else _smooth(tape, "celu", input, alpha=float(alpha))


@composite("torch.nn.functional.selu")
def _selu(tape: Tape, input: Tensor, inplace: bool = False) -> Any:
    return input.selu_() if inplace else _smooth(tape, "selu", input)


@composite("torch.nn.functional.silu")
def _silu(tape: Tape, input: Tensor, inplace: bool = False) -> Any:
    return input.silu_() if inplace else _smooth(tape, "silu", input)


@composite("torch.nn.functional.mish")
def _mish(tape: Tape, input: Tensor, inplace: bool = False) -> Any:
    return input.mish_() if inplace else _smooth(tape, "mish", input)


def _smooth(tape: Tape, row: str, input: Tensor, **attributes: float) -> Tensor:
    return getattr(tape, row)(input, **attributes)


@composite("torch.nn.functional.gelu")
def _gelu(tape: Tape, input: Tensor, approximate: str = "none") -> Tensor:
    if approximate not in ("none", "tanh"):
        raise ProgramError(f"gelu has no approximation {approximate!r}; PyTorch knows 'none' and 'tanh'.")
    return _smooth(tape, "gelu_tanh" if approximate == "tanh" else "gelu", input)


@composite("torch.nn.functional.tanhshrink")
def _tanhshrink(tape: Tape, input: Tensor) -> Tensor:
    return input - input.tanh()


@composite("torch.nn.functional.glu")
def _glu(tape: Tape, input: Tensor, dim: int = -1) -> Tensor:
    if not input.shape or input.shape[dim] % 2:
        raise ProgramError(f"glu halves axis {dim}, and shape {list(input.shape)} has no two halves there.")
    value, gate = tape.split(input, sizes=input.shape[dim] // 2, axis=dim)
    return value * gate.sigmoid()


# ---- over an axis ----


def _one_axis(what: str, dim: int | None) -> int:
    if dim is None:
        raise ProgramError(f"{what} needs dim: without it PyTorch guesses the axis, and warns.")
    return dim


@composite("torch.nn.functional.softmax")
def _softmax(
    tape: Tape, input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: str | None = None
) -> Tensor:
    return tape.softmax(cast(tape, input, dtype), axis=_one_axis("softmax", dim))


@composite("torch.nn.functional.log_softmax")
def _log_softmax(
    tape: Tape, input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: str | None = None
) -> Tensor:
    axis = _one_axis("log_softmax", dim)
    return tape.log_softmax(cast(tape, input, dtype), axis=axis)


@composite("torch.softmax", "torch.special.softmax")
def _softmax_along(tape: Tape, input: Tensor, dim: int, dtype: str | None = None) -> Tensor:
    return _softmax(tape, input, dim, dtype=dtype)


@composite("torch.log_softmax", "torch.special.log_softmax")
def _log_softmax_along(tape: Tape, input: Tensor, dim: int, dtype: str | None = None) -> Tensor:
    return _log_softmax(tape, input, dim, dtype=dtype)


@composite("torch.nn.functional.softmin")
def _softmin(
    tape: Tape, input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: str | None = None
) -> Tensor:
    check_floats("softmin", input)
    return tape.softmax(cast(tape, -input, dtype), axis=_one_axis("softmin", dim))


# ---- dropout ----


def _undropped(name: str, input: Tensor, p: float, training: bool) -> Tensor:
    if training and p:
        raise ProgramError(f"{name} in training draws a mask. Record it in evaluation, or multiply by a mask of data.")
    return input


@composite("torch.nn.functional.dropout")
def _dropout(tape: Tape, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    return _undropped("dropout", input, p, training)


@composite("torch.dropout")
def _dropout_by_train(tape: Tape, input: Tensor, p: float, train: bool) -> Tensor:
    return _undropped("dropout", input, p, train)


@composite(
    "torch.nn.functional.dropout1d", "torch.nn.functional.dropout2d", "torch.nn.functional.dropout3d"
)  # fmt: skip
def _dropout_of_channels(
    tape: Tape, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    return _undropped("dropout of channels", input, p, training)


@composite("torch.nn.functional.alpha_dropout", "torch.nn.functional.feature_alpha_dropout")
def _alpha_dropout(tape: Tape, input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    return _undropped("alpha_dropout", input, p, training)

"""Normalizations: over a batch, the axes of an example, groups of channels, or neighbouring channels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from compare.composites.composite import composite
from compare.composites.reductions import vector_norm
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = [
    "batch_norm", "batch_norm_of_torch", "group_norm", "group_norm_of_torch", "instance_norm", "instance_norm_of_torch",
    "layer_norm", "layer_norm_of_torch", "local_response_norm", "native_batch_norm", "native_batch_norm_legit",
    "native_group_norm", "native_layer_norm", "norm_except_dim", "normalize", "rms_norm", "weight_norm",
]  # fmt: skip


def _normalized(input: Tensor, axes: tuple[int, ...], eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """The input less its mean, over its deviation along axes; the mean and the variance, whose axes are kept."""
    mean = input.mean(axis=axes, keepdims=True)
    variance = input.var(axis=axes, correction=0, keepdims=True)
    normalized = (input - mean) / (variance + eps).sqrt()
    return normalized, mean, variance


def _of_channels(vector: Tensor, ndim: int) -> Tensor:
    """A vector with an element for every channel, shaped to meet axis 1 of `ndim` axes."""
    return vector[(None, slice(None), *[None] * (ndim - 2))]


def _affine(normalized: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    scaled = normalized if weight is None else normalized * weight
    return scaled if bias is None else scaled + bias


def _affine_of_channels(normalized: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    ndim = len(normalized.shape)
    scale = None if weight is None else _of_channels(weight, ndim)
    shift = None if bias is None else _of_channels(bias, ndim)
    return _affine(normalized, scale, shift)


def _move(running: Tensor, new: Tensor, momentum: float) -> None:
    """`running` a step of `momentum` towards `new`, in place; call it under no_grad."""
    moved = running * (1 - momentum) + new * momentum
    running.copy_(moved)


# ---- over a batch ----


@composite("torch.nn.functional.batch_norm")
def batch_norm(
    tape: Tape,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Every channel of `f[batch, channels, ...]` less its mean, over its deviation.

    In training these are of the batch, and the running ones move towards them: the mean, and the variance with Bessel's
    correction. Otherwise they are the running ones.
    """
    axes = (0, *range(2, len(input.shape)))
    if not training:
        if running_mean is None or running_var is None:
            raise ProgramError("torch.nn.functional.batch_norm outside of training needs running_mean and running_var.")
        mean, variance = (_of_channels(one, len(input.shape)) for one in (running_mean, running_var))
        normalized = (input - mean) / (variance + eps).sqrt()
        return _affine_of_channels(normalized, weight, bias)
    count = math.prod(input.shape[axis] for axis in axes)
    if count < 2:
        raise ProgramError(
            "torch.nn.functional.batch_norm in training: there is one value for each channel, and PyTorch raises. Give "
            "a larger batch."
        )
    normalized, mean, variance = _normalized(input, axes, eps)
    with tape.no_grad():
        if running_mean is not None:
            _move(running_mean, mean.squeeze(axis=axes), momentum)
        if running_var is not None:
            unbiased = variance.squeeze(axis=axes) * (count / (count - 1))
            _move(running_var, unbiased, momentum)
    return _affine_of_channels(normalized, weight, bias)


@composite("torch.nn.functional.instance_norm")
def instance_norm(
    tape: Tape,
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Every channel of every example of `f[batch, channels, ...]` less its mean, over its deviation.

    The running mean and variance move towards those of the examples, averaged; with use_input_stats=False they are
    what is used.
    """
    if not use_input_stats:
        return batch_norm(tape, input, running_mean, running_var, weight, bias, False, momentum, eps)
    axes = tuple(range(2, len(input.shape)))
    count = math.prod(input.shape[2:])
    if count < 2:
        raise ProgramError(
            "torch.nn.functional.instance_norm: there is one value for each channel of an example, and PyTorch raises."
        )
    normalized, mean, variance = _normalized(input, axes, eps)
    with tape.no_grad():
        if running_mean is not None:
            means = mean.squeeze(axis=axes)
            _move(running_mean, means.mean(axis=0), momentum)
        if running_var is not None:
            variances = variance.squeeze(axis=axes) * (count / (count - 1))
            _move(running_var, variances.mean(axis=0), momentum)
    return _affine_of_channels(normalized, weight, bias)


# ---- over the axes of an example ----


def _last_axes(name: str, input: Tensor, normalized_shape: Sequence[int]) -> tuple[int, ...]:
    shape = tuple(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ProgramError(f"{name}: the shape {list(input.shape)} does not end in {list(shape)}.")
    return tuple(range(-len(shape), 0))


@composite("torch.nn.functional.layer_norm")
def layer_norm(
    tape: Tape,
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """The input less its mean, over its deviation along the last axes, of the shape `normalized_shape`."""
    axes = _last_axes("torch.nn.functional.layer_norm", input, normalized_shape)
    normalized, _, _ = _normalized(input, axes, eps)
    return _affine(normalized, weight, bias)


@composite("torch.nn.functional.group_norm")
def group_norm(
    tape: Tape,
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Every group of channels of every example of `f[batch, channels, ...]` less its mean, over its deviation."""
    batch, channels = input.shape[:2]
    if num_groups < 1 or channels % num_groups:
        raise ProgramError(f"torch.nn.functional.group_norm: {num_groups} groups do not divide {channels} channels.")
    grouped = input.reshape((batch, num_groups, math.prod(input.shape[1:]) // num_groups))
    normalized, _, _ = _normalized(grouped, (2,), eps)
    return _affine_of_channels(normalized.reshape(input.shape), weight, bias)


@composite("torch.nn.functional.rms_norm", "torch.rms_norm")
def rms_norm(
    tape: Tape,
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """The input over the root of its mean square along the last axes, of the shape `normalized_shape`.

    Without `eps` it is the machine epsilon of the input's dtype.
    """
    axes = _last_axes("torch.nn.functional.rms_norm", input, normalized_shape)
    smallest = float(np.finfo(input.dtype_name).eps) if eps is None else eps
    mean_square = (input * input).mean(axis=axes, keepdims=True)
    normalized = input * (mean_square + smallest).rsqrt()
    return _affine(normalized, weight, None)


# ---- what these functions call: other orders of the arguments ----


@composite("torch.batch_norm")
def batch_norm_of_torch(
    tape: Tape,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """What torch.nn.functional.batch_norm calls."""
    return batch_norm(tape, input, running_mean, running_var, weight, bias, training, momentum, eps)


@composite("torch.instance_norm")
def instance_norm_of_torch(
    tape: Tape,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """What torch.nn.functional.instance_norm calls."""
    return instance_norm(tape, input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


@composite("torch.layer_norm")
def layer_norm_of_torch(
    tape: Tape,
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """What torch.nn.functional.layer_norm calls."""
    return layer_norm(tape, input, normalized_shape, weight, bias, eps)


@composite("torch.group_norm")
def group_norm_of_torch(
    tape: Tape,
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """What torch.nn.functional.group_norm calls."""
    return group_norm(tape, input, num_groups, weight, bias, eps)


# ---- what PyTorch computes them with: results and what is saved for backward ----


def _over_deviation(variance: Tensor, eps: float, shape: tuple[int, ...]) -> Tensor:
    return (variance + eps).rsqrt().reshape(shape)


@composite("torch.native_layer_norm")
def native_layer_norm(
    tape: Tape,
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The result, the mean, and one over the deviation; the last two without history."""
    axes = _last_axes("torch.native_layer_norm", input, normalized_shape)
    normalized, mean, variance = _normalized(input, axes, eps)
    with tape.no_grad():
        mean = mean.detach()
        rstd = (variance + eps).rsqrt()
    return _affine(normalized, weight, bias), mean, rstd


@composite("torch.native_group_norm")
def native_group_norm(
    tape: Tape,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    N: int,  # noqa: N803
    C: int,  # noqa: N803
    HxW: int,  # noqa: N803
    group: int,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The result, the mean of every group, and one over its deviation."""
    grouped = input.reshape((N, group, C // group * HxW))
    normalized, mean, variance = _normalized(grouped, (2,), eps)
    rstd = _over_deviation(variance, eps, (N, group))
    return _affine_of_channels(normalized.reshape(input.shape), weight, bias), mean.reshape((N, group)), rstd


def _saved_of_batch(tape: Tape, input: Tensor, eps: float, training: bool) -> tuple[Tensor, Tensor]:
    """The mean of the batch, and one over its deviation, without history; nothing outside of training."""
    if not training:
        nothing = tape.constant(np.zeros(0), dtype=input.dtype_name)
        return nothing, nothing.clone()
    axes = (0, *range(2, len(input.shape)))
    with tape.no_grad():
        save_mean = input.mean(axis=axes)
        variance = input.var(axis=axes, correction=0)
        save_invstd = (variance + eps).rsqrt()
    return save_mean, save_invstd


@composite("torch.native_batch_norm")
def native_batch_norm(
    tape: Tape,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The result of batch_norm, and what is saved."""
    normalized = batch_norm(tape, input, running_mean, running_var, weight, bias, training, momentum, eps)
    return (normalized, *_saved_of_batch(tape, input, eps, training))


@composite("torch._native_batch_norm_legit")
def native_batch_norm_legit(
    tape: Tape, input: Tensor, weight: Tensor | None, bias: Tensor | None, *settings: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """The same, also without running statistics: then three settings follow, and not five."""
    statistics, (training, momentum, eps) = settings[:-3] or (None, None), settings[-3:]
    return native_batch_norm(tape, input, weight, bias, *statistics, training, momentum, eps)


def _with_reserve(training: bool) -> Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]]:
    def function(
        tape: Tape,
        input: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        momentum: float,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        made = native_batch_norm(tape, input, weight, bias, running_mean, running_var, training, momentum, eps)
        return (*made, tape.constant(np.zeros(0, dtype=int), dtype="int64"))

    function.__doc__ = "The result of batch_norm, what is saved, and the room that another device would use."
    return function


composite("torch.ops.aten._batch_norm_with_update")(_with_reserve(True))
composite("torch.ops.aten._batch_norm_no_update")(_with_reserve(False))


# ---- over neighbouring channels ----


@composite("torch.nn.functional.local_response_norm")
def local_response_norm(
    tape: Tape, input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:  # fmt: skip
    """The input over `(k + alpha * mean of the squares of size neighbouring channels) ** beta`."""
    if len(input.shape) < 3:
        raise ProgramError("torch.nn.functional.local_response_norm needs a batch, channels, and an axis more.")
    channels, behind = input.shape[1], len(input.shape) - 2
    padded = tape.pad(input * input, widths=(*[0, 0] * behind, size // 2, (size - 1) // 2))
    total = padded[:, 0:channels]
    for offset in range(1, size):
        total = total + padded[:, offset : offset + channels]
    divisor = (total * (alpha / size) + k) ** beta
    return input / divisor


# ---- to length one ----


@composite("torch.nn.functional.normalize")
def normalize(
    tape: Tape,
    input: Tensor,
    p: float = 2.0,
    dim: int | Sequence[int] = 1,
    eps: float = 1e-12,
    out: Tensor | None = None,
) -> Tensor:
    """The input over its p-norm along `dim`, or over `eps` where that is larger.

    Where all elements are zero, the norm has the gradient zero, as in PyTorch.
    """
    if out is not None:
        raise ProgramError("torch.nn.functional.normalize writes into out. Leave it out, and copy the result.")
    axis = (dim,) if isinstance(dim, int) else tuple(dim)
    # JAX's abs has the slope 1 at zero, PyTorch's has 0.
    size = input * input.sign()
    if p == math.inf:
        norm = size.max(axis=axis, keepdims=True)
    elif p == 1:
        norm = size.sum(axis=axis, keepdims=True)
    elif p > 1:
        powers = input * input if p == 2 else size**p
        total = powers.sum(axis=axis, keepdims=True)
        is_zero = total == 0
        # The slope of a root at zero is infinite, and infinity times zero is nan: no root is taken there.
        filled = tape.where(is_zero, 1.0, total)
        root = filled.sqrt() if p == 2 else filled ** (1 / p)
        norm = tape.where(is_zero, 0.0, root)
    else:
        raise ProgramError(
            f"torch.nn.functional.normalize: p={p} has no bounded gradient at zero. Take p of at least 1."
        )
    divisor = tape.where(norm < eps, eps, norm)
    return input / divisor


# ---- of weights ----


@composite("torch.norm_except_dim")
def norm_except_dim(tape: Tape, v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norm of each slice along an axis, with all axes kept; -1 stands for one norm of all, and not for the last."""
    if dim == -1:
        return vector_norm(tape, v, pow)
    axes = tuple(axis for axis in range(len(v.shape)) if axis != dim)
    return vector_norm(tape, v, pow, axes, True) if axes else v.abs()


@composite("torch._weight_norm")
def weight_norm(tape: Tape, v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """The direction `v`, scaled to the norms `g`: what `weight_norm` of torch.nn.utils makes of its two parameters."""
    norms = norm_except_dim(tape, v, 2, dim)
    return v * (g / norms)

"""Losses, with every reduction and weight that PyTorch gives them, and distances.

A reduction is 'none', 'mean' or 'sum'; the deprecated `size_average` and `reduce` are refused.
"""

from __future__ import annotations

import math
from typing import Any

from compare.composites.arithmetic import absolute
from compare.composites.composite import composite
from compare.composites.kinds import check_floats
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__: list[str] = []

Number = int | float


# ---- reductions ----


def _reduced(losses: Tensor, reduction: str, size_average: Any = None, reduce: Any = None) -> Tensor:
    _check_reduction(reduction, size_average, reduce)
    if reduction == "none":
        return losses
    if reduction == "mean":
        return losses.mean()
    return losses.sum()


def _check_reduction(reduction: str, size_average: Any = None, reduce: Any = None) -> None:
    if size_average is not None or reduce is not None:
        raise ProgramError("size_average and reduce are deprecated in PyTorch. Say reduction='none', 'mean' or 'sum'.")
    if reduction not in ("none", "mean", "sum"):
        raise ProgramError(f"{reduction!r} is no reduction; PyTorch knows 'none', 'mean' and 'sum'.")


def _same_shape(name: str, input: Tensor, target: Tensor) -> None:
    # Elsewhere PyTorch broadcasts with a warning, which is a mistake more often than not.
    if input.shape != target.shape:
        raise ProgramError(f"{name}: input {list(input.shape)} and target {list(target.shape)} have not one shape.")


def _not_below(tape: Tape, value: Tensor, low: Number) -> Tensor:
    """`clamp_min` as PyTorch differentiates it: at the bound the slope is one."""
    return tape.where(value >= low, value, low)


# ---- distances between numbers ----


@composite("torch.nn.functional.mse_loss")
def _mse_loss(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    _same_shape("mse_loss", input, target)
    squares = (input - target).square()
    return _weighted(squares, weight, reduction, size_average, reduce)


@composite("torch.nn.functional.l1_loss")
def _l1_loss(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    _same_shape("l1_loss", input, target)
    distances = absolute(tape, input - target)
    return _weighted(distances, weight, reduction, size_average, reduce)


def _weighted(losses: Tensor, weight: Tensor | None, reduction: str, size_average: Any, reduce: Any) -> Tensor:
    if weight is None:
        return _reduced(losses, reduction, size_average, reduce)
    _check_reduction(reduction, size_average, reduce)
    weighted = losses * weight
    if reduction == "mean":
        return weighted.sum() / weight.sum()
    return _reduced(weighted, reduction)


@composite("torch.nn.functional.smooth_l1_loss")
def _smooth_l1_loss(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    _same_shape("smooth_l1_loss", input, target)
    if beta == 0:
        return _l1_loss(tape, input, target, size_average, reduce, reduction)
    difference = input - target
    distance = absolute(tape, difference)
    losses = tape.where(distance < beta, difference.square() * (0.5 / beta), distance - 0.5 * beta)
    return _reduced(losses, reduction, size_average, reduce)


@composite("torch.nn.functional.huber_loss")
def _huber_loss(
    tape: Tape, input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    _same_shape("huber_loss", input, target)
    difference = input - target
    distance = absolute(tape, difference)
    losses = tape.where(distance < delta, 0.5 * difference.square(), delta * (distance - 0.5 * delta))
    # Here, and unlike in mse_loss, PyTorch's mean is not divided by the sum of the weights.
    return _reduced(losses if weight is None else losses * weight, reduction)


# ---- probabilities ----


@composite("torch.nn.functional.binary_cross_entropy")
def _binary_cross_entropy(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    _same_shape("binary_cross_entropy", input, target)
    # PyTorch cuts both logarithms off at -100.
    positive = tape.clip(input.log(), min=-100.0)
    negative = tape.clip((-input).log1p(), min=-100.0)
    losses = -(target * positive + (1 - target) * negative)
    return _reduced(losses if weight is None else losses * weight, reduction, size_average, reduce)


@composite("torch.nn.functional.binary_cross_entropy_with_logits")
def _binary_cross_entropy_with_logits(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    _same_shape("binary_cross_entropy_with_logits", input, target)
    log_probability = input.log_sigmoid()
    if pos_weight is not None:
        log_probability = ((pos_weight - 1) * target + 1) * log_probability
    losses = (1 - target) * input - log_probability
    return _reduced(losses if weight is None else losses * weight, reduction, size_average, reduce)


@composite("torch.nn.functional.kl_div")
def _kl_div(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    if log_target:
        losses = target.exp() * (target - input)
    else:
        logarithm = tape.where(target <= 0, 1.0, target).log()
        losses = target * logarithm - target * input
    if reduction == "batchmean":
        return losses.sum() / input.shape[0]
    return _reduced(losses, reduction, size_average, reduce)


# ---- classes ----


def _classes_last(tape: Tape, scores: Tensor) -> Tensor:
    """The axis of the classes, which PyTorch has second, last."""
    ndim = len(scores.shape)
    return scores if ndim < 3 else tape.moveaxis(scores, source=1, destination=-1)


def _may_ignore(tape: Tape, target: Tensor, ignore_index: int, classes: int) -> bool:
    """Whether a class index may be one to ignore. A class that does not exist is nan to JAX, if it comes later."""
    known = tape._facts.handle(target._name).known
    return known is None or -classes <= ignore_index < classes or bool((known == ignore_index).any())


def _picked(
    tape: Tape, log_probability: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
) -> tuple[Tensor, Tensor | None]:
    """The losses of the target classes, weighted, and the weights; None where all weigh the same."""
    by_class = _classes_last(tape, log_probability)
    if by_class.shape[:-1] != target.shape:
        raise ProgramError(
            f"Class indices of shape {list(target.shape)} do not fit scores of shape {list(log_probability.shape)}."
        )
    classes, counted = target, None
    if _may_ignore(tape, target, ignore_index, by_class.shape[-1]):
        counted = target != ignore_index
        # Zero stands for the class of what is ignored; its weight is zero.
        classes = tape.where(counted, target, 0)
    chosen = tape.take_along_axis(by_class, classes[..., None], axis=-1)
    losses = -tape.squeeze(chosen, axis=-1)
    weights = None
    if weight is not None:
        flat = tape.take(weight, tape.reshape(classes, shape=(-1,)), axis=0)
        weights = tape.reshape(flat, shape=target.shape)
        losses = losses * weights
    if counted is not None:
        losses = tape.where(counted, losses, 0.0)
        weights = counted.astype(losses.dtype_name) if weights is None else tape.where(counted, weights, 0.0)
    return losses, weights


def _mean_over_classes(losses: Tensor, weights: Tensor | None, reduction: str) -> Tensor:
    if reduction == "mean" and weights is not None:
        return losses.sum() / weights.sum()
    return _reduced(losses, reduction)


def _check_classes(target: Tensor) -> None:
    if target.dtype_name != "int64":
        raise ProgramError(f"Class indices are int64, not {target.dtype_name}.")


@composite("torch.nn.functional.nll_loss")
def _nll_loss(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    _check_reduction(reduction, size_average, reduce)
    _check_classes(target)
    losses, weights = _picked(tape, input, target, weight, ignore_index)
    return _mean_over_classes(losses, weights, reduction)


@composite("torch.nn.functional.cross_entropy")
def _cross_entropy(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    _check_reduction(reduction, size_average, reduce)
    axis = 0 if len(input.shape) == 1 else 1
    log_probability = tape.log_softmax(input, axis=axis)
    if input.shape == target.shape:
        return _of_probabilities(tape, log_probability, target, weight, reduction, label_smoothing)
    _check_classes(target)
    losses, weights = _picked(tape, log_probability, target, weight, ignore_index)
    if label_smoothing == 0:
        return _mean_over_classes(losses, weights, reduction)
    by_class = _classes_last(tape, log_probability)
    each = -by_class if weight is None else -by_class * weight
    smooth = each.sum(axis=-1)
    classes = by_class.shape[-1]
    if _may_ignore(tape, target, ignore_index, classes):
        smooth = tape.where(target != ignore_index, smooth, 0.0)
    mixed = (1 - label_smoothing) * losses + (label_smoothing / classes) * smooth
    return _mean_over_classes(mixed, weights, reduction)


def _of_probabilities(
    tape: Tape, log_probability: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float
) -> Tensor:
    check_floats("cross_entropy with probabilities", target)
    by_class, wanted = _classes_last(tape, log_probability), _classes_last(tape, target)
    if label_smoothing > 0:
        wanted = wanted * (1 - label_smoothing) + label_smoothing / by_class.shape[-1]
    products = by_class * wanted
    if weight is not None:
        products = products * weight
    losses = -products.sum(axis=-1)
    if reduction == "mean":
        count = math.prod(losses.shape)
        return losses.sum() / count
    return _reduced(losses, reduction)


@composite("torch.nn.functional.multi_margin_loss")
def _multi_margin_loss(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    _check_classes(target)
    if p not in (1, 2) or len(input.shape) != 2:
        raise ProgramError("multi_margin_loss is modelled for p 1 or 2 and a batch of scores.")
    classes = input.shape[1]
    places = target[:, None]
    right = tape.take_along_axis(input, places, axis=1)
    gap = margin - right + input
    other = tape.constant([list(range(classes))]) != places
    # At the margin itself PyTorch's slope is zero.
    violations = tape.where((gap > 0) & other, gap, 0.0)
    if p == 2:
        violations = violations.square()
    if weight is not None:
        violations = violations * tape.expand_dims(tape.take(weight, target, axis=0), axis=1)
    losses = violations.sum(axis=1) / classes
    return _reduced(losses, reduction, size_average, reduce)


@composite("torch.nn.functional.multilabel_margin_loss", "torch.nn.functional.ctc_loss")
def _refused(tape: Tape, *arguments: Any, **keywords: Any) -> Tensor:
    raise ProgramError("This loss walks over its targets one by one, and is not modelled. Write it out with ops.")


@composite("torch.nn.functional.multilabel_soft_margin_loss")
def _multilabel_soft_margin_loss(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    each = -(target * input.log_sigmoid() + (1 - target) * (-input).log_sigmoid())
    if weight is not None:
        each = each * weight
    losses = each.sum(axis=-1) / input.shape[-1]
    return _reduced(losses, reduction, size_average, reduce)


# ---- distributions ----


@composite("torch.nn.functional.poisson_nll_loss")
def _poisson_nll_loss(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: Any = None,
    eps: float = 1e-8,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    losses = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        safe = tape.where(target > 1, target, 2.0)
        stirling = safe * safe.log() - safe + 0.5 * (2 * math.pi * safe).log()
        losses = losses + tape.where(target > 1, stirling, 0.0)
    return _reduced(losses, reduction, size_average, reduce)


@composite("torch.nn.functional.gaussian_nll_loss")
def _gaussian_nll_loss(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    if not isinstance(var, Tensor):
        raise ProgramError("gaussian_nll_loss with a number for its variance is not modelled. Make it a tensor.")
    if var.shape not in (input.shape, (*input.shape[:-1], 1)):
        if var.shape != input.shape[:-1]:
            raise ProgramError(f"A variance of shape {list(var.shape)} does not fit input {list(input.shape)}.")
        var = tape.expand_dims(var, axis=-1)
    # PyTorch clamps the variance without history: below eps, its gradient is that of the clamped value.
    shortfall = tape.where(var < eps, eps - var, 0.0).detach()
    bounded = var + shortfall
    losses = 0.5 * (bounded.log() + (input - target).square() / bounded)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return _reduced(losses, reduction)


# ---- margins ----


@composite("torch.nn.functional.soft_margin_loss")
def _soft_margin_loss(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    losses = (-target * input).exp().log1p()
    return _reduced(losses, reduction, size_average, reduce)


@composite("torch.nn.functional.margin_ranking_loss")
def _margin_ranking_loss(
    tape: Tape,
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    gap = -target * (input1 - input2) + margin
    losses = _not_below(tape, gap, 0.0)
    return _reduced(losses, reduction, size_average, reduce)


@composite("torch.nn.functional.hinge_embedding_loss")
def _hinge_embedding_loss(
    tape: Tape,
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    hinge = _not_below(tape, margin - input, 0.0)
    losses = tape.where(target == 1, 0.0, hinge) + tape.where(target == -1, 0.0, input)
    return _reduced(losses, reduction, size_average, reduce)


# ---- distances between vectors ----


def _norm(tape: Tape, x: Tensor, p: float, axis: int, *, keepdim: bool = False) -> Tensor:
    if p == 2:
        squares = x.square().sum(axis=axis, keepdims=keepdim)
        zero = squares == 0
        # The root of zero has no slope; PyTorch's is zero.
        return tape.where(zero, 0.0, tape.where(zero, 1.0, squares).sqrt())
    if p == 1:
        return absolute(tape, x).sum(axis=axis, keepdims=keepdim)
    raise ProgramError(f"A distance with p={p} is not modelled; 1 and 2 are.")


@composite("torch.nn.functional.pairwise_distance", "torch.pairwise_distance")
def _pairwise_distance(
    tape: Tape, x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    difference = x1 - x2 + eps
    return _norm(tape, difference, p, -1, keepdim=keepdim)


@composite("torch.cdist")
def _cdist(
    tape: Tape, x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    if max(x1.shape[-2], x2.shape[-2]) > 25 and p == 2 and compute_mode != "donot_use_mm_for_euclid_dist":
        # There PyTorch takes a difference of squares, which loses digits.
        raise ProgramError(
            "cdist of more than 25 rows computes through a matrix product in PyTorch, which loses digits. "
            "Give compute_mode='donot_use_mm_for_euclid_dist'."
        )
    difference = tape.expand_dims(x1, axis=-2) - tape.expand_dims(x2, axis=-3)
    return _norm(tape, difference, p, -1)


@composite("torch.nn.functional.cosine_similarity", "torch.cosine_similarity")
def _cosine_similarity(tape: Tape, x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    check_floats("cosine_similarity", x1, x2)
    length1 = _length(tape, x1, dim, eps)
    length2 = _length(tape, x2, dim, eps)
    return ((x1 / length1) * (x2 / length2)).sum(axis=dim)


def _length(tape: Tape, x: Tensor, axis: int, eps: float) -> Tensor:
    """The norm along an axis, at least eps: below that PyTorch changes the value and keeps the gradient."""
    norm = _norm(tape, x, 2, axis, keepdim=True)
    shortfall = tape.where(norm < eps, eps - norm, 0.0).detach()
    return norm + shortfall


@composite("torch.nn.functional.cosine_embedding_loss")
def _cosine_embedding_loss(
    tape: Tape,
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    axis = len(input1.shape) - 1
    eps = 1e-12
    product = (input1 * input2).sum(axis=axis)
    squares1 = input1.square().sum(axis=axis) + eps
    squares2 = input2.square().sum(axis=axis) + eps
    cosine = product / (squares1 * squares2).sqrt()
    apart = _not_below(tape, cosine - margin, 0.0)
    losses = tape.where(target == 1, 1 - cosine, 0.0) + tape.where(target == -1, apart, 0.0)
    return _reduced(losses, reduction, size_average, reduce)


@composite("torch.nn.functional.triplet_margin_loss")
def _triplet_margin_loss(
    tape: Tape,
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    near = _pairwise_distance(tape, anchor, positive, p, eps)
    far = _pairwise_distance(tape, anchor, negative, p, eps)
    if swap:
        other = _pairwise_distance(tape, positive, negative, p, eps)
        far = tape.minimum(far, other)
    losses = _not_below(tape, margin + near - far, 0.0)
    return _reduced(losses, reduction, size_average, reduce)

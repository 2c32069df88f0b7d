"""Losses, with every reduction and weight that PyTorch gives them, and distances.

A reduction is 'none', 'mean' or 'sum'; the deprecated `size_average` and `reduce` are refused.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from compare.composites.arithmetic import absolute
from compare.composites.composite import composite
from compare.composites.kinds import check_floats
from compare.composites.linear import linear
from compare.composites.reductions import root_of_powers, root_of_squares, vector_norm
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


@composite("torch.nn.functional.linear_cross_entropy")
def _linear_cross_entropy(
    tape: Tape,
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """The cross entropy of an affine map. The options say in what chunks it is computed, and change no number."""
    if getattr(options, "acc_dtype", None) is not None:
        raise ProgramError("linear_cross_entropy that accumulates in another dtype is not modelled. Leave it out.")
    classes, *outputs, features = linear_weight.shape
    count = math.prod((classes, *outputs))
    matrix = tape.reshape(linear_weight, shape=(count, features)) if outputs else linear_weight
    bias = linear_bias
    if bias is not None and outputs:
        bias = tape.reshape(bias, shape=(count,))
    logits = linear(tape, input, matrix, bias)
    if outputs:
        logits = tape.reshape(logits, shape=(*input.shape[:-1], classes, *outputs))
    ignored = -100 if ignore_index is None else ignore_index
    return _cross_entropy(
        tape, logits, target, weight, ignore_index=ignored, reduction=reduction, label_smoothing=label_smoothing
    )


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
    if p not in (1, 2):
        raise ProgramError("multi_margin_loss is modelled for p 1 or 2.")
    scores = input if len(input.shape) == 2 else tape.reshape(input, shape=(1, -1))
    targets = tape.reshape(target, shape=(-1,))
    classes = scores.shape[1]
    places = targets[:, None]
    right = tape.take_along_axis(scores, places, axis=1)
    gap = margin - right + scores
    other = tape.constant([list(range(classes))]) != places
    # At the margin itself PyTorch's slope is zero.
    violations = tape.where((gap > 0) & other, gap, 0.0)
    if p == 2:
        violations = violations.square()
    if weight is not None:
        violations = violations * tape.expand_dims(tape.take(weight, targets, axis=0), axis=1)
    losses = violations.sum(axis=1) / classes
    return _reduced(losses if target.shape else tape.reshape(losses, shape=()), reduction, size_average, reduce)


@composite("torch.nn.functional.multilabel_margin_loss")
def _multilabel_margin_loss(
    tape: Tape, input: Tensor, target: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Tensor:
    """Every class that is not a target against every target; the first -1 ends the targets."""
    _check_classes(target)
    classes = input.shape[-1] if input.shape else 1
    scores = tape.reshape(input, shape=(-1, classes))
    given = tape.reshape(target, shape=(-1, classes))
    counted = tape.cumulative_prod((given >= 0).astype("int64"), axis=1) != 0
    places = tape.where(counted, given, 0)
    chosen = tape.one_hot(places, classes=classes)
    is_target = tape.where(counted[:, :, None], chosen, 0).sum(axis=1) > 0
    right = tape.take_along_axis(scores, places, axis=1)
    gap = 1 - right[:, :, None] + scores[:, None, :]
    compared = counted[:, :, None] & ~is_target[:, None, :]
    violations = tape.where((gap > 0) & compared, gap, 0.0)
    losses = violations.sum(axis=(1, 2)) / classes
    alone = len(input.shape) < 2
    return _reduced(tape.reshape(losses, shape=()) if alone else losses, reduction, size_average, reduce)


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


# ---- sequences ----


def _whole(name: str, lengths: Any, tape: Tape) -> list[int]:
    """Lengths as numbers. Raises ProgramError where they are computed."""
    if not isinstance(lengths, Tensor):
        return [int(one) for one in lengths]
    known = tape._facts.handle(lengths._name).known
    if known is None:
        raise ProgramError(f"ctc_loss whose {name} are computed is not modelled. Give numbers.")
    return [int(one) for one in np.atleast_1d(known)]


@composite("torch.nn.functional.ctc_loss")
def _ctc_loss(
    tape: Tape,
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """The negative logarithm of the probability of all alignments: `f[t, n, c]` and targets give `f[n]`, or a number.

    PyTorch's gradient is that for scores before log_softmax: it has the probabilities added, which for normalized
    probabilities the derivative of log_softmax takes away again.
    """
    alone = len(log_probs.shape) == 2
    scores = log_probs[:, None, :] if alone else log_probs
    steps, batch, _ = scores.shape
    inputs, lengths = _whole("input lengths", input_lengths, tape), _whole("target lengths", target_lengths, tape)
    labels = tape._facts.handle(targets._name).known
    if labels is None:
        raise ProgramError("ctc_loss of targets that are computed is not modelled. Give constants.")
    starts = np.cumsum([0, *lengths[:-1]])
    rows = [
        (labels[start : start + length] if labels.ndim == 1 else labels[row][:length]).astype(int)
        for row, (start, length) in enumerate(zip(starts, lengths, strict=True))
    ]
    longest = max(lengths, default=0)
    extended = np.full((batch, 2 * longest + 1), blank)
    for row, given in enumerate(rows):
        extended[row, 1 : 2 * len(given) : 2] = given
    # A label may follow the last but one where it is another one, and no blank.
    skips = np.zeros(extended.shape, dtype=bool)
    skips[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])
    may_skip = tape.constant(skips)
    symbols = tape.broadcast_to(tape.constant(extended)[None], shape=(steps, *extended.shape))
    emitted = tape.take_along_axis(scores, symbols, axis=2)
    places = np.arange(extended.shape[1])
    begins = tape.constant(np.broadcast_to(places < 2, extended.shape) & (places <= 2 * np.array(lengths)[:, None]))
    alpha = tape.where(begins, emitted[0], -math.inf)
    for step in range(1, steps):
        one_back = tape.pad(alpha, widths=(1, 0), value="-inf")[:, :-1]
        two_back = tape.where(may_skip, tape.pad(alpha, widths=(2, 0), value="-inf")[:, :-2], -math.inf)
        moved = _logsumexp_of(tape, [alpha, one_back, two_back]) + emitted[step]
        running = np.array([step < length for length in inputs])
        alpha = moved if running.all() else tape.where(tape.constant(running[:, None]), moved, alpha)
    ends = np.stack([2 * np.array(lengths), np.maximum(2 * np.array(lengths) - 1, 0)], axis=1)
    last = tape.take_along_axis(alpha, tape.constant(ends), axis=1)
    both = [last[:, 0], tape.where(tape.constant(np.array(lengths) > 0), last[:, 1], -math.inf)]
    losses = -_logsumexp_of(tape, both)
    probabilities = scores.exp()
    within = tape.constant((np.arange(steps)[:, None] < np.array(inputs))[:, :, None])
    surplus = tape.where(within, probabilities - probabilities.detach(), 0.0)
    losses = losses + surplus.sum(axis=(0, 2))
    if zero_infinity:
        losses = tape.where(losses.detach() == math.inf, 0.0, losses)
    if reduction == "mean":
        counts = tape.constant([float(max(length, 1)) for length in lengths], dtype=losses.dtype_name)
        return (losses / counts).mean()
    return _reduced(tape.reshape(losses, shape=()) if alone else losses, reduction)


def _logsumexp_of(tape: Tape, numbers: list[Tensor]) -> Tensor:
    """Log of the sum of exponentials of a few tensors; -inf, with the gradient zero, where all are."""
    largest = numbers[0]
    for one in numbers[1:]:
        largest = tape.maximum(largest, one)
    largest = largest.detach()
    nothing = largest == -math.inf
    shift = tape.where(nothing, 0.0, largest)
    total = (numbers[0] - shift).exp()
    for one in numbers[1:]:
        total = total + (one - shift).exp()
    logarithm = tape.where(nothing, 1.0, total).log() + shift
    return tape.where(nothing, -math.inf, logarithm)


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
        return root_of_squares(tape, x, axis=axis, keepdims=keepdim)
    return vector_norm(tape, x, p, axis, keepdim)


@composite("torch.nn.functional.pairwise_distance", "torch.pairwise_distance")
def _pairwise_distance(
    tape: Tape, x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    difference = x1 - x2 + eps
    return _norm(tape, difference, p, -1, keepdim=keepdim)


def _distance(tape: Tape, difference: Tensor, p: float) -> Tensor:
    """The norm along the last axis as cdist and pdist differentiate it: zero between equal points."""
    if p in (1, 2):
        return _norm(tape, difference, p, -1)
    if p < 0:
        raise ProgramError(f"There is no distance with p={p}.")
    if p not in (0, math.inf):
        return root_of_powers(tape, difference, p, axis=-1)
    size = absolute(tape, difference)
    if p == 0:
        nothing = size.sum(axis=-1)
        nothing.zero_()
        return nothing + (difference != 0).astype(size.dtype_name).sum(axis=-1)
    # Every coordinate that is the largest has the whole gradient; the value counts one of them.
    largest = size.detach().max(axis=-1, keepdims=True)
    together = tape.where(size == largest, size, 0.0).sum(axis=-1)
    surplus = together.detach() - tape.squeeze(largest, axis=-1)
    return together - surplus


@composite("torch.cdist")
def _cdist(
    tape: Tape, x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    through_product = compute_mode == "use_mm_for_euclid_dist"
    if compute_mode == "use_mm_for_euclid_dist_if_necessary":
        through_product = max(x1.shape[-2], x2.shape[-2]) > 25
    if through_product and p == 2:
        # There PyTorch takes a difference of squares, which loses digits.
        raise ProgramError(
            "cdist computes through a matrix product in PyTorch here, which loses digits. "
            "Give compute_mode='donot_use_mm_for_euclid_dist'."
        )
    difference = tape.expand_dims(x1, axis=-2) - tape.expand_dims(x2, axis=-3)
    return _distance(tape, difference, p)


@composite("torch.pdist", "torch.nn.functional.pdist")
def _pdist(tape: Tape, input: Tensor, p: float = 2) -> Tensor:
    """The distance of every two rows: of `f[n, m]` it is `f[n * (n - 1) / 2]`."""
    first, second = np.triu_indices(input.shape[0], k=1)
    one = tape.take(input, tape.constant(first), axis=0)
    other = tape.take(input, tape.constant(second), axis=0)
    return _distance(tape, one - other, p)


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

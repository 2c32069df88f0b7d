"""Losses against PyTorch: reductions, weights, margins, and what is ignored."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from composite_checks import Call, Fixed, call, check, refuses

RANDOM = np.random.default_rng(6)
FUNCTIONAL = "torch.nn.functional."
REDUCTIONS = ("none", "mean", "sum")


def draw(*shape: int, low: float = -2.0, high: float = 2.0) -> Any:
    return np.asarray(RANDOM.uniform(low, high, shape))


X, Y, WEIGHT = draw(3, 4), draw(3, 4), draw(3, 4, low=0.2)
P, Q = draw(3, 4, low=0.1, high=0.9), draw(3, 4, low=0.1, high=0.9)
SIGNS = np.array([1.0, -1.0, 1.0])
CLASSES = np.array([2, 0, 3])
IGNORED = np.array([2, -100, 3])
IMAGE, PIXELS = draw(2, 3, 2, 2), np.array([[[0, 1], [2, 2]], [[1, 1], [0, 2]]])
CLASS_WEIGHT = draw(4, low=0.2)


def reduced(*arguments: Any, **keywords: Any) -> list[Call]:
    return [call(*arguments, **keywords, reduction=reduction) for reduction in REDUCTIONS]


def tied(step: float) -> tuple[Any, Any]:
    """Pairs whose difference is 0, and on and around the step."""
    target = draw(7)
    return target + np.array([0.0, step, -step, step / 2, -2 * step, 2 * step, -step / 2]), target


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_distances_between_numbers(name: str) -> None:
    grid = np.array([0.0, 1.0, -1.0, 0.5, 3.0, -3.0])
    calls = [*reduced(X, Y), *reduced(grid, np.zeros(6)), *reduced(X, Fixed(Y))]
    if name in ("mse_loss", "l1_loss", "huber_loss"):
        calls += reduced(X, Y, weight=WEIGHT)
    if name == "smooth_l1_loss":
        calls += [*reduced(grid, np.zeros(6), beta=0.5), *reduced(grid, np.zeros(6), beta=0.0)]
    if name == "huber_loss":
        calls += [*reduced(grid, np.zeros(6), delta=0.5), *reduced(X, Y, delta=3)]
    check(FUNCTIONAL + name, *calls)
    refuses(FUNCTIONAL + name, "have not one shape", X, Y[0])
    refuses(FUNCTIONAL + name, "is no reduction", X, Y, reduction="average")


def test_deprecated_reductions_are_refused() -> None:
    refuses(FUNCTIONAL + "mse_loss", "deprecated", X, Y, size_average=True)


def test_binary_cross_entropy() -> None:
    ends = np.array([0.0, 1.0, 0.0, 1.0, 0.5])
    check(
        FUNCTIONAL + "binary_cross_entropy", *reduced(P, Fixed(Q)), *reduced(P, Fixed(Q), weight=Fixed(WEIGHT)),
        *reduced(P, Q), *reduced(Fixed(ends), Fixed(np.array([0.0, 1.0, 1.0, 0.0, 1.0]))),
    )  # fmt: skip


def test_binary_cross_entropy_with_logits() -> None:
    logits = np.array([-40.0, -1.0, 0.0, 2.0, 50.0])
    positive = draw(4, low=0.5)
    check(
        FUNCTIONAL + "binary_cross_entropy_with_logits", *reduced(X, Fixed(Q)), *reduced(X, Q),
        *reduced(logits, Fixed(np.array([0.0, 1.0, 1.0, 0.0, 1.0]))), *reduced(X, Fixed(Q), weight=Fixed(WEIGHT)),
        *reduced(X, Fixed(Q), pos_weight=Fixed(positive)),
        *reduced(X, Q, weight=Fixed(WEIGHT), pos_weight=Fixed(positive)),
    )  # fmt: skip


def test_kl_div() -> None:
    half = np.array([0.0, 0.5, 0.0, 0.5])
    calls = [*reduced(X, Q), *reduced(X, Y, log_target=True), *reduced(X[0], Fixed(half))]
    calls += [call(X, Q, reduction="batchmean"), call(X, Fixed(Y), reduction="batchmean", log_target=True)]
    with pytest.warns(UserWarning, match="batchmean"):
        check(FUNCTIONAL + "kl_div", *calls)


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
def test_class_indices(name: str) -> None:
    calls = []
    for classes, weight in itertools.product((CLASSES, IGNORED), (None, Fixed(CLASS_WEIGHT))):
        calls += reduced(X, classes, weight=weight)
    calls += reduced(X, CLASSES, ignore_index=3)
    calls += reduced(IMAGE, PIXELS, weight=Fixed(CLASS_WEIGHT[:3]), ignore_index=1)
    calls += reduced(IMAGE[:, :, 0], PIXELS[:, 0])
    calls += [call(X[0], np.array(2))]
    check(FUNCTIONAL + name, *calls)
    refuses(FUNCTIONAL + name, "do not fit scores", X, PIXELS)
    refuses(FUNCTIONAL + name, "are int64", X, SIGNS)


def test_smoothed_labels() -> None:
    calls = []
    for classes, weight in itertools.product((CLASSES, IGNORED), (None, Fixed(CLASS_WEIGHT))):
        calls += reduced(X, classes, weight=weight, label_smoothing=0.1)
    calls += reduced(IMAGE, PIXELS, label_smoothing=0.3)
    check(FUNCTIONAL + "cross_entropy", *calls)


def test_class_probabilities() -> None:
    spread = np.exp(Y) / np.exp(Y).sum(1, keepdims=True)
    calls = [*reduced(X, spread), *reduced(X, Fixed(spread), weight=Fixed(CLASS_WEIGHT), label_smoothing=0.2)]
    calls += [*reduced(IMAGE, draw(2, 3, 2, 2, low=0.1)), call(X[0], spread[0])]
    check(FUNCTIONAL + "cross_entropy", *calls)


def test_multi_margin() -> None:
    tie = np.array([[1.0, 2.0, 0.0], [0.5, 0.5, 0.5]])
    places = np.array([1, 0])
    calls = [*reduced(X, CLASSES), *reduced(X, CLASSES, p=2, margin=0.5), *reduced(tie, places)]
    calls += reduced(X, CLASSES, weight=Fixed(CLASS_WEIGHT))
    check(FUNCTIONAL + "multi_margin_loss", *calls)
    refuses(FUNCTIONAL + "multi_margin_loss", "p 1 or 2", X, CLASSES, p=3)


def test_multilabel_soft_margin() -> None:
    labels = Fixed((Q > 0.5).astype(float))
    check(
        FUNCTIONAL + "multilabel_soft_margin_loss", *reduced(X, labels), *reduced(X, labels, weight=Fixed(WEIGHT[:1]))
    )


def test_poisson() -> None:
    counts = Fixed(np.array([0.0, 1.0, 2.0, 5.0]))
    name = FUNCTIONAL + "poisson_nll_loss"
    check(
        name, *reduced(X[0], counts), *reduced(X[0], counts, full=True),
        *reduced(P[0], counts, log_input=False), *reduced(X, Q), *reduced(P, Q, log_input=False, eps=1e-3),
    )  # fmt: skip


def test_gaussian() -> None:
    name = FUNCTIONAL + "gaussian_nll_loss"
    small = np.array([[1e-8, 1e-6, 0.5, 2.0]] * 3)
    check(
        name, *reduced(X, Y, WEIGHT), *reduced(X, Fixed(Y), WEIGHT[:, :1], full=True), *reduced(X, Y, WEIGHT[:, 0]),
        *reduced(X, Fixed(Y), small), *reduced(X, Y, WEIGHT, eps=1.0),
    )  # fmt: skip
    refuses(name, "Make it a tensor", X, Y, 1.0)
    refuses(name, "does not fit", X, Y, draw(2, low=1))


def test_margins() -> None:
    target = Fixed(SIGNS)
    check(FUNCTIONAL + "soft_margin_loss", *reduced(X[:, 0], target))
    check(
        FUNCTIONAL + "margin_ranking_loss", *reduced(X[:, 0], Y[:, 0], target),
        *reduced(X[:, 0], Y[:, 0], target, margin=0.5),
        *reduced(X[:, 0], X[:, 0].copy(), target),
    )  # fmt: skip
    check(
        FUNCTIONAL + "hinge_embedding_loss", *reduced(X[:, 0], target), *reduced(np.array([1.0, 1.0, 2.0]), target),
        *reduced(np.array([0.5, 0.5, 2.0]), target, margin=0.5),
    )  # fmt: skip


def test_distances_between_vectors() -> None:
    name = FUNCTIONAL + "pairwise_distance"
    check(name, call(X, Y), call(X, Y, p=1), call(X, Y, keepdim=True), call(X, X.copy()), call(X, X - 0.0, eps=0.0))
    check(name, call(X, Y, p=3.0), call(X, X.copy(), 0.5))
    check("torch.cdist", call(X, Y), call(X, X.copy()), call(X, Y, p=1.0), call(IMAGE[:, 0], IMAGE[:, 1]))
    refuses("torch.cdist", "loses digits", draw(30, 2), draw(3, 2))


def test_cosines() -> None:
    name = FUNCTIONAL + "cosine_similarity"
    flat = X.copy()
    flat[1] = 0
    check(name, call(X, Y), call(X, Y, dim=0), call(X, Y, -1), call(X * 1e-9, Y), call(X[0], Y[0], dim=0))
    check(name, call(flat, Y))
    loss = FUNCTIONAL + "cosine_embedding_loss"
    check(loss, *reduced(X, Y, Fixed(SIGNS)), *reduced(X, Y, Fixed(-SIGNS), margin=0.2))
    check(loss, call(X[0], Y[0], Fixed(np.asarray(1.0))))


def test_triplets() -> None:
    z = draw(3, 4)
    calls = [*reduced(X, Y, z), *reduced(X, Y, z, margin=3.0, swap=True), *reduced(X, Y, z, p=1)]
    check(FUNCTIONAL + "triplet_margin_loss", *calls)

"""Grids, smooth resizing, drawn windows, unpooling, bags and distances against PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from composite_checks import Fixed, call, check, refuses

from compare.translation import translate_function

RANDOM = np.random.default_rng(12)


def draw(*shape: int, low: float = -2.0, high: float = 2.0) -> Any:
    return np.asarray(RANDOM.uniform(low, high, shape))


GRID_SAMPLE = "torch.nn.functional.grid_sample"
IMAGE, VOLUME = draw(1, 2, 4, 3), draw(1, 1, 2, 3, 2)
GRID = draw(1, 2, 3, 2, low=-1.4, high=1.4)
ON_THE_BORDER = np.array([[[[-1.0, 1.0], [1.0, 0.0], [3.0, -3.0]]]])


def test_grids() -> None:
    check(
        GRID_SAMPLE, call(IMAGE, GRID, align_corners=False), call(IMAGE, GRID, "bilinear", "border", True),
        call(IMAGE, GRID, "bilinear", "reflection", False), call(IMAGE, GRID, "nearest", "reflection", True),
        call(IMAGE, GRID, "bicubic", "border", False),
        call(VOLUME, draw(1, 1, 2, 1, 3), "bilinear", "reflection", True),
    )  # fmt: skip
    # At the very border PyTorch's slope is zero.
    check(
        GRID_SAMPLE, call(IMAGE, ON_THE_BORDER, padding_mode="border", align_corners=True),
        call(IMAGE, ON_THE_BORDER, padding_mode="reflection", align_corners=True),
    )  # fmt: skip
    refuses(GRID_SAMPLE, "two axes", VOLUME, draw(1, 1, 1, 1, 3), "bicubic")
    check(
        "torch.nn.functional.affine_grid",
        call(draw(2, 2, 3), [2, 1, 2, 3], False),
        call(draw(1, 3, 4), [1, 1, 2, 3, 2], True),
    )


def test_resizing_that_smooths_first() -> None:
    check(
        "torch.nn.functional.interpolate", call(IMAGE, (2, 5), mode="bilinear", antialias=True),
        call(IMAGE, (3, 2), mode="bicubic", antialias=True),
        call(IMAGE, scale_factor=(0.6, 1.5), mode="bilinear", antialias=True),
        call(IMAGE, (3, 2), mode="bilinear", align_corners=True, antialias=True),
    )  # fmt: skip


def test_padding_with_what_is_near() -> None:
    check("torch.nn.functional.pad", call(IMAGE, (-1, 2, 1, -2), "replicate"), call(IMAGE[0], (2, -4), "replicate"))
    check("torch.constant_pad_nd", call(IMAGE, [1, -1]), call(IMAGE, [1, 2, 0, 1], 2.5))


def test_positions_of_the_largest() -> None:
    """Recorded, not called: PyTorch has these functions under names of its own."""
    functional = torch.nn.functional
    samples = torch.tensor(draw(1, 2, 2, low=0.0, high=1.0))

    def pooled(image: Any) -> Any:
        largest, places = functional.adaptive_max_pool2d(image, (3, 2), return_indices=True)
        drawn, drawn_places = functional.fractional_max_pool2d(
            image, 2, (3, 2), return_indices=True, _random_samples=samples
        )
        back = functional.max_unpool2d(
            image[:, :, :2, :2], torch.tensor([[[[0, 5], [5, 7]]] * 2]), 2, output_size=(4, 4)
        )
        total = largest.square().sum() + (drawn * drawn_places).sum() + (back.sin() * 3).sum()
        (gradient,) = torch.autograd.grad(total, image)
        return {"places": places, "drawn_places": drawn_places, "back": back, "gradient": gradient}

    tied = IMAGE.round()
    tied[0, 1, 2, 1:] = math.nan
    for one in (IMAGE, tied):
        result = translate_function(pooled, (torch.tensor(one, requires_grad=True),)).result
        assert result.verdict == "proven", result.reason


def test_bags() -> None:
    name = "torch.nn.functional.embedding_bag"
    table, rows = draw(5, 2), np.array([1, 3, 3, 0, 4, 1])
    calls = [call(rows, table, np.array([0, 2, 2]), mode=mode, padding_idx=3) for mode in ("sum", "mean", "max")]
    check(
        name, *calls, call(rows.reshape(2, 3), table, mode="max"),
        call(rows, table, np.array([0, 4, 6]), mode="mean", include_last_offset=True),
        call(rows, table, np.array([0, 3]), mode="sum", per_sample_weights=draw(6)),
    )  # fmt: skip
    refuses(name, "max_norm", rows, table, np.array([0]), 1.0)


def test_distances() -> None:
    one, other = draw(2, 3, 2), draw(2, 2, 2)
    other[0, 0] = one[0, 1]
    tied = np.array([[1.0, -1.0], [0.0, 0.0], [1.0, 0.0]])
    orders = (0.0, 0.5, 2.0, 3.0, math.inf)
    check("torch.cdist", *(call(one, other, p) for p in orders), call(one[:, :0], other, 0.0))
    check("torch.pdist", *(call(tied, p) for p in orders))
    refuses("torch.cdist", "loses digits", one, other, 2.0, "use_mm_for_euclid_dist")


def test_losses_over_targets_and_sequences() -> None:
    scores, targets = draw(2, 4), np.array([[1, 3, -1, 0], [2, -1, -1, 2]])
    name = "torch.nn.functional.multilabel_margin_loss"
    check(name, call(scores, targets), call(scores[0], targets[0], reduction="none"))
    check("torch.nn.functional.multi_margin_loss", call(scores[0], np.asarray(2)), call(scores, np.array([0, 3]), p=2))
    given = np.log(np.array(RANDOM.dirichlet(np.ones(4), size=(5, 3))))
    labels = np.array([[1, 1], [2, 3], [3, 0]])
    ctc = "torch.nn.functional.ctc_loss"
    check(
        ctc, call(given, labels, np.array([5, 4, 2]), np.array([2, 2, 0]), reduction="sum"),
        # Two equal labels need three steps: with two the loss is infinite.
        call(given[:3], labels, [2, 3, 3], [2, 2, 1], reduction="none", zero_infinity=True),
        call(given[:3, 0], np.array([1, 1]), [3], [2], blank=2),
    )  # fmt: skip
    check(
        "torch.nn.functional.linear_cross_entropy", call(draw(3, 2), draw(4, 2), np.array([0, 3, 1])),
        call(draw(3, 2), draw(4, 5, 2), RANDOM.integers(0, 4, (3, 5)), linear_bias=draw(4, 5), ignore_index=2),
    )  # fmt: skip


def test_what_normalizations_save() -> None:
    image, weight, bias = draw(2, 4, 3), draw(4), draw(4)
    check("torch.native_layer_norm", call(image, [3], draw(3), draw(3), 1e-5), call(image, [4, 3], None, None, 0.1))
    check("torch.native_group_norm", call(image, weight, bias, 2, 4, 3, 2, 1e-5))
    for training in (True, False):
        mean, variance = Fixed(draw(4)), Fixed(draw(4, low=0.5))
        check("torch.native_batch_norm", call(image, weight, bias, mean, variance, training, 0.1, 1e-5))
    check("torch._native_batch_norm_legit", call(image, weight, bias, True, 0.1, 1e-5))


def test_softmax_of_nothing() -> None:
    scores = np.array([[1.0, -math.inf, 2.0], [-math.inf] * 3])
    check("torch.ops.aten._safe_softmax.default", call(scores, -1))

"""Functions of lists of tensors, as the optimizers call them, against PyTorch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch.optim
from composite_checks import Fixed, call, check, refuses

from compare.composites import COMPOSITES

RANDOM = np.random.default_rng(7)


def pair() -> list[Any]:
    return [RANDOM.uniform(0.3, 2.0, (2, 3)), RANDOM.uniform(0.3, 2.0, 2)]


ONE, TWO, THREE = pair(), pair(), pair()
STEP = np.asarray(0.5)


def fixed(several: list[Any]) -> list[Any]:
    return [Fixed(one) for one in several]


@pytest.mark.parametrize("word", ["add", "sub"])
def test_scaled_sums(word: str) -> None:
    for name in (f"torch._foreach_{word}", f"torch._foreach_{word}_"):
        check(name, call(ONE, TWO), call(ONE, TWO, alpha=-0.5), call(ONE, 2.0), call(ONE, [2.0, 3.0]))
    check("torch._foreach_add_", call(ONE, STEP, alpha=1.0), call(ONE, STEP, alpha=2.0))


@pytest.mark.parametrize("word", ["mul", "div", "maximum", "minimum", "clamp_min", "clamp_max", "pow"])
def test_pairs(word: str) -> None:
    tied = [ONE[0].copy(), TWO[1]]
    check(f"torch._foreach_{word}", call(ONE, TWO), call(ONE, 0.9), call(ONE, [0.9, 2.0]), call(ONE, tied))
    written = f"torch._foreach_{word}_"
    if word in ("maximum", "minimum"):
        check(written, call(fixed(ONE), fixed(TWO)), call(fixed(ONE), 0.9), call(fixed(ONE), [0.9, 2.0]))
        refuses(written, "has no derivative in PyTorch", ONE, TWO)
    else:
        check(written, call(ONE, TWO), call(ONE, 0.9), call(ONE, [0.9, 2.0]), call(ONE, tied))
    if word in ("mul", "div"):
        check(f"torch._foreach_{word}_", call(ONE, STEP))


def test_powers_of_a_number_by_the_steps() -> None:
    check("torch._foreach_pow", call(0.9, [np.asarray(2.0), np.asarray(3.0)]))


@pytest.mark.parametrize(
    "word", "abs neg sqrt rsqrt exp log reciprocal sign tanh sigmoid floor ceil round trunc log10 erf".split()
)
def test_one_list(word: str) -> None:
    negative = (
        [-one for one in ONE] if word in "abs neg exp sign tanh sigmoid floor ceil round trunc erf".split() else TWO
    )
    check(f"torch._foreach_{word}", call(ONE), call(negative))
    check(f"torch._foreach_{word}_", call(ONE), call(negative))


def test_other_lists() -> None:
    check("torch._foreach_zero_", call(ONE))
    check("torch._foreach_copy_", call(fixed(ONE), fixed(TWO)))
    refuses("torch._foreach_copy_", "has no derivative in PyTorch", ONE, TWO)
    check("torch._foreach_norm", call(ONE), call(ONE, 1), call(ONE, float("inf")))


@pytest.mark.parametrize("ending", ["", "_"])
def test_three_lists(ending: str) -> None:
    check(f"torch._foreach_lerp{ending}", call(ONE, TWO, 0.1), call(ONE, TWO, THREE), call(ONE, TWO, [0.1, 0.7]))
    for word in ("addcmul", "addcdiv"):
        name = f"torch._foreach_{word}{ending}"
        check(name, call(ONE, TWO, THREE), call(ONE, TWO, THREE, -0.5), call(ONE, TWO, THREE, [0.5, 2.0]))


def test_every_function_of_lists_that_an_optimizer_calls_is_a_composite() -> None:
    folder = Path(torch.optim.__file__).parent
    words = set()
    for file in (*folder.glob("*.py"), folder.parent / "nn" / "utils" / "clip_grad.py"):
        words |= set(re.findall(r"torch\.(_foreach_\w+)\(", file.read_text()))
    assert len(words) > 20
    assert {f"torch.{word}" for word in words} <= set(COMPOSITES)

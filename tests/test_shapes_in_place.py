"""A tensor whose own shape is changed in place, `x.t_()`, is a view of what it was from there on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from compare.translation import translate_function

X, Y = torch.arange(6.0).reshape(2, 3) / 4 - 0.5, torch.arange(6.0).reshape(3, 2) / 3 + 0.25


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def written_behind_its_view(x: Any, y: Any) -> Any:
    b = x * 2
    row = b[0]
    b.t_()
    b.mul_(3)
    b.unsqueeze_(-1)
    return b.squeeze() * y + row.sum()


def there_and_back(x: Any, y: Any) -> Any:
    c = torch.ones(2, 3, dtype=torch.float64)
    d = c + x
    c.t_()
    e = d.reshape(1, 2, 3)
    e.squeeze_(0)
    e.transpose_(0, 1)
    e.swapaxes_(0, 1)
    return (e @ y).sum() + (c * y).sum()


def hooked_before(x: Any, y: Any) -> Any:
    b = x * 2
    b.register_hook(lambda gradient: gradient * 5)
    b.t_()
    return b * y


def retained(x: Any, y: Any) -> Any:
    b = x * 2
    b.retain_grad()
    b.t_()
    return b * y


def translated(function: Callable[..., Any]) -> Any:
    def gradients(x: Any, y: Any) -> Any:
        return torch.autograd.grad(function(x, y).exp().sum(), (x, y))

    leaves = tuple(one.double().clone().requires_grad_() for one in (X, Y))
    return translate_function(gradients, leaves).result


@pytest.mark.parametrize("function", [written_behind_its_view, there_and_back, hooked_before])
def test_the_tensor_is_a_view_of_what_it_was(function: Callable[..., Any]) -> None:
    result = translated(function)
    assert result.verdict == "proven", result.reason


def test_a_gradient_retained_before_is_refused() -> None:
    result = translated(retained)
    assert result.verdict == "refused"
    assert "Retain it afterwards" in result.reason

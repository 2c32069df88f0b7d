"""Calls that name PyTorch's operators directly, and sparse tensors on the way from dense to dense."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from compare.translation import translate_function

X, Y = torch.tensor([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]]), torch.tensor([[0.5, -1.0, 3.0], [2.0, 0.25, -2.0]])
ATEN = torch.ops.aten


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def translated(function: Callable[..., Any]) -> Any:
    def gradients(x: Any, y: Any) -> Any:
        return torch.autograd.grad(function(x, y).exp().sum(), (x, y), allow_unused=True)

    leaves = tuple(one.double().clone().requires_grad_() for one in (X, Y))
    return translate_function(gradients, leaves).result


def operators(x: Any, y: Any) -> Any:
    total = ATEN.add.Tensor(x, ATEN.t.default(ATEN.t(y)), alpha=2)
    largest = ATEN.max.dim(y, 1, True)[0]
    part = ATEN.slice.Tensor(total, 1, 0, 2)
    return ATEN.mul.Tensor(part, largest) + ATEN.index.Tensor(y, [torch.tensor([1, 1]), None])[:, :2]


def made_dense_again(x: Any, y: Any) -> Any:
    return (x * y).to_sparse().to_dense() + (x * 2).to_sparse(1).to_dense()


def named(x: Any, y: Any) -> Any:
    left, right = torch.chunk(input=x[:, :2], chunks=2, dim=1)
    sized = torch.tile(x.flip(dims=(0,)), dims=(1, 1)).sum_to_size(size=(1, 3)) + y[0].expand(size=(2, 3))
    whole = sized * y.repeat(repeats=(1, 1))
    return whole + torch.as_tensor(data=y)[:, :1] * left + ATEN.alias.default(self=right) * torch.detach(input=y)[:, :1]


def test_operators_are_the_functions_of_their_names() -> None:
    result = translated(operators)
    assert result.verdict == "proven", result.reason


def test_the_first_argument_may_be_named() -> None:
    result = translated(named)
    assert result.verdict == "proven", result.reason


def test_a_gradient_stops_where_a_sparse_tensor_has_no_element() -> None:
    result = translated(made_dense_again)
    assert result.verdict == "proven", result.reason


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x, y: x.to_sparse().sum() * y, "from to_sparse to to_dense only"),
        (lambda x, y: x.to_sparse().to_dense(masked_grad=False) * y, "without masked_grad"),
        (lambda x, y: ATEN.bernoulli.default(y.detach() * 0) * x, "torch.ops.aten.bernoulli"),
        (lambda x, y: x[x > 0] * y[0, 0], "depends on values"),
        (lambda x, y: torch.masked_select(x, x > 0) * y[0, 0], "depends on values that are computed"),
    ],
)
def test_what_is_refused(function: Callable[..., Any], reason: str) -> None:
    result = translated(function)
    assert result.verdict == "refused"
    assert reason in result.reason


def test_a_composite_that_fails_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(tape: Any, input: Any) -> Any:
        return input.shape.no_such_word

    monkeypatch.setattr("compare.recording.replay.computing.find_composite", lambda function: broken)
    result = translated(lambda x, y: torch.ravel(x) * y[0, 0])
    assert result.verdict == "refused"
    assert "torch.ravel: its composite failed on these arguments, with AttributeError" in result.reason

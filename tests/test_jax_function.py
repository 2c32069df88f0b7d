"""The pure JAX function of a translation: its values, its derivatives, and where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from compare import translate
from compare.errors import CompareError


@pytest.fixture(autouse=True)
def double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    with jax.enable_x64(True):
        yield
    torch.set_default_dtype(torch.float32)


def model(weights: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    hidden = inputs * 2.0
    hidden[:, 0] *= weights[1]
    return (torch.sin(hidden) * weights).sum()


def arrays(*tensors: torch.Tensor) -> list[jax.Array]:
    return [jnp.asarray(one.detach().numpy().copy()) for one in tensors]


@pytest.fixture
def given() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.tensor([0.5, -1.5]), torch.tensor([[0.25, 1.0], [-0.75, 2.0], [1.5, 0.125]])


def test_it_is_differentiated_as_pytorch_does(given: tuple[torch.Tensor, torch.Tensor]) -> None:
    function = translate(model, *given).jax_function
    weights, inputs = (one.clone().requires_grad_() for one in given)
    loss = model(weights, inputs)
    loss.backward()
    value, gradients = jax.value_and_grad(function, argnums=(0, 1))(*arrays(*given))
    np.testing.assert_allclose(value, loss.detach(), rtol=1e-12)
    for gradient, leaf in zip(gradients, (weights, inputs), strict=True):
        np.testing.assert_allclose(gradient, leaf.grad, rtol=1e-12)


def test_it_is_jitted_vmapped_and_differentiated_twice(given: tuple[torch.Tensor, torch.Tensor]) -> None:
    function = translate(model, *given).jax_function
    weights, inputs = arrays(*given)
    several = jnp.stack([weights, 2 * weights, -weights])
    mapped = jax.vmap(jax.jit(function), in_axes=(0, None))(several, inputs)
    alone = [float(model(torch.tensor(np.array(one)), given[1])) for one in several]
    np.testing.assert_allclose(mapped, alone, rtol=1e-12)
    exact = torch.autograd.functional.hessian(lambda one: model(one, given[1]), given[0])
    np.testing.assert_allclose(jax.hessian(function)(weights, inputs), exact, rtol=1e-12)


def test_other_numbers_than_those_of_the_run_are_computed(given: tuple[torch.Tensor, torch.Tensor]) -> None:
    function = translate(model, *given).jax_function
    others = given[0] * 3 + 1, given[1] - 0.5
    np.testing.assert_allclose(function(*arrays(*others)), model(*others), rtol=1e-12)


def test_several_results_are_a_tuple_and_what_is_read_besides_is_a_constant() -> None:
    layer = torch.nn.Linear(2, 3)

    def both(inputs: torch.Tensor) -> Any:
        hidden = layer(inputs)
        return hidden.tanh(), hidden.sum()

    inputs = torch.tensor([[0.5, -1.0]])
    found = translate(both, inputs).jax_function(*arrays(inputs))
    for one, wanted in zip(found, both(inputs), strict=True):
        np.testing.assert_allclose(one, wanted.detach(), rtol=1e-12)


def test_wrong_number_of_arrays(given: tuple[torch.Tensor, torch.Tensor]) -> None:
    function = translate(model, *given).jax_function
    with pytest.raises(TypeError, match="model takes 2 arrays, got 1"):
        function(arrays(*given)[0])


def with_backward(leaf: torch.Tensor) -> torch.Tensor:
    loss = (leaf * leaf).sum()
    loss.backward()
    return loss


def test_code_that_computes_gradients_itself_is_no_function() -> None:
    made = translate(with_backward, torch.tensor([1.0, 2.0], requires_grad=True))
    assert made.verdict == "proven"
    with pytest.raises(CompareError, match="computes gradients itself"):
        made.jax_function  # noqa: B018


def test_a_result_that_no_argument_reaches_is_refused() -> None:
    made = translate(lambda x: x.detach() * 2, torch.tensor([1.0, 2.0]))
    with pytest.raises(CompareError, match="does not depend on a tensor among its arguments"):
        made.jax_function  # noqa: B018


def with_retained_gradient(x: torch.Tensor) -> torch.Tensor:
    hidden = x * 2
    hidden.retain_grad()
    return hidden.sum()


def with_a_new_leaf(x: torch.Tensor) -> torch.Tensor:
    frozen = (x * 2).detach().requires_grad_()
    return (frozen * x).sum()


@pytest.mark.parametrize("function", [with_retained_gradient, with_a_new_leaf])
def test_code_that_asks_for_gradients_of_its_own_tensors_is_no_function(function: Any) -> None:
    made = translate(function, torch.tensor([1.0, 2.0], requires_grad=True))
    with pytest.raises(CompareError, match="gradients of tensors of its own"):
        made.jax_function  # noqa: B018

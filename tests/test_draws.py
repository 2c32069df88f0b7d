"""What PyTorch's functions draw enters a translation as data; the gradients are those of the drawn run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from compare.translation import translate_function

X = torch.tensor([[1.0, -2, 3], [-0.5, 0.25, -4]], dtype=torch.float64)


def masks(x: Any) -> Any:
    """Every draw that is a product with a mask, in one sum."""
    image = x[None, :, :, None]
    changed = functional.dropout(x * 1.5, 0.5, True, True)  # in place
    slopes = functional.rrelu(x, 0.1, 0.4, True)
    flat = functional.dropout(x, 0.5) + functional.dropout(x, 1.0) + functional.alpha_dropout(x, 0.5, True)
    channels = functional.dropout2d(image, 0.5) + functional.feature_alpha_dropout(image, 0.5, True)
    return flat * changed + slopes * channels[0, :, :, 0]


def constants(x: Any) -> Any:
    """Draws whose gradients PyTorch says are zeros."""
    drawn = torch.normal(x, x.abs()) + torch.bernoulli(x.sigmoid()) + torch.poisson(x.abs()) + torch.normal(x, 2.0)
    return drawn * functional.gumbel_softmax(x, tau=0.7)


@pytest.mark.parametrize("draw", [masks, constants])
def test_a_draw_is_data_and_its_gradient_is_that_of_the_run(draw: Callable[[Any], Any]) -> None:
    def gradient(x: Any) -> dict[str, Any]:
        torch.manual_seed(3)
        drawn = draw(x)
        slope = torch.autograd.grad(drawn.square().sum(), x)[0]
        return {"drawn": drawn, "slope": slope}

    wanted = gradient(X.clone().requires_grad_())
    result = translate_function(gradient, (X.clone().requires_grad_(),)).result
    assert result.verdict == "proven", result.reason
    found = {one.name: torch.tensor(one.jax, dtype=torch.float64) for one in result.observations if one.kind != "tape"}
    drawn = found.pop("drawn")
    [slope] = found.values()
    torch.testing.assert_close(drawn, wanted["drawn"].detach(), rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(slope, wanted["slope"], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda x: functional.alpha_dropout(x * 1.0, 0.5, True, True), "draws a mask"),
        (lambda x: functional.rrelu(x * 1.0, 0.1, 0.4, True, True), "draws its slopes"),
        (lambda x: torch._standard_gamma(x.abs()), "whose making was not recorded"),
    ],
)
def test_what_is_drawn_in_another_way_is_refused(draw: Callable[[Any], Any], message: str) -> None:
    result = translate_function(lambda x: draw(x).sum(), (X.clone().requires_grad_(),)).result
    assert result.verdict == "refused"
    assert message in result.reason

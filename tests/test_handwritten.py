"""The JAX that benchmarks/ times a translation against computes what the PyTorch example computes."""

from __future__ import annotations

import contextlib
import io
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook
from torch.optim.optimizer import register_optimizer_step_pre_hook

from benchmarks.handwritten import convnet, mlp, transformer

EXAMPLES = Path(__file__).parent.parent / "examples" / "torch"


@pytest.fixture(autouse=True)
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    with jax.enable_x64(True):
        yield
    torch.set_default_dtype(torch.float32)


def array(tensor: torch.Tensor) -> jax.Array:
    return jnp.asarray(tensor.detach().numpy().copy())


class Recording:
    """An example that was run: its names, its parameters before the first step, and what dropout kept in each step."""

    def __init__(self, name: str) -> None:
        self.initial: dict[int, jax.Array] = {}
        self.kept: list[jax.Array] = []
        handles = [register_optimizer_step_pre_hook(self._before_step), register_module_forward_hook(self._after_call)]
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self.names = runpy.run_path(str(EXAMPLES / f"{name}.py"))
        finally:
            for handle in handles:
                handle.remove()

    def _before_step(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                self.initial.setdefault(id(parameter), array(parameter))

    def _after_call(self, module: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        # A feature that was zero before looks dropped: it makes no difference, to a value or to a gradient.
        if isinstance(module, torch.nn.Dropout) and module.training:
            self.kept.append(array(output != 0))

    def layer(self, module: torch.nn.Module) -> dict[str, jax.Array]:
        """A module's parameters before the first step."""
        return {name: self.initial[id(parameter)] for name, parameter in module.named_parameters()}


def trained(module: torch.nn.Module) -> dict[str, jax.Array]:
    return {name: array(parameter) for name, parameter in module.named_parameters()}


def assert_same(actual: Any, expected: Any) -> None:
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=1e-10, atol=1e-12, strict=True), actual, expected)


def test_mlp() -> None:
    example = Recording("mlp_with_sgd")
    model, losses = example.names["model"], []
    params, velocity = mlp.init(example.layer(model.hidden), example.layer(model.output))
    batch = (array(example.names["inputs"]), array(example.names["targets"]))
    for _ in example.names["losses"]:
        params, velocity, loss = mlp.step(params, velocity, batch)
        losses.append(loss)
    assert_same(losses, [array(loss) for loss in example.names["losses"]])
    assert_same(params, {"hidden": trained(model.hidden), "output": trained(model.output)})


def test_convnet() -> None:
    example = Recording("convnet_with_batch_norm_and_dropout")
    model, losses = example.names["model"], []
    layers = ("conv1", "norm1", "conv2", "norm2", "classifier")
    params, statistics, state = convnet.init(*(example.layer(getattr(model, layer)) for layer in layers))
    assert len(example.kept) == len(example.names["losses"])
    for keep in example.kept:
        batch = (array(example.names["images"]), array(example.names["labels"]), keep)
        params, statistics, state, loss = convnet.step(params, statistics, state, batch)
        losses.append(loss)
    assert_same(losses, [array(loss) for loss in example.names["losses"]])
    assert_same(params, {layer: trained(getattr(model, layer)) for layer in layers})
    for layer in ("norm1", "norm2"):
        norm = getattr(model, layer)
        assert_same(statistics[layer], {"mean": array(norm.running_mean), "var": array(norm.running_var)})


def test_transformer() -> None:
    example = Recording("transformer_block")
    names, losses = example.names, []
    block = names["block"]
    modules = {
        "norm1": block.norm1,
        "qkv": block.attention.qkv,
        "project": block.attention.project,
        "norm2": block.norm2,
        "expand": block.mlp[0],
        "contract": block.mlp[2],
    }
    params, state = transformer.init(
        example.layer(names["embedding"])["weight"],
        example.initial[id(names["position"])],
        {name: example.layer(module) for name, module in modules.items()},
        example.layer(names["head"]),
    )
    batch = (array(names["inputs"]), array(names["targets"]))
    for _ in names["losses"]:
        params, state, loss = transformer.step(params, state, batch)
        losses.append(loss)
    assert_same(losses, [array(loss) for loss in names["losses"]])
    expected = {
        "embedding": array(names["embedding"].weight),
        "position": array(names["position"]),
        "block": {name: trained(module) for name, module in modules.items()},
        "head": trained(names["head"]),
    }
    assert_same(params, expected)

"""How fast translated JAX is beside JAX written by hand for the same model. Run with: make benchmark

For three examples: one call of the jitted loss and gradient that `translate` printed, against the same of
`benchmarks/handwritten/`, on the same parameters and batch, in float64. Each figure is the median of the ratios of
paired batches of calls, taken in turn, so that a machine that drifts does not favour either side.
"""

from __future__ import annotations

import ast
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from handwritten import convnet, mlp, transformer

EXAMPLES = Path(__file__).parents[1] / "examples" / "jax"
PAIRS, CALLS = 41, 200


def translated(name: str) -> tuple[Callable[..., Any], list[Any], dict[str, Any]]:
    """The jitted function of a translated example, arguments of a call of it, and the names of the script."""
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    names: dict[str, Any] = {"print": lambda *_: None, "__file__": str(EXAMPLES / f"{name}.py")}
    before = Path.cwd()
    os.chdir(EXAMPLES)
    try:
        exec(compile(text, name, "exec"), names)
    finally:
        os.chdir(before)
    calls = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Call)]
    call = next(one for one in calls if isinstance(one.func, ast.Name) and one.func.id == "loss_and_grad")
    arguments = [eval(ast.unparse(one), names) for one in call.args]
    return names["loss_and_grad"], arguments, names


def layers(params: dict[str, jax.Array]) -> dict[str, Any]:
    """`{"hidden.weight": w}` as `{"hidden": {"weight": w}}`."""
    nested: dict[str, Any] = {}
    for key, value in params.items():
        layer, _, word = key.rpartition(".")
        nested.setdefault(layer, {})[word] = value
    return nested


def seconds(function: Callable[..., Any], arguments: list[Any]) -> float:
    """Seconds of a call."""
    started = time.perf_counter()
    for _ in range(CALLS):
        result = function(*arguments)
    jax.block_until_ready(result)
    return (time.perf_counter() - started) / CALLS


def compared(name: str, by_hand: Callable[..., Any], arguments: Callable[..., list[Any]]) -> None:
    """Print the ratio of an example. `arguments` makes those of `by_hand` from the names and the call of the script."""
    function, own, names = translated(name)
    others = arguments(names, own)
    for one, given in ((function, own), (by_hand, others)):
        seconds(one, given)
    pairs = [(seconds(function, own), seconds(by_hand, others)) for _ in range(PAIRS)]
    ratio = statistics.median(left / right for left, right in pairs)
    left, right = (statistics.median(side) * 1e6 for side in zip(*pairs, strict=True))
    print(f"{name}: {ratio:.2f} of what is written by hand ({left:.0f} and {right:.0f} microseconds a call)")


def of_mlp(names: dict[str, Any], own: list[Any]) -> list[Any]:
    """The arguments of `mlp.loss_fn`."""
    return [layers(names["params"]), (names["inputs"], names["targets"])]


def of_convnet(names: dict[str, Any], own: list[Any]) -> list[Any]:
    """The arguments of `convnet.loss_fn`."""
    params = layers(names["params"])
    statistics_ = {
        layer: {"mean": names[f"{layer}_running_mean"], "var": names[f"{layer}_running_var"]}
        for layer in ("norm1", "norm2")
    }
    return [params, statistics_, (names["images"], names["labels"], own[1] != 0)]


def of_transformer(names: dict[str, Any], own: list[Any]) -> list[Any]:
    """The arguments of `transformer.loss_fn`."""
    block = layers(names["block_params"])
    words = {"attention.qkv": "qkv", "attention.project": "project", "mlp.0": "expand", "mlp.2": "contract"}
    params = {
        "embedding": names["embedding_params"]["weight"],
        "position": names["position"],
        "block": {words.get(layer, layer): held for layer, held in block.items()},
        "head": names["head_params"],
    }
    return [params, (names["inputs"], names["targets"])]


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    compared("mlp_with_sgd", jax.jit(jax.value_and_grad(mlp.loss_fn)), of_mlp)
    compared(
        "convnet_with_batch_norm_and_dropout", jax.jit(jax.value_and_grad(convnet.loss_fn, has_aux=True)), of_convnet
    )
    compared("transformer_block", jax.jit(jax.value_and_grad(transformer.loss_fn)), of_transformer)

"""The training step of `examples/torch/convnet_with_batch_norm_and_dropout.py`, by hand.

A batch is `(images, labels, keep)`: `[batch, 1, 8, 8]`, whole numbers `[batch]`, and which features dropout keeps,
`[batch, 32]`. The draw is data here, so that two programs can be compared on the same one.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from . import adam

LEARNING_RATE = 1e-2
DROPOUT = 0.25
BATCH_NORM_MOMENTUM = 0.1
BATCH_NORM_EPS = 1e-5

Params = dict[str, dict[str, jax.Array]]
Statistics = dict[str, dict[str, jax.Array]]
Batch = tuple[jax.Array, jax.Array, jax.Array]


def init(
    conv1: dict[str, jax.Array],
    norm1: dict[str, jax.Array],
    conv2: dict[str, jax.Array],
    norm2: dict[str, jax.Array],
    classifier: dict[str, jax.Array],
) -> tuple[Params, Statistics, adam.AdamState]:
    """The parameters, the running statistics of each batch norm, and the state of Adam.

    Args: conv1, conv2: a `weight` `[out, in, 3, 3]`; norm1, norm2, classifier: a `weight` and a `bias`.
    """
    params = {"conv1": conv1, "norm1": norm1, "conv2": conv2, "norm2": norm2, "classifier": classifier}
    statistics = {
        name: {"mean": jnp.zeros_like(params[name]["weight"]), "var": jnp.ones_like(params[name]["weight"])}
        for name in ("norm1", "norm2")
    }
    return params, statistics, adam.init(params)


def convolve(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    """`[batch, in, height, width]` to `[batch, out, height, width]`: 3 by 3, padded with zeros."""
    return lax.conv_general_dilated(x, params["weight"], window_strides=(1, 1), padding="SAME")


def batch_norm(
    params: dict[str, jax.Array], running: dict[str, jax.Array], x: jax.Array
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Normalise over batch and space; the running variance is the unbiased one."""
    mean, var = jnp.mean(x, axis=(0, 2, 3)), jnp.var(x, axis=(0, 2, 3))
    count = x.size // x.shape[1]
    batch = {"mean": mean, "var": var * count / (count - 1)}
    running = jax.tree.map(lambda old, new: old + BATCH_NORM_MOMENTUM * (new - old), running, batch)
    scale = params["weight"] * lax.rsqrt(var + BATCH_NORM_EPS)
    shift = params["bias"] - mean * scale
    return x * scale[:, None, None] + shift[:, None, None], running


def max_pool(x: jax.Array) -> jax.Array:
    """The largest of every 2 by 2 block."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def loss_fn(params: Params, statistics: Statistics, batch: Batch) -> tuple[jax.Array, Statistics]:
    """The mean cross-entropy of a batch, and the statistics after it."""
    images, labels, keep = batch
    x, norm1 = batch_norm(params["norm1"], statistics["norm1"], convolve(params["conv1"], images))
    x = max_pool(jax.nn.relu(x))
    x, norm2 = batch_norm(params["norm2"], statistics["norm2"], convolve(params["conv2"], x))
    x = max_pool(jax.nn.relu(x))
    x = x.reshape(x.shape[0], -1)
    x = jnp.where(keep, x / (1 - DROPOUT), 0)
    logits = x @ params["classifier"]["weight"].T + params["classifier"]["bias"]
    log_probabilities = jax.nn.log_softmax(logits)
    loss = -jnp.mean(jnp.take_along_axis(log_probabilities, labels[:, None], axis=1))
    return loss, {"norm1": norm1, "norm2": norm2}


@jax.jit
def step(
    params: Params, statistics: Statistics, state: adam.AdamState, batch: Batch
) -> tuple[Params, Statistics, adam.AdamState, jax.Array]:
    """One step of Adam: new parameters, statistics and moments, and the loss before."""
    (loss, statistics), grads = jax.value_and_grad(loss_fn, has_aux=True)(params, statistics, batch)
    params, state = adam.update(params, grads, state, learning_rate=LEARNING_RATE)
    return params, statistics, state, loss

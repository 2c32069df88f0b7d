"""The training step of `examples/torch/transformer_block.py`, by hand.

A batch is `(inputs, targets)`, whole numbers `[batch, time]`.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from . import adam

LEARNING_RATE = 1e-2
WEIGHT_DECAY = 0.1
HEADS = 2
LAYER_NORM_EPS = 1e-5

Params = dict[str, Any]
Batch = tuple[jax.Array, jax.Array]


def init(
    embedding: jax.Array, position: jax.Array, block: Params, head: dict[str, jax.Array]
) -> tuple[Params, adam.AdamState]:
    """The parameters and the state of AdamW.

    Args:
        embedding: `[vocabulary, width]`.
        position: `[time, width]`.
        block: `norm1`, `qkv`, `project`, `norm2`, `expand`, `contract`; each has a `weight` and all but `qkv` a `bias`.
        head: a `weight` `[vocabulary, width]` and a `bias`.
    """
    params = {"embedding": embedding, "position": position, "block": block, "head": head}
    return params, adam.init(params)


def linear(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    """`[..., in]` to `[..., out]`."""
    return x @ params["weight"].T + params["bias"]


def layer_norm(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    """Normalise over the last axis, then scale and shift."""
    mean, var = jnp.mean(x, axis=-1, keepdims=True), jnp.var(x, axis=-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(var + LAYER_NORM_EPS) * params["weight"] + params["bias"]


def attention(params: Params, x: jax.Array) -> jax.Array:
    """Causal self-attention of `HEADS` heads: `[batch, time, width]` to the same shape."""
    batch, time, width = x.shape
    qkv = x @ params["qkv"]["weight"].T
    q, k, v = (part.reshape(batch, time, HEADS, -1) for part in jnp.split(qkv, 3, axis=-1))
    scores = jnp.einsum("bihd,bjhd->bhij", q, k) / math.sqrt(width // HEADS)
    scores = jnp.where(jnp.tril(jnp.ones((time, time), dtype=bool)), scores, -jnp.inf)
    attended = jnp.einsum("bhij,bjhd->bihd", jax.nn.softmax(scores), v)
    return linear(params["project"], attended.reshape(batch, time, width))


def apply_block(params: Params, x: jax.Array) -> jax.Array:
    """A pre-norm block: attention and a two-layer network, each added to its input."""
    x = x + attention(params, layer_norm(params["norm1"], x))
    hidden = jax.nn.gelu(linear(params["expand"], layer_norm(params["norm2"], x)), approximate=False)
    return x + linear(params["contract"], hidden)


def loss_fn(params: Params, batch: Batch) -> jax.Array:
    """The mean cross-entropy of every position's next token."""
    inputs, targets = batch
    x = params["embedding"][inputs] + params["position"]
    logits = linear(params["head"], apply_block(params["block"], x))
    log_probabilities = jax.nn.log_softmax(logits)
    return -jnp.mean(jnp.take_along_axis(log_probabilities, targets[..., None], axis=-1))


@jax.jit
def step(params: Params, state: adam.AdamState, batch: Batch) -> tuple[Params, adam.AdamState, jax.Array]:
    """One step of AdamW: new parameters and moments, and the loss before."""
    loss, grads = jax.value_and_grad(loss_fn)(params, batch)
    params, state = adam.update(params, grads, state, learning_rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    return params, state, loss

"""The training step of `examples/torch/mlp_with_sgd.py`, by hand.

A batch is `(inputs, targets)`: `[batch, features]` and `[batch, 1]`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

LEARNING_RATE = 0.05
MOMENTUM = 0.9
WEIGHT_DECAY = 1e-3

Layer = dict[str, jax.Array]
Params = dict[str, Layer]
Batch = tuple[jax.Array, jax.Array]


def init(hidden: Layer, output: Layer) -> tuple[Params, Params]:
    """The parameters, and a velocity of zeros for each.

    Args: hidden, output: a `weight` `[out, in]` and a `bias` `[out]` each.
    """
    params = {"hidden": hidden, "output": output}
    return params, jax.tree.map(jnp.zeros_like, params)


def predict(params: Params, inputs: jax.Array) -> jax.Array:
    """`[batch, features]` to `[batch, 1]`."""
    hidden = jax.nn.relu(inputs @ params["hidden"]["weight"].T + params["hidden"]["bias"])
    return hidden @ params["output"]["weight"].T + params["output"]["bias"]


def loss_fn(params: Params, batch: Batch) -> jax.Array:
    """The mean squared error of a batch."""
    inputs, targets = batch
    return jnp.mean((predict(params, inputs) - targets) ** 2)


@jax.jit
def step(params: Params, velocity: Params, batch: Batch) -> tuple[Params, Params, jax.Array]:
    """One step of SGD with momentum and weight decay: new parameters, new velocity, and the loss before."""
    loss, grads = jax.value_and_grad(loss_fn)(params, batch)
    velocity = jax.tree.map(lambda v, g, p: MOMENTUM * v + g + WEIGHT_DECAY * p, velocity, grads, params)
    params = jax.tree.map(lambda p, v: p - LEARNING_RATE * v, params, velocity)
    return params, velocity, loss

"""Adam and AdamW by hand, over any pytree of parameters."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class AdamState(NamedTuple):
    """The running moments of each parameter, and the number of steps taken."""

    mean: Any
    square: Any
    count: jax.Array


def init(params: Any) -> AdamState:
    """The state before the first step."""
    zeros = jax.tree.map(jnp.zeros_like, params)
    return AdamState(zeros, zeros, jnp.zeros((), dtype=int))


def update(
    params: Any,
    grads: Any,
    state: AdamState,
    *,
    learning_rate: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> tuple[Any, AdamState]:
    """One step; `weight_decay` is decoupled, as in AdamW."""
    count = state.count + 1
    mean = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state.mean, grads)
    square = jax.tree.map(lambda s, g: beta2 * s + (1 - beta2) * g * g, state.square, grads)

    def moved(p: jax.Array, m: jax.Array, s: jax.Array) -> jax.Array:
        m = m / (1 - beta1 ** count.astype(p.dtype))
        s = s / (1 - beta2 ** count.astype(p.dtype))
        return p * (1 - learning_rate * weight_decay) - learning_rate * m / (jnp.sqrt(s) + eps)

    return jax.tree.map(moved, params, mean, square), AdamState(mean, square, count)

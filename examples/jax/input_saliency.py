# input-saliency: Translated from input_saliency.py
import pathlib

import jax
import jax.numpy as jnp
import numpy
from jax import lax

jax.config.update("jax_enable_x64", True)

data = numpy.load(pathlib.Path(__file__).with_name("input-saliency.npz"))

model_0_weight = jnp.array(data["model_0_weight"])
model_0_bias = jnp.array(
    [0.1428672508499715, -0.10393411191611719, 0.08189730681189367, -0.02118926947920937]
)
model_1_weight = jnp.array([1.0, 1.0, 1.0, 1.0])
model_1_bias = jnp.array([0.0, 0.0, 0.0, 0.0])
model_5_weight = jnp.array(data["model_5_weight"])
model_5_bias = jnp.array(
    [
        0.06570709512103745,
        0.10284255363660517,
        -0.10624136596409535,
        -0.032911462672603364,
        -0.03816407424283226,
    ]
)
image = jnp.array(data["image"])
model_0_bias_getitem = model_0_bias[:, None, None]
model_1_running_mean = jnp.array([0.0, 0.0, 0.0, 0.0])
model_1_running_var = jnp.array([1.0, 1.0, 1.0, 1.0])
model_1_running_mean_getitem = model_1_running_mean[None, :, None, None]
model_1_running_var_sqrt = jnp.sqrt(model_1_running_var[None, :, None, None] + 1e-05)
scale = model_1_weight[None, :, None, None]
shift = model_1_bias[None, :, None, None]


def score_fn(image):
    convolved = lax.conv_general_dilated(image, model_0_weight, (1, 1), ((1, 1), (1, 1)))
    scores = convolved + model_0_bias_getitem
    normalized = (scores - model_1_running_mean_getitem) / model_1_running_var_sqrt
    scaled = normalized * scale
    scores = scaled + shift
    scores = jax.nn.relu(scores)
    scores = (
        lax.reduce_window(scores, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), ((0, 0), (0, 0), (0, 0), (0, 0)))
        / 4
    )
    scores = scores.reshape((1, 36))
    product = scores @ model_5_weight.mT
    scores = product + model_5_bias
    score = scores[0, 1]
    return score, scores


(score, scores), image_grad = jax.jit(jax.value_and_grad(score_fn, has_aux=True))(image)
print("score =", score)
print("image.grad =", image_grad)
print("scores =", scores)
values = jnp.array(data["values"])
noisy = image + values * 0.1
model_0_bias_getitem = model_0_bias[:, None, None]
model_1_running_mean_getitem = model_1_running_mean[None, :, None, None]
model_1_running_var_sqrt = jnp.sqrt(model_1_running_var[None, :, None, None] + 1e-05)
scale = model_1_weight[None, :, None, None]
shift = model_1_bias[None, :, None, None]


def product_fn(noisy):
    convolved = lax.conv_general_dilated(noisy, model_0_weight, (1, 1), ((1, 1), (1, 1)))
    normalized = (convolved + model_0_bias_getitem - model_1_running_mean_getitem) / model_1_running_var_sqrt
    scaled = normalized * scale
    product = (
        (lax.reduce_window(jax.nn.relu(scaled + shift), 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), ((0, 0), (0, 0), (0, 0), (0, 0))) / 4).reshape((4, 36))
        @ model_5_weight.mT
    )
    return jnp.sum((product + model_5_bias)[:, 1])


gradients = jax.jit(jax.grad(product_fn))(noisy)
print("gradients =", gradients)

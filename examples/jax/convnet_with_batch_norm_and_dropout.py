# convnet-with-batch-norm-and-dropout: Translated from convnet_with_batch_norm_and_dropout.py
import pathlib

import jax
import jax.numpy as jnp
import numpy
from jax import lax

jax.config.update("jax_enable_x64", True)

data = numpy.load(pathlib.Path(__file__).with_name("convnet-with-batch-norm-and-dropout.npz"))

params = {
    "conv1.weight": jnp.array(
        [
            [
                [
                    [0.12246757415593465, 0.1984912996379167, 0.2963973834868547],
                    [0.11519758627672669, -0.03156339382532746, 0.312584831334107],
                    [0.28120855810063516, 0.17988278059752638, -0.2355717149671847],
                ]
            ],
            [
                [
                    [-0.16883690372231788, 0.026810505569807123, -0.010481719604645758],
                    [-0.14344898773525727, -0.08674839222350385, 0.195620354177995],
                    [0.11152804888783797, -0.11385758447278713, 0.020765930450471773],
                ]
            ],
            [
                [
                    [0.045267324731740104, 0.30681835791791046, 0.32215032252498504],
                    [0.2753151382044307, -0.22118704346089413, -0.15508130745333568],
                    [0.024121992455791157, -0.02750445847197339, 0.06886322405576864],
                ]
            ],
            [
                [
                    [0.15914752763692028, 0.16906926307381423, 0.035461320013949076],
                    [-0.0693240354327859, -0.05741828756586885, -0.2765806043630251],
                    [0.3067067556699143, 0.09377000158037727, -0.23099373421446281],
                ]
            ],
        ]
    ),
    "norm1.weight": jnp.array([1.0, 1.0, 1.0, 1.0]),
    "norm1.bias": jnp.array([0.0, 0.0, 0.0, 0.0]),
    "conv2.weight": jnp.array(data["conv2_weight"]),
    "norm2.weight": jnp.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    "norm2.bias": jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    "classifier.weight": jnp.array(data["classifier_weight"]),
    "classifier.bias": jnp.array([0.06636424766370293, -0.1362349685443221, -0.03998738484244817]),
}
images = jnp.array(data["images"])
norm1_running_mean = jnp.array([0.0, 0.0, 0.0, 0.0])
norm1_running_var = jnp.array([1.0, 1.0, 1.0, 1.0])
norm2_running_mean = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
norm2_running_var = jnp.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
dropout_mask = jnp.array(data["dropout_mask"])
labels = jnp.array([0, 0, 0, 2, 2, 1, 2, 0])
labels_getitem = labels[:, None]


def loss_fn(params, dropout_mask, labels_getitem):
    images_conv2d = lax.conv_general_dilated(images, params["conv1.weight"], (1, 1), ((1, 1), (1, 1)))
    mean = jnp.mean(images_conv2d, axis=(0, 2, 3), keepdims=True)
    variance = jnp.var(images_conv2d, axis=(0, 2, 3), correction=0, keepdims=True)
    normalized = (images_conv2d - mean) / jnp.sqrt(variance + 1e-05)
    scale = params["norm1.weight"][None, :, None, None]
    shift = params["norm1.bias"][None, :, None, None]
    scaled = normalized * scale
    x = lax.reduce_window(
        jax.nn.relu(scaled + shift),
        -jnp.inf,
        lax.max,
        (1, 1, 2, 2),
        (1, 1, 2, 2),
        ((0, 0), (0, 0), (0, 0), (0, 0)),
    )
    x_conv2d = lax.conv_general_dilated(x, params["conv2.weight"], (1, 1), ((1, 1), (1, 1)))
    mean_2 = jnp.mean(x_conv2d, axis=(0, 2, 3), keepdims=True)
    variance_2 = jnp.var(x_conv2d, axis=(0, 2, 3), correction=0, keepdims=True)
    normalized = (x_conv2d - mean_2) / jnp.sqrt(variance_2 + 1e-05)
    scale = params["norm2.weight"][None, :, None, None]
    shift = params["norm2.bias"][None, :, None, None]
    scaled = normalized * scale
    x = lax.reduce_window(
        jax.nn.relu(scaled + shift),
        -jnp.inf,
        lax.max,
        (1, 1, 2, 2),
        (1, 1, 2, 2),
        ((0, 0), (0, 0), (0, 0), (0, 0)),
    )
    flatten_25 = x.reshape((8, 32))
    x = flatten_25 * dropout_mask
    product = x @ params["classifier.weight"].mT
    log_probability = jax.nn.log_softmax(product + params["classifier.bias"], axis=1)
    chosen = jnp.take_along_axis(log_probability, labels_getitem, axis=-1)
    losses = -jnp.squeeze(chosen, axis=-1)
    loss = jnp.mean(losses)
    return loss, (mean, variance, mean_2, variance_2)


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn, has_aux=True))
(loss, (mean, variance, mean_2, variance_2)), grads = loss_and_grad(params, dropout_mask, labels_getitem)
print("loss =", loss)
print("conv1_weight.grad =", grads["conv1.weight"])
print("norm1_weight.grad =", grads["norm1.weight"])
print("norm1_bias.grad =", grads["norm1.bias"])
print("conv2_weight.grad =", grads["conv2.weight"])
print("norm2_weight.grad =", grads["norm2.weight"])
print("norm2_bias.grad =", grads["norm2.bias"])
print("classifier_weight.grad =", grads["classifier.weight"])
print("classifier_bias.grad =", grads["classifier.bias"])
moved = norm1_running_mean * 0.9 + jnp.squeeze(mean, axis=(0, 2, 3)) * 0.1
norm1_running_mean = jnp.broadcast_to(moved, norm1_running_mean.shape)
unbiased = jnp.squeeze(variance, axis=(0, 2, 3)) * 1.0019569471624266
moved = norm1_running_var * 0.9 + unbiased * 0.1
norm1_running_var = jnp.broadcast_to(moved, norm1_running_var.shape)
moved = norm2_running_mean * 0.9 + jnp.squeeze(mean_2, axis=(0, 2, 3)) * 0.1
norm2_running_mean = jnp.broadcast_to(moved, norm2_running_mean.shape)
unbiased = jnp.squeeze(variance_2, axis=(0, 2, 3)) * 1.0078740157480315
moved = norm2_running_var * 0.9 + unbiased * 0.1
norm2_running_var = jnp.broadcast_to(moved, norm2_running_var.shape)
conv1_weight_exp_avg = jnp.array(
    [
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
    ]
)
conv1_weight_exp_avg_sq = jnp.array(
    [
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
    ]
)


@jax.jit
def update(grad, exp_avg, exp_avg_sq, parameter):
    exp_avg = exp_avg + (grad - exp_avg) * 0.09999999999999998
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = (
        parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / 0.031622776601683805 + 1e-08) * 0.10000000000000002
    )
    return exp_avg, exp_avg_sq, parameter


conv1_weight_exp_avg, conv1_weight_exp_avg_sq, params["conv1.weight"] = update(
    grads["conv1.weight"], conv1_weight_exp_avg, conv1_weight_exp_avg_sq, params["conv1.weight"]
)
norm1_weight_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0])
norm1_weight_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0])
norm1_weight_exp_avg, norm1_weight_exp_avg_sq, params["norm1.weight"] = update(
    grads["norm1.weight"], norm1_weight_exp_avg, norm1_weight_exp_avg_sq, params["norm1.weight"]
)
norm1_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0])
norm1_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0])
norm1_bias_exp_avg, norm1_bias_exp_avg_sq, params["norm1.bias"] = update(
    grads["norm1.bias"], norm1_bias_exp_avg, norm1_bias_exp_avg_sq, params["norm1.bias"]
)
conv2_weight_exp_avg = jnp.array(data["conv2_weight_exp_avg"])
conv2_weight_exp_avg_sq = jnp.array(data["conv2_weight_exp_avg_sq"])
conv2_weight_exp_avg, conv2_weight_exp_avg_sq, params["conv2.weight"] = update(
    grads["conv2.weight"], conv2_weight_exp_avg, conv2_weight_exp_avg_sq, params["conv2.weight"]
)
norm2_weight_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
norm2_weight_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
norm2_weight_exp_avg, norm2_weight_exp_avg_sq, params["norm2.weight"] = update(
    grads["norm2.weight"], norm2_weight_exp_avg, norm2_weight_exp_avg_sq, params["norm2.weight"]
)
norm2_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
norm2_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
norm2_bias_exp_avg, norm2_bias_exp_avg_sq, params["norm2.bias"] = update(
    grads["norm2.bias"], norm2_bias_exp_avg, norm2_bias_exp_avg_sq, params["norm2.bias"]
)
classifier_weight_exp_avg = jnp.array(data["classifier_weight_exp_avg"])
classifier_weight_exp_avg_sq = jnp.array(data["classifier_weight_exp_avg_sq"])
classifier_weight_exp_avg, classifier_weight_exp_avg_sq, params["classifier.weight"] = update(
    grads["classifier.weight"],
    classifier_weight_exp_avg,
    classifier_weight_exp_avg_sq,
    params["classifier.weight"],
)
classifier_bias_exp_avg = jnp.array([0.0, 0.0, 0.0])
classifier_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0])
classifier_bias_exp_avg, classifier_bias_exp_avg_sq, params["classifier.bias"] = update(
    grads["classifier.bias"], classifier_bias_exp_avg, classifier_bias_exp_avg_sq, params["classifier.bias"]
)
dropout_mask = jnp.array(data["dropout_mask_"])
labels_getitem = labels[:, None]
(loss, (mean, variance, mean_3, variance_3)), grads = loss_and_grad(params, dropout_mask, labels_getitem)
print("loss (2) =", loss)
print("conv1_weight.grad (2) =", grads["conv1.weight"])
print("norm1_weight.grad (2) =", grads["norm1.weight"])
print("norm1_bias.grad (2) =", grads["norm1.bias"])
print("conv2_weight.grad (2) =", grads["conv2.weight"])
print("norm2_weight.grad (2) =", grads["norm2.weight"])
print("norm2_bias.grad (2) =", grads["norm2.bias"])
print("classifier_weight.grad (2) =", grads["classifier.weight"])
print("classifier_bias.grad (2) =", grads["classifier.bias"])
moved = norm1_running_mean * 0.9 + jnp.squeeze(mean, axis=(0, 2, 3)) * 0.1
norm1_running_mean = jnp.broadcast_to(moved, norm1_running_mean.shape)
print("norm1_running_mean =", norm1_running_mean)
unbiased = jnp.squeeze(variance, axis=(0, 2, 3)) * 1.0019569471624266
moved = norm1_running_var * 0.9 + unbiased * 0.1
norm1_running_var = jnp.broadcast_to(moved, norm1_running_var.shape)
print("norm1_running_var =", norm1_running_var)
moved = norm2_running_mean * 0.9 + jnp.squeeze(mean_3, axis=(0, 2, 3)) * 0.1
norm2_running_mean = jnp.broadcast_to(moved, norm2_running_mean.shape)
print("norm2_running_mean =", norm2_running_mean)
unbiased = jnp.squeeze(variance_3, axis=(0, 2, 3)) * 1.0078740157480315
moved = norm2_running_var * 0.9 + unbiased * 0.1
norm2_running_var = jnp.broadcast_to(moved, norm2_running_var.shape)
print("norm2_running_var =", norm2_running_var)


@jax.jit
def update_2(grad, exp_avg, exp_avg_sq, parameter):
    exp_avg = exp_avg + (grad - exp_avg) * 0.09999999999999998
    exp_avg_sq = exp_avg_sq * 0.999
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = (
        parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / 0.04471017781221601 + 1e-08) * 0.05263157894736844
    )
    return parameter


params["conv1.weight"] = update_2(
    grads["conv1.weight"], conv1_weight_exp_avg, conv1_weight_exp_avg_sq, params["conv1.weight"]
)
print("conv1_weight =", params["conv1.weight"])
params["norm1.weight"] = update_2(
    grads["norm1.weight"], norm1_weight_exp_avg, norm1_weight_exp_avg_sq, params["norm1.weight"]
)
print("norm1_weight =", params["norm1.weight"])
params["norm1.bias"] = update_2(
    grads["norm1.bias"], norm1_bias_exp_avg, norm1_bias_exp_avg_sq, params["norm1.bias"]
)
print("norm1_bias =", params["norm1.bias"])
params["conv2.weight"] = update_2(
    grads["conv2.weight"], conv2_weight_exp_avg, conv2_weight_exp_avg_sq, params["conv2.weight"]
)
print("conv2_weight =", params["conv2.weight"])
params["norm2.weight"] = update_2(
    grads["norm2.weight"], norm2_weight_exp_avg, norm2_weight_exp_avg_sq, params["norm2.weight"]
)
print("norm2_weight =", params["norm2.weight"])
params["norm2.bias"] = update_2(
    grads["norm2.bias"], norm2_bias_exp_avg, norm2_bias_exp_avg_sq, params["norm2.bias"]
)
print("norm2_bias =", params["norm2.bias"])
params["classifier.weight"] = update_2(
    grads["classifier.weight"],
    classifier_weight_exp_avg,
    classifier_weight_exp_avg_sq,
    params["classifier.weight"],
)
print("classifier_weight =", params["classifier.weight"])
params["classifier.bias"] = update_2(
    grads["classifier.bias"], classifier_bias_exp_avg, classifier_bias_exp_avg_sq, params["classifier.bias"]
)
print("classifier_bias =", params["classifier.bias"])

# gradient-accumulation: Translated from gradient_accumulation.py
import pathlib

import jax
import jax.numpy as jnp
import numpy

jax.config.update("jax_enable_x64", True)

data = numpy.load(pathlib.Path(__file__).with_name("gradient-accumulation.npz"))

inputs = jnp.array(data["inputs"])
split_1 = inputs[0:4]
split_2 = inputs[4:8]
split_3 = inputs[8:12]
split_4 = inputs[12:16]
labels = jnp.array([2, 3, 0, 0, 0, 1, 2, 0, 1, 2, 3, 2, 2, 3, 1, 0])
split_5 = labels[0:4]
split_6 = labels[4:8]
split_7 = labels[8:12]
split_8 = labels[12:16]
params = {
    "0.weight": jnp.array(data["model_0_weight"]),
    "0.bias": jnp.array(
        [
            -0.17943481963373048,
            0.171862451255716,
            0.11487301367600837,
            -0.23995481320283227,
            -0.16849815750621117,
            0.234968912923734,
            -0.27422613953865443,
            -0.2412866500739503,
            -0.1875690889763177,
            -0.07979529823098773,
            0.3886272651370523,
            -0.29750295606734417,
        ]
    ),
    "2.weight": jnp.array(
        [
            [
                -0.1212953451176169,
                0.20978087416412966,
                0.032762380317985965,
                0.1501159435084183,
                -0.1020321145638387,
                -0.24557478822665119,
                0.05775326626116931,
                -0.02330955845159264,
                0.1415437140290963,
                0.243686121068496,
                0.19844957955675033,
                0.10695773827366466,
            ],
            [
                0.03346100571921567,
                -0.22432411008665332,
                0.07838279652466307,
                0.18956241222157133,
                0.02427003912560085,
                0.13119953178855287,
                -0.059810617644822234,
                -0.18987454430855644,
                0.23914983733536846,
                -0.06766381925641482,
                -0.1650288656952791,
                -0.17030833704328416,
            ],
            [
                0.2795306755518135,
                -0.12457469572286467,
                -0.1193626517642537,
                -0.19659956677017304,
                -0.06055656900038335,
                -0.09581154691721813,
                0.2156152875584462,
                0.2813090204088549,
                -0.19928593167271563,
                -0.17981758524067862,
                -0.1650734767551244,
                -0.057787586119102466,
            ],
            [
                -0.18335952024939028,
                -0.1054724990769414,
                0.27480885343710587,
                -0.08098814335407582,
                -0.16455761465347252,
                0.16898119839152792,
                -0.24682307821876792,
                0.20953486512512545,
                -0.12987086468773593,
                0.03304607887043364,
                0.23020184491928078,
                0.1477052632077253,
            ],
        ]
    ),
    "2.bias": jnp.array(
        [-0.11540286739818867, -0.05631132574065768, 0.048263531061937905, 0.13529604401520684]
    ),
}
split_5_getitem = split_5[:, None]


def loss_fn(params, split_1, split_5_getitem):
    product = split_1 @ params["0.weight"].mT
    product = jax.nn.relu(product + params["0.bias"]) @ params["2.weight"].mT
    log_probability = jax.nn.log_softmax(product + params["2.bias"], axis=1)
    chosen = jnp.take_along_axis(log_probability, split_5_getitem, axis=-1)
    losses = -jnp.squeeze(chosen, axis=-1)
    loss = jnp.mean(losses) / 2
    return loss


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn))
loss, grads = loss_and_grad(params, split_1, split_5_getitem)
print("loss =", loss)
split_6_getitem = split_6[:, None]
loss, grads_2 = loss_and_grad(params, split_2, split_6_getitem)
print("loss (2) =", loss)
grads["0.weight"] = grads["0.weight"] + grads_2["0.weight"]
grads["0.bias"] = grads["0.bias"] + grads_2["0.bias"]
grads["2.weight"] = grads["2.weight"] + grads_2["2.weight"]
grads["2.bias"] = grads["2.bias"] + grads_2["2.bias"]
model_0_weight_grad_clip = jnp.clip(
    0.5 / (
        jnp.linalg.vector_norm(jnp.stack([jnp.linalg.vector_norm(grads["0.weight"]), jnp.linalg.vector_norm(grads["0.bias"]), jnp.linalg.vector_norm(grads["2.weight"]), jnp.linalg.vector_norm(grads["2.bias"])]))
        + 1e-06
    ),
    max=1.0,
)
model_0_weight_exp_avg = jnp.array(data["model_0_weight_exp_avg"])
model_0_weight_exp_avg_sq = jnp.array(data["model_0_weight_exp_avg_sq"])


@jax.jit
def update(grad, clip, parameter, exp_avg, exp_avg_sq):
    grad = grad * clip
    parameter = parameter * 0.9999
    exp_avg = exp_avg + (grad - exp_avg) * 0.09999999999999998
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = (
        parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / 0.031622776601683805 + 1e-08) * 0.10000000000000002
    )
    return grad, exp_avg, exp_avg_sq, parameter


model_0_weight_grad, model_0_weight_exp_avg, model_0_weight_exp_avg_sq, params["0.weight"] = update(
    grads["0.weight"],
    model_0_weight_grad_clip,
    params["0.weight"],
    model_0_weight_exp_avg,
    model_0_weight_exp_avg_sq,
)
print("model_0_weight.grad =", model_0_weight_grad)
model_0_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
model_0_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
model_0_bias_grad, model_0_bias_exp_avg, model_0_bias_exp_avg_sq, params["0.bias"] = update(
    grads["0.bias"], model_0_weight_grad_clip, params["0.bias"], model_0_bias_exp_avg, model_0_bias_exp_avg_sq
)
print("model_0_bias.grad =", model_0_bias_grad)
model_2_weight_exp_avg = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
model_2_weight_exp_avg_sq = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
model_2_weight_grad, model_2_weight_exp_avg, model_2_weight_exp_avg_sq, params["2.weight"] = update(
    grads["2.weight"],
    model_0_weight_grad_clip,
    params["2.weight"],
    model_2_weight_exp_avg,
    model_2_weight_exp_avg_sq,
)
print("model_2_weight.grad =", model_2_weight_grad)
model_2_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0])
model_2_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0])
model_2_bias_grad, model_2_bias_exp_avg, model_2_bias_exp_avg_sq, params["2.bias"] = update(
    grads["2.bias"], model_0_weight_grad_clip, params["2.bias"], model_2_bias_exp_avg, model_2_bias_exp_avg_sq
)
print("model_2_bias.grad =", model_2_bias_grad)
split_7_getitem = split_7[:, None]
loss, grads = loss_and_grad(params, split_3, split_7_getitem)
print("loss (3) =", loss)
split_8_getitem = split_8[:, None]
loss, grads_3 = loss_and_grad(params, split_4, split_8_getitem)
print("loss (4) =", loss)
grads["0.weight"] = grads["0.weight"] + grads_3["0.weight"]
grads["0.bias"] = grads["0.bias"] + grads_3["0.bias"]
grads["2.weight"] = grads["2.weight"] + grads_3["2.weight"]
grads["2.bias"] = grads["2.bias"] + grads_3["2.bias"]
model_0_weight_grad_clip = jnp.clip(
    0.5 / (
        jnp.linalg.vector_norm(jnp.stack([jnp.linalg.vector_norm(grads["0.weight"]), jnp.linalg.vector_norm(grads["0.bias"]), jnp.linalg.vector_norm(grads["2.weight"]), jnp.linalg.vector_norm(grads["2.bias"])]))
        + 1e-06
    ),
    max=1.0,
)


@jax.jit
def update_2(grad, clip, parameter, exp_avg, exp_avg_sq):
    grad = grad * clip
    parameter = parameter * 0.9999
    exp_avg = exp_avg + (grad - exp_avg) * 0.09999999999999998
    exp_avg_sq = exp_avg_sq * 0.999
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = (
        parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / 0.04471017781221601 + 1e-08) * 0.05263157894736844
    )
    return grad, parameter


model_0_weight_grad, params["0.weight"] = update_2(
    grads["0.weight"],
    model_0_weight_grad_clip,
    params["0.weight"],
    model_0_weight_exp_avg,
    model_0_weight_exp_avg_sq,
)
print("model_0_weight.grad (2) =", model_0_weight_grad)
print("model_0_weight =", params["0.weight"])
model_0_bias_grad, params["0.bias"] = update_2(
    grads["0.bias"], model_0_weight_grad_clip, params["0.bias"], model_0_bias_exp_avg, model_0_bias_exp_avg_sq
)
print("model_0_bias.grad (2) =", model_0_bias_grad)
print("model_0_bias =", params["0.bias"])
model_2_weight_grad, params["2.weight"] = update_2(
    grads["2.weight"],
    model_0_weight_grad_clip,
    params["2.weight"],
    model_2_weight_exp_avg,
    model_2_weight_exp_avg_sq,
)
print("model_2_weight.grad (2) =", model_2_weight_grad)
print("model_2_weight =", params["2.weight"])
model_2_bias_grad, params["2.bias"] = update_2(
    grads["2.bias"], model_0_weight_grad_clip, params["2.bias"], model_2_bias_exp_avg, model_2_bias_exp_avg_sq
)
print("model_2_bias.grad (2) =", model_2_bias_grad)
print("model_2_bias =", params["2.bias"])

# maml: Translated from maml.py
import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)

values = jnp.array(
    [
        [
            -0.5966353626151273,
            0.18203648506130554,
            -0.8566745932963743,
            1.100604170903427,
            -1.0711873631091473,
            0.12270123916331216,
            -0.5663174751548546,
            0.37311463418249957,
            -0.8919953148065625,
            -1.509107744632202,
        ]
    ]
)
multiply_1 = values * 0.3
leaf = jnp.array(
    [
        [1.5409961082440433],
        [-0.2934289057609464],
        [-2.1787893820745574],
        [0.5684312772806678],
        [-1.084522342424021],
        [-1.3985953953708767],
        [0.4033468476292993],
        [0.8380263329976598],
        [-0.7192575784693592],
        [-0.40334352493217457],
    ]
)
leaf_2 = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
weight = jnp.array([0.0])
values = jnp.array([0.21036647491838456])
values_2 = jnp.array([0.6767391209176791])
support = jnp.array(
    [
        [0.9398099079535257],
        [0.7748488177844168],
        [0.19186942747902466],
        [1.2637947253235853],
        [-1.29043510317847],
    ]
)
query = jnp.array(
    [
        [-0.7911026902762878],
        [-0.020879472995974358],
        [-0.7184800423600348],
        [0.5186367489510352],
        [-1.3125219619835629],
    ]
)


@jax.jit
def update(values, values_2, parameter, parameter_2):
    amplitude = values + 0.5
    phase = values_2 * 3.0
    multiply = amplitude * jnp.sin(parameter + phase)
    multiply_2 = amplitude * jnp.sin(parameter_2 + phase)
    return multiply, multiply_2


amplitude_multiply, amplitude_multiply_2 = update(values, values_2, support, query)
values = jnp.array([0.19588814570920787])
values_3 = jnp.array([0.15272623787792838])
support_2 = jnp.array(
    [
        [-2.2187793699300005],
        [0.2589845413662202],
        [-1.029702181843019],
        [-0.5007584123764369],
        [0.27336773842007633],
    ]
)
query_2 = jnp.array(
    [
        [-0.9180999735255815],
        [-0.040421087473651175],
        [0.28811682688855406],
        [-0.007537307963943466],
        [-0.914495452479524],
    ]
)
amplitude_multiply_3, amplitude_multiply_4 = update(values, values_3, support_2, query_2)
values = jnp.array([0.538225008554474])
values_4 = jnp.array([0.46636541886786753])
support_3 = jnp.array(
    [
        [0.18942346075724142],
        [-0.21902281098819965],
        [2.0575912707261748],
        [-0.035421882969449175],
        [0.06271882958315587],
    ]
)
query_3 = jnp.array(
    [
        [-0.7663062812044589],
        [1.0992505253519338],
        [2.756538312872294],
        [0.17528332277766262],
        [-0.9315210999725619],
    ]
)
amplitude_multiply_5, amplitude_multiply_6 = update(values, values_4, support_3, query_3)


def loss_fn(leaf, leaf_2, multiply_1, weight):
    product = support @ leaf.mT
    product = jnp.tanh(product + leaf_2) @ multiply_1.mT
    squares = jnp.square(product + weight - amplitude_multiply)
    loss = jnp.mean(squares)
    return loss


def loss_fn_2(leaf, leaf_2, multiply_1, weight):
    product = support_2 @ leaf.mT
    product = jnp.tanh(product + leaf_2) @ multiply_1.mT
    squares = jnp.square(product + weight - amplitude_multiply_3)
    loss = jnp.mean(squares)
    return loss


def loss_fn_3(leaf, leaf_2, multiply_1, weight):
    product = support_3 @ leaf.mT
    product = jnp.tanh(product + leaf_2) @ multiply_1.mT
    squares = jnp.square(product + weight - amplitude_multiply_5)
    loss = jnp.mean(squares)
    return loss


def meta_loss_fn(multiply_1, leaf, leaf_2, weight):
    gradients_1, gradients_2, gradients_3, gradients_4 = jax.grad(loss_fn, argnums=(0, 1, 2, 3))(
        leaf, leaf_2, multiply_1, weight
    )
    product = query @ (leaf - gradients_1 * 0.1).mT
    product = jnp.tanh(product + (leaf_2 - gradients_2 * 0.1)) @ (multiply_1 - gradients_3 * 0.1).mT
    squares = jnp.square(product + (weight - gradients_4 * 0.1) - amplitude_multiply_2)
    meta_loss = jnp.mean(squares) / 3 + 0.0
    gradients_1_2, gradients_2_2, gradients_3_2, gradients_4_2 = jax.grad(loss_fn_2, argnums=(0, 1, 2, 3))(
        leaf, leaf_2, multiply_1, weight
    )
    product = query_2 @ (leaf - gradients_1_2 * 0.1).mT
    product = jnp.tanh(product + (leaf_2 - gradients_2_2 * 0.1)) @ (multiply_1 - gradients_3_2 * 0.1).mT
    squares = jnp.square(product + (weight - gradients_4_2 * 0.1) - amplitude_multiply_4)
    meta_loss = meta_loss + jnp.mean(squares) / 3
    gradients_1_3, gradients_2_3, gradients_3_3, gradients_4_3 = jax.grad(loss_fn_3, argnums=(0, 1, 2, 3))(
        leaf, leaf_2, multiply_1, weight
    )
    product = query_3 @ (leaf - gradients_1_3 * 0.1).mT
    product = jnp.tanh(product + (leaf_2 - gradients_2_3 * 0.1)) @ (multiply_1 - gradients_3_3 * 0.1).mT
    squares = jnp.square(product + (weight - gradients_4_3 * 0.1) - amplitude_multiply_6)
    meta_loss = meta_loss + jnp.mean(squares) / 3
    return meta_loss, (
        gradients_1,
        gradients_2,
        gradients_3,
        gradients_4,
        gradients_1_2,
        gradients_2_2,
        gradients_3_2,
        gradients_4_2,
        gradients_1_3,
        gradients_2_3,
        gradients_3_3,
        gradients_4_3,
    )


(
    meta_loss,
    (
        gradients_1,
        gradients_2,
        gradients_3,
        gradients_4,
        gradients_1_2,
        gradients_2_2,
        gradients_3_2,
        gradients_4_2,
        gradients_1_3,
        gradients_2_3,
        gradients_3_3,
        gradients_4_3,
    ),
), (multiply_1_grad, leaf_grad, leaf_2_grad, weight_grad) = jax.jit(jax.value_and_grad(meta_loss_fn, argnums=(0, 1, 2, 3), has_aux=True))(
    multiply_1, leaf, leaf_2, weight
)
print("gradients_1 =", gradients_1)
print("gradients_2 =", gradients_2)
print("gradients_3 =", gradients_3)
print("gradients_4 =", gradients_4)
print("gradients_1 (2) =", gradients_1_2)
print("gradients_2 (2) =", gradients_2_2)
print("gradients_3 (2) =", gradients_3_2)
print("gradients_4 (2) =", gradients_4_2)
print("gradients_1 (3) =", gradients_1_3)
print("gradients_2 (3) =", gradients_2_3)
print("gradients_3 (3) =", gradients_3_3)
print("gradients_4 (3) =", gradients_4_3)
print("meta_loss =", meta_loss)
print("leaf.grad =", leaf_grad)
print("leaf.grad (2) =", leaf_2_grad)
print("multiply_1.grad =", multiply_1_grad)
print("weight.grad =", weight_grad)
values = jnp.array([[0.0], [0.0], [0.0], [0.0], [0.0], [0.0], [0.0], [0.0], [0.0], [0.0]])
values_2 = jnp.array([[0.0], [0.0], [0.0], [0.0], [0.0], [0.0], [0.0], [0.0], [0.0], [0.0]])


@jax.jit
def update_2(grad, parameter, parameter_2, parameter_3):
    parameter = parameter + (grad - parameter) * 0.09999999999999998
    parameter_2 = parameter_2 + grad * grad * 0.0010000000000000009
    parameter_3 = (
        parameter_3 - parameter / (jnp.sqrt(parameter_2) / 0.031622776601683805 + 1e-08) * 0.10000000000000002
    )
    return parameter, parameter_2, parameter_3


_, _, leaf = update_2(leaf_grad, values, values_2, leaf)
values_3 = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
values_4 = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
_, _, leaf_2 = update_2(leaf_2_grad, values_3, values_4, leaf_2)
values_5 = jnp.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
values_6 = jnp.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
_, _, multiply_1_subtract = update_2(multiply_1_grad, values_5, values_6, multiply_1)
weight_exp_avg = jnp.array([0.0])
weight_exp_avg_sq = jnp.array([0.0])
weight_exp_avg, weight_exp_avg_sq, weight = update_2(weight_grad, weight_exp_avg, weight_exp_avg_sq, weight)
values_7 = jnp.array([0.5658438596011792])
values_7_2 = jnp.array([0.7411996909945431])
support = jnp.array(
    [
        [1.3232016725000837],
        [0.03711430465974608],
        [-0.28490930246326757],
        [-0.1334417428738957],
        [1.8929104298879018],
    ]
)
query = jnp.array(
    [
        [3.111044261837153],
        [-0.4583958002707041],
        [-0.3359880730056498],
        [-1.5699861127268284],
        [1.2315003988210944],
    ]
)
amplitude_multiply, amplitude_multiply_7 = update(values_7, values_7_2, support, query)
values_7 = jnp.array([0.11116918261510422])
values_7_3 = jnp.array([0.8095259532666201])
support_4 = jnp.array(
    [
        [0.4335119383253867],
        [-1.7342501705228996],
        [-1.3360485511053626],
        [0.8870960347457547],
        [0.7679574501836557],
    ]
)
query_4 = jnp.array(
    [
        [0.05711299767083105],
        [0.22395839309678037],
        [0.5519642948757691],
        [-0.5787979784221456],
        [0.017722116219818538],
    ]
)
amplitude_multiply_8, amplitude_multiply_9 = update(values_7, values_7_3, support_4, query_4)
values_7 = jnp.array([0.22953933738512666])
values_7_4 = jnp.array([0.41060062324308055])
support_x = jnp.array(
    [
        [-0.4468388860336896],
        [0.45202245991348733],
        [-0.9759244196547568],
        [0.7112371714454105],
        [-0.7582264559678761],
    ]
)
query_x = jnp.array(
    [
        [-0.6435830551409583],
        [-0.6461523720887336],
        [-0.1590926267499743],
        [-1.7786636657461636],
        [0.8476512699010683],
    ]
)
amplitude_multiply_10, amplitude_multiply_11 = update(values_7, values_7_4, support_x, query_x)


def loss_fn_4(leaf, leaf_2, multiply_1, weight):
    product = support @ leaf.mT
    product = jnp.tanh(product + leaf_2) @ multiply_1.mT
    squares = jnp.square(product + weight - amplitude_multiply)
    loss = jnp.mean(squares)
    return loss


def loss_fn_5(leaf, leaf_2, multiply_1, weight):
    product = support_4 @ leaf.mT
    product = jnp.tanh(product + leaf_2) @ multiply_1.mT
    squares = jnp.square(product + weight - amplitude_multiply_8)
    loss = jnp.mean(squares)
    return loss


def loss_fn_6(leaf, leaf_2, multiply_1, weight):
    product = support_x @ leaf.mT
    product = jnp.tanh(product + leaf_2) @ multiply_1.mT
    squares = jnp.square(product + weight - amplitude_multiply_10)
    loss = jnp.mean(squares)
    return loss


def meta_loss_fn_2(multiply_1, leaf, leaf_2, weight):
    gradients_1, gradients_2, gradients_3, gradients_4 = jax.grad(loss_fn_4, argnums=(0, 1, 2, 3))(
        leaf, leaf_2, multiply_1, weight
    )
    product = query @ (leaf - gradients_1 * 0.1).mT
    product = jnp.tanh(product + (leaf_2 - gradients_2 * 0.1)) @ (multiply_1 - gradients_3 * 0.1).mT
    squares = jnp.square(product + (weight - gradients_4 * 0.1) - amplitude_multiply_7)
    meta_loss = jnp.mean(squares) / 3 + 0.0
    gradients_1_2, gradients_2_2, gradients_3_2, gradients_4_2 = jax.grad(loss_fn_5, argnums=(0, 1, 2, 3))(
        leaf, leaf_2, multiply_1, weight
    )
    product = query_4 @ (leaf - gradients_1_2 * 0.1).mT
    product = jnp.tanh(product + (leaf_2 - gradients_2_2 * 0.1)) @ (multiply_1 - gradients_3_2 * 0.1).mT
    squares = jnp.square(product + (weight - gradients_4_2 * 0.1) - amplitude_multiply_9)
    meta_loss = meta_loss + jnp.mean(squares) / 3
    gradients_1_3, gradients_2_3, gradients_3_3, gradients_4_3 = jax.grad(loss_fn_6, argnums=(0, 1, 2, 3))(
        leaf, leaf_2, multiply_1, weight
    )
    product = query_x @ (leaf - gradients_1_3 * 0.1).mT
    product = jnp.tanh(product + (leaf_2 - gradients_2_3 * 0.1)) @ (multiply_1 - gradients_3_3 * 0.1).mT
    squares = jnp.square(product + (weight - gradients_4_3 * 0.1) - amplitude_multiply_11)
    meta_loss = meta_loss + jnp.mean(squares) / 3
    return meta_loss, (
        gradients_1,
        gradients_2,
        gradients_3,
        gradients_4,
        gradients_1_2,
        gradients_2_2,
        gradients_3_2,
        gradients_4_2,
        gradients_1_3,
        gradients_2_3,
        gradients_3_3,
        gradients_4_3,
    )


(
    meta_loss,
    (
        gradients_1,
        gradients_2,
        gradients_3,
        gradients_4,
        gradients_1_4,
        gradients_2_4,
        gradients_3_4,
        gradients_4_4,
        gradients_1_5,
        gradients_2_5,
        gradients_3_5,
        gradients_4_5,
    ),
), (multiply_1_grad, leaf_grad, leaf_2_grad, weight_grad) = jax.jit(jax.value_and_grad(meta_loss_fn_2, argnums=(0, 1, 2, 3), has_aux=True))(
    multiply_1_subtract, leaf, leaf_2, weight
)
print("gradients_1 (4) =", gradients_1)
print("gradients_2 (4) =", gradients_2)
print("gradients_3 (4) =", gradients_3)
print("gradients_4 (4) =", gradients_4)
print("gradients_1 (5) =", gradients_1_4)
print("gradients_2 (5) =", gradients_2_4)
print("gradients_3 (5) =", gradients_3_4)
print("gradients_4 (5) =", gradients_4_4)
print("gradients_1 (6) =", gradients_1_5)
print("gradients_2 (6) =", gradients_2_5)
print("gradients_3 (6) =", gradients_3_5)
print("gradients_4 (6) =", gradients_4_5)
print("meta_loss (2) =", meta_loss)
print("multiply_1.grad (2) =", multiply_1_grad)
print("leaf.grad (3) =", leaf_grad)
print("leaf.grad (4) =", leaf_2_grad)
print("weight.grad (2) =", weight_grad)
weight_exp_avg = weight_exp_avg + (weight_grad - weight_exp_avg) * 0.09999999999999998
weight_exp_avg_sq = weight_exp_avg_sq * 0.999
weight_exp_avg_sq = weight_exp_avg_sq + weight_grad * weight_grad * 0.0010000000000000009
weight = (
    weight
    - weight_exp_avg / (jnp.sqrt(weight_exp_avg_sq) / 0.04471017781221601 + 1e-08) * 0.05263157894736844
)
print("weight =", weight)

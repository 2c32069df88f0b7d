# actor-critic: Translated from actor_critic.py
import jax
import jax.numpy as jnp
from jax import lax

jax.config.update("jax_enable_x64", True)

values = jnp.array(
    [
        [1.5409961082440433, -0.2934289057609464, -2.1787893820745574],
        [0.5684312772806678, -1.084522342424021, -1.3985953953708767],
        [0.4033468476292993, 0.8380263329976598, -0.7192575784693592],
    ]
)
dynamics = values * 0.5
state = jnp.array(
    [
        [0.12270123916331216, -0.5663174751548546, 0.37311463418249957],
        [-0.8919953148065625, -1.509107744632202, 0.3703935333738153],
        [1.4565026067903366, 0.9398099079535257, 0.7748488177844168],
        [0.19186942747902466, 1.2637947253235853, -1.29043510317847],
    ]
)
params = {
    "body.weight": jnp.array(
        [
            [0.28333598472437266, -0.3144761830461357, 0.3578327668885654],
            [0.1507927051849972, -0.35115812187709017, -0.4009972000873442],
            [-0.02135445184455343, 0.48209418645857915, 0.08318429215044217],
            [-0.022136275370582766, 0.3418590344425736, -0.15245487614284545],
            [-0.2630595920155487, -0.5295000716218292, 0.2871604773157954],
            [-0.18272460218863482, 0.04413843795740259, -0.03883786894143398],
            [0.4197180119311666, -0.5299389866140609, 0.574186832571236],
            [0.43839833979452497, 0.3036829723407001, -0.28186271114748107],
        ]
    ),
    "body.bias": jnp.array(
        [
            -0.35840972001712446,
            0.5632221268148819,
            0.32285643763096517,
            -0.15948799294210825,
            0.0760299401304495,
            0.27851341304830807,
            -0.5721969038292913,
            0.09653831484891304,
        ]
    ),
    "policy.weight": jnp.array(
        [
            [
                0.049294730811200366,
                -0.31941050686730926,
                -0.23829176820719006,
                0.3526206903931094,
                0.07118230120886099,
                -0.24809568308547492,
                -0.07485650730200127,
                0.25696516210667525,
            ],
            [
                -0.27494490770716784,
                0.21886790050805743,
                0.2043433905509748,
                0.2104734411009802,
                -0.06596317088184024,
                0.15812400096437984,
                -0.3451992041294991,
                -0.1721154420923337,
            ],
        ]
    ),
    "policy.bias": jnp.array([-0.2201552501912531, -0.23860296629341296]),
    "value.weight": jnp.array(
        [
            [
                -0.00344475266471026,
                -0.24440495904323975,
                -0.19124456857918384,
                -0.06321490553866875,
                -0.08903733600842938,
                -0.2242230665592487,
                -0.07087553463908614,
                0.012500252530256547,
            ]
        ]
    ),
    "value.bias": jnp.array([0.07920502704105728]),
}
action = jnp.array([[1], [0], [0], [0]])
squeeze_15 = jnp.squeeze(action, axis=1)
pushes = jnp.array(
    [
        [-0.40334352493217457, -0.5966353626151273, 0.18203648506130554],
        [-0.8566745932963743, 1.100604170903427, -1.0711873631091473],
    ]
)
state_2 = jnp.tanh(state @ dynamics + pushes[squeeze_15])
state_subtract = 1.0 - jnp.mean(jnp.abs(state_2), axis=1)
action_2 = jnp.array([[1], [0], [1], [1]])
state_3 = jnp.tanh(state_2 @ dynamics + pushes[jnp.squeeze(action_2, axis=1)])
state_subtract_2 = 1.0 - jnp.mean(jnp.abs(state_3), axis=1)
action_3 = jnp.array([[1], [1], [1], [0]])
state_4 = jnp.tanh(state_3 @ dynamics + pushes[jnp.squeeze(action_3, axis=1)])
state_subtract_3 = 1.0 - jnp.mean(jnp.abs(state_4), axis=1)


def loss_fn(params):
    product = state @ params["body.weight"].mT
    hidden = jnp.tanh(product + params["body.bias"])
    product = hidden @ params["policy.weight"].mT
    product_log_softmax = jax.nn.log_softmax(product + params["policy.bias"], axis=-1)
    product = hidden @ params["value.weight"].mT
    squeeze_5 = jnp.squeeze(product + params["value.bias"], axis=-1)
    squeeze_9 = jnp.squeeze(jnp.take_along_axis(product_log_softmax, action, axis=1), axis=1)
    product = state_2 @ params["body.weight"].mT
    hidden = jnp.tanh(product + params["body.bias"])
    product = hidden @ params["policy.weight"].mT
    product_log_softmax_2 = jax.nn.log_softmax(product + params["policy.bias"], axis=-1)
    product = hidden @ params["value.weight"].mT
    squeeze_25 = jnp.squeeze(product + params["value.bias"], axis=-1)
    squeeze_29 = jnp.squeeze(jnp.take_along_axis(product_log_softmax_2, action_2, axis=1), axis=1)
    product = state_3 @ params["body.weight"].mT
    hidden = jnp.tanh(product + params["body.bias"])
    product = hidden @ params["policy.weight"].mT
    product_log_softmax_3 = jax.nn.log_softmax(product + params["policy.bias"], axis=-1)
    product = hidden @ params["value.weight"].mT
    squeeze_45 = jnp.squeeze(product + params["value.bias"], axis=-1)
    squeeze_49 = jnp.squeeze(jnp.take_along_axis(product_log_softmax_3, action_3, axis=1), axis=1)
    product = state_4 @ lax.stop_gradient(params["body.weight"]).mT
    hidden = jnp.tanh(product + lax.stop_gradient(params["body.bias"]))
    product = hidden @ lax.stop_gradient(params["value.weight"]).mT
    squeeze_65 = jnp.squeeze(product + lax.stop_gradient(params["value.bias"]), axis=-1)
    following = state_subtract_3 + squeeze_65 * 0.9
    following_2 = state_subtract_2 + following * 0.9
    following_3 = state_subtract + following_2 * 0.9
    returns = jnp.stack([following_3, following_2, following])
    values = jnp.stack([squeeze_5, squeeze_25, squeeze_45])
    advantages = returns - lax.stop_gradient(values)
    policy_loss = -jnp.mean(jnp.stack([squeeze_9, squeeze_29, squeeze_49]) * advantages)
    difference = values - returns
    distance = jnp.where(difference == 0, 0.0, jnp.abs(difference))
    losses = jnp.where(distance < 1.0, jnp.square(difference) * 0.5, distance - 0.5)
    value_loss = jnp.mean(losses)
    entropy = jnp.mean(
        jnp.stack(
            [
                -jnp.sum(jnp.exp(product_log_softmax) * product_log_softmax, axis=1),
                -jnp.sum(jnp.exp(product_log_softmax_2) * product_log_softmax_2, axis=1),
                -jnp.sum(jnp.exp(product_log_softmax_3) * product_log_softmax_3, axis=1),
            ]
        )
    )
    loss = policy_loss + value_loss * 0.5 - entropy * 0.01
    return loss, (product_log_softmax_3, squeeze_45, values, policy_loss, value_loss, entropy)


(
    loss,
    (product_log_softmax, squeeze_45, values, policy_loss, value_loss, entropy),
), grads = jax.jit(jax.value_and_grad(loss_fn, has_aux=True))(params)
print("loss =", loss)
print("body_weight.grad =", grads["body.weight"])
print("body_bias.grad =", grads["body.bias"])
print("policy_weight.grad =", grads["policy.weight"])
print("policy_bias.grad =", grads["policy.bias"])
print("value_weight.grad =", grads["value.weight"])
print("value_bias.grad =", grads["value.bias"])
print("values =", values)
print("log_softmax_43 =", product_log_softmax)
print("squeeze_45 =", squeeze_45)
print("policy_loss =", policy_loss)
print("value_loss =", value_loss)
print("entropy =", entropy)
body_weight_square_avg = jnp.array(
    [
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0],
    ]
)


@jax.jit
def update(grad, square_avg, parameter):
    square_avg = square_avg + grad * grad * 0.010000000000000009
    parameter = parameter - grad / (jnp.sqrt(square_avg) + 1e-08) * 0.01
    return parameter


params["body.weight"] = update(grads["body.weight"], body_weight_square_avg, params["body.weight"])
print("body_weight =", params["body.weight"])
body_bias_square_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
params["body.bias"] = update(grads["body.bias"], body_bias_square_avg, params["body.bias"])
print("body_bias =", params["body.bias"])
policy_weight_square_avg = jnp.array(
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
)
params["policy.weight"] = update(grads["policy.weight"], policy_weight_square_avg, params["policy.weight"])
print("policy_weight =", params["policy.weight"])
policy_bias_square_avg = jnp.array([0.0, 0.0])
params["policy.bias"] = update(grads["policy.bias"], policy_bias_square_avg, params["policy.bias"])
print("policy_bias =", params["policy.bias"])
value_weight_square_avg = jnp.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
params["value.weight"] = update(grads["value.weight"], value_weight_square_avg, params["value.weight"])
print("value_weight =", params["value.weight"])
value_bias_square_avg = jnp.array([0.0])
params["value.bias"] = update(grads["value.bias"], value_bias_square_avg, params["value.bias"])
print("value_bias =", params["value.bias"])

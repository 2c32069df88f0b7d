# per-sample-gradient-clipping: Translated from per_sample_gradient_clipping.py
import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)

inputs = jnp.array(
    [
        [
            -2.310411800234176,
            -0.3732508612577643,
            -1.0608166785462863,
            0.9995093547811761,
            -0.8840250045832653,
        ],
        [-1.2755469302148053, -0.623224579866079, -0.8664416019125772, -1.2956271403277857, 1.52363162310635],
        [0.3236605664983738, 2.0177260314861085, 1.1357423400213507, -1.226881339001083, 0.07138847120511693],
        [
            0.3380174030507378,
            0.15351883531544036,
            -0.6332746088675096,
            -1.2609246557194385,
            -0.726951062065411,
        ],
        [
            -0.019964750907762653,
            0.2102998901016947,
            0.17718935139366584,
            -0.830510051008449,
            0.7970100169250297,
        ],
        [
            0.21166418145300325,
            0.13557114260567418,
            -0.033892918655373555,
            0.4604689979691664,
            1.117443076566861,
        ],
        [
            0.36904473680395194,
            -0.1872021932975887,
            -0.013720701456433322,
            -0.19960822763281003,
            -1.6564246944540333,
        ],
        [0.9138982512742285, 1.154696227582466, -0.0860751366873787, -1.96124168414333, 0.22092437177232177],
    ]
)
targets = jnp.sum(inputs, axis=1, keepdims=True)
getitem_1 = targets[0]
targets = targets.at[0].set(getitem_1 + 20.0)
print("targets =", targets)
params = {
    "head.bias": jnp.array([-0.12163694127802817]),
    "encoder.0.weight": jnp.array(
        [
            [
                0.058892538387675566,
                0.21573556208629685,
                -0.44322181585645837,
                0.07477825713615364,
                0.06235345040330913,
            ],
            [
                -0.4040258841158204,
                -0.30141789408144753,
                0.44603381269731224,
                0.0900392803648631,
                -0.3138189744821646,
            ],
            [
                -0.09468682430373991,
                0.32503807662859413,
                -0.3477808557677735,
                0.27684842892183426,
                0.258476215576964,
            ],
            [
                0.26623018434095796,
                -0.08343754466940509,
                0.20001279831444066,
                -0.43664629261064775,
                -0.2177107269994365,
            ],
            [
                -0.27847681177943195,
                -0.30181153198382743,
                -0.004357305758567501,
                -0.30915053680672194,
                -0.24190737073859708,
            ],
            [
                -0.07996123342983462,
                -0.11262431143214476,
                -0.28362223770990397,
                -0.0896512479366689,
                0.015811707729157416,
            ],
            [
                0.10018731503398713,
                -0.09824682683140479,
                0.034365813306459506,
                -0.26956846016942293,
                -0.06330780057028104,
            ],
            [
                0.31881943031741034,
                0.37746768152918114,
                -0.4131344906814788,
                0.18217195960845817,
                -0.2898726097300035,
            ],
            [
                -0.287569891071042,
                -0.28598093195776303,
                0.15131756912024422,
                0.10406426273874875,
                -0.29670585729322674,
            ],
            [
                0.4260336718270493,
                0.15863023690571393,
                0.05557987966259092,
                -0.047913957626013956,
                0.4205812142224351,
            ],
        ]
    ),
    "encoder.0.bias": jnp.array(
        [
            0.0016688349782425116,
            0.422075333693694,
            0.3319934899562262,
            -0.2415210507323878,
            0.19031214322902204,
            -0.049239412686767396,
            0.030017272979694837,
            -0.3122647780534776,
            0.1412612350253047,
            -0.40807930294717404,
        ]
    ),
    "head.weight": jnp.array(
        [
            [
                -0.000407658526551005,
                -0.03361502901360261,
                0.18595256532106236,
                -0.12351875417456405,
                -0.11335584561717608,
                0.1342935803198354,
                -0.27872673664236175,
                0.2478736558351131,
                -0.2813603028284266,
                0.24875006649653036,
            ]
        ]
    ),
}


@jax.custom_vjp
def head_bias_hook(head_bias):
    return head_bias


def head_bias_hook_forward(head_bias):
    return head_bias_hook(head_bias), None


def head_bias_hook_backward(_, grad):
    return (jnp.clip(grad, min=-1.0, max=1.0),)


head_bias_hook.defvjp(head_bias_hook_forward, head_bias_hook_backward)


@jax.custom_vjp
def features_hook(features):
    return features


def features_hook_forward(features):
    return features_hook(features), None


def features_hook_backward(_, grad):
    total = jnp.sum(jnp.square(grad), axis=1, keepdims=True)
    is_zero = total == 0
    root = jnp.sqrt(jnp.where(is_zero, 1.0, total))
    norms = jnp.where(is_zero, 0.0, root)
    return (grad * jnp.clip(0.05 / (norms + 1e-06), max=1.0),)


features_hook.defvjp(features_hook_forward, features_hook_backward)


def loss_fn(params):
    head_bias = params["head.bias"]
    head_bias = head_bias_hook(head_bias)
    product = inputs @ params["encoder.0.weight"].mT
    features = product + params["encoder.0.bias"]
    features = jnp.tanh(features)
    features = features_hook(features)
    product = features @ params["head.weight"].mT
    squares = jnp.square(product + head_bias - targets)
    loss = jnp.mean(squares)
    return loss


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn))
loss, grads = loss_and_grad(params)
print("loss =", loss)
print("encoder_0_weight.grad =", grads["encoder.0.weight"])
print("encoder_0_bias.grad =", grads["encoder.0.bias"])
print("head_weight.grad =", grads["head.weight"])
print("head_bias.grad =", grads["head.bias"])
encoder_0_weight_sum = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
encoder_0_bias_sum = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
head_weight_sum = jnp.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
head_bias_sum = jnp.array([0.0])


@jax.jit
def update(grad, sum, parameter):
    sum = sum + grad * grad
    parameter = parameter - grad / (jnp.sqrt(sum) + 1e-10) * 0.1
    return sum, parameter


encoder_0_weight_sum, params["encoder.0.weight"] = update(
    grads["encoder.0.weight"], encoder_0_weight_sum, params["encoder.0.weight"]
)
encoder_0_bias_sum, params["encoder.0.bias"] = update(
    grads["encoder.0.bias"], encoder_0_bias_sum, params["encoder.0.bias"]
)
head_weight_sum, params["head.weight"] = update(grads["head.weight"], head_weight_sum, params["head.weight"])
head_bias_sum, params["head.bias"] = update(grads["head.bias"], head_bias_sum, params["head.bias"])
loss, grads = loss_and_grad(params)
print("loss (2) =", loss)
print("encoder_0_weight.grad (2) =", grads["encoder.0.weight"])
print("encoder_0_bias.grad (2) =", grads["encoder.0.bias"])
print("head_weight.grad (2) =", grads["head.weight"])
print("head_bias.grad (2) =", grads["head.bias"])
encoder_0_weight_sum, params["encoder.0.weight"] = update(
    grads["encoder.0.weight"], encoder_0_weight_sum, params["encoder.0.weight"]
)
encoder_0_bias_sum, params["encoder.0.bias"] = update(
    grads["encoder.0.bias"], encoder_0_bias_sum, params["encoder.0.bias"]
)
head_weight_sum, params["head.weight"] = update(grads["head.weight"], head_weight_sum, params["head.weight"])
head_bias_sum, params["head.bias"] = update(grads["head.bias"], head_bias_sum, params["head.bias"])
loss, grads = loss_and_grad(params)
print("loss (3) =", loss)
print("head_bias.grad (3) =", grads["head.bias"])
print("encoder_0_weight.grad (3) =", grads["encoder.0.weight"])
print("encoder_0_bias.grad (3) =", grads["encoder.0.bias"])
print("head_weight.grad (3) =", grads["head.weight"])
_, params["encoder.0.weight"] = update(
    grads["encoder.0.weight"], encoder_0_weight_sum, params["encoder.0.weight"]
)
print("encoder_0_weight =", params["encoder.0.weight"])
_, params["encoder.0.bias"] = update(grads["encoder.0.bias"], encoder_0_bias_sum, params["encoder.0.bias"])
print("encoder_0_bias =", params["encoder.0.bias"])
_, params["head.weight"] = update(grads["head.weight"], head_weight_sum, params["head.weight"])
print("head_weight =", params["head.weight"])
_, params["head.bias"] = update(grads["head.bias"], head_bias_sum, params["head.bias"])
print("head_bias =", params["head.bias"])

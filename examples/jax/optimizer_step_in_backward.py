# optimizer-step-in-backward: Translated from optimizer_step_in_backward.py
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
targets = jnp.sum(jnp.cos(inputs), axis=1, keepdims=True)
params = {
    "0.weight": jnp.array(
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
        ]
    ),
    "0.bias": jnp.array(
        [
            -0.2875698910710421,
            -0.2859809319577631,
            0.15131756912024424,
            0.10406426273874876,
            -0.29670585729322674,
            0.4260336718270494,
            0.15863023690571396,
            0.055579879662590925,
        ]
    ),
    "2.weight": jnp.array(
        [
            [
                -0.03787930945274957,
                0.33249864450552447,
                0.001319329892550969,
                0.33367984966192055,
                0.26246389915247725,
                -0.1909391557978559,
                0.1504549597479753,
                -0.038927173684793995,
            ],
            [
                0.023730737940716222,
                -0.2468669829239873,
                0.11167681194207899,
                -0.32261501582173313,
                -0.000455776088487725,
                -0.03758274497002157,
                0.2079012883241827,
                -0.13809816541520556,
            ],
            [
                -0.12673568822348866,
                0.15014478726848995,
                -0.3116259651395012,
                0.2771311721393501,
                -0.31457038164714407,
                0.2781110290469174,
                -0.13599423463641053,
                0.08854672406621039,
            ],
            [
                -0.3285170539501327,
                -0.29773060338376994,
                0.13830631610143776,
                -0.2699060986231054,
                -0.03472424804301186,
                0.2702614710130382,
                -0.1498083248454531,
                -0.2775968284979878,
            ],
            [
                -0.199316481367941,
                0.18050347776405415,
                0.005307576571457499,
                0.03178722775111442,
                -0.26344439237072,
                0.18859470441268666,
                0.10702432998012751,
                0.11245664615195293,
            ],
            [
                -0.2932403949541547,
                0.04512998489051375,
                -0.16640786264119567,
                -0.28256584061794754,
                0.18821719407542392,
                0.09804902611304844,
                -0.30396512665967285,
                0.29852074587013044,
            ],
            [
                0.20189571405070772,
                0.11737565761173549,
                0.058919196671075195,
                0.1561644806102047,
                -0.07832556456004208,
                0.012957337126627236,
                0.29089924549788204,
                0.10889194063661287,
            ],
            [
                -0.11729050744413055,
                0.2513123584152177,
                0.19083352926902641,
                -0.1053562084479463,
                0.2602554464621503,
                0.13098911122447787,
                0.34679295682627787,
                -0.1873370284996665,
            ],
        ]
    ),
    "2.bias": jnp.array(
        [
            -0.33893694782364636,
            -0.0017113847859206376,
            -0.29488953284958164,
            -0.15259676542130812,
            0.06567901184066563,
            0.3059187428838414,
            -0.0050240852533019725,
            0.0691201149174551,
        ]
    ),
    "4.weight": jnp.array(
        [
            [
                -0.1553951121262893,
                0.1488372487441148,
                0.09948294805270044,
                -0.20780696399400228,
                -0.1459236848912504,
                0.20348904769156725,
                -0.23748680322221094,
                -0.20896036855808728,
            ]
        ]
    ),
    "4.bias": jnp.array([-0.1624395960181948]),
}


def loss_fn(params):
    product = inputs @ params["0.weight"].mT
    product = jnp.tanh(product + params["0.bias"]) @ params["2.weight"].mT
    product = jnp.tanh(product + params["2.bias"]) @ params["4.weight"].mT
    squares = jnp.square(product + params["4.bias"] - targets)
    loss = jnp.mean(squares)
    return loss


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn))
loss, grads = loss_and_grad(params)
print("loss =", loss)
print("model_4_bias.grad =", grads["4.bias"])
print("model_4_weight.grad =", grads["4.weight"])
print("model_2_bias.grad =", grads["2.bias"])
print("model_2_weight.grad =", grads["2.weight"])
print("model_0_bias.grad =", grads["0.bias"])
print("model_0_weight.grad =", grads["0.weight"])
model_4_bias_exp_avg = jnp.array([0.0])
model_4_bias_exp_avg_sq = jnp.array([0.0])


@jax.jit
def update(grad, exp_avg, exp_avg_sq, parameter):
    exp_avg = exp_avg + (grad - exp_avg) * 0.09999999999999998
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = (
        parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / 0.031622776601683805 + 1e-08) * 0.10000000000000002
    )
    return exp_avg, exp_avg_sq, parameter


model_4_bias_exp_avg, model_4_bias_exp_avg_sq, params["4.bias"] = update(
    grads["4.bias"], model_4_bias_exp_avg, model_4_bias_exp_avg_sq, params["4.bias"]
)
model_4_weight_exp_avg = jnp.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
model_4_weight_exp_avg_sq = jnp.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
model_4_weight_exp_avg, model_4_weight_exp_avg_sq, params["4.weight"] = update(
    grads["4.weight"], model_4_weight_exp_avg, model_4_weight_exp_avg_sq, params["4.weight"]
)
model_2_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
model_2_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
model_2_bias_exp_avg, model_2_bias_exp_avg_sq, params["2.bias"] = update(
    grads["2.bias"], model_2_bias_exp_avg, model_2_bias_exp_avg_sq, params["2.bias"]
)
model_2_weight_exp_avg = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
model_2_weight_exp_avg_sq = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
model_2_weight_exp_avg, model_2_weight_exp_avg_sq, params["2.weight"] = update(
    grads["2.weight"], model_2_weight_exp_avg, model_2_weight_exp_avg_sq, params["2.weight"]
)
model_0_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
model_0_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
model_0_bias_exp_avg, model_0_bias_exp_avg_sq, params["0.bias"] = update(
    grads["0.bias"], model_0_bias_exp_avg, model_0_bias_exp_avg_sq, params["0.bias"]
)
model_0_weight_exp_avg = jnp.array(
    [
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
model_0_weight_exp_avg_sq = jnp.array(
    [
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
model_0_weight_exp_avg, model_0_weight_exp_avg_sq, params["0.weight"] = update(
    grads["0.weight"], model_0_weight_exp_avg, model_0_weight_exp_avg_sq, params["0.weight"]
)
loss, grads = loss_and_grad(params)
print("loss (2) =", loss)
print("model_4_bias.grad (2) =", grads["4.bias"])
print("model_4_weight.grad (2) =", grads["4.weight"])
print("model_2_bias.grad (2) =", grads["2.bias"])
print("model_2_weight.grad (2) =", grads["2.weight"])
print("model_0_bias.grad (2) =", grads["0.bias"])
print("model_0_weight.grad (2) =", grads["0.weight"])


@jax.jit
def update_2(grad, exp_avg, exp_avg_sq, parameter, factor, factor_2):
    exp_avg = exp_avg + (grad - exp_avg) * 0.09999999999999998
    exp_avg_sq = exp_avg_sq * 0.999
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / factor + 1e-08) * factor_2
    return exp_avg, exp_avg_sq, parameter


model_4_bias_exp_avg, model_4_bias_exp_avg_sq, params["4.bias"] = update_2(
    grads["4.bias"],
    model_4_bias_exp_avg,
    model_4_bias_exp_avg_sq,
    params["4.bias"],
    0.04471017781221601,
    0.05263157894736844,
)
model_4_weight_exp_avg, model_4_weight_exp_avg_sq, params["4.weight"] = update_2(
    grads["4.weight"],
    model_4_weight_exp_avg,
    model_4_weight_exp_avg_sq,
    params["4.weight"],
    0.04471017781221601,
    0.05263157894736844,
)
model_2_bias_exp_avg, model_2_bias_exp_avg_sq, params["2.bias"] = update_2(
    grads["2.bias"],
    model_2_bias_exp_avg,
    model_2_bias_exp_avg_sq,
    params["2.bias"],
    0.04471017781221601,
    0.05263157894736844,
)
model_2_weight_exp_avg, model_2_weight_exp_avg_sq, params["2.weight"] = update_2(
    grads["2.weight"],
    model_2_weight_exp_avg,
    model_2_weight_exp_avg_sq,
    params["2.weight"],
    0.04471017781221601,
    0.05263157894736844,
)
model_0_bias_exp_avg, model_0_bias_exp_avg_sq, params["0.bias"] = update_2(
    grads["0.bias"],
    model_0_bias_exp_avg,
    model_0_bias_exp_avg_sq,
    params["0.bias"],
    0.04471017781221601,
    0.05263157894736844,
)
model_0_weight_exp_avg, model_0_weight_exp_avg_sq, params["0.weight"] = update_2(
    grads["0.weight"],
    model_0_weight_exp_avg,
    model_0_weight_exp_avg_sq,
    params["0.weight"],
    0.04471017781221601,
    0.05263157894736844,
)
loss, grads = loss_and_grad(params)
print("loss (3) =", loss)
print("model_4_bias.grad (3) =", grads["4.bias"])
print("model_4_weight.grad (3) =", grads["4.weight"])
print("model_2_bias.grad (3) =", grads["2.bias"])
print("model_2_weight.grad (3) =", grads["2.weight"])
print("model_0_bias.grad (3) =", grads["0.bias"])
print("model_0_weight.grad (3) =", grads["0.weight"])
_, _, params["4.bias"] = update_2(
    grads["4.bias"],
    model_4_bias_exp_avg,
    model_4_bias_exp_avg_sq,
    params["4.bias"],
    0.05474487190596028,
    0.03690036900369005,
)
print("model_4_bias =", params["4.bias"])
_, _, params["4.weight"] = update_2(
    grads["4.weight"],
    model_4_weight_exp_avg,
    model_4_weight_exp_avg_sq,
    params["4.weight"],
    0.05474487190596028,
    0.03690036900369005,
)
print("model_4_weight =", params["4.weight"])
_, _, params["2.bias"] = update_2(
    grads["2.bias"],
    model_2_bias_exp_avg,
    model_2_bias_exp_avg_sq,
    params["2.bias"],
    0.05474487190596028,
    0.03690036900369005,
)
print("model_2_bias =", params["2.bias"])
_, _, params["2.weight"] = update_2(
    grads["2.weight"],
    model_2_weight_exp_avg,
    model_2_weight_exp_avg_sq,
    params["2.weight"],
    0.05474487190596028,
    0.03690036900369005,
)
print("model_2_weight =", params["2.weight"])
_, _, params["0.bias"] = update_2(
    grads["0.bias"],
    model_0_bias_exp_avg,
    model_0_bias_exp_avg_sq,
    params["0.bias"],
    0.05474487190596028,
    0.03690036900369005,
)
print("model_0_bias =", params["0.bias"])
_, _, params["0.weight"] = update_2(
    grads["0.weight"],
    model_0_weight_exp_avg,
    model_0_weight_exp_avg_sq,
    params["0.weight"],
    0.05474487190596028,
    0.03690036900369005,
)
print("model_0_weight =", params["0.weight"])

# variational-autoencoder: Translated from variational_autoencoder.py
import pathlib

import jax
import jax.numpy as jnp
import numpy

jax.config.update("jax_enable_x64", True)

data = numpy.load(pathlib.Path(__file__).with_name("variational-autoencoder.npz"))

params = {
    "encoder.weight": jnp.array(data["encoder_weight"]),
    "encoder.bias": jnp.array(
        [
            -0.23563182785282283,
            0.1686842317052988,
            0.09572547083277357,
            0.10058428212696278,
            -0.2622821827465506,
            0.040365485615490866,
            -0.14883971714246452,
            -0.2527345710964408,
        ]
    ),
    "mean.weight": jnp.array(
        [
            [
                0.18821719407542392,
                0.09804902611304844,
                -0.30396512665967285,
                0.29852074587013044,
                0.20189571405070772,
                0.11737565761173549,
                0.058919196671075195,
                0.1561644806102047,
            ],
            [
                -0.07832556456004208,
                0.012957337126627236,
                0.29089924549788204,
                0.10889194063661287,
                -0.11729050744413055,
                0.2513123584152177,
                0.19083352926902641,
                -0.1053562084479463,
            ],
        ]
    ),
    "mean.bias": jnp.array([0.2602554464621504, 0.1309891112244779]),
    "log_variance.weight": jnp.array(
        [
            [
                0.34679295682627787,
                -0.1873370284996665,
                -0.3389369478236463,
                -0.0017113847859206374,
                -0.29488953284958164,
                -0.1525967654213081,
                0.06567901184066562,
                0.30591874288384135,
            ],
            [
                -0.005024085253301972,
                0.06912011491745508,
                -0.1553951121262893,
                0.1488372487441148,
                0.09948294805270044,
                -0.20780696399400228,
                -0.1459236848912504,
                0.20348904769156725,
            ],
        ]
    ),
    "log_variance.bias": jnp.array([-0.23748680322221097, -0.2089603685580873]),
    "decoder.0.weight": jnp.array(
        [
            [-0.32487919203638954, -0.13820951074118165],
            [0.6731221684239154, -0.5152902353105715],
            [-0.2971117037129482, 0.5138560994971241],
            [0.08025111453806809, 0.36770746385208963],
            [-0.249926618058601, -0.6015329248473331],
            [0.14146603331896, -0.0570965243359811],
            [0.34670987566970674, 0.5969066540159006],
            [0.4861002095838941, 0.26199188281262925],
        ]
    ),
    "decoder.0.bias": jnp.array(
        [
            0.08196239029242804,
            -0.5494796067162218,
            0.1919978560978231,
            0.4643311843539755,
            0.05944921189510569,
            0.3213719073740158,
            -0.14650549443051863,
            -0.46509574869943904,
        ]
    ),
    "decoder.2.weight": jnp.array(data["decoder_2_weight"]),
    "decoder.2.bias": jnp.array(
        [
            0.11138400673556943,
            0.09879264094599553,
            0.2554545474556461,
            -0.09067829442272828,
            0.13938579759646527,
            0.21816200121295426,
            -0.22537197094720046,
            -0.06981575530369731,
            -0.08095822708444064,
            0.18966101022253934,
        ]
    ),
}
data_ = jnp.array(
    [
        [
            0.9700530018065531,
            0.707819864399788,
            0.45938294312745087,
            0.9207476841219603,
            0.6450241201227648,
            0.7911478921803037,
            0.17860617520075095,
            0.3511076243939284,
            0.5813409198075745,
            0.2882358921361502,
        ],
        [
            0.4528688488811142,
            0.17679952620371409,
            0.35526675833930643,
            0.6219052486795277,
            0.48184840078170854,
            0.4408004990443595,
            0.40728157436444157,
            0.2054385934615871,
            0.6650381757501495,
            0.7848739004551177,
        ],
        [
            0.21036647491838456,
            0.6767391209176791,
            0.10973526023744606,
            0.5237520594022435,
            0.22602020293839054,
            0.5582430753802258,
            0.5875289618364469,
            0.6819456856802084,
            0.7453761605775864,
            0.22765563659688126,
        ],
        [
            0.8098922664319728,
            0.630590313395585,
            0.19588814570920787,
            0.15272623787792838,
            0.48150650221872526,
            0.9175058124899215,
            0.5720397101981094,
            0.48082942318390753,
            0.7960586083404881,
            0.3679702043294857,
        ],
        [
            0.2721837106053647,
            0.04143948666981612,
            0.7486882683183439,
            0.3417558526082366,
            0.538225008554474,
            0.46636541886786753,
            0.8634864607582904,
            0.041059375136441645,
            0.9972603835252126,
            0.879664099238981,
        ],
        [
            0.7629971687438133,
            0.2558997317667261,
            0.18960807750190223,
            0.9877646697951884,
            0.779601876763762,
            0.36187934651354103,
            0.5658438596011792,
            0.7411996909945431,
            0.004462945317032396,
            0.5836046330976992,
        ],
    ]
)
values = jnp.array(
    [
        [-1.7119899126341147, -0.4294435907165248],
        [-0.5328240893351294, -0.5372625928406346],
        [-0.08756617362277587, 0.4397882803600899],
        [1.3583091642049117, 0.2583320536668645],
        [-0.5285173538747293, 0.8978843809783917],
        [1.0104458912352947, 0.11004951341079283],
    ]
)
data__subtract = 1 - data_


def loss_fn(params, values, data__subtract):
    product = data_ @ params["encoder.weight"].mT
    hidden = jnp.tanh(product + params["encoder.bias"])
    product = hidden @ params["mean.weight"].mT
    mean = product + params["mean.bias"]
    product = hidden @ params["log_variance.weight"].mT
    log_variance = product + params["log_variance.bias"]
    std = jnp.exp(log_variance * 0.5)
    latent = mean + std * values
    product = latent @ params["decoder.0.weight"].mT
    product = jnp.tanh(product + params["decoder.0.bias"]) @ params["decoder.2.weight"].mT
    product_add = product + params["decoder.2.bias"]
    log_probability = jax.nn.log_sigmoid(product_add)
    losses = data__subtract * product_add - log_probability
    reconstruction = jnp.sum(losses)
    divergence = jnp.sum(log_variance + 1 - mean ** 2 - jnp.exp(log_variance)) * -0.5
    loss = (reconstruction + divergence) / 6
    return loss, (mean, log_variance, product_add)


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn, has_aux=True))
(loss, (_, _, _)), grads = loss_and_grad(params, values, data__subtract)
print("loss =", loss)
print("encoder_weight.grad =", grads["encoder.weight"])
print("encoder_bias.grad =", grads["encoder.bias"])
print("mean_weight.grad =", grads["mean.weight"])
print("mean_bias.grad =", grads["mean.bias"])
print("log_variance_weight.grad =", grads["log_variance.weight"])
print("log_variance_bias.grad =", grads["log_variance.bias"])
print("decoder_0_weight.grad =", grads["decoder.0.weight"])
print("decoder_0_bias.grad =", grads["decoder.0.bias"])
print("decoder_2_weight.grad =", grads["decoder.2.weight"])
print("decoder_2_bias.grad =", grads["decoder.2.bias"])
encoder_weight_exp_avg = jnp.array(data["encoder_weight_exp_avg"])
encoder_weight_exp_avg_sq = jnp.array(data["encoder_weight_exp_avg_sq"])


@jax.jit
def update(grad, exp_avg, exp_avg_sq, parameter):
    exp_avg = exp_avg + (grad - exp_avg) * 0.09999999999999998
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = (
        parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / 0.031622776601683805 + 1e-08) * 0.10000000000000002
    )
    return exp_avg, exp_avg_sq, parameter


encoder_weight_exp_avg, encoder_weight_exp_avg_sq, params["encoder.weight"] = update(
    grads["encoder.weight"], encoder_weight_exp_avg, encoder_weight_exp_avg_sq, params["encoder.weight"]
)
encoder_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
encoder_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
encoder_bias_exp_avg, encoder_bias_exp_avg_sq, params["encoder.bias"] = update(
    grads["encoder.bias"], encoder_bias_exp_avg, encoder_bias_exp_avg_sq, params["encoder.bias"]
)
mean_weight_exp_avg = jnp.array(
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
)
mean_weight_exp_avg_sq = jnp.array(
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
)
mean_weight_exp_avg, mean_weight_exp_avg_sq, params["mean.weight"] = update(
    grads["mean.weight"], mean_weight_exp_avg, mean_weight_exp_avg_sq, params["mean.weight"]
)
mean_bias_exp_avg = jnp.array([0.0, 0.0])
mean_bias_exp_avg_sq = jnp.array([0.0, 0.0])
mean_bias_exp_avg, mean_bias_exp_avg_sq, params["mean.bias"] = update(
    grads["mean.bias"], mean_bias_exp_avg, mean_bias_exp_avg_sq, params["mean.bias"]
)
log_variance_weight_exp_avg = jnp.array(
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
)
log_variance_weight_exp_avg_sq = jnp.array(
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
)
log_variance_weight_exp_avg, log_variance_weight_exp_avg_sq, params["log_variance.weight"] = update(
    grads["log_variance.weight"],
    log_variance_weight_exp_avg,
    log_variance_weight_exp_avg_sq,
    params["log_variance.weight"],
)
log_variance_bias_exp_avg = jnp.array([0.0, 0.0])
log_variance_bias_exp_avg_sq = jnp.array([0.0, 0.0])
log_variance_bias_exp_avg, log_variance_bias_exp_avg_sq, params["log_variance.bias"] = update(
    grads["log_variance.bias"],
    log_variance_bias_exp_avg,
    log_variance_bias_exp_avg_sq,
    params["log_variance.bias"],
)
decoder_0_weight_exp_avg = jnp.array(
    [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
)
decoder_0_weight_exp_avg_sq = jnp.array(
    [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
)
decoder_0_weight_exp_avg, decoder_0_weight_exp_avg_sq, params["decoder.0.weight"] = update(
    grads["decoder.0.weight"],
    decoder_0_weight_exp_avg,
    decoder_0_weight_exp_avg_sq,
    params["decoder.0.weight"],
)
decoder_0_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
decoder_0_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
decoder_0_bias_exp_avg, decoder_0_bias_exp_avg_sq, params["decoder.0.bias"] = update(
    grads["decoder.0.bias"], decoder_0_bias_exp_avg, decoder_0_bias_exp_avg_sq, params["decoder.0.bias"]
)
decoder_2_weight_exp_avg = jnp.array(data["decoder_2_weight_exp_avg"])
decoder_2_weight_exp_avg_sq = jnp.array(data["decoder_2_weight_exp_avg_sq"])
decoder_2_weight_exp_avg, decoder_2_weight_exp_avg_sq, params["decoder.2.weight"] = update(
    grads["decoder.2.weight"],
    decoder_2_weight_exp_avg,
    decoder_2_weight_exp_avg_sq,
    params["decoder.2.weight"],
)
decoder_2_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
decoder_2_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
decoder_2_bias_exp_avg, decoder_2_bias_exp_avg_sq, params["decoder.2.bias"] = update(
    grads["decoder.2.bias"], decoder_2_bias_exp_avg, decoder_2_bias_exp_avg_sq, params["decoder.2.bias"]
)
values = jnp.array(
    [
        [1.4311201957175184, 1.953554586083628],
        [0.7651985794437901, -0.9105014507835991],
        [-0.7276791997547875, 0.9516170381561084],
        [-0.10808950757295374, 1.1575892737261826],
        [-2.468831411301041, 1.5930197350880024],
        [-0.5453404571043536, -0.5921562238080895],
    ]
)
data__subtract = 1 - data_
(loss, (mean, log_variance, product_add)), grads = loss_and_grad(params, values, data__subtract)
print("loss (2) =", loss)
print("encoder_weight.grad (2) =", grads["encoder.weight"])
print("encoder_bias.grad (2) =", grads["encoder.bias"])
print("mean_weight.grad (2) =", grads["mean.weight"])
print("mean_bias.grad (2) =", grads["mean.bias"])
print("log_variance_weight.grad (2) =", grads["log_variance.weight"])
print("log_variance_bias.grad (2) =", grads["log_variance.bias"])
print("decoder_0_weight.grad (2) =", grads["decoder.0.weight"])
print("decoder_0_bias.grad (2) =", grads["decoder.0.bias"])
print("decoder_2_weight.grad (2) =", grads["decoder.2.weight"])
print("decoder_2_bias.grad (2) =", grads["decoder.2.bias"])
print("add_102 =", product_add)
print("mean =", mean)
print("log_variance =", log_variance)


@jax.jit
def update_2(grad, exp_avg, exp_avg_sq, parameter):
    exp_avg = exp_avg + (grad - exp_avg) * 0.09999999999999998
    exp_avg_sq = exp_avg_sq * 0.999
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = (
        parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / 0.04471017781221601 + 1e-08) * 0.05263157894736844
    )
    return parameter


params["encoder.weight"] = update_2(
    grads["encoder.weight"], encoder_weight_exp_avg, encoder_weight_exp_avg_sq, params["encoder.weight"]
)
print("encoder_weight =", params["encoder.weight"])
params["encoder.bias"] = update_2(
    grads["encoder.bias"], encoder_bias_exp_avg, encoder_bias_exp_avg_sq, params["encoder.bias"]
)
print("encoder_bias =", params["encoder.bias"])
params["mean.weight"] = update_2(
    grads["mean.weight"], mean_weight_exp_avg, mean_weight_exp_avg_sq, params["mean.weight"]
)
print("mean_weight =", params["mean.weight"])
params["mean.bias"] = update_2(
    grads["mean.bias"], mean_bias_exp_avg, mean_bias_exp_avg_sq, params["mean.bias"]
)
print("mean_bias =", params["mean.bias"])
params["log_variance.weight"] = update_2(
    grads["log_variance.weight"],
    log_variance_weight_exp_avg,
    log_variance_weight_exp_avg_sq,
    params["log_variance.weight"],
)
print("log_variance_weight =", params["log_variance.weight"])
params["log_variance.bias"] = update_2(
    grads["log_variance.bias"],
    log_variance_bias_exp_avg,
    log_variance_bias_exp_avg_sq,
    params["log_variance.bias"],
)
print("log_variance_bias =", params["log_variance.bias"])
params["decoder.0.weight"] = update_2(
    grads["decoder.0.weight"],
    decoder_0_weight_exp_avg,
    decoder_0_weight_exp_avg_sq,
    params["decoder.0.weight"],
)
print("decoder_0_weight =", params["decoder.0.weight"])
params["decoder.0.bias"] = update_2(
    grads["decoder.0.bias"], decoder_0_bias_exp_avg, decoder_0_bias_exp_avg_sq, params["decoder.0.bias"]
)
print("decoder_0_bias =", params["decoder.0.bias"])
params["decoder.2.weight"] = update_2(
    grads["decoder.2.weight"],
    decoder_2_weight_exp_avg,
    decoder_2_weight_exp_avg_sq,
    params["decoder.2.weight"],
)
print("decoder_2_weight =", params["decoder.2.weight"])
params["decoder.2.bias"] = update_2(
    grads["decoder.2.bias"], decoder_2_bias_exp_avg, decoder_2_bias_exp_avg_sq, params["decoder.2.bias"]
)
print("decoder_2_bias =", params["decoder.2.bias"])

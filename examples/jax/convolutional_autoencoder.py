# convolutional-autoencoder: Translated from convolutional_autoencoder.py
import pathlib

import jax
import jax.numpy as jnp
import numpy
from jax import lax

jax.config.update("jax_enable_x64", True)

data = numpy.load(pathlib.Path(__file__).with_name("convolutional-autoencoder.npz"))

images = jnp.array(data["images"])
params = {
    "encoder.0.weight": jnp.array(
        [
            [
                [
                    [0.2601212602277623, -0.32866921564272683, -0.30285765038902657],
                    [-0.1212379815053795, -0.1884426507112799, -0.06533430002902584],
                    [0.09859007379189719, 0.1173623432286803, 0.3260526126346888],
                ]
            ],
            [
                [
                    [0.3287738114450562, 0.3221692096375736, 0.31201877010065887],
                    [0.32025639610082796, 0.04354113910901724, 0.2733582774932077],
                    [-0.2781754791019877, 0.03302803624561567, -0.13621125056940164],
                ]
            ],
            [
                [
                    [0.01661964380573873, -0.19670184699114482, 0.29436007040696216],
                    [0.17792907910650835, -0.2284184428697748, 0.027841726347678],
                    [-0.26297192746795717, 0.09093258995762489, -0.05902297550010207],
                ]
            ],
            [
                [
                    [-0.26061122441016255, -0.24384502973245595, -0.07167886720445976],
                    [0.19105656465920776, 0.13492544605560447, 0.1050138486379323],
                    [0.09314259512565494, 0.24084485705443742, -0.08549231585698859],
                ]
            ],
        ]
    ),
    "encoder.0.bias": jnp.array(
        [0.1314141902420749, 0.20568510727321035, -0.2124827319281907, -0.06582292534520673]
    ),
    "encoder.2.weight": jnp.array(data["encoder_2_weight"]),
    "encoder.2.bias": jnp.array(
        [-0.03423134980153467, -0.13687875061651036, -0.055918471410513204, -0.09234225929853786]
    ),
    "decoder.0.weight": jnp.array(
        [
            [
                [[-0.03996146939195943, 0.13382838661297888], [-0.22432297295725737, -0.10677519279484741]],
                [[-0.022975278582189004, -0.08289744923827495], [-0.07638380025389739, 0.06951409376756855]],
                [[0.1561241694125208, 0.19790637243016287], [0.025471184616728423, -0.22765818641007537]],
                [[0.07270393019614772, 0.006904820615533435], [-0.0038788047274019295, 0.13149944093836433]],
            ],
            [
                [[0.22538331337332726, -0.09573856014142444], [0.02929146871682675, 0.009170694378742848]],
                [[-0.235384274593652, 0.22757399175968393], [-0.17535226434650733, 0.02564642094666136]],
                [[0.0796597842861566, 0.19762748203047217], [0.1968034637835646, -0.04439086877877412]],
                [[-0.036359894628740334, -0.14564859398774485], [0.02472623557630998, 0.033220773844708555]],
            ],
            [
                [[0.11486295433742914, -0.05325528815936197], [0.016407181720128446, -0.08459789536664018]],
                [[-0.17934546190537984, 0.071087997414355], [-0.23878420650580665, -0.2439552078063086]],
                [[0.19027432878640724, -0.13336727618406954], [0.24545215612811624, 0.1251459294401279]],
                [[-0.22825526730999837, -0.23986554632824594], [0.16933635436966024, 0.19394809215124056]],
            ],
            [
                [[0.03342442882747997, 0.24494208810625082], [0.07814883607666227, -0.07756369757440006]],
                [[0.12480615856053244, 0.10466719281610336], [0.1253835888013138, -0.2428222397306343]],
                [[0.07996541923848942, 0.23770043727474086], [-0.18026160561500756, -0.14070042952618175]],
                [[-0.2383529354232056, 0.08857511690166574], [-0.23580690179433697, 0.10885784661364332]],
            ],
        ]
    ),
    "decoder.0.bias": jnp.array(
        [-0.020056884304129274, 0.09275982123215804, -0.11104523838718883, 0.08941328778956004]
    ),
    "decoder.2.weight": jnp.array(
        [
            [[[0.21973628369672346, 0.19366003517576755], [0.14329764590619973, -0.3378401313484926]]],
            [[[0.183701361233902, 0.29773694945687507], [0.44459607523028205, 0.17279637941509005]]],
            [[[-0.047345090737991195, 0.46887724700116057], [0.4218128371509528, 0.2698241708962896]]],
            [[[-0.3533575724507771, -0.25325535558347684], [0.04021575835471069, -0.015722579406968636]]],
        ]
    ),
    "decoder.2.bias": jnp.array([-0.21517348160288596]),
}


def loss_fn(params):
    convolved = lax.conv_general_dilated(images, params["encoder.0.weight"], (2, 2), ((1, 1), (1, 1)))
    code = convolved + params["encoder.0.bias"][:, None, None]
    code = jax.nn.leaky_relu(code, negative_slope=0.1)
    convolved = lax.conv_general_dilated(code, params["encoder.2.weight"], (2, 2), ((1, 1), (1, 1)))
    code = convolved + params["encoder.2.bias"][:, None, None]
    convolved = lax.conv_transpose(
        code,
        params["decoder.0.weight"],
        (2, 2),
        ((1, 1), (1, 1)),
        dimension_numbers=('NCHW', 'OIHW', 'NCHW'),
        transpose_kernel=True,
    )
    convolved = lax.conv_transpose(
        jax.nn.leaky_relu(convolved + params["decoder.0.bias"][:, None, None], negative_slope=0.1),
        params["decoder.2.weight"],
        (2, 2),
        ((1, 1), (1, 1)),
        dimension_numbers=('NCHW', 'OIHW', 'NCHW'),
        transpose_kernel=True,
    )
    convolved_sigmoid = jax.nn.sigmoid(convolved + params["decoder.2.bias"][:, None, None])
    squares = jnp.square(convolved_sigmoid - images)
    loss = jnp.mean(squares) + jnp.mean(jnp.abs(code)) * 0.001
    return loss, (code, convolved_sigmoid)


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn, has_aux=True))
(loss, (_, _)), grads = loss_and_grad(params)
print("loss =", loss)
print("encoder_0_weight.grad =", grads["encoder.0.weight"])
print("encoder_0_bias.grad =", grads["encoder.0.bias"])
print("encoder_2_weight.grad =", grads["encoder.2.weight"])
print("encoder_2_bias.grad =", grads["encoder.2.bias"])
print("decoder_0_weight.grad =", grads["decoder.0.weight"])
print("decoder_0_bias.grad =", grads["decoder.0.bias"])
print("decoder_2_weight.grad =", grads["decoder.2.weight"])
print("decoder_2_bias.grad =", grads["decoder.2.bias"])
encoder_0_weight_exp_avg = jnp.array(
    [
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
        [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
    ]
)
encoder_0_weight_exp_avg_sq = jnp.array(
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


encoder_0_weight_exp_avg, encoder_0_weight_exp_avg_sq, params["encoder.0.weight"] = update(
    grads["encoder.0.weight"],
    encoder_0_weight_exp_avg,
    encoder_0_weight_exp_avg_sq,
    params["encoder.0.weight"],
)
encoder_0_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0])
encoder_0_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0])
encoder_0_bias_exp_avg, encoder_0_bias_exp_avg_sq, params["encoder.0.bias"] = update(
    grads["encoder.0.bias"], encoder_0_bias_exp_avg, encoder_0_bias_exp_avg_sq, params["encoder.0.bias"]
)
encoder_2_weight_exp_avg = jnp.array(data["encoder_2_weight_exp_avg"])
encoder_2_weight_exp_avg_sq = jnp.array(data["encoder_2_weight_exp_avg_sq"])
encoder_2_weight_exp_avg, encoder_2_weight_exp_avg_sq, params["encoder.2.weight"] = update(
    grads["encoder.2.weight"],
    encoder_2_weight_exp_avg,
    encoder_2_weight_exp_avg_sq,
    params["encoder.2.weight"],
)
encoder_2_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0])
encoder_2_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0])
encoder_2_bias_exp_avg, encoder_2_bias_exp_avg_sq, params["encoder.2.bias"] = update(
    grads["encoder.2.bias"], encoder_2_bias_exp_avg, encoder_2_bias_exp_avg_sq, params["encoder.2.bias"]
)
decoder_0_weight_exp_avg = jnp.array(
    [
        [
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
        ],
        [
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
        ],
        [
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
        ],
        [
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
        ],
    ]
)
decoder_0_weight_exp_avg_sq = jnp.array(
    [
        [
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
        ],
        [
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
        ],
        [
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
        ],
        [
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
            [[0.0, 0.0], [0.0, 0.0]],
        ],
    ]
)
decoder_0_weight_exp_avg, decoder_0_weight_exp_avg_sq, params["decoder.0.weight"] = update(
    grads["decoder.0.weight"],
    decoder_0_weight_exp_avg,
    decoder_0_weight_exp_avg_sq,
    params["decoder.0.weight"],
)
decoder_0_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0])
decoder_0_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0])
decoder_0_bias_exp_avg, decoder_0_bias_exp_avg_sq, params["decoder.0.bias"] = update(
    grads["decoder.0.bias"], decoder_0_bias_exp_avg, decoder_0_bias_exp_avg_sq, params["decoder.0.bias"]
)
decoder_2_weight_exp_avg = jnp.array(
    [
        [[[0.0, 0.0], [0.0, 0.0]]],
        [[[0.0, 0.0], [0.0, 0.0]]],
        [[[0.0, 0.0], [0.0, 0.0]]],
        [[[0.0, 0.0], [0.0, 0.0]]],
    ]
)
decoder_2_weight_exp_avg_sq = jnp.array(
    [
        [[[0.0, 0.0], [0.0, 0.0]]],
        [[[0.0, 0.0], [0.0, 0.0]]],
        [[[0.0, 0.0], [0.0, 0.0]]],
        [[[0.0, 0.0], [0.0, 0.0]]],
    ]
)
decoder_2_weight_exp_avg, decoder_2_weight_exp_avg_sq, params["decoder.2.weight"] = update(
    grads["decoder.2.weight"],
    decoder_2_weight_exp_avg,
    decoder_2_weight_exp_avg_sq,
    params["decoder.2.weight"],
)
decoder_2_bias_exp_avg = jnp.array([0.0])
decoder_2_bias_exp_avg_sq = jnp.array([0.0])
decoder_2_bias_exp_avg, decoder_2_bias_exp_avg_sq, params["decoder.2.bias"] = update(
    grads["decoder.2.bias"], decoder_2_bias_exp_avg, decoder_2_bias_exp_avg_sq, params["decoder.2.bias"]
)
(loss, (_, _)), grads = loss_and_grad(params)
print("loss (2) =", loss)
print("encoder_0_weight.grad (2) =", grads["encoder.0.weight"])
print("encoder_0_bias.grad (2) =", grads["encoder.0.bias"])
print("encoder_2_weight.grad (2) =", grads["encoder.2.weight"])
print("encoder_2_bias.grad (2) =", grads["encoder.2.bias"])
print("decoder_0_weight.grad (2) =", grads["decoder.0.weight"])
print("decoder_0_bias.grad (2) =", grads["decoder.0.bias"])
print("decoder_2_weight.grad (2) =", grads["decoder.2.weight"])
print("decoder_2_bias.grad (2) =", grads["decoder.2.bias"])


@jax.jit
def update_2(grad, exp_avg, exp_avg_sq, parameter, factor, factor_2):
    exp_avg = exp_avg + (grad - exp_avg) * 0.09999999999999998
    exp_avg_sq = exp_avg_sq * 0.999
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / factor + 1e-08) * factor_2
    return exp_avg, exp_avg_sq, parameter


encoder_0_weight_exp_avg, encoder_0_weight_exp_avg_sq, params["encoder.0.weight"] = update_2(
    grads["encoder.0.weight"],
    encoder_0_weight_exp_avg,
    encoder_0_weight_exp_avg_sq,
    params["encoder.0.weight"],
    0.04471017781221601,
    0.05263157894736844,
)
encoder_0_bias_exp_avg, encoder_0_bias_exp_avg_sq, params["encoder.0.bias"] = update_2(
    grads["encoder.0.bias"],
    encoder_0_bias_exp_avg,
    encoder_0_bias_exp_avg_sq,
    params["encoder.0.bias"],
    0.04471017781221601,
    0.05263157894736844,
)
encoder_2_weight_exp_avg, encoder_2_weight_exp_avg_sq, params["encoder.2.weight"] = update_2(
    grads["encoder.2.weight"],
    encoder_2_weight_exp_avg,
    encoder_2_weight_exp_avg_sq,
    params["encoder.2.weight"],
    0.04471017781221601,
    0.05263157894736844,
)
encoder_2_bias_exp_avg, encoder_2_bias_exp_avg_sq, params["encoder.2.bias"] = update_2(
    grads["encoder.2.bias"],
    encoder_2_bias_exp_avg,
    encoder_2_bias_exp_avg_sq,
    params["encoder.2.bias"],
    0.04471017781221601,
    0.05263157894736844,
)
decoder_0_weight_exp_avg, decoder_0_weight_exp_avg_sq, params["decoder.0.weight"] = update_2(
    grads["decoder.0.weight"],
    decoder_0_weight_exp_avg,
    decoder_0_weight_exp_avg_sq,
    params["decoder.0.weight"],
    0.04471017781221601,
    0.05263157894736844,
)
decoder_0_bias_exp_avg, decoder_0_bias_exp_avg_sq, params["decoder.0.bias"] = update_2(
    grads["decoder.0.bias"],
    decoder_0_bias_exp_avg,
    decoder_0_bias_exp_avg_sq,
    params["decoder.0.bias"],
    0.04471017781221601,
    0.05263157894736844,
)
decoder_2_weight_exp_avg, decoder_2_weight_exp_avg_sq, params["decoder.2.weight"] = update_2(
    grads["decoder.2.weight"],
    decoder_2_weight_exp_avg,
    decoder_2_weight_exp_avg_sq,
    params["decoder.2.weight"],
    0.04471017781221601,
    0.05263157894736844,
)
decoder_2_bias_exp_avg, decoder_2_bias_exp_avg_sq, params["decoder.2.bias"] = update_2(
    grads["decoder.2.bias"],
    decoder_2_bias_exp_avg,
    decoder_2_bias_exp_avg_sq,
    params["decoder.2.bias"],
    0.04471017781221601,
    0.05263157894736844,
)
(loss, (code, convolved_sigmoid)), grads = loss_and_grad(params)
print("loss (3) =", loss)
print("encoder_0_weight.grad (3) =", grads["encoder.0.weight"])
print("encoder_0_bias.grad (3) =", grads["encoder.0.bias"])
print("encoder_2_weight.grad (3) =", grads["encoder.2.weight"])
print("encoder_2_bias.grad (3) =", grads["encoder.2.bias"])
print("decoder_0_weight.grad (3) =", grads["decoder.0.weight"])
print("decoder_0_bias.grad (3) =", grads["decoder.0.bias"])
print("decoder_2_weight.grad (3) =", grads["decoder.2.weight"])
print("decoder_2_bias.grad (3) =", grads["decoder.2.bias"])
print("sigmoid_164 =", convolved_sigmoid)
print("code =", code)
_, _, params["encoder.0.weight"] = update_2(
    grads["encoder.0.weight"],
    encoder_0_weight_exp_avg,
    encoder_0_weight_exp_avg_sq,
    params["encoder.0.weight"],
    0.05474487190596028,
    0.03690036900369005,
)
print("encoder_0_weight =", params["encoder.0.weight"])
_, _, params["encoder.0.bias"] = update_2(
    grads["encoder.0.bias"],
    encoder_0_bias_exp_avg,
    encoder_0_bias_exp_avg_sq,
    params["encoder.0.bias"],
    0.05474487190596028,
    0.03690036900369005,
)
print("encoder_0_bias =", params["encoder.0.bias"])
_, _, params["encoder.2.weight"] = update_2(
    grads["encoder.2.weight"],
    encoder_2_weight_exp_avg,
    encoder_2_weight_exp_avg_sq,
    params["encoder.2.weight"],
    0.05474487190596028,
    0.03690036900369005,
)
print("encoder_2_weight =", params["encoder.2.weight"])
_, _, params["encoder.2.bias"] = update_2(
    grads["encoder.2.bias"],
    encoder_2_bias_exp_avg,
    encoder_2_bias_exp_avg_sq,
    params["encoder.2.bias"],
    0.05474487190596028,
    0.03690036900369005,
)
print("encoder_2_bias =", params["encoder.2.bias"])
_, _, params["decoder.0.weight"] = update_2(
    grads["decoder.0.weight"],
    decoder_0_weight_exp_avg,
    decoder_0_weight_exp_avg_sq,
    params["decoder.0.weight"],
    0.05474487190596028,
    0.03690036900369005,
)
print("decoder_0_weight =", params["decoder.0.weight"])
_, _, params["decoder.0.bias"] = update_2(
    grads["decoder.0.bias"],
    decoder_0_bias_exp_avg,
    decoder_0_bias_exp_avg_sq,
    params["decoder.0.bias"],
    0.05474487190596028,
    0.03690036900369005,
)
print("decoder_0_bias =", params["decoder.0.bias"])
_, _, params["decoder.2.weight"] = update_2(
    grads["decoder.2.weight"],
    decoder_2_weight_exp_avg,
    decoder_2_weight_exp_avg_sq,
    params["decoder.2.weight"],
    0.05474487190596028,
    0.03690036900369005,
)
print("decoder_2_weight =", params["decoder.2.weight"])
_, _, params["decoder.2.bias"] = update_2(
    grads["decoder.2.bias"],
    decoder_2_bias_exp_avg,
    decoder_2_bias_exp_avg_sq,
    params["decoder.2.bias"],
    0.05474487190596028,
    0.03690036900369005,
)
print("decoder_2_bias =", params["decoder.2.bias"])

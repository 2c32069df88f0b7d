# freezing-with-requires-grad: Translated from freezing_with_requires_grad.py
import pathlib

import jax
import jax.numpy as jnp
import numpy

jax.config.update("jax_enable_x64", True)

data = numpy.load(pathlib.Path(__file__).with_name("freezing-with-requires-grad.npz"))

backbone_0_weight = jnp.array(
    [
        [
            0.38379666882986474,
            0.16968420873129048,
            -0.03316368806378336,
            0.3435390455188394,
            0.11841169823228925,
            0.23772125850953216,
        ],
        [
            -0.2624169590798714,
            -0.1215701156085642,
            0.06641458291240093,
            -0.17290467003404353,
            -0.038482423743758196,
            -0.2638920818088885,
        ],
        [
            -0.1181741969625426,
            0.09953521874397853,
            -0.01482071870010536,
            -0.048336190122908136,
            -0.07570427752043507,
            -0.24050838131187602,
        ],
        [
            0.13475310622254616,
            0.232598565717149,
            -0.23648478295118375,
            0.14430688794545687,
            -0.318649825672774,
            0.019393475291924023,
        ],
        [
            -0.22370356754407633,
            0.047555271910670154,
            0.07146709807161228,
            0.14855803027244088,
            0.20034879615277193,
            -0.22236824155358453,
        ],
        [
            0.25302597599764964,
            0.10662654438977538,
            -0.24830628924802256,
            -0.2835478394185799,
            -0.015099877707805309,
            0.34089206841547315,
        ],
        [
            0.05882017706778055,
            -0.015652710424751828,
            0.2417308414642293,
            -0.10780187674556121,
            -0.18601122137036105,
            -0.374413091282558,
        ],
        [
            0.2030531207987647,
            -0.12920580529719794,
            0.031210588790661072,
            -0.02746252049532236,
            0.29678545242266413,
            -0.3747234510499295,
        ],
        [
            0.4060114029791458,
            0.30999443892963285,
            0.21473628907299575,
            -0.19930703441600894,
            -0.25343394346728054,
            0.3982581851851126,
        ],
        [
            0.22829397639858706,
            -0.11277504132719693,
            0.05376128623944806,
            0.19693872301786844,
            -0.4046043108716386,
            0.06826289707398836,
        ],
    ]
)
backbone_0_bias = jnp.array(
    [
        0.05692065220695336,
        -0.3688234842436718,
        -0.2751556330401863,
        0.4071713010405869,
        0.08219424152894586,
        -0.28647621882836616,
        -0.08643684928281127,
        0.2967178110292896,
        -0.31747903295410046,
        0.2527268825505905,
    ]
)
backbone_params = {
    "2.weight": jnp.array(data["backbone_2_weight"]),
    "2.bias": jnp.array(
        [
            -0.2718746744001449,
            0.2670050721838206,
            0.18058101639329682,
            0.10498397972943249,
            0.0526989315744814,
            0.13967775772614624,
            -0.07005651469292101,
            0.011589394649008123,
        ]
    ),
}
inputs = jnp.array(
    [
        [
            0.90494237470219,
            -2.208881770179369,
            -0.5226465471538572,
            -0.02515568815971389,
            1.7607687519099702,
            0.7085323264931883,
        ],
        [
            -0.6684715851233203,
            -0.8257825337351228,
            0.458601463586793,
            -1.6055165371769486,
            0.13550044221115567,
            -0.827100446040141,
        ],
        [
            -0.9382828522884271,
            -1.0607577697273647,
            -1.5515955644398478,
            -0.3147449188293934,
            -0.3601994152883402,
            0.31733418331306246,
        ],
        [
            0.5235634190464344,
            1.2435898054051029,
            -0.34402228059155376,
            -0.26976220023132946,
            0.3299808176367346,
            -1.752174363636735,
        ],
        [
            0.32650559703374726,
            1.3853519365029774,
            1.8028488541891268,
            -0.12416886068966111,
            1.5748034330841199,
            0.9679524430946587,
        ],
        [
            0.5162275408780806,
            1.3571352471870293,
            -0.3701174438452666,
            2.0102004193935454,
            -1.8786837021539853,
            0.1266069384424346,
        ],
        [
            0.1712932857619575,
            0.6233641523288427,
            0.6583935171517025,
            -0.09950746068297917,
            0.8222487745728653,
            -0.30567088147076,
        ],
        [
            2.278961425130624,
            0.5660368464782041,
            -0.6233103200204941,
            0.30533383780769996,
            -0.7667240679927507,
            0.626810757903625,
        ],
    ]
)
product = inputs @ backbone_0_weight.mT
product = jnp.tanh(product + backbone_0_bias) @ backbone_params["2.weight"].mT
product_tanh = jnp.tanh(product + backbone_params["2.bias"])
head_params = {
    "weight": jnp.array(
        [
            [
                0.29089924549788204,
                0.10889194063661287,
                -0.11729050744413055,
                0.2513123584152177,
                0.19083352926902641,
                -0.1053562084479463,
                0.2602554464621503,
                0.13098911122447787,
            ],
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
    "bias": jnp.array([-0.23748680322221097, -0.2089603685580873, -0.1624395960181948]),
}
labels = jnp.array([2, 2, 1, 2, 2, 0, 0, 1])
labels_getitem = labels[:, None]


def loss_fn(head_params, product_tanh, labels_getitem):
    product = product_tanh @ head_params["weight"].mT
    log_probability = jax.nn.log_softmax(product + head_params["bias"], axis=1)
    chosen = jnp.take_along_axis(log_probability, labels_getitem, axis=-1)
    losses = -jnp.squeeze(chosen, axis=-1)
    loss = jnp.mean(losses)
    return loss


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn))
loss, head_grads = loss_and_grad(head_params, product_tanh, labels_getitem)
print("loss =", loss)
print("head_weight.grad =", head_grads["weight"])
print("head_bias.grad =", head_grads["bias"])
head_params["weight"] = head_params["weight"] * 0.9999
head_weight_exp_avg = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
head_weight_exp_avg = head_weight_exp_avg + (head_grads["weight"] - head_weight_exp_avg) * 0.09999999999999998
head_weight_exp_avg_sq = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
head_weight_exp_avg_sq = (
    head_weight_exp_avg_sq + head_grads["weight"] * head_grads["weight"] * 0.0010000000000000009
)
head_params["weight"] = (
    head_params["weight"]
    - head_weight_exp_avg
    / (jnp.sqrt(head_weight_exp_avg_sq) / 0.031622776601683805 + 1e-08)
    * 0.10000000000000002
)
head_params["bias"] = head_params["bias"] * 0.9999
head_bias_exp_avg = jnp.array([0.0, 0.0, 0.0])
head_bias_exp_avg = head_bias_exp_avg + (head_grads["bias"] - head_bias_exp_avg) * 0.09999999999999998
head_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0])
head_bias_exp_avg_sq = head_bias_exp_avg_sq + head_grads["bias"] * head_grads["bias"] * 0.0010000000000000009
head_params["bias"] = (
    head_params["bias"]
    - head_bias_exp_avg
    / (jnp.sqrt(head_bias_exp_avg_sq) / 0.031622776601683805 + 1e-08)
    * 0.10000000000000002
)
product = inputs @ backbone_0_weight.mT
product = jnp.tanh(product + backbone_0_bias) @ backbone_params["2.weight"].mT
product_tanh = jnp.tanh(product + backbone_params["2.bias"])
labels_getitem = labels[:, None]
loss, head_grads = loss_and_grad(head_params, product_tanh, labels_getitem)
print("loss (2) =", loss)
print("head_weight.grad (2) =", head_grads["weight"])
print("head_bias.grad (2) =", head_grads["bias"])
head_params["weight"] = head_params["weight"] * 0.9999
head_weight_exp_avg = head_weight_exp_avg + (head_grads["weight"] - head_weight_exp_avg) * 0.09999999999999998
head_weight_exp_avg_sq = head_weight_exp_avg_sq * 0.999
head_weight_exp_avg_sq = (
    head_weight_exp_avg_sq + head_grads["weight"] * head_grads["weight"] * 0.0010000000000000009
)
head_params["weight"] = (
    head_params["weight"]
    - head_weight_exp_avg
    / (jnp.sqrt(head_weight_exp_avg_sq) / 0.04471017781221601 + 1e-08)
    * 0.05263157894736844
)
head_params["bias"] = head_params["bias"] * 0.9999
head_bias_exp_avg = head_bias_exp_avg + (head_grads["bias"] - head_bias_exp_avg) * 0.09999999999999998
head_bias_exp_avg_sq = head_bias_exp_avg_sq * 0.999
head_bias_exp_avg_sq = head_bias_exp_avg_sq + head_grads["bias"] * head_grads["bias"] * 0.0010000000000000009
head_params["bias"] = (
    head_params["bias"]
    - head_bias_exp_avg / (jnp.sqrt(head_bias_exp_avg_sq) / 0.04471017781221601 + 1e-08) * 0.05263157894736844
)
product = inputs @ backbone_0_weight.mT
product_tanh = jnp.tanh(product + backbone_0_bias)
labels_getitem = labels[:, None]


def loss_fn_2(backbone_params, head_params, product_tanh, labels_getitem):
    product = product_tanh @ backbone_params["2.weight"].mT
    product = jnp.tanh(product + backbone_params["2.bias"]) @ head_params["weight"].mT
    log_probability = jax.nn.log_softmax(product + head_params["bias"], axis=1)
    chosen = jnp.take_along_axis(log_probability, labels_getitem, axis=-1)
    losses = -jnp.squeeze(chosen, axis=-1)
    loss = jnp.mean(losses)
    return loss


loss_and_grad_2 = jax.jit(jax.value_and_grad(loss_fn_2, argnums=(0, 1)))
loss, (backbone_grads, head_grads) = loss_and_grad_2(
    backbone_params, head_params, product_tanh, labels_getitem
)
print("loss (3) =", loss)
print("backbone_2_weight.grad =", backbone_grads["2.weight"])
print("backbone_2_bias.grad =", backbone_grads["2.bias"])
print("head_weight.grad (3) =", head_grads["weight"])
print("head_bias.grad (3) =", head_grads["bias"])
backbone_params["2.weight"] = backbone_params["2.weight"] - backbone_grads["2.weight"] * 0.05
backbone_params["2.bias"] = backbone_params["2.bias"] - backbone_grads["2.bias"] * 0.05
head_params["weight"] = head_params["weight"] - head_grads["weight"] * 0.05
head_params["bias"] = head_params["bias"] - head_grads["bias"] * 0.05
product = inputs @ backbone_0_weight.mT
product_tanh = jnp.tanh(product + backbone_0_bias)
labels_getitem = labels[:, None]
loss, (backbone_grads, head_grads) = loss_and_grad_2(
    backbone_params, head_params, product_tanh, labels_getitem
)
print("loss (4) =", loss)
print("backbone_2_weight.grad (2) =", backbone_grads["2.weight"])
print("backbone_2_bias.grad (2) =", backbone_grads["2.bias"])
print("head_weight.grad (4) =", head_grads["weight"])
print("head_bias.grad (4) =", head_grads["bias"])
backbone_params["2.weight"] = backbone_params["2.weight"] - backbone_grads["2.weight"] * 0.05
print("backbone_2_weight =", backbone_params["2.weight"])
backbone_params["2.bias"] = backbone_params["2.bias"] - backbone_grads["2.bias"] * 0.05
print("backbone_2_bias =", backbone_params["2.bias"])
head_params["weight"] = head_params["weight"] - head_grads["weight"] * 0.05
print("head_weight =", head_params["weight"])
head_params["bias"] = head_params["bias"] - head_grads["bias"] * 0.05
print("head_bias =", head_params["bias"])

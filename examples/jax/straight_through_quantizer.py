# straight-through-quantizer: Translated from straight_through_quantizer.py
import jax
import jax.numpy as jnp
from jax import lax

jax.config.update("jax_enable_x64", True)

data_ = jnp.array(
    [
        [
            -2.310411800234176,
            -0.3732508612577643,
            -1.0608166785462863,
            0.9995093547811761,
            -0.8840250045832653,
            -1.2755469302148053,
        ],
        [
            -0.623224579866079,
            -0.8664416019125772,
            -1.2956271403277857,
            1.52363162310635,
            0.3236605664983738,
            2.0177260314861085,
        ],
        [
            1.1357423400213507,
            -1.226881339001083,
            0.07138847120511693,
            0.3380174030507378,
            0.15351883531544036,
            -0.6332746088675096,
        ],
        [
            -1.2609246557194385,
            -0.726951062065411,
            -0.019964750907762653,
            0.2102998901016947,
            0.17718935139366584,
            -0.830510051008449,
        ],
        [
            1.0111892074660187,
            -0.2426793824588577,
            -0.7730112772958181,
            -1.5951814880783068,
            -0.6870036940435463,
            1.4880743158106724,
        ],
        [
            -0.4484158047114511,
            -0.8910030351707375,
            -0.09174174090816388,
            0.5563227724483105,
            -0.009446277892507904,
            -1.21768777910687,
        ],
        [
            -1.2654653080284903,
            -1.1195351830271254,
            1.1664857205254855,
            0.9262324572968778,
            0.6539244967350809,
            0.14821544548810084,
        ],
        [
            -1.1461092231976013,
            1.8727763768553416,
            -0.30991497424174674,
            0.24018023403782535,
            -1.3487610270963772,
            0.2443990933828689,
        ],
    ]
)
encoder_params = {
    "0.weight": jnp.array(
        [
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
            [
                0.056920652206953345,
                -0.3688234842436717,
                -0.2751556330401862,
                0.4071713010405868,
                0.08219424152894583,
                -0.2864762188283661,
            ],
            [
                -0.08643684928281124,
                0.29671781102928957,
                -0.31747903295410035,
                0.2527268825505904,
                0.23595542308345227,
                0.24303379575383555,
            ],
            [
                -0.0761677089304635,
                0.1825858690442507,
                -0.3986017068564218,
                -0.19874179364740063,
                -0.25421338592285875,
                -0.27551497363789035,
            ],
            [
                -0.003977657756524299,
                -0.2822145377897879,
                -0.2208302063004913,
                -0.07299428545909434,
                -0.10281145982478775,
                -0.2589104956730113,
            ],
            [
                -0.08184001800567006,
                0.014434048326563838,
                0.09145808736665202,
                -0.08968667209810702,
                0.03137155192493179,
                -0.24608121071120972,
            ],
            [
                -0.05779185073063558,
                0.2910409895929868,
                0.3445792731711811,
                -0.3771384663827563,
                0.1662994860374542,
                -0.2646162785866907,
            ],
        ]
    ),
    "0.bias": jnp.array(
        [
            -0.2625141936648554,
            -0.26106367908269484,
            0.13813340992334155,
            0.09499724022026174,
            -0.27085415163901505,
            0.3889137538607136,
            0.14480893175941342,
            0.05073725639103946,
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
        ]
    ),
    "2.bias": jnp.array([-0.32851705395013275, -0.29773060338377, 0.13830631610143776]),
}
quantizer_params = {
    "codebook.weight": jnp.array(
        [
            [0.8061695760580537, 0.7409539105720296, 0.6087801837965493],
            [-0.5559964114461932, 0.5477044295593324, 0.43833538917133996],
            [0.03940623121231796, -1.189534926450811, -0.501452041349144],
            [-0.14552788851519916, 0.15216492436040177, -1.4436929916789818],
            [-0.22841280179511864, -0.3551562051565328, -0.7219184325326881],
        ]
    )
}
decoder_params = {
    "weight": jnp.array(
        [
            [-0.4614280855030459, 0.3073573908687878, 0.1601133891691948],
            [-0.4963729732777722, 0.4874823366779123, 0.3296943204527295],
            [0.19167364624825092, 0.09621464526588233, 0.25501552896117263],
            [-0.12790511132501647, 0.02115924292363805, 0.47503647868695187],
            [0.17781979444075868, -0.19153459660682123, 0.41039136278181704],
            [0.3116298483490625, -0.17204596795451396, 0.42499536440832925],
        ]
    ),
    "bias": jnp.array(
        [
            0.2139043229070957,
            0.566310527076945,
            -0.3059200865022754,
            -0.5534817180961727,
            -0.002794679652711859,
            -0.48155259064611566,
        ]
    ),
}


def loss_fn(encoder_params, quantizer_params, decoder_params):
    product = data_ @ encoder_params["0.weight"].mT
    product = jax.nn.silu(product + encoder_params["0.bias"]) @ encoder_params["2.weight"].mT
    product_add = product + encoder_params["2.bias"]
    expand_dims_4 = jnp.expand_dims(product_add, 1)
    distances = jnp.sum((expand_dims_4 - quantizer_params["codebook.weight"]) ** 2, axis=-1)
    index = jnp.argmin(distances, axis=1)
    rows = quantizer_params["codebook.weight"][index]
    squares = jnp.square(rows - lax.stop_gradient(product_add))
    squares_2 = jnp.square(product_add - lax.stop_gradient(rows))
    loss = jnp.mean(squares) + jnp.mean(squares_2) * 0.25
    product = (product_add + lax.stop_gradient(rows - product_add)) @ decoder_params["weight"].mT
    squares = jnp.square(product + decoder_params["bias"] - data_)
    loss = jnp.mean(squares) + loss
    return loss


loss, (encoder_grads, quantizer_grads, decoder_grads) = jax.jit(jax.value_and_grad(loss_fn, argnums=(0, 1, 2)))(
    encoder_params, quantizer_params, decoder_params
)
print("loss =", loss)
print("encoder_0_weight.grad =", encoder_grads["0.weight"])
print("encoder_0_bias.grad =", encoder_grads["0.bias"])
print("encoder_2_weight.grad =", encoder_grads["2.weight"])
print("encoder_2_bias.grad =", encoder_grads["2.bias"])
print("quantizer_codebook_weight.grad =", quantizer_grads["codebook.weight"])
print("decoder_weight.grad =", decoder_grads["weight"])
print("decoder_bias.grad =", decoder_grads["bias"])
encoder_0_weight_sum = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
encoder_0_bias_sum = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
encoder_2_weight_sum = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
encoder_2_bias_sum = jnp.array([0.0, 0.0, 0.0])
quantizer_codebook_weight_sum = jnp.array(
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
)
decoder_weight_sum = jnp.array(
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
)
decoder_bias_sum = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0])


@jax.jit
def update(grad, sum, parameter):
    sum = sum + grad * grad
    parameter = parameter - grad / (jnp.sqrt(sum) + 1e-10) * 0.05
    return sum, parameter


encoder_0_weight_sum, encoder_params["0.weight"] = update(
    encoder_grads["0.weight"], encoder_0_weight_sum, encoder_params["0.weight"]
)
encoder_0_bias_sum, encoder_params["0.bias"] = update(
    encoder_grads["0.bias"], encoder_0_bias_sum, encoder_params["0.bias"]
)
encoder_2_weight_sum, encoder_params["2.weight"] = update(
    encoder_grads["2.weight"], encoder_2_weight_sum, encoder_params["2.weight"]
)
encoder_2_bias_sum, encoder_params["2.bias"] = update(
    encoder_grads["2.bias"], encoder_2_bias_sum, encoder_params["2.bias"]
)
quantizer_codebook_weight_sum, quantizer_params["codebook.weight"] = update(
    quantizer_grads["codebook.weight"], quantizer_codebook_weight_sum, quantizer_params["codebook.weight"]
)
decoder_weight_sum, decoder_params["weight"] = update(
    decoder_grads["weight"], decoder_weight_sum, decoder_params["weight"]
)
decoder_bias_sum, decoder_params["bias"] = update(
    decoder_grads["bias"], decoder_bias_sum, decoder_params["bias"]
)


def loss_fn_2(encoder_params, quantizer_params, decoder_params):
    product = data_ @ encoder_params["0.weight"].mT
    product = jax.nn.silu(product + encoder_params["0.bias"]) @ encoder_params["2.weight"].mT
    product_add = product + encoder_params["2.bias"]
    distances = jnp.sum((jnp.expand_dims(product_add, 1) - quantizer_params["codebook.weight"]) ** 2, axis=-1)
    index = jnp.argmin(distances, axis=1)
    rows = quantizer_params["codebook.weight"][index]
    squares = jnp.square(rows - lax.stop_gradient(product_add))
    squares_2 = jnp.square(product_add - lax.stop_gradient(rows))
    loss = jnp.mean(squares) + jnp.mean(squares_2) * 0.25
    product_add = product_add + lax.stop_gradient(rows - product_add)
    product = product_add @ decoder_params["weight"].mT
    squares = jnp.square(product + decoder_params["bias"] - data_)
    loss_2 = jnp.mean(squares) + loss
    return loss_2, (loss, product_add)


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn_2, argnums=(0, 1, 2), has_aux=True))
(loss, (_, _)), (encoder_grads, quantizer_grads, decoder_grads) = loss_and_grad(
    encoder_params, quantizer_params, decoder_params
)
print("loss (2) =", loss)
print("encoder_0_weight.grad (2) =", encoder_grads["0.weight"])
print("encoder_0_bias.grad (2) =", encoder_grads["0.bias"])
print("encoder_2_weight.grad (2) =", encoder_grads["2.weight"])
print("encoder_2_bias.grad (2) =", encoder_grads["2.bias"])
print("quantizer_codebook_weight.grad (2) =", quantizer_grads["codebook.weight"])
print("decoder_weight.grad (2) =", decoder_grads["weight"])
print("decoder_bias.grad (2) =", decoder_grads["bias"])
encoder_0_weight_sum, encoder_params["0.weight"] = update(
    encoder_grads["0.weight"], encoder_0_weight_sum, encoder_params["0.weight"]
)
encoder_0_bias_sum, encoder_params["0.bias"] = update(
    encoder_grads["0.bias"], encoder_0_bias_sum, encoder_params["0.bias"]
)
encoder_2_weight_sum, encoder_params["2.weight"] = update(
    encoder_grads["2.weight"], encoder_2_weight_sum, encoder_params["2.weight"]
)
encoder_2_bias_sum, encoder_params["2.bias"] = update(
    encoder_grads["2.bias"], encoder_2_bias_sum, encoder_params["2.bias"]
)
quantizer_codebook_weight_sum, quantizer_params["codebook.weight"] = update(
    quantizer_grads["codebook.weight"], quantizer_codebook_weight_sum, quantizer_params["codebook.weight"]
)
decoder_weight_sum, decoder_params["weight"] = update(
    decoder_grads["weight"], decoder_weight_sum, decoder_params["weight"]
)
decoder_bias_sum, decoder_params["bias"] = update(
    decoder_grads["bias"], decoder_bias_sum, decoder_params["bias"]
)
(
    loss_2,
    (loss, product_add),
), (encoder_grads, quantizer_grads, decoder_grads) = loss_and_grad(
    encoder_params, quantizer_params, decoder_params
)
print("loss (3) =", loss_2)
print("encoder_0_weight.grad (3) =", encoder_grads["0.weight"])
print("encoder_0_bias.grad (3) =", encoder_grads["0.bias"])
print("encoder_2_weight.grad (3) =", encoder_grads["2.weight"])
print("encoder_2_bias.grad (3) =", encoder_grads["2.bias"])
print("quantizer_codebook_weight.grad (3) =", quantizer_grads["codebook.weight"])
print("decoder_weight.grad (3) =", decoder_grads["weight"])
print("decoder_bias.grad (3) =", decoder_grads["bias"])
print("add_112 =", product_add)
print("loss (4) =", loss)
_, encoder_params["0.weight"] = update(
    encoder_grads["0.weight"], encoder_0_weight_sum, encoder_params["0.weight"]
)
print("encoder_0_weight =", encoder_params["0.weight"])
_, encoder_params["0.bias"] = update(encoder_grads["0.bias"], encoder_0_bias_sum, encoder_params["0.bias"])
print("encoder_0_bias =", encoder_params["0.bias"])
_, encoder_params["2.weight"] = update(
    encoder_grads["2.weight"], encoder_2_weight_sum, encoder_params["2.weight"]
)
print("encoder_2_weight =", encoder_params["2.weight"])
_, encoder_params["2.bias"] = update(encoder_grads["2.bias"], encoder_2_bias_sum, encoder_params["2.bias"])
print("encoder_2_bias =", encoder_params["2.bias"])
_, quantizer_params["codebook.weight"] = update(
    quantizer_grads["codebook.weight"], quantizer_codebook_weight_sum, quantizer_params["codebook.weight"]
)
print("quantizer_codebook_weight =", quantizer_params["codebook.weight"])
_, decoder_params["weight"] = update(decoder_grads["weight"], decoder_weight_sum, decoder_params["weight"])
print("decoder_weight =", decoder_params["weight"])
_, decoder_params["bias"] = update(decoder_grads["bias"], decoder_bias_sum, decoder_params["bias"])
print("decoder_bias =", decoder_params["bias"])

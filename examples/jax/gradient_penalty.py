# gradient-penalty: Translated from gradient_penalty.py
import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)

values = jnp.array(
    [
        [-2.310411800234176, -0.3732508612577643],
        [-1.0608166785462863, 0.9995093547811761],
        [-0.8840250045832653, -1.2755469302148053],
        [-0.623224579866079, -0.8664416019125772],
        [-1.2956271403277857, 1.52363162310635],
        [0.3236605664983738, 2.0177260314861085],
        [1.1357423400213507, -1.226881339001083],
        [0.07138847120511693, 0.3380174030507378],
    ]
)
values_2 = jnp.array([2.0, 0.0])
real = values + values_2
params = {
    "layers.0.weight": jnp.array(
        [
            [-0.43007910881646866, -0.4911192642493616],
            [-0.02615375537799547, 0.5904423823928452],
            [0.10187953519159365, -0.027111289731833185],
            [0.41869009917242256, -0.18671832767458985],
            [-0.322180886191407, -0.6485024971203144],
            [0.35169832185888117, -0.2237910194075988],
            [0.05405832551956465, -0.04756648080179993],
            [0.51404748254337, -0.649040056006027],
            [0.7032323784122023, 0.5369261182899315],
            [0.3719341629032261, -0.34520990991440625],
        ]
    ),
    "layers.0.bias": jnp.array(
        [
            -0.43896046644786846,
            0.6898034112707897,
            0.39541676618428295,
            -0.19533210140438498,
            0.09311727924697757,
            0.3411078742446825,
            -0.7007952233910708,
            0.11823480600399269,
            0.09858946162240075,
            -0.6388210137346186,
        ]
    ),
    "layers.2.weight": jnp.array(
        [
            [
                -0.2131346368759601,
                0.31539353359675987,
                0.06366738571915145,
                -0.2219035249213467,
                -0.0669536955541937,
                0.22983662812791156,
                -0.24591820148025328,
                0.1957614014514709,
                0.18277028480990715,
                0.188253168704036,
            ]
        ]
    ),
}
mix = jnp.array(
    [
        [0.4067139891217675],
        [0.7236211067005224],
        [0.011814603799663703],
        [0.25659200749918054],
        [0.18865345935188793],
        [0.1625644490454049],
        [0.4951283840625459],
        [0.15435919220980943],
    ]
)
fake = jnp.array(
    [
        [0.15351883531544036, -0.6332746088675096],
        [-1.2609246557194385, -0.726951062065411],
        [-0.019964750907762653, 0.2102998901016947],
        [0.17718935139366584, -0.830510051008449],
        [1.0111892074660187, -0.2426793824588577],
        [-0.7730112772958181, -1.5951814880783068],
        [-0.6870036940435463, 1.4880743158106724],
        [-0.4484158047114511, -0.8910030351707375],
    ]
)
between = mix * real + (1 - mix) * fake


def loss_fn(params, between):
    def scores_fn(between):
        product = between @ params["layers.0.weight"].mT
        product_add = product + params["layers.0.bias"]
        curved = jax.nn.softplus(product_add)
        scores = jnp.squeeze(
            jnp.where(product_add > 20.0, product_add, curved) @ params["layers.2.weight"].mT, axis=-1
        )
        return jnp.sum(scores)

    gradient = jax.grad(scores_fn)(between)
    penalty = jnp.mean((jnp.linalg.vector_norm(gradient, axis=1) - 1) ** 2)
    product = fake @ params["layers.0.weight"].mT
    product_add = product + params["layers.0.bias"]
    curved = jax.nn.softplus(product_add)
    product = real @ params["layers.0.weight"].mT
    product_add_2 = product + params["layers.0.bias"]
    curved_2 = jax.nn.softplus(product_add_2)
    loss = (
        jnp.mean(jnp.squeeze(jnp.where(product_add > 20.0, product_add, curved) @ params["layers.2.weight"].mT, axis=-1))
        - jnp.mean(jnp.squeeze(jnp.where(product_add_2 > 20.0, product_add_2, curved_2) @ params["layers.2.weight"].mT, axis=-1))
        + penalty * 10.0
    )
    return loss, (gradient, penalty)


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn, argnums=(0, 1), has_aux=True))
(loss, (gradient, _)), (grads, between_grad) = loss_and_grad(params, between)
print("gradient =", gradient)
print("loss =", loss)
print("layers_0_weight.grad =", grads["layers.0.weight"])
print("layers_0_bias.grad =", grads["layers.0.bias"])
print("layers_2_weight.grad =", grads["layers.2.weight"])
print("between.grad =", between_grad)
layers_0_weight_exp_avg = jnp.array(
    [
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
    ]
)
layers_0_weight_exp_avg_sq = jnp.array(
    [
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
        [0.0, 0.0],
    ]
)


@jax.jit
def update(grad, exp_avg, exp_avg_sq, parameter):
    exp_avg = exp_avg + (grad - exp_avg) * 1.0
    exp_avg_sq = exp_avg_sq + grad * grad * 0.09999999999999998
    parameter = parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / 0.3162277660168379 + 1e-08) * 0.01
    return exp_avg, exp_avg_sq, parameter


layers_0_weight_exp_avg, layers_0_weight_exp_avg_sq, params["layers.0.weight"] = update(
    grads["layers.0.weight"], layers_0_weight_exp_avg, layers_0_weight_exp_avg_sq, params["layers.0.weight"]
)
layers_0_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
layers_0_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
layers_0_bias_exp_avg, layers_0_bias_exp_avg_sq, params["layers.0.bias"] = update(
    grads["layers.0.bias"], layers_0_bias_exp_avg, layers_0_bias_exp_avg_sq, params["layers.0.bias"]
)
layers_2_weight_exp_avg = jnp.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
layers_2_weight_exp_avg_sq = jnp.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
layers_2_weight_exp_avg, layers_2_weight_exp_avg_sq, params["layers.2.weight"] = update(
    grads["layers.2.weight"], layers_2_weight_exp_avg, layers_2_weight_exp_avg_sq, params["layers.2.weight"]
)
mix = jnp.array(
    [
        [0.22953933738512666],
        [0.41060062324308055],
        [0.3740821918593088],
        [0.1829006982750252],
        [0.3997668576729603],
        [0.5176780266613774],
        [0.612012823449591],
        [0.3901567083156643],
    ]
)
between_2 = mix * real + (1 - mix) * fake
(loss, (gradient, _)), (grads, between_2_grad) = loss_and_grad(params, between_2)
print("gradient (2) =", gradient)
print("loss (2) =", loss)
print("layers_0_weight.grad (2) =", grads["layers.0.weight"])
print("layers_0_bias.grad (2) =", grads["layers.0.bias"])
print("layers_2_weight.grad (2) =", grads["layers.2.weight"])
print("between.grad (2) =", between_2_grad)


@jax.jit
def update_2(grad, exp_avg, exp_avg_sq, parameter, factor):
    exp_avg = exp_avg + (grad - exp_avg) * 1.0
    exp_avg_sq = exp_avg_sq * 0.9
    exp_avg_sq = exp_avg_sq + grad * grad * 0.09999999999999998
    parameter = parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / factor + 1e-08) * 0.01
    return exp_avg, exp_avg_sq, parameter


layers_0_weight_exp_avg, layers_0_weight_exp_avg_sq, params["layers.0.weight"] = update_2(
    grads["layers.0.weight"],
    layers_0_weight_exp_avg,
    layers_0_weight_exp_avg_sq,
    params["layers.0.weight"],
    0.4358898943540673,
)
layers_0_bias_exp_avg, layers_0_bias_exp_avg_sq, params["layers.0.bias"] = update_2(
    grads["layers.0.bias"],
    layers_0_bias_exp_avg,
    layers_0_bias_exp_avg_sq,
    params["layers.0.bias"],
    0.4358898943540673,
)
layers_2_weight_exp_avg, layers_2_weight_exp_avg_sq, params["layers.2.weight"] = update_2(
    grads["layers.2.weight"],
    layers_2_weight_exp_avg,
    layers_2_weight_exp_avg_sq,
    params["layers.2.weight"],
    0.4358898943540673,
)
mix = jnp.array(
    [
        [0.5384221473276551],
        [0.19861329923561288],
        [0.4292197272094258],
        [0.8564509593687435],
        [0.9220216976042455],
        [0.038101597493229944],
        [0.7036744426394292],
        [0.17591256991422255],
    ]
)
between_3 = mix * real + (1 - mix) * fake
(loss, (gradient, penalty)), (grads, between_3_grad) = loss_and_grad(params, between_3)
print("gradient (3) =", gradient)
print("loss (3) =", loss)
print("layers_0_weight.grad (3) =", grads["layers.0.weight"])
print("layers_0_bias.grad (3) =", grads["layers.0.bias"])
print("layers_2_weight.grad (3) =", grads["layers.2.weight"])
print("between.grad (3) =", between_3_grad)
print("penalty =", penalty)
_, _, params["layers.0.weight"] = update_2(
    grads["layers.0.weight"],
    layers_0_weight_exp_avg,
    layers_0_weight_exp_avg_sq,
    params["layers.0.weight"],
    0.5205766033928148,
)
print("layers_0_weight =", params["layers.0.weight"])
_, _, params["layers.0.bias"] = update_2(
    grads["layers.0.bias"],
    layers_0_bias_exp_avg,
    layers_0_bias_exp_avg_sq,
    params["layers.0.bias"],
    0.5205766033928148,
)
print("layers_0_bias =", params["layers.0.bias"])
_, _, params["layers.2.weight"] = update_2(
    grads["layers.2.weight"],
    layers_2_weight_exp_avg,
    layers_2_weight_exp_avg_sq,
    params["layers.2.weight"],
    0.5205766033928148,
)
print("layers_2_weight =", params["layers.2.weight"])

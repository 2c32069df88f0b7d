# gan-step: Translated from gan_step.py
import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)

values = jnp.array(
    [
        0.1829006982750252,
        0.3997668576729603,
        0.5176780266613774,
        0.612012823449591,
        0.3901567083156643,
        0.5384221473276551,
        0.19861329923561288,
        0.4292197272094258,
    ]
)
angles = values * 6.28
real = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1)
values = jnp.array(
    [
        [-1.4668743195119394, 1.1096535136027106, 0.2756549587110016],
        [-0.687447723506223, -0.5752442046248689, -0.5918823592164963],
        [0.6195092629710962, -1.4872950971304264, 0.2327705351743837],
        [1.1064458833206277, 0.8527354795918417, -0.6301719953003105],
        [-0.6019872001874332, 0.8578627239959242, 1.3883334151939664],
        [-0.11720721184327226, -0.18787474948239727, 0.3993685890598303],
        [-0.6760874461803966, 1.662168703751691, -0.6036839371988663],
        [0.19405819710962857, 0.7513056269519641, -0.32941223804852077],
    ]
)
generator_params = {
    "0.weight": jnp.array(
        [
            [0.5427704542528101, 0.23996970930833816, -0.046900537438113156],
            [0.48583757737745076, 0.16745942958373372, 0.3361886278485809],
            [-0.3711136225274597, -0.17192610627289662, 0.09392440389406982],
            [-0.24452412935978926, -0.05442236557141126, -0.3731997610970005],
            [-0.16712355206697718, 0.14076405628150715, -0.020959661389805546],
            [-0.06835769562526113, -0.10706201599905592, -0.3401302147156549],
            [0.1905696703918271, 0.3289440462257217, -0.33443998734442176],
            [0.20408075807631965, -0.45063890511425947, 0.027426515779386478],
        ]
    ),
    "0.bias": jnp.array(
        [
            -0.3163646191720786,
            0.06725331049841003,
            0.10106973935632217,
            0.21009278121071875,
            0.2833359847243727,
            -0.3144761830461358,
            0.35783276688856547,
            0.15079270518499724,
        ]
    ),
}
product = values @ generator_params["0.weight"].mT
fake = product + generator_params["0.bias"]
fake = jax.nn.relu(fake)
generator_params["2.weight"] = jnp.array(
    [
        [
            -0.21503955440823433,
            -0.2455596321246808,
            -0.013076877688997735,
            0.2952211911964226,
            0.050939767595796825,
            -0.013555644865916592,
            0.20934504958621128,
            -0.09335916383729492,
        ],
        [
            -0.1610904430957035,
            -0.3242512485601572,
            0.17584916092944058,
            -0.1118955097037994,
            0.027029162759782326,
            -0.023783240400899967,
            0.257023741271685,
            -0.3245200280030135,
        ],
    ]
)
generator_params["2.bias"] = jnp.array([0.3516161892061012, 0.2684630591449658])
product = fake @ generator_params["2.weight"].mT
fake = product + generator_params["2.bias"]
discriminator_params = {
    "0.weight": jnp.array(
        [
            [0.3719341629032261, -0.34520990991440625],
            [-0.43896046644786835, 0.6898034112707896],
            [0.3954167661842829, -0.19533210140438495],
            [0.09311727924697756, 0.3411078742446824],
            [-0.7007952233910707, 0.11823480600399268],
            [0.09858946162240073, -0.6388210137346185],
            [-0.4765835364143801, 0.7052413807862188],
            [0.14236460241772197, -0.49619136617094983],
        ]
    ),
    "0.bias": jnp.array(
        [
            -0.14971301460400255,
            0.5139303242133505,
            -0.5498898154143358,
            0.437735801016115,
            0.40868678110194967,
            0.42094688220196047,
            -0.13192634176368048,
            0.31624800192875974,
        ]
    ),
    "2.weight": jnp.array(
        [
            [
                -0.3451992041294991,
                -0.1721154420923337,
                -0.22015525019125304,
                -0.23860296629341293,
                -0.00344475266471026,
                -0.24440495904323975,
                -0.19124456857918384,
                -0.06321490553866875,
            ]
        ]
    ),
    "2.bias": jnp.array([-0.08903733600842939]),
}
ones = jnp.array([[1.0], [1.0], [1.0], [1.0], [1.0], [1.0], [1.0], [1.0]])
ones_subtract = 1 - ones
zeros = jnp.array([[0.0], [0.0], [0.0], [0.0], [0.0], [0.0], [0.0], [0.0]])
zeros_subtract = 1 - zeros


def discriminator_loss_fn(discriminator_params, ones_subtract, fake, zeros_subtract):
    product = real @ discriminator_params["0.weight"].mT
    product = (
        jax.nn.leaky_relu(product + discriminator_params["0.bias"], negative_slope=0.2)
        @ discriminator_params["2.weight"].mT
    )
    product_add = product + discriminator_params["2.bias"]
    log_probability = jax.nn.log_sigmoid(product_add)
    losses = ones_subtract * product_add - log_probability
    real_loss = jnp.mean(losses)
    product = fake @ discriminator_params["0.weight"].mT
    product = (
        jax.nn.leaky_relu(product + discriminator_params["0.bias"], negative_slope=0.2)
        @ discriminator_params["2.weight"].mT
    )
    product_add = product + discriminator_params["2.bias"]
    log_probability = jax.nn.log_sigmoid(product_add)
    losses = zeros_subtract * product_add - log_probability
    fake_loss = jnp.mean(losses)
    discriminator_loss = real_loss + fake_loss
    return discriminator_loss, (real_loss, fake_loss)


discriminator_loss_and_grad = jax.jit(jax.value_and_grad(discriminator_loss_fn, has_aux=True))
(discriminator_loss, (_, _)), discriminator_grads = discriminator_loss_and_grad(
    discriminator_params, ones_subtract, fake, zeros_subtract
)
print("discriminator_loss =", discriminator_loss)
discriminator_0_weight_exp_avg = jnp.array(
    [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
)
discriminator_0_weight_exp_avg_sq = jnp.array(
    [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
)


@jax.jit
def update(grad, exp_avg, exp_avg_sq, parameter):
    exp_avg = exp_avg + (grad - exp_avg) * 0.5
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / 0.031622776601683805 + 1e-08) * 0.004
    return exp_avg, exp_avg_sq, parameter


discriminator_0_weight_exp_avg, discriminator_0_weight_exp_avg_sq, discriminator_params["0.weight"] = update(
    discriminator_grads["0.weight"],
    discriminator_0_weight_exp_avg,
    discriminator_0_weight_exp_avg_sq,
    discriminator_params["0.weight"],
)
discriminator_0_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
discriminator_0_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
discriminator_0_bias_exp_avg, discriminator_0_bias_exp_avg_sq, discriminator_params["0.bias"] = update(
    discriminator_grads["0.bias"],
    discriminator_0_bias_exp_avg,
    discriminator_0_bias_exp_avg_sq,
    discriminator_params["0.bias"],
)
discriminator_2_weight_exp_avg = jnp.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
discriminator_2_weight_exp_avg_sq = jnp.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
discriminator_2_weight_exp_avg, discriminator_2_weight_exp_avg_sq, discriminator_params["2.weight"] = update(
    discriminator_grads["2.weight"],
    discriminator_2_weight_exp_avg,
    discriminator_2_weight_exp_avg_sq,
    discriminator_params["2.weight"],
)
discriminator_2_bias_exp_avg = jnp.array([0.0])
discriminator_2_bias_exp_avg_sq = jnp.array([0.0])
discriminator_2_bias_exp_avg, discriminator_2_bias_exp_avg_sq, discriminator_params["2.bias"] = update(
    discriminator_grads["2.bias"],
    discriminator_2_bias_exp_avg,
    discriminator_2_bias_exp_avg_sq,
    discriminator_params["2.bias"],
)
ones_subtract = 1 - ones


def generator_loss_fn(generator_params, discriminator_params, values, ones_subtract):
    product = values @ generator_params["0.weight"].mT
    fake = product + generator_params["0.bias"]
    fake = jax.nn.relu(fake)
    product = fake @ generator_params["2.weight"].mT
    fake = product + generator_params["2.bias"]
    product = fake @ discriminator_params["0.weight"].mT
    product = (
        jax.nn.leaky_relu(product + discriminator_params["0.bias"], negative_slope=0.2)
        @ discriminator_params["2.weight"].mT
    )
    product_add = product + discriminator_params["2.bias"]
    log_probability = jax.nn.log_sigmoid(product_add)
    losses = ones_subtract * product_add - log_probability
    generator_loss = jnp.mean(losses)
    return generator_loss


generator_loss_and_grad = jax.jit(jax.value_and_grad(generator_loss_fn, argnums=(0, 1)))
generator_loss, (generator_grads, discriminator_grads_2) = generator_loss_and_grad(
    generator_params, discriminator_params, values, ones_subtract
)
print("generator_loss =", generator_loss)
print("generator_0_weight.grad =", generator_grads["0.weight"])
print("generator_0_bias.grad =", generator_grads["0.bias"])
print("generator_2_weight.grad =", generator_grads["2.weight"])
print("generator_2_bias.grad =", generator_grads["2.bias"])
discriminator_grads["0.weight"] = discriminator_grads["0.weight"] + discriminator_grads_2["0.weight"]
print("discriminator_0_weight.grad =", discriminator_grads["0.weight"])
discriminator_grads["0.bias"] = discriminator_grads["0.bias"] + discriminator_grads_2["0.bias"]
print("discriminator_0_bias.grad =", discriminator_grads["0.bias"])
discriminator_grads["2.weight"] = discriminator_grads["2.weight"] + discriminator_grads_2["2.weight"]
print("discriminator_2_weight.grad =", discriminator_grads["2.weight"])
discriminator_grads["2.bias"] = discriminator_grads["2.bias"] + discriminator_grads_2["2.bias"]
print("discriminator_2_bias.grad =", discriminator_grads["2.bias"])
generator_0_weight_exp_avg = jnp.array(
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
generator_0_weight_exp_avg_sq = jnp.array(
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
generator_0_weight_exp_avg, generator_0_weight_exp_avg_sq, generator_params["0.weight"] = update(
    generator_grads["0.weight"],
    generator_0_weight_exp_avg,
    generator_0_weight_exp_avg_sq,
    generator_params["0.weight"],
)
generator_0_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
generator_0_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
generator_0_bias_exp_avg, generator_0_bias_exp_avg_sq, generator_params["0.bias"] = update(
    generator_grads["0.bias"],
    generator_0_bias_exp_avg,
    generator_0_bias_exp_avg_sq,
    generator_params["0.bias"],
)
generator_2_weight_exp_avg = jnp.array(
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
)
generator_2_weight_exp_avg_sq = jnp.array(
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
)
generator_2_weight_exp_avg, generator_2_weight_exp_avg_sq, generator_params["2.weight"] = update(
    generator_grads["2.weight"],
    generator_2_weight_exp_avg,
    generator_2_weight_exp_avg_sq,
    generator_params["2.weight"],
)
generator_2_bias_exp_avg = jnp.array([0.0, 0.0])
generator_2_bias_exp_avg_sq = jnp.array([0.0, 0.0])
generator_2_bias_exp_avg, generator_2_bias_exp_avg_sq, generator_params["2.bias"] = update(
    generator_grads["2.bias"],
    generator_2_bias_exp_avg,
    generator_2_bias_exp_avg_sq,
    generator_params["2.bias"],
)
values = jnp.array(
    [
        [-0.4819087554044004, 0.7623209434576803, 0.21679229361763427],
        [-0.4789120616253859, -0.2578760451372613, 0.6031562685992239],
        [-1.5447447538296193, -0.109502865439967, -0.947120628744086],
        [0.6708747708875055, -0.47831564618025835, 2.1976427053233145],
        [0.1365118377695223, 0.8942415239486997, -1.9664187911247126],
        [1.4864847606394493, 1.286457928589127, -0.7321200134104802],
        [-1.1100374577947123, -0.132175010366216, 1.4505092414462475],
        [0.11680004036673394, 0.029905566085560997, 0.8536195134028616],
    ]
)
product = values @ generator_params["0.weight"].mT
fake = product + generator_params["0.bias"]
fake = jax.nn.relu(fake)
product = fake @ generator_params["2.weight"].mT
fake = product + generator_params["2.bias"]
print("fake =", fake)
ones_subtract = 1 - ones
zeros_subtract = 1 - zeros
(discriminator_loss, (real_loss, fake_loss)), discriminator_grads = discriminator_loss_and_grad(
    discriminator_params, ones_subtract, fake, zeros_subtract
)
print("discriminator_loss (2) =", discriminator_loss)
print("real_loss =", real_loss)
print("fake_loss =", fake_loss)


@jax.jit
def update_2(grad, exp_avg, exp_avg_sq, parameter):
    exp_avg = exp_avg + (grad - exp_avg) * 0.5
    exp_avg_sq = exp_avg_sq * 0.999
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = (
        parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / 0.04471017781221601 + 1e-08) * 0.0026666666666666666
    )
    return parameter


discriminator_params["0.weight"] = update_2(
    discriminator_grads["0.weight"],
    discriminator_0_weight_exp_avg,
    discriminator_0_weight_exp_avg_sq,
    discriminator_params["0.weight"],
)
print("discriminator_0_weight =", discriminator_params["0.weight"])
discriminator_params["0.bias"] = update_2(
    discriminator_grads["0.bias"],
    discriminator_0_bias_exp_avg,
    discriminator_0_bias_exp_avg_sq,
    discriminator_params["0.bias"],
)
print("discriminator_0_bias =", discriminator_params["0.bias"])
discriminator_params["2.weight"] = update_2(
    discriminator_grads["2.weight"],
    discriminator_2_weight_exp_avg,
    discriminator_2_weight_exp_avg_sq,
    discriminator_params["2.weight"],
)
print("discriminator_2_weight =", discriminator_params["2.weight"])
discriminator_params["2.bias"] = update_2(
    discriminator_grads["2.bias"],
    discriminator_2_bias_exp_avg,
    discriminator_2_bias_exp_avg_sq,
    discriminator_params["2.bias"],
)
print("discriminator_2_bias =", discriminator_params["2.bias"])
ones_subtract = 1 - ones
generator_loss, (generator_grads, discriminator_grads_3) = generator_loss_and_grad(
    generator_params, discriminator_params, values, ones_subtract
)
print("generator_loss (2) =", generator_loss)
print("generator_0_weight.grad (2) =", generator_grads["0.weight"])
print("generator_0_bias.grad (2) =", generator_grads["0.bias"])
print("generator_2_weight.grad (2) =", generator_grads["2.weight"])
print("generator_2_bias.grad (2) =", generator_grads["2.bias"])
discriminator_grads["0.weight"] = discriminator_grads["0.weight"] + discriminator_grads_3["0.weight"]
print("discriminator_0_weight.grad (2) =", discriminator_grads["0.weight"])
discriminator_grads["0.bias"] = discriminator_grads["0.bias"] + discriminator_grads_3["0.bias"]
print("discriminator_0_bias.grad (2) =", discriminator_grads["0.bias"])
discriminator_grads["2.weight"] = discriminator_grads["2.weight"] + discriminator_grads_3["2.weight"]
print("discriminator_2_weight.grad (2) =", discriminator_grads["2.weight"])
discriminator_grads["2.bias"] = discriminator_grads["2.bias"] + discriminator_grads_3["2.bias"]
print("discriminator_2_bias.grad (2) =", discriminator_grads["2.bias"])
generator_params["0.weight"] = update_2(
    generator_grads["0.weight"],
    generator_0_weight_exp_avg,
    generator_0_weight_exp_avg_sq,
    generator_params["0.weight"],
)
print("generator_0_weight =", generator_params["0.weight"])
generator_params["0.bias"] = update_2(
    generator_grads["0.bias"],
    generator_0_bias_exp_avg,
    generator_0_bias_exp_avg_sq,
    generator_params["0.bias"],
)
print("generator_0_bias =", generator_params["0.bias"])
generator_params["2.weight"] = update_2(
    generator_grads["2.weight"],
    generator_2_weight_exp_avg,
    generator_2_weight_exp_avg_sq,
    generator_params["2.weight"],
)
print("generator_2_weight =", generator_params["2.weight"])
generator_params["2.bias"] = update_2(
    generator_grads["2.bias"],
    generator_2_bias_exp_avg,
    generator_2_bias_exp_avg_sq,
    generator_params["2.bias"],
)
print("generator_2_bias =", generator_params["2.bias"])

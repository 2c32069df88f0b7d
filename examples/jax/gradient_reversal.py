# gradient-reversal: Translated from gradient_reversal.py
import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)

values = jnp.array(
    [
        [
            0.36904473680395194,
            -0.1872021932975887,
            -3.1452962731231335,
            -0.11373127757597257,
            1.6962024805143952,
        ],
        [-0.6652034805381666, -0.587222598359879, 2.832104167511146, -1.96124168414333, 0.22092437177232177],
        [
            -1.3809366518587674,
            -2.0547510174380235,
            0.04757655385024031,
            -0.3855687975933702,
            -0.5225708759493426,
        ],
        [
            -0.5919985649213804,
            -0.8913456059944439,
            -0.4465437323135269,
            -0.7012303945657874,
            0.326255796287562,
        ],
        [
            -0.8738640219900763,
            0.3941269998738486,
            0.3808407948449979,
            -0.06602759867830545,
            -0.7565746668125718,
        ],
        [0.3686731185757601, -0.1726536808458421, 0.975120345181078, 0.4164541966117019, -0.4986513835421579],
    ]
)
target = values + 0.5
source = jnp.array(
    [
        [
            -2.310411800234176,
            -0.3732508612577643,
            -1.0608166785462863,
            0.9995093547811761,
            -0.8840250045832653,
        ],
        [-1.2755469302148053, -0.623224579866079, -0.8664416019125772, -1.2956271403277857, 1.52363162310635],
        [0.3236605664983738, 2.0177260314861085, 1.1357423400213507, -1.226881339001083, 0.519998663178938],
        [
            -0.9528856397032842,
            -0.09174174090816388,
            0.5563227724483105,
            -0.009446277892507904,
            -1.21768777910687,
        ],
        [-1.2654653080284903, -1.1195351830271254, -1.746404903728242, 1.041012457033509, 0.6539244967350809],
        [
            0.14821544548810084,
            -1.1461092231976013,
            1.8727763768553416,
            -0.30991497424174674,
            0.24018023403782535,
        ],
    ]
)
inputs = jnp.concatenate([source, target])
values = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
values_2 = jnp.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
domains = jnp.concatenate([values, values_2])


@jax.custom_vjp
def reverse_gradient(x):
    value_1 = x.reshape((12, 8))
    result = value_1.copy()
    return result


def reverse_gradient_forward(x):
    return reverse_gradient(x), None


def reverse_gradient_backward(_, grad):
    term_1 = grad * -0.5
    return (term_1,)


reverse_gradient.defvjp(reverse_gradient_forward, reverse_gradient_backward)


params = {
    "features.weight": jnp.array(
        [
            [
                -0.2898726097300035,
                -0.287569891071042,
                -0.28598093195776303,
                0.15131756912024422,
                0.10406426273874875,
            ],
            [
                -0.29670585729322674,
                0.4260336718270493,
                0.15863023690571393,
                0.05557987966259092,
                -0.047913957626013956,
            ],
            [
                0.4205812142224351,
                0.0016688349782425114,
                0.42207533369369393,
                0.3319934899562262,
                -0.24152105073238778,
            ],
            [
                0.190312143229022,
                -0.04923941268676739,
                0.030017272979694833,
                -0.3122647780534776,
                0.1412612350253047,
            ],
            [
                -0.40807930294717404,
                -0.0005765162170654637,
                -0.0475388299306019,
                0.26297663983511527,
                -0.17468189736109685,
            ],
            [
                -0.1603093742460812,
                0.1899198026279518,
                -0.3941791311556219,
                0.3505462858370178,
                -0.397903556173362,
            ],
            [
                0.3517857176806025,
                -0.17202061204096716,
                0.11200373095826838,
                -0.415544856276334,
                -0.37660273433157915,
            ],
            [
                0.17494518946710513,
                -0.34140721040761984,
                -0.04392308554102479,
                0.34185672487550994,
                -0.18949420758640959,
            ],
        ]
    ),
    "features.bias": jnp.array(
        [
            -0.35113529971711194,
            -0.2521176225332828,
            0.22832084612638737,
            0.006713612328621253,
            0.0402080160784134,
            -0.3332337266762244,
            0.23855552823611922,
            0.1353762591162585,
        ]
    ),
    "domain.weight": jnp.array(
        [
            [
                -0.29488953284958164,
                -0.1525967654213081,
                0.06567901184066562,
                0.30591874288384135,
                -0.005024085253301972,
                0.06912011491745508,
                -0.1553951121262893,
                0.1488372487441148,
            ]
        ]
    ),
    "domain.bias": jnp.array([0.09948294805270047]),
    "label.weight": jnp.array(
        [
            [
                0.11245664615195293,
                -0.2932403949541547,
                0.04512998489051375,
                -0.16640786264119567,
                -0.28256584061794754,
                0.18821719407542392,
                0.09804902611304844,
                -0.30396512665967285,
            ],
            [
                0.29852074587013044,
                0.20189571405070772,
                0.11737565761173549,
                0.058919196671075195,
                0.1561644806102047,
                -0.07832556456004208,
                0.012957337126627236,
                0.29089924549788204,
            ],
            [
                0.10889194063661287,
                -0.11729050744413055,
                0.2513123584152177,
                0.19083352926902641,
                -0.1053562084479463,
                0.2602554464621503,
                0.13098911122447787,
                0.34679295682627787,
            ],
        ]
    ),
    "label.bias": jnp.array([-0.18733702849966652, -0.33893694782364636, -0.0017113847859206376]),
}
labels = jnp.array([0, 2, 2, 2, 2, 0])
labels_getitem = labels[:, None]
domains_subtract = 1 - domains


def label_loss_fn(params):
    product = inputs @ params["features.weight"].mT
    features = jax.nn.sigmoid(product + params["features.bias"])
    reverse_gradient_2 = reverse_gradient(features)
    product = reverse_gradient_2 @ params["domain.weight"].mT
    domain = product + params["domain.bias"]
    product = features @ params["label.weight"].mT
    squeeze_4 = jnp.squeeze(domain, axis=1)
    getitem_5 = (product + params["label.bias"])[:6]
    log_probability = jax.nn.log_softmax(getitem_5, axis=1)
    chosen = jnp.take_along_axis(log_probability, labels_getitem, axis=-1)
    losses = -jnp.squeeze(chosen, axis=-1)
    label_loss = jnp.mean(losses)
    log_probability = jax.nn.log_sigmoid(squeeze_4)
    losses = domains_subtract * squeeze_4 - log_probability
    domain_loss = jnp.mean(losses)
    return label_loss + domain_loss


grads = jax.jit(jax.grad(label_loss_fn))(params)


@jax.custom_vjp
def reverse_gradient_3(x):
    value_1 = x.reshape((12, 8))
    result = value_1.copy()
    return result


def reverse_gradient_3_forward(x):
    return reverse_gradient_3(x), None


def reverse_gradient_3_backward(_, grad):
    term_1 = grad * -1.0
    return (term_1,)


reverse_gradient_3.defvjp(reverse_gradient_3_forward, reverse_gradient_3_backward)


print("features_weight.grad =", grads["features.weight"])
print("features_bias.grad =", grads["features.bias"])
print("label_weight.grad =", grads["label.weight"])
print("label_bias.grad =", grads["label.bias"])
print("domain_weight.grad =", grads["domain.weight"])
print("domain_bias.grad =", grads["domain.bias"])
params["features.weight"] = params["features.weight"] - grads["features.weight"] * 0.1
params["features.bias"] = params["features.bias"] - grads["features.bias"] * 0.1
params["label.weight"] = params["label.weight"] - grads["label.weight"] * 0.1
params["label.bias"] = params["label.bias"] - grads["label.bias"] * 0.1
params["domain.weight"] = params["domain.weight"] - grads["domain.weight"] * 0.1
params["domain.bias"] = params["domain.bias"] - grads["domain.bias"] * 0.1
labels_getitem = labels[:, None]
domains_subtract = 1 - domains


def label_loss_fn_2(params):
    product = inputs @ params["features.weight"].mT
    features = jax.nn.sigmoid(product + params["features.bias"])
    product = reverse_gradient_3(features) @ params["domain.weight"].mT
    domain = product + params["domain.bias"]
    product = features @ params["label.weight"].mT
    squeeze_28 = jnp.squeeze(domain, axis=1)
    log_probability = jax.nn.log_softmax((product + params["label.bias"])[:6], axis=1)
    chosen = jnp.take_along_axis(log_probability, labels_getitem, axis=-1)
    losses = -jnp.squeeze(chosen, axis=-1)
    label_loss = jnp.mean(losses)
    log_probability = jax.nn.log_sigmoid(squeeze_28)
    losses = domains_subtract * squeeze_28 - log_probability
    domain_loss = jnp.mean(losses)
    return label_loss + domain_loss


grads_2 = jax.jit(jax.grad(label_loss_fn_2))(params)


@jax.custom_vjp
def reverse_gradient_4(x):
    value_1 = x.reshape((12, 8))
    result = value_1.copy()
    return result


def reverse_gradient_4_forward(x):
    return reverse_gradient_4(x), None


def reverse_gradient_4_backward(_, grad):
    term_1 = grad * -1.5
    return (term_1,)


reverse_gradient_4.defvjp(reverse_gradient_4_forward, reverse_gradient_4_backward)


print("features_weight.grad (2) =", grads_2["features.weight"])
print("features_bias.grad (2) =", grads_2["features.bias"])
print("label_weight.grad (2) =", grads_2["label.weight"])
print("label_bias.grad (2) =", grads_2["label.bias"])
print("domain_weight.grad (2) =", grads_2["domain.weight"])
print("domain_bias.grad (2) =", grads_2["domain.bias"])
features_weight_momentum_buffer = grads["features.weight"] * 0.9
features_weight_momentum_buffer = features_weight_momentum_buffer + grads_2["features.weight"]
params["features.weight"] = params["features.weight"] - features_weight_momentum_buffer * 0.1
features_bias_momentum_buffer = grads["features.bias"] * 0.9
features_bias_momentum_buffer = features_bias_momentum_buffer + grads_2["features.bias"]
params["features.bias"] = params["features.bias"] - features_bias_momentum_buffer * 0.1
label_weight_momentum_buffer = grads["label.weight"] * 0.9
label_weight_momentum_buffer = label_weight_momentum_buffer + grads_2["label.weight"]
params["label.weight"] = params["label.weight"] - label_weight_momentum_buffer * 0.1
label_bias_momentum_buffer = grads["label.bias"] * 0.9
label_bias_momentum_buffer = label_bias_momentum_buffer + grads_2["label.bias"]
params["label.bias"] = params["label.bias"] - label_bias_momentum_buffer * 0.1
domain_weight_momentum_buffer = grads["domain.weight"] * 0.9
domain_weight_momentum_buffer = domain_weight_momentum_buffer + grads_2["domain.weight"]
params["domain.weight"] = params["domain.weight"] - domain_weight_momentum_buffer * 0.1
domain_bias_momentum_buffer = grads["domain.bias"] * 0.9
domain_bias_momentum_buffer = domain_bias_momentum_buffer + grads_2["domain.bias"]
params["domain.bias"] = params["domain.bias"] - domain_bias_momentum_buffer * 0.1
labels_getitem = labels[:, None]
domains_subtract = 1 - domains


def label_loss_fn_3(params):
    product = inputs @ params["features.weight"].mT
    features = jax.nn.sigmoid(product + params["features.bias"])
    product = reverse_gradient_4(features) @ params["domain.weight"].mT
    domain = product + params["domain.bias"]
    product = features @ params["label.weight"].mT
    product_add = product + params["label.bias"]
    squeeze_46 = jnp.squeeze(domain, axis=1)
    log_probability = jax.nn.log_softmax(product_add[:6], axis=1)
    chosen = jnp.take_along_axis(log_probability, labels_getitem, axis=-1)
    losses = -jnp.squeeze(chosen, axis=-1)
    label_loss = jnp.mean(losses)
    log_probability = jax.nn.log_sigmoid(squeeze_46)
    losses = domains_subtract * squeeze_46 - log_probability
    domain_loss = jnp.mean(losses)
    return label_loss + domain_loss, (product_add, squeeze_46, label_loss, domain_loss)


grads, (product_add, squeeze_46, label_loss, domain_loss) = jax.jit(jax.grad(label_loss_fn_3, has_aux=True))(
    params
)
print("features_weight.grad (3) =", grads["features.weight"])
print("features_bias.grad (3) =", grads["features.bias"])
print("domain_weight.grad (3) =", grads["domain.weight"])
print("domain_bias.grad (3) =", grads["domain.bias"])
print("label_weight.grad (3) =", grads["label.weight"])
print("label_bias.grad (3) =", grads["label.bias"])
print("add_45 =", product_add)
print("squeeze_46 =", squeeze_46)
print("label_loss =", label_loss)
print("domain_loss =", domain_loss)
features_weight_momentum_buffer = features_weight_momentum_buffer * 0.9
features_weight_momentum_buffer = features_weight_momentum_buffer + grads["features.weight"]
params["features.weight"] = params["features.weight"] - features_weight_momentum_buffer * 0.1
print("features_weight =", params["features.weight"])
features_bias_momentum_buffer = features_bias_momentum_buffer * 0.9
features_bias_momentum_buffer = features_bias_momentum_buffer + grads["features.bias"]
params["features.bias"] = params["features.bias"] - features_bias_momentum_buffer * 0.1
print("features_bias =", params["features.bias"])
label_weight_momentum_buffer = label_weight_momentum_buffer * 0.9
label_weight_momentum_buffer = label_weight_momentum_buffer + grads["label.weight"]
params["label.weight"] = params["label.weight"] - label_weight_momentum_buffer * 0.1
print("label_weight =", params["label.weight"])
label_bias_momentum_buffer = label_bias_momentum_buffer * 0.9
label_bias_momentum_buffer = label_bias_momentum_buffer + grads["label.bias"]
params["label.bias"] = params["label.bias"] - label_bias_momentum_buffer * 0.1
print("label_bias =", params["label.bias"])
domain_weight_momentum_buffer = domain_weight_momentum_buffer * 0.9
domain_weight_momentum_buffer = domain_weight_momentum_buffer + grads["domain.weight"]
params["domain.weight"] = params["domain.weight"] - domain_weight_momentum_buffer * 0.1
print("domain_weight =", params["domain.weight"])
domain_bias_momentum_buffer = domain_bias_momentum_buffer * 0.9
domain_bias_momentum_buffer = domain_bias_momentum_buffer + grads["domain.bias"]
params["domain.bias"] = params["domain.bias"] - domain_bias_momentum_buffer * 0.1
print("domain_bias =", params["domain.bias"])

# in-place-activations: Translated from in_place_activations.py
import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)

inputs = jnp.array(
    [
        [-2.310411800234176, -0.3732508612577643, -1.0608166785462863, 0.9995093547811761],
        [-0.8840250045832653, -1.2755469302148053, -0.623224579866079, -0.8664416019125772],
        [-1.2956271403277857, 1.52363162310635, 0.3236605664983738, 2.0177260314861085],
        [1.1357423400213507, -1.226881339001083, 0.07138847120511693, 0.3380174030507378],
        [0.15351883531544036, -0.6332746088675096, -1.2609246557194385, -0.726951062065411],
        [-0.019964750907762653, 0.2102998901016947, 0.17718935139366584, -0.830510051008449],
        [1.0111892074660187, -0.2426793824588577, -0.7730112772958181, -1.5951814880783068],
        [-0.6870036940435463, 1.4880743158106724, -0.4484158047114511, -0.8910030351707375],
    ]
)
targets = jnp.sin(jnp.sum(inputs, axis=1, keepdims=True))
params = {
    "stem.weight": jnp.array(
        [
            [-0.30411185429079207, -0.34727376212207156, -0.018493497781274734, 0.4175058124899214],
            [0.07203971019810938, -0.019170576816092463, 0.2960586083404881, -0.1320297956705143],
            [-0.22781628939463525, -0.4585605133301838, 0.24868826831834387, -0.15824414739176337],
            [0.038225008554473965, -0.03363458113213246, 0.36348646075829033, -0.4589406248635583],
            [0.49726038352521257, 0.379664099238981, 0.26299716874381324, -0.24410026823327388],
            [-0.3103919224980977, 0.48776466979518834, 0.27960187676376197, -0.13812065348645894],
        ]
    ),
    "stem.bias": jnp.array(
        [
            0.06584385960117922,
            0.24119969099454308,
            -0.4955370546829676,
            0.08360463309769917,
            0.06971327686673046,
            -0.4517146707762135,
        ]
    ),
    "blocks.0.layers.0.weight": jnp.array(
        [
            [
                -0.2751556330401862,
                0.4071713010405868,
                0.08219424152894583,
                -0.2864762188283661,
                -0.08643684928281124,
                0.29671781102928957,
            ],
            [
                -0.31747903295410035,
                0.2527268825505904,
                0.23595542308345227,
                0.24303379575383555,
                -0.0761677089304635,
                0.1825858690442507,
            ],
            [
                -0.3986017068564218,
                -0.19874179364740063,
                -0.25421338592285875,
                -0.27551497363789035,
                -0.003977657756524299,
                -0.2822145377897879,
            ],
            [
                -0.2208302063004913,
                -0.07299428545909434,
                -0.10281145982478775,
                -0.2589104956730113,
                -0.08184001800567006,
                0.014434048326563838,
            ],
            [
                0.09145808736665202,
                -0.08968667209810702,
                0.03137155192493179,
                -0.24608121071120972,
                -0.05779185073063558,
                0.2910409895929868,
            ],
            [
                0.3445792731711811,
                -0.3771384663827563,
                0.1662994860374542,
                -0.2646162785866907,
                -0.2625141936648553,
                -0.2610636790826948,
            ],
        ]
    ),
    "blocks.0.layers.0.bias": jnp.array(
        [
            0.13813340992334155,
            0.09499724022026174,
            -0.27085415163901505,
            0.3889137538607136,
            0.14480893175941342,
            0.05073725639103946,
        ]
    ),
    "blocks.0.layers.2.weight": jnp.array(
        [
            [
                -0.043739259018524206,
                0.3839363638209005,
                0.0015234309372284443,
                0.3853003020509274,
                0.3030672056564831,
                -0.22047754599746403,
            ],
            [
                0.1737304230228157,
                -0.044949228411414265,
                0.027401895876281956,
                -0.28505743809038964,
                0.12895327487399705,
                -0.37252373245858605,
            ],
            [
                -0.0005262848947571655,
                -0.04339681585065402,
                0.2400637295576738,
                -0.15946202595412481,
                -0.14634176742352734,
                0.17337226669376357,
            ],
            [
                -0.3598346697195359,
                0.3200035136709806,
                -0.36323458904612393,
                0.32113495496968325,
                -0.15703261595113752,
                0.10224494995097218,
            ],
            [
                -0.3793388190629839,
                -0.3437896880192186,
                0.15970237766358114,
                -0.3116607173919432,
                -0.04009610791008047,
                0.31207106608192375,
            ],
            [
                -0.1729837533527385,
                -0.32054120731899927,
                -0.23015084834341956,
                0.2084274629534806,
                0.006128661524551077,
                0.03670472899779571,
            ],
        ]
    ),
    "blocks.0.layers.2.bias": jnp.array(
        [
            -0.3041993817034653,
            0.2177704067208052,
            0.12358105144773196,
            0.12985374985598508,
            -0.3386048419281069,
            0.052111617850123734,
        ]
    ),
    "blocks.1.layers.0.weight": jnp.array(
        [
            [
                -0.19215124858232918,
                -0.3262789282891298,
                0.21733449533112412,
                0.11321726324029835,
                -0.35098869540244165,
                0.3447020659736154,
            ],
            [
                0.23312908971081567,
                0.13553373503688967,
                0.06803402811696355,
                0.18032320983631955,
                -0.09044257156633942,
                0.014961844156077934,
            ],
            [
                0.3359015153905225,
                0.1257375824782584,
                -0.13543541209251317,
                0.2901905155634113,
                0.22035557898775748,
                -0.12165487061644026,
            ],
            [
                0.3005171041459775,
                0.1512531972527243,
                0.4004420139534356,
                -0.21631816766693412,
                -0.3913706761285847,
                -0.0019761369336766203,
            ],
            [
                -0.3405091023438179,
                -0.17620356718691682,
                0.07583959033263384,
                0.35324453710827547,
                -0.005801313946851045,
                0.07981303390802112,
            ],
            [
                -0.17943481963373042,
                0.17186245125571595,
                0.11487301367600833,
                -0.23995481320283218,
                -0.16849815750621114,
                0.23496891292373392,
            ],
        ]
    ),
    "blocks.1.layers.0.bias": jnp.array(
        [
            -0.27422613953865443,
            -0.2412866500739503,
            -0.1875690889763177,
            -0.07979529823098773,
            0.3886272651370523,
            -0.29750295606734417,
        ]
    ),
    "blocks.1.layers.2.weight": jnp.array(
        [
            [
                -0.171537522118059,
                0.29667495736939575,
                0.0463330025813211,
                0.21229600323803854,
                -0.14429520021378608,
                -0.34729519608703074,
            ],
            [
                0.08167545241789012,
                -0.03296469369517071,
                0.2001730400486069,
                0.34462421737715904,
                0.2806500868563948,
                0.1512610840673684,
            ],
            [
                0.0473210080987585,
                -0.3172421988518203,
                0.1108500139019092,
                0.2680817342799055,
                0.034323018490750375,
                0.18554415723237147,
            ],
            [
                -0.08458498664721914,
                -0.26852315571057167,
                0.3382089433989976,
                -0.09569109087438363,
                -0.2333860600493117,
                -0.24085236003182062,
            ],
            [
                0.395316072464688,
                -0.1761752242197768,
                -0.16880428096582442,
                -0.27803377368305354,
                -0.08563992117112426,
                -0.13549798908227598,
            ],
            [
                0.30492606392012944,
                0.3978310318800924,
                -0.28183286736171237,
                -0.25430046780054777,
                -0.23344914961517677,
                -0.0817239880264379,
            ],
        ]
    ),
    "blocks.1.layers.2.bias": jnp.array(
        [
            -0.2593095203269119,
            -0.1491606386519943,
            0.3886384075909553,
            -0.1145345307227505,
            -0.23271961043470643,
            0.23897550255135747,
        ]
    ),
    "output.weight": jnp.array(
        [
            [
                -0.34906054472365683,
                0.2963270480499696,
                -0.18366513819851718,
                0.04673421292181822,
                0.32555457116815484,
                0.20888678646225284,
            ]
        ]
    ),
    "output.bias": jnp.array([-0.1632043002112623]),
}


def loss_fn(params):
    product = inputs @ params["stem.weight"].mT
    product_add = product + params["stem.bias"]
    product_clone = product_add.copy()
    leaky = jnp.where(product_clone > 0, product_clone, product_clone * 0.1)
    product_copy = jnp.broadcast_to(leaky, product_add.shape)
    product = product_copy @ params["blocks.0.layers.0.weight"].mT
    out = product + params["blocks.0.layers.0.bias"]
    out = jax.nn.relu(out)
    product = out @ params["blocks.0.layers.2.weight"].mT
    out = product + params["blocks.0.layers.2.bias"]
    out = out + product_copy
    out = jax.nn.elu(out)
    product = out @ params["blocks.1.layers.0.weight"].mT
    out_2 = product + params["blocks.1.layers.0.bias"]
    out_2 = jax.nn.relu(out_2)
    product = out_2 @ params["blocks.1.layers.2.weight"].mT
    out_2 = product + params["blocks.1.layers.2.bias"]
    out_2 = out_2 + out
    out_2 = jax.nn.elu(out_2)
    product = out_2 @ params["output.weight"].mT
    squares = jnp.square(jnp.tanh((product + params["output.bias"]) * 0.5) - targets)
    loss = jnp.mean(squares)
    return loss


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn))
loss, grads = loss_and_grad(params)
print("loss =", loss)
print("stem_weight.grad =", grads["stem.weight"])
print("stem_bias.grad =", grads["stem.bias"])
print("blocks_0_layers_0_weight.grad =", grads["blocks.0.layers.0.weight"])
print("blocks_0_layers_0_bias.grad =", grads["blocks.0.layers.0.bias"])
print("blocks_0_layers_2_weight.grad =", grads["blocks.0.layers.2.weight"])
print("blocks_0_layers_2_bias.grad =", grads["blocks.0.layers.2.bias"])
print("blocks_1_layers_0_weight.grad =", grads["blocks.1.layers.0.weight"])
print("blocks_1_layers_0_bias.grad =", grads["blocks.1.layers.0.bias"])
print("blocks_1_layers_2_weight.grad =", grads["blocks.1.layers.2.weight"])
print("blocks_1_layers_2_bias.grad =", grads["blocks.1.layers.2.bias"])
print("output_weight.grad =", grads["output.weight"])
print("output_bias.grad =", grads["output.bias"])
params["stem.weight"] = params["stem.weight"] - grads["stem.weight"] * 0.1
params["stem.bias"] = params["stem.bias"] - grads["stem.bias"] * 0.1
params["blocks.0.layers.0.weight"] = (
    params["blocks.0.layers.0.weight"] - grads["blocks.0.layers.0.weight"] * 0.1
)
params["blocks.0.layers.0.bias"] = params["blocks.0.layers.0.bias"] - grads["blocks.0.layers.0.bias"] * 0.1
params["blocks.0.layers.2.weight"] = (
    params["blocks.0.layers.2.weight"] - grads["blocks.0.layers.2.weight"] * 0.1
)
params["blocks.0.layers.2.bias"] = params["blocks.0.layers.2.bias"] - grads["blocks.0.layers.2.bias"] * 0.1
params["blocks.1.layers.0.weight"] = (
    params["blocks.1.layers.0.weight"] - grads["blocks.1.layers.0.weight"] * 0.1
)
params["blocks.1.layers.0.bias"] = params["blocks.1.layers.0.bias"] - grads["blocks.1.layers.0.bias"] * 0.1
params["blocks.1.layers.2.weight"] = (
    params["blocks.1.layers.2.weight"] - grads["blocks.1.layers.2.weight"] * 0.1
)
params["blocks.1.layers.2.bias"] = params["blocks.1.layers.2.bias"] - grads["blocks.1.layers.2.bias"] * 0.1
params["output.weight"] = params["output.weight"] - grads["output.weight"] * 0.1
params["output.bias"] = params["output.bias"] - grads["output.bias"] * 0.1
loss, grads = loss_and_grad(params)
print("loss (2) =", loss)
print("stem_weight.grad (2) =", grads["stem.weight"])
print("stem_bias.grad (2) =", grads["stem.bias"])
print("blocks_0_layers_0_weight.grad (2) =", grads["blocks.0.layers.0.weight"])
print("blocks_0_layers_0_bias.grad (2) =", grads["blocks.0.layers.0.bias"])
print("blocks_0_layers_2_weight.grad (2) =", grads["blocks.0.layers.2.weight"])
print("blocks_0_layers_2_bias.grad (2) =", grads["blocks.0.layers.2.bias"])
print("blocks_1_layers_0_weight.grad (2) =", grads["blocks.1.layers.0.weight"])
print("blocks_1_layers_0_bias.grad (2) =", grads["blocks.1.layers.0.bias"])
print("blocks_1_layers_2_weight.grad (2) =", grads["blocks.1.layers.2.weight"])
print("blocks_1_layers_2_bias.grad (2) =", grads["blocks.1.layers.2.bias"])
print("output_weight.grad (2) =", grads["output.weight"])
print("output_bias.grad (2) =", grads["output.bias"])
params["stem.weight"] = params["stem.weight"] - grads["stem.weight"] * 0.1
params["stem.bias"] = params["stem.bias"] - grads["stem.bias"] * 0.1
params["blocks.0.layers.0.weight"] = (
    params["blocks.0.layers.0.weight"] - grads["blocks.0.layers.0.weight"] * 0.1
)
params["blocks.0.layers.0.bias"] = params["blocks.0.layers.0.bias"] - grads["blocks.0.layers.0.bias"] * 0.1
params["blocks.0.layers.2.weight"] = (
    params["blocks.0.layers.2.weight"] - grads["blocks.0.layers.2.weight"] * 0.1
)
params["blocks.0.layers.2.bias"] = params["blocks.0.layers.2.bias"] - grads["blocks.0.layers.2.bias"] * 0.1
params["blocks.1.layers.0.weight"] = (
    params["blocks.1.layers.0.weight"] - grads["blocks.1.layers.0.weight"] * 0.1
)
params["blocks.1.layers.0.bias"] = params["blocks.1.layers.0.bias"] - grads["blocks.1.layers.0.bias"] * 0.1
params["blocks.1.layers.2.weight"] = (
    params["blocks.1.layers.2.weight"] - grads["blocks.1.layers.2.weight"] * 0.1
)
params["blocks.1.layers.2.bias"] = params["blocks.1.layers.2.bias"] - grads["blocks.1.layers.2.bias"] * 0.1
params["output.weight"] = params["output.weight"] - grads["output.weight"] * 0.1
params["output.bias"] = params["output.bias"] - grads["output.bias"] * 0.1
loss, grads = loss_and_grad(params)
print("loss (3) =", loss)
print("stem_weight.grad (3) =", grads["stem.weight"])
print("stem_bias.grad (3) =", grads["stem.bias"])
print("blocks_0_layers_0_weight.grad (3) =", grads["blocks.0.layers.0.weight"])
print("blocks_0_layers_0_bias.grad (3) =", grads["blocks.0.layers.0.bias"])
print("blocks_0_layers_2_weight.grad (3) =", grads["blocks.0.layers.2.weight"])
print("blocks_0_layers_2_bias.grad (3) =", grads["blocks.0.layers.2.bias"])
print("blocks_1_layers_0_weight.grad (3) =", grads["blocks.1.layers.0.weight"])
print("blocks_1_layers_0_bias.grad (3) =", grads["blocks.1.layers.0.bias"])
print("blocks_1_layers_2_weight.grad (3) =", grads["blocks.1.layers.2.weight"])
print("blocks_1_layers_2_bias.grad (3) =", grads["blocks.1.layers.2.bias"])
print("output_weight.grad (3) =", grads["output.weight"])
print("output_bias.grad (3) =", grads["output.bias"])
params["stem.weight"] = params["stem.weight"] - grads["stem.weight"] * 0.1
print("stem_weight =", params["stem.weight"])
params["stem.bias"] = params["stem.bias"] - grads["stem.bias"] * 0.1
print("stem_bias =", params["stem.bias"])
params["blocks.0.layers.0.weight"] = (
    params["blocks.0.layers.0.weight"] - grads["blocks.0.layers.0.weight"] * 0.1
)
print("blocks_0_layers_0_weight =", params["blocks.0.layers.0.weight"])
params["blocks.0.layers.0.bias"] = params["blocks.0.layers.0.bias"] - grads["blocks.0.layers.0.bias"] * 0.1
print("blocks_0_layers_0_bias =", params["blocks.0.layers.0.bias"])
params["blocks.0.layers.2.weight"] = (
    params["blocks.0.layers.2.weight"] - grads["blocks.0.layers.2.weight"] * 0.1
)
print("blocks_0_layers_2_weight =", params["blocks.0.layers.2.weight"])
params["blocks.0.layers.2.bias"] = params["blocks.0.layers.2.bias"] - grads["blocks.0.layers.2.bias"] * 0.1
print("blocks_0_layers_2_bias =", params["blocks.0.layers.2.bias"])
params["blocks.1.layers.0.weight"] = (
    params["blocks.1.layers.0.weight"] - grads["blocks.1.layers.0.weight"] * 0.1
)
print("blocks_1_layers_0_weight =", params["blocks.1.layers.0.weight"])
params["blocks.1.layers.0.bias"] = params["blocks.1.layers.0.bias"] - grads["blocks.1.layers.0.bias"] * 0.1
print("blocks_1_layers_0_bias =", params["blocks.1.layers.0.bias"])
params["blocks.1.layers.2.weight"] = (
    params["blocks.1.layers.2.weight"] - grads["blocks.1.layers.2.weight"] * 0.1
)
print("blocks_1_layers_2_weight =", params["blocks.1.layers.2.weight"])
params["blocks.1.layers.2.bias"] = params["blocks.1.layers.2.bias"] - grads["blocks.1.layers.2.bias"] * 0.1
print("blocks_1_layers_2_bias =", params["blocks.1.layers.2.bias"])
params["output.weight"] = params["output.weight"] - grads["output.weight"] * 0.1
print("output_weight =", params["output.weight"])
params["output.bias"] = params["output.bias"] - grads["output.bias"] * 0.1
print("output_bias =", params["output.bias"])

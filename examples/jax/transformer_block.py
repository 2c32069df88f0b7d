# transformer-block: Translated from transformer_block.py
import pathlib

import jax
import jax.numpy as jnp
import numpy

jax.config.update("jax_enable_x64", True)

data = numpy.load(pathlib.Path(__file__).with_name("transformer-block.npz"))

tokens = jnp.array(
    [[10, 7, 1, 3, 8, 3, 4], [0, 6, 8, 9, 4, 2, 5], [8, 6, 5, 10, 10, 10, 2], [3, 8, 3, 1, 1, 9, 10]]
)
inputs = tokens[:, :-1]
targets = tokens[:, 1:]
values = jnp.array(
    [
        [
            -0.6301719953003105,
            -0.6019872001874332,
            0.8578627239959242,
            1.3883334151939664,
            -0.11720721184327226,
            1.553109128881493,
            -0.3208693214135495,
            1.5621195343675542,
        ],
        [
            1.662168703751691,
            -0.6036839371988663,
            0.19405819710962857,
            0.7513056269519641,
            -0.32941223804852077,
            1.427469253078078,
            0.10227104997923495,
            -1.4266772777357957,
        ],
        [
            -0.4789120616253859,
            -0.2578760451372613,
            0.6031562685992239,
            -1.5447447538296193,
            -0.109502865439967,
            1.0133981088658284,
            0.052988347298460775,
            -1.0985568336677343,
        ],
        [
            -0.6711099455038106,
            -0.40096823326862124,
            0.3582186081268875,
            -0.6549556398881207,
            1.1851393651234152,
            0.7400928938958106,
            -0.5194465816226858,
            -1.3054294883591913,
        ],
        [
            0.3237499278733888,
            -1.2819324564954782,
            -0.8849291965133247,
            0.9106874933978805,
            0.16484754401821664,
            -0.947120628744086,
            0.6708747708875055,
            -0.47831564618025835,
        ],
        [
            -0.20150312169022844,
            -1.8609565968157826,
            1.5152597099499807,
            -1.1678366375044382,
            -1.3129049973568954,
            1.286457928589127,
            -0.7321200134104802,
            -1.1100374577947123,
        ],
    ]
)
position = values * 0.02
embedding_params = {"weight": jnp.array(data["embedding_weight"])}
row = jnp.array([0, 1, 2, 3, 4, 5])
column = jnp.array([0, 1, 2, 3, 4, 5])
causal = row[:, None] >= column
block_params = {
    "norm1.weight": jnp.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    "norm1.bias": jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    "attention.qkv.weight": jnp.array(data["block_attention_qkv_weight"]),
    "attention.project.weight": jnp.array(
        [
            [
                -0.2122767676405912,
                0.15480610283424576,
                -0.18097076885107538,
                -0.09960798069867319,
                0.15174014968981672,
                0.18002399551863874,
                -0.05599020580940779,
                -0.19735116817306572,
            ],
            [
                -0.28615252905777977,
                -0.20939562713359225,
                -0.01207678282011155,
                -0.2324673583121248,
                0.23049625251209496,
                -0.2323732046048505,
                0.27058682266437656,
                0.10821851789404371,
            ],
            [
                0.043501875410185846,
                0.20047064529809183,
                -0.3466658172506957,
                -0.08965908090825182,
                -0.1638269906423258,
                -0.11627204387753319,
                0.08200615416452343,
                -0.07521219841546496,
            ],
            [
                -0.04318682311782954,
                -0.25571070807231155,
                0.3048063987552012,
                -0.13299151704300186,
                -0.21722820031281104,
                -0.013560800953249446,
                0.3422427387887073,
                0.34885990044748894,
            ],
            [
                -0.045169641813588506,
                -0.05794603388639849,
                0.20150196786792593,
                0.23366372710748165,
                -0.2065636240926629,
                0.35115881563215773,
                0.20888229110820716,
                0.02525115197627111,
            ],
            [
                -0.0418762550047129,
                -0.10196406828256141,
                0.19760112820194095,
                -0.22004104886009412,
                -0.345514263896379,
                0.33767215410388063,
                0.15027141623448673,
                -0.2654526341689266,
            ],
            [
                -0.2945693526878857,
                0.1131249187703982,
                -0.05393824213726982,
                0.16741352756163025,
                0.3261358585210882,
                -0.23077636720098843,
                -0.059603215192216716,
                0.33598153745859105,
            ],
            [
                0.30939312986045625,
                0.02514439546381093,
                -0.06991812307757446,
                0.10619707399188044,
                0.008366649000957663,
                0.10435500505368436,
                -0.15787387611455095,
                -0.1933424144148666,
            ],
        ]
    ),
    "attention.project.bias": jnp.array(
        [
            0.1716750081250823,
            0.16310116625919976,
            -0.22339353504023607,
            -0.2507806135103604,
            -0.13348838601321822,
            0.17183719010368528,
            -0.3082064829844986,
            0.09908996200043267,
        ]
    ),
    "norm2.weight": jnp.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    "norm2.bias": jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    "mlp.0.weight": jnp.array(data["block_mlp_0_weight"]),
    "mlp.0.bias": jnp.array(
        [
            -0.21960879570196462,
            -0.32357517019233367,
            -0.12492565653933196,
            0.03862360196869702,
            0.32409371836246254,
            0.1991303726296137,
            0.006872275362563936,
            0.27642464376063,
            0.020177819342328856,
            0.15877796526125754,
            -0.15482245072172324,
            -0.23780369720234815,
            -0.23277307555098944,
            -0.34859431804116214,
            -0.10869650873808577,
            -0.052963986422828235,
            0.30373195071288267,
            0.15328548321560118,
            -0.05662277075781821,
            0.23249652331271306,
            0.213056076794873,
            -0.018317521485581006,
            -0.09986300496185906,
            0.10862806323543513,
            -0.3377793239014072,
            -0.19123410580231656,
            -0.32742440635656805,
            0.16035523695684847,
            -0.28321861779190144,
            0.19296402290408576,
            0.17794582424148983,
            0.22869261066587387,
        ]
    ),
    "mlp.2.weight": jnp.array(data["block_mlp_2_weight"]),
    "mlp.2.bias": jnp.array(
        [
            0.0381708479675777,
            0.1723215149846902,
            -0.002830569606422132,
            -0.025458748404574173,
            0.15819563174931356,
            0.0006715704117880889,
            0.06387102173983455,
            -0.11300427582673145,
        ]
    ),
}
head_params = {
    "weight": jnp.array(data["head_weight"]),
    "bias": jnp.array(
        [
            -0.09877302426786243,
            0.02520584789306565,
            -0.3463286838805497,
            0.1543481304717452,
            -0.20604308699843737,
            -0.3289007217707085,
            -0.351878724326206,
            0.34923909181659507,
            0.08468203150165979,
            -0.1073948254299485,
            0.30923830995388546,
        ]
    ),
}
targets_flatten = targets.reshape((24,))
counted = targets_flatten != -100
classes = jnp.where(counted, targets_flatten, 0)
classes_getitem = classes[:, None]
weights = counted.astype(jnp.float64)
weights_sum = jnp.sum(weights)


def loss_fn(embedding_params, position, block_params, head_params, causal, classes_getitem, counted, weights_sum):
    rows = embedding_params["weight"][inputs]
    rows_add = rows + position
    mean = jnp.mean(rows_add, axis=(-1,), keepdims=True)
    variance = jnp.var(rows_add, axis=(-1,), correction=0, keepdims=True)
    normalized = (rows_add - mean) / jnp.sqrt(variance + 1e-05)
    scaled = normalized * block_params["norm1.weight"]
    scaled_linear = (scaled + block_params["norm1.bias"]) @ block_params["attention.qkv.weight"].mT
    q = scaled_linear[:, :, 0:8]
    k = scaled_linear[:, :, 8:16]
    v = scaled_linear[:, :, 16:24]
    swapaxes_13 = jnp.swapaxes(v.reshape((4, 6, 2, 4)), 1, 2)
    scores = (
        jnp.swapaxes(q.reshape((4, 6, 2, 4)), 1, 2) @ jnp.swapaxes(k.reshape((4, 6, 2, 4)), 1, 2).mT * 0.5
    )
    scores = jnp.where(causal, scores, -jnp.inf)
    weights = jax.nn.softmax(scores, axis=-1)
    attended = weights @ swapaxes_13
    product = jnp.swapaxes(attended, 1, 2).reshape((4, 6, 8)) @ block_params["attention.project.weight"].mT
    x = rows_add + (product + block_params["attention.project.bias"])
    mean = jnp.mean(x, axis=(-1,), keepdims=True)
    variance = jnp.var(x, axis=(-1,), correction=0, keepdims=True)
    normalized = (x - mean) / jnp.sqrt(variance + 1e-05)
    scaled = normalized * block_params["norm2.weight"]
    product = (scaled + block_params["norm2.bias"]) @ block_params["mlp.0.weight"].mT
    product = (
        jax.nn.gelu(product + block_params["mlp.0.bias"], approximate=False) @ block_params["mlp.2.weight"].mT
    )
    product = (x + (product + block_params["mlp.2.bias"])) @ head_params["weight"].mT
    logits = product + head_params["bias"]
    flatten_28 = logits.reshape((24, 11))
    log_probability = jax.nn.log_softmax(flatten_28, axis=1)
    chosen = jnp.take_along_axis(log_probability, classes_getitem, axis=-1)
    losses = -jnp.squeeze(chosen, axis=-1)
    losses = jnp.where(counted, losses, 0.0)
    loss = jnp.sum(losses) / weights_sum
    return loss, logits


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn, argnums=(0, 1, 2, 3), has_aux=True))
(loss, _), (embedding_grads, position_grad, block_grads, head_grads) = loss_and_grad(
    embedding_params, position, block_params, head_params, causal, classes_getitem, counted, weights_sum
)
print("loss =", loss)
print("embedding_weight.grad =", embedding_grads["weight"])
print("position.grad =", position_grad)
print("block_norm1_weight.grad =", block_grads["norm1.weight"])
print("block_norm1_bias.grad =", block_grads["norm1.bias"])
print("block_attention_qkv_weight.grad =", block_grads["attention.qkv.weight"])
print("block_attention_project_weight.grad =", block_grads["attention.project.weight"])
print("block_attention_project_bias.grad =", block_grads["attention.project.bias"])
print("block_norm2_weight.grad =", block_grads["norm2.weight"])
print("block_norm2_bias.grad =", block_grads["norm2.bias"])
print("block_mlp_0_weight.grad =", block_grads["mlp.0.weight"])
print("block_mlp_0_bias.grad =", block_grads["mlp.0.bias"])
print("block_mlp_2_weight.grad =", block_grads["mlp.2.weight"])
print("block_mlp_2_bias.grad =", block_grads["mlp.2.bias"])
print("head_weight.grad =", head_grads["weight"])
print("head_bias.grad =", head_grads["bias"])
embedding_weight_exp_avg = jnp.array(data["embedding_weight_exp_avg"])
embedding_weight_exp_avg_sq = jnp.array(data["embedding_weight_exp_avg_sq"])


@jax.jit
def update(parameter, grad, exp_avg, exp_avg_sq):
    parameter = parameter * 0.999
    exp_avg = exp_avg + (grad - exp_avg) * 0.09999999999999998
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = (
        parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / 0.031622776601683805 + 1e-08) * 0.10000000000000002
    )
    return exp_avg, exp_avg_sq, parameter


embedding_weight_exp_avg, embedding_weight_exp_avg_sq, embedding_params["weight"] = update(
    embedding_params["weight"],
    embedding_grads["weight"],
    embedding_weight_exp_avg,
    embedding_weight_exp_avg_sq,
)
position_exp_avg = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
position_exp_avg_sq = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
position_exp_avg, position_exp_avg_sq, position = update(
    position, position_grad, position_exp_avg, position_exp_avg_sq
)
block_norm1_weight_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
block_norm1_weight_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
block_norm1_weight_exp_avg, block_norm1_weight_exp_avg_sq, block_params["norm1.weight"] = update(
    block_params["norm1.weight"],
    block_grads["norm1.weight"],
    block_norm1_weight_exp_avg,
    block_norm1_weight_exp_avg_sq,
)
block_norm1_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
block_norm1_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
block_norm1_bias_exp_avg, block_norm1_bias_exp_avg_sq, block_params["norm1.bias"] = update(
    block_params["norm1.bias"],
    block_grads["norm1.bias"],
    block_norm1_bias_exp_avg,
    block_norm1_bias_exp_avg_sq,
)
block_attention_qkv_weight_exp_avg = jnp.array(data["block_attention_qkv_weight_exp_avg"])
block_attention_qkv_weight_exp_avg_sq = jnp.array(data["block_attention_qkv_weight_exp_avg_sq"])
block_attention_qkv_weight_exp_avg, block_attention_qkv_weight_exp_avg_sq, block_params["attention.qkv.weight"] = update(
    block_params["attention.qkv.weight"],
    block_grads["attention.qkv.weight"],
    block_attention_qkv_weight_exp_avg,
    block_attention_qkv_weight_exp_avg_sq,
)
block_attention_project_weight_exp_avg = jnp.array(
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
block_attention_project_weight_exp_avg_sq = jnp.array(
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
block_attention_project_weight_exp_avg, block_attention_project_weight_exp_avg_sq, block_params["attention.project.weight"] = update(
    block_params["attention.project.weight"],
    block_grads["attention.project.weight"],
    block_attention_project_weight_exp_avg,
    block_attention_project_weight_exp_avg_sq,
)
block_attention_project_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
block_attention_project_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
block_attention_project_bias_exp_avg, block_attention_project_bias_exp_avg_sq, block_params["attention.project.bias"] = update(
    block_params["attention.project.bias"],
    block_grads["attention.project.bias"],
    block_attention_project_bias_exp_avg,
    block_attention_project_bias_exp_avg_sq,
)
block_norm2_weight_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
block_norm2_weight_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
block_norm2_weight_exp_avg, block_norm2_weight_exp_avg_sq, block_params["norm2.weight"] = update(
    block_params["norm2.weight"],
    block_grads["norm2.weight"],
    block_norm2_weight_exp_avg,
    block_norm2_weight_exp_avg_sq,
)
block_norm2_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
block_norm2_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
block_norm2_bias_exp_avg, block_norm2_bias_exp_avg_sq, block_params["norm2.bias"] = update(
    block_params["norm2.bias"],
    block_grads["norm2.bias"],
    block_norm2_bias_exp_avg,
    block_norm2_bias_exp_avg_sq,
)
block_mlp_0_weight_exp_avg = jnp.array(data["block_mlp_0_weight_exp_avg"])
block_mlp_0_weight_exp_avg_sq = jnp.array(data["block_mlp_0_weight_exp_avg_sq"])
block_mlp_0_weight_exp_avg, block_mlp_0_weight_exp_avg_sq, block_params["mlp.0.weight"] = update(
    block_params["mlp.0.weight"],
    block_grads["mlp.0.weight"],
    block_mlp_0_weight_exp_avg,
    block_mlp_0_weight_exp_avg_sq,
)
block_mlp_0_bias_exp_avg = jnp.array(
    [
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
    ]
)
block_mlp_0_bias_exp_avg_sq = jnp.array(
    [
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
    ]
)
block_mlp_0_bias_exp_avg, block_mlp_0_bias_exp_avg_sq, block_params["mlp.0.bias"] = update(
    block_params["mlp.0.bias"],
    block_grads["mlp.0.bias"],
    block_mlp_0_bias_exp_avg,
    block_mlp_0_bias_exp_avg_sq,
)
block_mlp_2_weight_exp_avg = jnp.array(data["block_mlp_2_weight_exp_avg"])
block_mlp_2_weight_exp_avg_sq = jnp.array(data["block_mlp_2_weight_exp_avg_sq"])
block_mlp_2_weight_exp_avg, block_mlp_2_weight_exp_avg_sq, block_params["mlp.2.weight"] = update(
    block_params["mlp.2.weight"],
    block_grads["mlp.2.weight"],
    block_mlp_2_weight_exp_avg,
    block_mlp_2_weight_exp_avg_sq,
)
block_mlp_2_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
block_mlp_2_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
block_mlp_2_bias_exp_avg, block_mlp_2_bias_exp_avg_sq, block_params["mlp.2.bias"] = update(
    block_params["mlp.2.bias"],
    block_grads["mlp.2.bias"],
    block_mlp_2_bias_exp_avg,
    block_mlp_2_bias_exp_avg_sq,
)
head_weight_exp_avg = jnp.array(data["head_weight_exp_avg"])
head_weight_exp_avg_sq = jnp.array(data["head_weight_exp_avg_sq"])
head_weight_exp_avg, head_weight_exp_avg_sq, head_params["weight"] = update(
    head_params["weight"], head_grads["weight"], head_weight_exp_avg, head_weight_exp_avg_sq
)
head_bias_exp_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
head_bias_exp_avg_sq = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
head_bias_exp_avg, head_bias_exp_avg_sq, head_params["bias"] = update(
    head_params["bias"], head_grads["bias"], head_bias_exp_avg, head_bias_exp_avg_sq
)
row = jnp.array([0, 1, 2, 3, 4, 5])
column = jnp.array([0, 1, 2, 3, 4, 5])
causal = row[:, None] >= column
targets_flatten = targets.reshape((24,))
counted = targets_flatten != -100
classes = jnp.where(counted, targets_flatten, 0)
classes_getitem = classes[:, None]
weights = counted.astype(jnp.float64)
weights_sum = jnp.sum(weights)
(
    loss,
    logits,
), (embedding_grads, position_grad, block_grads, head_grads) = loss_and_grad(
    embedding_params, position, block_params, head_params, causal, classes_getitem, counted, weights_sum
)
print("loss (2) =", loss)
print("embedding_weight.grad (2) =", embedding_grads["weight"])
print("position.grad (2) =", position_grad)
print("block_norm1_weight.grad (2) =", block_grads["norm1.weight"])
print("block_norm1_bias.grad (2) =", block_grads["norm1.bias"])
print("block_attention_qkv_weight.grad (2) =", block_grads["attention.qkv.weight"])
print("block_attention_project_weight.grad (2) =", block_grads["attention.project.weight"])
print("block_attention_project_bias.grad (2) =", block_grads["attention.project.bias"])
print("block_norm2_weight.grad (2) =", block_grads["norm2.weight"])
print("block_norm2_bias.grad (2) =", block_grads["norm2.bias"])
print("block_mlp_0_weight.grad (2) =", block_grads["mlp.0.weight"])
print("block_mlp_0_bias.grad (2) =", block_grads["mlp.0.bias"])
print("block_mlp_2_weight.grad (2) =", block_grads["mlp.2.weight"])
print("block_mlp_2_bias.grad (2) =", block_grads["mlp.2.bias"])
print("head_weight.grad (2) =", head_grads["weight"])
print("head_bias.grad (2) =", head_grads["bias"])
print("logits =", logits)


@jax.jit
def update_2(parameter, grad, exp_avg, exp_avg_sq):
    parameter = parameter * 0.999
    exp_avg = exp_avg + (grad - exp_avg) * 0.09999999999999998
    exp_avg_sq = exp_avg_sq * 0.999
    exp_avg_sq = exp_avg_sq + grad * grad * 0.0010000000000000009
    parameter = (
        parameter - exp_avg / (jnp.sqrt(exp_avg_sq) / 0.04471017781221601 + 1e-08) * 0.05263157894736844
    )
    return parameter


embedding_params["weight"] = update_2(
    embedding_params["weight"],
    embedding_grads["weight"],
    embedding_weight_exp_avg,
    embedding_weight_exp_avg_sq,
)
print("embedding_weight =", embedding_params["weight"])
position = update_2(position, position_grad, position_exp_avg, position_exp_avg_sq)
print("position =", position)
block_params["norm1.weight"] = update_2(
    block_params["norm1.weight"],
    block_grads["norm1.weight"],
    block_norm1_weight_exp_avg,
    block_norm1_weight_exp_avg_sq,
)
print("block_norm1_weight =", block_params["norm1.weight"])
block_params["norm1.bias"] = update_2(
    block_params["norm1.bias"],
    block_grads["norm1.bias"],
    block_norm1_bias_exp_avg,
    block_norm1_bias_exp_avg_sq,
)
print("block_norm1_bias =", block_params["norm1.bias"])
block_params["attention.qkv.weight"] = update_2(
    block_params["attention.qkv.weight"],
    block_grads["attention.qkv.weight"],
    block_attention_qkv_weight_exp_avg,
    block_attention_qkv_weight_exp_avg_sq,
)
print("block_attention_qkv_weight =", block_params["attention.qkv.weight"])
block_params["attention.project.weight"] = update_2(
    block_params["attention.project.weight"],
    block_grads["attention.project.weight"],
    block_attention_project_weight_exp_avg,
    block_attention_project_weight_exp_avg_sq,
)
print("block_attention_project_weight =", block_params["attention.project.weight"])
block_params["attention.project.bias"] = update_2(
    block_params["attention.project.bias"],
    block_grads["attention.project.bias"],
    block_attention_project_bias_exp_avg,
    block_attention_project_bias_exp_avg_sq,
)
print("block_attention_project_bias =", block_params["attention.project.bias"])
block_params["norm2.weight"] = update_2(
    block_params["norm2.weight"],
    block_grads["norm2.weight"],
    block_norm2_weight_exp_avg,
    block_norm2_weight_exp_avg_sq,
)
print("block_norm2_weight =", block_params["norm2.weight"])
block_params["norm2.bias"] = update_2(
    block_params["norm2.bias"],
    block_grads["norm2.bias"],
    block_norm2_bias_exp_avg,
    block_norm2_bias_exp_avg_sq,
)
print("block_norm2_bias =", block_params["norm2.bias"])
block_params["mlp.0.weight"] = update_2(
    block_params["mlp.0.weight"],
    block_grads["mlp.0.weight"],
    block_mlp_0_weight_exp_avg,
    block_mlp_0_weight_exp_avg_sq,
)
print("block_mlp_0_weight =", block_params["mlp.0.weight"])
block_params["mlp.0.bias"] = update_2(
    block_params["mlp.0.bias"],
    block_grads["mlp.0.bias"],
    block_mlp_0_bias_exp_avg,
    block_mlp_0_bias_exp_avg_sq,
)
print("block_mlp_0_bias =", block_params["mlp.0.bias"])
block_params["mlp.2.weight"] = update_2(
    block_params["mlp.2.weight"],
    block_grads["mlp.2.weight"],
    block_mlp_2_weight_exp_avg,
    block_mlp_2_weight_exp_avg_sq,
)
print("block_mlp_2_weight =", block_params["mlp.2.weight"])
block_params["mlp.2.bias"] = update_2(
    block_params["mlp.2.bias"],
    block_grads["mlp.2.bias"],
    block_mlp_2_bias_exp_avg,
    block_mlp_2_bias_exp_avg_sq,
)
print("block_mlp_2_bias =", block_params["mlp.2.bias"])
head_params["weight"] = update_2(
    head_params["weight"], head_grads["weight"], head_weight_exp_avg, head_weight_exp_avg_sq
)
print("head_weight =", head_params["weight"])
head_params["bias"] = update_2(
    head_params["bias"], head_grads["bias"], head_bias_exp_avg, head_bias_exp_avg_sq
)
print("head_bias =", head_params["bias"])

# lstm-with-truncated-bptt: Translated from lstm_with_truncated_bptt.py
import pathlib

import jax
import jax.numpy as jnp
import numpy

jax.config.update("jax_enable_x64", True)

data = numpy.load(pathlib.Path(__file__).with_name("lstm-with-truncated-bptt.npz"))

time = jnp.array(
    [
        0.0,
        0.3333333333333333,
        0.6666666666666666,
        1.0,
        1.3333333333333333,
        1.6666666666666667,
        2.0,
        2.3333333333333335,
        2.6666666666666665,
        3.0,
    ]
)
phases = jnp.array([[0.9700530018065531], [0.707819864399788], [0.45938294312745087], [0.9207476841219603]])
waves = jnp.expand_dims(jnp.sin(time + phases), -1)
inputs = waves[:, :-1]
targets = waves[:, 1:]
part = jnp.array(
    [
        [
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        ]
    ]
)
part_2 = jnp.array(
    [
        [
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        ]
    ]
)
getitem_5 = inputs[:, 0:3]
sequence = jnp.swapaxes(getitem_5, 0, 1)
part_getitem = part[0]
getitem_7 = part_2[0]
params = {
    "lstm.weight_ih_l0": jnp.array(
        [
            [0.1184116982322893],
            [0.2377212585095322],
            [-0.2624169590798715],
            [-0.12157011560856425],
            [0.06641458291240095],
            [-0.17290467003404358],
            [-0.03848242374375821],
            [-0.26389208180888857],
            [-0.11817419696254262],
            [0.09953521874397855],
            [-0.014820718700105363],
            [-0.04833619012290815],
            [-0.0757042775204351],
            [-0.24050838131187607],
            [0.1347531062225462],
            [0.23259856571714904],
            [-0.23648478295118383],
            [0.14430688794545693],
            [-0.3186498256727741],
            [0.01939347529192403],
            [-0.2237035675440764],
            [0.04755527191067017],
            [0.07146709807161229],
            [0.1485580302724409],
        ]
    ),
    "lstm.weight_hh_l0": jnp.array(data["lstm_weight_hh_l0"]),
    "lstm.bias_ih_l0": jnp.array(
        [
            0.07583959033263386,
            0.3532445371082756,
            -0.005801313946851047,
            0.07981303390802115,
            -0.17943481963373048,
            0.171862451255716,
            0.11487301367600837,
            -0.23995481320283227,
            -0.16849815750621117,
            0.234968912923734,
            -0.27422613953865443,
            -0.2412866500739503,
            -0.1875690889763177,
            -0.07979529823098773,
            0.3886272651370523,
            -0.29750295606734417,
            -0.17153752211805903,
            0.29667495736939586,
            0.046333002581321114,
            0.2122960032380386,
            -0.1442952002137861,
            -0.34729519608703086,
            0.08167545241789015,
            -0.03296469369517072,
        ]
    ),
    "lstm.bias_hh_l0": jnp.array(
        [
            0.20017304004860695,
            0.34462421737715915,
            0.28065008685639486,
            0.15126108406736846,
            0.047321008098758506,
            -0.31724219885182037,
            0.11085001390190923,
            0.26808173427990556,
            0.03432301849075038,
            0.18554415723237153,
            -0.08458498664721917,
            -0.2685231557105717,
            0.3382089433989977,
            -0.09569109087438364,
            -0.23338606004931178,
            -0.24085236003182067,
            0.3953160724646881,
            -0.17617522421977685,
            -0.16880428096582445,
            -0.27803377368305365,
            -0.08563992117112429,
            -0.135497989082276,
            0.30492606392012955,
            0.3978310318800925,
        ]
    ),
    "readout.weight": jnp.array(
        [
            [
                -0.28183286736171237,
                -0.25430046780054777,
                -0.23344914961517677,
                -0.0817239880264379,
                -0.25930952032691185,
                -0.14916063865199425,
            ]
        ]
    ),
    "readout.bias": jnp.array([0.3886384075909553]),
}
targets_getitem = targets[:, 0:3]


def loss_fn(params):
    product = sequence @ params["lstm.weight_ih_l0"].mT
    from_inputs = product + params["lstm.bias_ih_l0"]
    getitem_8 = from_inputs[0]
    product = part_getitem @ params["lstm.weight_hh_l0"].mT
    gates = getitem_8 + (product + params["lstm.bias_hh_l0"])
    input_gate = gates[:, 0:6]
    forget_gate = gates[:, 6:12]
    cell_gate = gates[:, 12:18]
    output_gate = gates[:, 18:24]
    new_cell = jax.nn.sigmoid(forget_gate) * getitem_7 + jax.nn.sigmoid(input_gate) * jnp.tanh(cell_gate)
    new_hidden = jax.nn.sigmoid(output_gate) * jnp.tanh(new_cell)
    getitem_17 = from_inputs[1]
    product = new_hidden @ params["lstm.weight_hh_l0"].mT
    gates = getitem_17 + (product + params["lstm.bias_hh_l0"])
    input_gate = gates[:, 0:6]
    forget_gate = gates[:, 6:12]
    cell_gate = gates[:, 12:18]
    output_gate = gates[:, 18:24]
    new_cell = jax.nn.sigmoid(forget_gate) * new_cell + jax.nn.sigmoid(input_gate) * jnp.tanh(cell_gate)
    new_hidden_2 = jax.nn.sigmoid(output_gate) * jnp.tanh(new_cell)
    getitem_26 = from_inputs[2]
    product = new_hidden_2 @ params["lstm.weight_hh_l0"].mT
    gates = getitem_26 + (product + params["lstm.bias_hh_l0"])
    input_gate = gates[:, 0:6]
    forget_gate = gates[:, 6:12]
    cell_gate = gates[:, 12:18]
    output_gate = gates[:, 18:24]
    new_cell = jax.nn.sigmoid(forget_gate) * new_cell + jax.nn.sigmoid(input_gate) * jnp.tanh(cell_gate)
    new_hidden_3 = jax.nn.sigmoid(output_gate) * jnp.tanh(new_cell)
    swapaxes_38 = jnp.swapaxes(jnp.stack([new_hidden, new_hidden_2, new_hidden_3]), 0, 1)
    product = swapaxes_38 @ params["readout.weight"].mT
    squares = jnp.square(product + params["readout.bias"] - targets_getitem)
    loss = jnp.mean(squares)
    return loss, (new_cell, new_hidden_3)


(loss, (new_cell, new_hidden_3)), grads = jax.jit(jax.value_and_grad(loss_fn, has_aux=True))(params)
print("loss =", loss)
print("lstm_weight_ih_l0.grad =", grads["lstm.weight_ih_l0"])
print("lstm_weight_hh_l0.grad =", grads["lstm.weight_hh_l0"])
print("lstm_bias_ih_l0.grad =", grads["lstm.bias_ih_l0"])
print("lstm_bias_hh_l0.grad =", grads["lstm.bias_hh_l0"])
print("readout_weight.grad =", grads["readout.weight"])
print("readout_bias.grad =", grads["readout.bias"])
lstm_weight_ih_l0_square_avg = jnp.array(
    [
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
        [0.0],
    ]
)


@jax.jit
def update(grad, square_avg, parameter):
    square_avg = square_avg + grad * grad * 0.010000000000000009
    parameter = parameter - grad / (jnp.sqrt(square_avg) + 1e-08) * 0.01
    return square_avg, parameter


lstm_weight_ih_l0_square_avg, params["lstm.weight_ih_l0"] = update(
    grads["lstm.weight_ih_l0"], lstm_weight_ih_l0_square_avg, params["lstm.weight_ih_l0"]
)
lstm_weight_hh_l0_square_avg = jnp.array(data["lstm_weight_hh_l0_square_avg"])
lstm_weight_hh_l0_square_avg, params["lstm.weight_hh_l0"] = update(
    grads["lstm.weight_hh_l0"], lstm_weight_hh_l0_square_avg, params["lstm.weight_hh_l0"]
)
lstm_bias_ih_l0_square_avg = jnp.array(
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
    ]
)
lstm_bias_ih_l0_square_avg, params["lstm.bias_ih_l0"] = update(
    grads["lstm.bias_ih_l0"], lstm_bias_ih_l0_square_avg, params["lstm.bias_ih_l0"]
)
lstm_bias_hh_l0_square_avg = jnp.array(
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
    ]
)
lstm_bias_hh_l0_square_avg, params["lstm.bias_hh_l0"] = update(
    grads["lstm.bias_hh_l0"], lstm_bias_hh_l0_square_avg, params["lstm.bias_hh_l0"]
)
readout_weight_square_avg = jnp.array([[0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
readout_weight_square_avg, params["readout.weight"] = update(
    grads["readout.weight"], readout_weight_square_avg, params["readout.weight"]
)
readout_bias_square_avg = jnp.array([0.0])
readout_bias_square_avg, params["readout.bias"] = update(
    grads["readout.bias"], readout_bias_square_avg, params["readout.bias"]
)
sequence = jnp.swapaxes(inputs[:, 3:6], 0, 1)
new_hidden_3_getitem = jnp.stack([new_hidden_3])[0]
getitem_77 = jnp.stack([new_cell])[0]
targets_getitem = targets[:, 3:6]


def loss_fn_2(params, sequence, new_hidden_3_getitem, getitem_77, targets_getitem):
    product = sequence @ params["lstm.weight_ih_l0"].mT
    from_inputs = product + params["lstm.bias_ih_l0"]
    getitem_78 = from_inputs[0]
    product = new_hidden_3_getitem @ params["lstm.weight_hh_l0"].mT
    gates = getitem_78 + (product + params["lstm.bias_hh_l0"])
    input_gate = gates[:, 0:6]
    forget_gate = gates[:, 6:12]
    cell_gate = gates[:, 12:18]
    output_gate = gates[:, 18:24]
    new_cell = jax.nn.sigmoid(forget_gate) * getitem_77 + jax.nn.sigmoid(input_gate) * jnp.tanh(cell_gate)
    new_hidden = jax.nn.sigmoid(output_gate) * jnp.tanh(new_cell)
    getitem_87 = from_inputs[1]
    product = new_hidden @ params["lstm.weight_hh_l0"].mT
    gates = getitem_87 + (product + params["lstm.bias_hh_l0"])
    input_gate = gates[:, 0:6]
    forget_gate = gates[:, 6:12]
    cell_gate = gates[:, 12:18]
    output_gate = gates[:, 18:24]
    new_cell = jax.nn.sigmoid(forget_gate) * new_cell + jax.nn.sigmoid(input_gate) * jnp.tanh(cell_gate)
    new_hidden_2 = jax.nn.sigmoid(output_gate) * jnp.tanh(new_cell)
    getitem_96 = from_inputs[2]
    product = new_hidden_2 @ params["lstm.weight_hh_l0"].mT
    gates = getitem_96 + (product + params["lstm.bias_hh_l0"])
    input_gate = gates[:, 0:6]
    forget_gate = gates[:, 6:12]
    cell_gate = gates[:, 12:18]
    output_gate = gates[:, 18:24]
    new_cell = jax.nn.sigmoid(forget_gate) * new_cell + jax.nn.sigmoid(input_gate) * jnp.tanh(cell_gate)
    new_hidden_3 = jax.nn.sigmoid(output_gate) * jnp.tanh(new_cell)
    product = (
        jnp.swapaxes(jnp.stack([new_hidden, new_hidden_2, new_hidden_3]), 0, 1) @ params["readout.weight"].mT
    )
    product_add = product + params["readout.bias"]
    squares = jnp.square(product_add - targets_getitem)
    loss = jnp.mean(squares)
    return loss, (new_cell, new_hidden_3, product_add)


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn_2, has_aux=True))
(loss, (new_cell, new_hidden_3, _)), grads = loss_and_grad(
    params, sequence, new_hidden_3_getitem, getitem_77, targets_getitem
)
print("loss (2) =", loss)
print("lstm_weight_ih_l0.grad (2) =", grads["lstm.weight_ih_l0"])
print("lstm_weight_hh_l0.grad (2) =", grads["lstm.weight_hh_l0"])
print("lstm_bias_ih_l0.grad (2) =", grads["lstm.bias_ih_l0"])
print("lstm_bias_hh_l0.grad (2) =", grads["lstm.bias_hh_l0"])
print("readout_weight.grad (2) =", grads["readout.weight"])
print("readout_bias.grad (2) =", grads["readout.bias"])


@jax.jit
def update_2(square_avg, grad, parameter):
    square_avg = square_avg * 0.99
    square_avg = square_avg + grad * grad * 0.010000000000000009
    parameter = parameter - grad / (jnp.sqrt(square_avg) + 1e-08) * 0.01
    return square_avg, parameter


lstm_weight_ih_l0_square_avg, params["lstm.weight_ih_l0"] = update_2(
    lstm_weight_ih_l0_square_avg, grads["lstm.weight_ih_l0"], params["lstm.weight_ih_l0"]
)
lstm_weight_hh_l0_square_avg, params["lstm.weight_hh_l0"] = update_2(
    lstm_weight_hh_l0_square_avg, grads["lstm.weight_hh_l0"], params["lstm.weight_hh_l0"]
)
lstm_bias_ih_l0_square_avg, params["lstm.bias_ih_l0"] = update_2(
    lstm_bias_ih_l0_square_avg, grads["lstm.bias_ih_l0"], params["lstm.bias_ih_l0"]
)
lstm_bias_hh_l0_square_avg, params["lstm.bias_hh_l0"] = update_2(
    lstm_bias_hh_l0_square_avg, grads["lstm.bias_hh_l0"], params["lstm.bias_hh_l0"]
)
readout_weight_square_avg, params["readout.weight"] = update_2(
    readout_weight_square_avg, grads["readout.weight"], params["readout.weight"]
)
readout_bias_square_avg, params["readout.bias"] = update_2(
    readout_bias_square_avg, grads["readout.bias"], params["readout.bias"]
)
sequence = jnp.swapaxes(inputs[:, 6:9], 0, 1)
new_hidden_3_getitem = jnp.stack([new_hidden_3])[0]
getitem_147 = jnp.stack([new_cell])[0]
targets_getitem = targets[:, 6:9]
(loss, (_, _, product_add)), grads = loss_and_grad(
    params, sequence, new_hidden_3_getitem, getitem_147, targets_getitem
)
print("loss (3) =", loss)
print("lstm_weight_ih_l0.grad (3) =", grads["lstm.weight_ih_l0"])
print("lstm_weight_hh_l0.grad (3) =", grads["lstm.weight_hh_l0"])
print("lstm_bias_ih_l0.grad (3) =", grads["lstm.bias_ih_l0"])
print("lstm_bias_hh_l0.grad (3) =", grads["lstm.bias_hh_l0"])
print("readout_weight.grad (3) =", grads["readout.weight"])
print("readout_bias.grad (3) =", grads["readout.bias"])
print("add_179 =", product_add)
_, params["lstm.weight_ih_l0"] = update_2(
    lstm_weight_ih_l0_square_avg, grads["lstm.weight_ih_l0"], params["lstm.weight_ih_l0"]
)
print("lstm_weight_ih_l0 =", params["lstm.weight_ih_l0"])
_, params["lstm.weight_hh_l0"] = update_2(
    lstm_weight_hh_l0_square_avg, grads["lstm.weight_hh_l0"], params["lstm.weight_hh_l0"]
)
print("lstm_weight_hh_l0 =", params["lstm.weight_hh_l0"])
_, params["lstm.bias_ih_l0"] = update_2(
    lstm_bias_ih_l0_square_avg, grads["lstm.bias_ih_l0"], params["lstm.bias_ih_l0"]
)
print("lstm_bias_ih_l0 =", params["lstm.bias_ih_l0"])
_, params["lstm.bias_hh_l0"] = update_2(
    lstm_bias_hh_l0_square_avg, grads["lstm.bias_hh_l0"], params["lstm.bias_hh_l0"]
)
print("lstm_bias_hh_l0 =", params["lstm.bias_hh_l0"])
_, params["readout.weight"] = update_2(
    readout_weight_square_avg, grads["readout.weight"], params["readout.weight"]
)
print("readout_weight =", params["readout.weight"])
_, params["readout.bias"] = update_2(readout_bias_square_avg, grads["readout.bias"], params["readout.bias"])
print("readout_bias =", params["readout.bias"])

# writes-through-views: Translated from writes_through_views.py
import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)

inputs = jnp.array(
    [
        [1.5409961082440433, -0.2934289057609464, -2.1787893820745574],
        [0.5684312772806678, -1.084522342424021, -1.3985953953708767],
        [0.4033468476292993, 0.8380263329976598, -0.7192575784693592],
        [-0.40334352493217457, -0.5966353626151273, 0.18203648506130554],
    ]
)
canvas = jnp.array(
    [
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
    ]
)
params = {
    "gates.weight": jnp.array(
        [
            [-0.3595120181088925, -0.3896370123555703, -0.005625257545755203],
            [-0.3991116268411724, -0.31230107273180335, -0.10322950847198442],
            [-0.1453973608515914, -0.3661547344215131, -0.11573926340847691],
            [0.02041282690337526, 0.12934126754262273, -0.1268361080452516],
            [0.044366074204930314, -0.34801138563298417, -0.08173001909790631],
            [0.4115941146888888, 0.48730868143134787, -0.5333543340510836],
            [0.2351829885698429, -0.3742239300019952, -0.37125113299627566],
            [-0.36919979560176425, 0.19535014173043186, 0.134346385507509],
        ]
    ),
    "gates.bias": jnp.array(
        [
            -0.38304561467295395,
            0.5500071053032528,
            0.20479075524692247,
            0.071753316105809,
            -0.06185665331214665,
            0.5429680128037285,
            0.002154456692767222,
            0.5448969127468718,
        ]
    ),
    "border": jnp.array([0.498786157400801, -0.5233232651443931, -0.25147949956503535, -1.0555318101486952]),
    "scale": jnp.array([[1.0, 1.0], [1.0, 1.0]]),
}
targets = jnp.array(
    [
        [
            [0.23091470073649467, -0.619569132733816, 0.8847803031623136, -1.0662074247909394],
            [0.15351883531544036, -0.6332746088675096, -1.2609246557194385, -0.726951062065411],
            [0.9080284434379691, -1.2495419118913123, 0.7294783403562058, -0.16031122324283417],
            [1.0111892074660187, -0.2426793824588577, -0.7730112772958181, -1.5951814880783068],
        ],
        [
            [-1.4874956356507338, -0.7135753396468577, 0.519998663178938, -0.9528856397032842],
            [-0.09174174090816388, 0.5563227724483105, -0.009446277892507904, -1.21768777910687],
            [-0.7233897004977882, 0.08636989238234997, -1.746404903728242, 1.041012457033509],
            [0.6539244967350809, 0.14821544548810084, -1.1461092231976013, 1.8727763768553416],
        ],
        [
            [0.4604689979691664, 1.117443076566861, 0.36904473680395194, -0.1872021932975887],
            [-3.1452962731231335, -0.11373127757597257, 1.6962024805143952, -0.6652034805381666],
            [1.154696227582466, -0.0860751366873787, -1.96124168414333, 0.22092437177232177],
            [-1.3809366518587674, -2.0547510174380235, 0.04757655385024031, -0.3855687975933702],
        ],
        [
            [0.9945529251118752, 0.11494420795897257, 0.1446690147604332, 1.0741717182580683],
            [-1.1287986397999445, -0.09376858138313218, 0.998343579451126, -0.08262167465143246],
            [0.8351475727042365, -0.29286146627375376, -0.5787436085078369, -3.4796352415709877],
            [0.7494883300195011, -0.560555214098722, 0.07424681473465156, 1.9936457271364452],
        ],
    ]
)


def loss_fn(params):
    product = inputs @ params["gates.weight"].mT
    gates = product + params["gates.bias"]
    getitem_1 = gates[:, 4:]
    gates = gates.at[:, 4:].set(getitem_1 * 0.5)
    gates = gates.at[:, :4].set(jax.nn.sigmoid(gates[:, :4]))
    passed = gates[:, :4] * gates[:, 4:]
    view_5 = passed.reshape((4, 2, 2))
    canvas_2 = canvas.at[:, 1:3, 1:3].set(view_5)
    canvas_3 = canvas_2.at[:, 0].set(params["border"])
    canvas_4 = jnp.swapaxes(
        jnp.swapaxes(canvas_3, 1, 2).at[:, 3].set(
            jnp.swapaxes(canvas_3, 1, 2)[:, 3] + jnp.flip(params["border"], 0)
        ),
        1,
        2,
    )
    canvas_5 = canvas_4.at[:, jnp.arange(4), jnp.arange(4)].set(
        jnp.diagonal(canvas_4, axis1=1, axis2=2) * 0.5
    )
    getitem_11 = canvas_5.reshape((4, 4, 2, 2))[:, ::2]
    canvas_6 = canvas_5.reshape((4, 4, 2, 2)).at[:, ::2].set(getitem_11 * params["scale"]).reshape((4, 4, 4))
    squares = jnp.square(canvas_6 - targets)
    loss = jnp.mean(squares)
    return loss


loss, grads = jax.jit(jax.value_and_grad(loss_fn))(params)
print("loss =", loss)
print("border.grad =", grads["border"])
print("scale.grad =", grads["scale"])
print("gates_weight.grad =", grads["gates.weight"])
print("gates_bias.grad =", grads["gates.bias"])
params["border"] = params["border"] - grads["border"] * 0.1
params["scale"] = params["scale"] - grads["scale"] * 0.1
params["gates.weight"] = params["gates.weight"] - grads["gates.weight"] * 0.1
params["gates.bias"] = params["gates.bias"] - grads["gates.bias"] * 0.1
canvas = jnp.array(
    [
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
    ]
)


def loss_fn_2(params, canvas):
    product = inputs @ params["gates.weight"].mT
    gates = product + params["gates.bias"]
    getitem_22 = gates[:, 4:]
    gates = gates.at[:, 4:].set(getitem_22 * 0.5)
    gates = gates.at[:, :4].set(jax.nn.sigmoid(gates[:, :4]))
    passed = gates[:, :4] * gates[:, 4:]
    view_26 = passed.reshape((4, 2, 2))
    canvas = canvas.at[:, 1:3, 1:3].set(view_26)
    canvas = canvas.at[:, 0].set(params["border"])
    canvas = jnp.swapaxes(
        jnp.swapaxes(canvas, 1, 2).at[:, 3].set(
            jnp.swapaxes(canvas, 1, 2)[:, 3] + jnp.flip(params["border"], 0)
        ),
        1,
        2,
    )
    canvas = canvas.at[:, jnp.arange(4), jnp.arange(4)].set(jnp.diagonal(canvas, axis1=1, axis2=2) * 0.5)
    canvas = canvas.reshape((4, 4, 2, 2)).at[:, ::2].set(canvas.reshape((4, 4, 2, 2))[:, ::2] * params["scale"]).reshape(
        (4, 4, 4)
    )
    squares = jnp.square(canvas - targets)
    loss = jnp.mean(squares)
    return loss


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn_2))
loss, grads_2 = loss_and_grad(params, canvas)
print("loss (2) =", loss)
print("border.grad (2) =", grads_2["border"])
print("scale.grad (2) =", grads_2["scale"])
print("gates_weight.grad (2) =", grads_2["gates.weight"])
print("gates_bias.grad (2) =", grads_2["gates.bias"])
border_momentum_buffer = grads["border"] * 0.5
border_momentum_buffer = border_momentum_buffer + grads_2["border"]
params["border"] = params["border"] - border_momentum_buffer * 0.1
scale_momentum_buffer = grads["scale"] * 0.5
scale_momentum_buffer = scale_momentum_buffer + grads_2["scale"]
params["scale"] = params["scale"] - scale_momentum_buffer * 0.1
gates_weight_momentum_buffer = grads["gates.weight"] * 0.5
gates_weight_momentum_buffer = gates_weight_momentum_buffer + grads_2["gates.weight"]
params["gates.weight"] = params["gates.weight"] - gates_weight_momentum_buffer * 0.1
gates_bias_momentum_buffer = grads["gates.bias"] * 0.5
gates_bias_momentum_buffer = gates_bias_momentum_buffer + grads_2["gates.bias"]
params["gates.bias"] = params["gates.bias"] - gates_bias_momentum_buffer * 0.1
canvas = jnp.array(
    [
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
        [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]],
    ]
)
loss, grads = loss_and_grad(params, canvas)
print("loss (3) =", loss)
print("gates_weight.grad (3) =", grads["gates.weight"])
print("gates_bias.grad (3) =", grads["gates.bias"])
print("border.grad (3) =", grads["border"])
print("scale.grad (3) =", grads["scale"])
border_momentum_buffer = border_momentum_buffer * 0.5
border_momentum_buffer = border_momentum_buffer + grads["border"]
params["border"] = params["border"] - border_momentum_buffer * 0.1
print("border =", params["border"])
scale_momentum_buffer = scale_momentum_buffer * 0.5
scale_momentum_buffer = scale_momentum_buffer + grads["scale"]
params["scale"] = params["scale"] - scale_momentum_buffer * 0.1
print("scale =", params["scale"])
gates_weight_momentum_buffer = gates_weight_momentum_buffer * 0.5
gates_weight_momentum_buffer = gates_weight_momentum_buffer + grads["gates.weight"]
params["gates.weight"] = params["gates.weight"] - gates_weight_momentum_buffer * 0.1
print("gates_weight =", params["gates.weight"])
gates_bias_momentum_buffer = gates_bias_momentum_buffer * 0.5
gates_bias_momentum_buffer = gates_bias_momentum_buffer + grads["gates.bias"]
params["gates.bias"] = params["gates.bias"] - gates_bias_momentum_buffer * 0.1
print("gates_bias =", params["gates.bias"])

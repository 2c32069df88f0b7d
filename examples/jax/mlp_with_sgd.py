# mlp-with-sgd: Translated from mlp_with_sgd.py
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
targets = jnp.sum(jnp.sin(inputs), axis=1, keepdims=True)
params = {
    "hidden.weight": jnp.array(
        [
            [-0.30411185429079207, -0.34727376212207156, -0.018493497781274734, 0.4175058124899214],
            [0.07203971019810938, -0.019170576816092463, 0.2960586083404881, -0.1320297956705143],
            [-0.22781628939463525, -0.4585605133301838, 0.24868826831834387, -0.15824414739176337],
            [0.038225008554473965, -0.03363458113213246, 0.36348646075829033, -0.4589406248635583],
            [0.49726038352521257, 0.379664099238981, 0.26299716874381324, -0.24410026823327388],
            [-0.3103919224980977, 0.48776466979518834, 0.27960187676376197, -0.13812065348645894],
            [0.06584385960117921, 0.24119969099454305, -0.49553705468296755, 0.08360463309769915],
            [0.06971327686673044, -0.45171467077621347, -0.33699545040047413, 0.4986809627272995],
            [0.10066697577049798, -0.35086027978569595, -0.10586308785837083, 0.36340361730866105],
            [-0.3888308173848957, 0.3095259532666201, 0.28898519429849073, 0.29765439492434104],
            [-0.0932860108782325, 0.22362110670052235, -0.48818539620033624, -0.24340799250081943],
            [-0.311346540648112, -0.33743555095459504, -0.004871615937454109, -0.3456408077901905],
            [-0.2704606626148733, -0.08939937675691943, -0.12591780814069117, -0.31709930172497475],
            [-0.10023314232703971, 0.017678026661377407, 0.11201282344959095, -0.1098432916843357],
            [0.038422147327655136, -0.30138670076438706, -0.07078027279057418, 0.35645095936874344],
            [0.4220216976042454, -0.46189840250677, 0.20367444263942922, -0.3240874300857774],
        ]
    ),
    "hidden.bias": jnp.array(
        [
            -0.32151291235852997,
            -0.3197364020631501,
            0.16917818537144458,
            0.11634738275612033,
            -0.3317272331150034,
            0.4763201254545597,
            0.17735399650403616,
            0.06214019455340569,
            -0.05356943316140583,
            0.4702240925303832,
            0.0018658142272898193,
            0.4718945688825036,
            0.37118000581475774,
            -0.27002874371739727,
            0.2127754446018848,
            -0.05505133696988873,
        ]
    ),
    "output.weight": jnp.array(
        [
            [
                0.016780165720441328,
                -0.17456131767661506,
                0.07896743102553887,
                -0.22812326540015285,
                -0.0003222823628723503,
                -0.026575013823906864,
                0.1470084107914492,
                -0.09765014923451341,
                -0.08961566456117291,
                0.10616839723736086,
                -0.22035283314394397,
                0.1959613310979109,
                -0.22243485002313587,
                0.19665419456184421,
                -0.09616244551368035,
                0.06261198903907143,
            ]
        ]
    ),
    "output.bias": jnp.array([-0.23229663658356575]),
}


def loss_fn(params):
    product = inputs @ params["hidden.weight"].mT
    product = jax.nn.relu(product + params["hidden.bias"]) @ params["output.weight"].mT
    predictions = product + params["output.bias"]
    squares = jnp.square(predictions - targets)
    loss = jnp.mean(squares)
    return loss, predictions


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn, has_aux=True))
(loss, _), grads = loss_and_grad(params)
print("loss =", loss)
print("hidden_weight.grad =", grads["hidden.weight"])
print("hidden_bias.grad =", grads["hidden.bias"])
print("output_weight.grad =", grads["output.weight"])
print("output_bias.grad =", grads["output.bias"])
hidden_weight_grad_add = grads["hidden.weight"] + params["hidden.weight"] * 0.001
params["hidden.weight"] = params["hidden.weight"] - hidden_weight_grad_add * 0.05
hidden_bias_grad_add = grads["hidden.bias"] + params["hidden.bias"] * 0.001
params["hidden.bias"] = params["hidden.bias"] - hidden_bias_grad_add * 0.05
output_weight_grad_add = grads["output.weight"] + params["output.weight"] * 0.001
params["output.weight"] = params["output.weight"] - output_weight_grad_add * 0.05
output_bias_grad_add = grads["output.bias"] + params["output.bias"] * 0.001
params["output.bias"] = params["output.bias"] - output_bias_grad_add * 0.05
(loss, _), grads = loss_and_grad(params)
print("loss (2) =", loss)
print("hidden_weight.grad (2) =", grads["hidden.weight"])
print("hidden_bias.grad (2) =", grads["hidden.bias"])
print("output_weight.grad (2) =", grads["output.weight"])
print("output_bias.grad (2) =", grads["output.bias"])


@jax.jit
def update(parameter, grad, parameter_2):
    momentum_buffer = parameter_2 * 0.9
    momentum_buffer = momentum_buffer + (grad + parameter * 0.001)
    parameter = parameter - momentum_buffer * 0.05
    return momentum_buffer, parameter


hidden_weight_momentum_buffer, params["hidden.weight"] = update(
    params["hidden.weight"], grads["hidden.weight"], hidden_weight_grad_add
)
hidden_bias_momentum_buffer, params["hidden.bias"] = update(
    params["hidden.bias"], grads["hidden.bias"], hidden_bias_grad_add
)
output_weight_momentum_buffer, params["output.weight"] = update(
    params["output.weight"], grads["output.weight"], output_weight_grad_add
)
output_bias_momentum_buffer, params["output.bias"] = update(
    params["output.bias"], grads["output.bias"], output_bias_grad_add
)
(loss, _), grads = loss_and_grad(params)
print("loss (3) =", loss)
print("hidden_weight.grad (3) =", grads["hidden.weight"])
print("hidden_bias.grad (3) =", grads["hidden.bias"])
print("output_weight.grad (3) =", grads["output.weight"])
print("output_bias.grad (3) =", grads["output.bias"])
hidden_weight_momentum_buffer, params["hidden.weight"] = update(
    params["hidden.weight"], grads["hidden.weight"], hidden_weight_momentum_buffer
)
hidden_bias_momentum_buffer, params["hidden.bias"] = update(
    params["hidden.bias"], grads["hidden.bias"], hidden_bias_momentum_buffer
)
output_weight_momentum_buffer, params["output.weight"] = update(
    params["output.weight"], grads["output.weight"], output_weight_momentum_buffer
)
output_bias_momentum_buffer, params["output.bias"] = update(
    params["output.bias"], grads["output.bias"], output_bias_momentum_buffer
)
(loss, predictions), grads = loss_and_grad(params)
print("loss (4) =", loss)
print("hidden_weight.grad (4) =", grads["hidden.weight"])
print("hidden_bias.grad (4) =", grads["hidden.bias"])
print("output_weight.grad (4) =", grads["output.weight"])
print("output_bias.grad (4) =", grads["output.bias"])
print("predictions =", predictions)
_, params["hidden.weight"] = update(
    params["hidden.weight"], grads["hidden.weight"], hidden_weight_momentum_buffer
)
print("hidden_weight =", params["hidden.weight"])
_, params["hidden.bias"] = update(params["hidden.bias"], grads["hidden.bias"], hidden_bias_momentum_buffer)
print("hidden_bias =", params["hidden.bias"])
_, params["output.weight"] = update(
    params["output.weight"], grads["output.weight"], output_weight_momentum_buffer
)
print("output_weight =", params["output.weight"])
_, params["output.bias"] = update(params["output.bias"], grads["output.bias"], output_bias_momentum_buffer)
print("output_bias =", params["output.bias"])

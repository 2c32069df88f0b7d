# dqn-with-target-network: Translated from dqn_with_target_network.py
import pathlib

import jax
import jax.numpy as jnp
import numpy
from jax import lax

jax.config.update("jax_enable_x64", True)

data = numpy.load(pathlib.Path(__file__).with_name("dqn-with-target-network.npz"))

online_params = {
    "0.weight": jnp.array(
        [
            [0.470053001806553, 0.20781986439978792, -0.04061705687254912, 0.42074768412196023],
            [0.14502412012276475, 0.2911478921803036, -0.321393824799249, -0.14889237560607158],
            [0.0813409198075745, -0.21176410786384978, -0.047131151118885765, -0.32320047379628586],
            [-0.14473324166069354, 0.12190524867952766, -0.018151599218291455, -0.05919950095564052],
            [-0.09271842563555842, -0.29456140653841284, 0.16503817575014942, 0.2848739004551177],
            [-0.2896335250816154, 0.17673912091767904, -0.3902647397625539, 0.02375205940224345],
            [-0.2739797970616094, 0.058243075380225766, 0.08752896183644686, 0.18194568568020839],
            [0.24537616057758635, -0.2723443634031187, 0.3098922664319727, 0.130590313395585],
            [-0.30411185429079207, -0.34727376212207156, -0.018493497781274734, 0.4175058124899214],
            [0.07203971019810938, -0.019170576816092463, 0.2960586083404881, -0.1320297956705143],
            [-0.22781628939463525, -0.4585605133301838, 0.24868826831834387, -0.15824414739176337],
            [0.038225008554473965, -0.03363458113213246, 0.36348646075829033, -0.4589406248635583],
        ]
    ),
    "0.bias": jnp.array(
        [
            0.4972603835252126,
            0.37966409923898103,
            0.2629971687438133,
            -0.2441002682332739,
            -0.31039192249809777,
            0.4877646697951884,
            0.279601876763762,
            -0.13812065348645897,
            0.06584385960117922,
            0.24119969099454308,
            -0.4955370546829676,
            0.08360463309769917,
        ]
    ),
    "2.weight": jnp.array(
        [
            [
                0.04024897916509774,
                -0.26079758676955006,
                -0.19456441400439295,
                0.2879135880703481,
                0.05812010555960254,
                -0.202569276982219,
                -0.0611200822722754,
                0.20981117627763923,
                -0.22449157708639178,
                0.17870489243965865,
                0.16684567972004996,
                0.1718508450350435,
            ],
            [
                -0.0538587034921739,
                0.12910770615002862,
                -0.28185396991070827,
                -0.1405316699932545,
                -0.17975600905444625,
                -0.19481850617778515,
                -0.0028126287728776015,
                -0.1995558134205862,
                -0.15615053636590168,
                -0.05161475423599221,
                -0.0726986804257957,
                -0.18307736721075654,
            ],
            [
                -0.05786963170423846,
                0.01020641345168763,
                0.06467063377131137,
                -0.0634180540226258,
                0.022183037102465157,
                -0.17400569281649209,
                -0.040865009548953155,
                0.2057970573444444,
                0.24365434071567393,
                -0.2666771670255418,
                0.11759149428492145,
                -0.1871119650009976,
            ],
        ]
    ),
    "2.bias": jnp.array([-0.18562556649813786, -0.18459989780088218, 0.09767507086521594]),
}
target_0_weight = jnp.array(
    [
        [0.11634738275612032, -0.33172723311500335, 0.47632012545455965, 0.17735399650403613],
        [0.062140194553405685, -0.053569433161405826, 0.47022409253038316, 0.001865814227289819],
        [0.47189456888250353, 0.3711800058147577, -0.2700287437173972, 0.21277544460188477],
        [-0.055051336969888724, 0.033560331440882656, -0.3491226353532301, 0.15793486205107773],
        [-0.4562465308003057, -0.0006445647257447006, -0.05315002764781373, 0.2940168215828984],
        [-0.19530029846902683, -0.17923132912234582, 0.21233679447472173, -0.44070566628788793],
        [0.3919226621958218, -0.44486970004627174, 0.39330838912368843, -0.1923248910273607],
        [0.12522397807814287, -0.46459327316713145, -0.42105465723885244, 0.19559466799251365],
        [-0.38170486524000585, -0.049107502525634776, 0.38220743769354176, -0.21186096475283409],
        [-0.39258119973361244, -0.2818760711550265, 0.2552704663094358, 0.007506046770688889],
        [0.044953928595868435, -0.3725666326218114, 0.2667131887721665, 0.15135525896178978],
        [0.15903771416708398, -0.4147045435798085, 0.0638234367018574, -0.23533625623269802],
    ]
)
target_0_bias = jnp.array(
    [
        -0.39960844406525586,
        0.26617930853327354,
        0.1386622625065469,
        -0.42987160461056506,
        0.4221720874592707,
        0.2855236569955112,
        0.16599424688697717,
        0.08332432701636228,
        0.22084992643990176,
        -0.11076907568134098,
        0.01832444189671667,
        0.4113936582672054,
    ]
)
target_2_weight = jnp.array(
    [
        [
            0.08890989722037934,
            -0.09576729830341062,
            0.20519568139090852,
            0.15581492417453124,
            -0.08602298397725698,
            0.21249768220416462,
            0.10695216145354783,
            0.2831552635384724,
            -0.15296004325113768,
            -0.2767408590480863,
            -0.001397339826355929,
            -0.24077629532305778,
        ],
        [
            -0.12459473722712833,
            0.053626688606615125,
            0.24978160760636461,
            -0.004102148431610469,
            0.056436337503433597,
            -0.12687957774399586,
            0.12152510471425924,
            0.08122748694564051,
            -0.16967367559407395,
            -0.11914618979008086,
            0.16614811169640367,
            -0.19390716284639095,
        ],
        [
            -0.1706154264770758,
            -0.13263137475613712,
            -0.05642379648593434,
            0.274800974532392,
            -0.21036635765826256,
            -0.1212953451176169,
            0.20978087416412966,
            0.032762380317985965,
            0.1501159435084183,
            -0.1020321145638387,
            -0.24557478822665119,
            0.05775326626116931,
        ],
    ]
)
target_2_bias = jnp.array([-0.023309558451592646, 0.14154371402909632, 0.24368612106849605])
values = jnp.array(data["values"])
states = jnp.array(data["states"])
next_states = states + values * 0.1
values = jnp.array(
    [
        [
            0.13947678876998482,
            0.21859914094763644,
            0.02329412915358875,
            0.6771502338033315,
            0.028386196411326003,
            0.7177156932272867,
            0.45988623139174145,
            0.6855196424643161,
        ],
        [
            0.27790952322562235,
            0.6788265755791201,
            0.7197362836967235,
            0.6936600351757676,
            0.6432976459061998,
            0.16215986865150733,
            0.683701361233902,
            0.7977369494568751,
        ],
        [
            0.9445960752302821,
            0.6727963794150901,
            0.4526549092620088,
            0.9688772470011606,
            0.9218128371509529,
            0.7698241708962896,
            0.14664242754922285,
            0.2467446444165231,
        ],
        [
            0.5402157583547107,
            0.48427742059303136,
            0.28482651839711404,
            0.3698774116647442,
            0.7934305312669926,
            0.667292073331757,
            0.32921362329081927,
            0.5311488956757077,
        ],
    ]
)
done = values < 0.2
next_states_getitem = next_states[0]
rewards = jnp.array(
    [
        [
            1.2170794793520159,
            -0.843044034172702,
            -2.7625541930286075,
            -1.360652457623795,
            1.0968606025562515,
            -0.9221676620570505,
            -1.8065046311504704,
            1.867915236714128,
        ],
        [
            1.2615327529098395,
            0.4479318033274747,
            0.6321649366065738,
            -0.12444139518123222,
            0.7108630863659026,
            0.04717655719531975,
            -0.19142008521010803,
            -1.2448307064701076,
        ],
        [
            0.5514582698730159,
            0.45534201099673244,
            -0.7437673654514961,
            0.44798938739301136,
            0.7275176269589178,
            0.79480181680239,
            0.7737436198999301,
            -0.4043024515895023,
        ],
        [
            0.37638973847919455,
            1.5267477907414964,
            0.08012255887394686,
            0.8301640235849065,
            -1.4065546702320741,
            1.4757911204560077,
            -0.7025649206814095,
            -0.5794650514951406,
        ],
    ]
)
rewards_getitem = rewards[0]
done_getitem = done[0]
states_getitem = states[0]
actions = jnp.array(
    [[0, 1, 2, 0, 0, 1, 1, 0], [1, 0, 0, 1, 1, 1, 2, 1], [1, 0, 1, 2, 2, 0, 1, 0], [2, 2, 2, 1, 1, 1, 2, 1]]
)
actions_expand_dims = jnp.expand_dims(actions[0], 1)


def loss_fn(online_params, target_0_weight_2, target_0_bias_2, target_2_weight_2, target_2_bias_2, next_states_getitem, done_getitem, rewards_getitem, states_getitem, actions_expand_dims):
    target_0_weight_3 = jnp.broadcast_to(
        lax.stop_gradient(online_params["0.weight"]), target_0_weight_2.shape
    )
    target_0_weight_4 = target_0_weight_3 + (target_0_weight - lax.stop_gradient(target_0_weight))
    target_0_bias_3 = jnp.broadcast_to(lax.stop_gradient(online_params["0.bias"]), target_0_bias_2.shape)
    target_0_bias_4 = target_0_bias_3 + (target_0_bias - lax.stop_gradient(target_0_bias))
    target_2_weight_3 = jnp.broadcast_to(
        lax.stop_gradient(online_params["2.weight"]), target_2_weight_2.shape
    )
    target_2_weight_4 = target_2_weight_3 + (target_2_weight - lax.stop_gradient(target_2_weight))
    target_2_bias_3 = jnp.broadcast_to(lax.stop_gradient(online_params["2.bias"]), target_2_bias_2.shape)
    target_2_bias_4 = target_2_bias_3 + (target_2_bias - lax.stop_gradient(target_2_bias))
    product = next_states_getitem @ lax.stop_gradient(target_0_weight_4).mT
    product = (
        jax.nn.relu(product + lax.stop_gradient(target_0_bias_4)) @ lax.stop_gradient(target_2_weight_4).mT
    )
    product_add = product + lax.stop_gradient(target_2_bias_4)
    places = jnp.argmax(product_add, axis=1, keepdims=True)
    values = jnp.take_along_axis(product_add, places, axis=1)
    values = jnp.squeeze(values, axis=1)
    expected = rewards_getitem + jnp.where(done_getitem, 0.0, values) * 0.95
    product = states_getitem @ online_params["0.weight"].mT
    product = jax.nn.relu(product + online_params["0.bias"]) @ online_params["2.weight"].mT
    chosen = jnp.squeeze(
        jnp.take_along_axis(product + online_params["2.bias"], actions_expand_dims, axis=1), axis=1
    )
    difference = chosen - expected
    distance = jnp.where(difference == 0, 0.0, jnp.abs(difference))
    losses = jnp.where(distance < 1.0, jnp.square(difference) * 0.5, distance - 0.5)
    loss = jnp.mean(losses)
    return loss, (target_0_weight_3, target_0_bias_3, target_2_weight_3, target_2_bias_3)


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn, has_aux=True))
(
    loss,
    (target_0_weight_2, target_0_bias_2, target_2_weight_2, target_2_bias_2),
), online_grads = loss_and_grad(
    online_params,
    target_0_weight,
    target_0_bias,
    target_2_weight,
    target_2_bias,
    next_states_getitem,
    done_getitem,
    rewards_getitem,
    states_getitem,
    actions_expand_dims,
)
print("loss =", loss)
print("online_0_weight.grad =", online_grads["0.weight"])
print("online_0_bias.grad =", online_grads["0.bias"])
print("online_2_weight.grad =", online_grads["2.weight"])
print("online_2_bias.grad =", online_grads["2.bias"])
online_0_weight_square_avg = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]
)
online_0_weight_momentum_buffer = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0],
    ]
)


@jax.jit
def update(grad, square_avg, momentum_buffer, parameter):
    square_avg = square_avg + grad * grad * 0.010000000000000009
    momentum_buffer = momentum_buffer + grad / (jnp.sqrt(square_avg) + 1e-08)
    parameter = parameter - momentum_buffer * 0.01
    return square_avg, momentum_buffer, parameter


online_0_weight_square_avg, online_0_weight_momentum_buffer, online_params["0.weight"] = update(
    online_grads["0.weight"],
    online_0_weight_square_avg,
    online_0_weight_momentum_buffer,
    online_params["0.weight"],
)
online_0_bias_square_avg = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
online_0_bias_momentum_buffer = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
online_0_bias_square_avg, online_0_bias_momentum_buffer, online_params["0.bias"] = update(
    online_grads["0.bias"], online_0_bias_square_avg, online_0_bias_momentum_buffer, online_params["0.bias"]
)
online_2_weight_square_avg = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
online_2_weight_momentum_buffer = jnp.array(
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
online_2_weight_square_avg, online_2_weight_momentum_buffer, online_params["2.weight"] = update(
    online_grads["2.weight"],
    online_2_weight_square_avg,
    online_2_weight_momentum_buffer,
    online_params["2.weight"],
)
online_2_bias_square_avg = jnp.array([0.0, 0.0, 0.0])
online_2_bias_momentum_buffer = jnp.array([0.0, 0.0, 0.0])
online_2_bias_square_avg, online_2_bias_momentum_buffer, online_params["2.bias"] = update(
    online_grads["2.bias"], online_2_bias_square_avg, online_2_bias_momentum_buffer, online_params["2.bias"]
)
product = next_states[1] @ target_0_weight_2.mT
product = jax.nn.relu(product + target_0_bias_2) @ target_2_weight_2.mT
product_add = product + target_2_bias_2
places = jnp.argmax(product_add, axis=1, keepdims=True)
values = jnp.take_along_axis(product_add, places, axis=1)
values = jnp.squeeze(values, axis=1)
expected = rewards[1] + jnp.where(done[1], 0.0, values) * 0.95
states_getitem = states[1]
actions_expand_dims = jnp.expand_dims(actions[1], 1)


def loss_fn_2(online_params, states_getitem, actions_expand_dims, expected):
    product = states_getitem @ online_params["0.weight"].mT
    product = jax.nn.relu(product + online_params["0.bias"]) @ online_params["2.weight"].mT
    chosen = jnp.squeeze(
        jnp.take_along_axis(product + online_params["2.bias"], actions_expand_dims, axis=1), axis=1
    )
    difference = chosen - expected
    distance = jnp.where(difference == 0, 0.0, jnp.abs(difference))
    losses = jnp.where(distance < 1.0, jnp.square(difference) * 0.5, distance - 0.5)
    loss = jnp.mean(losses)
    return loss, chosen


loss_and_grad_2 = jax.jit(jax.value_and_grad(loss_fn_2, has_aux=True))
(loss, _), online_grads = loss_and_grad_2(online_params, states_getitem, actions_expand_dims, expected)
print("loss (2) =", loss)
print("online_0_weight.grad (2) =", online_grads["0.weight"])
print("online_0_bias.grad (2) =", online_grads["0.bias"])
print("online_2_weight.grad (2) =", online_grads["2.weight"])
print("online_2_bias.grad (2) =", online_grads["2.bias"])


@jax.jit
def update_2(square_avg, grad, momentum_buffer, parameter):
    square_avg = square_avg * 0.99
    square_avg = square_avg + grad * grad * 0.010000000000000009
    momentum_buffer = momentum_buffer * 0.5
    momentum_buffer = momentum_buffer + grad / (jnp.sqrt(square_avg) + 1e-08)
    parameter = parameter - momentum_buffer * 0.01
    return square_avg, momentum_buffer, parameter


online_0_weight_square_avg, online_0_weight_momentum_buffer, online_params["0.weight"] = update_2(
    online_0_weight_square_avg,
    online_grads["0.weight"],
    online_0_weight_momentum_buffer,
    online_params["0.weight"],
)
online_0_bias_square_avg, online_0_bias_momentum_buffer, online_params["0.bias"] = update_2(
    online_0_bias_square_avg, online_grads["0.bias"], online_0_bias_momentum_buffer, online_params["0.bias"]
)
online_2_weight_square_avg, online_2_weight_momentum_buffer, online_params["2.weight"] = update_2(
    online_2_weight_square_avg,
    online_grads["2.weight"],
    online_2_weight_momentum_buffer,
    online_params["2.weight"],
)
online_2_bias_square_avg, online_2_bias_momentum_buffer, online_params["2.bias"] = update_2(
    online_2_bias_square_avg, online_grads["2.bias"], online_2_bias_momentum_buffer, online_params["2.bias"]
)
next_states_getitem = next_states[2]
rewards_getitem = rewards[2]
done_getitem = done[2]
states_getitem = states[2]
actions_expand_dims = jnp.expand_dims(actions[2], 1)
(
    loss,
    (target_0_weight, target_0_bias, target_2_weight, target_2_bias),
), online_grads = loss_and_grad(
    online_params,
    target_0_weight_2,
    target_0_bias_2,
    target_2_weight_2,
    target_2_bias_2,
    next_states_getitem,
    done_getitem,
    rewards_getitem,
    states_getitem,
    actions_expand_dims,
)
print("loss (3) =", loss)
print("online_0_weight.grad (3) =", online_grads["0.weight"])
print("online_0_bias.grad (3) =", online_grads["0.bias"])
print("online_2_weight.grad (3) =", online_grads["2.weight"])
print("online_2_bias.grad (3) =", online_grads["2.bias"])
online_0_weight_square_avg, online_0_weight_momentum_buffer, online_params["0.weight"] = update_2(
    online_0_weight_square_avg,
    online_grads["0.weight"],
    online_0_weight_momentum_buffer,
    online_params["0.weight"],
)
online_0_bias_square_avg, online_0_bias_momentum_buffer, online_params["0.bias"] = update_2(
    online_0_bias_square_avg, online_grads["0.bias"], online_0_bias_momentum_buffer, online_params["0.bias"]
)
online_2_weight_square_avg, online_2_weight_momentum_buffer, online_params["2.weight"] = update_2(
    online_2_weight_square_avg,
    online_grads["2.weight"],
    online_2_weight_momentum_buffer,
    online_params["2.weight"],
)
online_2_bias_square_avg, online_2_bias_momentum_buffer, online_params["2.bias"] = update_2(
    online_2_bias_square_avg, online_grads["2.bias"], online_2_bias_momentum_buffer, online_params["2.bias"]
)
product = next_states[3] @ target_0_weight.mT
product = jax.nn.relu(product + target_0_bias) @ target_2_weight.mT
product_add = product + target_2_bias
places = jnp.argmax(product_add, axis=1, keepdims=True)
values = jnp.take_along_axis(product_add, places, axis=1)
values = jnp.squeeze(values, axis=1)
expected = rewards[3] + jnp.where(done[3], 0.0, values) * 0.95
states_getitem = states[3]
actions_expand_dims = jnp.expand_dims(actions[3], 1)
(loss, chosen), online_grads = loss_and_grad_2(online_params, states_getitem, actions_expand_dims, expected)
print("loss (4) =", loss)
print("online_0_weight.grad (4) =", online_grads["0.weight"])
print("online_0_bias.grad (4) =", online_grads["0.bias"])
print("online_2_weight.grad (4) =", online_grads["2.weight"])
print("online_2_bias.grad (4) =", online_grads["2.bias"])
print("chosen =", chosen)


@jax.jit
def update_3(square_avg, grad, momentum_buffer, parameter, parameter_2):
    square_avg = square_avg * 0.99
    square_avg = square_avg + grad * grad * 0.010000000000000009
    momentum_buffer = momentum_buffer * 0.5
    momentum_buffer = momentum_buffer + grad / (jnp.sqrt(square_avg) + 1e-08)
    parameter = parameter - momentum_buffer * 0.01
    parameter_2 = jnp.broadcast_to(parameter, parameter_2.shape)
    return parameter, parameter_2


online_params["0.weight"], target_0_weight = update_3(
    online_0_weight_square_avg,
    online_grads["0.weight"],
    online_0_weight_momentum_buffer,
    online_params["0.weight"],
    target_0_weight,
)
print("online_0_weight =", online_params["0.weight"])
print("target_0_weight =", target_0_weight)
online_params["0.bias"], target_0_bias = update_3(
    online_0_bias_square_avg,
    online_grads["0.bias"],
    online_0_bias_momentum_buffer,
    online_params["0.bias"],
    target_0_bias,
)
print("online_0_bias =", online_params["0.bias"])
print("target_0_bias =", target_0_bias)
online_params["2.weight"], target_2_weight = update_3(
    online_2_weight_square_avg,
    online_grads["2.weight"],
    online_2_weight_momentum_buffer,
    online_params["2.weight"],
    target_2_weight,
)
print("online_2_weight =", online_params["2.weight"])
print("target_2_weight =", target_2_weight)
online_params["2.bias"], target_2_bias = update_3(
    online_2_bias_square_avg,
    online_grads["2.bias"],
    online_2_bias_momentum_buffer,
    online_params["2.bias"],
    target_2_bias,
)
print("online_2_bias =", online_params["2.bias"])
print("target_2_bias =", target_2_bias)

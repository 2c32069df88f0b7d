# byol-with-stop-gradient: Translated from byol_with_stop_gradient.py
import pathlib

import jax
import jax.numpy as jnp
import numpy
from jax import lax

jax.config.update("jax_enable_x64", True)

data = numpy.load(pathlib.Path(__file__).with_name("byol-with-stop-gradient.npz"))

target = jnp.array(data["target"])
target_3 = jnp.array(
    [
        -0.07616770893046351,
        0.18258586904425075,
        -0.39860170685642193,
        -0.1987417936474007,
        -0.2542133859228588,
        -0.2755149736378904,
        -0.0039776577565243006,
        -0.282214537789788,
        -0.22083020630049136,
        -0.07299428545909435,
        -0.10281145982478777,
        -0.25891049567301133,
    ]
)
target_5 = jnp.array(
    [
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
        [
            -0.18562556649813783,
            -0.18459989780088212,
            0.09767507086521593,
            0.0671731927537545,
            -0.19152280733647695,
            0.27500355265162635,
            0.10239537762346122,
            0.03587665805290449,
            -0.03092832665607332,
            0.2714840064018642,
            0.0010772283463836108,
            0.27244845637343584,
        ],
        [
            0.21430087627495722,
            -0.15590116787417577,
            0.12284596021784049,
            -0.03178390421881405,
            0.019376066391486667,
            -0.201566047501379,
            0.09118373511961615,
            -0.2634140573743894,
            -0.00037213961791884024,
            -0.03068618276990131,
            0.16975069108716456,
            -0.1127566798939069,
        ],
        [
            -0.10347925611600078,
            0.12259270544884283,
            -0.2544415350647055,
            0.22627665452027249,
            -0.2568456410760231,
            0.2270767043350996,
            -0.11103882760651215,
            0.07229809745241159,
            -0.2682330513267327,
            -0.24309601970039707,
            0.11292663421753324,
            -0.22037740669730724,
        ],
    ]
)
target_7 = jnp.array([-0.02835222980240547, 0.22066756703864351, -0.12231798503082261, -0.22665686134498744])
target_0_weight = target
target_0_bias = target_3
target_2_weight = target_5
target_2_bias = target_7
values = jnp.array(
    [
        [0.5420369408672252],
        [0.7272442549870216],
        [0.3964049714070923],
        [0.17112764219359222],
        [0.9142196688866906],
        [0.38280282721373216],
        [0.214161619900316],
        [0.20501730728846712],
    ]
)
data_ = jnp.array(
    [
        [
            0.6708747708875055,
            -0.47831564618025835,
            2.1976427053233145,
            0.1365118377695223,
            0.8942415239486997,
            -1.9664187911247126,
        ],
        [
            1.4864847606394493,
            -0.19825548808932353,
            -0.7321200134104802,
            -1.1100374577947123,
            -0.132175010366216,
            1.4505092414462475,
        ],
        [
            0.11680004036673394,
            0.029905566085560997,
            0.8536195134028616,
            0.9084886688785414,
            -0.36295315486194724,
            0.5461686975878584,
        ],
        [
            0.5986116799080261,
            0.38070908769502876,
            -0.10303497974091276,
            -1.2868901361560705,
            1.4145046448860668,
            0.4472847452382745,
        ],
        [
            1.2905735099537528,
            -2.257640882019435,
            0.9998689606162756,
            1.294768929045707,
            0.8043963540244156,
            0.9072091619347681,
        ],
        [
            -0.21521353161099452,
            0.5114427131934868,
            -0.02515568815971389,
            1.7607687519099702,
            0.7085323264931883,
            -0.6684715851233203,
        ],
        [
            -0.8257825337351228,
            0.3012035131535972,
            -0.8903969380418159,
            0.5242851685620792,
            -0.827100446040141,
            -0.9382828522884271,
        ],
        [
            -1.0607577697273647,
            -1.5515955644398478,
            -0.3147449188293934,
            0.2538645573618449,
            -1.0197709154751475,
            -0.977811372201954,
        ],
    ]
)
values_2 = jnp.array(
    [
        [
            1.6210224842830736,
            0.3079815818363428,
            0.18642618278530962,
            -0.4766882783066874,
            0.41313476768365454,
            -0.3701174438452666,
        ],
        [
            2.0102004193935454,
            -1.8786837021539853,
            2.3796823572011174,
            0.7575889138264313,
            0.8120492473898162,
            0.34675106963636665,
        ],
        [
            0.9136447421732783,
            0.8222487745728653,
            -0.30567088147076,
            2.278961425130624,
            -0.21548648027289097,
            -1.4511667904331795,
        ],
        [
            -0.3356530513608304,
            -0.19584831471622938,
            0.3584122218875807,
            -0.3542485075553976,
            -1.7892507905584494,
            -1.6593525515068692,
        ],
        [
            0.6615529219531208,
            1.0203613622871708,
            -0.1945255599565882,
            -1.9839601873694128,
            0.7175411844708119,
            -1.226356994932408,
        ],
        [
            -1.1740271510180345,
            0.2575946432359034,
            -0.39604921322914866,
            -0.0434493078904542,
            1.1819630375461052,
            0.5484231838301751,
        ],
        [
            1.1148333433522795,
            1.2437432533132198,
            0.8016848944689079,
            -0.040029294933905106,
            0.34425312633519217,
            0.5265598461880143,
        ],
        [
            -2.594830108450535,
            -0.7634134683436522,
            -0.9201263284544787,
            0.054708048776536976,
            0.23681358500789976,
            0.08770849476298616,
        ],
    ]
)
first = data_ * (values * 0.4 + 0.8) + values_2 * 0.1
values = jnp.array(
    [
        [0.21733602393308005],
        [0.4019985499564612],
        [0.6478851106878458],
        [0.6760435148430205],
        [0.9890789189520334],
        [0.9931607171675844],
        [0.9832538144563605],
        [0.9680281551509884],
    ]
)
values_3 = jnp.array(
    [
        [
            2.6170368357139764,
            0.13675936750093962,
            1.206413240657461,
            -0.40137183675269417,
            0.9952646561637,
            -0.5481679081161677,
        ],
        [
            -1.0361198520454074,
            0.5243231380022046,
            -1.0069747852436242,
            -1.283568863827948,
            1.8333821082770114,
            -0.10780657682639128,
        ],
        [
            0.7774505628220948,
            -0.6329026601313472,
            0.6442357003848705,
            0.4286943247531325,
            -0.1751243359950791,
            0.35892217741211396,
        ],
        [
            0.7355615864278666,
            -1.2667939105690564,
            -1.1011925912477627,
            0.16323168431554058,
            -1.92783692174572,
            0.23610333505199546,
        ],
        [
            -0.507552094220924,
            -0.9316226861958385,
            1.596239650786294,
            0.9050765895347515,
            0.9646053209253688,
            -1.4195312812744676,
        ],
        [
            -0.48358766829212724,
            -0.9348401540975986,
            1.3936086386049262,
            -0.6215983163610507,
            0.48030812820215996,
            0.4235300421086967,
        ],
        [
            0.15855941617251554,
            -1.3813147977584912,
            -0.5483604494543279,
            -1.038900553089375,
            0.1517804702793694,
            0.4314720581205215,
        ],
        [
            0.655645940425105,
            -0.14732233278232018,
            -0.18866812137238273,
            -0.06089880957953384,
            0.7171142818532197,
            -0.0788200212020163,
        ],
    ]
)
second = data_ * (values * 0.4 + 0.8) + values_3 * 0.1
online_params = {"0.weight": target}
online_params["0.bias"] = target_3
online_params["2.weight"] = target_5
online_params["2.bias"] = target_7
predictor_params = {
    "weight": jnp.array(
        [
            [-0.2818760711550265, 0.2552704663094358, 0.007506046770688889, 0.044953928595868435],
            [-0.3725666326218114, 0.2667131887721665, 0.15135525896178978, 0.15903771416708398],
            [-0.4147045435798085, 0.0638234367018574, -0.23533625623269802, -0.3996084440652558],
            [0.2661793085332735, 0.13866226250654687, -0.429871604610565, 0.42217208745927065],
        ]
    ),
    "bias": jnp.array([0.2855236569955112, 0.16599424688697717, 0.08332432701636228, 0.22084992643990176]),
}
product = second @ target.mT
product = jax.nn.relu(product + target_3) @ target_5.mT
product_add = product + target_7
powers = product_add * product_add
total = jnp.sum(powers, axis=(1,), keepdims=True)
is_zero = total == 0
filled = jnp.where(is_zero, 1.0, total)
root = jnp.sqrt(filled)
norm = jnp.where(is_zero, 0.0, root)
divisor = jnp.where(norm < 1e-12, 1e-12, norm)
embedding = product_add / divisor
product = first @ target.mT
product = jax.nn.relu(product + target_3) @ target_5.mT
product_add = product + target_7
powers = product_add * product_add
total = jnp.sum(powers, axis=(1,), keepdims=True)
is_zero = total == 0
filled = jnp.where(is_zero, 1.0, total)
root = jnp.sqrt(filled)
norm = jnp.where(is_zero, 0.0, root)
divisor = jnp.where(norm < 1e-12, 1e-12, norm)
embedding_2 = product_add / divisor


def loss_fn(online_params, predictor_params):
    product = first @ online_params["0.weight"].mT
    product = jax.nn.relu(product + online_params["0.bias"]) @ online_params["2.weight"].mT
    product = (product + online_params["2.bias"]) @ predictor_params["weight"].mT
    product_add = product + predictor_params["bias"]
    powers = product_add * product_add
    total = jnp.sum(powers, axis=(1,), keepdims=True)
    is_zero = total == 0
    filled = jnp.where(is_zero, 1.0, total)
    root = jnp.sqrt(filled)
    norm = jnp.where(is_zero, 0.0, root)
    divisor = jnp.where(norm < 1e-12, 1e-12, norm)
    prediction = product_add / divisor
    loss = 2 - jnp.mean(jnp.sum(prediction * embedding, axis=1)) * 2
    product = second @ online_params["0.weight"].mT
    product = jax.nn.relu(product + online_params["0.bias"]) @ online_params["2.weight"].mT
    product = (product + online_params["2.bias"]) @ predictor_params["weight"].mT
    product_add = product + predictor_params["bias"]
    powers = product_add * product_add
    total = jnp.sum(powers, axis=(1,), keepdims=True)
    is_zero = total == 0
    filled = jnp.where(is_zero, 1.0, total)
    root = jnp.sqrt(filled)
    norm = jnp.where(is_zero, 0.0, root)
    divisor = jnp.where(norm < 1e-12, 1e-12, norm)
    prediction = product_add / divisor
    loss = loss + (2 - jnp.mean(jnp.sum(prediction * embedding_2, axis=1)) * 2)
    return loss


loss, (online_grads, predictor_grads) = jax.jit(jax.value_and_grad(loss_fn, argnums=(0, 1)))(
    online_params, predictor_params
)
print("loss =", loss)
print("online_0_weight.grad =", online_grads["0.weight"])
print("online_0_bias.grad =", online_grads["0.bias"])
print("online_2_weight.grad =", online_grads["2.weight"])
print("online_2_bias.grad =", online_grads["2.bias"])
print("predictor_weight.grad =", predictor_grads["weight"])
print("predictor_bias.grad =", predictor_grads["bias"])
online_params["0.weight"] = target - (online_grads["0.weight"] + online_grads["0.weight"] * 0.9) * 0.1
online_params["0.bias"] = target_3 - (online_grads["0.bias"] + online_grads["0.bias"] * 0.9) * 0.1
online_params["2.weight"] = target_5 - (online_grads["2.weight"] + online_grads["2.weight"] * 0.9) * 0.1
online_params["2.bias"] = target_7 - (online_grads["2.bias"] + online_grads["2.bias"] * 0.9) * 0.1
predictor_params["weight"] = (
    predictor_params["weight"] - (predictor_grads["weight"] + predictor_grads["weight"] * 0.9) * 0.1
)
predictor_params["bias"] = (
    predictor_params["bias"] - (predictor_grads["bias"] + predictor_grads["bias"] * 0.9) * 0.1
)
target_0_weight = target * 0.9
target_0_bias = target_3 * 0.9
target_2_weight = target_5 * 0.9
target_2_bias = target_7 * 0.9
values = jnp.array(
    [
        [0.26481807333684826],
        [0.49127522926437484],
        [0.40879935218514085],
        [0.9866524203060218],
        [0.6315466194818415],
        [0.2767661056209392],
        [0.40660117935047335],
        [0.6740024032280786],
    ]
)
values_4 = jnp.array(
    [
        [
            -1.6438868127398203,
            -0.5919671489511105,
            0.1076759518464831,
            0.9752772204282161,
            -0.423361999961612,
            -0.39467919278021646,
        ],
        [
            -2.8219847768926916,
            -0.1607489490614102,
            0.8395072646494207,
            0.1908980836410143,
            -0.9388917320887954,
            1.0474841923373743,
        ],
        [
            1.3787982866260005,
            -0.18363542316195006,
            1.9423848851560874,
            -2.3752580761467232,
            0.4233256386568524,
            1.13204742105172,
        ],
        [
            1.2170794793520159,
            -0.843044034172702,
            -2.7625541930286075,
            -1.360652457623795,
            1.0968606025562515,
            -0.9221676620570505,
        ],
        [
            -1.1105857166545192,
            -0.6270944296747549,
            1.2615327529098395,
            0.4479318033274747,
            0.6321649366065738,
            -0.12444139518123222,
        ],
        [
            0.7108630863659026,
            0.04717655719531975,
            -1.0598777312663594,
            0.3957453924884791,
            0.5514582698730159,
            0.45534201099673244,
        ],
        [
            -0.7437673654514961,
            0.44798938739301136,
            0.7275176269589178,
            0.79480181680239,
            0.5755998102696113,
            2.140502291793294,
        ],
        [
            0.37638973847919455,
            1.5267477907414964,
            0.08012255887394686,
            0.8301640235849065,
            -1.4065546702320741,
            1.4757911204560077,
        ],
    ]
)
first = data_ * (values * 0.4 + 0.8) + values_4 * 0.1
values = jnp.array(
    [
        [0.882667554411405],
        [0.6530440957056721],
        [0.5615209421937495],
        [0.7835083054382477],
        [0.009740499632913235],
        [0.3732029117896436],
        [0.26831364795085266],
        [0.3355664986235529],
    ]
)
values_5 = jnp.array(
    [
        [
            1.376525303359025,
            0.9994015208928452,
            -0.9896423618169846,
            -0.4750037790512723,
            0.5040526007932018,
            0.41871484391185615,
        ],
        [
            0.17121324827254625,
            1.144737534736793,
            -0.13881373062256425,
            -0.041704476917311294,
            0.42000950842354867,
            0.26875848038526196,
        ],
        [
            -2.2572123014305467,
            -0.75655987668259,
            0.6316930691695667,
            -0.024360981036320246,
            -0.4156901756709298,
            0.878161932283687,
        ],
        [
            0.9334291627850589,
            -0.5025915218259536,
            -1.5428410858820105,
            -0.05376178582951526,
            0.14675712519649411,
            1.2719550992122532,
        ],
        [
            -1.732235342592228,
            0.8736851329244877,
            0.5395624219418956,
            -0.7917683054974656,
            0.8018134826161455,
            -0.6446920641281493,
        ],
        [
            -0.03647839676166542,
            2.444221137351155,
            -0.173309776788153,
            0.3987044068523953,
            -0.10672785258524745,
            -0.15012748635191472,
        ],
        [
            0.4075594606240032,
            0.8858677789879147,
            -0.44937249631763393,
            -0.06336974162118711,
            1.0220927917627647,
            2.6890149566407366,
        ],
        [
            -2.3527264886579013,
            -1.2293516906467639,
            0.9269768971875292,
            1.1471451114233124,
            1.11007055443235,
            -1.4428614058920286,
        ],
    ]
)
second = data_ * (values * 0.4 + 0.8) + values_5 * 0.1


def loss_fn_2(online_params, predictor_params, target_0_weight, target_0_bias, target_2_weight, target_2_bias, first, second):
    target_0_weight = target_0_weight + lax.stop_gradient(online_params["0.weight"]) * 0.09999999999999998
    target_0_bias = target_0_bias + lax.stop_gradient(online_params["0.bias"]) * 0.09999999999999998
    target_2_weight = target_2_weight + lax.stop_gradient(online_params["2.weight"]) * 0.09999999999999998
    target_2_bias = target_2_bias + lax.stop_gradient(online_params["2.bias"]) * 0.09999999999999998
    product = first @ online_params["0.weight"].mT
    product = jax.nn.relu(product + online_params["0.bias"]) @ online_params["2.weight"].mT
    product = (product + online_params["2.bias"]) @ predictor_params["weight"].mT
    product_add = product + predictor_params["bias"]
    product = second @ target_0_weight.mT
    product = jax.nn.relu(product + target_0_bias) @ target_2_weight.mT
    product_add_2 = product + target_2_bias
    powers = product_add * product_add
    total = jnp.sum(powers, axis=(1,), keepdims=True)
    is_zero = total == 0
    filled = jnp.where(is_zero, 1.0, total)
    root = jnp.sqrt(filled)
    norm = jnp.where(is_zero, 0.0, root)
    divisor = jnp.where(norm < 1e-12, 1e-12, norm)
    prediction = product_add / divisor
    powers = product_add_2 * product_add_2
    total = jnp.sum(powers, axis=(1,), keepdims=True)
    is_zero = total == 0
    filled = jnp.where(is_zero, 1.0, total)
    root = jnp.sqrt(filled)
    norm = jnp.where(is_zero, 0.0, root)
    divisor = jnp.where(norm < 1e-12, 1e-12, norm)
    embedding = product_add_2 / divisor
    loss = 2 - jnp.mean(jnp.sum(prediction * embedding, axis=1)) * 2
    product = second @ online_params["0.weight"].mT
    product = jax.nn.relu(product + online_params["0.bias"]) @ online_params["2.weight"].mT
    product = (product + online_params["2.bias"]) @ predictor_params["weight"].mT
    product_add = product + predictor_params["bias"]
    product = first @ target_0_weight.mT
    product = jax.nn.relu(product + target_0_bias) @ target_2_weight.mT
    product_add_3 = product + target_2_bias
    powers = product_add * product_add
    total = jnp.sum(powers, axis=(1,), keepdims=True)
    is_zero = total == 0
    filled = jnp.where(is_zero, 1.0, total)
    root = jnp.sqrt(filled)
    norm = jnp.where(is_zero, 0.0, root)
    divisor = jnp.where(norm < 1e-12, 1e-12, norm)
    prediction = product_add / divisor
    powers = product_add_3 * product_add_3
    total = jnp.sum(powers, axis=(1,), keepdims=True)
    is_zero = total == 0
    filled = jnp.where(is_zero, 1.0, total)
    root = jnp.sqrt(filled)
    norm = jnp.where(is_zero, 0.0, root)
    divisor = jnp.where(norm < 1e-12, 1e-12, norm)
    embedding = product_add_3 / divisor
    loss = loss + (2 - jnp.mean(jnp.sum(prediction * embedding, axis=1)) * 2)
    return loss, (target_0_weight, target_0_bias, target_2_weight, target_2_bias)


loss_and_grad = jax.jit(jax.value_and_grad(loss_fn_2, argnums=(0, 1), has_aux=True))
(
    loss,
    (target_0_weight, target_0_bias, target_2_weight, target_2_bias),
), (online_grads_2, predictor_grads_2) = loss_and_grad(
    online_params,
    predictor_params,
    target_0_weight,
    target_0_bias,
    target_2_weight,
    target_2_bias,
    first,
    second,
)
print("loss (2) =", loss)
print("online_0_weight.grad (2) =", online_grads_2["0.weight"])
print("online_0_bias.grad (2) =", online_grads_2["0.bias"])
print("online_2_weight.grad (2) =", online_grads_2["2.weight"])
print("online_2_bias.grad (2) =", online_grads_2["2.bias"])
print("predictor_weight.grad (2) =", predictor_grads_2["weight"])
print("predictor_bias.grad (2) =", predictor_grads_2["bias"])


@jax.jit
def update(parameter, grad, parameter_2):
    momentum_buffer = parameter * 0.9
    momentum_buffer = momentum_buffer + grad
    parameter_2 = parameter_2 - (grad + momentum_buffer * 0.9) * 0.1
    return momentum_buffer, parameter_2


online_0_weight_momentum_buffer, online_params["0.weight"] = update(
    online_grads["0.weight"], online_grads_2["0.weight"], online_params["0.weight"]
)
online_0_bias_momentum_buffer, online_params["0.bias"] = update(
    online_grads["0.bias"], online_grads_2["0.bias"], online_params["0.bias"]
)
online_2_weight_momentum_buffer, online_params["2.weight"] = update(
    online_grads["2.weight"], online_grads_2["2.weight"], online_params["2.weight"]
)
online_2_bias_momentum_buffer, online_params["2.bias"] = update(
    online_grads["2.bias"], online_grads_2["2.bias"], online_params["2.bias"]
)
predictor_weight_momentum_buffer, predictor_params["weight"] = update(
    predictor_grads["weight"], predictor_grads_2["weight"], predictor_params["weight"]
)
predictor_bias_momentum_buffer, predictor_params["bias"] = update(
    predictor_grads["bias"], predictor_grads_2["bias"], predictor_params["bias"]
)
target_0_weight = target_0_weight * 0.9
target_0_bias = target_0_bias * 0.9
target_2_weight = target_2_weight * 0.9
target_2_bias = target_2_bias * 0.9
values = jnp.array(
    [
        [0.0641302117520095],
        [0.6401343681560465],
        [0.42533048800132867],
        [0.8093606856962418],
        [0.937399689641453],
        [0.6794662126918277],
        [0.4478353757572723],
        [0.534245728339185],
    ]
)
values_6 = jnp.array(
    [
        [
            -0.03130950061559719,
            0.2286678618625509,
            0.3477130519226376,
            -0.31877596218232557,
            -0.9646740575140812,
            -0.21839593451333308,
        ],
        [
            -0.5155217963320569,
            -0.45611137646106437,
            0.017192807397103146,
            -2.052707381603322,
            0.11625854043583073,
            1.3674942963547612,
        ],
        [
            0.2865225057512914,
            0.3735327397152867,
            0.7361412331973964,
            -0.5445395709287073,
            1.7421922526508458,
            -0.7645286526164615,
        ],
        [
            -1.1806293078606347,
            -0.30036076461951794,
            1.415771291560559,
            1.153587413505625,
            0.6884978727883518,
            -1.6095102423407843,
        ],
        [
            -0.5568091557724477,
            1.9845974092128633,
            -0.4553268377472201,
            -0.03476833218020547,
            0.26299383076848104,
            -0.3339852893797477,
        ],
        [
            0.9388678624810363,
            -0.537454760772438,
            -0.18643639074523097,
            -1.6660567059510332,
            -2.0720564891129527,
            -0.5004064786354612,
        ],
        [
            0.6662794468272948,
            -0.428892623998395,
            1.2502467125270151,
            1.2891203925021064,
            -1.455631222831379,
            1.3178419003688546,
        ],
        [
            -0.43337227846351545,
            0.8994402776113194,
            0.8190171612729904,
            -0.5331176766719768,
            0.17738818433320153,
            0.09811177892882487,
        ],
    ]
)
first = data_ * (values * 0.4 + 0.8) + values_6 * 0.1
values = jnp.array(
    [
        [0.8805486575728145],
        [0.23326544763186086],
        [0.9909043122562325],
        [0.7502918588802558],
        [0.0434894653800032],
        [0.020268907343508058],
        [0.8386727087393205],
        [0.8878961843024812],
    ]
)
values_7 = jnp.array(
    [
        [
            -0.6936068733182281,
            2.994924823787605,
            0.9352869474487411,
            0.18027982291696862,
            1.6463854570126935,
            -0.6946822401674523,
        ],
        [
            1.6405106500214843,
            -0.03425952940840783,
            -1.0919004588291739,
            -0.4666198012174737,
            1.1230302624707333,
            0.9018593666121023,
        ],
        [
            0.2427026749552371,
            -1.4101702426587188,
            0.2957370225728473,
            -0.16656950633299467,
            -0.44910446032374746,
            0.4494211756343337,
        ],
        [
            0.7585716543815963,
            -0.7027660629503868,
            -1.524952677910254,
            1.5089026060776685,
            1.2660550651996285,
            0.07390342364495983,
        ],
        [
            -1.0150153406378177,
            -1.4531647975396202,
            -0.27527933606761673,
            -1.3332921428785516,
            0.46751243875750137,
            -0.29888546387420833,
        ],
        [
            -0.6773564393051105,
            -0.5902492909502879,
            -0.26886445704471046,
            -0.7384244900131479,
            -1.134853518512016,
            1.1150669695157938,
        ],
        [
            0.8142726348595942,
            0.8209463906497666,
            0.8729605887499043,
            -0.1616685050766432,
            0.4948385135240205,
            -0.14639417545316483,
        ],
        [
            -0.5158520818890094,
            -0.2846019031373412,
            -0.08614142052924156,
            -0.4997287378290789,
            1.5466663622576742,
            1.474735175007308,
        ],
    ]
)
second = data_ * (values * 0.4 + 0.8) + values_7 * 0.1
(
    loss,
    (target_0_weight, target_0_bias, target_2_weight, target_2_bias),
), (online_grads, predictor_grads) = loss_and_grad(
    online_params,
    predictor_params,
    target_0_weight,
    target_0_bias,
    target_2_weight,
    target_2_bias,
    first,
    second,
)
print("loss (3) =", loss)
print("online_0_weight.grad (3) =", online_grads["0.weight"])
print("online_0_bias.grad (3) =", online_grads["0.bias"])
print("online_2_weight.grad (3) =", online_grads["2.weight"])
print("online_2_bias.grad (3) =", online_grads["2.bias"])
print("predictor_weight.grad (3) =", predictor_grads["weight"])
print("predictor_bias.grad (3) =", predictor_grads["bias"])
_, predictor_params["weight"] = update(
    predictor_weight_momentum_buffer, predictor_grads["weight"], predictor_params["weight"]
)
print("predictor_weight =", predictor_params["weight"])
_, predictor_params["bias"] = update(
    predictor_bias_momentum_buffer, predictor_grads["bias"], predictor_params["bias"]
)
print("predictor_bias =", predictor_params["bias"])


@jax.jit
def update_2(momentum_buffer, grad, parameter, parameter_2):
    momentum_buffer = momentum_buffer * 0.9
    momentum_buffer = momentum_buffer + grad
    parameter = parameter - (grad + momentum_buffer * 0.9) * 0.1
    parameter_2 = parameter_2 * 0.9
    parameter_2 = parameter_2 + parameter * 0.09999999999999998
    return parameter, parameter_2


online_params["0.weight"], target_0_weight = update_2(
    online_0_weight_momentum_buffer, online_grads["0.weight"], online_params["0.weight"], target_0_weight
)
print("online_0_weight =", online_params["0.weight"])
print("target_0_weight =", target_0_weight)
online_params["0.bias"], target_0_bias = update_2(
    online_0_bias_momentum_buffer, online_grads["0.bias"], online_params["0.bias"], target_0_bias
)
print("online_0_bias =", online_params["0.bias"])
print("target_0_bias =", target_0_bias)
online_params["2.weight"], target_2_weight = update_2(
    online_2_weight_momentum_buffer, online_grads["2.weight"], online_params["2.weight"], target_2_weight
)
print("online_2_weight =", online_params["2.weight"])
print("target_2_weight =", target_2_weight)
online_params["2.bias"], target_2_bias = update_2(
    online_2_bias_momentum_buffer, online_grads["2.bias"], online_params["2.bias"], target_2_bias
)
print("online_2_bias =", online_params["2.bias"])
print("target_2_bias =", target_2_bias)

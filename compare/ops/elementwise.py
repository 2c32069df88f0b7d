"""Elementwise rows. A reference is the mathematical function, applied to every mpmath number."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import Any

import mpmath

from compare.ops import exact
from compare.ops.dtypes import FLOATS, is_complex
from compare.ops.exact import each
from compare.ops.op import Attributes, Op, Shape
from compare.ops.rules import (
    NO_ATTRIBUTES,
    boolean,
    broadcast,
    default_float,
    floating,
    modulus,
    promoted,
    same_shape,
)

__all__ = ["ROWS", "analytic", "binary", "operation", "unary"]


def unary(
    name: str,
    torch: str,
    jax: str,
    function: Any,
    *,
    dtype: Any = default_float,
    write: str | None = None,
    calls: tuple[str, ...] = (),
    caution: str = "",
) -> Op:
    """A row for a function of one real number."""
    return Op(name, "x", torch, jax, each(function), same_shape, dtype, write=write, calls=calls, caution=caution)


def analytic(name: str, torch: str, jax: str, function: Any, **rest: Any) -> Op:
    """A row for a function of one number, real or complex."""
    return replace(unary(name, torch, jax, function, **rest), complex=True)


def binary(
    name: str,
    torch: str,
    jax: str,
    function: Any,
    *,
    dtype: Any = promoted,
    write: str | None = None,
    calls: tuple[str, ...] = (),
) -> Op:
    """A row for a function of two tensors."""
    return Op(name, "x, y", torch, jax, each(function, 2), broadcast, dtype, write=write, calls=calls)


def operation(
    name: str,
    spelling: str,
    function: Any,
    *,
    dtype: Any = promoted,
    linear: tuple[str, ...] = (),
    complex: bool = False,
    write: str | None = None,
    calls: tuple[str, ...] = (),
) -> Op:
    """A row for a Python operator, spelled alike on both sides; either operand may be a number."""
    return Op(
        name, "x, y", spelling, spelling, each(function, 2), broadcast, dtype, linear=linear, complex=complex,
        scalars=True, write=write, calls=calls,
    )  # fmt: skip


# ---- arithmetic ----


def _power_dtype(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    dtype = promoted(dtypes, default)
    if dtype == "int64" and dtypes[1] != "python-int":
        raise ValueError("the exponents may be negative, which PyTorch refuses for integers; cast with astype")
    return dtype


def _remainder_dtype(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    if dtypes[0].startswith("python-"):
        raise ValueError("PyTorch has no derivative for a number % a tensor; make the number a tensor")
    return floating(dtypes, default)


def _truncated(x: Any) -> Any:
    return mpmath.sign(x) * mpmath.floor(abs(x))


def _rounded(x: Any, *, decimals: int) -> Any:
    factor = mpmath.mpf(10) ** decimals
    return each(mpmath.nint if not decimals else lambda one: mpmath.nint(one * factor) / factor)(x)


def _rounded_dtype(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    return floating(dtypes, default) if attributes["decimals"] else promoted(dtypes, default)


def _of_one_kind(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    if dtypes[0].startswith("python-"):
        raise ValueError("fmod takes a tensor first")
    return floating(dtypes, default)


ARITHMETIC = (
    operation("add", "x + y", operator.add, linear=("x", "y"), complex=True, write="x += y"),
    operation(
        "subtract", "x - y", operator.sub, linear=("x", "y"), complex=True, write="x -= y",
        calls=("torch.subtract(x, y)", "torch.rsub(y, x)"),
    ),
    operation("multiply", "x * y", operator.mul, complex=True, write="x *= y", calls=("torch.multiply(x, y)",)),
    operation(
        "divide", "x / y", exact.divide, complex=True, dtype=default_float, write="x /= y",
        calls=("torch.divide(x, y)", "torch.true_divide(x, y)"),
    ),
    operation("power", "x ** y", exact.power, complex=True, dtype=_power_dtype, write="x **= y"),
    operation("remainder", "x % y", exact.remainder, dtype=_remainder_dtype, write="x %= y"),
    # Unlike remainder, it has the sign of x.
    Op(
        "fmod", "x, y", "torch.fmod(x, y)", "jnp.fmod(x, y)", each(exact.fmod, 2), broadcast, _of_one_kind,
        scalars=True, write="x.fmod_(y)",
    ),
    Op(
        "negative", "x", "-x", "-x", each(operator.neg), same_shape, promoted, linear=("x",), complex=True,
        write="x.neg_()", calls=("torch.negative(x)",),
    ),
    # Not analytic, and defined for complex numbers all the same.
    analytic(
        "abs", "torch.abs(x)", "jnp.abs(x)", abs, dtype=modulus, write="x.abs_()", calls=("torch.absolute(x)",)
    ),
    # sgn is sign for real numbers, and there are no others here.
    unary(
        "sign", "torch.sign(x)", "jnp.sign(x)", mpmath.sign, dtype=promoted, write="x.sign_()", calls=("torch.sgn(x)",)
    ),
    analytic("square", "torch.square(x)", "jnp.square(x)", lambda x: x * x, dtype=promoted, write="x.square_()"),
    analytic(
        "reciprocal", "torch.reciprocal(x)", "jnp.reciprocal(x)", lambda x: exact.divide(1, x), write="x.reciprocal_()"
    ),
    unary("floor", "torch.floor(x)", "jnp.floor(x)", mpmath.floor, dtype=promoted, write="x.floor_()"),
    unary(
        "trunc", "torch.trunc(x)", "jnp.trunc(x)", _truncated, dtype=promoted, write="x.trunc_()",
        calls=("torch.fix(x)",),
    ),
    unary("ceil", "torch.ceil(x)", "jnp.ceil(x)", mpmath.ceil, dtype=promoted, write="x.ceil_()"),
    Op(
        "round", "x, *, decimals=0", "torch.round(x, decimals=decimals)", "jnp.round(x, decimals=decimals)", _rounded,
        same_shape, _rounded_dtype, write="x.round_(decimals=decimals)",
        calls=("torch.round(x)", "torch.special.round(x)", "torch.special.round(x, decimals=decimals)"),
    ),
)  # fmt: skip

# ---- roots, exponentials, logarithms ----

EXPONENTIALS = (
    analytic("sqrt", "torch.sqrt(x)", "jnp.sqrt(x)", mpmath.sqrt, write="x.sqrt_()"),
    analytic(
        "rsqrt", "torch.rsqrt(x)", "lax.rsqrt(x)", lambda x: exact.divide(1, mpmath.sqrt(x)), dtype=floating,
        write="x.rsqrt_()",
    ),
    analytic("exp", "torch.exp(x)", "jnp.exp(x)", exact.exp, write="x.exp_()"),
    unary("exp2", "torch.exp2(x)", "jnp.exp2(x)", exact.exp2, write="x.exp2_()", calls=("torch.special.exp2(x)",)),
    analytic(
        "expm1", "torch.expm1(x)", "jnp.expm1(x)", exact.expm1, write="x.expm1_()", calls=("torch.special.expm1(x)",)
    ),
    analytic("log", "torch.log(x)", "jnp.log(x)", mpmath.log, write="x.log_()"),
    analytic(
        "log1p", "torch.log1p(x)", "jnp.log1p(x)", mpmath.log1p, write="x.log1p_()", calls=("torch.special.log1p(x)",)
    ),
    analytic("log2", "torch.log2(x)", "jnp.log2(x)", lambda x: mpmath.log(x) / mpmath.log(2), write="x.log2_()"),
    analytic("log10", "torch.log10(x)", "jnp.log10(x)", mpmath.log10, write="x.log10_()"),
    binary("logaddexp", "torch.logaddexp(x, y)", "jnp.logaddexp(x, y)", exact.logaddexp, dtype=floating),
)  # fmt: skip

# ---- trigonometric and hyperbolic functions ----

# PyTorch has no derivative for asinh_, acosh_ and atanh_.
TRIGONOMETRY = (
    analytic("sin", "torch.sin(x)", "jnp.sin(x)", mpmath.sin, write="x.sin_()"),
    analytic("cos", "torch.cos(x)", "jnp.cos(x)", mpmath.cos, write="x.cos_()"),
    analytic("tan", "torch.tan(x)", "jnp.tan(x)", mpmath.tan, write="x.tan_()"),
    analytic("asin", "torch.asin(x)", "jnp.asin(x)", mpmath.asin, write="x.asin_()", calls=("torch.arcsin(x)",)),
    analytic("acos", "torch.acos(x)", "jnp.acos(x)", mpmath.acos, write="x.acos_()", calls=("torch.arccos(x)",)),
    analytic("atan", "torch.atan(x)", "jnp.atan(x)", mpmath.atan, write="x.atan_()", calls=("torch.arctan(x)",)),
    analytic("sinh", "torch.sinh(x)", "jnp.sinh(x)", exact.sinh, write="x.sinh_()"),
    analytic("cosh", "torch.cosh(x)", "jnp.cosh(x)", exact.cosh, write="x.cosh_()"),
    analytic("tanh", "torch.tanh(x)", "jnp.tanh(x)", exact.tanh, write="x.tanh_()"),
    analytic("asinh", "torch.asinh(x)", "jnp.asinh(x)", mpmath.asinh, calls=("torch.arcsinh(x)",)),
    analytic("acosh", "torch.acosh(x)", "jnp.acosh(x)", mpmath.acosh, calls=("torch.arccosh(x)",)),
    analytic("atanh", "torch.atanh(x)", "jnp.atanh(x)", mpmath.atanh, calls=("torch.arctanh(x)",)),
    binary(
        "atan2",
        "torch.atan2(x, y)",
        "jnp.atan2(x, y)",
        exact.atan2,
        dtype=floating,
        write="x.atan2_(y)",
        calls=("torch.arctan2(x, y)",),
    ),
    binary("hypot", "torch.hypot(x, y)", "jnp.hypot(x, y)", exact.hypot, dtype=floating, write="x.hypot_(y)"),
)

# ---- activations ----


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + exact.exp(-x))


def _relu(x: Any) -> Any:
    return exact.maximum(x, mpmath.mpf(0))


def _softplus(x: Any) -> Any:
    return exact.logaddexp(x, mpmath.mpf(0))


def _mish(x: Any) -> Any:
    return x * exact.tanh(_softplus(x))


def _softsign(x: Any) -> Any:
    return exact.divide(x, 1 + abs(x))


def _hard_sigmoid(x: Any) -> Any:
    return exact.minimum(exact.maximum(x + 3, mpmath.mpf(0)), mpmath.mpf(6)) / 6


def _gelu_tanh(x: Any) -> Any:
    return x * _sigmoid(2 * mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf(0.044715) * x**3))


SELU_ALPHA, SELU_SCALE = mpmath.mpf(1.6732632423543772848170429916717), mpmath.mpf(1.0507009873554804934193349852946)


def _elu(x: Any, *, alpha: float) -> Any:
    return each(lambda one: one if one > 0 else mpmath.mpf(alpha) * exact.expm1(one))(x)


def _celu(x: Any, *, alpha: float) -> Any:
    return each(lambda one: one if one > 0 else mpmath.mpf(alpha) * exact.expm1(one / mpmath.mpf(alpha)))(x)


def _selu(x: Any) -> Any:
    return SELU_SCALE * (x if x > 0 else SELU_ALPHA * exact.expm1(x))


def _leaky_relu(x: Any, *, negative_slope: float) -> Any:
    return each(lambda one: one * mpmath.mpf(negative_slope) if one < 0 else one)(x)


ACTIVATIONS = (
    analytic(
        "sigmoid", "torch.sigmoid(x)", "jax.nn.sigmoid(x)", _sigmoid, dtype=floating, write="x.sigmoid_()",
        calls=("torch.special.expit(x)",),
    ),
    unary(
        "log_sigmoid", "torch.nn.functional.logsigmoid(x)", "jax.nn.log_sigmoid(x)", lambda x: -_softplus(-x),
        dtype=floating,
    ),
    # PyTorch's softplus is the identity above its threshold; at the default, 20, that is off by 2e-9.
    unary(
        "softplus", "torch.nn.functional.softplus(x, threshold=40)", "jax.nn.softplus(x)", _softplus, dtype=floating,
    ),
    unary(
        "relu", "torch.relu(x)", "jax.nn.relu(x)", _relu, dtype=promoted, write="x.relu_()",
        calls=("torch.nn.functional.relu(x)",),
    ),
    Op(
        "leaky_relu", "x, *, negative_slope=0.01", "torch.nn.functional.leaky_relu(x, negative_slope=negative_slope)",
        "jax.nn.leaky_relu(x, negative_slope=negative_slope)", _leaky_relu, same_shape, floating,
        write="torch.nn.functional.leaky_relu_(x, negative_slope=negative_slope)",
    ),
    # The default of jax.nn.gelu is the tanh approximation.
    unary(
        "gelu", "torch.nn.functional.gelu(x)", "jax.nn.gelu(x, approximate=False)",
        lambda x: x * exact.erfc(-x / mpmath.sqrt(2)) / 2, dtype=floating,
    ),
    unary(
        "gelu_tanh", 'torch.nn.functional.gelu(x, approximate="tanh")', "jax.nn.gelu(x)", _gelu_tanh, dtype=floating,
    ),
    Op(
        "elu", "x, *, alpha=1.0", "torch.nn.functional.elu(x, alpha=alpha)", "jax.nn.elu(x, alpha=alpha)", _elu,
        same_shape, floating, write="torch.nn.functional.elu_(x, alpha=alpha)",
    ),
    Op(
        "celu", "x, *, alpha=1.0", "torch.nn.functional.celu(x, alpha=alpha)", "jax.nn.celu(x, alpha=alpha)", _celu,
        same_shape, floating, write="torch.nn.functional.celu_(x, alpha=alpha)",
        calls=("torch.celu(x, alpha=alpha)",),
    ),
    unary(
        "selu", "torch.nn.functional.selu(x)", "jax.nn.selu(x)", _selu, dtype=floating,
        write="torch.nn.functional.selu_(x)", calls=("torch.selu(x)",),
    ),
    unary(
        "mish", "torch.nn.functional.mish(x)", "jax.nn.mish(x)", _mish, dtype=floating,
        write="torch.nn.functional.mish(x, inplace=True)",
    ),
    # In float64 PyTorch's slope is the float32 nearest to 1/6: it is off by 3e-8 of it.
    unary(
        "hard_sigmoid", "torch.nn.functional.hardsigmoid(x)", "jax.nn.hard_sigmoid(x)", _hard_sigmoid, dtype=floating,
    ),
    unary("softsign", "torch.nn.functional.softsign(x)", "jax.nn.soft_sign(x)", _softsign, dtype=floating),
    unary(
        "silu", "torch.nn.functional.silu(x)", "jax.nn.silu(x)", lambda x: x * _sigmoid(x), dtype=floating,
        write="torch.nn.functional.silu(x, inplace=True)",
    ),
    unary(
        "erf", "torch.erf(x)", "lax.erf(x)", exact.erf, dtype=floating, write="x.erf_()",
        calls=("torch.special.erf(x)",),
    ),
    unary(
        "erfc", "torch.erfc(x)", "lax.erfc(x)", exact.erfc, dtype=floating, write="x.erfc_()",
        calls=("torch.special.erfc(x)",),
    ),
)  # fmt: skip

# ---- choosing and comparing ----


def _clip(x: Any, *, min: float | None, max: float | None) -> Any:
    low = x if min is None else each(exact.maximum, 2)(x, min)
    return each(lambda one: one)(low) if max is None else each(exact.minimum, 2)(low, max)


def _clip_shape(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if attributes["min"] is None and attributes["max"] is None:
        raise ValueError("needs min, max or both")
    return shapes[0]


def _where_dtype(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    if dtypes[0] != "bool":
        raise ValueError(f"the condition must be bool, got {dtypes[0]}; compare first")
    dtype = promoted(dtypes[1:], default)
    if is_complex(dtype) and any(one in FLOATS for one in dtypes[1:]):
        raise ValueError("PyTorch cannot differentiate where of real and complex numbers; cast with astype")
    return dtype


def _told_apart(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    promoted(dtypes, default)
    return "bool"


def _logical_dtype(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    if set(dtypes) != {"bool"}:
        raise ValueError(f"needs bool, got {', '.join(dtypes)}; compare first")
    return "bool"


CHOICES = (
    binary("maximum", "torch.maximum(x, y)", "jnp.maximum(x, y)", exact.maximum, calls=("torch.max(x, y)",)),
    binary("minimum", "torch.minimum(x, y)", "jnp.minimum(x, y)", exact.minimum, calls=("torch.min(x, y)",)),
    Op(
        "clip", "x, *, min=None, max=None", "torch.clamp(x, min=min, max=max)", "jnp.clip(x, min=min, max=max)", _clip,
        _clip_shape, floating, write="x.clamp_(min=min, max=max)",
        calls=("torch.clip(x, min=min, max=max)", "torch.clamp_min(x, min)", "torch.clamp_max(x, max)"),
    ),
    Op(
        "where", "condition, x, y", "torch.where(condition, x, y)", "jnp.where(condition, x, y)",
        each(lambda condition, x, y: x if condition else y, 3), broadcast, _where_dtype, linear=("x", "y"),
        complex=True, scalars=True,
    ),
    operation("equal", "x == y", operator.eq, complex=True, dtype=boolean),
    operation("not_equal", "x != y", operator.ne, complex=True, dtype=boolean, calls=("torch.not_equal(x, y)",)),
    operation("less", "x < y", operator.lt, dtype=boolean, calls=("torch.less(x, y)",)),
    operation("less_equal", "x <= y", operator.le, dtype=boolean, calls=("torch.less_equal(x, y)",)),
    operation("greater", "x > y", operator.gt, dtype=boolean, calls=("torch.greater(x, y)",)),
    operation("greater_equal", "x >= y", operator.ge, dtype=boolean, calls=("torch.greater_equal(x, y)",)),
    unary("isnan", "torch.isnan(x)", "jnp.isnan(x)", mpmath.isnan, dtype=_told_apart),
    unary("isinf", "torch.isinf(x)", "jnp.isinf(x)", mpmath.isinf, dtype=_told_apart),
    unary("isfinite", "torch.isfinite(x)", "jnp.isfinite(x)", mpmath.isfinite, dtype=_told_apart),
    # Of booleans, the only ones here, a bitwise op is the logical one.
    unary(
        "logical_not", "torch.logical_not(x)", "jnp.logical_not(x)", lambda x: not x, dtype=_logical_dtype,
        calls=("~x", "torch.bitwise_not(x)"),
    ),
    binary(
        "logical_and", "torch.logical_and(x, y)", "jnp.logical_and(x, y)", lambda x, y: bool(x and y),
        dtype=_logical_dtype, calls=("x & y", "torch.bitwise_and(x, y)"),
    ),
    binary(
        "logical_or", "torch.logical_or(x, y)", "jnp.logical_or(x, y)", lambda x, y: bool(x or y),
        dtype=_logical_dtype, calls=("x | y", "torch.bitwise_or(x, y)"),
    ),
    binary(
        "logical_xor", "torch.logical_xor(x, y)", "jnp.logical_xor(x, y)", lambda x, y: bool(x) != bool(y),
        dtype=_logical_dtype, calls=("x ^ y", "torch.bitwise_xor(x, y)"),
    ),
)  # fmt: skip

ROWS = (*ARITHMETIC, *EXPONENTIALS, *TRIGONOMETRY, *ACTIVATIONS, *CHOICES)

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
) -> Op:
    """A row for a function of one real number."""
    return Op(name, "x", torch, jax, each(function), same_shape, dtype, write=write, calls=calls)


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
    unary("ceil", "torch.ceil(x)", "jnp.ceil(x)", mpmath.ceil, dtype=promoted, write="x.ceil_()"),
    unary(
        "round", "torch.round(x)", "jnp.round(x)", mpmath.nint, dtype=promoted, write="x.round_()",
        calls=("torch.special.round(x)",),
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
    analytic(
        "expm1", "torch.expm1(x)", "jnp.expm1(x)", exact.expm1, write="x.expm1_()", calls=("torch.special.expm1(x)",)
    ),
    analytic("log", "torch.log(x)", "jnp.log(x)", mpmath.log, write="x.log_()"),
    analytic(
        "log1p", "torch.log1p(x)", "jnp.log1p(x)", mpmath.log1p, write="x.log1p_()", calls=("torch.special.log1p(x)",)
    ),
    analytic("log2", "torch.log2(x)", "jnp.log2(x)", lambda x: mpmath.log(x) / mpmath.log(2), write="x.log2_()"),
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
        "silu", "torch.nn.functional.silu(x)", "jax.nn.silu(x)", lambda x: x * _sigmoid(x), dtype=floating,
        write="torch.nn.functional.silu(x, inplace=True)",
    ),
    unary(
        "erf", "torch.erf(x)", "lax.erf(x)", exact.erf, dtype=floating, write="x.erf_()",
        calls=("torch.special.erf(x)",),
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
)  # fmt: skip

ROWS = (*ARITHMETIC, *EXPONENTIALS, *TRIGONOMETRY, *ACTIVATIONS, *CHOICES)

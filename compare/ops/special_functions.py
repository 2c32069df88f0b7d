"""Special functions. A reference is mpmath's function, with the frameworks' answers at poles and infinities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

from compare.ops import exact
from compare.ops.elementwise import binary, unary
from compare.ops.exact import each
from compare.ops.op import Attributes, Op, Shape
from compare.ops.rules import NO_ATTRIBUTES, broadcast, floating, same_shape

__all__ = ["ROWS"]

NAN, INF = mpmath.nan, mpmath.inf
Function = Callable[..., Any]


def _of_nan(function: Function) -> Function:
    """A function that answers nan with nan."""
    return lambda x: NAN if mpmath.isnan(x) else function(x)


def _special(name: str, function: Function, jax: str, *, calls: tuple[str, ...] = (), write: str | None = None) -> Op:
    """A row for a function of torch.special."""
    return unary(
        name, f"torch.special.{name}(x)", jax, _of_nan(function), dtype=floating, calls=calls, write=write
    )  # fmt: skip


# ---- the gamma function and its derivatives ----


def _is_pole(x: Any) -> bool:
    return bool(x <= 0 and not mpmath.isinf(x) and x == mpmath.floor(x))


def _lgamma(x: Any) -> Any:
    if mpmath.isinf(x) or _is_pole(x):
        return INF
    return mpmath.re(mpmath.loggamma(x))


def _digamma(x: Any) -> Any:
    return _polygamma_of(0, x)


def _polygamma_of(order: int, x: Any) -> Any:
    if mpmath.isnan(x) or x == -INF:
        return NAN
    if x == INF:
        return mpmath.mpf(0) if order else INF
    if _is_pole(x):
        if order % 2:
            return INF
        # From the right; the sides of a negative pole differ in sign.
        return -INF if x == 0 else NAN
    if x > -100:
        return mpmath.psi(order, x)
    # mpmath would go up to 0 in steps of 1.
    turned = mpmath.diff(lambda one: mpmath.pi * mpmath.cot(mpmath.pi * one), x, order)
    return (-1) ** order * mpmath.psi(order, 1 - x) - turned


def _polygamma(x: Any, *, n: int) -> Any:
    return each(lambda one: _polygamma_of(n, one))(x)


def _multigammaln(x: Any, *, d: int) -> Any:
    shift = mpmath.mpf(d * (d - 1)) / 4 * mpmath.log(mpmath.pi)
    return each(_of_nan(lambda one: shift + sum(_lgamma(one - mpmath.mpf(j) / 2) for j in range(d))))(x)


def _order(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if attributes["n"] < 0:
        raise ValueError(f"there is no polygamma function of order {attributes['n']}")
    return shapes[0]


def _dimension(shapes: tuple[Shape, ...], attributes: Attributes) -> Shape:
    if attributes["d"] < 1:
        raise ValueError(f"there is no gamma function of dimension {attributes['d']}")
    return shapes[0]


_NEGATIVE = "left of -5 {} of JAX loses digits, and left of -8 it is of another size or sign"
"""jax.scipy.special.zeta, which polygamma is made of, ends a series early that converges for positive numbers."""

GAMMA = (
    unary(
        "lgamma", "torch.lgamma(x)", "jax.scipy.special.gammaln(x)", _of_nan(_lgamma), dtype=floating,
        write="x.lgamma_()", calls=("torch.special.gammaln(x)",),
        caution=_NEGATIVE.format("the second derivative"),
    ),
    unary(
        "digamma", "torch.digamma(x)", "jax.scipy.special.digamma(x)", _digamma, dtype=floating,
        write="x.digamma_()", calls=("torch.special.digamma(x)", "torch.special.psi(x)"),
        caution=_NEGATIVE.format("the slope"),
    ),
    # Of order 1, PyTorch's own is off by up to 5e-10 of it: a series of three terms from x + 6 on.
    Op(
        "polygamma", "x, *, n=...", "torch.polygamma(n, x)", "jax.scipy.special.polygamma(n, x)", _polygamma, _order,
        floating, write="x.polygamma_(n)", calls=("torch.special.polygamma(n, x)",),
        caution=_NEGATIVE.format("the value"),
    ),
    Op(
        "multigammaln", "x, *, d=...", "torch.mvlgamma(x, d)", "jax.scipy.special.multigammaln(x, d)", _multigammaln,
        _dimension, floating, write="x.mvlgamma_(d)", calls=("torch.special.multigammaln(x, d)",),
    ),
)  # fmt: skip

# ---- Bessel functions ----


def _bessel(order: int) -> Function:
    def value(x: Any) -> Any:
        return (-INF if x < 0 and order else INF) if mpmath.isinf(x) else mpmath.besseli(order, x)

    return value


def _scaled_bessel(order: int) -> Function:
    def value(x: Any) -> Any:
        return mpmath.mpf(0) if mpmath.isinf(x) else mpmath.besseli(order, x) * mpmath.exp(-abs(x))

    return value


BESSEL = (
    # At zero jax.scipy.special.i0 has the slope 1, and i1 no second derivative: the composites are right there.
    _special("i0", _bessel(0), "jax.scipy.special.i0(x)", calls=("torch.i0(x)",), write="x.i0_()"),
    _special("i0e", _scaled_bessel(0), "jax.scipy.special.i0e(x)"),
    _special("i1", _bessel(1), "jax.scipy.special.i1(x)"),
    _special("i1e", _scaled_bessel(1), "jax.scipy.special.i1e(x)"),
)

# ---- the error function and the normal distribution ----


def _erfinv(x: Any) -> Any:
    if abs(x) > 1:
        return NAN
    return x * INF if abs(x) == 1 else mpmath.erfinv(x)


def _erfcx(x: Any) -> Any:
    if x < -exact.BEYOND_EVERY_FLOAT:
        return INF
    if x > exact.BEYOND_EVERY_FLOAT:
        small = 1 / (2 * x * x)
        return (1 - small * (1 - 3 * small * (1 - 5 * small))) / (x * mpmath.sqrt(mpmath.pi))
    return mpmath.exp(x * x) * mpmath.erfc(x)


def _ndtr(x: Any) -> Any:
    return exact.erfc(-x / mpmath.sqrt(2)) / 2


def _ndtri(x: Any) -> Any:
    if not 0 < x < 1:
        return {0: -INF, 1: INF}.get(x, NAN)
    # 2 * x - 1 must keep the digits of a small x.
    with mpmath.extradps(max(0, int(-mpmath.log10(x)))):
        return mpmath.sqrt(2) * mpmath.erfinv(2 * x - 1)


def _log_ndtr(x: Any) -> Any:
    if x > 0:
        return mpmath.log1p(-_ndtr(-x))
    if x < -exact.BEYOND_EVERY_FLOAT:
        return -x * x / 2 - mpmath.log(-x * mpmath.sqrt(2 * mpmath.pi))
    return mpmath.log(_ndtr(x))


NORMAL = (
    _special("erfinv", _erfinv, "jax.scipy.special.erfinv(x)", calls=("torch.erfinv(x)",), write="x.erfinv_()"),
    _special("erfcx", _erfcx, "jax.scipy.special.erfcx(x)"),
    _special("ndtr", _ndtr, "jax.scipy.special.ndtr(x)"),
    _special("ndtri", _ndtri, "jax.scipy.special.ndtri(x)"),
    _special("log_ndtr", _log_ndtr, "jax.scipy.special.log_ndtr(x)"),
)

# ---- products with a logarithm, and others ----


def _entr(x: Any) -> Any:
    if x <= 0:
        return mpmath.mpf(0) if x == 0 else -INF
    return -x * mpmath.log(x)


def _xlog1py(x: Any, y: Any) -> Any:
    if mpmath.isnan(y) or y < -1:
        return NAN if x != 0 or mpmath.isnan(y) else mpmath.mpf(0)
    return mpmath.mpf(0) if x == 0 else x * mpmath.log1p(y)


def _sinc(x: Any) -> Any:
    return NAN if mpmath.isinf(x) else mpmath.sincpi(x)


def _copysign(x: Any, y: Any) -> Any:
    return -abs(x) if y < 0 else abs(x)


def _mantissa(x: Any) -> Any:
    return mpmath.frexp(x)[0] if mpmath.isfinite(x) else x


def _exponent(x: Any) -> Any:
    return mpmath.mpf(mpmath.frexp(x)[1] if mpmath.isfinite(x) else 0)


def _integers(dtypes: tuple[str, ...], default: str, attributes: Attributes = NO_ATTRIBUTES) -> str:
    floating(dtypes, default)
    return "int64"


OTHERS = (
    _special("entr", _entr, "jax.scipy.special.entr(x)"),
    Op(
        "xlog1py", "x, y", "torch.special.xlog1py(x, y)", "jax.scipy.special.xlog1py(x, y)", each(_xlog1py, 2),
        broadcast, floating,
    ),
    _special("sinc", _sinc, "jnp.sinc(x)", calls=("torch.sinc(x)",), write="x.sinc_()"),
    binary("copysign", "torch.copysign(x, y)", "jnp.copysign(x, y)", _copysign, dtype=floating, write="x.copysign_(y)"),
    Op(
        "mantissa", "x", "torch.frexp(x).mantissa", "jnp.frexp(x)[0]", each(_of_nan(_mantissa)), same_shape, floating,
    ),
    Op(
        "exponent", "x", "torch.frexp(x).exponent.long()", "jnp.frexp(x)[1].astype(jnp.int64)",
        each(_exponent), same_shape, _integers,
    ),
)  # fmt: skip

ROWS = (*GAMMA, *BESSEL, *NORMAL, *OTHERS)

"""PyTorch's functions of whole lists of tensors, which its optimizers call: each is one op for every tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from compare.composites.arithmetic import clamp_max, clamp_min
from compare.composites.composite import composite
from compare.composites.kinds import check_without_history
from compare.composites.reductions import vector_norm
from compare.tape import Tape, Tensor

__all__: list[str] = []


def _for_each(value: Any, count: int) -> list[Any]:
    """One value for every tensor: those of a list in order, or the same one again."""
    return list(value) if isinstance(value, list | tuple) else [value] * count


def _scaled(value: Any, factor: Any) -> Any:
    return value if isinstance(factor, int | float) and factor == 1 else value * factor


# ---- of one list ----

_ROWS = {
    "abs": "abs", "neg": "negative", "sqrt": "sqrt", "rsqrt": "rsqrt", "exp": "exp", "expm1": "expm1", "log": "log",
    "log1p": "log1p", "log2": "log2", "log10": "log10", "reciprocal": "reciprocal", "sign": "sign", "sin": "sin",
    "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asin": "asin", "acos": "acos",
    "atan": "atan", "sigmoid": "sigmoid", "floor": "floor", "ceil": "ceil", "round": "round", "trunc": "trunc",
    "erf": "erf", "erfc": "erfc",
}  # fmt: skip


def _of_each(row: str) -> Callable[..., Any]:
    def results(tape: Tape, self: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(getattr(tape, row)(one) for one in self)

    return results


def _written_each(row: str) -> Callable[..., Any]:
    def write(tape: Tape, self: Sequence[Tensor]) -> tuple[Tensor, ...]:
        for one in self:
            getattr(one, f"{row}_")()
        return tuple(self)

    return write


for _word, _row in _ROWS.items():
    composite(f"torch._foreach_{_word}")(_of_each(_row))
    composite(f"torch._foreach_{_word}_")(_written_each(_row))


@composite("torch._foreach_zero_")
def _zero_in_place(tape: Tape, self: Sequence[Tensor]) -> tuple[Tensor, ...]:
    for one in self:
        one.zero_()
    return tuple(self)


@composite("torch._foreach_norm")
def _norm(tape: Tape, self: Sequence[Tensor], ord: Any = 2, dtype: str | None = None) -> tuple[Tensor, ...]:
    return tuple(vector_norm(tape, one, ord, dtype=dtype) for one in self)


# ---- of a list, and a number, a list or a tensor ----


@composite("torch._foreach_add")
def _add(tape: Tape, self: Sequence[Tensor], other: Any, *, alpha: Any = 1) -> tuple[Tensor, ...]:
    return tuple(one + _scaled(term, alpha) for one, term in zip(self, _for_each(other, len(self)), strict=True))


@composite("torch._foreach_sub")
def _sub(tape: Tape, self: Sequence[Tensor], other: Any, *, alpha: Any = 1) -> tuple[Tensor, ...]:
    return tuple(one - _scaled(term, alpha) for one, term in zip(self, _for_each(other, len(self)), strict=True))


@composite("torch._foreach_mul")
def _mul(tape: Tape, self: Sequence[Tensor], other: Any) -> tuple[Tensor, ...]:
    return tuple(one * factor for one, factor in zip(self, _for_each(other, len(self)), strict=True))


@composite("torch._foreach_div")
def _div(tape: Tape, self: Sequence[Tensor], other: Any) -> tuple[Tensor, ...]:
    return tuple(one / divisor for one, divisor in zip(self, _for_each(other, len(self)), strict=True))


@composite("torch._foreach_pow")
def _pow(tape: Tape, self: Any, exponent: Any) -> tuple[Tensor, ...]:
    count = len(self) if isinstance(self, list | tuple) else len(exponent)
    return tuple(one**power for one, power in zip(_for_each(self, count), _for_each(exponent, count), strict=True))


@composite("torch._foreach_add_")
def _add_in_place(tape: Tape, self: Sequence[Tensor], other: Any, *, alpha: Any = 1) -> tuple[Tensor, ...]:
    for one, term in zip(self, _for_each(other, len(self)), strict=True):
        one.add_(_scaled(term, alpha))
    return tuple(self)


@composite("torch._foreach_sub_")
def _sub_in_place(tape: Tape, self: Sequence[Tensor], other: Any, *, alpha: Any = 1) -> tuple[Tensor, ...]:
    for one, term in zip(self, _for_each(other, len(self)), strict=True):
        one.sub_(_scaled(term, alpha))
    return tuple(self)


@composite("torch._foreach_mul_")
def _mul_in_place(tape: Tape, self: Sequence[Tensor], other: Any) -> tuple[Tensor, ...]:
    for one, factor in zip(self, _for_each(other, len(self)), strict=True):
        one.mul_(factor)
    return tuple(self)


@composite("torch._foreach_div_")
def _div_in_place(tape: Tape, self: Sequence[Tensor], other: Any) -> tuple[Tensor, ...]:
    for one, divisor in zip(self, _for_each(other, len(self)), strict=True):
        one.div_(divisor)
    return tuple(self)


@composite("torch._foreach_pow_")
def _pow_in_place(tape: Tape, self: Sequence[Tensor], exponent: Any) -> tuple[Tensor, ...]:
    for one, power in zip(self, _for_each(exponent, len(self)), strict=True):
        one.pow_(power)
    return tuple(self)


@composite("torch._foreach_copy_")
def _copy_in_place(
    tape: Tape, self: Sequence[Tensor], src: Sequence[Tensor], non_blocking: bool = False
) -> tuple[Tensor, ...]:
    check_without_history(tape, "_foreach_copy_", *self, *src)
    for one, source in zip(self, src, strict=True):
        one.copy_(source)
    return tuple(self)


# ---- the larger and the smaller ----


def _maximum_of(tape: Tape, one: Tensor, other: Any) -> Tensor:
    return tape.maximum(one, other) if isinstance(other, Tensor) else clamp_min(tape, one, other)


def _minimum_of(tape: Tape, one: Tensor, other: Any) -> Tensor:
    return tape.minimum(one, other) if isinstance(other, Tensor) else clamp_max(tape, one, other)


def _pairs(choose: Callable[..., Tensor]) -> Callable[..., Any]:
    def results(tape: Tape, self: Sequence[Tensor], other: Any) -> tuple[Tensor, ...]:
        return tuple(choose(tape, one, bound) for one, bound in zip(self, _for_each(other, len(self)), strict=True))

    return results


def _written_pairs(choose: Callable[..., Tensor]) -> Callable[..., Any]:
    def write(tape: Tape, self: Sequence[Tensor], other: Any) -> tuple[Tensor, ...]:
        for one, bound in zip(self, _for_each(other, len(self)), strict=True):
            chosen = choose(tape, one.clone(), bound)
            one.copy_(chosen)
        return tuple(self)

    return write


def _without_derivative(choose: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def chosen(tape: Tape, one: Tensor, other: Any) -> Tensor:
        check_without_history(tape, "_foreach_maximum_ or _foreach_minimum_", one, other)
        return choose(tape, one, other)

    return chosen


_CHOICES = {"maximum": _maximum_of, "minimum": _minimum_of, "clamp_min": clamp_min, "clamp_max": clamp_max}

for _word, _choose in _CHOICES.items():
    composite(f"torch._foreach_{_word}")(_pairs(_choose))
    _write = _choose if _word.startswith("clamp") else _without_derivative(_choose)
    composite(f"torch._foreach_{_word}_")(_written_pairs(_write))


# ---- of three lists ----


@composite("torch._foreach_lerp")
def _lerp(tape: Tape, self: Sequence[Tensor], tensors1: Sequence[Tensor], weight: Any) -> tuple[Tensor, ...]:
    weights = _for_each(weight, len(self))
    return tuple(one + (end - one) * part for one, end, part in zip(self, tensors1, weights, strict=True))


@composite("torch._foreach_lerp_")
def _lerp_in_place(tape: Tape, self: Sequence[Tensor], tensors1: Sequence[Tensor], weight: Any) -> tuple[Tensor, ...]:
    for one, end, part in zip(self, tensors1, _for_each(weight, len(self)), strict=True):
        one.add_((end - one) * part)
    return tuple(self)


def _values(value: Any, scalars: Any, count: int) -> list[Any]:
    """The factor of every tensor; a tensor of factors holds one for each."""
    given = value if scalars is None else scalars
    return [given[place] for place in range(count)] if isinstance(given, Tensor) else _for_each(given, count)


@composite("torch._foreach_addcmul")
def _addcmul(
    tape: Tape,
    self: Sequence[Tensor],
    tensor1: Sequence[Tensor],
    tensor2: Sequence[Tensor],
    value: Any = 1,
    *,
    scalars: Any = None,
) -> tuple[Tensor, ...]:
    factors = _values(value, scalars, len(self))
    return tuple(
        one + _scaled(left * right, factor)
        for one, left, right, factor in zip(self, tensor1, tensor2, factors, strict=True)
    )


@composite("torch._foreach_addcdiv")
def _addcdiv(
    tape: Tape,
    self: Sequence[Tensor],
    tensor1: Sequence[Tensor],
    tensor2: Sequence[Tensor],
    value: Any = 1,
    *,
    scalars: Any = None,
) -> tuple[Tensor, ...]:
    factors = _values(value, scalars, len(self))
    return tuple(
        one + _scaled(left / right, factor)
        for one, left, right, factor in zip(self, tensor1, tensor2, factors, strict=True)
    )


@composite("torch._foreach_addcmul_")
def _addcmul_in_place(
    tape: Tape,
    self: Sequence[Tensor],
    tensor1: Sequence[Tensor],
    tensor2: Sequence[Tensor],
    value: Any = 1,
    *,
    scalars: Any = None,
) -> tuple[Tensor, ...]:
    factors = _values(value, scalars, len(self))
    for one, left, right, factor in zip(self, tensor1, tensor2, factors, strict=True):
        one.add_(_scaled(left * right, factor))
    return tuple(self)


@composite("torch._foreach_addcdiv_")
def _addcdiv_in_place(
    tape: Tape,
    self: Sequence[Tensor],
    tensor1: Sequence[Tensor],
    tensor2: Sequence[Tensor],
    value: Any = 1,
    *,
    scalars: Any = None,
) -> tuple[Tensor, ...]:
    factors = _values(value, scalars, len(self))
    for one, left, right, factor in zip(self, tensor1, tensor2, factors, strict=True):
        one.add_(_scaled(left / right, factor))
    return tuple(self)

"""Every row of the op vocabulary: its spellings, its exact reference and its rules say one thing."""

from __future__ import annotations

import ast
import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import torch
from jax import lax
from op_samples import COMPLEX_SAMPLES, SAMPLES, UP_TO_SIGNS, Sample, draw, draw_complex, sample

from compare.checks import bound_attributes
from compare.errors import ProgramError
from compare.facts import DENSE_RESULTS
from compare.ops import OPS, TENSOR, Op, Slice, Span, elementwise, fill_spelling, formulas

NAMES = sorted(OPS)
FLOATS = ("float32", "float64")
TOLERANCE = {"float64": 1e-12, "float32": 1e-5, "complex128": 1e-12, "complex64": 1e-5, "int64": 0.0, "bool": 0.0}
NUMBERS = (int, float, complex)
GRADIENT_TOLERANCE = 1e-10
DIGITS = 50
Call = tuple[tuple[Any, ...], dict[str, Any]]


@contextlib.contextmanager
def default_dtype(dtype: Any) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@pytest.fixture(scope="module", autouse=True)
def double_precision() -> Iterator[None]:
    before = jax.config.read("jax_enable_x64")
    jax.config.update("jax_enable_x64", True)
    with default_dtype(torch.float64):
        yield
    jax.config.update("jax_enable_x64", before)


def test_every_row_has_samples() -> None:
    assert set(SAMPLES) == set(OPS), "Give every row of the op vocabulary its samples here."
    assert all(SAMPLES.values())


@pytest.mark.parametrize("name", [name for name in NAMES if OPS[name].scalars])
def test_a_row_that_takes_numbers_has_samples_with_numbers(name: str) -> None:
    samples = SAMPLES[name]
    sides = [[isinstance(one, NUMBERS) for one in sample.operands] for sample in samples]
    assert any(any(side[1:]) or side[-1] for side in sides)
    if OPS[name].operand_names == ("x", "y") and name not in {"fill", "remainder", "fmod"}:
        assert any(side[0] for side in sides)


# ---- evaluating a row in each of three ways ----


def literal(module: str) -> Any:
    """How a leg writes the value of an attribute."""

    def item_text(item: Any, tensors: Iterator[ast.expr]) -> str:
        if isinstance(item, Slice):
            return ":".join("" if part is None else str(part) for part in (item.start, item.stop, item.step))
        if isinstance(item, Span):
            return f"jnp.arange({item.start}, {item.stop})[{', '.join([':', *['None'] * item.axes])}]"
        if isinstance(item, tuple):
            return f"jnp.array({list(item)})" if module == "jnp" else str(list(item))
        return ast.unparse(next(tensors)) if item == TENSOR else str(item)

    def tree(name: str, value: Any, indices: tuple[ast.expr, ...]) -> ast.expr:
        if name == "dtype":
            return ast.parse(f"{module}.{value}", mode="eval").body
        if name != "index":
            return ast.parse(repr(value), mode="eval").body
        tensors = iter(indices)
        items = [item_text(item, tensors) for item in value]
        subscript = ast.parse(f"x[{', '.join(items) or '()'}]", mode="eval").body
        assert isinstance(subscript, ast.Subscript)
        return subscript.slice

    return tree


def source(op: Op, spelling: str, operands: tuple[Any, ...], attributes: dict[str, Any], module: str) -> str:
    """The printed statement. Arrays are named `a0`, `a1`, ...; numbers are written out."""
    trees: list[ast.expr] = [
        ast.parse(repr(operand) if isinstance(operand, NUMBERS) else f"a{place}", mode="eval").body
        for place, operand in enumerate(operands)
    ]
    return ast.unparse(fill_spelling(spelling, op, tuple(trees), attributes, literal(module)))


def names(operands: tuple[Any, ...]) -> dict[str, Any]:
    return {f"a{place}": operand for place, operand in enumerate(operands)}


def torch_result(op: Op, operands: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    if op.torch is None:
        assert op.write is not None
        written = (operands[0].clone(), *operands[1:])
        exec(source(op, op.write, written, attributes, "torch"), {"torch": torch, **names(written)})
        return written[0]
    return eval(source(op, op.torch, operands, attributes, "torch"), {"torch": torch, **names(operands)})


def jax_result(op: Op, operands: tuple[Any, ...], attributes: dict[str, Any], spelling: str | None = None) -> Any:
    shapes = tuple(getattr(one, "shape", ()) for one in operands[: len(operands) - (spelling is not None)])
    text = source(op, spelling or op.jax, operands, {**attributes, **op.jax_names(shapes, attributes)}, "jnp")
    return eval(text, {"jax": jax, "jnp": jnp, "lax": lax, **names(operands)})


def compiled(op: Op, functions: list[Callable[..., Any]], operands: list[tuple[Any, ...]]) -> list[Any]:
    """What each function makes of the arrays among its operands, compiled at one go: that is what takes the time.

    Booleans that index are constants, as they are in printed scripts: JAX compiles no other.
    """
    places = [
        [
            place
            for place, one in enumerate(each)
            if isinstance(one, np.ndarray)
            and not (one.dtype.name == "bool" and place in op.places(["indices"], len(each)))
        ]
        for each in operands
    ]

    def together(given: list[list[Any]]) -> list[Any]:
        results = []
        for function, each, at, traced in zip(functions, operands, places, given, strict=True):
            filled = dict(zip(at, traced, strict=True))
            results.append(function(*(filled.get(place, one) for place, one in enumerate(each))))
        return results

    given = [[each[place] for place in at] for each, at in zip(operands, places, strict=True)]
    found: list[Any] = jax.tree.map(np.asarray, jax.jit(together)(given))
    return found


def jax_results(op: Op, calls: list[Call]) -> list[Any]:
    functions = [
        lambda *operands, attributes=attributes: jax_result(op, operands, attributes) for _, attributes in calls
    ]
    return compiled(op, functions, [operands for operands, _ in calls])


def reference_result(op: Op, operands: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    with mpmath.workdps(DIGITS):
        return op.reference(*operands, **attributes)


def tensors(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(torch.tensor(one.copy()) if isinstance(one, np.ndarray) else one for one in operands)


def exact_array(array: Any) -> Any:
    """A NumPy array as an object array of mpmath numbers, or of booleans."""
    convert = bool if array.dtype == bool else lambda number: mpmath.mpmathify(number.item())
    result = np.empty(array.shape, dtype=object)
    for place in np.ndindex(array.shape):
        result[place] = convert(array[place])
    return result


def exact(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(exact_array(one) if isinstance(one, np.ndarray) else one for one in operands)


def rounded(result: Any, dtype: str) -> Any:
    """An object array as NumPy numbers."""
    convert = complex if dtype.startswith("complex") else float
    return np.array([convert(number) for number in result.ravel()]).reshape(result.shape).astype(dtype)


def plain(tensor: Any) -> Any:
    """A tensor as a NumPy array; one that is only marked as conjugated or negated has none of its own."""
    return tensor.detach().resolve_conj().resolve_neg().numpy()


def bound(op: Op, sample: Sample) -> dict[str, Any]:
    return op.bind(len(sample.operands), sample.attributes)


def inferred(op: Op, operands: tuple[Any, ...], attributes: dict[str, Any], default: str = "float64") -> Any:
    """What the rules of the row say: shape and dtype."""
    shapes = tuple(one.shape if isinstance(one, np.ndarray) else () for one in operands)
    dtypes = tuple(
        one.dtype.name if isinstance(one, np.ndarray) else f"python-{type(one).__name__}" for one in operands
    )
    attributes = {**attributes, "known": op.index_operands(operands)}
    return op.shape(shapes, attributes), op.result_dtype(dtypes, default, attributes)


def check_agreement(op: Op, operands: tuple[Any, ...], attributes: dict[str, Any], found_jax: Any) -> None:
    """Both spellings and the reference give one array, of the shape and dtype that the rules say."""
    shape, dtype = inferred(op, operands, attributes)
    label = f"{op.name} {attributes} of {operands}"
    exact_operands = exact(operands)
    before = [one.copy() if isinstance(one, np.ndarray) else one for one in exact_operands]
    found_torch = torch_result(op, tensors(operands), attributes)
    found_exact = reference_result(op, exact_operands, attributes)

    assert (tuple(found_torch.shape), str(found_torch.dtype)) == (shape, f"torch.{dtype}"), label
    assert (found_jax.shape, found_jax.dtype.name) == (shape, dtype), label
    assert isinstance(found_exact, np.ndarray), label
    assert (found_exact.shape, found_exact.dtype) == (shape, np.dtype(object)), label
    kinds = {bool} if dtype == "bool" else {mpmath.mpf, mpmath.mpc} if dtype.startswith("complex") else {mpmath.mpf}
    assert all(type(number) in kinds for number in found_exact.ravel()), label
    for operand, copied in zip(exact_operands, before, strict=True):
        if isinstance(operand, np.ndarray):
            assert all(one is other for one, other in zip(operand.ravel(), copied.ravel(), strict=True)), label
            assert op.view is not None or not np.shares_memory(operand, found_exact), label

    wanted = rounded(found_exact, dtype)
    given_torch = plain(found_torch)
    if op.name in UP_TO_SIGNS:
        given_torch, found_jax, wanted = np.abs(given_torch), np.abs(found_jax), np.abs(wanted)
    np.testing.assert_allclose(given_torch, wanted, rtol=TOLERANCE[dtype], err_msg=f"torch: {label}")
    np.testing.assert_allclose(found_jax, wanted, rtol=TOLERANCE[dtype], err_msg=f"jax: {label}")


# ---- values, shapes, dtypes ----


def accepted(op: Op, operands: tuple[Any, ...], attributes: dict[str, Any]) -> bool:
    try:
        inferred(op, operands, attributes)
    except ValueError:
        return False
    return True


def by_default(op: Op, one: Sample) -> list[Call]:
    """The sample with every attribute left out that may be; nothing where the row refuses that."""
    required = {name: value for name, value in one.attributes.items() if op.defaults[name] is ...}
    call = (one.operands, op.bind(len(one.operands), required))
    return [call] if required != one.attributes and accepted(op, *call) else []


@pytest.mark.parametrize("name", NAMES)
def test_torch_jax_and_the_reference_agree(name: str) -> None:
    op = OPS[name]
    calls = [(one.operands, bound(op, one)) for one in SAMPLES[name]]
    calls.extend(by_default(op, SAMPLES[name][0]))
    for call, found_jax in zip(calls, jax_results(op, calls), strict=True):
        check_agreement(op, *call, found_jax)


def cast(operands: tuple[Any, ...], dtype: str) -> tuple[Any, ...]:
    """The float64 operands as another dtype, and the complex ones beside float32; conditions and numbers stay."""
    dtypes = {"float64": dtype, "complex128": "complex64" if dtype == "float32" else "complex128"}
    return tuple(
        one.astype(dtypes.get(one.dtype.name, one.dtype)) if isinstance(one, np.ndarray) else one for one in operands
    )


@pytest.mark.parametrize("name", NAMES)
def test_other_dtypes_agree_or_are_refused(name: str) -> None:
    op = OPS[name]
    calls = [(cast(one.operands, dtype), bound(op, one)) for one in SAMPLES[name] for dtype in one.casts]
    calls = [call for call in calls if accepted(op, *call)]
    for call, found_jax in zip(calls, jax_results(op, calls), strict=True):
        check_agreement(op, *call, found_jax)
        operands, attributes = call
        with default_dtype(torch.float32):
            found = torch_result(op, tensors(operands), attributes)
        assert str(found.dtype) == f"torch.{inferred(op, operands, attributes, 'float32')[1]}", call


# ---- gradients ----


def is_float(operand: Any) -> bool:
    return isinstance(operand, np.ndarray) and operand.dtype in (np.float64, np.complex128)


def draw_like(shape: tuple[int, ...], dtype: Any) -> Any:
    return (draw_complex if np.dtype(dtype).kind == "c" else draw)(*shape)


def inner(left: Any, right: Any) -> Any:
    """The terms of the real inner product of arrays: of complex numbers, that of their parts."""
    return np.real(np.conj(left) * right)


def signed(op: Op, cotangent: Any, result: Any) -> Any:
    """The cotangent; where a result has signs of its library's choice, that of a weighted sum of its squares."""
    return cotangent.real * result if op.name in UP_TO_SIGNS else cotangent


def torch_gradients(op: Op, operands: tuple[Any, ...], attributes: dict[str, Any], cotangent: Any) -> list[Any]:
    leaves = [torch.tensor(one.copy(), requires_grad=True) if is_float(one) else one for one in operands]
    tracked = [leaf for leaf, one in zip(leaves, operands, strict=True) if is_float(one)]
    result = torch_result(
        op, tuple(torch.tensor(one) if isinstance(one, np.ndarray) else one for one in leaves), attributes
    )
    assert result.requires_grad == ("x" not in op.without_history or op.name == "copy")
    if not result.requires_grad:
        return [np.zeros_like(plain(leaf)) for leaf in tracked]
    given = signed(op, cotangent, plain(result))
    found = torch.autograd.grad(result, tracked, torch.tensor(given), allow_unused=True, materialize_grads=True)
    return [plain(gradient) for gradient in found]


def jax_gradient_function(op: Op, example: tuple[Any, ...], attributes: dict[str, Any]) -> Callable[..., Any]:
    """A function of the operands and a gradient of the result: the gradients of the float operands, as in PyTorch."""
    places = [place for place, one in enumerate(example) if is_float(one)]

    def gradients(*given: Any) -> Any:
        *operands, cotangent = given

        def function(*floats: Any) -> Any:
            filled = dict(zip(places, floats, strict=True))
            return jax_result(op, tuple(filled.get(place, one) for place, one in enumerate(operands)), attributes)

        result, pullback = jax.vjp(function, *(operands[place] for place in places))
        return [jnp.conj(gradient) for gradient in pullback(jnp.conj(signed(op, cotangent, result)))]

    return gradients


def directional_derivative(op: Op, operands: tuple[Any, ...], directions: list[Any], attributes: dict[str, Any]) -> Any:
    """The derivative of the reference along the directions of its float operands, as an object array."""
    with mpmath.workdps(DIGITS):
        step = mpmath.mpf(10) ** -20
        remaining = iter(directions)
        moves = [exact_array(next(remaining)) * step if is_float(one) else None for one in operands]
        base = exact(operands)
        pairs = list(zip(base, moves, strict=True))
        there = tuple(one if move is None else np.asarray(one + move, dtype=object) for one, move in pairs)
        back = tuple(one if move is None else np.asarray(one - move, dtype=object) for one, move in pairs)
        difference = reference_result(op, there, attributes) - reference_result(op, back, attributes)
        return np.asarray(difference / (2 * step), dtype=object)


def differentiable(sample: Sample, op: Op) -> bool:
    dtype = inferred(op, sample.operands, bound(op, sample))[1]
    return dtype in ("float64", "complex128") and any(map(is_float, sample.operands))


@pytest.mark.parametrize(
    "name", [name for name in NAMES if any(differentiable(one, OPS[name]) for one in SAMPLES[name])]
)
def test_gradients_agree_with_the_derivative_of_the_reference(name: str) -> None:
    op = OPS[name]
    calls = [(one.operands, bound(op, one)) for one in SAMPLES[name] if differentiable(one, op)]
    cotangents = [draw_like(*inferred(op, *call)) for call in calls]
    results = compiled(
        op,
        [jax_gradient_function(op, *call) for call in calls],
        [(*operands, cotangent) for (operands, _), cotangent in zip(calls, cotangents, strict=True)],
    )
    for (operands, attributes), cotangent, found_jax in zip(calls, cotangents, results, strict=True):
        label = f"{name} {attributes} of {operands}"
        directions = [draw_like(operand.shape, operand.dtype) for operand in operands if is_float(operand)]
        found_torch = torch_gradients(op, operands, attributes, cotangent)
        derivative = directional_derivative(op, operands, directions, attributes)

        for gradient_torch, gradient_jax in zip(found_torch, found_jax, strict=True):
            np.testing.assert_allclose(
                gradient_torch, gradient_jax, rtol=GRADIENT_TOLERANCE, atol=1e-14, err_msg=label, strict=True
            )
        dtype = inferred(op, operands, attributes)[1]
        along = signed(op, cotangent, rounded(reference_result(op, exact(operands), attributes), dtype))
        wanted = float(np.sum(inner(rounded(derivative, dtype), along)))
        for found in (found_torch, found_jax):
            terms = [inner(gradient, direction) for gradient, direction in zip(found, directions, strict=True)]
            limit = GRADIENT_TOLERANCE * sum(float(np.abs(term).sum()) for term in terms)
            assert abs(sum(float(term.sum()) for term in terms) - wanted) <= limit, label
        if op.linear:
            remaining = iter(directions)
            linear = op.places(op.linear, len(operands))
            moved = [
                next(remaining) if is_float(one) else 0 if place in linear else one
                for place, one in enumerate(operands)
            ]
            tangent = reference_result(op, exact(tuple(moved)), attributes)
            np.testing.assert_allclose(
                rounded(tangent, dtype), rounded(derivative, dtype), rtol=1e-15, atol=1e-18, err_msg=label
            )


# ---- writing in place ----


@pytest.mark.parametrize("name", [name for name in NAMES if OPS[name].write is not None])
def test_the_in_place_form_leaves_the_value_and_the_gradient_of_the_op(name: str) -> None:
    op = OPS[name]
    assert op.write is not None
    tried = 0
    for one in SAMPLES[name]:
        attributes = bound(op, one)
        first = one.operands[0]
        if not is_float(first) or inferred(op, one.operands, attributes) != (first.shape, first.dtype.name):
            continue
        tried += 1
        leaf = torch.tensor(one.operands[0].copy(), requires_grad=True)
        rest = tensors(one.operands[1:])
        target = leaf.clone()
        pointer = target.data_ptr()
        exec(
            source(op, op.write, (target, *rest), attributes, "torch"),
            {"torch": torch, **(seen := names((target, *rest)))},
        )
        result = torch_result(op, (leaf, *rest), attributes)
        assert seen["a0"] is target, "The statement made a new tensor."
        assert target.data_ptr() == pointer
        torch.testing.assert_close(target, result, rtol=0, atol=0, equal_nan=True)
        cotangent = torch.tensor(draw_like(target.shape, one.operands[0].dtype))
        [written] = torch.autograd.grad(target, leaf, cotangent, allow_unused=True, materialize_grads=True)
        if result.requires_grad:
            [wanted] = torch.autograd.grad(result, leaf, cotangent, allow_unused=True, materialize_grads=True)
            # A formula that reads the result instead of the operand rounds in another way.
            reads_result = name in formulas.FROM_RESULT_IN_PLACE - formulas.FROM_RESULT
            torch.testing.assert_close(written, wanted, rtol=1e-15 if reads_result else 0, atol=0)
        else:
            assert not written.any()
    assert tried


# ---- further spellings ----

CALLS = [(name, spelling) for name in NAMES for spelling in OPS[name].calls]


def spelled(spelling: str, op: Op, operands: tuple[Any, ...], attributes: dict[str, Any], cotangent: Any = None) -> Any:
    """What PyTorch makes of a spelling: the result, and the gradients of the float operands where it has history."""
    leaves = [torch.tensor(one.copy(), requires_grad=is_float(one)) if isinstance(one, np.ndarray) else one
              for one in operands]  # fmt: skip
    tracked = [leaf for leaf, one in zip(leaves, operands, strict=True) if is_float(one)]
    result = eval(source(op, spelling, tuple(leaves), attributes, "torch"), {"torch": torch, **names(tuple(leaves))})
    if not result.requires_grad:
        return result, None
    return result, torch.autograd.grad(result, tracked, torch.tensor(cotangent), allow_unused=True)


def takes(spelling: str, op: Op, attributes: dict[str, Any]) -> bool:
    """Whether a spelling speaks of this call: what it does not mention has its default."""
    mentioned = {node.id for node in ast.walk(ast.parse(spelling)) if isinstance(node, ast.Name)}
    return all(name in mentioned or value == op.defaults[name] for name, value in attributes.items())


@pytest.mark.parametrize(("name", "spelling"), CALLS)
def test_a_further_spelling_is_the_same_computation(name: str, spelling: str) -> None:
    op = OPS[name]
    assert op.torch is not None
    tried = 0
    for one in SAMPLES[name]:
        attributes = bound(op, one)
        if not takes(spelling, op, attributes):
            continue
        # Rounded, the operands have ties, zeros and poles.
        rounded_off = tuple(np.asarray(np.round(each)) if is_float(each) else each for each in one.operands)
        for operands in (one.operands, rounded_off):
            wanted_result = torch_result(op, tensors(operands), attributes)
            cotangent = draw_like(tuple(wanted_result.shape), str(wanted_result.dtype).removeprefix("torch."))
            wanted = spelled(op.torch, op, operands, attributes, cotangent)
            try:
                found = spelled(spelling, op, operands, attributes, cotangent)
            except (RuntimeError, TypeError, IndexError):
                continue  # This spelling takes other shapes only, or no numbers.
            tried += 1
            torch.testing.assert_close(found, wanted, rtol=1e-15, atol=0, equal_nan=True)
    assert tried >= 2


def test_a_further_spelling_is_not_the_first_one_again() -> None:
    spellings = [spelling for row in OPS.values() for spelling in (row.torch, row.write, *row.calls) if spelling]
    repeated = {spelling for spelling in spellings if spellings.count(spelling) > 1}
    assert repeated == {"x[index]", "x[index] = y"}, "Two rows, or one row twice, are spelled like this."


# ---- views ----

VIEWS = [name for name in NAMES if OPS[name].view is not None]


def stored(array: Any) -> Any:
    """An array as a storage holds it: complex numbers as their parts."""
    return array[..., None].view(np.float64) if array.dtype == np.complex128 else array


def put_laws(op: Op, attributes: dict[str, Any]) -> Callable[..., Any]:
    """`x` with its own elements put back, `x` with `new` put in, and what the view shows then."""
    view = op.view
    assert view is not None

    def laws(x: Any, new: Any) -> Any:
        kept = jax_result(op, (x, jax_result(op, (x,), attributes)), attributes, view.put)
        put = jax_result(op, (x, new), attributes, view.put)
        return kept, put, jax_result(op, (put,), attributes)

    return laws


@pytest.mark.parametrize("name", VIEWS)
def test_writing_through_a_view_is_the_put_of_the_row(name: str) -> None:
    op = OPS[name]
    assert op.view is not None
    tried = 0
    for one in SAMPLES[name]:
        attributes = bound(op, one)
        [x] = one.operands
        base = torch.tensor(x.copy())
        seen = torch_result(op, (base,), attributes)
        if seen.numel() > base.numel() and seen.is_complex() == base.is_complex():
            continue  # Elements repeat, and PyTorch refuses the write.
        tried += 1
        new = draw_like(tuple(seen.shape), str(seen.dtype).removeprefix("torch."))
        seen.copy_(torch.tensor(new))

        [(kept, put, shown)] = compiled(op, [put_laws(op, attributes)], [(x, new)])
        np.testing.assert_array_equal(kept, x, strict=True)
        np.testing.assert_array_equal(shown, new, strict=True)
        np.testing.assert_array_equal(put, base.numpy(), strict=True)

        array = exact_array(stored(x))
        written = np.conj(new) if name == "conj" else new
        op.view.aliased(array, x.dtype.name, attributes)[...] = exact_array(stored(written))
        np.testing.assert_array_equal(rounded(array, "float64"), stored(base.numpy()), strict=True)
    assert tried


@pytest.mark.parametrize("name", VIEWS)
def test_the_alias_of_a_view_shares_the_memory_that_torch_shares(name: str) -> None:
    op = OPS[name]
    assert op.view is not None
    for one in SAMPLES[name]:
        attributes = bound(op, one)
        [x] = one.operands
        base = torch.tensor(x.copy())
        seen = torch_result(op, (base,), attributes)
        assert seen.untyped_storage().data_ptr() == base.untyped_storage().data_ptr()
        if seen.is_complex():
            seen = torch.view_as_real(seen.conj() if seen.is_conj() else seen)
        parts = stored(x)
        alias = op.view.aliased(parts, x.dtype.name, attributes)
        assert np.shares_memory(alias, x)
        assert alias.shape == tuple(seen.shape)
        strides = [stride * parts.itemsize for stride, size in zip(seen.stride(), alias.shape, strict=True) if size > 1]
        assert [stride for stride, size in zip(alias.strides, alias.shape, strict=True) if size > 1] == strides


LAYOUTS = {
    "transposed": lambda array: array.swapaxes(0, 1),
    "every other column": lambda array: array[:, ::2],
    "some rows": lambda array: array[1:3],
    "one column": lambda array: array[:, 1],
    "a new axis": lambda array: array[:, None],
}


SHAPES = [(12,), (3, 4), (2, 2, 3), (4, 3), (3, 1, 4), (8,), (4, 2), (2, 4), (4, 1, 2), (6,), (2, 1, 3), (4,), (2, 2)]


def laid_out(layout: str) -> Any:
    return LAYOUTS[layout](np.arange(12.0).reshape(4, 3))


@pytest.mark.parametrize(
    ("layout", "shape"),
    [(layout, shape) for layout in LAYOUTS for shape in SHAPES if laid_out(layout).size == np.prod(shape)],
)
def test_reshape_is_a_view_exactly_where_torch_makes_one(layout: str, shape: tuple[int, ...]) -> None:
    reshape = OPS["reshape"]
    assert reshape.view is not None
    array = laid_out(layout)
    base = LAYOUTS[layout](torch.arange(12.0).reshape(4, 3))
    seen = torch_result(reshape, (base,), {"shape": shape})
    if seen.untyped_storage().data_ptr() == base.untyped_storage().data_ptr():
        assert np.shares_memory(reshape.view.alias(array, shape=shape), array)
    else:
        with pytest.raises(ValueError, match="copy"):
            reshape.view.alias(array, shape=shape)


def other_layouts(array: Any) -> Iterator[Any]:
    """Tensors of the same shape and with every order of strides, with gaps, and with elements that repeat."""
    tensor = torch.tensor(array.copy())
    for axes in itertools.permutations(range(tensor.dim())):
        yield tensor.permute(axes).contiguous().permute([axes.index(axis) for axis in range(tensor.dim())])
    if not tensor.dim():
        return
    yield torch.cat([tensor, tensor], -1)[..., : tensor.shape[-1]]
    yield tensor[(slice(0, 1),) * tensor.dim()].expand(tensor.shape)


@pytest.mark.parametrize("name", sorted(DENSE_RESULTS))
def test_a_result_is_dense_whatever_the_operands_are(name: str) -> None:
    more = {"matmul": [sample(draw(2, 2, 3, 4), draw(2, 4, 2)), sample(draw(2, 2, 3, 4), draw(4, 2))]}
    for one in (*SAMPLES[name], *more.get(name, ())):
        if any(operand.size == 0 for operand in one.operands):
            continue
        for operands in itertools.product(*map(other_layouts, one.operands)):
            assert torch_result(OPS[name], operands, bound(OPS[name], one)).is_contiguous()


# ---- the edges of the real line ----

POINTS = np.array([0, 1, -1, 0.5, -0.5, 2, -2, 2.5, 3, -3, 21, 30, -30, 200, -200, np.inf, -np.inf, np.nan])
ON_THE_LINE = sorted(
    {row.name for row in elementwise.ROWS}
    - {"clip", "where", "logical_not", "logical_and", "logical_or", "logical_xor"}
)
ALONE = {("sign", "torch", np.nan), ("gelu", "torch", -30.0)}
"""Where one framework's value is not that of the function: the sign of nan is 0, and gelu loses all its digits."""


@pytest.mark.parametrize("name", ON_THE_LINE)
def test_infinities_nan_and_poles_agree(name: str) -> None:
    op = OPS[name]
    operands = (POINTS,) if op.operand_names == ("x",) else tuple(one.ravel() for one in np.meshgrid(POINTS, POINTS))
    attributes = op.bind(len(operands), {})
    results = {
        "torch": torch_result(op, tensors(operands), attributes).numpy(),
        "jax": jax_results(op, [(operands, attributes)])[0],
    }
    exact_result = reference_result(op, exact(operands), attributes)
    wanted = rounded(exact_result, results["torch"].dtype.name)
    for leg, result in results.items():
        close = np.isclose(result, wanted, rtol=1e-12, atol=0, equal_nan=True)
        alone = {(name, leg, *(float(operand[place]) for operand in operands)) for place in np.flatnonzero(~close)}
        declared = {entry for entry in ALONE if entry[:2] == (name, leg)}
        assert sorted(map(repr, alone)) == sorted(map(repr, declared))


# ---- refusals ----

VECTOR, PLANE, CUBE = (3,), (2, 3), (2, 3, 4)
WRONG_SHAPES: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("add", (PLANE, (2,)), {}, "do not broadcast"),
    ("where", (PLANE, PLANE, (4,)), {}, "do not broadcast"),
    ("clip", (PLANE,), {}, "needs min, max or both"),
    ("sum", (PLANE,), {"axis": 2}, "axis 2 is out of range for 2 dimensions"),
    ("sum", ((),), {"axis": 0}, "out of range"),
    ("sum", (PLANE,), {"axis": (0, -2)}, "repeat"),
    ("sum", (PLANE,), {"axis": ()}, r"axis=\(\) means no axis to NumPy and every axis to PyTorch"),
    ("mean", (PLANE,), {"keepdims": True}, "keepdims needs axis"),
    ("prod", (CUBE,), {"axis": (0, 1)}, "takes one axis"),
    ("max", ((2, 0),), {"axis": 1}, "no element to reduce"),
    ("min", ((0,),), {}, "no element to reduce"),
    ("logsumexp", ((2, 0),), {"axis": (0, 1)}, "no element to reduce"),
    ("var", (PLANE,), {"axis": 0, "correction": 2}, "leave nothing to divide by"),
    ("std", ((),), {"correction": 1}, "leave nothing to divide by"),
    ("softmax", (PLANE,), {"axis": 2}, "out of range"),
    ("cumulative_sum", (PLANE,), {"axis": (0, 1)}, "takes one axis"),
    ("getitem", (VECTOR,), {"index": (0, 0)}, "too many indices"),
    ("getitem", (VECTOR,), {"index": (3,)}, "index 3 is out of range for axis 0 of size 3"),
    ("reshape", (PLANE,), {"shape": (4,)}, "6 elements do not fit"),
    ("reshape", (PLANE,), {"shape": (-1, -1)}, "do not fit"),
    ("broadcast_to", (VECTOR,), {"shape": (3, 2)}, "does not broadcast to"),
    ("broadcast_to", (PLANE,), {"shape": (3,)}, "does not broadcast to"),
    ("broadcast_to", (VECTOR,), {"shape": (2, -1)}, "does not broadcast to"),
    ("permute_dims", (PLANE,), {"axes": (0, 0)}, "repeat"),
    ("permute_dims", (PLANE,), {"axes": (0, 3)}, "out of range"),
    ("permute_dims", (PLANE,), {"axes": (0,)}, "not a permutation"),
    ("permute_dims", (PLANE,), {"axes": ()}, "not a permutation"),
    ("matrix_transpose", (VECTOR,), {}, "at least two dimensions"),
    ("expand_dims", (VECTOR,), {"axis": 2}, "out of range"),
    ("expand_dims", (VECTOR,), {"axis": (0, 1)}, "takes one axis"),
    ("squeeze", (PLANE,), {"axis": 0}, "has size 2"),
    ("diagonal", (VECTOR,), {}, "at least two dimensions"),
    ("diagonal", (CUBE,), {"axis2": -3}, "not along axis 0 alone"),
    ("diagonal", (PLANE,), {"offset": 4}, "no diagonal 4 in 2 rows and 3 columns"),
    ("select", (PLANE,), {"axis": 0, "position": 2}, "index 2 is out of range for axis 0 of size 2"),
    ("narrow", (PLANE,), {"axis": 1, "start": 2, "length": 2}, "2 elements from 2 on are not within axis 1 of size 3"),
    ("unstack", (PLANE,), {"position": 2}, "index 2 is out of range"),
    ("split", (VECTOR,), {"sizes": (1, 1), "position": 0}, r"sizes \[1, 1\] do not add up to 3"),
    ("split", (VECTOR,), {"sizes": 0, "position": 0}, "pieces of size 0"),
    ("split", (VECTOR,), {"sizes": 2, "position": 2}, "no piece 2 among 2"),
    ("chunk", (VECTOR,), {"chunks": 0, "position": 0}, "no 0 chunks"),
    ("chunk", ((5,),), {"chunks": 4, "position": 3}, "no piece 3 among 3"),
    ("view", (PLANE,), {"shape": (4,)}, "6 elements do not fit"),
    ("flatten", (VECTOR,), {}, "PyTorch answers with the tensor itself"),
    ("flatten", (PLANE,), {"start_axis": 1, "end_axis": 0}, "run backwards"),
    ("unflatten", (PLANE,), {"axis": 1, "shape": (2, 2)}, "3 elements do not fit"),
    ("swapaxes", (PLANE,), {"axis1": 0, "axis2": 2}, "out of range"),
    ("moveaxis", (CUBE,), {"source": (0, 1), "destination": 0}, "both be integers, or both tuples"),
    ("moveaxis", (CUBE,), {"source": (0, 1), "destination": (0,)}, "not as many axes"),
    ("advanced_getitem", (PLANE,), {"index": (0,)}, "no positions in the index"),
    ("advanced_getitem", (PLANE,), {"index": ((),)}, "a list of positions is empty"),
    ("advanced_getitem", (PLANE,), {"index": ((0, 3),)}, "index 3 is out of bounds for axis 0 with size 2"),
    ("advanced_getitem", (PLANE,), {"index": ("tensor",)}, "does not name its 0 tensors"),
    ("advanced_getitem", (PLANE, ()), {"index": ("tensor",)}, "write the number"),
    ("advanced_getitem", (CUBE,), {"index": (0, Slice(), (0, 1))}, "an integer stands apart from the positions"),
    ("advanced_getitem", (PLANE,), {"index": ((0, 1), (0, 1, 2))}, "could not be broadcast together"),
    ("advanced_setitem", (PLANE, (2,)), {"index": ((0, 1),)}, r"a value of shape \[2\] does not fit \[2, 3\]"),
    ("masked_setitem", (PLANE, (3,), PLANE), {"index": ("tensor",)}, "depends on how many True"),
    ("masked_setitem", (PLANE, (), VECTOR), {"index": ("tensor",)}, "does not match axis 0"),
    ("masked_setitem", (PLANE, (), VECTOR), {"index": (0, "tensor")}, "only whole slices beside it"),
    ("masked_fill", (PLANE, VECTOR, VECTOR), {}, "one number do not fill"),
    ("masked_fill", (VECTOR, PLANE, ()), {}, "do not fill"),
    ("index_put", (PLANE, (2,), (2,)), {}, "does not fit"),
    ("index_add", (PLANE, (2,), PLANE), {"axis": 1}, "not of shape"),
    ("index_copy", (PLANE, (2, 1), PLANE), {"axis": 1}, "positions along one axis are a vector"),
    ("index_fill", (PLANE, (2,), (1,)), {"axis": 1}, "fills with one number"),
    ("scatter", (PLANE, (2, 1), PLANE), {"axis": 1}, "has not the shape"),
    ("scatter", (PLANE, (3, 1), (3, 1)), {"axis": 1}, "differ beside axis 1"),
    ("scatter_add", (PLANE, (2, 1), ()), {"axis": 1}, "has not the shape"),
    ("slice_scatter", (PLANE, PLANE), {"stop": 1}, "is not of shape"),
    ("select_scatter", (PLANE, PLANE), {"axis": 0, "position": 0}, "is not of shape"),
    ("diagonal_scatter", (PLANE, VECTOR), {}, "is not of shape"),
    ("flip", (VECTOR,), {"axis": 1}, "out of range"),
    ("roll", (PLANE,), {"shift": 1, "axis": (0, 1)}, "takes one axis"),
    ("concat", (PLANE, VECTOR), {}, "differ beside axis 0"),
    ("concat", (PLANE, (2, 2)), {"axis": 0}, "differ beside axis 0"),
    ("concat", ((), ()), {}, "out of range"),
    ("stack", (PLANE, VECTOR), {}, "stack needs one shape"),
    ("take_along_axis", (PLANE, (2,)), {"axis": 1}, "differ beside axis 1"),
    ("tril", (VECTOR,), {}, "at least two dimensions"),
    ("triu", ((),), {}, "at least two dimensions"),
    ("copy", (VECTOR, PLANE), {}, "does not fit"),
    ("copy", (VECTOR, (2,)), {}, "does not fit"),
    ("matmul", (PLANE, PLANE), {}, "inner sizes 3 and 2 differ"),
    ("matmul", (PLANE, ()), {}, "at least one dimension"),
    ("matmul", (CUBE, (3, 4, 2)), {}, "do not broadcast"),
    ("linear", (PLANE, (2, 2)), {}, "inner sizes 3 and 2 differ"),
    ("linear", (PLANE, VECTOR), {}, "must be a matrix"),
    ("vecdot", (PLANE, (2, 1)), {}, "sizes 3 and 1 along axis -1 differ"),
    ("vecdot", (CUBE, (3, 4)), {"axis": 1}, "sizes 3 and 4 along axis 1 differ"),
    ("vecdot", ((2, 3, 3), (3, 3)), {"axis": 1}, "counted from the end"),
    ("outer", (PLANE, VECTOR), {}, "needs two vectors"),
    ("trace", (VECTOR,), {}, "needs a matrix"),
    ("one_hot", (VECTOR,), {"classes": 0}, "must be written down and positive"),
    ("conv1d", (PLANE, CUBE), {}, "needs batch, channels and 1 more axes of both operands, got 2 and 3"),
    ("conv1d", (CUBE, (1, 2, 2)), {}, "3 channels are not those of a weight"),
    ("conv1d", (CUBE, (4, 1, 2)), {"groups": 3}, "3 groups do not divide the 4 channels"),
    ("conv1d", (CUBE, (1, 3, 3)), {"dilation": 2}, r"a kernel that covers \[5\] does not fit into \[4\]"),
    ("conv1d", (CUBE, (1, 3, 3)), {"stride": (1, 1)}, "one for each of 1 axes"),
    ("conv1d", (CUBE, (1, 3, 3)), {"padding": -1}, "padding must be at least 0"),
    ("conv_transpose1d", (CUBE, (1, 3, 2)), {}, "3 channels are not those"),
    ("conv_transpose1d", (CUBE, (3, 1, 2)), {"output_padding": 1}, "smaller than the stride or the dilation"),
    ("conv_transpose1d", (CUBE, (3, 1, 2)), {"padding": 3}, "nothing is left of the result"),
    ("max_pool1d", (PLANE,), {"window": 4, "stride": 1}, "a window of 4 does not fit into 3"),
    ("max_pool1d", (VECTOR,), {"window": 2, "stride": 1}, "needs channels and 1 more axes"),
    ("max_pool1d", (PLANE,), {"window": 2, "stride": 0}, "must be at least 1"),
    ("avg_pool1d", (PLANE,), {"window": 2, "stride": 1, "padding": 2}, "padding at most half the window"),
    ("avg_pool1d", (PLANE,), {"window": 2, "stride": 2, "ceil_mode": True}, "a window reaches beyond the padding"),
    ("pixel_shuffle", (CUBE,), {"factor": 2}, "4 does not divide the 2 channels"),
    ("pixel_shuffle", (PLANE,), {"factor": 2}, "needs channels, a height and a width"),
    ("pixel_unshuffle", (CUBE,), {"factor": 2}, "2 does not divide the 3 rows"),
    ("channel_shuffle", (CUBE,), {"groups": 2}, "2 does not divide the 3 channels"),
    ("channel_shuffle", (PLANE,), {"groups": 3}, "needs a batch, channels, and an axis more"),
    ("pad", (PLANE,), {"widths": (1,)}, "widths come in pairs"),
    ("pad", (VECTOR,), {"widths": (1, 1, 1, 1)}, "widths come in pairs"),
    ("pad", (PLANE,), {"widths": (-1, 0)}, "index with a slice"),
    ("pad_reflect", (PLANE,), {"widths": (3, 0)}, "an axis of size 3 has no 3 elements to pad with"),
    ("pad_circular", (PLANE,), {"widths": (0, 4)}, "has no 4 elements"),
    ("pad_replicate", ((2, 0),), {"widths": (1, 0)}, "has no 1 elements"),
    ("pad_replicate", (VECTOR,), {"widths": (1, 0)}, "all axes but the first one or two"),
    ("tile", (PLANE,), {"repetitions": (2, -1)}, "nothing is repeated -1 times"),
    ("repeat", (PLANE,), {"count": -2}, "nothing is repeated -2 times"),
    ("repeat", (PLANE,), {"count": 2, "axis": 2}, "out of range"),
    ("diag", (CUBE,), {}, "makes a matrix of a vector"),
    ("diag", (PLANE,), {"k": 4}, "no diagonal 4"),
    ("any", (PLANE,), {"axis": 2}, "out of range"),
    ("all", (PLANE,), {"keepdims": True}, "keepdims needs axis"),
    ("argmax", (PLANE,), {"axis": (0, 1)}, "takes one axis"),
    ("argmin", ((2, 0),), {"axis": 1}, "no element to reduce"),
    ("argsort", (PLANE,), {"axis": 2}, "out of range"),
    ("cumulative_logsumexp", (PLANE,), {"axis": 2}, "out of range"),
    ("einsum", (PLANE, PLANE), {"equation": "ij"}, "has 1 terms for 2 operands"),
    ("einsum", (PLANE,), {"equation": "i"}, "does not name the 2 dimensions"),
    ("einsum", (PLANE,), {"equation": "ijk"}, "does not name the 2 dimensions"),
    ("einsum", (PLANE, PLANE), {"equation": "ij,jk->ik"}, "'j' of ij,jk->ik has the sizes 3 and 2"),
    ("einsum", (PLANE,), {"equation": "ij->k"}, "names an axis twice, or one that no operand has"),
    ("einsum", (PLANE,), {"equation": "ij->ii"}, "names an axis twice"),
    ("einsum", (PLANE, (2, 4)), {"equation": "...,..."}, "has the sizes 3 and 4"),
    ("kron", (PLANE, VECTOR), {}, "as many dimensions on each side"),
    ("cross", (PLANE, (2, 2)), {}, "size 3 along axis -1"),
    ("cross", (PLANE, VECTOR), {}, "as many dimensions on each side"),
    ("inv", (PLANE,), {}, "needs square matrices"),
    ("det", (VECTOR,), {}, "needs square matrices"),
    ("cholesky", (PLANE,), {}, "needs square matrices"),
    ("solve", ((3, 3), PLANE), {}, "do not fit matrices"),
    ("solve", ((2, 3, 3), (2, 3)), {}, "give them a last axis"),
    ("fft", (PLANE,), {"axis": 2}, "out of range"),
    ("ifft", (PLANE,), {"n": 0}, "a transform of 3 elements to 0"),
    ("rfft", ((2, 0),), {}, "a transform of 0 elements"),
    ("irfft", ((1,),), {}, "a transform of 1 elements to 0"),
]


@pytest.mark.parametrize(("name", "shapes", "attributes", "message"), WRONG_SHAPES)
def test_a_wrong_shape_is_a_value_error(
    name: str, shapes: tuple[Any, ...], attributes: dict[str, Any], message: str
) -> None:
    op = OPS[name]
    with pytest.raises(ValueError, match=message):
        op.shape(shapes, op.bind(len(shapes), attributes))


WRONG_POSITIONS: list[tuple[str, Any, dict[str, Any], str]] = [
    ("one_hot", [0, 3], {"classes": 3}, "position 3 is out of range for size 3"),
    ("take", [3], {"axis": 1}, "position 3 is out of range for size 3"),
    ("take", [-1], {"axis": 1}, "none may be negative"),
    ("take_along_axis", [[0], [3]], {"axis": 1}, "position 3 is out of range"),
    ("advanced_getitem", [0, 2], {"index": (TENSOR,)}, "index 2 is out of bounds for axis 0 with size 2"),
    ("advanced_getitem", [True, False, True], {"index": (TENSOR,)}, "boolean index did not match"),
]


@pytest.mark.parametrize(("name", "positions", "attributes", "message"), WRONG_POSITIONS)
def test_known_positions_that_are_out_of_range_are_a_value_error(
    name: str, positions: Any, attributes: dict[str, Any], message: str
) -> None:
    known = np.array(positions)
    with pytest.raises(ValueError, match=message):
        OPS[name].shape((PLANE, known.shape), {**attributes, "known": (known,)})


WRONG_DTYPES: list[tuple[str, tuple[str, ...], str]] = [
    ("add", ("float64", "int64"), "float64 and int64, whose promotion is not modelled"),
    ("add", ("float32", "float64"), "promotion is not modelled"),
    ("subtract", ("bool", "bool"), "arithmetic on booleans"),
    ("multiply", ("bool", "python-float"), "arithmetic on booleans"),
    ("subtract", ("float64", "python-bool"), "arithmetic on booleans"),
    ("exp", ("bool",), "arithmetic on booleans"),
    ("power", ("int64", "int64"), "refuses for integers"),
    ("power", ("python-int", "int64"), "refuses for integers"),
    ("remainder", ("python-int", "float64"), "no derivative for a number % a tensor"),
    ("remainder", ("int64", "python-int"), "needs floating point, got int64"),
    ("remainder", ("int64", "python-float"), "needs floating point, got int64"),
    ("sigmoid", ("int64",), "needs floating point, got int64; cast with astype"),
    ("mean", ("int64",), "needs floating point"),
    ("matmul", ("float64", "float32"), "promotion is not modelled"),
    ("less", ("int64", "float64"), "promotion is not modelled"),
    ("where", ("float64", "float64", "float64"), "condition must be bool"),
    ("where", ("bool", "float64", "int64"), "promotion is not modelled"),
    ("where", ("bool", "python-float", "python-float"), "needs a tensor among the numbers"),
    ("logical_and", ("bool", "float64"), "needs bool"),
    ("logical_not", ("int64",), "needs bool, got int64; compare first"),
    ("concat", ("float64", "bool"), "promotion is not modelled"),
    ("fill", ("float64", "float64"), "copy takes a tensor"),
    ("fill", ("int64", "python-float"), "a Python float is not a int64"),
    ("copy", ("float32", "float64"), "promotion is not modelled"),
    ("add", ("float32", "complex128"), "complex128 and complex64, whose promotion is not modelled"),
    ("multiply", ("int64", "python-complex"), "beside integers"),
    ("multiply", ("int64", "complex128"), "promotion is not modelled"),
    ("less", ("complex128", "complex128"), "not defined for complex numbers here"),
    ("maximum", ("complex128", "complex128"), "take real, imag, abs or angle first"),
    ("floor", ("complex64",), "not defined for complex numbers"),
    ("clip", ("complex128",), "not defined for complex numbers"),
    ("equal", ("float64", "python-complex"), "compares real numbers with a complex one"),
    ("matmul", ("complex128", "float64"), "promotion is not modelled"),
    ("where", ("bool", "complex128", "float64"), "cannot differentiate where of real and complex numbers"),
    ("where", ("bool", "float64", "python-complex"), "cannot differentiate where of real and complex numbers"),
    ("fill", ("float64", "python-complex"), "a Python complex is not a float64"),
    ("real", ("float64",), "needs a complex tensor, got float64"),
    ("conj", ("int64",), "needs a complex tensor, got int64"),
    ("complex", ("int64", "int64"), "needs floating-point parts, got int64"),
    ("complex", ("float32", "float64"), "promotion is not modelled"),
    ("view_as_complex", ("complex128",), "not defined for complex numbers"),
    ("advanced_getitem", ("float64", "float64"), "positions must be a tensor of int64 or bool, got float64"),
    ("take", ("float64", "bool"), "positions must be a tensor of int64, got bool"),
    ("advanced_setitem", ("float64", "int64", "int64"), "promotion is not modelled"),
    ("advanced_setitem", ("int64", "python-float", "int64"), "a Python float is not a int64"),
    ("advanced_setitem", ("float64", "float64", "python-int"), "got python-int"),
    ("masked_setitem", ("float64", "float64", "int64"), "tensor of bool, got int64"),
    ("masked_fill", ("float64", "int64", "python-float"), "tensor of bool, got int64"),
    ("index_put", ("float64", "int64", "int64"), "a tensor of the same dtype"),
    ("index_add", ("bool", "int64", "bool"), "booleans are not added"),
    ("one_hot", ("float64",), "positions must be a tensor of int64, got float64"),
    ("conv1d", ("float64", "float32"), "promotion is not modelled"),
    ("max_pool2d", ("int64",), "needs floating point, got int64"),
    ("pad", ("bool",), "a bool is not padded with a number"),
    ("fmod", ("python-float", "float64"), "takes a tensor first"),
    ("fmod", ("int64", "python-int"), "needs floating point"),
    ("elu", ("int64",), "needs floating point"),
    ("isnan", ("bool",), "arithmetic on booleans"),
    ("isfinite", ("complex128",), "not defined for complex numbers"),
    ("logical_xor", ("int64", "int64"), "needs bool"),
    ("any", ("float64",), "needs bool, got float64; compare first"),
    ("argmax", ("bool",), "arithmetic on booleans"),
    ("argsort", ("complex128",), "not defined for complex numbers"),
    ("einsum", ("float64", "float32"), "promotion is not modelled"),
    ("inv", ("complex128",), "not defined for complex numbers"),
    ("solve", ("float64", "int64"), "promotion is not modelled"),
    ("fft", ("int64",), "needs floating point or complex numbers"),
    ("rfft", ("complex128",), "not defined for complex numbers"),
    ("rfft", ("int64",), "needs real floating-point numbers"),
    ("irfft", ("float64",), "needs a complex tensor"),
]


def test_every_row_for_complex_numbers_has_complex_samples() -> None:
    taking = {name for name in NAMES if OPS[name].complex}
    given = {name for name, samples in SAMPLES.items() for one in samples if any(map(is_complex, one.operands))}
    assert given == taking
    assert all(OPS[name].complex for name in COMPLEX_SAMPLES)


def is_complex(operand: Any) -> bool:
    return isinstance(operand, np.ndarray) and operand.dtype == np.complex128


@pytest.mark.parametrize(
    ("name", "attributes", "message"),
    [
        ("einsum", {"equation": 'ij"); print("'}, "letters, commas, ellipses and an arrow"),
        ("einsum", {"equation": "ij->ji->ij"}, "letters, commas, ellipses and an arrow"),
        ("fft", {"norm": "unitary"}, "'forward', 'backward' or 'ortho'"),
        ("elu", {"alpha": "two"}, "must be a number"),
        ("argsort", {"descending": 1}, "True or False"),
    ],
)
def test_words_that_would_be_printed_are_checked(name: str, attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        bound_attributes(OPS[name], 1, attributes)


def test_a_cast_that_drops_imaginary_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="would drop the imaginary parts; take real, imag or abs"):
        OPS["astype"].result_dtype(("complex128",), "float64", {"dtype": "float64"})


@pytest.mark.parametrize(("name", "dtypes", "message"), WRONG_DTYPES)
def test_a_wrong_dtype_is_a_value_error(name: str, dtypes: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OPS[name].result_dtype(dtypes, "float64", {})

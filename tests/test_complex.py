"""Complex tensors from end to end: numbers, views of parts, conjugated gradients, exact arithmetic, judging."""

from __future__ import annotations

import ast
import cmath
import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from compare.errors import ProgramError
from compare.functionalize import functionalize
from compare.functionalize.gradients import Gradients
from compare.jax_leg import print_jax, run_jax
from compare.judge import compare, judge_case
from compare.observed import Array, Directional, OneSided
from compare.program import Program
from compare.reference import run_reference
from compare.results import Observation
from compare.sources import number_tree
from compare.statements import Leaf, as_number, from_number, is_number_word
from compare.tape import Tape
from compare.torch_leg import print_torch, run_torch

NAN, INF = math.nan, math.inf
NUMBERS = [
    1 + 2j, -1 - 2j, 2j, complex(0, -2), complex(-0.0, 2), complex(1, -0.0), complex(-0.0, -0.0), 0j,
    complex(NAN, 1), complex(1, -INF), complex(-INF, NAN), 1e-300 + 1e300j, 1 / 3 - 1e-5j,
]  # fmt: skip


def recorded(case: Callable[[Tape], None], *, dtype: str = "float64") -> Program:
    tape = Tape(dtype=dtype)
    case(tape)
    return tape.program("complex", "Complex")


def judged(case: Callable[[Tape], None], *, dtype: str = "float64") -> dict[str, Observation]:
    program = recorded(case, dtype=dtype)
    pure = functionalize(program).pure
    legs = run_torch(program, print_torch(program)), run_jax(pure, print_jax(pure)), run_reference(program)
    assert [leg.failure for leg in legs] == [None, None, None]
    return {one.name: one for one in judge_case(program, *legs, {})}


def jax_text(case: Callable[[Tape], None]) -> str:
    return print_jax(functionalize(recorded(case)).pure).text


# ---- numbers ----


def same(one: complex, other: complex) -> bool:
    return repr(one) == repr(other)


@pytest.mark.parametrize("number", NUMBERS, ids=str)
def test_a_number_is_a_word_and_comes_back(number: complex) -> None:
    word = as_number(number)
    assert is_number_word(word)
    assert same(from_number(word), number)


@pytest.mark.parametrize("number", NUMBERS, ids=str)
@pytest.mark.parametrize("namespace", ["torch", "jnp"])
def test_the_printed_number_is_the_number_with_the_signs_of_its_zeros(number: complex, namespace: str) -> None:
    text = ast.unparse(number_tree(as_number(number), namespace))
    assert same(complex(eval(text, {namespace: math})), number)
    # As an operand it keeps its brackets.
    assert same(complex(eval(f"1 * ({text})", {namespace: math})), 1 * number)


@pytest.mark.parametrize(
    "text",
    ["1.0", "j", "1j", "1+2", "1.0+2.0j)", "1.0+2.0j\n", "1.0+-2.0j", "nan+nan", "__import__('os')+1j", "1_0+1j"],
)
def test_other_text_is_no_number(text: str) -> None:
    assert not is_number_word(text)


@pytest.mark.parametrize(
    ("data", "dtype"),
    [("1.0+2.0j", "float64"), (True, "complex128"), ("1+2", "complex128"), (["1.0+2.0j", None], "complex64")],
)
def test_data_that_does_not_fit_is_refused(data: Any, dtype: str) -> None:
    leaf = Leaf(target="z", data=data, dtype=dtype)
    program = Program(id="a", title="A", dtype="float64", statements=(leaf,))
    with pytest.raises(ProgramError, match=f"is not a {dtype}"):
        Program.from_json(program.to_json())


def test_complex_data_has_the_complex_dtype_of_the_run() -> None:
    for dtype, wanted in (("float64", "complex128"), ("float32", "complex64")):
        tape = Tape(dtype=dtype)
        z = tape.leaf([1 + 2j, 0.1])
        assert z.dtype_name == wanted
        assert z.abs().dtype_name == dtype


def test_a_real_tensor_takes_no_complex_data() -> None:
    with pytest.raises(ProgramError, match="give their real parts"):
        Tape().leaf([1j], dtype="float64")


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "int64", "bool", "float32"])
@pytest.mark.parametrize("run_dtype", ["float32", "float64"])
def test_empty_data_has_the_dtype_that_it_is_given(dtype: str, run_dtype: str) -> None:
    def case(tape: Tape) -> None:
        empty = tape.constant([], dtype=dtype)
        tape.observe(empty.dtype)

    [seen] = judged(case, dtype=run_dtype).values()
    assert seen.verdict == "match" or (dtype == "int64" and seen.concept == "integer-width")


# ---- gradients ----


def test_the_gradient_of_a_real_loss_is_that_of_pytorch() -> None:
    def case(tape: Tape) -> None:
        z = tape.leaf([1 + 2j, 3 - 1j])
        loss = (z.exp() * z.sin()).abs().sum()
        loss.backward()
        tape.observe(z.grad)

    assert judged(case)["z.grad"].verdict == "match"
    assert judged(case, dtype="float32")["z.grad"].verdict == "match"
    assert "z_grad = jnp.conj(z_cotangent)" in jax_text(case)


def test_a_gradient_without_its_conjugate_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gradients, "_conjugated", lambda self, value, hint: value)

    def case(tape: Tape) -> None:
        z = tape.leaf([1 + 2j, 3 - 1j])
        loss = (z * z).abs().sum()
        loss.backward()
        tape.observe(z.grad)

    assert judged(case)["z.grad"].verdict == "jax-wrong"


def test_a_cotangent_is_conjugated_on_its_way_in() -> None:
    def case(tape: Tape) -> None:
        z = tape.leaf([1 + 2j, 3 - 1j])
        root = z * z
        v = tape.constant([1j, 2 - 1j])
        root.backward(gradient=v)
        tape.expect(z.grad, [2j * (1 - 2j), 2 * (2 - 1j) * (3 + 1j)])

    assert judged(case)["z.grad"].verdict == "match"
    assert "(z_cotangent,) = pullback(v_conj)" in jax_text(case)


def test_a_hook_sees_the_gradient_and_returns_one() -> None:
    def case(tape: Tape) -> None:
        z = tape.leaf(1 + 2j)
        h = z * z
        h.register_hook(lambda gradient: gradient * 1j)
        loss = h.real()
        loss.backward()
        tape.expect(z.grad, 1j * 2 * (1 - 2j))

    found = judged(case)["z.grad"]
    assert (found.verdict, found.reference) == ("match", "surrogate")
    text = jax_text(case)
    assert "gradient = jnp.conj(gradient)" in text
    assert "return (jnp.conj(gradient * 1j),)" in text


def test_a_hook_that_returns_nothing_is_left_out() -> None:
    def case(tape: Tape) -> None:
        z = tape.leaf(1 + 2j)
        z.register_hook(lambda gradient: None)
        loss = z.abs()
        loss.backward()
        tape.observe(z.grad)

    assert judged(case)["z.grad"].verdict == "match"
    assert "custom_vjp" not in jax_text(case)


def test_a_real_leaf_beside_complex_numbers_has_a_real_gradient() -> None:
    def case(tape: Tape) -> None:
        x = tape.leaf([1.0, 2.0])
        y = x * (0.5 - 2j) + tape.constant([1j, 3.0])
        loss = (y * y).imag().sum()
        loss.backward()
        tape.observe(x.grad)
        tape.observe(y.dtype)

    found = judged(case)
    assert {one.verdict for one in found.values()} == {"match"}
    assert "conj" not in jax_text(case)


def test_gradients_add_up_in_the_convention_of_pytorch() -> None:
    def case(tape: Tape) -> None:
        z = tape.leaf(1 + 2j)
        for _ in range(2):
            loss = (z * z).real()
            loss.backward()
        with tape.no_grad():
            z -= 0.5 * z.grad
        tape.expect(z, -1 + 6j)

    assert judged(case)["z"].verdict == "match"


# ---- views of parts ----


def test_writes_through_every_view_of_parts_arrive() -> None:
    def case(tape: Tape) -> None:
        z = tape.leaf([[1 + 2j, 3 - 1j], [0.5j, 2 + 0.25j]])
        w = z * 1.0
        w.matrix_transpose()[0].real().mul_(3.0)
        w[1].imag()[0] = 7.0
        tape.view_as_real(w[:, 1])[0, 1] = -2.0
        c = w.conj()
        c[0, 0] = 5j
        pairs = tape.leaf([1.0, 2.0, 3.0, 4.0]).clone()
        joined = tape.view_as_complex(pairs.reshape((2, 2)))
        joined[1] = 9 - 1j
        for one in (w, c, pairs, joined):
            tape.observe(one)
        loss = (w * c).real().sum() + (w[0] * joined).imag().sum() + pairs.sum()
        loss.backward()
        tape.observe(z.grad)

    found = judged(case)
    assert {name: one.verdict for name, one in found.items()} == dict.fromkeys(found, "match")


def test_an_element_of_the_conjugate_is_not_the_element_itself() -> None:
    def case(tape: Tape) -> None:
        z = tape.leaf([1 + 2j, 3 - 1j])
        w = z * 1.0
        w[0] = w.conj()[0]
        tape.expect(w, [1 - 2j, 3 - 1j])
        loss = (w * (1 + 1j)).real().sum()
        loss.backward()
        tape.observe(z.grad)

    found = judged(case)
    assert {one.verdict for one in found.values()} == {"match"}


def refused(case: Callable[[Tape], Any], message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        case(Tape())


def test_the_imaginary_part_of_a_conjugated_view_is_refused() -> None:
    refused(lambda tape: tape.leaf([1j]).conj().imag(), "conjugated view.*clone it first")
    refused(lambda tape: tape.view_as_real(tape.leaf([1j]).conj()), "conjugated view")
    tape = Tape()
    z = tape.leaf([1j])
    z.conj().real()
    z.conj().conj().imag()
    z.conj().clone().imag()


@pytest.mark.parametrize(
    "make",
    [
        lambda tape: tape.leaf([[1.0, 2.0], [3.0, 4.0]]).matrix_transpose(),
        lambda tape: tape.leaf([1.0, 2.0, 3.0])[1:],
        lambda tape: tape.leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])[:, :2],
    ],
    ids=["transposed", "odd offset", "odd stride"],
)
def test_parts_that_do_not_lie_side_by_side_are_refused(make: Callable[[Tape], Any]) -> None:
    import torch

    refused(lambda tape: tape.view_as_complex(make(tape)), "side by side.*Clone it first")
    tape = Tape()
    tape.observe(make(tape))
    program = tape.program("parts", "Parts")
    names: dict[str, Any] = {"print": lambda label, tensor: names.update(seen=tensor)}
    with default_dtype():
        exec(print_torch(program).text, names)
    with pytest.raises(RuntimeError, match=r"stride|storage_offset"):
        torch.view_as_complex(names["seen"])


@contextlib.contextmanager
def default_dtype() -> Iterator[None]:
    """What a script sets is put back."""
    import torch

    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


def test_writes_that_pytorch_refuses_or_fails_on_are_refused() -> None:
    refused(lambda tape: (tape.leaf([1j]) * 1.0).abs_(), "the result is real, and the tensor complex")

    def mixed(tape: Tape) -> None:
        w = tape.leaf([1j, 2.0]) * 1.0
        w[:] = tape.leaf(3.0)

    refused(mixed, "fails in the backward pass. Cast it with astype")

    def one_by_one(tape: Tape) -> None:
        w = tape.leaf([1j, 2.0]) * 1.0
        x = tape.leaf(3.0)
        w[0] = x
        loss = w.abs().sum()
        loss.backward()
        tape.observe(x.grad)

    assert judged(one_by_one)["x.grad"].verdict == "match"

    def dropped(tape: Tape) -> None:
        w = tape.leaf([1.0]) * 1.0
        w[0] = 1j

    refused(dropped, "A complex is written into")
    refused(lambda tape: (tape.leaf([1j]) * 1.0).backward(), "complex128 needs gradient=.*real scalar outputs")
    refused(lambda tape: tape.leaf([1j]) < tape.leaf([2j]), "not defined for complex numbers here")


# ---- the reference ----


def test_the_modulus_at_zero_is_a_kink_in_both_parts() -> None:
    def case(tape: Tape) -> None:
        z = tape.leaf([0j, 3 + 4j])
        loss = z.abs().sum()
        loss.backward()
        tape.observe(z.grad)

    seen = run_reference(recorded(case)).observed["z.grad"]
    assert isinstance(seen, OneSided)
    np.testing.assert_allclose(seen.left, [-1 - 1j, 0.6 + 0.8j])
    np.testing.assert_allclose(seen.right, [1 + 1j, 0.6 + 0.8j])
    assert judged(case)["z.grad"].verdict == "match"


def test_a_large_complex_tensor_is_moved_along_random_directions() -> None:
    def case(tape: Tape) -> None:
        z = tape.leaf(np.linspace(1, 2, 80) + 1j * np.linspace(-1, 1, 80))
        loss = z.sin().abs().sum()
        loss.backward()
        tape.observe(z.grad)

    seen = run_reference(recorded(case)).observed["z.grad"]
    assert isinstance(seen, Directional)
    assert seen.directions[0].dtype == complex
    assert judged(case)["z.grad"].verdict == "match"


@pytest.mark.parametrize("number", [complex(INF, 1), complex(1, NAN)], ids=str)
def test_arithmetic_on_what_is_not_finite_is_left_to_the_legs(number: complex) -> None:
    def case(tape: Tape) -> None:
        z = tape.constant([number, 1 + 1j])
        tape.observe(z)
        product = z * z
        tape.observe(product)

    run = run_reference(recorded(case))
    assert "z" in run.observed
    assert "product" not in run.observed
    assert "not finite" in run.warnings["product"][0]


def test_a_square_root_on_its_branch_cut_depends_on_the_sign_of_zero() -> None:
    def case(tape: Tape) -> None:
        z = tape.constant([complex(-4, 0), complex(-4, -0.0)])
        root = z.sqrt()
        tape.observe(root)

    run = run_reference(recorded(case))
    assert "sign of a zero" in run.warnings["root"][0]
    program = recorded(case)
    seen = run_torch(program, print_torch(program)).observed["root"]
    assert isinstance(seen, Array)
    np.testing.assert_allclose(seen.values, [2j, -2j], atol=1e-15)


# ---- judging ----


def array(*numbers: complex, dtype: str = "complex128") -> Array:
    return Array(np.array(numbers), dtype)


def test_an_error_is_held_to_the_size_of_the_whole_number() -> None:
    assert compare(array(1 + 1e-16j), array(1 + 5e-12j), "complex128").agree
    assert not compare(array(1 + 1e-16j), array(1 + 5e-10j), "complex128").agree
    assert compare(array(1e300 + 1e300j), array(1e300 + 1e300j), "complex128").limit == 1e-14 + 1e290
    assert compare(array(1 + 1j), array(1 + 1.00001j), "complex64").agree


@pytest.mark.parametrize(
    "mutant",
    [lambda z: z.conjugate(), lambda z: -z, lambda z: z.real, lambda z: z * 1j, lambda z: 2 * z],
    ids=["conjugated", "negated", "real", "turned", "doubled"],
)
def test_a_mutant_of_one_element_is_caught(mutant: Callable[[complex], complex]) -> None:
    right, wrong = array(2 + 1j, 0.5 - 3j, 1j), array(2 + 1j, mutant(0.5 - 3j), 1j)
    for dtype in ("complex128", "complex64"):
        found = compare(wrong, right, dtype)
        assert (found.aspect, found.index) == ("value", (1,))


def test_the_pattern_is_that_of_each_part() -> None:
    one = array(complex(NAN, 1), complex(INF, -INF))
    assert compare(one, one, "complex128").agree
    for place, other in ((0, complex(1, NAN)), (0, complex(NAN, NAN)), (1, complex(INF, INF)), (1, complex(INF, 1))):
        mutated = one.values.copy()
        mutated[place] = other
        found = compare(Array(mutated, "complex128"), one, "complex128")
        assert (found.aspect, found.index) == ("pattern", (place,))


def test_the_finite_part_beside_an_infinity_is_compared() -> None:
    assert not compare(array(complex(INF, 1)), array(complex(INF, 2)), "complex128").agree


def test_a_box_of_derivatives_is_one_of_parts() -> None:
    box = OneSided(np.array([-1 - 1j]), np.array([1 + 1j]))
    assert compare(array(0.5 - 0.5j), box, "complex128").agree
    found = compare(array(0.5 - 2j), box, "complex128")
    assert (found.aspect, found.error) == ("value", 1.0)


def test_a_declared_complex_number_is_held_against_a_real_one() -> None:
    def case(tape: Tape) -> None:
        x = tape.constant([1.0, 2.0])
        tape.expect(x, [1 + 0j, 2 + 1j])

    found = judged(case)["x"]
    assert (found.verdict, found.expected) == ("mismatch", ["1.0+0.0j", "2.0+1.0j"])


def test_a_run_stores_complex_numbers_as_words() -> None:
    def case(tape: Tape) -> None:
        z = tape.constant([1 + 2j, complex(NAN, -INF)])
        tape.observe(z)

    found = judged(case)["z"]
    assert found.torch == found.jax == found.reference == ["1.0+2.0j", "nan-infj"]
    assert cmath.isnan(from_number(found.torch[1]))

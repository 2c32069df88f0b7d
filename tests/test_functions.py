"""Functions of a program: what is refused, what is printed, and what a call does in each leg."""

from __future__ import annotations

import re
import warnings
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from op_samples import SAMPLES

from compare.errors import CaseError, ProgramError
from compare.facts import Facts
from compare.functionalize import functionalize
from compare.functions import is_linear
from compare.jax_leg import print_jax, run_jax
from compare.observed import Array, Surrogate
from compare.ops import OPS
from compare.program import Program
from compare.reference import run_reference
from compare.statements import (
    Apply,
    BackwardRule,
    CallFunction,
    Constant,
    DefineFunction,
    Jvp,
    Leaf,
    Read,
    Ref,
    Statement,
)
from compare.tape import Tape
from compare.torch_leg import print_torch, run_torch


def applied(target: str, op: str, *operands: Any, **attributes: Any) -> Apply:
    return Apply(
        target=target,
        op=op,
        operands=tuple(Ref(one) if isinstance(one, str) else one for one in operands),
        attributes=attributes,
    )


def function(*body: Apply, results: tuple[str, ...] = ("y",), **fields: Any) -> DefineFunction:
    return DefineFunction(
        target="f", parameters=fields.pop("parameters", ("x",)), body=body, results=tuple(map(Ref, results)), **fields
    )


def rule(*body: Apply, results: tuple[str | None, ...] = ("gx",), **fields: Any) -> BackwardRule:
    return BackwardRule(
        cotangents=fields.pop("cotangents", ("g",)),
        saved=fields.pop("saved", ("x",)),
        body=body,
        results=tuple(None if one is None else Ref(one) for one in results),
        **fields,
    )


A = Leaf(target="a", data=[1.0, 2.0], dtype="float64")
B = Leaf(target="b", data=[0.5, 0.25], dtype="float64")
N = Constant(target="n", data=[1, 2], dtype="int64")
SQUARE = applied("y", "multiply", "x", "x")
SLOPE = applied("gx", "multiply", "g", "x")
CALL = CallFunction(targets=("c",), function="f", inputs=("a",))
TANGENT = Jvp(targets=("c", "t"), function="f", inputs=("a",), tangents=("b",))


def legs(tape: Tape) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """What each leg observes."""
    program = tape.program("a-case", "A case")
    lowered = functionalize(program).pure
    runs = run_torch(program, print_torch(program)), run_jax(lowered, print_jax(lowered)), run_reference(program)
    for run in runs:
        assert run.failure is None, run.failure
    torch_run, jax_run, reference = (run.observed for run in runs)
    return torch_run, jax_run, reference


def numbers(observed: Any) -> Any:
    assert isinstance(observed, Array)
    return observed.values.tolist()


# ---- what is refused ----


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        ((A, CALL), "There is no function 'f' here"),
        ((function(SQUARE), function(SQUARE)), "The function name 'f' is taken"),
        ((A, function(SQUARE), applied("f", "sin", "a")), "'f' is the name of a function"),
        ((function(applied("f", "sin", "x"), results=("f",)),), "'f' is the function's own name"),
        ((function(SQUARE, parameters=("x", "x")),), "has two parameters named 'x'"),
        ((function(applied("y", "sin", "a")),), "uses 'a', which is not a tensor of its own"),
        ((function(results=()),), "returns nothing"),
        ((function(results=("x",)),), "returns a parameter or one tensor twice"),
        ((function(SQUARE, results=("y", "y")),), "returns a parameter or one tensor twice"),
        ((function(SQUARE, applied("z", "sin", "y"), results=("y", "z")),), "computes one result from another, 'y'"),
        ((A, function(applied("y", "reshape", "x", shape=(-1,))), CALL), "returns 'y', a view"),
        ((A, function(SQUARE, parameters=("x", "z")), CALL), "takes 2 tensors, got 1"),
        ((A, function(SQUARE), CallFunction(targets=("c", "d"), function="f", inputs=("a",))), "binds 1 results"),
        ((function(SQUARE, rule=rule(SLOPE, cotangents=("g", "h"))),), "takes 2 cotangents"),
        ((function(SQUARE, rule=rule(SLOPE, results=("gx", "gx"))),), "returns 2 gradients"),
        ((function(SQUARE, rule=rule(results=(None,))),), "returns no gradient at all"),
        ((function(SQUARE, rule=rule(SLOPE, saved=("z",))),), "uses 'z', which is not a tensor of its own"),
        ((function(SQUARE, rule=rule(SLOPE, non_differentiable=("y",))),), "one result must stay differentiable"),
        ((function(applied("x", "sin", "x"), SQUARE, rule=rule(SLOPE)),), "binds a name twice"),
        (
            (A, function(SQUARE, rule=rule(applied("gx", "sum", "g"))), CALL),
            r"gives float64\[\] for 'x', which is float64\[2\]",
        ),
        (
            (N, function(SQUARE, rule=rule(SLOPE)), CallFunction(targets=("c",), function="f", inputs=("n",))),
            "has no result that could require grad",
        ),
        (
            (
                A,
                function(
                    SQUARE,
                    applied("k", "floor", "x"),
                    results=("y", "k"),
                    rule=rule(applied("gx", "add", "g", "h"), cotangents=("g", "h"), non_differentiable=("k",)),
                ),
                CallFunction(targets=("c", "d"), function="f", inputs=("a",)),
            ),
            "uses 'h', the cotangent of a result that has none",
        ),
        (
            (
                A,
                Constant(target="b", data=[1.0, 2.0], dtype="float64"),
                function(SQUARE, parameters=("x", "w"), rule=rule(SLOPE, results=(None, "gx"))),
                CallFunction(targets=("c",), function="f", inputs=("a", "b")),
            ),
            "gives None for every input that requires grad",
        ),
        (
            (A, function(SQUARE, rule=rule(SLOPE)), msgspec.structs.replace(CALL, checkpoint=True)),
            "which has a backward rule: call it plainly",
        ),
        ((A, B, function(SQUARE, rule=rule(SLOPE)), TANGENT), "neither framework knows its forward derivative"),
        ((A, N, function(SQUARE), msgspec.structs.replace(TANGENT, tangents=("n",))), "both must be one kind of float"),
        ((A, B, function(applied("y", "greater", "x", 0.0)), TANGENT), "a result is bool, which has no tangent"),
        ((A, B, function(applied("y", "multiply", "x", 2.0)), TANGENT), "which is linear in 'x'"),
        ((A, B, function(applied("y", "power", "x", 1)), TANGENT), "a special case"),
        ((A, B, function(SQUARE), TANGENT, applied("v", "clone", "c")), None),
    ],
)  # fmt: skip
def test_refusals_say_what_is_wrong(statements: tuple[Statement, ...], message: str | None) -> None:
    program = Program(id="a-case", title="A case", dtype="float64", statements=statements)  # type: ignore[arg-type]
    if message is None:
        program.checked()
        return
    with pytest.raises(ProgramError, match=message):
        program.checked()


def test_results_of_a_jvp_are_not_written_and_have_no_version() -> None:
    tape = Tape()
    y, slope = tape.jvp(tape.function(lambda x: x * x), (tape.leaf([1.0]),), (tape.constant([1.0]),))
    with pytest.raises(ProgramError, match="comes from a jvp, where it is a view"):
        y.mul_(2.0)
    with pytest.raises(ProgramError, match="depends on formulas inside PyTorch"):
        tape.observe(slope.version)
    with pytest.raises(ProgramError, match="detach_ on 'y', which is a view"):
        y.detach_()
    with pytest.raises(ProgramError, match="it comes from a jvp, where it is a view"):
        y.data = tape.constant([2.0])


def test_a_function_sees_nothing_from_outside() -> None:
    tape = Tape()
    a, b = tape.leaf(1.0), tape.leaf(2.0)
    with pytest.raises(ProgramError, match="a tensor from outside it is not supported"):
        tape.checkpoint(lambda x: x * b, a)
    with pytest.raises(CaseError, match="A function may use its arguments and numbers only"):
        tape.checkpoint(lambda x: b.sin(), a)
    with pytest.raises(ProgramError, match="it may not write, read, detach or call"):
        tape.checkpoint(lambda x: x.mul_(2.0), a)


def test_a_rule_asks_for_what_its_function_binds() -> None:
    tape = Tape()
    wrong = tape.custom_function(lambda x: x * x, backward=lambda cotangent, y: y * cotangent)
    with pytest.raises(ProgramError, match="asks for 'y', which the function does not bind"):
        wrong(tape.leaf(1.0))
    plain = tape.custom_function(lambda x: x * x)
    with pytest.raises(ProgramError, match="'plain' has no backward rule; give it one with @plain"):
        plain(tape.leaf(1.0))


def test_complex_numbers_do_not_meet_a_rule() -> None:
    tape = Tape()
    double = tape.custom_function(lambda x: 2 * x, backward=lambda cotangent: 2 * cotangent)
    with pytest.raises(ProgramError, match="a cotangent of PyTorch is the conjugate of one of JAX"):
        double(tape.leaf(1.0 + 2.0j))


def test_hooks_on_saved_tensors_leave_numbers_alone() -> None:
    tape = Tape()
    with (
        pytest.raises(ProgramError, match="makes another gradient, and what PyTorch saves is its own affair"),
        tape.saved_tensors_hooks(lambda tensor: tensor * 2, lambda packed: packed / 2),
    ):
        pass
    with (
        tape.saved_tensors_hooks(lambda tensor: tensor.clone(), lambda packed: packed),
        pytest.raises(ProgramError, match="outlasts the block, which is not modelled"),
    ):
        tape.set_grad_enabled(False)


# ---- what is printed ----


def test_a_function_is_defined_where_the_case_defines_it_once_for_each_kind_of_arguments() -> None:
    tape = Tape()
    flattened = tape.function(lambda x: x.reshape(len(x), -1) * 2)
    a = tape.leaf([1.0, 2.0])
    for data in ([3.0, 4.0], [5.0, 6.0], [[1.0], [2.0], [3.0]]):
        tape.observe(flattened(tape.constant(data)))
    tape.observe(a)
    definitions = [one for one in tape.program("a", "A").statements if isinstance(one, DefineFunction)]
    assert [one.target for one in definitions] == ["flattened", "flattened_2"]
    assert tape.program("a", "A").statements[:2] == tuple(definitions)


def test_a_parameter_that_is_bound_again_keeps_its_other_readers() -> None:
    def shadowing(x: Any) -> Any:
        old = x
        x = x * 2
        return x + old

    tape = Tape()
    a = tape.leaf([1.0, 2.0])
    y = tape.checkpoint(shadowing, a)
    a.register_hook(shadowing)
    tape.observe(y)
    y.sum().backward()
    tape.observe(a.grad)
    torch_run, jax_run, _ = legs(tape)
    assert numbers(torch_run["y"]) == numbers(jax_run["y"]) == [3.0, 6.0]
    assert numbers(torch_run["a.grad"]) == numbers(jax_run["a.grad"]) == [9.0, 9.0]


def test_a_function_is_written_anew_in_jax_where_shapes_are_part_of_its_spelling() -> None:
    """One definition in PyTorch; in JAX one for each rank, and one for calls that are spelled alike."""
    last = applied("y", "select_scatter", "x", "w", axis=-1, position=0)
    statements: list[Any] = [function(last, parameters=("x", "w"))]
    for number, shape in enumerate([(2,), (3,), (2, 2)]):
        ones = np.ones(shape).tolist()
        zeros = np.zeros(shape[:-1]).tolist()
        statements.append(Constant(target=f"x{number}", data=ones, dtype="float64"))
        statements.append(Constant(target=f"w{number}", data=zeros, dtype="float64"))
        inputs = (f"x{number}", f"w{number}")
        statements.append(CallFunction(targets=(f"y{number}",), function="f", inputs=inputs))
        statements.append(Read(name=f"y{number}", what="value", handle=f"y{number}"))
    program = Program(id="a-case", title="A case", dtype="float64", statements=tuple(statements)).checked()
    source = print_jax(functionalize(program).pure)
    assert re.findall(r"def (\w+)\(x, w\)", source.text) == ["f", "f_2"]
    assert re.findall(r"= (\w+)\(x", source.text) == ["f", "f", "f_2"]
    torch_run, jax_run = run_torch(program, print_torch(program)), run_jax(functionalize(program).pure, source)
    for number, expected in enumerate([[0.0, 1.0], [0.0, 1.0, 1.0], [[0.0, 1.0], [0.0, 1.0]]]):
        assert numbers(torch_run.observed[f"y{number}"]) == expected
        assert numbers(jax_run.observed[f"y{number}"]) == expected


def test_a_class_and_its_rules() -> None:
    tape = Tape()

    @tape.custom_function(non_differentiable=["n"], once_differentiable=True)  # type: ignore[untyped-decorator]
    def split_up(x: Any, w: Any) -> Any:
        h = x * w
        n = h.floor()
        return h - n, n

    @split_up.backward  # type: ignore[untyped-decorator]
    def _(cotangent: Any, n_cotangent: Any, h: Any, w: Any, n: Any) -> Any:
        return cotangent * w * h + n, None

    rest, n = split_up(tape.leaf([1.5, 2.5]), tape.constant([1.0, 2.0]))
    (rest * n).sum().backward()
    program = tape.program("a-case", "A case")
    assert (
        """
class SplitUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        h = x * w
        n = torch.floor(h)
        ctx.save_for_backward(h, w, n)
        ctx.mark_non_differentiable(n)
        return h - n, n

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, cotangent, n_cotangent):
        h, w, n = ctx.saved_tensors
        return cotangent * w * h + n, None
"""
        in print_torch(program).text
    )
    assert (
        """
@jax.custom_vjp
def split_up(x, w):
    h = x * w
    n = jnp.floor(h)
    return h - n, n


def split_up_forward(x, w):
    h = x * w
    result_1, n = split_up(x, w)
    return (result_1, n), (lax.stop_gradient(h), w, n)


def split_up_backward(saved, cotangents):
    h, w, n = saved
    cotangent, n_cotangent = cotangents
    return lax.stop_gradient(cotangent * w * h + n), None


split_up.defvjp(split_up_forward, split_up_backward)
"""
        in print_jax(functionalize(program).pure).text
    )


# ---- what a call does ----


def test_a_gradient_past_a_rule_is_a_surrogate_and_its_values_are_known() -> None:
    tape = Tape()
    double = tape.custom_function(lambda x: 2 * x, backward=lambda cotangent: 2 * cotangent)
    a = tape.leaf([1.0, 2.0])
    b = tape.leaf([1.0, 2.0])
    y = double(a)
    y.retain_grad()
    tape.observe(y)
    (y * b).sum().backward()
    for tensor in (a, b, y):
        tape.observe(tensor.grad)
    _, _, reference = legs(tape)
    assert numbers(reference["y"]) == [2.0, 4.0]
    assert reference["a.grad"] == Surrogate("'double' has a backward rule of its own")
    assert numbers(reference["b.grad"]) == [2.0, 4.0]
    assert numbers(reference["y.grad"]) == [1.0, 2.0]  # no rule stands between the root and the result


def test_a_backward_through_a_tangent_is_exact() -> None:
    tape = Tape()
    a, v = tape.leaf([0.5, 0.75]), tape.leaf([1.0, 2.0])
    _, slope = tape.jvp(tape.function(lambda x: x.sin() * x), (a,), (v,))
    slope.sum().backward()
    for read in (slope, a.grad, v.grad):
        tape.observe(read)
    torch_run, jax_run, reference = legs(tape)
    x, t = np.array([0.5, 0.75]), np.array([1.0, 2.0])
    exact = {
        "slope": t * (np.cos(x) * x + np.sin(x)),
        "a.grad": t * (2 * np.cos(x) - x * np.sin(x)),
        "v.grad": np.cos(x) * x + np.sin(x),
    }
    for name, expected in exact.items():
        for run in (torch_run, jax_run, reference):
            np.testing.assert_allclose(numbers(run[name]), expected, rtol=1e-12)


def test_the_tangent_at_a_kink_is_left_to_the_frameworks() -> None:
    tape = Tape()
    _, slope = tape.jvp(tape.function(lambda x: x.abs()), (tape.constant(0.0),), (tape.constant(1.0),))
    tape.observe(slope)
    torch_run, jax_run, reference = legs(tape)
    assert (numbers(torch_run["slope"]), numbers(jax_run["slope"])) == (0.0, 1.0)
    assert "slope" not in reference


def test_a_rule_that_is_not_linear_is_computed_in_one_place() -> None:
    tape = Tape()
    clipped = tape.custom_function(lambda x: x * x, backward=lambda cotangent, x: cotangent.clip(-1.0, 1.0) * x)
    a = tape.leaf([1.0, 2.0])
    y = clipped(a)
    first = tape.grad((y * y).sum(), a, create_graph=True)
    second = tape.grad(y.sin().sum(), a, create_graph=True)
    (first * second).sum().backward()
    lowered = functionalize(tape.program("a", "A")).pure
    with pytest.raises(ProgramError, match="backward rule of 'clipped', which is not linear"):
        print_jax(lowered)


@pytest.mark.parametrize(
    ("body", "linear"),
    [
        ((applied("gx", "multiply", "g", "x"),), True),
        ((applied("k", "divide", "g", "x"), applied("gx", "negative", "k")), True),
        ((applied("k", "sum", "g"), applied("gx", "multiply", "x", "k")), True),
        ((applied("gx", "add", "g", "g"),), True),
        ((applied("gx", "add", "g", 1.0),), False),
        ((applied("gx", "multiply", "g", "g"),), False),
        ((applied("gx", "divide", "x", "g"),), False),
        ((applied("gx", "clip", "g", min=0.0),), False),
        ((applied("gx", "sin", "x"),), False),
    ],
)  # fmt: skip
def test_linear_rules_are_known(body: tuple[Apply, ...], linear: bool) -> None:
    assert is_linear(rule(*body)) == linear


# ---- what PyTorch's forward mode ties a tangent to ----


def tangents_of_samples() -> list[tuple[str, DefineFunction, list[np.ndarray[Any, Any]]]]:
    """Every op as a function of its float operands, at its first sample that has some; the rest is written in."""
    found = []
    for name, samples in SAMPLES.items():
        for sample in samples if OPS[name].torch is not None else ():
            arrays = [one for one in sample.operands if isinstance(one, np.ndarray)]
            if arrays and all(one.dtype.kind == "f" and one.size for one in arrays):
                names = iter("xyzuvw")
                operands = [next(names) if isinstance(one, np.ndarray) else one for one in sample.operands]
                parameters = tuple(one for one in operands if isinstance(one, str))
                body = [applied("r", name, *operands, **sample.attributes)]
                if OPS[name].view is not None:
                    body.append(applied("s", "clone", "r"))
                define = function(*body, results=(body[-1].target,), parameters=parameters)
                found.append((name, define, [np.array(one) for one in arrays]))
                break
    return found


@pytest.mark.parametrize(("define", "arrays"), [pytest.param(*rest, id=name) for name, *rest in tangents_of_samples()])
def test_facts_know_what_a_tangent_requires(define: DefineFunction, arrays: list[np.ndarray[Any, Any]]) -> None:
    """The same history as in PyTorch, for a tracked input and for a tracked tangent, or a refusal."""
    source = print_torch(Program(id="a", title="A", dtype="float64", statements=(define,)))
    namespace: dict[str, Any] = {}
    exec(source.text, namespace)
    refusals: list[str] = []
    for tracked_input in (True, False):
        statements: list[Any] = [define]
        for place, array in enumerate(arrays):
            kinds = (Leaf, Constant) if tracked_input else (Constant, Leaf)
            for word, kind in zip(("a", "t"), kinds, strict=True):
                statements.append(kind(target=f"{word}{place}", data=array.tolist(), dtype="float64"))
        inputs, tangents = (tuple(f"{word}{place}" for place in range(len(arrays))) for word in "at")
        statements.append(Jvp(targets=("r", "slope"), function="f", inputs=inputs, tangents=tangents))
        facts = Facts(float_dtype="float64")
        try:
            for statement in statements:
                facts.step(statement)
        except ProgramError as error:
            refusals.append(str(error))
            continue
        made = [torch.tensor(array, requires_grad=tracked_input) for array in arrays]
        moved = [torch.tensor(array, requires_grad=not tracked_input) for array in arrays]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result, slope = torch.func.jvp(namespace["f"], tuple(made), tuple(moved))
        assert facts.handles["r"].requires_grad == result.requires_grad
        assert facts.handles["slope"].requires_grad == slope.requires_grad
        storages = {one.untyped_storage().data_ptr() for one in (*made, *moved)}
        assert not {one.untyped_storage().data_ptr() for one in (result, slope)} & storages
    named = ("is linear in", "has no tangent", "a special case")
    assert all(any(words in refusal for words in named) for refusal in refusals)

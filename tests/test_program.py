"""The tape program refuses what it cannot express, at the statement that is wrong, and reads only what it wrote."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from compare import statements as vocabulary
from compare.errors import ProgramError
from compare.functionalize import functionalize
from compare.jax_leg import print_jax
from compare.ops import Slice
from compare.program import Program
from compare.statements import (
    AnyStatement,
    Apply,
    AssignData,
    Attempt,
    AutogradGrad,
    Backward,
    BackwardRule,
    CallFunction,
    Constant,
    Data,
    DefineFunction,
    Detach,
    DetachInPlace,
    EnterGradMode,
    EnterHook,
    EnterSavedTensorsHooks,
    ExitGradMode,
    ExitHook,
    ExitSavedTensorsHooks,
    Expected,
    Grad,
    ItemWrite,
    Jvp,
    Leaf,
    Read,
    Ref,
    RegisterHook,
    RegisterPostAccumulateGradHook,
    RemoveHook,
    RequiresGrad,
    RetainGrad,
    SetGrad,
    SetGradMode,
    Statement,
    Unpack,
    Warned,
    Write,
    bound,
    renamed,
    used,
)
from compare.tape import Tape
from compare.torch_leg import print_torch

LEAF = Leaf(target="a", data=[1.0, 2.0], dtype="float64", line=1)
CONSTANT = Constant(target="c", data=[1.0, 2.0], dtype="float64", line=1)


def program(*statements: Any) -> Program:
    return Program(id="a-case", title="A case", dtype="float64", statements=statements)


def apply(target: str, op: str, *operands: Any, line: int = 2, **attributes: Any) -> Apply:
    wrapped = tuple(Ref(one) if isinstance(one, str) and one not in ("nan", "inf", "-inf") else one for one in operands)
    return Apply(target=target, op=op, operands=wrapped, attributes=attributes, line=line)


def refused(*statements: Any) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        program(*statements).checked()
    return caught.value


ALL_KINDS: tuple[Statement, ...] = (
    LEAF,
    Constant(target="c", data=[["nan", "-inf"], [0.5, -0.0]], dtype="float64"),
    apply("b", "getitem", "a", index=(Slice(0, 1, None),)),
    Unpack(targets=("p", "q"), op="unstack", source="a", attributes={"axis": 0}),
    Constant(target="i", data=[1, 0], dtype="int64"),
    apply("r", "advanced_getitem", "c", "i", index=("tensor", (0, 1))),
    apply("h", "multiply", "a", 2.5),
    RetainGrad(handle="h"),
    RegisterHook(
        target="hook", handle="h", parameter="g", body=(apply("_1", "multiply", "g", 2),), result=Ref("_1"), line=3
    ),
    RemoveHook(hook="hook"),
    RegisterPostAccumulateGradHook(
        target="step",
        handle="a",
        parameter="leaf",
        body=(
            EnterGradMode(mode="no_grad"),
            Grad(target="_1", source="leaf"),
            Write(handle="leaf", op="subtract", operands=(Ref("_1"),)),
            ExitGradMode(),
            SetGrad(handle="leaf"),
        ),
    ),
    RemoveHook(hook="step"),
    DefineFunction(
        target="halved",
        parameters=("x",),
        body=(apply("y", "multiply", "x", 0.5), apply("n", "floor", "x")),
        results=(Ref("y"), Ref("n")),
        rule=BackwardRule(
            cotangents=("gy", "gn"),
            saved=("x",),
            body=(apply("gx", "multiply", "gy", "x"),),
            results=(Ref("gx"),),
            non_differentiable=("n",),
            once_differentiable=True,
        ),
    ),
    CallFunction(targets=("half", "floor"), function="halved", inputs=("h",)),
    DefineFunction(target="cube", parameters=("x",), body=(apply("y", "power", "x", 3),), results=(Ref("y"),)),
    CallFunction(targets=("cubed",), function="cube", inputs=("h",), checkpoint=True),
    Jvp(targets=("value", "slope"), function="cube", inputs=("a",), tangents=("h",)),
    ItemWrite(handle="h", index=(0,), value="inf"),
    Write(handle="h", op="multiply", operands=(3,)),
    EnterGradMode(mode="no_grad"),
    ExitGradMode(),
    EnterGradMode(mode="set_grad_enabled", flag=False),
    SetGradMode(flag=True),
    ExitGradMode(),
    EnterSavedTensorsHooks(pack_clones=True, unpack_clones=False),
    ExitSavedTensorsHooks(),
    Detach(target="d", source="h"),
    Data(target="e", source="h"),
    apply("k", "clone", "d"),
    RequiresGrad(handle="k"),
    DetachInPlace(handle="k"),
    AssignData(handle="k", source="d"),
    apply("_2", "sum", "h"),
    Backward(roots=("_2",), retain_graph=True),
    Grad(target="g", source="a"),
    SetGrad(handle="a", source="g"),
    Warned(name="warned", warning="UserWarning", concept="leaf"),
    AutogradGrad(targets=("ga",), outputs=("_2",), inputs=("a",), create_graph=True),
    Read(name="a.grad", what="grad", handle="a", expected=Expected(torch=[1.0, "nan"], jax=None, concept="leaf")),
    Read(name="h shares storage with d", what="shares_storage", handle="h", other="d"),
    Attempt(
        name="a += 1",
        attempted=Write(handle="a", op="add", operands=(1,)),
        torch="RuntimeError: a leaf",
        jax=None,
        concept="inplace-on-leaf",
    ),
)


def test_every_statement_survives_json() -> None:
    written = program(*ALL_KINDS).checked()
    assert Program.from_json(written.to_json()) == written
    assert b"NaN" not in written.to_json()


def test_the_table_of_kinds_is_complete() -> None:
    kinds = set(get_args(AnyStatement))
    assert set(Statement.__subclasses__()) == kinds | {EnterHook, ExitHook}
    assert kinds == {type(statement) for statement in ALL_KINDS}


# ---- what is refused, with the line and the remedy ----


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        ((LEAF, apply("b", "subtrac", "a", 1)), "Unknown op 'subtrac'. Did you mean 'subtract'?"),
        ((LEAF, apply("b", "add", "aa", 1)), "'aa' is used before it is bound. Did you mean 'a'?"),
        ((LEAF, apply("b", "add", "b", 1)), "'b' is used before it is bound"),
        ((LEAF, apply("b", "add", "a")), "add takes 2 operands, got 1"),
        ((LEAF, apply("b", "exp", "a", axis=0)), "exp has no attribute 'axis'"),
        ((LEAF, apply("b", "sum", "a", axis="0; import os")), "axis must be an integer"),
        ((LEAF, apply("b", "sum", "a", axis=1)), "axis 1 is out of range"),
        ((LEAF, apply("b", "reshape", "a", shape=(3,))), "2 elements do not fit the shape [3]"),
        ((LEAF, apply("b", "matmul", "a", 1)), "takes tensors only"),
        ((LEAF, apply("b", "getitem", "a", index=(5,))), "index 5 is out of range"),
        ((LEAF, Constant(target="c", data=[1, 2, 3], dtype="int64"), apply("b", "add", "a", "c")), "do not broadcast"),
        ((LEAF, Constant(target="c", data=[1, 2], dtype="int64"), apply("b", "add", "a", "c")), "cast one with astype"),
        ((Leaf(target="a", data=[1, 2], dtype="int64"),), "only floating point and complex tensors can require grad"),
        ((Leaf(target="a", data=[[1.0], [1.0, 2.0]], dtype="float64"),), "ragged"),
        ((Leaf(target="a", data=["x"], dtype="float64"),), "'x' is not a float64"),
        ((Leaf(target="a", data=[1.0], dtype="float8"),), "Unknown dtype 'float8'"),
        ((LEAF, Write(handle="a", op="add", operands=(1,), line=2)), "a leaf that requires grad cannot be written"),
        ((LEAF, ItemWrite(handle="a", index=(0,), value=1.0, line=2)), "a view of a leaf that requires grad"),
        ((CONSTANT, Write(handle="c", op="sum", line=2)), "sum has no in-place form in PyTorch"),
        (
            (
                CONSTANT,
                apply("e", "broadcast_to", "c", shape=(3, 2)),
                Write(handle="e", op="add", operands=(1,), line=3),
            ),
            "more than one element of the written-to tensor refers to a single memory location",
        ),
        (
            (Constant(target="c", data=[1, 2], dtype="int64"), ItemWrite(handle="c", index=(0,), value=1.5, line=2)),
            "A float is written into 'c', which is int64",
        ),
        ((CONSTANT, Backward(roots=("c",), line=2)), "which does not require grad"),
        ((LEAF, Backward(roots=("a",), line=2)), "grad can be implicitly created only for scalar outputs"),
        (
            (CONSTANT, Grad(target="g", source="c", line=2)),
            "The gradient of 'c' is asked for, but it does not require grad",
        ),
        ((LEAF, Grad(target="g", source="a", line=2)), "before any backward"),
        (
            (CONSTANT, Read(name="c.grad", what="grad", handle="c", expected=Expected(torch=1.0, jax=1.0), line=2)),
            "A gradient is asked of 'c', a constant",
        ),
        ((CONSTANT, RetainGrad(handle="c", line=2)), "retain_grad on 'c'"),
        ((EnterGradMode(mode="no_grad"),), "never closed"),
        ((ExitGradMode(line=2),), "grad-mode block is closed that was never opened"),
        ((ExitSavedTensorsHooks(),), "saved_tensors_hooks block is closed that was never opened"),
        ((RemoveHook(hook="h", line=2),), "not a live hook"),
        (
            (LEAF, Read(name="a", what="value", handle="a"), Read(name="a", what="value", handle="a")),
            "Two observations",
        ),
    ],
)
def test_refusals_say_what_is_wrong(statements: tuple[Any, ...], message: str) -> None:
    assert message in str(refused(*statements))


def test_a_refusal_knows_its_line() -> None:
    assert refused(LEAF, apply("b", "exp", "a", line=7), apply("d", "nope", "b", line=8)).line == 8


# ---- a program read from JSON is data ----


@pytest.mark.parametrize(
    "name",
    [
        "w1; import os",
        "w1\nimport os",
        "__import__",
        "import",
        "print",
        "torch",
        "a" * 65,
        "ｗ",
        "",
        "1a",
        "a.b",
        "a b",
    ],
)
def test_names_that_could_become_code_are_refused(name: str) -> None:
    refused(Leaf(target=name, data=1.0, dtype="float64"))


@pytest.mark.parametrize(
    "text",
    [
        '{"id":"x","title":"t","dtype":"float64","statements":[{"statement":"leaf",'
        '"target":"w1; import os","data":1.0,"dtype":"float64"}]}',
        '{"id":"x","title":"t","dtype":"float64","statements":[{"statement":"leaf",'
        '"target":"w","data":"__import__(\'os\')","dtype":"float64"}]}',
        '{"id":"x","title":"t","dtype":"float64","statements":[{"statement":"exec","code":"1"}]}',
        '{"id":"../x","title":"t","dtype":"float64","statements":[]}',
        '{"id":"x","title":"t\\nimport os","dtype":"float64","statements":[]}',
        '{"id":"x","title":"t","dtype":"float64); import os","statements":[]}',
        '{"id":"x","title":"t","dtype":"float64","statements":[{"statement":"constant",'
        '"target":"w","data":1.0,"dtype":"float64; import os"}]}',
        '{"id":"x","title":"t","dtype":"float64","statements":[{"statement":"constant",'
        '"target":"w","data":1.0,"dtype":"float64"},'
        '{"statement":"read","name":"w\\n\\"); import os","what":"value","handle":"w"}]}',
        '{"id":"x","title":"t","dtype":"float64","statements":[{"statement":"apply",'
        '"target":"w","op":"getitem","operands":[{"name":"w"}]}]}',
        '{"id":"x","title":"t","dtype":"float64","statements":[{"statement":"constant","target":"w","dtype":"float64",'
        f'"data":{"[" * 200}1.0{"]" * 200}}}]}}',
        '{"id":"x","title":"t","dtype":"float64","statements":[{"statement":"constant","target":"w","dtype":"float64",'
        f'"data":{"[" * 5000}1.0{"]" * 5000}}}]}}',
        '{"id":"x"}',
        "[]",
        "not json",
    ],
)  # fmt: skip
def test_hostile_json_is_refused(text: str) -> None:
    with pytest.raises(ProgramError):
        Program.from_json(text)


def test_quotes_in_labels_stay_inside_their_string() -> None:
    seen: list[Any] = []
    label = 'a", __import__("os").system("true")) #'
    checked = program(LEAF, Read(name=label, what="value", handle="a")).checked()
    for source in (print_torch(checked), print_jax(functionalize(checked).pure)):
        seen.clear()
        line = next(line for line in source.text.splitlines() if line.startswith("print("))
        exec(line, {"print": lambda *shown: seen.append(shown), "a": 1, "__builtins__": {}})
        assert seen == [(f"{label} =", 1)]


class Split(msgspec.Struct, frozen=True):
    """Shaped like a statement, with several handles in and several out."""

    targets: tuple[str, ...]
    inputs: tuple[str | None, ...]
    operands: tuple[Any, ...]


def test_a_statement_may_use_and_bind_several_names_in_one_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "HANDLE_FIELDS", vocabulary.HANDLE_FIELDS | {"inputs"})
    split: Any = Split(targets=("a", "b"), inputs=("x", None), operands=(Ref("y"), 2))
    assert bound(split) == ("a", "b")
    assert used(split) == ("x", "y")
    other = renamed(split, {"a": "c", "x": "z", "y": "w"})
    assert other == Split(targets=("c", "b"), inputs=("z", None), operands=(Ref("w"), 2))


def test_a_view_without_a_node_is_no_root() -> None:
    tape = Tape()
    x = tape.constant([1.0, 2.0])
    view = x[:1]
    x.requires_grad_()
    with pytest.raises(ProgramError, match=r"backward from 'view', a view that PyTorch gave no node"):
        view.backward()

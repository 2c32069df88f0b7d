"""The JAX of a training loop: one function, parameters in a dictionary, updates as plain lines, assertions."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare.functionalize import functionalize
from compare.jax_leg import Check, print_jax, run_jax
from compare.ops import OPS
from compare.recording.optimizers import optax_equivalent
from compare.results import Specialised
from compare.runner import settings_put_back
from compare.statements import Apply, Backward, Leaf, Read, Ref
from compare.tape import Tape, record
from compare.translation import Translated, translate_script

MODEL = """
import torch
from torch import nn

torch.manual_seed(0)


class Layer(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = Layer(3, WIDTH)
        self.out = Layer(WIDTH, 2)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


model = Model()
criterion = nn.MSELoss()
"""

LOOP = """
optimizer = torch.optim.{optimizer}
for step in range(3):
    inputs = torch.randn(5, 3)
    targets = torch.randn(5, 2)
    optimizer.zero_grad()
    loss = ((model(inputs) - targets) ** 2).mean()
    loss.backward()
    optimizer.step()
"""


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    with settings_put_back():
        yield


def translated(folder: Path, text: str, *, width: int = 4, check: bool = False) -> Translated:
    script = folder / "script.py"
    script.write_text(MODEL.replace("WIDTH", str(width)) + text, "utf-8")
    found = translate_script(script, dtype="float64", check=check)
    assert found.result.verdict in ("proven", "not-proven"), found.result.reason
    return found


def test_a_training_loop_is_what_someone_would_write(tmp_path: Path) -> None:
    loop = LOOP.format(optimizer="SGD(model.parameters(), lr=0.1, momentum=0.9)")
    result = translated(tmp_path, loop).result
    assert result.verdict == "proven", result.reason
    text = result.jax
    assert text.count("def ") == 1
    assert "def loss_fn(params, inputs, targets):" in text
    assert text.count("jax.jit(") == 1
    assert text.count("loss_and_grad(params, inputs, targets)\n") == 3
    assert 'jnp.tanh(inputs @ params["hidden.weight"] + params["hidden.bias"])' in text
    assert 'params["out.bias"] = params["out.bias"] - grads["out.bias"] * 0.1\n' in text
    updated = 'params["out.bias"] = params["out.bias"] - out_bias_momentum_buffer * 0.1\n'
    assert text.count(updated) == 2
    equivalent = "its update lines are, in optax, `optax.sgd(0.1, momentum=0.9)`"
    line = (tmp_path / "script.py").read_text("utf-8").splitlines().index("    optimizer.step()") + 1
    assert Specialised(line, "torch.optim.SGD", equivalent) in result.specialised


LOCAL = """
class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def fit(self, inputs):
        for _ in range(2):
            self.optimizer.zero_grad()
            loss = self.model(inputs).square().mean()
            loss.backward()
            self.optimizer.step()


def main():
    Trainer(Model()).fit(torch.ones(5, 3))


del model
main()
"""


def test_what_functions_hold_in_local_variables_names_parameters_too(tmp_path: Path) -> None:
    result = translated(tmp_path, LOCAL).result
    assert result.verdict == "proven", result.reason
    assert "def loss_fn(params):" in result.jax
    assert "inputs = jnp.array(" in result.jax
    assert 'params["out.bias"] = params["out.bias"] - out_bias_momentum_buffer * 0.1\n' in result.jax
    # What the optimizer updated is compared when the run has ended, though its variables are gone by then.
    assert {"hidden_weight", "hidden_bias", "out_weight", "out_bias"} <= {one.name for one in result.observations}


def test_local_models_are_kept_apart(tmp_path: Path) -> None:
    text = """
def run(model):
    model(torch.ones(5, 3)).sum().backward()


del model
run(Model())
run(Model())
"""
    result = translated(tmp_path, text).result
    assert result.verdict == "proven", result.reason
    assert "model_params = {" in result.jax
    assert "model_2_params = {" in result.jax


@pytest.mark.parametrize("optimizer", ["Adam", "AdamW", "RMSprop", "Adagrad"])
def test_every_optimizer_keeps_the_dictionary_and_is_named(optimizer: str, tmp_path: Path) -> None:
    result = translated(tmp_path, LOOP.format(optimizer=f"{optimizer}(model.parameters(), lr=0.125)")).result
    assert result.verdict == "proven", result.reason
    assert "def loss_fn(params, inputs, targets):" in result.jax
    [note] = [one for one in result.specialised if one.what == f"torch.optim.{optimizer}"]
    assert f"`optax.{optimizer.lower()}(0.125" in note.why
    # The lines that are the same for each of the four parameters stand once.
    assert result.jax.count("jnp.sqrt(") == result.jax.count("def update")
    assert len(re.findall(r" = update(?:_2)?\(", result.jax)) == 12


def test_gradients_that_are_clipped_by_one_norm_are_updated_by_one_function(tmp_path: Path) -> None:
    clipped = "    nn.utils.clip_grad_norm_(model.parameters(), 0.25)\n    optimizer.step()"
    loop = LOOP.format(optimizer="Adam(model.parameters(), foreach=True)").replace("    optimizer.step()", clipped)
    result = translated(tmp_path, loop).result
    assert result.verdict == "proven", result.reason
    assert result.jax.count("jnp.sqrt(") == result.jax.count("def update")
    assert len(re.findall(r" = update(?:_2)?\(", result.jax)) == 12


def test_updates_that_differ_are_not_one_function() -> None:
    def case(tape: Tape) -> None:
        leaves = [tape.leaf([0.5, 2.0]) for _ in range(4)]
        loss = sum((leaf**2).sum() for leaf in leaves)
        loss.backward()
        with tape.no_grad():
            for number, leaf in enumerate(leaves):
                moved = (leaf.grad * 0.5 + 1.0).sqrt() + 2.0
                scaled = moved.exp() if number == 2 else moved.tanh()
                leaf -= scaled * 0.1
        for leaf in leaves:
            tape.observe(leaf)

    pure = functionalize(record(case, id="updates", title="Updates", dtype="float64")).pure
    source = print_jax(pure)
    assert source.text.count("def update(") == 1
    assert source.text.count(" = update(") == 3
    assert source.text.count("jnp.exp(") == 1
    run = run_jax(pure, source)
    assert run.failure is None
    before = np.array([0.5, 2.0])
    moved = np.sqrt(before + 1.0) + 2.0
    for number, seen in enumerate(run.observed.values()):
        expected = before - 0.1 * (np.exp(moved) if number == 2 else np.tanh(moved))
        np.testing.assert_allclose(seen.values, expected, rtol=1e-14)


def test_a_rate_that_changes_is_a_schedule(tmp_path: Path) -> None:
    loop = LOOP.format(optimizer="SGD(model.parameters(), lr=0.5)") + "    optimizer.param_groups[0]['lr'] *= 0.5\n"
    result = translated(tmp_path, loop).result
    assert result.verdict == "proven", result.reason
    [note] = [one for one in result.specialised if one.what == "torch.optim.SGD"]
    assert "`optax.sgd(0.5)`; its settings change" in note.why
    assert 'grads["out.bias"] * 0.125\n' in result.jax


def test_two_models_are_two_dictionaries_and_a_frozen_part_is_data(tmp_path: Path) -> None:
    text = """
critic = Layer(2, 1)
model.hidden.requires_grad_(False)
x = torch.randn(5, 3)
for _ in range(2):
    fake = model(x)
    score = critic(fake.detach()).mean()
    score.backward()
    loss = -critic(fake).mean()
    loss.backward()
    with torch.no_grad():
        for parameter in [*model.out.parameters(), *critic.parameters()]:
            parameter -= 0.1 * parameter.grad
            parameter.grad = None
"""
    result = translated(tmp_path, text).result
    assert result.verdict == "proven", result.reason
    assert result.jax.count("def ") == 2
    assert "def score_fn(critic_params, fake):" in result.jax
    assert "def loss_fn(model_params, critic_params, " in result.jax
    assert '"hidden.weight"' not in result.jax


def test_check_makes_the_script_assert_what_was_recorded(tmp_path: Path) -> None:
    loop = LOOP.format(optimizer="SGD(model.parameters(), lr=0.1)")
    found = translated(tmp_path, loop, width=30, check=True)
    assert found.result.verdict == "proven", found.result.reason
    assert found.source is not None
    text = found.result.jax
    shown = [one for one in found.result.observations if one.kind in ("value", "gradient")]
    assert text.count("numpy.testing.assert_allclose(") == text.count("print(") == len(shown) == 19
    assert 'grads["hidden.weight"], data["hidden_weight_grad_expected"], rtol=1e-10, atol=1e-14' in text
    assert found.source.arrays["hidden_weight_grad_expected"].shape == (3, 30)
    # The script is whole: it runs by itself, and it fails where one number is another one.
    script = tmp_path / "out.py"
    (tmp_path / found.source.data_name).write_bytes(found.source.packed())
    for wrong in (text, text.replace("* 0.1\n", "* 0.1001\n", 1)):
        script.write_text(wrong, "utf-8")
        run = subprocess.run([sys.executable, str(script)], check=False, capture_output=True, text=True, cwd=tmp_path)
        assert (run.returncode == 0) == (wrong == text), run.stderr
        assert ("AssertionError" in run.stderr) == (wrong != text)


def test_the_command_line_writes_the_assertions(tmp_path: Path) -> None:
    script, out = tmp_path / "script.py", tmp_path / "out.py"
    loop = LOOP.format(optimizer="SGD(model.parameters(), lr=0.1)")
    script.write_text(MODEL.replace("WIDTH", "30") + loop, "utf-8")
    words = [sys.executable, "-m", "compare", "translate", str(script), "--check", "-o", str(out)]
    run = subprocess.run(words, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert out.read_text("utf-8").count("numpy.testing.assert_allclose(") == 19
    alone = subprocess.run([sys.executable, str(out)], check=False, capture_output=True, text=True)
    assert alone.returncode == 0, alone.stderr


def test_a_wrong_row_fails_the_assertions_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    monkeypatch.setitem(OPS, "tanh", dataclasses.replace(OPS["tanh"], jax="jnp.tanh(x) * 1.0000001"))
    result = translated(tmp_path, LOOP.format(optimizer="SGD(model.parameters(), lr=0.1)"), check=True).result
    assert result.verdict == "not-proven"
    assert "the jax leg raised AssertionError" in result.reason


def test_what_is_asserted_of_each_kind_of_number() -> None:
    def case(tape: Tape) -> None:
        a = tape.leaf([1.0, float("inf"), float("nan")])
        counts = tape.constant([1, 2, 3]) + 1
        flags = tape.constant([True, False])
        turned = tape.constant([1.0 + 2.0j, -0.5j])
        (a * 2).sum().backward()
        for one in (a, counts, flags, turned, a.grad):
            tape.observe(one)

    pure = functionalize(record(case, id="kinds", title="Kinds", dtype="float64")).pure
    right: dict[str, np.ndarray[Any, Any]] = {
        "a": np.array([1.0, np.inf, np.nan]),
        "counts": np.array([2, 3, 4]),
        "flags": np.array([True, False]),
        "turned": np.array([1.0 + 2.0j, -0.5j]),
        "a.grad": np.array([2.0, 2.0, 2.0]),
    }
    limits = {name: (0.0, 0.0) if one.dtype.kind in "ib" else (1e-10, 1e-14) for name, one in right.items()}
    checks = {name: Check(one, *limits[name]) for name, one in right.items()}
    source = print_jax(pure, checks)
    assert source.text.count("numpy.testing.") == 5
    assert "numpy.testing.assert_array_equal(counts, [2, 3, 4])" in source.text
    assert run_jax(pure, source).failure is None
    for name, one in right.items():
        other = one.copy()
        other[0] = not other[0] if one.dtype == bool else other[0] + 1
        wrong = {**checks, name: Check(other, *limits[name])}
        failure = run_jax(pure, print_jax(pure, wrong)).failure
        assert failure is not None
        assert failure.type == "AssertionError"


def test_nothing_is_asserted_unless_asked_for() -> None:
    statements = (
        Leaf(target="a", data=2.0, dtype="float64"),
        Apply(target="b", op="multiply", operands=(Ref("a"), 3)),
        Backward(roots=("b",)),
        Read(name="a.grad", what="grad", handle="a"),
    )
    from compare.program import Program

    pure = functionalize(Program(id="plain", title="Plain", dtype="float64", statements=statements)).pure
    assert "numpy" not in print_jax(pure).text.replace("jax.numpy", "")


SGD = {"lr": 0.1, "momentum": 0, "dampening": 0, "weight_decay": 0, "nesterov": False, "maximize": False}
ADAM = {"lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False, "maximize": False}
RMSPROP = {"lr": 0.1, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0, "centered": False}
ADAGRAD = {"lr": 0.1, "lr_decay": 0, "eps": 0.0, "weight_decay": 0, "initial_accumulator_value": 0.25}


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
    [
        ("SGD", SGD, "`optax.sgd(0.1)`"),
        ("SGD", {**SGD, "dampening": 0.5}, "`optax.sgd(0.1)`"),
        ("SGD", {**SGD, "momentum": 0.9, "nesterov": True}, "`optax.sgd(0.1, momentum=0.9, nesterov=True)`"),
        (
            "SGD",
            {**SGD, "weight_decay": 0.01, "maximize": True},
            "`optax.chain(optax.scale(-1.0), optax.add_decayed_weights(0.01), optax.sgd(0.1))`",
        ),
        (
            "SGD",
            {**SGD, "momentum": 0.9, "dampening": 0.5},
            "`optax.sgd(0.1, momentum=0.9)`, except that optax has no dampening: keep the update lines",
        ),
        ("Adam", ADAM, "`optax.adam(0.1, b1=0.9, b2=0.999, eps=1e-08)`"),
        (
            "Adam",
            {**ADAM, "amsgrad": True},
            "`optax.amsgrad(0.1, b1=0.9, b2=0.999, eps=1e-08)`, except that PyTorch takes the maximum before the bias "
            "correction, optax after: keep the update lines",
        ),
        (
            "Adam",
            {**ADAM, "weight_decay": 0.1, "decoupled_weight_decay": True},
            "`optax.adamw(0.1, b1=0.9, b2=0.999, eps=1e-08, weight_decay=0.1)`",
        ),
        (
            "AdamW",
            {**ADAM, "weight_decay": 0.1},
            "`optax.adamw(0.1, b1=0.9, b2=0.999, eps=1e-08, weight_decay=0.1)`",
        ),
        (
            "RMSprop",
            {**RMSPROP, "centered": True, "momentum": 0.5},
            "`optax.rmsprop(0.1, decay=0.99, eps=1e-08, eps_in_sqrt=False, centered=True, momentum=0.5)`",
        ),
        ("Adagrad", ADAGRAD, "`optax.adagrad(0.1, initial_accumulator_value=0.25, eps=0.0)`"),
        (
            "Adagrad",
            {**ADAGRAD, "eps": 1e-10},
            "`optax.adagrad(0.1, initial_accumulator_value=0.25, eps=1e-10)`, except that optax adds eps under the "
            "square root: keep the update lines",
        ),
        ("Rprop", {"lr": 0.1}, "optax.rprop is not known to be the same: keep the update lines"),
    ],
)
def test_the_optax_of_settings(kind: str, settings: dict[str, Any], told: str) -> None:
    assert optax_equivalent(kind, [settings]) == told


def test_the_optax_of_parameter_groups() -> None:
    assert optax_equivalent("SGD", [SGD, SGD]) == "`optax.sgd(0.1)`"
    told = optax_equivalent("SGD", [SGD, {**SGD, "lr": 0.5}])
    assert told == "its parameter groups differ; join with `optax.multi_transform`: `optax.sgd(0.1)`; `optax.sgd(0.5)`"

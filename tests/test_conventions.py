"""The ledger of conventions: its form, what it refuses, and that an entry that is not true is caught."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import msgspec
import pytest
from click.testing import CliRunner
from results_made_by_hand import MATCHING, run

from compare.cli import _exit_code, cli
from compare.concepts.concept import Page
from compare.conventions import CONVENTIONS, WRONG, find_convention
from compare.conventions.convention import raises
from compare.conventions.reproducer import reproducer
from compare.errors import CompareError, UsageError
from compare.ledger import run_ledger
from compare.observed import UP_TO_A_SIGN
from compare.points import checked
from compare.report import Report
from compare.report.ledger import LEDGER_FORMATS, LedgerReport, ledger_summary, ranked, render_ledger
from compare.settings import put_back
from compare.translation import translate_script

pytestmark = pytest.mark.xdist_group("ledger")  # all entries are run once
BUGS = [one for one in CONVENTIONS.values() if len(WRONG.get(one.verdict, ())) == 1]
SINGULAR = [[1.0, 2.0], [2.0, 4.0]]
TRUE = ("abs-at-zero", "relu-at-zero", "determinant-of-a-singular-matrix", "index-past-the-end")


@pytest.fixture(scope="module")
def whole():
    """Every entry, as it is."""
    return {one.id: one for one in run_ledger(list(CONVENTIONS.values()))}


@pytest.fixture(scope="module")
def observed(whole):
    """A few entries of different kinds."""
    return [whole[name] for name in TRUE]


# ---- what is there ----


def test_sixty_differ_and_sixty_agree():
    differ = [one for one in CONVENTIONS.values() if repr(one.torch) != repr(one.jax) or one.jax_single is not None]
    assert len(differ) >= 60
    assert len(CONVENTIONS) - len(differ) >= 60


def test_every_difference_is_linked():
    unlinked = [one.id for one in CONVENTIONS.values() if one.verdict not in ("agrees", "both-wrong") and not one.links]
    assert unlinked == []


def test_texts_are_one_line_of_whole_sentences():
    for one in CONVENTIONS.values():
        for text in (one.title, one.reason):
            assert text.isprintable()
            assert text.endswith((".", "?")), text


def test_the_expressions_are_data():
    for one in CONVENTIONS.values():
        names = tuple(one.point.operands)
        for framework, codes in (("torch", (one.point.torch, one.as_jax)), ("jax", (one.point.jax, one.as_torch))):
            for code in filter(None, codes):
                checked(code, framework, names)


def test_the_ledger_imports_neither_framework():
    code = "import sys, compare.conventions, compare.ledger; sys.exit('torch' in sys.modules or 'jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ---- what is true ----


def test_every_entry_holds(whole):
    assert {one.id: one.departures for one in whole.values() if one.departures} == {}


def test_every_convention_and_default_has_remedies_that_were_run(whole):
    chosen = [one for one in whole.values() if one.verdict in ("convention", "default-differs")]
    assert len(chosen) >= 50
    for one in chosen:
        assert {remedy.framework for remedy in one.remedies} == {"torch", "jax"}, one.id
        assert all(set(remedy.numbers) == {"float64", "float32"} for remedy in one.remedies), one.id


def test_the_remedies_answer_as_the_other(observed):
    [abs_entry, *_] = observed
    assert {one.framework: one.numbers["float64"] for one in abs_entry.remedies} == {
        "jax": [0.0, 0.0],
        "torch": [1.0, 1.0],
    }


# ---- planted errors ----


_ABS = CONVENTIONS["abs-at-zero"]
PLANTED = {
    "a wrong number of PyTorch": (replace(_ABS, torch=[0.0, 0.5]), "PyTorch answers"),
    "a wrong number of JAX": (replace(_ABS, jax=[1.0, -1.0]), "JAX answers"),
    "a number of the wrong shape": (replace(_ABS, jax=[1.0]), "JAX answers"),
    "a wrong number in float32": (replace(_ABS, torch_single=[1.0, 1.0]), "PyTorch answers [0.0, 0.0] in float32"),
    "a wrong side": (replace(_ABS, left=[-1.0, 0.0]), "the exact answer from the left"),
    "a wrong verdict": (replace(_ABS, verdict="jax-wrong"), "the verdict is convention in float64"),
    "a difference that is called agreement": (replace(_ABS, verdict="agrees"), "the verdict is convention"),
    "a remedy that is the plain op": (replace(_ABS, as_torch="jnp.abs(x)"), "the remedy in JAX has the reverse"),
    "a remedy with another value": (replace(_ABS, as_jax="torch.where(x >= 0, x, -x) + 1"), "the value"),
    "a remedy that is right at the point alone": (
        replace(_ABS, as_torch="0.0 * x"), "the remedy in JAX has the value [-0.0, 0.0] at {'x': [-2.0, 0.5]}",
    ),
    "a remedy that raises": (replace(_ABS, as_torch="jnp.reshape(x, (3,))"), "the remedy in JAX"),
    "an agreement that is wrong": (
        replace(CONVENTIONS["determinant-of-a-singular-matrix"], verdict="agrees"), "the verdict is torch-wrong",
    ),
    "an error with another message": (
        replace(CONVENTIONS["index-past-the-end"], torch=raises("IndexError", "no such thing")), "PyTorch answers",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def planted():
    """Every planted entry, run together."""
    results = run_ledger([entry for entry, _ in PLANTED.values()])
    return dict(zip(PLANTED, results, strict=True))


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_is_caught(planted, name):
    result = planted[name]
    assert not result.holds
    assert any(PLANTED[name][1] in departure for departure in result.departures), result.departures


def test_a_planted_entry_fails_the_run(planted, observed, monkeypatch):
    answers = [observed[0]]
    monkeypatch.setattr("compare.ledger.observe", lambda entries, **options: tuple(answers))
    for wanted, entry in ((0, observed[0]), (1, planted["a wrong number of JAX"])):
        answers[0] = entry
        finished = CliRunner().invoke(cli, ["conventions", "abs-at-zero"], standalone_mode=False)
        assert finished.return_value == wanted
        assert _exit_code(Report(msgspec.structs.replace(run(MATCHING), conventions=(entry,)))) == wanted


def test_a_departure_is_told_in_every_format(planted):
    report = LedgerReport(list(planted.values()))
    for format in LEDGER_FORMATS:
        if format != "concise":
            assert "the verdict is convention in float64" in render_ledger(format, report)
    assert f"{len(PLANTED)} not as declared" in ledger_summary(report.conventions)


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/pytorch/pytorch/issues/",
        "https://github.com/pytorch/pytorch/issue/7002",
        "http://github.com/pytorch/pytorch/issues/7002",
        "https://example.org/7002",
        "https://docs.pytorch.org/docs/1.0/torch.html",
    ],
)
def test_a_link_of_another_form_is_refused(url):
    with pytest.raises(CompareError, match="no issue, pull request or page"):
        replace(_ABS, links=(Page("x", url),))


def test_a_convention_needs_its_remedies():
    with pytest.raises(CompareError, match="remedy in both directions"):
        replace(_ABS, as_jax="")
    with pytest.raises(CompareError, match="at no ordinary point"):
        replace(_ABS, ordinary=())


def test_an_id_is_kebab():
    with pytest.raises(CompareError, match="joined by hyphens"):
        replace(_ABS, id="Abs at zero")


# ---- bug reports ----


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # PyTorch's, on the first use of forward mode
@pytest.mark.parametrize("entry", BUGS, ids=lambda one: one.id)
def test_a_reproducer_fails(entry):
    from compare.jax_leg import jax_settings
    from compare.torch_leg import torch_settings

    script = reproducer(entry)
    assert ("import jax" in script) != ("import torch" in script)
    with put_back([*jax_settings(), *torch_settings()]), pytest.raises(AssertionError):
        exec(compile(script, entry.id, "exec"), {})


REMEDIED = [one for one in BUGS if (one.as_jax if one.verdict == "torch-wrong" else one.as_torch)]
"""Bugs with a spelling in the same framework that is right."""


@pytest.mark.parametrize("entry", REMEDIED, ids=lambda one: one.id)
def test_a_reproducer_passes_once_the_framework_is_right(entry):
    from compare.jax_leg import jax_settings
    from compare.torch_leg import torch_settings

    framework, code = ("torch", entry.as_jax) if entry.verdict == "torch-wrong" else ("jax", entry.as_torch)
    repaired = replace(entry, point=replace(entry.point, **{framework: code}))
    with put_back([*jax_settings(), *torch_settings()]):
        exec(compile(reproducer(repaired), entry.id, "exec"), {})


def test_a_reproducer_says_what_it_cannot_show():
    entry = CONVENTIONS["determinant-of-a-singular-matrix"]
    for other in (
        replace(entry, aspect="value"),
        replace(entry, point=replace(entry.point, direction={"x": SINGULAR})),
    ):
        with pytest.raises(CompareError, match="moves all operands by 1"):
            reproducer(other)


def test_what_is_no_bug_has_no_reproducer():
    for name in ("abs-at-zero", "relu-at-zero", "root-of-a-square"):
        with pytest.raises(UsageError, match="is no bug of one framework"):
            reproducer(CONVENTIONS[name])
    finished = CliRunner().invoke(cli, ["conventions", "abs-at-zero", "--reproducer"], standalone_mode=False)
    assert finished.return_value == 2


# ---- reports ----


def test_differences_come_first(observed):
    assert list(ranked(observed)) == ["torch-wrong", "convention", "raises-differ", "agrees"]


def test_an_entry_is_explained(observed):
    text = render_ledger("full", LedgerReport(observed[:1], explained=True))
    for said in (
        "convention: the answers differ", "from the left [-1.0, -1.0], from the right [1.0, 1.0]", "jax #37820",
        "jnp.where(x == 0, 0.0, jnp.abs(x))", "answers [0.0, 0.0] in float64", "PyTorch 2.13.0, JAX 0.10.2",
    ):  # fmt: skip
        assert said in text


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'abs-at-zero'"):
        find_convention("abs-at-zer")


# ---- translate ----


def test_torch_conventions_are_spelled_out_as_the_ledger_says(tmp_path):
    script = tmp_path / "kinks.py"
    script.write_text(
        "import torch\n"
        "x = torch.tensor([1.5, -2.0], requires_grad=True)\n"
        "y = torch.abs(x) + torch.clamp(x, 0.0, 1.0) + torch.nn.functional.leaky_relu(x)\n"
        "y.sum().backward()\n"
    )
    spelled = translate_script(script, dtype="float64", torch_conventions=True).result
    assert spelled.verdict == "proven"
    printed = "".join(spelled.jax.split())  # a long line is broken
    for name in ("abs-at-zero", "clip-at-bounds", "leaky-relu-at-zero"):
        for line in CONVENTIONS[name].as_torch.splitlines():
            assert "".join(line.split()) in printed
    assert "jnp.abs(x) + jnp.clip" in translate_script(script, dtype="float64").result.jax


# ---- translate: what is no bug, and what is one elsewhere ----

MATRIX = "x = torch.tensor([[2.0, 1.0, 0.3], [1.0, 3.0, -0.5], [0.3, -0.5, 1.0]], requires_grad=True)\n"
OF_EITHER_SIGN = {
    "eigenvectors": "w, v = torch.linalg.eigh(x)\nloss = v[0].sum()\n",
    "singular vectors": "u, s, vh = torch.linalg.svd(x[:2], full_matrices=False)\nloss = (u * x[:2, :2]).sum()\n",
}


def translated(tmp_path, text: str):
    script = tmp_path / "script.py"
    script.write_text("import torch\n" + text)
    return translate_script(script, dtype="float64").result


@pytest.mark.parametrize("name", OF_EITHER_SIGN)
def test_vectors_of_another_sign_are_nobodys_fault(tmp_path, name):
    result = translated(tmp_path, MATRIX + OF_EITHER_SIGN[name] + "loss.backward()\n")
    assert result.exact
    verdicts = {one.name: one.verdict for one in result.observations}
    assert verdicts["loss"] == "mismatch"
    assert not [name for name, verdict in verdicts.items() if "wrong" in verdict]
    assert UP_TO_A_SIGN in result.reason
    # What does not depend on the sign is still held against the exact reference.
    assert verdicts["w" if "w" in verdicts else "s" if "s" in verdicts else "eigenvalues"] == "match"
    assert [one.what for one in result.specialised] == ["signs"]


def test_the_sign_is_told_where_there_is_no_reference(tmp_path, monkeypatch):
    monkeypatch.setattr("compare.translation.REFERENCE_LIMIT", 0)
    result = translated(tmp_path, MATRIX + OF_EITHER_SIGN["eigenvectors"] + "loss.backward()\n")
    assert not result.exact
    assert "torch.linalg.eigh" in result.divergence
    assert result.divergence.endswith(UP_TO_A_SIGN)


def test_what_no_sign_changes_is_proven(tmp_path):
    projection = (
        "w, v = torch.linalg.eigh(x)\nloss = ((v[:, :1] @ v[:, :1].mT) * x).cos().sum()\nloss.backward()\ndel v\n"
    )
    result = translated(tmp_path, MATRIX + projection)
    assert (result.verdict, result.exact) == ("proven", True)


def test_a_function_that_is_wrong_elsewhere_says_so(tmp_path):
    at = "x = torch.tensor([{}], requires_grad=True)\ny = torch.digamma(x)\ny.sum().backward()\n"
    plain = translated(tmp_path, at.format("10.5, 12.0"))
    assert plain.verdict == "proven"
    assert "y = jax.scipy.special.digamma(x)" in plain.jax
    [said] = plain.specialised
    assert (said.line, said.what) == (3, "digamma")
    assert "left of -8" in said.why
    assert "--torch-conventions" in said.why
    left = translated(tmp_path, at.format("-8.5, 12.0"))
    assert left.verdict == "proven"
    assert "jnp.where" in left.jax
    assert [one.what for one in left.specialised] == ["kinks"]

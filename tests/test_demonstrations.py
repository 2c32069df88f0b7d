"""Demonstrations: how snippets are read, how they run, and that each kind of wrong answer is caught."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from compare.cases import Case, Catalogue, load_cases
from compare.demonstrations import read_demonstration
from compare.errors import CaseError
from compare.results import CaseResult, Observation, Raise
from compare.runner import PreparedDemonstration, prepare, run_case

TORCH = "import torch\nx = torch.tensor([1.0, 2.0])\n"
JAX = "import jax\nimport jax.numpy as jnp\nx = jnp.array([1.0, 2.0])\n"
DOUBLED = 'print("y", x * 2)\n'


def chapter(folder: Path, *bodies: str, shows: str = "") -> Catalogue:
    """A chapter of demonstrations, one per body, called `one`, `two` and so on."""
    text = "import math\n\nfrom compare import demonstration, raises\n"
    for number, body in zip(("one", "two", "three"), bodies, strict=False):
        docstring = f'"""A title\n{shows}"""\n'
        text += f"\n\n@demonstration\ndef {number}(shown):\n" + indent(f"{docstring}\n{body}", "    ")
    (folder / "chapter.py").write_text(text, "utf-8")
    return load_cases(folder)


def snippets(torch: str | None, jax: str | None, *declarations: str) -> str:
    """The body of a demonstration."""
    parts = []
    for leg, text in (("torch", torch), ("jax", jax)):
        if text is not None:
            parts.append(f"@shown.{leg}\ndef _():\n" + indent(text, "    "))
    return "\n".join([*parts, *declarations, ""])


def only(folder: Path, body: str, shows: str = "") -> Case:
    [case] = chapter(folder, body, shows=shows).cases
    return case


def outcome_of(folder: Path, torch: str | None, jax: str | None, *declarations: str) -> CaseResult:
    """The result of snippets to which `x` is given."""
    before = {"torch": TORCH, "jax": JAX}
    texts = [None if text is None else before[leg] + text for leg, text in (("torch", torch), ("jax", jax))]
    return run_case(only(folder, snippets(*texts, *declarations)))


def judged(result: CaseResult) -> Observation:
    """The one observation."""
    assert result.error is None, result.error
    [one] = result.observations
    return one


# ---- reading ----


def test_a_snippet_is_the_dedented_body_below_one_header(tmp_path: Path) -> None:
    text = '# what it is about\nimport torch\n\nif True:\n    print("y", torch.ones(1))\n'
    case = only(tmp_path, snippets(text, None, 'shown.expect_divergence("y", torch=[1.0], concept="leaf")'))
    prepared = prepare(case)
    assert isinstance(prepared, PreparedDemonstration)
    assert prepared.torch.text == f"# one: A title\n{text}"
    assert prepared.jax.text == ""


def test_each_line_of_a_snippet_knows_its_line_in_the_file(tmp_path: Path) -> None:
    case = only(tmp_path, snippets(TORCH + DOUBLED, JAX + DOUBLED, 'shown.expect("y", [2.0, 4.0])'))
    demonstration = read_demonstration(case)
    lines = Path(case.path).read_text("utf-8").splitlines()
    for source in (demonstration.torch, demonstration.jax):
        for text, origin in zip(source.text.splitlines(), source.origins, strict=True):
            assert origin is None or lines[case.line - 1 + origin].strip() == text.strip()
    assert lines[demonstration.expectations[0].line - 1].strip() == 'shown.expect("y", [2.0, 4.0])'


def test_reading_runs_no_snippet(tmp_path: Path) -> None:
    case = only(tmp_path, snippets("raise SystemExit", "raise SystemExit", 'shown.expect("y", 1)'))
    assert len(read_demonstration(case).expectations) == 1


GOOD = "import torch\nprint('y', 1)\n"


@pytest.mark.parametrize(
    ("body", "at", "message"),
    [
        ("pass", "@demonstration", "It has no snippet"),
        (snippets(GOOD, GOOD), "@demonstration", "It declares nothing"),
        (snippets(GOOD, None, "shown.expect('y', 1)"), "    shown.expect", "has no @shown.jax snippet"),
        (snippets(GOOD, GOOD, "shown.expect('y', 1)", "shown.expect('y', 2)"), "    shown.expect('y', 2)", "twice"),
        (snippets(GOOD, GOOD, "shown.expect('', 1)"), "    shown.expect", "A name is the word"),
        (
            snippets(GOOD, GOOD, "shown.expect_divergence('y', concept='leaf')"),
            "    shown.expect",
            "leaves both legs out",
        ),
        (
            snippets(GOOD, GOOD, "shown.expect_divergence('y', torch=1, jax_warning='w', concept='leaf')"),
            "    shown.expect",
            "a warning of jax, which it leaves out",
        ),
        (
            snippets(GOOD, GOOD, "shown.expect_divergence('y', torch=[1], jax=[1], concept='leaf')"),
            "    shown.expect",
            "both sides are the same",
        ),
        (snippets(GOOD, GOOD, "shown.expect('y', {1})"), "    shown.expect", "'y' is declared as a set"),
        (snippets(GOOD, GOOD, "shown.expect('y', raises('RuntimeError'))"), "    shown.expect", "raises takes"),
        (snippets(GOOD, GOOD, "shown.expect('y', 1, torch_warning='')"), "    shown.expect", "is empty"),
        (snippets(GOOD, GOOD) + snippets(GOOD, None), "    @shown.torch", "two @shown.torch snippets"),
        ("@shown.torch\ndef _(x):\n    print('y', x)\n", "    @shown.torch", "without arguments"),
        ("@shown.torch\ndef _(): print('y', 1)\n", "    @shown.torch", "starts on the line below"),
        (snippets("print('y', 1)\nreturn\n", GOOD), "        return", "is no script of its own"),
        (snippets("print('y')\n", GOOD), "        print('y')", "a label and one object; not `print('y')`"),
        (snippets("print('y', 1, 2)\n", GOOD), "        print('y', 1, 2)", "a label and one object"),
        (snippets("print(*[1, 2])\n", GOOD), "        print(*[1, 2])", "a label and one object"),
        (snippets("print('y', 1, flush=True)\n", GOOD), "        print('y', 1, flush=True)", "a label and one object"),
        ("shown.torch(3)", "    shown.torch(3)", "stands above a function"),
        ("shown.expct('y', 1)", "    shown.expct", "crashed: AttributeError"),
        ("shown.expect_divergence('y', torch=1)", "    shown.expect_div", "crashed: TypeError"),
        ("raise SystemExit(0)", "    raise", "crashed: SystemExit: 0"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_its_line(tmp_path: Path, body: str, at: str, message: str) -> None:
    case = only(tmp_path, body)
    with pytest.raises(CaseError) as caught:
        prepare(case)
    assert message in str(caught.value)
    lines = Path(case.path).read_text("utf-8").splitlines()
    assert caught.value.line == max(number for number, line in enumerate(lines, 1) if line.startswith(at))
    assert f"chapter.py:{caught.value.line}" in str(caught.value)
    result = run_case(case)
    assert (result.outcome, result.fault, result.kind) == ("error", "input", "demonstration")


def test_an_unknown_concept_is_refused(tmp_path: Path) -> None:
    declared = "shown.expect_divergence('y', torch=1, jax=2, concept='lef')"
    result = run_case(only(tmp_path, snippets(GOOD, GOOD, declared)))
    assert "Did you mean 'leaf'?" in (result.error or "")


def test_the_concepts_it_shows_become_notes(tmp_path: Path) -> None:
    body = snippets(TORCH + DOUBLED, JAX + DOUBLED, 'shown.expect("y", [2.0, 4.0])')
    result = run_case(only(tmp_path, body, shows="\n    Shows: leaf, backward.\n    "))
    assert [note.concept for note in result.notes] == ["leaf", "backward"]


# ---- what is as declared ----


@pytest.mark.parametrize(
    ("torch", "jax", "declared"),
    [
        (DOUBLED, DOUBLED, "[2.0, 4.0]"),
        (DOUBLED, DOUBLED, "[2, 4]"),
        ("print('y', x.dtype)", "print('y', x.dtype)", "'float32'"),
        ("print('y', None)", "print('y', None)", "None"),
        ("print('y', x is x)", "print('y', x is x)", "True"),
        ("print('y', x == 1)", "print('y', x == 1)", "[True, False]"),
        ("print('y', x.shape)", "print('y', x.shape)", "[2]"),
        ("print('y', 0.5)", "print('y', 0.5)", "0.5"),
        ("print('y', [x, 3])", "print('y', [x, 3])", "[[1.0, 2.0], 3]"),
        ("print('y', ['a', None])", "print('y', ('a', None))", "['a', None]"),
        ("print('y', x / 0)", "print('y', x / 0)", "[math.inf, 'inf']"),
        ("print('y', x * math.nan)", "print('y', x * math.nan)", "['nan', math.nan]"),
        ("print('y', x[:0])", "print('y', x[:0])", "[]"),
        ("print('y', x.numpy())", "import numpy\nprint('y', numpy.asarray(x))", "[1.0, 2.0]"),
        ("print('y', x.bfloat16())", "print('y', x.astype(jnp.bfloat16))", "[1.0, 2.0]"),
        ("print('y', ValueError('too bad'))", "print('y', ValueError('too bad'))", "raises('ValueError: too')"),
    ],
)
def test_what_both_show_as_declared_is_a_match(tmp_path: Path, torch: str, jax: str, declared: str) -> None:
    torch, jax = (f"import math\n{text}" for text in (torch, jax))
    result = outcome_of(tmp_path, torch, jax, f"shown.expect('y', {declared})")
    assert judged(result).verdict == "match", judged(result).detail
    assert (result.outcome, result.kind) == ("match", "demonstration")


@pytest.mark.parametrize(
    ("torch", "jax", "declared", "verdict", "outcome"),
    [
        ("print('y', x)", "print('y', x * 2)", "torch=[1.0, 2.0], jax=[2.0, 4.0]", "convention", "diverges"),
        ("print('y', None)", "print('y', 0.0)", "torch=None, jax=0.0", "convention", "diverges"),
        ("print('y', x)", "print('y', ValueError('no'))", "torch=[1, 2], jax=raises('ValueError: no')",
         "raises-differ", "diverges"),
        ("print('y', ValueError('a'))", "print('y', TypeError('b'))",
         "torch=raises('ValueError: a'), jax=raises('TypeError: b')", "match", "match"),
        ("pass", "print('y', x)", "jax=[1, 2]", "no-analogue", "diverges"),
        ("print('y', x)", "pass", "torch=[1, 2]", "no-analogue", "diverges"),
    ],
)  # fmt: skip
def test_a_declared_divergence_has_its_verdict(
    tmp_path: Path, torch: str, jax: str, declared: str, verdict: str, outcome: str
) -> None:
    result = outcome_of(tmp_path, torch, jax, f"shown.expect_divergence('y', {declared}, concept='leaf')")
    one = judged(result)
    assert (one.verdict, one.concept) == (verdict, "leaf"), one.detail
    assert result.outcome.startswith(outcome)


def test_one_leg_alone_needs_one_snippet(tmp_path: Path) -> None:
    result = outcome_of(tmp_path, None, DOUBLED, "shown.expect_divergence('y', jax=[2.0, 4.0], concept='leaf')")
    assert judged(result).verdict == "no-analogue"
    assert result.sources.torch == ""


WARNING = "import warnings\nwarnings.warn('careful now')\n"


def test_a_declared_warning_belongs_to_the_print_that_follows(tmp_path: Path) -> None:
    result = outcome_of(
        tmp_path,
        f"print('x', 1)\n{WARNING}print('y', 2)",
        "print('x', 1)\nprint('y', 2)",
        "shown.expect('x', 1)",
        "shown.expect('y', 2, torch_warning='careful')",
    )
    assert result.outcome == "match", result.observations


# ---- planted wrong answers ----


@pytest.mark.parametrize(
    ("torch", "jax", "declaration", "detail"),
    [
        # a value
        ("print('y', x * 3)", DOUBLED, "expect('y', [2.0, 4.0])", "torch shows [3.0, 6.0]; [2.0, 4.0] is declared"),
        (DOUBLED, "print('y', x * 3)", "expect('y', [2.0, 4.0])", "jax shows [3.0, 6.0]; [2.0, 4.0] is declared"),
        (DOUBLED, "print('y', x * 2 + 1e-4)", "expect('y', [2.0, 4.0])", "at [0]: largest error 0.0001"),
        ("print('y', 0.1 + 1e-9)", "print('y', 0.1)", "expect('y', 0.1)", "torch shows 0.10"),
        ("print('y', x.double() / 3)", "print('y', x / 3)", "expect('y', [0.333333, 0.666667])", "torch shows"),
        # a shape
        (DOUBLED, DOUBLED, "expect('y', [[2.0, 4.0]])", "[[2.0, 4.0]] is declared"),
        ("print('y', x * 0)", "print('y', x * 0)", "expect('y', 0.0)", "0.0 is declared"),
        ("print('y', [x, x])", "print('y', [x, x])", "expect('y', [[1.0, 2.0]])", "[[1.0, 2.0]] is declared"),
        # a kind
        ("print('y', None)", "print('y', 0.0)", "expect('y', 0.0)", "torch shows None; 0.0 is declared"),
        ("print('y', True)", "print('y', 1)", "expect('y', 1)", "torch shows True; 1 is declared"),
        ("print('y', x == 1)", "print('y', x == 1)", "expect('y', [1, 0])", "[1, 0] is declared"),
        ("print('y', 'a')", "print('y', 'b')", "expect('y', 'a')", "jax shows 'b'; 'a' is declared"),
        ("print('y', ['a', 1])", "print('y', ['a', 2])", "expect('y', ['a', 1])", "jax shows ['a', 2]"),
        ("print('y', 1)", "print('y', ValueError('z'))", "expect('y', 1)", "jax shows 'ValueError: z'"),
        # NaN and infinities
        ("print('y', x * float('nan'))", "print('y', x)", "expect('y', [1.0, 2.0])", "torch shows ['nan', 'nan']"),
        ("print('y', -x / 0)", "print('y', -x / 0)", "expect('y', ['inf', 'inf'])", "torch shows ['-inf', '-inf']"),
        # an error
        ("print('y', TypeError('a'))", "print('y', ValueError('a'))", "expect('y', raises('ValueError: a'))",
         "torch shows 'TypeError: a'; 'ValueError: a' is declared"),
        ("print('y', ValueError('a'))", "print('y', ValueError('b'))", "expect('y', raises('ValueError: a'))",
         "jax shows 'ValueError: b'"),
        ("print('y', 'ValueError: a')", "print('y', ValueError('a'))", "expect('y', raises('ValueError: a'))",
         "torch shows 'ValueError: a'"),
        # missing, and one too many
        ("pass", DOUBLED, "expect('y', [2.0, 4.0])", "torch does not show it; [2.0, 4.0] is declared"),
        ("pass", "pass", "expect('y', 1)", "torch does not show it; 1 is declared; jax does not show it"),
        (DOUBLED, DOUBLED, "expect_divergence('y', jax=[2.0, 4.0], concept='leaf')",
         "torch shows [2.0, 4.0]; it is declared to show nothing"),
        # a divergence that disappeared, or became another
        (DOUBLED, DOUBLED, "expect_divergence('y', torch=[2.0, 4.0], jax=[1.0, 2.0], concept='leaf')",
         "jax shows [2.0, 4.0]; [1.0, 2.0] is declared"),
        (DOUBLED, DOUBLED, "expect_divergence('y', torch=[2.0, 4.0], jax=[2.0, 4.000001], concept='leaf')",
         "declared to diverge (leaf), but torch shows [2.0, 4.0] and jax shows [2.0, 4.0], which agree"),
        ("print('y', x)", "print('y', x * 3)", "expect_divergence('y', torch=[1, 2], jax=[2, 4], concept='leaf')",
         "jax shows [3.0, 6.0]; [2, 4] is declared"),
        # warnings
        (WARNING + DOUBLED, DOUBLED, "expect('y', [2.0, 4.0], torch_warning='other')",
         "torch does not give the warning that is declared: 'other'"),
        (DOUBLED, DOUBLED, "expect('y', [2.0, 4.0], jax_warning='careful')", "jax does not give the warning"),
    ],
)  # fmt: skip
def test_a_planted_wrong_answer_is_a_mismatch(
    tmp_path: Path, torch: str, jax: str, declaration: str, detail: str
) -> None:
    result = outcome_of(tmp_path, torch, jax, f"shown.{declaration}")
    assert result.error is None, result.error
    first = result.observations[0]
    assert (first.name, first.verdict) == ("y", "mismatch")
    assert detail in first.detail
    assert first.departs
    assert result.outcome == "mismatch"


@pytest.mark.parametrize("leg", ["torch", "jax"])
def test_what_is_shown_and_not_declared_is_a_mismatch(tmp_path: Path, leg: str) -> None:
    extra = {"torch": DOUBLED, "jax": DOUBLED}
    extra[leg] += "print('z', 3)\n"
    result = outcome_of(tmp_path, extra["torch"], extra["jax"], "shown.expect('y', [2.0, 4.0])")
    assert [one.verdict for one in result.observations] == ["match", "mismatch"]
    assert result.observations[1].detail == f"{leg} shows 3; nothing is declared of it"
    assert result.outcome == "mismatch"


@pytest.mark.parametrize("leg", ["torch", "jax"])
@pytest.mark.parametrize(("place", "name"), [("before", "warning at y"), ("after", "warning")])
def test_an_undeclared_warning_is_a_mismatch(tmp_path: Path, leg: str, place: str, name: str) -> None:
    texts = {"torch": DOUBLED, "jax": DOUBLED}
    texts[leg] = WARNING + DOUBLED if place == "before" else DOUBLED + WARNING
    result = outcome_of(tmp_path, texts["torch"], texts["jax"], "shown.expect('y', [2.0, 4.0])")
    found = [one for one in result.observations if one.verdict == "mismatch"]
    assert [one.name for one in found] == [name]
    assert f"{leg} warns 'UserWarning: careful now'" in found[0].detail
    assert result.outcome == "mismatch"


def test_a_name_printed_twice_is_refused(tmp_path: Path) -> None:
    result = outcome_of(tmp_path, DOUBLED + DOUBLED, DOUBLED, "shown.expect('y', [2.0, 4.0])")
    assert "The torch leg prints 'y' twice" in (result.error or "")
    assert result.fault == "input"


@pytest.mark.parametrize("leg", ["torch", "jax"])
@pytest.mark.parametrize("crash", ["raise ValueError('no')", "raise SystemExit(0)", "print('y', math.pi)"])
def test_a_snippet_that_stops_is_an_error_with_its_line(tmp_path: Path, leg: str, crash: str) -> None:
    texts = {"torch": DOUBLED, "jax": DOUBLED}
    texts[leg] = crash + "\n"
    result = outcome_of(tmp_path, texts["torch"], texts["jax"], "shown.expect('y', [2.0, 4.0])")
    assert (result.outcome, result.fault) == ("error", "leg")
    line = next(
        number
        for number, text in enumerate((tmp_path / "chapter.py").read_text("utf-8").splitlines(), 1)
        if text.strip() == crash
    )
    assert f"The {leg} leg stopped at {tmp_path / 'chapter.py'}:{line}, `{crash}`: " in (result.error or "")
    assert result.observations[0].verdict == "error"


# ---- settings ----


def test_snippets_start_from_fresh_settings_in_either_precision(tmp_path: Path) -> None:
    switch = {
        "torch": "torch.set_default_dtype(torch.float64)\n",
        "jax": "jax.config.update('jax_enable_x64', True)\n",
    }
    shown = {
        "torch": "print('dtype', torch.ones(1).dtype)\n",
        "jax": "print('dtype', jnp.ones(1).dtype)\n",
    }
    again = {leg: shown[leg] + switch[leg] for leg in shown}
    body = snippets(TORCH + again["torch"], JAX + again["jax"], "shown.expect('dtype', 'float32')")
    for case in chapter(tmp_path, body, body).cases:
        for dtype in ("float64", "float32"):
            assert run_case(case, dtype=dtype).outcome == "match"


def test_a_traced_value_may_be_shown(tmp_path: Path) -> None:
    jax = "jax.jit(lambda a: print('y', a) or a)(x)\njax.debug.callback(lambda a: print('later', a), x)\n"
    result = outcome_of(
        tmp_path,
        "pass",
        jax,
        "shown.expect_divergence('y', jax='DynamicJaxprTracer', concept='leaf')",
        "shown.expect_divergence('later', jax=[1.0, 2.0], concept='leaf')",
    )
    assert result.outcome == "diverges-as-documented", [one.detail for one in result.observations]


def test_errors_are_shown_with_their_type(tmp_path: Path) -> None:
    torch = "x.requires_grad_()\ntry:\n    x += 1\nexcept RuntimeError as error:\n    print('y', error)\n"
    jax = "x += 1\nprint('y', x)\n"
    declared = (
        "shown.expect_divergence('y', torch=raises('RuntimeError: a leaf Variable that requires grad is being used in "
        "an in-place operation'), jax=[2.0, 3.0], concept='inplace-on-leaf')"
    )
    one = judged(outcome_of(tmp_path, torch, jax, declared))
    assert isinstance(one.torch, Raise)
    assert (one.kind, one.verdict) == ("error", "raises-differ")

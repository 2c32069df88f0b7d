"""The concepts: every entry is complete, its links are official, and the code it recommends does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import numpy as np
import pytest

from compare import concepts, results
from compare.cases import Catalogue, load_cases
from compare.concepts import CHAPTERS, CONCEPTS, OBSERVED_WITH, STATUSES, Concept, Page, find_concept, ranked
from compare.errors import UsageError

ROOT = Path(__file__).parents[1]
EVERY = pytest.mark.parametrize("concept", CONCEPTS.values(), ids=CONCEPTS)
CODE = re.compile(r"`([^`]+)`")
MOST_SENTENCES = {"title": 1, "torch": 3, "jax": 3, "why": 2, "instead": 2, "versions": 2, "claim": 1, "observed": 2}
OPTIONAL = ("versions", "contradicts")
"""Chapters whose cases are still being written: a concept of theirs may lack a case. Empty when all are."""


def sentences(text: str) -> int:
    """Count the full stops at the end of a sentence. Code counts as one word."""
    return len(re.findall(r"\.(?= |$)", CODE.sub("code", text)))


def texts(concept: Concept) -> dict[str, str]:
    """Every text of an entry by its field; those that are left out are empty."""
    named = {name: getattr(concept, name) for name in ("title", "torch", "jax", "why", "instead", "versions")}
    refuted = concept.contradicts
    return named | ({"claim": refuted.claim, "observed": refuted.observed} if refuted else {})


def pages(concept: Concept) -> list[Page]:
    return [concept.torch_page, concept.jax_page, *([concept.contradicts.page] if concept.contradicts else [])]


# ---- the entries ----


def test_ids_are_unique_and_kebab_case() -> None:
    every = [concept.id for entries in CHAPTERS.values() for concept in entries]
    assert list(CONCEPTS) == every  # a repeated id would be lost in the dictionary
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", id) for id in CONCEPTS)


def test_statuses_are_those_of_a_note_and_each_is_explained() -> None:
    assert get_args(concepts.Status) == get_args(results.Status) == tuple(STATUSES)
    assert {concept.status for concept in CONCEPTS.values()} == set(STATUSES)


def test_the_map_holds_every_concept_once_silent_differences_first() -> None:
    groups = ranked()
    assert list(groups) == ["silent", "none", "jax-only", "idiom", "exact"]
    assert sorted(one.id for group in groups.values() for one in group) == sorted(CONCEPTS)
    assert all(one.status == status for status, group in groups.items() for one in group)


def test_the_entries_were_observed_with_the_versions_that_are_installed() -> None:
    import jax
    import torch

    assert {"torch": torch.__version__, "jax": jax.__version__}.keys() == OBSERVED_WITH.keys()
    assert torch.__version__.startswith(f"{OBSERVED_WITH['torch']}.")
    assert jax.__version__.startswith(f"{OBSERVED_WITH['jax']}.")


@EVERY
def test_texts_are_filled_one_line_and_whole_sentences(concept: Concept) -> None:
    for name, text in texts(concept).items():
        if name in OPTIONAL and not text:
            continue
        assert re.fullmatch(r"[A-Z`.].*\.", text), f"{name}: {text}"  # '.' matches no line break
        assert text.isascii(), f"{name}: {text}"
        assert "  " not in text, f"{name}: {text}"
        assert text.count("`") % 2 == 0, f"{name}: {text}"
        assert 1 <= sentences(text) <= MOST_SENTENCES[name], f"{name} has {sentences(text)} sentences: {text}"
    assert len(concept.title) <= 100
    assert {field.name for field in fields(concept)} == {
        "id", "status", "title", "torch", "jax", "why", "instead", "torch_page", "jax_page", *OPTIONAL
    }  # fmt: skip


@EVERY
def test_links_lead_to_the_official_documentation(concept: Concept) -> None:
    def place(page: Page) -> str:
        address = urlsplit(page.url)
        assert page.title
        assert re.fullmatch(r"[\w./-]+(\.html|/)", address.path)
        assert not address.query
        assert address.scheme == "https"
        return address.netloc

    torch, jax = {"docs.pytorch.org", "pytorch.org"}, {"docs.jax.dev"}
    assert place(concept.torch_page) in torch
    assert place(concept.jax_page) in jax
    for page in pages(concept):
        assert place(page) in torch | jax
        if place(page) in jax:
            assert page.url.startswith("https://docs.jax.dev/en/latest/")


def test_one_address_has_one_title() -> None:
    every = {page for concept in CONCEPTS.values() for page in pages(concept)}
    assert len({page.url for page in every}) == len(every) == len({page.title for page in every})


# ---- the evidence ----


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    found = load_cases(ROOT / "cases")
    assert not found.failures
    return found


def test_every_case_and_demonstration_shows_a_concept(catalogue: Catalogue) -> None:
    assert [one.id for one in catalogue.cases if not one.concepts] == []
    assert {concept for one in catalogue.cases for concept in one.concepts} <= set(CONCEPTS)


def test_every_concept_is_shown_by_a_case_or_demonstration(catalogue: Catalogue) -> None:
    assert [id for id in CONCEPTS if not catalogue.showing(id)] == []


# ---- importing and finding ----


def test_importing_loads_neither_framework_nor_numpy() -> None:
    code = "import sys, compare.concepts; print(sorted({'torch', 'jax', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@EVERY
def test_find_concept_returns_it(concept: Concept) -> None:
    assert find_concept(concept.id) is concept


def test_find_concept_offers_the_nearest_id() -> None:
    with pytest.raises(UsageError) as caught:
        find_concept("retain-grd")
    assert str(caught.value) == "There is no concept 'retain-grd'. Did you mean 'retain-grad'?"


def test_find_concept_lists_all_when_none_is_near() -> None:
    with pytest.raises(UsageError) as caught:
        find_concept("0000")
    assert str(caught.value) == f"There is no concept '0000'. The concepts are: {', '.join(CONCEPTS)}."


# ---- the recommended code ----


def identity(edit: Callable[[Any], Any]) -> Any:
    """An identity function whose backward rule edits the cotangent."""
    import jax

    function = jax.custom_vjp(lambda h: h)
    function.defvjp(lambda h: (function(h), None), lambda _, g: (edit(g),))
    return function


def bound(**more: Any) -> dict[str, Any]:
    """Names that the recommended code may use: a scalar loss of any number of arguments, arrays of three, hooks."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    def loss_fn(*arguments: Any) -> Any:
        return sum(jnp.sum((argument * argument).real) for argument in arguments)

    arrays = dict.fromkeys(
        ("x", "y", "w", "w1", "w2", "w_grad", "a", "b", "c", "h", "m", "new", "base"), jnp.arange(1.0, 4.0)
    )
    arrays |= {
        "z": jnp.array([1 + 2j, -1j, 3]),
        "h_probe": jnp.zeros(3),
        "value": jnp.array([8.0, 9.0]),
        "v": jnp.ones(3),
    }
    functions = {"loss_fn": loss_fn, "rest_fn": loss_fn, "f": lambda x: x * x}
    functions |= {name: identity(lambda g: 2 * g) for name in ("hook", "first", "second")}
    others = {"argnums": 0, "edit": True, "jax": jax, "jnp": jnp, "lax": lax, "np": np}
    return {**arrays, **functions, **others, **more}


def code(id: str, start: str = "") -> str:
    """The one piece of code in `instead` that starts like this."""
    pieces = [piece for piece in CODE.findall(CONCEPTS[id].instead) if piece.startswith(start)]
    assert len(pieces) == 1, pieces
    return str(pieces[0])


def run(piece: str, **more: Any) -> dict[str, Any]:
    names = bound(**more)
    exec(piece, names)
    return names


@EVERY
def test_the_code_to_write_instead_runs(concept: Concept) -> None:
    import jax

    names, before = bound(), bool(jax.config.jax_enable_x64)
    try:
        for piece in CODE.findall(concept.instead):
            exec(compile(piece, concept.id, "exec"), names)
    finally:
        jax.config.update("jax_enable_x64", before)


# ---- the claims, executed on both frameworks ----


def test_a_jax_array_carries_nothing_of_a_tape() -> None:
    import jax.numpy as jnp

    x = jnp.ones(2)
    for name in ("is_leaf", "requires_grad", "grad_fn", "_version", "data", "grad", "register_hook", "storage"):
        assert not hasattr(x, name), name
    x.requires_grad = True  # accepted without effect, as the concept requires-grad says


def test_what_is_not_reached_is_none_or_zeros() -> None:
    import jax
    import torch

    x, unused = torch.tensor(3.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    (x * x).backward()
    assert unused.grad is None
    assert jax.grad(lambda x, unused: x * x, argnums=1)(3.0, 1.0) == 0.0
    with pytest.raises(RuntimeError, match=re.escape("element 0 of tensors does not require grad and does not have a")):
        torch.tensor(2.0).backward()
    assert jax.grad(lambda x: 2.0)(3.0) == 0.0


def test_retaining_late_leaves_none_and_takes_the_warning_away() -> None:
    import torch

    h = torch.ones(2, requires_grad=True) * 3
    h.sum().backward()
    with pytest.warns(UserWarning, match="not a leaf"):
        assert h.grad is None
    h.retain_grad()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert h.grad is None


def test_retaining_means_the_value_written_last() -> None:
    import jax
    import torch

    x = torch.tensor(2.0, requires_grad=True)
    h = x * 3
    h.retain_grad()
    h.mul_(10.0)
    (h * h).backward()

    def loss_fn(x: Any, h_probe: Any) -> Any:
        h = run(code("retain-grad", "h ="), h=x * 3 * 10.0, h_probe=h_probe)["h"]
        return h * h

    assert h.grad is not None
    assert h.grad.item() == jax.grad(loss_fn, argnums=1)(2.0, 0.0) == 120.0


def test_aliases_share_the_version_counter_except_data_and_clone() -> None:
    import torch

    x = torch.zeros(3)
    aliases = {"view": x[:1], "detach": x.detach(), "data": x.data, "clone": x.clone()}
    x.add_(1.0)
    assert {name: alias._version for name, alias in aliases.items()} == {"view": 1, "detach": 1, "data": 0, "clone": 0}


def fill_data(x: Any) -> None:
    x.data.fill_(10.0)


def fill_detached(x: Any) -> None:
    x.detach().fill_(10.0)


def fill_no_grad(x: Any) -> None:
    import torch

    with torch.no_grad():
        x.fill_(10.0)


WRITES = pytest.mark.parametrize(
    ("id", "write"), [("data-write", fill_data), ("detached-write", fill_detached), ("no-grad-write", fill_no_grad)]
)


@WRITES
def test_an_unrecorded_write_gives_the_new_value_and_the_old_derivative(id: str, write: Callable[[Any], None]) -> None:
    import jax
    import jax.numpy as jnp
    import torch

    a = torch.tensor([1.0, 2.0], requires_grad=True)
    x = a * 3
    write(x)
    (x * x).sum().backward()

    def loss_fn(a: Any) -> Any:
        x = run(code(id, "x = "), x=a * 3, new=jnp.full(2, 10.0))["x"]
        return jnp.sum(x * x)

    np.testing.assert_array_equal(a.grad, [60.0, 60.0])
    np.testing.assert_array_equal(jax.grad(loss_fn)(jnp.array([1.0, 2.0])), [60.0, 60.0])


@WRITES
def test_the_same_write_after_the_value_was_saved(id: str, write: Callable[[Any], None]) -> None:
    import jax
    import jax.numpy as jnp
    import torch

    a = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (a * a).sum()
    write(a)
    if id == "data-write":
        loss.backward()
        np.testing.assert_array_equal(a.grad, [20.0, 20.0])  # data-write-after-save: wrong, and silent
    else:
        with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
            loss.backward()

    def loss_fn(b: Any) -> Any:
        loss = jnp.sum(b * b)
        run(code("write-after-save"), b=b)
        return loss

    np.testing.assert_array_equal(jax.grad(loss_fn)(jnp.array([1.0, 2.0])), [2.0, 4.0])


def test_which_write_is_legal_depends_on_what_was_saved() -> None:
    import torch

    def harmful(op: Callable[[Any], Any], which: int) -> bool:
        pair = [torch.tensor([0.5, 2.0], requires_grad=True) * 1]
        pair.append(op(pair[0]))
        pair[which].add_(1.0)
        try:
            pair[1].sum().backward()
        except RuntimeError:
            return True
        return False

    operand, result = (True, False), (False, True)
    saved = {torch.sigmoid: result, torch.exp: result, torch.sin: operand, lambda x: x**2: operand}
    for op, expected in saved.items():
        assert (harmful(op, 0), harmful(op, 1)) == expected


def test_a_view_sees_a_write_and_is_taken_again_in_jax() -> None:
    import torch

    base = torch.tensor([1.0, 2.0, 3.0])
    v, other = base[:2], base[:2]
    v.copy_(torch.tensor([8.0, 9.0]))
    names = run(code("view-write", "base ="))
    exec(code("view-write", "v ="), names)
    np.testing.assert_array_equal(base, names["base"])
    np.testing.assert_array_equal(other, names["v"])


def test_a_hook_that_calls_itself_forward_has_the_right_second_derivative() -> None:
    import jax
    import torch

    x = torch.tensor(1.0, requires_grad=True)
    h = 2 * x
    h.register_hook(lambda g: 2 * g)
    (first,) = torch.autograd.grad(h**3, x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)

    hook = jax.custom_vjp(lambda h: h)
    run(code("tensor-hook", "hook.defvjp"), hook=hook)

    def cube(x: float) -> Any:
        return hook(2 * x) ** 3

    assert (first.item(), second.item()) == (48.0, 192.0)
    assert (jax.grad(cube)(1.0), jax.grad(jax.grad(cube))(1.0)) == (48.0, 192.0)


def test_the_first_hook_is_the_outermost_function() -> None:
    import jax
    import torch

    x = torch.tensor(1.0, requires_grad=True)
    x.register_hook(lambda g: g + 1)
    x.register_hook(lambda g: g * 10)
    (x * 2).backward()

    first, second = identity(lambda g: g + 1), identity(lambda g: g * 10)
    gradient = jax.grad(lambda h: run(code("hook-order"), h=h, first=first, second=second)["h"] * 2)(1.0)
    assert x.grad is not None
    assert x.grad.item() == gradient == 30.0


@pytest.mark.parametrize("retain_first", [True, False])
def test_a_retained_gradient_is_read_after_the_hooks(retain_first: bool) -> None:
    import jax
    import jax.numpy as jnp
    import torch

    a = torch.tensor([1.0, 2.0], requires_grad=True)
    h = 3 * a
    if retain_first:
        h.retain_grad()
    h.register_hook(lambda g: 2 * g)
    if not retain_first:
        h.retain_grad()
    (h * h).sum().backward()

    def loss_fn(a: Any, h_probe: Any) -> Any:
        h = run(code("hook-and-retain-grad"), h=3 * a, h_probe=h_probe)["h"]
        return jnp.sum(h * h)

    a_grad, h_grad = jax.grad(loss_fn, argnums=(0, 1))(jnp.array([1.0, 2.0]), jnp.zeros(2))
    for gradient, expected in ((a.grad, [36, 72]), (a_grad, [36, 72]), (h.grad, [12, 24]), (h_grad, [12, 24])):
        np.testing.assert_array_equal(gradient, expected)


def test_integers_are_64_and_32_bits_wide() -> None:
    import jax
    import jax.numpy as jnp
    import torch

    assert torch.tensor([2, 1]).dtype == torch.int64
    with jax.enable_x64(False):
        assert jnp.array([2, 1]).dtype == jnp.int32
        assert (jnp.array([2**31 - 1]) + 1)[0] == -(2**31)
    with jax.enable_x64(True):
        assert jnp.array([2, 1]).dtype == jnp.int64
